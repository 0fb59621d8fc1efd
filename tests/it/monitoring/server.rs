//! A server of Prometheus' project on loopback, at a port of its own, that says in its log where.

use std::fs::{self, File};
use std::process::Stdio;

use crate::support::fixture;
use crate::support::http::{Answer, get_from_other};
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, eventually};

/// Killed on drop.
pub(crate) struct Server {
    pub(crate) address: String,
    scratch: Scratch,
    _process: Process,
}

impl Server {
    /// Starts one with these arguments, and waits until it listens.
    pub(crate) fn start(program: &str, scratch: Scratch, args: &[String]) -> Self {
        let program = fixture(&format!("prometheus/{program}"));
        let log = scratch.path().join("log");
        let mut command = Process::command(&program);
        command
            .args(args)
            .arg("--web.listen-address=127.0.0.1:0")
            // Where the templates of Alertmanager are.
            .current_dir(program.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        let mut process = Process::start(command);
        let said = || fs::read_to_string(&log).unwrap();
        eventually(PATIENCE, "it listens", || {
            let ended = process.ended();
            assert!(ended.is_none(), "{} ended: {}", program.display(), said());
            address_in(&said()).is_some()
        });
        let address = address_in(&said()).unwrap();
        let server = Self {
            address,
            scratch,
            _process: process,
        };
        eventually(PATIENCE, "it is ready", || {
            server.get("/-/ready").code == 200
        });
        server
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get_from_other(&self.address, path)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap()
    }
}

/// Where it listens: `… msg="Listening on" address=127.0.0.1:41207`, with other fields between.
fn address_in(log: &str) -> Option<String> {
    let line = log
        .lines()
        .find(|line| line.contains("msg=\"Listening on\""))?;
    let (_, address) = line.split_once(" address=")?;
    address.split_whitespace().next().map(str::to_owned)
}
