"""The image that `make image` builds, started by testcontainers as people start LocalStack's."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from cloudtest import REGION, binary

REPOSITORY = Path(__file__).parent.parent
IMAGE = "localhost/virga-test"
# The host's own network is left alone: by default root's Podman would set up a bridge in it.
NETWORK = "slirp4netns:port_handler=slirp4netns"
# As root Podman would ask for more than root may have in a machine that is a container itself.
AS_ROOT = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""


@pytest.fixture(scope="module")
def engine():
    """An engine with a store of its own, and the image in it."""
    if not (shutil.which("podman") and shutil.which("slirp4netns") and shutil.which("runc")):
        pytest.skip("Podman is not installed")
    # A short one: Podman takes no path of more than 50 characters for what runs.
    folder = Path(tempfile.mkdtemp(prefix="virga-", dir="/tmp"))
    environment = dict(os.environ)
    if os.geteuid() == 0:
        (folder / "containers.conf").write_text(AS_ROOT)
        environment["CONTAINERS_CONF"] = str(folder / "containers.conf")
    podman = ["podman", "--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs"]
    podman = [str(word) for word in podman]
    environment["VIRGA_ENGINE"] = " ".join(podman)
    build = ["scripts/image.sh", IMAGE, str(binary())]
    built = subprocess.run(build, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    socket = folder / "socket"
    service = subprocess.Popen([*podman, "system", "service", "--time", "0", f"unix://{socket}"], env=environment)
    try:
        for _ in range(200):
            if socket.exists():
                break
            time.sleep(0.05)
        yield f"unix://{socket}"
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
        for end in (["rm", "--all", "--force", "--time", "0"], ["rmi", "--all", "--force"]):
            subprocess.run([*podman, *end], env=environment, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def container(engine, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", engine)
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    # Where the tests run in a container themselves it would look for the way out of that.
    monkeypatch.setenv("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
    monkeypatch.setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
    localstack = pytest.importorskip("testcontainers.localstack")
    # What its clients sign with.
    key = "testcontainers-localstack"
    made = localstack.LocalStackContainer(IMAGE, region_name=REGION)
    made = made.with_kwargs(network_mode=NETWORK)
    made = made.with_env("VIRGA_ROOT_ACCESS_KEY_ID", key).with_env("VIRGA_ROOT_SECRET_ACCESS_KEY", key)
    with made as running:
        yield running


def test_testcontainers_start_the_image_and_its_clients_work(container):
    s3 = container.get_client("s3")
    s3.create_bucket(Bucket="from-outside")
    s3.put_object(Bucket="from-outside", Key="k", Body=b"kept")
    assert s3.get_object(Bucket="from-outside", Key="k")["Body"].read() == b"kept"
    sqs = container.get_client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"

    # Root's shared keys are not known to who comes from outside of the container.
    stranger = boto3.client(
        "sts",
        endpoint_url=container.get_url(),
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with pytest.raises(ClientError) as refused:
        stranger.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
