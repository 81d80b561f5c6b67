"""The SAM CLI as it is builds, deploys, changes and deletes an application, with its own bucket or with another."""

import json
import os
import subprocess

import pytest
from cloudtest import REGION, ROOT, allow, refused
from test_cloudformation_custom import runtime

# Its own environment: it pins other versions of AWS's libraries than the tests have.
SAM = ROOT / ".venv-sam" / "bin" / "sam"

TEMPLATE = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: RUNTIME, Timeout: 20 } }
Parameters: { Greeting: { Type: String, Default: hello } }
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: layer/, CompatibleRuntimes: [RUNTIME], RetentionPolicy: Delete }
    Metadata: { BuildMethod: RUNTIME }
  Orders: { Type: AWS::Serverless::SimpleTable }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Layers: [!Ref Words]
      AutoPublishAlias: live
      Environment: { Variables: { GREETING: !Ref Greeting } }
      Policies:
        - DynamoDBCrudPolicy: { TableName: !Ref Orders }
      FunctionUrlConfig: { AuthType: AWS_IAM }
      EventInvokeConfig: { DestinationConfig: { OnSuccess: { Type: SQS } } }
      Events:
        Tick: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 hour), DeadLetterConfig: { Type: SQS } } }
        Own: { Type: EventBridgeRule, Properties: { Pattern: { source: [shop] }, DeadLetterConfig: { Type: SQS } } }
Outputs:
  Function: { Value: !Ref Hello }
  Outcomes: { Value: !Ref Hello.DestinationQueue }
  Version: { Value: !GetAtt Hello.Version.Version }
"""

CODE = """
import os, words

def handler(event, context):
    return {"said": os.environ["GREETING"] + words.MARK, "version": context.function_version, "code": CODE}
"""


@pytest.fixture
def sam(cloud, account, tmp_path):
    """The program in an application's folder, as an administrator."""
    if not SAM.exists():
        pytest.skip("the SAM CLI is not installed: scripts/deps.sh test installs it")
    # What it makes for its artifacts takes them by TLS only.
    secure = cloud.ask("env", "--tls")
    caller = account.user("dev", allow("*", "*"))
    folder = tmp_path / "application"
    for name in ("src", "layer"):
        (folder / name).mkdir(parents=True)
        (folder / name / "requirements.txt").touch()
    (folder / "template.yaml").write_text(TEMPLATE.replace("RUNTIME", runtime(cloud, "python")))
    (folder / "src" / "app.py").write_text(CODE.replace("CODE", "1"))
    (folder / "layer" / "words.py").write_text('MARK = "!"\n')

    def run(*arguments, check=True):
        done = subprocess.run(
            [str(SAM), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "SAM_CLI_TELEMETRY": "0",
                "SAM_CLI_POLL_DELAY": "0.2",
                "AWS_ENDPOINT_URL": secure["AWS_ENDPOINT_URL"],
                "AWS_CA_BUNDLE": secure["AWS_CA_BUNDLE"],
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": caller.key,
                "AWS_SECRET_ACCESS_KEY": caller.secret,
            },
        )
        if check:
            assert done.returncode == 0, f"sam {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    run.folder = folder
    return run


DEPLOY = ["deploy", "--stack-name", "shop", "--capabilities", "CAPABILITY_IAM", "--no-progressbar"]


def outputs(account):
    stack = account.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def said(account):
    answer = account.client("lambda").invoke(FunctionName=outputs(account)["Function"], Qualifier="live")
    return json.load(answer["Payload"])


def test_an_application_is_built_deployed_changed_and_deleted(account, sam):
    sam("build")
    sam(*DEPLOY, "--resolve-s3")
    assert said(account) == {"said": "hello!", "version": "1", "code": 1}
    told = json.loads(sam("list", "stack-outputs", "--stack-name", "shop", "--output", "json"))
    assert {output["OutputKey"] for output in told} == {"Function", "Outcomes", "Version"}
    first = account.client("lambda").list_layer_versions(LayerName="Words")["LayerVersions"]
    assert [layer["Version"] for layer in first] == [1]

    (sam.folder / "src" / "app.py").write_text(CODE.replace("CODE", "2"))
    (sam.folder / "layer" / "words.py").write_text('MARK = "?"\n')
    sam("build")
    sam(*DEPLOY, "--resolve-s3", "--parameter-overrides", "Greeting=bye")
    assert said(account) == {"said": "bye?", "version": "2", "code": 2}
    assert outputs(account)["Version"] == "2"
    # `RetentionPolicy: Delete`
    second = account.client("lambda").list_layer_versions(LayerName="Words")["LayerVersions"]
    assert [layer["Version"] for layer in second] == [2]
    again = ["--resolve-s3", "--parameter-overrides", "Greeting=bye", "--no-fail-on-empty-changeset"]
    assert "No changes to deploy" in sam(*DEPLOY, *again)
    assert '"code": 2' in sam("remote", "invoke", "Hello", "--stack-name", "shop", "--event", "{}")

    function = outputs(account)["Function"]
    sam("delete", "--stack-name", "shop", "--no-prompts", "--region", REGION)
    with refused("ValidationError", "Stack with id shop does not exist"):
        account.client("cloudformation").describe_stacks(StackName="shop")
    with refused("ResourceNotFoundException"):
        account.client("lambda").get_function(FunctionName=function)


def test_artifacts_go_to_a_bucket_that_is_named(account, sam):
    s3, bucket = account.client("s3"), f"artifacts-{account.account}"
    s3.create_bucket(Bucket=bucket)
    # As it is, without a build, which would put it where Python finds it.
    (sam.folder / "layer" / "python").mkdir()
    (sam.folder / "layer" / "words.py").rename(sam.folder / "layer" / "python" / "words.py")
    place = ["--s3-bucket", bucket, "--s3-prefix", "own"]
    sam(*DEPLOY, *place, "--template-file", "template.yaml")
    assert said(account)["code"] == 1
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert [key.split("/")[0] for key in keys] == ["own"] * 3
    sam("delete", "--stack-name", "shop", "--no-prompts", "--region", REGION, *place)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_what_cannot_be_is_said(account, sam):
    """A change set that fails shows why, and there is nothing left of it."""
    bucket = f"artifacts-{account.account}"
    account.client("s3").create_bucket(Bucket=bucket)
    template = sam.folder / "template.yaml"
    api = "  Door: { Type: AWS::Serverless::HttpApi }\nOutputs:"
    template.write_text(template.read_text().replace("Outputs:", api))
    told = sam(*DEPLOY, "--s3-bucket", bucket, check=False)
    assert "AWS::Serverless::HttpApi is not built in this version of Virga." in told
