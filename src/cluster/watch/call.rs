//! The calls that a watch makes, and their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::picture::{Asked, AskedStatus};
use crate::cluster::port::{CallError, Cluster, Health, StatusEvent};
use crate::plan::hold::Reason;
use crate::plan::job::{JobConfigView, JobId, JobStatus, JobView};
use crate::plan::ownership::{AnchorEntry, OwnershipEntry};
use crate::plan::snapshot::{ReadBack, Standing};

/// A call on its way.
pub(super) type Call = BoxFuture<'static, Answer>;

type Answered<T> = Result<T, CallError>;

/// What the maps beside the jobs say.
pub(super) struct Entries {
    pub(super) ownership: BTreeMap<String, OwnershipEntry>,
    /// None where nobody asks about commits.
    pub(super) anchors: Option<BTreeMap<String, AnchorEntry>>,
}

/// What came of a call. `number` is that of the last order that the call answers.
pub(super) enum Answer {
    List {
        number: u64,
        asked: Asked,
        began: Instant,
        result: Answered<Vec<JobView>>,
    },
    Ownership {
        number: u64,
        asked: Timestamp,
        result: Answered<Entries>,
    },
    Health {
        number: u64,
        result: Answered<Health>,
    },
    Config {
        job: JobId,
        result: Answered<JobConfigView>,
    },
    Status {
        job: JobId,
        asked: AskedStatus,
        result: Answered<Option<JobStatus>>,
    },
    Standing {
        job: JobId,
        result: Answered<Option<Standing>>,
    },
    Snapshots {
        result: Answered<BTreeMap<String, Option<ReadBack>>>,
    },
    Listen {
        job: JobId,
        result: Answered<mpsc::Receiver<StatusEvent>>,
    },
}

pub(super) fn list(cluster: Arc<dyn Cluster>, number: u64, asked: Asked, began: Instant) -> Call {
    Box::pin(async move {
        let result = cluster.list().await;
        Answer::List {
            number,
            asked,
            began,
            result,
        }
    })
}

pub(super) fn ownership(
    cluster: Arc<dyn Cluster>,
    number: u64,
    asked: Timestamp,
    with_anchors: bool,
) -> Call {
    Box::pin(async move {
        let anchors = async {
            if with_anchors {
                cluster.anchors().await.map(Some)
            } else {
                Ok(None)
            }
        };
        let (ownership, anchors) = tokio::join!(cluster.ownership(), anchors);
        let result = ownership.and_then(|ownership| {
            Ok(Entries {
                ownership,
                anchors: anchors?,
            })
        });
        Answer::Ownership {
            number,
            asked,
            result,
        }
    })
}

pub(super) fn health(cluster: Arc<dyn Cluster>, number: u64) -> Call {
    Box::pin(async move {
        let result = cluster.health().await;
        Answer::Health { number, result }
    })
}

pub(super) fn config(cluster: Arc<dyn Cluster>, job: JobId) -> Call {
    Box::pin(async move {
        let result = cluster.config(job).await;
        Answer::Config { job, result }
    })
}

pub(super) fn status(cluster: Arc<dyn Cluster>, job: JobId, asked: AskedStatus) -> Call {
    Box::pin(async move {
        let result = cluster.status(job).await;
        Answer::Status { job, asked, result }
    })
}

pub(super) fn standing(cluster: Arc<dyn Cluster>, job: JobId) -> Call {
    Box::pin(async move {
        let result = cluster.snapshots().standing(job).await;
        Answer::Standing { job, result }
    })
}

/// Reads exported snapshots back. One that isn't whole is as good as none.
pub(super) fn snapshots(cluster: Arc<dyn Cluster>, names: BTreeSet<String>) -> Call {
    Box::pin(async move {
        let mut found = BTreeMap::new();
        for name in names {
            let read = match cluster.snapshots().read(&name).await {
                Ok(read) => read,
                Err(CallError::Refused {
                    reason: Reason::SnapshotDamaged,
                    ..
                }) => None,
                Err(error) => return Answer::Snapshots { result: Err(error) },
            };
            found.insert(name, read);
        }
        Answer::Snapshots { result: Ok(found) }
    })
}

pub(super) fn listen(cluster: Arc<dyn Cluster>, job: JobId) -> Call {
    Box::pin(async move {
        let result = cluster.listen(job).await;
        Answer::Listen { job, result }
    })
}
