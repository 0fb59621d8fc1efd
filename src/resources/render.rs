//! Prints a fault the way compilers do, for terminals and for logs.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::fault::{Fault, Severity};

/// A fault as text of several lines without a line break at the end, in colours or without.
pub fn render(fault: &Fault, colour: bool) -> String {
    let palette = Palette::new(fault.severity, colour);
    let mut text = String::new();
    let title = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    palette.paint(&mut text, palette.severity, title);
    palette.paint(&mut text, palette.title, &format!(": {}", fault.message));
    let excerpt = fault
        .snippet
        .clone()
        .unwrap_or_else(|| format!(" --> {}", fault.place));
    for line in excerpt.lines() {
        text.push('\n');
        palette.paint_excerpt(&mut text, line);
    }
    if let Some(help) = &fault.help {
        let gutter = excerpt.find("-->").unwrap_or(1);
        text.push('\n');
        palette.paint(&mut text, palette.frame, &format!("{:gutter$} = ", ""));
        palette.paint(&mut text, palette.title, "help");
        text.push_str(": ");
        text.push_str(help);
    }
    text
}

/// What is printed in which colour.
struct Palette {
    colour: bool,
    severity: Style,
    title: Style,
    frame: Style,
}

impl Palette {
    fn new(severity: Severity, colour: bool) -> Self {
        let severity = match severity {
            Severity::Error => AnsiColor::BrightRed,
            Severity::Warning => AnsiColor::Yellow,
        };
        Self {
            colour,
            severity: severity.on_default().bold(),
            title: Style::new().bold(),
            frame: AnsiColor::BrightBlue.on_default().bold(),
        }
    }

    /// A line of the excerpt: its frame, then source or the caret.
    fn paint_excerpt(&self, text: &mut String, line: &str) {
        let (frame, rest) = match line.find("--> ").map(|at| at + 4) {
            Some(end) => line.split_at(end),
            None => line.split_at(line.find('|').map_or(line.len(), |bar| bar + 1)),
        };
        self.paint(text, self.frame, frame);
        if !rest.is_empty() && rest.chars().all(|character| matches!(character, ' ' | '^')) {
            self.paint(text, self.severity, rest);
        } else {
            text.push_str(rest);
        }
    }

    fn paint(&self, text: &mut String, style: Style, part: &str) {
        if self.colour {
            // Writing to a String can't fail.
            write!(text, "{style}{part}{style:#}").unwrap_or_default();
        } else {
            text.push_str(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::{Place, SourceName};
    use super::*;

    fn fault(snippet: Option<&str>) -> Fault {
        Fault {
            severity: Severity::Error,
            place: Place {
                source: SourceName("jobs".to_owned()),
                path: "a.yaml".to_owned(),
                line: 7,
                column: 3,
            },
            resource: None,
            message: "unknown field `nmae`".to_owned(),
            help: Some("did you mean `name`?".to_owned()),
            snippet: snippet.map(str::to_owned),
        }
    }

    #[test]
    fn help_stands_under_the_frame() {
        let excerpt = " --> a.yaml:7:3\n  |\n7 |   nmae: x\n  |   ^^^^";
        insta::assert_snapshot!(render(&fault(Some(excerpt)), false), @r"
        error: unknown field `nmae`
         --> a.yaml:7:3
          |
        7 |   nmae: x
          |   ^^^^
          = help: did you mean `name`?
        ");
        insta::assert_snapshot!(render(&fault(None), false), @r"
        error: unknown field `nmae`
         --> a.yaml:7:3
          = help: did you mean `name`?
        ");
    }

    #[test]
    fn colours_change_no_text() {
        let excerpt = " --> a.yaml:7:3\n  |\n7 |   nmae: x\n  |   ^^^^";
        let coloured = render(&fault(Some(excerpt)), true);
        assert_ne!(coloured, render(&fault(Some(excerpt)), false));
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(stripped, render(&fault(Some(excerpt)), false));
    }
}
