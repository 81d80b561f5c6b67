"""What lies under a key of KMS is not on the disk as it is: variables of functions, bodies of messages, log events."""

import json
import time

import pytest
from cloudtest import refused
from test_lambda import doctor, invoke, make, zipped

SHOWS = "import os\ndef handler(event, context): return os.environ['PASSWORD']\n"
SECRETS = ["correct-horse-of-a-function", "correct-horse-of-a-topic", "correct-horse-of-a-log"]


def on_disk(cloud):
    """Which of the secrets lie anywhere in the data folder, once the cloud has been killed."""
    cloud.kill()
    found = set()
    for path in cloud.data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found |= {secret for secret in SECRETS if secret.encode() in content}
    return found


def key(account, service=None):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account.account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    if service:
        more = {"Principal": {"Service": service}, "Action": ["kms:GenerateDataKey*", "kms:Decrypt*"]}
        policy["Statement"].append({"Effect": "Allow", "Resource": "*"} | more)
    return account.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]


def test_nothing_of_it_is_on_the_disk(own_account):
    cloud, (variable, message, event) = own_account.cloud, SECRETS
    if not (networks := doctor(cloud)["networks"])["good"]:
        pytest.skip(f"no sandboxes here: {networks['detail']}")
    functions = key(own_account)
    client = make(own_account, SHOWS, KMSKeyArn=functions, Environment={"Variables": {"PASSWORD": variable}})
    assert invoke(client)[:2] == (None, variable)
    # The queue takes nothing of it, where it would lie as it is.
    sns = own_account.client("sns")
    topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": key(own_account)})["TopicArn"]
    own_account.client("sqs").create_queue(QueueName="q")
    arn = f"arn:aws:sqs:us-east-1:{own_account.account}:q"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message=message)
    logs = own_account.client("logs")
    logs.create_log_group(logGroupName="g", kmsKeyId=key(own_account, "logs.us-east-1.amazonaws.com"))
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now, "message": event}])
    assert on_disk(cloud) == set()
    cloud.start()
    got = logs.get_log_events(logGroupName="g", logStreamName="s")["events"]
    assert [one["message"] for one in got] == [event]
    # After a restart nothing is remembered: a key that is off closes what it keeps.
    assert invoke(client)[:2] == (None, variable)
    own_account.client("kms").disable_key(KeyId=functions)
    client.update_function_code(FunctionName="it", ZipFile=zipped("app.py", SHOWS + "\n"))
    with refused("KMSDisabledException"):
        client.invoke(FunctionName="it")
    shown = client.get_function_configuration(FunctionName="it")["Environment"]
    assert shown["Error"]["ErrorCode"] == "DisabledException"
