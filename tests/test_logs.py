"""CloudWatch Logs with boto3 and the AWS CLI."""

import gzip
import json
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


def test_a_group_is_exported_to_a_bucket(account):
    logs, s3 = account.client("logs"), account.client("s3")
    bucket = f"export-{account.account}"
    s3.create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="a/b")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": "one"}, {"timestamp": now + 1, "message": "two"}]
    logs.put_log_events(logGroupName="g", logStreamName="a/b", logEvents=events)
    task = logs.create_export_task(logGroupName="g", fromTime=now, to=now + 10, destination=bucket)["taskId"]
    end = time.monotonic() + 30
    while logs.describe_export_tasks(taskId=task)["exportTasks"][0]["status"]["code"] != "COMPLETED":
        assert time.monotonic() < end
        time.sleep(0.1)
    got = s3.get_object(Bucket=bucket, Key=f"exportedlogs/{task}/a-b/000000.gz")["Body"].read()
    lines = gzip.decompress(got).decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two"]
    assert lines[0].endswith("Z one")
    assert len(lines[0].split(" ")[0]) == len("2026-01-15T12:00:00.000Z")


def tail(logs, account, **more):
    arn = f"arn:aws:logs:us-east-1:{account.account}:log-group:g"
    return logs.start_live_tail(logGroupIdentifiers=[arn], **more)["responseStream"]


def put(logs, stream, *messages):
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=events)


def heard(events, count):
    """So many results of a live tail, and whether any of its updates was a sample."""
    results, sampled = [], False
    while len(results) < count:
        update = next(events)["sessionUpdate"]
        results += update["sessionResults"]
        sampled |= update["sessionMetadata"]["sampled"]
    return results, sampled


def test_a_live_tail_hears_of_what_comes(account):
    # Names before the host that no machine of one's own has are left out.
    logs = account.client("logs", inject_host_prefix=False)
    logs.create_log_group(logGroupName="g")
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName="g", logStreamName=stream)
    put(logs, "a", "before")
    stream = tail(logs, account, logStreamNamePrefixes=["a"], logEventFilterPattern="ERROR")
    events = iter(stream)
    start = next(events)["sessionStart"]
    assert (start["logStreamNamePrefixes"], start["logEventFilterPattern"]) == (["a"], "ERROR")
    assert {"sessionId", "requestId"} <= set(start)
    put(logs, "b", "ERROR elsewhere")
    put(logs, "a", "ERROR one", "fine", "ERROR two")
    results, sampled = heard(events, 2)
    assert ([result["message"] for result in results], sampled) == (["ERROR one", "ERROR two"], False)
    assert results[0]["logStreamName"] == "a"
    assert results[0]["ingestionTime"] >= results[0]["timestamp"]
    # Far more than an update holds is sampled.
    whole = tail(logs, account)
    everything = iter(whole)
    assert "sessionStart" in next(everything)
    put(logs, "b", *(f"line {n}" for n in range(2000)))
    results, sampled = heard(everything, 500)
    assert (len(results), sampled) == (500, True)
    others = [tail(logs, account) for _ in range(13)]
    with pytest.raises(ClientError) as refused:
        tail(logs, account)
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    for one in [stream, whole, *others]:
        one.close()
    end = time.monotonic() + 20
    while True:
        try:
            tail(logs, account).close()
            break
        except ClientError:
            assert time.monotonic() < end
            time.sleep(0.5)
