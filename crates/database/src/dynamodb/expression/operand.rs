//! [`Operand`]: what conditions compare.

use crate::dynamodb::item::Item;
use crate::dynamodb::number::Number;
use crate::dynamodb::path::Path;
use crate::dynamodb::value::{AttributeValue, Type};
use std::borrow::Cow;

/// A side of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub enum Operand {
    Path(Path),
    Value(AttributeValue),
    /// `size(...)` of a path or a value.
    Size(Box<Operand>),
}

impl Operand {
    /// The type, where it is known before an item is.
    pub(super) fn known_type(&self) -> Option<Type> {
        match self {
            Operand::Path(_) => None,
            Operand::Value(value) => Some(value.kind()),
            Operand::Size(_) => Some(Type::N),
        }
    }

    pub(super) fn as_path(&self) -> Option<&Path> {
        if let Operand::Path(path) = self { Some(path) } else { None }
    }

    /// The value that it has for an item; `None` where the item has none.
    pub(super) fn resolve<'o>(&'o self, item: &'o Item) -> Option<Cow<'o, AttributeValue>> {
        match self {
            Operand::Path(path) => path.get(item).map(Cow::Borrowed),
            Operand::Value(value) => Some(Cow::Borrowed(value)),
            Operand::Size(of) => {
                let size = size(of.resolve(item)?.as_ref())?;
                Some(Cow::Owned(AttributeValue::N(Number::from(size))))
            }
        }
    }
}

/// Bytes of a string (as UTF-8) or of binary, members of anything that has members; nothing else has a size.
fn size(value: &AttributeValue) -> Option<i64> {
    let size = match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::SS(set) => set.len(),
        AttributeValue::NS(set) => set.len(),
        AttributeValue::BS(set) => set.len(),
        AttributeValue::L(list) => list.len(),
        AttributeValue::M(map) => map.len(),
        AttributeValue::N(_) | AttributeValue::Bool(_) | AttributeValue::Null => return None,
    };
    i64::try_from(size).ok()
}
