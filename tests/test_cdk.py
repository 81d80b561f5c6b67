"""The CDK as it is: bootstrap, deploy of an application with an asset, diff, an update, destroy.

The update is by `cdklocal`, which people made for LocalStack.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cloudtest import REGION, allow

HERE = Path(__file__).parent / "cdk"
CLI = HERE / "node_modules" / "aws-cdk" / "bin" / "cdk"
LOCAL = HERE / "node_modules" / "aws-cdk-local" / "bin" / "cdklocal"


def run_node(program, arguments, folder, environment):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    if not program.exists():
        pytest.skip("the CDK is not installed: scripts/deps.sh test installs it")
    done = subprocess.run(
        ["node", str(program), *arguments, "--output", str(folder / "out")],
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CI": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            **environment,
        },
    )
    assert done.returncode == 0, f"{program.name} {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def tools(account, tmp_path):
    """The CDK's command line as an administrator, with nothing set but what AWS's tools read, and `cdklocal`.

    The latter has to be told that it may read that.
    """
    caller = account.user("dev", allow("*", "*"))
    # What bootstrapping makes takes assets by TLS only.
    secure = account.cloud.ask("env", "--tls")

    def cdk(*arguments, **environment):
        caller_is = {
            "AWS_ENDPOINT_URL": secure["AWS_ENDPOINT_URL"],
            "NODE_EXTRA_CA_CERTS": secure["NODE_EXTRA_CA_CERTS"],
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": caller.key,
            "AWS_SECRET_ACCESS_KEY": caller.secret,
        }
        return run_node(CLI, arguments, tmp_path, {**caller_is, **environment})

    def cdklocal(*arguments, **environment):
        reads = {
            "AWS_ENDPOINT_URL": secure["AWS_ENDPOINT_URL"],
            "AWS_ENDPOINT_URL_S3": secure["AWS_ENDPOINT_URL"],
            "NODE_EXTRA_CA_CERTS": secure["NODE_EXTRA_CA_CERTS"],
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": caller.key,
            "AWS_SECRET_ACCESS_KEY": caller.secret,
            "AWS_ENVAR_ALLOWLIST": "AWS_REGION,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY",
        }
        return run_node(LOCAL, arguments, tmp_path, {**reads, **environment})

    return cdk, cdklocal


def test_an_application_is_deployed_compared_changed_and_destroyed(account, tools):
    cdk, cdklocal = tools
    place = f"aws://{account.account}/{REGION}"
    cdk("bootstrap", place)
    cdk("deploy", "--require-approval", "never")
    cloudformation = account.client("cloudformation")
    outputs = cloudformation.describe_stacks(StackName="Shop")["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    # The function came from a folder by way of the bucket of assets.
    answer = account.client("lambda").invoke(FunctionName=outputs["Function"], Payload=json.dumps({"say": "hi"}))
    told = json.load(answer["Payload"])
    assert told["said"] == "hi"
    assert told["table"].startswith("Shop-Goods")
    assert "There were no differences" in cdk("diff")
    cdklocal("deploy", "--require-approval", "never", SECONDS="45")
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "45"
    cdk("destroy", "--force")
    assert [q for q in account.client("sqs").list_queues().get("QueueUrls", []) if "Shop-" in q] == []
