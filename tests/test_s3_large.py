"""The largest object that goes up in one request's worth of parts: 5 GiB, by the AWS CLI, through little memory."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cloudtest import REGION

GIB = 1 << 30
SIZE = 5 * GIB
MEMORY_MAX = 60 << 20


def highest_memory(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def test_five_gib_go_up_and_come_back(own_cloud, own_account, tmp_path):
    if shutil.disk_usage(tmp_path).free < 3 * SIZE:
        pytest.skip("there is no room for 5 GiB three times")
    # A file with holes costs no disk, and what it is sent as does.
    source = tmp_path / "five"
    with source.open("wb") as file:
        for at in range(0, SIZE, GIB):
            file.seek(at)
            file.write(f"gibibyte {at}".encode())
        file.truncate(SIZE)
    own_account.client("s3").create_bucket(Bucket="large")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": own_cloud.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": own_account.key,
        "AWS_SECRET_ACCESS_KEY": own_account.secret,
    }

    def copy(*arguments, **more):
        command = [sys.executable, "-m", "awscli", "s3", "cp", "--no-progress", *map(str, arguments)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, **more)

    assert copy(source, "s3://large/five").wait(timeout=900) == 0
    head = own_account.client("s3").head_object(Bucket="large", Key="five")
    assert head["ContentLength"] == SIZE
    assert head["ETag"].endswith('-640"')
    sent, came = hashlib.blake2b(), hashlib.blake2b()
    with copy("s3://large/five", "-", stdout=subprocess.PIPE) as reader, source.open("rb") as file:
        while piece := reader.stdout.read(1 << 20):
            came.update(piece)
            sent.update(file.read(len(piece)))
    assert reader.returncode == 0
    assert came.digest() == sent.digest()
    assert highest_memory(own_cloud.process.pid) <= MEMORY_MAX
