//! What a target gets of an event: all of it, a part, a constant, or a template that parts are put into. Pure.
//!
//! In a template, `<name>` within a quotation becomes the value's text, and elsewhere its JSON. A value that is not
//! there leaves nothing within a quotation, and `null` elsewhere.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

use super::model::Target;
use wire::Value;

/// `$.detail.items[0].id`
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, PartialEq, Debug)]
enum Step {
    Name(String),
    At(usize),
}

impl Path {
    pub(crate) fn read(text: &str) -> Option<Path> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(name) = rest.strip_prefix('.') {
                let end = name.find(['.', '[']).unwrap_or(name.len());
                (Step::Name(name[..end].to_owned()), &name[end..])
            } else {
                let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
                let quoted = inner.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
                let step = match quoted {
                    Some(name) => Step::Name(name.to_owned()),
                    None => Step::At(inner.parse().ok()?),
                };
                (step, after)
            };
            if step == Step::Name(String::new()) {
                return None;
            }
            steps.push(step);
            rest = after;
        }
        Some(Path(steps))
    }

    pub(crate) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match (step, value) {
            (Step::Name(name), value) => value.entry(name),
            (Step::At(at), Value::List(items)) => items.get(*at),
            _ => None,
        })
    }
}

/// What is known of an event beside itself.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) rule_arn: &'a str,
    pub(super) rule_name: &'a str,
    pub(super) taken: &'a str,
}

/// What the target gets of the event; `text` is the event's JSON.
pub(super) fn input(target: &Target, event: &Value, text: &str, about: &About<'_>) -> String {
    if let Some(constant) = &target.input {
        return constant.clone();
    }
    if let Some(path) = target.input_path.as_deref().and_then(Path::read) {
        return path.find(event).map_or_else(|| "null".to_owned(), wire::json::text);
    }
    match &target.template {
        Some(template) => fill(template, is_name, |name| value(target, event, text, about, name), escaped),
        None => text.to_owned(),
    }
}

fn value(target: &Target, event: &Value, text: &str, about: &About<'_>, name: &str) -> Option<Value> {
    match name {
        "aws.events.rule-arn" => Some(Value::str(about.rule_arn)),
        "aws.events.rule-name" => Some(Value::str(about.rule_name)),
        "aws.events.event.ingestion-time" => Some(Value::str(about.taken)),
        "aws.events.event.json" => wire::json::read(text),
        // AWS: without its detail.
        "aws.events.event" => match event {
            Value::Map(members) => {
                Some(Value::Map(members.iter().filter(|(name, _)| name != "detail").cloned().collect()))
            }
            _ => None,
        },
        name => Path::read(target.paths.get(name)?)?.find(event).cloned(),
    }
}

/// The first name in a template that is neither one of the paths' nor AWS's own.
pub(super) fn unknown(template: &str, is_path: impl Fn(&str) -> bool) -> Option<&str> {
    const OWN: [&str; 5] = [
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event.json",
        "aws.events.event",
    ];
    let names = template.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0));
    names.filter(|name| is_name(name)).find(|name| !OWN.contains(name) && !is_path(name))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// Values within a quotation that are no texts.
fn escaped(json: &str) -> String {
    json.replace('"', "\\\"")
}

/// Puts values in place of `<name>`; `within` writes JSON into a quotation.
pub(crate) fn fill(
    template: &str,
    is_name: fn(&str) -> bool,
    value: impl Fn(&str) -> Option<Value>,
    within: fn(&str) -> String,
) -> String {
    let mut out = String::with_capacity(template.len());
    let (mut rest, mut quoted, mut escaped) = (template, false, false);
    while let Some(c) = rest.chars().next() {
        let name =
            rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).filter(|(name, _)| is_name(name));
        if let Some((name, after)) = name {
            match (value(name), quoted) {
                (Some(Value::Str(text)), true) => {
                    let json = wire::json::text(&Value::Str(text));
                    out.push_str(&json[1..json.len() - 1]);
                }
                (Some(value), true) => out.push_str(&within(&wire::json::text(&value))),
                (Some(value), false) => out.push_str(&wire::json::text(&value)),
                (None, true) => {}
                (None, false) => out.push_str("null"),
            }
            rest = after;
            escaped = false;
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id":"1","source":"app","detail":{"name":"a \"b\"","n":3,"list":[{"k":"v"}]}}"#;

    fn given(target: &Target) -> String {
        let about = About { rule_arn: "arn", rule_name: "r", taken: "2026-01-01T00:00:00Z" };
        input(target, &wire::json::read(EVENT).unwrap(), EVENT, &about)
    }

    #[test]
    fn a_target_gets_all_a_part_or_a_constant() {
        assert_eq!(given(&Target::default()), EVENT);
        assert_eq!(given(&Target { input: Some("{\"a\":1}".into()), ..Target::default() }), "{\"a\":1}");
        let part = |path: &str| given(&Target { input_path: Some(path.into()), ..Target::default() });
        assert_eq!(part("$.detail.n"), "3");
        assert_eq!(part("$.detail.list[0].k"), "\"v\"");
        assert_eq!(part("$['detail']['list'][0]"), "{\"k\":\"v\"}");
        assert_eq!(part("$.none"), "null");
        assert_eq!(part("$"), EVENT);
    }

    #[test]
    fn templates_are_filled() {
        let paths =
            [("name", "$.detail.name"), ("n", "$.detail.n"), ("list", "$.detail.list"), ("none", "$.x")];
        let paths = paths.into_iter().map(|(name, path)| (name.to_owned(), path.to_owned())).collect();
        let target = Target { paths, ..Target::default() };
        let of = |template: &str| given(&Target { template: Some(template.into()), ..target.clone() });
        assert_eq!(of("\"<n> of <name>\""), r#""3 of a \"b\"""#);
        assert_eq!(of("{\"name\": <name>, \"n\": <n>}"), r#"{"name": "a \"b\"", "n": 3}"#);
        assert_eq!(of("{\"l\": <list>, \"t\": \"<list>\"}"), r#"{"l": [{"k":"v"}], "t": "[{\"k\":\"v\"}]"}"#);
        assert_eq!(of("{\"x\": <none>, \"y\": \"<none>\"}"), r#"{"x": null, "y": ""}"#);
        assert_eq!(
            of("\"<aws.events.rule-name> <aws.events.event.ingestion-time>\""),
            "\"r 2026-01-01T00:00:00Z\""
        );
        assert_eq!(of("<aws.events.event>"), r#"{"id":"1","source":"app"}"#);
        assert_eq!(of("\"a < b > <unknown>\""), "\"a < b > \"");
        let unknown = |template| super::unknown(template, |name| target.paths.contains_key(name));
        assert_eq!(unknown("\"a < b > <n> <aws.events.rule-arn>\""), None);
        assert_eq!(unknown("\"<n> <unknown>\""), Some("unknown"));
    }

    #[test]
    fn what_is_no_path() {
        for bad in ["", "detail", "$x", "$.", "$.a.", "$[", "$[a]", "$.a[-1]"] {
            assert_eq!(Path::read(bad), None, "{bad}");
        }
    }
}
