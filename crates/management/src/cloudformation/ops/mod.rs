//! The operations, one file a noun, and what they share: how stacks are found, and how templates are taken.

mod account_facts;
pub(super) mod change_set;
mod change_set_nested;
pub(super) mod describe;
pub(super) mod drift;
pub(super) mod event;
mod expansion;
pub(super) mod export;
pub(super) mod hold;
mod import;
pub(crate) mod inquiry;
pub(super) mod limit;
mod lookup;
mod macros;
pub(super) mod organizations_access;
pub(super) mod policy;
pub(super) mod resource;
pub(super) mod signal;
pub(super) mod source;
pub(super) mod stack;
pub(super) mod stack_instance;
pub(super) mod stack_set;
pub(super) mod stack_set_drift;
pub(super) mod stack_set_operation;
pub(super) mod template;

use super::change_set::outdate;
use super::errors::{CfnError, invalid};
use super::kinds::{Table, kind};
use super::macros::INQUIRIES;
use super::model::{BODIES, Body, JOBS, Job, NAMES, NOW, SERVICE, STACKS, Stack, seal, seal_text};
use super::operation;
use super::template::check::{check, made};
use super::template::parameter::{Given, resolve};
use super::template::{Template, get};
use super::work::plan::Plan;
use base::Arn;
use kernel::{As, Cx, Whom};
use macros::Macros;
use std::collections::{BTreeMap, BTreeSet};
use store::Key;
use wire::{Fault, Struct, Value};

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Parameter {
        key: Option<String> = "ParameterKey",
        value: Option<String> = "ParameterValue",
        previous: Option<bool> = "UsePreviousValue",
    }

    /// As it is shown.
    #[derive(Clone, Debug)]
    pub(crate) struct ParameterView {
        key: String = "ParameterKey",
        value: String = "ParameterValue",
        resolved: Option<String> = "ResolvedValue",
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Tag {
        key: String = "Key",
        value: String = "Value",
    }
}

/// A stack by its id, deleted or not.
pub(crate) fn live(cx: &Cx<'_>, id: &str) -> Result<Option<Stack>, CfnError> {
    Ok(STACKS.get(cx.tx, &Key::regional(cx.account, cx.region).str(id))?)
}

/// A stack by its name, or, deleted or not, by its ARN.
pub(crate) fn find(cx: &Cx<'_>, named: &str) -> Result<Option<Stack>, CfnError> {
    if Arn::parse(named).is_some() {
        let found = Stack::key_of_arn(named).map(|key| STACKS.get(cx.tx, &key)).transpose()?.flatten();
        let is_here = |stack: &Stack| (stack.account, stack.region) == (cx.account, cx.region);
        return Ok(found.filter(|stack| is_here(stack) && stack.arn() == named));
    }
    match NAMES.get(cx.tx, &Key::regional(cx.account, cx.region).str(named))? {
        Some(link) => live(cx, &link.stack),
        None => Ok(None),
    }
}

pub(super) fn existing(cx: &Cx<'_>, named: &str) -> Result<Stack, CfnError> {
    find(cx, named)?.ok_or_else(|| invalid(format!("Stack with id {named} does not exist")))
}

/// As [`existing`], in the words of operations that change it.
pub(super) fn changeable(cx: &Cx<'_>, named: &str) -> Result<Stack, CfnError> {
    let found = find(cx, named)?.filter(|stack| !stack.is_deleted());
    found.ok_or_else(|| invalid(format!("Stack [{named}] does not exist")))
}

pub(super) fn given(parameters: Vec<Parameter>) -> Vec<Given> {
    let one = |p: Parameter| Given {
        name: p.key.unwrap_or_default(),
        value: p.value,
        previous: p.previous.unwrap_or(false),
    };
    parameters.into_iter().map(one).collect()
}

pub(super) fn tags(tags: Vec<Tag>) -> Result<Vec<(String, String)>, CfnError> {
    let pairs: Vec<(String, String)> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    base::tag::checked(pairs.clone()).map_err(|error| {
        use base::tag::TagError;
        invalid(match error {
            TagError::ReservedPrefix(key) => {
                format!("Tag keys starting with 'aws:' are reserved for system use: {key}")
            }
            TagError::Duplicate(key) => format!("Duplicate tag key: {key}"),
            TagError::TooMany(_) => "Tags cannot contain more than 50 tags".to_owned(),
            other => format!("Invalid tags: {other:?}"),
        })
    })?;
    Ok(pairs)
}

/// Parameters with what Parameter Store said of them.
pub(super) fn views(
    parameters: Vec<(String, String)>,
    resolved: &[(String, String)],
) -> Option<Vec<ParameterView>> {
    let value = |key: &str| resolved.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    let view = |(key, value_given): (String, String)| ParameterView {
        resolved: value(&key),
        key,
        value: value_given,
    };
    (!parameters.is_empty()).then(|| parameters.into_iter().map(view).collect())
}

/// A template that is taken for a stack.
pub(super) struct Taken {
    pub(super) plan: Plan,
    pub(super) body: Body,
}

/// Reads and checks a template.
fn read(text: &str) -> Result<Template, CfnError> {
    let template = Template::read(text)?;
    check(&template, &Table)?;
    Ok(template)
}

/// Calls an operation in the stead of a role, or of the caller.
fn called(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    (service, operation): (&str, &str),
    input: Struct,
) -> Result<Value, Fault> {
    let input = Value::Struct(input);
    let Some(arn) = role else { return cx.call(service, operation, input, As::CallerVia(SERVICE)) };
    let cloud = std::sync::Arc::clone(cx.cloud());
    let (whom, region) = (Whom::Role { arn, account: cx.account, source: None }, cx.region);
    let answer = cloud
        .act_for(cx.tx, SERVICE, whom, region, None, |cx| cx.call(service, operation, input, As::Caller));
    answer.and_then(|answer| answer)
}

/// Whether CloudFormation may become the role that a stack is to be made by.
fn assumable(cx: &mut Cx<'_>, role: Option<&str>) -> Result<(), CfnError> {
    let Some(arn) = role else { return Ok(()) };
    if Arn::parse(arn).is_none() {
        return Err(invalid(format!("{arn} is not a valid RoleARN")));
    }
    let cloud = std::sync::Arc::clone(cx.cloud());
    let (whom, region) = (Whom::Role { arn, account: cx.account, source: None }, cx.region);
    let assumed = cloud.act_for(cx.tx, SERVICE, whom, region, None, |_| ());
    assumed.map_err(|_| invalid(format!("Role {arn} is invalid or cannot be assumed")))
}

/// What a request brings for a stack.
pub(super) struct Offer<'o> {
    /// In whose stead the stack is made; the caller's own, where there is none.
    pub(super) role: Option<&'o str>,
    pub(super) text: String,
    pub(super) given: Vec<Given>,
    /// The values that parameters have had.
    pub(super) before: &'o BTreeMap<String, String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) capabilities: &'o [String],
    /// The kinds of resources that may be made; all, where none is named.
    pub(super) kinds: &'o [String],
    /// It is for a change set.
    pub(super) reviewed: bool,
    /// Who asks macros; `None` in a call that a service makes.
    pub(super) macros: Option<&'o Macros>,
}

/// The values that parameters are given, before a template says what it makes of them.
/// What of the stack is known then stands beside them.
fn values(stack: &Stack, given: &[Given], before: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let pseudo = [
        ("AWS::AccountId", stack.account.to_string()),
        ("AWS::Partition", "aws".to_owned()),
        ("AWS::Region", stack.region.name().to_owned()),
        ("AWS::StackName", stack.name.clone()),
        ("AWS::URLSuffix", "amazonaws.com".to_owned()),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value));
    let value = |one: &Given| {
        let value = if one.previous { before.get(&one.name).cloned() } else { one.value.clone() };
        Some((one.name.clone(), value?))
    };
    given.iter().filter_map(value).chain(pseudo).collect()
}

/// A template with its parameters, for a stack that is there or is to be.
pub(super) fn take(cx: &mut Cx<'_>, stack: &Stack, offer: Offer<'_>) -> Result<Taken, CfnError> {
    let Offer { role, text, given, before, tags, capabilities, kinds, reviewed, macros } = offer;
    assumable(cx, role)?;
    let allowed = reviewed || capabilities.iter().any(|own| own == "CAPABILITY_AUTO_EXPAND");
    let looked = inquiry::Looked::default();
    let means = expansion::Means {
        role,
        given: &values(stack, &given, before),
        macros,
        looked: Some(&looked),
        allowed,
    };
    let processed = expansion::expanded(cx, &text, &means)?;
    // Who comes again asks again.
    looked.used.take().iter().for_each(|key| INQUIRIES.delete(cx.tx, key));
    let template = read(processed.as_deref().unwrap_or(&text))?;
    check_asked_for(&template, kinds)?;
    let parameters = resolve(&template, &given, before)?;
    let mut needed = capabilities_of(&template);
    if processed.is_some() && !needed.contains(&"CAPABILITY_AUTO_EXPAND") {
        needed.push("CAPABILITY_AUTO_EXPAND");
    }
    // AWS: what is reviewed first needs no word for it.
    needed.retain(|own| !reviewed || *own != "CAPABILITY_AUTO_EXPAND");
    let has = |name: &str| capabilities.iter().any(|own| own == name);
    match needed.as_slice() {
        [] => {}
        needed => {
            let named = has("CAPABILITY_NAMED_IAM");
            let lacks = needed.iter().any(|own| !(has(own) || *own == "CAPABILITY_IAM" && named));
            if lacks {
                return Err(CfnError::Capabilities(needed.join(", ")));
            }
        }
    }
    let entries = parameters.iter().map(|(name, value)| (name.clone(), Value::str(value)));
    let sealed_parameters = seal(cx.cloud(), &Value::Map(entries.collect()));
    let resolved = lookup::parameters(cx, role, &template, &parameters)?;
    let mut body = Body { text, sealed_parameters, tags, resolved, references: Vec::new(), processed };
    let mut plan = Plan::new(stack, &body, template, parameters)?;
    let evaluator = plan.evaluator()?;
    made(&plan.template, evaluator.holding())?;
    let facts = account_facts::facts(cx, role, &plan.template, &plan.parameters)?;
    evaluator.assert(&plan.template.rules, &facts)?;
    plan.order(&evaluator)?;
    let outputs = lookup::outputs(cx, role, &plan.template, &evaluator)?;
    plan.references = outputs.into_iter().collect();
    let references = lookup::references(cx, role, &plan.template, &plan.evaluator()?)?;
    plan.references.extend(references);
    body.references = plan.references.clone().into_iter().collect();
    Ok(Taken { plan, body })
}

/// Whether a kind is among those that a request names: itself, or by its beginning (`AWS::EC2::*`, `Custom::*`).
fn is_among(kind: &str, kinds: &[String]) -> bool {
    let begins = |own: &String| own.strip_suffix('*').is_some_and(|start| kind.starts_with(start));
    kinds.iter().any(|own| own == kind || own.ends_with("::*") && begins(own))
}

/// AWS: where a request names kinds, a template that makes others fails.
fn check_asked_for(template: &Template, kinds: &[String]) -> Result<(), CfnError> {
    let others = template.resources.iter().map(|resource| resource.kind.as_str());
    let others: BTreeSet<&str> = others.filter(|kind| !is_among(kind, kinds)).collect();
    if kinds.is_empty() || others.is_empty() {
        return Ok(());
    }
    let others: Vec<&str> = others.into_iter().collect();
    Err(invalid(format!(
        "Resource types [{}] are not among the ResourceTypes of the request",
        others.join(", ")
    )))
}

/// What the template makes that a caller has to acknowledge.
pub(super) fn capabilities_of(template: &Template) -> Vec<&'static str> {
    let iam =
        || template.resources.iter().filter_map(|r| Some((r, kind(&r.kind).filter(|kind| kind.is_iam())?)));
    let named = iam()
        .any(|(resource, kind)| kind.named.is_some_and(|name| get(&resource.properties, name).is_some()));
    let mut out = Vec::new();
    if named {
        out.push("CAPABILITY_NAMED_IAM");
    } else if iam().next().is_some() {
        out.push("CAPABILITY_IAM");
    }
    if !template.transforms.is_empty() {
        out.push("CAPABILITY_AUTO_EXPAND");
    }
    out
}

/// `The following resource(s) require capabilities: [AWS::IAM::Role]`.
pub(super) fn capabilities_reason(template: &Template) -> Option<String> {
    let kinds: BTreeSet<&str> = template
        .resources
        .iter()
        .filter(|resource| kind(&resource.kind).is_some_and(super::kinds::Kind::is_iam))
        .map(|resource| resource.kind.as_str())
        .collect();
    let named: Vec<&str> = kinds.into_iter().collect();
    (!named.is_empty())
        .then(|| format!("The following resource(s) require capabilities: [{}]", named.join(", ")))
}

/// The present template and parameters of a stack.
pub(super) fn body(cx: &Cx<'_>, stack: &Stack) -> Result<Option<Body>, CfnError> {
    Ok(BODIES.get(cx.tx, &stack.key().str(NOW))?)
}

/// Puts an operation on its way, in the stead of the stack's role or of the caller. `how`: what it is, and what is
/// particular to it.
pub(super) fn begin(cx: &mut Cx<'_>, stack: &mut Stack, how: Job) -> Result<(), CfnError> {
    assumable(cx, stack.role.as_deref())?;
    let cloud = std::sync::Arc::clone(cx.cloud());
    stack.start(&cloud, cx.tx, operation::kind(how.phase));
    stack.excepts = Some(how.excepts);
    let job = Job { role: stack.role.clone(), ..how };
    let job = in_stead(cx, stack, job)?;
    JOBS.put(cx.tx, &Key::global().str(&stack.id), &job);
    Ok(outdate(cx.tx, stack)?)
}

/// Work on a stack that goes on after the call, in the stead of the role that it names or of the caller.
fn in_stead(cx: &Cx<'_>, stack: &Stack, how: Job) -> Result<Job, CfnError> {
    let caller = cx.caller;
    if caller.access_key.is_empty() && how.role.is_none() {
        return Err(CfnError::NotBuilt("A stack without a role in the name of a service".into()));
    }
    let token =
        caller.session.as_ref().map(|session| session.token.0.as_str()).filter(|token| !token.is_empty());
    Ok(Job {
        account: stack.account,
        region: stack.region,
        stack: stack.id.clone(),
        access_key: caller.access_key.clone(),
        sealed_token: token.map(|token| seal_text(cx.cloud(), token)),
        host: cx.request.host.clone(),
        secure: Some(cx.request.secure),
        started: cx.now,
        principal: caller.user_id.clone(),
        ..how
    })
}

/// So much of a list is told at once.
pub(super) const PAGE_MAX: usize = 100;

/// Where a list goes on.
pub(super) fn after(cx: &Cx<'_>, list: &str, token: Option<&str>) -> Result<Option<Key>, CfnError> {
    let Some(token) = token else { return Ok(None) };
    let position = cx.pager().position(list, token).map_err(|_| invalid("The NextToken is not valid."))?;
    Ok(Some(Key::of_stored(&position)))
}

/// AWS: a stack has five at most.
const TOPICS_MAX: usize = 5;

pub(super) fn topics(arns: Vec<String>) -> Result<Vec<String>, CfnError> {
    let is_topic = |arn: &String| Arn::parse(arn).is_some_and(|arn| arn.service == "sns");
    if arns.len() > TOPICS_MAX {
        return Err(invalid(format!("A stack has at most {TOPICS_MAX} NotificationARNs.")));
    }
    match arns.iter().find(|arn| !is_topic(arn)) {
        Some(arn) => Err(invalid(format!("Invalid Notification ARN {arn}"))),
        None => Ok(arns),
    }
}

/// In the state that it is in it cannot be changed.
pub(super) fn stands_in(stack: &Stack, verb: &str) -> CfnError {
    invalid(format!("Stack:{} is in {} state and can not be {verb}.", stack.arn(), stack.status))
}
