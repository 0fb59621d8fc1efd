//! Integration tests: one binary.

mod directory_source;
