//! Messages about maps. Keys and values go as they are, already serialised.

pub mod entry_set;
pub mod get;
pub mod put_if_absent;
pub mod remove_if_same;
pub mod replace_if_same;
pub mod size;
