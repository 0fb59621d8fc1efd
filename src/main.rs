//! The `jetkeeper` program.

use std::process::ExitCode;

/// Gives back what a burst needed, where the unit's environment says so. On `x86_64` alone: elsewhere
/// pages have several sizes, and jemalloc is built for one.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    jetkeeper::cli::main()
}
