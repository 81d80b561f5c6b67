"""EventBridge's API destinations through boto3: a real HTTPS endpoint, by the machine's clock, across kill -9."""

import json
import time

import pytest
from cloudtest import Account, Cloud, allow, refused
from hooks import Hooks

ACCOUNT = "111111111111"


@pytest.fixture
def world(tmp_path):
    """A cloud that trusts an endpoint, which fails at first."""
    hooks = Hooks(tmp_path, lambda number: 503 if number == 1 else 200)
    cloud = Cloud(tmp_path, "--trust", str(hooks.authority)).start()
    yield cloud, hooks
    cloud.kill()
    hooks.close()


def send(events, number):
    entry = {"Source": "app", "DetailType": "order", "Detail": json.dumps({"n": number})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_events_are_posted_in_time_and_survive_kill_9(world):
    cloud, hooks = world
    account = Account(cloud, ACCOUNT)
    events = account.client("events")
    connection = events.create_connection(
        Name="hooks",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}},
    )
    assert connection["ConnectionState"] == "AUTHORIZED"
    destination = events.create_api_destination(
        Name="hooks",
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint=f"{hooks.url}/orders/*",
        HttpMethod="PUT",
        InvocationRateLimitPerSecond=3,
    )["ApiDestinationArn"]
    events.put_rule(Name="orders", EventPattern=json.dumps({"source": ["app"]}))
    right = allow("events:InvokeApiDestination", f"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/hooks/*")
    target = {
        "Id": "1",
        "Arn": destination,
        "RoleArn": account.role("caller", {"Service": "events.amazonaws.com"}, right),
        "InputPath": "$.detail",
        "HttpParameters": {"PathParameterValues": ["$.detail.n"]},
    }
    assert events.put_targets(Rule="orders", Targets=[target])["FailedEntryCount"] == 0
    send(events, 0)
    hooks.wait(1)
    # What failed is tried again by another process.
    cloud.kill()
    cloud.start()
    again = hooks.wait(2)
    assert (again.method, again.path, json.loads(again.body)) == ("PUT", "/orders/0", {"n": 0})
    assert (again.headers["X-Key"], again.headers["Content-Type"]) == ("secret", "application/json; charset=utf-8")
    events = Account(cloud, ACCOUNT).client("events")
    time.sleep(1.1)
    for number in range(1, 8):
        send(events, number)
    hooks.wait(9)
    times = [call.at for call in hooks.seen[2:]]
    # No second has more than three; what a call takes to arrive may differ a little.
    assert all(fourth - first > 0.9 for first, fourth in zip(times, times[3:], strict=False))
    assert sorted(json.loads(call.body)["n"] for call in hooks.seen[2:]) == list(range(1, 8))


def test_errors_are_the_clients_own_exceptions(account):
    events = account.client("events")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_connection(Name="none")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_api_destination(Name="none")
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    arn = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=basic)["ConnectionArn"]
    with pytest.raises(events.exceptions.ResourceAlreadyExistsException):
        events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=basic)
    with refused("ValidationException", status=400):
        events.create_api_destination(
            Name="d", ConnectionArn=arn, InvocationEndpoint="http://127.0.0.1/", HttpMethod="POST"
        )
    user = account.user("eva")
    with refused("AccessDeniedException", status=400):
        user.client("events").describe_connection(Name="c")
