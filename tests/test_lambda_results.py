"""What handlers give, as the runtimes of AWS write it, and what cannot be written."""

import json

from test_lambda import invoke, make, runs_here  # noqa: F401

GIVES = """
import collections, decimal
Point = collections.namedtuple("Point", "x y")
def handler(event, context):
    if event == "item":
        return {
            "price": decimal.Decimal("12.50"), "count": decimal.Decimal(3), "large": decimal.Decimal("1E+40"),
            "bytes": b"text", b"name": [Point(1, decimal.Decimal("0.1"))], "text": "\\u00fc",
            "pair": (1, None, True, 1.5),
        }
    if event == "itself":
        own = []
        own.append(own)
        return own
    return {"set": {1}, "bytes": b"\\xff"}[event]
"""


def test_python(account):
    client = make(account, GIVES)
    answer = client.invoke(FunctionName="it", Payload=json.dumps("item"))
    body = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, body
    assert '"price": 12.50' in body, "every digit stays"
    assert json.loads(body) == {
        "price": 12.5,
        "count": 3,
        "large": 1e40,
        "bytes": "text",
        "name": [{"x": 1, "y": 0.1}],
        "text": "ü",
        "pair": [1, None, True, 1.5],
    }
    problems = {
        "set": "Object of type set is not JSON serializable",
        "bytes": "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        "itself": "Circular reference detected",
    }
    for event, text in problems.items():
        error, got, _ = invoke(client, event)
        assert (error, got["errorType"]) == ("Unhandled", "Runtime.MarshalError")
        assert got["errorMessage"] == f"Unable to marshal response: {text}"


def test_traces_of_python_begin_with_the_function(account):
    client = make(account, "def deeper():\n    raise ValueError('no')\ndeeper()\n")
    error, got, _ = invoke(client)
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "ValueError", "no")
    assert "bootstrap.py" not in "".join(got["stackTrace"])
    assert got["stackTrace"][-1] == "  File \"/var/task/app.py\", line 2, in deeper\n    raise ValueError('no')\n"


NODE = """
export const handler = async (event) => {
  const own = {};
  own.own = own;
  return { own, large: 10n, undefined }[event];
};
"""


FAILS = """
export const handler = async (event) => {
  const thrown = { text: "told to", nothing: undefined, object: { a: 1 } };
  throw event in thrown ? thrown[event] : Object.assign(new RangeError("far"), { code: "FAR", more: { a: 1 } });
};
"""


def test_errors_of_node(account):
    client = make(account, FAILS, kind="nodejs")
    error, got, log = invoke(client, "error")
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "RangeError", "far")
    assert set(got) == {"errorType", "errorMessage", "trace"}
    # The log is told all.
    (line,) = [line for line in log.splitlines() if "\tERROR\tInvoke Error \t{" in line]
    told = json.loads(line.split("\t")[4])
    assert told.pop("stack")[0] == "RangeError: far"
    assert told == {"errorType": "RangeError", "errorMessage": "far", "code": "FAR", "more": {"a": 1}}
    for event, kind, text in [
        ("text", "string", "told to"),
        ("nothing", "string", "handled"),
        ("object", "object", "[object Object]"),
    ]:
        assert invoke(client, event)[1] == {"errorType": kind, "errorMessage": text, "trace": []}


def test_errors_of_node_in_json(account):
    client = make(account, FAILS, kind="nodejs", LoggingConfig={"LogFormat": "JSON"})
    _, _, log = invoke(client, "error")
    (told,) = [line for line in map(json.loads, log.splitlines()) if line.get("level") == "ERROR"]
    assert "errorType" not in told
    message = told["message"]
    assert message.pop("stackTrace")[0] == "RangeError: far"
    assert message == {"errorType": "RangeError", "errorMessage": "far", "code": "FAR", "more": {"a": 1}}


def test_node(account):
    client = make(account, NODE, kind="nodejs")
    for event in ("own", "large"):
        error, got, _ = invoke(client, event)
        assert (error, got["errorMessage"]) == ("Unhandled", "Unable to stringify response body")
        assert got["errorType"] in ("Error", "Runtime.JSONStringifyError")
    assert invoke(client, "undefined")[:2] == (None, None)


SAYS = """
import os, sys, time
def handler(event, context):
    print("first")
    print("second", file=sys.stderr)
    print("third")
    if event == "exit":
        os._exit(3)
    time.sleep(60)
"""


def test_what_python_said_is_in_the_log_however_it_ends(account):
    client = make(account, SAYS, Timeout=2)
    for event, kind in (("exit", "Runtime.ExitError"), ("stay", "Sandbox.Timedout")):
        error, got, log = invoke(client, event)
        assert (error, got["errorType"]) == ("Unhandled", kind)
        assert "first\nsecond\nthird\n" in log


def test_what_cannot_begin_in_python(account):
    client = make(account, "def handler(:\n    pass\n")
    _, got, _ = invoke(client)
    assert got["errorType"] == "Runtime.UserCodeSyntaxError"
    assert got["stackTrace"] == ['  File "/var/task/app.py" Line 1\n    def handler(:\n']
    client.update_function_configuration(FunctionName="it", Handler="sys.exit")
    client.get_waiter("function_updated_v2").wait(FunctionName="it")
    _, got, _ = invoke(client)
    assert (got["errorType"], got["errorMessage"]) == (
        "Runtime.BuiltInModuleConflict",
        "Cannot use built-in module sys as a handler module",
    )
