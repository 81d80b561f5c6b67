"""The reference application: made, shown to hold what it promises, and gone without a trace."""

import json

import pytest

SECONDS_MAX = 30


def left(cloud):
    """What the shop would leave, by kind."""
    ec2 = cloud.client("ec2")
    instances = [one for group in ec2.describe_instances()["Reservations"] for one in group["Instances"]]
    return {
        "instances": [one["InstanceId"] for one in instances if one["State"]["Name"] != "terminated"],
        "vpcs": [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"] if not one["IsDefault"]],
        "interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "buckets": cloud.client("s3").list_buckets()["Buckets"],
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "functions": cloud.client("lambda").list_functions()["Functions"],
        "logs": cloud.client("logs").describe_log_groups()["logGroups"],
        "users": cloud.client("iam").list_users()["Users"],
        # What a service has made for itself stays with the account, as in AWS.
        "roles": [
            one for one in cloud.client("iam").list_roles()["Roles"] if not one["Path"].startswith("/aws-service-role/")
        ],
        "profiles": cloud.client("iam").list_instance_profiles()["InstanceProfiles"],
        "keys": [
            one["AliasName"] for one in cloud.client("kms").list_aliases()["Aliases"] if "shop" in one["AliasName"]
        ],
    }


def test_the_shop_is_made_proven_and_gone(machines, own_cloud):
    done = own_cloud.run("demo", "--json", check=False)
    told = json.loads(done.stdout)
    assert [proof for proof in told["proofs"] if not proof["good"]] == []
    assert done.returncode == 0
    assert told["seconds"] < SECONDS_MAX
    # What is refused says why, and by which question that is found again.
    refused = [proof for proof in told["proofs"] if proof["why"]]
    assert len(refused) == 5
    for proof in refused:
        answer = own_cloud.run(*proof["ask"].split()[1:], check=False)
        # Of a packet the exit code is the answer.
        assert answer.stdout, answer.stderr
        assert answer.returncode == (1 if "--from" in proof["ask"] else 0)
    # What would be charged: for what was used, and for each hour that the shop stands.
    usage = told["usage"]
    used = {(row["service"], row["usageType"]): row for row in usage["rows"]}
    for line in [
        ("AmazonS3", "Requests-Tier1"),
        ("AmazonDynamoDB", "WriteRequestUnits"),
        ("AWSLambda", "Request"),
        ("AWSQueueService", "Requests-RBP"),
        ("awskms", "KMS-Requests"),
        ("AmazonEC2", "BoxUsage:t3.micro"),
        ("AmazonEC2", "NatGateway-Hours"),
    ]:
        assert float(used[line]["charge"]) > 0, line
    assert float(usage["charge"]) == pytest.approx(sum(float(row["charge"]) for row in used.values()), rel=0.2)
    hourly = {row["usageType"]: float(row["charge"]) for row in usage["hourly"]}
    machines = len(left(own_cloud)["instances"])
    assert hourly["BoxUsage:t3.micro"] == pytest.approx(machines * 0.0104, rel=0.05)
    assert hourly["NatGateway-Hours"] == 0.045
    assert hourly["KMS-Keys"] == pytest.approx(1 / 730, rel=0.05)
    assert hourly["PublicIPv4:InUseAddress"] > 0
    assert hourly["EBS:VolumeUsage.gp3"] > 0
    assert float(usage["hourlyCharge"]) == pytest.approx(sum(hourly.values()), rel=0.05)
    # A second time finds the shop as it is.
    again = json.loads(own_cloud.run("demo", "--json").stdout)
    assert again["outputs"] == told["outputs"]
    assert any(left(own_cloud).values())
    assert json.loads(own_cloud.run("demo", "--down", "--json").stdout) == {"deleted": True}
    assert {kind: found for kind, found in left(own_cloud).items() if found} == {}
    # What is gone costs nothing any more.
    stands = json.loads(own_cloud.run("usage", "--json").stdout)["hourly"]
    assert [row for row in stands if row["usageType"] != "KMS-Keys"] == []
    assert own_cloud.run("demo", "--down").stdout == "there is no shop\n"


def test_a_promise_that_is_broken_is_told(machines, own_cloud):
    own_cloud.run("demo", "--json")
    own_cloud.client("s3").delete_bucket_policy(Bucket="shop-uploads-000000000000")
    done = own_cloud.run("demo", check=False)
    assert done.returncode == 1
    assert "NOT SO  no upload without encryption" in done.stdout
    assert "as it stands: $" in done.stdout
    own_cloud.run("demo", "--down")
