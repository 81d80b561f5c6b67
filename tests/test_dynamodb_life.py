"""DynamoDB: the life of tables and of items that expire, races, counters, and boto3's paginators and waiters."""

import time

import pytest
from botocore.exceptions import ClientError
from cloudtest import refused


@pytest.fixture
def dynamodb(account):
    return account.client("dynamodb")


@pytest.fixture
def table(dynamodb):
    """`orders`: by customer and number, and by state globally."""
    dynamodb.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
            {"AttributeName": "state", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-state",
                "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="orders", WaiterConfig={"Delay": 1})
    return "orders"


def order(number, state="open", **more):
    return {"customer": {"S": "eva"}, "number": {"N": str(number)}, "state": {"S": state}, **more}


def key(number):
    return {"customer": {"S": "eva"}, "number": {"N": str(number)}}


def test_a_table_comes_and_goes(dynamodb, table):
    assert dynamodb.list_tables()["TableNames"] == [table]
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    with refused("ResourceNotFoundException", f"Requested resource not found: Table: {table} not found", 400):
        dynamodb.describe_table(TableName=table)


def test_one_wins_where_two_want_to_be_first(dynamodb, table):
    first = {"TableName": table, "Item": order(1), "ConditionExpression": "attribute_not_exists(customer)"}
    dynamodb.put_item(**first)
    with refused("ConditionalCheckFailedException", "The conditional request failed", 400):
        dynamodb.put_item(**first)
    with pytest.raises(ClientError) as caught:
        dynamodb.put_item(**first, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.response["Item"] == order(1)


def test_a_counter(dynamodb, table):
    for expected in ("1", "2", "3"):
        out = dynamodb.update_item(
            TableName=table,
            Key=key(1),
            UpdateExpression="ADD visits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        assert out["Attributes"] == {"visits": {"N": expected}}


def test_pages(dynamodb, table):
    writes = [{"PutRequest": {"Item": order(number)}} for number in range(25)]
    assert dynamodb.batch_write_item(RequestItems={table: writes})["UnprocessedItems"] == {}
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="customer = :c",
        ExpressionAttributeValues={":c": {"S": "eva"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 10},
    )
    sizes, numbers = [], []
    for page in pages:
        sizes.append(page["Count"])
        numbers += [int(item["number"]["N"]) for item in page["Items"]]
    assert (sizes, numbers) == ([10, 10, 5], list(range(24, -1, -1)))


def test_time_to_live(own_cloud, own_account):
    dynamodb = own_account.client("dynamodb")
    dynamodb.create_table(
        TableName="sessions",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="sessions", WaiterConfig={"Delay": 1})
    ttl = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName="sessions", TimeToLiveSpecification=ttl)
    now = time.time()
    for pk, at in (("soon", now + 3600), ("later", now + 30 * 86400)):
        dynamodb.put_item(TableName="sessions", Item={"pk": {"S": pk}, "until": {"N": str(int(at))}})
    own_cloud.run("clock", "+2d")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [item["pk"]["S"] for item in dynamodb.scan(TableName="sessions")["Items"]]
        if left == ["later"]:
            return
        time.sleep(0.05)
    raise AssertionError(left)
