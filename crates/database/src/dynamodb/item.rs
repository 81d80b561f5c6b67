//! [`Item`]: attributes by name. A whole item and a map within one are the same thing.

use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::value::{self, AttributeValue};
use wire::Value;

/// Attributes, sorted by name: small enough that a binary search beats a tree, and always in one order.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Item(Vec<(String, AttributeValue)>);

impl Item {
    pub fn new() -> Item {
        Item::default()
    }

    pub fn with_capacity(attributes: usize) -> Item {
        Item(Vec::with_capacity(attributes))
    }

    /// Of pairs in any order; of a repeated name the last value stays.
    pub fn from_pairs(mut pairs: Vec<(String, AttributeValue)>) -> Item {
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            // Stable, so that the last of equal names is the one that came last.
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs.reverse();
            pairs.dedup_by(|a, b| a.0 == b.0);
            pairs.reverse();
        }
        Item(pairs)
    }

    /// Reads a request's map of attribute values (`Item`, `Key`, `ExpressionAttributeValues`).
    pub fn from_wire(value: Value) -> Result<Item, Invalid> {
        match value {
            Value::Map(members) => value::read_item(members),
            _ => Ok(Item::new()),
        }
    }

    /// A map of the model's unions.
    pub fn into_wire(self) -> Value {
        Value::Map(self.0.into_iter().map(|(name, value)| (name, value.into_wire())).collect())
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(candidate, _)| candidate.as_str().cmp(name))
    }

    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.position(name).ok().map(|at| &self.0[at].1)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut AttributeValue> {
        self.position(name).ok().map(|at| &mut self.0[at].1)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// Sets the attribute; the earlier value where there was one.
    pub fn insert(
        &mut self,
        name: impl Into<String> + AsRef<str>,
        value: AttributeValue,
    ) -> Option<AttributeValue> {
        match self.position(name.as_ref()) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name.into(), value));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        self.position(name).ok().map(|at| self.0.remove(at).1)
    }

    /// In the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Only the attributes that `keep` names (a key, an index's projection).
    #[must_use]
    pub fn only<'n>(&self, keep: impl IntoIterator<Item = &'n str>) -> Item {
        let pairs = keep.into_iter().filter_map(|name| Some((name.to_owned(), self.get(name)?.clone())));
        Item::from_pairs(pairs.collect())
    }
}

impl IntoIterator for Item {
    type Item = (String, AttributeValue);
    type IntoIter = std::vec::IntoIter<(String, AttributeValue)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, AttributeValue)> for Item {
    fn from_iter<I: IntoIterator<Item = (String, AttributeValue)>>(pairs: I) -> Item {
        Item::from_pairs(pairs.into_iter().collect())
    }
}
