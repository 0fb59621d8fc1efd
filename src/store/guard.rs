//! Keeps sled's panics and endless loops out of the program.
//!
//! sled 0.34 panics on some damaged files, and nobody proved that it always ends on others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::StoreError;

/// How long opening and reading everything may take. 10 000 records take well under a second.
const DEADLINE: Duration = Duration::from_mins(2);

/// Does something to the database in `path` on a thread of its own. A panic, and no end within two
/// minutes, are damage; a thread that doesn't end is left behind.
pub(super) fn guarded<T: Send + 'static>(
    path: String,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    within(DEADLINE, path, work)
}

fn within<T: Send + 'static>(
    deadline: Duration,
    path: String,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (done, result) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new()
        .name("state".to_owned())
        .spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| in_words(&*panic));
            // Nobody listens any more once the deadline has passed.
            drop(done.send(outcome));
        });
    if let Err(source) = spawned {
        let what = "start a thread for";
        return Err(StoreError::Io { what, path, source });
    }
    match result.recv_timeout(deadline) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(StoreError::Damaged {
            path,
            message: format!("the database gave up: {panic}"),
        }),
        Err(_) => Err(StoreError::Damaged {
            path,
            message: format!("the database did not open within {deadline:?}"),
        }),
    }
}

fn in_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given")
        .chars()
        .take(500)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage() {
        let path = "/state".to_owned();
        let error = guarded(path, || -> Result<(), _> { panic!("page {} is bad", 7) });
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("the database gave up: page 7 is bad"),
            "{text}"
        );
    }

    #[test]
    fn no_end_is_damage() {
        let (_hold, held) = mpsc::channel::<()>();
        let wait = move || {
            held.recv().unwrap_or_default();
            Ok(())
        };
        let error = within(Duration::from_millis(20), "/state".to_owned(), wait).unwrap_err();
        assert!(
            error.to_string().contains("did not open within 20ms"),
            "{error}"
        );
    }

    #[test]
    fn what_ends_well_is_handed_on() {
        assert_eq!(guarded(String::new(), || Ok(3)).unwrap(), 3);
    }
}
