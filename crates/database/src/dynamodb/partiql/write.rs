//! `INSERT`, `UPDATE`, `DELETE`.

use super::parser::Parser;
use super::token::{Span, Token, not_well_formed};
use super::{Delete, Insert, Returning, UpdateStatement};
use crate::dynamodb::expression::{Action, SetOperand, SetValue, Update};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::{Path, Relation};
use crate::dynamodb::value::Type;

/// Most assignments and removals of one statement; pairs of them are compared.
const ACTIONS_MAX: usize = 1000;

impl Parser<'_> {
    /// What follows `INSERT`.
    pub(super) fn insert(&mut self) -> Result<Insert, Invalid> {
        self.expect_word("INTO")?;
        // An alias is no more than a token too many here.
        let mut parts =
            vec![self.name().map_err(|_| not_well_formed("Expected identifier for simple path"))?];
        while self.take(".") {
            parts.push(self.name()?);
        }
        if parts.iter().any(String::is_empty) {
            return Err(Invalid::new("Path component cannot be an empty string"));
        }
        if parts.len() > 1 {
            return Err(Invalid::new("This operation is not supported on an index"));
        }
        if self.is_word("VALUES") {
            return Err(Invalid::new(
                "Unsupported operation: Inserting multiple items in a single statement is not supported, use \"INSERT INTO tableName VALUE item\" instead",
            ));
        }
        if !self.take_word("VALUE") {
            return Err(not_well_formed("Unexpected token after expression"));
        }
        let item = self.item()?;
        let ignore_duplicate = self.take_word("ON");
        if ignore_duplicate {
            self.expect_word("CONFLICT")?;
            if !self.take_word("DO") || !self.take_word("NOTHING") {
                return Err(Invalid::new(
                    "Invalid conflict action. Only \"DO NOTHING\" action is supported.",
                ));
            }
        }
        if self.is_word("RETURNING") {
            return Err(Invalid::new("RETURNING is not supported in INSERT"));
        }
        Ok(Insert { table: parts.swap_remove(0), item, ignore_duplicate })
    }

    /// What follows `UPDATE`.
    pub(super) fn update(&mut self) -> Result<UpdateStatement, Invalid> {
        let table = self.table(&["SET", "REMOVE", "WHERE"])?;
        let update = self.changes()?;
        let condition = self.where_clause()?;
        let returning = self.returning()?;
        Ok(UpdateStatement { table, update, condition, returning })
    }

    /// What follows `FROM`: the form that names the condition first.
    pub(super) fn update_after_from(&mut self) -> Result<UpdateStatement, Invalid> {
        let table = self.table(&["SET", "REMOVE", "WHERE"])?;
        let condition = self.where_clause()?;
        let update = self.changes()?;
        let returning = self.returning()?;
        Ok(UpdateStatement { table, update, condition, returning })
    }

    /// What follows `DELETE`.
    pub(super) fn delete(&mut self) -> Result<Delete, Invalid> {
        self.expect_word("FROM")?;
        let table = self.table(&["WHERE", "RETURNING"])?;
        let condition = self.where_clause()?;
        let returning = self.returning()?;
        if let Some(returning) = returning.filter(|returning| *returning != Returning::AllOld) {
            return Err(Invalid::new(format!(
                "Invalid returning clause: RETURNING {}. Only RETURNING ALL OLD * is allowed in DELETE statements.",
                returning.text()
            )));
        }
        Ok(Delete { table, condition, returning })
    }

    fn returning(&mut self) -> Result<Option<Returning>, Invalid> {
        if !self.take_word("RETURNING") {
            return Ok(None);
        }
        let all = self.take_word("ALL");
        if !all {
            self.expect_word("MODIFIED")?;
        }
        let old = self.take_word("OLD");
        if !old {
            self.expect_word("NEW")?;
        }
        if !self.take("*") {
            return Err(Invalid::new(
                "Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause",
            ));
        }
        if self.is(",") {
            return Err(Invalid::new("Invalid syntax with multiple returning elements in RETURNING clause"));
        }
        Ok(Some(match (all, old) {
            (true, true) => Returning::AllOld,
            (true, false) => Returning::AllNew,
            (false, true) => Returning::ModifiedOld,
            (false, false) => Returning::ModifiedNew,
        }))
    }

    fn changes(&mut self) -> Result<Update, Invalid> {
        let mut actions: Vec<Action> = Vec::new();
        loop {
            let set = self.take_word("SET");
            if !set && !self.take_word("REMOVE") {
                break;
            }
            loop {
                let action = if set { self.assignment()? } else { Action::Remove(self.path()?) };
                actions.push(action);
                if actions.len() > ACTIONS_MAX {
                    return Err(Invalid::new("The statement has too many assignments"));
                }
                if !self.take(",") {
                    break;
                }
            }
        }
        if actions.is_empty() {
            return Err(not_well_formed("Expected data manipulation"));
        }
        check_apart(&actions)?;
        Ok(Update::of(actions))
    }

    fn assignment(&mut self) -> Result<Action, Invalid> {
        let path = self.path()?;
        self.expect("=")?;
        if (self.is_word("set_add") || self.is_word("set_delete")) && *self.peek_second() == Token::Sign("(")
        {
            return self.set_change(path);
        }
        let first = self.set_operand()?;
        let plus = if self.take("+") {
            true
        } else if self.take("-") {
            false
        } else {
            return Ok(Action::Set(path, SetValue::Operand(first)));
        };
        let second = self.set_operand()?;
        check_numbers(if plus { "+" } else { "-" }, [&first, &second])?;
        let value = if plus { SetValue::Plus(first, second) } else { SetValue::Minus(first, second) };
        Ok(Action::Set(path, value))
    }

    fn set_operand(&mut self) -> Result<SetOperand, Invalid> {
        if self.take("(") {
            let inner = self.nested(Parser::set_operand)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.is_literal() {
            return Ok(SetOperand::Value(self.literal()?));
        }
        if *self.peek() == Token::Word && *self.peek_second() == Token::Sign("(") {
            return self.nested(Parser::set_function);
        }
        Ok(SetOperand::Path(self.path()?))
    }

    fn set_function(&mut self) -> Result<SetOperand, Invalid> {
        let name = self.word().to_ascii_lowercase();
        if !matches!(name.as_str(), "list_append" | "if_not_exists") {
            let position = self.position(self.span(0));
            return Err(Invalid::new(format!("Unrecognized function: {name} at {position}")));
        }
        self.skip();
        self.expect("(")?;
        let mut arguments = Vec::with_capacity(2);
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.set_operand()?);
        }
        let count = arguments.len();
        let Ok([first, second]) = <[SetOperand; 2]>::try_from(arguments) else {
            return Err(Invalid::new(format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
            )));
        };
        if name == "list_append" {
            check_literals(&name, Type::L, [&first, &second])?;
            return Ok(SetOperand::ListAppend(Box::new(first), Box::new(second)));
        }
        match first {
            SetOperand::Path(path) => Ok(SetOperand::IfNotExists(path, Box::new(second))),
            _ => Err(Invalid::new(format!(
                "Operator or function requires a document path; operator or function: {name}"
            ))),
        }
    }

    /// `set_add(path, <<...>>)` or `set_delete`, whose first argument is the assignment's own path.
    fn set_change(&mut self, target: Path) -> Result<Action, Invalid> {
        let function = self.span(0).clone();
        let name = self.word().to_ascii_uppercase();
        self.skip();
        self.expect("(")?;
        let first = self.span(0).clone();
        let mut arguments = Vec::with_capacity(2);
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.set_operand()?);
        }
        let refuse = |parser: &Self, what: String, span: &Span| {
            Err(Invalid::new(format!("{what} at {}", parser.position(span))))
        };
        let Ok([own, change]) = <[SetOperand; 2]>::try_from(arguments) else {
            return refuse(self, format!("{name} must have exactly two arguments"), &function);
        };
        if own != SetOperand::Path(target.clone()) {
            return refuse(
                self,
                format!("The first argument to {name} must equal the assignment value"),
                &function,
            );
        }
        match change {
            SetOperand::Value(set) if set.kind().is_set() => {
                Ok(if name == "SET_ADD" { Action::Add(target, set) } else { Action::Delete(target, set) })
            }
            _ => refuse(self, format!("The second argument to {name} must be a value with type SET"), &first),
        }
    }
}

impl Returning {
    fn text(self) -> &'static str {
        match self {
            Returning::AllOld => "ALL OLD *",
            Returning::AllNew => "ALL NEW *",
            Returning::ModifiedOld => "MODIFIED OLD *",
            Returning::ModifiedNew => "MODIFIED NEW *",
        }
    }
}

fn check_numbers(sign: &str, operands: [&SetOperand; 2]) -> Result<(), Invalid> {
    check_literals(sign, Type::N, operands)
}

fn check_literals(name: &str, expected: Type, operands: [&SetOperand; 2]) -> Result<(), Invalid> {
    for operand in operands {
        if let SetOperand::Value(value) = operand
            && value.kind() != expected
        {
            let kind = value.kind();
            return Err(Invalid::new(format!(
                "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
            )));
        }
    }
    Ok(())
}

fn check_apart(actions: &[Action]) -> Result<(), Invalid> {
    for (at, second) in actions.iter().enumerate() {
        for first in &actions[..at] {
            let relation = match first.path().relation(second.path()) {
                Relation::Apart => continue,
                Relation::Overlap => "overlap",
                Relation::Conflict => "conflict",
            };
            return Err(Invalid::new(format!(
                "Two document paths {relation} with each other; must remove or rewrite one of these paths; path one: {}, path two: {}",
                first.path(),
                second.path()
            )));
        }
    }
    Ok(())
}
