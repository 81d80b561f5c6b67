"""Providers, simulations and reports, as boto3 reads them."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

READ = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})


def test_simulation(account):
    iam = account.client("iam")
    answer = iam.simulate_custom_policy(
        PolicyInputList=[READ],
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::bucket/key"],
        ContextEntries=[{"ContextKeyName": "aws:username", "ContextKeyValues": ["eva"], "ContextKeyType": "string"}],
    )
    decisions = [(r["EvalActionName"], r["EvalDecision"]) for r in answer["EvaluationResults"]]
    assert decisions == [("s3:GetObject", "allowed"), ("s3:PutObject", "implicitDeny")]
    specific = answer["EvaluationResults"][0]["ResourceSpecificResults"][0]
    assert specific["EvalResourceName"] == "arn:aws:s3:::bucket/key"
    assert specific["MatchedStatements"][0]["StartPosition"] == {"Line": 1, "Column": 41}
    across = iam.simulate_custom_policy(
        PolicyInputList=[READ],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::bucket/key"],
        ResourceOwner="999999999999",
        CallerArn=f"arn:aws:iam::{account.account}:user/eva",
    )
    specific = across["EvaluationResults"][0]["ResourceSpecificResults"][0]
    assert specific["EvalDecisionDetails"] == {"IAM Policy": "allowed"}


def test_last_access(account):
    iam = account.client("iam")
    iam.create_user(UserName="eva")
    iam.put_user_policy(UserName="eva", PolicyName="read", PolicyDocument=READ)
    arn = iam.get_user(UserName="eva")["User"]["Arn"]
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    details = iam.get_service_last_accessed_details(JobId=job)
    assert details["JobStatus"] == "COMPLETED"
    assert isinstance(details["JobCreationDate"], datetime.datetime)
    assert [s["ServiceNamespace"] for s in details["ServicesLastAccessed"]] == ["s3"]
    assert details["ServicesLastAccessed"][0]["TotalAuthenticatedEntities"] == 0
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="s3")
    assert entities["EntityDetailsList"][0]["EntityInfo"]["Type"] == "USER"


def test_account_in_full(account):
    iam = account.client("iam")
    iam.create_user(UserName="eva")
    iam.put_user_policy(UserName="eva", PolicyName="read", PolicyDocument=READ)
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1})
    full = pages.build_full_result()
    assert full["UserDetailList"][0]["UserPolicyList"] == [{"PolicyName": "read", "PolicyDocument": json.loads(READ)}]
    assert [r["RoleName"] for r in full["RoleDetailList"]] == ["AWSServiceRoleForAutoScaling"]
    assert [p["PolicyName"] for p in full["Policies"]] == ["AutoScalingServiceRolePolicy"]


def test_openid_connect_provider(account):
    iam = account.client("iam")
    arn = iam.create_open_id_connect_provider(Url="https://issuer.example/path", ClientIDList=["a"])[
        "OpenIDConnectProviderArn"
    ]
    assert arn == f"arn:aws:iam::{account.account}:oidc-provider/issuer.example/path"
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == ("issuer.example/path", ["a"], [])
    with pytest.raises(ClientError, match="Provider with url https://issuer.example/path already exists."):
        iam.create_open_id_connect_provider(Url="https://issuer.example/path")
