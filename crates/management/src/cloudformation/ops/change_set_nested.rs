//! Change sets of nested stacks: what a change of the stack around them would do to each.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html>
//!
//! A stack that the change would make is there already, under review, and is made when the change set is carried out.

use super::change_set::{Around, CreateChangeSet, NO_CHANGES, make_within};
use super::macros::Macros;
use super::source::{place, text_of};
use super::stack::retold;
use super::{Parameter, Tag, body, called, find};
use crate::cloudformation::change_set::{Change, ChangeSet, by_arn, is_unknown, properties};
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::nested::parameter;
use crate::cloudformation::model::{STACK, Stack};
use crate::cloudformation::template::{get, text};
use crate::cloudformation::work::plan::{Plan, known};
use kernel::Cx;
use wire::Value;

/// AWS: of a change set's name.
const NAME_MAX: usize = 128;

/// Makes the change sets of the stacks within that change, and leaves out those that do not, where that was asked for.
///
/// # Errors
/// What the store refuses; what is wrong with a nested stack is told by the change sets.
pub(super) fn foresee(
    cx: &mut Cx<'_>,
    stack: &Stack,
    set: &mut ChangeSet,
    asked: &CreateChangeSet,
    macros: &Macros,
) -> Result<(), CfnError> {
    if set.nested != Some(true) || set.status == "FAILED" || !set.imports.is_empty() {
        return Ok(());
    }
    let plan = Plan::of(cx.cloud(), stack, &set.body)?;
    let around = Around { parent: set.arn(stack), root: set.root.clone().unwrap_or_else(|| set.arn(stack)) };
    let all = std::mem::take(&mut set.changes);
    let (mut kept, resources) = (Vec::with_capacity(all.len()), known(cx.tx, stack)?);
    for change in &all {
        let stays = change.action == "Modify" && change.replacement.as_deref() == Some("False");
        let inner = match &change.physical {
            Some(arn) if stays && change.kind == STACK => find(cx, arn)?,
            _ => None,
        };
        let is_new = change.action == "Add" && change.kind == STACK;
        if inner.is_none() && !is_new {
            kept.push(change.clone());
            continue;
        }
        let wanted = properties(cx, stack, &plan, &resources, &all, &change.name)?;
        let savepoint = cx.tx.savepoint();
        let made = match within(cx, (stack, inner), &wanted, &change.name, asked, macros, &around) {
            Ok(Some(made)) => made,
            Ok(None) => {
                kept.push(change.clone());
                continue;
            }
            Err(CfnError::Validation(why) | CfnError::Transform(why)) => {
                cx.tx.rollback_to(savepoint);
                set.fail(format!("The nested stack {} cannot be changed: {why}", change.name));
                kept.push(change.clone());
                continue;
            }
            Err(other) => return Err(other),
        };
        let (inner, made) = made;
        let stays_as_it_is = made.reason.as_deref() == Some(NO_CHANGES);
        if stays_as_it_is {
            made.delete(cx.tx, &inner);
            let own = change.details.iter().any(|detail| !detail.property.is_empty());
            kept.extend(own.then(|| change.clone()));
            continue;
        }
        let arn = made.arn(&inner);
        if made.status == "FAILED" {
            set.fail(format!("Nested change set {arn} was not successfully created: Currently in FAILED."));
        }
        kept.push(Change { change_set: Some(arn), ..change.clone() });
    }
    set.changes = kept;
    if set.changes.is_empty()
        && let Some(present) = body(cx, stack)?
        && !retold(&plan, &Plan::of(cx.cloud(), stack, &present)?)
    {
        set.fail(NO_CHANGES.to_owned());
    }
    Ok(())
}

/// The change set of one stack within, and that stack; `None` where what it is made of is not known yet. `of`: the stack
/// around it, and itself where it is there. `wanted`: its properties.
fn within(
    cx: &mut Cx<'_>,
    of: (&Stack, Option<Stack>),
    wanted: &Value,
    logical: &str,
    asked: &CreateChangeSet,
    macros: &Macros,
    around: &Around,
) -> Result<Option<(Stack, ChangeSet)>, CfnError> {
    let (outer, inner) = of;
    let url = get(wanted, "TemplateURL").and_then(text).unwrap_or_default();
    if is_unknown(get(wanted, "TemplateURL")) {
        return Ok(None);
    }
    let template =
        template(cx, asked.role.as_deref().or(inner.as_ref().unwrap_or(outer).role.as_deref()), &url)?;
    let suffix = base::id::uuid(cx.rng());
    let mut name = format!("{}-{logical}", asked.name);
    name.truncate(NAME_MAX - suffix.len() - 1);
    let given = parameters(get(wanted, "Parameters"));
    let tags = match get(wanted, "Tags") {
        Some(Value::List(all)) => all.iter().filter_map(tag).collect(),
        _ => Vec::new(),
    };
    let is_new = inner.is_none();
    let named = inner.map_or_else(|| generated(cx, outer, logical), |inner| inner.arn());
    let request = |parameters: Vec<Parameter>| CreateChangeSet {
        stack: named.clone(),
        name: format!("{name}-{suffix}"),
        kind: Some(if is_new { "CREATE" } else { "UPDATE" }.to_owned()),
        parameters,
        tags: Some(tags.clone()),
        previous: None,
        token: None,
        description: None,
        on_failure: None,
        notifies: None,
        imports: Vec::new(),
        looks: None,
        rollback: None,
        ..asked.clone()
    };
    let made = make_within(cx, request(given.clone()), Some(template.clone()), macros, Some(around));
    let made = match made {
        // What nobody knows yet is no number and fits no pattern: then it is foreseen with what it has been.
        Err(CfnError::Validation(_)) if given.iter().any(is_open) => {
            let known = |one: Parameter| match is_open(&one) {
                true => Parameter { value: None, previous: Some(true), ..one },
                false => one,
            };
            let given = given.into_iter().map(known).collect();
            make_within(cx, request(given), Some(template), macros, Some(around))?
        }
        made => made?,
    };
    let (mut stack, set) = made;
    if is_new {
        stack.parent = Some(outer.arn());
        stack.root = Some(outer.root.clone().unwrap_or_else(|| outer.arn()));
        stack.save(cx.tx);
    }
    Ok(Some((stack, set)))
}

/// What a stack within will be called.
fn generated(cx: &Cx<'_>, outer: &Stack, logical: &str) -> String {
    const CHANCE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let chance = cx.rng().text(CHANCE, 12);
    let mut name = format!("{}-{logical}", outer.name);
    name.truncate(NAME_MAX - chance.len() - 1);
    format!("{name}-{chance}")
}

/// Whether nobody knows yet what it will be given.
fn is_open(parameter: &Parameter) -> bool {
    is_unknown(parameter.value.as_ref().map(Value::str).as_ref())
}

/// The text of a template, read in the stead of the role or the caller.
fn template(cx: &mut Cx<'_>, role: Option<&str>, url: &str) -> Result<String, CfnError> {
    let found = place(url, cx.request.host.as_deref());
    let place = found.ok_or_else(|| invalid("TemplateURL must be a supported URL."))?;
    let answer = called(cx, role, ("s3", "GetObject"), place.asked().collect())
        .map_err(|fault| invalid(format!("S3 error: {}", fault.message)))?;
    text_of(&answer).ok_or_else(|| invalid("Template format error: unsupported structure."))
}

fn parameters(given: Option<&Value>) -> Vec<Parameter> {
    let Some(Value::Map(entries)) = given else { return Vec::new() };
    let one = |(key, value): &(String, Value)| Parameter {
        key: Some(key.clone()),
        value: parameter(value),
        previous: None,
    };
    entries.iter().map(one).collect()
}

fn tag(tag: &Value) -> Option<Tag> {
    Some(Tag { key: text(get(tag, "Key")?)?, value: text(get(tag, "Value")?)? })
}

/// The change sets of the stacks within, and of those within them, with their stacks.
///
/// # Errors
/// What the store refuses.
pub(super) fn all_within(cx: &Cx<'_>, set: &ChangeSet) -> Result<Vec<(Stack, ChangeSet)>, CfnError> {
    let mut out = Vec::new();
    for arn in set.changes.iter().filter_map(|change| change.change_set.as_deref()) {
        if let Some((stack, inner)) = by_arn(cx, arn)? {
            out.extend(all_within(cx, &inner)?);
            out.push((stack, inner));
        }
    }
    Ok(out)
}

/// Only the change set around all is carried out or thrown away.
///
/// # Errors
/// That it is none.
pub(super) fn check_root(stack: &Stack, set: &ChangeSet, verb: &str) -> Result<(), CfnError> {
    match &set.root {
        Some(root) => Err(invalid(format!(
            "ChangeSet [{}] is of a nested stack and cannot be {verb} by itself; its root change set is [{root}]",
            set.arn(stack)
        ))),
        None => Ok(()),
    }
}
