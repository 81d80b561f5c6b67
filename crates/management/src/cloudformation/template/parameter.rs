//! Parameters: what a template asks for, and whether what it is given fits.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>

use super::section::checked_name;
use super::{Template, Wrong, get, text, wrong};
use crate::regex::Regex;
use std::collections::BTreeMap;
use wire::Value;

const VALUE_BYTES_MAX: usize = 4096;

/// A parameter of a template.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) default: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) no_echo: bool,
    pub(crate) allowed: Vec<String>,
    pattern: Option<String>,
    length: (Option<usize>, Option<usize>),
    range: (Option<f64>, Option<f64>),
    constraint: Option<String>,
}

const PLAIN: &[&str] = &["String", "Number", "List<Number>", "CommaDelimitedList", "List<String>"];

/// Types of what is in the account, where it is looked up.
const NAMED: &[&str] = &[
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id",
    "AWS::Route53::HostedZone::Id",
];

const MEMBERS: &[&str] = &[
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

const STORED_NAME: &str = "AWS::SSM::Parameter::Name";

/// What is within `AWS::SSM::Parameter::Value<...>`.
fn stored(kind: &str) -> Option<&str> {
    kind.strip_prefix("AWS::SSM::Parameter::Value<")?.strip_suffix('>')
}

/// Whether a parameter may be of this type.
fn is_known(kind: &str) -> bool {
    let inner = kind.strip_prefix("List<").and_then(|kind| kind.strip_suffix('>')).unwrap_or(kind);
    PLAIN.contains(&kind) || NAMED.contains(&inner)
}

impl Parameter {
    pub(super) fn read(name: &str, body: &Value) -> Result<Parameter, Wrong> {
        let name = checked_name(name, "Parameter")?;
        if let Value::Map(members) = body
            && let Some((unknown, _)) = members.iter().find(|(member, _)| !MEMBERS.contains(&member.as_str()))
        {
            return wrong(format!("Invalid template parameter property '{unknown}'"));
        }
        let Some(kind) = get(body, "Type").and_then(Value::as_str) else {
            return wrong(format!(
                "Template format error: Every Parameters object must contain a Type member. ({name})"
            ));
        };
        // AWS: no number is taken from there.
        let of_store = stored(kind).is_some_and(|inner| is_known(inner) && !inner.contains("Number"));
        if !is_known(kind) && !of_store && kind != STORED_NAME {
            return wrong(format!("Template format error: Unrecognized parameter type: {kind}"));
        }
        let number = |member| match get(body, member).map(|value| text(value).unwrap_or_default()) {
            None => Ok(None),
            Some(told) => match told.parse::<f64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => {
                    wrong(format!("Template format error: {member} of parameter {name} must be a number."))
                }
            },
        };
        let length = |member| number(member).map(|number| number.map(|number| number as usize));
        let allowed = match get(body, "AllowedValues") {
            None => Vec::new(),
            Some(Value::List(items)) => items.iter().filter_map(text).collect(),
            Some(_) => {
                return wrong(format!(
                    "Template format error: AllowedValues of parameter {name} must be a list."
                ));
            }
        };
        if get(body, "Default").is_some_and(|default| text(default).is_none()) {
            return wrong("Template format error: Every Default member must be a string.");
        }
        let parameter = Parameter {
            kind: kind.to_owned(),
            default: get(body, "Default").and_then(text),
            description: get(body, "Description").and_then(text),
            no_echo: get(body, "NoEcho").and_then(text).as_deref() == Some("true"),
            allowed,
            pattern: get(body, "AllowedPattern").and_then(text),
            length: (length("MinLength")?, length("MaxLength")?),
            range: (number("MinValue")?, number("MaxValue")?),
            constraint: get(body, "ConstraintDescription").and_then(text),
            name,
        };
        if let Some(default) = &parameter.default {
            parameter.check(default).map_err(|Wrong(why)| Wrong(format!("Template format error: {why}")))?;
        }
        Ok(parameter)
    }

    pub(crate) fn is_list(&self) -> bool {
        self.kind == "CommaDelimitedList" || self.kind.starts_with("List<")
    }

    /// The type of what it names in the account, if it does.
    pub(crate) fn named(&self) -> Option<&str> {
        let kind = self.stored_value().unwrap_or(&self.kind);
        let inner = kind.strip_prefix("List<").and_then(|kind| kind.strip_suffix('>')).unwrap_or(kind);
        NAMED.contains(&inner).then_some(inner)
    }

    fn is_number(&self) -> bool {
        matches!(self.kind.as_str(), "Number" | "List<Number>")
    }

    /// It is given the name of a parameter of Parameter Store.
    pub(crate) fn is_stored(&self) -> bool {
        self.kind == STORED_NAME || self.stored_value().is_some()
    }

    /// The type of the value that Parameter Store has of it.
    pub(crate) fn stored_value(&self) -> Option<&str> {
        stored(&self.kind)
    }

    /// What a reference to it stands for. Of one that is kept in Parameter Store `given` is the value from there.
    pub(crate) fn value(&self, given: &str) -> Value {
        let kind = self.stored_value().unwrap_or(&self.kind);
        if kind != "CommaDelimitedList" && !kind.starts_with("List<") {
            return Value::str(given);
        }
        let items = given.split(',').map(|item| Value::str(item.trim()));
        Value::List(if given.is_empty() { Vec::new() } else { items.collect() })
    }

    fn items<'v>(&self, given: &'v str) -> Vec<&'v str> {
        if self.is_list() { given.split(',').map(str::trim).collect() } else { vec![given] }
    }

    fn check(&self, given: &str) -> Result<(), Wrong> {
        self.items(given).into_iter().try_for_each(|item| self.check_item(item))
    }

    fn check_item(&self, given: &str) -> Result<(), Wrong> {
        let name = &self.name;
        let unfit = |told: String| match &self.constraint {
            Some(constraint) => wrong(format!("Parameter {name} failed to satisfy constraint: {constraint}")),
            None => wrong(told),
        };
        if given.len() > VALUE_BYTES_MAX {
            return wrong(format!("Parameter '{name}' must contain at most {VALUE_BYTES_MAX} bytes"));
        }
        if self.is_number() {
            let Ok(number) = given.parse::<f64>() else {
                return wrong(format!("Parameter '{name}' must be a number"));
            };
            match self.range {
                (Some(min), _) if number < min => {
                    return unfit(format!("Parameter '{name}' must be a number not less than {min}"));
                }
                (_, Some(max)) if number > max => {
                    return unfit(format!("Parameter '{name}' must be a number not greater than {max}"));
                }
                _ => {}
            }
        }
        if !self.allowed.is_empty() && !self.allowed.iter().any(|value| value == given) {
            return unfit(format!("Parameter '{name}' must be one of AllowedValues"));
        }
        let chars = given.chars().count();
        match self.length {
            (Some(min), _) if chars < min => {
                return unfit(format!("Parameter '{name}' must contain at least {min} characters"));
            }
            (_, Some(max)) if chars > max => {
                return unfit(format!("Parameter '{name}' must contain at most {max} characters"));
            }
            _ => {}
        }
        let Some(pattern) = &self.pattern else { return Ok(()) };
        match Regex::new(pattern).map(|regex| regex.matches(given)) {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => unfit(format!("Parameter '{name}' must match pattern {pattern}")),
            Ok(Err(_)) => wrong(format!("Parameter '{name}' takes too long to match pattern {pattern}")),
            Err(_) => wrong(format!("Parameter '{name}' has a pattern that cannot be read: {pattern}")),
        }
    }
}

/// What a request says of one parameter.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    /// The value of the stack as it is.
    pub(crate) previous: bool,
}

/// The text of every parameter of the template: as given, as before, or its default.
///
/// # Errors
/// In AWS's words.
pub(crate) fn resolve(
    template: &Template,
    given: &[Given],
    before: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Wrong> {
    let known = |name: &str| template.parameters.iter().any(|parameter| parameter.name == name);
    let strangers: Vec<&str> = given.iter().map(|g| g.name.as_str()).filter(|name| !known(name)).collect();
    if !strangers.is_empty() {
        return wrong(format!("Parameters: [{}] do not exist in the template", strangers.join(", ")));
    }
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = given.iter().find(|one| !seen.insert(one.name.as_str())) {
        return wrong(format!("Duplicate input parameter key: {}", twice.name));
    }
    let mut out = BTreeMap::new();
    let mut missing = Vec::new();
    for parameter in &template.parameters {
        let name = &parameter.name;
        let told = given.iter().find(|given| given.name == *name);
        let value = match told {
            Some(Given { previous: true, value: Some(value), .. }) if !value.is_empty() => {
                return wrong(format!(
                    "Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty value for a parameter"
                ));
            }
            Some(Given { previous: true, .. }) => match before.get(name) {
                Some(value) => Some(value.clone()),
                None => {
                    return wrong(format!(
                        "Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                    ));
                }
            },
            Some(Given { value, .. }) => value.clone(),
            None => parameter.default.clone(),
        };
        match value {
            Some(value) => {
                parameter.check(&value)?;
                out.insert(name.clone(), value);
            }
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        Ok(out)
    } else {
        wrong(format!("Parameters: [{}] must have values", missing.join(", ")))
    }
}
