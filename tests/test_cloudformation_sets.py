"""Stack sets end to end: they go on after kill -9, and the AWS CLI shows them."""

import json

from cloudtest import Account, allow, eventually

ADMINISTRATOR = "AWSCloudFormationStackSetAdministrationRole"
EXECUTOR = "AWSCloudFormationStackSetExecutionRole"
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2", "sa-east-1"]
TEMPLATE = {
    "Parameters": {"Word": {"Type": "String", "Default": "one"}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "own-${Word}"}}},
        "Topic": {"Type": "AWS::SNS::Topic"},
    },
}


def test_an_operation_goes_on_after_a_crash(own_cloud, own_account):
    accounts = [own_account, Account(own_cloud, "444455556666")]
    service = {"Service": "cloudformation.amazonaws.com"}
    administrator = own_account.role(ADMINISTRATOR, service, allow("sts:AssumeRole"))
    for account in accounts:
        account.role(EXECUTOR, administrator, allow("*"))
    numbers = [account.account for account in accounts]
    cfn = own_account.client("cloudformation")
    cfn.create_stack_set(StackSetName="set", TemplateBody=json.dumps(TEMPLATE))
    begun = cfn.create_stack_instances(
        StackSetName="set",
        Accounts=numbers,
        Regions=REGIONS,
        OperationPreferences={"RegionOrder": REGIONS, "MaxConcurrentCount": 2, "FailureToleranceCount": 1},
    )

    def results():
        asked = {"StackSetName": "set", "OperationId": begun["OperationId"]}
        told = own_account.client("cloudformation").list_stack_set_operation_results(**asked)["Summaries"]
        return [result["Status"] for result in told]

    # In the midst of it.
    eventually(lambda: "SUCCEEDED" in results())
    own_cloud.restart()
    assert len(results()) == len(REGIONS) * len(accounts)
    eventually(lambda: set(results()) == {"SUCCEEDED"})
    for account in accounts:
        for region in REGIONS:
            names = account.client("sqs", region=region).list_queues()["QueueUrls"]
            assert [name.rsplit("/", 1)[1] for name in names] == ["own-one"]
            assert len(account.client("sns", region=region).list_topics()["Topics"]) == 1
            stacks = account.client("cloudformation", region=region).describe_stacks()["Stacks"]
            assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    shown = own_account.aws("cloudformation", "list-stack-instances", "--stack-set-name", "set")["Summaries"]
    assert len(shown) == len(REGIONS) * len(accounts)
    pages = own_account.client("cloudformation").get_paginator("list_stack_instances")
    paged = pages.paginate(StackSetName="set", PaginationConfig={"PageSize": 5})
    assert sum(len(page["Summaries"]) for page in paged) == len(shown)
    gone = {"StackSetName": "set", "Accounts": numbers, "Regions": REGIONS, "RetainStacks": False}
    preferences = {"RegionConcurrencyType": "PARALLEL", "MaxConcurrentPercentage": 100}
    preferences["FailureTolerancePercentage"] = 100
    cfn = own_account.client("cloudformation")
    cfn.delete_stack_instances(**gone, OperationPreferences=preferences)
    own_cloud.restart()
    cfn = own_account.client("cloudformation")
    eventually(lambda: not cfn.list_stack_instances(StackSetName="set")["Summaries"])
    eventually(lambda: cfn.list_stack_set_operations(StackSetName="set")["Summaries"][0]["Status"] == "SUCCEEDED")
    assert "QueueUrls" not in accounts[1].client("sqs", region="eu-west-1").list_queues()
    cfn.delete_stack_set(StackSetName="set")


def test_a_set_follows_the_organization(own_cloud, own_account):
    organization = own_account.client("organizations")
    organization.create_organization(FeatureSet="ALL")
    root = organization.list_roots()["Roots"][0]["Id"]
    unit = organization.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    cfn = own_account.client("cloudformation")
    cfn.activate_organizations_access()
    cfn.create_stack_set(
        StackSetName="set",
        TemplateBody=json.dumps(TEMPLATE),
        PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
    )
    # A unit without accounts may be meant, too.
    cfn.create_stack_instances(
        StackSetName="set", DeploymentTargets={"OrganizationalUnitIds": [unit]}, Regions=REGIONS[:2]
    )
    eventually(lambda: cfn.list_stack_set_operations(StackSetName="set")["Summaries"][0]["Status"] == "SUCCEEDED")
    made = organization.create_account(Email="m@example.com", AccountName="m")["CreateAccountStatus"]["Id"]

    def joined():
        status = organization.describe_create_account_status(CreateAccountRequestId=made)["CreateAccountStatus"]
        return status.get("AccountId")

    member = Account(own_cloud, eventually(joined))
    organization.move_account(AccountId=member.account, SourceParentId=root, DestinationParentId=unit)
    own_cloud.restart()

    def queues(region):
        return member.client("sqs", region=region).list_queues().get("QueueUrls", [])

    eventually(lambda: all(queues(region) for region in REGIONS[:2]))
    shown = own_account.aws("cloudformation", "list-stack-instances", "--stack-set-name", "set")["Summaries"]
    assert {(one["Account"], one["OrganizationalUnitId"]) for one in shown} == {(member.account, unit)}
    own_account.client("organizations").move_account(
        AccountId=member.account, SourceParentId=unit, DestinationParentId=root
    )
    eventually(lambda: not any(queues(region) for region in REGIONS[:2]))
