"""The endpoint by TLS: on the same port, for tools that are told whom to trust."""

import socket
import ssl

import boto3
import pytest
from botocore.exceptions import ClientError, SSLError
from cloudtest import REGION


def client(account, service, trusted):
    secure = account.cloud.ask("env", "--tls")
    return boto3.client(
        service,
        endpoint_url=secure["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=account.account,
        aws_secret_access_key="test",
        verify=secure["AWS_CA_BUNDLE"] if trusted else None,
    )


def test_policies_see_what_came_securely(account):
    bucket = f"secure-{account.account}"
    plain = account.client("s3")
    plain.create_bucket(Bucket=bucket)
    deny = f"""{{"Version": "2012-10-17", "Statement": [{{
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/*",
        "Condition": {{"Bool": {{"aws:SecureTransport": "false"}}}} }}] }}"""
    plain.put_bucket_policy(Bucket=bucket, Policy=deny)
    secure = client(account, "s3", trusted=True)
    secure.put_object(Bucket=bucket, Key="a", Body=b"x" * 100_000)
    assert secure.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x" * 100_000
    with pytest.raises(ClientError, match="AccessDenied"):
        plain.get_object(Bucket=bucket, Key="a")
    # What the answers name is led to in the same way.
    assert client(account, "sqs", trusted=True).create_queue(QueueName="q")["QueueUrl"].startswith("https://")


def test_a_stack_names_what_it_made_as_its_maker_found_the_cloud(account):
    stacks = client(account, "cloudformation", trusted=True)
    body = """
Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: q } }, R: { Type: 'AWS::ECR::Repository' } }
Outputs: { Url: { Value: !Ref Q }, Uri: { Value: !GetAtt R.RepositoryUri } }
"""
    stacks.create_stack(StackName="s", TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    outputs = stacks.describe_stacks(StackName="s")["Stacks"][0]["Outputs"]
    told = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    assert told["Url"] == client(account, "sqs", trusted=True).get_queue_url(QueueName="q")["QueueUrl"]
    assert told["Url"].startswith("https://")
    assert "amazonaws" not in told["Url"] + told["Uri"]
    # Whoever comes in the clear is led back in the clear.
    assert account.client("sqs").get_queue_url(QueueName="q")["QueueUrl"].startswith("http://")


def test_only_who_is_told_trusts_it(account):
    with pytest.raises(SSLError):
        client(account, "sts", trusted=False).get_caller_identity()
    secure = account.cloud.ask("env", "--tls")
    context = ssl.create_default_context(cafile=secure["AWS_CA_BUNDLE"])
    with socket.create_connection(("127.0.0.1", account.cloud.port)) as raw:
        assert context.wrap_socket(raw, server_hostname="sts.us-east-1.amazonaws.com").version() == "TLSv1.3"
    with socket.create_connection(("127.0.0.1", account.cloud.port)) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname="example.com")
