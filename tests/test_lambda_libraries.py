"""AWS's own libraries inside functions, given to this machine: they reach this cloud, as the function's role."""

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import boto3
import pytest
from cloudtest import Account, Cloud
from test_lambda import doctor, eventually, invoke, logged, make, role, runs_here, runtime  # noqa: F401

FETCH_SECONDS_MAX = 500

USES = """
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket=event["bucket"], Key="from", Body=b"inside")
    return [boto3.client("sts").get_caller_identity()["Arn"], boto3.__file__]
"""

NODE = """
import {{ S3Client, PutObjectCommand }} from "@aws-sdk/client-s3";
import {{ STSClient, GetCallerIdentityCommand }} from "@aws-sdk/client-sts";
{more}
export const handler = async (event) => {{
  await new S3Client().send(new PutObjectCommand({{ Bucket: event.bucket, Key: "from", Body: "inside" }}));
  return [(await new STSClient().send(new GetCallerIdentityCommand())).Arn];
}};
"""


@pytest.fixture
def given(tmp_path_factory, monkeypatch):
    """A cloud whose machine has boto3 where the libraries are."""
    folder = tmp_path_factory.mktemp("libraries")
    (folder / "python").symlink_to(Path(boto3.__file__).parent.parent)
    (folder / "node_modules").symlink_to(modules()) if modules() else None
    monkeypatch.setenv("VIRGA_LIBRARIES", str(folder))
    cloud = Cloud(tmp_path_factory.mktemp("cloud")).start()
    yield Account(cloud, "123456789012")
    cloud.kill()


def modules():
    """The SDK's clients, got once; nothing where they cannot be."""
    folder = Path(__file__).parent.parent / "target" / "node-libraries"
    if shutil.which("npm") and not (folder / "node_modules" / "@aws-sdk" / "client-sqs").is_dir():
        command = ["npm", "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund"]
        command += [f"@aws-sdk/client-{service}" for service in ("s3", "sqs", "sts")]
        subprocess.run(command, capture_output=True, timeout=FETCH_SECONDS_MAX)
    found = folder / "node_modules"
    return found if (found / "@aws-sdk" / "client-sqs").is_dir() else None


# They send what they were sent; of the chain that it belongs to the libraries tell by themselves.
LOOPS = {
    "python": """
import boto3, os
def handler(event, context):
    print("ran", os.environ["_X_AMZN_TRACE_ID"])
    boto3.client("sqs").send_message(QueueUrl=os.environ["TO"], MessageBody="again")
""",
    "nodejs": """
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
const client = new SQSClient();
export const handler = async () => {
  process.stdout.write(`ran ${process.env._X_AMZN_TRACE_ID}\\n`);
  await client.send(new SendMessageCommand({ QueueUrl: process.env.TO, MessageBody: "again" }));
};
""",
}
RUNS = 16


def used(account, source, **more):
    account.client("s3").create_bucket(Bucket="libraries")
    own = role(account)
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}
    account.client("iam").put_role_policy(RoleName="runs", PolicyName="puts", PolicyDocument=json.dumps(policy))
    client = make(account, source, Role=own, **more)
    error, told, _ = invoke(client, {"bucket": "libraries"})
    assert error is None, told
    assert told[0] == "arn:aws:sts::123456789012:assumed-role/runs/it"
    assert account.client("s3").get_object(Bucket="libraries", Key="from")["Body"].read() == b"inside"
    return told


def test_boto3_is_there_for_python(given):
    assert used(given, USES)[1].startswith("/var/runtime/python/boto3/")
    assert "boto3" not in doctor(given.cloud)["functions"]["detail"]


def test_a_function_may_bring_another(given):
    own = {"app.py": "import boto3\nhandler = lambda *_: boto3.OWN", "boto3.py": "OWN = 'mine'"}
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, text in own.items():
                archive.writestr(name, text)
        client = given.client("lambda")
        client.create_function(
            FunctionName="it",
            Runtime=runtime(given.cloud, "python"),
            Role=role(given),
            Handler="app.handler",
            Code={"ZipFile": file.getvalue()},
            Timeout=30,
        )
    assert invoke(client)[1] == "mine"


@pytest.mark.parametrize("more", ["", "export const kind = 'module';"])
def test_the_sdk_is_there_for_node(given, more):
    if not modules():
        pytest.skip("npm has not got the SDK's clients")
    used(given, NODE.format(more=more), kind="nodejs")


@pytest.mark.parametrize("kind", LOOPS)
def test_loops_end_by_what_the_libraries_tell(given, kind):
    if kind == "nodejs" and not modules():
        pytest.skip("npm has not got the SDK's clients")
    sqs, own = given.client("sqs"), role(given)
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}
    given.client("iam").put_role_policy(RoleName="runs", PolicyName="sends", PolicyDocument=json.dumps(policy))
    lost = sqs.create_queue(QueueName="lost")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{given.account}:lost", "maxReceiveCount": 1}
    attributes = {"VisibilityTimeout": "30", "RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName="q", Attributes=attributes)["QueueUrl"]
    client = make(given, LOOPS[kind], kind=kind, Role=own, Environment={"Variables": {"TO": url}})
    client.create_event_source_mapping(EventSourceArn=f"arn:aws:sqs:us-east-1:{given.account}:q", FunctionName="it")
    sqs.send_message(QueueUrl=url, MessageBody="first")

    def received():
        return sqs.receive_message(QueueUrl=lost, WaitTimeSeconds=1).get("Messages")

    assert eventually(received, 120)[0]["Body"] == "again", logged(given)
    ran = [line for line in logged(given) if line.startswith("ran ")]
    assert len(ran) == RUNS
    assert len({line.split("Root=")[1].split(";")[0] for line in ran}) == 1, "all of it is one chain"
