"""Parameter Store with boto3 and the AWS CLI."""

import pytest
from botocore.exceptions import ClientError


def test_parameters_survive_a_kill(own_cloud, own_account):
    ssm = own_account.client("ssm")
    for n in range(25):
        ssm.put_parameter(Name=f"/app/{n:02}", Value=str(n), Type="SecureString" if n % 2 else "String")
    ssm.put_parameter(Name="/app/00", Value="new", Overwrite=True)
    ssm.label_parameter_version(Name="/app/00", ParameterVersion=1, Labels=["first"])
    own_cloud.kill()
    own_cloud.start()
    ssm = own_account.client("ssm")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/app", WithDecryption=True)
    values = [parameter["Value"] for page in pages for parameter in page["Parameters"]]
    assert values == ["new", *(str(n) for n in range(1, 25))]
    assert ssm.get_parameter(Name="/app/00:first")["Parameter"]["Value"] == "0"


def test_refusals_are_the_services_own(account):
    ssm = account.client("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="missing")
    ssm.put_parameter(Name="p", Value="x", Type="String")
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name="p", Value="x", Type="String")
    with pytest.raises(ClientError, match="ValidationException"):
        ssm.put_parameter(Name="q", Value="x" * 4097, Type="String")


def test_the_command_line_reads_a_parameter(account):
    account.aws("ssm", "put-parameter", "--name", "/a/b", "--value", "hello", "--type", "SecureString")
    sealed = account.aws("ssm", "get-parameter", "--name", "/a/b")["Parameter"]
    assert sealed["Value"] != "hello"
    read = account.aws("ssm", "get-parameter", "--name", "/a/b", "--with-decryption")["Parameter"]
    assert read["Value"] == "hello"
    assert [p["Name"] for p in account.aws("ssm", "describe-parameters")["Parameters"]] == ["/a/b"]
