"""Functions of container images, end to end: pushed to ECR, unpacked, and run as what they are."""

import gzip
import hashlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from cloudtest import ROOT
from test_ecr import credentials, skopeo  # noqa: F401
from test_inside import network
from test_lambda import doctor, eventually, invoke, logged, role
from test_lambda_network import ACCESS, ASKS
from test_lambda_shutdown import EXTENSION

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

# A runtime of its own, of nothing but Python's library.
RUNTIME = """
import http.client, importlib, json, os, sys
print("begun")
sys.stdout.flush()
sys.path.insert(0, os.getcwd())
handler = importlib.import_module(sys.argv[1]).handler
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
def ask(method, path, body=None):
    connection = http.client.HTTPConnection(host)
    connection.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    answer = connection.getresponse()
    return answer.headers["lambda-runtime-aws-request-id"], answer.read()
while True:
    id, event = ask("GET", "next")
    try:
        result, end = json.dumps(handler(json.loads(event))), "response"
    except Exception as error:
        result, end = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}), "error"
    sys.stdout.flush()
    ask("POST", f"{id}/{end}", result)
"""

SHOWS = """
import os, sys, time
def tried(path):
    try:
        with open(path, "w") as file:
            file.write("x")
        return "written"
    except OSError as error:
        return type(error).__name__
def handler(event):
    print("event", event)
    time.sleep(event.get("sleep", 0))
    names = ("OWN", "FROM_IMAGE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_EXECUTION_ENV")
    return {
        "event": event, "folder": os.getcwd(), "words": sys.argv, "root": sorted(os.listdir("/")),
        "env": {name: os.environ.get(name) for name in names},
        "written": {path: tried(path) for path in ("/x", "/app/x", "/tmp/x", "/etc/x")},
        "there": {path: os.path.lexists(path) for path in event.get("paths", [])},
        "processes": [name for name in os.listdir("/proc") if name.isdigit()],
    }
"""


@pytest.fixture(scope="module", autouse=True)
def runs_here(cloud):
    """What this machine lacks is said, and its tests are left out."""
    if not (networks := doctor(cloud)["networks"])["good"]:
        pytest.skip(f"no sandboxes here: {networks['detail']}")


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(files, links=()):
    """A layer, as it is pushed and as it is unpacked."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            if isinstance(content, Path):
                archive.add(content, name, recursive=False)
                continue
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content.encode()), 0o644 if name.endswith(".txt") else 0o755
            archive.addfile(entry, io.BytesIO(content.encode()))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return gzip.compress(out.getvalue(), 1), out.getvalue()


def needed(program):
    """The libraries that a program of this machine loads, by where it looks for them."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return {path: Path(path).resolve() for path in re.findall(r"(/\S+\.so\S*)", said)}


@pytest.fixture(scope="session")
def python():
    """This machine's Python and what it needs, as a layer; libraries where the loader finds them."""
    program = Path("/usr/bin") / PYTHON
    library = Path("/usr/lib") / PYTHON
    if not program.exists() or not library.exists() or not ARCHITECTURE:
        pytest.skip(f"this machine has no {program}")
    files = {f"usr/bin/{PYTHON}": program.resolve()}
    modules = [str(path) for path in (library / "lib-dynload").glob("*.so")]
    for each in [str(program), *modules]:
        files |= {path.lstrip("/"): real for path, real in needed(each).items()}
    left_out = {"test", "idlelib", "ensurepip", "tkinter", "turtledemo", "lib2to3", "pydoc_data", "__pycache__"}
    for path in library.rglob("*"):
        parts = path.relative_to(library).parts
        if path.is_file() and not (set(parts) & left_out or parts[0].startswith("config-")):
            files[str(path).lstrip("/")] = path.resolve()
    return layer(files)


def upload(ecr, name, content):
    digest = digest_of(content)
    found = ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[digest])["layers"]
    if found[0]["layerAvailability"] == "AVAILABLE":
        return digest
    begun = ecr.initiate_layer_upload(repositoryName=name)
    size = begun["partSize"]
    for at in range(0, len(content), size):
        part = content[at : at + size]
        ecr.upload_layer_part(
            repositoryName=name,
            uploadId=begun["uploadId"],
            partFirstByte=at,
            partLastByte=at + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName=name, uploadId=begun["uploadId"], layerDigests=[digest])
    return digest


def push(account, layers, tag, **config):
    """Pushes an image; its name as functions are told it."""
    ecr = account.client("ecr")
    if not ecr.describe_repositories()["repositories"]:
        ecr.create_repository(repositoryName="team/app")
    configuration = {
        "os": "linux",
        "architecture": ARCHITECTURE,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest_of(plain) for _, plain in layers]},
    }

    def entry(kind, content):
        return {"mediaType": kind, "size": len(content), "digest": upload(ecr, "team/app", content)}

    kind = "application/vnd.oci.image.config.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": entry(kind, json.dumps(configuration).encode()),
        "layers": [entry(LAYER, packed) for packed, _ in layers],
    }
    ecr.put_image(repositoryName="team/app", imageManifest=json.dumps(manifest), imageTag=tag)
    return f"{account.key}.dkr.ecr.us-east-1.amazonaws.com/team/app:{tag}"


def app(text, more=None, links=()):
    return layer({"app/run.py": RUNTIME, "app/shows.py": text, **(more or {})}, links)


CONFIG = {
    "Entrypoint": [PYTHON, "/app/run.py"],
    "Cmd": ["shows"],
    "WorkingDir": "/app",
    "Env": ["FROM_IMAGE=1", "OWN=image"],
}


def make(account, uri, **more):
    client = account.client("lambda")
    runs = more.pop("Role", None) or role(account)
    given = {"Timeout": 30, "MemorySize": 256, "Environment": {"Variables": {"OWN": "function"}}} | more
    made = client.create_function(FunctionName="it", PackageType="Image", Role=runs, Code={"ImageUri": uri}, **given)
    assert made["State"] == "Pending"
    client.get_waiter("function_active_v2").wait(FunctionName="it", WaiterConfig={"Delay": 1})
    return client


def test_a_program_of_an_image(cloud, account, python):
    layers = [python, app(SHOWS, {"app/old": "x"}), layer({"app/.wh.old": "", "app/new": "x"}, [("tmp", "/app")])]
    client = make(account, push(account, layers, "v1", **CONFIG))
    shown = client.get_function(FunctionName="it")
    assert shown["Code"]["RepositoryType"] == "ECR"
    assert shown["Code"]["ResolvedImageUri"].endswith("@sha256:" + shown["Configuration"]["CodeSha256"])
    assert "Runtime" not in shown["Configuration"]
    data = str(cloud.data)
    error, got, log = invoke(client, {"paths": ["/app/old", "/app/new", data, "/usr/bin/sh", "/proc/1", "/dev/null"]})
    assert error is None
    assert got["env"] == {
        "OWN": "function",
        "FROM_IMAGE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "it",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": None,
    }
    assert (got["folder"], got["words"]) == ("/app", ["/app/run.py", "shows"])
    assert got["written"].pop("/tmp/x") == "written"
    assert set(got["written"].values()) <= {"OSError", "PermissionError"}
    assert list(got["there"].values()) == [False, True, False, False, True, True]
    assert got["processes"] == ["1"]
    assert log.splitlines()[0].startswith("START RequestId: ")
    assert "Init Duration" in log
    assert eventually(lambda: any("event {'paths'" in line for line in logged(account)))
    client.update_function_configuration(FunctionName="it", Timeout=1)
    error, got, log = invoke(client, {"sleep": 30})
    assert (error, got["errorType"]) == ("Unhandled", "Sandbox.Timedout")


def test_another_image_and_versions(cloud, account, python):
    def text(word):
        return f"def handler(event):\n    return '{word}'\n"

    client = make(account, push(account, [python, app(text(f"one {account.key}"))], "v1", **CONFIG))
    assert invoke(client)[1].startswith("one")
    assert client.publish_version(FunctionName="it")["Version"] == "1"
    changed = client.update_function_code(
        FunctionName="it", ImageUri=push(account, [python, app(text(f"two {account.key}"))], "v2", **CONFIG)
    )
    assert changed["LastUpdateStatus"] == "InProgress"
    client.get_waiter("function_updated_v2").wait(FunctionName="it", WaiterConfig={"Delay": 1})
    assert invoke(client)[1].startswith("two")
    assert invoke(client, Qualifier="1")[1].startswith("one")
    client.put_provisioned_concurrency_config(FunctionName="it", Qualifier="1", ProvisionedConcurrentExecutions=1)
    of = {"FunctionName": "it", "Qualifier": "1"}
    assert eventually(lambda: client.get_provisioned_concurrency_config(**of)["Status"] == "READY")
    digest = client.get_function(**of)["Configuration"]["CodeSha256"]
    root = Path(cloud.data) / "functions" / "images" / digest
    assert root.is_dir()
    client.delete_function(FunctionName="it")
    assert eventually(lambda: not root.exists()), "nobody needs it"


def test_what_is_wrong_with_a_program_is_said(account, python):
    uri = push(account, [python, app(SHOWS, {"app/no.txt": "no program"})], "v1", **CONFIG)
    client = make(account, uri, ImageConfig={"EntryPoint": ["/none"]})
    for told, kind, words in [
        (None, "Runtime.InvalidEntrypoint", "fork/exec /none: no such file or directory"),
        ({"EntryPoint": ["none"]}, "Runtime.InvalidEntrypoint", 'exec: "none": executable file not found in $PATH'),
        ({"EntryPoint": ["/app/no.txt"]}, "Runtime.InvalidEntrypoint", "fork/exec /app/no.txt: permission denied"),
        ({"WorkingDirectory": "/none"}, "Runtime.InvalidWorkingDir", "chdir /none: no such file or directory"),
    ]:
        if told:
            client.update_function_configuration(FunctionName="it", ImageConfig=told)
        answer = client.invoke(FunctionName="it")
        got = json.loads(answer["Payload"].read())
        assert (answer["FunctionError"], got["errorType"]) == ("Unhandled", kind)
        assert got["errorMessage"].endswith("Error: " + words)
        assert eventually(lambda words=words: any(f"Launch error: {words}" in line for line in logged(account)))
    # Words of its own for the image's program.
    told = {"Command": ["other"], "WorkingDirectory": ""}
    client.update_function_configuration(FunctionName="it", ImageConfig=told)
    assert invoke(client, {})[0] == "Unhandled"
    client.update_function_configuration(FunctionName="it", ImageConfig={})
    assert invoke(client, {})[1]["words"] == ["/app/run.py", "shows"]


def test_it_runs_when_ecr_has_it_no_more(own_cloud, own_account, python):
    make(own_account, push(own_account, [python, app(SHOWS)], "v1", **CONFIG))
    own_account.client("ecr").delete_repository(repositoryName="team/app", force=True)
    own_cloud.kill()
    own_cloud.start()
    client = own_account.client("lambda")
    assert client.get_function(FunctionName="it")["Configuration"]["State"] == "Active"
    assert invoke(client, {})[1]["folder"] == "/app"


def test_a_kill_while_it_is_unpacked(own_cloud, own_account, python):
    uri = push(own_account, [python, app(SHOWS)], "v1", **CONFIG)
    own_account.client("lambda").create_function(
        FunctionName="it", PackageType="Image", Role=role(own_account), Code={"ImageUri": uri}, Timeout=30
    )
    own_cloud.kill()
    own_cloud.start()
    client = own_account.client("lambda")
    client.get_waiter("function_active_v2").wait(FunctionName="it", WaiterConfig={"Delay": 1})
    assert invoke(client, {})[1]["folder"] == "/app"
    left = [path.name for path in (Path(own_cloud.data) / "functions" / "images").iterdir()]
    assert left == [client.get_function(FunctionName="it")["Configuration"]["CodeSha256"]]


def test_pushed_as_docker_has_it(cloud, account, python, skopeo, tmp_path):  # noqa: F811
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(kind, content):
        (blobs / digest_of(content).removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": kind, "size": len(content), "digest": digest_of(content)}

    layers = [python, app(SHOWS)]
    configuration = {
        "os": "linux",
        "architecture": ARCHITECTURE,
        "config": CONFIG,
        "rootfs": {"type": "layers", "diff_ids": [digest_of(plain) for _, plain in layers]},
    }
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "config": blob(f"{kind}.config.v1+json", json.dumps(configuration).encode()),
        "layers": [blob(LAYER, packed) for packed, _ in layers],
    }
    index = {"schemaVersion": 2, "manifests": [blob(f"{kind}.manifest.v1+json", json.dumps(manifest).encode())]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="team/app")
    uri = f"localhost:{cloud.port}/team/app:v1"
    options = ["--format=v2s2", "--dest-tls-verify=false", f"--dest-creds={credentials(ecr)}"]
    skopeo("copy", *options, f"oci:{tmp_path}", f"docker://{uri}")
    shown = ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    assert "docker" in shown["imageManifestMediaType"]
    # By the name that it was pushed under.
    assert invoke(make(account, uri), {})[1]["folder"] == "/app"


def test_the_official_runtime_client(account, python):
    found = importlib.util.find_spec("awslambdaric")
    if not found:
        pytest.skip("awslambdaric is not installed")
    site = Path(found.origin).parent.parent
    files = {"var/task/app.py": "def handler(event, context):\n    return [event, context.function_name]\n"}
    names = ("awslambdaric", "simplejson", "snapshot_restore_py.py", "runtime_client.*")
    for top in (path for name in names for path in site.glob(name)):
        for path in [top, *top.rglob("*")]:
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"var/task/{path.relative_to(site)}"] = path
    for library in site.glob("runtime_client.*.so"):
        files |= {path.lstrip("/"): real for path, real in needed(str(library)).items()}
    config = {
        "Entrypoint": [f"/usr/bin/{PYTHON}", "-m", "awslambdaric"],
        "Cmd": ["app.handler"],
        "WorkingDir": "/var/task",
    }
    client = make(account, push(account, [python, layer(files)], "v1", **config))
    error, got, log = invoke(client, {"a": 1})
    assert (error, got) == (None, [{"a": 1}, "it"]), log


# As the start of AWS's own images for Node does, it hands the command to the client by the variable that it reads.
ENTRY = """#!/bin/sh
export _HANDLER="$1"
exec /usr/bin/node /var/task/node_modules/aws-lambda-ric/index.mjs
"""
# Its client, in its own words: events, the context, errors, and responses that are streamed.
NODE_APP = """
export const handler = async (event, context) => {
  if (event === "fail") throw new TypeError("told to");
  const left = context.getRemainingTimeInMillis();
  return { event, name: context.functionName, left, trace: process.env._X_AMZN_TRACE_ID ?? (await traced()) };
};
const traced = async () => {
  const { InvokeStore } = await import("@aws/lambda-invoke-store");
  return (await InvokeStore.getInstanceAsync()).getXRayTraceId();
};
export const streams = awslambda.streamifyResponse(async (event, response) => {
  response.setContentType("text/plain");
  for (const word of event) response.write(word);
  response.end();
});
"""


def test_the_official_runtime_client_of_node(account):
    modules = ROOT / "target" / "node-clients" / "aws-lambda-ric" / "node_modules"
    node = Path("/usr/bin/node")
    native = modules / "aws-lambda-ric" / "rapid-client.node"
    if not native.is_file() or not node.is_file() or not ARCHITECTURE:
        pytest.skip("aws-lambda-ric is not installed, or no /usr/bin/node")
    files = {"usr/bin/node": node.resolve(), "bin/sh": Path("/bin/sh").resolve()}
    for each in ("/usr/bin/node", "/bin/sh", str(native)):
        files |= {path.lstrip("/"): real for path, real in needed(each).items()}
    for name in ("aws-lambda-ric", "@aws/lambda-invoke-store"):
        for path in (modules / name).rglob("*"):
            if path.is_file():
                files[f"var/task/node_modules/{path.relative_to(modules)}"] = path
    files |= {"entry.sh": ENTRY, "var/task/app.mjs": NODE_APP}
    config = {"Entrypoint": ["/entry.sh"], "Cmd": ["app.handler"], "WorkingDir": "/var/task"}
    client = make(account, push(account, [layer(files)], "v1", **config), MemorySize=512)
    error, got, log = invoke(client, {"a": 1})
    assert error is None, log
    assert (got["event"], got["name"]) == ({"a": 1}, "it")
    assert 0 < got["left"] <= 30_000
    assert got["trace"].startswith("Root=1-")
    error, got, _ = invoke(client, "fail")
    assert (error, got["errorType"], got["errorMessage"]) == ("Unhandled", "TypeError", "told to")
    assert invoke(client, 7)[1]["event"] == 7, "it goes on"
    client.update_function_configuration(FunctionName="it", ImageConfig={"Command": ["app.streams"]})
    client.get_waiter("function_updated_v2").wait(FunctionName="it", WaiterConfig={"Delay": 1})
    answer = client.invoke_with_response_stream(FunctionName="it", Payload=json.dumps(["one ", "two"]))
    parts = [event["PayloadChunk"]["Payload"] for event in answer["EventStream"] if "PayloadChunk" in event]
    assert b"".join(parts) == b"one two"


def test_a_template_makes_one(account, python):
    uri = push(account, [python, app(SHOWS)], "v1", **CONFIG)
    properties = {
        "FunctionName": "it",
        "PackageType": "Image",
        "Role": role(account),
        "Code": {"ImageUri": uri},
        "ImageConfig": {"Command": ["shows"]},
        "Timeout": 30,
    }
    stacks = account.client("cloudformation")

    def body():
        return json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}})

    stacks.create_stack(StackName="image", TemplateBody=body())
    stacks.get_waiter("stack_create_complete").wait(StackName="image", WaiterConfig={"Delay": 1})
    client = account.client("lambda")
    assert invoke(client, {})[1]["folder"] == "/app"
    other = app("def handler(event):\n    return 'new'\n")
    properties["Code"]["ImageUri"] = push(account, [python, other], "v2", **CONFIG)
    del properties["ImageConfig"]
    properties["Timeout"] = 20
    stacks.update_stack(StackName="image", TemplateBody=body())
    stacks.get_waiter("stack_update_complete").wait(StackName="image", WaiterConfig={"Delay": 1})
    began = time.monotonic()
    assert invoke(client, {})[1] == "new"
    assert time.monotonic() - began < 20
    shown = client.get_function_configuration(FunctionName="it")
    assert (shown["Timeout"], "ImageConfigResponse" in shown) == (20, False)


def test_an_extension_of_an_image(account, python):
    """It begins beside the image's program, and is told why that has ended."""
    ends = "import os\ndef handler(event):\n    return event if event == 'a' else os._exit(3)\n"
    shell = {"bin/sh": Path("/bin/sh").resolve()} | {path.lstrip("/"): real for path, real in needed("/bin/sh").items()}
    extension = EXTENSION.replace("/usr/bin/env python3", f"/usr/bin/{PYTHON}")
    uri = push(account, [python, layer(shell), app(ends, {"opt/extensions/mine": extension})], "v1", **CONFIG)
    sqs, runs = account.client("sqs"), role(account)
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    may = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": may})
    account.client("iam").put_role_policy(RoleName="runs", PolicyName="tells", PolicyDocument=policy)
    client = make(account, uri, Role=runs, Environment={"Variables": {"QUEUE": url}})
    assert invoke(client, "a")[:2] == (None, "a")
    error, got, log = invoke(client, "b")
    assert (error, got["errorType"]) == ("Unhandled", "Runtime.ExitError"), log
    assert got["errorMessage"].endswith("exit status 3")
    told = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"))
    assert [json.loads(message["Body"])["why"] for message in told] == ["failure"]


def test_in_a_customers_network(own_account, python):
    account = own_account
    ec2 = account.client("ec2")
    subnet = network(ec2)[0]["private"]
    vpc = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="functions", Description="functions", VpcId=vpc)["GroupId"]
    runs = role(account)
    account.client("iam").attach_role_policy(RoleName="runs", PolicyArn=ACCESS)
    text = ASKS.replace("handler(event, context)", "handler(event)")
    uri = push(account, [python, app(text)], "v1", **CONFIG)
    client = make(account, uri, Role=runs, VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]})
    # It knows names there, and whom to trust.
    eventually(lambda: ":assumed-role/runs/it" in invoke(client, {})[1].get("heard", ""))
    mounts = invoke(client, {"file": "/proc/self/mountinfo"})[1]["heard"]
    assert ("/etc/resolv.conf" in mounts, str(account.cloud.data) in mounts) == (True, False), mounts
