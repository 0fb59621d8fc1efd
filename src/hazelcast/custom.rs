//! Custom types of the protocol: structures that occur inside several messages.

pub mod address;
pub mod error_holder;
pub mod job_and_sql_summary;
pub mod member_info;
pub mod member_version;
