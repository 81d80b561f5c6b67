"""Functions that are consequences of themselves: through queues, topics, buckets and by their own calls."""

import json
import time

import boto3
from botocore.config import Config
from cloudtest import REGION, SIGNED
from test_lambda import eventually, logged, make, role, runs_here  # noqa: F401

MAY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "sns:*", "s3:*", "lambda:*"], "Resource": "*"}],
    }
)
# As AWS's SDKs do within functions, requests carry the header that the runtime was given.
SENDS = (
    SIGNED
    + """
import json, os
def send(service, body, kind, target=None):
    names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY", "Token": "SESSION_TOKEN"}
    keys = {name: os.environ["AWS_" + variable] for name, variable in names.items()}
    request = signed(os.environ["AWS_ENDPOINT_URL"] + "/", service, keys, body.encode(), kind, target)
    request.add_header("X-Amzn-Trace-Id", os.environ["_X_AMZN_TRACE_ID"])
    urllib.request.urlopen(request, timeout=10).read()
def handler(event, context):
    print("ran", os.environ["_X_AMZN_TRACE_ID"])
    how = os.environ["HOW"]
    if how == "queue":
        body = json.dumps({"QueueUrl": os.environ["TO"], "MessageBody": "again"})
        send("sqs", body, "application/x-amz-json-1.0", "AmazonSQS.SendMessage")
    else:
        said = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": os.environ["TO"], "Message": "again"}
        body = urllib.parse.urlencode(said)
        send("sns", body, "application/x-www-form-urlencoded")
"""
).replace("urllib.request\n", "urllib.request, urllib.parse\n", 1)
RUNS = 16


def runs(account):
    return [line for line in logged(account) if line.startswith("ran ")]


def stays(account, count, seconds=3):
    """It has run so often, and does not run again."""
    eventually(lambda: len(runs(account)) >= count)
    time.sleep(seconds)
    return len(runs(account)) == count


def caller(account):
    arn = role(account)
    account.client("iam").put_role_policy(RoleName="runs", PolicyName="may", PolicyDocument=MAY)
    return arn


def queue(account, name, **attributes):
    url = account.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{account.account}:{name}"


def received(account, url):
    got = account.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
    return got.get("Messages")


def test_a_loop_through_a_queue_ends(account):
    lost, lost_arn = queue(account, "lost")
    redrive = json.dumps({"deadLetterTargetArn": lost_arn, "maxReceiveCount": 1})
    url, arn = queue(account, "q", VisibilityTimeout="5", RedrivePolicy=redrive)
    told = {"Variables": {"HOW": "queue", "TO": url}}
    client = make(account, SENDS, Role=caller(account), Timeout=5, Environment=told)
    assert client.get_function_recursion_config(FunctionName="it")["RecursiveLoop"] == "Terminate"
    client.create_event_source_mapping(EventSourceArn=arn, FunctionName="it")
    account.client("sqs").send_message(QueueUrl=url, MessageBody="first")
    assert eventually(lambda: received(account, lost))[0]["Body"] == "again"
    assert len(runs(account)) == RUNS
    roots = {line.split("Root=")[1].split(";")[0] for line in runs(account)}
    assert len(roots) == 1, "all of it is one chain"


def test_one_that_is_meant_goes_on(account):
    url, arn = queue(account, "q", VisibilityTimeout="5")
    told = {"Variables": {"HOW": "queue", "TO": url}}
    client = make(account, SENDS, Role=caller(account), Timeout=5, Environment=told)
    assert client.put_function_recursion_config(FunctionName="it", RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    made = client.create_event_source_mapping(EventSourceArn=arn, FunctionName="it")
    account.client("sqs").send_message(QueueUrl=url, MessageBody="first")
    eventually(lambda: len(runs(account)) > RUNS + 4)
    client.update_event_source_mapping(UUID=made["UUID"], Enabled=False)


def test_a_loop_through_a_topic_ends(account):
    lost, lost_arn = queue(account, "lost")
    topic = account.client("sns").create_topic(Name="t")["TopicArn"]
    told = {"Variables": {"HOW": "topic", "TO": topic}}
    dead = {"TargetArn": lost_arn}
    client = make(account, SENDS, Role=caller(account), Environment=told, DeadLetterConfig=dead)
    arn = client.get_function(FunctionName="it")["Configuration"]["FunctionArn"]
    client.add_permission(
        FunctionName="it",
        StatementId="sns",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    account.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    account.client("sns").publish(TopicArn=topic, Message="first")
    found = eventually(lambda: received(account, lost))[0]
    assert json.loads(found["Body"])["Records"][0]["Sns"]["Message"] == "again"
    assert "recursive loop" in found["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert stays(account, RUNS)


# By a link that was signed for it, as nothing but Python is there.
PUTS = """
import os, urllib.request
def handler(event, context):
    print("ran", os.environ["_X_AMZN_TRACE_ID"])
    headers = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
    request = urllib.request.Request(os.environ["TO"], b"again", headers, method="PUT")
    urllib.request.urlopen(request, timeout=10).read()
"""


def test_a_loop_through_a_bucket_ends(account):
    lost, lost_arn = queue(account, "lost")
    bucket = f"loop-{account.account}"
    account.client("s3").create_bucket(Bucket=bucket)
    user = account.user("puts", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"})
    # As the function finds the cloud.
    inside = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:4566",
        region_name=REGION,
        aws_access_key_id=user.key,
        aws_secret_access_key=user.secret,
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )
    link = inside.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "again"})
    told = {"Variables": {"TO": link}}
    dead = {"TargetArn": lost_arn}
    client = make(account, PUTS, Role=caller(account), Environment=told, DeadLetterConfig=dead)
    arn = client.get_function(FunctionName="it")["Configuration"]["FunctionArn"]
    client.add_permission(
        FunctionName="it", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    wanted = [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    account.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": wanted}
    )
    account.client("s3").put_object(Bucket=bucket, Key="first", Body=b"first")
    found = eventually(lambda: received(account, lost))[0]
    assert json.loads(found["Body"])["Records"][0]["s3"]["object"]["key"] == "again"
    assert "recursive loop" in found["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert stays(account, RUNS)
