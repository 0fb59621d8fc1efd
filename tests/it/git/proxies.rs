//! Proxies that the environment names, and a service without a home.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::remote::Remote;
use super::server::Server;
use super::sshd::Sshd;
use crate::support::program::Program;
use crate::support::scratch::Scratch;

/// Passes connections on to where they are meant to go, and counts them.
async fn proxy() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let passed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&passed);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let to = head.strip_prefix("CONNECT ").unwrap();
                let to = to.split_once(' ').unwrap().0;
                let mut server = TcpStream::connect(to).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                copy_bidirectional(&mut client, &mut server).await.ok();
            });
        }
    });
    (port, passed)
}

async fn validate(config: &str, variables: &[(&str, &str)]) {
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let config = config.to_owned();
    let run = move || {
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        Program::run_with(["validate", "--config", &config], &variables).code(0)
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_is_reached_through_the_proxy_of_the_environment() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    remote.write("README.md", "no job");
    remote.push();
    let server = Server::start(&remote).await;
    scratch.write("ca.pem", &server.certificate);
    scratch.write("secrets/git/token", "hush");
    let config = scratch.write(
        "jetkeeper.yaml",
        format!(
            "sources: [{{name: jobs, git: {{url: \"{}\", secretName: git, caFile: ca.pem}}}}]\n\
             secrets: {{directory: secrets}}\n",
            server.url()
        ),
    );
    let (port, passed) = proxy().await;
    let (config, proxy) = (config.to_str().unwrap(), format!("http://127.0.0.1:{port}"));
    validate(config, &[("https_proxy", &proxy), ("no_proxy", "")]).await;
    let through = passed.load(Ordering::Relaxed);
    assert!(through > 0);
    validate(
        config,
        &[("https_proxy", &proxy), ("no_proxy", "localhost")],
    )
    .await;
    assert_eq!(passed.load(Ordering::Relaxed), through);
}

/// Nothing of the user's is used: neither a home, nor an agent, nor a configuration.
#[tokio::test(flavor = "multi_thread")]
async fn ssh_needs_no_home() {
    let (remote, scratch) = (Remote::new(), Scratch::new());
    remote.write("README.md", "no job");
    remote.push();
    let sshd = Sshd::start(&["ed25519"]);
    scratch.write("secrets/git/identity", sshd.user_key());
    let config = scratch.write(
        "jetkeeper.yaml",
        format!(
            "sources:\n  - name: jobs\n    git:\n      url: \"{}\"\n      secretName: git\n      knownHosts: |\n        {}\
             secrets: {{directory: secrets}}\n",
            sshd.url(&remote.bare()),
            sshd.line("ed25519")
        ),
    );
    let nowhere = [("HOME", "/nowhere"), ("SSH_AUTH_SOCK", "/nowhere/agent")];
    validate(config.to_str().unwrap(), &nowhere).await;
    assert!(sshd.logins() > 0);
}
