"""S3's notifications, end to end: to queues, to topics and from there to queues; who may, which, across kill -9."""

import json

import pytest
from cloudtest import Account, refused

INVALID = "Unable to validate the following destination configurations"


def told_by(service, account, bucket, action):
    """A policy that lets S3 tell about the account's bucket."""
    conditions = {
        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
        "StringEquals": {"aws:SourceAccount": account.account},
    }
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": action,
                    "Resource": "*",
                    "Condition": conditions,
                }
            ],
        }
    )


def queue(account, name, policy):
    """Its URL and ARN."""
    url = account.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{account.account}:{name}"


def messages(account, url, count):
    """So many bodies, parsed, and that there are no more."""
    sqs, bodies = account.client("sqs"), []
    while len(bodies) < count:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=10).get("Messages", [])
        assert got, f"only {bodies}"
        for message in got:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert len(bodies) == count
    return bodies


def summary(bodies):
    """Event, key and version of each record, sorted."""
    records = [record for body in bodies for record in body["Records"]]
    return sorted((r["eventName"], r["s3"]["object"]["key"]) for r in records)


@pytest.fixture
def s3(account):
    return account.client("s3")


@pytest.fixture
def bucket(account, s3):
    name = f"events-{account.account}"
    s3.create_bucket(Bucket=name)
    return name


def test_from_bucket_to_topic_to_queue(account, s3, bucket):
    sns = account.client("sns")
    topic = sns.create_topic(Name="uploads")["TopicArn"]
    configuration = {"TopicConfigurations": [{"Id": "up", "TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}

    def configure():
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    policy = told_by("s3.amazonaws.com", account, "another", "sns:Publish")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    with refused("InvalidArgument", INVALID, 400):
        configure()
    policy = told_by("s3.amazonaws.com", account, bucket, "sns:Publish")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    to_queue = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    to_queue |= {"Resource": "*", "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
    url, arn = queue(account, "inbox", json.dumps({"Version": "2012-10-17", "Statement": [to_queue]}))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    configure()
    (greeting,) = messages(account, url, 1)
    test_event = json.loads(greeting["Message"])
    assert (test_event["Service"], test_event["Event"]) == ("Amazon S3", "s3:TestEvent")
    assert test_event["Bucket"] == bucket
    made = s3.put_object(Bucket=bucket, Key="a b+ü", Body=b"hello")
    s3.delete_object(Bucket=bucket, Key="a b+ü")
    (envelope,) = messages(account, url, 1)
    assert (envelope["TopicArn"], envelope["Subject"]) == (topic, "Amazon S3 Notification")
    (record,) = json.loads(envelope["Message"])["Records"]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert record["s3"]["configurationId"] == "up"
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    stored = record["s3"]["object"]
    assert (stored["key"], stored["size"]) == ("a+b%2B%C3%BC", 5)
    assert stored["eTag"] == made["ETag"].strip('"')


def test_a_queue_is_told_what_it_asked_for(account, s3, bucket):
    url, arn = queue(account, "inbox", told_by("s3.amazonaws.com", account, bucket, "sqs:SendMessage"))
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".txt"}]
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:Put"]
    told = {"QueueArn": arn, "Events": events, "Filter": {"Key": {"FilterRules": rules}}}
    configuration = {"QueueConfigurations": [told]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert messages(account, url, 1)[0]["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"1")
    s3.put_object(Bucket=bucket, Key="in/a.bin", Body=b"1")
    s3.put_object(Bucket=bucket, Key="out/a.txt", Body=b"1")
    s3.copy_object(Bucket=bucket, Key="in/copy.txt", CopySource=f"{bucket}/in/a.txt")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="in/parts.txt")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="in/parts.txt", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="in/parts.txt", UploadId=upload, MultipartUpload=parts)
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    s3.put_object_tagging(Bucket=bucket, Key="in/a.txt", Tagging=tags)
    s3.delete_object(Bucket=bucket, Key="in/copy.txt")
    versions = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versions)
    s3.delete_object(Bucket=bucket, Key="in/a.txt")
    assert summary(messages(account, url, 6)) == [
        ("ObjectCreated:CompleteMultipartUpload", "in/parts.txt"),
        ("ObjectCreated:Copy", "in/copy.txt"),
        ("ObjectCreated:Put", "in/a.txt"),
        ("ObjectRemoved:Delete", "in/copy.txt"),
        ("ObjectRemoved:DeleteMarkerCreated", "in/a.txt"),
        ("ObjectTagging:Put", "in/a.txt"),
    ]


def test_kill_9_loses_no_event(own_cloud, own_account):
    s3, bucket = own_account.client("s3"), "events"
    s3.create_bucket(Bucket=bucket)
    url, arn = queue(own_account, "inbox", told_by("s3.amazonaws.com", own_account, bucket, "sqs:SendMessage"))
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:Put"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    keys = [f"k{n:02}" for n in range(40)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    own_cloud.restart()
    account = Account(own_cloud, own_account.account)
    greeting, *events = sorted(messages(account, url, 41), key=lambda body: "Records" in body)
    assert greeting["Event"] == "s3:TestEvent"
    assert summary(events) == [("ObjectCreated:Put", key) for key in keys]
