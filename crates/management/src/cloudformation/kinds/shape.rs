//! What a property holds, by AWS's schema of its kind: lists, objects and their members, numbers and switches. What does not
//! fit fails the resource before its service is asked, with every violation at once.
//!
//! Enumerations, patterns and lengths are left to the services, which know them. A text that reads as a number or a switch
//! is one: templates have most of their values from parameters.
//!
//! `shapes.txt` has a line for each kind: its name, its properties, then its objects, parted by `|`. A member is
//! `Name:type`, with `!` where it is required; a type is `s`, `i`, `n`, `b`, the place of an object in the line, `[` and `{` before the
//! type of what a list or a map holds, or `*` for what the schema leaves open.

use super::super::template::{get, text};
use super::on::form;
use wire::Value;

const SHAPES: &str = include_str!("shapes.txt");

/// The objects of a kind; the first is its properties.
struct Shapes<'s> {
    objects: Vec<&'s str>,
    violations: Vec<String>,
}

/// The objects of a kind that there is a schema of; the first is its properties.
fn objects(kind: &str) -> Option<impl Iterator<Item = &'static str>> {
    let own = SHAPES.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    own.map(|own| own.split('|'))
}

/// Whether the properties are what the schema of the kind says; what it has no schema of is for its hooks to know.
///
/// # Errors
/// All that does not fit, in AWS's words.
pub(super) fn check(kind: &str, logical: &str, properties: &Value) -> Result<(), String> {
    let Some(own) = objects(kind) else { return Ok(()) };
    let mut shapes = Shapes { objects: own.collect(), violations: Vec::new() };
    shapes.object(0, properties, "#");
    if shapes.violations.is_empty() {
        return Ok(());
    }
    let told = shapes.violations.join("\n");
    Err(format!("Properties validation failed for resource {logical} with message:\n{told}"))
}

/// Whether a property of a kind is a map of names to values.
pub(super) fn is_map(kind: &str, property: &str) -> bool {
    let first = objects(kind).and_then(|mut objects| objects.next());
    members(first.unwrap_or_default()).any(|(name, held, _)| name == property && held.starts_with('{'))
}

/// The properties that a kind has.
#[cfg(test)]
pub(super) fn properties(kind: &str) -> Option<Vec<&'static str>> {
    Some(members(objects(kind)?.next().unwrap_or_default()).map(|(name, ..)| name).collect())
}

/// Name, type and whether it must be there.
fn members(object: &str) -> impl Iterator<Item = (&str, &str, bool)> {
    object.split(' ').filter_map(|member| {
        let (name, held) = member.split_once(':')?;
        let required = name.strip_suffix('!');
        Some((required.unwrap_or(name), held, required.is_some()))
    })
}

impl<'s> Shapes<'s> {
    fn object(&mut self, number: usize, value: &Value, path: &str) {
        let Value::Map(entries) = value else { return self.unfit(path, "JSONObject", value) };
        let object: &'s str = self.objects.get(number).copied().unwrap_or_default();
        for (name, _, _) in
            members(object).filter(|(name, _, required)| *required && get(value, name).is_none())
        {
            self.violations.push(format!("{path}: required key [{name}] not found"));
        }
        let mut fitting = Vec::new();
        for (key, item) in entries {
            match members(object).find(|(name, _, _)| name == key) {
                Some((_, held, _)) => fitting.push((key, held, item)),
                None => self.violations.push(format!("{path}: extraneous key [{key}] is not permitted")),
            }
        }
        for (key, held, item) in fitting {
            self.value(held, item, &format!("{path}/{key}"));
        }
    }

    fn value(&mut self, held: &'s str, value: &Value, path: &str) {
        let told = text(value);
        let reads = |fits: fn(&str) -> bool| told.as_deref().is_some_and(fits);
        match (held.split_at_checked(1), value) {
            (Some(("[", inner)), Value::List(items)) => {
                for (place, item) in items.iter().enumerate() {
                    self.value(inner, item, &format!("{path}/{place}"));
                }
            }
            (Some(("[", _)), _) => self.unfit(path, "JSONArray", value),
            (Some(("{", inner)), Value::Map(entries)) => {
                for (key, item) in entries {
                    self.value(inner, item, &format!("{path}/{key}"));
                }
            }
            (Some(("{", _)), _) => self.unfit(path, "JSONObject", value),
            (Some(("s", _)), _) if told.is_none() => self.unfit(path, "String", value),
            (Some((kind @ ("i" | "n"), _)), _) if !reads(|text| text.trim().parse::<f64>().is_ok()) => {
                self.unfit(path, if kind == "i" { "Integer" } else { "Number" }, value);
            }
            (Some(("b", _)), _) if !reads(is_switch) => self.unfit(path, "Boolean", value),
            _ => {
                if let Ok(number) = held.parse() {
                    self.object(number, value, path);
                }
            }
        }
    }

    fn unfit(&mut self, path: &str, wanted: &str, value: &Value) {
        self.violations.push(format!("{path}: expected type: {wanted}, found: {}", form(value)));
    }
}

fn is_switch(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::cloudformation::template::yaml;

    fn told(kind: &str, properties: &str) -> String {
        let said = check(kind, "It", &yaml::read(properties).unwrap()).err().unwrap_or_default();
        said.replace("Properties validation failed for resource It with message:\n", "")
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let cases = [
            ("AWS::SQS::Queue", "{DelaySeconds: '5', FifoQueue: 'TRUE', RedrivePolicy: {x: [1]}}", ""),
            ("AWS::SQS::Queue", "{Tags: foo}", "#/Tags: expected type: JSONArray, found: String"),
            (
                "AWS::SQS::Queue",
                "{Tags: [{Key: a, Valeu: b}]}",
                "#/Tags/0: required key [Value] not found\n#/Tags/0: extraneous key [Valeu] is not permitted",
            ),
            (
                "AWS::SQS::Queue",
                "{DelaySeconds: soon}",
                "#/DelaySeconds: expected type: Integer, found: String",
            ),
            ("AWS::SQS::Queue", "{FifoQueue: 7}", "#/FifoQueue: expected type: Boolean, found: Number"),
            ("AWS::SQS::Queue", "{QueueName: [a]}", "#/QueueName: expected type: String, found: JSONArray"),
            (
                "AWS::IAM::User",
                "{LoginProfile: {Password: x, Mood: y}}",
                "#/LoginProfile: extraneous key [Mood] is not permitted",
            ),
            (
                "AWS::IAM::User",
                "{LoginProfile: x}",
                "#/LoginProfile: expected type: JSONObject, found: String",
            ),
            (
                "AWS::Lambda::Function",
                "{Code: {ZipFile: x}, Role: r, Tags: [a]}",
                "#/Tags/0: expected type: JSONObject, found: String",
            ),
            ("AWS::SNS::Subscription", "{Protocol: sqs}", "#: required key [TopicArn] not found"),
            ("Custom::Any", "{Tags: foo}", ""),
        ];
        for (kind, properties, expected) in cases {
            assert_eq!(told(kind, properties), expected, "{kind} {properties}");
        }
    }
}
