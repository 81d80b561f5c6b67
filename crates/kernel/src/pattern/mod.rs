//! [`Pattern`]: which JSON documents are wanted. The language of SNS's filter policies, EventBridge's event
//! patterns and the filters of Lambda's event sources. Pure.
//!
//! A pattern has the shape of the document: its objects name fields, its arrays list what a field may be. All named
//! fields must match; of an array in the document one element suffices, and fields below it must match within the same
//! element. `$or` holds alternatives.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

mod condition;
mod numeric;
mod read;
mod text;

#[cfg(test)]
mod tests;

pub use read::Malformed;

use condition::Condition;
use wire::Value;

/// A pattern that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Pattern(Node);

#[derive(Clone, PartialEq, Debug)]
enum Node {
    /// All of these fields, and for each `$or` one of its alternatives.
    All { fields: Vec<(String, Node)>, alternatives: Vec<Vec<Node>> },
    /// One of these.
    Any(Vec<Condition>),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Malformed`], in AWS's words.
    pub fn read(text: &str) -> Result<Pattern, Malformed> {
        read::read(text).map(Pattern)
    }

    pub fn matches(&self, document: &Value) -> bool {
        matches(&self.0, Some(document))
    }

    /// Whether it looks into objects within the document.
    pub fn is_nested(&self) -> bool {
        fn nested(node: &Node, depth: usize) -> bool {
            match node {
                Node::Any(_) => depth > 1,
                Node::All { fields, alternatives } => {
                    fields.iter().any(|(_, inner)| nested(inner, depth + 1))
                        || alternatives.iter().flatten().any(|inner| nested(inner, depth))
                }
            }
        }
        nested(&self.0, 0)
    }

    /// How many fields it names.
    pub fn keys(&self) -> usize {
        fn keys(node: &Node) -> usize {
            match node {
                Node::Any(_) => 1,
                Node::All { fields, alternatives } => {
                    let own: usize = fields.iter().map(|(_, inner)| keys(inner)).sum();
                    own + alternatives.iter().flatten().map(keys).sum::<usize>()
                }
            }
        }
        keys(&self.0)
    }

    /// How many combinations of values it stands for: the product over its fields of how many values each has times
    /// how deep it lies; alternatives add up.
    pub fn combinations(&self) -> u64 {
        fn count(node: &Node, depth: u64) -> u64 {
            match node {
                Node::Any(conditions) => {
                    (conditions.iter().map(Condition::weight).sum::<u64>()).saturating_mul(depth)
                }
                Node::All { fields, alternatives } => {
                    let of_fields = fields.iter().map(|(_, inner)| count(inner, depth + 1));
                    let of_others = alternatives
                        .iter()
                        .map(|all| all.iter().map(|inner| count(inner, depth)).sum::<u64>());
                    of_fields.chain(of_others).fold(1, u64::saturating_mul)
                }
            }
        }
        count(&self.0, 0)
    }
}

/// Whether what is there, if anything, is wanted.
fn matches(node: &Node, value: Option<&Value>) -> bool {
    match (node, value) {
        (Node::All { .. }, Some(Value::List(items))) if !items.is_empty() => {
            items.iter().any(|item| matches(node, Some(item)))
        }
        (Node::All { fields, alternatives }, value) => {
            let field = |name: &str| value.and_then(|value| value.entry(name));
            fields.iter().all(|(name, inner)| matches(inner, field(name)))
                && alternatives.iter().all(|all| all.iter().any(|inner| matches(inner, value)))
        }
        (Node::Any(conditions), None) => conditions.iter().any(|condition| condition.matches(None)),
        (Node::Any(conditions), Some(Value::List(items))) => {
            let mut flat = Vec::new();
            flatten(items, &mut flat);
            if flat.is_empty() {
                return conditions.iter().any(|condition| condition.matches(None));
            }
            conditions.iter().any(|condition| flat.iter().any(|item| condition.matches(Some(item))))
        }
        (Node::Any(conditions), value) => conditions.iter().any(|condition| condition.matches(value)),
    }
}

fn flatten<'v>(items: &'v [Value], out: &mut Vec<&'v Value>) {
    for item in items {
        match item {
            Value::List(inner) => flatten(inner, out),
            other => out.push(other),
        }
    }
}
