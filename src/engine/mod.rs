//! The engine: one task that owns the records, turns wakes into passes, and starts steps.

pub mod published;
pub mod request;

pub use published::{JobResource, Published};
pub use request::{Handle, Request, RequestError};
