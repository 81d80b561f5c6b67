//! Comparisons of one value, and how `&&`, `||` and parentheses join them.

use super::reader::Reader;
use super::{DEPTH_MAX, invalid};
use crate::glob::glob;
use regex_lite::Regex;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer ones first.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// What a value is compared with.
#[derive(Debug)]
pub(super) enum Operand {
    /// With `*` for any characters.
    Text(String),
    Number(f64),
    Regex(Regex),
}

#[derive(Debug)]
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
}

/// A boolean expression over leaves.
#[derive(Debug)]
pub(super) enum Tree<L> {
    Leaf(L),
    And(Box<Tree<L>>, Box<Tree<L>>),
    Or(Box<Tree<L>>, Box<Tree<L>>),
}

impl<L> Tree<L> {
    /// Reads `a && (b || c)`; `&&` binds more tightly.
    ///
    /// # Errors
    /// Those of `leaf`, and for what is nested too deeply.
    pub(super) fn parse(
        reader: &mut Reader<'_>,
        leaf: &mut dyn FnMut(&mut Reader<'_>) -> Result<L, String>,
        depth: u32,
    ) -> Result<Tree<L>, String> {
        let mut left = Tree::all(reader, leaf, depth)?;
        loop {
            reader.skip_spaces();
            if !reader.take("||") {
                return Ok(left);
            }
            left = Tree::Or(Box::new(left), Box::new(Tree::all(reader, leaf, depth)?));
        }
    }

    fn all(
        reader: &mut Reader<'_>,
        leaf: &mut dyn FnMut(&mut Reader<'_>) -> Result<L, String>,
        depth: u32,
    ) -> Result<Tree<L>, String> {
        let mut left = Tree::one(reader, leaf, depth)?;
        loop {
            reader.skip_spaces();
            if !reader.take("&&") {
                return Ok(left);
            }
            left = Tree::And(Box::new(left), Box::new(Tree::one(reader, leaf, depth)?));
        }
    }

    fn one(
        reader: &mut Reader<'_>,
        leaf: &mut dyn FnMut(&mut Reader<'_>) -> Result<L, String>,
        depth: u32,
    ) -> Result<Tree<L>, String> {
        reader.skip_spaces();
        if depth > DEPTH_MAX {
            return Err(invalid());
        }
        if !reader.take("(") {
            return leaf(reader).map(Tree::Leaf);
        }
        let inner = Tree::parse(reader, leaf, depth + 1)?;
        reader.skip_spaces();
        if reader.take(")") { Ok(inner) } else { Err(invalid()) }
    }

    pub(super) fn holds(&self, leaf: &dyn Fn(&L) -> bool) -> bool {
        match self {
            Tree::Leaf(inner) => leaf(inner),
            Tree::And(left, right) => left.holds(leaf) && right.holds(leaf),
            Tree::Or(left, right) => left.holds(leaf) || right.holds(leaf),
        }
    }

    pub(super) fn leaves<'t>(&'t self, out: &mut Vec<&'t L>) {
        match self {
            Tree::Leaf(leaf) => out.push(leaf),
            Tree::And(left, right) | Tree::Or(left, right) => {
                left.leaves(out);
                right.leaves(out);
            }
        }
    }
}

impl Comparison {
    /// Reads an operator and what stands behind it; `None` where no operator comes next. `ends` tells which
    /// characters end an unquoted operand.
    ///
    /// # Errors
    /// For an operand that its operator cannot take.
    pub(super) fn parse(
        reader: &mut Reader<'_>,
        ends: impl Fn(char) -> bool,
    ) -> Result<Option<Comparison>, String> {
        reader.skip_spaces();
        let Some((_, operator)) = OPERATORS.into_iter().find(|(text, _)| reader.take(text)) else {
            return Ok(None);
        };
        reader.skip_spaces();
        let operand = match reader.peek() {
            Some('"') => Operand::Text(reader.quoted()?),
            Some('%') => Operand::Regex(reader.regex()?),
            _ => {
                let word = reader.take_while(|c| !c.is_whitespace() && !ends(c));
                match word.parse::<f64>() {
                    Ok(number) if number.is_finite() => Operand::Number(number),
                    _ if word.is_empty() => return Err(invalid()),
                    _ => Operand::Text(word.to_owned()),
                }
            }
        };
        let ordering = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if ordering && !matches!(operand, Operand::Number(_)) {
            return Err(invalid());
        }
        Ok(Some(Comparison { operator, operand }))
    }

    /// Whether a text fits. It is a number where the operand is one.
    pub(super) fn of_text(&self, text: &str) -> bool {
        match &self.operand {
            Operand::Number(wanted) => match text.parse() {
                Ok(number) => self.of_numbers(number, *wanted),
                Err(_) => self.operator == Operator::NotEqual,
            },
            Operand::Text(pattern) => self.is(glob(pattern, text)),
            Operand::Regex(regex) => self.is(regex.is_match(text)),
        }
    }

    /// Whether a number fits.
    pub(super) fn of_number(&self, number: f64) -> bool {
        match &self.operand {
            Operand::Number(wanted) => self.of_numbers(number, *wanted),
            Operand::Text(_) | Operand::Regex(_) => self.of_text(&number.to_string()),
        }
    }

    fn is(&self, equal: bool) -> bool {
        equal == (self.operator == Operator::Equal)
    }

    fn of_numbers(&self, number: f64, wanted: f64) -> bool {
        match self.operator {
            Operator::Equal => number == wanted,
            Operator::NotEqual => number != wanted,
            Operator::Less => number < wanted,
            Operator::LessOrEqual => number <= wanted,
            Operator::Greater => number > wanted,
            Operator::GreaterOrEqual => number >= wanted,
        }
    }
}
