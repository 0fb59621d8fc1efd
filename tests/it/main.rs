//! Integration tests: one binary.

mod store_crash;
