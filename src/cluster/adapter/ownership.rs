//! The ownership map: JSON texts by job name, changed only from what was read.

use std::collections::BTreeMap;

use crate::hazelcast::{Client, Data, Result};
use crate::plan::ownership::{OWNERSHIP_MAP, OwnershipEntry};
use crate::resources::{Digest, ResourceId};

/// The owner of an entry that nobody here can read. It is not an owner that a configuration can name.
const UNREADABLE: &str = "?";

/// All entries.
pub(super) async fn read(client: &Client) -> Result<BTreeMap<String, OwnershipEntry>> {
    let entries = client.map(OWNERSHIP_MAP).entries().await?;
    let named = entries
        .iter()
        .filter_map(|(key, value)| Some((key.as_string().ok()?, entry(value))));
    Ok(named.collect())
}

/// One entry; none where there is none.
pub(super) async fn read_one(client: &Client, job_name: &str) -> Result<Option<OwnershipEntry>> {
    let there = client
        .map(OWNERSHIP_MAP)
        .get(&Data::string(job_name))
        .await?;
    Ok(there.as_ref().map(entry))
}

/// Why an entry was not written.
pub(super) enum WriteError {
    /// Reading what is there failed: nothing was written.
    Read(crate::hazelcast::Error),
    /// The write failed.
    Write(crate::hazelcast::Error),
}

/// Puts `new` in the place of `old`. An entry that is `new` already is fine, so that a write whose
/// answer was lost can be asked for again.
pub(super) async fn write(
    client: &Client,
    job_name: &str,
    old: Option<&OwnershipEntry>,
    new: Option<&OwnershipEntry>,
) -> Result<bool, WriteError> {
    let map = client.map(OWNERSHIP_MAP);
    let key = Data::string(job_name);
    if let (None, Some(new)) = (old, new) {
        // The call itself tells what is there: no need to read first.
        let before = map.put_if_absent(&key, &value(new)).await;
        let before = before.map_err(WriteError::Write)?;
        return Ok(before.is_none_or(|before| entry(&before) == *new));
    }
    let there = map.get(&key).await.map_err(WriteError::Read)?;
    // Compared as entries and replaced as bytes: another version of us may write the same otherwise.
    let now = there.as_ref().map(entry);
    if now.as_ref() == new {
        return Ok(true);
    }
    if now.as_ref() != old {
        return Ok(false);
    }
    let value = new.map(value);
    match (&there, &value) {
        (None, None) => Ok(true),
        // What was to be replaced has gone since it was compared.
        (None, Some(_)) => Ok(false),
        (Some(there), Some(value)) => map.replace_if_same(&key, there, value).await,
        (Some(there), None) => map.remove_if_same(&key, there).await,
    }
    .map_err(WriteError::Write)
}

fn value(entry: &OwnershipEntry) -> Data {
    // Our own type always has its JSON.
    Data::string(&serde_json::to_string(entry).unwrap_or_default())
}

/// The entry in a value; what can't be read belongs to somebody else.
fn entry(value: &Data) -> OwnershipEntry {
    let text = value.as_string().ok();
    let entry = text.and_then(|text| serde_json::from_str(&text).ok());
    entry.unwrap_or_else(|| OwnershipEntry {
        owner: UNREADABLE.to_owned(),
        keeper: String::new(),
        epoch: 0,
        attempt: String::new(),
        job_id: None,
        resource: ResourceId::jet_job(UNREADABLE),
        digest: Digest::of(value.as_slice()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_and_what_is_none_is_foreign() {
        let ours = OwnershipEntry {
            owner: "keeper-1".to_owned(),
            keeper: "a-state".to_owned(),
            epoch: 3,
            attempt: "0123456789abcdef".to_owned(),
            job_id: None,
            resource: ResourceId::jet_job("orders"),
            digest: Digest::of(b"spec"),
        };
        assert_eq!(entry(&value(&ours)), ours);
        for foreign in [Data::string("{}"), Data::string("x"), Data::long(1)] {
            assert_eq!(entry(&foreign).owner, UNREADABLE);
        }
        assert_ne!(entry(&Data::long(1)), entry(&Data::long(2)));
    }
}
