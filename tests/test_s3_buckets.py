"""S3's buckets through boto3 and the AWS CLI: configurations, listings, policies, websites, the clock."""

import base64
import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime

import pytest
from cloudtest import refused


@pytest.fixture
def s3(account):
    return account.client("s3")


@pytest.fixture
def bucket(s3):
    """A name that nobody else has: buckets are of everybody."""
    name = f"b-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def test_configurations_round_trip(s3, bucket):
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "log/"}, "Expiration": {"Days": 9}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    cors = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 9}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": cors})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "blue"}]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]
    with refused("AccessDenied", status=403):
        policy = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))


def test_regions_lead_to_their_bucket(account, s3):
    name = f"west-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    # The SDK follows the redirect to the bucket's region.
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    found = [b["Name"] for b in s3.list_buckets(BucketRegion="eu-west-1")["Buckets"]]
    assert found == [name]


def test_listings_are_paged_and_rolled_up(s3, bucket):
    for key in ["a b", "a/1", "a/2", "b+c/1", "ü"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    found = [entry for page in pages for entry in page.get("Contents", []) + page.get("CommonPrefixes", [])]
    assert [entry.get("Key") or entry["Prefix"] for entry in found] == ["a b", "a/", "b+c/", "ü"]
    old = s3.list_objects(Bucket=bucket, MaxKeys=2)
    assert old["IsTruncated"]
    assert [o["Key"] for o in old["Contents"]] == ["a b", "a/1"]
    rest = s3.list_objects(Bucket=bucket, Marker="a/1")
    assert [o["Key"] for o in rest["Contents"]] == ["a/2", "b+c/1", "ü"]


def test_versions_are_listed_and_locked(account, s3):
    name = f"locked-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    first = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=name, Key="k", Body=b"2")
    s3.put_object_legal_hold(Bucket=name, Key="k", VersionId=first, LegalHold={"Status": "ON"})
    with refused("AccessDenied", status=403):
        s3.delete_object(Bucket=name, Key="k", VersionId=first)
    s3.delete_object(Bucket=name, Key="k")
    listed = s3.list_object_versions(Bucket=name)
    assert [v["IsLatest"] for v in listed["Versions"]] == [False, False]
    assert [m["IsLatest"] for m in listed["DeleteMarkers"]] == [True]
    with refused("BucketNotEmpty", status=409):
        s3.delete_bucket(Bucket=name)


def test_a_website(cloud, s3, bucket):
    s3.delete_public_access_block(Bucket=bucket)
    policy = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<h1>hello</h1>", ContentType="text/html")
    host = f"{bucket}.s3-website.us-east-1.localhost"

    def visit(path):
        request = urllib.request.Request(cloud.endpoint + path, headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=10) as page:
                return page.status, page.read()
        except urllib.error.HTTPError as page:
            return page.status, page.read()

    assert visit("/") == (200, b"<h1>hello</h1>")
    status, page = visit("/none")
    assert status == 403
    assert b"<li>Code: AccessDenied</li>" in page


def test_objects_expire_by_the_clock(own_cloud, own_account):
    s3 = own_account.client("s3")
    name = f"old-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert "Expiration" in s3.head_object(Bucket=name, Key="k")
    own_cloud.run("clock", "+3d")
    deadline = time.monotonic() + 30
    while s3.list_objects_v2(Bucket=name)["KeyCount"]:
        assert time.monotonic() < deadline, "the object is still there"
        time.sleep(0.2)


def test_the_command_line_makes_lists_and_removes(account):
    name = f"cli-{uuid.uuid4()}"
    assert account.aws("s3", "mb", f"s3://{name}", check=False).returncode == 0
    account.aws("s3api", "put-bucket-tagging", "--bucket", name, "--tagging", "TagSet=[{Key=a,Value=b}]")
    tags = account.aws("s3api", "get-bucket-tagging", "--bucket", name)
    assert tags["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert account.aws("s3", "rb", f"s3://{name}", check=False).returncode == 0


def test_replicas_follow(account, s3):
    here, there = f"here-{uuid.uuid4()}", f"there-{uuid.uuid4()}"
    for name in (here, there):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    iam = account.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "s3.amazonaws.com"}}
    may = {"Effect": "Allow", "Action": ["s3:GetObjectVersionForReplication", "s3:ReplicateObject"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="copier", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="copier", PolicyName="may", PolicyDocument=document)
    rule = {
        "ID": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{there}"},
    }
    s3.put_bucket_replication(Bucket=here, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    put = s3.put_object(Bucket=here, Key="k", Body=b"x" * 300_000)
    deadline = time.monotonic() + 30
    while s3.head_object(Bucket=here, Key="k")["ReplicationStatus"] != "COMPLETED":
        assert time.monotonic() < deadline, "there is no replica"
        time.sleep(0.2)
    got = s3.get_object(Bucket=there, Key="k")
    assert (got["VersionId"], got["ReplicationStatus"]) == (put["VersionId"], "REPLICA")
    assert got["Body"].read() == b"x" * 300_000


def test_a_queue_hears_of_objects(account, s3, bucket):
    sqs = account.client("sqs")
    arn = f"arn:aws:sqs:us-east-1:{account.account}:told"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account.account},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    configuration = {
        "QueueConfigurations": [
            {
                "Id": "mine",
                "QueueArn": arn,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}},
            }
        ]
    }

    def ask():
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    with refused("InvalidArgument", "Unable to validate the following destination configurations"):
        ask()
    url = sqs.create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
    ask()
    for key in ("a b.jpg", "a.png"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"hello")
    bodies = []
    deadline = time.monotonic() + 30
    while len(bodies) < 2:
        assert time.monotonic() < deadline, bodies
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    test, told = sorted(bodies, key=lambda body: "Records" in body)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    record = told["Records"][0]
    assert (record["eventName"], record["s3"]["configurationId"]) == ("ObjectCreated:Put", "mine")
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"]) == ("a+b.jpg", 5)


def _codes(seed, clock, count=1):
    """What a device shows now and in the steps that follow (RFC 6238)."""
    step = int(datetime.fromisoformat(clock).timestamp()) // 30
    codes = []
    for at in range(step, step + count):
        mac = hmac.digest(base64.b32decode(seed), at.to_bytes(8, "big"), "sha1")
        start = mac[-1] & 15
        codes.append(f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}")
    return codes


def test_versions_go_with_roots_device_only(own_cloud, own_account):
    """As AWS's guide does it: root's virtual device, the bucket, and a version that goes."""
    name = "root-account-mfa-device"
    made = own_account.client("iam").create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]

    def now():
        return json.loads(own_cloud.run("--json", "clock").stdout)["now"]

    wrong = own_cloud.run("mfa", "enable", serial, "000000", "000000", check=False)
    assert wrong.returncode != 0
    assert "Authentication code for device is not valid." in wrong.stderr
    assert own_cloud.run("mfa", "enable", serial, *_codes(seed, now(), 2)).stdout.strip() == serial
    assert own_cloud.run("mfa").stdout.strip() == serial

    def mfa():
        own_cloud.run("clock", "+1m")
        return f"{serial} {_codes(seed, now())[0]}"

    bucket = f"kept-{own_account.account}"
    own_account.client("s3").create_bucket(Bucket=bucket)
    both = "Status=Enabled,MFADelete=Enabled"
    aws = own_account.aws
    aws("s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", both, "--mfa", mfa())
    assert aws("s3api", "get-bucket-versioning", "--bucket", bucket) == {"Status": "Enabled", "MFADelete": "Enabled"}
    s3 = own_account.client("s3")
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    with refused("AccessDenied", status=403) as caught:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert caught.value.response["Error"]["Message"] == "Mfa Authentication must be used for this request"
    own_cloud.restart()
    code = mfa()
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version, MFA=code)
    with refused("AccessDenied", status=403):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}, MFA=code)
    assert "no root user has an MFA device" in own_cloud.run("mfa", "deactivate", serial).stdout
    own_account.client("iam").delete_virtual_mfa_device(SerialNumber=serial)
