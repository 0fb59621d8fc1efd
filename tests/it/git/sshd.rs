//! A real `sshd` on loopback, with host keys of its own, that lets this user in by a key.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, within};

/// Where Debian has it, which not every user has in PATH.
const USUAL_PLACE: &str = "/usr/sbin/sshd";
/// How many ports are tried: one that was free may be taken when `sshd` comes to it.
const ATTEMPTS: usize = 5;

pub(super) struct Sshd {
    scratch: Scratch,
    process: Option<Process>,
    pub(super) port: u16,
}

impl Sshd {
    /// One with host keys of these types, and a key of a user that it lets in.
    pub(super) fn start(types: &[&str]) -> Self {
        let mut sshd = Self {
            scratch: Scratch::new(),
            process: None,
            port: 0,
        };
        for kind in types {
            sshd.make_host_key(kind);
        }
        keygen(&sshd.path("user"), "ed25519", "");
        fs::copy(sshd.path("user.pub"), sshd.path("authorized_keys")).unwrap();
        sshd.run(types);
        sshd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn make_host_key(&self, kind: &str) {
        keygen(&self.path(&format!("host_{kind}")), kind, "");
    }

    /// The private key of somebody who may log in.
    pub(super) fn user_key(&self) -> String {
        fs::read_to_string(self.path("user")).unwrap()
    }

    /// Lets in who has this key too, and returns its private half.
    pub(super) fn let_in(&self, name: &str, kind: &str, passphrase: &str) -> String {
        let path = self.path(name);
        keygen(&path, kind, passphrase);
        let public = fs::read_to_string(path.with_extension("pub")).unwrap();
        let known = fs::read_to_string(self.path("authorized_keys")).unwrap();
        fs::write(self.path("authorized_keys"), known + &public).unwrap();
        fs::read_to_string(path).unwrap()
    }

    /// The line by which its key of this type is known.
    pub(super) fn line(&self, kind: &str) -> String {
        let public = fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap();
        let words: Vec<&str> = public.split(' ').collect();
        format!("[127.0.0.1]:{} {} {}\n", self.port, words[0], words[1])
    }

    /// The fingerprint of its key of this type, as `ssh-keygen` tells it.
    pub(super) fn fingerprint(&self, kind: &str) -> String {
        let file = self.path(&format!("host_{kind}.pub"));
        let output = Command::new("ssh-keygen").arg("-lf").arg(file).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }

    /// The same host with other keys, as after somebody else took its place.
    pub(super) fn replace_keys(&mut self, before: &[&str], types: &[&str]) {
        self.process = None;
        for kind in before {
            fs::remove_file(self.path(&format!("host_{kind}"))).unwrap();
        }
        for kind in types {
            self.make_host_key(kind);
        }
        self.run(types);
    }

    /// Where a repository of this machine is reached.
    pub(super) fn url(&self, repository: &Path) -> String {
        let (user, port) = (user(), self.port);
        format!("ssh://{user}@127.0.0.1:{port}{}", repository.display())
    }

    fn run(&mut self, types: &[&str]) {
        if rustix::process::geteuid().is_root() {
            // `sshd` confines itself there.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for _ in 0..ATTEMPTS {
            if self.port == 0 {
                let free = TcpListener::bind("127.0.0.1:0").unwrap();
                self.port = free.local_addr().unwrap().port();
            }
            let config = self.scratch.write("sshd_config", self.config(types));
            let mut command = Process::command(USUAL_PLACE);
            command
                .args(["-D", "-E"])
                .arg(self.path("log"))
                .arg("-f")
                .arg(config)
                .stdin(Stdio::null());
            self.process = Some(Process::start(command));
            let up = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            let ended = || fs::read_to_string(self.path("log")).unwrap_or_default();
            within(PATIENCE, || up() || ended().contains("Cannot bind"));
            if up() && !ended().contains("Cannot bind") {
                return;
            }
            self.process = None;
            fs::remove_file(self.path("log")).ok();
        }
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        panic!("sshd did not start; scripts/tools installs it:\n{log}");
    }

    fn config(&self, types: &[&str]) -> String {
        let keys = types.iter().map(|kind| {
            let path = self.path(&format!("host_{kind}"));
            format!("HostKey {}\n", path.display())
        });
        format!(
            "ListenAddress 127.0.0.1:{}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\nLogLevel VERBOSE\n{}",
            self.port,
            self.path("authorized_keys").display(),
            keys.collect::<String>()
        )
    }

    /// How often somebody logged in.
    pub(super) fn logins(&self) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap();
        log.matches("Accepted publickey").count()
    }

    /// How often somebody tried to.
    pub(super) fn attempts(&self) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap();
        log.matches("publickey for").count() + log.matches("Postponed publickey").count()
    }
}

fn keygen(path: &Path, kind: &str, passphrase: &str) {
    fs::remove_file(path.with_extension("pub")).ok();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-C", "", "-N", passphrase, "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .expect("`ssh-keygen` can't be started; scripts/tools installs it");
    assert!(made.success());
}

/// Who runs this: nobody else can log in where `sshd` runs without privileges.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
