//! Templates as text: YAML with CloudFormation's short forms, or JSON, read into one tree in the order of the text.
//!
//! AWS: YAML's aliases, anchors and merges are not supported, so that no short text stands for a long one.

use super::{DEPTH_MAX, Wrong, wrong};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use wire::Value;

/// Reads a template's text.
///
/// # Errors
/// What is not well-formed, with its line and column.
pub(crate) fn read(text: &str) -> Result<Value, Wrong> {
    let is_json = text.trim_start().starts_with('{');
    if is_json && let Some(value) = wire::json::read(text) {
        return Ok(value);
    }
    let language = if is_json { "JSON" } else { "YAML" };
    let mut builder = Builder { language, ..Builder::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| malformed(language, &error))?;
        builder.event(event, span.start.line())?;
    }
    Ok(builder.root.unwrap_or(Value::Null))
}

fn malformed(language: &str, error: &ScanError) -> Wrong {
    let at = error.marker();
    Wrong(format!(
        "Template format error: {language} not well-formed. (line {}, column {})",
        at.line(),
        at.col() + 1
    ))
}

/// What is open while the text is read: no recursion, whatever the text nests.
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Map(Vec<(String, Value)>, Option<String>),
}

#[derive(Default)]
struct Builder {
    language: &'static str,
    open: Vec<(Open, Option<String>)>,
    root: Option<Value>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), Wrong> {
        match event {
            Event::Alias(_) => {
                wrong("Template format error: YAML aliases are not allowed in CloudFormation templates")
            }
            Event::Scalar(text, style, _, tag) => {
                let is_key = matches!(self.open.last(), Some((Open::Map(_, None), _)));
                if is_key {
                    return self.key(text.into_owned());
                }
                let short = short_form(tag.as_deref())?;
                let core =
                    tag.as_deref().filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
                let value =
                    if short.is_some() { Value::Str(text.into_owned()) } else { scalar(&text, style, core) };
                self.close(value, short, line)
            }
            Event::SequenceStart(_, tag) => self.start(Open::List(Vec::new()), tag.as_deref(), line),
            Event::MappingStart(_, tag) => self.start(Open::Map(Vec::new(), None), tag.as_deref(), line),
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, short) = match self.open.pop() {
                    Some((Open::List(items), short)) => (Value::List(items), short),
                    Some((Open::Map(entries, _), short)) => (Value::Map(entries), short),
                    None => return self.unsupported(line),
                };
                self.close(value, short, line)
            }
            Event::DocumentStart(_) if self.root.is_some() => self.unsupported(line),
            _ => Ok(()),
        }
    }

    fn unsupported<T>(&self, line: usize) -> Result<T, Wrong> {
        wrong(format!("Template format error: {} not well-formed. (line {line})", self.language))
    }

    fn start(&mut self, open: Open, tag: Option<&Tag>, line: usize) -> Result<(), Wrong> {
        if self.open.len() >= DEPTH_MAX || matches!(self.open.last(), Some((Open::Map(_, None), _))) {
            return self.unsupported(line);
        }
        self.open.push((open, short_form(tag)?));
        Ok(())
    }

    fn key(&mut self, text: String) -> Result<(), Wrong> {
        if let Some((Open::Map(_, key), _)) = self.open.last_mut() {
            *key = Some(text);
        }
        Ok(())
    }

    /// A value is complete: it goes where it belongs.
    fn close(&mut self, value: Value, short: Option<String>, line: usize) -> Result<(), Wrong> {
        let value = match short {
            Some(name) => long_form(name, value),
            None => value,
        };
        match self.open.last_mut() {
            None if self.root.is_some() => return self.unsupported(line),
            None => self.root = Some(value),
            Some((Open::List(items), _)) => items.push(value),
            Some((Open::Map(entries, key), _)) => {
                let key = key.take().unwrap_or_default();
                match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some(entry) => entry.1 = value,
                    None => entries.push((key, value)),
                }
            }
        }
        Ok(())
    }
}

/// `!Ref` and its like; none for YAML's own tags.
fn short_form(tag: Option<&Tag>) -> Result<Option<String>, Wrong> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
            "str" | "int" | "float" | "bool" | "null" | "map" | "seq" => Ok(None),
            other => wrong(format!("Template format error: the YAML tag !!{other} is not supported")),
        },
        Some(tag) => match tag.suffix.as_str() {
            name @ ("Ref" | "Condition") => Ok(Some(name.to_owned())),
            name => Ok(Some(format!("Fn::{name}"))),
        },
        None => Ok(None),
    }
}

fn long_form(name: String, value: Value) -> Value {
    let value = match (name.as_str(), &value) {
        ("Fn::GetAtt", Value::Str(text)) => match text.split_once('.') {
            Some((resource, attribute)) => Value::List(vec![Value::str(resource), Value::str(attribute)]),
            None => value,
        },
        _ => value,
    };
    Value::Map(vec![(name, value)])
}

fn scalar(text: &str, style: ScalarStyle, core: Option<&str>) -> Value {
    if style != ScalarStyle::Plain || core == Some("str") {
        return Value::str(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        // AWS: these are what YAML 1.1 calls booleans, but for its single letters.
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let digits = text.trim_start_matches('-');
    // What begins with a zero is a name that looks like a number: an account, a version.
    let counts = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    if counts && let Ok(number) = text.parse::<i64>() {
        return Value::Int(number);
    }
    let decimal = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.contains('.');
    match text.parse::<f64>() {
        Ok(number) if decimal && number.is_finite() && number.to_string() == text => Value::Float(number),
        _ => Value::str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use wire::json;

    #[test]
    fn texts_and_their_trees() {
        let rows = [
            ("a: 1\nb: [x, 'y', 2.5, true, ~]", r#"{"a":1,"b":["x","y",2.5,true,null]}"#),
            ("a: !Ref B", r#"{"a":{"Ref":"B"}}"#),
            ("a: !GetAtt B.C.D", r#"{"a":{"Fn::GetAtt":["B","C.D"]}}"#),
            ("a: !GetAtt [B, C]", r#"{"a":{"Fn::GetAtt":["B","C"]}}"#),
            ("a: !Sub '${X}-1'", r#"{"a":{"Fn::Sub":"${X}-1"}}"#),
            ("a: !Join ['', [a, !Ref B]]", r#"{"a":{"Fn::Join":["",["a",{"Ref":"B"}]]}}"#),
            (
                "a: !If [C, !Ref A, !Ref 'AWS::NoValue']",
                r#"{"a":{"Fn::If":["C",{"Ref":"A"},{"Ref":"AWS::NoValue"}]}}"#,
            ),
            (
                "a: !And [!Condition X, !Equals [a, b]]",
                r#"{"a":{"Fn::And":[{"Condition":"X"},{"Fn::Equals":["a","b"]}]}}"#,
            ),
            ("a:\n  Fn::Base64: !Sub |\n    hi\n", r#"{"a":{"Fn::Base64":{"Fn::Sub":"hi\n"}}}"#),
            (
                "v: 2012-10-17\nn: 012345678901\nm: 1.10",
                r#"{"v":"2012-10-17","n":"012345678901","m":"1.10"}"#,
            ),
            ("a: 1\na: 2", r#"{"a":2}"#),
            ("a: [yes, No, ON, off, y, n, 'yes', oN]", r#"{"a":[true,false,true,false,"y","n","yes","oN"]}"#),
            ("a: !GetAZs\nb: [!GetAZs , c]", r#"{"a":{"Fn::GetAZs":""},"b":[{"Fn::GetAZs":""},"c"]}"#),
            ("yes: x", r#"{"yes":"x"}"#),
            ("80: x", r#"{"80":"x"}"#),
            (r#"{"b":1,"a":{"Ref":"X"}}"#, r#"{"b":1,"a":{"Ref":"X"}}"#),
            ("a: !!str 12", r#"{"a":"12"}"#),
        ];
        for (text, tree) in rows {
            assert_eq!(json::text(&read(text).unwrap()), tree, "{text}");
        }
    }

    #[test]
    fn texts_that_are_none() {
        let deep = "[".repeat(5000);
        let rows = [
            ("a: [1", "Template format error: YAML not well-formed. (line 2, column 1)"),
            ("{\"a\": [1}", "Template format error: JSON not well-formed. (line 1, column "),
            (
                "a: &x 1\nb: *x",
                "Template format error: YAML aliases are not allowed in CloudFormation templates",
            ),
            ("a: !!binary aGk=", "Template format error: the YAML tag !!binary is not supported"),
            ("a: 1\n---\nb: 2", "Template format error: YAML not well-formed. (line 2"),
            ("? [a]\n: b", "Template format error: YAML not well-formed."),
            (&deep, "Template format error: YAML not well-formed."),
        ];
        for (text, message) in rows {
            let error = read(text).unwrap_err().0;
            assert!(error.starts_with(message), "{}: {error}", &text[..text.len().min(20)]);
        }
    }
}
