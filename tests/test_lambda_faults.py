"""Delivery under faults: functions end at random, and so does the whole cloud, by kill -9.

What was accepted arrives or lies in a dead-letter queue, and FIFO queues keep their order."""

import json
import random
import threading
import time

from cloudtest import SIGNED
from test_lambda import make, role, runs_here  # noqa: F401

ROUNDS = 4
EACH = 6
MAY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*"], "Resource": "*"}],
    }
)
# Notes what it saw where nothing is lost, once each, in the order of its first sights; ends by itself now and then,
# before or after; and always fails for what is bad.
NOTES = (
    SIGNED
    + """
import json, os, random, time, urllib.error
def note(name):
    names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY", "Token": "SESSION_TOKEN"}
    keys = {key: os.environ["AWS_" + variable] for key, variable in names.items()}
    item = {"k": {"S": name}, "at": {"N": str(time.time_ns())}}
    body = {"TableName": "seen", "Item": item, "ConditionExpression": "attribute_not_exists(k)"}
    kind, target = "application/x-amz-json-1.0", "DynamoDB_20120810.PutItem"
    request = signed(os.environ["AWS_ENDPOINT_URL"] + "/", "dynamodb", keys, json.dumps(body).encode(), kind, target)
    try:
        urllib.request.urlopen(request, timeout=5).read()
    except urllib.error.HTTPError as error:
        assert b"ConditionalCheckFailed" in error.read()
def ends():
    if random.random() < 0.06:
        os._exit(3)
def handler(event, context):
    failed = []
    for record in event.get("Records", [event]):
        name = record.get("body") or record.get("detail", {}).get("name") or record["name"]
        ends()
        if "bad" in name:
            if "messageId" not in record:
                raise ValueError(name)
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            note(name)
        ends()
    return {"batchItemFailures": failed}
"""
)


class Senders:
    """Ways to a function; what was accepted by which, and what may have been."""

    def __init__(self, account):
        self.account = account
        self.accepted, self.unsure = set(), set()
        once = {"retries": {"total_max_attempts": 1}, "connect_timeout": 2, "read_timeout": 5}
        clients = {name: account.client(name, **once) for name in ("sqs", "sns", "events", "lambda")}
        sqs, sns, events, functions = clients.values()
        base = f"{account.cloud.endpoint}/{account.account}"
        topic = f"arn:aws:sns:us-east-1:{account.account}:t"
        self.ways = {
            "event": lambda name: functions.invoke(
                FunctionName="it", InvocationType="Event", Payload=json.dumps({"name": name})
            ),
            "queue": lambda name: sqs.send_message(QueueUrl=f"{base}/q", MessageBody=name),
            "topic": lambda name: sns.publish(TopicArn=topic, Message=name),
            "rule": lambda name: events.put_events(
                Entries=[{"Source": "app", "DetailType": "t", "Detail": json.dumps({"name": name})}]
            ),
            "fifo": lambda name: sqs.send_message(
                QueueUrl=f"{base}/f.fifo", MessageBody=name, MessageGroupId=name.split("-")[1]
            ),
        }

    def send(self, round_):
        for n in range(EACH):
            for way, send in self.ways.items():
                bad = "bad" if n == 3 and way != "fifo" else "good"
                name = f"{way}-{n % 2}-{round_:02}{n:02}-{bad}"
                try:
                    send(name)
                    self.accepted.add(name)
                except Exception:
                    self.unsure.add(name)


def prepare(account):
    sqs, sns, events = (account.client(name) for name in ("sqs", "sns", "events"))

    def arn(name):
        return f"arn:aws:sqs:us-east-1:{account.account}:{name}"

    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}
        ],
    }
    redrive = json.dumps({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 4})
    more = {"VisibilityTimeout": "30", "RedrivePolicy": redrive, "Policy": json.dumps(policy)}
    sqs.create_queue(QueueName="dead")
    sqs.create_queue(QueueName="q", Attributes=more)
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30"}
    sqs.create_queue(QueueName="f.fifo", Attributes=fifo)
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(
        TableName="seen",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="seen", WaiterConfig={"Delay": 1})
    runs = role(account)
    account.client("iam").put_role_policy(RoleName="runs", PolicyName="may", PolicyDocument=MAY)
    client = make(account, NOTES, Role=runs, DeadLetterConfig={"TargetArn": arn("dead")})
    for source in ("q", "f.fifo"):
        client.create_event_source_mapping(
            EventSourceArn=arn(source), FunctionName="it", FunctionResponseTypes=["ReportBatchItemFailures"]
        )
    topic = sns.create_topic(Name="t")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("q"), Attributes=raw)
    function = client.get_function(FunctionName="it")["Configuration"]["FunctionArn"]
    rule = events.put_rule(Name="r", EventPattern=json.dumps({"source": ["app"]}))["RuleArn"]
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": function}])
    client.add_permission(
        FunctionName="it",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )


def name_of(body):
    if not body.startswith("{"):
        return body
    event = json.loads(body)
    return event.get("name") or event["detail"]["name"]


def dead(account, found):
    """Takes what the dead-letter queue has."""
    sqs, url = account.client("sqs"), f"{account.cloud.endpoint}/{account.account}/dead"
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.add(name_of(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_what_was_accepted_arrives_or_is_a_dead_letter(own_account, capsys):
    account, cloud = own_account, own_account.cloud
    prepare(account)
    senders = Senders(account)
    for round_ in range(ROUNDS):
        sending = threading.Thread(target=senders.send, args=(round_,))
        sending.start()
        time.sleep(random.uniform(0.05, 0.6))
        cloud.kill()
        time.sleep(random.uniform(0, 0.2))
        cloud.start()
        sending.join()
        senders.send(round_ + ROUNDS)
    seen, lost = {}, set()
    end = time.monotonic() + 240
    while True:
        # What failed or was in flight is tried again after its time, which passes at once.
        cloud.run("clock", "+61s")
        time.sleep(2)
        pages = account.client("dynamodb").get_paginator("scan").paginate(TableName="seen", ConsistentRead=True)
        seen = {item["k"]["S"]: int(item["at"]["N"]) for page in pages for item in page["Items"]}
        dead(account, lost)
        missing = senders.accepted - set(seen) - lost
        if not missing:
            break
        assert time.monotonic() < end, f"{len(missing)} of {len(senders.accepted)} are lost: {sorted(missing)}"
    known = senders.accepted | senders.unsure
    assert set(seen) | lost <= known, "nothing else came"
    assert not any("bad" in name for name in seen)
    for group in "01":
        own = sorted((name for name in seen if name.startswith(f"fifo-{group}")), key=seen.get)
        assert own == sorted(own, key=order), "the order of a group"
    with capsys.disabled():
        print(
            f"\n{len(senders.accepted)} accepted, {len(senders.unsure)} unsure; {len(seen)} arrived, "
            f"{len(lost)} are dead letters, after {ROUNDS} kills"
        )


def order(name):
    """In which order they were sent: the rounds of a kill each come before the quiet one that follows."""
    number = name.split("-")[2]
    round_, n = int(number[:2]), int(number[2:])
    return (round_ % ROUNDS, round_ // ROUNDS, n)
