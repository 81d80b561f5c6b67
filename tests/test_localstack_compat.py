"""What scripts and tools made for LocalStack rely on: its port's paths, its credentials, its log line."""

import json
import urllib.request

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
