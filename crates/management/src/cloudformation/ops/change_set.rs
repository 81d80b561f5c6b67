//! Change sets: made, shown, carried out, thrown away.

use super::change_set_nested::{all_within, check_root};
use super::import::Retold;
use super::macros::{Macros, asking};
use super::stack::{
    Deployment, check_kinds, check_name, check_one_limit, fresh, keeps, may_update, register, retold,
    start_update,
};
use super::{
    Offer, PAGE_MAX, Parameter, ParameterView, Tag, Taken, after, begin, body, change_set_nested, changeable,
    existing, find, given, import, source, tags, take, topics, views,
};
use crate::cloudformation::access;
use crate::cloudformation::change_set::{
    CHANGE_SETS, Change, ChangeSet, Detail, Topics, abandon, by_arn, changes, of,
};
use crate::cloudformation::difference::{Place, places, shown};
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{BODIES, Body, Import, Job, NOW, Phase, Stack};
use crate::cloudformation::template::{get, is_no_export};
use crate::cloudformation::trigger::{self, Rollback};
use crate::cloudformation::work::plan::{Plan, known};
use base::Timestamp;
use kernel::{Answer, Body as Payload, Cx, Dx, Empty};
use wire::{Fault, Pairs};

kernel::ops! { pub(crate) static OPS:
    CreateChangeSet: [wait] create, "cloudformation:CreateChangeSet", access::change_set;
    DescribeChangeSet: describe, "cloudformation:DescribeChangeSet", access::change_set;
    ExecuteChangeSet: execute, "cloudformation:ExecuteChangeSet", access::change_set;
    DeleteChangeSet: delete, "cloudformation:DeleteChangeSet", access::change_set;
    ListChangeSets: list, "cloudformation:ListChangeSets", access::stack;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateChangeSet {
        pub(super) stack: String = "StackName",
        pub(super) body: Option<String> = "TemplateBody",
        pub(super) url: Option<String> = "TemplateURL",
        pub(super) previous: Option<bool> = "UsePreviousTemplate",
        pub(super) parameters: Vec<Parameter> = "Parameters",
        pub(super) capabilities: Vec<String> = "Capabilities",
        pub(super) role: Option<String> = "RoleARN",
        pub(super) tags: Option<Vec<Tag>> = "Tags",
        pub(super) name: String = "ChangeSetName",
        pub(super) token: Option<String> = "ClientToken",
        pub(super) description: Option<String> = "Description",
        pub(super) kind: Option<String> = "ChangeSetType",
        pub(super) on_failure: Option<String> = "OnStackFailure",
        pub(super) notifies: Option<Vec<String>> = "NotificationARNs",
        pub(super) imports: Vec<ToImport> = "ResourcesToImport",
        pub(super) looks: Option<bool> = "ImportExistingResources",
        pub(super) kinds: Vec<String> = "ResourceTypes",
        pub(super) rollback: Option<Rollback> = "RollbackConfiguration",
        pub(super) deployment: Option<Deployment> = "DeploymentConfig",
        pub(super) mode: Option<String> = "DeploymentMode",
        pub(super) nested: Option<bool> = "IncludeNestedStacks",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ToImport {
        pub(super) kind: String = "ResourceType",
        pub(super) name: String = "LogicalResourceId",
        pub(super) identifier: Pairs<String> = "ResourceIdentifier",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Created {
        id: String = "Id",
        stack: String = "StackId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Named {
        name: String = "ChangeSetName",
        stack: Option<String> = "StackName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Describe {
        name: String = "ChangeSetName",
        stack: Option<String> = "StackName",
        values: Option<bool> = "IncludePropertyValues",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Execute {
        name: String = "ChangeSetName",
        stack: Option<String> = "StackName",
        token: Option<String> = "ClientRequestToken",
        disable_rollback: Option<bool> = "DisableRollback",
        retain: Option<bool> = "RetainExceptOnCreate",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described {
        name: String = "ChangeSetName",
        id: String = "ChangeSetId",
        stack_id: String = "StackId",
        stack: String = "StackName",
        description: Option<String> = "Description",
        parameters: Option<Vec<ParameterView>> = "Parameters",
        created: Timestamp = "CreationTime",
        execution: String = "ExecutionStatus",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        capabilities: Option<Vec<String>> = "Capabilities",
        tags: Option<Vec<Tag>> = "Tags",
        changes: Vec<ChangeView> = "Changes",
        on_failure: Option<String> = "OnStackFailure",
        notifies: Option<Vec<String>> = "NotificationARNs",
        looks: Option<bool> = "ImportExistingResources",
        nested: Option<bool> = "IncludeNestedStacks",
        parent: Option<String> = "ParentChangeSetId",
        root: Option<String> = "RootChangeSetId",
        rollback: Rollback = "RollbackConfiguration",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ChangeView {
        kind: String = "Type",
        change: ResourceChange = "ResourceChange",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ResourceChange {
        action: String = "Action",
        name: String = "LogicalResourceId",
        physical: Option<String> = "PhysicalResourceId",
        kind: String = "ResourceType",
        replacement: Option<String> = "Replacement",
        scope: Vec<String> = "Scope",
        details: Vec<DetailView> = "Details",
        change_set: Option<String> = "ChangeSetId",
        policy: Option<String> = "PolicyAction",
        before: Option<String> = "BeforeContext",
        after: Option<String> = "AfterContext",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DetailView {
        target: TargetView = "Target",
        evaluation: String = "Evaluation",
        source: String = "ChangeSource",
        entity: Option<String> = "CausingEntity",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TargetView {
        attribute: String = "Attribute",
        name: Option<String> = "Name",
        recreation: Option<String> = "RequiresRecreation",
        path: Option<String> = "Path",
        before: Option<String> = "BeforeValue",
        after: Option<String> = "AfterValue",
        change: Option<String> = "AttributeChangeType",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListChangeSets {
        stack: String = "StackName",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summaries {
        sets: Vec<Summary> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        stack_id: String = "StackId",
        stack: String = "StackName",
        id: String = "ChangeSetId",
        name: String = "ChangeSetName",
        execution: String = "ExecutionStatus",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        created: Timestamp = "CreationTime",
        description: Option<String> = "Description",
        looks: Option<bool> = "ImportExistingResources",
        nested: Option<bool> = "IncludeNestedStacks",
        parent: Option<String> = "ParentChangeSetId",
        root: Option<String> = "RootChangeSetId",
    }
}

/// The change set around that of a nested stack, and the one around all, by their ARNs.
pub(super) struct Around {
    pub(super) parent: String,
    pub(super) root: String,
}

/// A change set by its ARN, or by its name and its stack.
pub(super) fn find_set(
    cx: &Cx<'_>,
    stack: Option<&str>,
    named: &str,
) -> Result<(Stack, ChangeSet), CfnError> {
    let missing = || CfnError::NoChangeSet(named.to_owned());
    let beside = stack.map(|stack| find(cx, stack)).transpose()?;
    if named.starts_with("arn:") {
        let found = by_arn(cx, named)?.ok_or_else(missing)?;
        // A stack that is named beside it is its own.
        let is_its = beside.is_none_or(|beside| beside.is_some_and(|beside| beside.id == found.0.id));
        return if is_its { Ok(found) } else { Err(missing()) };
    }
    let Some(name) = stack else {
        return Err(invalid("StackName must be specified if ChangeSetName is not specified as an ARN."));
    };
    let stack = beside.flatten().filter(|stack| !stack.is_deleted());
    let stack = stack.ok_or_else(|| invalid(format!("Stack [{name}] does not exist")))?;
    let set = CHANGE_SETS.get(cx.tx, &stack.key().str(named))?.ok_or_else(missing)?;
    Ok((stack, set))
}

async fn create(dx: Dx, mut req: CreateChangeSet, _: Payload) -> Result<Answer<Created>, Fault> {
    let text = source::text(&dx, req.body.take(), req.url.take()).await?;
    asking(&dx, |cx, macros| make(cx, req.clone(), text.clone(), macros)).await.map(Answer::from)
}

fn make(
    cx: &mut Cx<'_>,
    mut req: CreateChangeSet,
    text: Option<String>,
    macros: &Macros,
) -> Result<Created, CfnError> {
    check_one_limit(&req.kinds, &req.capabilities)?;
    if keeps(req.deployment.as_ref())? == Some(true) {
        // AWS: it is the same.
        req.on_failure.get_or_insert_with(|| "DO_NOTHING".to_owned());
    }
    if let Some(mode) = &req.mode {
        return Err(CfnError::NotBuilt(format!("DeploymentMode {mode}")));
    }
    let (stack, set) = make_within(cx, req, text, macros, None)?;
    Ok(Created { id: set.arn(&stack), stack: stack.arn() })
}

/// The change set, and its stack. `around`: of that of a nested stack, those around it.
pub(super) fn make_within(
    cx: &mut Cx<'_>,
    req: CreateChangeSet,
    text: Option<String>,
    macros: &Macros,
    around: Option<&Around>,
) -> Result<(Stack, ChangeSet), CfnError> {
    let asked = req.clone();
    let imports = req.kind.as_deref() == Some("IMPORT");
    let (stack, creates) = stack_of(cx, &req)?;
    if let Some(known) = CHANGE_SETS.get(cx.tx, &stack.key().str(&req.name))? {
        if req.token.is_some() && known.token == req.token {
            return Ok((stack, known));
        }
        return Err(CfnError::ChangeSetExists(req.name, stack.name));
    }
    let present = body(cx, &stack)?;
    let text = own_text(req.previous, present.as_ref(), text)?;
    let beside = Retold::of(&req, &stack);
    let before = present.as_ref().map(|body| body.parameters(cx.cloud())).unwrap_or_default();
    let tags = req.tags.map(tags).transpose()?.unwrap_or_else(|| stack.tags.clone());
    let role = req.role.as_deref().or(stack.role.as_deref());
    let offer = Offer {
        role,
        text,
        given: given(req.parameters),
        before: &before,
        tags,
        capabilities: &req.capabilities,
        kinds: &req.kinds,
        reviewed: true,
        macros: Some(macros),
    };
    let imports = imports.then_some((&req.imports, beside));
    let (mut foreseen, body, parameters) = seen(cx, &stack, offer, present.as_ref(), creates, imports)?;
    if req.looks == Some(true) {
        foreseen.adopt(cx, &stack, &body)?;
    }
    let Foreseen { changes, imports, adopts, status, execution, reason } = foreseen;
    let mut set = ChangeSet {
        name: req.name,
        id: base::id::uuid(cx.rng()),
        creates,
        status: status.into(),
        reason,
        execution: execution.into(),
        created: cx.now,
        description: req.description,
        body,
        parameters,
        capabilities: req.capabilities,
        role: req.role,
        changes,
        on_failure: req.on_failure,
        token: req.token,
        notifies: req.notifies.map(topics).transpose()?.map(|arns| Topics { arns }),
        imports,
        adopts,
        looks: req.looks,
        nested: req.nested,
        parent: around.map(|around| around.parent.clone()),
        root: around.map(|around| around.root.clone()),
        round: None,
        watches: trigger::said(req.rollback.as_ref(), stack.watches.clone())?,
    };
    change_set_nested::foresee(cx, &stack, &mut set, &asked, macros)?;
    set.save(cx.tx, &stack);
    Ok((stack, set))
}

impl Retold {
    /// What a request says otherwise of a stack.
    fn of(req: &CreateChangeSet, stack: &Stack) -> Retold {
        Retold {
            role: req.role.is_some() && req.role != stack.role,
            tags: req.tags.as_ref().is_some_and(|tags| !same_tags(tags, &stack.tags)),
        }
    }
}

/// The stack that a change set is for, and whether it is made by that.
fn stack_of(cx: &mut Cx<'_>, req: &CreateChangeSet) -> Result<(Stack, bool), CfnError> {
    let imports = req.kind.as_deref() == Some("IMPORT");
    import::check_asked(imports, &req.imports)?;
    if imports && req.looks == Some(true) {
        return Err(invalid(
            "ImportExistingResources cannot be specified for a change set of the type IMPORT",
        ));
    }
    if req.on_failure.as_deref() == Some("DELETE") && req.kind.as_deref() != Some("CREATE") {
        return Err(invalid("OnStackFailure DELETE is only valid for a change set of the type CREATE."));
    }
    let creates = match req.kind.as_deref() {
        // AWS: of a stack that is not there an import makes one.
        Some("IMPORT") => find(cx, &req.stack)?.is_none_or(|stack| stack.status == "REVIEW_IN_PROGRESS"),
        kind => kind == Some("CREATE"),
    };
    let stack = stack_for(cx, &req.stack, creates)?;
    if imports && !creates {
        import::may_import(&stack)?;
    }
    Ok((stack, creates))
}

/// The template that a change set is of.
fn own_text(
    previous: Option<bool>,
    present: Option<&Body>,
    text: Option<String>,
) -> Result<String, CfnError> {
    match (previous, present) {
        (Some(true), Some(present)) => Ok(present.text.clone()),
        (Some(true), None) => Err(invalid("UsePreviousTemplate cannot be specified for a new stack.")),
        _ => text.ok_or_else(source::missing),
    }
}

/// What a change set would do, and whether it can be carried out.
struct Foreseen {
    changes: Vec<Change>,
    imports: Vec<Import>,
    adopts: Vec<Import>,
    status: &'static str,
    execution: &'static str,
    reason: Option<String>,
}

/// What would be done, the template, and its parameters as they are shown.
type Seen = (Foreseen, Body, Vec<(String, String)>);

/// What an offer would do, with the template and its parameters. `import`: as for [`foresee`].
fn seen(
    cx: &mut Cx<'_>,
    stack: &Stack,
    offer: Offer<'_>,
    present: Option<&Body>,
    creates: bool,
    import: Option<(&Vec<ToImport>, Retold)>,
) -> Result<Seen, CfnError> {
    let untransformed = Body { text: offer.text.clone(), tags: offer.tags.clone(), ..Body::default() };
    let Taken { plan, body } = match take(cx, stack, offer) {
        // AWS: what a transform refuses is told by the change set.
        Err(CfnError::Transform(why)) => return Ok((Foreseen::failed(why), untransformed, Vec::new())),
        taken => taken?,
    };
    check_kinds(cx, stack, &plan)?;
    let foreseen = match foresee(cx, stack, &plan, present, creates, import) {
        // AWS: what the template imports is looked for by the change set.
        Err(CfnError::Validation(why)) if is_no_export(&why) => Foreseen::failed(why),
        foreseen => foreseen?,
    };
    Ok((foreseen, body, plan.shown()))
}

impl Foreseen {
    fn failed(why: String) -> Foreseen {
        let (status, execution, reason) = ("FAILED", "UNAVAILABLE", Some(why));
        let (changes, imports, adopts) = (Vec::new(), Vec::new(), Vec::new());
        Foreseen { changes, imports, adopts, status, execution, reason }
    }

    /// What would be made and is there already becomes part of the stack instead.
    fn adopt(&mut self, cx: &mut Cx<'_>, stack: &Stack, body: &Body) -> Result<(), CfnError> {
        if self.status == "FAILED" {
            return Ok(());
        }
        let plan = Plan::of(cx.cloud(), stack, body)?;
        match import::found(cx, stack, &plan, &mut self.changes)? {
            Ok(found) => self.adopts = found,
            Err(why) => *self = Foreseen::failed(why),
        }
        Ok(())
    }
}

/// Holds the plan against the stack. `import`: of an import, what is to be imported, and what else was said.
fn foresee(
    cx: &mut Cx<'_>,
    stack: &Stack,
    plan: &Plan,
    present: Option<&Body>,
    creates: bool,
    import: Option<(&Vec<ToImport>, Retold)>,
) -> Result<Foreseen, CfnError> {
    let resources = known(cx.tx, stack)?;
    let before = present.map(|present| Plan::of(cx.cloud(), stack, present)).transpose()?;
    let mut changes = changes(cx, stack, plan, &resources, before.as_ref())?;
    if let Some((asked, beside)) = import {
        import::check_rest(plan, before.as_ref(), &beside)?;
        let imports = import::checked(plan, &changes, asked)?;
        changes = imports.iter().map(import::change).collect();
        let (status, execution, reason) = import::outcome(cx, stack, &imports)?;
        return Ok(Foreseen { changes, imports, adopts: Vec::new(), status, execution, reason });
    }
    let same = before.filter(|before| !creates && changes.is_empty() && !retold(plan, before));
    let (status, execution, reason) = outcome(same.is_none());
    Ok(Foreseen { changes, imports: Vec::new(), adopts: Vec::new(), status, execution, reason })
}

/// Whether these are the stack's tags, in whatever order.
fn same_tags(tags: &[Tag], own: &[(String, String)]) -> bool {
    let is_own = |tag: &Tag| own.iter().any(|(key, value)| *key == tag.key && *value == tag.value);
    tags.len() == own.len() && tags.iter().all(is_own)
}

pub(super) const NO_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

/// The status of a change set, whether it can be carried out, and why not.
fn outcome(differs: bool) -> (&'static str, &'static str, Option<String>) {
    if differs {
        return ("CREATE_COMPLETE", "AVAILABLE", None);
    }
    ("FAILED", "UNAVAILABLE", Some(NO_CHANGES.to_owned()))
}

/// The stack that a change set is for; a new one is under review until the set is carried out.
fn stack_for(cx: &mut Cx<'_>, named: &str, creates: bool) -> Result<Stack, CfnError> {
    if !creates {
        let stack = changeable(cx, named)?;
        if stack.status == "REVIEW_IN_PROGRESS" {
            return Err(super::stands_in(&stack, "updated"));
        }
        may_update(&stack)?;
        return Ok(stack);
    }
    match find(cx, named)? {
        Some(stack) if stack.status == "REVIEW_IN_PROGRESS" => Ok(stack),
        Some(stack) => Err(invalid(format!(
            "Stack [{}] already exists and cannot be created again with the changeSet [{named}].",
            stack.name
        ))),
        None => {
            check_name(named)?;
            let mut stack = fresh(cx, named);
            register(cx, &stack);
            let cloud = std::sync::Arc::clone(cx.cloud());
            stack.enter(&cloud, cx.tx, "REVIEW_IN_PROGRESS", Some("User Initiated"));
            Ok(stack)
        }
    }
}

fn execute(cx: &mut Cx<'_>, req: Execute) -> Result<Empty, CfnError> {
    let (mut stack, mut set) = find_set(cx, req.stack.as_deref(), &req.name)?;
    check_root(&stack, &set, "executed")?;
    if set.execution == "EXECUTE_COMPLETE" && req.token.is_some() && req.token == stack.token {
        return Ok(Empty);
    }
    if set.on_failure.is_some() && req.disable_rollback.is_some() {
        return Err(invalid("You can specify either DisableRollback or OnStackFailure, but not both."));
    }
    check_available(&stack, &set)?;
    for (inner, mut own) in all_within(cx, &set)? {
        check_available(&inner, &own)?;
        own.execution = "EXECUTE_COMPLETE".into();
        own.save(cx.tx, &inner);
    }
    stack.change_set = Some(set.arn(&stack));
    stack.capabilities.clone_from(&set.capabilities);
    stack.role = set.role.clone().or(stack.role);
    if let Some(topics) = &set.notifies {
        stack.notifies.clone_from(&topics.arns);
    }
    stack.watches.clone_from(&set.watches);
    stack.token = req.token;
    let plan = Plan::of(cx.cloud(), &stack, &set.body)?;
    if !set.imports.is_empty() {
        if !set.creates {
            import::may_import(&stack)?;
        }
        import::start(cx, &mut stack, &plan, &set)?;
    } else if set.creates {
        let how = Job {
            disable_rollback: req.disable_rollback.unwrap_or(false),
            excepts: req.retain == Some(true),
            ..Job::default()
        };
        first(cx, &mut stack, &set, &plan, how)?;
    } else {
        may_update(&stack)?;
        let stays = set.on_failure.as_deref() == Some("DO_NOTHING");
        let disable_rollback = req.disable_rollback.unwrap_or(stays);
        let imports = set.adopts.clone();
        let excepts = req.retain == Some(true);
        let how = Job { disable_rollback, imports, excepts, ..Job::default() };
        start_update(cx, &mut stack, &plan, &set.body, how)?;
    }
    // AWS: the others are not valid for what the stack becomes.
    for other in of(cx.tx, &stack)?.iter().filter(|other| other.id != set.id) {
        throw_away(cx, &stack, other)?;
    }
    set.execution = "EXECUTE_COMPLETE".into();
    set.round = Some(stack.round);
    // What was secret in it is with the stack now.
    set.body = Body { sealed_parameters: Vec::new(), ..set.body };
    set.save(cx.tx, &stack);
    Ok(Empty)
}

fn check_available(stack: &Stack, set: &ChangeSet) -> Result<(), CfnError> {
    if set.execution == "AVAILABLE" {
        return Ok(());
    }
    let which = match set.status.as_str() {
        "CREATE_COMPLETE" => format!("execution status of [{}]", set.execution(stack)),
        status => format!("status of [{status}]"),
    };
    let arn = set.arn(stack);
    Err(CfnError::ChangeSetStatus(format!("ChangeSet [{arn}] cannot be executed in its current {which}")))
}

/// The stack is made.
fn first(cx: &mut Cx<'_>, stack: &mut Stack, set: &ChangeSet, plan: &Plan, how: Job) -> Result<(), CfnError> {
    stack.description.clone_from(&plan.template.description);
    (stack.parameters, stack.resolved) = (plan.shown(), plan.shown_resolved());
    stack.tags.clone_from(&plan.tags);
    stack.on_failure.clone_from(&set.on_failure);
    stack.disable_rollback = how.disable_rollback || set.on_failure.as_deref() == Some("DO_NOTHING");
    stack.round = 1;
    stack.updated = Some(cx.now);
    BODIES.put(cx.tx, &stack.key().str(NOW), &set.body);
    let cloud = std::sync::Arc::clone(cx.cloud());
    let disable_rollback = stack.disable_rollback;
    let imports = set.adopts.clone();
    begin(cx, stack, Job { phase: Phase::Create, disable_rollback, imports, ..how })?;
    stack.enter(&cloud, cx.tx, "CREATE_IN_PROGRESS", Some("User Initiated"));
    Ok(())
}

fn delete(cx: &mut Cx<'_>, req: Named) -> Result<Empty, CfnError> {
    match find_set(cx, req.stack.as_deref(), &req.name) {
        Ok((stack, set)) => {
            check_root(&stack, &set, "deleted")?;
            throw_away(cx, &stack, &set)?;
            Ok(Empty)
        }
        // AWS: deleting one that is not there succeeds.
        Err(CfnError::NoChangeSet(_)) => Ok(Empty),
        Err(other) => Err(other),
    }
}

/// With those of the stacks within.
fn throw_away(cx: &mut Cx<'_>, stack: &Stack, set: &ChangeSet) -> Result<(), CfnError> {
    let cloud = std::sync::Arc::clone(cx.cloud());
    Ok(abandon(&cloud, cx.tx, stack, set)?)
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    if items.is_empty() { None } else { Some(items) }
}

fn detail(detail: &Detail) -> DetailView {
    let tags = detail.property == "Tags";
    let recreation = match (detail.recreates, detail.may_recreate) {
        (true, _) => "Always",
        (false, true) => "Conditionally",
        (false, false) => "Never",
    };
    DetailView {
        target: TargetView {
            attribute: if tags { "Tags".into() } else { "Properties".into() },
            name: (!tags).then(|| detail.property.clone()).filter(|name| !name.is_empty()),
            recreation: Some(recreation.into()),
            path: None,
            before: None,
            after: None,
            change: None,
        },
        evaluation: if detail.dynamic { "Dynamic".into() } else { "Static".into() },
        source: detail.source.clone(),
        entity: detail.entity.clone(),
    }
}

/// The same for each place within the property that changes, with its values.
fn details(detail_of: &Detail, change: &Change) -> Vec<DetailView> {
    let read = |context: &Option<String>| {
        let context = context.as_deref().and_then(wire::json::read)?;
        get(get(&context, "Properties")?, &detail_of.property).cloned()
    };
    let (before, after) = (read(&change.before), read(&change.after));
    let places = places(&format!("/Properties/{}", detail_of.property), before.as_ref(), after.as_ref());
    let one = |place: Place<'_>| {
        let view = detail(detail_of);
        let target = TargetView {
            path: Some(place.path),
            before: place.before.map(shown),
            after: place.after.map(shown),
            change: Some(place.change.to_owned()),
            ..view.target
        };
        DetailView { target, ..view }
    };
    match places.is_empty() {
        // What is hidden of it is all that changes.
        true => vec![detail(detail_of)],
        false => places.into_iter().map(one).collect(),
    }
}

fn change(change: Change, values: bool) -> ChangeView {
    let of_property = |own: &Detail| match values {
        true => details(own, &change),
        false => vec![detail(own)],
    };
    let details: Vec<DetailView> = change.details.iter().flat_map(of_property).collect();
    let mut scope: Vec<String> = Vec::new();
    for detail in &details {
        if !scope.contains(&detail.target.attribute) {
            scope.push(detail.target.attribute.clone());
        }
    }
    if change.action == "Modify" && scope.is_empty() {
        scope.push("Metadata".into());
    }
    ChangeView {
        kind: "Resource".into(),
        change: ResourceChange {
            action: change.action,
            name: change.name,
            physical: change.physical,
            kind: change.kind,
            replacement: change.replacement,
            scope,
            details,
            change_set: change.change_set,
            policy: change.policy,
            before: change.before.filter(|_| values),
            after: change.after.filter(|_| values),
        },
    }
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, CfnError> {
    let (stack, set) = find_set(cx, req.stack.as_deref(), &req.name)?;
    let execution = set.execution(&stack);
    Ok(Described {
        id: set.arn(&stack),
        name: set.name,
        stack_id: stack.arn(),
        stack: stack.name,
        description: set.description,
        parameters: views(set.parameters, &set.body.resolved),
        created: set.created,
        execution,
        status: set.status,
        reason: set.reason,
        nested: set.nested,
        parent: set.parent,
        root: set.root,
        capabilities: some(set.capabilities),
        tags: some(set.body.tags.into_iter().map(|(key, value)| Tag { key, value }).collect()),
        changes: set.changes.into_iter().map(|own| change(own, req.values == Some(true))).collect(),
        rollback: trigger::view(set.watches),
        on_failure: set.on_failure,
        notifies: set.notifies.map(|topics| topics.arns),
        looks: set.looks,
    })
}

fn list(cx: &mut Cx<'_>, req: ListChangeSets) -> Result<Summaries, CfnError> {
    let stack = existing(cx, &req.stack)?;
    let summary = |set: ChangeSet| Summary {
        execution: set.execution(&stack),
        stack_id: stack.arn(),
        stack: stack.name.clone(),
        id: set.arn(&stack),
        name: set.name,
        status: set.status,
        reason: set.reason,
        nested: set.nested,
        parent: set.parent,
        root: set.root,
        created: set.created,
        description: set.description,
        looks: set.looks,
    };
    let list = format!("cloudformation:ListChangeSets {}", stack.id);
    let after = after(cx, &list, req.token.as_deref())?;
    let page = CHANGE_SETS.page(cx.tx, &stack.key(), after.as_ref(), PAGE_MAX)?;
    let token = page.next.map(|next| cx.pager().token(&list, next.as_bytes()));
    Ok(Summaries { sets: page.items.into_iter().map(|(_, set)| summary(set)).collect(), token })
}
