//! A peer that does what a test tells it, message by message, on a socket or an in-memory stream.

use bytes::{BufMut, Bytes, BytesMut};
use jetkeeper::hazelcast::assembler::MessageAssembler;
use jetkeeper::hazelcast::codec::Request;
use jetkeeper::hazelcast::codec::client::add_cluster_view_listener::AddClusterViewListener;
use jetkeeper::hazelcast::codec::client::authentication::Authentication;
use jetkeeper::hazelcast::codec::client::ping::Ping;
use jetkeeper::hazelcast::frame::{Flags, Frame, FrameCodec};
use jetkeeper::hazelcast::message::ClientMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const LIMIT: usize = 64 << 20;
pub(super) const PARTITIONS: i32 = 271;
/// What every peer claims to belong to, unless a test says otherwise.
pub(super) const CLUSTER: Uuid = Uuid::from_u128(0xc1);

/// A listening peer.
pub(super) struct Peer {
    listener: TcpListener,
    pub(super) uuid: Uuid,
    pub(super) cluster_id: Uuid,
    pub(super) version: &'static str,
}

impl Peer {
    pub(super) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            listener,
            uuid: Uuid::new_v4(),
            cluster_id: CLUSTER,
            version: "5.7.0",
        }
    }

    pub(super) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// The next connection, as it comes.
    pub(super) async fn accept(&self) -> Session<TcpStream> {
        Session::new(self.listener.accept().await.unwrap().0)
    }

    /// The next connection, its client accepted.
    pub(super) async fn accept_client(&self) -> Session<TcpStream> {
        let mut session = self.accept().await;
        let authentication = session.read().await;
        session.write(&self.consent(&authentication)).await;
        session
    }

    /// The next connection, its client accepted and told of these members, the first being master.
    pub(super) async fn accept_member_client(&self, members: &[&Peer]) -> Session<TcpStream> {
        let mut session = self.accept_client().await;
        session.serve_cluster_view(members).await;
        session
    }

    /// The answer that accepts a client.
    pub(super) fn consent(&self, request: &ClientMessage) -> Vec<Frame> {
        consent(request, self.uuid, self.cluster_id, self.version)
    }
}

/// The answer that accepts a client, in the form of protocol 2.6.
pub(super) fn consent(
    request: &ClientMessage,
    member: Uuid,
    cluster: Uuid,
    version: &str,
) -> Vec<Frame> {
    assert_eq!(request.message_type(), Authentication::TYPE);
    let mut fixed = BytesMut::new();
    fixed.put_u8(0);
    put_uuid(&mut fixed, member);
    fixed.put_u8(1);
    fixed.put_i32_le(PARTITIONS);
    put_uuid(&mut fixed, cluster);
    fixed.put_u8(0);
    answer(request, &fixed, [Frame::empty(Flags::NULL), text(version)])
}

/// One connection of a client, read and written message by message.
pub(super) struct Session<S> {
    stream: S,
    codec: FrameCodec,
    assembler: MessageAssembler,
    buffer: BytesMut,
    greeted: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            codec: FrameCodec::new(LIMIT),
            assembler: MessageAssembler::new(LIMIT),
            buffer: BytesMut::new(),
            greeted: false,
        }
    }

    /// The next message, pings included; none when the client has hung up.
    pub(super) async fn read_any(&mut self) -> Option<ClientMessage> {
        if !self.greeted {
            let mut preamble = [0; 3];
            self.stream.read_exact(&mut preamble).await.unwrap();
            assert_eq!(&preamble, b"CP2");
            self.greeted = true;
        }
        loop {
            while let Some(frame) = self.codec.decode(&mut self.buffer).unwrap() {
                if let Some(message) = self.assembler.push(frame).unwrap() {
                    return Some(message);
                }
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next message but pings, which are answered.
    pub(super) async fn read(&mut self) -> ClientMessage {
        loop {
            let message = self.read_any().await.expect("the client hung up");
            if message.message_type() != Ping::TYPE {
                return message;
            }
            self.write(&answer(&message, &[], [])).await;
        }
    }

    /// The next message, which must be this request.
    pub(super) async fn expect<R: Request>(&mut self) -> ClientMessage {
        let message = self.read().await;
        assert_eq!(message.message_type(), R::TYPE, "not {}", R::NAME);
        message
    }

    /// Reads until the client hangs up.
    pub(super) async fn wait_for_end(&mut self) {
        while self.read_any().await.is_some() {}
    }

    pub(super) async fn write(&mut self, frames: &[Frame]) {
        let mut bytes = BytesMut::new();
        for frame in frames {
            self.codec.encode(frame, &mut bytes).unwrap();
        }
        self.write_bytes(&bytes).await;
    }

    /// The same to a client that may have hung up.
    pub(super) async fn try_write(&mut self, frames: &[Frame]) -> std::io::Result<()> {
        let mut bytes = BytesMut::new();
        for frame in frames {
            self.codec.encode(frame, &mut bytes).unwrap();
        }
        self.stream.write_all(&bytes).await
    }

    pub(super) async fn write_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Answers the request for the cluster view and tells of these members; the first is master.
    pub(super) async fn serve_cluster_view(&mut self, members: &[&Peer]) -> ClientMessage {
        let request = self.expect::<AddClusterViewListener>().await;
        self.write(&answer(&request, &[], [])).await;
        self.write(&members_view(&request, 1, members)).await;
        request
    }
}

/// A response to `request`.
pub(crate) fn answer(
    request: &ClientMessage,
    fixed: &[u8],
    rest: impl IntoIterator<Item = Frame>,
) -> Vec<Frame> {
    let mut first = BytesMut::new();
    first.put_i32_le(request.message_type() + 1);
    first.put_i64_le(request.correlation_id());
    first.put_u8(0);
    first.put_slice(fixed);
    message(Flags::UNFRAGMENTED, first, rest)
}

/// An event of the listener that `request` registered.
pub(super) fn event(
    request: &ClientMessage,
    kind: i32,
    fixed: &[u8],
    rest: impl IntoIterator<Item = Frame>,
) -> Vec<Frame> {
    let mut first = BytesMut::new();
    first.put_i32_le(request.message_type() + kind);
    first.put_i64_le(request.correlation_id());
    first.put_i32_le(-1);
    first.put_slice(fixed);
    message(Flags::UNFRAGMENTED.with(Flags::IS_EVENT), first, rest)
}

/// The answer that says that the call failed; each cause is a code, a class and a text.
pub(super) fn failure(request: &ClientMessage, chain: &[(i32, &str, &str)]) -> Vec<Frame> {
    let mut first = BytesMut::new();
    first.put_i32_le(0);
    first.put_i64_le(request.correlation_id());
    first.put_u8(0);
    let mut rest = vec![begin()];
    for (code, class, text_of_error) in chain {
        let fixed = Bytes::copy_from_slice(&code.to_le_bytes());
        let trace = [
            begin(),
            begin(),
            fixed_frame(&[0; 4]),
            text("C"),
            text("m"),
            null(),
            end(),
            end(),
        ];
        rest.extend([begin(), Frame::new(fixed), text(class), text(text_of_error)]);
        rest.extend(trace);
        rest.push(end());
    }
    rest.push(end());
    message(Flags::UNFRAGMENTED, first, rest)
}

/// The event that tells the members.
pub(super) fn members_view(request: &ClientMessage, version: i32, members: &[&Peer]) -> Vec<Frame> {
    let mut rest = vec![begin()];
    for peer in members {
        let address = peer.listener.local_addr().unwrap();
        let mut fixed = BytesMut::new();
        put_uuid(&mut fixed, peer.uuid);
        fixed.put_u8(0);
        rest.extend([begin(), fixed_frame(&fixed)]);
        rest.extend([
            begin(),
            fixed_frame(&i32::from(address.port()).to_le_bytes()),
        ]);
        rest.extend([text(&address.ip().to_string()), end()]);
        rest.extend([begin(), text("key"), text("value"), end()]);
        rest.extend([
            begin(),
            fixed_frame(&[5, 7, 0]),
            end(),
            begin(),
            end(),
            end(),
        ]);
    }
    rest.push(end());
    event(request, 2, &version.to_le_bytes(), rest)
}

/// The event that tells who owns which partitions.
pub(super) fn partitions_view(request: &ClientMessage, owners: &[(Uuid, Vec<i32>)]) -> Vec<Frame> {
    let mut rest = vec![begin()];
    let mut uuids = BytesMut::new();
    for (owner, ids) in owners {
        let list: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        rest.push(Frame::new(list));
        put_uuid(&mut uuids, *owner);
    }
    rest.extend([end(), fixed_frame(&uuids)]);
    event(request, 3, &1i32.to_le_bytes(), rest)
}

pub(super) fn text(text: &str) -> Frame {
    Frame::new(Bytes::copy_from_slice(text.as_bytes()))
}

pub(super) fn null() -> Frame {
    Frame::empty(Flags::NULL)
}

pub(super) fn begin() -> Frame {
    Frame::empty(Flags::BEGIN)
}

pub(super) fn end() -> Frame {
    Frame::empty(Flags::END)
}

pub(super) fn fixed_frame(content: &[u8]) -> Frame {
    Frame::new(Bytes::copy_from_slice(content))
}

pub(super) fn put_uuid(bytes: &mut BytesMut, uuid: Uuid) {
    let (most, least) = uuid.as_u64_pair();
    bytes.put_u8(0);
    bytes.put_u64_le(most);
    bytes.put_u64_le(least);
}

/// Marks the last frame as such.
pub(super) fn finished(mut frames: Vec<Frame>) -> Vec<Frame> {
    let last = frames.last_mut().unwrap();
    last.flags = last.flags.with(Flags::IS_FINAL);
    frames
}

fn message(flags: Flags, first: BytesMut, rest: impl IntoIterator<Item = Frame>) -> Vec<Frame> {
    let mut frames = vec![Frame {
        flags,
        content: first.freeze(),
    }];
    frames.extend(rest);
    finished(frames)
}
