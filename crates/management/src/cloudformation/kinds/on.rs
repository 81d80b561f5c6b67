//! [`On`]: what the hook of a kind sees: what is wanted, what was, and the operations of the services, which it calls
//! with the rights of whoever owns the stack's work.

use super::bind::bind;
use super::{Attributes, Done, Made};
use crate::cloudformation::errors::{CfnError, handler_code, is_gone, is_needed, is_soon};
use crate::cloudformation::model::{Job, RESOURCES, Resource, SERVICE, Stack, open, open_text, seal};
use crate::cloudformation::template::{alike, dynamic, get, text};
use crate::cloudformation::work::plan::known;
use crate::cloudformation::work::step::{Hook, merged};
use base::Region;
use kernel::{As, Cx, Failure, Whom};
use std::cell::OnceCell;
use std::sync::Arc;
use store::StoreError;
use wire::{Fault, Value};

/// One resource at work.
pub(crate) struct On<'a, 'c> {
    pub(crate) cx: &'a mut Cx<'c>,
    pub(crate) who: As,
    pub(crate) whole: &'a Stack,
    /// The work on it that is under way.
    pub(crate) job: &'a Job,
    /// The stack's name.
    pub(crate) stack: &'a str,
    pub(crate) logical: &'a str,
    pub(crate) wanted: &'a Value,
    pub(crate) before: &'a Value,
    /// Empty before it is made.
    pub(crate) physical: &'a str,
    pub(crate) known: &'a Value,
    /// A hook may say here what it is called by now.
    pub(crate) told: Option<String>,
    /// The first property that was read as what it is not: without it the hook has done something else than was wanted.
    pub(crate) misfit: OnceCell<Refusal>,
}

/// Why a resource did not become what it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    /// There is no such thing (any more).
    pub(crate) gone: bool,
    /// Something that is there still has need of it.
    pub(crate) needed: bool,
    /// It is too soon; the same may be asked later.
    pub(crate) soon: bool,
}

impl Refusal {
    pub(crate) fn of(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), gone: false, needed: false, soon: false }
    }

    pub(crate) fn gone(reason: impl Into<String>) -> Refusal {
        Refusal { gone: true, ..Refusal::of(reason) }
    }
}

/// What the store says is for the log.
impl From<CfnError> for Refusal {
    fn from(error: CfnError) -> Refusal {
        Refusal::of(Fault::from(error).message)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::of(Fault::from(Failure::from(error)).message)
    }
}

/// A map of those that have a value.
pub(in crate::cloudformation) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let there = entries.into_iter().filter(|(_, value)| !matches!(value, Value::Null));
    Value::Map(there.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The value at a path of members and places: `SecurityGroupRules.0.GroupId`.
pub(in crate::cloudformation) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Struct(members) => members.get(part),
        Value::Map(_) => get(value, part),
        Value::List(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The items of a list; none of what is no list.
pub(super) fn items(value: Value) -> Vec<Value> {
    match value {
        Value::List(items) => items,
        _ => Vec::new(),
    }
}

/// The text at a path; empty where there is none.
pub(super) fn text_at(value: &Value, path: &str) -> String {
    at(value, path).and_then(text).unwrap_or_default()
}

/// One text of each item of a list.
pub(super) fn texts_at(list: &Value, member: &str) -> Vec<String> {
    let Value::List(items) = list else { return Vec::new() };
    items.iter().filter_map(|item| get(item, member).and_then(text)).collect()
}

/// `Sqs`: how AWS names a service in a reason.
fn service_name(service: &str) -> String {
    let mut chars = service.chars();
    match (service, chars.next()) {
        ("dynamodb", _) => "DynamoDb".to_owned(),
        ("cloudwatch", _) => "CloudWatch".to_owned(),
        ("logs", _) => "CloudWatchLogs".to_owned(),
        (_, Some(first)) => first.to_uppercase().chain(chars).collect(),
        (_, None) => String::new(),
    }
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CHANCE_CHARS: usize = 12;

impl<'c> On<'_, 'c> {
    /// Another resource of the stack is looked at anew, as this one has changed what it tells of itself.
    pub(crate) fn renew(&mut self, kind: &str, physical: &str, ready: Hook<Option<Attributes>>) -> Done<()> {
        let all = known(self.cx.tx, self.whole)?;
        let is_it = |other: &Resource| other.is_live() && other.kind == kind && other.physical == physical;
        let Some(mut other) = all.into_values().find(is_it) else { return Ok(()) };
        let nothing = Value::Map(Vec::new());
        let fresh = ready(&mut self.beside(&nothing, &nothing, physical, &nothing))?;
        let cloud = Arc::clone(self.cx.cloud());
        let known = merged(open(&cloud, &other.attributes), fresh.unwrap_or_default());
        other.attributes = seal(&cloud, &known);
        RESOURCES.put(self.cx.tx, &other.key(self.whole), &other);
        Ok(())
    }

    /// The same of another thing than the resource: of what is wanted and was, what it is called and what is known of it.
    pub(super) fn beside<'b>(
        &'b mut self,
        wanted: &'b Value,
        before: &'b Value,
        physical: &'b str,
        known: &'b Value,
    ) -> On<'b, 'c> {
        On {
            cx: &mut *self.cx,
            who: self.who,
            whole: self.whole,
            job: self.job,
            stack: self.stack,
            logical: self.logical,
            wanted,
            before,
            physical,
            known,
            told: None,
            misfit: OnceCell::new(),
        }
    }
}

impl On<'_, '_> {
    /// Refuses what the maps at these places (a property, or what lies within it; a list is each of its items) say beside
    /// the members named for them: nothing is passed over.
    pub(super) fn only(&self, places: &[(&str, &[&str])]) -> Done<()> {
        places.iter().try_for_each(|(place, members)| {
            each(self.wanted, place, &mut |value| match value {
                Value::List(items) => items.iter().try_for_each(|item| only(item, members)),
                value => only(value, members),
            })
        })
    }

    /// Refuses what stands at these places and is no list, which whoever reads one would pass over.
    pub(super) fn listed(&self, places: &[&str]) -> Done<()> {
        places.iter().try_for_each(|place| {
            each(self.wanted, place, &mut |value| match value {
                Value::List(_) => Ok(()),
                other => Err(unfit("JSONArray", other)),
            })
        })
    }

    /// The wanted value of a property; `Null` where there is none.
    pub(super) fn prop(&self, name: &str) -> Value {
        get(self.wanted, name).cloned().unwrap_or(Value::Null)
    }

    pub(super) fn was(&self, name: &str) -> Value {
        get(self.before, name).cloned().unwrap_or(Value::Null)
    }

    pub(super) fn changed(&self, name: &str) -> bool {
        !alike(get(self.wanted, name), get(self.before, name))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = get(self.wanted, name)?;
        if matches!(value, Value::List(_) | Value::Map(_)) {
            self.misfits(name, "String", value);
        }
        text(value)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        let Some(value) = self.text(name) else { return false };
        let is = |wanted: &str| value.eq_ignore_ascii_case(wanted);
        if !is("true") && !is("false") {
            self.misfits(name, "Boolean", &Value::Str(value.clone()));
        }
        is("true")
    }

    fn misfits(&self, name: &str, wanted: &str, value: &Value) {
        // Only the first is told of.
        let _ = self.misfit.set(Refusal::of(format!(
            "Model validation failed (#/{name}: expected type: {wanted}, found: {})",
            form(value)
        )));
    }

    /// # Errors
    /// The first property that did not fit.
    pub(crate) fn fits(&self) -> Done<()> {
        self.misfit.get().cloned().map_or(Ok(()), Err)
    }

    /// A list of texts, and what it was.
    pub(super) fn lists(&self, name: &str) -> (Vec<String>, Vec<String>) {
        (texts(get(self.wanted, name)), texts(get(self.before, name)))
    }

    /// Of a list whose items have names: those whose name is no longer wanted, and those that are new or other than they were.
    pub(super) fn list_changes(&self, property: &str, naming: &str) -> (Vec<Value>, Vec<Value>) {
        let (mut wanted, mut was) = (items(self.prop(property)), items(self.was(property)));
        let before = was.clone();
        was.retain(|old| !wanted.iter().any(|item| text_at(item, naming) == text_at(old, naming)));
        wanted.retain(|item| !before.iter().any(|old| alike(Some(old), Some(item))));
        (was, wanted)
    }

    /// A property that is a document: as JSON text.
    pub(super) fn document(&self, name: &str) -> Value {
        document(&self.prop(name))
    }

    /// An attribute that was kept when the resource was made.
    pub(super) fn attribute(&self, name: &str) -> String {
        get(self.known, name).and_then(text).unwrap_or_default()
    }

    pub(super) fn physical(&self) -> Value {
        Value::str(self.physical)
    }

    pub(super) fn made(&self, physical: impl Into<String>, attributes: Attributes) -> Made {
        Made { physical: physical.into(), attributes }
    }

    /// It is what it was.
    pub(super) fn same(&self) -> Made {
        Made { physical: self.physical.to_owned(), attributes: Vec::new() }
    }

    pub(super) fn account(&self) -> &str {
        self.cx.account.as_str()
    }

    pub(super) fn region(&self) -> &'static str {
        self.cx.region.name()
    }

    /// An ARN where the stack is.
    pub(super) fn arn(&self, service: &str, resource: &str) -> Value {
        Value::Str(self.cx.arn(service, resource).to_string())
    }

    /// The name that the template gives, or one of stack, resource and chance.
    pub(super) fn name(&self, property: &str, max: usize) -> String {
        self.text(property).unwrap_or_else(|| self.generated(max))
    }

    /// `stack-resource-ABCDEFGHIJKL`, as long as may be.
    pub(super) fn generated(&self, max: usize) -> String {
        let chance = self.cx.rng().text(ALPHABET, CHANCE_CHARS);
        let room = max.saturating_sub(CHANCE_CHARS + 2);
        let (stack, own) = (self.stack, self.logical);
        let for_own = own.len().min(room.saturating_sub(stack.len()).max(room / 2));
        let for_stack = stack.len().min(room - for_own);
        format!("{}-{}-{chance}", &stack[..for_stack], &own[..for_own])
    }

    /// Calls an operation, with the rights that this work has.
    pub(in crate::cloudformation) fn call(
        &mut self,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Done<Value> {
        let bound = bound(service, operation, &input)?;
        self.cx.call(service, operation, bound, self.who).map_err(|fault| self.refusal(service, &fault))
    }

    /// The same in another region.
    pub(super) fn call_in(
        &mut self,
        region: Region,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Done<Value> {
        let bound = bound(service, operation, &input)?;
        let (cloud, job, who) = (Arc::clone(self.cx.cloud()), self.job, self.who);
        let token = job.sealed_token.as_ref().and_then(|sealed| open_text(&cloud, sealed));
        let whom = match &job.role {
            Some(arn) => Whom::Role { arn, account: job.account, source: None },
            None => Whom::Caller { access_key: &job.access_key, token: token.as_deref() },
        };
        let call = |cx: &mut Cx<'_>| cx.call(service, operation, bound, who);
        let done = cloud.act_for(self.cx.tx, SERVICE, whom, region, job.found(), call);
        done.and_then(|answer| answer).map_err(|fault| self.refusal(service, &fault))
    }

    pub(crate) fn refusal(&self, service: &str, fault: &Fault) -> Refusal {
        let (id, token) = (base::id::uuid(self.cx.rng()), base::id::uuid(self.cx.rng()));
        let (name, status, code) = (service_name(service), fault.status, handler_code(fault));
        Refusal {
            reason: format!(
                "Resource handler returned message: \"{} (Service: {name}, Status Code: {status}, Request ID: {id})\" (RequestToken: {token}, HandlerErrorCode: {code})",
                fault.message
            ),
            gone: is_gone(&fault.code),
            needed: is_needed(&fault.code),
            soon: is_soon(&fault.code),
        }
    }

    /// The value of a property that takes a reference to a secure string, and may be one.
    pub(super) fn revealed(&mut self, value: Value) -> Done<Value> {
        let Some(named) = value.as_str().and_then(dynamic::secure).map(str::to_owned) else {
            return Ok(value);
        };
        let names = Value::List(vec![Value::str(&named)]);
        let input = map([("Names", names), ("WithDecryption", Value::Bool(true))]);
        let answer = self.call("ssm", "GetParameters", input)?;
        match text_at(&answer, "Parameters.0.Type").as_str() {
            "SecureString" => Ok(Value::Str(text_at(&answer, "Parameters.0.Value"))),
            "" => Err(Refusal::of(format!("Parameters: [ssm-secure:{named}] cannot be found."))),
            _ => Err(Refusal::of(format!(
                "Parameters [{named}] referenced by template have types not supported by CloudFormation."
            ))),
        }
    }

    /// As [`On::call`]; what is not there any more needs no end.
    pub(super) fn end(&mut self, service: &str, operation: &str, input: Value) -> Done<()> {
        match self.call(service, operation, input) {
            Err(refusal) if refusal.gone => Ok(()),
            other => other.map(drop),
        }
    }

    /// The wanted tags, in a service's own words.
    pub(super) fn tags(&self, form: Form) -> Value {
        if let Some(Value::List(items)) = get(self.wanted, "Tags")
            && let Some(item) = items.iter().find(|item| get(item, "Key").and_then(text).is_none())
        {
            self.misfits("Tags", "{Key, Value}", item);
        }
        tags_as(pairs(get(self.wanted, "Tags")), form)
    }

    /// As EC2 takes them with a new resource.
    pub(super) fn tag_specification(&self, noun: &str) -> Value {
        match self.tags(KEYS) {
            Value::Null => Value::Null,
            tags => Value::List(vec![map([("ResourceType", Value::str(noun)), ("Tags", tags)])]),
        }
    }

    /// What tells of a resource which stack it is of, as a service writes tags.
    ///
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html>
    pub(super) fn marks(&self) -> Vec<Pair> {
        let tags = [
            ("logical-id", self.logical.to_owned()),
            ("stack-id", self.whole.arn()),
            ("stack-name", self.stack.to_owned()),
        ];
        tags.into_iter().map(|(name, value)| (format!("aws:cloudformation:{name}"), Some(value))).collect()
    }

    /// Says of a resource which stack it is of.
    pub(super) fn mark(&mut self, tagger: &Tagger, id: Value) -> Done<()> {
        let tags = tags_as(self.marks(), tagger.form);
        self.mark_by(tagger.service, tagger.tag, map([(tagger.id, tagger.ids(id)), (tagger.tags, tags)]))
    }

    /// The same by an operation that takes tags. They are CloudFormation's own: it sets them in its own name, as nobody
    /// else can.
    pub(super) fn mark_by(&mut self, service: &str, operation: &str, input: Value) -> Done<()> {
        let marking = As::Marking { name: SERVICE, account: self.whole.account };
        let who = std::mem::replace(&mut self.who, marking);
        let done = self.call(service, operation, input);
        self.who = who;
        done.map(drop)
    }

    /// Brings the tags of what is there to what is wanted.
    pub(super) fn retag(&mut self, tagger: &Tagger, id: Value) -> Done<()> {
        let (wanted, was) = (pairs(get(self.wanted, "Tags")), pairs(get(self.before, "Tags")));
        let dropped: Vec<String> = was
            .iter()
            .map(|(key, _)| key)
            .filter(|key| wanted.iter().all(|(own, _)| own != *key))
            .cloned()
            .collect();
        let fresh: Vec<_> = wanted.into_iter().filter(|pair| !was.contains(pair)).collect();
        let id = || tagger.ids(id.clone());
        if !dropped.is_empty() {
            let keys = match tagger.keys {
                "Tags" => tags_as(dropped.into_iter().map(|key| (key, None)).collect(), tagger.form),
                _ => Value::List(dropped.into_iter().map(Value::Str).collect()),
            };
            self.call(tagger.service, tagger.untag, map([(tagger.id, id()), (tagger.keys, keys)]))?;
        }
        if !fresh.is_empty() {
            let tags = tags_as(fresh, tagger.form);
            self.call(tagger.service, tagger.tag, map([(tagger.id, id()), (tagger.tags, tags)]))?;
        }
        Ok(())
    }
}

/// What an operation is asked, as its model has it.
pub(super) fn bound(service: &str, operation: &str, input: &Value) -> Done<Value> {
    let model = wire::catalog::service(service);
    let shape = model.and_then(|model| Some((model, model.operation(operation)?.input?)));
    match shape {
        Some((model, shape)) => bind(model, shape, operation, input).map_err(Refusal::of),
        None => Ok(Value::Struct(wire::Struct::new())),
    }
}

/// How a service writes tags: a list of pairs by these names, or a map.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Pairs(&'static str, &'static str),
    Map,
}

pub(super) const KEYS: Form = Form::Pairs("Key", "Value");

/// The operations by which a service tags.
pub(super) struct Tagger {
    pub(super) service: &'static str,
    pub(super) tag: &'static str,
    pub(super) untag: &'static str,
    /// The member that names the resource.
    pub(super) id: &'static str,
    pub(super) tags: &'static str,
    pub(super) keys: &'static str,
    pub(super) form: Form,
}

impl Tagger {
    /// Of services that take a map of tags by the ARN.
    pub(super) const fn by_arn(service: &'static str) -> Tagger {
        Tagger {
            service,
            tag: "TagResource",
            untag: "UntagResource",
            id: "resourceArn",
            tags: "tags",
            keys: "tagKeys",
            form: Form::Map,
        }
    }

    /// EC2 tags several at once.
    fn ids(&self, id: Value) -> Value {
        if self.id == "Resources" { Value::List(vec![id]) } else { id }
    }
}

pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::List(items)) => items.iter().filter_map(text).collect(),
        Some(other) => text(other).into_iter().collect(),
        None => Vec::new(),
    }
}

/// What stands at a path of members, in each item of the lists on its way.
fn each(value: &Value, path: &str, look: &mut dyn FnMut(&Value) -> Done<()>) -> Done<()> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (value, rest) {
        (Value::List(items), _) => items.iter().try_for_each(|item| each(item, path, look)),
        (value, None) => get(value, name).map_or(Ok(()), look),
        (value, Some(rest)) => get(value, name).map_or(Ok(()), |own| each(own, rest, look)),
    }
}

fn unfit(wanted: &str, value: &Value) -> Refusal {
    Refusal::of(format!("Properties validation failed: expected type: {wanted}, found: {}", form(value)))
}

/// What AWS calls the form of a value.
pub(super) fn form(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "JSONArray",
        Value::Map(_) => "JSONObject",
        Value::Bool(_) => "Boolean",
        Value::Int(_) | Value::Float(_) => "Number",
        _ => "String",
    }
}

/// Refuses what a map within a property says beside these: nothing is passed over.
pub(super) fn only(value: &Value, members: &[&str]) -> Done<()> {
    let entries = match value {
        Value::Map(entries) => entries,
        Value::Null => return Ok(()),
        other => return Err(unfit("JSONObject", other)),
    };
    match entries.iter().find(|(name, _)| !members.contains(&name.as_str())) {
        Some((stranger, _)) => Err(Refusal::of(format!("Encountered unsupported property {stranger}"))),
        None => Ok(()),
    }
}

/// JSON text of what is not yet text.
pub(super) fn document(value: &Value) -> Value {
    match value {
        Value::Null | Value::Str(_) => value.clone(),
        other => Value::Str(wire::json::text(other)),
    }
}

pub(super) type Pair = (String, Option<String>);

/// Tags as a template has them: most kinds a list of pairs, some a map.
pub(super) fn pairs(tags: Option<&Value>) -> Vec<Pair> {
    if let Some(Value::Map(entries)) = tags {
        return entries.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    }
    let Some(Value::List(items)) = tags else { return Vec::new() };
    let pair = |item: &Value| {
        Some((get(item, "Key").and_then(text)?, Some(get(item, "Value").and_then(text).unwrap_or_default())))
    };
    items.iter().filter_map(pair).collect()
}

pub(super) fn tags_as(pairs: Vec<Pair>, form: Form) -> Value {
    if pairs.is_empty() {
        return Value::Null;
    }
    let value = |value: Option<String>| value.map_or(Value::Null, Value::Str);
    match form {
        Form::Pairs(key, name) => Value::List(
            pairs.into_iter().map(|(k, v)| map([(key, Value::Str(k)), (name, value(v))])).collect(),
        ),
        Form::Map => {
            Value::Map(pairs.into_iter().map(|(k, v)| (k, Value::Str(v.unwrap_or_default()))).collect())
        }
    }
}
