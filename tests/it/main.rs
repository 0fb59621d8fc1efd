//! Integration tests: one binary.

mod resources_faults;
mod resources_fixture;
mod resources_load;
mod resources_properties;
mod resources_schema;
