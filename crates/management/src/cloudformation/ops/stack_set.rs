//! Stack sets: made, changed, shown, deleted.

use super::expansion::looked_at;
use super::stack_instance::{Asked, Place, Targets, begin, places};
use super::stack_set_drift::Details;
use super::stack_set_operation::{Preferred, page};
use super::{Parameter, ParameterView, Tag, capabilities_of, given, source, tags};
use crate::cloudformation::access;
use crate::cloudformation::drift::NOT_CHECKED;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::Table;
use crate::cloudformation::news;
use crate::cloudformation::sets::model::{
    Aim, AutoDeployment, INSTANCES, SET_JOBS, SET_NAMES, SETS, SetJob, StackSet, Texts, open_texts,
    seal_texts,
};
use crate::cloudformation::sets::organization;
use crate::cloudformation::template::Template;
use crate::cloudformation::template::parameter::{Given, resolve};
use base::{Arn, Timestamp};
use kernel::{Answer, Body as Payload, Cx, Dx, Empty};
use std::collections::BTreeMap;
use store::{Direction, Key};
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    CreateStackSet: [wait] create => create_within, "cloudformation:CreateStackSet", access::stack_set;
    UpdateStackSet: [wait] update => update_within, "cloudformation:UpdateStackSet", access::stack_set;
    DeleteStackSet: delete, "cloudformation:DeleteStackSet", access::stack_set;
    DescribeStackSet: describe, "cloudformation:DescribeStackSet", access::stack_set;
    ListStackSets: list, "cloudformation:ListStackSets", access::any;
    ListStackSetAutoDeploymentTargets: aims, "cloudformation:ListStackSetAutoDeploymentTargets", access::stack_set;
}

const NAME_CHARS_MAX: usize = 128;
const ADMINISTRATOR: &str = "AWSCloudFormationStackSetAdministrationRole";
const EXECUTOR: &str = "AWSCloudFormationStackSetExecutionRole";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateStackSet {
        name: String = "StackSetName",
        description: Option<String> = "Description",
        body: Option<String> = "TemplateBody",
        url: Option<String> = "TemplateURL",
        parameters: Vec<Parameter> = "Parameters",
        capabilities: Vec<String> = "Capabilities",
        tags: Vec<Tag> = "Tags",
        administrator: Option<String> = "AdministrationRoleARN",
        executor: Option<String> = "ExecutionRoleName",
        model: Option<String> = "PermissionModel",
        call_as: Option<String> = "CallAs",
        token: Option<String> = "ClientRequestToken",
        managed: Option<Managed> = "ManagedExecution",
        auto: Option<Auto> = "AutoDeployment",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Auto {
        enabled: Option<bool> = "Enabled",
        retains: Option<bool> = "RetainStacksOnAccountRemoval",
        depends: Vec<String> = "DependsOn",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct AutoView {
        enabled: bool = "Enabled",
        retains: Option<bool> = "RetainStacksOnAccountRemoval",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Managed { active: Option<bool> = "Active" }

    #[derive(Clone, Debug)]
    pub(crate) struct Created { id: String = "StackSetId" }

    #[derive(Clone, Debug)]
    pub(crate) struct UpdateStackSet {
        name: String = "StackSetName",
        description: Option<String> = "Description",
        body: Option<String> = "TemplateBody",
        url: Option<String> = "TemplateURL",
        previous: Option<bool> = "UsePreviousTemplate",
        parameters: Vec<Parameter> = "Parameters",
        capabilities: Vec<String> = "Capabilities",
        tags: Option<Vec<Tag>> = "Tags",
        preferences: Option<Preferred> = "OperationPreferences",
        administrator: Option<String> = "AdministrationRoleARN",
        executor: Option<String> = "ExecutionRoleName",
        model: Option<String> = "PermissionModel",
        call_as: Option<String> = "CallAs",
        operation: Option<String> = "OperationId",
        accounts: Vec<String> = "Accounts",
        regions: Vec<String> = "Regions",
        managed: Option<Managed> = "ManagedExecution",
        auto: Option<Auto> = "AutoDeployment",
        targets: Option<Targets> = "DeploymentTargets",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Begun { pub(super) id: String = "OperationId" }

    #[derive(Clone, Debug)]
    pub(crate) struct Named {
        name: String = "StackSetName",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described { set: View = "StackSet" }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        name: String = "StackSetName",
        id: String = "StackSetId",
        description: Option<String> = "Description",
        status: String = "Status",
        body: String = "TemplateBody",
        parameters: Vec<ParameterView> = "Parameters",
        capabilities: Vec<String> = "Capabilities",
        tags: Vec<Tag> = "Tags",
        arn: String = "StackSetARN",
        administrator: Option<String> = "AdministrationRoleARN",
        executor: Option<String> = "ExecutionRoleName",
        model: String = "PermissionModel",
        auto: Option<AutoView> = "AutoDeployment",
        units: Option<Vec<String>> = "OrganizationalUnitIds",
        drift: Option<Details> = "StackSetDriftDetectionDetails",
        managed: Managed = "ManagedExecution",
        regions: Vec<String> = "Regions",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListStackSets {
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
        status: Option<String> = "Status",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Sets {
        sets: Vec<Summary> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        name: String = "StackSetName",
        id: String = "StackSetId",
        description: Option<String> = "Description",
        status: String = "Status",
        auto: Option<AutoView> = "AutoDeployment",
        model: String = "PermissionModel",
        drift: String = "DriftStatus",
        checked: Option<Timestamp> = "LastDriftCheckTimestamp",
        managed: Managed = "ManagedExecution",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListAims {
        name: String = "StackSetName",
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Aims {
        aims: Vec<AimView> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct AimView {
        unit: String = "OrganizationalUnitId",
        regions: Vec<String> = "Regions",
    }
}

const SELF_MANAGED: &str = "SELF_MANAGED";
const SERVICE_MANAGED: &str = "SERVICE_MANAGED";
const AUTO_OF_OWN: &str = "AutoDeployment can be specified only for SERVICE_MANAGED permission model";
const ROLES_OF_MANAGED: &str =
    "AdministrationRoleARN and ExecutionRoleName can not be specified for SERVICE_MANAGED permission model";
const UNMANAGED: Managed = Managed { active: Some(false) };

/// What is not built of sets.
fn only_own(call_as: Option<&str>, managed: Option<&Managed>) -> Result<(), CfnError> {
    if managed.is_some_and(|managed| managed.active == Some(true)) {
        return Err(CfnError::NotBuilt("Managed execution of stack sets".into()));
    }
    as_self(call_as)
}

impl Auto {
    fn kept(self) -> Result<AutoDeployment, CfnError> {
        if !self.depends.is_empty() {
            return Err(CfnError::NotBuilt("AutoDeployment.DependsOn".into()));
        }
        let enabled = self.enabled == Some(true);
        if self.retains == Some(true) && !enabled {
            return Err(invalid(
                "RetainStacksOnAccountRemoval can be specified only if AutoDeployment is enabled",
            ));
        }
        Ok(AutoDeployment { enabled, retains: self.retains == Some(true) })
    }
}

impl AutoView {
    fn of(auto: &AutoDeployment) -> AutoView {
        AutoView { enabled: auto.enabled, retains: auto.enabled.then_some(auto.retains) }
    }
}

fn model_of(set: &StackSet) -> String {
    if set.is_managed() { SERVICE_MANAGED } else { SELF_MANAGED }.to_owned()
}

/// # Errors
/// For whom acts for an organization.
pub(super) fn as_self(call_as: Option<&str>) -> Result<(), CfnError> {
    match call_as {
        Some("DELEGATED_ADMIN") => Err(CfnError::NotBuilt("CallAs DELEGATED_ADMIN".into())),
        _ => Ok(()),
    }
}

/// A set by its name, or by name and id; one that is deleted by the latter only.
pub(crate) fn find_set(cx: &Cx<'_>, named: &str) -> Result<Option<StackSet>, CfnError> {
    let region = Key::regional(cx.account, cx.region);
    let (name, id) = named.split_once(':').map_or((named, None), |(name, id)| (name, Some(id.to_owned())));
    let id = match id {
        Some(id) => Some(id),
        None => SET_NAMES.get(cx.tx, &region.clone().str(name))?.map(|link| link.set),
    };
    let found = id.map(|id| SETS.get(cx.tx, &region.str(&id))).transpose()?.flatten();
    Ok(found.filter(|set| set.name == name))
}

pub(super) fn existing_set(cx: &Cx<'_>, named: &str) -> Result<StackSet, CfnError> {
    find_set(cx, named)?.ok_or_else(|| CfnError::NoStackSet(named.to_owned()))
}

/// One that may be changed now.
pub(super) fn idle_set(cx: &Cx<'_>, named: &str) -> Result<StackSet, CfnError> {
    let set = existing_set(cx, named)?;
    if set.deleted {
        return Err(CfnError::NoStackSet(named.to_owned()));
    }
    match SET_JOBS.contains(cx.tx, &set.key())? {
        true => Err(CfnError::SetBusy(set.arn())),
        false => Ok(set),
    }
}

/// Parameters as they are shown.
pub(super) fn shown(set: &StackSet, texts: Texts) -> Vec<ParameterView> {
    let view = |(key, value): (String, String)| {
        let value = if set.hidden.contains(&key) { "****".to_owned() } else { value };
        ParameterView { key, value, resolved: None }
    };
    texts.into_iter().map(view).collect()
}

/// For calls from within: of a stack around it, which has fetched the template already.
fn create_within(cx: &mut Cx<'_>, mut req: CreateStackSet) -> Result<Created, CfnError> {
    only_own(req.call_as.as_deref(), req.managed.as_ref())?;
    let text = source::text_within(req.body.take(), req.url.take())?;
    make(cx, req, text)
}

async fn create(dx: Dx, mut req: CreateStackSet, _: Payload) -> Result<Answer<Created>, Fault> {
    only_own(req.call_as.as_deref(), req.managed.as_ref())?;
    let text = source::text(&dx, req.body.take(), req.url.take()).await?;
    dx.transact(|cx| make(cx, req.clone(), text.clone())).await.map(Answer::from)
}

fn make(cx: &mut Cx<'_>, req: CreateStackSet, text: Option<String>) -> Result<Created, CfnError> {
    check_name(&req.name)?;
    if let Some(known) = find_set(cx, &req.name)? {
        return match &req.token {
            Some(token) if known.token.as_ref() == Some(token) => Ok(Created { id: known.full_id() }),
            _ => Err(CfnError::StackSetExists(req.name)),
        };
    }
    let (administrator, executor, auto) =
        permissions(cx, req.model.as_deref(), req.administrator, req.executor, req.auto)?;
    let mut set = StackSet {
        name: req.name,
        id: base::id::uuid(cx.rng()),
        account: cx.account,
        region: cx.region,
        description: req.description,
        tags: tags(req.tags)?,
        administrator,
        executor,
        auto,
        created: cx.now,
        token: req.token,
        ..StackSet::default()
    };
    take(cx, &mut set, text.ok_or_else(source::missing)?, given(req.parameters), req.capabilities)?;
    set.save(cx.tx);
    news::set_changed(&std::sync::Arc::clone(cx.cloud()), cx.tx, &set);
    let link = SetJob { account: set.account, region: set.region, set: set.id.clone(), ..SetJob::default() };
    SET_NAMES.put(cx.tx, &Key::regional(set.account, set.region).str(&set.name), &link);
    Ok(Created { id: set.full_id() })
}

/// The roles of a new set, and whether it follows an organization.
fn permissions(
    cx: &mut Cx<'_>,
    model: Option<&str>,
    administrator: Option<String>,
    executor: Option<String>,
    auto: Option<Auto>,
) -> Result<(String, String, Option<AutoDeployment>), CfnError> {
    if model != Some(SERVICE_MANAGED) {
        if auto.is_some() {
            return Err(invalid(AUTO_OF_OWN));
        }
        let own = || Arn::new("iam", "", cx.account.as_str(), &format!("role/{ADMINISTRATOR}")).to_string();
        return Ok((
            administrator.unwrap_or_else(own),
            executor.unwrap_or_else(|| EXECUTOR.to_owned()),
            None,
        ));
    }
    if administrator.is_some() || executor.is_some() {
        return Err(invalid(ROLES_OF_MANAGED));
    }
    organization::must_operate(cx)?;
    let auto = auto.map(Auto::kept).transpose()?.unwrap_or_default();
    Ok((organization::administrator(cx.account), organization::executor(cx.account), Some(auto)))
}

fn check_name(name: &str) -> Result<(), CfnError> {
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !good {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )));
    }
    if name.len() > NAME_CHARS_MAX {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy constraint: Member must have length less than or equal to {NAME_CHARS_MAX}"
        )));
    }
    Ok(())
}

/// The set's template, with what its parameters are; each stack expands and checks it where it is.
fn take(
    cx: &Cx<'_>,
    set: &mut StackSet,
    text: String,
    given: Vec<Given>,
    capabilities: Vec<String>,
) -> Result<(), CfnError> {
    let template = looked_at(cx, &text, &Table)?;
    let before: BTreeMap<String, String> =
        open_texts(cx.cloud(), &set.sealed_parameters).into_iter().collect();
    let parameters = resolve(&template, &given, &before)?;
    acknowledged(&template, &capabilities)?;
    let texts: Texts = parameters.into_iter().collect();
    set.sealed_parameters = seal_texts(cx.cloud(), &texts);
    set.hidden = template.parameters.iter().filter(|p| p.no_echo).map(|p| p.name.clone()).collect();
    (set.text, set.capabilities) = (text, capabilities);
    Ok(())
}

fn acknowledged(template: &Template, capabilities: &[String]) -> Result<(), CfnError> {
    let has = |name: &str| capabilities.iter().any(|own| own == name);
    let needed = capabilities_of(template);
    let lacks = |own: &&str| !(has(own) || *own == "CAPABILITY_IAM" && has("CAPABILITY_NAMED_IAM"));
    match needed.iter().any(lacks) {
        true => Err(CfnError::Capabilities(needed.join(", "))),
        false => Ok(()),
    }
}

/// As [`create_within`].
fn update_within(cx: &mut Cx<'_>, mut req: UpdateStackSet) -> Result<Begun, CfnError> {
    only_own(req.call_as.as_deref(), req.managed.as_ref())?;
    let text = source::text_within(req.body.take(), req.url.take())?;
    change(cx, req, text)
}

async fn update(dx: Dx, mut req: UpdateStackSet, _: Payload) -> Result<Answer<Begun>, Fault> {
    only_own(req.call_as.as_deref(), req.managed.as_ref())?;
    let text = source::text(&dx, req.body.take(), req.url.take()).await?;
    dx.transact(|cx| change(cx, req.clone(), text.clone())).await.map(Answer::from)
}

fn change(cx: &mut Cx<'_>, req: UpdateStackSet, text: Option<String>) -> Result<Begun, CfnError> {
    let mut set = idle_set(cx, &req.name)?;
    if req.model.as_ref().is_some_and(|model| *model != model_of(&set)) {
        return Err(CfnError::NotBuilt("Changing the permission model of a stack set".into()));
    }
    if set.is_managed() {
        organization::must_operate(cx)?;
        if let Some(auto) = req.auto.clone() {
            if req.targets.is_some() || !req.regions.is_empty() {
                return Err(invalid("AutoDeployment cannot be specified with DeploymentTargets or Regions"));
            }
            set.auto = Some(auto.kept()?);
        }
    } else if req.auto.is_some() {
        return Err(invalid(AUTO_OF_OWN));
    }
    let text = match (req.previous, text) {
        (Some(true), Some(_)) => {
            return Err(invalid("You cannot specify both usePreviousTemplate and Template Body."));
        }
        (Some(true), None) => set.text.clone(),
        (_, text) => text.ok_or_else(source::missing)?,
    };
    take(cx, &mut set, text, given(req.parameters), req.capabilities)?;
    set.description = req.description.or(set.description);
    set.tags = req.tags.map(tags).transpose()?.unwrap_or(set.tags);
    if set.is_managed() && (req.administrator.is_some() || req.executor.is_some()) {
        return Err(invalid(ROLES_OF_MANAGED));
    }
    set.administrator = req.administrator.unwrap_or(set.administrator);
    set.executor = req.executor.unwrap_or(set.executor);
    set.save(cx.tx);
    let named_any = !req.accounts.is_empty() || req.targets.is_some();
    if named_any == req.regions.is_empty() {
        return Err(invalid("Accounts and Regions must be specified together."));
    }
    let mut asked = Asked::new("UPDATE", req.operation, req.preferences)?;
    asked.units = req.targets.as_ref().map(|targets| targets.units.clone()).unwrap_or_default();
    let named = match named_any {
        true => places(cx, &set, req.accounts, req.targets, &req.regions)?,
        false => Vec::new(),
    };
    for mut instance in set.instances(cx.tx)? {
        if instance.status == "INOPERABLE" {
            continue;
        }
        instance.status = "OUTDATED".into();
        set.put(cx.tx, &instance);
        let place = Place::of(instance);
        if !named_any || named.iter().any(|own| own.is(&place)) {
            asked.places.push(place);
        }
    }
    for place in named.iter().filter(|_| !set.is_managed()) {
        if set.instance(cx.tx, &place.account, &place.region)?.is_none() {
            return Err(CfnError::NoInstance(set.full_id(), place.account.clone(), place.region.clone()));
        }
    }
    begin(cx, &set, asked)
}

fn delete(cx: &mut Cx<'_>, req: Named) -> Result<Empty, CfnError> {
    as_self(req.call_as.as_deref())?;
    // AWS: deleting one that is not there succeeds.
    let Some(known) = find_set(cx, &req.name)?.filter(|set| !set.deleted) else { return Ok(Empty) };
    let mut set = idle_set(cx, &known.full_id())?;
    if INSTANCES.scan(cx.tx, &set.key(), Direction::Forward).next().is_some() {
        return Err(CfnError::StackSetNotEmpty);
    }
    set.deleted = true;
    set.save(cx.tx);
    news::set_changed(&std::sync::Arc::clone(cx.cloud()), cx.tx, &set);
    SET_NAMES.delete(cx.tx, &Key::regional(set.account, set.region).str(&set.name));
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Named) -> Result<Described, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let managed = set.is_managed();
    let (mut regions, mut units) = (Vec::new(), Vec::new());
    for instance in set.instances(cx.tx)? {
        regions.push(instance.region);
        units.extend(instance.unit);
    }
    for list in [&mut regions, &mut units] {
        list.sort_unstable();
        list.dedup();
    }
    let parameters = shown(&set, open_texts(cx.cloud(), &set.sealed_parameters));
    Ok(Described {
        set: View {
            id: set.full_id(),
            arn: set.arn(),
            status: set.status().to_owned(),
            parameters,
            model: model_of(&set),
            name: set.name,
            description: set.description,
            body: set.text,
            capabilities: set.capabilities,
            tags: set.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
            auto: set.auto.as_ref().map(AutoView::of),
            units: managed.then_some(units),
            drift: set.drift.map(Details::from),
            administrator: (!managed).then_some(set.administrator),
            executor: (!managed).then_some(set.executor),
            managed: UNMANAGED,
            regions,
        },
    })
}

fn list(cx: &mut Cx<'_>, req: ListStackSets) -> Result<Sets, CfnError> {
    as_self(req.call_as.as_deref())?;
    let all = SETS.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    let all: Result<Vec<StackSet>, _> = all.map(|entry| entry.map(|(_, set)| set)).collect();
    let mut all = all?;
    all.retain(|set| req.status.as_ref().is_none_or(|wanted| wanted == set.status()));
    all.sort_by_key(StackSet::full_id);
    let list = format!("cloudformation:ListStackSets {}", req.status.as_deref().unwrap_or_default());
    let (page, token) = page(cx, &list, req.token.as_deref(), req.most, all, StackSet::full_id)?;
    let summary = |set: StackSet| Summary {
        id: set.full_id(),
        status: set.status().to_owned(),
        model: model_of(&set),
        auto: set.auto.as_ref().map(AutoView::of),
        name: set.name,
        description: set.description,
        drift: set.drift.as_ref().map_or(NOT_CHECKED, |drift| &drift.status).to_owned(),
        checked: set.drift.as_ref().map(|drift| drift.checked),
        managed: UNMANAGED,
    };
    Ok(Sets { sets: page.into_iter().map(summary).collect(), token })
}

fn aims(cx: &mut Cx<'_>, req: ListAims) -> Result<Aims, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let all = if set.auto.as_ref().is_some_and(|auto| auto.enabled) { set.aims } else { Vec::new() };
    let list = format!("cloudformation:ListStackSetAutoDeploymentTargets {}", set.id);
    let (page, token) = page(cx, &list, req.token.as_deref(), req.most, all, |aim| aim.unit.clone())?;
    let view = |aim: Aim| AimView { unit: aim.unit, regions: aim.regions };
    Ok(Aims { aims: page.into_iter().map(view).collect(), token })
}
