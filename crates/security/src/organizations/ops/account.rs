//! Accounts: made, moved, removed, closed.

use super::super::access::named;
use super::super::create::CREATE_ACCOUNT;
use super::super::errors::{OrgError, Plain};
use super::super::model::{
    ACCOUNTS_MAX, CREATIONS, Creation, MEMBERS, MEMBERS_OF, Member, Organization, all, member_key, new_id,
    within,
};
use super::super::page::page;
use super::super::tree::{self, Node};
use super::super::trust;
use super::Tag;
use base::{AccountId, Timestamp};
use kernel::saga::{self, Run};
use kernel::{Cx, Empty};
use store::Direction;

kernel::ops! {
    pub static OPS:
        CreateAccount: create_account, "organizations:CreateAccount", named;
        DescribeCreateAccountStatus: describe_status, "organizations:DescribeCreateAccountStatus", named;
        ListCreateAccountStatus: list_statuses, "organizations:ListCreateAccountStatus", named;
        MoveAccount: move_account, "organizations:MoveAccount", named;
        RemoveAccountFromOrganization: remove_account, "organizations:RemoveAccountFromOrganization", named;
        CloseAccount: close_account, "organizations:CloseAccount", named;
}

/// AWS: the role that an account is made with unless another name is given.
const DEFAULT_ROLE: &str = "OrganizationAccountAccessRole";

wire::shape! {
    pub struct CreateAccount {
        pub email: String = "Email",
        pub name: String = "AccountName",
        pub role: Option<String> = "RoleName",
        pub tags: Vec<Tag> = "Tags",
    }

    pub struct StatusId { pub id: String = "CreateAccountRequestId" }

    pub struct StatusResult { pub status: Status = "CreateAccountStatus" }

    pub struct Status {
        pub id: String = "Id",
        pub name: String = "AccountName",
        pub state: String = "State",
        pub requested: Timestamp = "RequestedTimestamp",
        pub completed: Option<Timestamp> = "CompletedTimestamp",
        pub account: Option<String> = "AccountId",
        pub failure: Option<String> = "FailureReason",
    }

    pub struct ListStatuses {
        pub states: Vec<String> = "States",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Statuses {
        pub statuses: Vec<Status> = "CreateAccountStatuses",
        pub next_token: Option<String> = "NextToken",
    }

    pub struct MoveAccount {
        pub account: String = "AccountId",
        pub source: String = "SourceParentId",
        pub destination: String = "DestinationParentId",
    }

    pub struct AccountName { pub account: String = "AccountId" }
}

impl Status {
    fn of(creation: Creation) -> Status {
        let state = match (&creation.failure, creation.completed) {
            (Some(_), _) => "FAILED",
            (None, Some(_)) => "SUCCEEDED",
            (None, None) => "IN_PROGRESS",
        };
        Status {
            id: creation.id,
            name: creation.name,
            state: state.into(),
            requested: creation.requested,
            completed: creation.completed,
            account: (state == "SUCCEEDED").then(|| creation.account.to_string()),
            failure: creation.failure,
        }
    }
}

fn create_account(cx: &mut Cx<'_>, req: CreateAccount) -> Result<StatusResult, OrgError> {
    let organization = tree::managed(cx)?;
    if MEMBERS_OF.scan(cx.tx, &all(&organization.id), Direction::Forward).count() >= ACCOUNTS_MAX {
        let what = "You have exceeded the allowed number of AWS accounts.";
        return Err(OrgError::constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", what));
    }
    let creation = Creation {
        id: new_id(cx.rng(), "car-", 32),
        name: req.name,
        email: req.email,
        requested: cx.now,
        account: free_account(cx)?,
        role: req.role.unwrap_or_else(|| DEFAULT_ROLE.into()),
        tags: super::tags(req.tags)?,
        ..Creation::default()
    };
    CREATIONS.put(cx.tx, &within(&organization.id, &creation.id), &creation);
    let run = Run {
        saga: CREATE_ACCOUNT.name.into(),
        id: creation.id.clone(),
        account: cx.account,
        region: cx.region.name().into(),
        input: vec![organization.id, creation.id.clone()],
        ..Run::default()
    };
    saga::begin(cx.tx, &run);
    Ok(StatusResult { status: Status::of(creation) })
}

/// A number of twelve digits that no organization has.
fn free_account(cx: &Cx<'_>) -> Result<AccountId, OrgError> {
    loop {
        let account = AccountId::from_number(100_000_000_000 + cx.rng().below(900_000_000_000));
        if !MEMBERS.contains(cx.tx, &member_key(account))? {
            return Ok(account);
        }
    }
}

fn describe_status(cx: &mut Cx<'_>, req: StatusId) -> Result<StatusResult, OrgError> {
    let organization = tree::managed(cx)?;
    let creation = CREATIONS.get(cx.tx, &within(&organization.id, &req.id))?;
    Ok(StatusResult { status: Status::of(creation.ok_or(Plain::StatusNotFound)?) })
}

fn list_statuses(cx: &mut Cx<'_>, req: ListStatuses) -> Result<Statuses, OrgError> {
    let organization = tree::managed(cx)?;
    let found: Result<Vec<_>, _> =
        CREATIONS.scan(cx.tx, &all(&organization.id), Direction::Forward).collect();
    let statuses = found?.into_iter().map(|(_, creation)| (creation.id.clone(), Status::of(creation)));
    let wanted = |status: &Status| req.states.is_empty() || req.states.contains(&status.state);
    let statuses = statuses.filter(|(_, status)| wanted(status)).collect();
    let list = format!("statuses/{}", req.states.join("+"));
    let (statuses, next_token) = page(cx, &list, statuses, req.next_token.as_deref(), req.max_results)?;
    Ok(Statuses { statuses, next_token })
}

pub(super) fn find(cx: &Cx<'_>, organization: &Organization, account: &str) -> Result<Member, OrgError> {
    match tree::node(cx.tx, organization, account)? {
        Some(Node::Account(member)) => Ok(member),
        _ => Err(Plain::AccountNotFound.into()),
    }
}

fn move_account(cx: &mut Cx<'_>, req: MoveAccount) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let mut member = find(cx, &organization, &req.account)?;
    tree::parent(cx.tx, &organization, &req.source, Plain::SourceParentNotFound)?;
    tree::parent(cx.tx, &organization, &req.destination, Plain::DestinationParentNotFound)?;
    if member.parent == req.destination {
        return Err(Plain::DuplicateAccount.into());
    }
    if member.parent != req.source {
        return Err(Plain::SourceParentNotFound.into());
    }
    let key = member_key(member.account);
    MEMBERS_OF.delete(cx.tx, &within(&organization.id, &member.parent), &key);
    MEMBERS_OF.put(cx.tx, &within(&organization.id, &req.destination), &key);
    member.parent = req.destination;
    MEMBERS.put(cx.tx, &key, &member);
    Ok(Empty)
}

fn remove_account(cx: &mut Cx<'_>, req: AccountName) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let member = find(cx, &organization, &req.account)?;
    if member.account == organization.management {
        return Err(Plain::MasterCannotLeave.into());
    }
    trust::check_may_leave(cx.tx, &member.organization, member.account)?;
    tree::leave(cx.tx, &member);
    Ok(Empty)
}

/// A closed account stays in the organization, and nobody in it may do anything.
fn close_account(cx: &mut Cx<'_>, req: AccountName) -> Result<Empty, OrgError> {
    let organization = tree::managed(cx)?;
    let mut member = find(cx, &organization, &req.account)?;
    if member.account == organization.management {
        let what = "You can't close the management account of an organization with this operation.";
        return Err(OrgError::constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", what));
    }
    if member.closed.is_some() {
        return Err(Plain::AccountAlreadyClosed.into());
    }
    member.closed = Some(cx.now);
    MEMBERS.put(cx.tx, &member_key(member.account), &member);
    Ok(Empty)
}
