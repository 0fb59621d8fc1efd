//! A plain HTTP request, as monitoring makes it.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::wait::PATIENCE;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks once, under the name that is given as the host's.
pub(crate) fn ask(address: &str, method: &str, path: &str, host: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    // To the end: every answer of ours closes the connection.
    answer_of(stream)
}

/// The same of a server that would keep the connection, or answer in chunks: in HTTP/1.0 there is neither.
pub(crate) fn get_from_other(address: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    answer_of(stream)
}

fn answer_of(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        code,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

pub(crate) fn get(address: &str, path: &str) -> Answer {
    ask(address, "GET", path, address)
}

/// The address that a daemon says it answers on, once it does.
pub(crate) fn address_in(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("monitoring is answered on http://")?;
    Some(rest.lines().next()?.to_owned())
}
