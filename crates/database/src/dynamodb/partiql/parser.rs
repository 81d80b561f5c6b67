//! The cursor over a statement, and what all clauses share: names, paths, positions, parameters.

use super::token::{Span, Token, not_well_formed, tokenize};
use super::{Source, Statement};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::{ELEMENTS_MAX, Element, INDEX_MAX, Path};
use crate::dynamodb::value::AttributeValue;

/// Deepest nesting of parentheses, literals and `NOT`.
const DEPTH_MAX: usize = 64;
/// Longest statement, in bytes; the model has the same limit for characters.
const TEXT_MAX: usize = 4 * 8192;

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Span>,
    at: usize,
    parameters: std::vec::IntoIter<AttributeValue>,
    depth: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, parameters: Vec<AttributeValue>) -> Result<Parser<'t>, Invalid> {
        if text.len() > TEXT_MAX {
            return Err(not_well_formed(""));
        }
        Ok(Parser { text, tokens: tokenize(text)?, at: 0, parameters: parameters.into_iter(), depth: 0 })
    }

    pub(super) fn statement(mut self) -> Result<Statement, Invalid> {
        let statement = if self.take_word("SELECT") {
            Statement::Select(self.select()?)
        } else if self.take_word("INSERT") {
            Statement::Insert(self.insert()?)
        } else if self.take_word("UPDATE") {
            Statement::Update(self.update()?)
        } else if self.take_word("DELETE") {
            Statement::Delete(self.delete()?)
        } else if self.take_word("FROM") {
            Statement::Update(self.update_after_from()?)
        } else if self.take_word("EXISTS") {
            self.expect("(")?;
            self.expect_word("SELECT")?;
            let select = self.select()?;
            self.expect(")")?;
            Statement::Exists(select)
        } else {
            return Err(not_well_formed("Unexpected term"));
        };
        self.take(";");
        if *self.peek() != Token::End {
            return Err(not_well_formed("Unexpected token after expression"));
        }
        if self.parameters.next().is_some() {
            return Err(parameters_differ());
        }
        Ok(statement)
    }

    pub(super) fn peek(&self) -> &Token {
        &self.span(0).token
    }

    pub(super) fn span(&self, ahead: usize) -> &Span {
        // The last token is the end of the text, and the cursor never leaves it.
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    /// The text of the token under the cursor.
    pub(super) fn word(&self) -> &'t str {
        let span = self.span(0);
        &self.text[span.start..span.end]
    }

    /// The text of the token after it.
    pub(super) fn second_word(&self) -> &'t str {
        let span = self.span(1);
        &self.text[span.start..span.end]
    }

    pub(super) fn skip(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(known) if *known == sign)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let there = self.is(sign);
        if there {
            self.skip();
        }
        there
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Invalid> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        *self.peek() == Token::Word && self.word().eq_ignore_ascii_case(word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        if there {
            self.skip();
        }
        there
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), Invalid> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// A token where none of its kind can stand.
    pub(super) fn unexpected(&self) -> Invalid {
        let keyword = *self.peek() == Token::Word && is_keyword(self.word());
        not_well_formed(match keyword {
            true if matches!(self.word().to_ascii_uppercase().as_str(), "IS" | "LIKE" | "IN" | "BETWEEN") => {
                "Unexpected operator"
            }
            true => "Unexpected keyword",
            false => "Unexpected term",
        })
    }

    /// Where a token is, as AWS quotes it back: line, column and length in characters.
    pub(super) fn position(&self, span: &Span) -> String {
        let before = &self.text[..span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{line}:{column}:{}", self.text[span.start..span.end].chars().count())
    }

    /// Runs `parse` one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        if self.depth >= DEPTH_MAX {
            return Err(not_well_formed("The statement is nested too deeply"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    pub(super) fn parameter(&mut self) -> Result<AttributeValue, Invalid> {
        self.skip();
        self.parameters.next().ok_or_else(parameters_differ)
    }

    /// A name, quoted or not, where one must stand.
    pub(super) fn name(&mut self) -> Result<String, Invalid> {
        let name = match self.peek() {
            Token::Quoted(name) => name.clone(),
            Token::Word if !is_keyword(self.word()) => self.word().to_owned(),
            _ => return Err(self.unexpected()),
        };
        self.skip();
        Ok(name)
    }

    /// `a."b"[3].c`
    pub(super) fn path(&mut self) -> Result<Path, Invalid> {
        let mut path = Path::top(self.name()?);
        loop {
            if self.take(".") {
                path = path.then(Element::Name(match self.peek() {
                    Token::Word | Token::Quoted(_) => {
                        self.name().map_err(|_| not_well_formed("Invalid path dot component"))?
                    }
                    _ => return Err(not_well_formed("Invalid path dot component")),
                }));
            } else if self.take("[") {
                path = path.then(self.index()?);
                self.expect("]")?;
            } else {
                break;
            }
        }
        let elements = path.rest().len() + 1;
        if elements > ELEMENTS_MAX {
            return Err(Invalid::new(format!(
                "The document path has too many nesting levels; nesting levels: {elements}"
            )));
        }
        Ok(path)
    }

    fn index(&mut self) -> Result<Element, Invalid> {
        if let Token::Text(name) = self.peek() {
            let name = name.clone();
            self.skip();
            return Ok(Element::Name(name));
        }
        if *self.peek() != Token::Number {
            return Err(self.unexpected());
        }
        let index = self.word().parse().ok().filter(|index| *index <= INDEX_MAX).ok_or_else(|| {
            Invalid::new(format!("List index is not within the allowable range; index: [{}]", self.word()))
        })?;
        self.skip();
        Ok(Element::Index(index))
    }

    /// `"table"` or `"table"."index"`, and no alias.
    pub(super) fn source(&mut self, after: &[&str]) -> Result<Source, Invalid> {
        let mut parts = vec![self.name()?];
        while self.take(".") {
            parts.push(self.name()?);
        }
        if parts.iter().any(String::is_empty) {
            return Err(Invalid::new("Path component cannot be an empty string"));
        }
        if parts.len() > 2 {
            return Err(Invalid::new("A path may contain at most 2 components in the FROM clause"));
        }
        let alias = matches!(self.peek(), Token::Word | Token::Quoted(_))
            && !after.iter().any(|keyword| self.is_word(keyword))
            && (!is_keyword(self.word()) || self.is_word("AS"));
        if alias {
            return Err(Invalid::new("Aliasing is not supported"));
        }
        let mut parts = parts.into_iter();
        Ok(Source { table: parts.next().unwrap_or_default(), index: parts.next() })
    }

    /// A table that is written to.
    pub(super) fn table(&mut self, after: &[&str]) -> Result<String, Invalid> {
        if self.name_is_missing() {
            return Err(not_well_formed("Expected identifier for simple path"));
        }
        let source = self.source(after)?;
        match source.index {
            Some(_) => Err(Invalid::new("This operation is not supported on an index")),
            None => Ok(source.table),
        }
    }

    fn name_is_missing(&self) -> bool {
        match self.peek() {
            Token::Quoted(_) => false,
            Token::Word => is_keyword(self.word()),
            _ => true,
        }
    }
}

fn parameters_differ() -> Invalid {
    Invalid::new("Number of parameters in request and statement don't match.")
}

/// The words that the grammar itself uses, and `inner`, which PartiQL keeps for joins.
pub(super) fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 32] = [
        "AND",
        "AS",
        "ASC",
        "BETWEEN",
        "BY",
        "CONFLICT",
        "DELETE",
        "DESC",
        "DO",
        "EXISTS",
        "FALSE",
        "FROM",
        "IN",
        "INNER",
        "INSERT",
        "INTO",
        "IS",
        "LIKE",
        "MISSING",
        "NOT",
        "NOTHING",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "REMOVE",
        "RETURNING",
        "SELECT",
        "SET",
        "TRUE",
        "UPDATE",
        "WHERE",
    ];
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}
