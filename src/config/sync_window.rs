//! `syncWindows` of a source: when what it asks for may be begun.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::RawConfig;
use crate::resources::reading::Reading;
use crate::resources::sync_window::{
    SyncWindow, SyncWindowError, SyncWindowKind, SyncWindows, WINDOW_DURATION,
};

/// The zone of a schedule that names none.
const USUAL_ZONE: &str = "UTC";

/// A window as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawSyncWindow {
    kind: Option<String>,
    schedule: Option<String>,
    duration: Option<String>,
    timezone: Option<String>,
}

/// A window in the form of the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownSyncWindow<'a> {
    kind: &'static str,
    schedule: &'a str,
    duration: String,
    timezone: &'a str,
}

impl<'a> From<&'a SyncWindow> for ShownSyncWindow<'a> {
    fn from(window: &'a SyncWindow) -> Self {
        Self {
            kind: match window.kind() {
                SyncWindowKind::Allow => "Allow",
                SyncWindowKind::Deny => "Deny",
            },
            schedule: window.schedule(),
            duration: format!("{:#}", window.duration()),
            timezone: window.zone(),
        }
    }
}

/// Reads and checks the windows of the source at `at`.
pub(super) fn read(
    raw: &[RawSyncWindow],
    at: &[&str; 2],
    reading: &mut Reading<'_, RawConfig>,
) -> SyncWindows {
    let windows = raw.iter().enumerate().filter_map(|(index, window)| {
        let index = index.to_string();
        self::window(window, &[at[0], at[1], "syncWindows", &index], reading)
    });
    SyncWindows(windows.collect())
}

fn window(
    raw: &RawSyncWindow,
    at: &[&str; 4],
    reading: &mut Reading<'_, RawConfig>,
) -> Option<SyncWindow> {
    let RawSyncWindow {
        kind,
        schedule,
        duration,
        timezone,
    } = raw;
    for (key, example, missing) in [
        ("kind", "kind: Allow", kind.is_none()),
        (
            "schedule",
            "schedule: \"0 22 * * MON-FRI\"",
            schedule.is_none(),
        ),
        ("duration", "duration: 4h", duration.is_none()),
    ] {
        if missing && reading.complete {
            let message = format!("the window has no `{key}`");
            reading.refuse(at, message, format!("add `{example}`"));
        }
    }
    let kind = self::kind(kind.as_deref()?, at, reading);
    let (schedule, duration) = (schedule.as_deref()?, duration.as_deref()?);
    let zone = timezone.as_deref().unwrap_or(USUAL_ZONE);
    let mut refuse = |key, message: String, help: String| {
        reading.refuse(&[at[0], at[1], at[2], at[3], key], message, help);
    };
    let (least, most) = WINDOW_DURATION;
    let in_bounds = format!("write a time from {least:#} to {most:#}");
    let Ok(length) = duration.parse::<SignedDuration>() else {
        refuse(
            "duration",
            format!("`{duration}` is no such time"),
            in_bounds,
        );
        return None;
    };
    let error = match SyncWindow::new(kind?, schedule, length, zone) {
        Ok(window) => return Some(window),
        Err(error) => error,
    };
    let (key, help) = match error {
        SyncWindowError::Schedule { .. } | SyncWindowError::Never(_) => {
            let help = "write minute, hour, day of the month, month and day of the week: \"0 22 * * MON-FRI\"";
            ("schedule", help.to_owned())
        }
        SyncWindowError::Duration => ("duration", in_bounds),
        SyncWindowError::Zone(_) => (
            "timezone",
            "write one as Europe/Vienna or America/New_York; UTC if not given".to_owned(),
        ),
    };
    refuse(key, error.to_string(), help);
    None
}

fn kind(
    text: &str,
    at: &[&str; 4],
    reading: &mut Reading<'_, RawConfig>,
) -> Option<SyncWindowKind> {
    match text {
        "Allow" => Some(SyncWindowKind::Allow),
        "Deny" => Some(SyncWindowKind::Deny),
        _ => {
            let message = format!("`{text}` is no kind of window");
            let at = [at[0], at[1], at[2], at[3], "kind"];
            reading.refuse(&at, message, "write `Allow` or `Deny`");
            None
        }
    }
}
