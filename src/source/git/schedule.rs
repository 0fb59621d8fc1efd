//! When a remote is asked again. Pure.

use std::time::Duration;

/// How long to wait after the first failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// How long at most.
const MOST_BACKOFF: Duration = Duration::from_mins(5);
/// How long at least where the remote said that it is asked too often.
const LEAST_THROTTLED: Duration = Duration::from_mins(1);

/// How soon a remote is asked again that has something new, as somebody says.
const SOONEST: Duration = Duration::from_secs(1);

/// How the last question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Well.
    Answered,
    /// Not, so often in a row.
    Failed(u32),
    /// The remote asks to be asked less, so often in a row.
    Throttled(u32),
}

/// How long until the next question: never two machines at the same times, and longer while it fails.
pub(super) fn pause(interval: Duration, last: Last, random: u64) -> Duration {
    match last {
        // A tenth more or less.
        Last::Answered => spread(interval.mul_f64(0.9), interval.mul_f64(0.2), random),
        Last::Failed(times) => backoff(FIRST_BACKOFF, interval, times, random),
        Last::Throttled(times) => {
            backoff(LEAST_THROTTLED, interval, times, random).max(LEAST_THROTTLED)
        }
    }
}

/// How long after the begin of the last question the next one may begin where somebody says that there is
/// something new: whoever says so over and over again has the remote asked no faster than it can stand.
pub(super) fn soonest(pause: Duration, last: Last) -> Duration {
    match last {
        Last::Answered => SOONEST.min(pause),
        Last::Failed(_) => FIRST_BACKOFF.min(pause),
        Last::Throttled(_) => pause,
    }
}

/// Doubling, and somewhere in the upper half of that; never sooner than half of what is usual.
fn backoff(first: Duration, interval: Duration, times: u32, random: u64) -> Duration {
    let doublings = times.saturating_sub(1).min(16);
    let first = first.max(interval.min(MOST_BACKOFF));
    let most = first.saturating_mul(1 << doublings).min(MOST_BACKOFF);
    spread(most / 2, most / 2, random)
}

fn spread(least: Duration, width: Duration, random: u64) -> Duration {
    let thousandths = u32::try_from(random % 1000).unwrap_or(0);
    least + width / 1000 * thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn polls_are_spread_around_the_interval() {
        let at = |random| pause(10 * SECOND, Last::Answered, random);
        assert_eq!(at(0), 9 * SECOND);
        assert!(at(999) < 11 * SECOND && at(999) > 10 * SECOND);
    }

    #[test]
    fn a_word_that_there_is_something_new_is_no_way_around_the_pauses_of_a_remote() {
        let minute = 60 * SECOND;
        assert_eq!(soonest(minute, Last::Answered), SOONEST);
        assert_eq!(soonest(minute, Last::Failed(9)), FIRST_BACKOFF);
        assert_eq!(soonest(minute, Last::Throttled(1)), minute);
    }

    #[test]
    fn failures_put_the_next_question_off_within_bounds() {
        let at = |times| pause(SECOND, Last::Failed(times), 0);
        assert_eq!(at(1), FIRST_BACKOFF / 2);
        assert_eq!(at(3), FIRST_BACKOFF * 2);
        assert_eq!(at(1_000), MOST_BACKOFF / 2);
        assert!(pause(SECOND, Last::Failed(1_000), 999) <= MOST_BACKOFF);
    }

    #[test]
    fn a_remote_that_is_asked_too_often_gets_a_minute_at_least() {
        for random in [0, 999] {
            assert!(pause(SECOND, Last::Throttled(1), random) >= LEAST_THROTTLED);
        }
    }
}
