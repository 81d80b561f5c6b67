//! Rules: what must hold between parameters before anything is made.
//!
//! `Fn::RefAll`, `Fn::ValueOf` and `Fn::ValueOfAll` ask about the account: whoever holds rules against it brings the answers.
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
        _ if question(value)?.is_some() => Ok(()),
        (Some(_), _) => wrong(BOOLEAN),
        (None, Value::List(items)) => items.iter().try_for_each(operand),
        (None, scalar) => text(scalar).map_or_else(|| wrong(BOOLEAN), |_| Ok(())),
    }
}

/// What a rule asks about the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    /// Of a type of parameters, all that there is.
    All(String),
    /// An attribute of what a parameter names.
    Of(String, String),
    /// An attribute of all that there is of a type.
    OfAll(String, String),
}

/// A question with its answer.
pub(crate) type Fact = (Asked, Vec<String>);

fn question(value: &Value) -> Result<Option<Asked>, Wrong> {
    let Some((name @ ("Fn::RefAll" | "Fn::ValueOf" | "Fn::ValueOfAll"), arguments)) = function(value) else {
        return Ok(None);
    };
    let texts = match arguments {
        Value::List(items) => items.iter().map(Value::as_str).collect(),
        one => vec![one.as_str()],
    };
    match (name, texts.as_slice()) {
        ("Fn::RefAll", [Some(kind)]) => Ok(Some(Asked::All((*kind).to_owned()))),
        ("Fn::ValueOf", [Some(of), Some(what)]) => Ok(Some(Asked::Of((*of).to_owned(), (*what).to_owned()))),
        ("Fn::ValueOfAll", [Some(of), Some(what)]) => {
            Ok(Some(Asked::OfAll((*of).to_owned(), (*what).to_owned())))
        }
        _ => wrong(format!("Template error: the object {name} has a wrong number of parameters")),
    }
}

/// All that rules ask about the account, each once.
pub(crate) fn asked(rules: &[Rule]) -> Vec<Asked> {
    fn within(value: &Value, all: &mut Vec<Asked>) {
        match (question(value), value) {
            (Ok(Some(own)), _) if !all.contains(&own) => all.push(own),
            (_, Value::List(items)) => items.iter().for_each(|item| within(item, all)),
            (_, Value::Map(entries)) => entries.iter().for_each(|(_, item)| within(item, all)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    for rule in rules {
        let asserted = rule.assertions.iter().map(|assertion| &assertion.assert);
        rule.condition.iter().chain(asserted).for_each(|expression| within(expression, &mut all));
    }
    all
}

/// The function and its arguments.
fn parts(expression: &Value) -> Result<(&str, &[Value]), Wrong> {
    match function(expression) {
        Some((name, Value::List(items))) => Ok((name, items)),
        _ => wrong(BOOLEAN),
    }
}

impl Evaluator<'_> {
    /// Holds every rule against the parameters and what is known of the account.
    ///
    /// # Errors
    /// What the first assertion that fails says of itself.
    pub(crate) fn assert(&self, rules: &[Rule], facts: &[Fact]) -> Result<(), Wrong> {
        for rule in rules {
            if let Some(condition) = &rule.condition
                && !self.rule_holds(condition, facts)?
            {
                continue;
            }
            for assertion in &rule.assertions {
                if !self.rule_holds(&assertion.assert, facts)? {
                    let nameless = || {
                        format!("Template validation error: an assertion of the rule {} failed", rule.name)
                    };
                    return wrong(assertion.description.clone().unwrap_or_else(nameless));
                }
            }
        }
        Ok(())
    }

    fn rule_holds(&self, expression: &Value, facts: &[Fact]) -> Result<bool, Wrong> {
        let (name, items) = parts(expression)?;
        let texts = |value: &Value| -> Result<Vec<String>, Wrong> {
            if let Some(own) = question(value)? {
                let found = facts.iter().find(|(asked, _)| *asked == own);
                return Ok(found.map(|(_, answers)| answers.clone()).unwrap_or_default());
            }
            match self.value(value, &Nothing)? {
                Value::List(items) => Ok(items.iter().filter_map(text).collect()),
                scalar => Ok(text(&scalar).into_iter().collect()),
            }
        };
        match (name, items) {
            ("Fn::And", items) => {
                items.iter().try_fold(true, |all, item| Ok(self.rule_holds(item, facts)? && all))
            }
            ("Fn::Or", items) => {
                items.iter().try_fold(false, |any, item| Ok(self.rule_holds(item, facts)? || any))
            }
            ("Fn::Not", [item]) => Ok(!self.rule_holds(item, facts)?),
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
