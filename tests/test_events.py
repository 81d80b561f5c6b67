"""EventBridge with boto3 and the AWS CLI."""

import json
import time

import pytest


def _queue(account, name="q"):
    sqs = account.client("sqs")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
        ],
    }
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
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


def test_a_rule_sends_a_transformed_event_to_a_queue(account):
    events = account.client("events")
    url, arn = _queue(account)
    events.put_rule(Name="r", EventPattern=json.dumps({"detail": {"state": [{"prefix": "run"}]}}))
    transformer = {"InputPathsMap": {"state": "$.detail.state"}, "InputTemplate": '"it is <state>"'}
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn, "InputTransformer": transformer}])
    entry = {"Source": "app", "DetailType": "t", "Detail": json.dumps({"state": "running"})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert _receive(account, url, 1) == ['"it is running"']


def test_what_was_taken_survives_a_kill(own_cloud, own_account):
    """Each event that was answered for arrives, though the cloud is killed between the answer and the delivery."""
    events = own_account.client("events")
    url, arn = _queue(own_account)
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["app"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail.n"}])
    taken = []
    for round_ in range(3):
        for n in range(20):
            number = round_ * 20 + n
            entry = {"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": number})}
            assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
            taken.append(str(number))
        own_cloud.kill()
        own_cloud.start()
        events = own_account.client("events")
    assert set(_receive(own_account, url, len(taken))) == set(taken)


def test_a_schedule_comes_due(own_cloud, own_account):
    events = own_account.client("events")
    url, arn = _queue(own_account)
    events.put_rule(Name="r", ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    own_cloud.run("clock", "+59m")
    assert _receive(own_account, url, 1, seconds=2) == []
    own_cloud.run("clock", "+61s")
    (body,) = _receive(own_account, url, 1)
    assert json.loads(body)["detail-type"] == "Scheduled Event"


def test_refusals_are_the_services_own(account):
    events = account.client("events")
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.put_rule(Name="r", EventPattern="{")
    with pytest.raises(events.exceptions.ResourceNotFoundException, match="Rule r does not exist on EventBus default"):
        events.describe_rule(Name="r")


def test_the_command_line_lists_rules(account):
    account.aws("events", "put-rule", "--name", "r", "--schedule-expression", "cron(0 8 * * ? *)")
    assert [rule["Name"] for rule in account.aws("events", "list-rules")["Rules"]] == ["r"]
    buses = account.aws("events", "list-event-buses")["EventBuses"]
    assert [bus["Name"] for bus in buses] == ["default"]


def test_a_replay_survives_a_kill(own_cloud, own_account):
    """Each event of the archive comes again, though the cloud is killed right after the replay was started."""
    events = own_account.client("events")
    url, arn = _queue(own_account)
    bus = events.describe_event_bus()["Arn"]
    own = json.dumps({"source": ["app"]})
    archive = events.create_archive(ArchiveName="a", EventSourceArn=bus, EventPattern=own)["ArchiveArn"]
    for n in range(60):
        entry = {"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": n})}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    events.put_rule(Name="r", EventPattern=json.dumps({"replay-name": ["again"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail.n"}])
    now = time.time()
    events.start_replay(
        ReplayName="again",
        EventSourceArn=archive,
        EventStartTime=now - 3600,
        EventEndTime=now + 3600,
        Destination={"Arn": bus},
    )
    own_cloud.kill()
    own_cloud.start()
    assert set(map(int, _receive(own_account, url, 60))) == set(range(60))
    deadline = time.time() + 10
    events = own_account.client("events")
    while events.describe_replay(ReplayName="again")["State"] != "COMPLETED" and time.time() < deadline:
        time.sleep(0.1)
    assert events.describe_replay(ReplayName="again")["State"] == "COMPLETED"
