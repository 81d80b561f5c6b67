"""A function in Rust by the official runtime client, which runs unmodified."""

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from test_lambda import invoke, role, runs_here  # noqa: F401

PROJECT = Path(__file__).resolve().parent / "rust" / "lambda"
# Kept beside what else was built, as the project's own sources do not change.
BUILT = Path(__file__).resolve().parent.parent / "target" / "lambda-handler"
BUILD_SECONDS_MAX = 900


@pytest.fixture(scope="module")
def program():
    if not shutil.which("cargo"):
        pytest.skip("cargo is not installed")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(BUILT), "CARGO_PROFILE_DEV_DEBUG": "0"}
    built = subprocess.run(
        ["cargo", "build", "--locked"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS_MAX,
    )
    assert built.returncode == 0, built.stderr
    return BUILT / "debug" / "handler"


def test_the_official_runtime_client(program, account):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, program.read_bytes())
    client = account.client("lambda")
    client.create_function(
        FunctionName="it",
        Runtime="provided.al2023",
        Role=role(account),
        Handler="none",
        Timeout=30,
        MemorySize=256,
        Code={"ZipFile": out.getvalue()},
    )
    error, got, log = invoke(client, {"a": 1})
    assert error is None, log
    assert (got["event"], got["name"], got["memory"]) == ({"a": 1}, "it", 256)
    assert got["arn"] == f"arn:aws:lambda:us-east-1:{account.account}:function:it"
    assert got["trace"].startswith("Root=1-")
    assert f"START RequestId: {got['id']}" in log
    assert 'seen {"a":1}' in log
    error, got, _ = invoke(client, "fail")
    assert (error, got["errorMessage"]) == ("Unhandled", "told to")
    assert invoke(client, 7)[1]["event"] == 7, "it goes on"
