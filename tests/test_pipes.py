"""EventBridge Pipes end to end: a queue, a filter, a real function that enriches, a bus; and what kill -9 leaves."""

import json

import pytest
from test_lambda import eventually, make, role, runs_here, runtime  # noqa: F401

ENRICHES = """
def handler(event, context):
    return [{"order": item["body"]["order"], "total": item["body"]["n"] * 2} for item in event if item["body"]["n"] < 9]
"""
PIPES = {"Service": "pipes.amazonaws.com"}
EVENTS = {"Service": "events.amazonaws.com"}


def allow(principal, action):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}


def piper(account, actions):
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": PIPES, "Action": "sts:AssumeRole"}],
    }
    iam = account.client("iam")
    arn = iam.create_role(RoleName="piper", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName="piper", PolicyName="p", PolicyDocument=json.dumps(policy))
    return arn


def queue(account, name):
    policy = {"Version": "2012-10-17", "Statement": [allow(EVENTS, "sqs:SendMessage")]}
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{account.account}:{name}"


def runs(pipes, name):
    return eventually(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "RUNNING")


def take(account, url):
    got = account.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in got:
        account.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in got]


def left(account, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    got = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return tuple(int(got[name]) for name in names)


def test_a_queue_a_filter_a_function_and_a_bus(account):
    source, source_arn = queue(account, "in")
    out, out_arn = queue(account, "out")
    make(account, ENRICHES, Role=role(account))
    events = account.client("events")
    events.create_event_bus(Name="orders")
    pattern = {"source": ["shop"], "detail-type": ["Event from aws:sqs"]}
    events.put_rule(Name="r", EventBusName="orders", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="r", EventBusName="orders", Targets=[{"Id": "1", "Arn": out_arn}])
    pipes = account.client("pipes")
    made = pipes.create_pipe(
        Name="orders",
        Source=source_arn,
        SourceParameters={
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": {"n": [{"numeric": [">", 1]}]}})}]}
        },
        Enrichment=f"arn:aws:lambda:us-east-1:{account.account}:function:it",
        EnrichmentParameters={"InputTemplate": '{"body": <$.body>, "messageId": <$.messageId>}'},
        Target=f"arn:aws:events:us-east-1:{account.account}:event-bus/orders",
        TargetParameters={
            "InputTemplate": '{"order": <$.order>, "total": <$.total>, "by": "<aws.pipes.pipe-name>"}',
            "EventBridgeEventBusParameters": {"Source": "shop"},
        },
        RoleArn=piper(account, ["sqs:*", "lambda:InvokeFunction", "events:PutEvents"]),
    )
    assert made["CurrentState"] == "CREATING"
    assert runs(pipes, "orders")
    for n in (1, 2, 3, 9):
        account.client("sqs").send_message(QueueUrl=source, MessageBody=json.dumps({"order": f"o{n}", "n": n}))
    found = []
    assert eventually(lambda: found.extend(take(account, out)) or len(found) >= 2)
    details = sorted((json.loads(body)["detail"] for body in found), key=lambda detail: detail["order"])
    assert details == [{"order": f"o{n}", "total": 2 * n, "by": "orders"} for n in (2, 3)]
    # What was filtered, and what the function left out, is gone, too.
    assert eventually(lambda: left(account, source) == (0, 0))
    pipes.delete_pipe(Name="orders")
    assert eventually(lambda: pipes.list_pipes()["Pipes"] == [])
    with pytest.raises(pipes.exceptions.NotFoundException):
        pipes.describe_pipe(Name="orders")


def test_a_pipe_outlives_kill_9(own_cloud, own_account):
    account = own_account
    source, source_arn = queue(account, "in")
    out, out_arn = queue(account, "out")
    pipes = account.client("pipes")
    template = {"InputTemplate": "<$.body.n>"}
    pipes.create_pipe(
        Name="p", Source=source_arn, Target=out_arn, TargetParameters=template, RoleArn=piper(account, "sqs:*")
    )
    assert runs(pipes, "p")
    for n in range(20):
        account.client("sqs").send_message(QueueUrl=source, MessageBody=json.dumps({"n": n}))
    own_cloud.kill()
    own_cloud.start()
    got = set()
    assert eventually(lambda: got.update(take(account, out)) or got == {str(n) for n in range(20)}, 60)
    assert eventually(lambda: left(account, source) == (0, 0), 60)
