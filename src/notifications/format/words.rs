//! What is told, in words.

use jiff::{SignedDuration, Timestamp};

use crate::plan::record::{Incident, News, Notification, Scope};

/// A notification in one line.
pub(in crate::notifications) fn line(notification: &Notification) -> String {
    match &notification.news {
        News::Began(incident) => format!(
            "[{}] {}{}",
            incident.urgency,
            headline(incident),
            after_colon(&incident.message)
        ),
        News::Ended { incident, ended } => {
            let lasted = lasted(incident.since, *ended);
            let cause = &incident.cause;
            let held = match incident.affected {
                0 | 1 => String::new(),
                count => format!("; {count} were held"),
            };
            format!(
                "[resolved] {}: {} is over after {lasted}{held}",
                cause.scope, cause.reason
            )
        }
        News::Happened {
            resource, message, ..
        } => match resource {
            Some(id) => format!("[info] {id}: {message}"),
            None => format!("[info] {message}"),
        },
        News::Commit(status) => format!("{}: {}", status.commit, status.description),
    }
}

/// What is wrong and whom it concerns, in short.
pub(in crate::notifications) fn headline(incident: &Incident) -> String {
    let cause = &incident.cause;
    format!("{}: {}{}", cause.scope, cause.reason, concerned(incident))
}

/// What was left out for want of room, in words.
pub(in crate::notifications) fn missed(count: u64) -> String {
    format!("{count} earlier notifications were dropped, because this receiver did not take them")
}

/// Whom it concerns beside what it is named after.
fn concerned(incident: &Incident) -> String {
    if let Scope::Resource(_) = incident.cause.scope {
        return String::new();
    }
    let named: Vec<String> = incident.subjects.iter().map(ToString::to_string).collect();
    let more = incident.affected.saturating_sub(named.len());
    match (incident.affected, more) {
        (0, _) => String::new(),
        (1, _) => format!(", {} is held", named.join(", ")),
        (count, 0) => format!(", {count} are held ({})", named.join(", ")),
        (count, more) => format!(", {count} are held ({} and {more} more)", named.join(", ")),
    }
}

fn after_colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn lasted(since: Timestamp, until: Timestamp) -> String {
    let lasted = until.duration_since(since).max(SignedDuration::ZERO);
    let seconds = SignedDuration::from_secs(lasted.as_secs());
    format!("{seconds:#}")
}

/// The text, cut to this many characters.
pub(in crate::notifications) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}
