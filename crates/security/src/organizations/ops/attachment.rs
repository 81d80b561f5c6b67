//! Which policies hang where.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{ATTACHED, ATTACHED_MAX, FULL_RCP, Kind, Organization, all, within};
use super::super::page::page;
use super::super::tree::{self, Node};
use super::policy::{Summary, find};
use kernel::{Cx, Empty};
use store::Direction;

kernel::ops! {
    pub static OPS:
        AttachPolicy: attach_policy, "organizations:AttachPolicy", named;
        DetachPolicy: detach_policy, "organizations:DetachPolicy", named;
        ListPoliciesForTarget: list_policies_for_target, "organizations:ListPoliciesForTarget", named;
        ListTargetsForPolicy: list_targets_for_policy, "organizations:ListTargetsForPolicy", named;
}

wire::shape! {
    pub struct Attachment {
        pub policy: String = "PolicyId",
        pub target: String = "TargetId",
    }

    pub struct ListForTarget {
        pub target: String = "TargetId",
        pub filter: String = "Filter",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Policies {
        pub policies: Vec<Summary> = "Policies",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct ListForPolicy {
        pub policy: String = "PolicyId",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Targets {
        pub targets: Vec<Target> = "Targets",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct Target {
        pub id: String = "TargetId",
        pub arn: String = "Arn",
        pub name: String = "Name",
        pub kind: String = "Type",
    }
}

fn target(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Node, OrgError> {
    tree::node(cx.tx, organization, id)?.ok_or_else(|| Plain::TargetNotFound.into())
}

fn attach_policy(cx: &mut Cx<'_>, req: Attachment) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let control = find(cx, &organization, &req.policy)?;
    target(cx, &organization, &req.target)?;
    if !organization.enabled(control.kind) {
        return Err(Plain::TypeNotEnabled.into());
    }
    let mut attached = tree::attached(cx.tx, &organization, &req.target)?;
    let ids = attached.of_mut(control.kind);
    if ids.contains(&control.id) {
        return Err(Plain::DuplicateAttachment.into());
    }
    if ids.len() >= ATTACHED_MAX {
        let what =
            "You have exceeded the allowed number of policies that can be attached to the specified target.";
        return Err(OrgError::constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", what));
    }
    ids.push(control.id);
    ATTACHED.put(cx.tx, &within(&organization.id, &req.target), &attached);
    Ok(Empty)
}

fn detach_policy(cx: &mut Cx<'_>, req: Attachment) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let control = find(cx, &organization, &req.policy)?;
    target(cx, &organization, &req.target)?;
    if control.id == FULL_RCP {
        let what = "You can't detach the RCPFullAWSAccess policy.";
        return Err(OrgError::input("NON_DETACHABLE_POLICY", what));
    }
    let mut attached = tree::attached(cx.tx, &organization, &req.target)?;
    let ids = attached.of_mut(control.kind);
    let at = ids.iter().position(|id| *id == control.id).ok_or(Plain::PolicyNotAttached)?;
    if control.kind == Kind::Scp && ids.len() == 1 {
        let what = "You cannot remove the last policy attached to the specified target. You must have at least one \
                    attached at all times.";
        return Err(OrgError::constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", what));
    }
    ids.remove(at);
    ATTACHED.put(cx.tx, &within(&organization.id, &req.target), &attached);
    Ok(Empty)
}

fn list_policies_for_target(cx: &mut Cx<'_>, req: ListForTarget) -> Result<Policies, OrgError> {
    let organization = tree::managed(cx)?;
    let kind = super::kind(&req.filter)?;
    target(cx, &organization, &req.target)?;
    let mut all = Vec::new();
    for id in tree::attached(cx.tx, &organization, &req.target)?.of(kind) {
        all.extend(
            tree::control(cx.tx, &organization.id, id)?
                .map(|c| (c.id.clone(), Summary::of(&organization, &c))),
        );
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let list = format!("policies-for/{}/{}", req.target, req.filter);
    let (policies, next_token) = page(cx, &list, all, req.next_token.as_deref(), req.max_results)?;
    Ok(Policies { policies, next_token })
}

fn list_targets_for_policy(cx: &mut Cx<'_>, req: ListForPolicy) -> Result<Targets, OrgError> {
    let organization = tree::managed(cx)?;
    let control = find(cx, &organization, &req.policy)?;
    let mut ids = Vec::new();
    for attached in ATTACHED.scan(cx.tx, &all(&organization.id), Direction::Forward) {
        let (_, attached) = attached?;
        if attached.of(control.kind).contains(&control.id) {
            ids.push((attached.target.clone(), attached.target));
        }
    }
    let list = format!("targets/{}", req.policy);
    let (ids, next_token) = page(cx, &list, ids, req.next_token.as_deref(), req.max_results)?;
    let mut targets = Vec::new();
    for id in ids {
        let Some(node) = tree::node(cx.tx, &organization, &id)? else { continue };
        let (arn, name, kind) = (node.arn(&organization), node.name().to_owned(), node.kind().to_owned());
        targets.push(Target { id, arn, name, kind });
    }
    Ok(Targets { targets, next_token })
}
