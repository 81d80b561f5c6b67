//! Users, groups, roles and managed policies. What the stack's policies put on them is theirs; passwords are not seen.

use super::{Look, PLAIN, list, named, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::iam::{IAM, member};
use crate::cloudformation::kinds::iam_policy::managed as managed_policy;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at, texts};
use crate::cloudformation::template::get;
use wire::Value;

pub(in crate::cloudformation::kinds) static ROLE: Look = Look {
    sees: &[
        "AssumeRolePolicyDocument",
        "Description",
        "ManagedPolicyArns",
        "MaxSessionDuration",
        "Path",
        "PermissionsBoundary",
        "Policies",
        "RoleName",
        "Tags",
    ],
    whole: &["AssumeRolePolicyDocument", "Policies.PolicyDocument"],
    read: |on| holder(on, "Role"),
    identifiers: &["RoleName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static USER: Look = Look {
    sees: &["Groups", "ManagedPolicyArns", "Path", "PermissionsBoundary", "Policies", "Tags", "UserName"],
    whole: &["Policies.PolicyDocument"],
    read: |on| holder(on, "User"),
    identifiers: &["UserName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static GROUP: Look = Look {
    sees: &["GroupName", "ManagedPolicyArns", "Path", "Policies"],
    whole: &["Policies.PolicyDocument"],
    read: |on| holder(on, "Group"),
    identifiers: &["GroupName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static PROFILE: Look = Look {
    sees: &["InstanceProfileName", "Path", "Roles"],
    read: profile,
    identifiers: &["InstanceProfileName"],
    ..PLAIN
};

fn profile(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = on.ask(IAM, "GetInstanceProfile", map([("InstanceProfileName", on.physical())]))?;
    let told = own(&told, "InstanceProfile");
    let mut all = named(&told, &[("InstanceProfileName", "InstanceProfileName"), ("Path", "Path")]);
    let roles = list(&told, "Roles").iter().map(|role| own(role, "RoleName")).collect();
    all.push(("Roles".into(), Value::List(roles)));
    Ok(Seen::of(all, vec![("Arn", own(&told, "Arn"))]))
}

/// Who holds it is seen at the holders.
pub(in crate::cloudformation::kinds) static POLICY: Look = Look {
    sees: &["Description", "ManagedPolicyName", "Path", "PolicyDocument"],
    whole: &["PolicyDocument"],
    read: policy,
    identifiers: &["PolicyArn"],
    ..PLAIN
};

/// IAM's documents come percent-encoded.
pub(super) fn document(value: &Value) -> Value {
    let text = value
        .as_str()
        .map(|text| wire::head::percent_decoded(text).unwrap_or_else(|| text.to_owned()))
        .unwrap_or_default();
    wire::json::read(&text).unwrap_or(Value::Str(text))
}

const PAGES: (&str, &str) = ("Marker", "Marker");

fn holder(on: &mut On<'_, '_>, noun: &str) -> Done<Seen> {
    let of = (member(noun), on.physical());
    let told = on.ask(IAM, &format!("Get{noun}"), map([of.clone()]))?;
    let told = own(&told, noun);
    let mut all = named(
        &told,
        &[
            (of.0, of.0),
            ("Path", "Path"),
            ("Description", "Description"),
            ("MaxSessionDuration", "MaxSessionDuration"),
            ("PermissionsBoundary", "PermissionsBoundary.PermissionsBoundaryArn"),
        ],
    );
    all.push(("AssumeRolePolicyDocument".into(), document(&own(&told, "AssumeRolePolicyDocument"))));
    all.push(("Tags".into(), tags(&own(&told, "Tags"))));
    all.push(("Policies".into(), Value::List(inline(on, noun, &of)?)));
    all.push(("ManagedPolicyArns".into(), Value::List(managed(on, noun, &of)?)));
    if noun == "User" {
        let found = on.ask_all((IAM, "ListGroupsForUser"), vec![of], "Groups", PAGES)?;
        let groups = found.iter().filter_map(|group| get(group, "GroupName").cloned()).collect();
        all.push(("Groups".into(), Value::List(groups)));
    }
    let mut attributes = vec![("Arn", own(&told, "Arn"))];
    attributes.extend((noun == "Role").then(|| ("RoleId", own(&told, "RoleId"))));
    Ok(Seen::of(all, attributes))
}

/// Whether a resource of the stack that has policies put on others names this one.
fn is_holder(on: &On<'_, '_>, noun: &str, properties: &Value) -> bool {
    texts(get(properties, &format!("{noun}s"))).iter().any(|holder| holder == on.physical)
}

fn inline(on: &mut On<'_, '_>, noun: &str, of: &(&str, Value)) -> Done<Vec<Value>> {
    let names = on.ask_all((IAM, &format!("List{noun}Policies")), vec![of.clone()], "PolicyNames", PAGES)?;
    let others = on.attached("AWS::IAM::Policy")?;
    let theirs: Vec<String> = others
        .iter()
        .filter(|(_, properties)| is_holder(on, noun, properties))
        .map(|(_, properties)| text_at(properties, "PolicyName"))
        .collect();
    let mut all = Vec::new();
    for name in texts(Some(&Value::List(names))).into_iter().filter(|name| !theirs.contains(name)) {
        let input = map([of.clone(), ("PolicyName", Value::str(&name))]);
        let told = on.ask(IAM, &format!("Get{noun}Policy"), input)?;
        let document = document(&own(&told, "PolicyDocument"));
        all.push(map([("PolicyName", Value::Str(name)), ("PolicyDocument", document)]));
    }
    Ok(all)
}

fn managed(on: &mut On<'_, '_>, noun: &str, of: &(&str, Value)) -> Done<Vec<Value>> {
    let operation = format!("ListAttached{noun}Policies");
    let found = on.ask_all((IAM, &operation), vec![of.clone()], "AttachedPolicies", PAGES)?;
    let others = on.attached("AWS::IAM::ManagedPolicy")?;
    let theirs: Vec<&str> = others
        .iter()
        .filter(|(_, properties)| is_holder(on, noun, properties))
        .map(|(physical, _)| physical.as_str())
        .collect();
    let arns = found.iter().map(|policy| text_at(policy, "PolicyArn"));
    // What the holder itself names is its own, whoever else puts it there.
    let wanted = texts(Some(&on.prop("ManagedPolicyArns")));
    let own = arns.filter(|arn| wanted.contains(arn) || !theirs.contains(&arn.as_str()));
    Ok(own.map(Value::Str).collect())
}

fn policy(on: &mut On<'_, '_>) -> Done<Seen> {
    let arn = ("PolicyArn", on.physical());
    let told = on.ask(IAM, "GetPolicy", map([arn.clone()]))?;
    let told = own(&told, "Policy");
    let mut all = named(
        &told,
        &[("Description", "Description"), ("ManagedPolicyName", "PolicyName"), ("Path", "Path")],
    );
    let input = map([arn, ("VersionId", own(&told, "DefaultVersionId"))]);
    let version = on.ask(IAM, "GetPolicyVersion", input)?;
    all.push(("PolicyDocument".into(), document(&own(&version, "PolicyVersion.Document"))));
    Ok(Seen::of(all, managed_policy(&told, on.physical)))
}
