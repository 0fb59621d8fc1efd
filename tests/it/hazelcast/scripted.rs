//! A member that does what no real one can be made to do: a real one behind a socket that a script
//! watches. What no rule is about, the real member answers; its answers are never imagined.
//!
//! A rule is a condition (the type of a request, and how often) and a reaction. Addresses that the
//! member tells are those of this socket, so that no client finds a way round it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use jetkeeper::hazelcast::assembler::MessageAssembler;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::frame::{Flags, Frame, FrameCodec};
use jetkeeper::hazelcast::message::ClientMessage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::peer::{event, failure, text};
use crate::support::member::Member;

const LIMIT: usize = 512 << 20;

/// What is done instead of handing a request on.
pub(crate) type Reaction = Arc<dyn Fn(Exchange) -> BoxFuture<'static, ()> + Send + Sync>;

/// A real member behind a script. Its connections end with it.
pub(crate) struct ScriptedMember {
    port: u16,
    script: Arc<Script>,
    _task: AbortOnDropHandle<()>,
}

struct Script {
    /// The ports of this socket and of the real member.
    ports: (u16, u16),
    rules: Mutex<Vec<Rule>>,
    heard: Mutex<Vec<i32>>,
}

struct Rule {
    message_type: i32,
    left: usize,
    reaction: Reaction,
}

impl ScriptedMember {
    /// A script before this member, without rules.
    pub(crate) async fn before(member: &Member) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Script {
            ports: (port, member.port()),
            rules: Mutex::default(),
            heard: Mutex::default(),
        });
        let listening = Arc::clone(&script);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(serve(Arc::clone(&listening), client));
            }
        });
        Self {
            port,
            script,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Reacts to the next so many requests of this type.
    pub(crate) fn on<R: Request>(&self, times: usize, reaction: Reaction) {
        lock(&self.script.rules).push(Rule {
            message_type: R::TYPE,
            left: times,
            reaction,
        });
    }

    /// How many requests of this type have come.
    pub(crate) fn heard<R: Request>(&self) -> usize {
        let heard = lock(&self.script.heard);
        heard.iter().filter(|it| **it == R::TYPE).count()
    }
}

/// A request, and the ways to both sides.
pub(crate) struct Exchange {
    pub(crate) request: ClientMessage,
    to_client: mpsc::UnboundedSender<Option<Bytes>>,
    to_member: mpsc::UnboundedSender<Option<Bytes>>,
    asked: Asked,
}

type Asked = Arc<Mutex<HashMap<i64, oneshot::Sender<ClientMessage>>>>;

impl Exchange {
    /// What the real member answers to this request.
    pub(crate) async fn ask(&self, request: &ClientMessage) -> Vec<Frame> {
        let (told, answer) = oneshot::channel();
        lock(&self.asked).insert(request.correlation_id(), told);
        send(&self.to_member, bytes_of(request.frames()));
        let answer = answer.await.expect("the member answers");
        answer.frames().to_vec()
    }

    pub(crate) fn write(&self, frames: &[Frame]) {
        send(&self.to_client, bytes_of(frames));
    }

    pub(crate) fn write_bytes(&self, bytes: Bytes) {
        send(&self.to_client, bytes);
    }

    /// Ends the connection once what was written is on its way.
    pub(crate) fn hang_up(&self) {
        self.to_client.send(None).ok();
    }

    /// Answers as the real member does.
    pub(crate) async fn forward(&self) {
        let answer = self.ask(&self.request).await;
        self.write(&answer);
    }
}

/// A reaction from a function.
pub(crate) fn reaction<F>(react: impl Fn(Exchange) -> F + Send + Sync + 'static) -> Reaction
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |exchange| Box::pin(react(exchange)))
}

/// Says nothing.
pub(crate) fn silence() -> Reaction {
    reaction(|_| async {})
}

/// Ends the connection instead of an answer.
pub(crate) fn hang_up() -> Reaction {
    reaction(|exchange| async move { exchange.hang_up() })
}

/// Answers late.
pub(crate) fn delay(by: Duration) -> Reaction {
    reaction(move |exchange| async move {
        tokio::time::sleep(by).await;
        exchange.forward().await;
    })
}

/// Answers byte by byte.
pub(crate) fn drip(pause: Duration) -> Reaction {
    reaction(move |exchange| async move {
        let answer = bytes_of(&exchange.ask(&exchange.request).await);
        for byte in answer {
            exchange.write_bytes(Bytes::copy_from_slice(&[byte]));
            tokio::time::sleep(pause).await;
        }
    })
}

/// Ends the connection in the middle of the answer's last frame.
pub(crate) fn cut_mid_frame() -> Reaction {
    reaction(|exchange| async move {
        let mut answer = bytes_of(&exchange.ask(&exchange.request).await);
        answer.truncate(answer.len() - 1);
        exchange.write_bytes(answer);
        exchange.hang_up();
    })
}

/// Answers with this error.
pub(crate) fn fail(code: i32, class: &'static str, message: impl Into<String>) -> Reaction {
    let message = message.into();
    reaction(move |exchange| {
        let answer = failure(&exchange.request, &[(code, class, &message)]);
        async move { exchange.write(&answer) }
    })
}

/// Sends so many events and answers that belong to nobody before the answer.
pub(crate) fn flood(count: usize) -> Reaction {
    reaction(move |exchange| async move {
        let mut stranger = exchange.request.clone();
        stranger.set_correlation_id(i64::MAX);
        for _ in 0..count {
            exchange.write(&event(&stranger, 2, &[], [text("news for nobody")]));
            exchange.write(&failure(&stranger, &[(500, "x.Y", "an answer to no call")]));
        }
        exchange.forward().await;
    })
}

async fn serve(script: Arc<Script>, client: TcpStream) {
    // A member that is down hangs up on everybody.
    let Ok(member) = TcpStream::connect(("127.0.0.1", script.ports.1)).await else {
        return;
    };
    let (from_client, client) = client.into_split();
    let (from_member, member) = member.into_split();
    let (to_client, client_queue) = mpsc::unbounded_channel();
    let (to_member, member_queue) = mpsc::unbounded_channel();
    let asked = Asked::default();
    let requests = requests(
        &script,
        from_client,
        to_client.clone(),
        to_member,
        Arc::clone(&asked),
    );
    tokio::select! {
        () = write(client_queue, client) => {}
        () = write(member_queue, member) => {}
        () = requests => {}
        () = answers(&script, from_member, to_client, asked) => {}
    }
}

async fn requests(
    script: &Script,
    mut from_client: OwnedReadHalf,
    to_client: mpsc::UnboundedSender<Option<Bytes>>,
    to_member: mpsc::UnboundedSender<Option<Bytes>>,
    asked: Asked,
) {
    let mut preamble = [0; 3];
    if from_client.read_exact(&mut preamble).await.is_err() {
        return;
    }
    send(&to_member, Bytes::copy_from_slice(&preamble));
    let mut stream = Messages::new(from_client);
    let mut reactions = tokio::task::JoinSet::new();
    while let Some(request) = stream.next().await {
        match script.reaction(request.message_type()) {
            None => send(&to_member, bytes_of(request.frames())),
            Some(reaction) => {
                let exchange = Exchange {
                    request,
                    to_client: to_client.clone(),
                    to_member: to_member.clone(),
                    asked: Arc::clone(&asked),
                };
                reactions.spawn(reaction(exchange));
            }
        }
    }
}

async fn answers(
    script: &Script,
    from_member: OwnedReadHalf,
    to_client: mpsc::UnboundedSender<Option<Bytes>>,
    asked: Asked,
) {
    let mut stream = Messages::new(from_member);
    while let Some(answer) = stream.next().await {
        let frames = script.readdressed(answer.frames());
        let id = answer.correlation_id();
        let wanted = (!answer.is_event()).then(|| lock(&asked).remove(&id));
        match wanted.flatten() {
            Some(wanted) => {
                wanted
                    .send(ClientMessage::from_frames(frames).unwrap())
                    .ok();
            }
            None => send(&to_client, bytes_of(&frames)),
        }
    }
}

impl Script {
    fn reaction(&self, message_type: i32) -> Option<Reaction> {
        lock(&self.heard).push(message_type);
        let mut rules = lock(&self.rules);
        let rule = rules
            .iter_mut()
            .find(|rule| rule.message_type == message_type && rule.left > 0)?;
        rule.left -= 1;
        Some(Arc::clone(&rule.reaction))
    }

    /// The frames with this socket's port wherever an address has that of the member.
    fn readdressed(&self, frames: &[Frame]) -> Vec<Frame> {
        let (ours, theirs) = self.ports;
        let mut frames = frames.to_vec();
        for index in 1..frames.len() {
            let is_address = frames[index - 1].flags.has(Flags::BEGIN)
                && frames[index].content[..] == i32::from(theirs).to_le_bytes();
            if is_address {
                frames[index].content = Bytes::copy_from_slice(&i32::from(ours).to_le_bytes());
            }
        }
        frames
    }
}

/// The messages of one side.
struct Messages {
    stream: OwnedReadHalf,
    assembler: MessageAssembler,
    buffer: BytesMut,
}

impl Messages {
    fn new(stream: OwnedReadHalf) -> Self {
        Self {
            stream,
            assembler: MessageAssembler::new(LIMIT),
            buffer: BytesMut::new(),
        }
    }

    async fn next(&mut self) -> Option<ClientMessage> {
        loop {
            while let Some(frame) = codec().decode(&mut self.buffer).unwrap() {
                if let Some(message) = self.assembler.push(frame).unwrap() {
                    return Some(message);
                }
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}

async fn write(mut queue: mpsc::UnboundedReceiver<Option<Bytes>>, mut stream: OwnedWriteHalf) {
    while let Some(Some(bytes)) = queue.recv().await {
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn send(queue: &mpsc::UnboundedSender<Option<Bytes>>, bytes: Bytes) {
    // Who has hung up gets nothing.
    queue.send(Some(bytes)).ok();
}

fn bytes_of(frames: &[Frame]) -> Bytes {
    let mut bytes = BytesMut::new();
    for frame in frames {
        codec().encode(frame, &mut bytes).unwrap();
    }
    bytes.freeze()
}

fn codec() -> FrameCodec {
    FrameCodec::new(LIMIT)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
