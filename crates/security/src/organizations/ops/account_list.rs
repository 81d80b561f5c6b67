//! Accounts: shown and listed.

use super::super::access::named;
use super::super::errors::{OrgError, Plain};
use super::super::model::{Member, Organization, all};
use super::super::page::page;
use super::super::tree;
use super::organization::Paging;
use base::Timestamp;
use kernel::Cx;

kernel::ops! {
    pub static OPS:
        DescribeAccount: describe_account, "organizations:DescribeAccount", named;
        ListAccounts: list_accounts, "organizations:ListAccounts", named;
        ListAccountsForParent: list_accounts_for_parent, "organizations:ListAccountsForParent", named;
}

wire::shape! {
    pub struct AccountName { pub account: String = "AccountId" }

    pub struct AccountResult { pub account: Account = "Account" }

    pub struct Account {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub email: String = "Email",
        pub name: String = "Name",
        pub status: String = "Status",
        pub state: String = "State",
        pub paths: Vec<String> = "Paths",
        pub joined_method: String = "JoinedMethod",
        pub joined: Timestamp = "JoinedTimestamp",
    }

    pub struct ListForParent {
        pub parent: String = "ParentId",
        pub next_token: Option<String> = "NextToken",
        pub max_results: Option<i64> = "MaxResults",
    }

    pub struct Accounts {
        pub accounts: Vec<Account> = "Accounts",
        pub next_token: Option<String> = "NextToken",
    }
}

pub(super) fn shown(cx: &Cx<'_>, organization: &Organization, member: &Member) -> Result<Account, OrgError> {
    let status = if member.closed.is_some() { "SUSPENDED" } else { "ACTIVE" };
    let path = tree::path(cx.tx, organization, &member.parent)?.join("/");
    Ok(Account {
        id: member.account.to_string(),
        arn: organization.arn("account", member.account.as_str()),
        email: member.email.clone(),
        name: member.name.clone(),
        status: status.into(),
        state: status.into(),
        paths: vec![format!("{}/{path}/{}/", organization.id, member.account)],
        joined_method: if member.created_here { "CREATED" } else { "INVITED" }.into(),
        joined: member.joined,
    })
}

fn describe_account(cx: &mut Cx<'_>, req: AccountName) -> Result<AccountResult, OrgError> {
    let organization = tree::managed(cx)?;
    let member = super::account::find(cx, &organization, &req.account)?;
    Ok(AccountResult { account: shown(cx, &organization, &member)? })
}

fn list_accounts(cx: &mut Cx<'_>, req: Paging) -> Result<Accounts, OrgError> {
    let organization = tree::managed(cx)?;
    let members = tree::members(cx.tx, &all(&organization.id))?;
    listed(cx, &organization, &members, "accounts", req)
}

fn list_accounts_for_parent(cx: &mut Cx<'_>, req: ListForParent) -> Result<Accounts, OrgError> {
    let organization = tree::managed(cx)?;
    tree::parent(cx.tx, &organization, &req.parent, Plain::ParentNotFound)?;
    let members = tree::accounts(cx.tx, &organization.id, &req.parent)?;
    let paging = Paging { next_token: req.next_token, max_results: req.max_results };
    listed(cx, &organization, &members, &format!("accounts/{}", req.parent), paging)
}

fn listed(
    cx: &Cx<'_>,
    organization: &Organization,
    members: &[Member],
    list: &str,
    paging: Paging,
) -> Result<Accounts, OrgError> {
    let ids = members.iter().map(|member| (member.account.to_string(), member)).collect();
    let (members, next_token) = page(cx, list, ids, paging.next_token.as_deref(), paging.max_results)?;
    let accounts = members.into_iter().map(|member| shown(cx, organization, member));
    Ok(Accounts { accounts: accounts.collect::<Result<_, _>>()?, next_token })
}
