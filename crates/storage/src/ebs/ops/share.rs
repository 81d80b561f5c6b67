//! Who may make volumes of a snapshot: ModifySnapshotAttribute and its like.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html>

use super::snapshots;
use crate::ebs::key;
use crate::ebs::model::{SNAPSHOTS, Snapshot};
use crate::ebs::news::{self, Here};
use base::AccountId;
use ec2::access::Access;
use ec2::kind::SNAPSHOT;
use ec2::share::{self, Change, Permission};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};
use std::sync::Arc;

kernel::ops! {
    /// Sharing.
    pub(crate) static OPS:
        ModifySnapshotAttribute: modify, "ec2:ModifySnapshotAttribute", |cx, r| Access::of(cx, r).one(&SNAPSHOT, "SnapshotId").done();
        DescribeSnapshotAttribute: show, "ec2:DescribeSnapshotAttribute", |cx, r| Access::of(cx, r).one(&SNAPSHOT, "SnapshotId").done();
        ResetSnapshotAttribute: reset, "ec2:ResetSnapshotAttribute", |cx, r| Access::of(cx, r).one(&SNAPSHOT, "SnapshotId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Modify {
        attribute: Option<String> = "Attribute",
        change: Option<Change> = "CreateVolumePermission",
        groups: Vec<String> = "GroupNames",
        kind: Option<String> = "OperationType",
        id: String = "SnapshotId",
        users: Vec<String> = "UserIds",
    }

    #[derive(Debug)]
    struct Asked {
        attribute: String = "Attribute",
        id: String = "SnapshotId",
    }

    #[derive(Debug)]
    struct Attribute {
        codes: Option<Vec<String>> = "ProductCodes",
        id: String = "SnapshotId",
        permissions: Option<Vec<Permission>> = "CreateVolumePermissions",
    }
}

const PERMISSION: &str = "createVolumePermission";

/// What keeps a snapshot from being shared further.
fn may_share(cx: &mut Cx<'_>, snapshot: &Snapshot, with_all: bool) -> Result<(), Ec2Error> {
    let refuse = |what: &str| Err(Ec2Error::from(Plain::OperationNotPermitted(what.into())));
    if let Some(key) = &snapshot.key {
        if with_all {
            return refuse("Encrypted snapshots cannot be shared publicly.");
        }
        if key::is_managed(cx, key)? {
            return refuse("Encrypted snapshots with EBS default key cannot be shared.");
        }
    }
    if with_all && !key::defaults(cx)?.block.is_empty() {
        return refuse("Public sharing of snapshots is blocked for this account in this region.");
    }
    Ok(())
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Empty, Ec2Error> {
    if let Some(other) = req.attribute.as_deref().filter(|attribute| *attribute != PERMISSION) {
        return Err(Ec2Error::value(other, "attribute", "Only createVolumePermission can be modified."));
    }
    let mut snapshot = snapshots::own(cx, &req.id)?;
    let changes = share::changes(req.change, req.kind.as_deref(), req.users, req.groups)?;
    if changes.is_empty() {
        return Err(Plain::MissingParameter(PERMISSION.into()).into());
    }
    for (adds, permission) in changes {
        match (permission.user, permission.group.as_deref()) {
            (Some(user), None) => {
                let Some(with) = AccountId::parse(&user) else {
                    return Err(Ec2Error::value(user, "userId", "It is no account."));
                };
                if adds {
                    may_share(cx, &snapshot, false)?;
                    // AWS: of a public one nobody need be told.
                    if snapshot.shared.insert(user) && !snapshot.public && with != cx.account {
                        let here = Here { account: cx.account, region: cx.region, now: cx.now };
                        let cloud = Arc::clone(cx.cloud());
                        news::shared(&cloud, cx.tx, here, &snapshot, with);
                    }
                } else {
                    snapshot.shared.remove(&user);
                }
            }
            (None, Some("all")) => {
                if adds {
                    may_share(cx, &snapshot, true)?;
                }
                snapshot.public = adds;
            }
            (_, group) => {
                return Err(Ec2Error::value(group.unwrap_or_default(), "group", "Valid values: all."));
            }
        }
    }
    SNAPSHOTS.put(cx.tx, &register::key(cx.account, cx.region, &snapshot.id), &snapshot);
    Ok(Empty)
}

fn show(cx: &mut Cx<'_>, req: Asked) -> Result<Attribute, Ec2Error> {
    let snapshot = snapshots::own(cx, &req.id)?;
    if req.attribute == "productCodes" {
        return Ok(Attribute { codes: Some(Vec::new()), id: req.id, permissions: None });
    }
    Ok(Attribute { codes: None, id: req.id, permissions: Some(share::all(snapshot.public, snapshot.shared)) })
}

fn reset(cx: &mut Cx<'_>, req: Asked) -> Result<Empty, Ec2Error> {
    if req.attribute != PERMISSION {
        let why = "Only createVolumePermission can be reset.";
        return Err(Ec2Error::value(req.attribute, "attribute", why));
    }
    let mut snapshot = snapshots::own(cx, &req.id)?;
    snapshot.shared.clear();
    snapshot.public = false;
    SNAPSHOTS.put(cx.tx, &register::key(cx.account, cx.region, &snapshot.id), &snapshot);
    Ok(Empty)
}
