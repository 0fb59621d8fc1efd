//! A server on loopback that answers as a test says, and counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jetkeeper::artifacts::JarRequest;
use jetkeeper::resources::JarOrigin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request.
pub(crate) enum Answer {
    /// Sends this and closes the connection.
    Send(Vec<u8>),
    /// Sends this and then nothing more.
    Stall(Vec<u8>),
    /// Sends these, with a pause before each.
    Slow(Vec<Vec<u8>>, Duration),
}

pub(crate) fn answer(head: &str, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    Answer::Send([head.as_bytes(), body].concat())
}

pub(crate) fn redirect(location: &str) -> Answer {
    answer(&format!("302 Found\r\nLocation: {location}"), b"")
}

pub(crate) fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(100) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes
}

type Answers = dyn Fn(&str, usize) -> Answer + Send + Sync;

/// A server that counts what it is asked.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    hits: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// An answer that says by which it can be asked for again.
pub(crate) fn tagged(tag: &str, body: &[u8]) -> Answer {
    answer(&format!("200 OK\r\nETag: \"{tag}\""), body)
}

impl Server {
    /// Answers by path and by how often that was asked before.
    pub(crate) async fn start(
        answers: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hits = Arc::new(Mutex::new(BTreeMap::new()));
        let (answers, counted) = (Arc::new(answers), Arc::clone(&hits));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers.clone(), Arc::clone(&counted)));
            }
        });
        Self { address, hits }
    }

    pub(crate) fn request(&self, path: &str) -> JarRequest {
        let url = format!("http://user:hush@{}/{path}", self.address);
        JarRequest {
            origin: JarOrigin::Remote {
                url: url.into(),
                secret_name: None,
            },
            main_class: None,
        }
    }

    pub(crate) fn hits(&self, path: &str) -> usize {
        let hits = self.hits.lock().unwrap();
        hits.get(path).copied().unwrap_or(0)
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Answers>,
    hits: Arc<Mutex<BTreeMap<String, usize>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head
        .split(' ')
        .nth(1)
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    let before = {
        let mut hits = hits.lock().unwrap();
        let count = hits.entry(path.clone()).or_default();
        *count += 1;
        *count - 1
    };
    // What is asked for on a condition has a path of its own.
    let condition = head
        .lines()
        .find_map(|line| line.strip_prefix("if-none-match: "));
    let asked = condition.map_or(path.clone(), |tag| format!("{path} if not {tag}"));
    // So has what is asked for with a token.
    let token = head
        .lines()
        .find_map(|line| line.strip_prefix("authorization: Bearer "));
    let asked = token.map_or(asked.clone(), |token| format!("{asked} with {token}"));
    match answers(&asked, before) {
        Answer::Send(bytes) => stream.write_all(&bytes).await?,
        Answer::Stall(bytes) => {
            stream.write_all(&bytes).await?;
            // Until the client gives up.
            stream.read_u8().await?;
        }
        Answer::Slow(pieces, pause) => {
            for piece in pieces {
                tokio::time::sleep(pause).await;
                stream.write_all(&piece).await?;
            }
        }
    }
    stream.shutdown().await
}
