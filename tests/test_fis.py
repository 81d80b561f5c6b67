"""An experiment with a real client and a real machine, over a crash of the cloud."""

import datetime
import json
import time

from cloudtest import eventually
from test_ebs import disks  # noqa: F401
from test_ec2 import IMAGE, WAIT

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "fis.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
RIGHTS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": ["ec2:DescribeInstances", "ec2:StopInstances", "ec2:StartInstances"],
        "Resource": "*",
    },
}


def test_a_machine_is_stopped_for_a_time_and_comes_back(machines, own_cloud):
    ec2, iam, fis = own_cloud.client("ec2"), own_cloud.client("iam"), own_cloud.client("fis")
    role = iam.create_role(RoleName="chaos", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="chaos", PolicyName="own", PolicyDocument=json.dumps(RIGHTS))
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "chaos", "Value": "yes"}]}]
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, TagSpecifications=tags)
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    template = fis.create_experiment_template(
        description="a loss",
        roleArn=role,
        stopConditions=[{"source": "none"}],
        targets={
            "mine": {
                "resourceType": "aws:ec2:instance",
                "resourceTags": {"chaos": "yes"},
                "selectionMode": "COUNT(1)",
            }
        },
        actions={
            "stop": {
                "actionId": "aws:ec2:stop-instances",
                "parameters": {"startInstancesAfterDuration": "PT10M"},
                "targets": {"Instances": "mine"},
            }
        },
    )["experimentTemplate"]["id"]
    experiment = fis.start_experiment(experimentTemplateId=template)["experiment"]["id"]
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    own_cloud.restart(kill=True)
    ec2, fis = own_cloud.client("ec2"), own_cloud.client("fis")
    assert fis.get_experiment(id=experiment)["experiment"]["state"]["status"] == "running"
    own_cloud.run("clock", "+10m")
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)

    def done():
        return fis.get_experiment(id=experiment)["experiment"]["state"]["status"] == "completed"

    eventually(done)
    resolved = fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
    assert resolved[0]["targetInformation"]["arn"].endswith(instance)


def test_connectivity_is_disrupted_over_a_crash_and_comes_back(machines, own_cloud):
    ec2, iam, fis = own_cloud.client("ec2"), own_cloud.client("iam"), own_cloud.client("fis")
    role = iam.create_role(RoleName="chaos", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSFaultInjectionSimulatorNetworkAccess"
    iam.attach_role_policy(RoleName="chaos", PolicyArn=policy)

    def launch(zone):
        made = ec2.run_instances(
            ImageId=IMAGE,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": zone},
        )
        return made["Instances"][0]

    near, far = launch("us-east-1a"), launch("us-east-1b")
    ids = [near["InstanceId"], far["InstanceId"]]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)

    def reaches():
        get = ["curl", "-s", "-m", "2", f"http://{far['PrivateIpAddress']}:81/"]
        # Refused by the machine, and so there.
        return own_cloud.run("exec", near["InstanceId"], "--", *get, check=False).returncode == 7

    eventually(reaches)
    template = fis.create_experiment_template(
        description="a cut",
        roleArn=role,
        stopConditions=[{"source": "none"}],
        targets={
            "mine": {
                "resourceType": "aws:ec2:subnet",
                "parameters": {"vpc": far["VpcId"], "availabilityZoneIdentifier": "us-east-1b"},
                "selectionMode": "ALL",
            }
        },
        actions={
            "cut": {
                "actionId": "aws:network:disrupt-connectivity",
                "parameters": {"scope": "availability-zone", "duration": "PT10M"},
                "targets": {"Subnets": "mine"},
            }
        },
    )["experimentTemplate"]["id"]
    experiment = fis.start_experiment(experimentTemplateId=template)["experiment"]["id"]
    eventually(lambda: not reaches())
    stopped = own_cloud.run("why", "--from", ids[0], "--to", ids[1], "--port", "81", check=False)
    told = stopped.stdout
    assert stopped.returncode == 1
    assert "SUBNET_ACL_RESTRICTION" in told
    assert f"[by the experiment {experiment}]" in told
    own_cloud.restart(kill=True)
    fis = own_cloud.client("fis")
    own_cloud.client("ec2").get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    assert not reaches()
    own_cloud.run("clock", "+10m")
    eventually(reaches)
    eventually(lambda: fis.get_experiment(id=experiment)["experiment"]["state"]["status"] == "completed")


def told(cloud, volume, metric):
    """What CloudWatch has of a volume, by the minute."""
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/EBS",
        MetricName=metric,
        Dimensions=[{"Name": "VolumeId", "Value": volume}],
        StartTime=now - hour,
        EndTime=now + hour,
        Period=60,
        Statistics=["Sum"],
    )
    return [point["Sum"] for point in found["Datapoints"]]


def test_a_volume_pauses_and_goes_on(machines, disks, own_cloud):  # noqa: F811
    ec2, iam, fis = own_cloud.client("ec2"), own_cloud.client("iam"), own_cloud.client("fis")
    role = iam.create_role(RoleName="chaos", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSFaultInjectionSimulatorEC2Access"
    iam.attach_role_policy(RoleName="chaos", PolicyArn=policy)
    rights = {**RIGHTS, "Statement": {"Effect": "Allow", "Action": "ec2:*Volume*", "Resource": "*"}}
    iam.put_role_policy(RoleName="chaos", PolicyName="own", PolicyDocument=json.dumps(rights))
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, BlockDeviceMappings=[disk])
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)

    def run(command):
        return own_cloud.run("exec", instance, "--", "sh", "-c", command, check=False)

    write = "dd if=/dev/zero of=/dev/sdf bs=4096 count=1 conv=notrunc,fsync 2>/dev/null"
    eventually(lambda: run(f"test -e /dev/sdf && {write}").returncode == 0)
    [volume] = ec2.describe_volumes(Filters=[{"Name": "attachment.device", "Values": ["/dev/sdf"]}])["Volumes"]
    arn = (
        f"arn:aws:ec2:us-east-1:{own_cloud.client('sts').get_caller_identity()['Account']}:volume/{volume['VolumeId']}"
    )
    template = fis.create_experiment_template(
        description="a stall",
        roleArn=role,
        stopConditions=[{"source": "none"}],
        targets={"mine": {"resourceType": "aws:ec2:ebs-volume", "resourceArns": [arn], "selectionMode": "ALL"}},
        actions={
            "hold": {
                "actionId": "aws:ebs:pause-volume-io",
                "parameters": {"duration": "PT10M"},
                "targets": {"Volumes": "mine"},
            }
        },
    )["experimentTemplate"]["id"]
    experiment = fis.start_experiment(experimentTemplateId=template)["experiment"]["id"]
    eventually(lambda: fis.get_experiment(id=experiment)["experiment"]["state"]["status"] == "running")
    # It waits, and can be given up.
    eventually(lambda: run(f"timeout -s KILL 1 sh -c '{write}'").returncode == 137)
    run(f"({write}; echo done > /srv/done) > /dev/null 2>&1 &")
    assert run("sleep 1; test -e /srv/done").returncode == 1
    # CloudWatch hears of it by the minute, as of what was written before.
    for _ in range(4):
        own_cloud.run("clock", "+61s")
        time.sleep(1)
    eventually(lambda: 1.0 in told(own_cloud, volume["VolumeId"], "VolumeStalledIOCheck"))
    assert max(told(own_cloud, volume["VolumeId"], "VolumeWriteOps")) > 0
    assert max(told(own_cloud, volume["VolumeId"], "VolumeWriteBytes")) >= 4096
    assert 0.0 in told(own_cloud, volume["VolumeId"], "VolumeReadOps")
    # A snapshot is taken of what was there.
    taken = ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[taken], WaiterConfig={"Delay": 1})
    fis.stop_experiment(id=experiment)
    eventually(lambda: run("test -e /srv/done").returncode == 0)
    assert run(write).returncode == 0
    # One that pauses holds up the end of no machine.
    again = fis.start_experiment(experimentTemplateId=template)["experiment"]["id"]
    eventually(lambda: fis.get_experiment(id=again)["experiment"]["state"]["status"] == "running")
    eventually(lambda: run(f"timeout -s KILL 1 sh -c '{write}'").returncode == 137)
    run(f"({write}) > /dev/null 2>&1 &")
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
