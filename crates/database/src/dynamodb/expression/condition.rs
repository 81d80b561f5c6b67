//! [`Condition`]: the grammar of condition, filter and key condition expressions.
//!
//! ```text
//! or        and (OR and)*
//! and       not (AND not)*
//! not       NOT not | predicate
//! predicate group comparator operand | group BETWEEN operand AND operand | group IN (operand, ...) | group
//! group     ( or ) | operand
//! operand   ( operand ) | path | :value | function ( operand, ... )
//! ```
//!
//! A group may turn out to be an operand or a condition, so that one token of lookahead is enough.

use super::Kind;
use super::findings::Rank;
use super::operand::Operand;
use super::parser::Parser;
use super::placeholders::Placeholders;
use super::room::with_room;
use super::token::Token;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::Path;
use crate::dynamodb::value::{AttributeValue, Type, base64};
use std::cmp::Ordering;

/// Most operands of `IN`.
const IN_OPERANDS_MAX: usize = 100;

/// A condition, ready to be held against items.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Comparator, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    IsType(Operand, Type),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// `=` and its relatives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    fn of(token: Token) -> Option<Comparator> {
        Some(match token {
            Token::Equal => Comparator::Equal,
            Token::NotEqual => Comparator::NotEqual,
            Token::Less => Comparator::Less,
            Token::LessEqual => Comparator::LessOrEqual,
            Token::Greater => Comparator::Greater,
            Token::GreaterEqual => Comparator::GreaterOrEqual,
            _ => return None,
        })
    }

    pub fn sign(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    fn needs_order(self) -> bool {
        !matches!(self, Comparator::Equal | Comparator::NotEqual)
    }
}

/// What a piece of text turned out to be. Where something is wrong with it, that is a finding, the expression fails
/// in the end, and what stands here instead ([`Condition::nothing`]) is never evaluated.
enum Parsed {
    Condition(Condition),
    /// A function that gives a truth; as an operand it is misused.
    Call(&'static str, Condition),
    Operand(Operand),
    /// A name that no function has.
    Unknown,
}

/// Beside it: whether parentheses are all around it.
type Wrapped = (Parsed, bool);

impl Condition {
    /// Compiles a ConditionExpression or FilterExpression.
    ///
    /// Errors: AWS's, beginning with "Invalid " and the parameter's name.
    pub fn compile(kind: Kind, text: &str, placeholders: &mut Placeholders) -> Result<Condition, Invalid> {
        let mut parser = Parser::new(kind, text, placeholders)?;
        with_room(kind, text, move || {
            let (parsed, _) = parser.or()?;
            let condition = parser.as_condition(parsed)?;
            parser.finish(condition)
        })
    }

    /// Stands where a finding has made the expression invalid.
    fn nothing() -> Condition {
        Condition::And(Vec::new())
    }

    /// Every path that the condition reads.
    pub fn paths(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            Condition::And(all) | Condition::Or(all) => {
                all.iter().for_each(|condition| condition.paths(visit));
            }
            Condition::Not(condition) => condition.paths(visit),
            Condition::Compare(_, a, b) | Condition::BeginsWith(a, b) | Condition::Contains(a, b) => {
                a.paths(visit);
                b.paths(visit);
            }
            Condition::Between(a, b, c) => [a, b, c].into_iter().for_each(|operand| operand.paths(visit)),
            Condition::In(a, candidates) => {
                a.paths(visit);
                candidates.iter().for_each(|operand| operand.paths(visit));
            }
            Condition::Exists(path) | Condition::NotExists(path) => visit(path),
            Condition::IsType(a, _) => a.paths(visit),
        }
    }
}

impl Operand {
    pub(super) fn paths(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            Operand::Path(path) => visit(path),
            Operand::Value(_) => {}
            Operand::Size(of) => of.paths(visit),
        }
    }
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Wrapped, Invalid> {
        self.joined("OR", Condition::Or, |parser| parser.joined("AND", Condition::And, Parser::not))
    }

    /// `part (keyword part)*`
    fn joined(
        &mut self,
        keyword: &str,
        join: fn(Vec<Condition>) -> Condition,
        part: impl Fn(&mut Self) -> Result<Wrapped, Invalid>,
    ) -> Result<Wrapped, Invalid> {
        let first = part(self)?;
        if !self.is_keyword(keyword) {
            return Ok(first);
        }
        let mut all = vec![self.as_condition(first.0)?];
        while self.is_keyword(keyword) {
            self.operator();
            self.skip();
            let (next, _) = part(self)?;
            all.push(self.as_condition(next)?);
        }
        Ok((Parsed::Condition(join(all)), false))
    }

    fn not(&mut self) -> Result<Wrapped, Invalid> {
        if !self.is_keyword("NOT") {
            return self.predicate();
        }
        self.operator();
        self.skip();
        let (inner, _) = self.nested(Parser::not)?;
        let inner = self.as_condition(inner)?;
        Ok((Parsed::Condition(Condition::Not(Box::new(inner))), false))
    }

    fn predicate(&mut self) -> Result<Wrapped, Invalid> {
        let (left, wrapped) = self.group()?;
        if matches!(left, Parsed::Condition(_)) {
            return Ok((left, wrapped));
        }
        let condition = if let Some(comparator) = Comparator::of(self.peek()) {
            self.operator();
            self.skip();
            let right = self.operand()?;
            let (left, right) = (self.as_operand(left), self.as_operand(right));
            self.compared(comparator, left, right)
        } else if self.is_keyword("BETWEEN") {
            self.operator();
            self.skip();
            let low = self.operand()?;
            self.expect_keyword("AND")?;
            let high = self.operand()?;
            let (value, low, high) = (self.as_operand(left), self.as_operand(low), self.as_operand(high));
            self.between(value, low, high)
        } else if self.is_keyword("IN") {
            self.operator();
            self.skip();
            let candidates = self.arguments()?;
            let value = self.as_operand(left);
            self.candidates(value, candidates)
        } else {
            return Ok((left, wrapped));
        };
        self.end_leaf();
        Ok((Parsed::Condition(condition), false))
    }

    fn compared(&mut self, comparator: Comparator, left: Operand, right: Operand) -> Condition {
        self.check_distinct(comparator.sign(), &left, std::slice::from_ref(&right));
        if comparator.needs_order() {
            self.check_ordered(comparator.sign(), [&left, &right]);
        }
        Condition::Compare(comparator, left, right)
    }

    fn between(&mut self, value: Operand, low: Operand, high: Operand) -> Condition {
        self.check_ordered("BETWEEN", [&value, &low, &high]);
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high) {
            let problem = if low.kind() != high.kind() {
                "requires same data type for lower and upper bounds"
            } else if super::compare(low, high) == Some(Ordering::Greater) {
                "requires upper bound to be greater than or equal to lower bound"
            } else {
                ""
            };
            if !problem.is_empty() {
                self.leaf.add(Rank::Types, || {
                    let (low, high) = (printed(low), printed(high));
                    format!("The BETWEEN operator {problem}; lower bound operand: {low}, upper bound operand: {high}")
                });
            }
        }
        Condition::Between(value, low, high)
    }

    fn candidates(&mut self, value: Operand, candidates: Vec<Operand>) -> Condition {
        let count = candidates.len();
        if count > IN_OPERANDS_MAX {
            self.leaf.add(Rank::Operands, || {
                format!("The IN operator is provided with too many operands; number of operands: {count}")
            });
        }
        self.check_distinct("IN", &value, &candidates);
        Condition::In(value, candidates)
    }

    fn group(&mut self) -> Result<Wrapped, Invalid> {
        if self.peek() != Token::Sign(b'(') {
            return Ok((self.operand()?, false));
        }
        self.skip();
        let (inner, wrapped) = self.nested(Parser::or)?;
        self.expect(Token::Sign(b')'))?;
        if wrapped {
            self.redundant();
        }
        Ok((self.path_after_group(inner)?, true))
    }

    /// `(a.b).c`
    fn path_after_group(&mut self, inner: Parsed) -> Result<Parsed, Invalid> {
        Ok(match inner {
            Parsed::Operand(Operand::Path(path)) => Parsed::Operand(Operand::Path(self.path_rest(path)?)),
            inner => inner,
        })
    }

    fn redundant(&mut self) {
        self.findings.add(Rank::Parentheses, || "The expression has redundant parentheses;".to_owned());
    }

    /// An operand where no condition can stand.
    fn operand(&mut self) -> Result<Parsed, Invalid> {
        match self.peek() {
            Token::Sign(b'(') => {
                self.skip();
                let doubled = self.peek() == Token::Sign(b'(');
                let inner = self.nested(Parser::operand)?;
                self.expect(Token::Sign(b')'))?;
                if doubled {
                    self.redundant();
                }
                self.path_after_group(inner)
            }
            Token::ValueRef => Ok(Parsed::Operand(Operand::Value(self.value()))),
            Token::Name if self.peek_second() == Token::Sign(b'(') => self.nested(Parser::call),
            _ => Ok(Parsed::Operand(Operand::Path(self.path()?))),
        }
    }

    /// `(operand, ...)`, in the order of the text.
    fn arguments(&mut self) -> Result<Vec<Operand>, Invalid> {
        self.expect(Token::Sign(b'('))?;
        let mut out = Vec::new();
        loop {
            let argument = self.operand()?;
            out.push(self.as_operand(argument));
            if !self.take_if(Token::Sign(b',')) {
                break;
            }
        }
        self.expect(Token::Sign(b')'))?;
        Ok(out)
    }

    fn call(&mut self) -> Result<Parsed, Invalid> {
        let name = self.word();
        if matches!(name.to_ascii_uppercase().as_str(), "BETWEEN" | "IN" | "AND" | "OR" | "NOT") {
            return Err(self.syntax_error());
        }
        // AWS does not count those that it does not know.
        if function(name).is_some() {
            self.operator();
        }
        self.skip();
        let arguments = self.arguments()?;
        let Some((name, arity)) = function(name) else {
            let update = matches!(name, "if_not_exists" | "list_append");
            self.findings.add(Rank::UnknownFunction, || match update {
                true => format!("The function is not allowed in a condition expression; function: {name}"),
                false => format!("Invalid function name; function: {name}"),
            });
            return Ok(Parsed::Unknown);
        };
        let count = arguments.len();
        if count != arity {
            self.leaf.add(Rank::Operands, || {
                format!(
                    "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
                )
            });
        }
        if name == "size" {
            let of = arguments
                .into_iter()
                .next()
                .filter(|_| count == arity)
                .unwrap_or(Operand::Value(AttributeValue::L(Vec::new())));
            return Ok(Parsed::Operand(self.size(of)));
        }
        let condition = if count == arity { self.function(name, arguments) } else { None };
        Ok(Parsed::Call(name, condition.unwrap_or_else(Condition::nothing)))
    }

    fn size(&mut self, of: Operand) -> Operand {
        if let Some(kind @ (Type::N | Type::Bool | Type::Null)) = of.known_type() {
            self.wrong_type("size", kind.name());
        }
        Operand::Size(Box::new(of))
    }

    /// `None` with a finding.
    fn function(&mut self, name: &'static str, arguments: Vec<Operand>) -> Option<Condition> {
        let mut arguments = arguments.into_iter();
        let first = arguments.next()?;
        if let "attribute_exists" | "attribute_not_exists" = name {
            let Operand::Path(path) = first else {
                self.leaf.add(Rank::Types, || {
                    format!("Operator or function requires a document path; operator or function: {name}")
                });
                return None;
            };
            return Some(if name == "attribute_exists" {
                Condition::Exists(path)
            } else {
                Condition::NotExists(path)
            });
        }
        let second = arguments.next()?;
        self.check_distinct(name, &first, std::slice::from_ref(&second));
        match name {
            "begins_with" => {
                for kind in [&first, &second].into_iter().filter_map(|operand| operand.known_type()) {
                    if !matches!(kind, Type::S | Type::B) {
                        self.wrong_type(name, kind.name());
                    }
                }
                Some(Condition::BeginsWith(first, second))
            }
            "contains" => Some(Condition::Contains(first, second)),
            _ => self.attribute_type(first, second),
        }
    }

    fn attribute_type(&mut self, of: Operand, kind: Operand) -> Option<Condition> {
        match kind {
            Operand::Value(AttributeValue::S(name)) => {
                let kind = Type::of_name(&name);
                if kind.is_none() {
                    self.leaf.add(Rank::Types, || {
                        format!(
                            "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
                        )
                    });
                }
                Some(Condition::IsType(of, kind?))
            }
            other => {
                let kind = other.known_type().map_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}", Type::name);
                self.wrong_type("attribute_type", kind);
                None
            }
        }
    }

    fn wrong_type(&mut self, name: &str, kind: &str) {
        self.leaf.add(Rank::Types, || {
            format!(
                "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
            )
        });
    }

    fn check_ordered<const N: usize>(&mut self, sign: &str, operands: [&Operand; N]) {
        for kind in operands.into_iter().filter_map(Operand::known_type) {
            if !kind.is_ordered() {
                self.wrong_type(sign, kind.name());
            }
        }
    }

    fn check_distinct(&mut self, name: &str, first: &Operand, others: &[Operand]) {
        let Some(path) = first.as_path() else { return };
        if others.iter().any(|other| other.as_path() == Some(path)) {
            self.leaf.add(Rank::Distinct, || {
                format!(
                    "The first operand must be distinct from the remaining operands for this operator or function; operator: {name}, first operand: {path}"
                )
            });
        }
    }

    fn misused(&mut self, name: &str) {
        self.findings.add(Rank::MisusedFunction, || {
            format!("The function is not allowed to be used this way in an expression; function: {name}")
        });
    }

    /// An operand in the place of an operand.
    fn as_operand(&mut self, parsed: Parsed) -> Operand {
        match parsed {
            Parsed::Operand(operand) => operand,
            Parsed::Call(name, _) => {
                self.misused(name);
                Operand::Value(AttributeValue::Null)
            }
            // A condition in that place is a syntax error at the comparator behind it, and never comes here.
            Parsed::Unknown | Parsed::Condition(_) => Operand::Value(AttributeValue::Null),
        }
    }

    /// A condition in the place of a condition.
    fn as_condition(&mut self, parsed: Parsed) -> Result<Condition, Invalid> {
        match parsed {
            Parsed::Condition(condition) => Ok(condition),
            Parsed::Call(_, condition) => {
                self.end_leaf();
                Ok(condition)
            }
            Parsed::Unknown => Ok(Condition::nothing()),
            Parsed::Operand(Operand::Size(_)) => {
                self.misused("size");
                Ok(Condition::nothing())
            }
            Parsed::Operand(_) => Err(self.syntax_error()),
        }
    }
}

fn function(name: &str) -> Option<(&'static str, usize)> {
    Some(match name {
        "attribute_exists" => ("attribute_exists", 1),
        "attribute_not_exists" => ("attribute_not_exists", 1),
        "attribute_type" => ("attribute_type", 2),
        "begins_with" => ("begins_with", 2),
        "contains" => ("contains", 2),
        "size" => ("size", 1),
        _ => return None,
    })
}

/// A value in a message: `AttributeValue: {N:5}`.
fn printed(value: &AttributeValue) -> String {
    let text = match value {
        AttributeValue::S(text) => text.clone(),
        AttributeValue::N(number) => number.to_string(),
        AttributeValue::B(bytes) => base64(bytes),
        AttributeValue::Bool(bool) => bool.to_string(),
        other => format!("{} members", other.size()),
    };
    format!("AttributeValue: {{{}:{text}}}", value.kind())
}
