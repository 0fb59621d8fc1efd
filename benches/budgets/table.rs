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
    /// The largest ratio or size that the budget allows; none where it says nothing.
    pub(crate) allowed: Option<f64>,
}

/// The rows as Markdown, for `BENCHMARKS.md`.
pub(crate) fn render(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["what", "jetkeeper", "beside", "ratio", "allowed", "kept"]);
    for row in rows {
        let (allowed, kept) = match row.allowed {
            Some(allowed) if row.ratio <= allowed => (format!("{allowed:.2}"), "yes"),
            Some(allowed) => (format!("{allowed:.2}"), "no"),
            None => ("–".to_owned(), "–"),
        };
        table.add_row([
            row.what.to_owned(),
            row.ours.clone(),
            row.theirs.clone(),
            format!("{:.2}", row.ratio),
            allowed,
            kept.to_owned(),
        ]);
    }
    table
}

/// Measurements in ascending order.
pub(crate) fn sorted(mut measured: Vec<f64>) -> Vec<f64> {
    measured.sort_by(f64::total_cmp);
    measured
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
