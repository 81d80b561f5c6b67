"""Macros end to end: functions in real sandboxes say what stands in templates."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudtest import allow, eventually, refused
from test_cloudformation import settled, wait
from test_cloudformation_custom import runtime

CODE = """
def queues(fragment, event):
    # A resource for each of a number, after what was there.
    made = dict(fragment)
    for n in range(int(event["params"].get("Count", event["templateParameterValues"].get("Count", 1)))):
        made[f"Queue{n}"] = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": n}}
    return made

def shout(fragment, event):
    # The value of one member, or the whole text.
    return event["params"]["Text"].upper()

def trail(fragment, event):
    # Which came after which.
    made = json.loads(json.dumps(fragment))
    for resource in made["Resources"].values():
        resource["Metadata"] = {"Trail": resource.get("Metadata", {}).get("Trail", []) + [event["transformId"]]}
    return made

import json

def handler(event, context):
    print(json.dumps(event))
    name, answer = event["transformId"].split("::")[1], {"requestId": event["requestId"], "status": "success"}
    assert event["accountId"] == event["transformId"].split("::")[0] and event["region"] == "us-east-1"
    if name == "Echo":
        return {**answer, "fragment": {"Resources": {"Handle": {
            "Type": "AWS::CloudFormation::WaitConditionHandle", "Metadata": {"Event": event}}}}}
    if name == "Refusing":
        return {**answer, "status": "failure", "errorMessage": "a bad word"}
    if name == "Silent":
        return {**answer, "status": "failure"}
    if name == "Raising":
        raise ValueError("no")
    if name == "Malformed":
        return {"status": "success", "fragment": event["fragment"]}
    made = {"Queues": queues, "Shout": shout, "First": trail, "Second": trail}[name](event["fragment"], event)
    return {**answer, "status": "SUCCESS", "fragment": made}
"""

NAMES = ["Echo", "First", "Malformed", "Queues", "Raising", "Refusing", "Second", "Shout", "Silent"]


def macros(cloud, account):
    """A function that is all of them, and the macros."""
    function = {
        "Runtime": runtime(cloud, "python"),
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Timeout": 30,
        "Code": {"ZipFile": CODE},
    }
    trust = allow("sts:AssumeRole")
    trust = {**{k: v for k, v in trust.items() if k != "Resource"}, "Principal": {"Service": "lambda.amazonaws.com"}}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "All": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    for name in NAMES:
        own = {"Name": name, "FunctionName": {"Fn::GetAtt": ["All", "Arn"]}, "Description": "of tests"}
        resources[name] = {"Type": "AWS::CloudFormation::Macro", "Properties": own}
    cfn = account.client("cloudformation")
    cfn.create_stack(
        StackName="macros", TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
    )
    assert settled(cfn, "macros") == "CREATE_COMPLETE", cfn.describe_stack_events(StackName="macros")["StackEvents"]
    return cfn


HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
MAY = ["CAPABILITY_AUTO_EXPAND"]


def made(cfn, stack):
    wait(cfn, "stack_create_complete", stack)
    resources = cfn.describe_stack_resources(StackName=stack)["StackResources"]
    return sorted(resource["LogicalResourceId"] for resource in resources)


def processed(cfn, stack):
    return cfn.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]


def test_macros_make_templates(cloud, account):
    cfn = macros(cloud, account)
    template = {
        "Transform": ["First", {"Name": "Second"}],
        "Parameters": {"Count": {"Type": "Number", "Default": 2}},
        "Resources": {
            "Fn::Transform": {"Name": "Queues"},
            "Told": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Fn::Transform": {"Name": "Shout", "Parameters": {"Text": "told"}}}},
            },
        },
    }
    text = json.dumps(template)
    make = {"StackName": "own", "TemplateBody": text}
    with refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"):
        cfn.create_stack(**make)
    cfn.create_stack(**make, Capabilities=MAY)
    assert made(cfn, "own") == ["Queue0", "Queue1", "Told"]
    assert cfn.get_template(StackName="own", TemplateStage="Original")["TemplateBody"] == template
    resources = processed(cfn, "own")["Resources"]
    assert resources["Told"]["Properties"] == {"QueueName": "TOLD"}
    # Those within come first, then those of the whole template in their order.
    trail = [f"{account.account}::First", f"{account.account}::Second"]
    assert [resource["Metadata"]["Trail"] for resource in resources.values()] == [trail] * 3
    assert "Transform" not in processed(cfn, "own")
    summary = cfn.get_template_summary(StackName="own")
    assert summary["DeclaredTransforms"] == ["First", "Second", "Queues", "Shout"]
    # An update asks them again, with the values of then.
    cfn.update_stack(
        StackName="own",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Count", "ParameterValue": "1"}],
        Capabilities=MAY,
    )
    assert settled(cfn, "own") == "UPDATE_COMPLETE"
    assert sorted(processed(cfn, "own")["Resources"]) == ["Queue0", "Told"]


def test_what_macros_are_told(cloud, account):
    cfn = macros(cloud, account)
    account.client("ssm").put_parameter(Name="kept", Value="from the store", Type="String")
    template = {
        "Transform": {"Name": "Echo", "Parameters": {"Whom": {"Ref": "Words"}, "Plain": 3}},
        "Parameters": {
            "Words": {"Type": "String", "Default": "hello"},
            "List": {"Type": "CommaDelimitedList", "Default": "a,b"},
            "Kept": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "kept"},
        },
        "Resources": {"Own": {"Anything": {"Ref": "Words"}}},
    }
    cfn.create_stack(StackName="own", TemplateBody=json.dumps(template), Capabilities=MAY)
    assert made(cfn, "own") == ["Handle"]
    event = processed(cfn, "own")["Resources"]["Handle"]["Metadata"]["Event"]
    assert len(event.pop("requestId")) == 36
    rest = {name: section for name, section in template.items() if name != "Transform"}
    assert event == {
        "region": "us-east-1",
        "accountId": account.account,
        "transformId": f"{account.account}::Echo",
        "fragment": rest,
        "params": {"Whom": "hello", "Plain": 3},
        "templateParameterValues": {"Words": "hello", "List": ["a", "b"], "Kept": "from the store"},
    }


def test_change_sets_tell_of_what_macros_refuse(cloud, account):
    cfn = macros(cloud, account)
    own = account.account
    rows = {
        "Refusing": f"Transform {own}::Refusing failed with: a bad word",
        "Silent": f"Transform {own}::Silent failed without an error message.",
        "Raising": f"Transform {own}::Raising failed without an error message.",
        "Malformed": f"Received malformed response from transform {own}::Malformed",
        "NoSuch": f"No transform named {own}::NoSuch found.",
    }
    for name, words in rows.items():
        text = json.dumps({"Transform": name, "Resources": {"Own": HANDLE}})
        with refused("ValidationError", words):
            cfn.create_stack(StackName="none", TemplateBody=text, Capabilities=MAY)
        cfn.create_change_set(StackName=f"of-{name}", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=text)
        shown = cfn.describe_change_set(StackName=f"of-{name}", ChangeSetName="c")
        assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert (shown["StatusReason"], shown["Changes"]) == (words, [])
    # One that is looked at first needs no capability.
    text = json.dumps({"Resources": {"Fn::Transform": {"Name": "Queues", "Parameters": {"Count": 1}}}})
    cfn.create_change_set(StackName="own", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=text)
    shown = cfn.describe_change_set(StackName="own", ChangeSetName="c")
    assert [change["ResourceChange"]["LogicalResourceId"] for change in shown["Changes"]] == ["Queue0"]
    cfn.execute_change_set(StackName="own", ChangeSetName="c")
    assert made(cfn, "own") == ["Queue0"]


def test_macros_are_invoked_by_the_caller_and_end_with_their_stack(cloud, account):
    cfn = macros(cloud, account)
    text = json.dumps({"Transform": "Echo", "Resources": {"Own": HANDLE}})
    user = account.user("dev", allow("cloudformation:*"))
    make = {"StackName": "own", "TemplateBody": text, "Capabilities": MAY}
    with pytest.raises(ClientError, match=r"Transform \d+::Echo failed with: .*lambda:InvokeFunction") as caught:
        user.client("cloudformation").create_stack(**make)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    again = {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Echo", "FunctionName": "x"}}
    cfn.create_stack(StackName="again", TemplateBody=json.dumps({"Resources": {"Again": again}}))
    assert settled(cfn, "again") == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason") for event in cfn.describe_stack_events(StackName="again")["StackEvents"]
    ]
    assert f"{account.account}::Echo already exists" in reasons
    cfn.delete_stack(StackName="macros")
    wait(cfn, "stack_delete_complete", "macros")
    with refused("ValidationError", f"No transform named {account.account}::Echo found."):
        cfn.create_stack(**make)


def nested(cloud, account, child):
    """A template around another, which lies in a bucket; the way to put another there."""
    s3 = account.client("s3")
    bucket = f"inner-{account.account}"
    s3.create_bucket(Bucket=bucket)

    def put(template):
        s3.put_object(Bucket=bucket, Key="inner.json", Body=json.dumps(template).encode())

    put(child)
    inner = {"TemplateURL": f"https://{bucket}.s3.amazonaws.com/inner.json", "Parameters": {"Count": "2"}}
    around = {
        "Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": inner}},
        "Outputs": {"All": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Names"]}}},
    }
    return around, put


CHILD = {
    "Transform": ["First"],
    "Parameters": {"Count": {"Type": "Number", "Default": 1}},
    "Resources": {"Fn::Transform": {"Name": "Queues"}, "Handle": HANDLE},
    "Outputs": {"Names": {"Value": {"Fn::GetAtt": ["Queue0", "QueueName"]}}},
}


def inner_of(cfn, stack="around"):
    return cfn.describe_stack_resource(StackName=stack, LogicalResourceId="Inner")["StackResourceDetail"][
        "PhysicalResourceId"
    ]


def test_macros_of_nested_stacks(cloud, account):
    cfn = macros(cloud, account)
    around, put = nested(cloud, account, CHILD)
    make = {"StackName": "around", "TemplateBody": json.dumps(around)}
    cfn.create_stack(**make, Capabilities=MAY)
    assert settled(cfn, "around") == "CREATE_COMPLETE", cfn.describe_stack_events(StackName="around")["StackEvents"]
    inner = inner_of(cfn)
    assert inner.startswith("arn:aws:cloudformation:")
    assert made(cfn, inner) == ["Handle", "Queue0", "Queue1"]
    trail = processed(cfn, inner)["Resources"]["Queue1"]["Metadata"]["Trail"]
    assert trail == [f"{account.account}::First"]
    # What is changed in it, its macros hear of.
    put({**CHILD, "Resources": {**CHILD["Resources"], "More": HANDLE}})
    cfn.update_stack(**make, Capabilities=MAY)
    assert settled(cfn, "around") == "UPDATE_COMPLETE"
    assert inner_of(cfn) == inner
    assert sorted(processed(cfn, inner)["Resources"]) == ["Handle", "More", "Queue0", "Queue1"]
    # One that refuses turns the update back, and the stack around it.
    put({**CHILD, "Transform": ["Refusing"]})
    cfn.update_stack(**make, Capabilities=MAY)
    assert settled(cfn, "around") == "UPDATE_ROLLBACK_COMPLETE"
    events = cfn.describe_stack_events(StackName="around")["StackEvents"]
    told = [e["ResourceStatusReason"] for e in events if e["ResourceStatus"] == "UPDATE_FAILED"]
    assert any(f"Transform {account.account}::Refusing failed with: a bad word" in reason for reason in told), told
    assert sorted(processed(cfn, inner)["Resources"]) == ["Handle", "More", "Queue0", "Queue1"]
    cfn.delete_stack(StackName="around")
    wait(cfn, "stack_delete_complete", "around")
    # Without the word for it, or with a macro that fails, there is none.
    cfn.create_stack(**{**make, "StackName": "none"})
    assert settled(cfn, "none") == "ROLLBACK_COMPLETE"
    cfn.create_stack(**{**make, "StackName": "bad"}, Capabilities=MAY)
    assert settled(cfn, "bad") == "ROLLBACK_COMPLETE"
    names = [stack["StackName"] for stack in cfn.describe_stacks()["Stacks"]]
    assert sorted(names) == ["bad", "macros", "none"]


def test_macros_of_stack_sets(cloud, account):
    cfn = macros(cloud, account)
    service = {"Service": "cloudformation.amazonaws.com"}
    administrator = account.role("AWSCloudFormationStackSetAdministrationRole", service, allow("sts:AssumeRole"))
    account.role("AWSCloudFormationStackSetExecutionRole", administrator, allow("*"))
    cfn.create_stack_set(
        StackSetName="set",
        TemplateBody=json.dumps(CHILD),
        Parameters=[{"ParameterKey": "Count", "ParameterValue": "3"}],
        Capabilities=MAY,
    )

    def over(begun):
        asked = {"StackSetName": "set", "OperationId": begun["OperationId"]}

        def ended():
            return cfn.describe_stack_set_operation(**asked)["StackSetOperation"]["Status"] != "RUNNING"

        eventually(ended)
        return cfn.list_stack_set_operation_results(**asked)["Summaries"]

    place = {"StackSetName": "set", "Accounts": [account.account], "Regions": ["us-east-1"]}
    results = over(cfn.create_stack_instances(**place))
    assert [result["Status"] for result in results] == ["SUCCEEDED"], results
    shown = cfn.describe_stack_instance(
        StackSetName="set", StackInstanceAccount=account.account, StackInstanceRegion="us-east-1"
    )["StackInstance"]
    assert made(cfn, shown["StackId"]) == ["Handle", "Queue0", "Queue1", "Queue2"]
    # Where there is no such macro, there is no stack.
    results = over(cfn.create_stack_instances(**{**place, "Regions": ["eu-west-1"]}))
    assert results[0]["Status"] == "FAILED"
    assert "No transform named" in results[0]["StatusReason"], results
