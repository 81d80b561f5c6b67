"""Credentials of users as an SDK sees them: passwords, MFA devices, the credential report."""

import base64
import csv
import hashlib
import hmac
import io
import struct
import time
import zlib

import pytest
from cloudtest import refused


@pytest.fixture
def iam(account):
    return account.client("iam")


def code(seed, step):
    """RFC 6238 with SHA-1, six digits."""
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def png_size(image):
    """Width and height, after every chunk's checksum has been held against its bytes."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        kind, data = image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        assert struct.unpack(">I", image[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        chunks[kind] = data
        at += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + width // 8)
    return width, height


def test_a_telephone_becomes_an_mfa_device(account, iam):
    iam.create_user(UserName="eva")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/x/")["VirtualMFADevice"]
    serial = f"arn:aws:iam::{account.account}:mfa/x/phone"
    assert device["SerialNumber"] == serial
    width, height = png_size(device["QRCodePNG"])
    assert width == height > 200
    seed = device["Base32StringSeed"]
    step = int(time.time()) // 30
    with refused("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403):
        iam.enable_mfa_device(
            UserName="eva",
            SerialNumber=serial,
            AuthenticationCode1=code(seed, step + 1),
            AuthenticationCode2=code(seed, step),
        )
    iam.enable_mfa_device(
        UserName="eva",
        SerialNumber=serial,
        AuthenticationCode1=code(seed, step - 1),
        AuthenticationCode2=code(seed, step),
    )
    assert [d["SerialNumber"] for d in iam.list_mfa_devices(UserName="eva")["MFADevices"]] == [serial]
    listed = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert [(d["SerialNumber"], d["User"]["UserName"]) for d in listed] == [(serial, "eva")]
    assert "Base32StringSeed" not in listed[0]


def test_the_credential_report_is_csv(account, iam):
    iam.create_user(UserName="eva,first")
    iam.create_access_key(UserName="eva,first")
    while iam.generate_credential_report()["State"] != "COMPLETE":
        pass
    text = iam.get_credential_report()["Content"].decode()
    root, eva = csv.DictReader(io.StringIO(text))
    assert (root["user"], root["arn"]) == ("<root_account>", f"arn:aws:iam::{account.account}:root")
    assert (eva["user"], eva["access_key_1_active"], eva["access_key_2_active"]) == ("eva,first", "true", "false")


def test_passwords_obey_the_account(iam):
    iam.create_user(UserName="eva")
    iam.update_account_password_policy(MinimumPasswordLength=10, RequireSymbols=True)
    with refused("PasswordPolicyViolation", "Password should have at least one symbol", 400):
        iam.create_login_profile(UserName="eva", Password="Correcthorse1")
    iam.create_login_profile(UserName="eva", Password="Correct-horse1", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="eva")["LoginProfile"]["PasswordResetRequired"] is True


def test_the_summary_is_a_map_of_numbers(iam):
    iam.create_group(GroupName="g")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Groups"], summary["GroupsQuota"], summary["Users"]) == (1, 300, 0)
