"""Lambda end to end: real code in real sandboxes, and what keeps it in."""

import base64
import datetime
import io
import json
import time
import urllib.error
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
)
LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def doctor(cloud):
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    return {finding["what"]: finding for finding in findings}


@pytest.fixture(scope="module", autouse=True)
def runs_here(cloud):
    """What this machine lacks is said, and its tests are left out."""
    if not (networks := doctor(cloud)["networks"])["good"]:
        pytest.skip(f"no sandboxes here: {networks['detail']}")


def runtime(cloud, kind):
    detail = doctor(cloud)["functions"]["detail"]
    names = detail.removeprefix("runtimes: ").split(";")[0].split(", ")
    found = [name for name in names if name.startswith(kind)]
    if not found:
        pytest.skip(f"this machine has no {kind}: {detail}")
    return found[0]


def zipped(name, text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o755 << 16
        archive.writestr(info, text)
    return out.getvalue()


def role(account):
    iam = account.client("iam")
    arn = iam.create_role(RoleName="runs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="runs", PolicyArn=LOGS)
    return arn


def make(account, text, name="it", kind="python", **more):
    file, handler = {
        "python": ("app.py", "app.handler"),
        "nodejs": ("index.mjs", "index.handler"),
        "provided": ("bootstrap", "none"),
    }[kind]
    client = account.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime=runtime(account.cloud, kind),
        Role=more.pop("Role", None) or role(account),
        Handler=handler,
        Code={"ZipFile": zipped(file, text)},
        **({"Timeout": 30} | more),
    )
    return client


def invoke(client, event=None, name="it", **more):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail", **more)
    body = answer["Payload"].read()
    log = base64.b64decode(answer["LogResult"]).decode()
    return answer.get("FunctionError"), json.loads(body) if body else None, log


def eventually(what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            if found := what():
                return found
        except ClientError:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


def logged(account, name="it"):
    logs, group = account.client("logs"), f"/aws/lambda/{name}"
    events = logs.filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in events]


SHOWS = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    print("event", event)
    names = ("NAME", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return {
        "event": event, "count": count, "env": {name: os.environ[name] for name in names},
        "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(),
        "key": os.environ["AWS_ACCESS_KEY_ID"],
    }
"""


def test_python(account):
    client = make(account, SHOWS, MemorySize=256, Environment={"Variables": {"NAME": "value"}})
    error, got, log = invoke(client, {"a": [1, "ü"]})
    assert error is None
    assert got["event"] == {"a": [1, "ü"]}
    assert got["env"] == {
        "NAME": "value",
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "it",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    }
    assert got["arn"].endswith(":function:it")
    assert 0 < got["left"] <= 30_000
    assert got["key"].startswith("ASIA")
    lines = log.splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[0].endswith("Version: $LATEST")
    assert lines[1].startswith("event {'a'")
    assert "Memory Size: 256 MB" in lines[-1]
    assert "Init Duration" in lines[-1]
    _, again, log = invoke(client)
    assert again["count"] == 2, "the environment is used again"
    assert "Init Duration" not in log
    assert eventually(lambda: any("event None" in line for line in logged(account)))


def test_errors_have_their_shape(account):
    client = make(account, "def handler(event, context):\n    raise ValueError('no ' + event)\n")
    error, got, log = invoke(client, "way")
    assert error == "Unhandled"
    assert (got["errorType"], got["errorMessage"]) == ("ValueError", "no way")
    assert "app.py" in got["stackTrace"][0]
    assert "[ERROR] ValueError: no way" in log
    client.update_function_configuration(FunctionName="it", Handler="missing.handler")
    error, got, _ = invoke(client)
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    client.update_function_code(
        FunctionName="it", ZipFile=zipped("missing.py", "import os\nhandler = lambda e, c: os._exit(3)\n")
    )
    error, got, _ = invoke(client)
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert got["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")


def test_timeout(account):
    client = make(
        account, "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'\n", Timeout=2
    )
    error, got, log = invoke(client, 60)
    assert (error, got["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert got["errorMessage"].endswith("Task timed out after 2.00 seconds")
    assert "Task timed out after 2.00 seconds" in log
    assert "Duration: 2000.00 ms\tBilled Duration: 2000 ms" in log
    assert log.rstrip().endswith("Status: timeout")
    assert invoke(client, 0)[1] == "done", "the next event has an environment of its own"


def test_node(account):
    text = """
export const handler = async (event, context) => {
  console.log("seen", event);
  if (event === "fail") throw new TypeError("told to");
  return { event, name: context.functionName };
};
"""
    client = make(account, text, kind="nodejs")
    error, got, log = invoke(client, 7)
    assert (error, got) == (None, {"event": 7, "name": "it"})
    assert "\tINFO\tseen 7" in log
    error, got, _ = invoke(client, "fail")
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "TypeError", "told to")


CALLBACKS = """
exports.handler = (event, context, callback) => {
  const later = (text) => setTimeout(() => console.log(text), 1000);
  if (event.at_once) context.callbackWaitsForEmptyEventLoop = false;
  if (event.do === "say") { later("AFTER ALL"); callback(null, "said"); }
  if (event.do === "fail") { later("AFTER ALL"); callback(new RangeError("told to")); }
  if (event.do === "done") { later("AFTER ALL"); context.done(null, "done"); }
  if (event.do === "return") return "ignored";
  if (event.do === "reject") { later("AFTER ALL"); Promise.reject(new Error("nobody")); }
};
exports.never = async () => new Promise(() => {});
"""


def test_callbacks_of_node(account):
    name = runtime(account.cloud, "nodejs")
    if int(name.removeprefix("nodejs").removesuffix(".x")) >= 24:
        pytest.skip("handlers have no callbacks there")
    client = account.client("lambda")
    arn = role(account)

    def make(function, handler):
        code = {"ZipFile": zipped("index.js", CALLBACKS)}
        client.create_function(FunctionName=function, Runtime=name, Role=arn, Handler=handler, Timeout=10, Code=code)

    make("it", "index.handler")
    error, got, log = invoke(client, {"do": "say"})
    assert (error, got, "AFTER ALL" in log) == (None, "said", True), "the answer waits for what is still to come"
    error, got, log = invoke(client, {"do": "say", "at_once": True})
    assert (error, got, "AFTER ALL" in log) == (None, "said", False)
    error, got, log = invoke(client, {"do": "done"})
    assert (error, got) == (None, "done")
    error, got, log = invoke(client, {"do": "fail"})
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "RangeError", "told to")
    assert invoke(client, {})[:2] == (None, None), "who never says anything has said nothing"
    assert invoke(client, {"do": "return"})[:2] == (None, None)
    error, got, log = invoke(client, {"do": "reject"})
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.UnhandledPromiseRejection")
    assert (got["errorMessage"], set(got)) == ("Error: nobody", {"errorType", "errorMessage", "trace"})
    (line,) = [line for line in log.splitlines() if "\tERROR\tUnhandled Promise Rejection \t{" in line]
    assert json.loads(line.split("\t")[4])["reason"]["errorMessage"] == "nobody"
    assert invoke(client, {"do": "say"})[1] == "said"
    make("never", "index.never")
    error, got, _ = invoke(client, {}, name="never")
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.NodeJsExit")


def test_python_has_nothing_that_the_machine_has_installed(account):
    client = make(account, "import sys\ndef handler(event, context):\n    return [sys.path, str(exit)]\n")
    error, (paths, leaves), _ = invoke(client)
    assert (error, "exit()" in leaves) == (None, True)
    assert not [path for path in paths if path.startswith("/usr") and path.endswith("-packages")], paths


def test_programs_that_functions_bring_along(account):
    client = account.client("lambda")
    arn = role(account)

    def make(name, text, **more):
        code = {"ZipFile": text}
        client.create_function(FunctionName=name, Runtime="provided.al2023", Role=arn, Handler="x", Code=code, **more)

    make("none", zipped("readme", "nothing"))
    error, got, log = invoke(client, name="none")
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.InvalidEntrypoint")
    assert got["errorMessage"].endswith("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
    assert "IMAGE" not in log
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("bootstrap", BASH)
    make("plain", out.getvalue())
    error, got, _ = invoke(client, name="plain")
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.InvalidEntrypoint")
    assert got["errorMessage"].endswith("fork/exec /var/task/bootstrap: permission denied")
    layer = client.publish_layer_version(LayerName="own", Content={"ZipFile": zipped("bootstrap", BASH)})
    make("layered", zipped("readme", "nothing"), Layers=[layer["LayerVersionArn"]])
    assert invoke(client, name="layered")[0] is None


def test_what_a_beginning_that_fails_leaves_in_the_log(account):
    client = make(account, "raise RuntimeError('told to')\n")
    error, got, log = invoke(client)
    assert (error, got["errorType"]) == ("Unhandled", "RuntimeError")
    first = next(line for line in log.splitlines() if line.startswith("INIT_REPORT"))
    assert first.endswith("Phase: init\tStatus: error\tError Type: RuntimeError")


BASH = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  HEADERS=$(mktemp)
  curl -sS -D "$HEADERS" "$API/next" >/dev/null
  ID=$(grep -i lambda-runtime-aws-request-id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  OWN=$(curl -s "$AWS_ENDPOINT_URL/" -d "Action=GetCallerIdentity&Version=2011-06-15" \\
    --aws-sigv4 aws:amz:us-east-1:sts --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
    -H "x-amz-security-token: $AWS_SESSION_TOKEN" | grep -o '<Arn>[^<]*' | cut -c6-)
  ROOT=$(curl -s -o /dev/null -w '%{http_code}' "$AWS_ENDPOINT_URL/" -d "Action=GetCallerIdentity&Version=2011-06-15" \\
    --aws-sigv4 aws:amz:us-east-1:sts --user test:test)
  PAGE=$(curl -s -o /dev/null -w '%{http_code}' "$AWS_ENDPOINT_URL/_virga/status")
  curl -sS "$API/$ID/response" -d "{\\"own\\":\\"$OWN\\",\\"root\\":\\"$ROOT\\",\\"page\\":\\"$PAGE\\"}" >/dev/null
done
"""


def test_a_function_calls_the_cloud_as_its_role_and_as_nobody_else(account):
    client = make(account, BASH, kind="provided")
    error, got, _ = invoke(client)
    assert error is None
    assert got["own"].endswith(":assumed-role/runs/it")
    assert got["root"] == "403", "the keys of roots are for this machine, not for functions"
    assert got["page"] == "403"


TELLS = """
import os
def handler(event, context):
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return [os.environ[name] for name in names]
"""


def test_policies_know_which_function_asks(account):
    error, keys, _ = invoke(make(account, TELLS))
    assert error is None
    iam = account.cloud.client("iam", *keys)

    def only_for(name):
        arn = f"arn:aws:lambda:us-east-1:{account.account}:function:{name}"
        statement = {
            "Effect": "Allow",
            "Action": "iam:ListUsers",
            "Resource": "*",
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": arn}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        account.client("iam").put_role_policy(RoleName="runs", PolicyName="may", PolicyDocument=document)

    only_for("it")
    assert iam.list_users()["Users"] == []
    only_for("another")
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.list_users()


HOSTILE = """
import os, socket
def handler(event, context):
    out = {}
    for path in event["paths"]:
        try:
            out[path] = os.listdir(path)
        except OSError as error:
            out[path] = type(error).__name__
    for path in ("/var/task/x", "/usr/x", "/etc/x", "/x"):
        try:
            open(path, "w")
            out[path] = "written"
        except OSError as error:
            out[path] = type(error).__name__
    out["processes"] = [name for name in os.listdir("/proc") if name.isdigit()]
    out["unshare"] = os.system("unshare -U true 2>/dev/null")
    out["links"] = [name for _, name in socket.if_nameindex()]
    with open("/proc/self/status") as status:
        out["caps"] = [line.split()[1] for line in status if line.startswith(("CapEff", "CapPrm", "NoNewPrivs"))]
    return out
"""


def test_a_function_sees_nothing_of_the_machine(cloud, account):
    client = make(account, HOSTILE)
    data = str(cloud.data)
    error, got, _ = invoke(client, {"paths": [data, "/root", "/home"]})
    assert error is None
    assert got[data] == "FileNotFoundError"
    assert got["/root"] in ([], "PermissionError")
    assert got["/home"] == []
    assert {got[path] for path in ("/var/task/x", "/usr/x", "/etc/x", "/x")} <= {"OSError", "PermissionError"}
    assert got["processes"] == ["1"]
    assert got["unshare"] != 0
    assert got["links"] == ["lo"]
    assert got["caps"] == ["0000000000000000", "0000000000000000", "1"]


BOMB = """
import os
def handler(event, context):
    count = 0
    try:
        while True:
            if os.fork() == 0:
                while True:
                    os.read(0, 1) or __import__("time").sleep(60)
            count += 1
    except OSError:
        return count
"""


def test_a_fork_bomb_ends_at_its_limit(account):
    client = make(account, BOMB, MemorySize=3008, Timeout=60)
    error, got, _ = invoke(client)
    assert error or got < 1024
    assert account.client("sts").get_caller_identity()["Account"]


def test_memory_is_limited(account):
    client = make(account, "def handler(event, context):\n    return len(bytearray(event << 20))\n", MemorySize=128)
    assert invoke(client, 16)[1] == 16 << 20
    error, got, _ = invoke(client, 2048)
    assert (error, got["errorType"]) == ("Unhandled", "MemoryError")
    text = "import time\ndef handler(event, context):\n    kept = b'x' * (event << 20)\n    time.sleep(20)\n"
    client.update_function_code(FunctionName="it", ZipFile=zipped("app.py", text))
    error, got, _ = invoke(client, 200)
    assert error == "Unhandled"
    assert got["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_s3_tells_a_function(account):
    client = make(
        account, "def handler(event, context):\n    print('key', event['Records'][0]['s3']['object']['key'])\n"
    )
    s3 = account.client("s3")
    bucket = f"told-{account.key}"
    s3.create_bucket(Bucket=bucket)
    arn = client.get_function(FunctionName="it")["Configuration"]["FunctionArn"]
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    client.add_permission(
        FunctionName="it",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
    )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"x")
    assert eventually(lambda: any("key a/b" in line for line in logged(account)))


def test_functions_and_their_events_survive_a_kill(own_cloud, own_account):
    make(own_account, "import time\ndef handler(event, context):\n    time.sleep(3)\n    print('handled', event)\n")
    client = own_account.client("lambda")
    for event in (1, 2):
        client.invoke(FunctionName="it", InvocationType="Event", Payload=json.dumps(event))
    own_cloud.restart()
    assert own_account.client("lambda").get_function(FunctionName="it")["Configuration"]["State"] == "Active"

    def both():
        lines = logged(own_account)
        return all(any(f"handled {event}" in line for line in lines) for event in (1, 2))

    assert eventually(both)


def test_what_fails_thrice_is_a_dead_letter(own_cloud, own_account):
    sqs = own_account.client("sqs")
    url = sqs.create_queue(QueueName="lost")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    runs, text = role(own_account), "def handler(event, context):\n    raise ValueError(event)\n"
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}]}
    own_account.client("iam").put_role_policy(RoleName="runs", PolicyName="may", PolicyDocument=json.dumps(may))
    client = make(own_account, text, Role=runs, DeadLetterConfig={"TargetArn": arn})
    client.invoke(FunctionName="it", InvocationType="Event", Payload='"x"')

    def failures(count):
        return sum("ValueError: x" in line for line in logged(own_account)) == count

    for count, wait in ((1, 61), (2, 121)):
        assert eventually(lambda count=count: failures(count))
        time.sleep(1)
        own_cloud.run("clock", f"+{wait}s")
    message = eventually(
        lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"),
    )[0]
    assert message["Body"] == '"x"'
    assert "ValueError" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]


def test_what_is_too_old_is_given_up(own_cloud, own_account):
    sqs = own_account.client("sqs")
    url = sqs.create_queue(QueueName="lost")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    runs = role(own_account)
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}]}
    own_account.client("iam").put_role_policy(RoleName="runs", PolicyName="may", PolicyDocument=json.dumps(may))
    text = "import time\ndef handler(event, context):\n    time.sleep(event.get('sleeps', 0))\n    return event\n"
    client = make(own_account, text, Role=runs, Timeout=60)
    client.put_function_event_invoke_config(
        FunctionName="it",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    # It cannot be tried: another event has the only place.
    client.put_function_concurrency(FunctionName="it", ReservedConcurrentExecutions=1)
    client.invoke(FunctionName="it", InvocationType="Event", Payload='{"sleeps": 30}')
    time.sleep(2)
    client.invoke(FunctionName="it", InvocationType="Event", Payload='{"a": 1}')
    time.sleep(2)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    own_cloud.run("clock", "+90s")
    message = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert (record["requestContext"]["approximateInvokeCount"], record["requestPayload"]) == (0, {"a": 1})
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)

    def total(metric, statistic="Sum"):
        points = own_account.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": "it"}],
            StartTime=now - hour,
            EndTime=now + hour,
            Period=3600,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(point[statistic] for point in points)

    assert eventually(lambda: total("AsyncEventsReceived") == 2)
    assert eventually(lambda: total("AsyncEventsDropped") == 1)
    assert eventually(lambda: total("AsyncEventAge", "Maximum") >= 60_000)


def test_the_older_form_of_an_event(account):
    client = make(account, "def handler(event, context):\n    print('it was', event['a'])\n")
    assert client.invoke_async(FunctionName="it", InvokeArgs=b'{"a": "heard"}')["Status"] == 202
    assert eventually(lambda: any("it was heard" in line for line in logged(account)))


def test_code_is_got_by_its_link(account):
    client = make(account, "def handler(event, context):\n    return 'this'\n")
    code = client.get_function(FunctionName="it")["Code"]
    assert code["RepositoryType"] == "S3"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(code["Location"]) as answer:
        assert answer.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.read())) as got:
            assert b"'this'" in got.read("app.py")
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(code["Location"][:-2])
    assert refused.value.code == 403


LOGS_OF_PYTHON = """
import logging
def handler(event, context):
    log = logging.getLogger("mine")
    log.info("left out")
    log.warning("it is %s", "told", extra={"more": 1})
    print('{"level": "debug", "message": "left out"}')
    print("as it is")
    if event == "raise":
        raise ValueError("broken")
"""
LOGS_OF_NODE = """
export const handler = async (event) => {
  console.info("left out");
  console.warn({ more: 1 });
  console.error("it broke", new TypeError("so"));
};
"""


def test_logs_in_json(account):
    how = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "DEBUG"}
    client = make(account, LOGS_OF_PYTHON, LoggingConfig=how)
    _, _, log = invoke(client)
    lines = log.splitlines()
    assert "as it is" in lines
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert "left out" not in log
    (own,) = [line for line in told if line.get("logger") == "mine"]
    assert (own["level"], own["message"], own["more"]) == ("WARNING", "it is told", 1)
    kinds = [line["type"].removeprefix("platform.") for line in told if "type" in line]
    assert kinds == ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"]
    report = told[-1]["record"]
    assert (report["requestId"], report["status"]) == (own["requestId"], "success")
    assert report["metrics"]["memorySizeMB"] == 128
    assert report["metrics"]["billedDurationMs"] >= report["metrics"]["durationMs"] > 0
    _, _, log = invoke(client, "raise")
    failed = [json.loads(line) for line in log.splitlines() if "errorType" in line]
    assert (failed[0]["errorType"], failed[0]["errorMessage"]) == ("ValueError", "broken")
    assert '"status":"error"' in log


def test_logs_of_node_in_json(account):
    client = make(
        account, LOGS_OF_NODE, kind="nodejs", LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    )
    _, _, log = invoke(client)
    told = [json.loads(line) for line in log.splitlines()]
    assert [line.get("type") or line["level"] for line in told] == [
        "platform.start",
        "WARN",
        "ERROR",
        "platform.report",
    ]
    assert told[1]["message"] == {"more": 1}
    assert (told[2]["errorType"], told[2]["errorMessage"]) == ("TypeError", "so")


def test_the_command_line(account):
    make(account, "def handler(event, context):\n    return event['n'] * 2\n")
    listed = account.aws("lambda", "list-functions")
    assert [function["FunctionName"] for function in listed["Functions"]] == ["it"]


def test_a_topic_and_a_rule_call_a_function(account):
    text = (
        "def handler(event, context):\n"
        "    print('got', event['Records'][0]['Sns']['Message'] if 'Records' in event else event['detail']['word'])\n"
    )
    client = make(account, text)
    arn = client.get_function(FunctionName="it")["Configuration"]["FunctionArn"]
    sns, events = account.client("sns"), account.client("events")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["app"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    rule = events.describe_rule(Name="r")["Arn"]
    entry = {"Source": "app", "DetailType": "t", "Detail": json.dumps({"word": "by the rule"})}
    for service, source in (("sns", topic), ("events", rule)):
        client.add_permission(
            FunctionName="it",
            StatementId=service,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
            SourceArn=source,
        )
    sns.publish(TopicArn=topic, Message="by the topic")
    events.put_events(Entries=[entry])
    for said in ("got by the topic", "got by the rule"):
        assert eventually(lambda said=said: any(said in line for line in logged(account))), said


MEASURES = """
import json, time
def handler(event, context):
    directive = {"Namespace": "shop", "Dimensions": [["kind"]], "Metrics": [{"Name": "orders", "Unit": "Count"}]}
    meta = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": meta, "kind": "book", "orders": event["n"]}))
"""


def test_what_a_function_measures_is_a_metric(account):
    client = make(account, MEASURES)
    for n in (2, 3):
        client.invoke(FunctionName="it", Payload=json.dumps({"n": n}))
    watch = account.client("cloudwatch")
    dimensions = [{"Name": "kind", "Value": "book"}]

    def total():
        now = time.time()
        found = watch.get_metric_statistics(
            Namespace="shop",
            MetricName="orders",
            Dimensions=dimensions,
            StartTime=now - 3600,
            EndTime=now + 3600,
            Period=60,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"]) == 5

    assert eventually(total)
