"""Auto Scaling groups with real machines: they survive what happens to instances, zones and the cloud itself."""

import base64
import json
import time
from collections import Counter

import pytest
from cloudtest import eventually, policy, refused
from test_ec2 import IMAGE

ZONES = ["us-east-1a", "us-east-1b"]


@pytest.fixture
def group(machines, own_cloud):
    """A cloud of its own with a template; hands out what makes a group of a size, and what looks at it."""
    ec2 = own_cloud.client("ec2")
    ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.micro"}
    )
    return Group(own_cloud)


class Group:
    def __init__(self, cloud):
        self.cloud = cloud

    def make(self, size):
        self.cloud.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="web",
            LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
            MinSize=0,
            MaxSize=8,
            DesiredCapacity=size,
            AvailabilityZones=ZONES,
        )

    def instances(self):
        asked = self.cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
        return asked["AutoScalingGroups"][0]["Instances"] if asked["AutoScalingGroups"] else []

    def settles(self, size, more=lambda instances: True):
        """Waits until so many instances are in service, and nothing else is left."""
        for _ in range(300):
            instances = self.instances()
            states = [instance["LifecycleState"] for instance in instances]
            if states == ["InService"] * size and more(instances):
                return instances
            time.sleep(0.2)
        raise AssertionError(self.instances())

    def running(self):
        """What EC2 has, whoever knows of it."""
        found = self.cloud.client("ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        )
        return sorted(i["InstanceId"] for one in found["Reservations"] for i in one["Instances"])


def zones(instances):
    return Counter(instance["AvailabilityZone"] for instance in instances)


def test_a_group_survives_the_loss_of_a_zone(group):
    group.make(2)
    before = group.settles(2)
    assert zones(before) == Counter(ZONES)
    group.cloud.run("az", "fail", ZONES[0])
    after = group.settles(2, lambda instances: zones(instances) == Counter({ZONES[1]: 2}))
    for instance in after:
        done = group.cloud.run("exec", instance["InstanceId"], "--", "echo", "alive")
        assert done.stdout == "alive\n"
    group.cloud.run("az", "restore", ZONES[0])
    group.settles(2, lambda instances: zones(instances) == Counter(ZONES))
    group.cloud.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    group.settles(0)


def test_a_dead_instance_is_replaced(group):
    group.make(1)
    first = group.settles(1)[0]["InstanceId"]
    # From within: the group is told by what it sees of EC2 alone.
    group.cloud.run("exec", first, "--", "kill", "-TERM", "1", check=False)
    group.settles(1, lambda instances: instances[0]["InstanceId"] != first)
    told = group.cloud.client("autoscaling").describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    words = "an instance was taken out of service in response to an EC2 health check indicating it has been"
    assert any(words in activity["Cause"] for activity in told)


def test_kill_9_while_it_scales_neither_doubles_nor_forgets_an_instance(group):
    group.make(1)
    group.settles(1)
    for size in (4, 1, 3):
        group.cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=size)
        time.sleep(0.05)
        group.cloud.restart(kill=True)
        members = group.settles(size)
        assert sorted(instance["InstanceId"] for instance in members) == group.running()


def test_an_alarm_on_a_metric_scales_a_group_out_and_in(group):
    group.make(1)
    group.settles(1)
    scaling, watch = group.cloud.client("autoscaling"), group.cloud.client("cloudwatch")
    for name, by, comparison, threshold in (
        ("out", 1, "GreaterThanThreshold", 10),
        ("in", -1, "LessThanThreshold", 2),
    ):
        policy = scaling.put_scaling_policy(
            AutoScalingGroupName="web",
            PolicyName=name,
            AdjustmentType="ChangeInCapacity",
            ScalingAdjustment=by,
            Cooldown=0,
        )
        watch.put_metric_alarm(
            AlarmName=name,
            Namespace="App",
            MetricName="Load",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator=comparison,
            AlarmActions=[policy["PolicyARN"]],
        )
    for load, size, alarm in ((20, 2, "out"), (1, 1, "in")):
        # Nobody rests from what was before.
        group.cloud.run("clock", "+10m")
        watch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Load", "Value": load}])
        group.cloud.run("clock", "+60s")
        group.settles(size)
        causes = [told["Cause"] for told in scaling.describe_scaling_activities()["Activities"]]
        words = f"a monitor alarm {alarm} in state ALARM triggered policy {alarm} changing the desired capacity from"
        assert any(words in cause for cause in causes), causes


def test_a_refresh_replaces_every_machine_through_kill_9(group):
    group.make(2)
    before = {instance["InstanceId"] for instance in group.settles(2)}
    # At every boot: a script runs once, and the crash may cut it short in a machine that has just come up, as in AWS.
    script = base64.b64encode(b"#cloud-config\nbootcmd:\n- echo second > /tmp/release\n").decode()
    group.cloud.client("ec2").create_launch_template_version(
        LaunchTemplateName="web", SourceVersion="1", LaunchTemplateData={"UserData": script}
    )
    refresh = group.cloud.client("autoscaling").start_instance_refresh(
        AutoScalingGroupName="web", Preferences={"MinHealthyPercentage": 50, "InstanceWarmup": 0}
    )["InstanceRefreshId"]

    def progress():
        asked = group.cloud.client("autoscaling").describe_instance_refreshes(
            AutoScalingGroupName="web", InstanceRefreshIds=[refresh]
        )
        return asked["InstanceRefreshes"][0]

    eventually(lambda: progress().get("PercentageComplete", 0) >= 50)
    group.cloud.restart(kill=True)
    eventually(lambda: progress()["Status"] == "Successful")
    after = group.settles(2)
    assert {instance["InstanceId"] for instance in after}.isdisjoint(before)
    assert sorted(instance["InstanceId"] for instance in after) == group.running()
    for instance in after:
        assert instance["LaunchTemplate"]["Version"] == "2"
        read = ("exec", instance["InstanceId"], "--", "cat", "/tmp/release")
        # Its user data runs when it is in service already.
        eventually(lambda read=read: group.cloud.run(*read, check=False).stdout == "second\n")


def test_a_queue_hears_of_who_waits_through_kill_9(group):
    sqs, iam = group.cloud.client("sqs"), group.cloud.client("iam")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    service = {"Service": "autoscaling.amazonaws.com"}
    trust = policy({"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName="tells", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    scaling = group.cloud.client("autoscaling")
    group.make(0)
    hook = {
        "AutoScalingGroupName": "web",
        "LifecycleHookName": "ready",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "NotificationTargetARN": queue,
        "RoleARN": role,
        "NotificationMetadata": "more",
    }
    with refused("ValidationError"):
        scaling.put_lifecycle_hook(**hook)
    managed = "arn:aws:iam::aws:policy/service-role/AutoScalingNotificationAccessRole"
    iam.attach_role_policy(RoleName="tells", PolicyArn=managed)
    scaling.put_lifecycle_hook(**hook)
    scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    eventually(lambda: [one["LifecycleState"] for one in group.instances()] == ["Pending:Wait"])
    group.cloud.restart(kill=True)
    sqs = group.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    told = []

    def message():
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        told.extend(json.loads(one["Body"]) for one in received.get("Messages", []))
        return next((one for one in told if "LifecycleActionToken" in one), None)

    eventually(message)
    assert any(one.get("Event") == "autoscaling:TEST_NOTIFICATION" for one in told)
    waits = message()
    assert waits["EC2InstanceId"] == group.instances()[0]["InstanceId"]
    assert waits["NotificationMetadata"] == "more"
    group.cloud.client("autoscaling").complete_lifecycle_action(
        AutoScalingGroupName=waits["AutoScalingGroupName"],
        LifecycleHookName=waits["LifecycleHookName"],
        LifecycleActionToken=waits["LifecycleActionToken"],
        LifecycleActionResult="CONTINUE",
    )
    group.settles(1)


def test_a_machine_knows_where_its_group_takes_it(group):
    group.make(1)
    machine = group.settles(1)[0]["InstanceId"]
    ask = "curl -s http://169.254.169.254/latest/meta-data/autoscaling/target-lifecycle-state"

    def target():
        return group.cloud.run("exec", machine, "--", "sh", "-c", ask).stdout

    eventually(lambda: target() == "InService")
    scaling = group.cloud.client("autoscaling")
    scaling.put_lifecycle_hook(
        AutoScalingGroupName="web",
        LifecycleHookName="leaves",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
    )
    scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
    eventually(lambda: [one["LifecycleState"] for one in group.instances()] == ["Terminating:Wait"])
    eventually(lambda: target() == "Terminated")
    scaling.complete_lifecycle_action(
        AutoScalingGroupName="web",
        LifecycleHookName="leaves",
        InstanceId=machine,
        LifecycleActionResult="CONTINUE",
    )
    group.settles(0)


def test_a_machine_on_standby_leaves_and_comes_back(group):
    group.make(2)
    first = group.settles(2)[0]["InstanceId"]
    scaling = group.cloud.client("autoscaling")
    named = {"AutoScalingGroupName": "web", "InstanceIds": [first]}
    scaling.enter_standby(**named, ShouldDecrementDesiredCapacity=True)
    states = {instance["InstanceId"]: instance["LifecycleState"] for instance in group.instances()}
    assert states[first] == "Standby"
    # It may be worked at: nobody takes that for a failure.
    assert group.cloud.run("exec", first, "--", "echo", "at work").stdout == "at work\n"
    scaling.exit_standby(**named)
    assert first in {instance["InstanceId"] for instance in group.settles(2)}
    scaling.detach_instances(**named, ShouldDecrementDesiredCapacity=True)
    group.settles(1)
    assert first in group.running()
    scaling.attach_instances(**named)
    assert first in {instance["InstanceId"] for instance in group.settles(2)}
