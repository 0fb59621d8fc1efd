//! What the counting pipeline wrote: lines of "key count", which prove that no state was lost.
//!
//! The file is appended to outside of any transaction, so a restored job repeats what came after its
//! snapshot. What can't happen with its state is that a count begins at one again, or skips a number.

use std::collections::BTreeMap;
use std::path::Path;

/// Counts of each key in the order in which they were written.
pub(crate) struct Counts(BTreeMap<String, Vec<u64>>);

impl Counts {
    /// What is in the file, without a last line that is still being written.
    pub(crate) fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for line in whole.lines() {
            let (key, count) = line.split_once(' ').unwrap();
            let count = count.parse().unwrap();
            counts.entry(key.to_owned()).or_default().push(count);
        }
        Self(counts)
    }

    /// The highest count of any key; 0 where there is none.
    pub(crate) fn highest(&self) -> u64 {
        self.0.values().flatten().copied().max().unwrap_or_default()
    }

    /// The lowest count of any key; 0 where there is none.
    pub(crate) fn lowest(&self) -> u64 {
        self.0.values().flatten().copied().min().unwrap_or_default()
    }

    /// The number of lines.
    pub(crate) fn lines(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// The lowest count that was written after these lines.
    pub(crate) fn lowest_after(&self, earlier: &Self) -> Option<u64> {
        let new = self.0.iter().flat_map(|(key, counts)| {
            let known = earlier.0.get(key).map_or(0, Vec::len);
            counts[known..].iter().copied()
        });
        new.min()
    }

    /// Panics where a count begins anew or a number was left out. Steps are of one, or of a thousand
    /// once version 2 counts.
    pub(crate) fn assert_continuous(&self) {
        for (key, counts) in &self.0 {
            let mut highest = 0;
            for (index, count) in counts.iter().enumerate() {
                let again = *count <= highest;
                let next = *count == highest + 1 || *count == highest + 1000;
                assert!(
                    again || next,
                    "{key}: {count} follows {highest} (line {index})"
                );
                assert!(
                    index == 0 || *count > 1,
                    "{key} begins anew at line {index}"
                );
                highest = highest.max(*count);
            }
        }
    }
}
