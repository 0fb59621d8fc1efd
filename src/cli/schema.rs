//! `schema`: for editors.

use std::process::ExitCode;

use super::context::Context;
use super::error::Result;
use super::format::json;
use crate::resources::schema::schema;

/// Print the JSON Schema of the YAML, for editors.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Prints the schema.
pub(super) fn run(context: &Context, _: &Args) -> Result<ExitCode> {
    context.output.data(&json(&schema())?)?;
    Ok(ExitCode::SUCCESS)
}
