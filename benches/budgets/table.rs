//! The table that a run ends with.

use comfy_table::{Table, presets};

/// One budget: what was seen, what it is compared with, and what is allowed.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: &'static str,
    /// What was seen.
    pub(crate) ours: String,
    /// What it is compared with, seen in the same run.
    pub(crate) theirs: String,
    /// Ours through theirs; or the size, where the budget is one.
    pub(crate) ratio: f64,
    /// The largest ratio or size that the budget allows.
    pub(crate) allowed: f64,
}

/// The rows as Markdown, for `BENCHMARKS.md`.
pub(crate) fn render(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["what", "jetkeeper", "beside", "ratio", "allowed", "kept"]);
    for row in rows {
        table.add_row([
            row.what.to_owned(),
            row.ours.clone(),
            row.theirs.clone(),
            format!("{:.2}", row.ratio),
            format!("{:.2}", row.allowed),
            if row.ratio <= row.allowed {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ]);
    }
    table
}

/// The middle of some measurements, and one near their end.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted[(sorted.len() * percent / 100).min(last)]
}

/// Milliseconds, for people.
pub(crate) fn ms(value: f64) -> String {
    format!("{value:.1} ms")
}
