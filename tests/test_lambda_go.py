"""A function in Go by the official runtime client, which runs unmodified."""

import os
import subprocess
from pathlib import Path

import pytest
from test_dynamodb_go import BUILD_SECONDS_MAX, _go
from test_lambda import invoke, make, runs_here  # noqa: F401

PROJECT = Path(__file__).resolve().parent / "go" / "lambda"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    out = tmp_path_factory.mktemp("go") / "bootstrap"
    # Alone, as AWS asks for: the sandbox need not have what this machine has.
    environment = {**os.environ, "CGO_ENABLED": "0"}
    command = [_go(), "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", str(out), "."]
    built = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS_MAX
    )
    assert built.returncode == 0, built.stderr
    return out


def test_the_official_runtime_client(program, account):
    client = make(account, program.read_bytes(), kind="provided", MemorySize=256)
    error, got, log = invoke(client, {"a": 1})
    assert error is None, log
    assert (got["event"], got["name"]) == ({"a": 1}, "it")
    assert got["arn"] == f"arn:aws:lambda:us-east-1:{account.account}:function:it"
    assert got["trace"].startswith("Root=1-")
    assert 0 < got["left"] <= 30_000
    assert f"START RequestId: {got['id']}" in log
    assert 'seen {"a": 1}' in log
    error, got, _ = invoke(client, "fail")
    assert (error, got) == ("Unhandled", {"errorMessage": "told to", "errorType": "errorString"})
    assert invoke(client, 7)[1]["event"] == 7, "it goes on"
