"""What scripts and tools made for LocalStack rely on: its port's paths, its credentials, its log line."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
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
    for service, command, answer in (
        ("s3api", "list-buckets", "Buckets"),
        ("dynamodb", "list-tables", "TableNames"),
        ("lambda", "list-functions", "Functions"),
        ("ec2", "describe-key-pairs", "KeyPairs"),
    ):
        assert run(service, command)[answer] == []
    key = run("kms", "create-key")["KeyMetadata"]["KeyId"]
    assert account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Enabled"] is True


# A call of each service that this cloud has, by the name of its endpoint in Terraform's provider.
READS = {
    "autoscaling": lambda client: client.describe_auto_scaling_groups(),
    "cloudformation": lambda client: client.list_stacks(),
    "cloudtrail": lambda client: client.lookup_events(MaxResults=1),
    "cloudwatch": lambda client: client.list_metrics(),
    "dynamodb": lambda client: client.list_tables(),
    "ec2": lambda client: client.describe_vpcs(),
    "ecr": lambda client: client.describe_repositories(),
    "events": lambda client: client.list_event_buses(),
    "fis": lambda client: client.list_experiments(),
    "glacier": lambda client: client.list_vaults(accountId="-"),
    "iam": lambda client: client.list_users(),
    "kms": lambda client: client.list_keys(),
    "lambda": lambda client: client.list_functions(),
    "logs": lambda client: client.describe_log_groups(),
    "organizations": lambda client: client.create_organization(),
    "pipes": lambda client: client.list_pipes(),
    "s3": lambda client: client.list_buckets(),
    "scheduler": lambda client: client.list_schedules(),
    "sns": lambda client: client.list_topics(),
    "sqs": lambda client: client.list_queues(),
    "ssm": lambda client: client.describe_parameters(),
    "sts": lambda client: client.get_caller_identity(),
}
# Whose clients put the account's number before the endpoint's name.
BY_ACCOUNT = "s3control"
# Services here for which Terraform's provider has no endpoint in the wrapper's file.
UNNAMED = {"accessanalyzer", "dynamodbstreams", "ebs"}
TERRAFORM = """#!/bin/sh
if [ "$1" = version ]; then echo '{"terraform_version": "1.9.0"}'; exit 0; fi
exec cp localstack_providers_override.tf "$KEPT"
"""


def test_tflocal_finds_every_service(cloud, account, tmp_path, monkeypatch):
    """What the wrapper of Terraform that people made for LocalStack tells the provider leads to each service. Terraform
    itself is not needed: a program of its name keeps what it is given."""
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    if not shutil.which("tflocal", path=path):
        pytest.skip("terraform-local is not installed")
    (tmp_path / "terraform").write_text(TERRAFORM)
    (tmp_path / "terraform").chmod(0o755)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "main.tf").write_text('resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n')
    environment = {
        "PATH": path,
        "HOME": str(tmp_path),
        "KEPT": str(tmp_path / "kept"),
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": account.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "CUSTOMIZE_ACCESS_KEY": "1",
    }
    done = subprocess.run(
        ["tflocal", "apply"], capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path / "work"
    )
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "kept").read_text()
    said = dict(re.findall(r'^\s*(\w+)\s*=\s*"(.*)"$', told, re.MULTILINE))
    assert said["access_key"] == account.account

    # The public name service says 127.0.0.1 of every name below this one.
    found = socket.getaddrinfo

    def here(host, *arguments, **more):
        name = host.decode() if isinstance(host, bytes) else host
        return found("127.0.0.1" if name.endswith(".localhost.localstack.cloud") else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with urllib.request.urlopen(f"{cloud.endpoint}/_localstack/health", timeout=10) as answer:
        built = set(json.loads(answer.read())["services"])
    assert built - UNNAMED == {*READS, BY_ACCOUNT}, "a service was added: say what its endpoint is asked"

    def client_of(name, endpoint=None):
        return boto3.client(
            name,
            endpoint_url=endpoint or said[name],
            region_name=said["region"],
            aws_access_key_id=said["access_key"],
            aws_secret_access_key=said["secret_key"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    for name, read in READS.items():
        assert read(client_of(name))["ResponseMetadata"]["HTTPStatusCode"] == 200, name
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    control = client_of(BY_ACCOUNT, said[BY_ACCOUNT].replace("127.0.0.1", "localhost.localstack.cloud"))
    control.put_public_access_block(AccountId=account.account, PublicAccessBlockConfiguration=block)
    told = control.get_public_access_block(AccountId=account.account)
    assert told["PublicAccessBlockConfiguration"] == block
    control.delete_public_access_block(AccountId=account.account)
    with pytest.raises(control.exceptions.NoSuchPublicAccessBlockConfiguration):
        control.get_public_access_block(AccountId=account.account)
    made = boto3.client(
        "s3",
        endpoint_url=said["s3"],
        region_name=said["region"],
        aws_access_key_id=said["access_key"],
        aws_secret_access_key=said["secret_key"],
    )
    bucket = f"terraformed-{account.account}"
    made.create_bucket(Bucket=bucket)
    made.put_object(Bucket=bucket, Key="k", Body=b"found")
    assert account.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"found"
