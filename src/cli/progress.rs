//! How an apply goes: events as lines, and on a terminal a line below them that moves.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::follow::News;
use super::output::Output;
use super::rows::{before_words, grouped, release};
use crate::engine::Published;
use crate::plan::hold::{Hold, HoldClass};
use crate::resources::render::render;

/// How often the line below moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows how it goes, on stderr.
pub(super) struct Progress {
    output: Output,
    /// Only on a terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(output: Output) -> Self {
        let bar = Output::is_watched().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant; should it ever be wrong, the usual style does.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { output, bar }
    }

    /// Shows what a pass brought.
    pub(super) fn show(&mut self, news: &News) {
        self.above(|output| {
            for fault in &news.faults {
                output.say(&render(fault, true));
            }
            for entry in &news.events {
                let event = &entry.event;
                let subject = event.resource.as_ref().map(|id| format!("{id}: "));
                output.say(&format!("{}{}", subject.unwrap_or_default(), event.message));
            }
        });
        if let Some(bar) = &self.bar {
            bar.set_message(doing(&news.published));
        }
    }

    /// Takes the line below away.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn above(&self, print: impl FnOnce(Output)) {
        match &self.bar {
            Some(bar) => bar.suspend(|| print(self.output)),
            None => print(self.output),
        }
    }
}

/// Tells what is held, each once, and what releases it.
pub(super) fn tell_holds(output: Output, holds: &[Hold]) {
    for hold in grouped(holds) {
        let (subjects, reason, message) = (before_words(&hold), hold.reason, &hold.message);
        let release = release(&hold);
        let release = release.map_or(String::new(), |command| {
            format!("\n  to release: {command}")
        });
        let text = format!("{subjects}{reason}: {message}{release}");
        match hold.class {
            HoldClass::Policy => output.note(&text),
            HoldClass::Waiting | HoldClass::Blocked => output.warn(&text),
        }
    }
}

/// What is being done, or waited for, in one line.
fn doing(published: &Published) -> String {
    let steps = &published.in_flight;
    match (steps.first(), steps.len()) {
        (Some(step), 1) => format!("{}: {}", step.resource, step.message),
        (Some(step), count) => {
            let others = count - 1;
            format!("{}: {} (and {others} more)", step.resource, step.message)
        }
        (None, _) => match published.holds.first() {
            Some(hold) => hold.message.clone(),
            None => "looking".to_owned(),
        },
    }
}
