"""AWS's own validator of notifications, which takes what the cloud signs and nothing else."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cloudtest import Account, Cloud
from hooks import Hooks

PACKAGE = Path(__file__).resolve().parent.parent / "target" / "node-clients" / "sns-validator"

# Reads notifications, one a line, and says of each what the validator thinks of it.
VALIDATES = """
const Validator = require("sns-validator");
const [pattern] = process.argv.slice(1);
const validator = pattern ? new Validator(new RegExp(pattern)) : new Validator();
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
const judge = (line) => new Promise((done) => validator.validate(line, (error) => done(error?.message ?? "good")));
(async () => {
  const said = [];
  for (const line of lines) said.push(await judge(line));
  console.log(JSON.stringify(said));
})();
"""


def judged(cloud, messages, pattern=None):
    """What the validator says of messages, where the cloud's authority is trusted."""
    variables = cloud.ask("env", "--tls")
    environment = {**os.environ, "NODE_PATH": str(PACKAGE / "node_modules")}
    environment["NODE_EXTRA_CA_CERTS"] = variables["AWS_CA_BUNDLE"]
    command = ["node", "-e", VALIDATES, *([pattern] if pattern else [])]
    lines = "\n".join(json.dumps(message) for message in messages)
    said = subprocess.run(command, input=lines, env=environment, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_is_signed_is_valid(tmp_path, version):
    if not shutil.which("node") or not PACKAGE.is_dir():
        pytest.skip("sns-validator is not installed")
    hooks = Hooks(tmp_path)
    cloud = Cloud(tmp_path, "--trust", str(hooks.authority)).start()
    try:
        sns = Account(cloud, "111111111111").client("sns")
        topic = sns.create_topic(Name="news", Attributes={"SignatureVersion": version})["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"{hooks.url}/hook")
        asked = json.loads(hooks.wait(1).body)
        sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])
        attributes = {"colour": {"DataType": "String", "StringValue": "red"}}
        sns.publish(TopicArn=topic, Message='héllo\n"wörld"', Subject="hi", MessageAttributes=attributes)
        full = json.loads(hooks.wait(2).body)
        sns.publish(TopicArn=topic, Message="plain")
        plain = json.loads(hooks.wait(3).body)
        assert {message["SignatureVersion"] for message in (asked, full, plain)} == {version}
        changed = [plain | {"Message": "other"}, asked | {"Token": "other"}, full | {"Subject": "other"}]
        own = f"^127\\.0\\.0\\.1:{cloud.port}$"
        invalid = "The message signature is invalid."
        assert judged(cloud, [asked, full, plain, *changed], own) == ["good"] * 3 + [invalid] * 3
        # By itself it trusts nothing but AWS's own names.
        assert judged(cloud, [plain]) == ["The certificate is located on an invalid domain."]
    finally:
        cloud.kill()
        hooks.close()
