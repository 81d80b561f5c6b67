//! Templates: read, checked and evaluated. Pure: no store, no clock, no service.
//!
//! [`yaml`] reads the text, [`Template::read`] finds the sections, [`check`] holds names and functions against each
//! other, [`parameter`] takes the values that a stack is given, [`graph`] finds an order, and [`evaluate`] gives
//! every function its value.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>

pub(crate) mod check;
mod cidr;
pub(crate) mod dynamic;
pub(crate) mod evaluate;
pub(crate) mod foreach;
mod form;
pub(crate) mod graph;
pub(crate) mod naming;
pub(crate) mod parameter;
pub(crate) mod policy;
pub(crate) mod reference;
pub(crate) mod rule;
pub(crate) mod sam;
mod section;
pub(crate) mod stack_output;
#[cfg(test)]
mod tests;
pub(crate) mod untransformed;
pub(crate) mod yaml;

pub(crate) use parameter::Parameter;
pub(crate) use rule::Rule;
pub(crate) use section::declared;
use wire::Value;

/// A text nests no deeper.
pub(crate) const DEPTH_MAX: usize = 100;
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub(crate) use section::OUTPUTS_MAX;
pub(crate) const BODY_BYTES_MAX: usize = 51_200;
pub(crate) const URL_BYTES_MAX: usize = 1 << 20;
pub(crate) const LANGUAGE_EXTENSIONS: &str = "AWS::LanguageExtensions";

/// What is wrong with a template, as AWS says it in a `ValidationError`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrong(pub(crate) String);

/// How what is said begins where nobody exports a name.
const NO_EXPORT: &str = "No export named ";

impl Wrong {
    /// A template imports what nobody exports.
    pub(crate) fn no_export(name: &str) -> Wrong {
        Wrong(format!("{NO_EXPORT}{name} found."))
    }
}

/// Whether it is this that is said to be wrong: it is told at other times than the rest.
pub(crate) fn is_no_export(why: &str) -> bool {
    why.starts_with(NO_EXPORT)
}

pub(crate) fn wrong<T>(message: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong(message.into()))
}

/// A template whose sections have the right form.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) description: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) metadata: Option<Value>,
    pub(crate) transforms: Vec<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) mappings: Vec<(String, Value)>,
    pub(crate) conditions: Vec<(String, Value)>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) outputs: Vec<Output>,
}

/// A resource as the template has it.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// A map, not yet evaluated.
    pub(crate) properties: Value,
    pub(crate) depends_on: Vec<String>,
    pub(crate) condition: Option<String>,
    /// What becomes of it when it leaves the stack.
    pub(crate) deletion: Keep,
    /// The template says so.
    pub(crate) deletion_is_said: bool,
    /// What becomes of the old one when it is replaced.
    pub(crate) replacement: Keep,
    /// Policies that a function tells, by the attribute: only `AWS::LanguageExtensions` knows them, once parameters have values.
    pub(crate) told: Vec<(&'static str, Value)>,
    /// What its creation waits for, not yet evaluated.
    pub(crate) creation: Option<Value>,
    /// How it is updated, not yet evaluated.
    pub(crate) update: Option<Value>,
    pub(crate) metadata: Option<Value>,
}

/// `DeletionPolicy` and `UpdateReplacePolicy`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Keep {
    #[default]
    Delete,
    Retain,
    RetainExceptOnCreate,
    /// It goes, and what was on it is in a snapshot.
    Snapshot,
}

impl Keep {
    /// Whether a resource goes that has this policy, as a record has it.
    pub(crate) fn ends(keep: u32) -> bool {
        keep == Keep::Delete as u32 || keep == Keep::Snapshot as u32
    }
}

impl Resource {
    /// A policy that a function told.
    ///
    /// # Errors
    /// In AWS's words, where that is none.
    pub(crate) fn keep(&mut self, attribute: &'static str, value: &Value) -> Result<(), Wrong> {
        let keep = section::keep(Some(value), &self.kind, &self.name, attribute)?;
        match attribute {
            section::DELETION => self.deletion = keep,
            _ => self.replacement = keep,
        }
        Ok(())
    }
}

/// What a stack tells of itself.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) description: Option<String>,
    pub(crate) export: Option<Value>,
    pub(crate) condition: Option<String>,
}

impl Template {
    /// Reads the text and its sections.
    ///
    /// # Errors
    /// The first thing that is wrong, in AWS's words.
    pub(crate) fn read(text: &str) -> Result<Template, Wrong> {
        Template::of(&yaml::read(text)?)
    }

    /// The sections of a text that was read.
    ///
    /// # Errors
    /// Those of [`Template::read`].
    pub(crate) fn of(root: &Value) -> Result<Template, Wrong> {
        section::template(root, true)
    }

    /// The same of one whose resources may all lie elsewhere.
    ///
    /// # Errors
    /// Those of [`Template::read`].
    pub(crate) fn of_part(root: &Value) -> Result<Template, Wrong> {
        section::template(root, false)
    }

    pub(crate) fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    pub(crate) fn extended(&self) -> bool {
        self.transforms.iter().any(|name| name == LANGUAGE_EXTENSIONS)
    }
}

/// Whether a template has the transform that knows more of the language.
pub(crate) fn extends(root: &Value) -> bool {
    declared(root).is_ok_and(|names| names.iter().any(|name| name == LANGUAGE_EXTENSIONS))
}

/// The value of a key of a map.
pub(crate) fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.entry(key)
}

/// A scalar as the text that stands for it.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => Some(wire::json::text(value)),
        _ => None,
    }
}

/// Whether two values say the same: `20` is `"20"`, and a map has no order.
pub(crate) fn alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(Value::List(these)), Some(Value::List(those))) => {
            these.len() == those.len() && these.iter().zip(those).all(|(a, b)| alike(Some(a), Some(b)))
        }
        (Some(map @ Value::Map(these)), Some(Value::Map(those))) => {
            let same = |(key, value): &(String, Value)| alike(get(map, key), Some(value));
            these.len() == those.len() && those.iter().all(same)
        }
        (Some(one), Some(other)) => match (text(one), text(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
        _ => false,
    }
}

/// `{"Ref": x}` or `{"Fn::Name": x}`.
pub(crate) fn function(value: &Value) -> Option<(&str, &Value)> {
    match value {
        Value::Map(entries) => match entries.as_slice() {
            [(name, argument)] if name == "Ref" || name.starts_with("Fn::") => Some((name, argument)),
            _ => None,
        },
        _ => None,
    }
}
