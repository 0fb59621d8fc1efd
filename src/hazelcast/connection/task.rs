//! The task that owns a socket: reads, writes and keeps the heartbeat at the same time, so that a
//! member that does not read cannot keep us from reading.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::table::Table;
use super::{Command, Refusal, Reply};
use crate::hazelcast::assembler::MessageAssembler;
use crate::hazelcast::codec::client::ping::Ping;
use crate::hazelcast::codec::jet::add_job_status_listener::JOB_STATUS_EVENT;
use crate::hazelcast::codec::jet::get_job_and_sql_summary_list::GetJobAndSqlSummaryList;
use crate::hazelcast::codec::{Request, response_type};
use crate::hazelcast::config::{ClientConfig, bearable};
use crate::hazelcast::error::LossCause;
use crate::hazelcast::frame::{FrameCodec, FrameError, FrameReader};
use crate::hazelcast::message::{ClientMessage, DecodeError, ERROR_TYPE};

/// First bytes on a connection: "client protocol, version 2".
const PREAMBLE: &[u8] = b"CP2";
/// Room made for reads.
const READ_CHUNK: usize = 16 * 1024;
/// More is made once less than this is left.
const LEAST_ROOM: usize = 2 * 1024;
/// No further calls are taken while this much waits to be written.
const WRITE_HIGH_WATER: usize = 256 * 1024;
/// What is kept of each text of an error: more than is ever shown, and than secrets are looked for in.
const ERROR_TEXT: usize = 8 * 1024;
/// Buffers larger than this are given back once they are empty.
const KEPT_BUFFER: usize = 64 * 1024;

/// Everything one connection needs; consumed by [`Task::run`].
pub(super) struct Task<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    commands: mpsc::Receiver<Command>,
    close: CancellationToken,
    wire: Wire,
    heartbeat: Heartbeat,
}

/// Bytes in and out, and who waits for them. No IO.
struct Wire {
    codec: FrameCodec,
    reader: FrameReader,
    greeted: bool,
    assembler: MessageAssembler,
    table: Table,
    input: BytesMut,
    output: BytesMut,
}

/// When the connection was last seen alive.
struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    last_read: Instant,
    last_write: Instant,
}

enum Wake {
    Read(usize),
    Wrote,
    Command(Option<Command>),
    Timer,
    Close,
}

impl<S: AsyncRead + AsyncWrite> Task<S> {
    pub(super) fn new(
        stream: S,
        commands: mpsc::Receiver<Command>,
        close: CancellationToken,
        config: &ClientConfig,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let wire = Wire {
            codec: FrameCodec::new(config.max_message_bytes),
            reader: FrameReader::new(config.max_message_bytes),
            greeted: false,
            assembler: MessageAssembler::new(config.max_message_bytes)
                .trimming(
                    response_type::<GetJobAndSqlSummaryList>(),
                    config.max_text_bytes,
                )
                .trimming(ERROR_TYPE, ERROR_TEXT)
                .trimming(JOB_STATUS_EVENT, config.max_text_bytes),
            table: Table::new(config.max_pending_calls),
            input: BytesMut::new(),
            output: BytesMut::from(PREAMBLE),
        };
        let heartbeat = Heartbeat {
            interval: bearable(config.heartbeat_interval),
            timeout: bearable(config.heartbeat_timeout),
            last_read: Instant::now(),
            last_write: Instant::now(),
        };
        Self {
            reader,
            writer,
            commands,
            close,
            wire,
            heartbeat,
        }
    }

    /// Serves the connection until it ends; then ends every call on it.
    pub(super) async fn run(mut self) -> LossCause {
        let cause = loop {
            if let Err(cause) = self.step().await {
                break cause;
            }
        };
        self.commands.close();
        self.wire.table.fail_all(&cause);
        while let Ok(command) = self.commands.try_recv() {
            refuse(command.reply, Refusal::Lost(cause.clone()));
        }
        cause
    }

    async fn step(&mut self) -> Result<(), LossCause> {
        match self.wait().await? {
            Wake::Read(0) => Err(LossCause::ClosedByPeer),
            Wake::Read(_) => {
                self.heartbeat.last_read = Instant::now();
                self.wire.receive()
            }
            Wake::Wrote => {
                self.heartbeat.last_write = Instant::now();
                self.wire.shrink_output();
                Ok(())
            }
            Wake::Command(Some(command)) => {
                self.wire.send(command);
                Ok(())
            }
            Wake::Command(None) | Wake::Close => Err(LossCause::ClosedByUs),
            Wake::Timer => self.beat(),
        }
    }

    /// Waits for the one thing to do next. Each of these may be given up without losing bytes.
    async fn wait(&mut self) -> Result<Wake, LossCause> {
        let wants_write = !self.wire.output.is_empty();
        let wants_commands = self.wire.output.len() < WRITE_HIGH_WATER;
        self.wire.make_room();
        let timer = self.heartbeat.next_at(wants_write);
        let io = |error| LossCause::Io(Arc::new(error));
        tokio::select! {
            read = self.reader.read_buf(&mut self.wire.input) => read.map(Wake::Read).map_err(io),
            done = write(&mut self.writer, &mut self.wire.output), if wants_write => {
                done.map(|()| Wake::Wrote).map_err(io)
            }
            command = self.commands.recv(), if wants_commands => Ok(Wake::Command(command)),
            () = sleep_until(timer) => Ok(Wake::Timer),
            () = self.close.cancelled() => Ok(Wake::Close),
        }
    }

    fn beat(&mut self) -> Result<(), LossCause> {
        let now = Instant::now();
        if now >= self.heartbeat.last_read + self.heartbeat.timeout {
            return Err(LossCause::Heartbeat(self.heartbeat.timeout));
        }
        self.wire.table.sweep();
        if self.wire.output.is_empty() && now >= self.heartbeat.last_write + self.heartbeat.interval
        {
            self.wire.ping();
        }
        Ok(())
    }
}

/// Writes some of the buffer, and flushes when that was the rest of it.
async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    output: &mut BytesMut,
) -> std::io::Result<()> {
    writer.write_buf(output).await?;
    if output.is_empty() {
        writer.flush().await?;
    }
    Ok(())
}

/// Whether the first bytes of a connection are a TLS record (an alert or a handshake) and no frame: as a
/// length they would be one of the longest frames.
fn is_tls(input: &[u8]) -> bool {
    matches!(input, [0x15 | 0x16, 0x03, 0x00..=0x04, ..])
}

fn refuse(reply: Reply, refusal: Refusal) {
    if reply.is_some_and(|reply| reply.send(Err(refusal)).is_err()) {
        tracing::trace!("a call that was given up could not be made");
    }
}

impl Wire {
    /// Makes room for a read. What was read is shared with whoever got it, so that room for each answer
    /// would be a new buffer for each.
    fn make_room(&mut self) {
        if self.input.capacity() - self.input.len() < LEAST_ROOM {
            self.input.reserve(READ_CHUNK);
        }
    }

    /// Takes all whole messages out of what was read.
    fn receive(&mut self) -> Result<(), LossCause> {
        if !self.greeted {
            if is_tls(&self.input) {
                return Err(LossCause::SpeaksTls);
            }
            self.greeted = self.input.len() >= 3;
        }
        self.take_messages().map_err(LossCause::Protocol)
    }

    fn take_messages(&mut self) -> Result<(), DecodeError> {
        while let Some(frame) = self.reader.next(self.assembler.wanted(), &mut self.input)? {
            if let Some(message) = self.assembler.push(frame)? {
                self.table.dispatch(message);
            }
        }
        if self.input.is_empty() && self.input.capacity() > KEPT_BUFFER {
            self.input = BytesMut::new();
        }
        Ok(())
    }

    /// Puts a call into the output, unless it was given up or there are too many.
    fn send(&mut self, command: Command) {
        if !self.table.has_room() {
            return refuse(command.reply, Refusal::Overloaded);
        }
        let Command {
            message,
            sending,
            reply,
            events,
        } = command;
        let given_up = reply.as_ref().is_some_and(oneshot::Sender::is_closed);
        if given_up || !sending.start() {
            return;
        }
        match self.enqueue(message) {
            Ok(id) => self.table.register(id, reply, events),
            Err(error) => refuse(reply, Refusal::TooLong(error)),
        }
    }

    fn ping(&mut self) {
        match self.enqueue(Ping.encode_request()) {
            Ok(id) => self.table.register(id, None, None),
            Err(error) => tracing::debug!(%error, "no ping could be sent"),
        }
    }

    fn enqueue(&mut self, mut message: ClientMessage) -> Result<i64, FrameError> {
        let id = self.table.next_id();
        message.set_correlation_id(id);
        let before = self.output.len();
        if let Err(error) = message.encode(&self.codec, &mut self.output) {
            self.output.truncate(before);
            return Err(error);
        }
        Ok(id)
    }

    fn shrink_output(&mut self) {
        if self.output.is_empty() && self.output.capacity() > KEPT_BUFFER {
            self.output = BytesMut::new();
        }
    }
}

impl Heartbeat {
    /// When there is something to do at the latest. While a write is under way no ping is due.
    fn next_at(&self, writing: bool) -> Instant {
        let dead = self.last_read + self.timeout;
        if writing {
            dead
        } else {
            dead.min(self.last_write + self.interval)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazelcast::frame::{Flags, Frame};

    #[tokio::test]
    async fn an_endless_text_of_an_error_takes_no_room() {
        let (_commands, receiver) = mpsc::channel(1);
        let (stream, _peer) = tokio::io::duplex(64);
        let close = CancellationToken::new();
        let config = ClientConfig::default();
        let mut wire = Task::new(stream, receiver, close, &config).wire;
        let first = Frame {
            flags: Flags::UNFRAGMENTED,
            content: vec![0; 13].into(),
        };
        wire.codec.encode(&first, &mut wire.input).unwrap();
        wire.input.extend_from_slice(&(100i32 << 20).to_le_bytes());
        wire.input.extend_from_slice(&[0, 0]);
        for _ in 1..(100 << 20) / READ_CHUNK {
            wire.input.extend_from_slice(&[b'x'; READ_CHUNK]);
            wire.receive().unwrap();
            assert!(wire.input.capacity() < 16 * READ_CHUNK);
        }
    }

    #[test]
    fn a_tls_record_is_no_frame() {
        assert!(is_tls(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a]));
        assert!(is_tls(&[0x16, 0x03, 0x01, 0x00]));
        assert!(!is_tls(&[0x15, 0x03]));
        assert!(!is_tls(&[0x36, 0x00, 0x00, 0x00, 0x00, 0xc0]));
    }
}
