"""STS: who one is, sessions of roles and users, and everything that is wrong with a signature."""

import datetime
import re

import pytest
from cloudtest import allow, policy, refused

INVALID_TOKEN = "The security token included in the request is invalid."


def test_who_one_is(account):
    root = account.client("sts").get_caller_identity()
    assert (root["UserId"], root["Account"], root["Arn"]) == (account.account, account.account, account.arn)
    ann = account.user("ann")
    who = ann.client("sts").get_caller_identity()
    user_id = account.client("iam").get_user(UserName="ann")["User"]["UserId"]
    assert (who["UserId"], who["Account"], who["Arn"]) == (user_id, account.account, ann.arn)
    session = account.user("eve", allow("sts:AssumeRole")).assume(account.role("web", account.arn), "s1")
    who = session.client("sts").get_caller_identity()
    role_id = account.client("iam").get_role(RoleName="web")["Role"]["RoleId"]
    assert who["UserId"] == f"{role_id}:s1"
    assert who["Arn"] == f"arn:aws:sts::{account.account}:assumed-role/web/s1"


def test_test_is_the_root_of_the_zero_account(cloud):
    who = cloud.client("sts").get_caller_identity()
    assert (who["Account"], who["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")


def test_nobody_can_be_kept_from_knowing_who_they_are(account):
    ann = account.user("ann", {"Effect": "Deny", "Action": "*", "Resource": "*"})
    assert ann.client("sts").get_caller_identity()["Arn"] == ann.arn


def test_a_wrong_secret(account):
    ann = account.user("ann")
    ann.secret = "a wrong secret"
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )
    with refused("SignatureDoesNotMatch", status=403) as caught:
        ann.client("sts").get_caller_identity()
    # What should have been signed follows, as AWS's guide to signature problems shows it.
    assert caught.value.response["Error"]["Message"].startswith(message)
    with refused("InvalidSignatureException", status=400) as caught:
        ann.client("kms").list_keys()
    assert caught.value.response["Error"]["Message"].startswith(message)


def test_an_unknown_key(cloud):
    with refused("InvalidClientTokenId", INVALID_TOKEN, 403):
        cloud.client("sts", "AKIAIOSFODNN7EXAMPLE", "secret").get_caller_identity()
    with refused("UnrecognizedClientException", INVALID_TOKEN, 400):
        cloud.client("kms", "AKIAIOSFODNN7EXAMPLE", "secret").list_keys()


def test_no_credentials(cloud):
    with refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403):
        cloud.anonymous("sts").get_caller_identity()
    with refused("MissingAuthenticationTokenException", "Request is missing Authentication Token", 400):
        cloud.anonymous("kms").list_keys()


def test_temporary_credentials_need_their_token(account):
    session = account.user("ann", allow("sts:AssumeRole")).assume(account.role("web", account.arn))
    assert session.key.startswith("ASIA")
    session.token, kept = None, session.token
    with refused("InvalidClientTokenId", INVALID_TOKEN, 403):
        session.client("sts").get_caller_identity()
    session.token = kept[:-8] + "AAAAAAAA"
    with refused("InvalidClientTokenId", INVALID_TOKEN, 403):
        session.client("sts").get_caller_identity()


@pytest.mark.parametrize("exists", [True, False])
def test_a_role_that_does_not_trust_looks_like_one_that_is_not_there(account, exists):
    role = f"arn:aws:iam::{account.account}:role/web"
    if exists:
        account.role("web", {"Service": "ec2.amazonaws.com"})
    ann = account.user("ann", allow("sts:AssumeRole"))
    message = f"User: {ann.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    with refused("AccessDenied", message, 403):
        ann.assume(role)


def test_root_does_not_assume_roles(account):
    role = account.role("web", account.arn)
    with refused("AccessDenied", "Roles may not be assumed by root accounts.", 403):
        account.assume(role)


def test_trusting_an_account_needs_the_users_own_permission(account):
    role = account.role("web", account.arn)
    ann = account.user("ann")
    with refused("AccessDenied", status=403):
        ann.assume(role)
    account.client("iam").put_user_policy(
        UserName="ann", PolicyName="assume", PolicyDocument=policy(allow("sts:AssumeRole", role))
    )
    assert ann.assume(role).account == account.account


def test_across_accounts_both_sides_must_agree(account, other_account):
    role = other_account.role("guest", account.arn, allow("iam:ListUsers"))
    ann, bob = account.user("ann", allow("sts:AssumeRole", role)), account.user("bob")
    guest = ann.assume(role)
    assert guest.account == other_account.account
    assert guest.client("iam").list_users()["Users"] == []
    with refused("AccessDenied", status=403):
        bob.assume(role)


def test_an_external_id_is_asked_for(account):
    iam = account.client("iam")
    ann = account.user("ann", allow("sts:AssumeRole"))
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": ann.arn},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "42"}},
        }
    )
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert ann.assume(role, ExternalId="42").arn.endswith("/web/session")
    for wrong in ({}, {"ExternalId": "43"}):
        with refused("AccessDenied", status=403):
            ann.assume(role, **wrong)


def test_a_session_policy_only_takes_away(account):
    role = account.role("web", account.arn, allow("iam:ListUsers"))
    ann = account.user("ann", allow("sts:AssumeRole"))
    narrow = ann.assume(role, Policy=policy(allow(["iam:ListRoles"])))
    resource = f"arn:aws:iam::{account.account}:user/"
    message = (
        f"User: {narrow.arn} is not authorized to perform: iam:ListUsers on resource: {resource} "
        "because no session policy allows the iam:ListUsers action"
    )
    with refused("AccessDenied", message, 403):
        narrow.client("iam").list_users()
    with refused("AccessDenied", status=403):
        narrow.client("iam").list_roles()
    assert len(ann.assume(role).client("iam").list_users()["Users"]) == 1


@pytest.mark.parametrize(
    "options, code, message",
    [
        (
            {"DurationSeconds": 3601},
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        ({"RoleSessionName": "a b"}, "ValidationError", None),
        ({"Policy": "not json"}, "MalformedPolicyDocument", "This policy contains invalid Json"),
    ],
)
def test_what_a_session_cannot_be(account, options, code, message):
    role = account.role("web", account.arn)
    sts = account.user("ann", allow("sts:AssumeRole")).client("sts")
    with refused(code, message, 400):
        sts.assume_role(**{"RoleArn": role, "RoleSessionName": "session", **options})


def test_chained_roles_last_an_hour_at_most(account):
    first = account.role("first", account.arn, allow("sts:AssumeRole"), MaxSessionDuration=43200)
    second = account.role("second", first, MaxSessionDuration=43200)
    session = account.user("ann", allow("sts:AssumeRole")).assume(first, DurationSeconds=43200)
    assert session.assume(second, DurationSeconds=3600).arn.endswith("/second/session")
    message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    with refused("ValidationError", message, 400):
        session.assume(second, DurationSeconds=3601)


def test_session_tags_are_principal_tags(account):
    iam = account.client("iam")
    trust = policy(
        {"Effect": "Allow", "Principal": {"AWS": account.arn}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    )
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    iam.put_role_policy(
        RoleName="web", PolicyName="p", PolicyDocument=policy(allow("iam:ListUsers", Condition=condition))
    )
    ann = account.user("ann", allow(["sts:AssumeRole", "sts:TagSession"]))
    red = ann.assume(role, Tags=[{"Key": "team", "Value": "red"}])
    assert len(red.client("iam").list_users()["Users"]) == 1
    with refused("AccessDenied", status=403):
        ann.assume(role, Tags=[{"Key": "team", "Value": "blue"}]).client("iam").list_users()


def test_get_session_token(account):
    ann = account.user("ann", allow("iam:ListUsers"))
    given = ann.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    left = given["Expiration"] - datetime.datetime.now(datetime.UTC)
    assert 880 < left.total_seconds() <= 901
    session = ann.with_credentials(given, ann.arn)
    assert session.client("sts").get_caller_identity()["Arn"] == ann.arn
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403):
        session.client("sts").get_session_token()
    # AWS: a session without MFA calls no IAM operation.
    with refused("InvalidClientTokenId", INVALID_TOKEN, 403):
        session.client("iam").list_users()


def test_get_federation_token(account):
    ann = account.user("ann", allow(["sts:GetFederationToken", "kms:ListKeys", "kms:ListAliases"]))
    given = ann.client("sts").get_federation_token(Name="guest", Policy=policy(allow("kms:ListKeys")))
    assert given["FederatedUser"]["Arn"] == f"arn:aws:sts::{account.account}:federated-user/guest"
    guest = ann.with_credentials(given["Credentials"], given["FederatedUser"]["Arn"])
    assert guest.client("kms").list_keys()["Keys"] == []
    with refused("AccessDeniedException", status=400):
        guest.client("kms").list_aliases()


def test_whose_key_it_is(account, cloud):
    ann = account.user("ann")
    assert cloud.client("sts").get_access_key_info(AccessKeyId=ann.key)["Account"] == account.account


def test_a_session_ends_when_its_time_is_over(own_cloud, own_account):
    ann = own_account.user("ann", allow("sts:AssumeRole"))
    session = ann.assume(own_account.role("web", own_account.arn), DurationSeconds=900)
    assert session.client("sts").get_caller_identity()["Arn"] == session.arn
    own_cloud.run("clock", "+901s")
    with refused("ExpiredToken", "The security token included in the request is expired", 403):
        session.client("sts").get_caller_identity()


def test_ids_look_like_awss(account):
    ann = account.user("ann", allow("sts:AssumeRole"))
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", ann.key)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", ann.secret)
    session = ann.assume(account.role("web", account.arn))
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", session.key)
