"""Contents in a bucket of another object store: the same cloud, whose bytes lie elsewhere."""

import os
import re
import socket
import subprocess
import sys
import time

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, ResponseStreamingError
from cloudtest import REGION, Account, Cloud, allow, binary, eventually, refused

MIB = 1 << 20
PATIENCE = 30


class Store:
    """An object store with a bucket, and somebody who may use it."""

    def __init__(self, endpoint, key, secret):
        self.endpoint, self.key, self.secret = endpoint, key, secret
        self.s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}),
        )

    def keys(self, prefix=""):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="contents", Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))

    def environment(self):
        return {
            **os.environ,
            "VIRGA_CONTENTS_ACCESS_KEY_ID": self.key,
            "VIRGA_CONTENTS_SECRET_ACCESS_KEY": self.secret,
        }


def moto(port):
    """moto's server, which is somebody else's S3."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(params=["moto", "virga"])
def store(request, tmp_path):
    if request.param == "moto":
        pytest.importorskip("moto.server")
        port = free_port()
        process = moto(port)
        eventually(lambda: answers(port))
        made = Store(f"http://127.0.0.1:{port}", "key", "secret")
        made.s3.create_bucket(Bucket="contents")
        yield made
        process.kill()
        process.wait()
    else:
        (tmp_path / "store").mkdir()
        cloud = Cloud(tmp_path / "store").start()
        root = Account(cloud, "000000000000")
        root.client("s3").create_bucket(Bucket="contents")
        # No more than it needs.
        user = root.user(
            "virga",
            allow(
                ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                "arn:aws:s3:::contents/*",
            ),
            allow(["s3:ListBucket", "s3:ListBucketMultipartUploads"], "arn:aws:s3:::contents"),
        )
        yield Store(cloud.endpoint, user.key, user.secret)
        cloud.kill()


class Outside(Cloud):
    """A cloud whose contents lie in `store`."""

    def __init__(self, folder, store, *options, at="s3://contents/one"):
        folder.mkdir(exist_ok=True)
        super().__init__(folder, *options)
        self.store = store
        self.at = at

    def start(self):
        for name, value in self.store.environment().items():
            os.environ[name] = value
        if not self.endpoint:
            self.options = (*self.options, "--contents", self.at, "--contents-endpoint", self.store.endpoint)
        try:
            return super().start()
        finally:
            # What was chosen once is known from then on.
            self.options = ()
            for name in ("VIRGA_CONTENTS_ACCESS_KEY_ID", "VIRGA_CONTENTS_SECRET_ACCESS_KEY"):
                del os.environ[name]


@pytest.fixture
def outside(tmp_path, store):
    cloud = Outside(tmp_path / "outside", store).start()
    yield cloud
    cloud.kill()


def start(folder, store, *options, keys=True):
    """A start that is to fail: what it says."""
    environment = store.environment() if keys else dict(os.environ)
    command = [str(binary()), "up", "--data", str(folder), "--listen", "127.0.0.1:0", *options]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, env=environment
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_objects_are_what_they_are_anywhere(outside, store):
    s3 = Account(outside, "000000000000").client("s3")
    s3.create_bucket(Bucket="bytes")
    s3.put_bucket_versioning(Bucket="bytes", VersioningConfiguration={"Status": "Enabled"})
    bodies = {"small": b"small", "empty": b"", "middle": os.urandom(MIB + 17), "large": os.urandom(13 * MIB + 1)}
    for key, body in bodies.items():
        s3.put_object(Bucket="bytes", Key=key, Body=body)
    parts = os.urandom(17 * MIB)
    (outside.data / "parts").write_bytes(parts)
    config = TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=6 * MIB)
    s3.upload_file(str(outside.data / "parts"), "bytes", "parts", Config=config)
    bodies["parts"] = parts
    s3.copy_object(Bucket="bytes", Key="copy", CopySource={"Bucket": "bytes", "Key": "large"})
    bodies["copy"] = bodies["large"]
    first = s3.put_object(Bucket="bytes", Key="versions", Body=b"a" * MIB)["VersionId"]
    s3.put_object(Bucket="bytes", Key="versions", Body=b"b" * MIB)
    lie = store.keys("one/")
    assert len(lie) > 5
    assert lie[-1] == "one/owner"
    # Nothing of it is readable there.
    assert all(b"bbbbbbbb" not in store.s3.get_object(Bucket="contents", Key=key)["Body"].read() for key in lie)
    assert not (outside.data / "contents").exists()
    outside.restart()
    s3 = Account(outside, "000000000000").client("s3")
    for key, body in bodies.items():
        assert s3.get_object(Bucket="bytes", Key=key)["Body"].read() == body, key
    assert s3.get_object(Bucket="bytes", Key="versions", VersionId=first)["Body"].read() == b"a" * MIB
    for start_at, end in [(0, 0), (65535, 65536), (5 * MIB - 1, 9 * MIB), (13 * MIB, 13 * MIB)]:
        got = s3.get_object(Bucket="bytes", Key="large", Range=f"bytes={start_at}-{end}")["Body"].read()
        assert got == bodies["large"][start_at : end + 1]


def test_what_a_crash_leaves_behind_goes(outside, store):
    s3 = Account(outside, "000000000000").client("s3")
    s3.create_bucket(Bucket="bytes")
    s3.put_object(Bucket="bytes", Key="kept", Body=b"k" * MIB)
    kept = store.keys("one/")
    # A body of which the end does not come.
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "bytes", "Key": "half"})
    path = url.removeprefix(outside.endpoint)
    half = socket.create_connection(("127.0.0.1", outside.port))
    host = outside.endpoint.removeprefix("http://")
    head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {200 * MIB}\r\n\r\n"
    half.sendall(head.encode() + b"x" * (12 * MIB))

    def uploads():
        return store.s3.list_multipart_uploads(Bucket="contents").get("Uploads", [])

    eventually(uploads)
    outside.kill()
    half.close()
    # An object that nobody claimed: written, and then the lights went out.
    store.s3.put_object(Bucket="contents", Key="one/" + "00" * 16, Body=b"orphan")
    # What is not a content is not ours to remove.
    store.s3.put_object(Bucket="contents", Key="one/notes.txt", Body=b"mine")
    store.s3.put_object(Bucket="contents", Key="two/" + "00" * 16, Body=b"another's")
    outside.start()
    eventually(lambda: not uploads())
    eventually(lambda: store.keys("one/") == sorted([*kept, "one/notes.txt"]))
    assert store.keys("two/") == ["two/" + "00" * 16]
    s3 = Account(outside, "000000000000").client("s3")
    assert s3.get_object(Bucket="bytes", Key="kept")["Body"].read() == b"k" * MIB
    with refused("NoSuchKey"):
        s3.get_object(Bucket="bytes", Key="half")
    assert outside.run("reset", "--yes").returncode == 0
    eventually(lambda: store.keys("one/") == ["one/notes.txt", "one/owner"])


def test_a_place_has_one_owner_and_a_cloud_one_place(outside, store, tmp_path):
    endpoint = ["--contents-endpoint", store.endpoint]
    other = start(tmp_path / "other", store, "--contents", "s3://contents/one", *endpoint)
    assert "another cloud's contents lie in s3://contents/one" in other
    # Having failed, it may choose again.
    second = Outside(tmp_path, store, at="s3://contents/two")
    second.data = tmp_path / "other"
    second.start()
    second.kill()
    moved = start(second.data, store, "--contents", "s3://contents/three", *endpoint)
    assert re.search(r"contents of this cloud lie in s3://contents/two at .*, and stay there", moved)
    assert "VIRGA_CONTENTS_ACCESS_KEY_ID is not set" in start(second.data, store, keys=False)
    usual = Cloud(tmp_path / "outside")
    usual.data = tmp_path / "usual"
    usual.start()
    usual.kill()
    assert "only a new data folder" in start(usual.data, store, "--contents", "s3://contents/four", *endpoint)
    assert "is no name of a bucket" in start(tmp_path / "new", store, "--contents", "s3://A", *endpoint)
    nowhere = start(tmp_path / "new", store, "--contents", "s3://nowhere-at-all", *endpoint)
    # Who may not list a bucket does not learn whether there is one.
    assert "404" in nowhere or "403" in nowhere
    assert "cannot be used" in start(
        tmp_path / "new", store, "--contents", "s3://contents", "--contents-endpoint", "http://127.0.0.1:1"
    )


@pytest.mark.parametrize("store", ["virga"], indirect=True)
def test_only_who_is_trusted_and_let_in(store, tmp_path):
    place = ["--contents", "s3://contents/tls"]
    secure = store.endpoint.replace("http:", "https:")
    untrusted = start(tmp_path / "data", store, *place, "--contents-endpoint", secure)
    assert "certificate" in untrusted.lower() or "no file with trusted certificates" in untrusted
    there = Cloud(tmp_path / "store")
    bundle = there.ask("env", "--tls")["AWS_CA_BUNDLE"]
    (tmp_path / "tls").mkdir()
    tls = Outside(tmp_path / "tls", Store(secure.replace("https:", "http:"), store.key, store.secret))
    tls.at = "s3://contents/tls"
    tls.store.endpoint = secure
    tls.options = ("--trust", bundle)
    tls.start()
    s3 = Account(tls, "000000000000").client("s3")
    s3.create_bucket(Bucket="bytes")
    s3.put_object(Bucket="bytes", Key="k", Body=b"x" * MIB)
    assert s3.get_object(Bucket="bytes", Key="k")["Body"].read() == b"x" * MIB
    tls.kill()
    wrong = Store(store.endpoint, store.key, "wrong")
    assert "403" in start(tmp_path / "wrong", wrong, *place, "--contents-endpoint", store.endpoint)


@pytest.mark.parametrize("store", ["virga"], indirect=True)
def test_nothing_is_acknowledged_while_the_store_is_away(outside, store, tmp_path):
    s3 = Account(outside, "000000000000").client("s3", read_timeout=PATIENCE)
    s3.create_bucket(Bucket="bytes")
    s3.put_object(Bucket="bytes", Key="before", Body=b"x" * MIB)
    there = Cloud(tmp_path / "store")
    there.endpoint = store.endpoint
    there.run("down")
    began = time.monotonic()
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="bytes", Key="meanwhile", Body=b"x" * MIB)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    # Its size and checksums are known, so the answer has begun when it breaks off.
    with pytest.raises((ClientError, ResponseStreamingError)):
        s3.get_object(Bucket="bytes", Key="before")["Body"].read()
    assert time.monotonic() - began < PATIENCE
    there.start()
    assert s3.get_object(Bucket="bytes", Key="before")["Body"].read() == b"x" * MIB
    with refused("NoSuchKey"):
        s3.get_object(Bucket="bytes", Key="meanwhile")
    s3.put_object(Bucket="bytes", Key="meanwhile", Body=b"y" * MIB)
    assert s3.get_object(Bucket="bytes", Key="meanwhile")["Body"].read() == b"y" * MIB
    there.kill()


@pytest.mark.parametrize("store", ["virga"], indirect=True)
def test_a_large_object_is_asked_for_in_few_requests(outside, store, tmp_path):
    s3 = Account(outside, "123456789012").client("s3")
    s3.create_bucket(Bucket="large")
    body = b"".join(n.to_bytes(4, "big") for n in range(8 * MIB))
    s3.put_object(Bucket="large", Key="k", Body=body)
    there = Cloud(tmp_path / "store")

    def reads():
        rows = there.ask("usage", "--by", "operation")["rows"]
        found = [row for row in rows if row["operation"] == "GetObject" and row["unit"] == "Requests"]
        return sum(int(row["usage"]) for row in found)

    def asked(act):
        before = reads()
        act()
        return reads() - before

    def get(**more):
        return s3.get_object(Bucket="large", Key="k", **more)["Body"].read()

    def whole():
        assert get() == body

    # 32 MiB are 128 pieces: the first alone, then 4, 8, 16, 32, 64 and the rest.
    assert asked(whole) <= 8
    # From within, in two pieces, and the last bytes.
    middle = 5 * MIB + 12345
    assert get(Range=f"bytes={middle}-{middle + 400_000}") == body[middle : middle + 400_001]
    assert get(Range="bytes=-10") == body[-10:]

    def stop_early():
        stream = s3.get_object(Bucket="large", Key="k")["Body"]
        assert stream.read(MIB) == body[:MIB]
        stream.close()

    assert asked(stop_early) <= 6
    whole()
