//! The child process: does one errand and ends.
//!
//! libgit2 can hang where no limit of ours reaches it, so it talks to remotes in a process that can be
//! killed. That process has no configuration of Git but ours, and holds the secrets of one source for
//! as long as one fetch takes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::thread;

use super::errand::{Answer, Errand, Failure, Line};
use super::{export, fetch, host_key, trust};

/// Does the errand that stands on stdin, and tells on stdout how it goes.
pub fn do_errand() -> ExitCode {
    let mut stdin = BufReader::new(io::stdin());
    let mut line = String::new();
    let errand = match stdin.read_line(&mut line) {
        Ok(_) => serde_json::from_str(&line),
        Err(error) => Err(serde_json::Error::io(error)),
    };
    drop(line);
    thread::spawn(move || end_with(stdin));
    let done = match &errand {
        Ok(Errand::Fetch(errand)) => fetch::fetch(errand),
        Ok(Errand::Export(errand)) => export::export(errand),
        Ok(Errand::HostKey(errand)) => host_key::learn(errand),
        Ok(Errand::Judge(errand)) => trust::judge(errand).map(Answer::Judged),
        Err(error) => Err(Failure::remote(format!(
            "this command is used by jetkeeper itself, and not by people: {error}"
        ))),
    };
    let succeeded = done.is_ok();
    tell(&match done {
        Ok(answer) => Line::Done(answer),
        Err(failure) => Line::Failed(failure),
    });
    if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Ends this process when the one that started it has gone.
fn end_with(mut stdin: impl Read) {
    let mut byte = [0];
    while stdin.read(&mut byte).is_ok_and(|length| length > 0) {}
    std::process::exit(1);
}

/// Tells that the errand came further.
pub(super) fn tell_progress() {
    tell(&Line::Progress);
}

fn tell(line: &Line) {
    let Ok(mut text) = serde_json::to_vec(line) else {
        return;
    };
    text.push(b'\n');
    let mut stdout = io::stdout().lock();
    // Nobody listens any more where this fails, and then stdin ends too.
    drop(stdout.write_all(&text).and_then(|()| stdout.flush()));
}
