//! Dynamic references: `{{resolve:ssm:name:version}}` within a text stands for a value that another service keeps.
//!
//! The values of Parameter Store's plain parameters are read when an operation on a stack begins, and stay those for
//! as long as it lasts. A secure one stays the reference that it is, as in AWS, until the one property that takes it
//! is sent to its service.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use super::{Template, Wrong, wrong};
use std::collections::{BTreeMap, BTreeSet};
use wire::Value;

const OPEN: &str = "{{resolve:";
const CLOSE: &str = "}}";

/// Properties that take secure strings, of kinds that are built.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html>
const SECURE: &[(&str, &str)] = &[("AWS::IAM::User", "LoginProfile/Password")];

/// Values by what names them: `name` or `name:version`.
pub(crate) type Values = BTreeMap<String, String>;

/// A reference within a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dynamic<'t> {
    /// What names the parameter.
    Plain(&'t str),
    Secure(&'t str),
}

/// The reference of a text that begins with one, and what follows it.
fn first(text: &str) -> Result<(Dynamic<'_>, &str), Wrong> {
    let malformed =
        |whole: &str| Wrong(format!("Incorrect format is used in the following SSM reference: [{whole}]"));
    let Some(end) = text.find(CLOSE) else { return Err(malformed(text)) };
    let (whole, rest) = text.split_at(end + CLOSE.len());
    let inner = &whole[OPEN.len()..end];
    let (service, named) = inner.split_once(':').ok_or_else(|| malformed(whole))?;
    let version = named.rsplit_once(':').map(|(_, version)| version);
    let numbered = version
        .is_none_or(|version| !version.is_empty() && version.bytes().all(|digit| digit.is_ascii_digit()));
    match service {
        "ssm" | "ssm-secure" if named.is_empty() || !numbered => Err(malformed(whole)),
        "ssm" => Ok((Dynamic::Plain(named), rest)),
        "ssm-secure" => Ok((Dynamic::Secure(named), rest)),
        "secretsmanager" => {
            wrong(format!("Template error: Secrets Manager is not built in this version of Virga: {whole}"))
        }
        _ => wrong(format!("Template error: the service of a dynamic reference is not known: {whole}")),
    }
}

/// Whether there is a dynamic reference in a text.
pub(crate) fn is_in(text: &str) -> bool {
    text.contains(OPEN)
}

/// The one reference to a secure string that a text is.
pub(crate) fn secure(text: &str) -> Option<&str> {
    match first(text.strip_prefix(OPEN).map(|_| text)?) {
        Ok((Dynamic::Secure(named), "")) => Some(named),
        _ => None,
    }
}

/// The plain parameters that a value names.
///
/// # Errors
/// References of a form that is none.
pub(crate) fn names(value: &Value, out: &mut BTreeSet<String>) -> Result<(), Wrong> {
    match value {
        Value::List(items) => items.iter().try_for_each(|item| names(item, out)),
        Value::Map(entries) => entries.iter().try_for_each(|(_, item)| names(item, out)),
        Value::Str(text) => {
            let mut rest = text.as_str();
            while let Some(at) = rest.find(OPEN) {
                let (found, tail) = first(&rest[at..])?;
                if let Dynamic::Plain(named) = found {
                    out.insert(named.to_owned());
                }
                rest = tail;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The value with its plain references replaced.
///
/// # Errors
/// References whose values were not read when the operation began: those that follow from the stack's own resources.
pub(crate) fn replaced(value: Value, values: &Values) -> Result<Value, Wrong> {
    match value {
        Value::List(items) => {
            items.into_iter().map(|item| replaced(item, values)).collect::<Result<_, _>>().map(Value::List)
        }
        Value::Map(entries) => {
            let entry = |(key, item)| Ok((key, replaced(item, values)?));
            entries.into_iter().map(entry).collect::<Result<_, _>>().map(Value::Map)
        }
        Value::Str(text) if is_in(&text) => resolved(&text, values).map(Value::Str),
        other => Ok(other),
    }
}

fn resolved(text: &str, values: &Values) -> Result<String, Wrong> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (found, tail) = first(&rest[at..])?;
        out.push_str(&rest[..at]);
        match found {
            Dynamic::Plain(named) => match values.get(named) {
                Some(value) => out.push_str(value),
                None => {
                    return wrong(format!(
                        "Template error: a dynamic reference that follows from the stack's own resources is not built in this version of Virga: ssm:{named}"
                    ));
                }
            },
            Dynamic::Secure(_) => out.push_str(&rest[at..rest.len() - tail.len()]),
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// Secure strings stand only where AWS takes them.
///
/// # Errors
/// `SSM Secure reference is not supported in: [...]`.
pub(super) fn check(template: &Template) -> Result<(), Wrong> {
    let mut strangers = Vec::new();
    for resource in &template.resources {
        let fits = |path: &str| SECURE.contains(&(resource.kind.as_str(), path));
        let mut note = |path: &str| {
            if !fits(path) {
                strangers.push(format!("{}/Properties/{path}", resource.kind));
            }
        };
        secured(&resource.properties, "", &mut note);
    }
    for output in &template.outputs {
        secured(&output.value, "", &mut |_| strangers.push(format!("Outputs/{}/Value", output.name)));
    }
    if strangers.is_empty() {
        return Ok(());
    }
    wrong(format!("SSM Secure reference is not supported in: [{}]", strangers.join(",")))
}

/// Calls `each` with the path of every text that has a secure reference.
fn secured(value: &Value, path: &str, each: &mut dyn FnMut(&str)) {
    match value {
        Value::Str(text) if text.contains("{{resolve:ssm-secure:") => each(path),
        Value::List(items) => items.iter().for_each(|item| secured(item, path, each)),
        Value::Map(entries) => {
            for (key, item) in entries {
                // What a function makes stands where the function does.
                let is_function = key == "Ref" || key.starts_with("Fn::");
                let inner = match (is_function, path.is_empty()) {
                    (true, _) => path.to_owned(),
                    (false, true) => key.clone(),
                    (false, false) => format!("{path}/{key}"),
                };
                secured(item, &inner, each);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Values, names, replaced, secure};
    use std::collections::BTreeSet;
    use wire::Value;

    #[test]
    fn references_are_found_and_replaced() {
        let text = Value::str("a {{resolve:ssm:/x/y:3}}-{{resolve:ssm:z}} {{resolve:ssm-secure:s:1}}");
        let mut found = BTreeSet::new();
        names(&text, &mut found).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["/x/y:3", "z"]);
        let values = Values::from([("/x/y:3".into(), "one".into()), ("z".into(), "two".into())]);
        let told = replaced(Value::List(vec![text]), &values);
        assert_eq!(told, Ok(Value::List(vec![Value::str("a one-two {{resolve:ssm-secure:s:1}}")])));
        assert_eq!(secure("{{resolve:ssm-secure:s:1}}"), Some("s:1"));
        assert_eq!(secure("x{{resolve:ssm-secure:s:1}}"), None);
    }

    #[test]
    fn references_that_are_none() {
        let rows = [
            (
                "{{resolve:ssm:x:}}",
                "Incorrect format is used in the following SSM reference: [{{resolve:ssm:x:}}]",
            ),
            ("{{resolve:ssm:x", "Incorrect format is used in the following SSM reference: [{{resolve:ssm:x]"),
            (
                "{{resolve:secretsmanager:x}}",
                "Template error: Secrets Manager is not built in this version of Virga: {{resolve:secretsmanager:x}}",
            ),
            (
                "{{resolve:ssm:other}}",
                "Template error: a dynamic reference that follows from the stack's own resources is not built in this version of Virga: ssm:other",
            ),
        ];
        for (text, message) in rows {
            let told = replaced(Value::str(text), &Values::new());
            assert_eq!(told.map_err(|wrong| wrong.0), Err(message.to_owned()), "{text}");
        }
    }
}
