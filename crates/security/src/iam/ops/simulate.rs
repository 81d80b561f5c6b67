//! The policy simulator's operations, and what condition keys policies read.

use crate::iam::attached::{Compiled, last_part};
use crate::iam::exclusion::{self, Exclusion};
use crate::iam::page::Paging;
use crate::iam::simulation::{Evaluated, OnResource, Scene, Sides, Statement};
use crate::iam::source::{self, Source};
use crate::iam::{IamError, access::source as access};
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource, Principal};
use base::{AccountId, Arn};
use kernel::Cx;
use kernel::identity::{Attached, ControlLevel};
use std::sync::Arc;
use wire::shape::Pairs;

kernel::ops! {
    pub static OPS:
    SimulateCustomPolicy: custom, "iam:SimulateCustomPolicy", kernel::access::any;
    SimulatePrincipalPolicy: principal, "iam:SimulatePrincipalPolicy", access::simulated;
    GetContextKeysForCustomPolicy: custom_keys, "iam:GetContextKeysForCustomPolicy", kernel::access::any;
    GetContextKeysForPrincipalPolicy: principal_keys, "iam:GetContextKeysForPrincipalPolicy", access::simulated;
}

/// Actions times resources: beyond that a simulation is refused.
const CALLS_MAX: usize = 10_000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct SimulateCustom {
        pub policies: Vec<String> = "PolicyInputList",
        pub boundaries: Vec<String> = "PermissionsBoundaryPolicyInputList",
        pub control: Vec<ControlInput> = "OrderedOrganizationPolicyInputList",
        pub actions: Vec<String> = "ActionNames",
        pub resources: Vec<String> = "ResourceArns",
        pub resource_policy: Option<String> = "ResourcePolicy",
        pub resource_owner: Option<String> = "ResourceOwner",
        pub caller: Option<String> = "CallerArn",
        pub entries: Vec<ContextEntry> = "ContextEntries",
        pub handling: Option<String> = "ResourceHandlingOption",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct ControlInput { pub policies: Vec<String> = "ServiceControlPolicyInputList" }

    #[derive(Clone, Debug)]
    pub struct SimulatePrincipal {
        pub source: String = "PolicySourceArn",
        pub policies: Vec<String> = "PolicyInputList",
        pub boundaries: Vec<String> = "PermissionsBoundaryPolicyInputList",
        pub excluded: Vec<Exclusion> = "PolicyExclusionList",
        pub actions: Vec<String> = "ActionNames",
        pub resources: Vec<String> = "ResourceArns",
        pub resource_policy: Option<String> = "ResourcePolicy",
        pub resource_owner: Option<String> = "ResourceOwner",
        pub caller: Option<String> = "CallerArn",
        pub entries: Vec<ContextEntry> = "ContextEntries",
        pub handling: Option<String> = "ResourceHandlingOption",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct ContextEntry {
        pub name: Option<String> = "ContextKeyName",
        pub values: Vec<String> = "ContextKeyValues",
        pub kind: Option<String> = "ContextKeyType",
    }

    #[derive(Clone, Debug)]
    pub struct Simulated {
        pub results: Vec<EvaluationResult> = "EvaluationResults",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct EvaluationResult {
        pub action: String = "EvalActionName",
        pub resource: String = "EvalResourceName",
        pub decision: String = "EvalDecision",
        pub matched: Vec<MatchedStatement> = "MatchedStatements",
        pub missing: Vec<String> = "MissingContextValues",
        pub details: Option<Pairs<String>> = "EvalDecisionDetails",
        pub organization: Option<OrganizationsDetail> = "OrganizationsDecisionDetail",
        pub boundary: Option<BoundaryDetail> = "PermissionsBoundaryDecisionDetail",
        pub resources: Option<Vec<ResourceResult>> = "ResourceSpecificResults",
    }

    #[derive(Clone, Debug)]
    pub struct ResourceResult {
        pub resource: String = "EvalResourceName",
        pub decision: String = "EvalResourceDecision",
        pub matched: Vec<MatchedStatement> = "MatchedStatements",
        pub missing: Vec<String> = "MissingContextValues",
        pub details: Option<Pairs<String>> = "EvalDecisionDetails",
        pub boundary: Option<BoundaryDetail> = "PermissionsBoundaryDecisionDetail",
    }

    #[derive(Clone, Debug)]
    pub struct MatchedStatement {
        pub id: String = "SourcePolicyId",
        pub kind: String = "SourcePolicyType",
        pub start: Position = "StartPosition",
        pub end: Position = "EndPosition",
    }

    #[derive(Clone, Debug)]
    pub struct Position {
        pub line: u32 = "Line",
        pub column: u32 = "Column",
    }

    #[derive(Clone, Debug)]
    pub struct OrganizationsDetail { pub allowed: bool = "AllowedByOrganizations" }

    #[derive(Clone, Debug)]
    pub struct BoundaryDetail { pub allowed: bool = "AllowedByPermissionsBoundary" }

    #[derive(Clone, Debug)]
    pub struct CustomKeys { pub policies: Vec<String> = "PolicyInputList" }

    #[derive(Clone, Debug)]
    pub struct PrincipalKeys {
        pub source: String = "PolicySourceArn",
        pub policies: Vec<String> = "PolicyInputList",
    }

    #[derive(Clone, Debug)]
    pub struct Keys { pub names: Vec<String> = "ContextKeyNames" }
}

/// What both simulations ask alike.
struct Question {
    actions: Vec<String>,
    resources: Vec<String>,
    resource_policy: Option<String>,
    resource_owner: Option<String>,
    entries: Vec<ContextEntry>,
    handling: Option<String>,
    marker: Option<String>,
    max_items: Option<i32>,
}

fn invalid(message: impl Into<String>) -> IamError {
    IamError::InvalidInput(message.into())
}

/// The policies of a request's list, called `list.1` and so on in answers.
fn inputs(list: &str, texts: &[String], kind: PolicyKind) -> Result<Vec<Attached>, IamError> {
    let named = texts.iter().enumerate();
    named.map(|(at, text)| input(format!("{list}.{}", at + 1), text, kind)).collect()
}

fn input(id: String, text: &str, kind: PolicyKind) -> Result<Attached, IamError> {
    let policy = Policy::parse(text, kind).map_err(|bad| invalid(format!("{id}: {}", bad.message)))?;
    let form = if kind.has_principals() { PolicyForm::Resource } else { PolicyForm::Input };
    Ok((PolicySource { id, attached_to: String::new(), form }, Arc::new(policy)))
}

fn boundary(texts: &[String]) -> Result<Option<Attached>, IamError> {
    if texts.len() > 1 {
        return Err(invalid("Only one permissions boundary policy can be simulated."));
    }
    Ok(inputs("PermissionsBoundaryPolicyInputList", texts, PolicyKind::Boundary)?.pop())
}

/// The policy that hangs on the resources, read as the service of the first of them reads it.
fn resource_policy(question: &Question) -> Result<Option<Attached>, IamError> {
    let Some(text) = &question.resource_policy else { return Ok(None) };
    let is_role = |arn: &String| Arn::parse(arn).is_some_and(|arn| arn.service == "iam");
    if question.resources.iter().any(is_role) {
        return Err(invalid("Simulation of resource-based policies isn't supported for IAM roles."));
    }
    let vendor = question.actions.first().and_then(|action| action.split(':').next()).unwrap_or_default();
    let service = auth::actions::service(vendor).map_or("", auth::actions::Service::prefix);
    input("ResourcePolicy".into(), text, PolicyKind::Resource(service)).map(Some)
}

fn check_actions(question: &Question) -> Result<(), IamError> {
    for action in &question.actions {
        let good =
            action.split_once(':').is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty());
        if !good || action.contains(['*', '?']) {
            return Err(invalid(format!("Invalid action name: {action}")));
        }
    }
    if question.actions.len().saturating_mul(question.resources.len().max(1)) > CALLS_MAX {
        return Err(invalid(format!(
            "A simulation is limited to {CALLS_MAX} combinations of action and resource."
        )));
    }
    for arn in question.resources.iter().filter(|arn| *arn != "*") {
        if Arn::parse(arn).is_none() {
            return Err(invalid(format!("Invalid resource ARN: {arn}")));
        }
    }
    check_handling(question)
}

/// The scenarios of EC2, each with the types of resource that it needs.
fn check_handling(question: &Question) -> Result<(), IamError> {
    let Some(option) = question.handling.as_deref() else { return Ok(()) };
    let needed: &[&str] = match option {
        "EC2-VPC-InstanceStore" => &["instance", "image", "security-group", "network-interface"],
        "EC2-VPC-InstanceStore-Subnet" => {
            &["instance", "image", "security-group", "network-interface", "subnet"]
        }
        "EC2-VPC-EBS" => &["instance", "image", "security-group", "network-interface", "volume"],
        "EC2-VPC-EBS-Subnet" => {
            &["instance", "image", "security-group", "network-interface", "subnet", "volume"]
        }
        _ => return Err(invalid(format!("Invalid value for ResourceHandlingOption: {option}"))),
    };
    let has = |kind: &str| {
        question.resources.iter().filter_map(|arn| Arn::parse(arn)).any(|arn| {
            arn.service == "ec2" && arn.resource.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    match needed.iter().find(|kind| !has(kind)) {
        Some(kind) => {
            Err(invalid(format!("ResourceHandlingOption {option} requires a resource of type {kind}.")))
        }
        None => Ok(()),
    }
}

fn entries(list: &[ContextEntry]) -> Result<Vec<(String, Vec<String>, bool)>, IamError> {
    let mut out: Vec<(String, Vec<String>, bool)> = Vec::with_capacity(list.len());
    for entry in list {
        let name = entry.name.clone().ok_or_else(|| invalid("ContextKeyName is missing."))?;
        let is_list = entry.kind.as_deref().is_some_and(|kind| kind.ends_with("List"));
        if !is_list && entry.kind.is_some() && entry.values.len() > 1 {
            return Err(invalid(format!("The context key {name} has one value, not several.")));
        }
        if out.iter().any(|(known, ..)| known.eq_ignore_ascii_case(&name)) {
            return Err(invalid(format!("The context key {name} is given twice.")));
        }
        out.push((name, entry.values.clone(), is_list));
    }
    Ok(out)
}

/// An account by its id or by the ARN of something that it owns.
fn owner(text: &str) -> Result<AccountId, IamError> {
    let account = AccountId::parse(text).or_else(|| AccountId::parse(&Arn::parse(text)?.account));
    account.ok_or_else(|| invalid(format!("Invalid ResourceOwner: {text}")))
}

/// Somebody of the account who has no policies beside those that are simulated.
fn nobody(account: AccountId) -> Principal {
    Principal::User { account, arn: format!("arn:aws:iam::{account}:user/simulated"), id: String::new() }
}

fn caller_named(cx: &Cx<'_>, arn: &str) -> Result<Principal, IamError> {
    source::principal(cx.tx, arn)?.ok_or_else(|| invalid(format!("Invalid CallerArn: {arn}")))
}

fn custom(cx: &mut Cx<'_>, req: SimulateCustom) -> Result<Simulated, IamError> {
    if req.resource_policy.is_some() && req.caller.is_none() {
        return Err(invalid("CallerArn is required if ResourcePolicy is given."));
    }
    let caller = match &req.caller {
        Some(arn) => caller_named(cx, arn)?,
        None => nobody(cx.account),
    };
    let mut control = Vec::new();
    for (at, level) in req.control.iter().enumerate() {
        let target = format!("OrderedOrganizationPolicyInputList.{}", at + 1);
        let policies = inputs(&target, &level.policies, PolicyKind::Scp)?;
        control.push(ControlLevel { target, policies });
    }
    let question = Question {
        actions: req.actions,
        resources: req.resources,
        resource_policy: req.resource_policy,
        resource_owner: req.resource_owner,
        entries: req.entries,
        handling: req.handling,
        marker: req.marker,
        max_items: req.max_items,
    };
    let identity = inputs("PolicyInputList", &req.policies, PolicyKind::Identity)?;
    let boundary = boundary(&req.boundaries)?;
    run(cx, question, caller, identity, boundary, control)
}

fn principal(cx: &mut Cx<'_>, req: SimulatePrincipal) -> Result<Simulated, IamError> {
    let found = source::find(cx, &req.source)?;
    let caller = match &req.caller {
        Some(arn) => caller_named(cx, arn)?,
        None => found.principal(cx.account),
    };
    let compiled = Compiled::default();
    let excluded = exclusion::read(&req.excluded)?;
    let mut identity = found.policies(&compiled, cx)?;
    identity.retain(|policy| !excluded.cover(&policy.0));
    identity.extend(inputs("PolicyInputList", &req.policies, PolicyKind::Identity)?);
    let boundary = match boundary(&req.boundaries)? {
        Some(given) => Some(given),
        None => found.boundary(&compiled, cx)?.filter(|policy| !excluded.covers_boundary(&policy.0)),
    };
    // The source is of the caller's own account, and so under the same control policies.
    let control = if excluded.covers_control()
        || matches!(&found, Source::Role(role) if role.linked_service.is_some())
    {
        Vec::new()
    } else {
        cx.caller.policies.service_control.clone()
    };
    let question = Question {
        actions: req.actions,
        resources: req.resources,
        resource_policy: req.resource_policy,
        resource_owner: req.resource_owner,
        entries: req.entries,
        handling: req.handling,
        marker: req.marker,
        max_items: req.max_items,
    };
    run(cx, question, caller, identity, boundary, control)
}

fn run(
    cx: &mut Cx<'_>,
    question: Question,
    caller: Principal,
    identity: Vec<Attached>,
    boundary: Option<Attached>,
    control: Vec<ControlLevel>,
) -> Result<Simulated, IamError> {
    check_actions(&question)?;
    let scene = Scene {
        owner: match &question.resource_owner {
            Some(text) => owner(text)?,
            None => caller.account().unwrap_or(cx.account),
        },
        resource: resource_policy(&question)?,
        entries: entries(&question.entries)?,
        caller,
        identity,
        boundary,
        control,
    };
    let filters = [question.actions.join(","), question.resources.join(",")];
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let paging = Paging::of(cx, &filters, question.marker.as_deref(), question.max_items)?;
    let all = scene.run(&question.actions, &question.resources);
    let position = |result: &Evaluated| format!("{} {}", result.action, result.template);
    let (results, is_truncated, marker) = paging.slice(cx, all, position).map(shown).parts();
    Ok(Simulated { results, is_truncated, marker })
}

fn shown(result: Evaluated) -> EvaluationResult {
    // Within an account there are none; of named resources that is said, too.
    let details = match (result.by_organization, result.resources.is_empty()) {
        (Some(false), _) | (_, true) => None,
        _ => Some(result.sides.map_or_else(|| Pairs(Vec::new()), shown_sides)),
    };
    let resources: Vec<ResourceResult> = result.resources.into_iter().map(shown_resource).collect();
    EvaluationResult {
        action: result.action,
        resource: result.template,
        decision: result.outcome.as_str().to_owned(),
        matched: result.matched.iter().map(matched).collect(),
        missing: result.missing,
        details,
        organization: result.by_organization.map(|allowed| OrganizationsDetail { allowed }),
        boundary: result.by_boundary.map(|allowed| BoundaryDetail { allowed }),
        resources: (!resources.is_empty()).then_some(resources),
    }
}

fn shown_resource(result: OnResource) -> ResourceResult {
    ResourceResult {
        resource: result.arn,
        decision: result.outcome.as_str().to_owned(),
        matched: result.matched.iter().map(matched).collect(),
        missing: result.missing,
        details: result.sides.map(shown_sides),
        boundary: result.by_boundary.map(|allowed| BoundaryDetail { allowed }),
    }
}

fn shown_sides((identity, resource): Sides) -> Pairs<String> {
    let mut sides = vec![("IAM Policy".to_owned(), identity.as_str().to_owned())];
    sides.extend(resource.map(|outcome| ("Resource Policy".to_owned(), outcome.as_str().to_owned())));
    Pairs(sides)
}

fn matched(statement: &Statement) -> MatchedStatement {
    let source = &statement.source;
    let position = |(line, column)| Position { line, column };
    MatchedStatement {
        id: last_part(&source.id).to_owned(),
        kind: kind(source).to_owned(),
        start: position(statement.start),
        end: position(statement.end),
    }
}

/// The model's `PolicySourceType`.
fn kind(source: &PolicySource) -> &'static str {
    match source.form {
        PolicyForm::Managed if source.id.starts_with("arn:aws:iam::aws:") => "aws-managed",
        PolicyForm::Managed => "user-managed",
        PolicyForm::Resource => "resource",
        PolicyForm::Input => "none",
        PolicyForm::Inline => {
            let holder = source.attached_to.splitn(6, ':').nth(5).unwrap_or_default();
            match holder.split('/').next() {
                Some("user") => "user",
                Some("group") => "group",
                Some("role") => "role",
                _ => "none",
            }
        }
    }
}

/// The condition keys of all policies, each once.
fn keys<'p>(policies: impl IntoIterator<Item = &'p Attached>) -> Keys {
    let mut names: Vec<String> = Vec::new();
    for key in policies.into_iter().flat_map(|policy| policy.1.context_keys()) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            names.push(key.to_owned());
        }
    }
    Keys { names }
}

fn custom_keys(_: &mut Cx<'_>, req: CustomKeys) -> Result<Keys, IamError> {
    Ok(keys(&inputs("PolicyInputList", &req.policies, PolicyKind::Identity)?))
}

fn principal_keys(cx: &mut Cx<'_>, req: PrincipalKeys) -> Result<Keys, IamError> {
    let mut policies = source::find(cx, &req.source)?.policies(&Compiled::default(), cx)?;
    policies.extend(inputs("PolicyInputList", &req.policies, PolicyKind::Identity)?);
    Ok(keys(&policies))
}
