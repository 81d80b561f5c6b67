"""Layers in real sandboxes: laid over each other in /opt, found by Python and Node."""

import datetime
import io
import json
import zipfile

import pytest
from test_lambda import eventually, invoke, make, runs_here, runtime  # noqa: F401


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return out.getvalue()


def layer(client, name, files):
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": archive(**files)})["LayerVersionArn"]


SHOWS = """
import os, shared
def handler(event, context):
    read = lambda name: open("/opt/" + name).read()
    try:
        open("/opt/new", "w")
        wrote = True
    except OSError:
        wrote = False
    return {"shared": shared.NAME, "own": read("own"), "both": read("both"), "wrote": wrote}
"""


def test_python_finds_what_is_laid_over(account):
    client = make(account, "def handler(event, context):\n    return 1\n")
    lower = layer(client, "lower", {"python/shared.py": "NAME = 'lower'", "both": "lower", "own": "lower"})
    upper = layer(client, "upper", {"python/shared.py": "NAME = 'upper'", "both": "upper"})
    client.update_function_code(FunctionName="it", ZipFile=archive(**{"app.py": SHOWS}))
    client.update_function_configuration(FunctionName="it", Layers=[lower, upper])
    error, got, _ = invoke(client)
    assert (error, got) == (None, {"shared": "upper", "own": "lower", "both": "upper", "wrote": False})
    # In the other order the other one is above; and a layer that is deleted is still there for who uses it.
    client.update_function_configuration(FunctionName="it", Layers=[upper, lower])
    for name in ("lower", "upper"):
        client.delete_layer_version(LayerName=name, VersionNumber=1)
    assert invoke(client)[1]["shared"] == "lower"
    client.update_function_configuration(FunctionName="it", Layers=[])
    error, got, _ = invoke(client)
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")


def test_node_finds_modules(account):
    text = "exports.handler = async () => require('shared').name;"
    client = make(account, "export const handler = async () => 1;", kind="nodejs")
    client.update_function_code(FunctionName="it", ZipFile=archive(**{"index.js": text}))
    module = {"nodejs/node_modules/shared/index.js": "exports.name = 'node';"}
    client.update_function_configuration(FunctionName="it", Layers=[layer(client, "modules", module)])
    error, got, _ = invoke(client)
    assert (error, got) == (None, "node")


def test_layers_survive_a_kill(own_account):
    client = make(own_account, SHOWS)
    files = {"python/shared.py": "NAME = 'kept'", "both": "b", "own": "o"}
    client.update_function_configuration(FunctionName="it", Layers=[layer(client, "kept", files)])
    own_account.cloud.restart()
    client = own_account.client("lambda")
    assert invoke(client)[1]["shared"] == "kept"
    shown = client.get_layer_version(LayerName="kept", VersionNumber=1)
    assert json.dumps(shown["Content"]["CodeSize"]).isdigit()


def in_the_same(client, event=None):
    """An environment whose extension is still at an event is not free for the next one: this waits for it."""
    client.put_function_concurrency(FunctionName="it", ReservedConcurrentExecutions=1)
    return eventually(lambda: invoke(client, event))


EXTENSION = """#!/usr/bin/env python3
import http.client, json, os
def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer, json.loads(answer.read())
answer, about = ask("POST", "register", json.dumps({"events": ["INVOKE"]}), Name="mine")
own = answer.headers["Lambda-Extension-Identifier"]
while True:
    _, event = ask("GET", "event/next", Identifier=own)
    with open("/tmp/told", "a") as told:
        told.write(about["functionName"] + " " + event["eventType"] + " " + event["requestId"] + "\\n")
"""

HEARS = """
import time
def handler(event, context):
    while True:
        try:
            lines = open("/tmp/told").read().splitlines()
        except OSError:
            lines = []
        if any(context.aws_request_id in line for line in lines):
            return lines
        time.sleep(0.05)
"""


def test_an_extension_is_told_of_events(account):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        info = zipfile.ZipInfo("extensions/mine")
        info.external_attr = 0o755 << 16
        zipped.writestr(info, EXTENSION)
    client = make(account, HEARS)
    version = client.publish_layer_version(LayerName="ext", Content={"ZipFile": out.getvalue()})
    client.update_function_configuration(FunctionName="it", Layers=[version["LayerVersionArn"]])
    error, got, _ = invoke(client)
    assert error is None, got
    assert got[0].startswith("it INVOKE ")
    error, got, log = in_the_same(client)
    assert (error, len(got)) == (None, 2), "it is the same extension"
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)

    def invocations():
        points = account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": "it"}],
            StartTime=now - hour,
            EndTime=now + hour,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert eventually(lambda: invocations() == 2), "with extensions as without"


# In the function's own process: it cannot be told of the end.
INTERNAL = """
import http.client, json, os, threading, time
told, name = [], "inner"
def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer, json.loads(answer.read())
refused = ask("POST", "register", json.dumps({"events": ["INVOKE", "SHUTDOWN"]}), Name=name)[1]["errorType"]
answer, about = ask("POST", "register", json.dumps({"events": ["INVOKE"]}), Name=name)
own = answer.headers["Lambda-Extension-Identifier"]
def follow():
    while True:
        told.append(ask("GET", "event/next", Identifier=own)[1]["requestId"])
threading.Thread(target=follow, daemon=True).start()
def handler(event, context):
    while context.aws_request_id not in told:
        time.sleep(0.01)
    return [refused, about["functionName"], len(told)]
"""


# By what its variable says: before it registers, or when it hears of an event.
CRASHES = EXTENSION.replace(
    "answer, about = ask(", "if os.environ['WHEN'] == 'begin': sys.exit(3)\nanswer, about = ask("
).replace('    with open("/tmp/told", "a") as told:', "    sys.exit(4)\n    with open('/tmp/told', 'a') as told:")


def test_an_extension_that_ends_ends_all(account):
    assert CRASHES.count("sys.exit") == 2
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        info = zipfile.ZipInfo("extensions/mine")
        info.external_attr = 0o755 << 16
        zipped.writestr(info, CRASHES.replace("import http.client", "import sys\nimport http.client"))
    client = make(account, "import time\ndef handler(event, context):\n    time.sleep(5)\n")
    version = client.publish_layer_version(LayerName="ext", Content={"ZipFile": out.getvalue()})
    for when, code in [("begin", 3), ("event", 4)]:
        client.update_function_configuration(
            FunctionName="it", Layers=[version["LayerVersionArn"]], Environment={"Variables": {"WHEN": when}}
        )
        error, got, log = invoke(client)
        assert (error, got["errorType"]) == ("Unhandled", "Extension.Crash"), log
        assert got["errorMessage"].endswith(f"Error: exit status {code}")
        assert "\x01" not in log
        assert "Extension.Crash" in log


def test_an_extension_within_the_function_is_told_of_events(account):
    client = make(account, INTERNAL)
    for count in (1, 2, 3):
        error, got, _ = in_the_same(client)
        assert error is None, got
        assert got == ["ShutdownEventNotSupportedForInternalExtension", "it", count]


# An extension that keeps what it is sent, for its function to read.
LISTENS = """#!/usr/bin/env python3
import http.client, http.server, json, os, threading
def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer, json.loads(answer.read())
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("/tmp/told", "a") as told:
            told.writelines(json.dumps(event) + "\\n" for event in batch)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("sandbox.localdomain", 4243), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
answer, _ = ask("POST", "/2020-01-01/extension/register", json.dumps({"events": ["INVOKE"]}), Name="listens")
own = answer.headers["Lambda-Extension-Identifier"]
def subscribe(**more):
    asked = {"schemaVersion": "2022-12-13", "types": ["platform", "function"], "buffering": {"timeoutMs": 25}}
    asked["destination"] = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}
    return ask("PUT", "/2022-07-01/telemetry", json.dumps(asked | more), Identifier=own)
refused, why = subscribe(types=[])
assert (refused.status, why["errorType"]) == (400, "ValidationError"), why
answer, text = subscribe()
assert (answer.status, text) == (200, "OK"), text
while True:
    ask("GET", "/2020-01-01/extension/event/next", Identifier=own)
"""

# The same by TCP: a line is an event.
TAKES_LINES = (
    LISTENS.replace("import http.client,", "import socketserver, http.client,")
    .replace(
        'server = http.server.HTTPServer(("sandbox.localdomain", 4243), Listener)',
        """class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            with open("/tmp/told", "a") as told:
                told.write(json.dumps(json.loads(line)) + "\\n")
server = socketserver.TCPServer(("sandbox.localdomain", 4243), Lines)""",
    )
    .replace('{"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}', '{"protocol": "TCP", "port": 4243}')
)

READS = """
import os, time
def handler(event, context):
    print("it said", event)
    end = time.time() + 10
    while time.time() < end:
        told = open("/tmp/told").read() if os.path.exists("/tmp/told") else ""
        if "it said " + str(event) in told or event == "quiet":
            break
        print(end="", flush=True)
        time.sleep(0.05)
    return told.splitlines()
"""


@pytest.mark.parametrize("listens", [LISTENS, TAKES_LINES], ids=["http", "tcp"])
def test_an_extension_is_sent_what_the_platform_tells(account, listens):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        info = zipfile.ZipInfo("extensions/listens")
        info.external_attr = 0o755 << 16
        zipped.writestr(info, listens)
    client = make(account, READS)
    version = client.publish_layer_version(LayerName="ext", Content={"ZipFile": out.getvalue()})
    client.update_function_configuration(FunctionName="it", Layers=[version["LayerVersionArn"]])
    in_the_same(client, 1)
    error, lines, _ = in_the_same(client, 2)
    assert error is None, lines
    events = [json.loads(line) for line in lines]
    kinds = [event["type"] for event in events if event["type"] != "function"]
    begun = ["initStart", "telemetrySubscription", "initRuntimeDone", "initReport"]
    of_one = ["start", "runtimeDone", "report"]
    assert kinds == ["platform." + kind for kind in [*begun, *of_one, "start"]]
    said = [event["record"] for event in events if event["type"] == "function"]
    assert [line for line in said if line.startswith("it said")] == ["it said 1", "it said 2"]
    report = next(event for event in events if event["type"] == "platform.report")["record"]
    assert (report["status"], report["metrics"]["memorySizeMB"]) == ("success", 128)
    assert report["metrics"]["initDurationMs"] > 0


WRAPPED = """
import os
def handler(event, context):
    return [os.environ["GREETING"], os.environ["WORDS"]]
"""
WRAPPED_NODE = """
export const handler = async () => [process.env.GREETING, process.env.WORDS];
"""
WRAPPER = """#!/bin/sh
export GREETING=hello WORDS="$*"
exec "$@"
"""


@pytest.mark.parametrize(("kind", "text", "last"), [("python", WRAPPED, ".py"), ("nodejs", WRAPPED_NODE, ".mjs")])
def test_a_wrapper_begins_the_runtime(account, kind, text, last):
    client = make(account, text, kind=kind)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, mode in (("wrapper", 0o755), ("text", 0o644)):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            zipped.writestr(info, WRAPPER)
    layer = client.publish_layer_version(LayerName="wraps", Content={"ZipFile": archive.getvalue()})

    def told(path):
        client.update_function_configuration(
            FunctionName="it",
            Layers=[layer["LayerVersionArn"]],
            Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": path}},
        )
        return invoke(client)

    error, got, _ = told("/opt/wrapper")
    assert error is None, got
    assert got[0] == "hello"
    assert got[1].endswith(last), "the runtime's command is what it is given"
    for path, status in (("/opt/none", 127), ("/opt/text", 126)):
        error, got, _ = told(path)
        assert (error, got["errorType"]) == ("Unhandled", "Runtime.ExitError")
        assert got["errorMessage"].endswith(f"exit status {status}")
