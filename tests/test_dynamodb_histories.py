"""DynamoDB under concurrent clients and kill -9: transactions are serializable, and what was acknowledged stays."""

import random
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from histories import Contradiction, check

KEYS = [f"key-{n}" for n in range(6)]
CLIENTS = 6
TRIES = 40


@pytest.mark.parametrize(
    ("writes", "reads", "finals", "good"),
    [
        ({"a": ["x"], "b": ["x"]}, [("r", {"x": ["a"]})], {"x": ["a", "b"]}, True),
        # Half of a transaction.
        ({"a": ["x", "y"]}, [], {"x": ["a"], "y": []}, False),
        # A read that saw one half of it.
        ({"a": ["x", "y"]}, [("r", {"x": ["a"], "y": []})], {"x": ["a"], "y": ["a"]}, False),
        # Two reads that saw two writes in different orders.
        (
            {"a": ["x"], "b": ["y"]},
            [("r", {"x": ["a"], "y": []}), ("s", {"x": [], "y": ["b"]})],
            {"x": ["a"], "y": ["b"]},
            False,
        ),
        # A write that was lost.
        ({"a": ["x"], "b": ["x"]}, [("r", {"x": ["a"]})], {"x": ["b"]}, False),
        # Two writers in one order here and in another there.
        ({"a": ["x", "y"], "b": ["x", "y"]}, [], {"x": ["a", "b"], "y": ["b", "a"]}, False),
    ],
)
def test_the_checker_knows_what_cannot_be(writes, reads, finals, good):
    if good:
        check(writes, reads, finals)
    else:
        with pytest.raises(Contradiction):
            check(writes, reads, finals)


class Client(threading.Thread):
    """Appends its names to random keys, all or none, and reads several keys at one moment."""

    def __init__(self, number, account, stop):
        super().__init__()
        self.name, self.stop, self.chance = f"c{number}", stop, random.Random(number)
        self.dynamodb = account.client("dynamodb")
        self.asked, self.acknowledged, self.reads, self.problem = {}, set(), [], None

    def run(self):
        for attempt in range(TRIES):
            if self.stop.is_set():
                return
            keys = self.chance.sample(KEYS, self.chance.randint(1, 3))
            try:
                if self.chance.random() < 0.4:
                    self.read(keys, attempt)
                else:
                    self.write(keys, attempt)
            except ClientError as error:
                self.problem = error
                return
            except BotoCoreError:
                # The cloud was killed: whether it is done is not known.
                return

    def read(self, keys, attempt):
        asked = [{"Get": {"TableName": "lists", "Key": {"pk": {"S": key}}}} for key in keys]
        answer = self.dynamodb.transact_get_items(TransactItems=asked)["Responses"]
        lists = [[one["S"] for one in item.get("Item", {}).get("names", {}).get("L", [])] for item in answer]
        self.reads.append((f"{self.name}-read-{attempt}", dict(zip(keys, lists, strict=True))))

    def write(self, keys, attempt):
        name = f"{self.name}-{attempt}"
        self.asked[name] = keys
        update = {
            "TableName": "lists",
            "UpdateExpression": "SET #n = list_append(if_not_exists(#n, :none), :name)",
            "ExpressionAttributeNames": {"#n": "names"},
            "ExpressionAttributeValues": {":none": {"L": []}, ":name": {"L": [{"S": name}]}},
        }
        self.dynamodb.transact_write_items(
            TransactItems=[{"Update": {"Key": {"pk": {"S": key}}, **update}} for key in keys]
        )
        self.acknowledged.add(name)


def finals(dynamodb):
    items = dynamodb.scan(TableName="lists", ConsistentRead=True)["Items"]
    found = {item["pk"]["S"]: [one["S"] for one in item["names"]["L"]] for item in items}
    return {key: found.get(key, []) for key in KEYS}


@pytest.mark.parametrize("kill", [False, True], ids=["calm", "killed"])
def test_transactions_are_serializable_and_acknowledged_ones_stay(own_cloud, own_account, kill):
    dynamodb = own_account.client("dynamodb")
    dynamodb.create_table(
        TableName="lists",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="lists", WaiterConfig={"Delay": 1})
    stop = threading.Event()
    clients = [Client(number, own_account, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    if kill:
        while sum(len(client.acknowledged) for client in clients) < CLIENTS * TRIES // 6:
            assert any(client.is_alive() for client in clients)
        own_cloud.kill()
        stop.set()
    for client in clients:
        client.join()
    if kill:
        own_cloud.start()
    problems = [client.problem for client in clients if client.problem]
    assert not problems
    writes = {name: keys for client in clients for name, keys in client.asked.items()}
    reads = [read for client in clients for read in client.reads]
    there = finals(dynamodb)
    check(writes, reads, there)
    acknowledged = set().union(*(client.acknowledged for client in clients))
    assert acknowledged, "nothing was written"
    lost = [name for name in acknowledged if any(name not in there[key] for key in writes[name])]
    assert not lost
