//! Times for people.

use jiff::{SignedDuration, Timestamp};

/// How long ago, in one unit: `45s`, `12m`, `3h`, `9d`.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    short(now.duration_since(then))
}

/// A duration in one unit; two of the smaller ones before the next begins, so that it says enough.
pub(super) fn short(duration: SignedDuration) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match duration.as_secs().max(0) {
        seconds if seconds < 2 * MINUTE => format!("{seconds}s"),
        seconds if seconds < 2 * HOUR => format!("{}m", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{}h", seconds / HOUR),
        seconds => format!("{}d", seconds / DAY),
    }
}

/// To the second, in UTC: `2026-11-24T23:40:46Z`.
pub(super) fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A duration as it is given on the command line: `90s`, `2h`, `1h30m`.
pub(super) fn parse(text: &str) -> Result<SignedDuration, String> {
    let error = || format!("`{text}` is no duration; write `90s`, `5m`, `2h` or `1h30m`");
    let duration: SignedDuration = text.parse().map_err(|_| error())?;
    if duration.is_negative() {
        return Err(error());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_says_most() {
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_199, "119m"),
            (7_200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
        ] {
            assert_eq!(short(SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn only_durations_are_durations() {
        assert_eq!(parse("1h30m").unwrap(), SignedDuration::from_mins(90));
        assert_eq!(parse("5m").unwrap(), SignedDuration::from_mins(5));
        for wrong in ["", "5", "five minutes", "-5m"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_told_to_the_second() {
        let time: Timestamp = "2026-11-24T23:40:46.789Z".parse().unwrap();
        assert_eq!(at(time), "2026-11-24T23:40:46Z");
    }
}
