//! Tables without lines, as wide as the terminal is.

use std::borrow::Cow;

use comfy_table::{
    Attribute, Cell as Styled, Color, ColumnConstraint, ContentArrangement, Table as Drawn, Width,
    presets,
};

use super::called::as_called;

/// How a cell is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// As it is.
    Plain,
    /// All is well.
    Good,
    /// Something is on its way or wanted so.
    Calm,
    /// Somebody has to look.
    Bad,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    mood: Mood,
}

impl Cell {
    /// A cell in the colour of a mood.
    pub(super) fn of(text: impl Into<String>, mood: Mood) -> Self {
        Self {
            text: text.into(),
            mood,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::of(text, Mood::Plain)
    }
}

/// What becomes of a text in the last column that is longer than the room there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Long {
    /// It is cut, and ends with `…`.
    Cut,
    /// It stands below its row, whole.
    Below,
    /// It goes on, wherever the terminal ends.
    GoesOn,
}

/// The last column's room below which others are left out for it.
const ROOM: usize = 30;
/// With less it says nothing.
const LEAST_ROOM: usize = 10;
/// The space after a column.
const GAP: usize = 2;
/// How far texts below their rows are indented.
const INDENT: usize = 4;

/// A table. Its last column takes the room that is left; nothing wraps within a cell.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    width: Option<u16>,
    long: Long,
    /// The columns that are left out where the terminal is narrow, the first one first.
    expendable: &'static [&'static str],
    grows: bool,
    /// What the columns have at least, so that later rows stand under earlier ones.
    least: Vec<usize>,
    /// Which columns are shown, once that was decided.
    shown: Option<Vec<bool>>,
}

impl Table {
    /// A table with this header.
    pub(super) fn new(header: impl Into<Vec<&'static str>>) -> Self {
        let header = header.into();
        Self {
            least: header.iter().map(|name| length(name)).collect(),
            header,
            rows: Vec::new(),
            width: None,
            long: Long::Below,
            expendable: &[],
            grows: false,
            shown: None,
        }
    }

    /// The same table, a line a row: what is too long is cut, and these columns are left out first.
    pub(super) fn in_lines(mut self, expendable: &'static [&'static str]) -> Self {
        self.long = Long::Cut;
        self.expendable = expendable;
        self
    }

    /// The same table, with everything, however wide that is.
    pub(super) fn unbounded(mut self) -> Self {
        self.long = Long::GoesOn;
        self
    }

    /// The same table, of which nobody knows yet what later rows say.
    pub(super) fn growing(mut self) -> Self {
        self.grows = true;
        self
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let mut cells = cells.into();
        for cell in &mut cells {
            if let Cow::Owned(text) = as_called(&cell.text) {
                cell.text = text;
            }
        }
        self.rows.push(cells);
    }

    /// The table as text, narrower by what it is to be indented with.
    pub(super) fn render_indented(&mut self, indent: u16) -> String {
        let terminal = self.width.or_else(|| Drawn::new().width());
        self.width = terminal.map(|width| width.saturating_sub(indent));
        self.render()
    }

    /// The table as text, its header included.
    pub(super) fn render(&mut self) -> String {
        self.draw(true)
    }

    /// The rows alone, under those that were rendered before; then there are none.
    pub(super) fn render_rows(&mut self) -> String {
        self.draw(false)
    }

    fn draw(&mut self, header: bool) -> String {
        let mut rows = std::mem::take(&mut self.rows);
        let last = self.header.len().saturating_sub(1);
        for row in &rows {
            for (least, cell) in self.least.iter_mut().zip(row).take(last) {
                *least = (*least).max(length(&cell.text));
            }
        }
        let shown = self.decide(&rows);
        let room = self.room(&shown);
        let below: Vec<String> = rows
            .iter_mut()
            .map(|row| {
                row.last_mut()
                    .map_or(String::new(), |cell| self.fit(cell, room))
            })
            .collect();
        let mut drawn = Drawn::new();
        drawn
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            // Who prints it takes the colours out where they can't be seen.
            .enforce_styling();
        // Else the padding would be styled too, and stay at the ends of lines.
        drawn.style_text_only();
        let header_cells = self.header.iter();
        let header_cells =
            header_cells.map(|name| Styled::new(name).add_attribute(Attribute::Bold));
        drawn.add_row(only(&shown, header_cells));
        for row in rows {
            drawn.add_row(only(&shown, row.into_iter().map(styled)));
        }
        let least: Vec<usize> = only(&shown, self.least.iter().copied()).collect();
        for (index, column) in drawn.column_iter_mut().enumerate() {
            column.set_padding((0, u16::try_from(GAP).unwrap_or_default()));
            let least = least.get(index).map(|least| u16::try_from(least + GAP));
            if let Some(Ok(least)) = least.filter(|_| index + 1 < self.header.len()) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        let text = drawn.trim_fmt();
        let mut lines = text.lines();
        let mut out = String::new();
        if let Some(line) = lines.next().filter(|_| header) {
            out.push_str(line);
            out.push('\n');
        }
        for (line, below) in lines.zip(below) {
            out.push_str(line);
            out.push('\n');
            out.push_str(&below);
        }
        out
    }

    /// Which columns are shown: decided once, so that later rows stand under earlier ones.
    fn decide(&mut self, rows: &[Vec<Cell>]) -> Vec<bool> {
        if let Some(shown) = &self.shown {
            return shown.clone();
        }
        let mut shown = vec![true; self.header.len()];
        let last = rows.iter().filter_map(|row| row.last());
        let needed = last
            .map(|cell| length(&cell.text))
            .max()
            .unwrap_or_default();
        let needed = if self.grows { ROOM } else { needed.min(ROOM) };
        let mut expendable = self.expendable.iter();
        while self.long == Long::Cut && self.room(&shown).is_some_and(|room| room < needed) {
            let Some(name) = expendable.next() else { break };
            let left_out = self.header.iter().zip(&mut shown);
            left_out
                .filter(|(column, _)| *column == name)
                .for_each(|(_, shown)| *shown = false);
        }
        if self.long == Long::Cut
            && self.room(&shown).is_some_and(|room| room < LEAST_ROOM)
            && let Some(last) = shown.last_mut()
        {
            *last = false;
        }
        self.shown = Some(shown.clone());
        shown
    }

    /// What is left for the last column; none where there is no end.
    fn room(&self, shown: &[bool]) -> Option<usize> {
        let width = self.width.or_else(|| Drawn::new().width())?;
        let last = self.header.len().saturating_sub(1);
        let others = only(shown, self.least.iter().take(last));
        let taken: usize = others.map(|least| least + GAP).sum();
        Some(usize::from(width).saturating_sub(taken))
    }

    /// Makes the last cell fit; gives what is to stand below its row.
    fn fit(&self, cell: &mut Cell, room: Option<usize>) -> String {
        let Some(room) = room.filter(|room| length(&cell.text) > *room) else {
            return String::new();
        };
        match self.long {
            Long::GoesOn => String::new(),
            Long::Cut => {
                let kept = room.saturating_sub(1);
                let kept: String = cell.text.chars().take(kept).collect();
                cell.text = format!("{}…", kept.trim_end());
                String::new()
            }
            Long::Below => {
                let width = self
                    .width
                    .or_else(|| Drawn::new().width())
                    .unwrap_or(u16::MAX);
                let width = usize::from(width).saturating_sub(INDENT).max(ROOM);
                wrapped(&std::mem::take(&mut cell.text), width)
            }
        }
    }
}

/// Those of the columns that are shown.
fn only<T>(shown: &[bool], cells: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    cells
        .zip(shown.iter().chain(std::iter::repeat(&true)))
        .filter_map(|(cell, shown)| shown.then_some(cell))
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text in lines of this width where its words allow it, indented.
fn wrapped(text: &str, width: usize) -> String {
    let indent = " ".repeat(INDENT);
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        if used > 0 && used + 1 + length(word) > width {
            out.push('\n');
            used = 0;
        }
        out.push_str(if used == 0 { &indent } else { " " });
        used += length(word) + usize::from(used > 0);
        out.push_str(word);
    }
    out + "\n"
}

fn styled(cell: Cell) -> Styled {
    let styled = Styled::new(cell.text);
    match cell.mood {
        Mood::Plain => styled,
        Mood::Good => styled.fg(Color::Green),
        Mood::Calm => styled.fg(Color::Yellow),
        Mood::Bad => styled.fg(Color::Red),
    }
}

#[cfg(test)]
impl Table {
    /// The text without colours, on a terminal of this width.
    pub(super) fn plain(mut self, width: u16) -> String {
        self.width = Some(width);
        anstream::adapter::strip_str(&self.render()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["NAME", "PHASE", "MESSAGE"]);
        table.row(["orders".into(), Cell::of("Running", Mood::Good), "".into()]);
        table.row([
            "returns".into(),
            Cell::of("Failed", Mood::Bad),
            "the jar returns.jar is neither beside the YAML nor in jars/".into(),
        ]);
        table
    }

    #[test]
    fn a_text_that_is_too_long_stands_below_its_row() {
        insta::assert_snapshot!(table().plain(120), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither beside the YAML nor in jars/
        ");
        insta::assert_snapshot!(table().plain(50), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed
            the jar returns.jar is neither beside the YAML
            nor in jars/
        ");
    }

    #[test]
    fn in_lines_it_is_cut_and_other_columns_make_room() {
        let lines = || table().in_lines(&["PHASE"]);
        insta::assert_snapshot!(lines().plain(80), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither beside the YAML nor in jars/
        ");
        insta::assert_snapshot!(lines().plain(50), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither…
        ");
        insta::assert_snapshot!(lines().plain(40), @r"
        NAME     MESSAGE
        orders
        returns  the jar returns.jar is neither…
        ");
        insta::assert_snapshot!(lines().plain(12), @r"
        NAME
        orders
        returns
        ");
        insta::assert_snapshot!(lines().unbounded().plain(12), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither beside the YAML nor in jars/
        ");
    }

    #[test]
    fn a_table_that_grows_keeps_room_for_what_comes() {
        let mut table = Table::new(["NAME", "PHASE", "MESSAGE"])
            .in_lines(&["PHASE"])
            .growing();
        table.width = Some(40);
        table.row(["orders".into(), "Running".into(), "".into()]);
        let mut text = table.render();
        table.row([
            "orders".into(),
            "Failed".into(),
            "the jar is neither here nor there".into(),
        ]);
        text.push_str(&table.render_rows());
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r"
        NAME    MESSAGE
        orders
        orders  the jar is neither here nor the…
        ");
    }

    #[test]
    fn later_rows_stand_under_earlier_ones() {
        let mut table = table();
        table.width = Some(120);
        let mut text = table.render();
        table.row(["a".into(), "Running".into(), "later".into()]);
        text.push_str(&table.render_rows());
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither beside the YAML nor in jars/
        a        Running  later
        ");
    }

    #[test]
    fn an_empty_table_has_a_header() {
        insta::assert_snapshot!(Table::new(["NAME", "PHASE"]).plain(80), @"NAME  PHASE");
    }
}
