//! The map of the commits that were in force last: JSON texts by owner and source, changed only from what
//! was read.

use std::collections::BTreeMap;

use super::ownership::WriteError;
use crate::hazelcast::{Client, Data, Result};
use crate::plan::ownership::{ANCHORS_MAP, AnchorEntry, anchor_key};

/// All entries that can be read.
pub(super) async fn read(client: &Client) -> Result<BTreeMap<String, AnchorEntry>> {
    let entries = client.map(ANCHORS_MAP).entries().await?;
    let read = entries
        .iter()
        .filter_map(|(key, value)| Some((key.as_string().ok()?, entry(value)?)));
    Ok(read.collect())
}

/// Puts `new` in the place of `old`. An entry that is `new` already is fine, so that a write whose answer
/// was lost can be asked for again.
pub(super) async fn write(
    client: &Client,
    old: Option<&AnchorEntry>,
    new: &AnchorEntry,
) -> Result<bool, WriteError> {
    let map = client.map(ANCHORS_MAP);
    let key = Data::string(&anchor_key(&new.owner, &new.source));
    let there = map.get(&key).await.map_err(WriteError::Read)?;
    let now = there.as_ref().and_then(entry);
    if now.as_ref() == Some(new) {
        return Ok(true);
    }
    if now.as_ref() != old {
        return Ok(false);
    }
    let value = value(new);
    match &there {
        // One that can't be read says nothing, and is replaced.
        Some(there) => map.replace_if_same(&key, there, &value).await,
        None => map
            .put_if_absent(&key, &value)
            .await
            .map(|before| before.is_none()),
    }
    .map_err(WriteError::Write)
}

fn value(entry: &AnchorEntry) -> Data {
    // Our own type always has its JSON.
    Data::string(&serde_json::to_string(entry).unwrap_or_default())
}

fn entry(value: &Data) -> Option<AnchorEntry> {
    serde_json::from_str(&value.as_string().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{Anchor, SourceName};

    #[test]
    fn an_entry_comes_back_and_nonsense_says_nothing() {
        let ours = AnchorEntry {
            owner: "keeper-1".to_owned(),
            source: SourceName("jobs".to_owned()),
            anchor: Anchor {
                repository: "https://host/jobs.git".to_owned(),
                reference: "branch main".to_owned(),
                commit: "1".repeat(40),
                tag: None,
                verified: true,
            },
        };
        assert_eq!(entry(&value(&ours)), Some(ours));
        assert_eq!(entry(&Data::string("{}")), None);
        assert_eq!(entry(&Data::long(1)), None);
    }
}
