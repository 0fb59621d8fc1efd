//! The pure planner: what is desired, recorded and observed goes in, steps and holds come out.
//!
//! A `Scene` is everything that a plan follows from, built step by step; `drive` carries plans out
//! on an ideal cluster until nothing is left to do.

mod changes;
mod clusters;
mod deletions;
mod documents;
mod drive;
mod guards;
mod hands;
mod happenings;
mod keepers;
mod kept;
mod names;
mod observe;
mod pauses;
mod preflight;
mod properties;
mod rebuilds;
mod remote;
mod report;
mod restores;
mod rollbacks;
mod scene;
mod settling;
mod snapshot_deletions;
mod submit;
mod table;
mod times;
mod trust;
mod upgrades;
mod windows;
mod withdrawals;
mod words;
