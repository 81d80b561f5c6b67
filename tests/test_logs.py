"""CloudWatch Logs with boto3 and the AWS CLI."""

import time

import pytest
from botocore.exceptions import ClientError


def test_events_survive_a_kill_and_are_filtered(own_cloud, own_account):
    logs = own_account.client("logs")
    logs.create_log_group(logGroupName="/app/web", tags={"team": "a"})
    logs.create_log_stream(logGroupName="/app/web", logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": f"line {n} {'ERROR' if n % 3 == 0 else 'ok'}"} for n in range(30)]
    logs.put_log_events(logGroupName="/app/web", logStreamName="one", logEvents=events)
    own_cloud.kill()
    own_cloud.start()
    logs = own_account.client("logs")
    got = logs.get_log_events(logGroupName="/app/web", logStreamName="one", startFromHead=True)["events"]
    assert [event["message"] for event in got] == [event["message"] for event in events]
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/app/web", filterPattern="ERROR", PaginationConfig={"PageSize": 4}
    )
    assert sum(len(page["events"]) for page in pages) == 10


def test_refusals_are_the_services_own(account):
    logs = account.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"):
        logs.describe_log_streams(logGroupName="missing")
    logs.create_log_group(logGroupName="g")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName="g")
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.put_retention_policy(logGroupName="g", retentionInDays=2)


def test_the_command_line_reads_a_group(account):
    account.aws("logs", "create-log-group", "--log-group-name", "g")
    account.aws("logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "s")
    now = int(time.time() * 1000)
    event = f"timestamp={now},message=hello"
    account.aws("logs", "put-log-events", "--log-group-name", "g", "--log-stream-name", "s", "--log-events", event)
    found = account.aws("logs", "filter-log-events", "--log-group-name", "g")
    assert [event["message"] for event in found["events"]] == ["hello"]
    assert account.aws("logs", "describe-log-groups")["logGroups"][0]["storedBytes"] == 31


def test_a_metric_filter_feeds_an_alarm(own_cloud, own_account):
    logs, watch = own_account.client("logs"), own_account.client("cloudwatch")
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="s")
    metric = {"metricName": "errors", "metricNamespace": "App", "metricValue": "1", "defaultValue": 0}
    logs.put_metric_filter(
        logGroupName="app", filterName="f", filterPattern='{ $.level = "error" }', metricTransformations=[metric]
    )
    watch.put_metric_alarm(
        AlarmName="many",
        Namespace="App",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=2,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    now = int(time.time() * 1000)
    messages = ['{"level": "error"}', '{"level": "info"}', '{"level": "error"}']
    events = [{"timestamp": now + n, "message": message} for n, message in enumerate(messages)]
    logs.put_log_events(logGroupName="app", logStreamName="s", logEvents=events)
    own_cloud.run("clock", "+90s")
    deadline = time.time() + 20
    while watch.describe_alarms(AlarmNames=["many"])["MetricAlarms"][0]["StateValue"] != "ALARM":
        assert time.time() < deadline
        own_cloud.run("clock", "+1s")
        time.sleep(0.2)
