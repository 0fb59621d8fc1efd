//! Whether the members have room for a snapshot.

use uuid::Uuid;

use super::error::ExportError;
use super::maps::Maps;
use crate::hazelcast::Heap;

/// What must stay free of a member's heap, in percent.
const FREE_PERCENT: u64 = 25;
const MIB: u64 = 1024 * 1024;

/// Checks that every member could keep a quarter of its heap free. Members that collect no metrics
/// say nothing, and are believed.
pub(super) async fn check(maps: &dyn Maps, target: &str, bytes: i64) -> Result<(), ExportError> {
    let members = maps.members();
    let backups = maps.backups(target).await;
    let backups = backups.map_err(ExportError::call("prepared"))?;
    let share = share(
        u64::try_from(bytes).unwrap_or_default(),
        backups,
        members.len(),
    );
    for member in members {
        // A member that left meanwhile takes no room.
        if let Ok(Some(heap)) = maps.heap(member).await {
            fits(member, heap, share)?;
        }
    }
    Ok(())
}

/// The bytes that one member takes, each copy being on a member of its own.
fn share(bytes: u64, backups: u64, members: usize) -> u64 {
    let members = u64::try_from(members).unwrap_or(u64::MAX).max(1);
    let copies = backups.saturating_add(1).min(members);
    bytes.saturating_mul(copies).div_ceil(members)
}

fn fits(member: Uuid, heap: Heap, share: u64) -> Result<(), ExportError> {
    let limit = heap.max / 100 * (100 - FREE_PERCENT);
    if heap.used.saturating_add(share) <= limit {
        return Ok(());
    }
    Err(ExportError::NoRoom {
        member: member.to_string(),
        needed: share.div_ceil(MIB),
        used: heap.used / MIB,
        max: heap.max / MIB,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_spread_over_the_members() {
        assert_eq!(share(300, 0, 3), 100);
        assert_eq!(share(300, 1, 3), 200);
        assert_eq!(share(300, 6, 3), 300);
        assert_eq!(share(300, 1, 1), 300);
        assert_eq!(share(300, 1, 0), 300);
    }

    #[test]
    fn a_quarter_stays_free() {
        let heap = |used| Heap { used, max: 1000 };
        assert!(fits(Uuid::nil(), heap(500), 250).is_ok());
        assert!(fits(Uuid::nil(), heap(500), 251).is_err());
        assert!(fits(Uuid::nil(), heap(0), u64::MAX).is_err());
    }
}
