//! Rules: what must hold between parameters before anything is made.
//!
//! Not here: `Fn::RefAll`, `Fn::ValueOf` and `Fn::ValueOfAll`, which ask other services about the account; a template
//! that has them is refused.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html>

use super::evaluate::{Evaluator, Nothing};
use super::section::checked_name;
use super::{Wrong, function, get, text, wrong};
use wire::Value;

/// A rule of a template.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// Where it does not hold, nothing is asserted.
    pub(crate) condition: Option<Value>,
    pub(crate) assertions: Vec<Assertion>,
}

#[derive(Clone, Debug)]
pub(crate) struct Assertion {
    pub(crate) assert: Value,
    description: Option<String>,
}

const BOOLEAN: &str =
    "Template format error: Rules can only be boolean operations on parameters, with rule-specific functions";

impl Rule {
    pub(super) fn read(name: &str, body: &Value) -> Result<Rule, Wrong> {
        let name = checked_name(name, "Rule")?;
        let Value::Map(members) = body else {
            return wrong(format!("Template format error: [/Rules/{name}] rule definition is malformed"));
        };
        let known = ["RuleCondition", "Assertions"];
        if let Some((unknown, _)) = members.iter().find(|(member, _)| !known.contains(&member.as_str())) {
            return wrong(format!("Template format error: [/Rules/{name}] unknown member {unknown}"));
        }
        let Some(Value::List(items)) = get(body, "Assertions") else {
            return wrong(format!(
                "Template format error: [/Rules/{name}] Every Rules object must contain a list of Assertions."
            ));
        };
        let assertion = |item: &Value| {
            let Some(assert) = get(item, "Assert") else {
                return wrong(format!(
                    "Template format error: [/Rules/{name}/Assertions] Every member must contain an Assert."
                ));
            };
            checked(assert)?;
            let description = get(item, "AssertDescription").and_then(text);
            Ok(Assertion { assert: assert.clone(), description })
        };
        let condition = get(body, "RuleCondition").cloned();
        condition.as_ref().map_or(Ok(()), checked)?;
        let assertions = items.iter().map(assertion).collect::<Result<_, Wrong>>()?;
        Ok(Rule { name, condition, assertions })
    }
}

/// Whether an expression has the form of a boolean one.
fn checked(expression: &Value) -> Result<(), Wrong> {
    let (name, items) = parts(expression)?;
    let fits = match name {
        "Fn::And" | "Fn::Or" => (2..=10).contains(&items.len()),
        "Fn::Not" => items.len() == 1,
        "Fn::Equals" | "Fn::Contains" | "Fn::EachMemberEquals" | "Fn::EachMemberIn" => items.len() == 2,
        _ => return wrong(BOOLEAN),
    };
    if !fits {
        return wrong(format!("Template error: the object {name} has a wrong number of parameters"));
    }
    if matches!(name, "Fn::And" | "Fn::Or" | "Fn::Not") {
        return items.iter().try_for_each(checked);
    }
    items.iter().try_for_each(operand)
}

/// What is compared: references to parameters, texts and lists of them.
fn operand(value: &Value) -> Result<(), Wrong> {
    match (function(value), value) {
        (Some(("Ref", Value::Str(_))), _) => Ok(()),
        (Some((name @ ("Fn::RefAll" | "Fn::ValueOf" | "Fn::ValueOfAll"), _)), _) => {
            wrong(format!("Template format error: {name} is not built in this version of Virga."))
        }
        (Some(_), _) => wrong(BOOLEAN),
        (None, Value::List(items)) => items.iter().try_for_each(operand),
        (None, scalar) => text(scalar).map_or_else(|| wrong(BOOLEAN), |_| Ok(())),
    }
}

/// The function and its arguments.
fn parts(expression: &Value) -> Result<(&str, &[Value]), Wrong> {
    match function(expression) {
        Some((name, Value::List(items))) => Ok((name, items)),
        _ => wrong(BOOLEAN),
    }
}

impl Evaluator<'_> {
    /// Holds every rule against the parameters.
    ///
    /// # Errors
    /// What the first assertion that fails says of itself.
    pub(crate) fn assert(&self, rules: &[Rule]) -> Result<(), Wrong> {
        for rule in rules {
            if let Some(condition) = &rule.condition
                && !self.rule_holds(condition)?
            {
                continue;
            }
            for assertion in &rule.assertions {
                if !self.rule_holds(&assertion.assert)? {
                    let nameless = || {
                        format!("Template validation error: an assertion of the rule {} failed", rule.name)
                    };
                    return wrong(assertion.description.clone().unwrap_or_else(nameless));
                }
            }
        }
        Ok(())
    }

    fn rule_holds(&self, expression: &Value) -> Result<bool, Wrong> {
        let (name, items) = parts(expression)?;
        let texts = |value: &Value| -> Result<Vec<String>, Wrong> {
            match self.value(value, &Nothing)? {
                Value::List(items) => Ok(items.iter().filter_map(text).collect()),
                scalar => Ok(text(&scalar).into_iter().collect()),
            }
        };
        match (name, items) {
            ("Fn::And", items) => items.iter().try_fold(true, |all, item| Ok(self.rule_holds(item)? && all)),
            ("Fn::Or", items) => items.iter().try_fold(false, |any, item| Ok(self.rule_holds(item)? || any)),
            ("Fn::Not", [item]) => Ok(!self.rule_holds(item)?),
            ("Fn::Equals", [left, right]) => Ok(texts(left)? == texts(right)?),
            ("Fn::Contains", [list, value]) => {
                let (list, value) = (texts(list)?, texts(value)?);
                Ok(!value.is_empty() && value.iter().all(|value| list.contains(value)))
            }
            ("Fn::EachMemberEquals", [list, value]) => {
                let (list, value) = (texts(list)?, texts(value)?);
                Ok(list.iter().all(|item| value == [item.as_str()]))
            }
            ("Fn::EachMemberIn", [list, among]) => {
                let (list, among) = (texts(list)?, texts(among)?);
                Ok(list.iter().all(|item| among.contains(item)))
            }
            _ => wrong(BOOLEAN),
        }
    }
}
