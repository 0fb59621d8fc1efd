//! A job's configuration, and the change that members accept on a suspended job.

/// What a member guarantees to process how often after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessingGuarantee {
    /// No snapshots: the job keeps no state over a restart.
    None,
    /// Snapshots without alignment.
    AtLeastOnce,
    /// Aligned snapshots.
    ExactlyOnce,
    /// A guarantee of a later version, by its constant's name.
    Other(String),
}

/// The configuration a job was submitted with, as far as it can be read without its classes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the fields are those of the Java class"
)]
pub struct JobConfig {
    /// The job's name.
    pub name: Option<String>,
    /// Whether and how snapshots are taken.
    pub guarantee: ProcessingGuarantee,
    /// Time between two snapshots.
    pub snapshot_interval_millis: i64,
    /// Restarts by itself when members come or go.
    pub auto_scaling: bool,
    /// Is suspended, not failed, by an error.
    pub suspend_on_failure: bool,
    /// Runs only with more than half of the members it started with.
    pub split_brain_protection: bool,
    /// Ids of attached resources; the jar of an upload has `<file name><random>.jar`.
    pub resource_ids: Vec<String>,
    /// False when the job forbids suspending (argument `__jet.jobIsSuspendable`).
    pub suspendable: bool,
    /// The fields after the arguments; none when an argument of a class unknown here hides them.
    pub tail: Option<JobConfigTail>,
}

/// The fields of a [`JobConfig`] that come after its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobConfigTail {
    /// The exported snapshot the job was started from.
    pub initial_snapshot_name: Option<String>,
    /// Collects metrics while running.
    pub enable_metrics: bool,
    /// Keeps metrics after it ended.
    pub store_metrics: bool,
    /// Limit of records a stateful processor may hold.
    pub max_processor_accumulated_records: i64,
    /// Time after which the job is cancelled; 0 for none.
    pub timeout_millis: i64,
}

/// Changes for a suspended job; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaJobConfig {
    /// Time between two snapshots.
    pub snapshot_interval_millis: Option<i64>,
    /// Restarts by itself when members come or go.
    pub auto_scaling: Option<bool>,
    /// Is suspended, not failed, by an error.
    pub suspend_on_failure: Option<bool>,
    /// Runs only with more than half of the members it started with.
    pub split_brain_protection: Option<bool>,
    /// Collects metrics while running.
    pub enable_metrics: Option<bool>,
    /// Keeps metrics after it ended.
    pub store_metrics: Option<bool>,
    /// Limit of records a stateful processor may hold.
    pub max_processor_accumulated_records: Option<i64>,
    /// Time after which the job is cancelled; 0 for none.
    pub timeout_millis: Option<i64>,
}
