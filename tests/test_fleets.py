"""Fleets and mixed groups with a real client and real machines, over an interruption and a crash of the cloud."""

from cloudtest import eventually, refused
from test_ec2 import IMAGE, WAIT


def template(ec2):
    ec2.create_launch_template(
        LaunchTemplateName="fleet", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.micro"}
    )
    return {"LaunchTemplateName": "fleet", "Version": "$Latest"}


def test_a_maintained_fleet_outlives_its_machines_and_the_cloud(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    configs = [{"LaunchTemplateSpecification": template(ec2)}]
    target = {"TotalTargetCapacity": 2, "OnDemandTargetCapacity": 1, "DefaultTargetCapacityType": "spot"}
    fleet = ec2.create_fleet(LaunchTemplateConfigs=configs, TargetCapacitySpecification=target)["FleetId"]

    def active():
        client = own_cloud.client("ec2")
        return client.describe_fleet_instances(FleetId=fleet)["ActiveInstances"]

    eventually(lambda: len(active()) == 2)
    ids = [one["InstanceId"] for one in active()]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    spot = next(one["InstanceId"] for one in active() if "SpotInstanceRequestId" in one)
    tags = ec2.describe_instances(InstanceIds=[spot])["Reservations"][0]["Instances"][0]["Tags"]
    assert {"Key": "aws:ec2:fleet-id", "Value": fleet} in tags
    assert {tag["Key"] for tag in tags} == {
        "aws:ec2:fleet-id",
        "aws:ec2launchtemplate:id",
        "aws:ec2launchtemplate:version",
    }
    own_cloud.run("spot", "interrupt", spot)
    own_cloud.restart(kill=True)
    own_cloud.run("clock", "+2m")
    eventually(lambda: len(active()) == 2 and spot not in [one["InstanceId"] for one in active()])
    ec2 = own_cloud.client("ec2")
    fleets = ec2.describe_fleets(FleetIds=[fleet])["Fleets"]
    assert (fleets[0]["FleetState"], fleets[0]["FulfilledCapacity"]) == ("active", 2.0)
    history = ec2.describe_fleet_history(FleetId=fleet, StartTime="2020-01-01T00:00:00Z")["HistoryRecords"]
    assert [one["EventInformation"]["EventSubType"] for one in history[:2]] == ["submitted", "active"]
    left = [one["InstanceId"] for one in active()]
    gone = ec2.delete_fleets(FleetIds=[fleet], TerminateInstances=True)["SuccessfulFleetDeletions"][0]
    assert gone["CurrentFleetState"] == "deleted_terminating"
    ec2.get_waiter("instance_terminated").wait(InstanceIds=left, WaiterConfig=WAIT)
    eventually(lambda: ec2.describe_fleets(FleetIds=[fleet])["Fleets"][0]["FleetState"] == "deleted")
    with refused("FleetNotInModifiableState"):
        ec2.modify_fleet(FleetId=fleet)


def test_an_instant_fleet_answers_with_its_machines_and_what_it_could_not(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    overrides = [
        {"InstanceType": "t3.small", "AvailabilityZone": "us-east-1a", "MaxPrice": "0.0011"},
        {"InstanceType": "t3.micro", "AvailabilityZone": "us-east-1b"},
    ]
    made = ec2.create_fleet(
        Type="instant",
        LaunchTemplateConfigs=[{"LaunchTemplateSpecification": template(ec2), "Overrides": overrides}],
        TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
        SpotOptions={"AllocationStrategy": "diversified"},
    )
    launched = made["Instances"][0]
    assert (launched["InstanceType"], launched["Lifecycle"]) == ("t3.micro", "spot")
    assert launched["AvailabilityZone"] == "us-east-1b"
    ec2.get_waiter("instance_running").wait(InstanceIds=launched["InstanceIds"], WaiterConfig=WAIT)
    ec2.delete_fleets(FleetIds=[made["FleetId"]], TerminateInstances=True)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=launched["InstanceIds"], WaiterConfig=WAIT)


def test_a_warm_pool_is_ready_before_it_is_needed(machines, own_cloud):
    ec2, scaling = own_cloud.client("ec2"), own_cloud.client("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate=template(ec2),
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=["us-east-1a"],
    )
    scaling.put_warm_pool(AutoScalingGroupName="web")

    def warmed():
        return scaling.describe_warm_pool(AutoScalingGroupName="web")["Instances"]

    def members():
        return scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]["Instances"]

    eventually(lambda: [one["LifecycleState"] for one in warmed()] == ["Warmed:Stopped"])
    ready = warmed()[0]["InstanceId"]
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[ready], WaiterConfig=WAIT)
    scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    eventually(lambda: [one["LifecycleState"] for one in members()] == ["InService"])
    assert members()[0]["InstanceId"] == ready
    assert not warmed()
    scaling.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[ready], WaiterConfig=WAIT)
