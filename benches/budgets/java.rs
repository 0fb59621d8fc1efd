//! The Java programs that jetkeeper is measured beside: a warm client in a JVM of its own.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::fixture;
use crate::support::member::Member;

/// A program that ends when this is dropped.
pub(crate) struct Java {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Java {
    /// Starts a program of `benches/java` with a client of this member.
    pub(crate) fn start(class: &str, member: &Member, arguments: &[&str]) -> Self {
        Self::start_with(256, class, member, arguments)
    }

    /// The same with a heap of so many MiB.
    pub(crate) fn start_with(
        heap_mib: u32,
        class: &str,
        member: &Member,
        arguments: &[&str],
    ) -> Self {
        let jars = [fixture("hazelcast-5.7.0.jar"), fixture("bench-client.jar")];
        let mut child = Command::new("java")
            .arg(format!("-Xmx{heap_mib}m"))
            .args(["-XX:+UseSerialGC", "-cp"])
            .arg(std::env::join_paths(jars).unwrap())
            .arg(format!("jetkeeper.bench.{class}"))
            .args([&member.address(), member.cluster_name()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    /// Asks for a sample and waits for it: milliseconds.
    pub(crate) fn sample(&mut self) -> f64 {
        let input = self.input.as_mut().unwrap();
        input.write_all(b"\n").unwrap();
        input.flush().unwrap();
        self.line().parse().unwrap()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let line = self.output.next();
        line.expect("the Java program goes on").unwrap()
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}
