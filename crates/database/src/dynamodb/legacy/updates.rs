//! Legacy updates.

use crate::dynamodb::expression::{Action, SetOperand, SetValue, Update};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::Path;
use crate::dynamodb::value::{AttributeValue, Type};
use wire::Value;

/// `AttributeUpdates`: one action on each top-level attribute, `PUT` where none is named.
pub fn attribute_updates(updates: Value) -> Result<Update, Invalid> {
    let Value::Map(updates) = updates else { return Ok(Update::default()) };
    let mut actions = Vec::with_capacity(updates.len());
    for (name, update) in updates {
        let Value::Struct(mut update) = update else { continue };
        let value = update.take("Value").map(AttributeValue::from_wire).transpose()?;
        actions.push(action(name, update.str("Action").unwrap_or("PUT"), value)?);
    }
    Ok(Update::of_legacy(actions))
}

fn action(name: String, action: &str, value: Option<AttributeValue>) -> Result<Action, Invalid> {
    let path = Path::top(name);
    let Some(value) = value else {
        if action != "DELETE" {
            return Err(Invalid::parameter(
                "Only DELETE action is allowed when no attribute value is specified",
            ));
        }
        return Ok(Action::Remove(path));
    };
    let kind = value.kind();
    match action {
        "DELETE" if !kind.is_set() => Err(Invalid::parameter(format_args!(
            "DELETE action with value is not supported for the type {kind}"
        ))),
        "DELETE" => Ok(Action::Delete(path, value)),
        // What an expression has list_append for.
        "ADD" if kind == Type::L => {
            let old = SetOperand::IfNotExists(
                path.clone(),
                Box::new(SetOperand::Value(AttributeValue::L(Vec::new()))),
            );
            let both = SetOperand::ListAppend(Box::new(old), Box::new(SetOperand::Value(value)));
            Ok(Action::Set(path, SetValue::Operand(both)))
        }
        "ADD" if !kind.is_set() && kind != Type::N => {
            Err(Invalid::parameter(format_args!("ADD action is not supported for the type {kind}")))
        }
        "ADD" => Ok(Action::Add(path, value)),
        _ => Ok(Action::Set(path, SetValue::Operand(SetOperand::Value(value)))),
    }
}
