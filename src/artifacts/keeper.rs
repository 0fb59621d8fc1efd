//! The task behind the artifacts: sees to it that every wanted jar is in the cache, and tells what is
//! known of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::JarViews;
use super::cache::JarCache;
use super::failure::{Failure, Retry};
use super::fetch::Remote;
use super::options::ArtifactOptions;
use super::progress::Progress;
use super::resolve::{Resolved, Resolver};
use super::work::{Work, backoff, by_origin, view_without_work};
use crate::clock::{Clock, Entropy};
use crate::plan::jar::{JarRequest, JarView};
use crate::resources::{Digest, JarOrigin};
use crate::secrets::Secrets;

/// Telling what is known of very many jars costs; it may take one part in this many of the time.
const PUBLISHING_SHARE: u32 = 10;

/// What the task is told.
pub(super) enum Command {
    /// Look at the jar of this origin again.
    Refetch(JarOrigin),
    /// This jar is not in the cache any more.
    Lost(Digest),
}

/// How an attempt ended.
struct Ended {
    origin: JarOrigin,
    number: u64,
    result: Result<Resolved, Failure>,
    /// Of its secret's values, as they were before the attempt.
    secret_mark: Option<Digest>,
}

/// The attempts under way.
struct Attempts {
    resolver: Arc<Resolver>,
    tasks: JoinSet<Ended>,
    last_number: u64,
    /// They wait for other values of secrets, and say which jar is to be tried again.
    secrets: JoinSet<JarOrigin>,
}

impl Attempts {
    /// Begins an attempt at the jar of an origin.
    fn begin(&mut self, origin: &JarOrigin, work: &mut Work, since: Timestamp) {
        self.last_number += 1;
        let number = self.last_number;
        let progress = Arc::new(Progress::default());
        if let JarOrigin::Source {
            found: Some(jar), ..
        } = origin
        {
            progress.set_total(jar.size);
        }
        let attempt = {
            let (resolver, origin) = (Arc::clone(&self.resolver), origin.clone());
            let (classes, progress) = (work.classes.clone(), Arc::clone(&progress));
            async move {
                let secret_mark = resolver.secret_mark(&origin).await;
                let result = resolver.resolve(&origin, classes, progress).await;
                Ended {
                    origin,
                    number,
                    result,
                    secret_mark,
                }
            }
        };
        let abort = self.tasks.spawn(attempt);
        work.begin(number, since, progress, abort);
    }

    /// Begins to look at a remote jar again.
    fn begin_recheck(
        &mut self,
        origin: &JarOrigin,
        work: &mut Work,
        known: Resolved,
        since: Timestamp,
    ) {
        let Some(remote) = Remote::of(origin) else {
            return;
        };
        self.last_number += 1;
        let number = self.last_number;
        let progress = Arc::new(Progress::default());
        let attempt = {
            let (resolver, origin) = (Arc::clone(&self.resolver), origin.clone());
            let (classes, progress) = (work.classes.clone(), Arc::clone(&progress));
            async move {
                let result = resolver.look_again(&remote, known, classes, progress).await;
                Ended {
                    origin,
                    number,
                    result,
                    secret_mark: None,
                }
            }
        };
        let abort = self.tasks.spawn(attempt);
        work.begin(number, since, progress, abort);
        work.only_rechecks();
    }

    /// Waits until the secret of a jar that can't be had has other values than those with this mark.
    fn wait_for_secret(&mut self, origin: &JarOrigin, mark: Digest, work: &mut Work) {
        let (resolver, origin) = (Arc::clone(&self.resolver), origin.clone());
        let waiting = async move {
            resolver.secret_changed(&origin, mark).await;
            origin
        };
        work.wait_for_secret(self.secrets.spawn(waiting));
    }
}

/// The task.
pub(super) struct Keeper {
    options: ArtifactOptions,
    cache: Arc<JarCache>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    wanted: BTreeSet<JarRequest>,
    works: BTreeMap<JarOrigin, Work>,
    attempts: Attempts,
    next_retry: Option<Instant>,
    views: watch::Sender<JarViews>,
    /// When what is known is to be told, where it may have changed.
    publish_at: Option<Instant>,
    may_publish_at: Instant,
}

impl Keeper {
    pub(super) fn new(
        options: ArtifactOptions,
        cache: Arc<JarCache>,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        views: watch::Sender<JarViews>,
    ) -> Self {
        let resolver = Resolver::new(Arc::clone(&cache), &options, secrets);
        Self {
            options,
            cache,
            clock,
            entropy,
            wanted: BTreeSet::new(),
            works: BTreeMap::new(),
            attempts: Attempts {
                resolver: Arc::new(resolver),
                tasks: JoinSet::new(),
                last_number: 0,
                secrets: JoinSet::new(),
            },
            next_retry: None,
            views,
            publish_at: None,
            may_publish_at: Instant::now(),
        }
    }

    /// Works until nobody can want anything any more.
    pub(super) async fn run(
        mut self,
        mut requests: watch::Receiver<BTreeSet<JarRequest>>,
        mut commands: mpsc::Receiver<Command>,
    ) {
        loop {
            let now = Instant::now();
            if self.next_retry.is_some_and(|at| at <= now) {
                self.begin_due();
            }
            if self.publish_at.is_some_and(|at| at <= now) {
                self.publish();
            }
            let wake = self.next_wake(now);
            tokio::select! {
                changed = requests.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = requests.borrow_and_update().clone();
                    self.set_wanted(wanted);
                }
                Some(command) = commands.recv() => self.obey(command),
                Some(result) = self.attempts.tasks.join_next() => {
                    self.end(result);
                    while let Some(result) = self.attempts.tasks.try_join_next() {
                        self.end(result);
                    }
                }
                Some(changed) = self.attempts.secrets.join_next() => {
                    // One that was aborted waited for what nobody wants any more.
                    if let Ok(origin) = changed {
                        self.secret_changed(&origin);
                    }
                }
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {
                    self.note_progress();
                }
            }
        }
    }

    /// When something is to be done by itself.
    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let progress =
            (!self.attempts.tasks.is_empty()).then(|| now + self.options.progress_interval);
        let times = [self.next_retry, progress, self.publish_at];
        times.into_iter().flatten().min()
    }

    fn set_wanted(&mut self, wanted: BTreeSet<JarRequest>) {
        let origins = by_origin(&wanted);
        // Dropping work ends its attempt.
        self.works.retain(|origin, _| origins.contains_key(origin));
        for (origin, classes) in origins {
            self.works.entry(origin).or_default().classes = classes;
        }
        self.wanted = wanted;
        self.restarted();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Refetch(origin) => {
                if let Some(work) = self.works.get_mut(&origin) {
                    if origin.is_remote() && work.resolved().is_some() {
                        work.recheck(Instant::now());
                    } else {
                        work.restart();
                    }
                }
            }
            Command::Lost(digest) => {
                for work in self.works.values_mut() {
                    if work.resolved().is_some_and(|it| it.digest == digest) {
                        work.restart();
                    }
                }
            }
        }
        self.restarted();
    }

    /// Begins what is due after any of the work may have changed.
    fn restarted(&mut self) {
        let in_use = self.works.values().filter_map(Work::resolved);
        self.cache.set_wanted(in_use.map(|it| it.digest).collect());
        self.begin_due();
        self.note_change();
    }

    /// Begins every attempt that is due, and finds when the next one is.
    fn begin_due(&mut self) {
        let now = Instant::now();
        for (origin, work) in &mut self.works {
            if work.is_due(now) {
                self.attempts.begin(origin, work, self.clock.now());
            } else if let Some(known) = work.to_recheck(now).cloned() {
                let since = self.clock.now();
                self.attempts.begin_recheck(origin, work, known, since);
            }
        }
        self.next_retry = self.works.values().filter_map(next_of).min();
    }

    /// Notes how an attempt ended, and begins the next one for the same jar where one is due.
    fn end(&mut self, result: Result<Ended, JoinError>) {
        let ended = match result {
            Ok(ended) => ended,
            // It belonged to what nobody wants any more.
            Err(error) if error.is_cancelled() => return,
            Err(error) => match self.broken_off(&error) {
                Some(ended) => ended,
                None => return,
            },
        };
        let Some(work) = self.works.get_mut(&ended.origin) else {
            return;
        };
        let (options, clock, entropy) = (&self.options, &self.clock, &self.entropy);
        let retry_at = |retry: Retry, failures: u32| {
            let wait = backoff(options, retry, failures, entropy.next_u64())?;
            Some((after(clock.now(), wait), Instant::now() + wait))
        };
        if !work.end(ended.number, ended.result, retry_at) {
            return;
        }
        if let Some(resolved) = work.resolved() {
            self.cache.add_wanted(resolved.digest);
            if ended.origin.is_remote() {
                let wait = until_recheck(options, work.failed_rechecks(), entropy.next_u64());
                work.recheck(Instant::now() + wait);
            }
        }
        if let Some(mark) = ended.secret_mark.filter(|_| work.is_failed()) {
            self.attempts.wait_for_secret(&ended.origin, mark, work);
        }
        if work.is_due(Instant::now()) {
            self.attempts.begin(&ended.origin, work, self.clock.now());
        }
        let retry = [self.next_retry, next_of(work)];
        self.next_retry = retry.into_iter().flatten().min();
        self.note_change();
    }

    /// Tries a jar again whose secret has other values now.
    fn secret_changed(&mut self, origin: &JarOrigin) {
        if let Some(work) = self.works.get_mut(origin) {
            work.secret_changed((self.clock.now(), Instant::now()));
            self.begin_due();
            self.note_change();
        }
    }

    /// The end of an attempt whose task broke off.
    fn broken_off(&self, error: &JoinError) -> Option<Ended> {
        self.works.iter().find_map(|(origin, work)| {
            Some(Ended {
                number: work.number_of(error.id())?,
                origin: origin.clone(),
                result: Err(Failure::broken_off("the jar")),
                secret_mark: None,
            })
        })
    }

    fn note_change(&mut self) {
        self.publish_at = Some(self.may_publish_at);
    }

    /// Notes that downloads may have come further.
    fn note_progress(&mut self) {
        if self.works.values().any(Work::is_running) {
            self.publish_at.get_or_insert(self.may_publish_at);
        }
    }

    /// Tells what is known, where that changed.
    fn publish(&mut self) {
        let started = Instant::now();
        let now = self.clock.now();
        let known: BTreeMap<JarRequest, JarView> = self
            .wanted
            .iter()
            .map(|request| (request.clone(), self.view(request, now)))
            .collect();
        self.views.send_if_modified(|current| {
            let changed = **current != known;
            if changed {
                *current = Arc::new(known);
            }
            changed
        });
        self.publish_at = None;
        self.may_publish_at = Instant::now() + started.elapsed() * PUBLISHING_SHARE;
    }

    fn view(&self, request: &JarRequest, now: Timestamp) -> JarView {
        view_without_work(request).unwrap_or_else(|| match self.works.get(&request.origin) {
            Some(work) => work.view(request, now),
            None => JarView::Fetching {
                since: now,
                bytes: 0,
                total: None,
            },
        })
    }
}

/// When something is to be done about it by itself.
fn next_of(work: &Work) -> Option<Instant> {
    let times = [work.retry_at(), work.recheck_at()];
    times.into_iter().flatten().min()
}

/// How long until a remote jar is looked at again: longer while that fails, and spread over the upper
/// half of that.
fn until_recheck(options: &ArtifactOptions, failures: u32, random: u64) -> Duration {
    let most = options.recheck.saturating_mul(1 << failures.min(4));
    let thousandths = u32::try_from(random % 1000).unwrap_or(0);
    most / 2 + most / 2000 * thousandths
}

/// The time so much later.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}
