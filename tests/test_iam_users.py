"""IAM users: their names, paths, keys and tags, and what is refused."""

import re

import pytest
from cloudtest import refused


@pytest.fixture
def iam(account):
    return account.client("iam")


def test_a_user_is_what_was_asked_for(account, iam):
    made = iam.create_user(UserName="ann", Path="/ops/", Tags=[{"Key": "team", "Value": "red"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{account.account}:user/ops/ann"
    assert re.fullmatch(r"AIDA[A-Z2-7]{16,17}", made["UserId"])
    assert made["Tags"] == [{"Key": "team", "Value": "red"}]
    found = iam.get_user(UserName="ann")["User"]
    assert (found["UserId"], found["Path"], found["CreateDate"]) == (made["UserId"], "/ops/", made["CreateDate"])


def test_names_are_one_per_account_whatever_their_case(account, other_account, iam):
    iam.create_user(UserName="ann")
    for name in ("ann", "ANN"):
        with refused("EntityAlreadyExists", f"User with name {name} already exists.", 409):
            iam.create_user(UserName=name)
    made = other_account.client("iam").create_user(UserName="ann")["User"]
    assert made["Arn"] == f"arn:aws:iam::{other_account.account}:user/ann"


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "a" * 65,
            "1 validation error detected: Value at 'userName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        (
            "a b",
            "The specified value for userName is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-",
        ),
    ],
)
def test_names_are_validated_in_iams_words(iam, name, message):
    with refused("ValidationError", message, 400):
        iam.create_user(UserName=name)


def test_what_is_not_there_is_named(iam):
    missing = "The user with name nobody cannot be found."
    for call in (iam.get_user, iam.delete_user, iam.list_access_keys, iam.list_user_policies, iam.create_access_key):
        with refused("NoSuchEntity", missing, 404):
            call(UserName="nobody")


def test_listing_goes_by_path_and_in_pages(iam):
    names = [f"user-{n:02}" for n in range(25)]
    for name in names:
        iam.create_user(UserName=name, Path="/many/")
    iam.create_user(UserName="alone")
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix="/many/", PaginationConfig={"PageSize": 10}))
    assert [len(page["Users"]) for page in pages] == [10, 10, 5]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    with refused("ValidationError", status=400):
        iam.list_users(Marker="not one of ours")


def test_a_user_with_belongings_is_not_deleted(iam):
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    with refused("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409):
        iam.delete_user(UserName="ann")
    iam.delete_access_key(UserName="ann", AccessKeyId=key)
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_user(UserName="ann")
    iam.detach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.delete_user(UserName="ann")
    with refused("NoSuchEntity", "The user with name ann cannot be found.", 404):
        iam.get_user(UserName="ann")


def test_renaming_keeps_the_id_and_the_keys(account, iam):
    ann = account.user("ann")
    user_id = iam.get_user(UserName="ann")["User"]["UserId"]
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/new/")
    found = iam.get_user(UserName="anna")["User"]
    assert (found["UserId"], found["Arn"]) == (user_id, f"arn:aws:iam::{account.account}:user/new/anna")
    assert ann.client("sts").get_caller_identity()["Arn"] == found["Arn"]


def test_access_keys_are_two_and_can_be_switched_off(account, iam):
    ann = account.user("ann")
    iam.create_access_key(UserName="ann")
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName="ann")
    iam.update_access_key(UserName="ann", AccessKeyId=ann.key, Status="Inactive")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        ann.client("sts").get_caller_identity()
    iam.update_access_key(UserName="ann", AccessKeyId=ann.key, Status="Active")
    assert ann.client("sts").get_caller_identity()["Arn"] == ann.arn
    iam.delete_access_key(UserName="ann", AccessKeyId=ann.key)
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        ann.client("sts").get_caller_identity()


def test_tags(iam):
    iam.create_user(UserName="ann")
    iam.tag_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_user(UserName="ann", Tags=[{"Key": "a", "Value": "3"}])
    iam.untag_user(UserName="ann", TagKeys=["b"])
    assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "a", "Value": "3"}]
