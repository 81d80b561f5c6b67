"""IAM roles: trust, life, instance profiles."""

import re

import pytest
from cloudtest import allow, policy, refused

TRUST = policy({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.fixture
def iam(account):
    return account.client("iam")


def test_a_role_is_what_was_asked_for(account, iam):
    made = iam.create_role(
        RoleName="web",
        Path="/app/",
        AssumeRolePolicyDocument=TRUST,
        Description="the web tier",
        MaxSessionDuration=7200,
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account.account}:role/app/web"
    assert re.fullmatch(r"AROA[A-Z2-7]{16,17}", made["RoleId"])
    found = iam.get_role(RoleName="web")["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("the web tier", 7200)
    with refused("EntityAlreadyExists", "Role with name web already exists.", 409):
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=TRUST)


@pytest.mark.parametrize(
    "document, message",
    [
        ("not json", "This policy contains invalid Json"),
        (policy({"Effect": "Allow", "Action": "sts:AssumeRole"}), None),
        (
            policy({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}),
            "Has prohibited field Resource",
        ),
        (
            policy(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::123456789012:user/nobody"},
                    "Action": "sts:AssumeRole",
                }
            ),
            'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/nobody"',
        ),
    ],
)
def test_a_malformed_trust_policy_is_refused(iam, document, message):
    with refused("MalformedPolicyDocument", message, 400):
        iam.create_role(RoleName="bad", AssumeRolePolicyDocument=document)
    with refused("NoSuchEntity", "The role with name bad cannot be found.", 404):
        iam.get_role(RoleName="bad")


def test_a_role_with_belongings_is_not_deleted(account, iam):
    account.role("web", {"Service": "ec2.amazonaws.com"}, allow("s3:*"))
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_role(RoleName="web")
    iam.delete_role_policy(RoleName="web", PolicyName="inline")
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    with refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409):
        iam.delete_role(RoleName="web")
    found = iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    assert [role["RoleName"] for role in found["Roles"]] == ["web"]
    with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409):
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")
    iam.delete_role(RoleName="web")
    assert iam.list_roles()["Roles"] == []


def test_a_new_trust_policy_counts_at_once(account, iam):
    ann, bob = account.user("ann", allow("sts:AssumeRole")), account.user("bob", allow("sts:AssumeRole"))
    role = account.role("web", ann.arn)
    assert ann.assume(role).arn.endswith(":assumed-role/web/session")
    trust = policy({"Effect": "Allow", "Principal": {"AWS": bob.arn}, "Action": "sts:AssumeRole"})
    iam.update_assume_role_policy(RoleName="web", PolicyDocument=trust)
    assert bob.assume(role).arn.endswith(":assumed-role/web/session")
    with refused("AccessDenied", status=403):
        ann.assume(role)
