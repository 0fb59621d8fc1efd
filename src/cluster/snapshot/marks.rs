//! Who made which snapshot: JSON texts by the snapshot's name, in a map of the cluster.

use std::collections::BTreeMap;

use super::error::ExportError;
use super::maps::Maps;
use crate::hazelcast::snapshot::{EXPORTED_SNAPSHOTS, exported_snapshot_map};
use crate::hazelcast::{Client, Data, Result};
use crate::plan::snapshot::{SNAPSHOT_MARKS, SnapshotMaker, SnapshotMark};

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

/// Signs a name that is free, or that the same resource signed before: for the same job, or for an
/// earlier one of which nothing was committed. A snapshot without any signature is a stranger's. Whether
/// the name was free: then nothing is under it.
pub(super) async fn sign(
    maps: &dyn Maps,
    name: &str,
    mark: &SnapshotMark,
) -> Result<bool, ExportError> {
    let taken = |whose: String| ExportError::NameTaken {
        name: name.to_owned(),
        whose,
    };
    let doing = ExportError::call("signed");
    let map = exported_snapshot_map(name);
    let (before, size) = tokio::join!(maps.mark(name), maps.size(&map));
    let before = before.map_err(&doing)?;
    let signed = before.as_ref().map(self::mark);
    match signed {
        Some(Some(signed)) if is_of_same_resource(&signed, mark) => {
            let committed = maps.validation(&map).await.map_err(&doing)?.is_some();
            if committed && signed.job != mark.job {
                return Err(taken(format!("it is of its earlier job {}", signed.job)));
            }
        }
        Some(Some(signed)) => {
            return Err(taken(format!("of {} of {}", signed.resource, signed.owner)));
        }
        Some(None) => return Err(taken("its signature can't be read".to_owned())),
        None if size.map_err(&doing)? > 0 => {
            return Err(taken("jetkeeper did not make it".to_owned()));
        }
        None => {}
    }
    let value = written(mark);
    if before.as_ref() == Some(&value) {
        return Ok(false);
    }
    let signed = maps.write_mark(name, before.as_ref(), Some(&value)).await;
    if signed.map_err(&doing)? {
        return Ok(before.is_none());
    }
    Err(taken("another export of the name began now".to_owned()))
}

/// Takes a signature back, if it is still this one.
pub(super) async fn withdraw(maps: &dyn Maps, name: &str, mark: &SnapshotMark) -> Result<bool> {
    maps.write_mark(name, Some(&written(mark)), None).await
}

fn is_of_same_resource(one: &SnapshotMark, other: &SnapshotMark) -> bool {
    (&one.owner, &one.resource) == (&other.owner, &other.resource)
}

/// Our own type always has its JSON.
fn written(mark: &SnapshotMark) -> Data {
    Data::string(&serde_json::to_string(mark).unwrap_or_default())
}

/// Deletes a snapshot: its map, its line in the members' list, its mark; in the order in which
/// members do it, so that nothing is listed whose chunks are gone for longer than a moment. Where a
/// maker is named, the mark is read right before: what it did not sign stays, and the answer is `false`.
pub(in crate::cluster) async fn delete(
    client: &Client,
    name: &str,
    maker: Option<&SnapshotMaker>,
) -> Result<bool> {
    let map = exported_snapshot_map(name);
    if let Some(maker) = maker {
        let signed = client.map(SNAPSHOT_MARKS).get(&Data::string(name)).await?;
        match signed.as_ref().map(mark) {
            Some(Some(mark)) if maker.made(&mark) => {}
            Some(_) => return Ok(false),
            // Ours are signed before their first chunk, until after their last.
            None => return Ok(client.map(&map).size().await? == 0),
        }
    }
    client.destroy_map(&map).await?;
    let key = Data::string(name);
    client.map(EXPORTED_SNAPSHOTS).delete(&key).await?;
    client.map(SNAPSHOT_MARKS).delete(&key).await?;
    Ok(true)
}

fn mark(value: &Data) -> Option<SnapshotMark> {
    serde_json::from_str(&value.as_string().ok()?).ok()
}
