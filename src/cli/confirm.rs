//! `confirm`: a person releases a hold.

use std::process::ExitCode;

use super::context::Context;
use super::error::{CliError, Result};
use super::format::{Format, print_list};
use super::locate::daemon;
use super::rows::subjects;
use crate::api::wire::ConfirmBody;
use crate::plan::hold::{Hold, Release};

/// Release what is held.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The hold's id, or its first digits; without it, the holds that can be confirmed are listed
    hold: Option<String>,
    /// The state of the jobs concerned may go
    #[arg(long, requires = "hold")]
    discard_state: bool,
}

/// Releases a hold.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    let client = daemon(context).await?;
    let mut holds: Vec<Hold> = client.list("/v1/holds").await?;
    let Some(id) = args.hold else {
        holds.retain(|hold| matches!(hold.release, Release::Confirm | Release::DiscardState));
        let now = context.clock.now();
        let none = "nothing waits for a confirmation";
        print_list(context.output, Format::Wide, &holds, now, none)?;
        return Ok(ExitCode::SUCCESS);
    };
    holds.retain(|hold| hold.id.0.starts_with(id.as_str()));
    let hold = match holds.as_slice() {
        [hold] => hold,
        [] => {
            return Err(CliError::failed(format!("there is no hold {id}")).hint(
                "a hold's id is void once its reason or subjects changed; `jetkeeper get holds` \
                 shows those that there are",
            ));
        }
        _ => return Err(CliError::usage(format!("several holds begin with {id}"))),
    };
    let body = ConfirmBody {
        hold: hold.id.clone(),
        discard_state: args.discard_state,
    };
    client.post("/v1/confirm", &body).await?;
    let (reason, subjects) = (hold.reason, subjects(hold));
    context
        .output
        .say(&format!("confirmed: {reason} of {subjects}"));
    Ok(ExitCode::SUCCESS)
}
