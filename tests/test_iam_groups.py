"""IAM groups: membership, and that a group's policies are its members'."""

import pytest
from cloudtest import allow, no_identity_policy, not_authorized, policy, refused


@pytest.fixture
def iam(account):
    return account.client("iam")


def test_members_have_the_groups_permissions_while_they_are_members(account, iam):
    ann = account.user("ann")
    resource = f"arn:aws:iam::{account.account}:user/"
    denied = not_authorized(ann.arn, "iam:ListUsers", resource, no_identity_policy("iam:ListUsers"))
    with refused("AccessDenied", denied, 403):
        ann.client("iam").list_users()
    iam.create_group(GroupName="listers")
    iam.put_group_policy(GroupName="listers", PolicyName="list", PolicyDocument=policy(allow("iam:ListUsers")))
    iam.add_user_to_group(GroupName="listers", UserName="ann")
    assert [user["UserName"] for user in ann.client("iam").list_users()["Users"]] == ["ann"]
    iam.remove_user_from_group(GroupName="listers", UserName="ann")
    with refused("AccessDenied", denied, 403):
        ann.client("iam").list_users()


def test_a_group_with_members_is_not_deleted(iam):
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="ops")
    iam.add_user_to_group(GroupName="ops", UserName="ann")
    assert [user["UserName"] for user in iam.get_group(GroupName="ops")["Users"]] == ["ann"]
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName="ops")
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_user(UserName="ann")
    iam.remove_user_from_group(GroupName="ops", UserName="ann")
    iam.delete_group(GroupName="ops")
    with refused("NoSuchEntity", "The group with name ops cannot be found.", 404):
        iam.get_group(GroupName="ops")


def test_names_are_unique(iam):
    iam.create_group(GroupName="ops")
    with refused("EntityAlreadyExists", "Group with name ops already exists.", 409):
        iam.create_group(GroupName="ops")
    with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
        iam.add_user_to_group(GroupName="ops", UserName="nobody")
