//! Why a snapshot was not made.

use super::copy::CopyError;
use crate::hazelcast::Error;

/// Why a snapshot was not made, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExportError {
    /// A call failed.
    #[error("a call to the members failed while the snapshot was {doing}")]
    Call {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Error,
    },
    /// The members don't export by themselves.
    #[error(
        "the members can't export snapshots by themselves, as Hazelcast Enterprise does: set \
         strategy: Copy, or Auto"
    )]
    NoNative,
    /// The job isn't there any more.
    #[error("the members keep no execution record of job {0}: it ended, or was never executed")]
    NoJob(String),
    /// The name is taken.
    #[error(
        "a snapshot {name:?} exists on the cluster already and isn't of this resource ({whose}); \
         choose another name, or delete it with `jetkeeper snapshot delete`"
    )]
    NameTaken {
        /// The snapshot's name.
        name: String,
        /// Whose it is.
        whose: String,
    },
    /// The job was suspended without a committed snapshot.
    #[error("job {job} is suspended, but its terminal snapshot isn't committed ({why})")]
    NotCommitted {
        /// The job.
        job: String,
        /// What the record says instead.
        why: String,
    },
    /// Somebody suspended or resumed the job while its snapshot was exported.
    #[error(
        "job {job} {how} while its snapshot was exported ({standing}); it is exported anew, as it is now"
    )]
    Changed {
        /// The job.
        job: String,
        /// What became of it.
        how: &'static str,
        /// What the record says.
        standing: String,
    },
    /// No snapshot was committed in time.
    #[error(
        "job {job} committed no snapshot within {seconds} s ({why}); a shorter snapshotInterval \
         helps, and so does a pipeline that keeps up"
    )]
    NoSnapshot {
        /// The job.
        job: String,
        /// How long it was waited for.
        seconds: u64,
        /// What the record says.
        why: String,
    },
    /// The job's next snapshots overtook the copy, again and again.
    #[error(
        "the job's own snapshots overtook the copy {attempts} times: the members cleared the source \
         while it was being read. Set a longer jobConfig.snapshotInterval, or allow a pause \
         (pauseToCopy: Allowed)"
    )]
    Overtaken {
        /// How often it was tried.
        attempts: u32,
    },
    /// The members have no room.
    #[error(
        "the snapshot of {needed} MiB (backups included) would leave member {member} less than 25 % of \
         its heap ({used} of {max} MiB in use); add memory or members, or delete snapshots"
    )]
    NoRoom {
        /// The member.
        member: String,
        /// What it would take, in MiB, on this member.
        needed: u64,
        /// In use, in MiB.
        used: u64,
        /// Its limit, in MiB.
        max: u64,
    },
    /// The job's own snapshot is not whole, and the job makes no other one.
    #[error(
        "the last snapshot {snapshot_id} of suspended job {job} has {found} of {chunks} chunks: the \
         cluster lost part of it with its members. Resume the job so that it makes another one, if it can"
    )]
    SourceDamaged {
        /// The job.
        job: String,
        /// The snapshot.
        snapshot_id: i64,
        /// Chunks that are there.
        found: i64,
        /// Chunks that there should be.
        chunks: i64,
    },
    /// The time for it is over.
    #[error(
        "it was not copied within {seconds} s; give it a longer `timeout`, or a faster network"
    )]
    TooSlow {
        /// How long it was given.
        seconds: u64,
    },
    /// What was written can't be read back as it was.
    #[error("the snapshot was written but reads back wrong ({0}); nothing was committed")]
    Damaged(String),
}

impl ExportError {
    /// Whether a write may arrive yet that nobody answered.
    pub(super) fn leaves_writes_open(&self) -> bool {
        let Self::Call { source, .. } = self else {
            return false;
        };
        source.server_error().is_none() && !source.is_certainly_not_sent()
    }

    /// The same of one copy.
    pub(super) fn of_copy(error: CopyError) -> Self {
        match error {
            CopyError::Call(error) => error,
            CopyError::Damaged(why) => Self::Damaged(why),
            CopyError::Overtaken { .. } => Self::Overtaken { attempts: 1 },
        }
    }

    /// Wraps the error of a call.
    pub(super) fn call(doing: &'static str) -> impl Fn(Error) -> Self {
        move |source| Self::Call { doing, source }
    }
}
