"""Instances with a real client: boto3 and its waiters, from a key pair to the end."""

import base64
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


def console(ec2, instance):
    said = ec2.get_console_output(InstanceId=instance).get("Output", "")
    # boto3 decodes it already.
    return said if isinstance(said, str) else base64.b64decode(said).decode()


def boots(ec2, instance, times):
    """Waits until the machine has said so often that it is up."""
    for _ in range(100):
        if console(ec2, instance).count(" is up") == times:
            return
        time.sleep(0.1)
    raise AssertionError(console(ec2, instance))


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
    for _ in range(100):
        if "the script ran" in console(ec2, instance):
            break
        time.sleep(0.1)
    assert "the script ran" in console(ec2, instance)
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
    boots(ec2, instance, times=1)
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    boots(ec2, instance, times=2)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    assert found["PrivateIpAddress"] == address
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
