//! `state rebuild`: records made anew from what the sources say and what the clusters have.
//!
//! Nothing is submitted, cancelled or deleted. A job that carries our mark is bound to its resource
//! again; a resource without one is recorded as rebuilt, and held until a person confirms that it may
//! be submitted: it may have had a job once, and state. A snapshot that is there and signed for its
//! document is that document's, and the newest one that a job's own plan made of its state is kept for it as
//! it was; a document that would end or pause a job and whose snapshot is not there
//! is held as well: it may have done so long ago. Where a cluster remembers a commit that a source
//! doesn't go on from, nothing is rebuilt: what the source shows may be older than what was in force.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::context::Context;
use super::error::{CliError, Result};
use super::wiring::{self, Connector, Shown};
use crate::clock::Random;
use crate::cluster::{ClusterWatch, WatchOptions};
use crate::config::Config;
use crate::engine::{ClusterTarget, Clusters, Hush};
use crate::plan::hold::Reason;
use crate::plan::observed::{ClusterView, Observed};
use crate::plan::ownership::OwnershipEntry;
use crate::plan::record::{Confirmation, JobRecord, Recorded, SourceRecord};
use crate::plan::{self, Interest, Plan, PlanInput, trust};
use crate::resources::{Desired, Kind, LoadCache, LoadOptions, Severity, SourceName, load};
use crate::store::rebuild::move_aside;
use crate::store::{Change, SledStore};

/// How long all clusters together may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Each round learns something of the one before; a few always do.
const MOST_ROUNDS: usize = 16;

/// Rebuilds.
///
/// `force` takes what the sources show, whatever clusters remember of them.
pub(super) async fn rebuild(context: &Context, config: &Config, force: bool) -> Result<ExitCode> {
    let shown = wiring::show(context, config).await?;
    let mut desired = desired(config, &shown)?;
    let interests = plan::interest(&desired, &Recorded::default(), &settings(config)?);
    let mut views = look(context, config, &desired, interests).await?;
    // What members say of jobs is recorded, and may repeat secrets.
    let hush = Hush::new(Arc::new(wiring::secrets(config)));
    hush.views(&mut views, &desired, &Recorded::default()).await;
    let observed = Observed {
        clusters: views,
        ..Observed::default()
    };
    if ask(context, config, (&shown, &desired), &observed).await? {
        desired = self::desired(config, &shown)?;
    }
    let change = records(context, config, (&desired, &observed), force)?;
    let words = words(&change);
    let mut records = change.jobs.values().flatten();
    let takes_over = records.any(|record| record.entry.is_some());
    let state = config.state()?.to_owned();
    if wiring::has_state(&state) {
        let now = context.clock.now();
        let (place, moved) = (state.clone(), move || move_aside(&state, now));
        let aside = tokio::task::spawn_blocking(moved).await;
        let aside = aside.map_err(CliError::failed)??;
        let (place, aside) = (place.display(), aside.display());
        context
            .output
            .note(&format!("what was in {place} is in {aside} now"));
    }
    let entropy = Random::from_os();
    let made = SledStore::create_rebuilt(config.state()?, change, &*context.clock, &entropy);
    drop(made.await?);
    context.output.text(&words)?;
    if takes_over {
        context.output.note(&format!(
            "the next run with this state takes these jobs over: any other jetkeeper with the owner {} tells \
             Conflict from then on and does nothing more with them",
            config.owner()?
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the sources ask for. A document that can't be read may be a job that would be forgotten.
fn desired(config: &Config, shown: &Shown) -> Result<Desired> {
    let revisions = shown.revisions();
    let options = LoadOptions {
        clusters: config.clusters.keys().cloned().collect(),
        check_references: true,
    };
    let desired = load(&revisions, &options, &mut LoadCache::default());
    let mut errors = desired.faults.iter();
    if errors.any(|fault| fault.severity == Severity::Error) {
        return Err(
            CliError::failed("the documents have errors, so nothing was rebuilt")
                .hint("`jetkeeper validate PATH` shows them"),
        );
    }
    Ok(desired)
}

/// Looks at every cluster that has jobs to be found; all of them have to answer.
async fn look(
    context: &Context,
    config: &Config,
    desired: &Desired,
    interests: BTreeMap<String, Interest>,
) -> Result<BTreeMap<String, Arc<ClusterView>>> {
    let connector = Connector::new(Arc::clone(&context.clock), config);
    let configured = wiring::targets(config);
    let mut views = BTreeMap::new();
    for (name, interest) in interests {
        let Some(target) = target(&name, desired, &configured) else {
            return Err(CliError::failed(format!("no address of {name} is known"))
                .hint(format!("--cluster {name}=CLUSTERNAME@HOST:PORT gives one")));
        };
        let cluster = connector.connect(&target);
        let options = WatchOptions::new(&*name);
        let watch = ClusterWatch::start(cluster, Arc::clone(&context.clock), options);
        let seen =
            tokio::time::timeout(PATIENCE, all_seen(&watch, interest, config.owner()?)).await;
        let Ok(view) = seen else {
            let addresses = target.addresses.join(", ");
            return Err(CliError::failed(format!(
                "{name} at {addresses} did not tell its jobs within {} s, so nothing was rebuilt",
                PATIENCE.as_secs()
            )));
        };
        let view = view?;
        watch.stop().await;
        views.insert(name, view);
    }
    Ok(views)
}

fn target(
    name: &str,
    desired: &Desired,
    configured: &BTreeMap<String, ClusterTarget>,
) -> Option<ClusterTarget> {
    let configured = configured.get(name);
    let Some(declared) = desired.hazelcasts.get(name) else {
        return configured.cloned();
    };
    let target = ClusterTarget::declared(&declared.spec, configured);
    (!target.addresses.is_empty()).then_some(target)
}

/// The same with an answer about every snapshot that jobs of this owner made of their state.
async fn all_seen(
    watch: &ClusterWatch,
    mut interest: Interest,
    owner: &str,
) -> Result<Arc<ClusterView>> {
    watch.want(interest.clone());
    seen(watch, &interest).await?;
    let listed = watch.cluster().snapshots().list().await;
    let listed = listed.map_err(CliError::failed)?.into_iter();
    let made = listed.filter(|snapshot| {
        let mark = snapshot.mark.as_ref();
        mark.is_some_and(|mark| mark.owner == owner && mark.resource.kind == Kind::JetJob)
    });
    interest
        .snapshots
        .extend(made.map(|snapshot| snapshot.name));
    watch.want(interest.clone());
    seen(watch, &interest).await
}

/// A view that has the list, the ownership map, the configuration of every job of our names, and an
/// answer about every snapshot.
async fn seen(watch: &ClusterWatch, interest: &Interest) -> Result<Arc<ClusterView>> {
    let mut views = watch.views();
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        let told = view.jobs.known().is_some_and(|jobs| {
            let mut ours = jobs.values();
            ours.all(|job| !interest.names.contains(&job.name) || job.config.is_some())
        });
        let mut snapshots = interest.snapshots.iter();
        let looked_for = snapshots.all(|name| view.snapshots.contains_key(name));
        let anchored = !interest.anchors || view.anchors.known().is_some();
        if told && looked_for && anchored && view.ownership.known().is_some() {
            return Ok(view);
        }
        views.changed().await.map_err(CliError::failed)?;
    }
}

fn settings(config: &Config) -> Result<plan::Settings> {
    Ok(plan::Settings {
        owner: config.owner()?.to_owned(),
        rebuilding: true,
        ..plan::Settings::default()
    })
}

/// Asks sources whether they go on from what clusters remember; tells whether any was asked.
async fn ask(
    context: &Context,
    config: &Config,
    (shown, desired): (&Shown, &Desired),
    observed: &Observed,
) -> Result<bool> {
    let (settings, recorded) = (settings(config)?, Recorded::default());
    let input = PlanInput {
        desired,
        recorded: &recorded,
        observed,
        settings: &settings,
        now: context.clock.now(),
    };
    let mut asked = false;
    for source in &shown.sources {
        let footing = trust::footing(source.name(), &input);
        asked |= !footing.asked.is_empty();
        source.stand_on(footing);
        let stood = tokio::time::timeout(PATIENCE, source.stood()).await;
        stood.map_err(CliError::failed)?;
    }
    Ok(asked)
}

/// The records of sources that have a history: what they show is in force.
fn sources(desired: &Desired, now: Timestamp) -> BTreeMap<SourceName, Arc<SourceRecord>> {
    let sources = desired.sources.iter();
    let with_history = sources.filter_map(|(name, view)| {
        let record = SourceRecord {
            anchor: Some(view.lineage.as_ref()?.anchor()),
            ..SourceRecord::new(String::new(), now)
        };
        Some((name.clone(), Arc::new(record)))
    });
    with_history.collect()
}

/// Plans until there is nothing more to learn, and takes the records.
fn records(
    context: &Context,
    config: &Config,
    (desired, observed): (&Desired, &Observed),
    force: bool,
) -> Result<Change> {
    let settings = settings(config)?;
    let now = context.clock.now();
    let mut recorded = Recorded {
        sources: sources(desired, now),
        ..Recorded::default()
    };
    let mut all = Change::default();
    for _ in 0..MOST_ROUNDS {
        let plan = plan::plan(&PlanInput {
            desired,
            recorded: &recorded,
            observed,
            settings: &settings,
            now,
        });
        if let Some(why) = plan.fatal {
            return Err(CliError::failed(why));
        }
        let mut holds = plan.holds.iter();
        let rewritten = holds.find(|hold| hold.reason == Reason::HistoryRewritten);
        let let_in = rewritten.map(|hold| (hold.id.clone(), Some(confirmation(now))));
        if let Some(hold) = rewritten.filter(|_| !force) {
            return Err(CliError::failed(hold.message.clone())
                .hint("put the repository right; --force takes what it shows now"));
        }
        let mut change = learnt(plan, now);
        change.confirmations.extend(let_in);
        let nothing_new = change.jobs.is_empty()
            && change.snapshots.is_empty()
            && change.clusters.is_empty()
            && change.sources.is_empty()
            && change.confirmations.is_empty();
        if nothing_new {
            break;
        }
        change.apply(&mut recorded);
        all.events.extend(change.events);
    }
    all.clusters = recorded
        .clusters
        .into_iter()
        .map(|(k, v)| (k, Some(v)))
        .collect();
    let sources = recorded.sources.into_iter();
    all.sources = sources.map(|(k, v)| (k, Some(v))).collect();
    for (name, mut record) in recorded.jobs {
        if record.job.is_none() {
            let record = Arc::make_mut(&mut record);
            record.rebuilt = true;
            record.entry = found_entry(&name, record, (desired, observed), &settings.owner);
        }
        all.jobs.insert(name, Some(record));
    }
    let snapshots = recorded.snapshots.into_iter();
    all.snapshots = snapshots
        .map(|(name, record)| (name, Some(Arc::new(record.made_anew()))))
        .collect();
    Ok(all)
}

/// The entry of a job that is not found any more, as it is there: whoever knows it may write it anew. Not that of
/// another resource that is declared.
fn found_entry(
    name: &str,
    record: &JobRecord,
    (desired, observed): (&Desired, &Observed),
    owner: &str,
) -> Option<OwnershipEntry> {
    let view = observed
        .clusters
        .get(&record.spec.hazelcast_resource_name)?;
    let entry = view.ownership.known()?.get(record.spec.job_name(name))?;
    let of_another = entry.resource.name != name && desired.jobs.contains_key(&entry.resource.name);
    (entry.owner == owner && !of_another).then(|| entry.clone())
}

fn confirmation(at: Timestamp) -> Confirmation {
    Confirmation {
        at,
        discard_state: false,
    }
}

fn learnt(plan: Plan, now: Timestamp) -> Change {
    let sources = plan.sources.into_iter();
    let clusters = plan.clusters.into_iter();
    let events = plan.events.into_iter();
    Change {
        jobs: plan.jobs,
        snapshots: plan.snapshots,
        sources: sources.map(|(name, record)| (name, Some(record))).collect(),
        clusters: clusters
            .map(|(name, record)| (name, Some(record)))
            .collect(),
        events: events.map(|event| (now, event)).collect(),
        ..Change::default()
    }
}

/// What was found and what wasn't, a line each.
fn words(change: &Change) -> String {
    let records = change.jobs.iter();
    let lines = records.filter_map(|(name, record)| {
        let record = record.as_ref()?;
        let kept = record.kept.as_ref();
        let kept = kept.map(|kept| format!("; its state of before is in snapshot {}", kept.name));
        let kept = kept.unwrap_or_default();
        Some(match &record.job {
            Some(job) => format!("JetJob/{name}: found as job {}{kept}\n", job.id),
            None => format!("JetJob/{name}: no job of it; held until it is confirmed{kept}\n"),
        })
    });
    let snapshots = change.snapshots.iter();
    let snapshots = snapshots.filter_map(|(name, record)| {
        let record = record.as_ref()?;
        Some(match &record.exported {
            Some(exported) => format!(
                "JetJobSnapshot/{name}: found, of job {}\n",
                exported.facts.job
            ),
            None if record.rebuilt => {
                format!("JetJobSnapshot/{name}: no snapshot of it; held until it is confirmed\n")
            }
            None => format!("JetJobSnapshot/{name}: no snapshot of it; it will be exported\n"),
        })
    });
    lines.chain(snapshots).collect()
}
