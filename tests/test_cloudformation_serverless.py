"""Serverless templates end to end: deployed by the AWS CLI, their functions run by what leads to them."""

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError
from cloudtest import eventually
from test_cloudformation import wait
from test_cloudformation_custom import runtime

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Runtime: RUNTIME, Timeout: 20 }
Resources:
  Jobs: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 60 } }
  Done: { Type: AWS::Serverless::SimpleTable }
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://CODE/worker.zip
      Handler: app.handler
      AutoPublishAlias: live
      Environment: { Variables: { TABLE: !Ref Done } }
      Policies:
        - DynamoDBCrudPolicy: { TableName: !Ref Done }
      Events:
        Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn, BatchSize: 1 } }
Outputs:
  Jobs: { Value: !Ref Jobs }
  Worker: { Value: !Ref Worker }
  Role: { Value: !GetAtt WorkerRole.Arn }
  Live: { Value: !Ref WorkerAliaslive }
"""

CODE = """
def handler(event, context):
    for record in event.get("Records", []):
        print("a job:", record["body"])
    return {"version": context.function_version}
"""


def zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", text)
    return out.getvalue()


def test_the_cli_deploys_a_serverless_template(cloud, account, tmp_path):
    s3, cfn = account.client("s3"), account.client("cloudformation")
    bucket = f"code-{account.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="worker.zip", Body=zipped(CODE))
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE.replace("RUNTIME", runtime(cloud, "python")).replace("CODE", bucket))
    deploy = ["cloudformation", "deploy", "--stack-name", "shop", "--template-file", str(file)]
    done = account.aws(*deploy, "--capabilities", "CAPABILITY_IAM", check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    stack = cfn.describe_stacks(StackName="shop")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["Live"].endswith(":live")
    assert ":role/shop-WorkerRole-" in outputs["Role"]
    original = cfn.get_template(StackName="shop", TemplateStage="Original")["TemplateBody"]
    processed = cfn.get_template(StackName="shop")["TemplateBody"]
    assert "AWS::Serverless::Function" in original
    assert "AWS::Serverless" not in json.dumps(processed)
    answer = account.client("lambda").invoke(FunctionName=outputs["Worker"], Qualifier="live")
    assert json.load(answer["Payload"]) == {"version": "1"}
    account.client("sqs").send_message(QueueUrl=outputs["Jobs"], MessageBody="sweep")
    logs = account.client("logs")
    group = f"/aws/lambda/{outputs['Worker']}"

    def heard():
        events = logs.filter_log_events(logGroupName=group)["events"]
        return any("a job: sweep" in event["message"] for event in events)

    eventually(heard)
    cfn.delete_stack(StackName="shop")
    wait(cfn, "stack_delete_complete", "shop")


def test_snippets_are_included(account):
    s3, cfn = account.client("s3"), account.client("cloudformation")
    bucket = f"snippets-{account.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="delays.yaml", Body=b"DelaySeconds: 7\nVisibilityTimeout: 45\n")
    s3.put_object(Bucket=bucket, Key="more.json", Body=b'{"Resources": {"News": {"Type": "AWS::SNS::Topic"}}}')
    include = {"Name": "AWS::Include", "Parameters": {"Location": f"s3://{bucket}/delays.yaml"}}
    whole = {"Name": "AWS::Include", "Parameters": {"Location": {"Ref": "More"}}}
    template = {
        "Transform": [whole],
        "Parameters": {"More": {"Type": "String", "Default": f"s3://{bucket}/more.json"}},
        "Resources": {"Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"Fn::Transform": include}}},
    }
    make = {"StackName": "own", "TemplateBody": json.dumps(template)}
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
        cfn.create_stack(**make)
    cfn.create_stack(**make, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    wait(cfn, "stack_create_complete", "own")
    resources = cfn.describe_stack_resources(StackName="own")["StackResources"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    assert sorted(ids) == ["Jobs", "News"]
    names = ["DelaySeconds", "VisibilityTimeout"]
    shown = account.client("sqs").get_queue_attributes(QueueUrl=ids["Jobs"], AttributeNames=names)["Attributes"]
    assert shown == {"DelaySeconds": "7", "VisibilityTimeout": "45"}
    assert "Fn::Transform" in json.dumps(cfn.get_template(StackName="own", TemplateStage="Original")["TemplateBody"])
    assert "Fn::Transform" not in json.dumps(cfn.get_template(StackName="own")["TemplateBody"])
    s3.delete_object(Bucket=bucket, Key="delays.yaml")
    with pytest.raises(ClientError, match=r"Transform AWS::Include failed with: The specified key does not exist\."):
        cfn.create_stack(StackName="none", TemplateBody=make["TemplateBody"], Capabilities=["CAPABILITY_AUTO_EXPAND"])
