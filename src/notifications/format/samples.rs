//! Notifications for the tests of formats.

use std::sync::Arc;

use jiff::Timestamp;

use crate::plan::event::EventKind;
use crate::plan::record::{Cause, Incident, News, Notification, Scope, Urgency};
use crate::resources::ResourceId;

pub(in crate::notifications) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// A cluster that is away, and twelve jobs with it.
pub(in crate::notifications) fn incident() -> Incident {
    let subjects = ["orders", "payments"].map(ResourceId::jet_job);
    Incident {
        cause: Cause {
            scope: Scope::Cluster("prod".to_owned()),
            reason: "ClusterUnreachable".to_owned(),
        },
        urgency: Urgency::Error,
        since: at(0),
        message: "no member answers: <connection refused> & \"more\"".to_owned(),
        affected: 12,
        subjects: subjects.to_vec(),
    }
}

/// One of each kind.
pub(in crate::notifications) fn all() -> Vec<Notification> {
    let incident = Arc::new(incident());
    let news = [
        (60, News::Began(Arc::clone(&incident))),
        (
            786,
            News::Ended {
                incident,
                ended: at(726),
            },
        ),
        (
            800,
            News::Happened {
                kind: EventKind::Submitted,
                resource: Some(ResourceId::jet_job("orders")),
                message: "submitted as job 0adf-8fef".to_owned(),
            },
        ),
    ];
    let told = news.into_iter().map(|(second, news)| Notification {
        at: at(second),
        news,
    });
    told.collect()
}
