//! Work: what is known of one origin, and what is being done about it. Pure bookkeeping.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

use super::failure::{Failure, Retry};
use super::options::ArtifactOptions;
use super::progress::Progress;
use super::resolve::Resolved;
use crate::plan::jar::{JarFacts, JarProblem, JarRequest, JarView};
use crate::resources::JarOrigin;

/// One origin that somebody wants.
#[derive(Default)]
pub(super) struct Work {
    /// The main classes that are asked for.
    pub(super) classes: BTreeSet<Option<String>>,
    resolved: Option<Resolved>,
    failed: Option<Failed>,
    failures: u32,
    running: Option<Running>,
    /// When it is looked at again, although all is known.
    recheck_at: Option<Instant>,
    failed_rechecks: u32,
}

struct Failed {
    failure: Failure,
    retry: Option<(Timestamp, Instant)>,
    /// Waits for other values of the secret that was used.
    waits: Option<Waiting>,
}

/// A task that ends when nobody needs it any more.
struct Waiting(AbortHandle);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An attempt under way.
struct Running {
    number: u64,
    since: Timestamp,
    progress: Arc<Progress>,
    abort: AbortHandle,
    /// Whether it only looks whether there are other bytes.
    rechecks: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl Work {
    /// Whether an attempt has to begin now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        if let Some(running) = &self.running {
            // What is needed now doesn't wait for a second look.
            return running.rechecks && !self.is_complete();
        }
        match &self.failed {
            Some(failed) => failed.retry.is_some_and(|(_, at)| at <= now),
            None => !self.is_complete(),
        }
    }

    /// What is known, where it is to be looked at again now.
    pub(super) fn to_recheck(&self, now: Instant) -> Option<&Resolved> {
        let due = self.running.is_none() && self.recheck_at.is_some_and(|at| at <= now);
        self.resolved.as_ref().filter(|_| due)
    }

    /// When it is to be looked at again by itself.
    pub(super) fn recheck_at(&self) -> Option<Instant> {
        self.recheck_at.filter(|_| self.running.is_none())
    }

    /// Looks at it again at this time.
    pub(super) fn recheck(&mut self, at: Instant) {
        if self.resolved.is_some() {
            self.recheck_at = Some(at);
        }
    }

    /// How often in a row looking again failed.
    pub(super) fn failed_rechecks(&self) -> u32 {
        self.failed_rechecks
    }

    fn is_complete(&self) -> bool {
        let resolved = self.resolved.as_ref();
        resolved.is_some_and(|resolved| {
            let known = &resolved.classes;
            self.classes.iter().all(|class| known.contains_key(class))
        })
    }

    /// When the next attempt is to begin by itself.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        if self.running.is_some() {
            return None;
        }
        Some(self.failed.as_ref()?.retry?.1)
    }

    /// Whether an attempt is under way.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The number of the attempt under way, if that is the task with this id.
    pub(super) fn number_of(&self, task: Id) -> Option<u64> {
        let running = self.running.as_ref()?;
        (running.abort.id() == task).then_some(running.number)
    }

    /// The jar, when it is in the cache.
    pub(super) fn resolved(&self) -> Option<&Resolved> {
        self.resolved.as_ref()
    }

    /// Notes that an attempt has begun.
    pub(super) fn begin(
        &mut self,
        number: u64,
        since: Timestamp,
        progress: Arc<Progress>,
        abort: AbortHandle,
    ) {
        self.running = Some(Running {
            number,
            since,
            progress,
            abort,
            rechecks: false,
        });
    }

    /// The attempt that has begun only looks whether there are other bytes.
    pub(super) fn only_rechecks(&mut self) {
        if let Some(running) = &mut self.running {
            running.rechecks = true;
        }
    }

    /// Forgets what is known, so that the next attempt begins at once.
    pub(super) fn restart(&mut self) {
        let classes = std::mem::take(&mut self.classes);
        *self = Self {
            classes,
            ..Self::default()
        };
    }

    /// Notes how the attempt with this number ended, unless it is not the one under way.
    pub(super) fn end(
        &mut self,
        number: u64,
        result: Result<Resolved, Failure>,
        retry_at: impl FnOnce(Retry, u32) -> Option<(Timestamp, Instant)>,
    ) -> bool {
        let current = self.running.as_ref().map(|running| running.number);
        if current != Some(number) {
            return false;
        }
        let rechecked = self.running.take().is_some_and(|running| running.rechecks);
        match result {
            Err(failure) if rechecked => {
                self.failed_rechecks = self.failed_rechecks.saturating_add(1);
                tracing::info!(
                    "looking at a jar again failed, so it stays as it is: {}",
                    failure.message
                );
            }
            Ok(mut resolved) => {
                // An attempt for more classes doesn't forget those of the one before.
                if let Some(before) = self.resolved.take()
                    && before.digest == resolved.digest
                {
                    let mut classes = before.classes;
                    classes.append(&mut resolved.classes);
                    resolved.classes = classes;
                }
                self.resolved = Some(resolved);
                self.failed = None;
                self.failures = 0;
                self.failed_rechecks = 0;
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                let retry = retry_at(failure.retry, self.failures);
                self.failed = Some(Failed {
                    failure,
                    retry,
                    waits: None,
                });
            }
        }
        true
    }

    /// Whether the last attempt failed, and none is under way.
    pub(super) fn is_failed(&self) -> bool {
        self.failed.is_some() && self.running.is_none()
    }

    /// This task waits for other values of the secret that the last attempt used.
    pub(super) fn wait_for_secret(&mut self, task: AbortHandle) {
        match &mut self.failed {
            Some(failed) => failed.waits = Some(Waiting(task)),
            None => task.abort(),
        }
    }

    /// The secret has other values: it is tried again now, as if for the first time.
    pub(super) fn secret_changed(&mut self, now: (Timestamp, Instant)) {
        if let Some(failed) = &mut self.failed {
            failed.retry = Some(now);
            self.failures = 0;
        }
    }

    /// What is known for this main class.
    pub(super) fn view(&self, request: &JarRequest, now: Timestamp) -> JarView {
        if let Some(resolved) = &self.resolved
            && let Some(main_class) = resolved.classes.get(&request.main_class)
        {
            return JarView::Ready(JarFacts {
                digest: resolved.digest,
                size: resolved.size,
                main_class: main_class.clone(),
            });
        }
        let progress = self.running.as_ref().map(|running| running.progress.get());
        let (bytes, total) = progress.unwrap_or_default();
        // A failure stands until an attempt has come further than to begin.
        if let Some(failed) = &self.failed
            && bytes == 0
        {
            return JarView::Unavailable {
                problem: failed.failure.problem,
                message: failed.failure.message.clone(),
                retry_at: failed.retry.map(|(at, _)| at),
            };
        }
        JarView::Fetching {
            since: self.running.as_ref().map_or(now, |running| running.since),
            bytes,
            total,
        }
    }
}

/// What is known of a request that needs no work, if it is one.
pub(super) fn view_without_work(request: &JarRequest) -> Option<JarView> {
    let (problem, message) = match &request.origin {
        JarOrigin::Source { found: Some(_), .. }
        | JarOrigin::Remote { .. }
        | JarOrigin::Bucket { .. } => return None,
        JarOrigin::Member { .. } => return Some(JarView::OnMember),
        JarOrigin::Source { candidates, .. } => (
            JarProblem::NotFound,
            format!(
                "the source has no jar at {}; put it there, or correct `jarName`",
                candidates.join(" or ")
            ),
        ),
    };
    Some(JarView::Unavailable {
        problem,
        message,
        retry_at: None,
    })
}

/// How long to wait after so many failures: doubling, and somewhere in the upper half of that.
pub(super) fn backoff(
    options: &ArtifactOptions,
    retry: Retry,
    failures: u32,
    random: u64,
) -> Option<Duration> {
    let (first, most) = match retry {
        Retry::Soon => options.retry,
        Retry::Late => options.late_retry,
        Retry::Never => return None,
    };
    let doublings = failures.saturating_sub(1).min(30);
    let most = first.saturating_mul(1 << doublings).min(most);
    let half = most / 2;
    let thousandths = u32::try_from(random % 1000).unwrap_or(0);
    Some(half + half / 1000 * thousandths)
}

/// The requests by origin, with the main classes asked of each; without those that need no work.
pub(super) fn by_origin(
    requests: &BTreeSet<JarRequest>,
) -> BTreeMap<JarOrigin, BTreeSet<Option<String>>> {
    let mut origins: BTreeMap<JarOrigin, BTreeSet<Option<String>>> = BTreeMap::new();
    for request in requests {
        if view_without_work(request).is_none() {
            let classes = origins.entry(request.origin.clone()).or_default();
            classes.insert(request.main_class.clone());
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::validators::Validators;
    use crate::plan::jar::MainClass;
    use crate::resources::Digest;

    fn request(class: Option<&str>) -> JarRequest {
        JarRequest {
            origin: JarOrigin::Remote {
                url: "http://host/a.jar".into(),
                secret_name: None,
            },
            main_class: class.map(str::to_owned),
        }
    }

    fn work(classes: &[Option<&str>]) -> Work {
        Work {
            classes: classes.iter().map(|it| it.map(str::to_owned)).collect(),
            ..Work::default()
        }
    }

    fn resolved(bytes: &[u8], classes: &[Option<&str>]) -> Resolved {
        let class = |class: Option<&str>| (class.map(str::to_owned), MainClass::Unspecified);
        Resolved {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            classes: classes.iter().copied().map(class).collect(),
            validators: Validators::default(),
        }
    }

    fn failure(retry: Retry) -> Failure {
        Failure::new(JarProblem::FetchFailed, retry, "no".to_owned())
    }

    /// Begins an attempt that never ends by itself.
    fn begin(work: &mut Work, number: u64) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let abort = tokio::spawn(std::future::pending::<()>()).abort_handle();
        work.begin(number, Timestamp::UNIX_EPOCH, Arc::clone(&progress), abort);
        progress
    }

    #[expect(clippy::unnecessary_wraps, reason = "other ends have no retry")]
    fn in_a_minute(_: Retry, _: u32) -> Option<(Timestamp, Instant)> {
        Some((Timestamp::MAX, Instant::now() + Duration::from_mins(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_due_once_and_again_when_its_retry_comes() {
        let mut work = work(&[None]);
        assert!(work.is_due(Instant::now()));
        begin(&mut work, 1);
        assert!(!work.is_due(Instant::now()));
        assert!(!work.end(7, Err(failure(Retry::Soon)), in_a_minute));
        assert!(work.end(1, Err(failure(Retry::Soon)), in_a_minute));
        assert!(!work.is_due(Instant::now()));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(work.is_due(Instant::now()));
        begin(&mut work, 2);
        assert!(work.end(2, Ok(resolved(b"a", &[None])), in_a_minute));
        assert!(!work.is_due(Instant::now()));
        assert_eq!(work.retry_at(), None);
    }

    #[tokio::test]
    async fn another_class_is_work_that_keeps_what_is_known() {
        let now = Timestamp::UNIX_EPOCH;
        let mut work = work(&[None]);
        begin(&mut work, 1);
        work.end(1, Ok(resolved(b"a", &[None])), in_a_minute);
        let known = work.view(&request(None), now);
        work.classes.insert(Some("a.B".to_owned()));
        assert!(work.is_due(Instant::now()));
        begin(&mut work, 2);
        assert_eq!(work.view(&request(None), now), known);
        work.end(2, Ok(resolved(b"a", &[Some("a.B")])), in_a_minute);
        assert_eq!(work.view(&request(None), now), known);
        let other = work.view(&request(Some("a.B")), now);
        assert!(matches!(other, JarView::Ready(_)));
        // Other bytes are another jar, of which nothing older holds.
        begin(&mut work, 3);
        work.end(3, Ok(resolved(b"b", &[None])), in_a_minute);
        assert!(work.is_due(Instant::now()));
        let other = work.view(&request(Some("a.B")), now);
        assert!(matches!(other, JarView::Fetching { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn looking_again_changes_nothing_until_other_bytes_have_come() {
        let now = Timestamp::UNIX_EPOCH;
        let mut work = work(&[None]);
        begin(&mut work, 1);
        work.recheck(Instant::now());
        assert_eq!(work.to_recheck(Instant::now()), None, "nothing is known");
        work.end(1, Ok(resolved(b"a", &[None])), in_a_minute);
        let known = work.view(&request(None), now);
        let at = Instant::now() + Duration::from_hours(1);
        work.recheck(at);
        assert_eq!(
            (work.recheck_at(), work.to_recheck(Instant::now())),
            (Some(at), None)
        );
        assert!(work.to_recheck(at).is_some());

        begin(&mut work, 2);
        work.only_rechecks();
        assert_eq!((work.recheck_at(), work.to_recheck(at)), (None, None));
        work.end(2, Err(failure(Retry::Soon)), in_a_minute);
        assert_eq!(work.view(&request(None), now), known);
        assert_eq!((work.retry_at(), work.failed_rechecks()), (None, 1));

        // What is needed now doesn't wait for it.
        begin(&mut work, 3);
        work.only_rechecks();
        assert!(!work.is_due(at));
        work.classes.insert(Some("a.B".to_owned()));
        assert!(work.is_due(at));
        work.end(3, Ok(resolved(b"b", &[None, Some("a.B")])), in_a_minute);
        assert_ne!(work.view(&request(None), now), known);
        assert_eq!(work.failed_rechecks(), 0);
    }

    #[tokio::test]
    async fn a_failure_stands_until_bytes_come() {
        let now = Timestamp::UNIX_EPOCH;
        let mut work = work(&[None]);
        begin(&mut work, 1);
        work.end(1, Err(failure(Retry::Soon)), in_a_minute);
        let progress = begin(&mut work, 2);
        let view = work.view(&request(None), now);
        assert!(matches!(view, JarView::Unavailable { .. }));
        progress.add(1);
        let view = work.view(&request(None), now);
        assert!(matches!(view, JarView::Fetching { bytes: 1, .. }));
    }

    #[tokio::test]
    async fn dropping_work_ends_its_attempt() {
        let mut work = work(&[None]);
        let attempt = tokio::spawn(std::future::pending::<()>());
        let abort = attempt.abort_handle();
        work.begin(1, Timestamp::UNIX_EPOCH, Arc::default(), abort);
        drop(work);
        assert!(attempt.await.unwrap_err().is_cancelled());
    }

    #[test]
    fn waiting_doubles_up_to_a_limit_and_is_spread() {
        let mut options = ArtifactOptions::new("/unused".into());
        options.retry = (Duration::from_secs(1), Duration::from_mins(1));
        let seconds = |failures, random| {
            let wait = backoff(&options, Retry::Soon, failures, random);
            wait.unwrap().as_secs_f64()
        };
        for (failures, most) in [(1, 1.0), (2, 2.0), (6, 32.0), (7, 60.0), (u32::MAX, 60.0)] {
            let (least, middle, last) = (
                seconds(failures, 0),
                seconds(failures, 500),
                seconds(failures, 999),
            );
            assert!(least >= most / 2.0 && least < middle && middle < last && last <= most);
        }
        assert_eq!(backoff(&options, Retry::Never, 1, 0), None);
        let late = backoff(&options, Retry::Late, 1, 0).unwrap();
        assert!(late >= Duration::from_mins(2));
    }
}
