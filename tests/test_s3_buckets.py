"""S3's buckets through boto3 and the AWS CLI: configurations, listings, policies, websites, the clock."""

import json
import uuid

import pytest
import requests
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
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [entry for page in pages for entry in page.get("Contents", []) + page.get("CommonPrefixes", [])]
    assert [entry.get("Key") or entry["Prefix"] for entry in found] == ["a b", "a/", "b+c/", "ü"]
    old = s3.list_objects(Bucket=bucket, MaxKeys=2)
    assert old["IsTruncated"] and [o["Key"] for o in old["Contents"]] == ["a b", "a/1"]
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
    host = {"Host": f"{bucket}.s3-website.us-east-1.localhost"}
    page = requests.get(cloud.url, headers=host, timeout=10)
    assert (page.status_code, page.text) == (200, "<h1>hello</h1>")
    assert requests.get(cloud.url + "/none", headers=host, timeout=10).status_code == 403


def test_objects_expire_by_the_clock(own_cloud, own_account):
    s3 = own_account.client("s3")
    name = f"old-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert "Expiration" in s3.head_object(Bucket=name, Key="k")
    own_cloud.advance("3d")
    own_cloud.until(lambda: s3.list_objects_v2(Bucket=name)["KeyCount"] == 0)
