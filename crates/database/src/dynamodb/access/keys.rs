//! `dynamodb:LeadingKeys`: the partition keys that a request is about.

use crate::dynamodb::expression::{KeyCondition, KeyTest, Placeholders};
use crate::dynamodb::legacy;
use crate::dynamodb::model::schema::Schema;
use crate::dynamodb::value::base64;
use wire::{Struct, Value};

/// Where a request has its partition keys.
pub(super) enum Leading<'r> {
    None,
    /// In these keys or items.
    Of(Vec<Option<&'r Value>>),
    /// In the key condition of a query.
    OfConditions,
}

impl Leading<'_> {
    /// The values, as policies write them.
    pub(super) fn values(&self, schema: &Schema, index: Option<&str>, request: &Struct) -> Vec<String> {
        match self {
            Leading::None => Vec::new(),
            Leading::Of(items) => {
                let name = &schema.keys.hash.name;
                items.iter().filter_map(|item| text(member((*item)?, name)?)).collect()
            }
            Leading::OfConditions => {
                let keys = index.and_then(|i| schema.index(i)).map_or(&schema.keys, |index| &index.keys);
                condition(request, &keys.hash.name).into_iter().collect()
            }
        }
    }
}

fn member<'v>(map: &'v Value, name: &str) -> Option<&'v Value> {
    let Value::Map(pairs) = map else { return None };
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn text(value: &Value) -> Option<String> {
    let Value::Struct(union) = value else { return None };
    match union.iter().next()? {
        ("S" | "N", Value::Str(text)) => Some(text.clone()),
        ("B", Value::Blob(bytes)) => Some(base64(bytes)),
        _ => None,
    }
}

/// A condition that cannot be read has no value here: its operation will refuse it.
fn condition(request: &Struct, hash: &str) -> Option<String> {
    let compiled = match request.str("KeyConditionExpression") {
        Some(expression) => {
            let names = request.get("ExpressionAttributeNames").cloned();
            let values = request.get("ExpressionAttributeValues").cloned();
            let mut placeholders = Placeholders::new(names, values).ok()?;
            KeyCondition::compile(expression, &mut placeholders).ok()?
        }
        None => {
            legacy::key_conditions(request.get("KeyConditions")?.clone(), request.get("IndexName").is_some())
                .ok()?
        }
    };
    compiled.tests().find_map(|(name, test)| match test {
        KeyTest::Equal(value) if name == hash => text(&value.clone().into_wire()),
        _ => None,
    })
}
