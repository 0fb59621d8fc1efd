//! The stage of the demo: a scratch directory, a Hazelcast member, the daemon.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::super::error::{CliError, Result};
use super::files::{
    cluster_document, configuration, copy, edit, member_configuration, missing, unreadable, write,
};
use super::repository::Repository;

/// How long anything that the demo waits for may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often is looked whether it has happened.
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// How long a process may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(35);

/// The file that the Git repository has.
pub(super) const RETURNS: &str = "jobs/returns.yaml";

/// What is left running, in words.
pub(super) struct Left {
    pub(super) program: String,
    pub(super) source: String,
    pub(super) repository: String,
    pub(super) state: String,
    pub(super) log: String,
    pub(super) scratch: String,
    pub(super) daemon: u32,
    pub(super) member: u32,
}

/// What the story plays on. Dropping it kills what runs.
pub(super) struct Stage {
    program: PathBuf,
    scratch: PathBuf,
    hazelcast: PathBuf,
    samples: PathBuf,
    jars: PathBuf,
    port: u16,
    repository: Repository,
    member: Option<Child>,
    daemon: Option<Child>,
}

impl Stage {
    /// Makes the scratch directory and copies the samples into it; leaves none where that fails.
    pub(super) async fn set(hazelcast: &Path, samples: &Path, jars: &Path) -> Result<Self> {
        if !hazelcast.is_file() {
            return Err(missing(hazelcast));
        }
        let scratch = std::env::temp_dir().join(format!("jetkeeper-demo-{}", std::process::id()));
        let stage = Self {
            program: std::env::current_exe().map_err(CliError::failed)?,
            hazelcast: std::path::absolute(hazelcast).map_err(CliError::failed)?,
            samples: std::path::absolute(samples).map_err(CliError::failed)?,
            jars: std::path::absolute(jars).map_err(CliError::failed)?,
            port: free_port().map_err(CliError::failed)?,
            repository: Repository::within(&scratch),
            member: None,
            daemon: None,
            scratch,
        };
        if let Err(error) = stage.furnish().await {
            // There may be nothing yet to remove.
            drop(stage.strike().await);
            return Err(error);
        }
        Ok(stage)
    }

    async fn furnish(&self) -> Result<()> {
        for folder in ["source/jobs", "source/jars", "versions", "member"] {
            fs::create_dir_all(self.scratch.join(folder)).map_err(CliError::failed)?;
        }
        for name in ["jobs/orders.yaml", "jobs/word-count.yaml"] {
            self.sample(name)?;
        }
        for name in ["orders.jar", "word-count.jar"] {
            copy(
                &self.jars.join(name),
                &self.source().join("jars").join(name),
            )?;
        }
        for name in ["orders-v2.jar", "orders-broken.jar"] {
            let to = self.scratch.join("versions").join(name);
            copy(&self.jars.join(name), &to)?;
        }
        self.write("hazelcast.yaml", &cluster_document(self.port))?;
        // Ten times the samples' rate: the story has no time to wait for counts.
        self.edit("jobs/orders.yaml", "- \"20\"", "- \"200\"")?;

        self.repository.make().await?;
        self.commit_returns().await?;
        let sources = configuration(&self.source(), &self.repository);
        fs::write(self.configuration(), sources).map_err(CliError::failed)
    }

    /// The first commit: a job that is not wanted yet.
    async fn commit_returns(&self) -> Result<()> {
        let tree = self.repository.tree();
        for folder in ["jobs", "jars"] {
            fs::create_dir(tree.join(folder)).map_err(CliError::failed)?;
        }
        copy(&self.samples.join(RETURNS), &tree.join(RETURNS))?;
        copy(&self.jars.join("orders.jar"), &tree.join("jars/orders.jar"))?;
        self.repository.git(&["add", "--all"]).await?;
        let commit = ["commit", "--quiet", "-S", "-m", "A job for returns"];
        self.repository.git(&commit).await
    }

    /// The configuration of the daemon.
    fn configuration(&self) -> PathBuf {
        self.scratch.join("jetkeeper.yaml")
    }

    /// The Git repository that is a source, too.
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Where the YAML is.
    pub(super) fn source(&self) -> PathBuf {
        self.scratch.join("source")
    }

    /// Renames a file with this content into the source.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<()> {
        write(&self.source().join(name), content)
    }

    /// Changes a file of the source.
    pub(super) fn edit(&self, name: &str, from: &str, to: &str) -> Result<()> {
        edit(&self.source().join(name), from, to)
    }

    /// Renames another version's jar into the source, under this name.
    pub(super) fn put_version(&self, version: &str, name: &str) -> Result<()> {
        let from = self.scratch.join("versions").join(version);
        let beside = from.with_extension("new");
        fs::copy(&from, &beside).map_err(CliError::failed)?;
        fs::rename(beside, self.source().join("jars").join(name)).map_err(CliError::failed)
    }

    /// Renames a copy of a sample into the source.
    pub(super) fn sample(&self, name: &str) -> Result<()> {
        let from = self.samples.join(name);
        let text = fs::read_to_string(&from).map_err(|error| unreadable(&from, error))?;
        self.write(name, &text)
    }

    /// Deletes a file of the source; gives what was in it.
    pub(super) fn take(&self, name: &str) -> Result<String> {
        let path = self.source().join(name);
        let text = fs::read_to_string(&path).map_err(CliError::failed)?;
        fs::remove_file(path).map_err(CliError::failed)?;
        Ok(text)
    }

    /// Starts the member and waits until it is ready.
    pub(super) async fn start_member(&mut self) -> Result<()> {
        let directory = self.scratch.join("member");
        let configuration = directory.join("hazelcast.yaml");
        fs::write(&configuration, member_configuration(self.port)).map_err(CliError::failed)?;
        let log = directory.join("member.log");
        let child = spawn(
            Command::new("java")
                .arg("-Xmx256m")
                .arg(format!("-Dhazelcast.config={}", configuration.display()))
                .arg("-Dhazelcast.phone.home.enabled=false")
                .arg("-cp")
                .arg(&self.hazelcast)
                .arg("com.hazelcast.core.server.HazelcastMemberStarter")
                .current_dir(&directory),
            &log,
        )
        .map_err(|error| {
            CliError::failed(error).hint("java was not found: install a JDK, version 17 or later")
        })?;
        self.member = Some(child);
        self.until("the member is ready", async || {
            fs::read_to_string(&log).is_ok_and(|text| text.contains("is STARTED"))
        })
        .await
    }

    /// Starts the daemon on both sources.
    pub(super) async fn start_daemon(&mut self) -> Result<()> {
        let child = spawn(
            Command::new(&self.program)
                .arg("run")
                .arg("--config")
                .arg(self.configuration())
                .arg("--state")
                .arg(self.state())
                .arg("--no-color"),
            &self.scratch.join("daemon.log"),
        )
        .map_err(CliError::failed)?;
        self.daemon = Some(child);
        self.until("the daemon answers", async || {
            self.state().join("jetkeeper.sock").exists()
        })
        .await
    }

    fn state(&self) -> PathBuf {
        self.scratch.join("state")
    }

    /// Runs a command of this program, as a user would; gives what it printed.
    pub(super) async fn command(&self, arguments: &[&str]) -> Result<String> {
        let ran = Command::new(&self.program)
            .args(arguments)
            // As a variable: what is shown is to be the command that a user would type.
            .env("JETKEEPER_STATE", self.state())
            .arg("--no-color")
            .current_dir(&self.scratch)
            .stdin(Stdio::null())
            // Ctrl-C is for the demo, which ends what it started.
            .process_group(0)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(CliError::failed)?;
        let printed = [ran.stdout, ran.stderr].concat();
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Waits until the JSON of a resource, `jobs` or `snapshots`, is as wanted.
    pub(super) async fn until_resource(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        holds: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<()> {
        self.until(what, async || {
            let told = self.command(&["get", kind, name, "-o", "json"]).await;
            let resource = told.ok().and_then(|text| serde_json::from_str(&text).ok());
            resource.as_ref().is_some_and(&holds)
        })
        .await
    }

    /// Waits until something is so, and fails when it never is.
    pub(super) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        mut holds: impl FnMut() -> F,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            if Instant::now() > deadline {
                let patience = PATIENCE.as_secs();
                let message = format!("waited {patience} s, but it never came to this: {what}");
                return Err(CliError::failed(message));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The results of the pipeline that begin with this word, oldest first.
    pub(super) fn results(&self, word: &str) -> Vec<String> {
        let file = self.scratch.join("member/orders.txt");
        let text = fs::read_to_string(file).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let ours = whole
            .lines()
            .filter(|line| line.starts_with(word) && !line.is_empty());
        ours.map(str::to_owned).collect()
    }

    /// The ends of the logs, for when something went wrong.
    pub(super) fn logs(&self) -> String {
        let mut words = String::new();
        for log in ["daemon.log", "member/member.log"] {
            let text = fs::read_to_string(self.scratch.join(log)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let newest = lines.len().saturating_sub(15);
            let end = lines.get(newest..).unwrap_or_default().join("\n");
            let _infallible = writeln!(words, "--- the end of {log}\n{end}");
        }
        words
    }

    /// Stops daemon and member, and removes the scratch directory.
    pub(super) async fn strike(mut self) -> Result<()> {
        for child in [self.daemon.take(), self.member.take()]
            .into_iter()
            .flatten()
        {
            end(child).await?;
        }
        fs::remove_dir_all(&self.scratch).map_err(CliError::failed)
    }

    /// Lets both go on without us.
    pub(super) fn leave(mut self) -> Result<Left> {
        let id = |child: Option<Child>| {
            let id = child.as_ref().and_then(Child::id);
            // Dropping it would kill it: it is to outlive this process.
            std::mem::forget(child);
            id.ok_or_else(|| CliError::failed("a process of the demo ended by itself"))
        };
        Ok(Left {
            program: self.program.display().to_string(),
            source: self.source().display().to_string(),
            repository: self.repository.tree().display().to_string(),
            state: self.state().display().to_string(),
            log: self.scratch.join("daemon.log").display().to_string(),
            scratch: self.scratch.display().to_string(),
            daemon: id(self.daemon.take())?,
            member: id(self.member.take())?,
        })
    }
}

async fn end(mut child: Child) -> Result<()> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .map_err(|error| CliError::failed(std::io::Error::from(error)))?;
    }
    if tokio::time::timeout(STOP_WITHIN, child.wait())
        .await
        .is_err()
    {
        child.kill().await.map_err(CliError::failed)?;
    }
    Ok(())
}

fn spawn(command: &mut Command, log: &Path) -> std::io::Result<Child> {
    let log = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
