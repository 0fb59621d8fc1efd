//! A scratch Git repository, used with `git` as a person uses it, and the key that signs there.
//!
//! Nothing of the user's own Git is read or written: no configuration, no hook, no key, no agent.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::super::error::{CliError, Result};

/// Who may sign, by the name that `history` tells.
const SIGNER: &str = "ada@example.com";

const GIT: &str = "git";
const KEYGEN: &str = "ssh-keygen";

/// A repository with a work tree, in which `git commit -S` signs.
pub(super) struct Repository {
    scratch: PathBuf,
}

impl Repository {
    /// One that is still to be made, in this directory.
    pub(super) fn within(scratch: &Path) -> Self {
        let scratch = scratch.to_owned();
        Self { scratch }
    }

    /// Makes it, empty, and beside it a key and the file of those who may sign.
    pub(super) async fn make(&self) -> Result<()> {
        let key = self.scratch.join("signer");
        let mut keygen = self.program(KEYGEN);
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]);
        run(KEYGEN, keygen.arg(&key)).await?;
        let public = std::fs::read_to_string(key.with_extension("pub"));
        let allowed = format!("{SIGNER} {}", public.map_err(CliError::failed)?);
        std::fs::write(self.signers(), allowed).map_err(CliError::failed)?;

        std::fs::create_dir(self.tree()).map_err(CliError::failed)?;
        self.git(&["init", "--quiet", "--template="]).await?;
        let [key, signers] = [key, self.signers()].map(|path| path.display().to_string());
        for (name, value) in [
            ("user.name", "Ada"),
            ("user.email", SIGNER),
            ("gpg.format", "ssh"),
            ("user.signingKey", &key),
            // For who looks around with `git log --show-signature`.
            ("gpg.ssh.allowedSignersFile", &signers),
        ] {
            self.git(&["config", name, value]).await?;
        }
        Ok(())
    }

    /// Where it is, with `.git` in it.
    pub(super) fn tree(&self) -> PathBuf {
        self.scratch.join("repository")
    }

    /// The file of those who may sign.
    pub(super) fn signers(&self) -> PathBuf {
        self.scratch.join("allowed_signers")
    }

    /// Runs `git` in it.
    pub(super) async fn git(&self, arguments: &[&str]) -> Result<()> {
        let mut git = self.program(GIT);
        run(GIT, git.arg("-C").arg(self.tree()).args(arguments)).await
    }

    /// With nothing of our environment but where programs are: `GIT_DIR` and its like lead elsewhere.
    /// In a group of its own: Ctrl-C is for the demo, which ends what it started.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(["HOME", "TMPDIR"].map(|place| (place, &self.scratch)))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

async fn run(name: &str, command: &mut Command) -> Result<()> {
    let ran = command.output().await;
    let ran = ran.map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(name),
        _ => CliError::failed(error),
    })?;
    if ran.status.success() {
        return Ok(());
    }
    let told = [ran.stdout, ran.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    let error = CliError::failed(format!("{name} failed ({}): {}", ran.status, told.trim()));
    Err(match name {
        GIT => error.hint("the demo needs git 2.34 or later, which signs with SSH keys"),
        _ => error,
    })
}

fn missing(name: &str) -> CliError {
    let package = match name {
        GIT => "git, version 2.34 or later",
        _ => "OpenSSH's client programs (openssh-client on Debian and Ubuntu)",
    };
    CliError::failed(format!("{name} was not found"))
        .hint(format!("the demo signs commits: install {package}"))
}
