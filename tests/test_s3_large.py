"""The largest object that goes up in one request's worth of parts: 5 GiB, by the AWS CLI, through little memory."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cloudtest import REGION

GIB = 1 << 30
SIZE = 5 * GIB
# A test build takes two thirds of it; with a million objects what is shipped is held to it by the benchmark.
MEMORY_MAX = 60 << 20


class Watch(threading.Thread):
    """How much memory a process has at most, but for the pages of its program, of which a test build has many."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status = Path(f"/proc/{pid}/status")
        self.ended = threading.Event()
        self.highest = 0

    def run(self):
        while not self.ended.wait(0.1):
            lines = self.status.read_text().splitlines()
            own = next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))
            self.highest = max(self.highest, own)


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

    watch = Watch(own_cloud.process.pid)
    watch.start()
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
    watch.ended.set()
    watch.join()
    assert 0 < watch.highest <= MEMORY_MAX
