//! `Fn::GetStackOutput`: an output of another stack, wherever that is. What is read stays the value for as long as the
//! operation on the stack lasts.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html>

use super::{function, get, text};
use wire::Value;

pub(crate) const NAME: &str = "Fn::GetStackOutput";
pub(super) const FORM: &str = "Template error: every Fn::GetStackOutput object requires the String-typed values StackName and OutputName, and may have Region and RoleArn";
pub(super) const IN_CONDITIONS: &str = "Template error: Cannot use Fn::GetStackOutput in Conditions";
/// It was not asked when the operation began.
pub(crate) const UNTOLD: &str = "Template error: Fn::GetStackOutput that follows from what the stack itself makes is not built in this version of Virga";
const MEMBERS: [&str; 4] = ["StackName", "OutputName", "Region", "RoleArn"];

/// Which output of which stack.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct StackOutput {
    /// Who may look at the stack; whoever makes this one, where nobody is named.
    pub(crate) role: Option<String>,
    pub(crate) region: String,
    pub(crate) stack: String,
    pub(crate) output: String,
}

impl StackOutput {
    /// What an argument names, once its own functions have their values. `here`: the region of the stack that asks.
    pub(super) fn of(argument: &Value, here: &str) -> Option<StackOutput> {
        let member = |name| get(argument, name).and_then(text);
        Some(StackOutput {
            role: member("RoleArn"),
            region: member("Region").unwrap_or_else(|| here.to_owned()),
            stack: member("StackName")?,
            output: member("OutputName")?,
        })
    }

    /// Whether both are told by one look at one stack.
    pub(crate) fn is_beside(&self, other: &StackOutput) -> bool {
        (&self.role, &self.region, &self.stack) == (&other.role, &other.region, &other.stack)
    }

    /// What its value is kept under, beside those of dynamic references.
    pub(crate) fn key(&self) -> String {
        let role = self.role.as_deref().unwrap_or_default();
        let parts = [role, &self.region, &self.stack, &self.output].map(Value::str);
        format!("{NAME}{}", wire::json::text(&Value::List(parts.into())))
    }
}

/// Whether an argument has the form of one.
pub(super) fn fits(argument: &Value) -> bool {
    let Value::Map(members) = argument else { return false };
    let is_text = |value: &Value| text(value).is_some() || function(value).is_some();
    members.iter().all(|(name, value)| MEMBERS.contains(&name.as_str()) && is_text(value))
        && MEMBERS[..2].iter().all(|name| get(argument, name).is_some())
}
