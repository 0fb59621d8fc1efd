//! Planning: what is desired, recorded and observed goes in; steps, holds and the next wake come out.
//!
//! ```text
//! Desired ──┐
//! Recorded ─┼─▶ plan(…, now) ─▶ Plan { steps, holds, records, events, next_wake }
//! Observed ─┘        pure: no clock, no IO, no async; every decision is made here
//!
//! accept   documents become records: new, changed, renamed, gone
//! faults   what is wrong with documents that can't be used, in words
//! cluster  is this the cluster that was recorded, and can it be trusted now?
//! keeper   who keeps a job, by its entry in the ownership map
//! settling whether the list of its jobs can be trusted yet
//! learn    what was observed becomes part of the record
//! jet_job  the decision table: one step at most, or a hold that says why not
//! trust    may this revision be in force, and who remembers which one was
//! word     what a person's word about a hold is about, so that it is taken for nothing else
//! pause    what a person wants left alone
//! outlook  what comes after a step, in words
//! report   the status that users read
//! planner  the pass: what changed is planned anew, what did not stands as it was planned
//! ```
//!
//! A **step** is one effect, fully specified; carrying it out needs no decision. A **hold** says why
//! something is not done, and what would release it. What observation taught is in the changed
//! records, which are committed together with the intents of the steps; `transition` says what a
//! record becomes when a step begins and ends.

mod accept;
mod cluster;
mod document;
mod draft;
pub mod event;
mod failure;
mod faults;
pub mod hold;
pub mod jar;
mod jet_job;
mod jet_job_snapshot;
pub mod job;
mod keeper;
mod learn;
pub mod observed;
mod outlook;
pub mod ownership;
mod pair;
mod pass;
mod pause;
mod planner;
mod plural;
pub mod record;
mod report;
mod settling;
pub mod snapshot;
pub mod status;
pub mod step;
pub mod transition;
pub mod trust;
pub mod upload;
mod wanted;
mod windows;
mod word;

pub use jet_job_snapshot::{
    begin as begin_snapshot, finish as finish_snapshot, last_status as last_snapshot_status,
};
pub use outlook::{old_name, outlook};
pub use pass::{Plan, PlanInput, Settings, Statuses, plan};
pub use planner::Planner;
pub use plural::counted;
pub use report::last_status;
pub use transition::{begin, finish};
pub use wanted::{Interest, interest, kept_jars, wanted_jar, wanted_jars};
