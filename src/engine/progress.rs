//! How far long steps are, for whoever asks meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::Progress;
use crate::plan::step::Step;
use crate::resources::ResourceId;

/// How often a line of the log tells how far a step is.
const LOG_EVERY: Duration = Duration::from_secs(5);
const MIB: i64 = 1024 * 1024;

/// How far the steps are that are under way. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ProgressBoard(Arc<Mutex<BTreeMap<ResourceId, String>>>);

impl ProgressBoard {
    /// What is under way, and how far, in words.
    pub fn all(&self) -> Vec<(ResourceId, String)> {
        let all = self.lock();
        all.iter()
            .map(|(id, words)| (id.clone(), words.clone()))
            .collect()
    }

    /// A reporter of one step. When it is dropped, nothing is told of the step any more.
    pub(super) fn of(&self, step: &Step) -> Reporter {
        Reporter {
            board: self.clone(),
            resource: step.resource.clone(),
            began: Instant::now(),
            logged: Mutex::new(Instant::now()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ResourceId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports how far one step is.
pub(super) struct Reporter {
    board: ProgressBoard,
    resource: ResourceId,
    began: Instant,
    logged: Mutex<Instant>,
}

impl Reporter {
    pub(super) fn tell(&self, progress: Progress) {
        let words = in_words(progress, self.began.elapsed());
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.elapsed() >= LOG_EVERY {
            *logged = Instant::now();
            tracing::info!("{}: {words}", self.resource);
        }
        self.board.lock().insert(self.resource.clone(), words);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.board.lock().remove(&self.resource);
    }
}

fn in_words(progress: Progress, took: Duration) -> String {
    let Progress {
        attempt,
        chunks,
        of_chunks,
        bytes,
        of_bytes,
    } = progress;
    let percent = (bytes * 100).checked_div(of_bytes).unwrap_or(100);
    let millis = i64::try_from(took.as_millis()).unwrap_or(i64::MAX).max(1);
    let rate = bytes.saturating_mul(1000) / millis / MIB;
    let again = if attempt > 1 {
        format!(" (try {attempt})")
    } else {
        String::new()
    };
    format!(
        "copying: {percent} %, {} of {} MiB, {chunks} of {of_chunks} chunks, {rate} MiB/s{again}",
        bytes / MIB,
        of_bytes / MIB
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_with_its_rate() {
        let progress = Progress {
            attempt: 2,
            chunks: 800,
            of_chunks: 1600,
            bytes: 100 * MIB,
            of_bytes: 200 * MIB,
        };
        assert_eq!(
            in_words(progress, Duration::from_secs(2)),
            "copying: 50 %, 100 of 200 MiB, 800 of 1600 chunks, 50 MiB/s (try 2)"
        );
        // An empty snapshot divides by nothing.
        assert!(in_words(Progress::default(), Duration::ZERO).starts_with("copying: 100 %"));
    }
}
