//! Organizations, their units, accounts and policies. By which role an account was made is not seen.

use super::machine::put;
use super::{Look, PLAIN, Seen, gone, own, parsed};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::on::{On, map, text_at, texts_at};
use crate::cloudformation::kinds::organizations::ORGANIZATIONS;
use wire::Value;

pub(in crate::cloudformation::kinds) static ORGANIZATION: Look = Look {
    sees: &["FeatureSet"],
    read: |on| {
        let told = own(&on.ask(ORGANIZATIONS, "DescribeOrganization", map([]))?, "Organization");
        if text_at(&told, "Id") != on.physical {
            return Err(gone(on.physical));
        }
        let roots = on.ask(ORGANIZATIONS, "ListRoots", map([]))?;
        let attributes = vec![
            ("Arn", own(&told, "Arn")),
            ("Id", on.physical()),
            ("ManagementAccountArn", own(&told, "MasterAccountArn")),
            ("ManagementAccountEmail", own(&told, "MasterAccountEmail")),
            ("ManagementAccountId", own(&told, "MasterAccountId")),
            ("RootId", own(&roots, "Roots.0.Id")),
        ];
        Ok(Seen::of(ORGANIZATION.rows(on, &told, &[]), attributes))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static UNIT: Look = Look {
    sees: &["Name", "ParentId", "Tags"],
    read: |on| {
        let asked = map([("OrganizationalUnitId", on.physical())]);
        let told = own(&on.ask(ORGANIZATIONS, "DescribeOrganizationalUnit", asked)?, "OrganizationalUnit");
        let mut all = UNIT.rows(on, &told, &[]);
        put(&mut all, "ParentId", parent(on)?);
        put(&mut all, "Tags", tagged(on)?);
        Ok(Seen::of(all, vec![("Arn", own(&told, "Arn")), ("Id", on.physical())]))
    },
    identifiers: &["Id"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static POLICY: Look = Look {
    sees: &["Content", "Description", "Name", "Tags", "TargetIds", "Type"],
    whole: &["Content"],
    read: |on| {
        let id = ("PolicyId", on.physical());
        let told = own(&on.ask(ORGANIZATIONS, "DescribePolicy", map([id.clone()]))?, "Policy");
        let summary = own(&told, "PolicySummary");
        let mut all = POLICY.rows(on, &summary, &[]);
        put(&mut all, "Content", parsed(&own(&told, "Content")));
        let (operation, pages) = ((ORGANIZATIONS, "ListTargetsForPolicy"), ("NextToken", "NextToken"));
        let targets = Value::List(on.ask_all(operation, vec![id], "Targets", pages)?);
        let targets = texts_at(&targets, "TargetId").into_iter().map(Value::Str).collect();
        put(&mut all, "TargetIds", Value::List(targets));
        put(&mut all, "Tags", tagged(on)?);
        let attributes = ["Arn", "AwsManaged", "Id"].map(|name| (name, own(&summary, name)));
        Ok(Seen::of(all, attributes.to_vec()))
    },
    identifiers: &["Id"],
    ..PLAIN
};

/// One that is closed is as good as gone.
pub(in crate::cloudformation::kinds) static ACCOUNT: Look = Look {
    sees: &["AccountName", "Email", "ParentIds", "Tags"],
    read: |on| {
        let asked = map([("AccountId", on.physical())]);
        let told = own(&on.ask(ORGANIZATIONS, "DescribeAccount", asked)?, "Account");
        if text_at(&told, "Status") != "ACTIVE" {
            return Err(gone(on.physical));
        }
        let mut all = ACCOUNT.rows(on, &told, &[("AccountName", "Name")]);
        put(&mut all, "ParentIds", Value::List(vec![parent(on)?]));
        put(&mut all, "Tags", tagged(on)?);
        let mut attributes = ["Arn", "JoinedMethod", "Status"].map(|name| (name, own(&told, name))).to_vec();
        attributes.push(("AccountId", on.physical()));
        Ok(Seen::of(all, attributes))
    },
    identifiers: &["AccountId"],
    ..PLAIN
};

fn parent(on: &mut On<'_, '_>) -> Done<Value> {
    let told = on.ask(ORGANIZATIONS, "ListParents", map([("ChildId", on.physical())]))?;
    Ok(own(&told, "Parents.0.Id"))
}

fn tagged(on: &mut On<'_, '_>) -> Done<Value> {
    let told = on.ask(ORGANIZATIONS, "ListTagsForResource", map([("ResourceId", on.physical())]))?;
    Ok(on.tags_as_written(&own(&told, "Tags")))
}
