//! The cluster's state, and the settings that decide what may be done.

use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use serde::Deserialize;
use uuid::Uuid;

use super::member_config::{self, MemberConfig};
use crate::cluster::port::Health;
use crate::hazelcast::{Client, ClusterStatus, Result};
use crate::plan::observed::ClusterState;
use crate::plan::ownership::{ANCHORS_MAP, OWNERSHIP_MAP};

/// The members' configuration, which does not change while they live.
#[derive(Debug, Default)]
pub(super) struct Settings(Mutex<Option<(Vec<Uuid>, MemberConfig)>>);

/// Why health is not known.
pub(super) enum HealthError {
    /// A call failed.
    Call(crate::hazelcast::Error),
    /// An answer lacks what was asked for.
    Unreadable(&'static str),
}

impl From<crate::hazelcast::Error> for HealthError {
    fn from(error: crate::hazelcast::Error) -> Self {
        Self::Call(error)
    }
}

/// Asks for state and partitions, and for the configuration where members came or went.
pub(super) async fn read(client: &Client, settings: &Settings) -> Result<Health, HealthError> {
    let (metadata, safe, config) = tokio::join!(
        client.cluster_metadata(),
        partitions_safe(client),
        settings.get(client)
    );
    let config = config?;
    Ok(Health {
        state: state(metadata?.state),
        partitions_safe: safe?,
        jet_enabled: config.jet_enabled,
        upload_enabled: config.upload_enabled,
        ownership_map_fault: map_fault(&config),
    })
}

impl Settings {
    async fn get(&self, client: &Client) -> Result<MemberConfig, HealthError> {
        let members: Vec<Uuid> = {
            let state = client.state();
            let state = state.borrow();
            state.members.iter().map(|member| member.uuid).collect()
        };
        if let Some((of, config)) = &*self.lock()
            && *of == members
        {
            return Ok(config.clone());
        }
        let xml = client.member_config_xml().await?;
        let read = |map| member_config::read(&xml, map);
        let mut config = read(OWNERSHIP_MAP).ok_or(HealthError::Unreadable(
            "the member's configuration says nothing about Jet",
        ))?;
        if config.map_faults.is_empty() {
            config = read(ANCHORS_MAP).unwrap_or(config);
        }
        *self.lock() = Some((members, config.clone()));
        Ok(config)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Vec<Uuid>, MemberConfig)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a member's state matters; the statistics in it are skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberStateAnswer {
    timed_member_state: TimedMemberState,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TimedMemberState {
    member_state: MemberState,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberState {
    member_partition_state: PartitionState,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartitionState {
    member_state_safe: bool,
}

/// Whether every member says so: each knows of the backups of its own partitions only. A member that can't
/// be reached from here is missed in the others' backups.
async fn partitions_safe(client: &Client) -> Result<bool, HealthError> {
    let members: Vec<Uuid> = {
        let state = client.state();
        let state = state.borrow();
        state.members.iter().map(|member| member.uuid).collect()
    };
    let answers = try_join_all(members.iter().map(|member| is_safe(client, *member))).await?;
    Ok(!answers.is_empty() && answers.iter().all(|safe| *safe))
}

async fn is_safe(client: &Client, member: Uuid) -> Result<bool, HealthError> {
    let json = client.timed_member_state(member).await?;
    // A member that is still starting tells no state.
    let Some(json) = json else { return Ok(false) };
    match serde_json::from_str::<MemberStateAnswer>(&json) {
        Ok(answer) => {
            let state = answer.timed_member_state.member_state;
            Ok(state.member_partition_state.member_state_safe)
        }
        Err(_) => Err(HealthError::Unreadable(
            "the member's state says nothing about partitions",
        )),
    }
}

/// A state that only later members know allows nothing.
fn state(status: ClusterStatus) -> ClusterState {
    match status {
        ClusterStatus::Active => ClusterState::Active,
        ClusterStatus::NoMigration => ClusterState::NoMigration,
        ClusterStatus::Frozen => ClusterState::Frozen,
        ClusterStatus::Passive => ClusterState::Passive,
        ClusterStatus::InTransition | ClusterStatus::Unknown(_) => ClusterState::InTransition,
    }
}

fn map_fault(config: &MemberConfig) -> Option<String> {
    if config.map_faults.is_empty() {
        return None;
    }
    let map = &config.map;
    Some(format!(
        "the map {map} could lose entries ({}): give it a configuration of its own on the \
         members, without eviction, time-to-live, max-idle and map-store",
        config.map_faults.join(", ")
    ))
}
