//! What is counted and timed while the engine works. What can be read off its latest pass is not here:
//! it is measured when somebody asks.
//!
//! Counters are there from the start, at 0: of one that first shows 1, Prometheus can't know that it rose.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::plan::record::UploadOutcome;
use crate::plan::step::{Outcome, Step};

/// From 5 ms to 11 min.
const CHANGE_BUCKETS: (f64, u16) = (0.005, 18);
/// From 0.5 ms to 16 s.
const PASS_BUCKETS: (f64, u16) = (0.0005, 16);
/// From 0.1 ms to 13 s.
const COMMIT_BUCKETS: (f64, u16) = (0.0001, 18);

/// How steps end.
const OUTCOMES: [&str; 4] = ["done", "failed", "unknown", "stale"];
/// How requests to receivers end.
const ANSWERS: [&str; 3] = ["sent", "failed", "refused"];

/// The meters of one engine. Clones share them.
#[derive(Debug, Clone)]
pub struct Meters {
    detected: Histogram,
    applied: Histogram,
    passes: Histogram,
    commits: Histogram,
    steps: Family<StepLabels, Counter>,
    copied: Counter,
    refused: Gauge,
    notified: Family<NotifiedLabels, Counter>,
    webhooks: Family<WebhookLabels, Counter>,
}

/// Sources are those of the configuration, answers are names in the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    source: String,
    answer: &'static str,
}

/// Both have few values: they are names in the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
    outcome: &'static str,
}

/// Receivers are as many as the configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotifiedLabels {
    receiver: String,
    outcome: &'static str,
}

impl Default for Meters {
    fn default() -> Self {
        let histogram =
            |(first, count): (f64, u16)| Histogram::new(exponential_buckets(first, 2.0, count));
        let steps = Family::default();
        for step in Step::VERBS {
            for outcome in OUTCOMES {
                drop(steps.get_or_create(&StepLabels { step, outcome }));
            }
        }
        Self {
            detected: histogram(CHANGE_BUCKETS),
            applied: histogram(CHANGE_BUCKETS),
            passes: histogram(PASS_BUCKETS),
            commits: histogram(COMMIT_BUCKETS),
            steps,
            copied: Counter::default(),
            refused: Gauge::default(),
            notified: Family::default(),
            webhooks: Family::default(),
        }
    }
}

impl Meters {
    /// A revision was seen, this long after the change was made that led to it.
    pub fn detected(&self, after: Duration) {
        self.detected.observe(after.as_secs_f64());
    }

    /// A job does what its document says, this long after the document or the jar was changed.
    pub fn applied(&self, after: Duration) {
        self.applied.observe(after.as_secs_f64());
    }

    /// A pass was made.
    pub fn passed(&self, took: Duration) {
        self.passes.observe(took.as_secs_f64());
    }

    /// A change became durable: what the store took, the disk included.
    pub fn committed(&self, took: Duration) {
        self.commits.observe(took.as_secs_f64());
    }

    /// A step ended.
    pub fn step_ended(&self, step: &Step, outcome: &Outcome) {
        let labels = StepLabels {
            step: step.verb(),
            outcome: outcome_label(outcome),
        };
        debug_assert!(Step::VERBS.contains(&labels.step), "{}", labels.step);
        self.steps.get_or_create(&labels).inc();
        if let Outcome::Exported { facts } = outcome {
            self.copied.inc_by(u64::try_from(facts.bytes).unwrap_or(0));
        }
    }

    /// A source has a webhook, whose calls can be answered so.
    pub fn may_be_called(&self, source: &str, answers: impl IntoIterator<Item = &'static str>) {
        for answer in answers {
            let source = source.to_owned();
            drop(
                self.webhooks
                    .get_or_create(&WebhookLabels { source, answer }),
            );
        }
    }

    /// There is a receiver of notifications.
    pub fn may_be_notified(&self, receiver: &str) {
        for outcome in ANSWERS {
            let receiver = receiver.to_owned();
            drop(
                self.notified
                    .get_or_create(&NotifiedLabels { receiver, outcome }),
            );
        }
    }

    /// Somebody called the webhook of a source, and was answered so.
    pub fn called(&self, source: &str, answer: &'static str) {
        let labels = WebhookLabels {
            source: source.to_owned(),
            answer,
        };
        self.webhooks.get_or_create(&labels).inc();
    }

    /// The configuration was read again, and refused or not.
    pub fn reloaded(&self, refused: bool) {
        self.refused.set(i64::from(refused));
    }

    /// Notifications were sent to a receiver, or could not be, or were refused for good.
    pub fn notified(&self, receiver: &str, outcome: &'static str) {
        let labels = NotifiedLabels {
            receiver: receiver.to_owned(),
            outcome,
        };
        self.notified.get_or_create(&labels).inc();
    }

    /// Has them shown with what this registry shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "jetkeeper_change_to_detected",
            "From the change of a file, or the commit, to the pass that saw it",
            Unit::Seconds,
            self.detected.clone(),
        );
        registry.register_with_unit(
            "jetkeeper_change_to_applied",
            "From the change of a document or its jar, or the commit, to the job doing what it says",
            Unit::Seconds,
            self.applied.clone(),
        );
        registry.register_with_unit(
            "jetkeeper_pass_duration",
            "How long passes of the engine take",
            Unit::Seconds,
            self.passes.clone(),
        );
        registry.register_with_unit(
            "jetkeeper_commit_duration",
            "How long it takes until a change of the state is durable",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register(
            "jetkeeper_steps",
            "Steps that ended, by what they do and how they ended",
            self.steps.clone(),
        );
        registry.register_with_unit(
            "jetkeeper_snapshot_exported",
            "Bytes of job snapshots that were exported and read back",
            Unit::Bytes,
            self.copied.clone(),
        );
        registry.register(
            "jetkeeper_configuration_refused",
            "Whether the configuration was refused when it was read again last; the one before is in force",
            self.refused.clone(),
        );
        registry.register(
            "jetkeeper_notification_requests",
            "Requests to receivers of notifications, by receiver and how they ended",
            self.notified.clone(),
        );
        registry.register(
            "jetkeeper_webhook_calls",
            "Calls of the webhook of a source, by what they were answered",
            self.webhooks.clone(),
        );
    }
}

/// An upload that was accepted is not known to have started its job.
fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::Exported { .. } => "done",
        Outcome::Failed { .. } => "failed",
        Outcome::Unknown { .. } => "unknown",
        Outcome::Stale { .. } => "stale",
        Outcome::Uploaded { outcome, .. } => match outcome {
            UploadOutcome::Accepted => "done",
            UploadOutcome::Refused | UploadOutcome::NotRun => "failed",
            UploadOutcome::Unknown => "unknown",
        },
    }
}
