"""Temporary delegation as its two sides do it: a provider with boto3, a customer with the AWS CLI, and a cloud that is
killed between any two of their steps."""

import json

import pytest
from cloudtest import Account, Caller, refused

PROVIDER, CUSTOMER = "444455556666", "123456789012"
TEMPLATE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:CreateBucket", "s3:PutObject"], "Resource": "arn:aws:s3:::@{bucketNames}*"}
    ],
}


def register(cloud, folder):
    """A provider with one template; returns the template's ARN."""
    cloud.run("partner", "register", PROVIDER, "--name", "Example", "--domain", "example.com")
    file = folder / "template.json"
    file.write_text(json.dumps(TEMPLATE))
    return cloud.run("partner", "template", PROVIDER, "deploy", str(file)).stdout.strip()


def listen(provider):
    """A topic that IAM may publish to, and the queue behind it."""
    topic = provider.client("sns").create_topic(Name="requests")["TopicArn"]
    publish = {
        "Effect": "Allow",
        "Action": "SNS:Publish",
        "Principal": {"Service": "iam.amazonaws.com"},
        "Resource": topic,
    }
    provider.client("sns").set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [publish]}),
    )
    send = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    queue = provider.client("sqs").create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
    provider.client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:{PROVIDER}:told",
        Attributes={"RawMessageDelivery": "true"},
    )
    return topic, queue


def told(provider, queue, count):
    """That many notifications, by kind and state."""
    found = {}
    while len(found) < count:
        got = provider.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        assert got.get("Messages"), f"only {sorted(found)}"
        for message in got["Messages"]:
            body = json.loads(message["Body"])
            found[body["Type"], body["State"]] = body
            provider.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_a_provider_gets_what_a_customer_has_approved_whatever_falls(own_cloud, tmp_path):
    template = register(own_cloud, tmp_path)
    provider, customer = Account(own_cloud, PROVIDER), Account(own_cloud, CUSTOMER)
    topic, queue = listen(provider)
    made = provider.client("iam").create_delegation_request(
        OwnerAccountId=CUSTOMER,
        Description="sets up buckets",
        Permissions={
            "PolicyTemplateArn": template,
            "Parameters": [{"Name": "bucketNames", "Values": ["shop-a", "shop-b"], "Type": "stringList"}],
        },
        RequestorWorkflowId="workflow-1",
        NotificationChannel=topic,
        SessionDuration=3600,
    )
    request = made["DelegationRequestId"]
    named = ("--delegation-request-id", request)
    own_cloud.restart(kill=True)
    customer.aws("iam", "associate-delegation-request", *named)
    own_cloud.restart(kill=True)
    shown = customer.aws("iam", "get-delegation-request", *named)["DelegationRequest"]
    assert (shown["State"], shown["OwnerId"]) == ("ASSIGNED", f"arn:aws:iam::{CUSTOMER}:root")
    rendered = json.loads(shown["PermissionPolicy"])
    assert rendered["Statement"][0]["Resource"] == ["arn:aws:s3:::shop-a*", "arn:aws:s3:::shop-b*"]
    summary = customer.aws(
        "iam", "get-human-readable-summary", "--entity-arn", f"arn:aws:iam::{CUSTOMER}:delegation-request/{request}"
    )
    assert summary["SummaryState"] == "AVAILABLE"
    assert "It may do s3:CreateBucket, s3:PutObject on" in summary["SummaryContent"]
    customer.aws("iam", "accept-delegation-request", *named)
    own_cloud.restart(kill=True)
    customer.aws("iam", "send-delegation-token", *named)
    own_cloud.restart(kill=True)
    assert [one["State"] for one in customer.aws("iam", "list-delegation-requests")["DelegationRequests"]] == [
        "FINALIZED"
    ]
    notices = told(provider, queue, 4)
    assert set(notices) == {
        ("StateChange", "ASSIGNED"),
        ("StateChange", "ACCEPTED"),
        ("StateChange", "FINALIZED"),
        ("ExchangeToken", "FINALIZED"),
    }
    token = notices["ExchangeToken", "FINALIZED"]["ExchangeToken"]
    got = provider.client("sts").get_delegated_access_token(TradeInToken=token)
    assert got["AssumedPrincipal"] == f"arn:aws:iam::{CUSTOMER}:root"
    keys = got["Credentials"]
    session = Caller(
        own_cloud, CUSTOMER, got["AssumedPrincipal"], keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    )
    own_cloud.restart(kill=True)
    session.client("s3").create_bucket(Bucket="shop-a-1")
    session.client("s3").put_object(Bucket="shop-a-1", Key="k", Body=b"made by the provider")
    with refused("AccessDenied"):
        session.client("s3").create_bucket(Bucket="other")
    with refused("AccessDenied"):
        session.client("s3").get_object(Bucket="shop-a-1", Key="k")
    assert customer.client("s3").get_object(Bucket="shop-a-1", Key="k")["Body"].read() == b"made by the provider"
    # When its time is over, so is the access.
    own_cloud.run("clock", "+2h")
    with refused("ExpiredToken"):
        session.client("s3").put_object(Bucket="shop-a-1", Key="k", Body=b"too late")
    with refused("ExpiredTradeInTokenException"):
        provider.client("sts").get_delegated_access_token(TradeInToken=token)


def test_the_command_line_registers_and_lists(own_cloud, tmp_path):
    template = register(own_cloud, tmp_path)
    assert template == "arn:aws:iam:::delegation-template/deploy"
    listed = own_cloud.ask("partner")["partners"]
    assert listed == [
        {"account": PROVIDER, "name": "Example", "domain": "example.com", "templates": [template], "boundaries": []}
    ]
    assert template in own_cloud.run("partner").stdout
    again = own_cloud.run("partner", "template", PROVIDER, "deploy", str(tmp_path / "template.json"), check=False)
    assert again.returncode == 1
    assert "is registered already" in again.stderr
    own_cloud.restart(kill=True)
    assert own_cloud.ask("partner")["partners"] == listed


@pytest.mark.parametrize("arguments", [["register", "12", "--name", "n", "--domain", "d"], ["template", PROVIDER, "t"]])
def test_what_the_command_line_refuses(own_cloud, tmp_path, arguments):
    file = tmp_path / "t.json"
    file.write_text("{}")
    more = [str(file)] if arguments[0] == "template" else []
    done = own_cloud.run("partner", *arguments, *more, check=False)
    assert (done.returncode, done.stderr.startswith("virga: ")) == (1, True), done.stderr
