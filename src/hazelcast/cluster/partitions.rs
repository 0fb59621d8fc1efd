//! Which member owns which partition.

use uuid::Uuid;

use crate::hazelcast::serialization::Data;

/// Owners by partition id. Empty until a member has told them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartitionTable {
    owners: Vec<Option<Uuid>>,
}

impl PartitionTable {
    /// A table for so many partitions; ids beyond them are ignored.
    pub(crate) fn new(count: u32, lists: &[(Uuid, Vec<i32>)]) -> Self {
        let mut owners = vec![None; usize::try_from(count).unwrap_or_default()];
        for (owner, ids) in lists {
            for id in ids {
                if let Some(slot) = usize::try_from(*id).ok().and_then(|id| owners.get_mut(id)) {
                    *slot = Some(*owner);
                }
            }
        }
        Self { owners }
    }

    /// The owner of a key's partition, where known.
    pub(crate) fn owner_of(&self, key: &Data) -> Option<Uuid> {
        let count = u32::try_from(self.owners.len()).ok()?;
        self.owner(key.partition_id(count))
    }

    /// The owner of a partition, where known.
    pub(crate) fn owner(&self, partition_id: i32) -> Option<Uuid> {
        let index = usize::try_from(partition_id).ok()?;
        self.owners.get(index).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_partitions_there_are_have_owners() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let table = PartitionTable::new(3, &[(a, vec![0, 7, -1]), (b, vec![2])]);
        let owners: Vec<_> = (-1..4).map(|id| table.owner(id)).collect();
        assert_eq!(owners, [None, Some(a), None, Some(b), None]);
    }
}
