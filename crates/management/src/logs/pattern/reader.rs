//! Reading a pattern's text from left to right.

use super::invalid;

/// What is left of a text.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a str,
    pub(super) regexes: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Reader<'a> {
        Reader { rest: text, regexes: 0 }
    }

    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes `text` if it comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word of letters, in any case, that is not part of a longer one.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some((head, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        if !ends || !head.eq_ignore_ascii_case(word) {
            return false;
        }
        self.rest = rest;
        true
    }

    /// Takes what `accepted` accepts, possibly nothing.
    pub(super) fn take_while(&mut self, accepted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accepted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// A text in double quotes, in which `\"` and `\\` stand for a quote and a backslash.
    ///
    /// # Errors
    /// When the quotes do not close.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        if !matches!(chars.next(), Some((_, '"'))) {
            return Err(invalid());
        }
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(out);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => out.push(c),
                    Some((_, c)) => out.extend(['\\', c]),
                    None => return Err(invalid()),
                },
                c => out.push(c),
            }
        }
        Err(invalid())
    }

    /// A regular expression between `%` signs.
    ///
    /// # Errors
    /// When it does not end, is none, or is one too many.
    pub(super) fn regex(&mut self) -> Result<regex_lite::Regex, String> {
        self.regexes += 1;
        if self.regexes > super::REGEXES_MAX {
            return Err(format!("{}: at most {} regular expressions", invalid(), super::REGEXES_MAX));
        }
        let inner = self.rest.strip_prefix('%').ok_or_else(invalid)?;
        let end = inner.find('%').ok_or_else(invalid)?;
        self.rest = &inner[end + 1..];
        regex_lite::Regex::new(&inner[..end]).map_err(|_| invalid())
    }
}
