//! The native export, which no open-source member has: a script before a real member answers as an
//! Enterprise one does, with the maps that are there then.

use std::sync::Arc;

use jetkeeper::cluster::{CallError, Cluster as _, Export, HazelcastCluster};
use jetkeeper::hazelcast::codec::jet::export_snapshot::ExportSnapshot;
use jetkeeper::plan::hold::Reason;
use jetkeeper::plan::job::JobStatus;
use jetkeeper::plan::observed::Link;
use jetkeeper::plan::snapshot::{SnapshotFacts, Strategy};

use super::port::{counting, export_of};
use crate::cluster_real::{connected, connected_to, job_with, up};
use crate::hazelcast::peer::answer;
use crate::hazelcast::scripted::{Exchange, Reaction, ScriptedMember, fail, reaction};
use crate::support::member::Member;
use crate::support::unique;
use crate::support::wait::PATIENCE;

struct Stage {
    script: ScriptedMember,
    /// Through the script.
    cluster: HazelcastCluster,
    /// Past it.
    direct: Arc<HazelcastCluster>,
}

impl Stage {
    async fn before(member: &Member) -> Self {
        let script = ScriptedMember::before(member).await;
        let cluster = connected_to(script.address(), member.cluster_name()).await;
        let direct = Arc::new(connected(member).await);
        Self {
            script,
            cluster,
            direct,
        }
    }

    /// The next export is made as Enterprise members make it; `then` says what follows.
    fn has_native_export(&self, export: &Export, then: fn(&Exchange)) {
        let (direct, copy) = (Arc::clone(&self.direct), with(export, Strategy::Copy));
        let made: Reaction = reaction(move |exchange| {
            let (direct, copy) = (Arc::clone(&direct), copy.clone());
            async move {
                direct.snapshots().export(&copy, &|_| ()).await.unwrap();
                then(&exchange);
            }
        });
        self.script.on::<ExportSnapshot>(1, made);
    }

    async fn export(&self, export: &Export) -> Result<SnapshotFacts, CallError> {
        self.cluster.snapshots().export(export, &|_| ()).await
    }

    async fn refused(&self, export: &Export) -> (Reason, String) {
        match self.export(export).await {
            Err(CallError::Refused {
                reason, message, ..
            }) => (reason, message),
            other => panic!("{other:?}"),
        }
    }

    fn asked(&self) -> usize {
        self.script.heard::<ExportSnapshot>()
    }

    async fn close(self) {
        self.cluster.close().await;
        self.direct.close().await;
    }
}

fn with(export: &Export, strategy: Strategy) -> Export {
    Export {
        strategy: Some(strategy),
        ..export.clone()
    }
}

fn consent(exchange: &Exchange) {
    exchange.write(&answer(&exchange.request, &[], []));
}

#[tokio::test]
async fn members_that_export_by_themselves_are_asked_to() {
    let member = Member::shared();
    let stage = Stage::before(member).await;
    let counting = counting(&stage.direct, member, "EXACTLY_ONCE").await;
    for (asked, strategy) in [(1, Some(Strategy::Native)), (2, None)] {
        let export = Export {
            strategy,
            ..export_of(counting.job, false)
        };
        stage.has_native_export(&export, consent);
        let facts = stage.export(&export).await.unwrap();
        assert_eq!(stage.asked(), asked);
        assert_eq!(facts.job, counting.job);
        assert!(facts.stateful.contains("counter"), "{facts:?}");
        let read = stage.cluster.snapshots().read(&export.name).await.unwrap();
        let read = read.unwrap();
        assert!(read.facts.is_same(&facts));
        assert_eq!(read.mark.as_ref(), Some(&export.mark));
        stage
            .cluster
            .snapshots()
            .delete(&export.name, None)
            .await
            .unwrap();
    }
    stage.cluster.cancel(counting.job, true).await.unwrap();
    stage.close().await;
}

#[tokio::test]
async fn open_source_members_are_asked_once_a_cluster() {
    let mut member = Member::options().start();
    let stage = Stage::before(&member).await;
    let first = counting(&stage.direct, &member, "EXACTLY_ONCE").await;
    for _ in 0..2 {
        stage.export(&export_of(first.job, false)).await.unwrap();
    }
    assert_eq!(stage.asked(), 1);
    let native = with(&export_of(first.job, false), Strategy::Native);
    let (reason, message) = stage.refused(&native).await;
    assert_eq!(reason, Reason::SnapshotFailed);
    assert!(message.contains("strategy: Copy"), "{message}");
    assert_eq!(stage.asked(), 2);

    // The same address leads to another cluster, which may have what the first one lacked.
    let known = stage.cluster.connection().borrow().cluster_id;
    member.restart();
    let mut connection = stage.cluster.connection();
    let renewed = connection.wait_for(|it| it.link == Link::Up && it.cluster_id != known);
    drop(
        tokio::time::timeout(PATIENCE, renewed)
            .await
            .unwrap()
            .unwrap(),
    );
    up(&stage.direct).await;
    let second = counting(&stage.direct, &member, "EXACTLY_ONCE").await;
    stage.export(&export_of(second.job, false)).await.unwrap();
    assert_eq!(stage.asked(), 3);
    stage.close().await;
}

#[tokio::test]
async fn a_native_export_that_fails_is_told_and_may_be_tried_again() {
    let member = Member::shared();
    let stage = Stage::before(member).await;
    let counting = counting(&stage.direct, member, "EXACTLY_ONCE").await;
    let export = with(&export_of(counting.job, false), Strategy::Native);
    let class = "com.hazelcast.jet.JetException";
    let why = format!("Snapshot 7 for {} failed: disk on fire", unique("job"));
    stage.script.on::<ExportSnapshot>(1, fail(500, class, why));
    let (_, message) = stage.refused(&export).await;
    assert!(message.contains("disk on fire"), "{message}");
    assert_eq!(
        stage.cluster.snapshots().read(&export.name).await.unwrap(),
        None
    );

    stage.has_native_export(&export, consent);
    let facts = stage.export(&export).await.unwrap();
    assert_eq!((facts.job, stage.asked()), (counting.job, 2));
    stage.cluster.cancel(counting.job, true).await.unwrap();
    stage.close().await;
}

#[tokio::test]
async fn a_native_export_whose_answer_is_lost_is_found_not_repeated() {
    let member = Member::shared();
    let stage = Stage::before(member).await;
    let counting = counting(&stage.direct, member, "EXACTLY_ONCE").await;
    let export = with(&export_of(counting.job, false), Strategy::Native);
    stage.has_native_export(&export, Exchange::hang_up);
    let lost = stage.export(&export).await.unwrap_err();
    assert!(matches!(lost, CallError::Unknown { .. }), "{lost:?}");
    up(&stage.cluster).await;
    let facts = stage.export(&export).await.unwrap();
    assert_eq!((facts.job, stage.asked()), (counting.job, 1));
    stage.cluster.cancel(counting.job, true).await.unwrap();
    stage.close().await;
}

#[tokio::test]
async fn a_terminal_snapshot_that_is_not_committed_is_not_exported_natively() {
    let member = Member::shared();
    let stage = Stage::before(member).await;
    let stateless = counting(&stage.direct, member, "NONE").await;
    stage.cluster.suspend(stateless.job).await.unwrap();
    job_with(&stage.cluster, &stateless.name, JobStatus::Suspended).await;
    let export = with(&export_of(stateless.job, true), Strategy::Native);
    let (reason, message) = stage.refused(&export).await;
    assert_eq!(reason, Reason::SnapshotNotCommitted, "{message}");
    assert_eq!(stage.asked(), 0);
    stage.cluster.cancel(stateless.job, true).await.unwrap();
    stage.close().await;
}
