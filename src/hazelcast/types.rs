//! Field types of the protocol: [`read`] takes them from messages, [`mod@write`] puts them in.

pub mod read;
pub mod write;
