//! An organization, its units, accounts and policies.

use super::on::{KEYS, On, Tagger, map, text_at};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

pub(super) const ORGANIZATIONS: &str = "organizations";
const TAGGER: Tagger = Tagger {
    service: ORGANIZATIONS,
    tag: "TagResource",
    untag: "UntagResource",
    id: "ResourceId",
    tags: "Tags",
    keys: "TagKeys",
    form: KEYS,
};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::Organizations::Organization",
        changes: &["FeatureSet"],
        attributes: &[
            "Arn",
            "Id",
            "ManagementAccountArn",
            "ManagementAccountEmail",
            "ManagementAccountId",
            "RootId",
        ],
        create: create_organization,
        update: |_| Err(Refusal::of("Updates of an organization's FeatureSet are not built.")),
        delete: |on| on.end(ORGANIZATIONS, "DeleteOrganization", map([])),
        look: Some(&look::organizations::ORGANIZATION),
        ..BASE
    },
    Kind {
        name: "AWS::Organizations::OrganizationalUnit",
        changes: &["Name", "Tags"],
        fixed: &["ParentId"],
        attributes: &["Arn", "Id"],
        create: |on| {
            let own = [("Name", on.prop("Name")), ("ParentId", on.prop("ParentId")), ("Tags", on.tags(KEYS))];
            let answer = on.call(ORGANIZATIONS, "CreateOrganizationalUnit", map(own))?;
            Ok(made(on, &answer, "OrganizationalUnit"))
        },
        update: |on| {
            if on.changed("Name") {
                let input = map([("OrganizationalUnitId", on.physical()), ("Name", on.prop("Name"))]);
                on.call(ORGANIZATIONS, "UpdateOrganizationalUnit", input)?;
            }
            on.retag(&TAGGER, on.physical())?;
            Ok(on.same())
        },
        delete: |on| {
            let id = map([("OrganizationalUnitId", on.physical())]);
            on.end(ORGANIZATIONS, "DeleteOrganizationalUnit", id)
        },
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::organizations::UNIT),
        ..BASE
    },
    POLICY,
    ACCOUNT,
];

const POLICY: Kind = Kind {
    name: "AWS::Organizations::Policy",
    changes: &["Content", "Description", "Name", "Tags", "TargetIds"],
    fixed: &["Type"],
    attributes: &["Arn", "AwsManaged", "Id"],
    create: |on| {
        let input = map([
            ("Name", on.prop("Name")),
            ("Type", on.prop("Type")),
            ("Content", on.document("Content")),
            ("Description", Value::Str(on.text("Description").unwrap_or_default())),
            ("Tags", on.tags(KEYS)),
        ]);
        let answer = on.call(ORGANIZATIONS, "CreatePolicy", input)?;
        let mut made = made(on, &answer, "Policy.PolicySummary");
        made.attributes.push(("AwsManaged", Value::Bool(false)));
        attach(on, &made.physical)?;
        Ok(made)
    },
    update: |on| {
        let input = map([
            ("PolicyId", on.physical()),
            ("Name", on.prop("Name")),
            ("Content", on.document("Content")),
            ("Description", Value::Str(on.text("Description").unwrap_or_default())),
        ]);
        on.call(ORGANIZATIONS, "UpdatePolicy", input)?;
        attach(on, on.physical)?;
        on.retag(&TAGGER, on.physical())?;
        Ok(on.same())
    },
    delete: |on| {
        match attach(on, on.physical) {
            Err(refusal) if !refusal.gone => return Err(refusal),
            _ => {}
        }
        on.end(ORGANIZATIONS, "DeletePolicy", map([("PolicyId", on.physical())]))
    },
    mark: Some(|on| on.mark(&TAGGER, on.physical())),
    look: Some(&look::organizations::POLICY),
    ..BASE
};

/// AWS makes accounts slowly; until one is there, the resource is called as the request for it.
const ACCOUNT: Kind = Kind {
    name: "AWS::Organizations::Account",
    changes: &["AccountName", "Email", "ParentIds", "RoleName", "Tags"],
    attributes: &["AccountId", "Arn", "JoinedMethod", "Status"],
    create: |on| {
        let input = map([
            ("AccountName", on.prop("AccountName")),
            ("Email", on.prop("Email")),
            ("RoleName", on.prop("RoleName")),
            ("Tags", on.tags(KEYS)),
        ]);
        let answer = on.call(ORGANIZATIONS, "CreateAccount", input)?;
        Ok(on.made(text_at(&answer, "CreateAccountStatus.Id"), Vec::new()))
    },
    update: |on| {
        if ["AccountName", "Email", "RoleName"].iter().any(|name| on.changed(name)) {
            return Err(Refusal::of("AccountName, Email and RoleName of an account cannot be changed."));
        }
        move_to_parent(on, on.physical)?;
        on.retag(&TAGGER, on.physical())?;
        Ok(on.same())
    },
    ready: account_ready,
    delete: close,
    look: Some(&look::organizations::ACCOUNT),
    ..BASE
};

fn made(on: &On<'_, '_>, answer: &Value, path: &str) -> Made {
    let told = |member: &str| text_at(answer, &format!("{path}.{member}"));
    let id = told("Id");
    on.made(id.clone(), vec![("Arn", Value::Str(told("Arn"))), ("Id", Value::Str(id))])
}

fn create_organization(on: &mut On<'_, '_>) -> Done<Made> {
    let input = map([("FeatureSet", on.prop("FeatureSet"))]);
    let answer = on.call(ORGANIZATIONS, "CreateOrganization", input)?;
    let mut made = made(on, &answer, "Organization");
    let told = |member: &str| Value::Str(text_at(&answer, &format!("Organization.{member}")));
    made.attributes.extend([
        ("ManagementAccountArn", told("MasterAccountArn")),
        ("ManagementAccountEmail", told("MasterAccountEmail")),
        ("ManagementAccountId", told("MasterAccountId")),
    ]);
    let roots = on.call(ORGANIZATIONS, "ListRoots", map([]))?;
    made.attributes.push(("RootId", Value::Str(text_at(&roots, "Roots.0.Id"))));
    Ok(made)
}

fn attach(on: &mut On<'_, '_>, id: &str) -> Done<()> {
    let (wanted, was) = on.lists("TargetIds");
    let of = |target: &str| map([("PolicyId", Value::str(id)), ("TargetId", Value::str(target))]);
    for target in wanted.iter().filter(|target| !was.contains(target)) {
        on.call(ORGANIZATIONS, "AttachPolicy", of(target))?;
    }
    for target in was.iter().filter(|target| !wanted.contains(target)) {
        on.end(ORGANIZATIONS, "DetachPolicy", of(target))?;
    }
    Ok(())
}

/// AWS: a new account stands below the root until it is moved; the list has one parent.
fn move_to_parent(on: &mut On<'_, '_>, account: &str) -> Done<()> {
    let (wanted, was) = on.lists("ParentIds");
    let Some(parent) = wanted.first().filter(|parent| was.first() != Some(*parent)) else { return Ok(()) };
    let seen = on.call(ORGANIZATIONS, "ListParents", map([("ChildId", Value::str(account))]))?;
    let from = text_at(&seen, "Parents.0.Id");
    if from == *parent {
        return Ok(());
    }
    let input = map([
        ("AccountId", Value::str(account)),
        ("SourceParentId", Value::Str(from)),
        ("DestinationParentId", Value::str(parent)),
    ]);
    on.call(ORGANIZATIONS, "MoveAccount", input).map(drop)
}

/// What the request for an account has become.
fn creation(on: &mut On<'_, '_>) -> Done<Value> {
    let asked = map([("CreateAccountRequestId", on.physical())]);
    on.call(ORGANIZATIONS, "DescribeCreateAccountStatus", asked)
}

fn close(on: &mut On<'_, '_>) -> Done<()> {
    let mut id = on.physical.to_owned();
    if id.starts_with("car-") {
        let seen = creation(on)?;
        match text_at(&seen, "CreateAccountStatus.State").as_str() {
            "SUCCEEDED" => id = text_at(&seen, "CreateAccountStatus.AccountId"),
            "FAILED" => return Ok(()),
            _ => return Err(Refusal::of("The account is still being made.")),
        }
    }
    on.end(ORGANIZATIONS, "CloseAccount", map([("AccountId", Value::Str(id))]))
}

fn account_ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let mut id = on.physical.to_owned();
    if id.starts_with("car-") {
        let seen = creation(on)?;
        match text_at(&seen, "CreateAccountStatus.State").as_str() {
            "SUCCEEDED" => id = text_at(&seen, "CreateAccountStatus.AccountId"),
            "FAILED" => {
                let why = text_at(&seen, "CreateAccountStatus.FailureReason");
                return Err(Refusal::of(format!("The account was not made: {why}.")));
            }
            _ => return Ok(None),
        }
        on.told = Some(id.clone());
        move_to_parent(on, &id)?;
        on.mark(&TAGGER, Value::str(&id))?;
    }
    let seen = on.call(ORGANIZATIONS, "DescribeAccount", map([("AccountId", Value::str(&id))]))?;
    let told = |member: &str| Value::Str(text_at(&seen, &format!("Account.{member}")));
    Ok(Some(vec![
        ("AccountId", Value::Str(id)),
        ("Arn", told("Arn")),
        ("JoinedMethod", told("JoinedMethod")),
        ("Status", told("Status")),
    ]))
}
