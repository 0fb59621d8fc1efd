//! Planning: what is desired, recorded and observed goes in; steps, holds and the next wake come out.
//!
//! ```text
//! Desired ──┐
//! Recorded ─┼─▶ plan(…, now) ─▶ Plan { steps, holds, records, events, next_wake }
//! Observed ─┘        pure: no clock, no IO, no async; every decision is made here
//! ```
//!
//! A **step** is one effect, fully specified; carrying it out needs no decision. A **hold** says why
//! something is not done, and what would release it. What observation taught is in the changed
//! records, which are committed together with the intents of the steps.

pub mod event;
pub mod hold;
pub mod jar;
pub mod job;
pub mod observed;
pub mod ownership;
pub mod record;
pub mod status;
pub mod step;
pub mod upload;
