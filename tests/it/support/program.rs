//! The real `jetkeeper` program, in an environment of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::scratch;
use super::wait::PATIENCE;

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Output {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Asserts the exit code, and shows what was printed where it differs.
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code,
            Some(expected),
            "exit code; stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A run of the program that goes on; killed on drop, as by a crash.
pub(crate) struct Program {
    process: Process,
    dir: TempDir,
}

impl Program {
    /// Runs the program to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
        Self::start(args).end_within(PATIENCE)
    }

    /// The same with these variables set.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        args: impl IntoIterator<Item = S>,
        variables: &[(&str, &str)],
    ) -> Output {
        Self::start_with(args, variables).end_within(PATIENCE)
    }

    /// Starts it with a home of its own, so that nothing of the machine's user is read or written.
    pub(crate) fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        Self::start_with(args, &[])
    }

    /// The same with these variables set.
    pub(crate) fn start_with<S: AsRef<OsStr>>(
        args: impl IntoIterator<Item = S>,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_reading(Stdio::null(), args, variables)
    }

    /// The same with this as its stdin.
    pub(crate) fn start_reading<S: AsRef<OsStr>>(
        stdin: Stdio,
        args: impl IntoIterator<Item = S>,
        variables: &[(&str, &str)],
    ) -> Self {
        let dir = scratch::directory();
        let mut command = Process::command(env!("CARGO_BIN_EXE_jetkeeper"));
        command
            .args(args)
            .current_dir(dir.path())
            .env("HOME", dir.path())
            .stdin(stdin)
            .stdout(File::create(dir.path().join("stdout")).unwrap())
            .stderr(File::create(dir.path().join("stderr")).unwrap());
        remove_own_variables(&mut command);
        command.envs(variables.iter().copied());
        Self {
            process: Process::start(command),
            dir,
        }
    }

    /// Its process id.
    #[allow(dead_code, reason = "for the benchmarks, which share this file")]
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has written to stdout so far.
    pub(crate) fn stdout(&self) -> String {
        read(&self.dir.path().join("stdout"))
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        read(&self.dir.path().join("stderr"))
    }

    /// SIGTERM, as systemd stops it; waits for the end.
    pub(crate) fn terminate(self) -> Output {
        self.signal(Signal::TERM);
        self.end_within(PATIENCE)
    }

    /// As an administrator or systemd does: SIGTERM, SIGINT.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end; panics with what it printed when it still runs at the deadline.
    pub(crate) fn end_within(mut self, deadline: Duration) -> Output {
        let ended = self.process.end_within(deadline);
        let (stdout, stderr) = (self.stdout(), self.stderr());
        let Some(status) = ended else {
            panic!("jetkeeper still runs after {deadline:?}; stdout:\n{stdout}\nstderr:\n{stderr}");
        };
        Output {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

fn remove_own_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy().starts_with("JETKEEPER_");
        let systemds = [
            "STATE_DIRECTORY",
            "CREDENTIALS_DIRECTORY",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "WATCHDOG_PID",
            "JOURNAL_STREAM",
        ];
        if ours || name == "XDG_STATE_HOME" || systemds.iter().any(|variable| name == *variable) {
            command.env_remove(name);
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}
