//! Times in the configuration file, such as `15s` and `1h`.

use std::time::Duration;

use jiff::SignedDuration;

use super::file::RawConfig;
use crate::resources::reading::Reading;

/// Reads a time within these bounds.
pub(super) fn time(
    text: Option<&str>,
    at: &[&str],
    (least, most): (Duration, Duration),
    reading: &mut Reading<'_, RawConfig>,
) -> Option<Duration> {
    let text = text?;
    let read = text.parse::<SignedDuration>().ok();
    let read = read.and_then(|it| Duration::try_from(it).ok());
    let read = read.filter(|it| (least..=most).contains(it));
    if read.is_none() {
        let message = format!("`{text}` is no such time");
        let help = format!("write a time from {} to {}", shown(least), shown(most));
        reading.refuse(at, message, help);
    }
    read
}

/// How a time is written.
pub(super) fn shown(time: Duration) -> String {
    format!("{:#}", SignedDuration::try_from(time).unwrap_or_default())
}
