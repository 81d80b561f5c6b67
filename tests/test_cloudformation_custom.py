"""Custom resources end to end: functions in real sandboxes answer CloudFormation, also across kill -9."""

import json
import time

import pytest
from test_cloudformation import settled, wait

TEMPLATE = """
Parameters:
  Word: { Type: String, Default: one }
  Runtime: { Type: String }
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: sts:AssumeRole, Principal: { Service: lambda.amazonaws.com } }
      ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]
  Provider:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: !Ref Runtime
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Timeout: 30
      Code:
        ZipFile: |
          CODE
  Own:
    Type: Custom::Own
    Properties: { ServiceToken: !GetAtt Provider.Arn, Word: !Ref Word, Number: 3 }
Outputs:
  Own: { Value: !Ref Own }
  Said: { Value: !GetAtt Own.Said }
"""

PYTHON = """
import time
import cfnresponse

def handler(event, context):
    given = event["ResourceProperties"]
    time.sleep(float(given.get("Sleep", 0)))
    if given["Word"] == "bad":
        return cfnresponse.send(event, context, cfnresponse.FAILED, {}, "own", reason="a bad word")
    said = f"{event['RequestType']} {given['Word']} {given['Number']!r}"
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Said": said}, "own")
"""

NODE = """
const response = require("cfn-response");
exports.handler = (event, context) => {
  const { Word, Number } = event.ResourceProperties;
  response.send(event, context, response.SUCCESS, { Said: `${event.RequestType} ${Word} ${Number}` }, "own");
};
"""

# As AWS's own module and the CDK's providers do: the host and the path of the address, by HTTPS at its usual port.
BY_HTTPS = """
const https = require("https");
exports.handler = async (event) => {
  const { RequestType, RequestId, StackId, LogicalResourceId, ResourceProperties, ResponseURL } = event;
  const Data = { Said: `${RequestType} ${ResourceProperties.Word} ${ResourceProperties.Number}` };
  const own = { StackId, RequestId, LogicalResourceId };
  const body = JSON.stringify({ Status: "SUCCESS", PhysicalResourceId: "own", Data, ...own });
  const { hostname, pathname, search } = new URL(ResponseURL);
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  await new Promise((resolve, reject) => {
    const put = https.request({ hostname, port: 443, path: pathname + search, method: "PUT", headers }, resolve);
    put.on("error", reject);
    put.end(body);
  });
};
"""


def doctor(cloud):
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    return {finding["what"]: finding for finding in findings}


def runtime(cloud, kind):
    found = doctor(cloud)
    if not found["networks"]["good"]:
        pytest.skip(f"no sandboxes here: {found['networks']['detail']}")
    detail = found["functions"]["detail"]
    names = detail.removeprefix("runtimes: ").split(";")[0].split(", ")
    fitting = [name for name in names if name.startswith(kind)]
    if not fitting:
        pytest.skip(f"this machine has no {kind}: {detail}")
    return fitting[0]


def template(code):
    return TEMPLATE.replace("CODE", code.strip().replace("\n", "\n          "))


def create(account, runtime, text):
    cfn = account.client("cloudformation")
    cfn.create_stack(
        StackName="own",
        TemplateBody=text,
        Parameters=[{"ParameterKey": "Runtime", "ParameterValue": runtime}],
        Capabilities=["CAPABILITY_IAM"],
    )
    return cfn


def outputs(cfn):
    stack = cfn.describe_stacks(StackName="own")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def update(cfn, word):
    cfn.update_stack(
        StackName="own",
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": "Runtime", "UsePreviousValue": True},
            {"ParameterKey": "Word", "ParameterValue": word},
        ],
    )
    return settled(cfn, "own")


def test_a_python_function_answers_by_the_module_that_it_finds(cloud, account):
    cfn = create(account, runtime(cloud, "python"), template(PYTHON))
    wait(cfn, "stack_create_complete", "own")
    assert outputs(cfn) == {"Own": "own", "Said": "Create one '3'"}
    assert update(cfn, "two") == "UPDATE_COMPLETE"
    assert outputs(cfn)["Said"] == "Update two '3'"
    assert update(cfn, "bad") == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName="own")["StackEvents"]]
    assert any("Message returned: a bad word (RequestId: " in reason for reason in reasons)
    cfn.delete_stack(StackName="own")
    wait(cfn, "stack_delete_complete", "own")


def test_a_node_function_answers_by_the_module_that_it_finds(cloud, account):
    cfn = create(account, runtime(cloud, "nodejs"), template(NODE))
    wait(cfn, "stack_create_complete", "own")
    assert outputs(cfn)["Said"] == "Create one 3"
    cfn.delete_stack(StackName="own")
    wait(cfn, "stack_delete_complete", "own")


def test_a_provider_answers_by_https_as_aws_has_it(cloud, account):
    cfn = create(account, runtime(cloud, "nodejs"), template(BY_HTTPS))
    wait(cfn, "stack_create_complete", "own")
    assert outputs(cfn) == {"Own": "own", "Said": "Create one 3"}
    assert update(cfn, "two") == "UPDATE_COMPLETE"
    assert outputs(cfn) == {"Own": "own", "Said": "Update two 3"}
    cfn.delete_stack(StackName="own")
    wait(cfn, "stack_delete_complete", "own")


def test_kill_while_a_provider_is_at_work(own_cloud, own_account):
    slow = template(PYTHON).replace("Number: 3", "Number: 3, Sleep: 2")
    cfn = create(own_account, runtime(own_cloud, "python"), slow)
    pages = cfn.get_paginator("describe_stack_events")

    def asked():
        events = pages.paginate(StackName="own").build_full_result()["StackEvents"]
        return any(event["LogicalResourceId"] == "Own" for event in events)

    deadline = time.monotonic() + 60
    while not asked():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    own_cloud.restart()
    cfn = own_account.client("cloudformation")
    wait(cfn, "stack_create_complete", "own")
    assert outputs(cfn)["Said"] == "Create one '3'"
