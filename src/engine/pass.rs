//! One pass: look, plan, write down, start, show.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::anew::try_anew;
use super::desk::{Places, judge, unavailable};
use super::error::EngineError;
use super::flights::{Landed, Start};
use super::footing;
use super::ledger::{intend, settle};
use super::links::News;
use super::publish::Showing;
use super::request::Request;
use super::settings::Mode;
use super::task::Engine;
use crate::artifacts::{JarRequest, JarView, JarViews};
use crate::plan::observed::Observed;
use crate::plan::record::Recorded;
use crate::plan::step::Step;
use crate::plan::{self, Plan, PlanInput};
use crate::resources::JarOrigin;
use crate::store::Change;
use crate::telemetry;

/// The longest wait for a first look at jars that lie in a source.
const GLANCE: Duration = Duration::from_millis(20);

impl Engine {
    /// Makes a pass.
    ///
    /// Everything that it learns and intends is one commit, so it costs one fsync. Only when that is
    /// durable are steps started and is anything shown. A pass that changes nothing commits nothing.
    pub(super) async fn pass(&mut self) -> Result<(), EngineError> {
        let began = Instant::now();
        let now = self.clock.now();
        let mut change = Change::default();
        self.take_outcomes(now, &mut change).await; //                    reads what steps report
        self.take_requests(now, &mut change); //                          reads what was asked for
        self.load(now, &mut change); //                                   reads revisions
        end_pauses(&self.recorded, now, &mut change); //                  pure
        self.remember(&change); //                                        pure
        self.want().await; //                                             tells watches and jars
        let observed = self.observe().await; //                           reads the latest views
        self.tell_links(&observed); //                                   writes: log lines
        let plan = self.plan(&observed, now)?; //                         pure
        let steps = self.choose(&plan, &observed); //                     pure
        let wake = self.write_down(&plan, &steps, now, &mut change); //   pure
        self.commit(&change).await?; //                                   writes
        self.start(steps); //                                             writes: the effects
        self.tell_sources(&observed, now); //                             tells sources what is in force
        self.schedule(&plan, wake, now); //                               pure
        self.show(plan, &observed, now); //                               writes: readers wake
        self.meters.passed(began.elapsed());
        Ok(())
    }

    /// Writes down how steps ended, and has their clusters looked at.
    pub(super) async fn take_outcomes(&mut self, now: Timestamp, change: &mut Change) {
        let mut landed = self.flights.landed();
        let desired = self.manifests.desired();
        let hush = &self.executor.hush;
        hush.outcomes(&mut landed, desired, &self.recorded).await;
        for landed in landed {
            telemetry::step_ended(&landed.step, &landed.outcome);
            self.meters.step_ended(&landed.step, &landed.outcome);
            let Landed {
                step,
                outcome,
                lists,
            } = landed;
            settle(change, &self.recorded, &step, outcome, now, lists);
        }
    }

    fn take_requests(&mut self, now: Timestamp, change: &mut Change) {
        let shown = Arc::clone(&self.published.borrow());
        if shown.at.is_none() {
            // Nothing was shown yet that a request could be judged by; the next pass sees it.
            return;
        }
        for (request, to) in self.desk.received(&mut self.answers) {
            match request {
                Request::Reconcile => {
                    try_anew(&self.recorded, now, change);
                    let is_remote = |jar: &&JarRequest| jar.origin.is_remote();
                    let places = Places {
                        sources: self.manifests.sources().to_vec(),
                        watches: self.watches.all(),
                        jars: self.wanted_jars.iter().filter(is_remote).cloned().collect(),
                        artifacts: Arc::clone(&self.artifacts),
                    };
                    self.desk.look(to, places);
                }
                _ if self.settings.mode == Mode::Look => {
                    let refusal = unavailable("nothing is recorded while only looking");
                    self.answers.add(to, Err(refusal));
                }
                request => {
                    let answer = judge(request, &shown, &self.recorded, now, change);
                    self.answers.add(to, answer);
                }
            }
        }
    }

    /// Lets the rest of the pass see what it is going to record. Should the commit fail, the engine
    /// ends, so that nobody ever sees records that aren't durable.
    fn remember(&mut self, change: &Change) {
        let fresh = self.recorded.fresh;
        change.apply(&mut self.recorded);
        self.want_due |= !change.jobs.is_empty() || !change.snapshots.is_empty();
        self.recorded.fresh = fresh;
    }

    fn load(&mut self, now: Timestamp, change: &mut Change) {
        let before = Arc::clone(self.manifests.desired());
        let earlier = change.revisions.len();
        self.want_due |= self.manifests.load(&self.recorded, now, change);
        for entry in &change.revisions[earlier..] {
            let loaded = self.manifests.loaded(&entry.source);
            if let Some(revision) = loaded.filter(|_| entry.refused.is_none()) {
                let desired = (&*before, &**self.manifests.desired());
                self.changes
                    .seen(revision, entry, desired, (now, &self.meters));
            }
        }
    }

    async fn want(&mut self) {
        if !std::mem::take(&mut self.want_due) {
            return;
        }
        let desired = Arc::clone(self.manifests.desired());
        self.artifacts.pin(plan::kept_jars(&self.recorded));
        let jars = plan::wanted_jars(&desired);
        if jars != self.wanted_jars {
            let before = std::mem::replace(&mut self.wanted_jars, jars.clone());
            self.artifacts.want(jars);
            self.glance(&before).await;
        }
        let interests = plan::interest(&desired, &self.recorded, &self.settings.plan);
        self.watches
            .want(&desired, &self.recorded, interests, &self.bell);
    }

    /// Gives the first look at jars that lie in a source a moment: it mostly takes less time than to
    /// write down that it is being done, which would keep what waits for it from being begun.
    async fn glance(&mut self, before: &BTreeSet<JarRequest>) {
        let lies_in_source =
            |jar: &&JarRequest| matches!(jar.origin, JarOrigin::Source { found: Some(_), .. });
        let new = self.wanted_jars.difference(before).filter(lies_in_source);
        let new: Vec<_> = new.collect();
        if new.is_empty() {
            return;
        }
        let all_known = |views: &JarViews| new.iter().all(|jar| is_known(views.get(*jar)));
        // Whatever is not known by then is on its way, and wakes a pass of its own.
        drop(tokio::time::timeout(GLANCE, self.jar_views.wait_for(all_known)).await);
    }

    async fn observe(&self) -> Observed {
        let mut clusters = self.watches.views();
        let desired = self.manifests.desired();
        let hush = &self.executor.hush;
        hush.views(&mut clusters, desired, &self.recorded).await;
        Observed {
            clusters,
            jars: Arc::clone(&self.jar_views.borrow()),
        }
    }

    fn tell_links(&mut self, observed: &Observed) {
        for news in self.links.update(&observed.clusters) {
            match news {
                News::Reached(text) => telemetry::reached(&text),
                News::Away(text) => telemetry::away(&text),
            }
        }
    }

    fn plan(&mut self, observed: &Observed, now: Timestamp) -> Result<Plan, EngineError> {
        let input = PlanInput {
            desired: self.manifests.desired(),
            recorded: &self.recorded,
            observed,
            settings: &self.settings.plan,
            now,
        };
        let mut plan = self.planner.plan(&input);
        debug_assert_eq!(
            plan,
            plan::plan(&input),
            "what was kept is as if planned anew"
        );
        match plan.fatal.take() {
            Some(why) => Err(EngineError::Fatal(why)),
            None => Ok(plan),
        }
    }

    /// Tells sources from where they may go on, once that is durable.
    fn tell_sources(&self, observed: &Observed, now: Timestamp) {
        let input = PlanInput {
            desired: self.manifests.desired(),
            recorded: &self.recorded,
            observed,
            settings: &self.settings.plan,
            now,
        };
        footing::tell(self.manifests.sources(), &input);
    }

    fn choose(&mut self, plan: &Plan, observed: &Observed) -> Vec<Arc<Step>> {
        if self.settings.mode == Mode::Look {
            return Vec::new();
        }
        let per_cluster = self.settings.steps_per_cluster;
        let known = |step: &Step| observed.clusters.contains_key(&step.cluster);
        let planned = plan.steps.iter().filter(|step| known(step));
        let in_flight = &self.recorded.in_flight;
        self.flights.choose(planned, in_flight, per_cluster)
    }

    /// Adds what planning learnt and the intents of the steps; says when holds have to be told.
    fn write_down(
        &mut self,
        plan: &Plan,
        steps: &[Arc<Step>],
        now: Timestamp,
        change: &mut Change,
    ) -> Option<Timestamp> {
        change.jobs.extend(plan.jobs.clone());
        change.snapshots.extend(plan.snapshots.clone());
        let clusters = plan
            .clusters
            .iter()
            .map(|(name, record)| (name.clone(), Some(Arc::clone(record))));
        change.clusters.extend(clusters);
        let sources = plan.sources.iter();
        let sources = sources.map(|(name, record)| (name.clone(), Some(Arc::clone(record))));
        change.sources.extend(sources);
        change
            .confirmations
            .extend(plan.spent_confirmations.iter().map(|id| (id.clone(), None)));
        change
            .adoptions
            .extend(plan.spent_adoptions.iter().map(|id| (id.clone(), false)));
        change
            .events
            .extend(plan.events.iter().map(|event| (now, event.clone())));
        for step in steps {
            intend(change, &self.recorded, step, now);
        }
        let (told, wake) = self.notices.update(&plan.holds, now);
        change
            .events
            .extend(told.into_iter().map(|event| (now, event)));
        if self.settings.mode == Mode::Look {
            return wake;
        }
        let rules = &self.settings.notifications;
        let seen = (plan, &self.manifests);
        let later = self.telling.write(seen, &self.recorded, rules, now, change);
        wake.into_iter().chain(later).min()
    }

    /// Makes a change durable. Nothing may happen that follows from it before this returns.
    pub(super) async fn commit(&mut self, change: &Change) -> Result<(), EngineError> {
        if change.is_empty() || self.settings.mode == Mode::Look {
            return Ok(());
        }
        let began = Instant::now();
        let committed = self.store.commit(change).await;
        committed.map_err(EngineError::Commit)?;
        let took = began.elapsed();
        tracing::trace!(?took, "a change is durable");
        self.meters.committed(took);
        change.apply(&mut self.recorded);
        self.want_due |= !change.jobs.is_empty() || !change.snapshots.is_empty();
        if !change.told.is_empty() {
            self.telling.show(&self.recorded);
        }
        Ok(())
    }

    fn start(&mut self, steps: Vec<Arc<Step>>) {
        let starts = steps.into_iter().filter_map(|step| {
            let watch = self.watches.get(&step.cluster)?;
            telemetry::step_started(&step);
            Some(Start { step, watch })
        });
        let starts = starts.collect();
        self.flights.start(starts, &self.executor);
    }

    fn show(&mut self, plan: Plan, observed: &Observed, now: Timestamp) {
        let before = Arc::clone(&self.published.borrow());
        let recorded = match self.settings.mode {
            Mode::Keep => Cow::Borrowed(&self.recorded),
            Mode::Look => Cow::Owned(as_if_recorded(&self.recorded, &plan)),
        };
        let showing = Showing {
            before: &before,
            manifests: &self.manifests,
            configured: &self.settings.clusters,
            recorded: &recorded,
            observed,
            now,
            moving: self.again > 0 || self.flights.is_resting(),
            next_wake: self.next_wake,
        };
        let published = showing.publish(plan);
        let pass = published.pass;
        let shown_at = self.clock.now();
        let desired = self.manifests.desired();
        let jar_is_known = |name: &str| {
            let jar = plan::wanted_jar(desired, name);
            jar.is_none_or(|jar| is_known(observed.jars.get(&jar)))
        };
        self.changes
            .shown(&published.jobs, jar_is_known, shown_at, &self.meters);
        self.published.send_replace(Arc::new(published));
        let mut answers = std::mem::take(&mut self.answers);
        answers.give(pass);
        if before.at.is_none() {
            // Requests that came before anything was shown wait for a second pass.
            self.bell.ring();
        }
    }
}

/// Whether a jar was looked at, with whatever result.
fn is_known(view: Option<&JarView>) -> bool {
    !matches!(view, None | Some(JarView::Fetching { .. }))
}

/// Forgets pauses that are over.
fn end_pauses(recorded: &Recorded, now: Timestamp, change: &mut Change) {
    for (what, pause) in &recorded.pauses {
        if pause.until.is_some_and(|until| until <= now) {
            // A request of this pass may have paused it again, or ended it.
            if !change.pauses.contains_key(what) {
                change.unpause(what.clone(), "by itself: its time is over", now);
            }
        }
    }
}

/// The records as they would be if the plan's were made durable.
fn as_if_recorded(recorded: &Recorded, plan: &Plan) -> Recorded {
    let mut recorded = recorded.clone();
    let (jobs, snapshots) = (plan.jobs.clone(), plan.snapshots.clone());
    let change = Change {
        jobs,
        snapshots,
        ..Change::default()
    };
    change.apply(&mut recorded);
    recorded
}
