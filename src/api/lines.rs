//! Cuts a stream of bytes into lines of bounded length.

use std::collections::VecDeque;

/// A line that is longer than allowed.
#[derive(Debug, thiserror::Error)]
#[error("a line of the answer has more than {0} bytes")]
pub(super) struct LineTooLong(usize);

/// Collects bytes and gives whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Up to here there is no line end.
    searched: usize,
    whole: VecDeque<Vec<u8>>,
}

impl Lines {
    /// The longest line: far longer than any resource.
    const LONGEST: usize = 16 * 1024 * 1024;

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        self.buffer.extend_from_slice(bytes);
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            let rest = self.buffer.split_off(self.searched + end + 1);
            let mut line = std::mem::replace(&mut self.buffer, rest);
            line.pop();
            self.searched = 0;
            self.whole.push_back(line);
        }
        self.searched = self.buffer.len();
        if self.buffer.len() > Self::LONGEST {
            return Err(LineTooLong(Self::LONGEST));
        }
        Ok(())
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.whole.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_wherever_they_were_cut() {
        let text = b"first\n\nsecond ever\nunfinished";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            lines.push(&text[..cut]).unwrap();
            lines.push(&text[cut..]).unwrap();
            let all: Vec<Vec<u8>> = std::iter::from_fn(|| lines.next()).collect();
            assert_eq!(all, [&b"first"[..], b"", b"second ever"]);
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; Lines::LONGEST];
        lines.push(&chunk).unwrap();
        assert!(lines.push(b"x").is_err());
    }
}
