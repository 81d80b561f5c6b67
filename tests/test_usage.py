"""What has been used, as `virga usage` tells it: through clients, kill -9 and a clock that is moved."""

import json
import time

import pytest

DAY = 86_400


def used(cloud, *arguments):
    """Units by service, usage type and whatever else is asked for."""
    rows = json.loads(cloud.run("usage", "--json", *arguments).stdout)["rows"]
    names = ("service", "resource", "operation", "usageType")
    return {tuple(row[name] for name in names if name in row): float(row["usage"]) for row in rows}


def test_what_clients_did_is_told_by_service_and_resource(own_cloud):
    s3, dynamodb = own_cloud.client("s3"), own_cloud.client("dynamodb")
    s3.create_bucket(Bucket="metered")
    s3.put_object(Bucket="metered", Key="a", Body=b"x" * 1000)
    assert s3.get_object(Bucket="metered", Key="a")["Body"].read() == b"x" * 1000
    dynamodb.create_table(
        TableName="rows",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName="rows")
    dynamodb.put_item(TableName="rows", Item={"pk": {"S": "a"}, "v": {"S": "x" * 1500}})
    dynamodb.get_item(TableName="rows", Key={"pk": {"S": "a"}})

    by_service = used(own_cloud)
    assert by_service[("AmazonS3", "Requests-Tier1")] == 2
    assert by_service[("AmazonS3", "Requests-Tier2")] == 1
    assert by_service[("AmazonS3", "DataTransfer-Out-Bytes")] == 1000
    assert by_service[("AmazonDynamoDB", "WriteRequestUnits")] == 2
    assert by_service[("AmazonDynamoDB", "ReadRequestUnits")] == 0.5
    by_resource = used(own_cloud, "--by", "resource")
    assert by_resource[("AmazonS3", "metered", "DataTransfer-In-Bytes")] == 1000
    by_operation = used(own_cloud, "--by", "operation")
    assert by_operation[("AmazonS3", "PutObject", "Requests-Tier1")] == 1
    assert used(own_cloud, "--account", "123456789012") == {}
    table = own_cloud.run("usage", "--by", "usage-type").stdout
    assert table.splitlines()[0].split() == ["USAGE", "TYPE", "SERVICE", "USAGE", "UNIT", "USD"]
    # A thousand requests that write cost half a cent: two of them.
    row = next(line.split() for line in table.splitlines() if line.startswith("Requests-Tier1"))
    assert row == ["Requests-Tier1", "AmazonS3", "2", "Requests", "0.000010"]
    assert "until now: $0.0000" in table
    assert "at AWS's list prices on demand in us-east-1, with nothing taken off that is free" in table


def test_what_was_counted_a_second_ago_outlives_kill_9(own_cloud):
    s3 = own_cloud.client("s3")
    s3.create_bucket(Bucket="metered")
    for n in range(20):
        s3.put_object(Bucket="metered", Key=str(n), Body=b"x")
    # It is written within a second, like the audit of reads; that it is there is seen by asking for the audit's oldest.
    deadline = time.monotonic() + 30
    trail = own_cloud.client("cloudtrail")
    while not trail.lookup_events()["Events"]:
        assert time.monotonic() < deadline
    assert used(own_cloud)[("AmazonS3", "Requests-Tier1")] == 21
    own_cloud.kill()
    own_cloud.start()
    assert used(own_cloud)[("AmazonS3", "Requests-Tier1")] == 21


def test_storage_counts_for_the_days_that_the_clock_is_moved_by(own_cloud):
    s3 = own_cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a", Body=b"x" * 1_000_000)
    own_cloud.run("clock", "freeze")
    own_cloud.run("clock", "+30d")
    month = used(own_cloud, "--from", "1970-01-01", "--by", "resource")
    byte_hours = month[("AmazonS3", "kept", "TimedStorage-ByteHrs")]
    # What had stood before the clock was stopped is a few seconds.
    assert byte_hours == pytest.approx(1_000_000 * 30 * 24, rel=0.001)


def test_what_comes_and_goes_between_two_hours_is_counted_over_kill_9(own_cloud):
    ec2 = own_cloud.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=7300, VolumeType="gp2")["VolumeId"]
    # Until it is seen to stand; this looks, as any question for usage does.
    told = json.loads(own_cloud.run("usage", "--json", "--by", "resource").stdout)
    (stands,) = [row for row in told["hourly"] if volume in row["resource"]]
    assert (stands["usage"], stands["unit"], stands["charge"]) == ("10", "GB-Mo", "1.00")
    assert float(told["hourlyCharge"]) >= 1
    assert float(told["monthlyCharge"]) == pytest.approx(730, rel=0.01)
    own_cloud.kill()
    own_cloud.start()
    began = time.monotonic()
    time.sleep(2)
    own_cloud.client("ec2").delete_volume(VolumeId=volume)
    lasted = time.monotonic() - began
    # Nobody looks meanwhile: it is the change that is seen.
    time.sleep(4)
    hours = sum(usage for line, usage in used(own_cloud, "--by", "resource").items() if volume in line[1]) / 10
    assert lasted - 1 <= hours * 3600
    # What it stood before, and less than what came after.
    assert hours * 3600 < time.monotonic() - began + 20
    again = json.loads(own_cloud.run("usage", "--json", "--by", "resource").stdout)
    assert not [row for row in again["hourly"] if volume in row["resource"]]
    time.sleep(1.1)
    assert sum(usage for line, usage in used(own_cloud, "--by", "resource").items() if volume in line[1]) / 10 == hours


def test_what_is_not_understood_is_refused(own_cloud):
    for arguments, why in [
        (("--from", "yesterday"), "is no time"),
        (("--account", "12"), "twelve digits"),
        (("--to", "a&b"), "not understood"),
    ]:
        done = own_cloud.run("usage", *arguments, check=False)
        assert done.returncode != 0
        assert why in done.stderr
