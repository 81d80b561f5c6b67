"""DynamoDB's streams, PartiQL, backups and replicas through boto3; what is promised of them survives kill -9."""

import threading
import time
from datetime import UTC, datetime

import pytest
from cloudtest import refused

KEY = [{"AttributeName": "pk", "KeyType": "HASH"}]
ATTRIBUTES = [{"AttributeName": "pk", "AttributeType": "S"}]


def make(dynamodb, name, **more):
    dynamodb.create_table(
        TableName=name, KeySchema=KEY, AttributeDefinitions=ATTRIBUTES, BillingMode="PAY_PER_REQUEST", **more
    )
    wait(dynamodb, name)


def wait(dynamodb, name):
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def put(dynamodb, name, pk, v):
    dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}, "v": {"N": str(v)}})


def state(dynamodb, name):
    return {item["pk"]["S"]: int(item["v"]["N"]) for item in dynamodb.scan(TableName=name)["Items"]}


def records(streams, arn):
    """Everything in the stream, shard by shard, to the end."""
    found = []
    pages = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for shard in pages:
        request = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**request)["ShardIterator"]
        while True:
            page = streams.get_records(ShardIterator=iterator, Limit=7)
            found += page["Records"]
            iterator = page.get("NextShardIterator")
            if not page["Records"]:
                break
    return found


def test_a_stream_is_read_to_its_end_and_survives(own_cloud, own_account):
    dynamodb = own_account.client("dynamodb")
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    make(dynamodb, "orders", StreamSpecification=view)
    arn = dynamodb.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    for number in range(40):
        put(dynamodb, "orders", f"key {number % 4}", number)
    own_cloud.restart()
    streams = own_account.client("dynamodbstreams")
    found = records(streams, arn)
    assert len(found) == 40
    for key in range(4):
        own = [r["dynamodb"] for r in found if r["dynamodb"]["Keys"]["pk"]["S"] == f"key {key}"]
        assert [int(r["NewImage"]["v"]["N"]) for r in own] == list(range(key, 40, 4))
        assert [int(r["OldImage"]["v"]["N"]) for r in own[1:]] == list(range(key, 36, 4))
        assert [int(r["SequenceNumber"]) for r in own] == sorted(int(r["SequenceNumber"]) for r in own)
    assert [s["StreamArn"] for s in streams.list_streams(TableName="orders")["Streams"]] == [arn]
    assert isinstance(found[0]["dynamodb"]["ApproximateCreationDateTime"], datetime)
    own_cloud.run("clock", "+25h")
    deadline = time.monotonic() + 10
    while records(streams, arn) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert records(streams, arn) == []


def test_no_file_tells_what_a_table_with_a_key_holds(own_cloud, own_account):
    """Rows, changes and past rows; after a restart too, when whoever uses the table has its key opened anew."""
    dynamodb = own_account.client("dynamodb")
    key = own_account.client("kms").create_key()["KeyMetadata"]["Arn"]
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    make(
        dynamodb,
        "vault",
        StreamSpecification=view,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    make(dynamodb, "open", StreamSpecification=view)
    arn = dynamodb.describe_table(TableName="vault")["Table"]["LatestStreamArn"]
    dynamodb.update_continuous_backups(
        TableName="vault", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for turn in range(3):
        for name in ["vault", "open"]:
            item = {"pk": {"S": "same"}, "v": {"N": str(turn)}, "text": {"S": f"what {name} holds"}}
            dynamodb.put_item(TableName=name, Item=item)
        if turn == 0:
            dynamodb.create_backup(TableName="vault", BackupName="first")
    own_cloud.restart(kill=True)
    files = [path.read_bytes() for path in own_cloud.data.rglob("*") if path.is_file()]
    assert any(b"what open holds" in file for file in files)
    assert not any(b"what vault holds" in file for file in files)
    found = records(own_account.client("dynamodbstreams"), arn)
    assert [record["dynamodb"]["NewImage"]["text"]["S"] for record in found] == ["what vault holds"] * 3


def test_nothing_appears_behind_a_readers_back(account):
    """Writers race; whoever reads along sees every change once, those of a key in their order."""
    dynamodb = account.client("dynamodb")
    make(dynamodb, "raced", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    arn = dynamodb.describe_table(TableName="raced")["Table"]["LatestStreamArn"]
    streams = account.client("dynamodbstreams")
    iterators = [
        streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")["ShardIterator"]
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    ]

    def count(times):
        own = account.client("dynamodb", retries={"total_max_attempts": 5})
        for turn in range(times):
            own.update_item(
                TableName="raced",
                Key={"pk": {"S": f"key {turn % 3}"}},
                UpdateExpression="ADD v :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    writers = [threading.Thread(target=count, args=(30,)) for _ in range(6)]
    for writer in writers:
        writer.start()
    seen = {f"key {n}": [] for n in range(3)}
    deadline = time.monotonic() + 60
    while sum(map(len, seen.values())) < 180 and time.monotonic() < deadline:
        for place, iterator in enumerate(iterators):
            page = streams.get_records(ShardIterator=iterator, Limit=5)
            iterators[place] = page["NextShardIterator"]
            for record in page["Records"]:
                image = record["dynamodb"]["NewImage"]
                seen[image["pk"]["S"]].append(int(image["v"]["N"]))
    for writer in writers:
        writer.join()
    assert seen == {f"key {n}": list(range(1, 61)) for n in range(3)}


@pytest.fixture
def dynamodb(account):
    return account.client("dynamodb")


def test_partiql(dynamodb):
    make(dynamodb, "music")
    insert = "INSERT INTO \"music\" VALUE {'pk': ?, 'v': ?}"
    batch = [{"Statement": insert, "Parameters": [{"S": f"song {n}"}, {"N": str(n)}]} for n in range(20)]
    assert all("Error" not in response for response in dynamodb.batch_execute_statement(Statements=batch)["Responses"])
    with refused("DuplicateItemException", "Duplicate primary key exists in table", 400):
        dynamodb.execute_statement(Statement=insert, Parameters=[{"S": "song 1"}, {"N": "1"}])
    values, request = [], {"Statement": 'SELECT v FROM "music" WHERE v >= 5', "Limit": 3}
    while True:
        page = dynamodb.execute_statement(**request)
        values += [int(item["v"]["N"]) for item in page["Items"]]
        if "NextToken" not in page:
            break
        request["NextToken"] = page["NextToken"]
    assert sorted(values) == list(range(5, 20))
    update = "UPDATE \"music\" SET v = v + 1 WHERE pk = 'song 1' RETURNING ALL NEW *"
    assert dynamodb.execute_statement(Statement=update)["Items"][0]["v"] == {"N": "2"}
    with refused("TransactionCanceledException", status=400) as caught:
        dynamodb.execute_transaction(
            TransactStatements=[
                {"Statement": "DELETE FROM \"music\" WHERE pk = 'song 2'"},
                {"Statement": "UPDATE \"music\" SET v = 0 WHERE pk = 'no song'"},
            ]
        )
    assert [r["Code"] for r in caught.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" in dynamodb.get_item(TableName="music", Key={"pk": {"S": "song 2"}})


def test_backups_and_moments(own_cloud, own_account):
    dynamodb = own_account.client("dynamodb")
    make(dynamodb, "source")
    for number in range(60):
        put(dynamodb, "source", f"key {number}", 0)
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName="source", PointInTimeRecoverySpecification=recovery)
    backup = dynamodb.create_backup(TableName="source", BackupName="first")["BackupDetails"]["BackupArn"]
    time.sleep(1.1)
    moment = datetime.now(UTC)
    time.sleep(0.1)
    for number in range(0, 60, 2):
        put(dynamodb, "source", f"key {number}", 1)
    dynamodb.delete_item(TableName="source", Key={"pk": {"S": "key 1"}})
    own_cloud.restart()
    dynamodb = own_account.client("dynamodb")
    dynamodb.restore_table_from_backup(TargetTableName="from-backup", BackupArn=backup)
    dynamodb.restore_table_to_point_in_time(
        SourceTableName="source", TargetTableName="from-moment", RestoreDateTime=moment
    )
    dynamodb.restore_table_to_point_in_time(
        SourceTableName="source", TargetTableName="latest", UseLatestRestorableTime=True
    )
    for name in ("from-backup", "from-moment", "latest"):
        wait(dynamodb, name)
    before = {f"key {number}": 0 for number in range(60)}
    assert state(dynamodb, "from-backup") == before
    assert state(dynamodb, "from-moment") == before
    assert state(dynamodb, "latest") == state(dynamodb, "source") != before
    assert [b["BackupName"] for b in dynamodb.list_backups(TableName="source")["BackupSummaries"]] == ["first"]
    dynamodb.delete_backup(BackupArn=backup)
    with refused("BackupNotFoundException", f"Backup not found: {backup}", 400):
        dynamodb.describe_backup(BackupArn=backup)
    listed = own_account.aws("dynamodb", "describe-continuous-backups", "--table-name", "source")
    found = listed["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert found["PointInTimeRecoveryStatus"] == "ENABLED"


def until(expected, read, seconds=20):
    deadline = time.monotonic() + seconds
    while read() != expected:
        assert time.monotonic() < deadline, read()
        time.sleep(0.1)


def test_replicas_take_each_others_writes(account):
    east, west = (account.client("dynamodb", region=region) for region in ("us-east-1", "us-west-2"))
    make(east, "shared")
    put(east, "shared", "a", 1)
    east.update_table(TableName="shared", ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}])

    def replicas():
        table = east.describe_table(TableName="shared")["Table"]
        return [(r["RegionName"], r["ReplicaStatus"]) for r in table.get("Replicas", [])]

    until([("us-west-2", "ACTIVE")], replicas)
    put(west, "shared", "b", 2)
    put(east, "shared", "c", 3)
    for region in (east, west):
        until({"a": 1, "b": 2, "c": 3}, lambda region=region: state(region, "shared"))
    east.update_table(TableName="shared", ReplicaUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    until([], replicas)
