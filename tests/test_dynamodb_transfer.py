"""DynamoDB's exports to S3 and imports from there through boto3: both ways round, and what is under way when the cloud
is killed."""

import base64
import gzip
import hashlib
import json
import time


def until(ask, states=("COMPLETED", "FAILED")):
    """Asks until the job has ended."""
    for _ in range(600):
        told = ask()
        status = told.get("ExportStatus") or told.get("ImportStatus")
        if status in states:
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def make_source(account, items):
    """A table with recovery and `items` items, and a bucket."""
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(
        TableName="source",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName="source", WaiterConfig={"Delay": 1})
    dynamodb.update_continuous_backups(
        TableName="source", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for start in range(0, items, 25):
        puts = [{"PutRequest": {"Item": item(n)}} for n in range(start, min(start + 25, items))]
        dynamodb.batch_write_item(RequestItems={"source": puts})
    return dynamodb, dynamodb.describe_table(TableName="source")["Table"]["TableArn"]


def item(number):
    return {
        "pk": {"S": f"item {number}"},
        "number": {"N": str(number)},
        "bytes": {"B": bytes([number % 256])},
        "more": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}]}, "set": {"SS": ["a", "b"]}}},
    }


def files(s3, bucket, export):
    """The lines of an export, each file held against its manifest."""

    def read(key):
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    folder = export["ExportManifest"].rsplit("/", 1)[0]
    for name in ("summary", "files"):
        digest = base64.b64encode(hashlib.md5(read(f"{folder}/manifest-{name}.json")).digest())
        assert read(f"{folder}/manifest-{name}.md5") == digest
    summary = json.loads(read(export["ExportManifest"]))
    assert (summary["exportArn"], summary["outputFormat"]) == (export["ExportArn"], "DYNAMODB_JSON")
    lines = []
    for text in read(summary["manifestFilesS3Key"]).splitlines():
        entry = json.loads(text)
        data = read(entry["dataFileS3Key"])
        assert base64.b64encode(hashlib.md5(data).digest()).decode() == entry["md5Checksum"]
        assert hashlib.md5(data).hexdigest() == entry["etag"]
        found = [json.loads(line) for line in gzip.decompress(data).splitlines()]
        assert len(found) == entry["itemCount"]
        lines += found
    assert len(lines) == summary["itemCount"] == export["ItemCount"]
    return lines


def creation(name):
    return {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


def export_and_wait(dynamodb, arn, bucket):
    begun = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, S3Prefix="out")
    arn = begun["ExportDescription"]["ExportArn"]
    return until(lambda: dynamodb.describe_export(ExportArn=arn)["ExportDescription"])


def scan(dynamodb, name):
    pages = dynamodb.get_paginator("scan").paginate(TableName=name)
    return sorted((found for page in pages for found in page["Items"]), key=lambda found: int(found["number"]["N"]))


def test_a_table_goes_to_s3_and_comes_back(account):
    dynamodb, arn = make_source(account, 60)
    s3 = account.client("s3")
    bucket = f"transfer-{arn.split(':')[4]}"
    s3.create_bucket(Bucket=bucket)
    export = export_and_wait(dynamodb, arn, bucket)
    assert export["ExportStatus"] == "COMPLETED", export
    assert len(files(s3, bucket, export)) == 60
    folder = export["ExportManifest"].rsplit("/", 1)[0]
    begun = dynamodb.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": f"{folder}/data/"},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters=creation("copy"),
    )
    arn = begun["ImportTableDescription"]["ImportArn"]
    done = until(lambda: dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"])
    assert (done["ImportStatus"], done["ImportedItemCount"], done["ErrorCount"]) == ("COMPLETED", 60, 0)
    assert scan(dynamodb, "copy") == scan(dynamodb, "source") == [item(n) for n in range(60)]


def test_what_is_under_way_survives_kill_9(own_cloud, own_account):
    dynamodb, arn = make_source(own_account, 1000)
    s3 = own_account.client("s3")
    s3.create_bucket(Bucket="killed")
    items = [{"Item": {"pk": {"S": str(n)}, "number": {"N": str(n)}}} for n in range(3000)]
    lines = "\n".join(json.dumps(item) for item in items).encode()
    s3.put_object(Bucket="killed", Key="in/one.json", Body=lines)
    export = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket="killed")["ExportDescription"]["ExportArn"]
    begun = dynamodb.import_table(
        S3BucketSource={"S3Bucket": "killed", "S3KeyPrefix": "in/"},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters=creation("target"),
    )["ImportTableDescription"]["ImportArn"]
    own_cloud.restart(kill=True)
    dynamodb, s3 = own_account.client("dynamodb"), own_account.client("s3")
    done = until(lambda: dynamodb.describe_export(ExportArn=export)["ExportDescription"])
    assert done["ExportStatus"] == "COMPLETED", done
    found = files(s3, "killed", done)
    assert sorted(int(line["Item"]["number"]["N"]) for line in found) == list(range(1000))
    done = until(lambda: dynamodb.describe_import(ImportArn=begun)["ImportTableDescription"])
    assert (done["ImportStatus"], done["ImportedItemCount"]) == ("COMPLETED", 3000), done
    assert [int(found["number"]["N"]) for found in scan(dynamodb, "target")] == list(range(3000))
