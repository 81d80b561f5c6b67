"""Objects that are read again and again: they lie open, and what leaves is what was put, whatever becomes of them."""

import hashlib
import os
import socket
import time
import urllib.parse

import pytest
from cloudtest import refused

SIZE = (5 << 20) + 4321


@pytest.fixture
def s3(account):
    return account.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "hot-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    s3.create_bucket(Bucket=name)
    return name


def asked(cloud, s3, bucket, key):
    """A connection on which an object was asked for, of which nothing was read."""
    url = urllib.parse.urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}))
    connection = socket.socket()
    # As little as may be is on its way.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", cloud.port))
    head = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: keep-alive\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def answer(connection):
    """The body of an answer whose length is said."""
    with connection.makefile("rb") as read:
        assert read.readline().split()[1] == b"200"
        headers = dict(line.strip().lower().split(b": ", 1) for line in iter(read.readline, b"\r\n"))
        return read.read(int(headers[b"content-length"]))


def test_every_reading_is_the_same(cloud, s3, bucket):
    """The first is read from the disk, the second comes in, the third lies open; so for parts, and by TLS."""
    content = os.urandom(SIZE)
    s3.put_object(Bucket=bucket, Key="k", Body=content)
    for _ in range(4):
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == content
        for start, end in [(0, 0), (65_535, 65_536), (262_143, 786_433), (SIZE - 70_000, SIZE - 1)]:
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end}")["Body"].read()
            assert part == content[start : end + 1]
    assert answer(asked(cloud, s3, bucket, "k")) == content
    with refused("NoSuchKey"):
        s3.delete_object(Bucket=bucket, Key="k")
        s3.get_object(Bucket=bucket, Key="k")


def test_a_slow_reader_gets_what_it_was_promised(own_cloud, own_account):
    """What lies open is let go while it is on its way: the cloud idles, the object is deleted, others come in."""
    s3 = own_account.client("s3")
    s3.create_bucket(Bucket="slow")
    content = os.urandom(SIZE)
    s3.put_object(Bucket="slow", Key="k", Body=content)
    for _ in range(3):
        s3.get_object(Bucket="slow", Key="k")["Body"].read()
    readers = [asked(own_cloud, s3, "slow", "k") for _ in range(3)]
    time.sleep(0.5)
    s3.delete_object(Bucket="slow", Key="k")
    # An idle cloud lets go of what it keeps open.
    time.sleep(2.5)
    for other in range(8):
        s3.put_object(Bucket="slow", Key=f"o{other}", Body=os.urandom(SIZE))
        for _ in range(3):
            s3.get_object(Bucket="slow", Key=f"o{other}")["Body"].read()
    for reader in readers:
        assert answer(reader) == content
