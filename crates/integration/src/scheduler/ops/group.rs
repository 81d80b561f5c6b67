//! Schedule groups: create, get, list, delete.

use super::page;
use super::tag::{self, Tag};
use crate::scheduler::errors::{SchedulerError, invalid};
use crate::scheduler::model::{DEFAULT, GROUPS, Group};
use crate::scheduler::{access, token};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(crate) static OPS:
    CreateScheduleGroup: create, "scheduler:CreateScheduleGroup", access::new_group;
    GetScheduleGroup: get, "scheduler:GetScheduleGroup", access::group;
    ListScheduleGroups: list, "scheduler:ListScheduleGroups", access::any;
    DeleteScheduleGroup: delete, "scheduler:DeleteScheduleGroup", access::whole_group;
}

/// AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>
const GROUPS_MAX: usize = 500;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateScheduleGroup {
        name: String = "Name",
        tags: Vec<Tag> = "Tags",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    pub(crate) struct Created { arn: String = "ScheduleGroupArn" }

    #[derive(Debug)]
    pub(crate) struct OneGroup { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct GroupView {
        arn: String = "Arn",
        name: String = "Name",
        state: String = "State",
        created: Option<Timestamp> = "CreationDate",
        modified: Option<Timestamp> = "LastModificationDate",
    }

    #[derive(Debug)]
    pub(crate) struct ListScheduleGroups {
        prefix: Option<String> = "NamePrefix",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Groups {
        groups: Vec<GroupView> = "ScheduleGroups",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteScheduleGroup {
        name: String = "Name",
        token: Option<String> = "ClientToken",
    }
}

fn create(cx: &mut Cx<'_>, req: CreateScheduleGroup) -> Result<Created, SchedulerError> {
    let home = (cx.account, cx.region);
    let tags = tag::checked(req.tags)?;
    let said = format!("{} {tags:?}", req.name);
    let group = Group {
        account: cx.account,
        region: cx.region,
        name: req.name,
        tags,
        created: Some(cx.now),
        modified: Some(cx.now),
        is_deleting: false,
    };
    let arn = group.arn();
    if token::is_repeated(cx, "CreateScheduleGroup", req.token.as_deref(), said)? {
        return Ok(Created { arn });
    }
    if let Some(there) = Group::load(cx.tx, home, &group.name)? {
        return Err(match there.is_deleting {
            true => SchedulerError::GroupLeaves(group.name),
            false => SchedulerError::GroupExists(group.name),
        });
    }
    if !cx.has_room(&GROUPS, &Key::regional(cx.account, cx.region), GROUPS_MAX)? {
        return Err(SchedulerError::Limit("schedule groups"));
    }
    group.save(cx.tx);
    Ok(Created { arn })
}

fn shown(group: Group) -> GroupView {
    GroupView {
        arn: group.arn(),
        state: if group.is_deleting { "DELETING" } else { "ACTIVE" }.to_owned(),
        created: group.created,
        modified: group.modified,
        name: group.name,
    }
}

fn own(cx: &Cx<'_>, name: &str) -> Result<Group, SchedulerError> {
    let found = Group::load(cx.tx, (cx.account, cx.region), name)?;
    found.ok_or_else(|| SchedulerError::NoGroup(name.to_owned()))
}

/// A group that takes schedules.
///
/// # Errors
/// `ResourceNotFoundException`, `ConflictException` for one that is being deleted.
pub(super) fn open(cx: &Cx<'_>, name: &str) -> Result<Group, SchedulerError> {
    let group = own(cx, name)?;
    if group.is_deleting { Err(SchedulerError::GroupLeaves(group.name)) } else { Ok(group) }
}

fn get(cx: &mut Cx<'_>, req: OneGroup) -> Result<GroupView, SchedulerError> {
    own(cx, &req.name).map(shown)
}

fn list(cx: &mut Cx<'_>, req: ListScheduleGroups) -> Result<Groups, SchedulerError> {
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListScheduleGroups {prefix}");
    let (mut groups, token) = page(cx, &GROUPS, (&all, &list), req.token.as_deref(), req.limit, |_| true)?;
    // The default one has no record of its own until it is tagged.
    let home = (cx.account, cx.region);
    let is_kept = GROUPS.contains(cx.tx, &Group::key(home, DEFAULT))?;
    if !is_kept && req.token.is_none() && DEFAULT.starts_with(&prefix) {
        groups.extend(Group::load(cx.tx, home, DEFAULT)?);
        groups.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(Groups { groups: groups.into_iter().map(shown).collect(), token })
}

fn delete(cx: &mut Cx<'_>, req: DeleteScheduleGroup) -> Result<Empty, SchedulerError> {
    if req.name == DEFAULT {
        return Err(invalid("The default schedule group cannot be deleted."));
    }
    if token::is_repeated(cx, "DeleteScheduleGroup", req.token.as_deref(), req.name.clone())? {
        return Ok(Empty);
    }
    let group = own(cx, &req.name)?;
    Group { is_deleting: true, modified: Some(cx.now), ..group }.save(cx.tx);
    Ok(Empty)
}
