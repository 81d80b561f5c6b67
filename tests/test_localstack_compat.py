"""What scripts and tools made for LocalStack rely on: its port's paths, its credentials, its log line."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from cloudtest import REGION, Cloud


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


def test_its_names_lead_to_buckets(cloud, account):
    """`localhost.localstack.cloud` is 127.0.0.1 by the public name service; a name in the request is what counts."""
    account.client("s3").create_bucket(Bucket=f"named-{account.account}")
    account.client("s3").put_object(Bucket=f"named-{account.account}", Key="k", Body=b"found")
    there = boto3.client(
        "s3",
        endpoint_url=f"http://s3.localhost.localstack.cloud:{cloud.port}",
        region_name=REGION,
        aws_access_key_id=account.account,
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "virtual"}),
    )
    url = there.generate_presigned_url("get_object", Params={"Bucket": f"named-{account.account}", "Key": "k"})
    host, path = url.removeprefix("http://").split("/", 1)
    assert host == f"named-{account.account}.s3.localhost.localstack.cloud:{cloud.port}"
    asked = urllib.request.Request(f"{cloud.endpoint}/{path}", headers={"Host": host})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.read() == b"found"


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
