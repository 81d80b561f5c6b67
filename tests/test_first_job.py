"""The first job a user has for a cloud: people, roles, rules and a secret, all still there after a crash."""

import base64
import json

from cloudtest import EXPLICIT_DENY, allow, deny, no_identity_policy, not_authorized, policy, refused


def test_boto3_first_job_survives_kill_9(own_cloud, own_account):
    root = own_account
    number = root.account
    iam = root.client("iam")

    # Users, a group, roles and policies.
    alice = root.user("alice", allow(["iam:GetUser", "sts:AssumeRole"]), deny("iam:DeleteUser"))
    assert alice.arn == f"arn:aws:iam::{number}:user/alice"
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="alice")
    made = iam.create_policy(PolicyName="use-keys", PolicyDocument=policy(allow(["kms:Encrypt", "kms:Decrypt"])))
    policy_arn = made["Policy"]["Arn"]
    assert policy_arn == f"arn:aws:iam::{number}:policy/use-keys"
    role_arn = root.role("keeper", alice.arn)
    assert role_arn == f"arn:aws:iam::{number}:role/keeper"
    iam.attach_role_policy(RoleName="keeper", PolicyArn=policy_arn)

    # Who one is, and what one may not do.
    who = alice.client("sts").get_caller_identity()
    assert (who["Account"], who["Arn"]) == (number, alice.arn)
    assert who["UserId"].startswith("AIDA")
    bob = f"arn:aws:iam::{number}:user/bob"
    with refused(
        "AccessDenied",
        not_authorized(alice.arn, "iam:CreateUser", bob, no_identity_policy("iam:CreateUser")),
        status=403,
    ):
        alice.client("iam").create_user(UserName="bob")
    with refused("AccessDenied", not_authorized(alice.arn, "iam:DeleteUser", alice.arn, EXPLICIT_DENY), status=403):
        alice.client("iam").delete_user(UserName="alice")
    with refused("NoSuchEntity", "The user with name bob cannot be found.", status=404):
        iam.get_user(UserName="bob")

    # A role's session may what the role may, and no more.
    keeper = alice.assume(role_arn, "night-shift")
    assert keeper.arn == f"arn:aws:sts::{number}:assumed-role/keeper/night-shift"
    assert keeper.client("sts").get_caller_identity()["Arn"] == keeper.arn
    with refused(
        "AccessDenied",
        not_authorized(keeper.arn, "iam:GetUser", alice.arn, no_identity_policy("iam:GetUser")),
    ):
        keeper.client("iam").get_user(UserName="alice")

    # A secret.
    key = root.client("kms").create_key(Description="the first key")["KeyMetadata"]
    context = {"for": "first job"}
    sealed = keeper.client("kms").encrypt(KeyId=key["Arn"], Plaintext=b"the secret", EncryptionContext=context)
    assert b"the secret" not in sealed["CiphertextBlob"]
    with refused("InvalidCiphertextException", status=400):
        keeper.client("kms").decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"for": "another"})
    with refused(
        "AccessDeniedException",
        not_authorized(alice.arn, "kms:Encrypt", key["Arn"], no_identity_policy("kms:Encrypt")),
        status=400,
    ):
        alice.client("kms").encrypt(KeyId=key["Arn"], Plaintext=b"x")

    own_cloud.restart(kill=True)

    # Everything is still there, and the credentials that were handed out are still good.
    assert iam.get_user(UserName="alice")["User"]["Arn"] == alice.arn
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="alice")["Groups"]] == ["readers"]
    inline = iam.get_user_policy(UserName="alice", PolicyName="inline")["PolicyDocument"]
    assert [statement["Effect"] for statement in inline["Statement"]] == ["Allow", "Deny"]
    attached = iam.list_attached_role_policies(RoleName="keeper")["AttachedPolicies"]
    assert attached == [{"PolicyName": "use-keys", "PolicyArn": policy_arn}]
    opened = keeper.client("kms").decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"the secret", key["Arn"])
    with refused("AccessDenied", not_authorized(alice.arn, "iam:DeleteUser", alice.arn, EXPLICIT_DENY)):
        alice.client("iam").delete_user(UserName="alice")


def test_aws_cli_first_job(account, tmp_path):
    root = account
    made = root.aws("iam", "create-user", "--user-name", "carol", "--tags", "Key=team,Value=blue")
    arn = f"arn:aws:iam::{root.account}:user/carol"
    assert made["User"]["Arn"] == arn
    assert made["User"]["Tags"] == [{"Key": "team", "Value": "blue"}]
    rule = policy(allow("iam:ListUsers"))
    root.aws("iam", "put-user-policy", "--user-name", "carol", "--policy-name", "list", "--policy-document", rule)
    given = root.aws("iam", "create-access-key", "--user-name", "carol")["AccessKey"]
    carol = root.with_credentials(given, arn)

    assert carol.aws("sts", "get-caller-identity")["Arn"] == arn
    assert [user["UserName"] for user in carol.aws("iam", "list-users")["Users"]] == ["carol"]
    denied = carol.aws("iam", "list-roles", check=False)
    # The CLI's own exit codes for an error that the service answered: version 2's and version 1's.
    assert denied.returncode in (254, 255)
    resource = f"arn:aws:iam::{root.account}:role/"
    expected = not_authorized(arn, "iam:ListRoles", resource, no_identity_policy("iam:ListRoles"))
    assert f"An error occurred (AccessDenied) when calling the ListRoles operation: {expected}" in denied.stderr

    key = root.aws("kms", "create-key")["KeyMetadata"]["KeyId"]
    root.aws("kms", "create-alias", "--alias-name", "alias/first", "--target-key-id", key)
    clear = tmp_path / "clear"
    clear.write_bytes(b"hello")
    sealed = root.aws("kms", "encrypt", "--key-id", "alias/first", "--plaintext", f"fileb://{clear}")
    # Version 1 of the CLI sends a blob's text as it is, version 2 decodes it; a file means the same to both.
    blob = tmp_path / "sealed"
    blob.write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    opened = root.aws("kms", "decrypt", "--ciphertext-blob", f"fileb://{blob}")
    assert opened["Plaintext"] == "aGVsbG8="


def test_trust_policy_round_trips_as_json(account):
    arn = account.role("keeper", {"Service": "ec2.amazonaws.com"})
    role = account.client("iam").get_role(RoleName="keeper")["Role"]
    assert role["Arn"] == arn
    expected = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert role["AssumeRolePolicyDocument"] == json.loads(policy(expected))
