//! The child process, seen from outside: started, listened to, and killed where it takes too long.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout_at};

use super::errand::{Answer, Errand, Line};
use super::error::GitError;

/// The hidden command of this program that does an errand.
pub const ERRAND_COMMAND: &str = "git-errand";
/// The longest line that is read of it.
const LONGEST_LINE: u64 = 64 * 1024;
/// How long a killed process may take to be gone.
const REAP_TIMEOUT: Duration = Duration::from_secs(5);
/// What of our environment concerns how remotes are reached.
const PROXY_VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// How errands are done.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    /// This program.
    pub(super) program: PathBuf,
    /// HOME of the child.
    pub(super) home: PathBuf,
    /// The authorities that https trusts, where not the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// How long an errand may take.
    pub(super) timeout: Duration,
    /// How long it may make no progress.
    pub(super) stall_timeout: Duration,
}

impl Runner {
    /// Does an errand in a process of its own, which has ended when this returns or is dropped.
    pub(super) async fn run(&self, errand: &Errand) -> Result<Answer, GitError> {
        let mut order = serde_json::to_vec(errand).map_err(GitError::Order)?;
        order.push(b'\n');
        let mut child = self.command().spawn().map_err(GitError::Start)?;
        let ended = self.listen(&mut child, &order).await;
        order.fill(0);
        // Also one that has said its last word might hang.
        child.start_kill().ok();
        tokio::time::timeout(REAP_TIMEOUT, child.wait()).await.ok();
        ended
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(ERRAND_COMMAND)
            .env_clear()
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        for name in PROXY_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(file) = &self.ca_file {
            // A directory without authorities keeps the system's from being looked up.
            command
                .env("SSL_CERT_FILE", file)
                .env("SSL_CERT_DIR", &self.home);
        }
        command
    }

    async fn listen(&self, child: &mut Child, order: &[u8]) -> Result<Answer, GitError> {
        let end = Instant::now() + self.timeout;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(GitError::BrokenOff);
        };
        let written = timeout_at(end, stdin.write_all(order)).await;
        if !matches!(written, Ok(Ok(()))) {
            return Err(GitError::BrokenOff);
        }
        let mut lines = BufReader::new(stdout.take(LONGEST_LINE));
        let answer = loop {
            let stalled_at = Instant::now() + self.stall_timeout;
            match timeout_at(end.min(stalled_at), next(&mut lines)).await {
                Ok(Some(Line::Progress)) => {}
                Ok(Some(Line::Done(answer))) => break Ok(answer),
                Ok(Some(Line::Failed(failure))) => break Err(GitError::Failed(failure)),
                Ok(None) => break Err(GitError::BrokenOff),
                Err(_) if end <= stalled_at => break Err(GitError::TooLong(self.timeout)),
                Err(_) => break Err(GitError::Stalled(self.stall_timeout)),
            }
        };
        drop(stdin);
        answer
    }
}

/// The next line; none where the process ended, or says what it shouldn't.
async fn next(lines: &mut BufReader<tokio::io::Take<ChildStdout>>) -> Option<Line> {
    let mut line = String::new();
    lines.read_line(&mut line).await.ok()?;
    lines.get_mut().set_limit(LONGEST_LINE);
    serde_json::from_str(&line).ok()
}
