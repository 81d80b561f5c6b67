"""SNS through boto3 and the AWS CLI: to queues, to HTTP endpoints that confirm, to the mailbox; across kill -9."""

import contextlib
import html
import json
import re
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudtest import allow, refused


def queue(account, name, topic_arn, **attributes):
    """A queue that lets the topic send; its URL and ARN."""
    sqs = account.client("sqs")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": document, **attributes})["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{account.account}:{name}"


def receive(sqs, url, wait=10):
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, MessageAttributeNames=["All"])
    return got.get("Messages", [])


def test_from_topic_to_queue(account):
    sns, sqs = account.client("sns"), account.client("sqs")
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue(account, "inbox", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    attributes = {"colour": {"DataType": "String", "StringValue": "red"}}
    sent = sns.publish(TopicArn=topic, Message="hello", Subject="hi", MessageAttributes=attributes)
    body = json.loads(receive(sqs, url)[0]["Body"])
    assert body["MessageId"] == sent["MessageId"]
    assert (body["Message"], body["Subject"]) == ("hello", "hi")
    assert body["MessageAttributes"] == {"colour": {"Type": "String", "Value": "red"}}
    assert body["SigningCertURL"].startswith(f"https://127.0.0.1:{account.cloud.port}/SimpleNotificationService-")


def test_filters_and_raw_delivery(account):
    sns, sqs = account.client("sns"), account.client("sqs")
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue(account, "red", topic)
    rules = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"colour": ["red", {"prefix": "dark"}]})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=rules)
    for colour in ("blue", "red", "darkred"):
        attributes = {"colour": {"DataType": "String", "StringValue": colour}}
        sns.publish(TopicArn=topic, Message=colour, MessageAttributes=attributes)
    got = []
    while len(got) < 2:
        got += [m["Body"] for m in receive(sqs, url)]
    assert sorted(got) == ["darkred", "red"]


def test_errors_are_the_clients_own_exceptions(account):
    sns = account.client("sns")
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=f"arn:aws:sns:us-east-1:{account.account}:none", Message="x")
    topic = sns.create_topic(Name="news")["TopicArn"]
    with refused("InvalidParameter", "Invalid parameter: Empty message", 400):
        sns.publish(TopicArn=topic, Message="")
    user = account.user("eva", allow("sns:ListTopics"))
    with refused("AuthorizationError", status=403):
        user.client("sns").publish(TopicArn=topic, Message="x")


def test_an_http_endpoint_confirms_by_its_link(account):
    seen = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.headers["x-amz-sns-message-type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = account.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    endpoint = f"http://127.0.0.1:{server.server_port}/hook"
    assert (
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)["SubscriptionArn"] == "pending confirmation"
    )
    deadline = time.monotonic() + 20
    while not seen and time.monotonic() < deadline:
        time.sleep(0.02)
    kind, body = seen[0]
    assert kind == body["Type"] == "SubscriptionConfirmation"
    sns.confirm_subscription(TopicArn=topic, Token=body["Token"])
    sns.publish(TopicArn=topic, Message="hello")
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen[1][1]["Message"] == "hello"
    server.shutdown()


def test_an_endpoint_is_tried_again_and_throttled_by_its_policy(account):
    seen = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((time.monotonic(), self.headers["Content-Type"], body))
            messages = [message["Message"] for _, _, message in seen]
            self.send_response(503 if messages.count("stubborn") in (1, 2) and body["Message"] == "stubborn" else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = account.client("sns")
    policy = {
        "healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 1},
        "throttlePolicy": {"maxReceivesPerSecond": 4},
        "requestPolicy": {"headerContentType": "application/json"},
    }
    topic = sns.create_topic(Name="news")["TopicArn"]
    arn = sns.subscribe(
        TopicArn=topic,
        Protocol="http",
        Endpoint=f"http://127.0.0.1:{server.server_port}/",
        Attributes={"DeliveryPolicy": json.dumps(policy)},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]

    def wait(count):
        deadline = time.monotonic() + 30
        while len(seen) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(seen) == count

    wait(1)
    sns.confirm_subscription(TopicArn=topic, Token=seen[0][2]["Token"])
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert json.loads(shown["EffectiveDeliveryPolicy"])["healthyRetryPolicy"]["backoffFunction"] == "linear"
    sns.publish(TopicArn=topic, Message="stubborn")
    wait(4)
    first, at_once, later = [at for at, _, message in seen[1:] if message["Message"] == "stubborn"]
    assert at_once - first < 0.9 <= later - at_once
    assert {kind for _, kind, _ in seen[1:]} == {"application/json"}
    time.sleep(1.1)
    for number in range(9):
        sns.publish(TopicArn=topic, Message=str(number))
    wait(13)
    times = [at for at, _, _ in seen[4:]]
    # No second has more than four; what a call takes to arrive may differ a little.
    assert all(fifth - first > 0.9 for first, fifth in zip(times, times[4:], strict=False))
    server.shutdown()


def test_the_command_line_and_the_mailbox(own_cloud, own_account):
    topic = own_account.aws("sns", "create-topic", "--name", "cli")["TopicArn"]
    own_account.aws(
        "sns", "subscribe", "--topic-arn", topic, "--protocol", "sms", "--notification-endpoint", "+15551234567"
    )
    own_account.aws("sns", "publish", "--topic-arn", topic, "--message", "by hand")
    deadline = time.monotonic() + 20
    while not (letters := own_cloud.ask("mailbox")["letters"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(m["to"], m["body"], m["protocol"]) for m in letters] == [("+15551234567", "by hand", "sms")]
    assert "by hand" in own_cloud.run("mailbox").stdout


def test_the_mailbox_in_a_browser(own_cloud, own_account):
    sns = own_account.client("sns")
    topic = sns.create_topic(Name="letters")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="<b>@example.com")
    page = f"{own_cloud.endpoint}/_virga/mailbox"
    asked = urllib.request.Request(page, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    deadline = time.monotonic() + 20
    while "&lt;b&gt;@example.com" not in (shown := urllib.request.urlopen(asked).read().decode()):
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    assert "<b>" not in shown
    # The link in the letter confirms the subscription, as it does in AWS's letters.
    link = html.unescape(re.search(r'href="([^"]+ConfirmSubscription[^"]+)"', shown)[1])
    urllib.request.urlopen(link).read()
    confirmed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
    assert confirmed.startswith(topic + ":")
    # Programs that ask for nothing in particular get JSON, and other sites nothing.
    assert own_cloud.ask("mailbox")["letters"][0]["protocol"] == "email"
    foreign = urllib.request.Request(page, headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(foreign)
    assert error.value.code == 403


def publish_until_cut(cloud, topic, worker, accepted, cut):
    sns, number = cloud.client("sns"), 0
    with contextlib.suppress(BotoCoreError, ClientError):
        while not cut.is_set():
            body = f"{worker} {number}"
            sns.publish(
                TopicArn=topic, Message=body, MessageGroupId=worker, MessageDeduplicationId=body.replace(" ", "-")
            )
            accepted.append(body)
            number += 1


def test_kill_9_loses_no_notification_and_no_order(own_cloud, own_account):
    sns = own_account.client("sns")
    topic = sns.create_topic(Name="order.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    url, arn = queue(own_account, "order.fifo", topic, FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    accepted = []
    for round_number in range(3):
        cut = threading.Event()
        threads = [
            threading.Thread(target=publish_until_cut, args=(own_account, topic, f"r{round_number}w{n}", accepted, cut))
            for n in range(2)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        own_cloud.kill()
        cut.set()
        for thread in threads:
            thread.join()
        own_cloud.start()
    sqs, got = own_account.client("sqs"), []
    while messages := receive(sqs, url, wait=3):
        got += [m["Body"] for m in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert len(accepted) > 10, "too little was published to tell anything"
    assert not set(accepted) - set(got)
    assert len(got) == len(set(got)), "something came twice"
    for worker in {body.split()[0] for body in got}:
        order = [int(body.split()[1]) for body in got if body.split()[0] == worker]
        assert order == sorted(order)


def test_a_replay_goes_on_after_a_kill(own_cloud, own_account):
    sns, sqs = own_account.client("sns"), own_account.client("sqs")
    settings = {
        "FifoTopic": "true",
        "ContentBasedDeduplication": "true",
        "ArchivePolicy": json.dumps({"MessageRetentionPeriod": "30"}),
    }
    topic = sns.create_topic(Name="kept.fifo", Attributes=settings)["TopicArn"]
    for start in range(0, 400, 10):
        entries = [{"Id": str(n), "Message": str(n), "MessageGroupId": "g"} for n in range(start, start + 10)]
        assert not sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get("Failed")
    own_cloud.kill()
    own_cloud.start()
    url, arn = queue(own_account, "late.fifo", topic, FifoQueue="true")
    begins = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["BeginningArchiveTime"]
    policy = json.dumps({"PointType": "Timestamp", "StartingPoint": begins})
    made = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"ReplayPolicy": policy, "RawMessageDelivery": "true"}
    )
    own_cloud.kill()
    own_cloud.start()
    sns.publish(TopicArn=topic, Message="400", MessageGroupId="g")
    got = []
    while messages := receive(sqs, url, wait=5):
        got += [int(m["Body"]) for m in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert got == list(range(401))
    shown = sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
    assert shown["ReplayStatus"] == "Completed"
    with refused("InvalidState", status=400):
        sns.delete_topic(TopicArn=topic)


def test_who_replies_stop_gets_no_more_text_messages(own_cloud, own_account):
    sns = own_account.client("sns")
    sns.publish(PhoneNumber="+4915112345678", Message="one")
    assert "1 accounts" in own_cloud.run("mailbox", "reply", "+4915112345678", "Stop").stdout
    sns.publish(PhoneNumber="+4915112345678", Message="two")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+4915112345678")["isOptedOut"]
    assert [m["body"] for m in own_cloud.ask("mailbox")["letters"]] == ["one"]
    sns.opt_in_phone_number(phoneNumber="+4915112345678")
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []


def test_what_is_published_to_a_device_is_in_the_mailbox(own_cloud, own_account):
    sns = own_account.client("sns")
    made = sns.create_platform_application(Name="app", Platform="GCM", Attributes={"PlatformCredential": "key"})
    device = sns.create_platform_endpoint(PlatformApplicationArn=made["PlatformApplicationArn"], Token="t")
    message = json.dumps({"default": "d", "GCM": json.dumps({"notification": {"title": "hi"}})})
    sns.publish(TargetArn=device["EndpointArn"], Message=message, MessageStructure="json")
    [letter] = own_cloud.ask("mailbox")["letters"]
    assert (letter["protocol"], letter["to"]) == ("application", device["EndpointArn"])
    assert json.loads(letter["body"]) == {"notification": {"title": "hi"}}
    sns.set_endpoint_attributes(EndpointArn=device["EndpointArn"], Attributes={"Enabled": "false"})
    with refused("EndpointDisabled", status=400):
        sns.publish(TargetArn=device["EndpointArn"], Message="m")
