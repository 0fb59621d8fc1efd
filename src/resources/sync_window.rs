//! When what a source asks for may be begun: times that come again by a cron expression. Pure.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How long a window may last.
pub const WINDOW_DURATION: (SignedDuration, SignedDuration) = (
    SignedDuration::from_mins(1),
    SignedDuration::from_hours(366 * 24),
);

/// How far ahead it is looked for a time at which something may begin.
const HORIZON: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How many begins and ends of windows are looked at for that.
const MOST_TURNS: usize = 1_000;

/// What a window does while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncWindowKind {
    /// Things may begin; outside of all of this kind they may not.
    Allow,
    /// Nothing may begin, whatever else allows it.
    Deny,
}

/// A time that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncWindow {
    kind: SyncWindowKind,
    schedule: String,
    cron: Cron,
    duration: SignedDuration,
    zone: TimeZone,
    zone_name: String,
}

/// Why this is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncWindowError {
    /// The cron expression can't be read.
    #[error("`{schedule}` is no cron expression: {why}")]
    Schedule {
        /// As it was written.
        schedule: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is one that never comes.
    #[error("`{0}` never comes")]
    Never(String),
    /// The duration is outside of its bounds.
    #[error("a window can't last that long, or that short")]
    Duration,
    /// The time zone isn't known.
    #[error("`{0}` is no time zone")]
    Zone(String),
}

impl SyncWindow {
    /// A window that opens whenever the clocks of a time zone show what a cron expression of five fields
    /// says, and lasts as long as this, by the time that passes.
    pub fn new(
        kind: SyncWindowKind,
        schedule: &str,
        duration: SignedDuration,
        zone: &str,
    ) -> Result<Self, SyncWindowError> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed);
        let cron = parser.build().parse(schedule);
        let cron = cron.map_err(|error| SyncWindowError::Schedule {
            schedule: schedule.to_owned(),
            why: error.to_string(),
        })?;
        let (least, most) = WINDOW_DURATION;
        if !(least..=most).contains(&duration) {
            return Err(SyncWindowError::Duration);
        }
        let known = TimeZone::get(zone);
        let window = Self {
            kind,
            schedule: schedule.to_owned(),
            cron,
            duration,
            zone: known.map_err(|_| SyncWindowError::Zone(zone.to_owned()))?,
            zone_name: zone.to_owned(),
        };
        match window.opens_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(window),
            None => Err(SyncWindowError::Never(schedule.to_owned())),
        }
    }

    /// What it does.
    pub fn kind(&self) -> SyncWindowKind {
        self.kind
    }

    /// When it opens, as it was written.
    pub fn schedule(&self) -> &str {
        &self.schedule
    }

    /// How long it lasts.
    pub fn duration(&self) -> SignedDuration {
        self.duration
    }

    /// Whose clocks are meant.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// When it closes, where it is open.
    fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        let local = now.to_zoned(self.zone.clone());
        let opened = self.cron.find_previous_occurrence(&local, true).ok()?;
        let closes = opened.timestamp().checked_add(self.duration).ok()?;
        (closes > now).then_some(closes)
    }

    /// When it opens next.
    fn opens_after(&self, now: Timestamp) -> Option<Timestamp> {
        let local = now.to_zoned(self.zone.clone());
        let opens = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(opens.timestamp()).filter(|opens| *opens > now)
    }
}

/// Shown where it keeps something from being begun.
impl fmt::Display for SyncWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            schedule,
            duration,
            zone_name,
            ..
        } = self;
        write!(f, "{kind:?} `{schedule}` {zone_name} for {duration:#}")
    }
}

/// The windows of a source. Where there are none, things may begin at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncWindows(pub Vec<SyncWindow>);

/// Why nothing may begin now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed<'a> {
    /// When something may, as far as can be seen ahead.
    pub opens: Option<Timestamp>,
    /// The window that forbids it; none where none of those that allow it is open.
    pub denied_by: Option<&'a SyncWindow>,
}

impl SyncWindows {
    /// Why nothing may begin at this time; none where it may.
    pub fn closed(&self, now: Timestamp) -> Option<Closed<'_>> {
        let first = self.forbidden(now)?;
        let denied_by = match first {
            Forbidden::By(window, _) => Some(window),
            Forbidden::Outside => None,
        };
        let opens = self.opens(now);
        Some(Closed { opens, denied_by })
    }

    fn of(&self, kind: SyncWindowKind) -> impl Iterator<Item = &SyncWindow> {
        self.0.iter().filter(move |window| window.kind == kind)
    }

    fn forbidden(&self, at: Timestamp) -> Option<Forbidden<'_>> {
        let denied = self.of(SyncWindowKind::Deny);
        let denied = denied.filter_map(|window| Some((window, window.closes(at)?)));
        if let Some((window, until)) = denied.max_by_key(|(_, until)| *until) {
            return Some(Forbidden::By(window, until));
        }
        let mut allowing = self.of(SyncWindowKind::Allow).peekable();
        let outside = allowing.peek().is_some() && !allowing.any(|it| it.closes(at).is_some());
        outside.then_some(Forbidden::Outside)
    }

    /// The first time at which nothing forbids it: from turn to turn, each of which lies ahead.
    fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        let horizon = now.checked_add(HORIZON).ok()?;
        let mut at = now;
        for _ in 0..MOST_TURNS {
            at = match self.forbidden(at) {
                None => return Some(at),
                Some(Forbidden::By(_, until)) => until,
                Some(Forbidden::Outside) => {
                    let allowing = self.of(SyncWindowKind::Allow);
                    allowing.filter_map(|it| it.opens_after(at)).min()?
                }
            };
            if at > horizon {
                return None;
            }
        }
        None
    }
}

/// Why nothing may begin.
enum Forbidden<'a> {
    /// A window forbids it until then.
    By(&'a SyncWindow, Timestamp),
    /// None of those that allow it is open.
    Outside,
}

#[cfg(test)]
mod tests {
    use super::SyncWindowKind::{Allow, Deny};
    use super::*;

    const ZONE: &str = "Europe/Vienna";

    fn hours(hours: i64) -> SignedDuration {
        SignedDuration::from_hours(hours)
    }

    fn windows(windows: &[(SyncWindowKind, &str, SignedDuration)]) -> SyncWindows {
        let windows = windows.iter().map(|(kind, schedule, duration)| {
            SyncWindow::new(*kind, schedule, *duration, ZONE).unwrap()
        });
        SyncWindows(windows.collect())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// When something may begin, asked at this time: at once where it may.
    fn opens(windows: &SyncWindows, now: &str) -> String {
        let closed = windows.closed(at(now));
        match closed.map(|closed| closed.opens) {
            None => "open".to_owned(),
            Some(None) => "never".to_owned(),
            Some(Some(opens)) => opens.to_string(),
        }
    }

    #[test]
    fn without_windows_anything_may_begin() {
        assert_eq!(opens(&windows(&[]), "2026-06-01T00:00:00Z"), "open");
    }

    #[test]
    fn things_begin_within_what_is_allowed_only() {
        // 22:00 in Vienna is 20:00 UTC in summer.
        let nightly = windows(&[(Allow, "0 22 * * MON-FRI", hours(4))]);
        for (now, expected) in [
            ("2026-06-01T19:59:59.999Z", "2026-06-01T20:00:00Z"),
            ("2026-06-01T20:00:00Z", "open"),
            ("2026-06-01T20:00:00.5Z", "open"),
            ("2026-06-01T23:59:59Z", "open"),
            ("2026-06-02T00:00:00Z", "2026-06-02T20:00:00Z"),
            // Friday night's lasts into Saturday; the next is Monday's.
            ("2026-06-06T01:00:00Z", "2026-06-08T20:00:00Z"),
        ] {
            assert_eq!(opens(&nightly, now), expected, "{now}");
        }
    }

    #[test]
    fn what_is_denied_is_denied_whatever_allows_it() {
        let windows = windows(&[
            (Allow, "0 22 * * *", hours(4)),
            (Deny, "0 0 24 12 *", hours(10 * 24)),
        ]);
        assert_eq!(opens(&windows, "2026-12-23T22:00:00Z"), "open");
        // The freeze ends at 00:00 in Vienna, within the night's window.
        assert_eq!(
            opens(&windows, "2026-12-23T23:00:00Z"),
            "2027-01-02T23:00:00Z"
        );
        assert_eq!(
            opens(&windows, "2027-01-02T12:00:00Z"),
            "2027-01-02T23:00:00Z"
        );
        let denied = windows.closed(at("2026-12-24T12:00:00Z")).unwrap();
        assert_eq!(
            denied.denied_by.unwrap().to_string(),
            "Deny `0 0 24 12 *` Europe/Vienna for 240h"
        );
        assert!(
            windows
                .closed(at("2026-12-01T12:00:00Z"))
                .unwrap()
                .denied_by
                .is_none()
        );
    }

    #[test]
    fn windows_that_follow_each_other_without_a_gap_are_one() {
        let around = windows(&[
            (Deny, "0 0 * * *", hours(12)),
            (Deny, "0 12 * * *", hours(11)),
        ]);
        assert_eq!(
            opens(&around, "2026-06-01T00:00:00Z"),
            "2026-06-01T21:00:00Z"
        );
        let always = windows(&[(Deny, "0 * * * *", hours(1))]);
        assert_eq!(opens(&always, "2026-06-01T00:00:00Z"), "never");
    }

    /// In Vienna 02:00 to 03:00 is left out on 2026-03-29, and comes twice on 2026-10-25.
    #[test]
    fn a_window_is_neither_left_out_nor_opened_twice_when_the_clocks_change() {
        let nightly = windows(&[(Allow, "30 2 * * *", SignedDuration::from_mins(20))]);
        let spring: Vec<String> = starts(&nightly, "2026-03-27T12:00:00Z", 3);
        assert_eq!(
            spring,
            [
                "2026-03-28T01:30:00Z",
                // There is no 02:30: what comes in its place is 03:00 or 03:30, once.
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z",
            ]
        );
        let autumn: Vec<String> = starts(&nightly, "2026-10-23T12:00:00Z", 3);
        assert_eq!(
            autumn,
            [
                "2026-10-24T00:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ]
        );
        // The second 02:30 of that night opens nothing.
        assert_ne!(opens(&nightly, "2026-10-25T01:35:00Z"), "open");
        // What lasts over the change lasts as long as it says.
        let long = windows(&[(Allow, "0 1 * * *", hours(3))]);
        for (now, expected) in [
            ("2026-03-29T02:59:00Z", "open"),
            ("2026-03-29T03:00:00Z", "2026-03-29T23:00:00Z"),
            ("2026-10-25T01:59:00Z", "open"),
            ("2026-10-25T02:00:00Z", "2026-10-26T00:00:00Z"),
        ] {
            assert_eq!(opens(&long, now), expected, "{now}");
        }
    }

    /// When the windows open, one after another; each is open at its start, and was not before.
    fn starts(windows: &SyncWindows, from: &str, count: usize) -> Vec<String> {
        let mut now = at(from);
        let mut starts = Vec::new();
        for _ in 0..count {
            let opens = windows.closed(now).unwrap().opens.unwrap();
            assert!(windows.closed(opens).is_none(), "open at {opens}");
            let before = opens - SignedDuration::from_secs(1);
            assert!(windows.closed(before).is_some(), "closed before {opens}");
            starts.push(opens.to_string());
            now = opens + hours(2);
        }
        starts
    }

    /// What looks ahead and what looks back agree, around both changes of the clocks.
    #[test]
    fn it_opens_when_it_says_that_it_will() {
        let all = windows(&[
            (Allow, "*/20 1-3 * * *", SignedDuration::from_mins(7)),
            (Allow, "15 2 * * 7", hours(1)),
            (Deny, "40 2 * * *", SignedDuration::from_mins(45)),
        ]);
        let days = ["2026-03-28T00:00:00Z", "2026-10-24T00:00:00Z"];
        let steps = (0..250).map(|step| SignedDuration::from_mins(13 * step));
        for now in days
            .into_iter()
            .flat_map(|day| steps.clone().map(move |it| at(day) + it))
        {
            if let Some(closed) = all.closed(now) {
                let opens = closed.opens.unwrap();
                assert!(opens > now, "{now}");
                assert!(all.closed(opens).is_none(), "{now}: {opens}");
                let before = opens - SignedDuration::from_secs(1);
                assert!(
                    before < now || all.closed(before).is_some(),
                    "{now}: {opens}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        let window = |schedule: &str, duration, zone: &str| {
            SyncWindow::new(Allow, schedule, duration, zone).map_err(|error| error.to_string())
        };
        for (schedule, duration, zone, why) in [
            ("often", hours(1), ZONE, "no cron expression"),
            ("0 0 22 * * *", hours(1), ZONE, "no cron expression"),
            ("0 25 * * *", hours(1), ZONE, "no cron expression"),
            ("0 0 30 2 *", hours(1), ZONE, "never comes"),
            (
                "0 22 * * *",
                SignedDuration::from_secs(59),
                ZONE,
                "that short",
            ),
            ("0 22 * * *", hours(9_000), ZONE, "that long"),
            ("0 22 * * *", hours(1), "Vienna", "no time zone"),
        ] {
            let error = window(schedule, duration, zone).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
