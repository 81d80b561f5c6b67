//! What is there of a resource, in the words of its kind's properties: read by the public operations of its service, so
//! with the rights of whoever looks.
//!
//! A kind says which properties it sees. What it sees and finds nothing of is not there; what it does not see
//! (passwords, source code, keys that have many names) is not compared and not shown.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html#drift-considerations>

pub(super) mod alarm;
pub(super) mod beside;
pub(super) mod bucket;
pub(super) mod bus;
pub(super) mod ecr;
pub(super) mod fis;
pub(super) mod function;
pub(super) mod group;
pub(super) mod iam;
pub(super) mod iam_beside;
pub(super) mod join;
pub(super) mod kms;
pub(super) mod logs;
pub(super) mod machine;
pub(super) mod network;
pub(super) mod organizations;
pub(super) mod parameter;
pub(super) mod pipes;
pub(super) mod published;
pub(super) mod rule;
pub(super) mod scaling;
pub(super) mod scheduler;
pub(super) mod sns;
pub(super) mod sqs;
pub(super) mod stack_set;
pub(super) mod table;

use super::interface::filtered;
use super::on::{On, Pair, at, map, pairs, text_at};
use super::vpc::EC2;
use super::{Attributes, Done, Refusal};
use crate::cloudformation::model::open;
use crate::cloudformation::template::{get, text};
use crate::cloudformation::work::plan::known;
use wire::Value;

/// How the resources of a kind are looked at.
pub(crate) struct Look {
    /// The properties that are read.
    pub(crate) sees: &'static [&'static str],
    /// Places within them (`A.B`, items of lists not counted) that are not.
    pub(crate) blind: &'static [&'static str],
    /// Places where what the template does not say counts, too: documents, and maps of one's own keys.
    pub(crate) whole: &'static [&'static str],
    /// What [`On::physical`] is now.
    pub(crate) read: fn(&mut On<'_, '_>) -> Done<Seen>,
    /// By which properties or attributes one is imported, as AWS's schema has them; by none where it cannot be.
    pub(crate) identifiers: &'static [&'static str],
    /// The physical id of what these values of them identify.
    pub(crate) called: fn(&[String]) -> String,
}

/// What most looks have in common.
const PLAIN: Look = Look {
    sees: &[],
    blind: &[],
    whole: &[],
    read: |_| Ok(Seen::of(Vec::new(), Vec::new())),
    identifiers: &[],
    called: |values| values.join("|"),
};

impl Look {
    /// The physical id of what is there by the names that the template gives; `None` where there is no such thing, or
    /// where it gives none.
    pub(super) fn taken(&self, on: &mut On<'_, '_>) -> Done<Option<String>> {
        let given: Option<Vec<String>> = self.identifiers.iter().map(|name| on.text(name)).collect();
        let Some(values) = given else { return Ok(None) };
        self.is_there(on, &values)
    }

    /// The same, of what these identify.
    fn is_there(&self, on: &mut On<'_, '_>, values: &[String]) -> Done<Option<String>> {
        let physical = (self.called)(values);
        let names = self.identifiers.iter().zip(values);
        let known = Value::map(names.map(|(name, value)| (*name, Value::str(value))));
        let (wanted, before) = (on.wanted, on.before);
        let mut inner = on.beside(wanted, before, &physical, &known);
        let seen = (self.read)(&mut inner);
        match seen {
            Ok(_) => Ok(Some(physical)),
            Err(refusal) if refusal.gone => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// What is seen, each where the answer has it: under the property's own name, but for those that are listed with
    /// their paths.
    fn rows(&self, on: &On<'_, '_>, told: &Value, elsewhere: &[(&str, &str)]) -> Vec<(String, Value)> {
        let path = |name: &str| elsewhere.iter().find(|(own, _)| *own == name).map(|(_, path)| *path);
        let value = |name: &&str| match own(told, path(name).unwrap_or(name)) {
            all if *name == "Tags" => on.tags_as_written(&all),
            value => value,
        };
        self.sees.iter().map(|name| ((*name).to_owned(), value(name))).collect()
    }
}

/// What was seen of a resource.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Of properties that are not seen some may be among them.
    pub(crate) properties: Value,
    /// What `Fn::GetAtt` knows of it.
    pub(crate) attributes: Attributes,
}

impl Seen {
    fn of(properties: Vec<(String, Value)>, attributes: Attributes) -> Seen {
        let attributes = attributes.into_iter().filter(|(_, value)| *value != Value::Null).collect();
        Seen { properties: Value::Map(properties), attributes }
    }

    /// What it is called by a property, as far as that is seen.
    pub(crate) fn name(&self, property: &str) -> Option<String> {
        let own = || self.attributes.iter().find(|(name, _)| *name == property).map(|(_, value)| value);
        get(&self.properties, property).or_else(own).and_then(text)
    }
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.sees).finish()
    }
}

/// An answer as a template would write it: structures are maps of what they have.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Struct(members) => {
            let there = members.iter().filter(|(_, value)| !matches!(value, Value::Null));
            Value::Map(there.map(|(name, value)| (name.to_owned(), plain(value))).collect())
        }
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(plain).collect()),
        Value::Time(time) => Value::Str(time.iso8601_millis()),
        other => other.clone(),
    }
}

/// The value at a path; `Null` where there is none.
pub(super) fn own(value: &Value, path: &str) -> Value {
    at(value, path).cloned().unwrap_or(Value::Null)
}

pub(super) fn list(value: &Value, path: &str) -> Vec<Value> {
    match at(value, path) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

/// These members of a map, as far as it has them; `Null` of what is no map.
pub(super) fn picked(value: &Value, members: &[&str]) -> Value {
    let Value::Map(entries) = value else { return Value::Null };
    Value::Map(entries.iter().filter(|(name, _)| members.contains(&name.as_str())).cloned().collect())
}

/// The same of each item of a list.
pub(super) fn each_picked(value: &Value, path: &str, members: &[&str]) -> Value {
    Value::List(list(value, path).iter().map(|item| picked(item, members)).collect())
}

/// The same value under other names, in order: `(property, path)`.
pub(super) fn named(value: &Value, names: &[(&str, &str)]) -> Vec<(String, Value)> {
    names.iter().map(|(property, path)| ((*property).to_owned(), own(value, path))).collect()
}

/// A text that holds JSON, as what it says.
pub(super) fn parsed(value: &Value) -> Value {
    value.as_str().and_then(wire::json::read).unwrap_or_else(|| value.clone())
}

/// Tags as templates have them, whatever a service calls their parts; those that AWS itself sets are nobody's.
pub(super) fn tags(value: &Value) -> Value {
    let pair = |key: &str, value: String| map([("Key", Value::str(key)), ("Value", Value::Str(value))]);
    let all: Vec<Value> = match value {
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| pair(key, text(value).unwrap_or_default())).collect()
        }
        Value::List(items) => {
            let first = |item: &Value, names: [&str; 2]| {
                names.iter().find_map(|name| get(item, name).and_then(text)).unwrap_or_default()
            };
            let one =
                |item: &Value| pair(&first(item, ["Key", "TagKey"]), first(item, ["Value", "TagValue"]));
            items.iter().map(one).collect()
        }
        _ => Vec::new(),
    };
    Value::List(all.into_iter().filter(|tag| !text_at(tag, "Key").starts_with("aws:")).collect())
}

impl On<'_, '_> {
    /// What an operation answers.
    pub(super) fn ask(&mut self, service: &str, operation: &str, input: Value) -> Done<Value> {
        self.call(service, operation, input).map(|answer| plain(&answer))
    }

    /// The same; `Null` where its service says that there is no such thing.
    pub(super) fn ask_if_any(&mut self, service: &str, operation: &str, input: Value) -> Done<Value> {
        match self.ask(service, operation, input) {
            Err(refusal) if refusal.gone => Ok(Value::Null),
            other => other,
        }
    }

    /// Every item of a list that comes in pages: `path` leads to them, `token` to what the next page is asked with
    /// (the member of the answer, and that of the request).
    pub(super) fn ask_all(
        &mut self,
        (service, operation): (&str, &str),
        input: Vec<(&str, Value)>,
        path: &str,
        (told, asked): (&str, &str),
    ) -> Done<Vec<Value>> {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let mut input: Vec<(String, Value)> =
                input.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            input.extend(token.take().map(|token| (asked.to_owned(), token)));
            let answer = self.ask(service, operation, Value::Map(input))?;
            all.extend(list(&answer, path));
            token = get(&answer, told).filter(|token| **token != Value::Null).cloned();
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// The properties of the stack's other resources of a kind, with their physical ids: what they attach is theirs.
    /// AWS looks at the stack itself only, too.
    pub(super) fn attached(&self, kind: &str) -> Done<Vec<(String, Value)>> {
        let all = known(self.cx.tx, self.whole)?;
        let own = all.into_values().filter(|resource| resource.is_live() && resource.kind == kind);
        Ok(own.map(|other| (other.physical, open(self.cx.cloud(), &other.properties))).collect())
    }

    /// The tags that a service tells of: a list of pairs, or a map where the template has one.
    pub(super) fn tags_as_written(&self, told: &Value) -> Value {
        let all = tags(told);
        match self.prop("Tags") {
            Value::Map(_) => {
                let pair = |(key, value): Pair| (key, value.map_or(Value::Null, Value::Str));
                Value::Map(pairs(Some(&all)).into_iter().map(pair).collect())
            }
            _ => all,
        }
    }

    /// The first that an operation of EC2 describes by this filter; `gone` where there is none.
    pub(super) fn found(&mut self, operation: &str, noun: &str, filter: (&str, Value)) -> Done<Value> {
        let told = self.ask(EC2, operation, filtered([filter]))?;
        match own(&told, &format!("{noun}.0")) {
            Value::Null => Err(gone(self.physical)),
            found => Ok(found),
        }
    }

    /// What a resource is known by beside its physical id: an attribute, or a property that names it.
    pub(super) fn identity(&self, name: &str) -> String {
        match self.attribute(name) {
            known if known.is_empty() => get(self.wanted, name).and_then(text).unwrap_or_default(),
            known => known,
        }
    }

    /// The property as it is written, where what is there says the same in other words.
    pub(super) fn as_written(
        &self,
        property: &str,
        says: impl Fn(&Value) -> bool,
        otherwise: Value,
    ) -> Value {
        let wanted = self.prop(property);
        if says(&wanted) { wanted } else { otherwise }
    }
}

/// There is no such thing any more.
pub(super) fn gone(what: &str) -> Refusal {
    Refusal::gone(format!("{what} does not exist"))
}

#[cfg(test)]
mod tests {
    use super::{plain, tags};
    use wire::json::{read, text};
    use wire::{Struct, Value};

    #[test]
    fn answers_become_templates() {
        let inner: Struct = [("A", Value::Int(1)), ("B", Value::Null)].into_iter().collect();
        let value = Value::List(vec![Value::Struct(inner)]);
        assert_eq!(text(&plain(&value)), r#"[{"A":1}]"#);
        for told in [
            r#"{"a":"1","aws:x":"2"}"#,
            r#"[{"Key":"a","Value":"1"},{"Key":"aws:x","Value":"2"}]"#,
            r#"[{"TagKey":"a","TagValue":"1"}]"#,
        ] {
            assert_eq!(text(&tags(&read(told).unwrap())), r#"[{"Key":"a","Value":"1"}]"#, "{told}");
        }
    }
}
