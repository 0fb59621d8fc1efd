//! Ten thousand documents.

use std::hint::black_box;
use std::time::Instant;

use crate::keeper::CLUSTER;

/// How many.
pub(crate) const DOCUMENTS: usize = 10_000;

/// Where the document of this number lies below its source.
pub(crate) fn path(number: usize) -> String {
    format!("jobs/team-{:02}/{}.yaml", number % 50, name(number))
}

/// The name of its resource.
pub(crate) fn name(number: usize) -> String {
    format!("job-{number:05}")
}

/// The document.
pub(crate) fn text(number: usize, state: &str) -> String {
    format!(
        "# A job of the benchmark.\napiVersion: hazelcast.com/v1alpha1\nkind: JetJob\nmetadata:\n  \
         name: {}\n  labels: {{team: t{}}}\nspec:\n  hazelcastResourceName: {CLUSTER}\n  \
         state: {state}\n  jarName: a.jar\n  mainClass: com.example.pipelines.Orders\n  parameters:\n    \
         - topic-{number}\n    - --rate=100\n  jobConfig:\n    snapshotInterval: 10s\n  \
         upgradePolicy:\n    mode: Stateful\n    timeout: 5m\n  deletionPolicy: Snapshot\n",
        name(number),
        number % 7
    )
}

/// How long it takes to parse these texts and do nothing with them, in milliseconds.
pub(crate) fn bare_parsing<'a>(texts: impl IntoIterator<Item = &'a str>) -> f64 {
    timed(|| {
        for text in texts {
            black_box(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap());
        }
    })
}

/// How long something takes, in milliseconds.
pub(crate) fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1_000.0
}
