"""CloudTrail's event history, and least-privilege policies written from it."""

import json

from cloudtest import allow, refused


def lookup(caller, key=None, value=None, **options):
    if key:
        options["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    pages = caller.client("cloudtrail").get_paginator("lookup_events").paginate(**options)
    return [event for page in pages for event in page["Events"]]


def test_a_call_is_in_the_history_at_once(account):
    account.client("iam").create_user(UserName="ann")
    (event,) = lookup(account, "EventName", "CreateUser")
    assert event["ReadOnly"] == "false"
    assert event["Resources"] == [{"ResourceType": "AWS::IAM::User", "ResourceName": "ann"}]
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventID"] == event["EventId"]
    assert record["eventSource"] == event["EventSource"] == "iam.amazonaws.com"
    assert record["requestParameters"] == {"userName": "ann"}
    assert record["responseElements"]["user"]["userName"] == "ann"
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in record["userAgent"]
    assert "tlsDetails" not in record


def test_secrets_are_not_in_the_history(account):
    ann = account.user("ann")
    for event in lookup(account):
        assert ann.secret not in event["CloudTrailEvent"]


def test_a_session_is_told_from_its_role(account):
    ann = account.user("ann", allow("sts:AssumeRole"))
    role = account.role("reader", ann.arn, allow("iam:ListUsers"))
    session = ann.assume(role, "nightly")
    session.client("iam").list_users()
    with refused("AccessDenied"):
        session.client("iam").list_roles()
    denied, listed = lookup(account, "Username", "nightly")
    identity = json.loads(listed["CloudTrailEvent"])["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == session.arn
    assert identity["accessKeyId"] == session.key
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"
    record = json.loads(denied["CloudTrailEvent"])
    assert record["errorCode"] == "AccessDenied"
    assert "iam:ListRoles" in record["errorMessage"]


def test_pages_hold_every_event_once(account):
    iam = account.client("iam")
    for number in range(7):
        iam.create_group(GroupName=f"g{number}")
    events = lookup(account, "EventName", "CreateGroup", PaginationConfig={"PageSize": 2})
    assert [event["Resources"][0]["ResourceName"] for event in events] == [f"g{n}" for n in range(6, -1, -1)]


def test_the_history_outlives_the_process(own_cloud, own_account):
    iam = own_account.client("iam")
    iam.create_group(GroupName="before")
    own_cloud.run("clock", "freeze")
    iam.create_group(GroupName="between")
    own_cloud.restart(kill=True)
    iam.create_group(GroupName="after")
    names = [event["Resources"][0]["ResourceName"] for event in lookup(own_account, "EventName", "CreateGroup")]
    assert names == ["after", "between", "before"]
    iam.list_groups()
    own_cloud.restart(kill=False)
    assert len(lookup(own_account, "EventName", "ListGroups")) == 1


def test_the_aws_cli_looks_up(account):
    account.client("iam").create_group(GroupName="ops")
    attribute = "AttributeKey=EventName,AttributeValue=CreateGroup"
    answer = account.aws("cloudtrail", "lookup-events", "--lookup-attributes", attribute, "--max-items", "1")
    assert [event["EventName"] for event in answer["Events"]] == ["CreateGroup"]


def test_mistakes_are_named(account):
    with refused("InvalidTimeRangeException", status=400):
        account.client("cloudtrail").lookup_events(StartTime=2, EndTime=1)
    with refused("InvalidNextTokenException", status=400):
        account.client("cloudtrail").lookup_events(NextToken="x")


def work(session, users):
    """What the role is for."""
    iam = session.client("iam")
    iam.list_users()
    for user in users:
        iam.get_user(UserName=user)
    iam.tag_user(UserName=users[0], Tags=[{"Key": "seen", "Value": "yes"}])


def test_least_privilege_is_what_was_done_and_no_more(own_cloud, own_account):
    """A role does its work with wide permissions; the policy written from that lets another role do just the same."""
    for name in ("ann", "bob", "eve"):
        own_account.user(name)
    worker = own_account.user("worker", allow("sts:AssumeRole"))
    wide = own_account.role("wide", worker.arn, allow("iam:*"))
    work(worker.assume(wide), ["ann", "bob"])
    written = own_cloud.run("least-privilege", wide).stdout
    document = json.loads(written)
    actions = [statement["Action"] for statement in document["Statement"]]
    actions = {action for some in actions for action in ([some] if isinstance(some, str) else some)}
    assert actions == {"iam:GetUser", "iam:ListUsers", "iam:TagUser"}

    narrow = own_account.role("narrow", worker.arn)
    with refused("AccessDenied"):
        work(worker.assume(narrow), ["ann", "bob"])
    own_account.client("iam").put_role_policy(RoleName="narrow", PolicyName="written", PolicyDocument=written)
    session = worker.assume(narrow)
    work(session, ["ann", "bob"])
    iam = session.client("iam")
    with refused("AccessDenied"):
        iam.get_user(UserName="eve")
    with refused("AccessDenied"):
        iam.tag_user(UserName="bob", Tags=[{"Key": "seen", "Value": "yes"}])
    with refused("AccessDenied"):
        iam.delete_user(UserName="ann")
    told = own_cloud.ask("least-privilege", wide)
    assert told["calls"] == 4
    assert told["counts"] == {"iam:GetUser": 2, "iam:ListUsers": 1, "iam:TagUser": 1}
    assert told["unknown_actions"] == []


def test_a_policy_is_validated(account):
    analyzer = account.client("accessanalyzer")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("iam:Nothing")]})
    (finding,) = analyzer.validate_policy(policyDocument=document, policyType="IDENTITY_POLICY")["findings"]
    assert (finding["findingType"], finding["issueCode"]) == ("ERROR", "INVALID_ACTION")
    span = finding["locations"][0]["span"]
    assert document[span["start"]["offset"] : span["end"]["offset"]] == '"iam:Nothing"'
    with refused("ValidationException", "Findings are available in English only.", 400):
        analyzer.validate_policy(policyDocument=document, policyType="IDENTITY_POLICY", locale="DE")
