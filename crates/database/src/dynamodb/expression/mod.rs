//! DynamoDB's expressions: compiled once against their placeholders, then evaluated against items.
//!
//! ```text
//! Placeholders::new(names, values)
//!   Condition::compile    ConditionExpression, FilterExpression   → matches(&Item)
//!   KeyCondition::compile KeyConditionExpression                  → resolve(hash, range)
//!   Projection::compile   ProjectionExpression                    → apply(&Item)
//!   Update::compile       UpdateExpression                        → apply(before, key)
//! Placeholders::check_used
//! ```
//!
//! One pass of a recursive-descent parser both reads and checks. A syntax error ends it; other findings are ranked
//! as AWS ranks them and the first of the highest rank is the error, whatever came first in the text. Every limit of
//! AWS's is held (4 KB, 300 operators, 100 operands of `IN`, 32 elements of a path), which bounds time; stack is
//! made where it is needed ([`room`]).

mod condition;
mod evaluate;
mod findings;
mod key;
mod operand;
mod parser;
mod placeholders;
mod projection;
mod room;
mod token;
mod update;
mod update_apply;

pub use condition::{Comparator, Condition};
pub use evaluate::{begins_with, compare, contains};
pub use key::{KeyCondition, KeyTest, Sought};
pub use operand::Operand;
pub use placeholders::{Placeholders, check_placeholders_allowed};
pub use projection::Projection;
pub use update::{Action, SetOperand, SetValue, Update};
pub use update_apply::Updated;

/// Which parameter an expression is: its name begins every message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Condition,
    Filter,
    KeyCondition,
    Update,
    Projection,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Condition => "ConditionExpression",
            Kind::Filter => "FilterExpression",
            Kind::KeyCondition => "KeyConditionExpression",
            Kind::Update => "UpdateExpression",
            Kind::Projection => "ProjectionExpression",
        }
    }

    fn invalid(self, message: impl std::fmt::Display) -> crate::dynamodb::invalid::Invalid {
        crate::dynamodb::invalid::Invalid::new(format!("Invalid {}: {message}", self.name()))
    }
}

#[cfg(test)]
mod growth;
#[cfg(test)]
mod tests;
