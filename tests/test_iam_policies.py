"""IAM policies: documents that are refused, versions, attachments, and what the rules decide."""

import json

import pytest
from cloudtest import EXPLICIT_DENY, allow, deny, no_identity_policy, not_authorized, policy, refused


@pytest.fixture
def iam(account):
    return account.client("iam")


@pytest.mark.parametrize(
    "document, message",
    [
        ("not json", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Syntax errors in policy."),
        (policy({"Effect": "Permit", "Action": "s3:*", "Resource": "*"}), "Syntax errors in policy."),
        (
            policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Sid": "a b"}),
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
        (policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (
            policy({"Effect": "Allow", "Action": "list", "Resource": "*"}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (policy({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
        (
            policy({"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}),
            'Resource bucket must be in ARN format or "*".',
        ),
        (
            policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}),
            "Policy document should not specify a principal.",
        ),
    ],
)
def test_a_malformed_document_is_refused_and_nothing_is_made(iam, document, message):
    with refused("MalformedPolicyDocument", message, 400):
        iam.create_policy(PolicyName="bad", PolicyDocument=document)
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_versions_are_five_and_one_is_the_default(account, iam):
    arn = iam.create_policy(PolicyName="rule", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    for n in range(2, 6):
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow(f"s3:Get{n}*")))
        assert made["PolicyVersion"]["VersionId"] == f"v{n}"
    with refused("LimitExceeded", None, 409):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("s3:*")))
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v5")
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in listed] == [
        ("v5", True),
        ("v4", False),
        ("v3", False),
        ("v2", False),
    ]
    missing = f"Policy {arn} version v1 does not exist or is not attachable."
    with refused("NoSuchEntity", missing, 404):
        iam.get_policy_version(PolicyArn=arn, VersionId="v1")
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v5")["PolicyVersion"]["Document"]
    assert document == json.loads(policy(allow("s3:Get5*")))


def test_the_default_version_is_the_one_that_counts(account, iam):
    ann = account.user("ann")
    arn = iam.create_policy(PolicyName="rule", PolicyDocument=policy(allow("iam:ListUsers")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    assert len(ann.client("iam").list_users()["Users"]) == 1
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("iam:ListRoles")), SetAsDefault=True)
    with refused("AccessDenied", status=403):
        ann.client("iam").list_users()
    assert ann.client("iam").list_roles()["Roles"] == []


def test_an_attached_policy_is_not_deleted(iam):
    arn = iam.create_policy(PolicyName="rule", PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName="ann", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)


def test_managed_policies_of_aws_are_there_and_work(account, iam):
    ann = account.user("ann")
    arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    assert len(ann.client("iam").list_users()["Users"]) == 1
    bob = f"arn:aws:iam::{account.account}:user/bob"
    with refused(
        "AccessDenied", not_authorized(ann.arn, "iam:CreateUser", bob, no_identity_policy("iam:CreateUser")), 403
    ):
        ann.client("iam").create_user(UserName="bob")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert "iam:Get*" in document["Statement"][0]["Action"]


def user_arn(account, name):
    return f"arn:aws:iam::{account.account}:user/{name}"


# Statements of ann's one policy; whether she may GetUser on `bob` (a user tagged team=red) then.
DECISIONS = {
    "nothing allows": ([], False),
    "exact action and resource": ([allow("iam:GetUser", "{bob}")], True),
    "actions match whatever their case": ([allow("IAM:getuser")], True),
    "a star in the action": ([allow("iam:Get*")], True),
    "another resource": ([allow("iam:GetUser", "{ann}")], False),
    "a question mark in the resource": ([allow("iam:GetUser", "arn:aws:iam::{account}:user/bo?")], True),
    "explicit deny wins": ([allow("*"), deny("iam:GetUser", "{bob}")], False),
    "a deny of another resource does not": ([allow("*"), deny("iam:GetUser", "{ann}")], True),
    "NotAction leaves the rest": ([{"Effect": "Allow", "NotAction": "iam:GetUser", "Resource": "*"}], False),
    "NotResource leaves the rest": ([{"Effect": "Allow", "Action": "iam:*", "NotResource": "{ann}"}], True),
    "a policy variable": ([allow("iam:GetUser", "arn:aws:iam::{account}:user/${{aws:username}}")], False),
    "condition on the caller": ([allow("iam:*", Condition={"StringEquals": {"aws:username": "ann"}})], True),
    "condition on another caller": ([allow("iam:*", Condition={"StringEquals": {"aws:username": "eve"}})], False),
    "condition on the resource's tag": (
        [allow("iam:*", Condition={"StringEquals": {"iam:ResourceTag/team": "red"}})],
        True,
    ),
    "condition on the source address": (
        [allow("iam:*", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})],
        True,
    ),
    "condition on an absent key": ([allow("iam:*", Condition={"StringEquals": {"aws:PrincipalTag/x": "y"}})], False),
    "the same if it exists": ([allow("iam:*", Condition={"StringEqualsIfExists": {"aws:PrincipalTag/x": "y"}})], True),
    "Null tells that it is absent": ([allow("iam:*", Condition={"Null": {"aws:PrincipalTag/x": "true"}})], True),
}


@pytest.mark.parametrize("statements, allowed", DECISIONS.values(), ids=DECISIONS.keys())
def test_what_the_rules_decide(account, iam, statements, allowed):
    iam.create_user(UserName="bob", Tags=[{"Key": "team", "Value": "red"}])
    names = {"account": account.account, "ann": user_arn(account, "ann"), "bob": user_arn(account, "bob")}

    def filled(value):
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return value.format(**names) if isinstance(value, str) else value

    ann = account.user("ann", *[filled(statement) for statement in statements])
    if allowed:
        assert ann.client("iam").get_user(UserName="bob")["User"]["Arn"] == names["bob"]
    else:
        denied = any(statement["Effect"] == "Deny" for statement in statements)
        because = EXPLICIT_DENY if denied else no_identity_policy("iam:GetUser")
        with refused("AccessDenied", not_authorized(ann.arn, "iam:GetUser", names["bob"], because), 403):
            ann.client("iam").get_user(UserName="bob")


def test_a_boundary_bounds(account, iam):
    ann = account.user("ann", allow("iam:*"))
    arn = iam.create_policy(PolicyName="bound", PolicyDocument=policy(allow("iam:ListUsers")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    assert len(ann.client("iam").list_users()["Users"]) == 1
    resource = f"arn:aws:iam::{account.account}:role/"
    because = "because no permissions boundary allows the iam:ListRoles action"
    with refused("AccessDenied", not_authorized(ann.arn, "iam:ListRoles", resource, because), 403):
        ann.client("iam").list_roles()
    iam.delete_user_permissions_boundary(UserName="ann")
    assert ann.client("iam").list_roles()["Roles"] == []


def test_another_accounts_resources_are_out_of_reach(account, other_account):
    other_account.client("iam").create_user(UserName="bob")
    with refused("NoSuchEntity", "The user with name bob cannot be found.", 404):
        account.client("iam").get_user(UserName="bob")


def test_simulation_agrees_with_the_decision(account, iam):
    ann = account.user("ann", allow("iam:Get*"), deny("iam:GetRole"))
    results = iam.simulate_principal_policy(
        PolicySourceArn=ann.arn, ActionNames=["iam:GetUser", "iam:GetRole", "iam:ListUsers"]
    )["EvaluationResults"]
    assert [(result["EvalActionName"], result["EvalDecision"]) for result in results] == [
        ("iam:GetUser", "allowed"),
        ("iam:GetRole", "explicitDeny"),
        ("iam:ListUsers", "implicitDeny"),
    ]
