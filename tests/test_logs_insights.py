"""Logs Insights and subscription filters with boto3 and the AWS CLI."""

import base64
import gzip
import io
import json
import time
import zipfile

import pytest
from test_lambda import doctor, runtime

# Says what came, as it came.
HANDLER = """
def handler(event, context):
    print("GOT " + event["awslogs"]["data"])
"""


def _group(account, events, name="app"):
    logs = account.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    now = int(time.time() * 1000)
    batch = [{"timestamp": now + at, "message": json.dumps(event)} for at, event in enumerate(events)]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=batch)
    return logs


def _ask(logs, text, group="app"):
    now = int(time.time())
    asked = logs.start_query(logGroupName=group, startTime=now - 3600, endTime=now + 3600, queryString=text)
    return asked["queryId"]


def _rows(logs, query, seconds=30):
    deadline = time.time() + seconds
    while time.time() < deadline:
        told = logs.get_query_results(queryId=query)
        if told["status"] == "Complete":
            return [{cell["field"]: cell["value"] for cell in row} for row in told["results"]]
        time.sleep(0.1)
    raise AssertionError("the query does not end")


def test_a_query_counts(account):
    logs = _group(account, [{"path": "/a", "ms": 5}, {"path": "/a", "ms": 15}, {"path": "/b", "ms": 1}])
    rows = _rows(logs, _ask(logs, "stats count(*) as n, avg(ms) as mean by path | sort n desc"))
    assert rows == [{"path": "/a", "n": "2", "mean": "10"}, {"path": "/b", "n": "1", "mean": "1"}]
    with pytest.raises(logs.exceptions.MalformedQueryException):
        _ask(logs, "counts everything")


def test_queries_survive_a_kill(own_cloud, own_account):
    """What was asked is answered, though the cloud is killed right after it was."""
    logs = _group(own_account, [{"n": n} for n in range(50)])
    queries = [_ask(logs, "stats count(*) as n") for _ in range(5)]
    own_cloud.kill()
    own_cloud.start()
    logs = own_account.client("logs")
    assert [_rows(logs, query) for query in queries] == [[{"n": "50"}]] * 5


def test_the_command_line_keeps_queries(account):
    account.aws("logs", "put-query-definition", "--name", "q", "--query-string", "fields @message")
    kept = account.aws("logs", "describe-query-definitions")["queryDefinitions"]
    assert [(one["name"], one["queryString"]) for one in kept] == [("q", "fields @message")]


def test_log_events_reach_a_function(own_account):
    """What matches arrives in a real function, compressed, as AWS documents it."""
    if not doctor(own_account.cloud)["networks"]["good"]:
        pytest.skip("no sandboxes here")
    python = runtime(own_account.cloud, "python")
    logs, functions, iam = (own_account.client(name) for name in ("logs", "lambda", "iam"))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = iam.create_role(
        RoleName="runs", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )
    allow = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName="runs", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow})
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", HANDLER)
    made = functions.create_function(
        FunctionName="f",
        Runtime=python,
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f")
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="s")
    functions.add_permission(
        FunctionName="f", StatementId="l", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    logs.put_subscription_filter(
        logGroupName="app", filterName="f", filterPattern="ERROR", destinationArn=made["FunctionArn"]
    )
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": "ERROR one"}, {"timestamp": now, "message": "all is well"}]
    logs.put_log_events(logGroupName="app", logStreamName="s", logEvents=events)
    messages = []
    deadline = time.time() + 40
    while not messages and time.time() < deadline:
        time.sleep(0.2)
        try:
            said = logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="GOT")["events"]
        except logs.exceptions.ResourceNotFoundException:
            continue
        told = [json.loads(gzip.decompress(base64.b64decode(one["message"].split()[1]))) for one in said]
        messages = [e["message"] for one in told if one["messageType"] == "DATA_MESSAGE" for e in one["logEvents"]]
    assert messages == ["ERROR one"]
