//! One authenticated connection to a member: a cheap handle, and behind it a task that owns the
//! socket.
//!
//! What holds: an answer goes to the call with its correlation id and to no other; a call that was
//! abandoned keeps its id until it is answered or the connection ends; when the connection ends,
//! every call in flight ends with it and says whether it had been sent; a listener that does not
//! read loses events, and is told so, but never holds up the socket.

pub(crate) mod events;
mod handshake;
mod table;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::events::EventSender;
use super::codec::{self, Request};
use super::config::{ClientConfig, deadline_after};
use super::error::{Error, Kind, LossCause, Result};
use super::frame::FrameError;
use super::message::ClientMessage;
use super::state::Member;
use super::tls::{self, HandshakeError, TlsError};

/// Calls waiting for their turn to be written.
const COMMAND_QUEUE: usize = 64;

/// What the member told of itself and its cluster when it accepted the client.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The member's id.
    pub member_uuid: Uuid,
    /// The cluster's id.
    pub cluster_id: Uuid,
    /// Number of partitions of the cluster's maps.
    pub partition_count: u32,
    /// The member's release.
    pub server_version: String,
    /// Members in join order; empty before 5.4.
    pub members: Vec<Member>,
}

/// Handle of a connection. Clones share the connection, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    identity: Arc<Identity>,
}

impl Connection {
    /// Connects to `address`, introduces the client, and waits for the member's consent.
    pub async fn open(address: &str, config: &ClientConfig, client_uuid: Uuid) -> Result<Self> {
        let deadline = deadline_after(config.connect_timeout);
        let failed = |source| Kind::Connect {
            address: address.to_owned(),
            source,
        };
        let stream = timeout_at(deadline, TcpStream::connect(address))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some(tls) = &config.tls else {
            return Self::introduce(stream, address, config, client_uuid, deadline).await;
        };
        let encrypted = timeout_at(deadline, tls::handshake(stream, address, tls)).await;
        let encrypted = match encrypted {
            Ok(Ok(stream)) => stream,
            Ok(Err(HandshakeError::Tls(source))) => return Err(no_tls(address, source)),
            Ok(Err(HandshakeError::Io(source))) => return Err(failed(source).into()),
            // A member on a plain port may wait for more instead of hanging up.
            Err(_elapsed) => return Err(no_tls(address, TlsError::NoTls)),
        };
        Self::introduce(encrypted, address, config, client_uuid, deadline).await
    }

    /// Introduces the client on a stream that is connected already.
    pub async fn over<S>(
        stream: S,
        address: &str,
        config: &ClientConfig,
        client_uuid: Uuid,
    ) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let deadline = deadline_after(config.connect_timeout);
        Self::introduce(stream, address, config, client_uuid, deadline).await
    }

    async fn introduce<S>(
        stream: S,
        address: &str,
        config: &ClientConfig,
        client_uuid: Uuid,
        deadline: Instant,
    ) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let channel = Channel::spawn(stream, address, config);
        let identity = handshake::authenticate(&channel, config, client_uuid, deadline).await;
        match identity {
            Ok(identity) => Ok(Self {
                channel,
                identity: Arc::new(identity),
            }),
            Err(error) => {
                channel.close.cancel();
                Err(unwelcome(address, error))
            }
        }
    }

    /// What the member told of itself.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The address that was connected to.
    pub fn address(&self) -> &str {
        &self.channel.address
    }

    /// Whether calls can still be made.
    pub fn is_open(&self) -> bool {
        self.channel.ended.borrow().is_none()
    }

    /// Ends the connection and all calls on it.
    pub fn close(&self) {
        self.channel.close.cancel();
    }

    /// Waits for the end of the connection.
    pub async fn closed(&self) -> Error {
        let mut ended = self.channel.ended.clone();
        let cause = ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|cause| cause.clone());
        self.channel.lost(cause, true)
    }

    /// Makes a call, once.
    pub async fn call<R: Request>(&self, request: &R, deadline: Instant) -> Result<R::Response> {
        self.channel
            .call(request, None, deadline)
            .await
            .map(|(_, response)| response)
    }

    /// Makes a call that registers a listener, whose events go to `events`.
    pub(crate) async fn listen<R: Request>(
        &self,
        request: &R,
        events: EventSender,
        deadline: Instant,
    ) -> Result<R::Response> {
        self.channel
            .call(request, Some(events), deadline)
            .await
            .map(|(_, response)| response)
    }

    /// Sends a request whose answer does not matter, if there is room for it now.
    pub(crate) fn notify<R: Request>(&self, request: &R) {
        let command = Command {
            message: request.encode_request(),
            sending: Sending::default(),
            reply: None,
            events: None,
        };
        if self.channel.commands.try_send(command).is_err() {
            tracing::debug!(call = R::NAME, "no room for a request without answer");
        }
    }
}

fn no_tls(address: &str, source: TlsError) -> Error {
    Kind::Tls {
        address: address.to_owned(),
        source,
    }
    .into()
}

/// Why a connection ended before the member had answered, in words that say what to do.
fn unwelcome(address: &str, error: Error) -> Error {
    let Kind::ConnectionLost { source, .. } = error.kind() else {
        return error;
    };
    match source {
        // With TLS 1.3 the member looks at our certificate after our part of the handshake is done.
        LossCause::Io(source) => match tls::explain(source) {
            Some(source) => no_tls(address, source),
            None => error,
        },
        LossCause::ClosedByPeer => Kind::HungUp {
            address: address.to_owned(),
        }
        .into(),
        _ => error,
    }
}

/// The way to the task, before and after authentication.
#[derive(Clone, Debug)]
struct Channel {
    address: Arc<str>,
    commands: mpsc::Sender<Command>,
    ended: watch::Receiver<Option<LossCause>>,
    close: CancellationToken,
}

/// A call on its way to the task.
#[derive(Debug)]
struct Command {
    message: ClientMessage,
    sending: Sending,
    reply: Reply,
    events: Option<EventSender>,
}

/// Where an answer goes; none if nobody waits for it.
type Reply = Option<oneshot::Sender<Result<ClientMessage, Refusal>>>;

/// Why the task did not deliver an answer.
#[derive(Debug)]
enum Refusal {
    Overloaded,
    TooLong(FrameError),
    Lost(LossCause),
}

impl Channel {
    fn spawn<S>(stream: S, address: &str, config: &ClientConfig) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
        let (ended_sender, ended) = watch::channel(None);
        let close = CancellationToken::new();
        let task = task::Task::new(stream, receiver, close.clone(), config);
        tokio::spawn(async move {
            let cause = task.run().await;
            tracing::debug!(%cause, "connection ended");
            ended_sender.send_replace(Some(cause));
        });
        Self {
            address: address.into(),
            commands,
            ended,
            close,
        }
    }

    async fn call<R: Request>(
        &self,
        request: &R,
        events: Option<EventSender>,
        deadline: Instant,
    ) -> Result<(i64, R::Response)> {
        let asked = Instant::now();
        let message = self
            .invoke(R::NAME, request.encode_request(), events, deadline)
            .await?;
        tracing::trace!(call = R::NAME, took = ?asked.elapsed(), "answered");
        let decode = |source| Kind::Decode {
            call: R::NAME,
            source,
        };
        if message.is_error() {
            let source = codec::error::decode_response(&message).map_err(decode)?;
            return Err(Kind::Server {
                call: R::NAME,
                source,
            }
            .into());
        }
        let response = R::decode_response(&message).map_err(decode)?;
        Ok((message.correlation_id(), response))
    }

    async fn invoke(
        &self,
        call: &'static str,
        message: ClientMessage,
        events: Option<EventSender>,
        deadline: Instant,
    ) -> Result<ClientMessage> {
        let begun = Instant::now();
        let (reply, answer) = oneshot::channel();
        let sending = Sending::default();
        let command = Command {
            message,
            sending: sending.clone(),
            reply: Some(reply),
            events,
        };
        let answer = async {
            // A closed queue drops the command and with it the sender of the answer.
            let _closed = self.commands.send(command).await.is_err();
            answer.await
        };
        match timeout_at(deadline, answer).await {
            Ok(Ok(Ok(message))) => Ok(message),
            Ok(Ok(Err(Refusal::Overloaded))) => Err(Kind::Overloaded { call }.into()),
            Ok(Ok(Err(Refusal::TooLong(source)))) => Err(Kind::TooLong { call, source }.into()),
            Ok(Ok(Err(Refusal::Lost(cause)))) => Err(self.lost(Some(cause), sending.was_sent())),
            Ok(Err(_dropped)) => {
                let cause = self.ended.borrow().clone();
                Err(self.lost(cause, sending.was_sent()))
            }
            Err(_elapsed) => {
                let sent = sending.abandon();
                let after: Duration = begun.elapsed();
                Err(Kind::Deadline { call, after, sent }.into())
            }
        }
    }

    fn lost(&self, cause: Option<LossCause>, sent: bool) -> Error {
        let source = cause.unwrap_or(LossCause::ClosedByUs);
        Kind::ConnectionLost {
            address: self.address.to_string(),
            sent,
            source,
        }
        .into()
    }
}

/// Whether a call has left this process: settled once, between the task that writes it and the
/// caller whose time is over.
#[derive(Clone, Debug, Default)]
struct Sending(Arc<AtomicU8>);

impl Sending {
    const QUEUED: u8 = 0;
    const SENT: u8 = 1;
    const ABANDONED: u8 = 2;

    /// Called by the task right before it writes; false if the caller has given up.
    fn start(&self) -> bool {
        self.settle(Self::SENT) != Self::ABANDONED
    }

    /// Called by the caller when it gives up; true if the call has been sent by then.
    fn abandon(&self) -> bool {
        self.settle(Self::ABANDONED) == Self::SENT
    }

    fn was_sent(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::SENT
    }

    /// Moves on from QUEUED; returns what was there before.
    fn settle(&self, to: u8) -> u8 {
        self.0
            .compare_exchange(Self::QUEUED, to, Ordering::AcqRel, Ordering::Acquire)
            .unwrap_or_else(|before| before)
    }
}
