//! A map get of the protocol client beside the Java client's, over one connection each, to one member.

use std::time::Instant;

use futures_util::StreamExt;
use jetkeeper::hazelcast::{Client, ClientConfig, Data, Map};
use tokio::runtime::Runtime;

use crate::java::Java;
use crate::support::member::Member;
use crate::table::{Row, percentile, sorted};

const MAP: &str = "measured";
const KEY: &str = "key";
const WARM_UPS: usize = 15;
const SAMPLES: usize = 30;
const CALLS: usize = 2_000;

/// One call at a time, and many.
pub(crate) fn map_gets() -> Vec<Row> {
    // In a task, as in any program: the thread that blocks on a runtime is woken from outside of it.
    let measured = async {
        let member = Member::options().start();
        let client = Client::start(ClientConfig {
            cluster_name: member.cluster_name().to_owned(),
            addresses: vec![member.address()],
            ..ClientConfig::default()
        });
        let map = client.map(MAP);
        let value = Data::string(&"v".repeat(100));
        map.put_if_absent(&Data::string(KEY), &value).await.unwrap();
        let one = beside("map get, one at a time: each, p50", &map, &member, 1).await;
        let many = beside("map get, 64 in flight: each, p50", &map, &member, 64).await;
        client.shutdown().await;
        vec![one, many]
    };
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async { tokio::spawn(measured).await.unwrap() })
}

async fn beside(what: &'static str, map: &Map, member: &Member, in_flight: usize) -> Row {
    let (calls, flying) = (CALLS.to_string(), in_flight.to_string());
    let mut java = Java::start("MapGet", member, &[MAP, KEY, &calls, &flying]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..WARM_UPS + SAMPLES {
        let our = sample(map, in_flight).await;
        let their = java.sample();
        if number >= WARM_UPS {
            ours.push(our);
            theirs.push(their);
        }
    }
    let (our, their) = (
        percentile(&sorted(ours), 50),
        percentile(&sorted(theirs), 50),
    );
    Row {
        what,
        ours: told(our),
        theirs: told(their),
        ratio: our / their,
        allowed: Some(1.0),
    }
}

/// Milliseconds a call, as the Java program tells them.
async fn sample(map: &Map, in_flight: usize) -> f64 {
    let key = Data::string(KEY);
    let begun = Instant::now();
    let calls = futures_util::stream::iter(0..CALLS).map(|_| map.get(&key));
    calls
        .buffer_unordered(in_flight)
        .for_each(|value| async move { assert!(value.unwrap().unwrap().as_string().is_ok()) })
        .await;
    begun.elapsed().as_secs_f64() * 1e3 / f64::from(u32::try_from(CALLS).unwrap())
}

fn told(milliseconds: f64) -> String {
    format!(
        "{:.1} µs, {:.0} calls/s",
        milliseconds * 1e3,
        1e3 / milliseconds
    )
}
