//! Imports: what is there becomes part of a stack, and nothing else changes.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>

use super::change_set::ToImport;
use super::stack::may_update;
use super::{begin, stands_in};
use crate::cloudformation::change_set::{Change, ChangeSet};
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::look::Look;
use crate::cloudformation::kinds::{On, Refusal, kind};
use crate::cloudformation::model::{BODIES, Import, Job, NEXT, Phase, SERVICE, Stack};
use crate::cloudformation::template::{Keep, get};
use crate::cloudformation::work::import::{exists, holder, identity};
use crate::cloudformation::work::plan::Plan;
use kernel::{As, Cx};
use wire::Value;

/// What a request says of the stack beside its template.
pub(super) struct Retold {
    pub(super) role: bool,
    pub(super) tags: bool,
}

/// What is to be imported is said for an import, and for nothing else.
pub(super) fn check_asked(imports: bool, asked: &[ToImport]) -> Result<(), CfnError> {
    match (imports, asked.is_empty()) {
        (true, true) => Err(invalid("Must Provide at least one resource to import")),
        (false, false) => {
            Err(invalid("ResourcesToImport can only be specified for a change set of the type IMPORT"))
        }
        _ => Ok(()),
    }
}

/// Where an import may begin: a stack whose last change has left nothing open.
pub(super) fn may_import(stack: &Stack) -> Result<(), CfnError> {
    match stack.status.ends_with("_FAILED") {
        true => Err(stands_in(stack, "updated")),
        false => may_update(stack),
    }
}

/// What is to be imported, held against the template and what it would change.
pub(super) fn checked(plan: &Plan, changes: &[Change], asked: &[ToImport]) -> Result<Vec<Import>, CfnError> {
    let listed = |names: &[&str]| names.join(", ");
    let is_asked = |name: &str| asked.iter().filter(|import| import.name == name).count();
    if asked.iter().any(|import| is_asked(&import.name) > 1) {
        return Err(invalid("Every resource to import must have unique LogicalResourceId"));
    }
    let names = || asked.iter().map(|import| import.name.as_str());
    let strangers: Vec<&str> = names().filter(|name| plan.template.resource(name).is_none()).collect();
    if !strangers.is_empty() {
        return Err(invalid(format!(
            "The logical resource ids [{}] provided in ResourceToImport do not exist in the template.",
            listed(&strangers)
        )));
    }
    let imports = asked.iter().map(|import| identified(plan, import)).collect::<Result<Vec<_>, _>>()?;
    let of = |action: &str| -> Vec<&str> {
        changes.iter().filter(|c| c.action == action).map(|c| c.name.as_str()).collect()
    };
    let added = of("Add");
    if added.is_empty() {
        return Err(invalid("The template should contain at least one new resource to import."));
    }
    let known: Vec<&str> = names().filter(|name| !added.contains(name)).collect();
    if !known.is_empty() {
        return Err(invalid(format!(
            "Resources [{}] passed in ResourceToImport are already in a stack and cannot be imported.",
            listed(&known)
        )));
    }
    let missing: Vec<&str> = added.into_iter().filter(|name| is_asked(name) == 0).collect();
    if !missing.is_empty() {
        return Err(invalid(format!(
            "Resources [{}] is missing from ResourceToImport list",
            listed(&missing)
        )));
    }
    let changed = [of("Modify"), of("Remove")].concat();
    if !changed.is_empty() {
        return Err(invalid(format!(
            "You have modified resources [{}] in your template that are not being imported. Update, create or delete operations cannot be executed during import operations.",
            listed(&changed)
        )));
    }
    let is_said = |name: &&str| plan.template.resource(name).is_some_and(|drawn| drawn.deletion_is_said);
    let unsaid: Vec<&str> = names().filter(|name| !is_said(name)).collect();
    if !unsaid.is_empty() {
        return Err(invalid(format!(
            "The following resources to import [{}] must have DeletionPolicy attribute specified in the template.",
            listed(&unsaid)
        )));
    }
    Ok(imports)
}

/// One of them, by the property that identifies its kind.
fn identified(plan: &Plan, asked: &ToImport) -> Result<Import, CfnError> {
    let look = kind(&asked.kind).and_then(|kind| kind.look);
    let Some(look) = look.filter(|look| !look.identifiers.is_empty()) else {
        return Err(invalid(format!("ResourceTypes [{}] are not supported for Import", asked.kind)));
    };
    let given = |name: &&str| asked.identifier.0.iter().find(|(own, _)| own == name).map(|(_, v)| v.clone());
    let values: Option<Vec<String>> = look.identifiers.iter().map(given).collect();
    let values = values.filter(|values| values.len() == asked.identifier.0.len());
    let Some(values) = values else {
        return Err(invalid(format!(
            "Invalid resource identifier for resource type {}. Expected [{}]",
            asked.kind,
            look.identifiers.join(", ")
        )));
    };
    let drawn = plan.template.resource(&asked.name).map(|drawn| drawn.kind.as_str()).unwrap_or_default();
    if drawn != asked.kind {
        return Err(invalid(format!(
            "Resource type of [{}] passed in ResourceToImport does not match with resource type defined in the template. Resource type in ResourceToImport: {}; Resource type in Template: {drawn}.",
            asked.name, asked.kind
        )));
    }
    Ok(import(look, &asked.name, &asked.kind, values))
}

/// What these values of its identifiers say of a resource.
fn import(look: &Look, name: &str, kind: &str, values: Vec<String>) -> Import {
    Import {
        name: name.to_owned(),
        kind: kind.to_owned(),
        physical: (look.called)(&values),
        identifiers: look.identifiers.iter().map(|name| (*name).to_owned()).zip(values).collect(),
    }
}

/// Nothing else of the stack changes. `present`: as it is.
pub(super) fn check_rest(plan: &Plan, present: Option<&Plan>, retold: &Retold) -> Result<(), CfnError> {
    let outputs = |plan: Option<&Plan>| -> Vec<String> {
        plan.map(|plan| plan.template.outputs.iter().map(|o| format!("{o:?}")).collect()).unwrap_or_default()
    };
    let differ = outputs(Some(plan)) != outputs(present);
    let all = [("Outputs", differ), ("RoleArn", retold.role), ("Tags", retold.tags)];
    let changed: Vec<&str> = all.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "As part of the import operation, you cannot modify or add [{}]",
        changed.join(", ")
    )))
}

pub(super) fn change(import: &Import) -> Change {
    Change {
        action: "Import".into(),
        name: import.name.clone(),
        kind: import.kind.clone(),
        physical: Some(import.physical.clone()),
        ..Change::default()
    }
}

/// The status of a change set, whether it can be carried out, and why or why not: what is not there, or belongs to a
/// stack, fails the set, and not the request.
pub(super) fn outcome(
    cx: &mut Cx<'_>,
    stack: &Stack,
    imports: &[Import],
) -> Result<(&'static str, &'static str, Option<String>), CfnError> {
    for import in imports {
        let found = seen(cx, stack, import).err().map(|refusal| refusal.reason);
        let why = match found {
            None => holder(cx.tx, stack, import)?,
            why => why,
        };
        if why.is_some() {
            return Ok(("FAILED", "UNAVAILABLE", why));
        }
    }
    let why = "Verify that resources and their properties defined in the template match the intended configuration of the resource import to avoid unexpected changes.";
    Ok(("CREATE_COMPLETE", "AVAILABLE", Some(why.to_owned())))
}

/// What the template names and is there already, of what would be made; or why the change set fails. Each change that
/// makes one becomes its import.
///
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>
pub(super) fn found(
    cx: &mut Cx<'_>,
    stack: &Stack,
    plan: &Plan,
    changes: &mut [Change],
) -> Result<Result<Vec<Import>, String>, CfnError> {
    let mut imports = Vec::new();
    for own in changes.iter_mut().filter(|change| change.action == "Add") {
        let Some(drawn) = plan.template.resource(&own.name).filter(|drawn| drawn.deletion != Keep::Delete)
        else {
            continue;
        };
        let look = kind(&drawn.kind).and_then(|kind| kind.look);
        let Some(look) = look.filter(|look| !look.identifiers.is_empty()) else { continue };
        // The name must be written, and be what its kind is imported by.
        let written = |name: &&str| match get(&drawn.properties, name) {
            Some(Value::Str(value)) => Some(value.clone()),
            _ => None,
        };
        let Some(values) = look.identifiers.iter().map(written).collect() else { continue };
        let import = import(look, &own.name, &own.kind, values);
        match seen(cx, stack, &import) {
            Ok(()) => {}
            Err(refusal) if refusal.gone => continue,
            Err(refusal) => return Ok(Err(refusal.reason)),
        }
        if let Some(why) = holder(cx.tx, stack, &import)? {
            return Ok(Err(why));
        }
        *own = change(&import);
        imports.push(import);
    }
    Ok(Ok(imports))
}

/// Looks whether it is there, with the caller's rights.
fn seen(cx: &mut Cx<'_>, stack: &Stack, import: &Import) -> Result<(), Refusal> {
    let (nothing, known) = (Value::Map(Vec::new()), identity(import));
    let mut on = On {
        cx,
        who: As::CallerVia(SERVICE),
        whole: stack,
        job: &Job::default(),
        stack: &stack.name,
        logical: &import.name,
        wanted: &nothing,
        before: &nothing,
        physical: &import.physical,
        known: &known,
        told: None,
        misfit: Default::default(),
    };
    exists(&mut on, import).map(drop)
}

/// Puts an import on its way.
pub(super) fn start(
    cx: &mut Cx<'_>,
    stack: &mut Stack,
    plan: &Plan,
    set: &ChangeSet,
) -> Result<(), CfnError> {
    (stack.parameters, stack.resolved) = (plan.shown(), plan.shown_resolved());
    stack.updated = Some(cx.now);
    stack.round += 1;
    BODIES.put(cx.tx, &stack.key().str(NEXT), &set.body);
    let cloud = std::sync::Arc::clone(cx.cloud());
    begin(cx, stack, Job { phase: Phase::Import, imports: set.imports.clone(), ..Job::default() })?;
    stack.enter(&cloud, cx.tx, "IMPORT_IN_PROGRESS", Some("User Initiated"));
    Ok(())
}
