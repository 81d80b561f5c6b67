//! Control policies.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{
    ATTACHED, CONTENT_BYTES_MAX, CONTROLS, Control, Kind, Organization, POLICIES_PER_TYPE_MAX, all, new_id,
    within,
};
use super::super::page::page;
use super::super::tree;
use super::Tag;
use auth::policy::Policy;
use kernel::{Cx, Empty};
use store::Direction;

kernel::ops! {
    pub static OPS:
        CreatePolicy: create_policy, "organizations:CreatePolicy", named;
        UpdatePolicy: update_policy, "organizations:UpdatePolicy", named;
        DeletePolicy: delete_policy, "organizations:DeletePolicy", named;
        DescribePolicy: describe_policy, "organizations:DescribePolicy", named;
        ListPolicies: list_policies, "organizations:ListPolicies", named;
}

wire::shape! {
    pub struct CreatePolicy {
        pub content: String = "Content",
        pub description: String = "Description",
        pub name: String = "Name",
        pub kind: String = "Type",
        pub tags: Vec<Tag> = "Tags",
    }

    pub struct UpdatePolicy {
        pub id: String = "PolicyId",
        pub name: Option<String> = "Name",
        pub description: Option<String> = "Description",
        pub content: Option<String> = "Content",
    }

    pub struct PolicyId { pub id: String = "PolicyId" }

    pub struct PolicyResult { pub policy: PolicyShown = "Policy" }

    pub struct PolicyShown {
        pub summary: Summary = "PolicySummary",
        pub content: String = "Content",
    }

    pub struct Summary {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub name: String = "Name",
        pub description: String = "Description",
        pub kind: String = "Type",
        pub aws_managed: bool = "AwsManaged",
    }

    pub struct ListPolicies {
        pub filter: String = "Filter",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Policies {
        pub policies: Vec<Summary> = "Policies",
        pub next_token: Option<String> = "NextToken",
    }
}

impl Summary {
    pub(super) fn of(organization: &Organization, control: &Control) -> Summary {
        Summary {
            id: control.id.clone(),
            arn: control.arn(organization),
            name: control.name.clone(),
            description: control.description.clone(),
            kind: control.kind.name().into(),
            aws_managed: control.is_aws_managed(),
        }
    }
}

fn shown(organization: &Organization, control: Control) -> PolicyResult {
    let summary = Summary::of(organization, &control);
    PolicyResult { policy: PolicyShown { summary, content: control.content } }
}

pub(super) fn find(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Control, OrgError> {
    tree::control(cx.tx, &organization.id, id)?.ok_or_else(|| Plain::PolicyNotFound.into())
}

/// As [`find`], for a policy that is to be changed.
fn find_own(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Control, OrgError> {
    let control = find(cx, organization, id)?;
    if control.is_aws_managed() {
        let what = "You can't modify a policy that is managed by AWS.";
        return Err(OrgError::input("IMMUTABLE_POLICY", what));
    }
    Ok(control)
}

fn all_of(cx: &Cx<'_>, organization: &Organization, kind: Kind) -> Result<Vec<Control>, OrgError> {
    let found: Result<Vec<_>, _> = CONTROLS.scan(cx.tx, &all(&organization.id), Direction::Forward).collect();
    Ok(found?.into_iter().map(|(_, control)| control).filter(|control| control.kind == kind).collect())
}

fn check_content(kind: Kind, content: &str) -> Result<(), OrgError> {
    if content.len() > CONTENT_BYTES_MAX {
        let what = "You have exceeded the allowed size of a policy document.";
        return Err(OrgError::constraint("POLICY_CONTENT_LIMIT_EXCEEDED", what));
    }
    Policy::parse(content, kind.language()).map_err(|m| Plain::MalformedPolicy(m.message))?;
    Ok(())
}

fn name_is_free(others: &[Control], own: Option<&str>, name: &str, kind: Kind) -> Result<(), OrgError> {
    let taken = |control: &Control| control.name == name && Some(control.id.as_str()) != own;
    if others.iter().any(taken) || kind.full_access().name == name {
        return Err(Plain::DuplicatePolicy.into());
    }
    Ok(())
}

fn create_policy(cx: &mut Cx<'_>, req: CreatePolicy) -> Result<PolicyResult, OrgError> {
    let organization = tree::managed(cx)?;
    let kind = super::kind(&req.kind)?;
    if !organization.all_features {
        return Err(Plain::TypeNotAvailable.into());
    }
    let others = all_of(cx, &organization, kind)?;
    name_is_free(&others, None, &req.name, kind)?;
    if others.len() >= POLICIES_PER_TYPE_MAX {
        let what = "You have exceeded the allowed number of policies.";
        return Err(OrgError::constraint("POLICY_NUMBER_LIMIT_EXCEEDED", what));
    }
    check_content(kind, &req.content)?;
    let control = Control {
        id: new_id(cx.rng(), "p-", 8),
        name: req.name,
        description: req.description,
        kind,
        content: req.content,
        tags: super::tags(req.tags)?,
    };
    CONTROLS.put(cx.tx, &within(&organization.id, &control.id), &control);
    Ok(shown(&organization, control))
}

fn update_policy(cx: &mut Cx<'_>, req: UpdatePolicy) -> Result<PolicyResult, OrgError> {
    let organization = tree::managed(cx)?;
    let mut control = find_own(cx, &organization, &req.id)?;
    if let Some(name) = req.name {
        name_is_free(&all_of(cx, &organization, control.kind)?, Some(&control.id), &name, control.kind)?;
        control.name = name;
    }
    if let Some(content) = req.content {
        check_content(control.kind, &content)?;
        control.content = content;
    }
    control.description = req.description.unwrap_or(control.description);
    CONTROLS.put(cx.tx, &within(&organization.id, &control.id), &control);
    Ok(shown(&organization, control))
}

fn delete_policy(cx: &mut Cx<'_>, req: PolicyId) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let control = find_own(cx, &organization, &req.id)?;
    for attached in ATTACHED.scan(cx.tx, &all(&organization.id), Direction::Forward) {
        if attached?.1.of(control.kind).contains(&control.id) {
            return Err(Plain::PolicyInUse.into());
        }
    }
    CONTROLS.delete(cx.tx, &within(&organization.id, &control.id));
    Ok(Empty)
}

fn describe_policy(cx: &mut Cx<'_>, req: PolicyId) -> Result<PolicyResult, OrgError> {
    let organization = tree::managed(cx)?;
    let control = find(cx, &organization, &req.id)?;
    Ok(shown(&organization, control))
}

fn list_policies(cx: &mut Cx<'_>, req: ListPolicies) -> Result<Policies, OrgError> {
    let organization = tree::managed(cx)?;
    let kind = super::kind(&req.filter)?;
    let mut all = all_of(cx, &organization, kind)?;
    all.push(kind.full_access());
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let all = all.iter().map(|control| (control.id.clone(), Summary::of(&organization, control))).collect();
    let list = format!("policies/{}", req.filter);
    let (policies, next_token) = page(cx, &list, all, req.next_token.as_deref(), req.max_results)?;
    Ok(Policies { policies, next_token })
}
