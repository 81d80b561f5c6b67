//! One inline policy of a group, role or user, and members of a group, as resources of their own.

use super::iam::{IAM, member};
use super::on::{On, map};
use super::{BASE, Done, Kind, Made, look};
use wire::Value;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::IAM::GroupPolicy",
        changes: &["PolicyDocument"],
        fixed: &["GroupName", "PolicyName"],
        create: |on| put(on, "Group"),
        update: |on| put(on, "Group"),
        delete: |on| delete(on, "Group"),
        look: Some(&look::iam_beside::OF_GROUP),
        taken: Some(|on| look::iam_beside::OF_GROUP.taken(on)),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::RolePolicy",
        changes: &["PolicyDocument"],
        fixed: &["PolicyName", "RoleName"],
        create: |on| put(on, "Role"),
        update: |on| put(on, "Role"),
        delete: |on| delete(on, "Role"),
        look: Some(&look::iam_beside::OF_ROLE),
        taken: Some(|on| look::iam_beside::OF_ROLE.taken(on)),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::UserPolicy",
        changes: &["PolicyDocument"],
        fixed: &["PolicyName", "UserName"],
        create: |on| put(on, "User"),
        update: |on| put(on, "User"),
        delete: |on| delete(on, "User"),
        look: Some(&look::iam_beside::OF_USER),
        taken: Some(|on| look::iam_beside::OF_USER.taken(on)),
        ..BASE
    },
    Kind {
        name: "AWS::IAM::UserToGroupAddition",
        changes: &["GroupName", "Users"],
        attributes: &["Id"],
        create: |on| {
            belong(on)?;
            let id = on.generated(128);
            Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
        },
        update: |on| {
            belong(on)?;
            Ok(on.same())
        },
        delete: belong,
        ..BASE
    },
];

fn put(on: &mut On<'_, '_>, noun: &str) -> Done<Made> {
    let holder = member(noun);
    let input = map([
        (holder, on.prop(holder)),
        ("PolicyName", on.prop("PolicyName")),
        ("PolicyDocument", on.document("PolicyDocument")),
    ]);
    on.call(IAM, &format!("Put{noun}Policy"), input)?;
    let (policy, of) = (on.text("PolicyName").unwrap_or_default(), on.text(holder).unwrap_or_default());
    Ok(on.made(format!("{policy}|{of}"), Vec::new()))
}

fn delete(on: &mut On<'_, '_>, noun: &str) -> Done<()> {
    let holder = member(noun);
    let input = map([(holder, on.was(holder)), ("PolicyName", on.was("PolicyName"))]);
    on.end(IAM, &format!("Delete{noun}Policy"), input)
}

/// Those that are wanted are in the group, and those that were wanted before are no more.
fn belong(on: &mut On<'_, '_>) -> Done<()> {
    let ((wanted, was), moved) = (on.lists("Users"), on.changed("GroupName"));
    let of = |user: &str, group: Value| map([("UserName", Value::str(user)), ("GroupName", group)]);
    for user in wanted.iter().filter(|user| moved || !was.contains(user)) {
        on.call(IAM, "AddUserToGroup", of(user, on.prop("GroupName")))?;
    }
    for user in was.iter().filter(|user| moved || !wanted.contains(user)) {
        on.end(IAM, "RemoveUserFromGroup", of(user, on.was("GroupName")))?;
    }
    Ok(())
}
