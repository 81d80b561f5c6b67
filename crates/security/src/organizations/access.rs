//! What each operation touches: whatever its request names by id.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html>

use super::model::{HANDSHAKES, ORGANIZATIONS, Organization};
use super::tree;
use kernel::{Cx, Failure, Target};
use store::Key;
use wire::{Fault, Struct};

/// The members that name resources.
const IDS: [&str; 10] = [
    "PolicyId",
    "TargetId",
    "RootId",
    "ParentId",
    "OrganizationalUnitId",
    "AccountId",
    "SourceParentId",
    "DestinationParentId",
    "ChildId",
    "ResourceId",
];

/// One target for each resource that the request names; `*` where it names none.
///
/// # Errors
/// When the store cannot be read.
pub fn named(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let kind = ["Type", "PolicyType", "Filter"].iter().find_map(|name| request.str(name));
    let home = tree::home(cx.tx, cx.account).map_err(Failure::from)?;
    let mut targets = Vec::new();
    if let Some((organization, _)) = &home {
        for id in IDS.iter().filter_map(|name| request.str(name)) {
            targets.push(target(cx, organization, id)?);
        }
    }
    if targets.is_empty() {
        targets.push(Target::any());
    }
    let with_kind = |target: Target| match kind {
        Some(kind) => target.key("organizations:PolicyType", kind),
        None => target,
    };
    Ok(targets.into_iter().map(with_kind).collect())
}

/// The invitation that the request names.
///
/// # Errors
/// When the store cannot be read.
pub fn handshake(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let id = request.str("HandshakeId").unwrap_or_default();
    let found = HANDSHAKES.get(cx.tx, &Key::global().str(id)).map_err(Failure::from)?;
    let organization = match &found {
        Some(found) => {
            ORGANIZATIONS.get(cx.tx, &Key::global().str(&found.organization)).map_err(Failure::from)?
        }
        None => None,
    };
    Ok(vec![match organization {
        Some(organization) => Target::on(organization.arn("handshake", &format!("invite/{id}"))),
        None => Target::any(),
    }])
}

fn target(cx: &Cx<'_>, organization: &Organization, id: &str) -> Result<Target, Failure> {
    if id.starts_with("p-") {
        return Ok(match tree::control(cx.tx, &organization.id, id)? {
            Some(control) => Target::on(control.arn(organization))
                .tagged(control.tags.clone())
                .key("organizations:PolicyType", control.kind.name()),
            None => Target::on(organization.arn("policy", id)),
        });
    }
    if let Some(node) = tree::node(cx.tx, organization, id)? {
        return Ok(Target::on(node.arn(organization)).tagged(node.tags(organization).clone()));
    }
    let kind = match id.split('-').next() {
        Some("r") => "root",
        Some("ou") => "ou",
        _ => "account",
    };
    Ok(Target::on(organization.arn(kind, id)))
}
