//! The `jetkeeper` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    jetkeeper::cli::main()
}
