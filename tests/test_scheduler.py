"""EventBridge Scheduler with boto3 and the AWS CLI."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

OFF = {"Mode": "OFF"}


def _role(account, *actions):
    iam = account.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"}}
    role = iam.create_role(
        RoleName="caller", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_role_policy(
        RoleName="caller", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow})
    )
    return role["Role"]["Arn"]


def _queue(account, name="q"):
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def _receive(account, url, count, seconds=30):
    sqs = account.client("sqs")
    bodies = []
    deadline = time.time() + seconds
    while len(bodies) < count and time.time() < deadline:
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in found.get("Messages", []):
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_a_schedule_calls_its_target_at_once_and_by_the_clock(own_cloud, own_account):
    scheduler = own_account.client("scheduler")
    url, arn = _queue(own_account)
    target = {"Arn": arn, "RoleArn": _role(own_account, "sqs:SendMessage"), "Input": "tick"}
    scheduler.create_schedule(Name="s", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=OFF, Target=target)
    assert _receive(own_account, url, 1) == ["tick"]
    own_cloud.run("clock", "+61m")
    assert _receive(own_account, url, 1) == ["tick"]
    told = scheduler.get_schedule(Name="s")
    assert told["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert (told["ScheduleExpressionTimezone"], told["State"]) == ("UTC", "ENABLED")


def test_schedules_survive_a_kill(own_cloud, own_account):
    """Each schedule that was answered for comes, once, though the cloud is killed before and in the middle of it."""
    scheduler = own_account.client("scheduler")
    url, arn = _queue(own_account)
    role = _role(own_account, "sqs:SendMessage")
    when = (datetime.now(UTC) + timedelta(hours=1)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    for n in range(30):
        scheduler.create_schedule(
            Name=f"s{n}",
            ScheduleExpression=when,
            FlexibleTimeWindow=OFF,
            ActionAfterCompletion="DELETE",
            Target={"Arn": arn, "RoleArn": role, "Input": str(n)},
        )
    own_cloud.kill()
    own_cloud.start()
    own_cloud.run("clock", "+61m")
    own_cloud.kill()
    own_cloud.start()
    assert sorted(map(int, _receive(own_account, url, 30))) == list(range(30))
    deadline = time.time() + 10
    while own_account.client("scheduler").list_schedules()["Schedules"] and time.time() < deadline:
        time.sleep(0.1)
    assert own_account.client("scheduler").list_schedules()["Schedules"] == []


def test_refusals_are_the_services_own(account):
    scheduler = account.client("scheduler")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException, match="Schedule s does not exist"):
        scheduler.get_schedule(Name="s")
    target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}
    with pytest.raises(scheduler.exceptions.ValidationException, match="Invalid Schedule Expression"):
        scheduler.create_schedule(Name="s", ScheduleExpression="x", FlexibleTimeWindow=OFF, Target=target)


def test_the_command_line_lists_groups(account):
    account.aws("scheduler", "create-schedule-group", "--name", "g", "--tags", "Key=a,Value=b")
    groups = account.aws("scheduler", "list-schedule-groups")["ScheduleGroups"]
    assert [group["Name"] for group in groups] == ["default", "g"]
