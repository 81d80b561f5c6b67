//! `Policies` of a function: managed ones by name or ARN, documents, and the templates that have a name; each may hang
//! on a condition.
//!
//! `managed_policies.txt` has a line for each path under which AWS has managed policies, beside the one of most.
//!
//! AWS: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-templates.html>

use super::catalog::PolicyTemplate;
use super::{if_else, invalid, is_no_value, object};
use crate::cloudformation::template::{Wrong, function, get, wrong};
use wire::Value;

const MANAGED: &str = include_str!("managed_policies.txt");

/// One of a function's policies.
#[derive(Debug)]
pub(super) enum Policy {
    Managed(Value),
    /// As a role has it, with its name.
    Inline(Value),
}

/// Whose policy it is, and which.
pub(super) struct Place<'a> {
    pub(super) function: &'a str,
    pub(super) index: usize,
}

impl Place<'_> {
    /// `Policies` has it there.
    pub(super) fn read(&self, item: &Value) -> Result<Policy, Wrong> {
        match (item, function(item)) {
            (Value::Str(name), _) => Ok(Policy::Managed(Value::Str(managed(name)))),
            (_, Some(("Fn::If", Value::List(items)))) if items.len() == 3 => {
                self.either(item, &items[0], &items[1], &items[2])
            }
            (_, Some(_)) => Ok(Policy::Managed(item.clone())),
            (Value::Map(_), None) if get(item, "Statement").is_some() => Ok(self.inline(item.clone())),
            (Value::Map(entries), None) => match entries.as_slice() {
                [(name, given)] => self.named(name, given),
                _ => self.invalid(),
            },
            _ => self.invalid(),
        }
    }

    fn invalid(&self) -> Result<Policy, Wrong> {
        let why = format!("Policy at index {} in the 'Policies' property is not valid", self.index);
        invalid(self.function, &why)
    }

    fn inline(&self, document: Value) -> Policy {
        let name = format!("{}RolePolicy{}", self.function, self.index);
        Policy::Inline(object([("PolicyName", Value::Str(name)), ("PolicyDocument", document)]))
    }

    fn either(&self, item: &Value, condition: &Value, yes: &Value, no: &Value) -> Result<Policy, Wrong> {
        let branch = |value: &Value| (!is_no_value(value)).then(|| self.read(value)).transpose();
        let chosen = |yes: Value, no: Value| if_else(condition, yes, no);
        let none = Value::Null;
        match (branch(yes)?, branch(no)?) {
            (None, None) => Ok(Policy::Managed(item.clone())),
            (Some(Policy::Managed(yes)), Some(Policy::Managed(no))) => Ok(Policy::Managed(chosen(yes, no))),
            (Some(Policy::Managed(yes)), None) => Ok(Policy::Managed(chosen(yes, none))),
            (None, Some(Policy::Managed(no))) => Ok(Policy::Managed(chosen(none, no))),
            (Some(Policy::Inline(yes)), Some(Policy::Inline(no))) => Ok(Policy::Inline(chosen(yes, no))),
            (Some(Policy::Inline(yes)), None) => Ok(Policy::Inline(chosen(yes, none))),
            (None, Some(Policy::Inline(no))) => Ok(Policy::Inline(chosen(none, no))),
            _ => wrong(
                "Structure of the SAM Template is invalid. Different policy types within the same Fn::If statement is unsupported. Separate different policy types into different Fn::If statements",
            ),
        }
    }

    fn named(&self, name: &str, given: &Value) -> Result<Policy, Wrong> {
        let Some(template) = PolicyTemplate::named(name) else { return self.invalid() };
        if !matches!(given, Value::Map(_)) {
            let why = format!("Must specify valid parameter values for policy template '{name}'");
            return invalid(self.function, &why);
        }
        let missing = template.missing(given);
        if !missing.is_empty() {
            let missing: Vec<String> = missing.iter().map(|parameter| format!("'{parameter}'")).collect();
            let why = format!(
                "Following required parameters of template '{name}' don't have values: [{}]",
                missing.join(", ")
            );
            return invalid(self.function, &why);
        }
        Ok(self.inline(template.document(given)))
    }
}

/// The ARN of a managed policy that is said by its name.
fn managed(name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let of = |line: &&str| line.split(' ').skip(1).any(|known| known == name);
    let path = MANAGED.lines().find(of).and_then(|line| line.split(' ').next());
    format!("arn:aws:iam::aws:policy/{}{name}", path.map(|path| format!("{path}/")).unwrap_or_default())
}
