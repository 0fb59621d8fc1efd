//! What the program's log tells of its calls and commits.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// The variables that make the program log so.
pub(crate) const TRACED: [(&str, &str); 2] = [
    ("JETKEEPER_LOG_FORMAT", "json"),
    (
        "JETKEEPER_LOG",
        "info,jetkeeper::hazelcast::connection=trace,jetkeeper::engine::pass=trace",
    ),
];

/// A call or a commit that ended.
#[derive(Deserialize)]
pub(crate) struct Ended {
    timestamp: Timestamp,
    /// What was called; none for a commit.
    #[serde(default)]
    call: Option<String>,
    took: String,
}

/// All of them, in order.
pub(crate) fn read(log: &str) -> Vec<Ended> {
    let lines = log.lines().map(serde_json::from_str);
    lines.filter_map(Result::ok).collect()
}

impl Ended {
    pub(crate) fn is_call(&self, name: &str) -> bool {
        self.call.as_deref() == Some(name)
    }

    pub(crate) fn is_commit(&self) -> bool {
        self.call.is_none()
    }

    /// When it began.
    pub(crate) fn began_at(&self) -> Timestamp {
        self.timestamp - self.took()
    }

    /// How long it took, as Rust writes durations.
    pub(crate) fn took(&self) -> SignedDuration {
        let digits = self.took.find(|it: char| it != '.' && !it.is_ascii_digit());
        let (number, unit) = self.took.split_at(digits.unwrap());
        let seconds = match unit {
            "s" => 1.0,
            "ms" => 1e-3,
            "µs" => 1e-6,
            "ns" => 1e-9,
            other => panic!("{other} is no unit of time"),
        };
        SignedDuration::from_secs_f64(number.parse::<f64>().unwrap() * seconds)
    }
}
