//! Patterns of terms: words and phrases that must, may or must not stand in a message.

use super::reader::Reader;
use regex_lite::Regex;

/// A term's own test. Texts are looked for as they are, letter case included, within words too.
#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Term::Text(text) => message.contains(text.as_str()),
            Term::Regex(regex) => regex.is_match(message),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    /// `?term`: one of them is enough. AWS: beside other terms they count for nothing.
    any: Vec<Term>,
}

impl Terms {
    /// # Errors
    /// For a term that would need quotes.
    pub(super) fn parse(text: &str) -> Result<Terms, String> {
        let mut terms = Terms::default();
        let mut reader = Reader::new(text);
        loop {
            reader.skip_spaces();
            let list = match reader.peek() {
                None => return Ok(terms),
                Some('?') => &mut terms.any,
                Some('-') => &mut terms.none,
                Some(_) => &mut terms.all,
            };
            let _ = reader.take("?") || reader.take("-");
            list.push(term(&mut reader)?);
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let asked = self.all.iter().all(|term| term.is_in(message))
            && !self.none.iter().any(|term| term.is_in(message));
        let alone = self.all.is_empty() && self.none.is_empty();
        asked && (!alone || self.any.is_empty() || self.any.iter().any(|term| term.is_in(message)))
    }
}

fn term(reader: &mut Reader<'_>) -> Result<Term, String> {
    match reader.peek() {
        Some('"') => reader.quoted().map(Term::Text),
        Some('%') => reader.regex().map(Term::Regex),
        _ => {
            let word = reader.take_while(|c| !c.is_whitespace());
            // AWS: terms of anything but letters, digits and underscores need quotes.
            if word.is_empty() || !word.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(format!("Invalid character(s) in term '{word}'"));
            }
            Ok(Term::Text(word.to_owned()))
        }
    }
}
