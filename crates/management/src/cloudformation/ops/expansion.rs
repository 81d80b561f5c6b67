//! What a template becomes before it is read: snippets of `AWS::Include` stand where they were asked for, fragments of loops
//! once for each item, serverless resources become what they stand for, and macros say what else there is.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html> and
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html>

use super::inquiry::{self, Looked};
use super::macros::Macros;
use super::source::text_of as text_of_object;
use super::{called, lookup};
use crate::cloudformation::errors::CfnError;
use crate::cloudformation::macros::{self, Question};
use crate::cloudformation::template::check::{Kinds, check};
use crate::cloudformation::template::sam::SERVERLESS;
use crate::cloudformation::template::untransformed::Untransformed;
use crate::cloudformation::template::{
    LANGUAGE_EXTENSIONS, Parameter, Template, URL_BYTES_MAX, Wrong, declared, foreach, get, naming, sam,
    text as text_of, yaml,
};
use kernel::Cx;
use std::collections::BTreeMap;
use wire::Value;

const INCLUDE: &str = "AWS::Include";
const TRANSFORM: &str = "Fn::Transform";

/// With what a template is expanded.
pub(super) struct Means<'m> {
    /// In whose stead snippets are read; the caller's own, where there is none.
    pub(super) role: Option<&'m str>,
    /// The values of parameters.
    pub(super) given: &'m BTreeMap<String, String>,
    /// Who asks macros; `None` in a call from within, which finds what has been asked for it.
    pub(super) macros: Option<&'m Macros>,
    /// What is found there, for whoever wants to know.
    pub(super) looked: Option<&'m Looked>,
    /// The caller has said that macros may make anything, or will look at it first.
    pub(super) allowed: bool,
}

/// The template without its transforms; `None` where it has none.
///
/// AWS: those within are applied first, the deepest before what is around them, and then those of the whole template,
/// one after the other.
///
/// # Errors
/// What a transform refuses, and what S3 does.
pub(super) fn expanded(cx: &mut Cx<'_>, text: &str, means: &Means<'_>) -> Result<Option<String>, CfnError> {
    let root = yaml::read(text)?;
    let listed = listed(&root);
    let extends = |one: &Value| name_of(one).as_deref() == Some(LANGUAGE_EXTENSIONS);
    if listed.iter().all(extends) && !extended(&root) && !asks(&root) {
        return Ok(None);
    }
    declared(&root)?;
    let rest = without(&root, "Transform");
    let mut expansion = Expansion { cx, means, root: &root, values: None };
    let mut out = expansion.within(&rest)?;
    for transform in &listed {
        out = expansion.applied(transform, out, true)?;
    }
    let Value::Map(mut sections) = out else { return Err(failed("The template is no map.")) };
    if listed.iter().any(extends) {
        sections.insert(0, ("Transform".to_owned(), Value::str(LANGUAGE_EXTENSIONS)));
    }
    let text = wire::json::text(&Value::Map(sections));
    match text.len() > URL_BYTES_MAX {
        true => Err(CfnError::Transform(format!("Template may not exceed {URL_BYTES_MAX} bytes in size."))),
        false => Ok(Some(text)),
    }
}

struct Expansion<'e, 'c> {
    cx: &'e mut Cx<'c>,
    means: &'e Means<'e>,
    /// As it was.
    root: &'e Value,
    /// The parameters as macros see them, once one asks.
    values: Option<Value>,
}

impl Expansion<'_, '_> {
    /// A value whose transforms, and those within, have been applied.
    fn within(&mut self, value: &Value) -> Result<Value, CfnError> {
        match value {
            Value::List(items) => {
                items.iter().map(|item| self.within(item)).collect::<Result<_, _>>().map(Value::List)
            }
            Value::Map(entries) => {
                let (mut out, mut own) = (Vec::with_capacity(entries.len()), Vec::new());
                for (name, item) in entries {
                    match (name.as_str(), item) {
                        (TRANSFORM, Value::List(all)) => own.extend(all),
                        (TRANSFORM, one) => own.push(one),
                        _ => out.push((name.clone(), self.within(item)?)),
                    }
                }
                own.into_iter().try_fold(Value::Map(out), |value, one| self.applied(one, value, false))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    /// What a transform makes of what stands beside it. `whole`: that is the template.
    fn applied(&mut self, transform: &Value, value: Value, whole: bool) -> Result<Value, CfnError> {
        let transformed = |done: Result<Value, Wrong>| done.map_err(|wrong| CfnError::Transform(wrong.0));
        let name = name_of(transform).unwrap_or_default();
        match name.as_str() {
            INCLUDE => {
                let snippet =
                    self.snippet(get(transform, "Parameters").and_then(|own| get(own, "Location")))?;
                Ok(merged(value, snippet))
            }
            LANGUAGE_EXTENSIONS if whole => {
                let expanded = transformed(foreach::expand(&value, Some(self.means.given)))?;
                Ok(naming::named(&expanded, &Untransformed { root: self.root, given: self.means.given }))
            }
            SERVERLESS if whole => transformed(sam::transform(&value, self.means.given)),
            _ => self.said(&name, get(transform, "Parameters"), value, whole),
        }
    }

    /// What a macro says.
    fn said(
        &mut self,
        name: &str,
        parameters: Option<&Value>,
        fragment: Value,
        whole: bool,
    ) -> Result<Value, CfnError> {
        let own = macros::find(self.cx.tx, self.cx.account, self.cx.region, name)?;
        let own = own.ok_or_else(|| unknown(self.cx, name))?;
        if !self.means.allowed {
            return Err(CfnError::Capabilities("CAPABILITY_AUTO_EXPAND".into()));
        }
        let name = macros::full(self.cx.account, name);
        let params = match parameters {
            Some(params) if whole => self.resolved(&name, params)?,
            Some(params) => params.clone(),
            None => Value::Map(Vec::new()),
        };
        let values = self.values()?;
        let question = Question { function: own.function, fragment, params, values, name: name.clone() };
        let said = match (self.means.macros, self.means.looked) {
            (Some(asked), _) => asked.said(question)?,
            (None, Some(looked)) => inquiry::said(self.cx, question, looked)?,
            (None, None) => inquiry::said(self.cx, question, &Looked::default())?,
        };
        match said {
            Value::Map(_) => Ok(said),
            _ if whole => {
                Err(CfnError::Transform(format!("Received malformed response from transform {name}")))
            }
            said => Ok(said),
        }
    }

    /// The parameters of a transform of the whole template, which may refer to the template's own.
    fn resolved(&self, name: &str, params: &Value) -> Result<Value, CfnError> {
        let Value::Map(entries) = params else { return Ok(params.clone()) };
        let world = Untransformed { root: self.root, given: self.means.given };
        let one = |(key, value): &(String, Value)| {
            let resolved = match value {
                Value::List(items) if items.iter().all(|item| text_of(item).is_some()) => Some(value.clone()),
                scalar if text_of(scalar).is_some() => Some(value.clone()),
                other => world.resolved(other).map(Value::Str),
            };
            let why = || {
                CfnError::Transform(format!(
                    "The value of parameter {key} under transform {name} must resolve to a string, number, boolean or a list of any of these."
                ))
            };
            Ok((key.clone(), resolved.ok_or_else(why)?))
        };
        entries.iter().map(one).collect::<Result<_, _>>().map(Value::Map)
    }

    /// The values of the template's parameters, which are looked up once.
    fn values(&mut self) -> Result<Value, CfnError> {
        if let Some(values) = &self.values {
            return Ok(values.clone());
        }
        let section = get(self.root, "Parameters").cloned().unwrap_or_else(|| Value::Map(Vec::new()));
        let part = Template::of_part(&Value::Map(vec![("Parameters".to_owned(), section)]))?;
        let told = part.parameters.iter().filter_map(|own| {
            let value = self.means.given.get(&own.name).or(own.default.as_ref())?;
            Some((own.name.clone(), value.clone()))
        });
        let mut told: BTreeMap<String, String> = told.collect();
        told.extend(lookup::parameters(self.cx, self.means.role, &part, &told)?);
        let value = |own: &Parameter| Some((own.name.clone(), own.value(told.get(&own.name)?)));
        let values = Value::Map(part.parameters.iter().filter_map(value).collect());
        self.values = Some(values.clone());
        Ok(values)
    }

    /// What lies at a place: pairs of keys and values.
    fn snippet(&mut self, location: Option<&Value>) -> Result<Vec<(String, Value)>, CfnError> {
        let world = Untransformed { root: self.root, given: self.means.given };
        let url = location.and_then(|location| world.resolved(location)).unwrap_or_default();
        let place = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let Some((bucket, key)) = place else {
            return Err(failed("The location parameter is not a valid S3 uri."));
        };
        let input = [("Bucket", Value::str(bucket)), ("Key", Value::str(key))].into_iter().collect();
        let answer = called(self.cx, self.means.role, ("s3", "GetObject"), input);
        let answer = answer.map_err(|fault| failed(&fault.message))?;
        let text = text_of_object(&answer).ok_or_else(|| failed("The included content is not text."))?;
        match yaml::read(&text)? {
            Value::Map(entries) => Ok(entries),
            _ => Err(failed("The specified S3 object's content should be valid Yaml/JSON")),
        }
    }
}

/// Whether something of a template is as only `AWS::LanguageExtensions` knows it, and not its functions alone.
fn extended(root: &Value) -> bool {
    foreach::applies(root) || naming::applies(root)
}

fn failed(why: &str) -> CfnError {
    CfnError::Transform(format!("Transform {INCLUDE} failed with: {why}"))
}

fn unknown(cx: &Cx<'_>, name: &str) -> CfnError {
    let name = if name.starts_with("AWS::") { name.to_owned() } else { macros::full(cx.account, name) };
    CfnError::Transform(format!("No transform named {name} found."))
}

/// The transforms of the whole template, in their order.
fn listed(root: &Value) -> Vec<Value> {
    match get(root, "Transform") {
        None => Vec::new(),
        Some(Value::List(all)) => all.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// A name, or `{"Name": …, "Parameters": …}`.
fn name_of(transform: &Value) -> Option<String> {
    match transform {
        Value::Map(_) => get(transform, "Name").and_then(text_of),
        one => text_of(one),
    }
}

/// Whether CloudFormation itself knows a transform of the whole template.
fn is_own(name: &str) -> bool {
    [INCLUDE, LANGUAGE_EXTENSIONS, SERVERLESS].contains(&name)
}

fn without(root: &Value, section: &str) -> Value {
    let Value::Map(sections) = root else { return root.clone() };
    Value::Map(sections.iter().filter(|(name, _)| name != section).cloned().collect())
}

/// A snippet beside what is there: a section of both has what both have.
fn merged(value: Value, snippet: Vec<(String, Value)>) -> Value {
    let Value::Map(mut out) = value else { return value };
    for (name, body) in snippet {
        match (out.iter_mut().find(|(own, _)| *own == name), body) {
            (Some((_, Value::Map(own))), Value::Map(more)) => own.extend(more),
            (Some(entry), body) => entry.1 = body,
            (None, body) => out.push((name, body)),
        }
    }
    Value::Map(out)
}

/// A template for those who only look at it, with the transforms that it declares. Nothing is fetched for them and no
/// macro is asked: what they would make is not there, and names may be theirs.
///
/// # Errors
/// What is wrong with it, and what a transform refuses.
pub(super) fn looked_at(cx: &Cx<'_>, text: &str, kinds: &dyn Kinds) -> Result<Template, CfnError> {
    let root = yaml::read(text)?;
    let transforms = transforms(&root)?;
    for name in transforms.iter().filter(|name| !is_own(name)) {
        if macros::find(cx.tx, cx.account, cx.region, name)?.is_none() {
            return Err(unknown(cx, name));
        }
    }
    let is_looped = extended(&root);
    let foreign = |name: &String| name == INCLUDE || !is_own(name);
    let is_partial = asks(&root) || declared(&root)?.iter().any(foreign);
    let (serves, extends) = (sam::applies(&root), transforms.iter().any(|name| name == LANGUAGE_EXTENSIONS));
    let mut root = without(&root, "Transform");
    if is_looped {
        let expanded = foreach::expand(&root, None)?;
        root = naming::named(&expanded, &Untransformed { root: &root, given: &BTreeMap::new() });
    }
    if is_partial {
        root = typed(without_snippets(&root).unwrap_or(Value::Map(Vec::new())));
    }
    if serves {
        root = sam::transform(&root, &BTreeMap::new())?;
    }
    if let Value::Map(sections) = &mut root
        && extends
    {
        sections.push(("Transform".to_owned(), Value::str(LANGUAGE_EXTENSIONS)));
    }
    let whole = !is_looped && !is_partial;
    let template = if whole { Template::of(&root)? } else { Template::of_part(&root)? };
    if whole {
        check(&template, kinds)?;
    }
    Ok(Template { transforms, ..template })
}

/// The transforms that a template names, at its top and within.
///
/// # Errors
/// What is no name.
pub(super) fn transforms(root: &Value) -> Result<Vec<String>, Wrong> {
    fn within(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Map(entries) => {
                for (name, item) in entries {
                    let all =
                        if let Value::List(all) = item { all.as_slice() } else { std::slice::from_ref(item) };
                    for one in all.iter().filter(|_| name == TRANSFORM).filter_map(name_of) {
                        if !names.contains(&one) {
                            names.push(one);
                        }
                    }
                    within(item, names);
                }
            }
            Value::List(items) => items.iter().for_each(|item| within(item, names)),
            _ => {}
        }
    }
    let mut names = declared(root)?;
    within(root, &mut names);
    Ok(names)
}

/// A value without the snippets that it asks for; `None` where there is nothing else.
fn without_snippets(value: &Value) -> Option<Value> {
    match value {
        Value::List(items) => Some(Value::List(items.iter().filter_map(without_snippets).collect())),
        Value::Map(entries) => {
            let rest = entries.iter().filter(|(name, _)| name != TRANSFORM);
            let rest: Vec<_> =
                rest.filter_map(|(name, item)| Some((name.clone(), without_snippets(item)?))).collect();
            (entries.is_empty() || !rest.is_empty()).then_some(Value::Map(rest))
        }
        scalar => Some(scalar.clone()),
    }
}

/// The template without the resources whose kind is not told here.
fn typed(mut root: Value) -> Value {
    if let Value::Map(sections) = &mut root {
        for (name, section) in sections {
            if let Value::Map(resources) = section
                && name == "Resources"
            {
                resources.retain(|(_, resource)| get(resource, "Type").is_some());
            }
        }
    }
    root
}

/// Whether something within asks for a transform.
fn asks(value: &Value) -> bool {
    match value {
        Value::Map(entries) => entries.iter().any(|(name, item)| name == TRANSFORM || asks(item)),
        Value::List(items) => items.iter().any(asks),
        _ => false,
    }
}
