//! Keys to sign with, made by `ssh-keygen` and `gpg` as people make them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::remote::Remote;
use crate::support::scratch::Scratch;

/// A key with which `git` signs.
#[derive(Clone)]
pub(super) struct Signer {
    config: Vec<(&'static str, String)>,
    home: PathBuf,
}

impl Signer {
    /// What makes `git` sign with it.
    fn args(&self) -> Vec<String> {
        let config = self.config.iter();
        let pairs = config.flat_map(|(key, value)| ["-c".to_owned(), format!("{key}={value}")]);
        pairs.collect()
    }
}

/// A directory of keys.
pub(super) struct Keyring {
    pub(super) scratch: Scratch,
}

impl Keyring {
    pub(super) fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write("gnupg/gpg-agent.conf", "allow-preset-passphrase\n");
        let keyring = Self { scratch };
        run(Command::new("chmod").arg("700").arg(keyring.gnupg()));
        keyring
    }

    fn gnupg(&self) -> PathBuf {
        self.scratch.path().join("gnupg")
    }

    /// An SSH key, and its line for a file of those who may sign.
    pub(super) fn ssh(&self, name: &str, kind: &str, options: &str) -> (Signer, String) {
        let file = self.scratch.path().join(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", kind, "-N", "", "-C", "", "-f"]);
        run(keygen.arg(&file));
        let public = fs::read_to_string(file.with_extension("pub")).unwrap();
        let line = format!("{name}@example.com {options} {public}");
        let signer = Signer {
            config: vec![
                ("gpg.format", "ssh".to_owned()),
                ("user.signingkey", file.display().to_string()),
            ],
            home: self.gnupg(),
        };
        (signer, line)
    }

    /// `gpg` with this keyring.
    pub(super) fn gpg(&self, args: &[&str], stdin: &str) -> Output {
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", self.gnupg())
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"])
            .args(["--passphrase", ""])
            .args(args);
        run_with(&mut gpg, stdin)
    }

    /// An `OpenPGP` key that may sign, made at this time and good for so long.
    pub(super) fn openpgp(&self, user: &str, made: Option<&str>, good_for: &str) -> Signer {
        let made = made.map(|made| format!("--faked-system-time={made}"));
        let mut args: Vec<&str> = made.as_deref().into_iter().collect();
        args.extend(["--quick-generate-key", user, "ed25519", "sign", good_for]);
        self.gpg(&args, "");
        self.signer(user)
    }

    /// Signs with what this keyring has for a user.
    pub(super) fn signer(&self, user: &str) -> Signer {
        Signer {
            config: vec![
                ("gpg.format", "openpgp".to_owned()),
                ("user.signingkey", user.to_owned()),
            ],
            home: self.gnupg(),
        }
    }

    /// The same, at another time: `gpg` believes it to be then.
    pub(super) fn signer_at(&self, user: &str, time: &str) -> Signer {
        let mut signer = self.signer(user);
        let script = format!("#!/bin/sh\nexec gpg --faked-system-time={time} \"$@\"\n");
        let script = self.scratch.write("gpg-then", script);
        run(Command::new("chmod").arg("700").arg(&script));
        signer
            .config
            .push(("gpg.program", script.display().to_string()));
        signer
    }

    /// A user's public key as it is now.
    pub(super) fn exported(&self, user: &str) -> String {
        let exported = self.gpg(&["--armor", "--export", user], "");
        String::from_utf8(exported.stdout).unwrap()
    }

    /// Revokes a user's key.
    pub(super) fn revoke(&self, user: &str) {
        let listed = self.gpg(&["--with-colons", "--list-keys", user], "");
        let listed = String::from_utf8(listed.stdout).unwrap();
        let fingerprint = listed.lines().find(|line| line.starts_with("fpr")).unwrap();
        let fingerprint = fingerprint.split(':').nth(9).unwrap();
        let place = self
            .gnupg()
            .join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let certificate = fs::read_to_string(place).unwrap();
        // The colon keeps it from being imported by accident.
        let certificate = certificate.replace(":-----BEGIN", "-----BEGIN");
        self.gpg(&["--import"], &certificate);
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // Its agent would outlive it.
        let mut kill = Command::new("gpgconf");
        drop(
            kill.env("GNUPGHOME", self.gnupg())
                .args(["--kill", "all"])
                .status(),
        );
    }
}

fn run(command: &mut Command) -> Output {
    run_with(command, "")
}

fn run_with(command: &mut Command, stdin: &str) -> Output {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} ({error}); scripts/tools installs it"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    output
}

impl Remote {
    /// Commits what is in the work tree, signed.
    pub(super) fn commit_signed(&self, signer: &Signer) -> String {
        self.git(&["add", "--all"]);
        self.git_signed(
            signer,
            &["commit", "--quiet", "--allow-empty", "-S", "-m", "change"],
        );
        self.git(&["rev-parse", "HEAD"])
    }

    /// The same, and pushes it.
    pub(super) fn push_signed(&self, signer: &Signer) -> String {
        self.commit_signed(signer);
        self.push_as_it_is()
    }

    /// `git` in the work tree, signing with this key.
    pub(super) fn git_signed(&self, signer: &Signer, args: &[&str]) -> String {
        self.git_signed_with(signer, args, &[])
    }

    /// The same, with these variables.
    pub(super) fn git_signed_with(
        &self,
        signer: &Signer,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> String {
        let signing = signer.args();
        let args: Vec<&str> = signing
            .iter()
            .map(String::as_str)
            .chain(args.iter().copied())
            .collect();
        let home = [("GNUPGHOME", signer.home.to_str().unwrap())];
        self.git_with(&args, &[&home, variables].concat())
    }
}
