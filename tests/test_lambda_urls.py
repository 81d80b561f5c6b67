"""Functions behind URLs, and answers that come as they are said: real sandboxes, real sockets."""

import http.client
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from test_lambda import eventually, make, runs_here  # noqa: F401

HTML = """
import base64, json
def handler(event, context):
    if event["rawPath"] == "/raise":
        raise ValueError("secret")
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": base64.b64encode(b"<b>" + event.get("body", "").encode()).decode(),
        "isBase64Encoded": True,
    }
"""

STREAMS = """
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const from = { statusCode: 203, headers: { "x-own": "yes" }, cookies: ["c=1"] };
  const out = event.rawPath === undefined ? stream : awslambda.HttpResponseStream.from(stream, from);
  out.write("one\\n");
  await new Promise((resolve) => setTimeout(resolve, event.wait ?? 3000));
  if (event.fails) throw new TypeError("told to");
  out.write("two\\n");
  out.end();
  await new Promise((resolve) => out.on("finish", resolve));
});
"""

# A runtime of its own: what it streams ends with trailers.
TRAILERS = """#!/usr/bin/env python3
import base64, http.client, json, os, socket
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    connection = http.client.HTTPConnection(api)
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = connection.getresponse()
    answer.read()
    id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    host, port = api.split(":")
    error = base64.b64encode(json.dumps({"errorType": "Mine", "errorMessage": "it broke"}).encode()).decode()
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(
            f"POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\\r\\nHost: {api}\\r\\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\\r\\nTransfer-Encoding: chunked\\r\\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n"
            "4\\r\\npart\\r\\n0\\r\\n"
            "Lambda-Runtime-Function-Error-Type: Mine\\r\\n"
            f"Lambda-Runtime-Function-Error-Body: {error}\\r\\n\\r\\n".encode()
        )
        stream.recv(1000)
"""


def opened(client, **more):
    """A URL for everybody."""
    url = client.create_function_url_config(FunctionName="it", AuthType="NONE", **more)["FunctionUrl"]
    client.add_permission(
        FunctionName="it",
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    client.add_permission(
        FunctionName="it",
        StatementId="invoke",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )
    return url


def ask(cloud, url, method="GET", path="/", body=None, headers=None):
    """The names below `localhost` need not resolve here: the address does."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    connection.request(method, path, body, {"Host": url.split("/")[2], **(headers or {})})
    return connection.getresponse()


def test_a_site_of_one_function(account):
    client = make(account, HTML)
    url = opened(client)
    assert url.endswith(f".lambda-url.us-east-1.localhost:{account.cloud.port}/")
    answer = ask(account.cloud, url, "POST", "/page", b"hello", {"Content-Type": "text/plain"})
    assert (answer.status, answer.read()) == (201, b"<b>hello")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    answer = ask(account.cloud, url, path="/raise")
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")


def test_only_who_signs(account):
    client = make(account, "def handler(event, context):\n    return event['requestContext']['authorizer']['iam']\n")
    url = client.create_function_url_config(FunctionName="it", AuthType="AWS_IAM")["FunctionUrl"]
    answer = ask(account.cloud, url)
    assert answer.status == 403
    assert json.loads(answer.read())["Message"].startswith("Forbidden")
    actions = {"Effect": "Allow", "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": "*"}
    user = account.user("eva", actions)
    request = AWSRequest("POST", url, data=b"x", headers={"Host": url.split("/")[2]})
    SigV4Auth(Credentials(user.key, user.secret), "lambda", "us-east-1").add_auth(request)
    answer = ask(account.cloud, url, "POST", body=b"x", headers=dict(request.headers))
    assert (answer.status, json.loads(answer.read())["userArn"]) == (200, user.arn)


def test_node_streams(account):
    client = make(account, STREAMS, kind="nodejs")
    url = opened(client, InvokeMode="RESPONSE_STREAM")
    answer = ask(account.cloud, url)
    assert (answer.status, answer.headers["x-own"], answer.headers["set-cookie"]) == (203, "yes", "c=1")
    assert answer.readline() == b"one\n"
    first = time.monotonic()
    assert answer.readline() == b"two\n"
    assert time.monotonic() - first > 0.5, "the first line was there before the second was said"
    assert answer.read() == b""
    # As a whole where it is asked as a whole.
    whole = client.invoke(FunctionName="it", Payload=json.dumps({"wait": 0}))
    assert whole["Payload"].read() == b"one\ntwo\n"

    def said(event):
        stream = client.invoke_with_response_stream(FunctionName="it", Payload=json.dumps(event), LogType="Tail")
        events = list(stream["EventStream"])
        parts = [event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event]
        return b"".join(parts), events[-1]["InvokeComplete"]

    text, complete = said({"wait": 0})
    assert (text, complete.get("ErrorCode")) == (b"one\ntwo\n", None)
    assert complete["LogResult"]
    text, complete = said({"wait": 0, "fails": True})
    assert (text, complete["ErrorCode"]) == (b"one\n", "Unhandled")
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "told to"
    assert said({"wait": 0})[0] == b"one\ntwo\n", "the environment goes on"


def test_trailers_tell_of_errors(account):
    client = make(account, TRAILERS, kind="provided")
    events = list(client.invoke_with_response_stream(FunctionName="it")["EventStream"])
    assert events[0]["PayloadChunk"]["Payload"] == b"part"
    complete = events[-1]["InvokeComplete"]
    assert json.loads(complete["ErrorDetails"]) == {"errorType": "Mine", "errorMessage": "it broke"}
    answer = client.invoke(FunctionName="it")
    assert (answer["FunctionError"], json.loads(answer["Payload"].read())["errorType"]) == ("Unhandled", "Mine")
    url = opened(client, InvokeMode="RESPONSE_STREAM")
    answer = ask(account.cloud, url)
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead):
        answer.read()


def test_a_url_outlives_a_kill(own_account):
    cloud = own_account.cloud
    client = make(own_account, "def handler(event, context):\n    return 'here'\n")
    url = opened(client)
    cloud.restart()
    assert eventually(lambda: json.loads(ask(cloud, url).read()) == "here")


def test_a_url_is_found_from_this_machine(account):
    client = make(account, "def handler(event, context):\n    return [event['rawPath'], event['rawQueryString']]\n")
    url = opened(client)
    port, name = account.cloud.port, url.split("/")[2].split(":")[0]
    # curl and browsers know by themselves what is below `localhost`.
    if shutil.which("curl"):
        said = subprocess.run(["curl", "-sS", "--noproxy", "*", url + "a/b?c=d"], capture_output=True, text=True)
        assert (said.returncode, said.stdout) == (0, '["/a/b", "c=d"]'), said
    # The C library asks this machine's resolver, which may or may not; the path needs no name.
    try:
        known = socket.getaddrinfo(name, port)
    except OSError:
        known = []
    assert all(address[4][0] in ("127.0.0.1", "::1") for address in known)
    identifier, _, region = name.split(".")[:3]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    below = f"http://localhost:{port}/_lambda-url/{region}/{identifier}"
    for base in [below] + ([url.rstrip("/")] if known else []):
        with opener.open(base + "/a/b?c=d") as answer:
            assert json.load(answer) == ["/a/b", "c=d"], base
    with opener.open(below) as answer:
        assert json.load(answer) == ["/", ""]
        assert "sandbox" in answer.headers["content-security-policy"], "it is not the cloud's own page"
    with pytest.raises(urllib.error.HTTPError) as strange:
        opener.open(f"http://localhost:{port}/_lambda-url/{region}/none/")
    assert strange.value.code == 403
