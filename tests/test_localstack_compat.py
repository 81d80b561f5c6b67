"""What scripts and tools made for LocalStack rely on: its port's paths, its credentials, its log line."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from cloudtest import Cloud


def test_health_lists_services(cloud):
    with urllib.request.urlopen(f"{cloud.endpoint}/_localstack/health", timeout=10) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/json")
        health = json.loads(answer.read())
    # testcontainers and others look for a service's state here.
    for service in ("iam", "sts", "kms"):
        assert health["services"][service] in ("available", "running")
    assert isinstance(health["version"], str)


def test_head_of_the_health_page(cloud):
    made = urllib.request.Request(f"{cloud.endpoint}/_localstack/health", method="HEAD")
    with urllib.request.urlopen(made, timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"")


def test_the_ready_line_comes_when_calls_are_answered(tmp_path):
    cloud = Cloud(tmp_path).start()
    try:
        assert "Ready." in [line.strip() for line in cloud.log.read_text().splitlines()]
        assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
    finally:
        cloud.kill()


def test_accounts_are_named_by_access_keys(cloud):
    for key, account in (("test", "000000000000"), ("000000000000", "000000000000"), ("123412341234", "123412341234")):
        who = cloud.client("sts", key=key, secret="anything").get_caller_identity()
        assert who["Account"] == account
        assert who["Arn"] == f"arn:aws:iam::{account}:root"


def test_awslocal_works(cloud, account):
    """The wrapper of the AWS CLI that people made for LocalStack, as it is."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(cloud.data.parent),
        "LOCALSTACK_HOST": cloud.endpoint.removeprefix("http://"),
        "AWS_ACCESS_KEY_ID": account.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_PAGER": "",
    }
    awslocal = Path(sys.executable).parent / "awslocal"

    def run(*arguments):
        command = [sys.executable, str(awslocal), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    made = run("iam", "create-user", "--user-name", "local")
    assert made["User"]["Arn"] == f"arn:aws:iam::{account.account}:user/local"
    assert [user["UserName"] for user in account.client("iam").list_users()["Users"]] == ["local"]
    key = run("kms", "create-key")["KeyMetadata"]["KeyId"]
    assert account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Enabled"] is True
