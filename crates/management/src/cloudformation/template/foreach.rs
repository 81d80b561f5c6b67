//! `Fn::ForEach`: a fragment stands once for each item of a collection. Pure.
//!
//! ```yaml
//! Resources:
//!   Fn::ForEach::Topics:
//!     - Name
//!     - [Success, Failure]
//!     - Topic${Name}: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref Name } }
//! ```
//!
//! Not here: collections that other functions than `Ref` and `Fn::FindInMap` make.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>

use super::untransformed::Untransformed;
use super::{LANGUAGE_EXTENSIONS, Wrong, extends, get, naming, text};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use wire::Value;

const LOOP: &str = "Fn::ForEach::";
/// AWS: the sections that may have loops.
const SECTIONS: [&str; 3] = ["Conditions", "Outputs", "Resources"];
/// Of loops within loops.
const DEPTH_MAX: usize = 5;
/// What comes out has fewer values: a template has at most a megabyte, which loops must not get around.
const VALUES_MAX: usize = 200_000;

fn wrong<T>(why: impl std::fmt::Display) -> Result<T, Wrong> {
    Err(Wrong(format!("Transform {LANGUAGE_EXTENSIONS} failed with: {why}")))
}

fn has_loop(value: &Value) -> bool {
    match value {
        Value::Map(entries) => entries.iter().any(|(name, item)| name.starts_with(LOOP) || has_loop(item)),
        Value::List(items) => items.iter().any(has_loop),
        _ => false,
    }
}

/// Whether a template has loops, and the transform that knows them.
pub(crate) fn applies(root: &Value) -> bool {
    let sections = || SECTIONS.iter().filter_map(|name| get(root, name));
    extends(root) && sections().any(has_loop)
}

/// What a loop's identifier stands for.
struct Bound<'a> {
    name: &'a str,
    value: String,
}

struct Expansion<'a> {
    root: &'a Value,
    /// The values of parameters; `None` where nobody knows them yet: loops over those that have none are left out.
    given: Option<&'a BTreeMap<String, String>>,
    loops: BTreeSet<String>,
    values: usize,
}

/// The template without its loops. `given`: the values of parameters, where they are known.
///
/// # Errors
/// The first loop that is none.
pub(crate) fn expand(root: &Value, given: Option<&BTreeMap<String, String>>) -> Result<Value, Wrong> {
    let Value::Map(sections) = root else { return Ok(root.clone()) };
    let mut expansion = Expansion { root, given, loops: BTreeSet::new(), values: 0 };
    let mut out = Vec::with_capacity(sections.len());
    for (name, section) in sections {
        let is_open = SECTIONS.contains(&name.as_str());
        let section = if is_open { expansion.value(section, &mut Vec::new())? } else { section.clone() };
        out.push((name.clone(), section));
    }
    let root = Value::Map(out);
    let resources = get(&root, "Resources");
    match expansion.loops.iter().find(|name| resources.is_some_and(|all| get(all, name).is_some())) {
        Some(name) => wrong(format_args!("the name of the loop {LOOP}{name} is that of a resource, too.")),
        None => Ok(root),
    }
}

impl<'a> Expansion<'a> {
    fn value(&mut self, value: &'a Value, bound: &mut Vec<Bound<'a>>) -> Result<Value, Wrong> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return wrong("the loops make more than a template may have.");
        }
        match value {
            Value::Str(said) => Ok(Value::Str(filled(said, bound))),
            Value::List(items) => {
                let items: Result<Vec<_>, Wrong> = items.iter().map(|item| self.value(item, bound)).collect();
                items.map(Value::List)
            }
            Value::Map(entries) => {
                if let [(name, Value::Str(of))] = entries.as_slice()
                    && name == "Ref"
                    && let Some(found) = bound.iter().rev().find(|bound| bound.name == of)
                {
                    return Ok(Value::str(&found.value));
                }
                let mut out = Out::default();
                for (name, item) in entries {
                    match name.strip_prefix(LOOP) {
                        Some(name) => self.repeat(name, item, bound, &mut out)?,
                        None => {
                            let item = self.value(item, bound)?;
                            out.put(filled(name, bound), item)?;
                        }
                    }
                }
                Ok(Value::Map(out.entries))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn repeat(
        &mut self,
        name: &str,
        said: &'a Value,
        bound: &mut Vec<Bound<'a>>,
        out: &mut Out,
    ) -> Result<(), Wrong> {
        let layout = || wrong(format_args!("Fn::ForEach layout is incorrect. Loop: {LOOP}{name}"));
        let Value::List(parts) = said else { return layout() };
        let [Value::Str(identifier), collection, Value::Map(fragment)] = parts.as_slice() else {
            return layout();
        };
        let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_name(name) || !is_name(identifier) || fragment.is_empty() {
            return layout();
        }
        if bound.len() == DEPTH_MAX {
            return wrong(format_args!("{LOOP}{name} is within more than {} loops.", DEPTH_MAX - 1));
        }
        // Within another a loop comes again and again.
        if !self.loops.insert(name.to_owned()) && bound.is_empty() {
            return wrong(format_args!("there is more than one loop {LOOP}{name}."));
        }
        let varies = |key: &str| {
            key.starts_with(LOOP)
                || ["${", "&{"].iter().any(|open| key.contains(&format!("{open}{identifier}}}")))
        };
        if let Some((key, _)) = fragment.iter().find(|(key, _)| !varies(key)) {
            return wrong(format_args!("the key {key} of {LOOP}{name} does not contain ${{{identifier}}}."));
        }
        let Some(items) = self.items(name, collection, bound)? else { return Ok(()) };
        for value in items {
            bound.push(Bound { name: identifier, value });
            for (key, item) in fragment {
                match key.strip_prefix(LOOP) {
                    Some(inner) => self.repeat(inner, item, bound, out)?,
                    None => {
                        let item = self.value(item, bound)?;
                        out.put(filled(key, bound), item)?;
                    }
                }
            }
            bound.pop();
        }
        Ok(())
    }

    /// The items of a collection; `None` where nobody knows them yet.
    fn items(
        &mut self,
        name: &str,
        collection: &'a Value,
        bound: &mut Vec<Bound<'a>>,
    ) -> Result<Option<Vec<String>>, Wrong> {
        let unknown =
            || wrong(format_args!("Fn::ForEach could not resolve the collection of the loop {LOOP}{name}."));
        let parts = match self.value(collection, bound)? {
            Value::List(parts) => parts,
            one => vec![one],
        };
        let is_whole = matches!(collection, Value::List(_));
        let nothing = BTreeMap::new();
        let world = Untransformed { root: self.root, given: self.given.unwrap_or(&nothing) };
        let mut items = Vec::new();
        for part in parts {
            let known = if is_whole { text(&part) } else { None };
            match known.map(Value::Str).or_else(|| naming::known(&part, &world)) {
                Some(Value::List(all)) => items.extend(all.iter().filter_map(text)),
                Some(one) if is_whole => items.extend(text(&one)),
                Some(one) => {
                    let all = text(&one).unwrap_or_default();
                    items.extend(all.split(',').map(|item| item.trim().to_owned()));
                }
                None if self.given.is_none() => return Ok(None),
                None => return unknown(),
            }
        }
        Ok(Some(items))
    }
}

/// A text with what identifiers stand for; by `&{…}` with its letters and digits only.
fn filled(said: &str, bound: &[Bound<'_>]) -> String {
    let mut out = said.to_owned();
    if bound.is_empty() || !said.contains('{') {
        return out;
    }
    for Bound { name, value } in bound.iter().rev() {
        out = out.replace(&format!("${{{name}}}"), value);
        let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
        out = out.replace(&format!("&{{{name}}}"), &plain);
    }
    out
}

/// A map that comes out.
#[derive(Default)]
struct Out {
    entries: Vec<(String, Value)>,
    keys: HashSet<String>,
}

impl Out {
    fn put(&mut self, key: String, item: Value) -> Result<(), Wrong> {
        if !self.keys.insert(key.clone()) {
            return wrong(format_args!("the key {key} is there more than once."));
        }
        self.entries.push((key, item));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{applies, expand};
    use crate::cloudformation::template::yaml;
    use std::collections::BTreeMap;

    const HEAD: &str = "
Transform: 'AWS::LanguageExtensions'
Parameters:
  Names: { Type: CommaDelimitedList }
  One: { Type: String, Default: first }
Mappings: { M: { first: { All: [a, b], One: c }, a: { Of: [x] }, b: { Of: [y, z] } } }
";

    fn expanded(text: &str) -> Result<String, String> {
        let root = yaml::read(&format!("{HEAD}{text}")).map_err(|wrong| wrong.0)?;
        assert!(applies(&root), "{text}");
        let given = BTreeMap::from([("Names".to_owned(), "a-1, b".to_owned())]);
        let out = expand(&root, Some(&given)).map_err(|wrong| wrong.0)?;
        let mut told = wire::json::text(&out);
        let start = told.find("\"Resources\":").unwrap();
        Ok(told.split_off(start))
    }

    #[test]
    fn fragments_stand_for_each_item() {
        let rows = [
            (
                "Resources: { 'Fn::ForEach::L': [X, [a, b], { 'T${X}': { Type: K, P: !Ref X, Q: !Sub '${X}-${AWS::Region}' } }] }",
                r#""Resources":{"Ta":{"Type":"K","P":"a","Q":{"Fn::Sub":"a-${AWS::Region}"}},"Tb":{"Type":"K","P":"b","Q":{"Fn::Sub":"b-${AWS::Region}"}}}}"#,
            ),
            (
                "Resources: { 'Fn::ForEach::L': [X, !Ref Names, { 'T&{X}': { Name: '${X}' } }] }",
                r#""Resources":{"Ta1":{"Name":"a-1"},"Tb":{"Name":"b"}}}"#,
            ),
            (
                "Resources: { 'Fn::ForEach::L': [X, [!Ref One, 2], { 'T${X}': { N: 1 } }] }",
                r#""Resources":{"Tfirst":{"N":1},"T2":{"N":1}}}"#,
            ),
            (
                "Resources: { 'Fn::ForEach::L': [X, [a, b], { 'Fn::ForEach::M': [Y, [c, d], { 'T${X}${Y}': { V: [!Ref X, !Ref Y] } }] }] }",
                r#""Resources":{"Tac":{"V":["a","c"]},"Tad":{"V":["a","d"]},"Tbc":{"V":["b","c"]},"Tbd":{"V":["b","d"]}}}"#,
            ),
            (
                "Resources: { A: { Type: K, Properties: { P: 1, 'Fn::ForEach::L': [X, [Q, R], { '${X}': !GetAtt 'B.${X}' }] } } }",
                r#""Resources":{"A":{"Type":"K","Properties":{"P":1,"Q":{"Fn::GetAtt":["B","Q"]},"R":{"Fn::GetAtt":["B","R"]}}}}}"#,
            ),
            (
                "Resources: { 'Fn::ForEach::L': [X, !FindInMap [M, !Ref One, All], { 'T${X}': { 'Fn::ForEach::P': [Y, !FindInMap [M, !Ref X, Of], { 'P${Y}': 1 }] } }] }",
                r#""Resources":{"Ta":{"Px":1},"Tb":{"Py":1,"Pz":1}}}"#,
            ),
            (
                "Resources: { 'Fn::ForEach::L': [X, [!FindInMap [M, first, One], !FindInMap [M, first, None, { DefaultValue: d }]], { 'T${X}': 1 }] }",
                r#""Resources":{"Tc":1,"Td":1}}"#,
            ),
            (
                "Resources: { A: 1 }\nOutputs: { 'Fn::ForEach::L': [X, [], { '${X}': 1 }] }",
                r#""Resources":{"A":1},"Outputs":{}}"#,
            ),
        ];
        for (text, wanted) in rows {
            assert_eq!(expanded(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn loops_that_are_none() {
        let fail = |why: &str| Err(format!("Transform AWS::LanguageExtensions failed with: {why}"));
        let rows = [
            ("{ 'Fn::ForEach::L': [X, [a]] }", "Fn::ForEach layout is incorrect. Loop: Fn::ForEach::L"),
            ("{ 'Fn::ForEach::L': [X, [a], {}] }", "Fn::ForEach layout is incorrect. Loop: Fn::ForEach::L"),
            (
                "{ 'Fn::ForEach::L': [X, [a], { T: 1 }] }",
                "the key T of Fn::ForEach::L does not contain ${X}.",
            ),
            ("{ 'Fn::ForEach::L': [X, [a, a], { 'T${X}': 1 }] }", "the key Ta is there more than once."),
            (
                "{ 'Fn::ForEach::L': [X, !Ref Other, { 'T${X}': 1 }] }",
                "Fn::ForEach could not resolve the collection of the loop Fn::ForEach::L.",
            ),
            (
                "{ 'Fn::ForEach::L': [X, !GetAZs '', { 'T${X}': 1 }] }",
                "Fn::ForEach could not resolve the collection of the loop Fn::ForEach::L.",
            ),
            (
                "{ L: 1, 'Fn::ForEach::L': [X, [a], { 'T${X}': 1 }] }",
                "the name of the loop Fn::ForEach::L is that of a resource, too.",
            ),
        ];
        for (text, why) in rows {
            assert_eq!(expanded(&format!("Resources: {text}")), fail(why), "{text}");
        }
        let mut deep = "{ '${A0}${A1}${A2}${A3}${A4}${A5}': 1 }".to_owned();
        for level in (0..6).rev() {
            deep = format!("{{ 'Fn::ForEach::L{level}': [A{level}, [x], {deep}] }}");
        }
        let why = "Fn::ForEach::L5 is within more than 4 loops.";
        assert_eq!(expanded(&format!("Resources: {deep}")), fail(why));
    }

    #[test]
    fn loops_within_loops_end() {
        let items = vec!["a"; 60].iter().enumerate().map(|(at, a)| format!("{a}{at}")).collect::<Vec<_>>();
        let items = items.join(", ");
        let inner = format!("{{ 'Fn::ForEach::N': [Z, [{items}], {{ '${{X}}${{Y}}${{Z}}': 1 }}] }}");
        let middle = format!("{{ 'Fn::ForEach::M': [Y, [{items}], {inner}] }}");
        let text = format!("Resources: {{ 'Fn::ForEach::L': [X, [{items}], {middle}] }}");
        let why =
            "Transform AWS::LanguageExtensions failed with: the loops make more than a template may have.";
        assert_eq!(expanded(&text), Err(why.to_owned()));
    }

    #[test]
    fn what_nobody_knows_yet_is_left_out() {
        let text =
            format!("{HEAD}Resources: {{ A: 1, 'Fn::ForEach::L': [X, !Ref Names, {{ 'T${{X}}': 1 }}] }}");
        let out = expand(&yaml::read(&text).unwrap(), None).unwrap();
        assert!(wire::json::text(&out).ends_with(r#""Resources":{"A":1}}"#));
        let plain = text.replace("Transform: 'AWS::LanguageExtensions'", "");
        assert!(!applies(&yaml::read(&plain).unwrap()));
    }
}
