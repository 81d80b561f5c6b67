//! IAM's policies beside users, groups and roles: inline ones that a resource puts, and managed ones.

use super::iam::members;
use super::on::{On, at, map, text_at};
use super::{Attributes, BASE, Done, Kind, Made, look};
use wire::Value;

const IAM: &str = "iam";

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::IAM::Policy",
        changes: &["PolicyName", "PolicyDocument", "Groups", "Roles", "Users"],
        create: |on| {
            put(on)?;
            Ok(on.made(on.generated(128), Vec::new()))
        },
        update: |on| {
            put(on)?;
            Ok(on.same())
        },
        delete: put,
        ..BASE
    },
    Kind {
        name: "AWS::IAM::ManagedPolicy",
        changes: &["PolicyDocument", "Groups", "Roles", "Users"],
        fixed: &["ManagedPolicyName", "Description", "Path"],
        attributes: MANAGED,
        varies: &["AttachmentCount", "DefaultVersionId", "UpdateDate"],
        named: Some("ManagedPolicyName"),
        create: create_managed,
        update: |on| {
            if on.changed("PolicyDocument") {
                new_version(on)?;
            }
            attach(on, on.physical())?;
            Ok(on.same())
        },
        delete: delete_managed,
        ready: |on| {
            let told = on.call(IAM, "GetPolicy", map([("PolicyArn", on.physical())]))?;
            Ok(Some(managed(at(&told, "Policy").unwrap_or(&Value::Null), on.physical)))
        },
        look: Some(&look::iam::POLICY),
        ..BASE
    },
];

/// Who may hold a policy: the property, the noun of the operations, the member.
const HOLDERS: [(&str, &str, &str); 3] =
    [("Groups", "Group", "GroupName"), ("Roles", "Role", "RoleName"), ("Users", "User", "UserName")];

/// The policy is with those who are wanted, and with nobody else.
fn put(on: &mut On<'_, '_>) -> Done<()> {
    let (name, old) = (on.prop("PolicyName"), on.was("PolicyName"));
    let changed = on.changed("PolicyName") || on.changed("PolicyDocument");
    for (property, noun, member) in HOLDERS {
        let (wanted, was) = on.lists(property);
        for holder in was.iter().filter(|holder| name != old || !wanted.contains(holder)) {
            let input = map([(member, Value::str(holder)), ("PolicyName", old.clone())]);
            on.end(IAM, &format!("Delete{noun}Policy"), input)?;
        }
        for holder in wanted.iter().filter(|holder| changed || !was.contains(holder)) {
            let policy = on.document("PolicyDocument");
            let input =
                map([(member, Value::str(holder)), ("PolicyName", name.clone()), ("PolicyDocument", policy)]);
            on.call(IAM, &format!("Put{noun}Policy"), input)?;
        }
    }
    Ok(())
}

fn create_managed(on: &mut On<'_, '_>) -> Done<Made> {
    let input = map([
        ("PolicyName", Value::Str(on.name("ManagedPolicyName", 128))),
        ("Path", on.prop("Path")),
        ("Description", on.prop("Description")),
        ("PolicyDocument", on.document("PolicyDocument")),
    ]);
    let answer = on.call(IAM, "CreatePolicy", input)?;
    let arn = text_at(&answer, "Policy.Arn");
    attach(on, Value::str(&arn))?;
    Ok(on.made(arn, Vec::new()))
}

const MANAGED: &[&str] = &[
    "AttachmentCount",
    "CreateDate",
    "DefaultVersionId",
    "IsAttachable",
    "PermissionsBoundaryUsageCount",
    "PolicyArn",
    "PolicyId",
    "UpdateDate",
];

pub(super) fn managed(told: &Value, arn: &str) -> Attributes {
    let value = |name: &&'static str| match *name {
        "PolicyArn" => ("PolicyArn", Value::str(arn)),
        name => (name, look::plain(at(told, name).unwrap_or(&Value::Null))),
    };
    MANAGED.iter().map(value).collect()
}

fn attach(on: &mut On<'_, '_>, arn: Value) -> Done<()> {
    for (property, noun, member) in HOLDERS {
        let (wanted, was) = on.lists(property);
        let of = |holder: &str| map([(member, Value::str(holder)), ("PolicyArn", arn.clone())]);
        for holder in was.iter().filter(|holder| !wanted.contains(holder)) {
            on.end(IAM, &format!("Detach{noun}Policy"), of(holder))?;
        }
        for holder in wanted.iter().filter(|holder| !was.contains(holder)) {
            on.call(IAM, &format!("Attach{noun}Policy"), of(holder))?;
        }
    }
    Ok(())
}

/// The versions that are not the default one, the oldest last.
fn others(on: &mut On<'_, '_>) -> Done<Vec<String>> {
    let answer = on.call(IAM, "ListPolicyVersions", map([("PolicyArn", on.physical())]))?;
    let versions = match at(&answer, "Versions") {
        Some(Value::List(versions)) => versions.clone(),
        _ => Vec::new(),
    };
    let is_default = |version: &Value| at(version, "IsDefaultVersion") == Some(&Value::Bool(true));
    let others = versions.iter().filter(|version| !is_default(version));
    Ok(members(&Value::List(others.map(|version| Value::Str(text_at(version, "VersionId"))).collect())))
}

fn delete_version(on: &mut On<'_, '_>, id: String) -> Done<()> {
    on.end(IAM, "DeletePolicyVersion", map([("PolicyArn", on.physical()), ("VersionId", Value::Str(id))]))
}

/// AWS: a policy has at most five versions; the oldest makes room.
fn new_version(on: &mut On<'_, '_>) -> Done<()> {
    let mut old = others(on)?;
    if old.len() >= 4
        && let Some(oldest) = old.pop()
    {
        delete_version(on, oldest)?;
    }
    let policy = on.document("PolicyDocument");
    let input =
        map([("PolicyArn", on.physical()), ("PolicyDocument", policy), ("SetAsDefault", Value::Bool(true))]);
    on.call(IAM, "CreatePolicyVersion", input).map(drop)
}

fn delete_managed(on: &mut On<'_, '_>) -> Done<()> {
    attach(on, on.physical())?;
    match others(on) {
        Err(refusal) if refusal.gone => return Ok(()),
        Err(refusal) => return Err(refusal),
        Ok(versions) => versions.into_iter().try_for_each(|id| delete_version(on, id))?,
    }
    on.end(IAM, "DeletePolicy", map([("PolicyArn", on.physical())]))
}
