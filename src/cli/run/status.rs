//! The daemon in one line, as `systemctl status` shows it.

use crate::engine::Published;
use crate::plan::counted;
use crate::plan::hold::{HoldClass, Reason};
use crate::plan::status::Phase;
use crate::resources::Severity;

/// How it is doing: what goes well in numbers, what doesn't by its name.
pub(super) fn line(published: &Published) -> String {
    let mut parts = vec![jobs(published)];
    for (class, word) in [
        (HoldClass::Blocked, "blocked"),
        (HoldClass::Policy, "waiting for a confirmation or a change"),
        (HoldClass::Waiting, "waiting"),
    ] {
        let held = published.holds.iter();
        let held = held.filter(|hold| hold.class == class && hold.reason != Reason::Paused);
        match held.collect::<Vec<_>>()[..] {
            [] => {}
            [hold] => parts.push(format!("1 {word}: {}", hold.reason)),
            ref several => parts.push(format!("{} {word}", several.len())),
        }
    }
    let errors = published.faults.iter();
    let errors = errors.filter(|fault| fault.severity == Severity::Error);
    match errors.count() {
        0 => {}
        count => parts.push(counted(count, "error", "errors") + " in the YAML"),
    }
    let away = published.hazelcasts.iter();
    let away = away.filter(|(_, cluster)| cluster.status.phase != "Connected");
    parts.extend(away.map(|(name, _)| format!("cluster {name} is not connected")));
    let troubled = published.sources.iter();
    let troubled = troubled.filter(|(_, source)| !source.present || source.trouble.is_some());
    parts.extend(troubled.map(|(name, _)| format!("source {name} can't be read")));
    parts.extend(paused(published));
    parts.join("; ")
}

/// What a person wants left alone, with their words where it is one thing.
fn paused(published: &Published) -> Option<String> {
    let mut pauses = published.pauses.iter();
    if let Some((_, pause)) = pauses.clone().find(|(what, _)| what.is_none()) {
        return Some(format!("everything is paused {pause}"));
    }
    match (pauses.next(), pauses.count()) {
        (None, _) => None,
        (Some((what, pause)), 0) => {
            let what = what.as_ref().map(ToString::to_string).unwrap_or_default();
            Some(format!("{what} is paused {pause}"))
        }
        (Some(_), others) => Some(format!("{} resources are paused", others + 1)),
    }
}

fn jobs(published: &Published) -> String {
    let total = published.jobs.len();
    let running = published.jobs.into_iter();
    let running = running.filter(|(_, job)| job.status.phase == Phase::Running);
    match total {
        0 => "no jobs".to_owned(),
        total => {
            let total = counted(total, "job", "jobs");
            format!("{} of {total} running", running.count())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::samples;
    use crate::engine::published::SourceReport;
    use crate::resources::SourceName;

    #[test]
    fn nothing_to_do_is_short() {
        assert_eq!(line(&Published::default()), "no jobs");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut published = Published::default();
        let (running, drifted) = (samples::running(), samples::drifted());
        published.holds = drifted.status.holds.clone().into();
        for job in [running, drifted] {
            let name = job.metadata.name.clone();
            published.jobs.insert(name, Arc::new(job));
        }
        let away = SourceReport {
            revision: String::new(),
            present: true,
            trouble: Some("its host is away".to_owned()),
            errors: 0,
            seen_at: None,
        };
        let name = SourceName("git".to_owned());
        published.sources.insert(name, away);
        assert_eq!(
            line(&published),
            "1 of 2 jobs running; 1 waiting for a confirmation or a change: Drifted; source git can't be read"
        );
    }
}
