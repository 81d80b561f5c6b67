"""What external extensions are told when an environment ends, why, and how long they have: each tells a queue of it."""

import io
import json
import time
import zipfile

import pytest
from cloudtest import SIGNED
from test_lambda import eventually, invoke, make, role, runs_here  # noqa: F401

# It registers for the events of its variable, and sends what it is told of the end to a queue, after a while.
EXTENSION = (
    "#!/usr/bin/env python3\n"
    + SIGNED
    + """
import http.client, json, os, sys, time, urllib.parse
name = os.path.basename(sys.argv[0])
def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer, json.loads(answer.read())
events = os.environ.get("EVENTS_" + name, "INVOKE,SHUTDOWN").split(",")
answer, _ = ask("POST", "register", json.dumps({"events": events}), Name=name)
own = answer.headers["Lambda-Extension-Identifier"]
def tell(told):
    keys = {"Token": os.environ["AWS_SESSION_TOKEN"], "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"]}
    keys["AccessKeyId"] = os.environ["AWS_ACCESS_KEY_ID"]
    asked = {"Action": "SendMessage", "Version": "2012-11-05", "QueueUrl": os.environ["QUEUE"]}
    body = urllib.parse.urlencode(asked | {"MessageBody": json.dumps(told)}).encode()
    urllib.request.urlopen(signed(os.environ["AWS_ENDPOINT_URL"] + "/", "sqs", keys, body)).read()
while True:
    _, event = ask("GET", "event/next", Identifier=own)
    if event["eventType"] == "INVOKE":
        if os.environ.get("CRASHES") == name:
            sys.exit(5)
        continue
    left = event["deadlineMs"] / 1000 - time.time()
    words = [open(f"/proc/{pid}/cmdline", "rb").read().split(b"\\0") for pid in os.listdir("/proc") if pid.isdigit()]
    alive = [each for each in words if b"/var/runtime/bootstrap.py" in each and b"python" in each[0]]
    time.sleep(float(os.environ.get("TAKES_" + name, "0")))
    told = open("/tmp/told").read() if os.path.exists("/tmp/told") else ""
    tell({"name": name, "why": event["shutdownReason"], "left": left, "runtime": len(alive), "told": told})
    sys.exit(0)
"""
)

FUNCTION = """
import os, signal, time
def on_term(*_):
    with open("/tmp/told", "a") as told:
        told.write("asked to end")
    if os.environ.get("STAYS"):
        return
    os._exit(0)
signal.signal(signal.SIGTERM, on_term)
def handler(event, context):
    if event == "sleep":
        time.sleep(60)
    if event == "crash":
        os._exit(3)
    if event == "memory":
        hog = bytearray(350 << 20)
        for at in range(0, len(hog), 4096):
            hog[at] = 1
    return event
"""


@pytest.fixture
def function(account):
    """A function with two external extensions, and what they told the queue."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name in ("first", "second"):
            info = zipfile.ZipInfo(f"extensions/{name}")
            info.external_attr = 0o755 << 16
            zipped.writestr(info, EXTENSION)
    sqs = account.client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = role(account)
    account.client("iam").put_role_policy(
        RoleName="runs",
        PolicyName="tells",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"},
            }
        ),
    )
    layer = account.client("lambda").publish_layer_version(LayerName="ext", Content={"ZipFile": out.getvalue()})

    def begin(**more):
        variables = {"QUEUE": queue} | more.pop("variables", {})
        return make(
            account,
            FUNCTION,
            Role=arn,
            Layers=[layer["LayerVersionArn"]],
            Environment={"Variables": variables},
            **({"Timeout": 2} | more),
        )

    def told(count):
        """So many messages, and no more of them."""
        found = []

        def receive():
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            found.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
            return len(found) >= count

        eventually(receive, 20)
        assert len(found) == count, found
        return sorted(found, key=lambda message: message.get("name", ""))

    return begin, told


@pytest.mark.parametrize(
    ("event", "kind", "why", "said"),
    [
        ("sleep", "Sandbox.Timedout", "timeout", "asked to end"),
        ("crash", "Runtime.ExitError", "failure", ""),
        ("memory", "Runtime.ExitError", "failure", ""),
    ],
)
def test_they_are_told_why(function, event, kind, why, said):
    begin, told = function
    client = begin(MemorySize=256)
    error, got, log = invoke(client, event)
    assert (error, got["errorType"]) == ("Unhandled", kind), log
    assert "\x01" not in log
    for message in told(2):
        assert (message["why"], message["told"]) == (why, said)
        assert 0 < message["left"] <= 2
        assert message["runtime"] == 0, "the runtime ends first"
    assert invoke(client, "again")[1] == "again", "in another environment"


def test_the_exit_of_the_runtime_is_told_as_before(function):
    begin, _ = function
    error, got, log = invoke(begin(), "crash")
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert got["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert "REPORT" in log


def come_and_go(client):
    """An environment begins before anybody calls, and is not needed any more."""
    which = {"FunctionName": "it", "Qualifier": client.publish_version(FunctionName="it")["Version"]}
    client.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=1, **which)
    assert eventually(lambda: client.get_provisioned_concurrency_config(**which)["Status"] == "READY")
    client.delete_provisioned_concurrency_config(**which)


def test_an_environment_that_nobody_needs(function):
    begin, told = function
    come_and_go(begin())
    for message in told(2):
        assert (message["why"], message["told"]) == ("spindown", "asked to end")


def test_a_runtime_that_stays_is_killed(function):
    begin, told = function
    began = time.monotonic()
    error, _, _ = invoke(begin(variables={"STAYS": "1"}), "sleep")
    assert error == "Unhandled"
    for message in told(2):
        assert (message["why"], message["told"], message["runtime"]) == ("timeout", "asked to end", 0)
        assert message["left"] < 1.75, "of the two seconds the runtime has had its part"
    assert time.monotonic() - began < 15


def test_each_has_its_time_and_no_more(function):
    begin, told = function
    variables = {"TAKES_first": "1", "TAKES_second": "30"}
    invoke(begin(variables=variables), "crash")
    (message,) = told(1)
    assert message["name"] == "first"


def test_who_did_not_ask_is_not_told(function):
    begin, told = function
    invoke(begin(variables={"EVENTS_second": "INVOKE"}), "crash")
    (message,) = told(1)
    assert (message["name"], message["why"]) == ("first", "failure")


def test_the_end_of_one_is_a_failure_for_the_other(function):
    begin, told = function
    error, got, log = invoke(begin(variables={"CRASHES": "second"}), "sleep")
    assert (error, got["errorType"]) == ("Unhandled", "Extension.Crash"), log
    assert got["errorMessage"].endswith("Error: exit status 5")
    (message,) = told(1)
    assert (message["name"], message["why"], message["runtime"]) == ("first", "failure", 0)


# Registered by the runtime itself, which cannot be told but is asked to end. It says so to the queue.
INTERNAL = FUNCTION.replace(
    "    os._exit(0)",
    '    tell({"asked": True})\n    os._exit(0)',
) + (
    SIGNED
    + EXTENSION.removeprefix("#!/usr/bin/env python3\n" + SIGNED)
    .split("while True:")[0]
    .replace('"INVOKE,SHUTDOWN"', '"INVOKE"')
    + """
import threading
def follow():
    while True:
        ask("GET", "event/next", Identifier=own)
threading.Thread(target=follow, daemon=True).start()
"""
)


def test_a_runtime_with_an_extension_in_it_is_asked_to_end(account, function):
    begin, told = function
    client = begin()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("app.py", INTERNAL)
    client.update_function_configuration(FunctionName="it", Layers=[], Timeout=10)
    client.get_waiter("function_updated_v2").wait(FunctionName="it")
    client.update_function_code(FunctionName="it", ZipFile=out.getvalue())
    client.get_waiter("function_updated_v2").wait(FunctionName="it")
    come_and_go(client)
    assert told(1) == [{"asked": True}]
