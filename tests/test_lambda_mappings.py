"""Event source mappings end to end: queues and streams drive real functions, in order, across failures and kill -9."""

import json
import time

import pytest
from cloudtest import SIGNED
from test_lambda import eventually, logged, make, role, runs_here, runtime  # noqa: F401

READS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*"], "Resource": "*"}],
    }
)
SHOWS = """
import json
def handler(event, context):
    failed = []
    for record in event["Records"]:
        body = record.get("body") or json.dumps(record["dynamodb"]["Keys"])
        identifier = record.get("messageId") or record["dynamodb"]["SequenceNumber"]
        print("saw", body)
        if "bad" in body:
            failed.append({"itemIdentifier": identifier})
        if "worse" in body:
            raise ValueError(body)
    print("event", json.dumps(event))
    return {"batchItemFailures": failed}
"""


def reader(account):
    arn = role(account)
    account.client("iam").put_role_policy(RoleName="runs", PolicyName="reads", PolicyDocument=READS)
    return arn


def queue(account, name="q", **attributes):
    attributes = {"VisibilityTimeout": "30"} | attributes
    url = account.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{account.account}:{name}"


def table(account, name="tab"):
    client = account.client("dynamodb")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    return client, client.describe_table(TableName=name)["Table"]["LatestStreamArn"]


def saw(account):
    return [line.split(" ", 1)[1].strip() for line in logged(account) if line.startswith("saw ")]


def events(account):
    return [json.loads(line.split(" ", 1)[1]) for line in logged(account) if line.startswith("event ")]


def enabled(client, uuid):
    return eventually(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")


def left(account, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    got = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return tuple(int(got[name]) for name in names)


def test_a_queue_drives_a_function(account):
    url, arn = queue(account)
    client = make(account, SHOWS, Role=reader(account))
    made = client.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="it", FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    sqs = account.client("sqs")
    begun = time.monotonic()
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody='{"a":1}',
        MessageAttributes={"n": {"DataType": "String", "StringValue": "v"}},
    )
    found = eventually(lambda: events(account))[0]["Records"][0]
    assert time.monotonic() - begun < 10
    assert found["messageId"] == sent["MessageId"]
    assert found["body"] == '{"a":1}'
    assert found["md5OfBody"] == sent["MD5OfMessageBody"]
    assert found["attributes"]["ApproximateReceiveCount"] == "1"
    assert found["messageAttributes"]["n"] == {
        "stringValue": "v",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert (found["eventSource"], found["eventSourceARN"], found["awsRegion"]) == ("aws:sqs", arn, "us-east-1")
    sqs.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(["good", "bad", "fine"])],
    )
    eventually(lambda: len(saw(account)) == 4 and left(account, url) == (0, 1))
    client.delete_event_source_mapping(UUID=made["UUID"])


def test_a_window_gathers_what_comes_one_by_one(account):
    url, arn = queue(account)
    client = make(account, SHOWS, Role=reader(account))
    made = client.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="it", BatchSize=10, MaximumBatchingWindowInSeconds=3
    )
    enabled(client, made["UUID"])
    sqs = account.client("sqs")
    for n in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=str(n))
        time.sleep(0.3)
    eventually(lambda: len(saw(account)) == 4)
    # The first may have found a window that was nearly over.
    assert len(events(account)) <= 2


# Each event takes a while, and tells when it began and ended.
SLOW = """
import time
def handler(event, context):
    begun = time.time()
    time.sleep(1.5)
    for record in event["Records"]:
        print("took", record["dynamodb"]["Keys"]["k"]["S"], begun, time.time())
"""


@pytest.mark.parametrize("factor", [1, 4])
def test_keys_of_a_stream_side_by_side(account, factor):
    dynamodb, arn = table(account)
    client = make(account, SLOW, Role=reader(account))
    for n in range(12):
        dynamodb.put_item(TableName="tab", Item={"k": {"S": str(n)}})
    stream = account.client("dynamodbstreams").describe_stream(StreamArn=arn)["StreamDescription"]
    shards = len(stream["Shards"])
    client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName="it",
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        ParallelizationFactor=factor,
    )

    def took():
        lines = [line.split() for line in logged(account) if line.startswith("took ")]
        return [(float(begun), float(ended)) for _, _, begun, ended in lines]

    eventually(lambda: len(took()) == 12)
    spans = took()
    at_once = max(sum(begun <= at < ended for begun, ended in spans) for at, _ in spans)
    # Each shard has so many of its own.
    assert (at_once <= shards) if factor == 1 else (shards < at_once <= factor * shards), (shards, spans)


def test_a_fifo_queue_keeps_its_order(account):
    url, arn = queue(account, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    client = make(account, SHOWS, Role=reader(account))
    client.create_event_source_mapping(EventSourceArn=arn, FunctionName="it", BatchSize=3)
    sqs = account.client("sqs")
    for n in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"{n % 2}-{n}", MessageGroupId=str(n % 2))
    eventually(lambda: len(saw(account)) == 12)
    bodies = saw(account)
    for group in "01":
        own = [body for body in bodies if body.startswith(group)]
        assert own == [f"{n % 2}-{n}" for n in range(12) if n % 2 == int(group)]
    eventually(lambda: left(account, url) == (0, 0))


def test_a_stream_drives_a_function(account):
    dynamodb, arn = table(account)
    url, failed = queue(account, "failed")
    client = make(account, SHOWS, Role=reader(account))
    client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName="it",
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": failed}},
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]},
    )
    dynamodb.put_item(TableName="tab", Item={"k": {"S": "one"}, "b": {"B": b"x"}})
    found = eventually(lambda: events(account))[0]["Records"][0]
    assert (found["eventName"], found["eventSource"], found["eventSourceARN"]) == ("INSERT", "aws:dynamodb", arn)
    assert found["dynamodb"]["NewImage"] == {"k": {"S": "one"}, "b": {"B": "eA=="}}
    assert found["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert abs(found["dynamodb"]["ApproximateCreationDateTime"] - time.time()) < 120
    assert isinstance(found["dynamodb"]["ApproximateCreationDateTime"], float)
    dynamodb.delete_item(TableName="tab", Key={"k": {"S": "one"}})
    for key in ("two", "worse", "three"):
        dynamodb.put_item(TableName="tab", Item={"k": {"S": key}})
    sqs = account.client("sqs")
    told = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"))
    told = json.loads(told[0]["Body"])
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1
    eventually(lambda: {'{"k": {"S": "two"}}', '{"k": {"S": "three"}}'} <= set(saw(account)))


# Says what it saw where nothing is lost, before it says that it is done.
KEEPS = (
    SIGNED
    + """
import json, os, time
def handler(event, context):
    names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY", "Token": "SESSION_TOKEN"}
    keys = {name: os.environ["AWS_" + variable] for name, variable in names.items()}
    for record in event["Records"]:
        name = record.get("body") or record["dynamodb"]["Keys"]["k"]["S"]
        body = json.dumps({"TableName": "seen", "Item": {"k": {"S": name}}}).encode()
        kind, target = "application/x-amz-json-1.0", "DynamoDB_20120810.PutItem"
        url = os.environ["AWS_ENDPOINT_URL"] + "/"
        urllib.request.urlopen(signed(url, "dynamodb", keys, body, kind, target), timeout=5).read()
    time.sleep(0.1)
"""
)


@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_kill_loses_nothing(own_account, kind):
    account, cloud = own_account, own_account.cloud
    client = make(account, KEEPS, Role=reader(account))
    seen, _ = table(account, "seen")
    if kind == "queue":
        url, arn = queue(account)
        # Few at once: each begins with a start of its own, and what fails waits for the queue's time.
        more = {"BatchSize": 1, "ScalingConfig": {"MaximumConcurrency": 2}}
    else:
        dynamodb, arn = table(account)
        more = {"BatchSize": 1, "StartingPosition": "LATEST"}
    uuid = client.create_event_source_mapping(EventSourceArn=arn, FunctionName="it", **more)["UUID"]
    wanted = {f"n{n:02}" for n in range(15)}
    for name in sorted(wanted):
        if kind == "queue":
            account.client("sqs").send_message(QueueUrl=url, MessageBody=name)
        else:
            dynamodb.put_item(TableName="tab", Item={"k": {"S": name}})
    cloud.kill()
    cloud.start()
    client, seen = account.client("lambda"), account.client("dynamodb")
    enabled(client, uuid)
    if kind == "queue":
        # What was in flight is visible again after its time.
        cloud.run("clock", "+31s")

    def arrived():
        items = seen.scan(TableName="seen", ConsistentRead=True)["Items"]
        return {item["k"]["S"] for item in items} == wanted and (kind == "stream" or left(account, url) == (0, 0))

    eventually(arrived, seconds=120)


def test_destinations_are_told(account):
    url, arn = queue(account, "told")
    client = make(account, "def handler(event, context):\n    return 1 / event\n", Role=reader(account))
    client.put_function_event_invoke_config(
        FunctionName="it",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}},
    )
    told = {}
    sqs = account.client("sqs")
    for payload in ("2", "0"):
        client.invoke(FunctionName="it", InvocationType="Event", Payload=payload)
        got = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"))[0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
        told[payload] = json.loads(got["Body"])
    assert told["2"]["requestContext"]["condition"] == "Success"
    assert told["2"]["responsePayload"] == 0.5
    assert told["0"]["requestContext"]["condition"] == "RetriesExhausted"
    assert told["0"]["responsePayload"]["errorType"] == "ZeroDivisionError"
