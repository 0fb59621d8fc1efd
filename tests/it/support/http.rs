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
    let mut text = String::new();
    // To the end: every answer closes the connection.
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
