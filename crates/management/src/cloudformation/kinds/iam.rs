//! IAM's users, groups, roles, instance profiles and access keys.

use super::on::{KEYS, On, Tagger, at, document, items, map, only, text_at, texts};
use super::{BASE, Done, Kind, Made, look};
use crate::cloudformation::template::{get, text};
use wire::Value;

pub(super) const IAM: &str = "iam";
const NAME_MAX: usize = 64;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::IAM::User",
        changes: &[
            "Path",
            "Groups",
            "ManagedPolicyArns",
            "Policies",
            "PermissionsBoundary",
            "LoginProfile",
            "Tags",
        ],
        fixed: &["UserName"],
        attributes: &["Arn"],
        named: Some("UserName"),
        create: |on| create(on, "User"),
        update: |on| update(on, "User"),
        delete: |on| delete(on, "User"),
        look: Some(&look::iam::USER),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::Group",
        changes: &["Path", "ManagedPolicyArns", "Policies"],
        fixed: &["GroupName"],
        attributes: &["Arn"],
        named: Some("GroupName"),
        create: |on| create(on, "Group"),
        update: |on| update(on, "Group"),
        delete: |on| delete(on, "Group"),
        look: Some(&look::iam::GROUP),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::Role",
        changes: &[
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "ManagedPolicyArns",
            "Policies",
            "PermissionsBoundary",
            "Tags",
        ],
        fixed: &["RoleName", "Path"],
        attributes: &["Arn", "RoleId"],
        named: Some("RoleName"),
        create: |on| create(on, "Role"),
        update: |on| update(on, "Role"),
        delete: |on| delete(on, "Role"),
        look: Some(&look::iam::ROLE),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::InstanceProfile",
        changes: &["Roles"],
        fixed: &["InstanceProfileName", "Path"],
        attributes: &["Arn"],
        named: Some("InstanceProfileName"),
        create: create_profile,
        update: |on| {
            roles(on, on.physical())?;
            Ok(on.same())
        },
        delete: |on| {
            roles(on, on.physical())?;
            on.end(IAM, "DeleteInstanceProfile", map([("InstanceProfileName", on.physical())]))
        },
        look: Some(&look::iam::PROFILE),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::AccessKey",
        changes: &["Status"],
        fixed: &["UserName", "Serial"],
        attributes: &["SecretAccessKey"],
        create: create_key,
        update: |on| {
            set_status(on, on.physical())?;
            Ok(on.same())
        },
        delete: |on| {
            on.end(
                IAM,
                "DeleteAccessKey",
                map([("UserName", on.was("UserName")), ("AccessKeyId", on.physical())]),
            )
        },
        ..BASE
    },
];

/// The member that names one: `RoleName`.
pub(super) fn member(noun: &str) -> &'static str {
    match noun {
        "User" => "UserName",
        "Group" => "GroupName",
        _ => "RoleName",
    }
}

fn create(on: &mut On<'_, '_>, noun: &str) -> Done<Made> {
    let named = member(noun);
    let name = on.name(named, if noun == "Group" { 128 } else { NAME_MAX });
    let mut input = vec![(named, Value::str(&name)), ("Path", on.prop("Path"))];
    if noun != "Group" {
        input.push(("PermissionsBoundary", on.prop("PermissionsBoundary")));
        input.push(("Tags", on.tags(KEYS)));
    }
    if noun == "Role" {
        input.push(("AssumeRolePolicyDocument", on.document("AssumeRolePolicyDocument")));
        input.push(("Description", on.prop("Description")));
        input.push(("MaxSessionDuration", on.prop("MaxSessionDuration")));
    }
    let there = input.into_iter().filter(|(_, value)| !matches!(value, Value::Null));
    let input = Value::Map(there.map(|(name, value)| (name.to_owned(), value)).collect());
    let answer = on.call(IAM, &format!("Create{noun}"), input)?;
    let told = |member: &str| Value::Str(text_at(&answer, &format!("{noun}.{member}")));
    let mut attributes = vec![("Arn", told("Arn"))];
    if noun == "Role" {
        attributes.push(("RoleId", told("RoleId")));
    }
    let made = on.made(name.clone(), attributes);
    holdings(on, noun, &Value::Str(name))?;
    Ok(made)
}

fn update(on: &mut On<'_, '_>, noun: &str) -> Done<Made> {
    let (named, name) = (member(noun), on.physical());
    if on.changed("Path") && noun != "Role" {
        let path = on.text("Path").unwrap_or_else(|| "/".into());
        on.call(IAM, &format!("Update{noun}"), map([(named, name.clone()), ("NewPath", Value::Str(path))]))?;
    }
    if noun == "Role" {
        if on.changed("AssumeRolePolicyDocument") {
            let policy = on.document("AssumeRolePolicyDocument");
            on.call(IAM, "UpdateAssumeRolePolicy", map([(named, name.clone()), ("PolicyDocument", policy)]))?;
        }
        if on.changed("Description") || on.changed("MaxSessionDuration") {
            let description = Value::Str(on.text("Description").unwrap_or_default());
            let seconds = Value::Str(on.text("MaxSessionDuration").unwrap_or_else(|| "3600".into()));
            let input =
                map([(named, name.clone()), ("Description", description), ("MaxSessionDuration", seconds)]);
            on.call(IAM, "UpdateRole", input)?;
        }
    }
    if on.changed("PermissionsBoundary") {
        let boundary = on.prop("PermissionsBoundary");
        let verb = if boundary == Value::Null { "Delete" } else { "Put" };
        let input = map([(named, name.clone()), ("PermissionsBoundary", boundary)]);
        on.call(IAM, &format!("{verb}{noun}PermissionsBoundary"), input)?;
    }
    match noun {
        "Role" => on.retag(&tagger("TagRole", "UntagRole", named), name.clone())?,
        "User" => on.retag(&tagger("TagUser", "UntagUser", named), name.clone())?,
        _ => {}
    }
    holdings(on, noun, &name)?;
    Ok(on.same())
}

pub(super) fn tagger(tag: &'static str, untag: &'static str, id: &'static str) -> Tagger {
    Tagger { service: IAM, tag, untag, id, tags: "Tags", keys: "TagKeys", form: KEYS }
}

fn delete(on: &mut On<'_, '_>, noun: &str) -> Done<()> {
    let name = on.physical();
    match holdings(on, noun, &name) {
        Err(refusal) if refusal.gone => {}
        other => other?,
    }
    on.end(IAM, &format!("Delete{noun}"), map([(member(noun), name)]))
}

/// What hangs on it: inline and managed policies, groups, the password.
fn holdings(on: &mut On<'_, '_>, noun: &str, name: &Value) -> Done<()> {
    inline(on, noun, name)?;
    let named = member(noun);
    let (wanted, was) = on.lists("ManagedPolicyArns");
    for arn in was.iter().filter(|arn| !wanted.contains(arn)) {
        on.end(
            IAM,
            &format!("Detach{noun}Policy"),
            map([(named, name.clone()), ("PolicyArn", Value::str(arn))]),
        )?;
    }
    for arn in wanted.iter().filter(|arn| !was.contains(arn)) {
        on.call(
            IAM,
            &format!("Attach{noun}Policy"),
            map([(named, name.clone()), ("PolicyArn", Value::str(arn))]),
        )?;
    }
    if noun != "User" {
        return Ok(());
    }
    let (wanted, was) = on.lists("Groups");
    let of = |group: &str| map([("UserName", name.clone()), ("GroupName", Value::str(group))]);
    for group in was.iter().filter(|group| !wanted.contains(group)) {
        on.end(IAM, "RemoveUserFromGroup", of(group))?;
    }
    for group in wanted.iter().filter(|group| !was.contains(group)) {
        on.call(IAM, "AddUserToGroup", of(group))?;
    }
    if !on.changed("LoginProfile") {
        return Ok(());
    }
    let (wanted, was) = (on.prop("LoginProfile"), on.was("LoginProfile"));
    if was != Value::Null {
        on.end(IAM, "DeleteLoginProfile", map([("UserName", name.clone())]))?;
    }
    if wanted != Value::Null {
        let own = |member: &str| get(&wanted, member).cloned().unwrap_or(Value::Null);
        let input = map([
            ("UserName", name.clone()),
            ("Password", on.revealed(own("Password"))?),
            ("PasswordResetRequired", own("PasswordResetRequired")),
        ]);
        on.call(IAM, "CreateLoginProfile", input)?;
    }
    Ok(())
}

fn inline(on: &mut On<'_, '_>, noun: &str, name: &Value) -> Done<()> {
    let named = member(noun);
    let (wanted, was) = (items(on.prop("Policies")), items(on.was("Policies")));
    let names: Vec<String> = wanted.iter().map(|policy| text_at(policy, "PolicyName")).collect();
    for old in was.iter().map(|policy| text_at(policy, "PolicyName")).filter(|old| !names.contains(old)) {
        on.end(
            IAM,
            &format!("Delete{noun}Policy"),
            map([(named, name.clone()), ("PolicyName", Value::Str(old))]),
        )?;
    }
    for policy in wanted.iter().filter(|policy| !was.contains(policy)) {
        only(policy, &["PolicyDocument", "PolicyName"])?;
        let input = map([
            (named, name.clone()),
            ("PolicyName", at(policy, "PolicyName").cloned().unwrap_or(Value::Null)),
            ("PolicyDocument", document(at(policy, "PolicyDocument").unwrap_or(&Value::Null))),
        ]);
        on.call(IAM, &format!("Put{noun}Policy"), input)?;
    }
    Ok(())
}

fn create_profile(on: &mut On<'_, '_>) -> Done<Made> {
    let name = on.name("InstanceProfileName", 128);
    let input = map([("InstanceProfileName", Value::str(&name)), ("Path", on.prop("Path"))]);
    let answer = on.call(IAM, "CreateInstanceProfile", input)?;
    roles(on, Value::str(&name))?;
    let arn = Value::Str(text_at(&answer, "InstanceProfile.Arn"));
    Ok(on.made(name, vec![("Arn", arn)]))
}

fn roles(on: &mut On<'_, '_>, profile: Value) -> Done<()> {
    let (wanted, was) = on.lists("Roles");
    let of = |role: &str| map([("InstanceProfileName", profile.clone()), ("RoleName", Value::str(role))]);
    for role in was.iter().filter(|role| !wanted.contains(role)) {
        on.end(IAM, "RemoveRoleFromInstanceProfile", of(role))?;
    }
    for role in wanted.iter().filter(|role| !was.contains(role)) {
        on.call(IAM, "AddRoleToInstanceProfile", of(role))?;
    }
    Ok(())
}

fn create_key(on: &mut On<'_, '_>) -> Done<Made> {
    let answer = on.call(IAM, "CreateAccessKey", map([("UserName", on.prop("UserName"))]))?;
    let id = text_at(&answer, "AccessKey.AccessKeyId");
    if on.text("Status").is_some_and(|status| status != "Active") {
        set_status(on, Value::str(&id))?;
    }
    let secret = at(&answer, "AccessKey.SecretAccessKey").and_then(text).unwrap_or_default();
    Ok(on.made(id, vec![("SecretAccessKey", Value::Str(secret))]))
}

fn set_status(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    let status = Value::Str(on.text("Status").unwrap_or_else(|| "Active".into()));
    let input = map([("UserName", on.prop("UserName")), ("AccessKeyId", id), ("Status", status)]);
    on.call(IAM, "UpdateAccessKey", input).map(drop)
}

/// The texts of a list.
pub(super) fn members(value: &Value) -> Vec<String> {
    texts(Some(value).filter(|value| !matches!(value, Value::Null)))
}
