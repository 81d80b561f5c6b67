//! [`Update`]: the grammar of update expressions.
//!
//! ```text
//! update  section+
//! section SET path = value, ... | REMOVE path, ... | ADD path :value, ... | DELETE path :value, ...
//! value   ( value ) | operand | operand + operand | operand - operand
//! operand ( operand ) | path | :value | if_not_exists(path, operand) | list_append(operand, operand)
//! ```

use super::Kind;
use super::findings::Rank;
use super::parser::Parser;
use super::placeholders::Placeholders;
use super::projection::check_apart;
use super::room::with_room;
use super::token::Token;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::Path;
use crate::dynamodb::value::{AttributeValue, Type};

/// What to do to an item.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Update {
    pub(super) actions: Vec<Action>,
    /// Whether the caller spoke of `AttributeUpdates`, for which AWS has another sentence about types.
    pub(super) legacy: bool,
}

/// One action on one place. Which sections they came from no longer matters: no two touch one place.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Set(Path, SetValue),
    Remove(Path),
    /// A number to add, or a set to unite with.
    Add(Path, AttributeValue),
    /// A set to take away.
    Delete(Path, AttributeValue),
}

impl Action {
    pub fn path(&self) -> &Path {
        match self {
            Action::Set(path, _) | Action::Remove(path) | Action::Add(path, _) | Action::Delete(path, _) => {
                path
            }
        }
    }
}

/// The right side of an assignment.
#[derive(Clone, PartialEq, Debug)]
pub enum SetValue {
    Operand(SetOperand),
    Plus(SetOperand, SetOperand),
    Minus(SetOperand, SetOperand),
}

/// A term of an assignment.
#[derive(Clone, PartialEq, Debug)]
pub enum SetOperand {
    Path(Path),
    Value(AttributeValue),
    IfNotExists(Path, Box<SetOperand>),
    ListAppend(Box<SetOperand>, Box<SetOperand>),
}

impl SetOperand {
    /// The type, where it is written in the expression itself.
    fn literal_type(&self) -> Option<Type> {
        if let SetOperand::Value(value) = self { Some(value.kind()) } else { None }
    }

    fn paths(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            SetOperand::Path(path) => visit(path),
            SetOperand::Value(_) => {}
            SetOperand::IfNotExists(path, default) => {
                visit(path);
                default.paths(visit);
            }
            SetOperand::ListAppend(first, second) => {
                first.paths(visit);
                second.paths(visit);
            }
        }
    }
}

impl Update {
    /// Compiles an UpdateExpression.
    pub fn compile(text: &str, placeholders: &mut Placeholders) -> Result<Update, Invalid> {
        let mut parser = Parser::new(Kind::Update, text, placeholders)?;
        with_room(Kind::Update, text, move || {
            let mut actions = Vec::new();
            let mut seen = [false; 4];
            loop {
                parser.section(&mut actions, &mut seen)?;
                if parser.peek() == Token::End {
                    break;
                }
            }
            let paths: Vec<Path> = actions.iter().map(|action| action.path().clone()).collect();
            check_apart(&paths, &mut parser.leaf);
            parser.finish(Update::of(actions))
        })
    }

    /// The same actions from another grammar, which must not touch one place twice.
    pub fn of(actions: Vec<Action>) -> Update {
        Update { actions, legacy: false }
    }

    pub(in crate::dynamodb) fn of_legacy(actions: Vec<Action>) -> Update {
        Update { actions, legacy: true }
    }

    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Whether an update of an item that isn't there makes one. What only removes does not; what does nothing at all
    /// (an empty `AttributeUpdates`) does.
    pub fn creates_item(&self) -> bool {
        let puts = |action: &Action| matches!(action, Action::Set(..) | Action::Add(..));
        self.actions.is_empty() || self.actions.iter().any(puts)
    }

    /// Every place that the update changes.
    pub fn targets(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(Action::path)
    }

    /// Every path of the update, on either side.
    pub fn paths(&self, visit: &mut impl FnMut(&Path)) {
        self.targets().for_each(&mut *visit);
        self.sources(visit);
    }

    /// The type that the update gives a top-level attribute, where that is written in the update itself.
    pub fn written_type(&self, attribute: &str) -> Option<Type> {
        let is_it = |path: &Path| !path.is_nested() && path.attribute() == attribute;
        match self.actions.iter().find(|action| is_it(action.path()))? {
            Action::Set(_, SetValue::Plus(..) | SetValue::Minus(..)) => Some(Type::N),
            Action::Set(_, SetValue::Operand(SetOperand::ListAppend(..))) => Some(Type::L),
            Action::Set(_, SetValue::Operand(operand)) => operand.literal_type(),
            Action::Add(_, value) => Some(value.kind()),
            Action::Remove(_) | Action::Delete(..) => None,
        }
    }

    /// Every path that the update reads on the right side of an assignment.
    pub fn sources(&self, visit: &mut impl FnMut(&Path)) {
        for action in &self.actions {
            match action {
                Action::Set(_, SetValue::Operand(operand)) => operand.paths(visit),
                Action::Set(_, SetValue::Plus(left, right) | SetValue::Minus(left, right)) => {
                    left.paths(visit);
                    right.paths(visit);
                }
                _ => {}
            }
        }
    }
}

const SECTIONS: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

impl Parser<'_> {
    fn section(&mut self, actions: &mut Vec<Action>, seen: &mut [bool; 4]) -> Result<(), Invalid> {
        let Some(section) = SECTIONS.iter().position(|keyword| self.is_keyword(keyword)) else {
            return Err(self.syntax_error());
        };
        self.skip();
        loop {
            actions.push(self.action(section)?);
            if !self.take_if(Token::Sign(b',')) {
                break;
            }
        }
        if std::mem::replace(&mut seen[section], true) {
            self.findings.add(Rank::Section, || {
                format!(
                    "The \"{}\" section can only be used once in an update expression;",
                    SECTIONS[section]
                )
            });
        }
        Ok(())
    }

    fn action(&mut self, section: usize) -> Result<Action, Invalid> {
        let path = self.path()?;
        match SECTIONS[section] {
            "SET" => {
                self.expect(Token::Equal)?;
                let value = self.set_value()?;
                Ok(Action::Set(path, value))
            }
            "REMOVE" => Ok(Action::Remove(path)),
            keyword => {
                if self.peek() != Token::ValueRef {
                    return Err(self.syntax_error());
                }
                self.operator();
                let value = self.value();
                let add = keyword == "ADD";
                let allowed = value.kind().is_set() || (add && value.kind() == Type::N);
                if !allowed {
                    let kind = long_name(value.kind());
                    self.leaf.add(Rank::SetType, || {
                        format!(
                            "Incorrect operand type for operator or function; operator: {keyword}, operand type: {kind}"
                        )
                    });
                }
                Ok(if add { Action::Add(path, value) } else { Action::Delete(path, value) })
            }
        }
    }

    /// A value in parentheses or not: `(` may begin either the value or its first operand.
    fn set_value(&mut self) -> Result<SetValue, Invalid> {
        let first = if self.peek() == Token::Sign(b'(') {
            self.skip();
            let inner = self.nested(Parser::set_value)?;
            self.expect(Token::Sign(b')'))?;
            match inner {
                SetValue::Operand(operand) => operand,
                sum => return Ok(sum),
            }
        } else {
            self.set_operand()?
        };
        let plus = match self.peek() {
            Token::Sign(b'+') => true,
            Token::Sign(b'-') => false,
            _ => return Ok(SetValue::Operand(first)),
        };
        self.operator();
        self.skip();
        let second = self.set_operand()?;
        self.check_types(if plus { "+" } else { "-" }, Type::N, [&first, &second]);
        Ok(if plus { SetValue::Plus(first, second) } else { SetValue::Minus(first, second) })
    }

    fn set_operand(&mut self) -> Result<SetOperand, Invalid> {
        match self.peek() {
            Token::Sign(b'(') => {
                self.skip();
                let inner = self.nested(Parser::set_operand)?;
                self.expect(Token::Sign(b')'))?;
                Ok(inner)
            }
            Token::ValueRef => Ok(SetOperand::Value(self.value())),
            Token::Name if self.peek_second() == Token::Sign(b'(') => self.nested(Parser::set_function),
            _ => Ok(SetOperand::Path(self.path()?)),
        }
    }

    fn set_function(&mut self) -> Result<SetOperand, Invalid> {
        let name = self.word();
        self.operator();
        self.skip();
        self.expect(Token::Sign(b'('))?;
        let mut arguments = Vec::with_capacity(2);
        loop {
            arguments.push(self.set_operand()?);
            if !self.take_if(Token::Sign(b',')) {
                break;
            }
        }
        self.expect(Token::Sign(b')'))?;
        let nothing = SetOperand::Value(AttributeValue::Null);
        if !matches!(name, "if_not_exists" | "list_append") {
            let message = match name {
                "attribute_exists"
                | "attribute_not_exists"
                | "attribute_type"
                | "begins_with"
                | "contains"
                | "size" => "The function is not allowed in an update expression",
                _ => "Invalid function name",
            };
            self.findings.add(Rank::UnknownFunction, || format!("{message}; function: {name}"));
            return Ok(nothing);
        }
        let count = arguments.len();
        let Ok([first, second]) = <[SetOperand; 2]>::try_from(arguments) else {
            self.leaf.add(Rank::Types, || {
                format!(
                    "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
                )
            });
            return Ok(nothing);
        };
        if name == "list_append" {
            if [&first, &second].iter().any(|operand| matches!(operand, SetOperand::ListAppend(..))) {
                self.findings.add(Rank::MisusedFunction, || {
                    format!(
                        "The function is not allowed to be used this way in an expression; function: {name}"
                    )
                });
            }
            self.check_types(name, Type::L, [&first, &second]);
            return Ok(SetOperand::ListAppend(Box::new(first), Box::new(second)));
        }
        let SetOperand::Path(path) = first else {
            self.leaf.add(Rank::Types, || {
                format!("Operator or function requires a document path; operator or function: {name}")
            });
            return Ok(nothing);
        };
        Ok(SetOperand::IfNotExists(path, Box::new(second)))
    }

    fn check_types(&mut self, name: &str, expected: Type, operands: [&SetOperand; 2]) {
        for kind in operands.into_iter().filter_map(SetOperand::literal_type).filter(|kind| *kind != expected)
        {
            self.leaf.add(Rank::Types, || {
                format!(
                    "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
                )
            });
        }
    }
}

/// As messages about `ADD` and `DELETE`, and no others, name types.
fn long_name(kind: Type) -> &'static str {
    match kind {
        Type::S => "STRING",
        Type::N => "NUMBER",
        Type::B => "BINARY",
        Type::SS => "STRING_SET",
        Type::NS => "NUMBER_SET",
        Type::BS => "BINARY_SET",
        Type::M => "MAP",
        Type::L => "LIST",
        Type::Bool => "BOOLEAN",
        Type::Null => "NULL",
    }
}
