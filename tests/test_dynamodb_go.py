"""DynamoDB with AWS's SDK for Go: a client with other habits than boto3's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parent / "go" / "dynamodb"
# The SDK's own requirement.
GO_MIN = (1, 24)
BUILD_SECONDS_MAX = 900


def _go():
    """The Go tool; older ones cannot build the SDK, and Debian's may be."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip("Go is not installed")
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < GO_MIN:
        pytest.skip(f"Go {said.strip()} is older than {'.'.join(map(str, GO_MIN))}, which AWS's SDK needs")
    return go


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    out = tmp_path_factory.mktemp("go") / "dynamodb"
    built = subprocess.run(
        [_go(), "build", "-o", str(out), "."], cwd=PROGRAM, capture_output=True, text=True, timeout=BUILD_SECONDS_MAX
    )
    assert built.returncode == 0, built.stderr
    return out


def test_the_sdk_for_go(program, cloud, account):
    environment = {**os.environ, "ENDPOINT": cloud.endpoint, "KEY": account.key, "SECRET": account.secret}
    ran = subprocess.run([str(program)], env=environment, capture_output=True, text=True, timeout=90)
    assert (ran.returncode, ran.stdout.strip()) == (0, "ok"), ran.stdout + ran.stderr
