"""CloudFormation through boto3 and the AWS CLI: stacks with waiters, `deploy`, refusals, across kill -9."""

import json
import time

import pytest
from botocore.exceptions import WaiterError
from cloudtest import allow, refused

NETWORK = """
AWSTemplateFormatVersion: 2010-09-09
Description: Two tiers
Parameters:
  Cidr: { Type: String, Default: 10.20.0.0/16 }
Mappings:
  Ports: { web: { port: 80 }, db: { port: 5432 } }
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !Ref Cidr, EnableDnsHostnames: true } }
  Front:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !Select [0, !Cidr [!Ref Cidr, 2, 8]]
      AvailabilityZone: !Select [0, !GetAZs '']
      MapPublicIpOnLaunch: true
      Tags: [{ Key: Name, Value: !Sub '${AWS::StackName}-front' }]
  Back:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !Select [1, !Cidr [!Ref Cidr, 2, 8]]
      AvailabilityZone: !Select [1, !GetAZs '']
  Igw: { Type: AWS::EC2::InternetGateway }
  Attached: { Type: AWS::EC2::VPCGatewayAttachment, Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw } }
  Out: { Type: AWS::EC2::RouteTable, Properties: { VpcId: !Ref Vpc } }
  OutRoute:
    Type: AWS::EC2::Route
    DependsOn: Attached
    Properties: { RouteTableId: !Ref Out, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw }
  FrontOut:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: { SubnetId: !Ref Front, RouteTableId: !Ref Out }
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: !FindInMap [Ports, web, port], ToPort: 80, CidrIp: 0.0.0.0/0 }
  Db:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: db
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !GetAtt Web.GroupId }
Outputs:
  Vpc: { Value: !Ref Vpc, Export: { Name: !Sub '${AWS::StackName}-vpc' } }
  Web: { Value: !GetAtt Web.GroupId }
"""

SERVICES = """
Parameters:
  Stage: { Type: String, AllowedValues: [dev, prod], Default: dev }
Conditions:
  Prod: !Equals [!Ref Stage, prod]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          Effect: Allow
          Action: sts:AssumeRole
          Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }
      Policies:
        - PolicyName: work
          PolicyDocument:
            Version: 2012-10-17
            Statement: { Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn }
  Key: { Type: AWS::KMS::Key, Properties: { Description: !Sub 'for ${AWS::StackName}' } }
  Queue: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: !If [Prod, 60, 30] } }
  Topic: { Type: AWS::SNS::Topic }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: k, AttributeType: S }]
      KeySchema: [{ AttributeName: k, KeyType: HASH }]
  Bucket: { Type: AWS::S3::Bucket, Condition: Prod }
Outputs:
  Queue: { Value: !Ref Queue }
  Table: { Value: !Ref Table }
  Role: { Value: !GetAtt Role.Arn }
"""


def outputs(stack):
    return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}


def stack_of(cfn, name):
    return cfn.describe_stacks(StackName=name)["Stacks"][0]


def wait(cfn, waiter, name):
    cfn.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})


def settled(cfn, name):
    """The status in which the stack comes to rest."""
    deadline = time.monotonic() + 60
    while (status := stack_of(cfn, name)["StackStatus"]).endswith("_IN_PROGRESS"):
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    return status


def failures(cfn, name):
    events = cfn.get_paginator("describe_stack_events").paginate(StackName=name).build_full_result()["StackEvents"]
    return {
        e["LogicalResourceId"]: e["ResourceStatusReason"] for e in events if e["ResourceStatus"].endswith("_FAILED")
    }


def test_a_network_of_two_tiers(account):
    cfn, ec2 = account.client("cloudformation"), account.client("ec2")
    cfn.create_stack(StackName="net", TemplateBody=NETWORK, Tags=[{"Key": "team", "Value": "blue"}])
    wait(cfn, "stack_create_complete", "net")
    stack = stack_of(cfn, "net")
    vpc = outputs(stack)["Vpc"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    assert sorted(s["CidrBlock"] for s in subnets) == ["10.20.0.0/24", "10.20.1.0/24"]
    front = next(s for s in subnets if s["MapPublicIpOnLaunch"])
    assert {t["Key"]: t["Value"] for t in front["Tags"]} == {
        "Name": "net-front",
        "team": "blue",
        "aws:cloudformation:logical-id": "Front",
        "aws:cloudformation:stack-id": stack["StackId"],
        "aws:cloudformation:stack-name": "net",
    }
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [outputs(stack)["Web"]]}])
    assert groups["SecurityGroups"][0]["IpPermissions"][0]["FromPort"] == 80
    assert cfn.list_exports()["Exports"][0] == {"ExportingStackId": stack["StackId"], "Name": "net-vpc", "Value": vpc}
    cfn.delete_stack(StackName="net")
    wait(cfn, "stack_delete_complete", stack["StackId"])
    assert vpc not in [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]]


def test_services_that_work_together(account):
    cfn = account.client("cloudformation")
    cfn.create_stack(StackName="app", TemplateBody=SERVICES, Capabilities=["CAPABILITY_IAM"])
    wait(cfn, "stack_create_complete", "app")
    made = outputs(stack_of(cfn, "app"))
    # The queue's URL leads to this cloud, and the role may do what it was given.
    worker = account.user("eva", allow("sts:AssumeRole")).assume(made["Role"])
    worker.client("sqs").send_message(QueueUrl=made["Queue"], MessageBody="hello")
    account.client("dynamodb").put_item(TableName=made["Table"], Item={"k": {"S": "1"}})
    parameters = [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
    options = {"UsePreviousTemplate": True, "Capabilities": ["CAPABILITY_IAM"]}
    cfn.update_stack(StackName="app", Parameters=parameters, **options)
    wait(cfn, "stack_update_complete", "app")
    shown = account.client("sqs").get_queue_attributes(QueueUrl=made["Queue"], AttributeNames=["VisibilityTimeout"])
    assert shown["Attributes"]["VisibilityTimeout"] == "60"
    assert [b["Name"] for b in account.client("s3").list_buckets()["Buckets"]][0].startswith("app-bucket-")
    with refused("ValidationError", "No updates are to be performed."):
        cfn.update_stack(StackName="app", Parameters=parameters, **options)
    cfn.delete_stack(StackName="app")
    wait(cfn, "stack_delete_complete", "app")
    assert account.client("s3").list_buckets()["Buckets"] == []


def detected(cfn, stack, begun=None):
    """What a look for drift finds."""
    begun = begun or cfn.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    for _ in range(100):
        told = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
        if told["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_a_failure_leaves_nothing(account):
    cfn = account.client("cloudformation")
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
    template["Resources"]["Bad"] = {"Type": "AWS::SNS::Topic", "DependsOn": "Q", "Properties": {"TopicName": "no good"}}
    cfn.create_stack(StackName="bad", TemplateBody=json.dumps(template))
    with pytest.raises(WaiterError):
        wait(cfn, "stack_create_complete", "bad")
    assert settled(cfn, "bad") == "ROLLBACK_COMPLETE"
    assert "Invalid parameter: Topic Name" in failures(cfn, "bad")["Bad"]
    assert "QueueUrls" not in account.client("sqs").list_queues()


def test_an_operation_tells_how_it_went_and_an_alarm_turns_it_back(account):
    cfn, watch = account.client("cloudformation"), account.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="errors",
        Namespace="N",
        MetricName="M",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    arn = watch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["AlarmArn"]
    triggers = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}]

    def template(delay):
        return f"Resources: {{ Q: {{ Type: AWS::SQS::Queue, Properties: {{ DelaySeconds: {delay} }} }} }}"

    made = cfn.create_stack(
        StackName="s",
        TemplateBody=template(1),
        RollbackConfiguration={"RollbackTriggers": triggers, "MonitoringTimeInMinutes": 0},
    )
    wait(cfn, "stack_create_complete", "s")
    assert stack_of(cfn, "s")["RollbackConfiguration"]["RollbackTriggers"] == triggers
    pages = cfn.get_paginator("describe_events").paginate(OperationId=made["OperationId"])
    events = [event for page in pages for event in page["OperationEvents"]]
    assert {event["OperationStatus"] for event in events} == {"SUCCEEDED"}
    assert [event["ResourceStatus"] for event in events if event["EventType"] == "STACK_EVENT"] == [
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    ]
    cfn.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=template(2))
    cfn.get_waiter("change_set_create_complete").wait(StackName="s", ChangeSetName="c")
    shown = cfn.describe_change_set(StackName="s", ChangeSetName="c", IncludePropertyValues=True)
    target = shown["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
    assert (target["Path"], target["BeforeValue"], target["AfterValue"]) == ("/Properties/DelaySeconds", "1", "2")
    watch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="said so")
    changed = cfn.update_stack(StackName="s", TemplateBody=template(2))
    assert settled(cfn, "s") == "UPDATE_ROLLBACK_COMPLETE"
    events = cfn.describe_events(OperationId=changed["OperationId"])["OperationEvents"]
    assert events[-1]["OperationStatus"] == "FAILED"
    assert [one["OperationType"] for one in stack_of(cfn, "s")["LastOperations"]] == ["ROLLBACK", "UPDATE_STACK"]


def test_who_may_not_is_denied_at_the_resource(account):
    eva = account.user("eva", allow("cloudformation:*"), allow("sqs:*"))
    cfn = eva.client("cloudformation")
    template = "Resources: { Q: { Type: AWS::SQS::Queue }, T: { Type: AWS::SNS::Topic, DependsOn: Q } }"
    cfn.create_stack(StackName="s", TemplateBody=template)
    assert settled(cfn, "s") == "ROLLBACK_COMPLETE"
    assert f"User: {eva.arn} is not authorized to perform: sns:CreateTopic" in failures(cfn, "s")["T"]
    assert "QueueUrls" not in account.client("sqs").list_queues()


def test_the_cli_deploys(account, tmp_path):
    template = tmp_path / "app.yaml"
    template.write_text(SERVICES)
    deploy = ["cloudformation", "deploy", "--template-file", str(template), "--stack-name", "cli"]
    deploy += ["--capabilities", "CAPABILITY_IAM", "--tags", "team=red"]
    done = account.aws(*deploy, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    cfn = account.client("cloudformation")
    assert stack_of(cfn, "cli")["StackStatus"] == "CREATE_COMPLETE"
    time.sleep(1.1)
    again = account.aws(*deploy, "--no-fail-on-empty-changeset", check=False)
    assert again.returncode == 0, again.stderr
    assert "No changes to deploy" in again.stdout + again.stderr
    # The CLI names its change sets by the second.
    time.sleep(1.1)
    # The CLI looks again only after half a minute, so its change set is carried out here.
    done = account.aws(*deploy, "--parameter-overrides", "Stage=prod", "--no-execute-changeset", check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    waiting = [s for s in cfn.list_change_sets(StackName="cli")["Summaries"] if s["ExecutionStatus"] == "AVAILABLE"]
    changes = cfn.describe_change_set(ChangeSetName=waiting[0]["ChangeSetId"])["Changes"]
    told = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]["Action"] for c in changes}
    assert told == {"Queue": "Modify", "Bucket": "Add"}
    cfn.execute_change_set(ChangeSetName=waiting[0]["ChangeSetId"])
    assert settled(cfn, "cli") == "UPDATE_COMPLETE"
    summary = account.aws("cloudformation", "validate-template", "--template-body", f"file://{template}")
    assert summary["Capabilities"] == ["CAPABILITY_IAM"]


def test_a_template_by_its_url(account, tmp_path):
    """`deploy` with a bucket puts the template there, and CloudFormation reads it with the caller's rights."""
    account.client("s3").create_bucket(Bucket=f"templates-{account.account}")
    template = tmp_path / "app.yaml"
    template.write_text("Resources: { Q: { Type: AWS::SQS::Queue } }")
    deploy = ["cloudformation", "deploy", "--template-file", str(template), "--stack-name", "url"]
    deploy += ["--s3-bucket", f"templates-{account.account}", "--no-execute-changeset"]
    done = account.aws(*deploy, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    cfn = account.client("cloudformation")
    cfn.execute_change_set(ChangeSetName=cfn.list_change_sets(StackName="url")["Summaries"][0]["ChangeSetId"])
    assert settled(cfn, "url") == "CREATE_COMPLETE"


def queues(count):
    """Queues that wait for each other in five chains."""
    resources = {}
    for i in range(count):
        resources[f"Q{i}"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"q{i}"}}
        if i >= 5:
            resources[f"Q{i}"]["DependsOn"] = f"Q{i - 5}"
    return json.dumps({"Resources": resources})


def test_kill_in_the_middle_doubles_nothing(own_cloud, own_account):
    cfn = own_account.client("cloudformation")
    stack = cfn.create_stack(StackName="many", TemplateBody=queues(50))["StackId"]
    for _ in range(4):
        time.sleep(0.03)
        own_cloud.restart()
        cfn = own_account.client("cloudformation")
    # What was acknowledged is on record.
    asked = [{"AttributeKey": "EventName", "AttributeValue": "CreateStack"}]
    assert len(own_account.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]) == 1
    wait(cfn, "stack_create_complete", "many")
    urls = own_account.client("sqs").list_queues()["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[1] for url in urls) == sorted(f"q{i}" for i in range(50))
    events = cfn.get_paginator("describe_stack_events").paginate(StackName="many").build_full_result()["StackEvents"]
    done = [e["LogicalResourceId"] for e in events if e["ResourceStatus"] == "CREATE_COMPLETE"]
    assert len(done) == len(set(done)) == 51
    cfn.delete_stack(StackName="many")
    time.sleep(0.05)
    own_cloud.restart()
    cfn = own_account.client("cloudformation")
    wait(cfn, "stack_delete_complete", stack)
    assert "QueueUrls" not in own_account.client("sqs").list_queues()


def test_kill_in_the_middle_of_an_update(own_cloud, own_account):
    """An update that fails at its end is killed again and again, and is still taken back to the last property."""
    cfn = own_account.client("cloudformation")
    cfn.create_stack(StackName="many", TemplateBody=queues(20))
    assert settled(cfn, "many") == "CREATE_COMPLETE"
    changed = json.loads(queues(25))
    for resource in changed["Resources"].values():
        resource["Properties"]["VisibilityTimeout"] = 77
    changed["Resources"]["Bad"] = {
        "Type": "AWS::SNS::Topic",
        "DependsOn": "Q24",
        "Properties": {"TopicName": "no good"},
    }
    cfn.update_stack(StackName="many", TemplateBody=json.dumps(changed))
    for _ in range(4):
        time.sleep(0.03)
        own_cloud.restart()
    cfn, sqs = own_account.client("cloudformation"), own_account.client("sqs")
    assert settled(cfn, "many") == "UPDATE_ROLLBACK_COMPLETE"
    urls = sqs.list_queues()["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[1] for url in urls) == sorted(f"q{i}" for i in range(20))
    for url in urls:
        shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        assert shown["Attributes"]["VisibilityTimeout"] == "30"


def test_drift_is_found(account):
    cfn, sqs = account.client("cloudformation"), account.client("sqs")
    cfn.create_stack(StackName="app", TemplateBody=SERVICES, Capabilities=["CAPABILITY_IAM"])
    wait(cfn, "stack_create_complete", "app")
    assert detected(cfn, "app")["StackDriftStatus"] == "IN_SYNC"
    url = {o["OutputKey"]: o["OutputValue"] for o in stack_of(cfn, "app")["Outputs"]}["Queue"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
    found = detected(cfn, "app")
    assert (found["DetectionStatus"], found["StackDriftStatus"]) == ("DETECTION_COMPLETE", "DRIFTED")
    assert found["DriftedStackResourceCount"] == 1
    asked = ["describe-stack-resource-drifts", "--stack-name", "app", "--stack-resource-drift-status-filters"]
    told = account.aws("cloudformation", *asked, "MODIFIED")["StackResourceDrifts"]
    assert [(d["LogicalResourceId"], d["PropertyDifferences"]) for d in told] == [
        (
            "Queue",
            [
                {
                    "PropertyPath": "/VisibilityTimeout",
                    "ExpectedValue": "30",
                    "ActualValue": "77",
                    "DifferenceType": "NOT_EQUAL",
                }
            ],
        )
    ]
    assert stack_of(cfn, "app")["DriftInformation"]["StackDriftStatus"] == "DRIFTED"
    sqs.delete_queue(QueueUrl=url)
    drift = cfn.detect_stack_resource_drift(StackName="app", LogicalResourceId="Queue")["StackResourceDrift"]
    assert drift["StackResourceDriftStatus"] == "DELETED"


def test_a_look_for_drift_survives_a_kill(own_cloud, own_account):
    cfn = own_account.client("cloudformation")
    cfn.create_stack(StackName="many", TemplateBody=queues(30))
    assert settled(cfn, "many") == "CREATE_COMPLETE"
    sqs = own_account.client("sqs")
    url = sqs.get_queue_url(QueueName="q29")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    begun = cfn.detect_stack_drift(StackName="many")["StackDriftDetectionId"]
    own_cloud.restart()
    found = detected(own_account.client("cloudformation"), "many", begun)
    assert (found["StackDriftStatus"], found["DriftedStackResourceCount"]) == ("DRIFTED", 1)


def test_a_table_is_imported(account, tmp_path):
    """What a stack has kept becomes part of another, by the CLI's words and boto3's waiter."""
    cfn = account.client("cloudformation")
    table = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {
            "TableName": "Games",
            "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 1},
        },
    }
    template = json.dumps({"Resources": {"GamesTable": table}})
    cfn.create_stack(StackName="first", TemplateBody=template)
    wait(cfn, "stack_create_complete", "first")
    first = stack_of(cfn, "first")["StackId"]
    cfn.delete_stack(StackName="first")
    wait(cfn, "stack_delete_complete", first)
    summary = cfn.get_template_summary(TemplateBody=template)["ResourceIdentifierSummaries"]
    assert summary == [
        {
            "ResourceType": "AWS::DynamoDB::Table",
            "LogicalResourceIds": ["GamesTable"],
            "ResourceIdentifiers": ["TableName"],
        }
    ]
    body, asked = tmp_path / "t.json", tmp_path / "r.json"
    body.write_text(template)
    one = {"ResourceType": "AWS::DynamoDB::Table", "LogicalResourceId": "GamesTable"}
    asked.write_text(json.dumps([one | {"ResourceIdentifier": {"TableName": "Games"}}]))
    create = ["create-change-set", "--stack-name", "second", "--change-set-name", "in", "--change-set-type", "IMPORT"]
    create += ["--resources-to-import", f"file://{asked}", "--template-body", f"file://{body}"]
    account.aws("cloudformation", *create)
    change = cfn.describe_change_set(StackName="second", ChangeSetName="in")["Changes"][0]["ResourceChange"]
    assert (change["Action"], change["PhysicalResourceId"]) == ("Import", "Games")
    cfn.execute_change_set(StackName="second", ChangeSetName="in")
    wait(cfn, "stack_import_complete", "second")
    assert detected(cfn, "second")["StackDriftStatus"] == "IN_SYNC"
