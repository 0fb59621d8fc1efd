//! How often remote jars are looked at again.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// The bounds of the time between looks at a remote jar.
const LEAST: Duration = Duration::from_mins(1);
const MOST: Duration = Duration::from_hours(7 * 24);

/// How long until a remote jar is looked at again; an hour where nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recheck(pub Duration);

impl Default for Recheck {
    fn default() -> Self {
        Self(Duration::from_hours(1))
    }
}

/// The text is no such time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time between looks at a remote jar: from `1m` to `168h`")]
pub struct ParseRecheckError(String);

impl FromStr for Recheck {
    type Err = ParseRecheckError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.parse::<SignedDuration>().ok();
        parsed
            .and_then(|duration| Duration::try_from(duration).ok())
            .filter(|duration| (LEAST..=MOST).contains(duration))
            .map(Self)
            .ok_or_else(|| ParseRecheckError(text.to_owned()))
    }
}
