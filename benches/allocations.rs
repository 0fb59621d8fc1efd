//! How often the protocol client allocates for a map get, the encoding of the request, the way to the
//! connection's task and back, and the decoding of the answer included.
//!
//! A program of its own, because every allocation is counted; and with a member that only pretends, in
//! a thread that allocates nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints what it saw"
)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use jetkeeper::hazelcast::codec::map::get::MapGet;
use jetkeeper::hazelcast::connection::Connection;
use jetkeeper::hazelcast::{ClientConfig, Data};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::time::Instant;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: u32 = 10_000;
const HEADER: usize = 6;
/// Where the correlation id stands behind the first frame's header.
const CORRELATION_ID: usize = HEADER + 4;
const UNFRAGMENTED: u16 = 0xc000;
const IS_FINAL: u16 = 0x2000;
const NULL: u16 = 0x0400;

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || pretend(listener.accept().unwrap().0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let config = ClientConfig::default();
        let connection = Connection::open(&address, &config, Uuid::new_v4())
            .await
            .unwrap();
        let key = Data::string("key");
        let request = MapGet {
            partition_id: key.partition_id(271),
            thread_id: 1,
            map_name: "measured",
            key: &key,
        };
        let deadline = Instant::now() + Duration::from_mins(5);
        let region = Region::new(ALLOCATOR);
        let mut before = region.change();
        for call in 0..2 * CALLS {
            if call == CALLS {
                before = region.change();
            }
            assert!(connection.call(&request, deadline).await.unwrap().is_some());
        }
        let after = region.change();
        let each = |now: usize, then: usize| {
            f64::from(u32::try_from(now - then).unwrap()) / f64::from(CALLS)
        };
        println!(
            "map get: {:.2} allocations, {:.2} reallocations and {:.0} bytes a call",
            each(after.allocations, before.allocations),
            each(after.reallocations, before.reallocations),
            each(after.bytes_allocated, before.bytes_allocated)
        );
    });
}

/// Accepts one client, and answers each of its calls with the same value.
fn pretend(mut client: TcpStream) {
    client.set_nodelay(true).unwrap();
    client.read_exact(&mut [0; 3]).unwrap();
    let mut uuid = [0; 17];
    uuid[1] = 1;
    let mut consent = vec![0];
    consent.extend(uuid);
    consent.push(1);
    consent.extend(271i32.to_le_bytes());
    consent.extend(uuid);
    consent.push(0);
    let consent = [
        response(0x00_0101, &consent),
        frame(NULL, &[]),
        frame(IS_FINAL, b"5.7.0"),
    ]
    .concat();
    let value = Data::string(&"v".repeat(100));
    let value = [response(0x01_0201, &[]), frame(IS_FINAL, value.as_slice())].concat();
    let (mut answers, mut request) = ([consent, value], [0; 4096]);
    for call in 0.. {
        // One request is on its way at a time, and shorter than this.
        let mut length = client.read(&mut request).unwrap();
        while length > 0 && !is_whole(&request[..length]) {
            length += client.read(&mut request[length..]).unwrap();
        }
        if length == 0 {
            return;
        }
        let answer = &mut answers[usize::from(call > 0)];
        let id = CORRELATION_ID..CORRELATION_ID + 8;
        answer[id.clone()].copy_from_slice(&request[id]);
        client.write_all(answer).unwrap();
    }
}

/// Whether these are all frames of a message.
fn is_whole(mut bytes: &[u8]) -> bool {
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let flags = u16::from_le_bytes([header[4], header[5]]);
        let Some(rest) = bytes.get(usize::try_from(length).unwrap()..) else {
            return false;
        };
        if flags & IS_FINAL != 0 {
            return true;
        }
        bytes = rest;
    }
    false
}

/// The first frame of a response: type, correlation id, number of backup acks, fields.
fn response(message_type: i32, fields: &[u8]) -> Vec<u8> {
    let content = [&message_type.to_le_bytes()[..], &[0; 9], fields].concat();
    frame(UNFRAGMENTED, &content)
}

fn frame(flags: u16, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + content.len()).unwrap();
    [&length.to_le_bytes()[..], &flags.to_le_bytes(), content].concat()
}
