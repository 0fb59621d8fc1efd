//! Whether every command of the pages in `docs/` and of the README is one that the program takes.

use std::path::PathBuf;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::Cli;

/// Where a command ends on a line of a shell.
const ENDS: [&str; 7] = [" #", " &&", " |", " >", ";", " <", "   "];

fn pages() -> Vec<PathBuf> {
    let there = std::fs::read_dir("docs").unwrap();
    let mut pages: Vec<PathBuf> = there.map(|entry| entry.unwrap().path()).collect();
    pages.push(PathBuf::from("README.md"));
    pages.retain(|path| path.extension().is_some_and(|it| it == "md"));
    pages.sort();
    pages
}

/// The commands of a page: lines of blocks, and what stands in backticks.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced && !line.starts_with("    ") {
            continue;
        }
        let line = line.trim_start_matches(['$', ' ', '#']);
        let line = line.strip_prefix("sudo ").unwrap_or(line);
        commands.extend(line.strip_prefix("jetkeeper ").map(str::to_owned));
    }
    let quoted = text.split('`').skip(1).step_by(2);
    let quoted = quoted.map(|code| code.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    let ours = quoted.filter_map(|code| {
        let code = code.strip_prefix("sudo ").unwrap_or(&code);
        code.strip_prefix("jetkeeper ").map(str::to_owned)
    });
    commands.extend(ours);
    commands
}

/// The words of a line, as a shell takes it apart where it has no more than quotes in it.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let mut words = vec![String::new()];
    for (number, part) in parts {
        let mut pieces = part.split(|it: char| number % 2 == 0 && it.is_ascii_whitespace());
        if let (Some(last), Some(piece)) = (words.last_mut(), pieces.next()) {
            last.push_str(piece);
        }
        words.extend(pieces.map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_taken(command: &str) -> bool {
    let end = ENDS.iter().filter_map(|end| command.find(end)).min();
    let command = &command[..end.unwrap_or(command.len())];
    // What a page leaves out is anything.
    let words = words(&command.replace('…', "1h"));
    let words = std::iter::once("jetkeeper".to_owned()).chain(words);
    match Cli::command().try_get_matches_from(words) {
        Ok(_) => true,
        // A page may speak of a group of commands, or of one without all that it needs.
        Err(error) => matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                | ErrorKind::MissingRequiredArgument
                | ErrorKind::MissingSubcommand
        ),
    }
}

#[test]
fn every_command_in_the_pages_is_one_that_the_program_takes() {
    let mut found = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for command in commands(&std::fs::read_to_string(&page).unwrap()) {
            found += 1;
            if !is_taken(&command) {
                wrong.push(format!("{}: jetkeeper {command}", page.display()));
            }
        }
    }
    assert!(found > 50, "only {found} commands were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn commands_are_found_in_blocks_and_in_sentences() {
    let text = "    sudo jetkeeper get jobs   # all\nsay `jetkeeper confirm ID`,\nor `jetkeeper\nget holds`\n";
    assert_eq!(
        commands(text),
        ["get jobs   # all", "confirm ID", "get holds"]
    );
    assert!(is_taken("get jobs   # all") && is_taken("snapshot export"));
    assert!(is_taken(
        "pause orders --reason \"the network moves\" --for 2h"
    ));
    assert_eq!(words("a \"b c\"  d"), ["a", "b c", "d"]);
    assert!(!is_taken("gett jobs") && !is_taken("get jobs --nothing"));
}
