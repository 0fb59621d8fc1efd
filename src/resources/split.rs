//! Cuts a file into YAML documents before any of them is parsed.
//!
//! A `---` or `...` at the start of a line ends a document wherever it stands: YAML forbids it inside
//! scalars of every style. So lines are all that this needs to know, a document that doesn't parse
//! can't hide its neighbours, and bytes that are no UTF-8 spoil only their own document.

/// One document of a file, its `---` line included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Where it starts in the file.
    pub(super) start: usize,
    /// How many lines of the file stand before it.
    pub(super) first_line: u32,
    /// Its text.
    pub(super) bytes: &'a [u8],
}

/// The documents of a file that have any content, in order, at most `limit` of them.
///
/// Comments, blank lines and directives alone make no document. `None` when there are more.
pub(super) fn split(file: &[u8], limit: usize) -> Option<Vec<Piece<'_>>> {
    let mut cutter = Cutter {
        file,
        pieces: Vec::new(),
        start: skip_byte_order_mark(file),
        first_line: 0,
        has_content: false,
        is_explicit: false,
    };
    let mut position = cutter.start;
    let mut line_number = 0;
    while let Some(rest) = file.get(position..).filter(|rest| !rest.is_empty()) {
        let (line, next) = first_line(rest);
        if let Some(after) = marker(line, b"---") {
            cutter.cut(position, line_number, position);
            cutter.is_explicit = true;
            cutter.has_content = !is_blank(after);
        } else if marker(line, b"...").is_some() {
            cutter.cut(position, line_number + 1, position + next);
        } else if !is_blank(line) && (cutter.is_explicit || !line.starts_with(b"%")) {
            cutter.has_content = true;
        }
        if cutter.pieces.len() > limit {
            return None;
        }
        position += next;
        line_number += 1;
    }
    cutter.cut(file.len(), line_number, file.len());
    (cutter.pieces.len() <= limit).then_some(cutter.pieces)
}

/// What is known while the lines go by.
struct Cutter<'a> {
    file: &'a [u8],
    pieces: Vec<Piece<'a>>,
    start: usize,
    first_line: u32,
    has_content: bool,
    is_explicit: bool,
}

impl Cutter<'_> {
    /// Ends the current document at `end`; the next one starts at `next`, on line `next_line`.
    fn cut(&mut self, end: usize, next_line: u32, next: usize) {
        if self.has_content
            && let Some(bytes) = self.file.get(self.start..end)
        {
            self.pieces.push(Piece {
                start: self.start,
                first_line: self.first_line,
                bytes,
            });
        }
        self.start = next;
        self.first_line = next_line;
        self.has_content = false;
        self.is_explicit = false;
    }
}

fn skip_byte_order_mark(file: &[u8]) -> usize {
    if file.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    }
}

/// The first line without its break, and where the next one starts. `\n`, `\r\n` and `\r` break.
pub(super) fn first_line(text: &[u8]) -> (&[u8], usize) {
    let Some(end) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
        return (text, text.len());
    };
    let (line, rest) = text.split_at(end);
    let width = if rest.starts_with(b"\r\n") { 2 } else { 1 };
    (line, end + width)
}

/// What follows the marker on a line that starts with it.
fn marker<'a>(line: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    let after = line.strip_prefix(marker)?;
    matches!(after.first(), None | Some(b' ' | b'\t')).then_some(after)
}

/// Whether the line has nothing but space and a comment.
fn is_blank(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &str) -> Vec<(u32, &str)> {
        split(file.as_bytes(), 100)
            .unwrap()
            .into_iter()
            .map(|piece| (piece.first_line, std::str::from_utf8(piece.bytes).unwrap()))
            .collect()
    }

    #[test]
    fn markers_end_documents_and_are_kept() {
        assert_eq!(
            texts("a: 1\n---\nb: 2\n--- {c: 3}\n...\nd: 4"),
            [
                (0, "a: 1\n"),
                (1, "---\nb: 2\n"),
                (3, "--- {c: 3}\n"),
                (5, "d: 4"),
            ]
        );
    }

    #[test]
    fn markers_inside_lines_and_longer_dashes_are_text() {
        assert_eq!(texts("a: |\n  ---\n  ...\nb: ---\n----\n").len(), 1);
    }

    #[test]
    fn what_has_no_content_is_no_document() {
        assert_eq!(texts("# a\n\n---\n--- # b\n...\n%YAML 1.2\n---\n"), []);
        assert_eq!(texts(""), []);
        assert_eq!(texts("\u{FEFF}"), []);
    }

    #[test]
    fn every_kind_of_line_break_counts() {
        assert_eq!(
            texts("\u{FEFF}a: 1\r\n---\r\nb: 2\r---\rc: 3\r"),
            [(0, "a: 1\r\n"), (1, "---\r\nb: 2\r"), (3, "---\rc: 3\r")]
        );
    }

    #[test]
    fn too_many_documents_are_none() {
        assert_eq!(split(b"a: 1\n---\nb: 2\n", 1), None);
        assert_eq!(split(b"a: 1\n---\nb: 2\n", 2).unwrap().len(), 2);
    }
}
