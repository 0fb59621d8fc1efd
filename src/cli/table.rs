//! Tables without lines, as wide as the terminal is.

use comfy_table::{
    Attribute, Cell as Styled, Color, ColumnConstraint, ContentArrangement, Table as Drawn, Width,
    presets,
};

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

/// A table. Its last column takes the room that is left.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    width: Option<u16>,
    /// What the columns have at least, so that later rows stand under earlier ones.
    least: Vec<u16>,
}

impl Table {
    /// A table with this header.
    pub(super) fn new(header: impl Into<Vec<&'static str>>) -> Self {
        Self {
            header: header.into(),
            rows: Vec::new(),
            width: None,
            least: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
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
        let mut drawn = Drawn::new();
        drawn
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            // Who prints it takes the colours out where they can't be seen.
            .enforce_styling();
        // Else the padding would be styled too, and stay at the ends of lines.
        drawn.style_text_only();
        if let Some(width) = self.width {
            drawn.set_width(width);
        }
        if header {
            let header = self.header.iter();
            drawn.set_header(header.map(|name| Styled::new(name).add_attribute(Attribute::Bold)));
        }
        for row in self.rows.drain(..) {
            drawn.add_row(row.into_iter().map(styled));
        }
        let last = self.header.len().saturating_sub(1);
        let widths = drawn.column_max_content_widths();
        self.least.resize(self.header.len(), 0);
        for (least, width) in self.least.iter_mut().zip(widths) {
            *least = (*least).max(width);
        }
        for (index, column) in drawn.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if index < last {
                // The columns before the last are short words, which nothing may break.
                let least = self.least.get(index).copied().unwrap_or_default();
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least + 2)));
            }
        }
        let text = drawn.trim_fmt();
        if text.is_empty() { text } else { text + "\n" }
    }
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
    fn the_last_column_wraps_where_the_terminal_ends() {
        insta::assert_snapshot!(table().plain(120), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither beside the YAML nor in jars/
        ");
        insta::assert_snapshot!(table().plain(50), @r"
        NAME     PHASE    MESSAGE
        orders   Running
        returns  Failed   the jar returns.jar is neither
                          beside the YAML nor in jars/
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
