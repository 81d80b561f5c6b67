"""SQS through boto3 and the AWS CLI; what was acknowledged survives kill -9, in order within each group."""

import contextlib
import json
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudtest import refused


def drain(sqs, url, **more):
    """Receives and deletes until nothing comes; the messages."""
    got = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])
        if not messages:
            return got
        got += messages
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        assert not sqs.delete_message_batch(QueueUrl=url, Entries=entries)["Failed"]


def test_a_message_goes_through(account):
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="jobs", tags={"team": "a"})["QueueUrl"]
    assert url == f"{account.cloud.endpoint}/{account.account}/jobs"
    assert sqs.get_queue_url(QueueName="jobs")["QueueUrl"] == url
    # boto3 checks the MD5 of body and attributes by itself.
    attribute = {"DataType": "String", "StringValue": "red"}
    sent = sqs.send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes={"colour": attribute})
    got = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"][0]
    assert got["MessageId"] == sent["MessageId"]
    assert got["Body"] == "héllo"
    assert got["MessageAttributes"]["colour"] == attribute
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert counts["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "0"}


def test_errors_are_the_clients_own_exceptions(account):
    sqs = account.client("sqs")
    with refused("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400):
        sqs.get_queue_url(QueueName="none")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="none")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    words = "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
    with refused("InvalidParameterValue", words):
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    with refused("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="x")
    with refused("QueueAlreadyExists"):
        sqs.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "1"})


def test_long_polling_is_woken(account):
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
    sender = threading.Timer(0.5, lambda: sqs.send_message(QueueUrl=url, MessageBody="now"))
    started = time.monotonic()
    sender.start()
    got = sqs.receive_message(QueueUrl=url)["Messages"]
    assert got[0]["Body"] == "now"
    assert 0.4 < time.monotonic() - started < 10
    sender.join()


def test_queues_between_accounts(account, other_account):
    sqs, theirs = account.client("sqs"), other_account.client("sqs")
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]
    with refused("AccessDenied", status=403):
        theirs.send_message(QueueUrl=url, MessageBody="x")
    sqs.add_permission(QueueUrl=url, Label="them", AWSAccountIds=[other_account.account], Actions=["SendMessage"])
    theirs.send_message(QueueUrl=url, MessageBody="x")
    assert [m["Body"] for m in drain(sqs, url)] == ["x"]


def test_the_command_line(account):
    # This CLI has an endpoint of its own for SQS, which only the option overrides.
    sqs = ("--endpoint-url", account.cloud.endpoint, "sqs")
    url = account.aws(*sqs, "create-queue", "--queue-name", "cli")["QueueUrl"]
    account.aws(*sqs, "send-message", "--queue-url", url, "--message-body", "by hand")
    got = account.aws(*sqs, "receive-message", "--queue-url", url, "--attribute-names", "All")["Messages"][0]
    assert got["Body"] == "by hand"
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    account.aws(*sqs, "delete-message", "--queue-url", url, "--receipt-handle", got["ReceiptHandle"])
    assert account.aws(*sqs, "list-queues")["QueueUrls"] == [url]
    account.aws(*sqs, "purge-queue", "--queue-url", url)
    account.aws(*sqs, "delete-queue", "--queue-url", url)


def test_dead_letters_come_back_by_a_move_task(account):
    sqs = account.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{account.account}:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    url = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    counted = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
    assert counted["Attributes"]["ApproximateNumberOfMessages"] == "1"
    sqs.start_message_move_task(SourceArn=arn)
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert got[0]["Body"] == "poison"


def test_receives_survive_a_restart(own_cloud):
    sqs = own_cloud.client("sqs")
    url = sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for n in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId="g", MessageDeduplicationId=str(n))
    first = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]
    own_cloud.restart()
    sqs = own_cloud.client("sqs")
    assert "Messages" not in sqs.receive_message(QueueUrl=url), "the group is closed, as before"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("0", "2")
    assert again["Attributes"]["SequenceNumber"] == first["Attributes"]["SequenceNumber"]
    late = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="late")
    assert late["SequenceNumber"] > first["Attributes"]["SequenceNumber"]
    repeated = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="2")
    assert repeated["SequenceNumber"] < late["SequenceNumber"], "an id that was used before the restart is known"


def send_until_cut(cloud, url, worker, acknowledged, cut):
    sqs, number = cloud.client("sqs"), 0
    with contextlib.suppress(BotoCoreError, ClientError):
        while not cut.is_set():
            body, more = f"{worker} {number}", {}
            if url.endswith(".fifo"):
                more = {"MessageGroupId": worker, "MessageDeduplicationId": body.replace(" ", "-")}
            sqs.send_message(QueueUrl=url, MessageBody=body, **more)
            acknowledged.append(body)
            number += 1


def delete_until_cut(cloud, url, seen, deleted, cut):
    sqs = cloud.client("sqs")
    with contextlib.suppress(BotoCoreError, ClientError):
        while not cut.is_set():
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=5).get("Messages", [])
            for message in messages:
                seen.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                deleted.append(message["Body"])


def test_kill_9_loses_no_message_and_no_order(own_cloud):
    sqs = own_cloud.client("sqs")
    plain = sqs.create_queue(QueueName="plain")["QueueUrl"]
    fifo = sqs.create_queue(QueueName="order.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    acknowledged = {plain: [], fifo: []}
    seen, deleted = {plain: [], fifo: []}, {plain: [], fifo: []}
    for cut_number in range(3):
        cut = threading.Event()
        work = []
        for url in (plain, fifo):
            work += [(send_until_cut, f"c{cut_number}w{n}", acknowledged[url], url) for n in range(2)]
            work += [(delete_until_cut, None, None, url)]
        threads = [
            threading.Thread(target=task, args=(own_cloud, url, name, done, cut))
            if name
            else threading.Thread(target=task, args=(own_cloud, url, seen[url], deleted[url], cut))
            for task, name, done, url in work
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.8)
        own_cloud.kill()
        cut.set()
        for thread in threads:
            thread.join()
        own_cloud.start()
    sqs = own_cloud.client("sqs")
    for url in (plain, fifo):
        time.sleep(5.5)
        rest = [m["Body"] for m in drain(sqs, url, WaitTimeSeconds=1)]
        assert len(acknowledged[url]) > 30, "too little was sent to tell anything"
        gone = set(deleted[url])
        assert not gone & set(rest), "what was deleted came back"
        missing = set(acknowledged[url]) - set(seen[url]) - set(rest)
        assert not missing
        if url == fifo:
            for worker in {body.split()[0] for body in rest}:
                order = [int(body.split()[1]) for body in rest if body.split()[0] == worker]
                assert order == sorted(order)


def test_a_long_poll_notices_that_the_clock_was_moved(own_cloud):
    sqs = own_cloud.client("sqs")
    url = sqs.create_queue(QueueName="later")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=900)
    got, began = [], time.monotonic()
    poll = threading.Thread(target=lambda: got.extend(drain_once(sqs, url)))
    poll.start()
    time.sleep(0.5)
    own_cloud.run("clock", "+1h")
    poll.join()
    assert [m["Body"] for m in got] == ["delayed"]
    assert time.monotonic() - began < 15


def drain_once(sqs, url):
    return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])


def test_the_key_that_sqs_has_itself(account):
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="managed", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="secret")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "secret"
    described = account.client("kms").describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert (described["KeyManager"], described["Description"][:11]) == ("AWS", "Default key")
