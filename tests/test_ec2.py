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
