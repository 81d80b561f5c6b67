"""DynamoDB through boto3: tables, items, queries, conditions, transactions; what was acknowledged survives kill -9."""

import json
from decimal import Decimal

import pytest
from cloudtest import Account, Cloud, allow, refused


@pytest.fixture
def table(account):
    ddb = account.client("dynamodb")
    ddb.create_table(
        TableName="orders",
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
            {"AttributeName": "state", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-state",
                "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    ddb.get_waiter("table_exists").wait(TableName="orders", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return ddb


def order(customer, number, **more):
    return {"customer": {"S": customer}, "number": {"N": str(number)}} | more


def test_items_come_back_as_they_were_put(table):
    item = order("eva", 1, tags={"SS": ["a", "b"]}, deep={"M": {"l": {"L": [{"N": "1.50"}, {"NULL": True}]}}})
    table.put_item(TableName="orders", Item=item)
    got = table.get_item(TableName="orders", Key=order("eva", 1), ConsistentRead=True)["Item"]
    assert got["deep"]["M"]["l"]["L"][1] == {"NULL": True}
    assert Decimal(got["deep"]["M"]["l"]["L"][0]["N"]) == Decimal("1.5")
    assert sorted(got["tags"]["SS"]) == ["a", "b"]
    assert "Item" not in table.get_item(TableName="orders", Key=order("eva", 2))


def test_queries_are_ordered_by_number_and_paged(table):
    for number in (10, 9, -1, 100, 2):
        table.put_item(TableName="orders", Item=order("eva", number, state={"S": "open"}))
    query = {
        "TableName": "orders",
        "KeyConditionExpression": "customer = :c AND #n > :low",
        "ExpressionAttributeNames": {"#n": "number"},
        "ExpressionAttributeValues": {":c": {"S": "eva"}, ":low": {"N": "0"}},
    }
    numbers = [item["number"]["N"] for item in table.query(**query)["Items"]]
    assert numbers == ["2", "9", "10", "100"]
    pages = table.get_paginator("query").paginate(**query, ScanIndexForward=False, PaginationConfig={"PageSize": 3})
    assert [item["number"]["N"] for page in pages for item in page["Items"]] == ["100", "10", "9", "2"]
    by_state = table.query(
        TableName="orders",
        IndexName="by-state",
        KeyConditionExpression="#s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "open"}},
    )
    assert by_state["Count"] == 5


def test_conditions_and_updates(table):
    table.put_item(TableName="orders", Item=order("eva", 1, n={"N": "1"}))
    with refused("ConditionalCheckFailedException", "The conditional request failed", 400):
        table.put_item(TableName="orders", Item=order("eva", 1), ConditionExpression="attribute_not_exists(customer)")
    done = table.update_item(
        TableName="orders",
        Key=order("eva", 1),
        UpdateExpression="SET n = n + :one, seen = list_append(if_not_exists(seen, :none), :now)",
        ExpressionAttributeValues={":one": {"N": "1"}, ":none": {"L": []}, ":now": {"L": [{"S": "x"}]}},
        ReturnValues="UPDATED_NEW",
    )
    assert done["Attributes"] == {"n": {"N": "2"}, "seen": {"L": [{"S": "x"}]}}
    with refused("ValidationException", status=400):
        table.get_item(TableName="orders", Key={"customer": {"S": "eva"}})
    with refused("ResourceNotFoundException", status=400):
        table.get_item(TableName="nowhere", Key=order("eva", 1))


def test_a_transaction_is_all_or_nothing(table):
    table.put_item(TableName="orders", Item=order("eva", 1))
    with refused("TransactionCanceledException", status=400) as caught:
        table.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "orders", "Item": order("eva", 2)}},
                {
                    "Put": {
                        "TableName": "orders",
                        "Item": order("eva", 1),
                        "ConditionExpression": "attribute_not_exists(customer)",
                    }
                },
            ]
        )
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed"]
    assert "Item" not in table.get_item(TableName="orders", Key=order("eva", 2))


def test_leading_keys_are_enforced(table, account):
    table.put_item(TableName="orders", Item=order("ann", 1))
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}}
    ann = account.user("ann", allow("dynamodb:GetItem", Condition=condition)).client("dynamodb")
    assert "Item" in ann.get_item(TableName="orders", Key=order("ann", 1))
    with refused("AccessDeniedException", status=400):
        ann.get_item(TableName="orders", Key=order("eva", 1))


def test_items_survive_kill_9(own_cloud):
    ddb = own_cloud.client("dynamodb")
    ddb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    ddb.get_waiter("table_exists").wait(TableName="things", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    requests = [{"PutRequest": {"Item": {"k": {"S": str(n)}}}} for n in range(25)]
    assert ddb.batch_write_item(RequestItems={"things": requests})["UnprocessedItems"] == {}
    own_cloud.restart(kill=True)
    ddb = own_cloud.client("dynamodb")
    assert ddb.scan(TableName="things")["Count"] == 25
    ddb.delete_table(TableName="things")
    ddb.get_waiter("table_not_exists").wait(TableName="things", WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_reads_lag_where_that_is_asked_for(tmp_path):
    lagging = Cloud(tmp_path, "--dynamodb-lag", "60000").start()
    try:
        dynamodb = Account(lagging, "111111111111").client("dynamodb")
        dynamodb.create_table(
            TableName="late",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        dynamodb.get_waiter("table_exists").wait(TableName="late", WaiterConfig={"Delay": 1})
        key = {"pk": {"S": "a"}}
        dynamodb.put_item(TableName="late", Item=key)
        assert "Item" in dynamodb.get_item(TableName="late", Key=key, ConsistentRead=True)
        # Of a minute nearly all lies before the write.
        assert any("Item" not in dynamodb.get_item(TableName="late", Key=key) for _ in range(50))
        lagging.kill()
        lagging.start()
        # What was a moment ago is forgotten with the process; what was acknowledged is not.
        assert "Item" in dynamodb.get_item(TableName="late", Key=key)
    finally:
        lagging.kill()


def test_the_command_line(account):
    aws = account.aws
    keys = ["--attribute-definitions", "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=N"]
    schema = ["--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=sk,KeyType=RANGE"]
    made = aws("dynamodb", "create-table", "--table-name", "notes", *keys, *schema, "--billing-mode", "PAY_PER_REQUEST")
    assert made["TableDescription"]["TableStatus"] == "CREATING"
    aws("dynamodb", "wait", "table-exists", "--table-name", "notes")

    def item(number, **more):
        return json.dumps({"pk": {"S": "a"}, "sk": {"N": str(number)}} | more)

    for number in (1, 2, 3):
        aws("dynamodb", "put-item", "--table-name", "notes", "--item", item(number, v={"S": f"v{number}"}))
    values = json.dumps({":a": {"S": "a"}, ":n": {"N": "1"}})
    query = ["--key-condition-expression", "pk = :a AND sk > :n", "--expression-attribute-values", values]
    found = aws("dynamodb", "query", "--table-name", "notes", *query, "--page-size", "1")
    assert [one["v"]["S"] for one in found["Items"]] == ["v2", "v3"]
    writes = [
        {"Delete": {"TableName": "notes", "Key": json.loads(item(1))}},
        {
            "ConditionCheck": {
                "TableName": "notes",
                "Key": json.loads(item(9)),
                "ConditionExpression": "attribute_exists(pk)",
            }
        },
    ]
    cancelled = aws("dynamodb", "transact-write-items", "--transact-items", json.dumps(writes), check=False)
    assert cancelled.returncode != 0
    assert "TransactionCanceledException" in cancelled.stderr
    got = aws("dynamodb", "get-item", "--table-name", "notes", "--key", item(1), "--consistent-read")
    assert got["Item"]["v"] == {"S": "v1"}
    updated = aws(
        *("dynamodb", "execute-statement", "--statement"),
        """UPDATE "notes" SET v = 'new' WHERE pk = 'a' AND sk = 1 RETURNING ALL NEW *""",
    )
    assert updated["Items"][0]["v"] == {"S": "new"}
    aws("dynamodb", "delete-table", "--table-name", "notes")
