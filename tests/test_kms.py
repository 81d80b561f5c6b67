"""KMS: the cryptography is real, and key policies and grants decide who may use it."""

import hashlib
import hmac as python_hmac
import json
import os

import pytest
from cloudtest import allow, no_identity_policy, not_authorized, policy, refused


@pytest.fixture
def kms(account):
    return account.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def test_a_key_is_what_was_asked_for(account, kms):
    made = kms.create_key(Description="for tests", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    assert made["Arn"] == f"arn:aws:kms:us-east-1:{account.account}:key/{made['KeyId']}"
    found = kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]
    assert found == made
    expected = {
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Enabled": True,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "MultiRegion": False,
        "Description": "for tests",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
    }
    assert {name: found[name] for name in expected} == expected
    assert kms.list_resource_tags(KeyId=made["KeyId"])["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    assert kms.list_keys()["Keys"] == [{"KeyId": made["KeyId"], "KeyArn": made["Arn"]}]
    root = f"arn:aws:iam::{account.account}:root"
    default = json.loads(kms.get_key_policy(KeyId=made["KeyId"])["Policy"])
    assert default["Statement"][0]["Principal"] == {"AWS": root}
    assert default["Statement"][0]["Action"] == "kms:*"


@pytest.mark.parametrize("size", [1, 1024, 4096])
def test_what_is_sealed_can_be_opened(kms, key, size):
    plain = os.urandom(size)
    sealed = kms.encrypt(KeyId=key, Plaintext=plain)["CiphertextBlob"]
    assert plain not in sealed or size == 1
    assert sealed != kms.encrypt(KeyId=key, Plaintext=plain)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed)
    assert (opened["Plaintext"], opened["KeyId"], opened["EncryptionAlgorithm"]) == (plain, key, "SYMMETRIC_DEFAULT")


def test_a_ciphertext_is_bound_to_its_context_and_to_every_bit(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"})["CiphertextBlob"]
    # The order of a context's pairs means nothing.
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"b": "2", "a": "1"})["Plaintext"] == b"x"
    for context in ({}, {"a": "1"}, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": "3"}):
        with refused("InvalidCiphertextException", status=400):
            kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)
    for at in (len(sealed) // 2, -1):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with refused("InvalidCiphertextException", status=400):
            kms.decrypt(CiphertextBlob=bytes(broken), EncryptionContext={"a": "1", "b": "2"})
    with refused("InvalidCiphertextException", status=400):
        kms.decrypt(CiphertextBlob=b"garbage")


def test_too_much_is_refused_in_kms_words(kms, key):
    message = (
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096"
    )
    with refused("ValidationException", message, 400):
        kms.encrypt(KeyId=key, Plaintext=b"x" * 4097)


def test_keys_and_aliases_that_are_not_there(account, kms):
    prefix = f"arn:aws:kms:us-east-1:{account.account}"
    number = "1234abcd-12ab-34cd-56ef-1234567890ab"
    with refused("NotFoundException", f"Key '{prefix}:key/{number}' does not exist", 400):
        kms.describe_key(KeyId=number)
    with refused("NotFoundException", f"Alias {prefix}:alias/nothing is not found.", 400):
        kms.encrypt(KeyId="alias/nothing", Plaintext=b"x")


def test_the_wrong_key_is_named_as_wrong(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    message = "The key ID in the request does not identify a CMK that can perform this operation."
    with refused("IncorrectKeyException", message, 400):
        kms.decrypt(CiphertextBlob=sealed, KeyId=other)


def test_a_disabled_key_does_nothing(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    for call in (lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), lambda: kms.decrypt(CiphertextBlob=sealed)):
        with refused("DisabledException", f"{key} is disabled.", 400):
            call()
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_a_key_waits_before_it_is_gone(own_cloud, own_account):
    kms = own_account.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with refused("KMSInvalidStateException", f"{key} is pending deletion.", 400):
        kms.decrypt(CiphertextBlob=sealed)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    own_cloud.run("clock", "+8d")
    with refused("NotFoundException", f"Key '{key}' does not exist", 400):
        kms.describe_key(KeyId=key)


def test_a_window_outside_the_limits(kms, key):
    with refused("ValidationException", status=400):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=6)
    with refused("ValidationException", status=400):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=31)


def test_old_ciphertexts_open_after_rotation(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"old"
    assert [rotation["RotationType"] for rotation in kms.list_key_rotations(KeyId=key)["Rotations"]] == ["ON_DEMAND"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)


def test_aliases(account, kms, key):
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    arn = f"arn:aws:kms:us-east-1:{account.account}:alias/app"
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"x")
    assert sealed["KeyId"] == key
    with refused("AlreadyExistsException", f"An alias with the name {arn} already exists", 400):
        kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.update_alias(AliasName="alias/app", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["Arn"] == other
    # What was sealed under the first key names that key, not the alias.
    assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["KeyId"] == key
    kms.delete_alias(AliasName="alias/app")
    assert [alias for alias in kms.list_aliases()["Aliases"] if alias["AliasName"] == "alias/app"] == []


def test_data_keys_open_to_what_was_given(kms, key):
    given = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
    assert len(given["Plaintext"]) == 32
    opened = kms.decrypt(CiphertextBlob=given["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == given["Plaintext"]
    sealed = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
    assert "Plaintext" not in sealed
    assert len(kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"]) == 64
    assert len(kms.generate_random(NumberOfBytes=100)["Plaintext"]) == 100


def test_reencryption_moves_a_secret_to_another_key(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceEncryptionContext={"a": "b"}, DestinationKeyId=other)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "spec, algorithms",
    [
        ("RSA_2048", ["RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_512"]),
        ("ECC_NIST_P256", ["ECDSA_SHA_256"]),
        ("ECC_NIST_P384", ["ECDSA_SHA_384"]),
        ("ECC_NIST_P521", ["ECDSA_SHA_512"]),
        ("ECC_SECG_P256K1", ["ECDSA_SHA_256"]),
    ],
)
def test_signatures_verify_and_forgeries_do_not(kms, spec, algorithms):
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert kms.get_public_key(KeyId=key)["PublicKey"][:1] == b"\x30"
    for algorithm in algorithms:
        signed = {"KeyId": key, "Message": b"a message", "SigningAlgorithm": algorithm}
        signature = kms.sign(**signed)["Signature"]
        assert kms.verify(**signed, Signature=signature)["SignatureValid"] is True
        with refused("KMSInvalidSignatureException", status=400):
            kms.verify(**{**signed, "Message": b"another"}, Signature=signature)
    with refused("InvalidKeyUsageException", status=400):
        kms.encrypt(KeyId=key, Plaintext=b"x")


def test_rsa_encryption(kms):
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    for algorithm in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"):
        sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm=algorithm)["CiphertextBlob"]
        assert len(sealed) == 256
        opened = kms.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)
        assert opened["Plaintext"] == b"x"


def test_macs(kms):
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    call = {"KeyId": key, "Message": b"a message", "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**call)["Mac"]
    assert len(mac) == 32
    assert kms.verify_mac(**call, Mac=mac)["MacValid"] is True
    with refused("KMSInvalidMacException", status=400):
        kms.verify_mac(**call, Mac=bytes(32))


def test_imported_material_is_what_is_used(account, kms):
    made = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    assert made["KeyState"] == "PendingImport"
    parameters = kms.get_parameters_for_import(
        KeyId=made["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    material = bytes(range(32))
    wrapped = rsa_oaep_sha256(parameters["PublicKey"], material)
    kms.import_key_material(
        KeyId=made["KeyId"],
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )
    mac = kms.generate_mac(KeyId=made["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    # The one place where the answer can be computed without the cloud: it is the HMAC of our own key.
    assert mac == python_hmac.new(material, b"m", hashlib.sha256).digest()


def rsa_oaep_sha256(public_key, message):
    """RSAES-OAEP (RFC 8017, 7.1.1) with SHA-256, enough to wrap key material without another dependency."""
    modulus, exponent = rsa_numbers(public_key)
    size, digest = (modulus.bit_length() + 7) // 8, 32

    def mask(seed, length):
        blocks = (hashlib.sha256(seed + n.to_bytes(4, "big")).digest() for n in range(length // digest + 1))
        return b"".join(blocks)[:length]

    def xor(left, right):
        return bytes(a ^ b for a, b in zip(left, right, strict=True))

    padding = bytes(size - len(message) - 2 * digest - 2)
    block = hashlib.sha256(b"").digest() + padding + b"\x01" + message
    seed = os.urandom(digest)
    masked = xor(block, mask(seed, len(block)))
    encoded = b"\x00" + xor(seed, mask(masked, digest)) + masked
    return pow(int.from_bytes(encoded, "big"), exponent, modulus).to_bytes(size, "big")


def rsa_numbers(der):
    """Modulus and exponent of a SubjectPublicKeyInfo."""

    def element(data):
        length, start = data[1], 2
        if length & 0x80:
            start = 2 + (length & 0x7F)
            length = int.from_bytes(data[2:start], "big")
        return data[start : start + length], data[start + length :]

    info, _ = element(der)
    _, rest = element(info)
    bits, _ = element(rest)
    numbers, _ = element(bits[1:])
    modulus, rest = element(numbers)
    exponent, _ = element(rest)
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def test_a_user_needs_permission(account, kms, key):
    ann = account.user("ann")
    denied = not_authorized(ann.arn, "kms:Encrypt", key, no_identity_policy("kms:Encrypt"))
    with refused("AccessDeniedException", denied, 400):
        ann.client("kms").encrypt(KeyId=key, Plaintext=b"x")
    account.client("iam").put_user_policy(
        UserName="ann", PolicyName="p", PolicyDocument=policy(allow("kms:Encrypt", key))
    )
    assert ann.client("kms").encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key


def test_a_key_policy_that_does_not_trust_iam_decides_alone(account, kms):
    ann, bob = account.user("ann", allow("kms:*")), account.user("bob")
    only = policy(
        {"Effect": "Allow", "Principal": {"AWS": account.arn}, "Action": ["kms:PutKeyPolicy"], "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": bob.arn}, "Action": "kms:Encrypt", "Resource": "*"},
    )
    key = kms.create_key(Policy=only, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    assert bob.client("kms").encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    because = "because no resource-based policy allows the kms:Encrypt action"
    with refused("AccessDeniedException", not_authorized(ann.arn, "kms:Encrypt", key, because), 400):
        ann.client("kms").encrypt(KeyId=key, Plaintext=b"x")


def test_a_grant_gives_and_takes_away(account, kms, key):
    ann = account.user("ann")
    made = kms.create_grant(
        KeyId=key,
        GranteePrincipal=ann.arn,
        Operations=["Encrypt", "Decrypt"],
        Constraints={"EncryptionContextSubset": {"team": "red"}},
    )
    mine = ann.client("kms")
    sealed = mine.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"team": "red", "more": "1"})["CiphertextBlob"]
    with refused("AccessDeniedException", status=400):
        mine.encrypt(KeyId=key, Plaintext=b"x")
    with refused("AccessDeniedException", status=400):
        mine.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"team": "red"})
    assert [grant["GrantId"] for grant in kms.list_grants(KeyId=key)["Grants"]] == [made["GrantId"]]
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    with refused("AccessDeniedException", status=400):
        mine.decrypt(CiphertextBlob=sealed, EncryptionContext={"team": "red", "more": "1"})


def test_another_account_needs_both_sides(account, other_account, kms, key):
    ann = other_account.user("ann")
    with refused("AccessDeniedException", status=400):
        other_account.client("kms").encrypt(KeyId=key, Plaintext=b"x")
    shared = policy(
        {"Effect": "Allow", "Principal": {"AWS": [account.arn, other_account.arn]}, "Action": "kms:*", "Resource": "*"}
    )
    kms.put_key_policy(KeyId=key, Policy=shared)
    assert other_account.client("kms").encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    with refused("AccessDeniedException", status=400):
        ann.client("kms").encrypt(KeyId=key, Plaintext=b"x")


def test_regions_are_apart(account, kms, key):
    elsewhere = account.client("kms", region="eu-west-1")
    number = key.rsplit("/", 1)[1]
    with refused(
        "NotFoundException", f"Key 'arn:aws:kms:eu-west-1:{account.account}:key/{number}' does not exist", 400
    ):
        elsewhere.describe_key(KeyId=number)
    assert elsewhere.list_keys()["Keys"] == []


def test_a_replica_opens_what_the_primary_sealed(account, kms):
    primary = kms.create_key(MultiRegion=True)["KeyMetadata"]
    assert primary["KeyId"].startswith("mrk-")
    kms.replicate_key(KeyId=primary["KeyId"], ReplicaRegion="eu-west-1")
    sealed = kms.encrypt(KeyId=primary["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    opened = account.client("kms", region="eu-west-1").decrypt(CiphertextBlob=sealed)
    assert opened["Plaintext"] == b"x"
    assert opened["KeyId"] == f"arn:aws:kms:eu-west-1:{account.account}:key/{primary['KeyId']}"


def test_key_material_does_not_lie_open_on_disk(own_cloud, own_account):
    kms = own_account.client("kms")
    made = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    parameters = kms.get_parameters_for_import(
        KeyId=made["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    material = hashlib.sha256(b"a key that can be looked for").digest()
    kms.import_key_material(
        KeyId=made["KeyId"],
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=rsa_oaep_sha256(parameters["PublicKey"], material),
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )
    own_cloud.stop()
    files = [path for path in own_cloud.data.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert material not in path.read_bytes(), path
        assert path.stat().st_mode & 0o077 == 0 or own_cloud.data.stat().st_mode & 0o077 == 0, path
