//! Who keeps a job, by its entry in the ownership map: which owner, and which of those that have this owner.
//!
//! Two of one owner happen where one's state is made anew while the other one runs. Whoever wrote the entry last keeps
//! the job, and the other one finds an entry that it didn't write and never recorded: it touches the job no more.

use super::observed::ClusterView;
use super::ownership::OwnershipEntry;
use super::pass::PlanInput;
use super::record::JobRecord;

/// Who keeps a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper<'a> {
    /// Nobody: there is no entry.
    Nobody,
    /// We do.
    Us,
    /// We do, by an entry that we know and that doesn't say so: the state that this one was made anew in place of wrote
    /// it, or a version of us that named no keeper. It has to be written anew before anything else is done.
    Before(&'a OwnershipEntry),
    /// Another one with our owner.
    Another(&'a OwnershipEntry),
    /// Another owner.
    Stranger(&'a OwnershipEntry),
}

/// The entry of a job as far as is known: what was read or what we wrote, whichever is newer.
pub(super) fn entry<'a>(
    record: Option<&'a JobRecord>,
    view: Option<&'a ClusterView>,
    job_name: &str,
) -> Option<&'a OwnershipEntry> {
    let written = record.and_then(|record| record.entry.as_ref());
    let entries = view.and_then(|view| view.ownership.known());
    match (written, entries.and_then(|map| map.get(job_name))) {
        (Some(written), Some(read))
            if written.epoch > read.epoch && !is_read_since(record, view) =>
        {
            Some(written)
        }
        (written, read) => read.or(written),
    }
}

/// Whether the map was asked for after we wrote: then it tells, also where somebody counts from one again.
fn is_read_since(record: Option<&JobRecord>, view: Option<&ClusterView>) -> bool {
    let written = record.and_then(|record| record.entry_since);
    let asked = view.and_then(|view| view.ownership_asked_at);
    asked
        .zip(written)
        .is_some_and(|(asked, written)| asked > written)
}

/// Who keeps the job of this record and entry.
pub(super) fn keeper<'a>(
    input: &PlanInput<'_>,
    record: Option<&JobRecord>,
    entry: Option<&'a OwnershipEntry>,
) -> Keeper<'a> {
    let Some(entry) = entry else {
        return Keeper::Nobody;
    };
    if entry.owner != input.settings.owner {
        return Keeper::Stranger(entry);
    }
    // Where records are made anew, whatever has our owner is to be found again.
    if entry.keeper == input.recorded.store_id || input.settings.rebuilding {
        return Keeper::Us;
    }
    let known = record.is_some_and(|record| record.entry.as_ref() == Some(entry));
    match (known, entry.keeper.is_empty()) {
        (true, _) => Keeper::Before(entry),
        (false, true) => Keeper::Us,
        (false, false) => Keeper::Another(entry),
    }
}

impl Keeper<'_> {
    /// Whether it is us, whatever the entry says.
    pub(super) fn is_us(self) -> bool {
        matches!(self, Self::Us | Self::Before(_))
    }
}
