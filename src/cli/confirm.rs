//! `confirm`: a person releases a hold.

use std::process::ExitCode;

use super::ask::Taker;
use super::context::Context;
use super::error::{CliError, Result};
use super::format::{Format, print_list};
use super::pause::user;
use super::rows::subjects;
use crate::api::peer::who;
use crate::api::wire::ConfirmBody;
use crate::plan::hold::{Hold, HoldId, Release};
use crate::plan::record::Confirmation;
use crate::store::Change;

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
    let taker = Taker::find(context).await?;
    let mut holds = match &taker {
        Taker::Daemon(client) => client.list::<Hold>("/v1/holds").await?,
        Taker::State(..) => Vec::new(),
    };
    let Some(id) = args.hold else {
        if matches!(taker, Taker::State(..)) {
            return Err(
                CliError::failed("only a daemon knows what is held, and none runs")
                    .hint("`jetkeeper plan PATH` shows what is held, with ids"),
            );
        }
        holds.retain(|hold| matches!(hold.release, Release::Confirm | Release::DiscardState));
        let now = context.clock.now();
        let none = "nothing waits for a confirmation";
        print_list(context.output, Format::Wide, &holds, now, none)?;
        return Ok(ExitCode::SUCCESS);
    };
    let (hold, told) = match &taker {
        Taker::Daemon(_) => {
            let (hold, what) = pick(holds, &id)?;
            (hold, format!("confirmed: {what}"))
        }
        Taker::State(..) => whole(&id)?,
    };
    let body = ConfirmBody {
        hold,
        discard_state: args.discard_state,
        by: user(),
    };
    let by = who(&body.by, rustix::process::getuid().as_raw()).await;
    let confirmation = Confirmation {
        at: context.clock.now(),
        discard_state: args.discard_state,
    };
    let asked = taker.ask(context, "/v1/confirm", &body, |_| {
        let mut change = Change::default();
        change.confirm(body.hold.clone(), None, confirmation, &by);
        Ok(change)
    });
    asked.await?;
    context.output.say(&told);
    Ok(ExitCode::SUCCESS)
}

/// The hold whose id begins like this.
fn pick(mut holds: Vec<Hold>, id: &str) -> Result<(HoldId, String)> {
    holds.retain(|hold| hold.id.0.starts_with(id));
    match holds.as_slice() {
        [hold] => {
            let told = format!("{} of {}", hold.reason, subjects(hold));
            Ok((hold.id.clone(), told))
        }
        [] => Err(CliError::failed(format!("there is no hold {id}")).hint(
            "a hold's id is void once its document, its job or what it is about changed; \
             `jetkeeper get holds` shows \
             those that there are",
        )),
        _ => Err(CliError::usage(format!("several holds begin with {id}"))),
    }
}

/// A hold that nobody here knows, so that its id has to be complete. Holds follow from what is seen and are
/// not recorded. The word is taken all the same: between `plan`, which shows ids, and the next `apply` it is
/// the only way to give one, and it does nothing where there is no such hold. But nobody may take that for
/// more than it is.
fn whole(id: &str) -> Result<(HoldId, String)> {
    const LENGTH: usize = 12;
    if id.len() != LENGTH || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(CliError::usage(format!(
            "without a daemon the hold's whole id is needed: {LENGTH} hex digits"
        )));
    }
    let hold = HoldId(id.to_ascii_lowercase());
    let told = format!(
        "noted: hold {hold} is confirmed should the next run or apply find it, else the word is dropped. What \
         is held is not recorded, so that nobody knows here whether there is such a hold: `jetkeeper plan PATH` \
         shows those that there are"
    );
    Ok((hold, told))
}
