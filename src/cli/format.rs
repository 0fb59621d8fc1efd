//! How lists and single resources are printed: `-o table|wide|json|yaml|name`.

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use super::error::{CliError, Result};
use super::output::Output;
use super::table::{Cell, Table};
use crate::api::wire::List;
use crate::resources;

/// What is printed of a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// Whole resources as JSON; a List, or one where a NAME is given
    Json,
    /// The same as YAML
    Yaml,
    /// KIND/NAME, one a line
    Name,
}

/// Something that can be a row.
pub(super) trait Row: Serialize {
    /// The table's header.
    fn header(wide: bool) -> Vec<&'static str>;

    /// The columns that a narrow terminal does without, the first one first; where there are none,
    /// what is too long stands below its row, whole.
    fn expendable() -> &'static [&'static str] {
        &[]
    }

    /// The row.
    fn cells(&self, wide: bool, now: Timestamp) -> Vec<Cell>;

    /// The name by which commands take it: `JetJob/orders`.
    fn id(&self) -> String;
}

impl Format {
    /// Whether it is a table.
    pub(super) fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// The text of a list.
    pub(super) fn list<R: Row>(self, items: &[R], now: Timestamp) -> Result<String> {
        match self {
            Self::Table | Self::Wide => {
                let mut table = self.table::<R>();
                for item in items {
                    table.row(item.cells(self == Self::Wide, now));
                }
                Ok(table.render())
            }
            Self::Json => json(&List::new(items.iter().collect())),
            Self::Yaml => yaml(&List::new(items.iter().collect())),
            Self::Name => Ok(items.iter().map(|item| item.id() + "\n").collect()),
        }
    }

    /// The text of one resource that was asked for by name.
    pub(super) fn one<R: Row>(self, item: &R, now: Timestamp) -> Result<String> {
        match self {
            Self::Json => json(item),
            Self::Yaml => yaml(item),
            Self::Table | Self::Wide | Self::Name => self.list(std::slice::from_ref(item), now),
        }
    }

    /// An empty table for such rows.
    pub(super) fn table<R: Row>(self) -> Table {
        let table = Table::new(R::header(self == Self::Wide));
        match R::expendable() {
            _ if self == Self::Wide => table.unbounded(),
            [] => table,
            expendable => table.in_lines(expendable),
        }
    }
}

/// A value as JSON for people and programs.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::failed)?;
    Ok(text + "\n")
}

/// A value as one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(CliError::failed)?;
    Ok(text + "\n")
}

/// A value as YAML.
pub(super) fn yaml(value: &impl Serialize) -> Result<String> {
    resources::write_yaml(value).map_err(CliError::failed)
}

/// Prints a list, and says on stderr where it is empty.
pub(super) fn print_list<R: Row>(
    output: Output,
    format: Format,
    items: &[R],
    now: Timestamp,
    none: &str,
) -> Result<()> {
    if items.is_empty() && format.is_table() {
        output.note(none);
        return Ok(());
    }
    output.data(&format.list(items, now)?)
}
