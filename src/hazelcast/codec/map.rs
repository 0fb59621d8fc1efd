//! Messages about maps. Keys and values go as they are, already serialised.

pub mod clear;
pub mod delete;
pub mod entry_set;
pub mod fetch_entries;
pub mod fetch_keys;
pub mod get;
pub mod put_all;
pub mod put_if_absent;
pub mod remove_if_same;
pub mod replace_if_same;
pub mod set;
pub mod size;
