//! What IAM and Organizations check in a document before they store it, in their order and words.
//!
//! The order and the wording of identity policies are those that AWS was observed to have: moto's
//! `tests/test_iam/test_iam_policies.py` lists documents with the answers that IAM gave.

use super::condition::Test;
use super::document::Version;
use super::fault::Fault;
use super::json::Json;
use super::reader::{Draft, Drafts, Listed};
use super::scalar::read_time;
use std::collections::HashSet;

const PARTITIONS: [&str; 7] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc", "*"];

/// What the resource part of an IAM resource may begin with.
const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Kinds that are newer than the sentence about the others, which does not name them.
const UNNAMED_IAM_PATHS: [&str; 2] = ["delegation-request/", "role-template/"];

fn iam(text: impl Into<String>) -> Fault {
    Fault::Iam(text.into())
}

/// Policies of users, groups and roles, boundaries and session policies.
/// `versioned`: they must be of the present version.
pub(super) fn identity(drafts: &Drafts<'_>, versioned: bool) -> Result<(), Fault> {
    if versioned && drafts.version != Some(Version::V2012) {
        return Err(iam("Policy document must be version 2012-10-17 or greater."));
    }
    let statements = &drafts.statements;
    statements.iter().try_for_each(legacy)?;
    let formats: Vec<Fault> = statements
        .iter()
        .filter_map(|draft| resource_formats(draft).transpose())
        .collect::<Result<_, _>>()?;
    if statements.iter().any(|draft| draft.principal.is_some()) {
        return Err(iam("Policy document should not specify a principal."));
    }
    unique_sids(statements)?;
    if statements.iter().any(|draft| is_empty(draft.action.as_ref())) {
        return Err(iam("Policy statement must contain actions."));
    }
    if statements.iter().any(|draft| is_empty(draft.resource.as_ref())) {
        return Err(iam("Policy statement must contain resources."));
    }
    if let Some(fault) = formats.into_iter().next() {
        return Err(fault);
    }
    statements
        .iter()
        .flat_map(|draft| &draft.action)
        .flat_map(|list| &list.values)
        .try_for_each(|text| action(text))
}

/// Trust policies: whom, and which calls of STS; the resource is the role itself.
pub(super) fn trust(drafts: &Drafts<'_>) -> Result<(), Fault> {
    for draft in &drafts.statements {
        if let Some(list) = &draft.resource {
            return Err(Fault::Prohibited(if list.negated { "NotResource" } else { "Resource" }));
        }
        if draft.principal.is_none() {
            return Err(Fault::Missing("Principal"));
        }
        let Some(list) = draft.action.as_ref().filter(|list| !list.values.is_empty()) else {
            return Err(Fault::Missing("Action"));
        };
        list.values.iter().try_for_each(|text| action(text))?;
        let sts =
            |text: &&str| text.split_once(':').is_some_and(|(vendor, _)| vendor.eq_ignore_ascii_case("sts"));
        if !list.values.iter().all(sts) {
            return Err(iam("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        if let Some((_, node)) = draft.principal
            && node.json == Json::Text("*".into())
        {
            return Err(Fault::Principal("STAR", "*".into()));
        }
    }
    unique_sids(&drafts.statements)
}

/// Service control policies have no principals.
pub(super) fn scp(drafts: &Drafts<'_>) -> Result<(), Fault> {
    if drafts.version != Some(Version::V2012) {
        return Err(Fault::Version);
    }
    for draft in &drafts.statements {
        if draft.principal.is_some() {
            return Err(Fault::Prohibited("Principal"));
        }
        if is_empty(draft.resource.as_ref()) {
            return Err(Fault::Missing("Resource"));
        }
    }
    unique_sids(&drafts.statements)
}

/// Resource control policies speak of everyone, and only deny; AWS's own `RCPFullAWSAccess`, which allows all, is
/// the exception. AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html>
pub(super) fn rcp(drafts: &Drafts<'_>) -> Result<(), Fault> {
    if drafts.version != Some(Version::V2012) {
        return Err(Fault::Version);
    }
    for draft in &drafts.statements {
        match draft.principal {
            Some((false, node)) if node.json == Json::Text("*".into()) => {}
            Some((false, _)) => return Err(Fault::Syntax),
            Some((true, _)) => return Err(Fault::Prohibited("NotPrincipal")),
            None => return Err(Fault::Missing("Principal")),
        }
        let only = |list: &Option<Listed<'_>>, text: &str| {
            list.as_ref().is_some_and(|list| !list.negated && list.values == [text])
        };
        let full_access =
            only(&draft.action, "*") && only(&draft.resource, "*") && draft.conditions.is_empty();
        if draft.effect == "Allow" && !full_access {
            return Err(Fault::Effect(draft.effect.to_owned()));
        }
        if draft.action.as_ref().is_some_and(|list| list.negated) {
            return Err(Fault::Prohibited("NotAction"));
        }
        if is_empty(draft.resource.as_ref()) {
            return Err(Fault::Missing("Resource"));
        }
    }
    unique_sids(&drafts.statements)
}

fn is_empty(list: Option<&Listed<'_>>) -> bool {
    list.is_none_or(|list| list.values.is_empty())
}

fn unique_sids(statements: &[Draft<'_>]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for sid in statements.iter().filter_map(|draft| draft.sid).filter(|sid| !sid.is_empty()) {
        if !seen.insert(sid) {
            return Err(iam("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    for sid in statements.iter().filter_map(|draft| draft.sid) {
        if !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(iam(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            ));
        }
    }
    Ok(())
}

/// The capitals of `Effect`, and the dates in conditions.
fn legacy(draft: &Draft<'_>) -> Result<(), Fault> {
    let dates =
        draft.conditions.iter().filter(|block| matches!(block.operation.operator.test, Test::Date(_)));
    let dates_read = dates.flat_map(|block| &block.values).all(|value| read_time(value).is_some());
    if matches!(draft.effect, "Allow" | "Deny") && dates_read { Ok(()) } else { Err(failed_legacy_parsing()) }
}

fn failed_legacy_parsing() -> Fault {
    iam("The policy failed legacy parsing")
}

/// `Ok(Some)`: what to complain about once the more important checks have passed. `Err`: at once.
fn resource_formats(draft: &Draft<'_>) -> Result<Option<Fault>, Fault> {
    let values = draft.resource.iter().flat_map(|list| &list.values);
    for text in values.filter(|text| **text != "*") {
        if let Some(fault) = resource_format(text) {
            return Ok(Some(fault));
        }
        let parts = text.split(':').count();
        let unnamed = text.split(':').nth(2).is_none_or(str::is_empty);
        if unnamed || (parts < 6 && text.contains("::")) {
            return Err(failed_legacy_parsing());
        }
    }
    Ok(None)
}

fn resource_format(text: &str) -> Option<Fault> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let (Some(partition), true) = (parts.get(1), parts.len() > 1) else {
        return Some(iam(format!("Resource {text} must be in ARN format or \"*\".")));
    };
    if !PARTITIONS.contains(partition) {
        let part = |at: usize| parts.get(at).copied().unwrap_or("*");
        // A text that ends with the partition's colon has an empty service, which is shown as it would be matched.
        let service = if parts.len() == 3 && parts[2].is_empty() { "*" } else { part(2) };
        let (region, account, rest) = (part(3), part(4), part(5));
        return Some(iam(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{service}:{region}:{account}:{rest}\"."
        )));
    }
    let Some(service) = parts.get(2).filter(|service| !service.contains(['*', '?'])) else {
        return Some(iam("Resource vendor must be fully qualified and cannot contain regexes."));
    };
    let region = parts.get(3).copied().unwrap_or("");
    let account = parts.get(4).copied().unwrap_or("");
    match *service {
        "iam" if !region.is_empty() => {
            Some(iam(format!("IAM resource {text} cannot contain region information.")))
        }
        // Access points are in a region, and in an account; buckets are in neither.
        "s3" if !region.is_empty() && account.is_empty() && parts.len() > 4 => {
            Some(iam(format!("Resource {text} can not contain region information.")))
        }
        // Root users are resources too, of `sts:AssumeRoot`, though the sentence does not name them.
        "iam" => parts.get(5).copied().filter(|path| !["*", "root"].contains(path)).and_then(|path| {
            let known = IAM_PATHS.iter().chain(&UNNAMED_IAM_PATHS).any(|start| path.starts_with(start));
            let paths = IAM_PATHS.join(", ");
            (!known).then(|| iam(format!("IAM resource path must either be \"*\" or start with {paths}.")))
        }),
        _ => None,
    }
}

fn action(text: &str) -> Result<(), Fault> {
    if !text.is_empty() && text.bytes().all(|b| b == b'*') {
        return Ok(());
    }
    let Some((vendor, name)) = text.split_once(':') else {
        return Err(iam("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
    };
    if name.contains(':') {
        return Err(iam("Actions/Condition can contain only one colon."));
    }
    let valid =
        vendor == "*" || vendor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    if valid { Ok(()) } else { Err(iam(format!("Vendor {vendor} is not valid"))) }
}
