"""How DynamoDB's requests and answers travel: packed, with checksums, across origins."""

import gzip
import json
import zlib

import pytest
from wiretest import json_headers, request, send, signed


def call(cloud, account, operation, body, **headers):
    """One signed call; a body that is no bytes goes as JSON."""
    target = json_headers(f"DynamoDB_20120810.{operation}", "1.0")
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = signed(cloud, "dynamodb", headers={**target, **extra}, body=body, key=account.account)
    return send(cloud, made)


@pytest.fixture
def table(cloud, account):
    client = account.client("dynamodb")
    client.create_table(
        TableName="bodies",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    client.get_waiter("table_exists").wait(TableName="bodies")
    return client


def put(key):
    return json.dumps({"TableName": "bodies", "Item": {"pk": {"S": key}}}).encode()


def test_requests_may_be_packed(cloud, account, table):
    whole, text = gzip.compress(put("a")), put("b")
    halves = gzip.compress(text[:9]) + gzip.compress(text[9:])
    for body in (whole, halves):
        assert call(cloud, account, "PutItem", body, content_encoding="gzip").status == 200
    for coding, body in (("gzip", put("c")), ("gzip", whole[:-1]), ("gzip", b""), ("garbage", put("c"))):
        refused = call(cloud, account, "PutItem", body, content_encoding=coding)
        assert (refused.status, refused.json_error[0]) == (500, "InternalFailure")
    assert sorted(item["pk"]["S"] for item in table.scan(TableName="bodies")["Items"]) == ["a", "b"]


def test_large_answers_are_packed_for_who_takes_that(cloud, account, table):
    table.put_item(TableName="bodies", Item={"pk": {"S": "a"}, "x": {"S": "x" * 5000}})
    unpack = {None: bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}
    for accept, coding in (
        ("identity", None),
        ("br, gzip", "gzip"),
        ("gzip;q=0.5, deflate", "deflate"),
        ("*", "gzip"),
    ):
        got = call(
            cloud, account, "GetItem", {"TableName": "bodies", "Key": {"pk": {"S": "a"}}}, accept_encoding=accept
        )
        assert (got.status, got.headers.get("content-encoding")) == (200, coding)
        assert got.headers["x-amz-crc32"] == str(zlib.crc32(got.body))
        assert len(json.loads(unpack[coding](got.body))["Item"]["x"]["S"]) == 5000
    missing = {"TableName": "missing", "Key": {"pk": {"S": "a"}}}
    small = call(cloud, account, "GetItem", missing, accept_encoding="gzip", origin="http://a.example")
    assert (small.status, small.json_error[0]) == (400, "ResourceNotFoundException")
    assert "content-encoding" not in small.headers
    assert small.headers["x-amz-crc32"] == str(zlib.crc32(small.body))
    assert small.headers["access-control-allow-origin"] == "*"
    assert "access-control-max-age" not in small.headers


def test_browsers_ask_first_and_monitors_whether_it_is_well(cloud):
    asked = {
        "origin": "http://a.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-amz-target, authorization",
    }
    got = send(cloud, request("OPTIONS", headers=asked))
    assert (got.status, got.body) == (200, b"")
    for name, value in {
        "allow-origin": "*",
        "allow-methods": "post",
        "allow-headers": "x-amz-target, authorization",
        "max-age": "172800",
    }.items():
        assert got.headers[f"access-control-{name}"] == value
    host = "dynamodb.us-east-1.amazonaws.com"
    well = send(cloud, request("GET").replace(b"host: 127.0.0.1", f"host: {host}".encode()))
    assert (well.status, well.body.decode().strip()) == (200, f"healthy: {host}")
    elsewhere = send(cloud, request("GET", path="/health").replace(b"host: 127.0.0.1", f"host: {host}".encode()))
    assert elsewhere.status == 400
