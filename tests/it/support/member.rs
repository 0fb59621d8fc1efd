//! A real Hazelcast member in a JVM of its own, on loopback.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::wait::{PATIENCE, within};
use super::{fixture, scratch, unique};

const LOG: &str = "member.log";
const LOG_TAIL_LINES: usize = 40;
/// The release that members are of unless a test says otherwise.
const VERSION: &str = "5.7.0";

/// A member, killed on drop. A killed or stopped one comes back, empty, on its port with [`Member::restart`].
pub(crate) struct Member {
    options: MemberOptions,
    port: u16,
    dir: TempDir,
    process: Option<Process>,
    /// Where in the log this start begins: what stands before is of earlier lives.
    log_start: usize,
}

/// How a member is to be; the default is what a user gets from Hazelcast's own distribution.
#[derive(Clone)]
pub(crate) struct MemberOptions {
    cluster_name: String,
    version: String,
    jet: bool,
    upload: bool,
    join: Vec<u16>,
    properties: BTreeMap<String, String>,
    jvm: Vec<String>,
}

impl MemberOptions {
    pub(crate) fn cluster_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cluster_name);
        self
    }

    /// The release of Hazelcast.
    pub(crate) fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Whether the Jet engine is enabled.
    pub(crate) fn jet(mut self, enabled: bool) -> Self {
        self.jet = enabled;
        self
    }

    /// Whether jars may be uploaded.
    pub(crate) fn upload(mut self, enabled: bool) -> Self {
        self.upload = enabled;
        self
    }

    /// A member property, like `hazelcast.jet.job.scan.period`.
    pub(crate) fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A JVM as members have it in earnest, with this heap, all of which is there from the start. The default
    /// is small and quickly started: tests run several members, and none for long.
    #[allow(dead_code, reason = "for the benchmarks, which share this file")]
    pub(crate) fn in_earnest(mut self, heap_mib: u32) -> Self {
        self.jvm = vec![
            format!("-Xms{heap_mib}m"),
            format!("-Xmx{heap_mib}m"),
            // Garbage counts where room for a snapshot is looked for, and is collected when this is full.
            format!("-Xmn{}m", heap_mib / 10),
            "-XX:+AlwaysPreTouch".to_owned(),
        ];
        self
    }

    /// Ports of members to join.
    pub(crate) fn join(mut self, ports: &[u16]) -> Self {
        ports.clone_into(&mut self.join);
        self
    }

    /// Starts a member and waits until it is ready.
    pub(crate) fn start(self) -> Member {
        let mut member = self.down();
        member.restart();
        member
    }

    /// A member that is not up: [`Member::restart`] starts it.
    pub(crate) fn down(self) -> Member {
        Member {
            options: self,
            port: free_port(),
            dir: scratch::directory(),
            process: None,
            log_start: 0,
        }
    }

    fn yaml(&self, port: u16) -> String {
        let mut members = vec![port];
        members.extend(&self.join);
        let members: Vec<String> = members
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let mut properties = String::new();
        for (name, value) in &self.properties {
            write!(properties, "\n    {name}: {value:?}").unwrap();
        }
        format!(
            "hazelcast:
  cluster-name: {cluster_name:?}
  network:
    port: {{port: {port}, auto-increment: false}}
    interfaces: {{enabled: true, interfaces: [127.0.0.1]}}
    join:
      auto-detection: {{enabled: false}}
      multicast: {{enabled: false}}
      tcp-ip: {{enabled: true, member-list: {members:?}}}
  jet: {{enabled: {jet}, resource-upload-enabled: {upload}}}
  properties:
    hazelcast.phone.home.enabled: \"false\"{properties}
",
            cluster_name = self.cluster_name,
            jet = self.jet,
            upload = self.upload,
        )
    }
}

impl Member {
    /// Options for a member with a cluster name of its own, Jet and upload enabled.
    pub(crate) fn options() -> MemberOptions {
        MemberOptions {
            cluster_name: unique("cluster"),
            version: VERSION.to_owned(),
            jet: true,
            upload: true,
            join: Vec::new(),
            // A `main` occupies one of these threads until it returns. By default a member has one a
            // core; on a small machine two slow ones would leave none to answer anybody else.
            properties: BTreeMap::from([(
                "hazelcast.clientengine.thread.count".to_owned(),
                "16".to_owned(),
            )]),
            jvm: [
                "-Xms64m",
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    /// The member for all tests that neither stop it nor look at what isn't theirs. Names of jobs are to be [`unique`].
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Member> = LazyLock::new(|| Member::options().start());
        &SHARED
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as in `addresses` of a Hazelcast resource.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn cluster_name(&self) -> &str {
        &self.options.cluster_name
    }

    /// Its working directory: relative file names in a job's parameters are below it.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Lets the `SlowMain` that was given this word go on, now or whenever it begins.
    pub(crate) fn let_main_go(&self, word: &str) {
        fs::write(self.dir().join(word), "").unwrap();
    }

    /// What it has logged since its last start.
    pub(crate) fn log(&self) -> String {
        self.whole_log().split_off(self.log_start)
    }

    /// Whether its process is there, paused or not.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    /// Changes its configuration, as an administrator does before the next start.
    pub(crate) fn configure(&mut self, change: impl FnOnce(MemberOptions) -> MemberOptions) {
        self.options = change(self.options.clone());
    }

    /// SIGKILL, as a crash or the loss of a machine.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM, as an administrator stops it.
    pub(crate) fn stop(&mut self) {
        let mut process = self.process.take().expect("the member runs");
        process.signal(Signal::TERM);
        let ended = process.end_within(PATIENCE);
        assert!(
            ended.is_some(),
            "the member ignored SIGTERM; {}",
            self.log_tail()
        );
    }

    /// Starts it again on the same port, and waits until it is ready; it is killed first should it still run.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.log_start = self.whole_log().len();
        self.process = Some(Process::start(self.command()));
        self.wait_for_log("is STARTED");
        let reachable = within(PATIENCE, || TcpStream::connect(self.address()).is_ok());
        assert!(
            reachable,
            "nothing answers on {}; {}",
            self.address(),
            self.log_tail()
        );
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub(crate) fn pause(&self) {
        self.process
            .as_ref()
            .expect("the member runs")
            .signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.process
            .as_ref()
            .expect("the member runs")
            .signal(Signal::CONT);
    }

    /// Waits until it has logged the text since its last start.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        let mut running = true;
        let logged = within(PATIENCE, || {
            let found = self.log().contains(text);
            running = self.is_running();
            found || !running
        });
        let found = self.log().contains(text);
        assert!(
            logged && found,
            "the member {} and has not logged {text:?}; {}",
            if running { "runs" } else { "ended" },
            self.log_tail(),
        );
    }

    fn command(&self) -> std::process::Command {
        let config = self.dir().join("hazelcast.yaml");
        fs::write(&config, self.options.yaml(self.port)).unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();

        let mut command = Process::command("java");
        command
            .args(&self.options.jvm)
            .arg(format!("-Dhazelcast.config={}", config.display()))
            .arg(format!("-Djava.io.tmpdir={}", self.dir().display()))
            .args(["-Djava.net.preferIPv4Stack=true", "-cp"])
            .arg(fixture(&format!("hazelcast-{}.jar", self.options.version)))
            .arg("com.hazelcast.core.server.HazelcastMemberStarter")
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    fn log_file(&self) -> PathBuf {
        self.dir().join(LOG)
    }

    fn whole_log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
        format!("its log ends with:\n{}", tail.join("\n"))
    }
}

/// A port that no other member of this process gets, below those that the kernel hands out on its own.
fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static OFFSET: LazyLock<AtomicU16> = LazyLock::new(|| {
        // Several test processes on one machine start at different places.
        AtomicU16::new(u16::try_from(std::process::id() * 97 % u32::from(COUNT)).unwrap())
    });
    for _ in 0..COUNT {
        let port = FIRST + OFFSET.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free from {FIRST} on");
}
