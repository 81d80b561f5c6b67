//! What all grammars share: the tokens' cursor, syntax errors, paths, placeholders and the limits.

use super::Kind;
use super::findings::{Findings, Rank};
use super::placeholders::Placeholders;
use super::room::{DEPTH_MAX, too_deep};
use super::token::{Span, Token, tokenize};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::{ELEMENTS_MAX, Element, INDEX_MAX, Path};
use crate::dynamodb::reserved::is_reserved;
use crate::dynamodb::value::AttributeValue;

/// Most bytes of an expression.
const TEXT_MAX: usize = 4096;
/// Most operators and functions of an expression.
const OPERATORS_MAX: usize = 300;

/// The cursor over one expression.
pub(super) struct Parser<'p> {
    pub(super) kind: Kind,
    text: &'p str,
    tokens: Vec<Span>,
    at: usize,
    placeholders: &'p mut Placeholders,
    pub(super) findings: Findings,
    /// Of the comparison or function that is being read.
    pub(super) leaf: Findings,
    operators: usize,
    depth: usize,
}

impl<'p> Parser<'p> {
    pub(super) fn new(
        kind: Kind,
        text: &'p str,
        placeholders: &'p mut Placeholders,
    ) -> Result<Parser<'p>, Invalid> {
        if text.is_empty() {
            return Err(kind.invalid("The expression can not be empty;"));
        }
        if text.len() > TEXT_MAX {
            // AWS names the size, but for updates.
            let size = if kind == Kind::Update {
                String::new()
            } else {
                format!(" expression size: {}", text.len())
            };
            return Err(
                kind.invalid(format_args!("Expression size has exceeded the maximum allowed size;{size}"))
            );
        }
        let (findings, leaf) = (Findings::default(), Findings::default());
        let tokens = tokenize(text);
        Ok(Parser { kind, text, tokens, at: 0, placeholders, findings, leaf, operators: 0, depth: 0 })
    }

    pub(super) fn peek(&self) -> Token {
        self.span(0).token
    }

    pub(super) fn peek_second(&self) -> Token {
        self.span(1).token
    }

    fn span(&self, ahead: usize) -> Span {
        // The last token is the end of the text, and the cursor never leaves it.
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    /// The text of the token under the cursor.
    pub(super) fn word(&self) -> &'p str {
        let span = self.span(0);
        &self.text[span.start..span.end]
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        self.peek() == Token::Name && self.word().eq_ignore_ascii_case(keyword)
    }

    pub(super) fn skip(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    pub(super) fn take_if(&mut self, token: Token) -> bool {
        let there = self.peek() == token;
        if there {
            self.skip();
        }
        there
    }

    pub(super) fn expect(&mut self, token: Token) -> Result<(), Invalid> {
        if self.take_if(token) { Ok(()) } else { Err(self.syntax_error()) }
    }

    pub(super) fn expect_keyword(&mut self, keyword: &str) -> Result<(), Invalid> {
        if !self.is_keyword(keyword) {
            return Err(self.syntax_error());
        }
        self.skip();
        Ok(())
    }

    /// AWS names the token where reading stopped, and quotes from the token before it to the one after it.
    pub(super) fn syntax_error(&self) -> Invalid {
        let span = self.span(0);
        let token = if span.token == Token::End { "<EOF>" } else { self.word() };
        let from = if self.at == 0 { span } else { self.tokens[self.at - 1] };
        let to = match self.span(1) {
            next if next.token == Token::End => {
                if span.token == Token::End {
                    from
                } else {
                    span
                }
            }
            next => next,
        };
        let near = &self.text[from.start..to.end];
        self.kind.invalid(format_args!("Syntax error; token: \"{token}\", near: \"{near}\""))
    }

    /// Counts an operator or a function.
    pub(super) fn operator(&mut self) {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            let count = OPERATORS_MAX + 1;
            self.findings.add(Rank::Operators, || {
                format!("The expression contains too many operators; operator count: {count}")
            });
        }
    }

    /// Runs `parse` one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        if self.depth >= DEPTH_MAX {
            return Err(too_deep(self.kind));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Ends a comparison or function: what is wrong with it counts from now on.
    pub(super) fn end_leaf(&mut self) {
        if self.leaf.is_empty() {
            return;
        }
        if let Some(message) = self.leaf.first() {
            self.findings.add(Rank::Leaf, || message);
        }
        self.leaf.clear();
    }

    /// Ends the expression: nothing may follow, and the gravest finding is the error.
    pub(super) fn finish<T>(mut self, parsed: T) -> Result<T, Invalid> {
        if self.peek() != Token::End {
            return Err(self.syntax_error());
        }
        self.end_leaf();
        match self.findings.first() {
            Some(message) => Err(self.kind.invalid(message)),
            None => Ok(parsed),
        }
    }

    /// `a.#b[3]`
    pub(super) fn path(&mut self) -> Result<Path, Invalid> {
        let path = Path::top(self.name()?);
        self.path_rest(path)
    }

    /// What follows a path's beginning.
    pub(super) fn path_rest(&mut self, mut path: Path) -> Result<Path, Invalid> {
        loop {
            match self.peek() {
                Token::Sign(b'.') => {
                    self.skip();
                    let name = self.name()?;
                    path = path.then(Element::Name(name));
                }
                Token::Sign(b'[') => {
                    self.skip();
                    path = path.then(Element::Index(self.index()?));
                }
                _ => break,
            }
        }
        let elements = path.rest().len() + 1;
        if elements > ELEMENTS_MAX {
            self.leaf.add(Rank::Path, || {
                format!("The document path has too many nesting levels; nesting levels: {elements}")
            });
        }
        Ok(path)
    }

    fn name(&mut self) -> Result<String, Invalid> {
        let word = self.word();
        let name = match self.peek() {
            Token::Name if self.is_structural(word) => return Err(self.syntax_error()),
            Token::Name => {
                if is_reserved(word) {
                    let update = self.kind == Kind::Update;
                    self.findings.add(if update { Rank::ReservedInUpdate } else { Rank::Reserved }, || {
                        format!("Attribute name is a reserved keyword; reserved keyword: {word}")
                    });
                }
                word.to_owned()
            }
            Token::NameRef => match self.placeholders.name(word) {
                Some(name) => name.to_owned(),
                None => {
                    self.leaf.add(Rank::Undefined, || {
                        format!(
                            "An expression attribute name used in the document path is not defined; attribute name: {word}"
                        )
                    });
                    word.to_owned()
                }
            },
            _ => return Err(self.syntax_error()),
        };
        self.skip();
        Ok(name)
    }

    /// The grammar's own words are no names even where AWS's list of reserved words would give another message.
    fn is_structural(&self, word: &str) -> bool {
        let words: &[&str] = match self.kind {
            Kind::Update => &["SET", "REMOVE", "ADD", "DELETE"],
            Kind::Projection => &[],
            Kind::Condition | Kind::Filter | Kind::KeyCondition => &["BETWEEN", "IN", "AND", "OR", "NOT"],
        };
        words.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
    }

    fn index(&mut self) -> Result<usize, Invalid> {
        if self.peek() != Token::Digits {
            return Err(self.syntax_error());
        }
        let digits = self.word();
        let index = digits.parse().ok().filter(|index| *index <= INDEX_MAX && digits.len() <= 10);
        if index.is_none() {
            self.leaf.add(Rank::Path, || {
                format!("List index is not within the allowable range; index: [{digits}]")
            });
        }
        self.skip();
        self.expect(Token::Sign(b']'))?;
        Ok(index.unwrap_or_default())
    }

    /// `:value`; one that isn't defined is a finding, and whatever stands in for it is never seen.
    pub(super) fn value(&mut self) -> AttributeValue {
        let key = self.word();
        self.skip();
        if let Some(value) = self.placeholders.value(key) {
            return value.clone();
        }
        // In updates AWS looks for names before it looks for values.
        let rank = if self.kind == Kind::Update { Rank::UndefinedValue } else { Rank::Undefined };
        self.leaf.add(rank, || {
            format!("An expression attribute value used in expression is not defined; attribute value: {key}")
        });
        AttributeValue::Null
    }
}
