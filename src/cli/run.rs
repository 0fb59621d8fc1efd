//! `run`: the daemon.

mod notify;
mod reload;
mod service;
mod status;
mod webhooks;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::args::{Keeping, Logging, Serving};
use super::context::Context;
use super::error::{CliError, Result};
use super::follow::Follower;
use super::shutdown::{GRACE, Stop, left};
use super::wiring::{self, Running};
use crate::api::{HttpSocket, Limits, Socket, serve, serve_http};
use crate::config::Config;
use crate::engine::{EngineTask, Handle};
use crate::resources::{Fault, Severity};
use crate::telemetry;
use reload::Reload;
use service::Service;
use webhooks::Webhooks;

/// How long the socket may take to answer what was asked, once the engine has ended.
const SOCKET_GRACE: Duration = Duration::from_secs(2);

/// How long receivers of notifications may take to answer what they were told last.
const SENDERS_GRACE: Duration = Duration::from_secs(3);

/// Keep the jobs as declared, until stopped: the daemon.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    serving: Serving,
    #[command(flatten)]
    logging: Logging,
}

/// Runs until somebody wants the end.
pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode> {
    context.log(&args.logging, "info")?;
    let config = context.serving(args.keeping.clone(), &args.serving)?;
    let mut stop = Stop::listen()?;
    let asked = signal(SignalKind::hangup()).map_err(CliError::failed)?;
    let running = wiring::keep(context, &config, wiring::DAEMON).await?;
    // After the state is ours: whoever has it may answer for it.
    let socket = Socket::bind(config.state()?).await?;
    greet(&config, &socket);
    let end = CancellationToken::new();
    let monitored = monitor(&config, &running.handle, &end).await?;
    let webhooks = Webhooks::begin(&config, &running, &end).await?;
    let served = tokio::spawn(serve(
        socket,
        running.handle.clone(),
        Arc::clone(&context.clock),
        Limits::default(),
        end.clone(),
    ));
    let senders = notify::begin(context, &config, &running.handle)?;
    let telling = tokio::spawn(tell(Follower::new(&running.handle).await?));
    let service = Service::begin(&running.handle)?;
    let Running {
        mut task,
        handle,
        sources,
        start,
        ..
    } = running;
    let mut reload = Reload {
        asked,
        context,
        keeping: args.keeping,
        serving: args.serving,
        config,
        sources,
        start,
        handle,
        webhooks,
    };
    let done = attend(&mut task, &mut stop, &service, &mut reload).await;
    let done = match done {
        Ok(()) => {
            tracing::info!("stopping; steps in flight get {} s", GRACE.as_secs());
            service.stopping("stopping; waiting for steps in flight");
            // Before the engine, which writes down how far they were.
            senders.stop(SENDERS_GRACE).await;
            stopped(task, &mut stop).await
        }
        Err(error) => Err(error),
    };
    end.cancel();
    if tokio::time::timeout(SOCKET_GRACE, served).await.is_err() {
        tracing::debug!("somebody still read from the socket");
    }
    monitored.abort();
    telling.abort();
    drop(reload);
    done
}

/// Reads the configuration again whenever that is asked for, until the end is wanted.
async fn attend(
    task: &mut EngineTask,
    stop: &mut Stop,
    service: &Service,
    reload: &mut Reload<'_>,
) -> Result<()> {
    loop {
        tokio::select! {
            // Where a SIGHUP is the end of the terminal, it is no request to reload too.
            biased;
            () = stop.wanted() => return Ok(()),
            error = task.ended() => return Err(error.into()),
            Some(()) = reload.asked.recv() => service.reloading(),
        }
        tokio::select! {
            () = stop.wanted() => return Ok(()),
            words = reload.reload() => service.reloaded(&words),
        }
    }
}

/// Ends the engine; a second signal ends it at once.
async fn stopped(task: EngineTask, stop: &mut Stop) -> Result<ExitCode> {
    let left_over = tokio::select! {
        ended = task.stop(GRACE) => ended?,
        () = stop.wanted() => {
            return Err(CliError::failed("broken off by a second signal")
                .hint("the journal is true; the next run finds out what became of steps in flight"));
        }
    };
    if let Some(words) = left(&left_over) {
        tracing::warn!("stopped; {words}");
    } else {
        tracing::info!("stopped; nothing was left");
    }
    Ok(ExitCode::SUCCESS)
}

fn greet(config: &Config, socket: &Socket) {
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(
        "jetkeeper {version} begins; socket {}",
        socket.path().display()
    );
    for source in &config.sources {
        let (name, origin) = (&source.name, &source.origin);
        tracing::info!("source {name}: {origin}");
    }
}

/// Answers monitoring, where the configuration says so.
async fn monitor(config: &Config, handle: &Handle, end: &CancellationToken) -> Result<AbortHandle> {
    let Some(address) = config.http.listen else {
        return Ok(tokio::spawn(std::future::ready(())).abort_handle());
    };
    let socket = HttpSocket::bind(address).await.map_err(CliError::failed)?;
    tracing::info!("monitoring is answered on http://{}", socket.address());
    let serving = serve_http(socket, handle.clone(), end.clone());
    Ok(tokio::spawn(serving).abort_handle())
}

/// Logs what happens, in the words that users read.
async fn tell(mut follower: Follower) {
    loop {
        match follower.next().await {
            Ok(Some(news)) => {
                news.faults.iter().for_each(log_fault);
                for entry in &news.events {
                    telemetry::event(&entry.event);
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!("{}", error.words());
                return;
            }
        }
    }
}

fn log_fault(fault: &Fault) {
    let Fault { place, message, .. } = fault;
    let help = fault.help.as_deref();
    let help = help.map_or(String::new(), |help| format!(" ({help})"));
    match fault.severity {
        Severity::Error => tracing::error!("{place}: {message}{help}"),
        Severity::Warning => tracing::warn!("{place}: {message}{help}"),
    }
}
