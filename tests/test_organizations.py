"""Organizations: accounts that are made and invited, and policies that limit what they may do."""

import json
import time

import pytest
from cloudtest import Account, allow, policy, refused

SCP = "SERVICE_CONTROL_POLICY"
DENY_USERS = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}}
)


@pytest.fixture
def organization(account):
    """The client of a management account."""
    client = account.client("organizations")
    client.create_organization(FeatureSet="ALL")
    return client


def create_account(organization, name="member"):
    status = organization.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
    deadline = time.monotonic() + 10
    while status["State"] == "IN_PROGRESS":
        assert time.monotonic() < deadline, status
        time.sleep(0.02)
        status = organization.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    return status["AccountId"]


def test_a_new_account_is_entered_through_its_role(account, organization):
    number = create_account(organization)
    ann = account.user("ann", allow("sts:AssumeRole"))
    inside = ann.assume(f"arn:aws:iam::{number}:role/OrganizationAccountAccessRole")
    assert inside.account == number
    assert inside.client("iam").list_users()["Users"] == []
    names = {
        found["Name"] for page in organization.get_paginator("list_accounts").paginate() for found in page["Accounts"]
    }
    assert "member" in names


def test_a_service_control_policy_counts_at_once(cloud, organization):
    number = create_account(organization)
    root = organization.list_roots()["Roots"][0]["Id"]
    unit = organization.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    organization.move_account(AccountId=number, SourceParentId=root, DestinationParentId=unit)
    made = organization.create_policy(Name="no-users", Description="", Type=SCP, Content=DENY_USERS)
    deny = made["Policy"]["PolicySummary"]["Id"]
    member = Account(cloud, number)
    member.client("iam").create_user(UserName="before")
    organization.attach_policy(PolicyId=deny, TargetId=unit)
    message = (
        f"User: {member.arn} is not authorized to perform: iam:CreateUser on resource: "
        f"arn:aws:iam::{number}:user/eva with an explicit deny in a service control policy"
    )
    with refused("AccessDenied", message, 403):
        member.client("iam").create_user(UserName="eva")
    organization.detach_policy(PolicyId=deny, TargetId=unit)
    member.client("iam").create_user(UserName="eva")


def test_principals_know_their_organization(account, other_account, organization):
    client = other_account.client("organizations")
    invited = organization.invite_account_to_organization(Target={"Id": other_account.account, "Type": "ACCOUNT"})
    client.accept_handshake(HandshakeId=invited["Handshake"]["Id"])
    shown = client.describe_organization()["Organization"]
    assert shown["MasterAccountId"] == account.account
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": shown["Id"]}},
        }
    )
    role = account.client("iam").create_role(RoleName="web", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    eva = other_account.user("eva", allow("sts:AssumeRole"))
    assert eva.assume(role).account == account.account
    client.leave_organization()
    with refused("AccessDenied", status=403):
        eva.assume(role)


def test_reasons_come_with_errors(organization):
    with refused("ConstraintViolationException", status=400) as caught:
        root = organization.list_roots()["Roots"][0]["Id"]
        organization.detach_policy(PolicyId="p-FullAWSAccess", TargetId=root)
    assert caught.value.response["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_an_organization_survives_a_crash(own_cloud, own_account):
    organization = own_account.client("organizations")
    organization.create_organization()
    number = create_account(organization)
    own_cloud.kill()
    own_cloud.start()
    assert own_account.client("organizations").describe_account(AccountId=number)["Account"]["Status"] == "ACTIVE"
