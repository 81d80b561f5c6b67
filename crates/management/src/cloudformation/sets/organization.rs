//! Stack sets whose permissions are an organization's: which accounts are meant, and the roles in them.
//!
//! All is asked of Organizations and IAM by their public operations. With trusted access CloudFormation has a
//! service-linked role in the management account, which may assume `stacksets-exec-*` in each account of the
//! organization; that one CloudFormation makes there when it first comes, by another service-linked role.
//!
//! Not here: delegated administrators, accounts listed in a file.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-enable-trusted-access.html>

use crate::cloudformation::errors::{CfnError, invalid};
use base::{AccountId, Arn};
use kernel::{As, Cx};
use wire::{Fault, Struct, Value};

/// As whom CloudFormation works in the management account, and in the others.
pub(crate) const MANAGEMENT: &str = "stacksets.cloudformation.amazonaws.com";
pub(crate) const MEMBER: &str = "member.org.stacksets.cloudformation.amazonaws.com";

const ADMINISTRATOR: &str = "AWSServiceRoleForCloudFormationStackSetsOrgAdmin";
const MEMBER_ROLE: &str = "AWSServiceRoleForCloudFormationStackSetsOrgMember";
const ALL: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn service_role(account: AccountId, principal: &str, name: &str) -> String {
    let resource = format!("role/aws-service-role/{principal}/{name}");
    Arn::new("iam", "", account.as_str(), &resource).to_string()
}

/// The role that takes an organization's stack sets to its accounts.
pub(crate) fn administrator(management: AccountId) -> String {
    service_role(management, MANAGEMENT, ADMINISTRATOR)
}

/// The role that they have there. AWS's names end in a hash, too.
pub(crate) fn executor(management: AccountId) -> String {
    let hash =
        management.as_str().bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    format!("stacksets-exec-{hash:032x}")
}

fn members<const N: usize>(members: [(&'static str, &str); N]) -> Value {
    Value::Struct(members.into_iter().map(|(name, text)| (name, Value::str(text))).collect())
}

/// Asks as the service itself, in the account that it works in.
fn ask(cx: &mut Cx<'_>, service: &'static str, operation: &str, asked: Value) -> Result<Value, Fault> {
    let name = if service == "organizations" { MANAGEMENT } else { MEMBER };
    let account = cx.account;
    cx.call(service, operation, asked, As::Service { name, account })
}

/// Every item of a list that comes in pages.
fn listed(cx: &mut Cx<'_>, operation: &str, asked: &Struct, list: &str) -> Result<Vec<Value>, Fault> {
    let (mut out, mut token) = (Vec::new(), None);
    loop {
        let mut asked = asked.clone();
        asked.extend(token.take().map(|token| ("NextToken", token)));
        let page = ask(cx, "organizations", operation, Value::Struct(asked))?;
        out.extend(page.member(list).and_then(Value::as_list).unwrap_or_default().iter().cloned());
        match page.member("NextToken") {
            Some(next) => token = Some(next.clone()),
            None => return Ok(out),
        }
    }
}

fn text(value: &Value, member: &str) -> String {
    value.member(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whether CloudFormation may act for the organization of this account, which is its management account.
pub(crate) fn has_access(cx: &mut Cx<'_>) -> Result<bool, Fault> {
    let services =
        listed(cx, "ListAWSServiceAccessForOrganization", &Struct::default(), "EnabledServicePrincipals")?;
    if services.iter().all(|service| text(service, "ServicePrincipal") != MEMBER) {
        return Ok(false);
    }
    // AWS: access that was given in Organizations alone, without the role, is not enough.
    Ok(ask(cx, "iam", "GetRole", members([("RoleName", ADMINISTRATOR)])).is_ok())
}

/// # Errors
/// In AWS's words, for every account but a management account.
pub(crate) fn must_manage(cx: &mut Cx<'_>) -> Result<(), CfnError> {
    let organization = ask(cx, "organizations", "DescribeOrganization", members([]));
    let manages = organization.is_ok_and(|answer| {
        let own = answer.at(&["Organization", "MasterAccountId"]).and_then(Value::as_str);
        own == Some(cx.account.as_str())
    });
    if manages {
        return Ok(());
    }
    Err(invalid(
        "You must be the management account or delegated admin account of an organization before operating a SERVICE_MANAGED stack set",
    ))
}

/// # Errors
/// Without trusted access, too.
pub(crate) fn must_operate(cx: &mut Cx<'_>) -> Result<(), CfnError> {
    must_manage(cx)?;
    match has_access(cx) {
        Ok(true) => Ok(()),
        _ => Err(invalid("You must enable organizations access to operate a service managed stack set")),
    }
}

/// Makes the role of the management account.
pub(crate) fn admit_administrator(cx: &mut Cx<'_>) -> Result<(), Fault> {
    if ask(cx, "iam", "GetRole", members([("RoleName", ADMINISTRATOR)])).is_err() {
        ask(cx, "iam", "CreateServiceLinkedRole", members([("AWSServiceName", MANAGEMENT)]))?;
    }
    Ok(())
}

/// Makes the roles of an account, where they are not there yet. `cx` is in that account.
pub(crate) fn admit(cx: &mut Cx<'_>, administrator: &str, executor: &str) -> Result<(), Fault> {
    if ask(cx, "iam", "GetRole", members([("RoleName", executor)])).is_ok() {
        return Ok(());
    }
    if ask(cx, "iam", "GetRole", members([("RoleName", MEMBER_ROLE)])).is_err() {
        ask(cx, "iam", "CreateServiceLinkedRole", members([("AWSServiceName", MEMBER)]))?;
    }
    let own = service_role(cx.account, MEMBER, MEMBER_ROLE);
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{administrator}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let place = (cx.account, cx.region);
    cx.cloud().clone().act_as_role(cx.tx, MEMBER, &own, place, |cx| {
        let asked = members([("RoleName", executor), ("AssumeRolePolicyDocument", &trust)]);
        cx.call("iam", "CreateRole", asked, As::Caller)?;
        let asked = members([("RoleName", executor), ("PolicyArn", ALL)]);
        cx.call("iam", "AttachRolePolicy", asked, As::Caller).map(drop)
    })?
}

/// The accounts below a root or a unit, however deep. AWS: never the management account, and none that is suspended.
pub(crate) fn accounts_below(cx: &mut Cx<'_>, unit: &str) -> Result<Vec<String>, Fault> {
    let (mut out, mut open) = (Vec::new(), vec![unit.to_owned()]);
    while let Some(parent) = open.pop() {
        let asked: Struct = [("ParentId", Value::Str(parent))].into_iter().collect();
        for account in listed(cx, "ListAccountsForParent", &asked, "Accounts")? {
            let id = text(&account, "Id");
            if text(&account, "Status") == "ACTIVE" && id != cx.account.as_str() {
                out.push(id);
            }
        }
        let units = listed(cx, "ListOrganizationalUnitsForParent", &asked, "OrganizationalUnits")?;
        open.extend(units.iter().map(|unit| text(unit, "Id")));
    }
    out.sort_unstable();
    Ok(out)
}
