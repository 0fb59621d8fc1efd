//! Child processes that never outlive the tests: killed on drop, and by the kernel should the test process die first.

use std::process::{Child, Command, ExitStatus};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;
use std::{io, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::within;

type Spawn = (Command, mpsc::Sender<io::Result<Child>>);

/// The thread that starts all children and lives as long as the test process. The kernel ties a child to the thread that
/// started it, and the thread of a test ends with its test, while the shared member has to go on.
static KEEPER: LazyLock<mpsc::Sender<Spawn>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel::<Spawn>();
    thread::spawn(move || {
        for (mut command, answer) in receiver {
            answer.send(command.spawn()).ok();
        }
    });
    sender
});

pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// A command that, started by [`Process::start`], dies with the tests.
    pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    pub(crate) fn start(command: Command) -> Self {
        let (sender, receiver) = mpsc::channel();
        KEEPER.send((command, sender)).unwrap();
        let child = receiver
            .recv()
            .unwrap()
            .expect("setpriv (util-linux) starts every child of a test");
        Self { child }
    }

    /// Its process id: `setpriv` becomes the program.
    #[allow(dead_code, reason = "for the benchmarks, which share this file")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints, where its command pipes that; once.
    #[allow(dead_code, reason = "for the tests; the benchmarks share this file")]
    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().expect("its output is piped")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process runs");
    }

    /// How it ended, once it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end; `None` when it still runs at the deadline.
    pub(crate) fn end_within(&mut self, deadline: Duration) -> Option<ExitStatus> {
        within(deadline, || self.ended().is_some());
        self.ended()
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
