//! A query's text, read from left to right.

use super::aggregate::Aggregate;

/// What is wrong, as a sentence.
pub(super) type Read<T> = Result<T, String>;

#[derive(Debug)]
pub(super) struct Text<'t> {
    all: &'t str,
    at: usize,
    /// Where what was read last ends, before spaces and comments.
    end: usize,
    /// Those that were read, where aggregates may stand.
    pub(super) aggregates: Option<Vec<Aggregate>>,
}

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '@'
}

fn is_in_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit() || c == '.'
}

impl<'t> Text<'t> {
    pub(super) fn new(all: &'t str) -> Text<'t> {
        let mut text = Text { all, at: 0, end: 0, aggregates: None };
        text.space();
        text
    }

    fn rest(&self) -> &'t str {
        &self.all[self.at..]
    }

    /// Passes over spaces and comments.
    fn space(&mut self) {
        self.end = self.at;
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Goes back to a place.
    pub(super) fn back(&mut self, place: usize) {
        self.at = place;
    }

    /// What was read since a place, as it was written.
    pub(super) fn since(&self, place: usize) -> &'t str {
        self.all[place..self.end.max(place)].trim()
    }

    pub(super) fn wrong<T>(&self, expected: &str) -> Read<T> {
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("'{found}'") };
        Err(format!("expected {expected} at position {}, found {found}", self.at))
    }

    pub(super) fn begins(&self, sign: &str) -> bool {
        self.rest().starts_with(sign)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_there = self.begins(sign);
        if is_there {
            self.at += sign.len();
            self.space();
        }
        is_there
    }

    pub(super) fn want(&mut self, sign: &str) -> Read<()> {
        if self.take(sign) { Ok(()) } else { self.wrong(&format!("'{sign}'")) }
    }

    fn peek_name(&self) -> Option<&'t str> {
        let rest = self.rest();
        let end = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
        (rest.starts_with(begins_name)).then(|| &rest[..end])
    }

    /// A word of the language, in any case.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let is_there = self.peek_name().is_some_and(|name| name.eq_ignore_ascii_case(word));
        is_there && self.take(&self.rest()[..word.len()])
    }

    /// A name, between backticks where it is out of the ordinary.
    pub(super) fn name(&mut self) -> Option<String> {
        if let Some(inner) = self.rest().strip_prefix('`') {
            let end = inner.find('`')?;
            self.at += end + 2;
            self.space();
            return Some(inner[..end].to_owned());
        }
        let mut name = self.peek_name()?.to_owned();
        self.at += name.len();
        // `list[0]` is another way to say `list.0`.
        while let Some((number, _)) = self.rest().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                break;
            }
            self.at += number.len() + 2;
            let after = self.peek_rest().to_owned();
            self.at += after.len();
            name = format!("{name}.{number}{after}");
        }
        self.space();
        Some(name)
    }

    /// What goes on with a name after an index.
    fn peek_rest(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
        if rest.starts_with('.') { &rest[..end] } else { "" }
    }

    pub(super) fn number(&mut self) -> Option<f64> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = rest[..end].parse().ok()?;
        self.at += end;
        self.space();
        Some(number)
    }

    /// Between single or double quotes.
    pub(super) fn quoted(&mut self) -> Read<Option<String>> {
        match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.until(quote, true).map(Some),
            _ => Ok(None),
        }
    }

    /// Between slashes.
    pub(super) fn regex(&mut self) -> Read<Option<String>> {
        if self.begins("/") { self.until('/', false).map(Some) } else { Ok(None) }
    }

    /// What stands up to the next sign of that kind; a backslash takes the meaning of the sign away.
    fn until(&mut self, sign: char, unescape: bool) -> Read<String> {
        let mut out = String::new();
        let mut signs = self.rest().char_indices().skip(1);
        while let Some((at, c)) = signs.next() {
            if c == sign {
                self.at += at + c.len_utf8();
                self.space();
                return Ok(out);
            }
            match (c, unescape) {
                ('\\', true) => out.extend(signs.next().map(|(_, c)| c)),
                ('\\', false) => match signs.next() {
                    Some((_, next)) if next == sign => out.push(next),
                    next => {
                        out.push(c);
                        out.extend(next.map(|(_, c)| c));
                    }
                },
                _ => out.push(c),
            }
        }
        self.wrong(&format!("a closing {sign}"))
    }
}
