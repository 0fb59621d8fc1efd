//! What members tell about themselves: cluster state, configuration of a map.

use std::fmt;

use uuid::Uuid;

/// Answer to a question for the cluster's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterMetadata {
    /// Whether the cluster works normally.
    pub state: ClusterStatus,
    /// Milliseconds since the epoch, by the cluster's clock.
    pub cluster_time: i64,
    /// The cluster's id; members before 5.3 do not tell it.
    pub cluster_id: Option<Uuid>,
    /// Release of the member that answered.
    pub member_version: String,
    /// Release of its Jet.
    pub jet_version: Option<String>,
}

/// The state an administrator put the cluster into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterStatus {
    /// Normal.
    Active,
    /// No partitions move.
    NoMigration,
    /// No member may join, no partitions move.
    Frozen,
    /// Only reads.
    Passive,
    /// Changing from one state to another.
    InTransition,
    /// A state of a later protocol version.
    Unknown(u8),
}

impl ClusterStatus {
    /// The state for the protocol's number.
    pub fn from_id(id: u8) -> Self {
        match id {
            0 => Self::Active,
            1 => Self::NoMigration,
            2 => Self::Frozen,
            3 => Self::Passive,
            4 => Self::InTransition,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for ClusterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("ACTIVE"),
            Self::NoMigration => f.write_str("NO_MIGRATION"),
            Self::Frozen => f.write_str("FROZEN"),
            Self::Passive => f.write_str("PASSIVE"),
            Self::InTransition => f.write_str("IN_TRANSITION"),
            Self::Unknown(id) => write!(f, "UNKNOWN({id})"),
        }
    }
}

/// How a member would keep the entries of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapConfig {
    /// 0 binary, 1 object, 2 native.
    pub in_memory_format: i32,
    /// Backups written before a call is answered.
    pub backup_count: i32,
    /// Backups written later.
    pub async_backup_count: i32,
    /// Entries vanish this long after they were written; 0 is never.
    pub time_to_live_seconds: i32,
    /// Entries vanish this long after they were last touched; 0 is never.
    pub max_idle_seconds: i32,
    /// Size at which entries are evicted, counted as `max_size_policy` says.
    pub max_size: i32,
    /// What `max_size` counts: 0 entries per node, 1 per partition, 2 to 9 heap or native memory.
    pub max_size_policy: i32,
    /// Whether a member may answer a read from its backup.
    pub read_backup_data: bool,
    /// 0 LRU, 1 LFU, 2 none, 3 random.
    pub eviction_policy: i32,
    /// Class that decides which entry survives a healed split brain.
    pub merge_policy: String,
}

impl MapConfig {
    /// Whether the map may lose entries by itself: eviction, time to live or idle time.
    pub fn may_drop_entries(&self) -> bool {
        const EVICTION_NONE: i32 = 2;
        self.eviction_policy != EVICTION_NONE
            || self.time_to_live_seconds > 0
            || self.max_idle_seconds > 0
    }
}
