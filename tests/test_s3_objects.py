"""S3's objects through boto3 and the AWS CLI: transfers, forms, presigned URLs; nothing acknowledged is lost."""

import hashlib
import http.client
import io
import os
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlparse

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from cloudtest import allow, refused

MIB = 1 << 20
# How often the cloud is killed among its writers; hundreds show more, and take their time.
CRASHES = int(os.environ.get("VIRGA_CRASHES", "6"))


@pytest.fixture
def s3(account):
    return account.client("s3", signature_version="s3v4", s3={"addressing_style": "path"})


@pytest.fixture
def bucket(account, s3):
    name = f"objects-{account.account}"
    s3.create_bucket(Bucket=name)
    return name


def test_a_file_goes_up_in_parts_and_comes_back(s3, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(21 * MIB + 12345))
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    s3.upload_file(str(source), bucket, "large/file", Config=config, ExtraArgs={"Metadata": {"made-by": "test"}})
    head = s3.head_object(Bucket=bucket, Key="large/file")
    assert head["ContentLength"] == source.stat().st_size
    assert head["ETag"].endswith('-3"')
    assert head["Metadata"] == {"made-by": "test"}
    s3.download_file(bucket, "large/file", str(target), Config=config)
    assert target.read_bytes() == source.read_bytes()
    part = s3.get_object(Bucket=bucket, Key="large/file", Range=f"bytes={8 * MIB - 3}-{8 * MIB + 3}")
    assert part["Body"].read() == source.read_bytes()[8 * MIB - 3 : 8 * MIB + 4]
    s3.copy({"Bucket": bucket, "Key": "large/file"}, bucket, "copied", Config=config)
    copied = s3.get_object(Bucket=bucket, Key="copied")["Body"].read()
    assert hashlib.sha256(copied).digest() == hashlib.sha256(source.read_bytes()).digest()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_every_checksum_travels_as_a_trailer(s3, bucket, algorithm):
    if algorithm in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt")
    put = s3.put_object(Bucket=bucket, Key=algorithm, Body=b"x" * 100_000, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"x" * 100_000
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def test_presigned_urls_are_for_what_they_say(account, s3, bucket):
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "signed"}, ExpiresIn=60)
    request = urllib.request.Request(put, data=b"by url", method="PUT", headers={"content-type": ""})
    assert urllib.request.urlopen(request).status == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "signed"}, ExpiresIn=60)
    assert urllib.request.urlopen(get).read() == b"by url"


def post(form, fields=None, data=b"the file"):
    """Sends a form as a browser does; returns status, headers and body."""
    boundary = "----boundary7MA4YWxk"
    parts = b""
    for name, value in {**form["fields"], **(fields or {})}.items():
        parts += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    parts += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\n'.encode()
    parts += data + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(form["url"], data=parts, method="POST")
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read().decode()


def test_a_form_uploads_what_its_policy_allows(account, s3, bucket):
    user = account.user("uploader", allow("s3:PutObject"))
    signer = user.client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
    conditions = [["content-length-range", 1, 300_000], {"success_action_status": "201"}]
    form = signer.generate_presigned_post(
        bucket, "up/${filename}", Fields={"success_action_status": "201"}, Conditions=conditions
    )
    status, headers, body = post(form)
    assert status == 201, body
    assert "<PostResponse>" in body
    assert "<Key>up/f.txt</Key>" in body
    assert s3.get_object(Bucket=bucket, Key="up/f.txt")["Body"].read() == b"the file"
    assert headers["ETag"] == f'"{hashlib.md5(b"the file").hexdigest()}"'
    status, _, _ = post(form, data=b"z" * 200_000)
    assert status == 201
    assert s3.head_object(Bucket=bucket, Key="up/f.txt")["ContentLength"] == 200_000
    status, _, body = post(form, data=b"z" * 300_001)
    assert status == 400
    assert "<Code>EntityTooLarge</Code>" in body
    status, _, body = post(form, {"x-amz-meta-extra": "1"})
    assert status == 403
    assert "Extra input fields: x-amz-meta-extra" in body
    status, _, body = post({**form, "fields": {**form["fields"], "policy": form["fields"]["policy"][:-4]}})
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in body
    status, _, body = post({"url": form["url"], "fields": {"key": "anonymous"}})
    assert status == 403
    assert "<Code>AccessDenied</Code>" in body


def s3_command(account, *arguments):
    done = account.aws("s3", *arguments, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cli_copies_and_syncs(account, s3, bucket, tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    files = {"a.txt": b"a", "sub/b.bin": os.urandom(9 * MIB), "sub/empty": b""}
    for name, content in files.items():
        (tree / name).write_bytes(content)
    s3_command(account, "cp", str(tree / "a.txt"), f"s3://{bucket}/one.txt")
    s3_command(account, "sync", str(tree), f"s3://{bucket}/tree")
    back = tmp_path / "back"
    s3_command(account, "sync", f"s3://{bucket}/tree", str(back))
    assert {name: (back / name).read_bytes() for name in files} == files
    s3_command(account, "rm", f"s3://{bucket}/tree", "--recursive")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert keys == ["one.txt"]


def test_refusals_are_s3s(s3, bucket):
    with refused("NoSuchKey", "The specified key does not exist.", 404):
        s3.get_object(Bucket=bucket, Key="nothing")
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=bucket, Key="nothing")
    assert error.value.response["Error"]["Code"] == "404"
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed", status=412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")


def test_answers_do_not_mix_when_the_body_was_not_asked_for(account, bucket):
    """botocore asks before it sends a body, and remembers an answer that came without `100 Continue`."""
    s3 = account.client("s3", s3={"addressing_style": "path"}, max_pool_connections=1)
    for round_number in range(3):
        body = b"x" * (round_number + 1)
        s3.put_object(Bucket=bucket, Key="empty", Body=io.BytesIO())
        put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body))
        assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        with refused("NoSuchBucket", status=404):
            s3.put_object(Bucket=f"{bucket}-none", Key="k", Body=io.BytesIO(b"x"))
        put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body))
        assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'


def test_a_connection_ends_where_a_body_was_not_asked_for(cloud):
    for length in ("0", "5"):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
        headers = {"Host": "s3.amazonaws.com", "Expect": "100-continue", "Content-Length": length}
        connection.request("PUT", "/nothing-here/k", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (404, "close")


def write_until(stop, cloud, bucket, number, acknowledged):
    """Puts objects, small and in files, and completes uploads, until the cloud goes away."""
    s3 = cloud.client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
    large = bytes([number]) * (5 * MIB)
    for round_number in range(1000):
        key = f"{number}-{round_number}"
        try:
            for name, body in ((f"small-{key}", key.encode()), (f"file-{key}", key.encode() * 20_000)):
                s3.put_object(Bucket=bucket, Key=name, Body=body)
                acknowledged[name] = hashlib.md5(body).hexdigest()
            if round_number % 5 == 0:
                name = f"parts-{key}"
                upload = s3.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
                parts = []
                for part, body in ((1, large), (2, key.encode())):
                    sent = s3.upload_part(Bucket=bucket, Key=name, UploadId=upload, PartNumber=part, Body=body)
                    parts.append({"PartNumber": part, "ETag": sent["ETag"]})
                s3.complete_multipart_upload(Bucket=bucket, Key=name, UploadId=upload, MultipartUpload={"Parts": parts})
                acknowledged[name] = hashlib.md5(large + key.encode()).hexdigest()
        except Exception:
            return
        if stop.is_set():
            return


def test_kill_loses_nothing_and_leaves_nothing_behind(own_cloud):
    cloud = own_cloud
    s3 = cloud.client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="crash")
    acknowledged = {}
    for _ in range(CRASHES):
        stop = threading.Event()
        enough = len(acknowledged) + 2
        writers = [
            threading.Thread(target=write_until, args=(stop, cloud, "crash", number, acknowledged))
            for number in range(4)
        ]
        for writer in writers:
            writer.start()
        time.sleep(1.0)
        # A busy machine takes longer; a round without a write shows nothing.
        deadline = time.monotonic() + 30
        while len(acknowledged) < enough and time.monotonic() < deadline:
            time.sleep(0.05)
        cloud.kill()
        stop.set()
        for writer in writers:
            writer.join()
        cloud.start()
    s3 = cloud.client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
    assert len(acknowledged) > 10
    for name, digest in acknowledged.items():
        body = s3.get_object(Bucket="crash", Key=name)["Body"].read()
        assert hashlib.md5(body).hexdigest() == digest, name
    # Whatever is listed is whole, acknowledged or not.
    listed = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="crash"):
        listed += page.get("Contents", [])
    for entry in listed:
        assert len(s3.get_object(Bucket="crash", Key=entry["Key"])["Body"].read()) == entry["Size"]
    for upload in s3.list_multipart_uploads(Bucket="crash").get("Uploads", []):
        s3.abort_multipart_upload(Bucket="crash", Key=upload["Key"], UploadId=upload["UploadId"])
    for entry in listed:
        s3.delete_object(Bucket="crash", Key=entry["Key"])
    # Contents of deleted objects wait a minute; orphans of crashes are gone after a start.
    contents = cloud.data / "contents"
    deadline = time.monotonic() + 120
    while any(path.is_file() for path in contents.rglob("*")) and time.monotonic() < deadline:
        time.sleep(1)
    assert not [path for path in contents.rglob("*") if path.is_file()]


def test_memory_stays_flat_while_a_large_object_streams(own_cloud, tmp_path):
    cloud = own_cloud
    s3 = cloud.client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="large")
    # Whole, and five parts: 600 MiB together.
    size, part_size = 200 * MIB, 80 * MIB

    class Zeros:
        def __init__(self, size):
            self.size = self.left = size

        def read(self, count=-1):
            count = min(self.left, MIB if count < 0 else count)
            self.left -= count
            return bytes(count)

        def __len__(self):
            return self.size

    def send(operation, size, **parameters):
        url = s3.generate_presigned_url(operation, {"Bucket": "large", **parameters}, ExpiresIn=600)
        connection = http.client.HTTPConnection(urlparse(url).netloc)
        headers = {"Content-Length": str(size)}
        connection.request("PUT", url.removeprefix(cloud.endpoint), body=Zeros(size), headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.headers["ETag"]

    peak = [0]
    done = threading.Event()

    def watch():
        while not done.is_set():
            lines = Path(f"/proc/{cloud.process.pid}/status").read_text().splitlines()
            # Its own; how much of the program itself is in memory says nothing about objects.
            line = next(line for line in lines if line.startswith("RssAnon"))
            peak[0] = max(peak[0], int(line.split()[1]))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    send("put_object", size, Key="zeros")
    upload = {"Key": "parts", "UploadId": s3.create_multipart_upload(Bucket="large", Key="parts")["UploadId"]}
    numbers = range(1, 6)
    with ThreadPoolExecutor(2) as pool:
        tags = list(pool.map(lambda n: send("upload_part", part_size, PartNumber=n, **upload), numbers))
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in zip(numbers, tags, strict=True)]
    s3.complete_multipart_upload(Bucket="large", MultipartUpload={"Parts": parts}, **upload)
    body = s3.get_object(Bucket="large", Key="parts", Range=f"bytes=1-{size}")["Body"]
    read = sum(len(piece) for piece in body.iter_chunks(MIB))
    done.set()
    watcher.join()
    assert read == size
    assert peak[0] < 100 * 1024, f"{peak[0]} KiB"
