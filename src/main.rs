//! The `jetkeeper` program.
fn main() {}
