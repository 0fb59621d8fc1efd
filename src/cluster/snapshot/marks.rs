//! Who made which snapshot: JSON texts by the snapshot's name, in a map of the cluster.

use std::collections::BTreeMap;

use super::error::ExportError;
use super::maps::ClientMaps;
use crate::hazelcast::snapshot::{EXPORTED_SNAPSHOTS, exported_snapshot_map};
use crate::hazelcast::{Client, Data, Result};
use crate::plan::snapshot::{SNAPSHOT_MARKS, SnapshotMark};

/// All marks, by name.
pub(super) async fn all(client: &Client) -> Result<BTreeMap<String, SnapshotMark>> {
    let entries = client.map(SNAPSHOT_MARKS).entries().await?;
    let marks = entries
        .iter()
        .filter_map(|(key, value)| Some((key.as_string().ok()?, mark(value)?)));
    Ok(marks.collect())
}

/// The mark of one snapshot.
pub(in crate::cluster) async fn get(client: &Client, name: &str) -> Result<Option<SnapshotMark>> {
    let value = client.map(SNAPSHOT_MARKS).get(&Data::string(name)).await?;
    Ok(value.as_ref().and_then(mark))
}

/// Signs a name that is free, or that the same export signed before. A snapshot of the name without
/// any signature is a stranger's.
pub(super) async fn sign(
    maps: &ClientMaps,
    name: &str,
    mark: &SnapshotMark,
) -> Result<(), ExportError> {
    let client = maps.client();
    let taken = |whose: String| ExportError::NameTaken {
        name: name.to_owned(),
        whose,
    };
    let doing = ExportError::call("signed");
    let before = get(client, name).await.map_err(&doing)?;
    match before {
        Some(before) if is_same(&before, mark) => return Ok(()),
        Some(before) => return Err(taken(format!("of {} of {}", before.resource, before.owner))),
        None => {}
    }
    let size = client.map(exported_snapshot_map(name)).size().await;
    if size.map_err(&doing)? > 0 {
        return Err(taken("jetkeeper did not make it".to_owned()));
    }
    // Our own type always has its JSON.
    let value = Data::string(&serde_json::to_string(mark).unwrap_or_default());
    let there = client
        .map(SNAPSHOT_MARKS)
        .put_if_absent(&Data::string(name), &value)
        .await
        .map_err(&doing)?;
    match there {
        None => Ok(()),
        Some(there) if self::mark(&there).is_some_and(|there| is_same(&there, mark)) => Ok(()),
        Some(_) => Err(taken("another export of the name began now".to_owned())),
    }
}

/// Whether two marks are of one export: what is begun again after a crash has another time.
fn is_same(one: &SnapshotMark, other: &SnapshotMark) -> bool {
    let identity = |mark: &SnapshotMark| (mark.owner.clone(), mark.resource.clone(), mark.job);
    identity(one) == identity(other)
}

/// Deletes a snapshot: its map, its line in the members' list, its mark; in the order in which
/// members do it, so that nothing is listed whose chunks are gone for longer than a moment.
pub(in crate::cluster) async fn delete(client: &Client, name: &str) -> Result<()> {
    client.destroy_map(&exported_snapshot_map(name)).await?;
    let key = Data::string(name);
    client.map(EXPORTED_SNAPSHOTS).delete(&key).await?;
    client.map(SNAPSHOT_MARKS).delete(&key).await
}

fn mark(value: &Data) -> Option<SnapshotMark> {
    serde_json::from_str(&value.as_string().ok()?).ok()
}
