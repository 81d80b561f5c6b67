//! `WHERE`: conditions.

use super::parser::{Parser, is_keyword};
use super::token::{Token, not_well_formed};
use crate::dynamodb::expression::{Comparator, Condition, Operand};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::value::{AttributeValue, Type};

/// Most operators and functions of a condition.
const OPERATORS_MAX: usize = 300;
/// Most values of `IN`.
const IN_OPERANDS_MAX: usize = 100;

/// What a piece of a condition turned out to be.
enum Term {
    Condition(Condition),
    Operand(Operand),
}

impl Parser<'_> {
    pub(super) fn where_clause(&mut self) -> Result<Option<Condition>, Invalid> {
        if !self.take_word("WHERE") {
            return Ok(None);
        }
        let term = self.or(&mut 0)?;
        truth(term).map(Some)
    }

    fn or(&mut self, count: &mut usize) -> Result<Term, Invalid> {
        self.joined("OR", count, Condition::Or, |parser, count| {
            parser.joined("AND", count, Condition::And, Parser::not)
        })
    }

    fn joined(
        &mut self,
        keyword: &str,
        count: &mut usize,
        join: fn(Vec<Condition>) -> Condition,
        part: impl Fn(&mut Self, &mut usize) -> Result<Term, Invalid>,
    ) -> Result<Term, Invalid> {
        let first = part(self, count)?;
        if !self.is_word(keyword) {
            return Ok(first);
        }
        let mut all = vec![truth(first)?];
        while self.take_word(keyword) {
            operator(count)?;
            if matches!(self.peek(), Token::End | Token::Sign(";")) {
                return Err(not_well_formed("Missing right-hand side expression of infix operator"));
            }
            all.push(truth(part(self, count)?)?);
        }
        Ok(Term::Condition(join(all)))
    }

    fn not(&mut self, count: &mut usize) -> Result<Term, Invalid> {
        if !self.take_word("NOT") {
            return self.predicate(count);
        }
        operator(count)?;
        let inner = self.nested(|parser| parser.not(count))?;
        Ok(Term::Condition(Condition::Not(Box::new(truth(inner)?))))
    }

    fn predicate(&mut self, count: &mut usize) -> Result<Term, Invalid> {
        let left = self.term(count)?;
        if let Some(comparator) = self.comparator() {
            operator(count)?;
            let right = self.term(count)?;
            return compared(comparator, left, right).map(Term::Condition);
        }
        if self.is_word("IS") {
            self.skip();
            operator(count)?;
            return self.is_clause(left).map(Term::Condition);
        }
        let negated = self.is_word("NOT") && is_range_operator(self.peek_second_word());
        if negated {
            self.skip();
        }
        let condition = if self.take_word("BETWEEN") {
            operator(count)?;
            let low = operand(self.term(count)?)?;
            self.expect_word("AND")?;
            let high = operand(self.term(count)?)?;
            Condition::Between(operand(left)?, low, high)
        } else if self.take_word("IN") {
            operator(count)?;
            self.in_clause(left)?
        } else {
            return Ok(left);
        };
        Ok(Term::Condition(if negated { Condition::Not(Box::new(condition)) } else { condition }))
    }

    fn peek_second_word(&self) -> &str {
        match self.peek_second() {
            Token::Word => self.second_word(),
            _ => "",
        }
    }

    fn comparator(&mut self) -> Option<Comparator> {
        let Token::Sign(sign) = self.peek() else { return None };
        let comparator = match *sign {
            "=" => Comparator::Equal,
            "<>" | "!=" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            ">=" => Comparator::GreaterOrEqual,
            _ => return None,
        };
        self.skip();
        Some(comparator)
    }

    fn term(&mut self, count: &mut usize) -> Result<Term, Invalid> {
        if self.is("(") {
            self.skip();
            let inner = self.nested(|parser| parser.or(count))?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.is_literal() {
            return Ok(Term::Operand(Operand::Value(self.literal()?)));
        }
        if *self.peek() == Token::Word && *self.peek_second() == Token::Sign("(") {
            return self.nested(|parser| parser.call(count));
        }
        Ok(Term::Operand(Operand::Path(self.path()?)))
    }

    fn call(&mut self, count: &mut usize) -> Result<Term, Invalid> {
        operator(count)?;
        let name = self.word().to_ascii_lowercase();
        let arity = match name.as_str() {
            "attribute_exists" | "attribute_not_exists" | "size" => 1,
            "attribute_type" | "begins_with" | "contains" => 2,
            _ if is_keyword(&name) && name != "exists" => return Err(self.unexpected()),
            _ => {
                let position = self.position(self.span(0));
                return Err(Invalid::new(format!("Unrecognized function: {name} at {position}")));
            }
        };
        self.skip();
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(operand(self.term(count)?)?);
        }
        if arguments.len() != arity {
            return Err(Invalid::new(format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {}",
                arguments.len()
            )));
        }
        function(&name, arguments)
    }

    fn is_clause(&mut self, left: Term) -> Result<Condition, Invalid> {
        let negated = self.take_word("NOT");
        let left = operand(left)?;
        let condition = if self.take_word("MISSING") {
            let Operand::Path(path) = left else { return Err(wrong_is()) };
            Condition::NotExists(path)
        } else {
            if *self.peek() != Token::Word {
                return Err(not_well_formed("Expected type name"));
            }
            let kind = type_name(self.word())?;
            // Types of two words.
            if self.is_word("DOUBLE") || self.is_word("CHARACTER") {
                self.skip();
            }
            self.skip();
            Condition::IsType(left, kind)
        };
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn in_clause(&mut self, left: Term) -> Result<Condition, Invalid> {
        let end = if self.take("[") {
            "]"
        } else {
            self.expect("(")?;
            ")"
        };
        let mut values = Vec::new();
        while !self.take(end) {
            if !values.is_empty() {
                self.expect(",")?;
            }
            values.push(Operand::Value(self.literal()?));
        }
        if values.len() > IN_OPERANDS_MAX {
            return Err(Invalid::new(format!(
                "The IN operator is provided with too many operands; number of operands: {}",
                values.len()
            )));
        }
        match operand(left)? {
            left @ Operand::Path(_) if !values.is_empty() => Ok(Condition::In(left, values)),
            _ => Err(Invalid::new(
                "IN operator must have a left hand argument of type Variable Reference and right hand argument of type Seq with at least one member",
            )),
        }
    }
}

fn is_range_operator(word: &str) -> bool {
    word.eq_ignore_ascii_case("BETWEEN") || word.eq_ignore_ascii_case("IN")
}

fn operator(count: &mut usize) -> Result<(), Invalid> {
    *count += 1;
    if *count > OPERATORS_MAX {
        return Err(Invalid::new(format!(
            "The expression contains too many operators; operator count: {count}"
        )));
    }
    Ok(())
}

fn truth(term: Term) -> Result<Condition, Invalid> {
    match term {
        Term::Condition(condition) => Ok(condition),
        Term::Operand(_) => {
            Err(Invalid::new("WHERE clause must contain an expression that resolves to a boolean"))
        }
    }
}

fn operand(term: Term) -> Result<Operand, Invalid> {
    match term {
        Term::Operand(operand) => Ok(operand),
        Term::Condition(_) => Err(Invalid::new("Unsupported operation: a condition as an operand")),
    }
}

fn wrong_is() -> Invalid {
    Invalid::new("The left hand side argument to IS must be a Variable Reference, Literal, or Path")
}

fn wrong_type(name: &str, kind: &str) -> Invalid {
    Invalid::new(format!(
        "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
    ))
}

fn compared(comparator: Comparator, left: Term, right: Term) -> Result<Condition, Invalid> {
    match (left, right) {
        // `attribute_exists(a) = true`
        (Term::Condition(condition), Term::Operand(Operand::Value(AttributeValue::Bool(expected))))
        | (Term::Operand(Operand::Value(AttributeValue::Bool(expected))), Term::Condition(condition))
            if matches!(comparator, Comparator::Equal | Comparator::NotEqual) =>
        {
            let holds = expected == (comparator == Comparator::Equal);
            Ok(if holds { condition } else { Condition::Not(Box::new(condition)) })
        }
        (left, right) => {
            let (left, right) = (operand(left)?, operand(right)?);
            if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
                for side in [&left, &right] {
                    if let Operand::Value(value) = side
                        && !value.kind().is_ordered()
                    {
                        return Err(wrong_type(comparator.sign(), value.kind().name()));
                    }
                }
            }
            Ok(Condition::Compare(comparator, left, right))
        }
    }
}

fn function(name: &str, arguments: Vec<Operand>) -> Result<Term, Invalid> {
    let mut arguments = arguments.into_iter();
    // The number of arguments is checked.
    let missing = || not_well_formed("Unexpected term");
    let first = arguments.next().ok_or_else(missing)?;
    if name == "size" {
        return Ok(Term::Operand(Operand::Size(Box::new(first))));
    }
    if let "attribute_exists" | "attribute_not_exists" = name {
        let Operand::Path(path) = first else {
            return Err(Invalid::new(format!(
                "Operator or function requires a document path; operator or function: {name}"
            )));
        };
        let exists = name == "attribute_exists";
        return Ok(Term::Condition(if exists {
            Condition::Exists(path)
        } else {
            Condition::NotExists(path)
        }));
    }
    let second = arguments.next().ok_or_else(missing)?;
    Ok(Term::Condition(match name {
        "begins_with" => {
            for side in [&first, &second] {
                if let Operand::Value(value) = side
                    && !matches!(value.kind(), Type::S | Type::B)
                {
                    return Err(wrong_type(name, value.kind().name()));
                }
            }
            Condition::BeginsWith(first, second)
        }
        "contains" => Condition::Contains(first, second),
        _ => match second {
            Operand::Value(AttributeValue::S(kind)) => {
                let known = Type::of_name(&kind).ok_or_else(|| {
                    Invalid::new(format!(
                        "Invalid attribute type name found; type: {kind}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
                    ))
                })?;
                Condition::IsType(first, known)
            }
            Operand::Value(other) => return Err(wrong_type(name, other.kind().name())),
            _ => return Err(wrong_type(name, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")),
        },
    }))
}

fn type_name(word: &str) -> Result<Type, Invalid> {
    Ok(match word.to_ascii_uppercase().as_str() {
        "NULL" => Type::Null,
        "BOOL" | "BOOLEAN" => Type::Bool,
        "BLOB" => Type::B,
        "STRING" => Type::S,
        "NUMERIC" => Type::N,
        "STRUCT" | "TUPLE" => Type::M,
        "LIST" => Type::L,
        known @ ("SMALLINT" | "INTEGER2" | "INT2" | "INTEGER" | "INT" | "INTEGER4" | "INT4" | "INTEGER8"
        | "INT8" | "BIGINT" | "FLOAT" | "REAL" | "DOUBLE" | "DECIMAL" | "CHAR" | "CHARACTER"
        | "VARCHAR" | "SYMBOL" | "CLOB" | "DATE" | "TIME" | "TIMESTAMP" | "BAG" | "SEXP" | "ANY") => {
            return Err(Invalid::new(format!(
                "Unsupported data type for IS operator: {known}. Supported data types are [MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
            )));
        }
        _ => return Err(not_well_formed("Expected type name")),
    })
}
