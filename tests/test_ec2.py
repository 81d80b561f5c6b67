"""Instances with a real client: boto3 and its waiters, from a key pair to the end."""

import json
import time

import pytest
from cloudtest import allow, refused

WAIT = {"Delay": 1, "MaxAttempts": 60}
IMAGE = "ami-0a1f5c0de0b1a0001"


@pytest.fixture
def machines(cloud):
    """For tests that boot machines: left out, visibly, where `virga doctor` says that there can be none."""
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    networks = next(finding for finding in findings if finding["what"] == "networks")
    if not networks["good"]:
        pytest.skip(networks["detail"])


@pytest.fixture
def ec2(account):
    return account.client("ec2")


def says(ec2, instance, what, times=1):
    """Waits until the machine's console has said something so often."""
    for _ in range(100):
        said = ec2.get_console_output(InstanceId=instance).get("Output", "")
        if said.count(what) == times:
            return
        time.sleep(0.1)
    raise AssertionError(said)


def test_an_instance_boots_runs_its_script_and_goes(machines, ec2):
    ec2.create_key_pair(KeyName="mine", KeyType="ed25519")
    made = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        KeyName="mine",
        UserData="#!/bin/sh\necho the script ran\n",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}],
    )
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    says(ec2, instance, "the script ran")
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.start_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert not ec2.describe_network_interfaces()["NetworkInterfaces"]


def test_who_may_launch(account, ec2):
    user = account.user("starter", allow(["ec2:StartInstances"])).client("ec2")
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    with refused("UnauthorizedOperation"):
        user.run_instances(**launch)
    with refused("InvalidInstanceID.NotFound"):
        ec2.stop_instances(InstanceIds=["i-00000000000000000"])


def test_a_machine_comes_back_after_kill_9(machines, own_cloud):
    """The cloud dies at once, machines and all; started again, the machine boots again under its address."""
    ec2 = own_cloud.client("ec2")
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance = made["Instances"][0]["InstanceId"]
    address = made["Instances"][0]["PrivateIpAddress"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    says(ec2, instance, " is up")
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    says(ec2, instance, " is up", times=2)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    assert found["PrivateIpAddress"] == address
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)


# What an application in a machine does: a token, with it the role's credentials; and how far the token could travel.
ASKS = """#!/usr/bin/python3
import json, socket, urllib.request
BASE = "http://169.254.169.254/latest/"
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
def ask(path, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(BASE + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=5).read().decode()
token = ask("api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
hops = []
wire.settimeout(1)
while not hops:
    packet = wire.recv(2048)
    if socket.inet_ntoa(packet[12:16]) == "169.254.169.254" and b"HTTP/1.1 200" in packet:
        hops.append(packet[8])
role = ask("meta-data/iam/security-credentials/", X_aws_ec2_metadata_token=token)
found = json.loads(ask("meta-data/iam/security-credentials/" + role, X_aws_ec2_metadata_token=token))
print("GIVEN " + json.dumps({"hops": hops, "role": role, **found}) + " END", flush=True)
"""


def test_a_machine_acts_as_the_role_of_its_profile(machines, account, ec2):
    iam = account.client("iam")
    account.role("app", {"Service": "ec2.amazonaws.com"}, allow("ec2:DescribeVpcs"))
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    made = ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "app"},
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
        UserData=ASKS,
    )["Instances"][0]
    assert made["IamInstanceProfile"]["Arn"].endswith(":instance-profile/app")
    assert made["MetadataOptions"]["HttpTokens"] == "required"
    instance = made["InstanceId"]
    says(ec2, instance, " END")
    said = ec2.get_console_output(InstanceId=instance)["Output"]
    given = json.loads(said.split("GIVEN ")[1].split(" END")[0])
    assert given["hops"] == [3]
    arn = f"arn:aws:sts::{account.account}:assumed-role/app/{instance}"
    role = account.with_credentials({**given, "SessionToken": given["Token"]}, arn)
    assert role.client("sts").get_caller_identity()["Arn"] == arn
    assert role.client("ec2").describe_vpcs()["Vpcs"]
    with refused("UnauthorizedOperation"):
        role.client("ec2").describe_subnets()
    association = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance]}]
    )["IamInstanceProfileAssociations"][0]
    ec2.disassociate_iam_instance_profile(AssociationId=association["AssociationId"])
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert "IamInstanceProfile" not in found
    assert found["MetadataOptions"]["HttpEndpoint"] == "disabled"
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
