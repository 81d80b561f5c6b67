"""S3 against what AWS itself answered: recordings that the Go CDK's tests carry, which its module brings.

Each recorded request is sent again, and its answer held against AWS's: status, headers and document.
"""

import base64
import html
import http.client
import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from test_dynamodb_go import _go

MODULE = "gocloud.dev@v0.49.0"
BUCKET, REGION = "go-cloud-testing-2", "us-west-1"
# What differs each time, or depends on how bodies are framed.
ELSE = {"date", "last-modified", "x-amz-id-2", "x-amz-request-id", "content-length"}
NOT_SENT = {"Accept-Encoding", "Content-Length", "User-Agent", "X-Amz-Date"}
LEAVES = re.compile(r"<(RequestId|HostId|LastModified|ID|NextContinuationToken|ContinuationToken)>[^<]*</")
# Objects of before December 2024 have no checksum.
CHECKSUMS = re.compile(r"<ChecksumAlgorithm>[^<]*</ChecksumAlgorithm><ChecksumType>[^<]*</ChecksumType>(?=<Size>)")
TOKEN = re.compile(r"<NextContinuationToken>([^<]*)</")
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Each recording's name and entries."""
    got = subprocess.run(
        [_go(), "mod", "download", "-json", MODULE],
        cwd=tmp_path_factory.mktemp("go"),
        env={**os.environ, "GOFLAGS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if got.returncode != 0:
        pytest.skip(f"{MODULE} cannot be had: {got.stdout.strip()}")
    root = Path(json.loads(got.stdout)["Dir"]) / "blob" / "s3blob" / "testdata"
    found = {}
    for path in sorted(root.rglob("*.replay")):
        found[str(path.relative_to(root))] = json.loads(path.read_text())["Entries"] or []
    assert len(found) > 100
    return found


class AsRecorded(S3SigV4Auth):
    """Signs what is recorded of the body, which may be of the kind that is not signed."""

    def __init__(self, account, digest):
        super().__init__(Credentials(account.key, account.secret), "s3", REGION)
        self.digest = digest

    def payload(self, request):
        return self.digest


def again(account, recorded, tokens):
    """Sends a recorded request. Status, headers and document of its answer."""
    url = recorded["URL"]
    for old, new in tokens.items():
        url = url.replace(old, new)
    headers = {name: ",".join(values) for name, values in recorded["Header"].items() if name not in NOT_SENT}
    if recorded["Method"] == "PUT" and "X-Amz-Copy-Source" not in headers:
        headers["Content-Type"] = recorded["MediaType"]
    body = b"".join(base64.b64decode(part or "") for part in recorded["BodyParts"] or [])
    request = AWSRequest(recorded["Method"], url, data=body, headers=headers)
    AsRecorded(account, headers["X-Amz-Content-Sha256"]).add_auth(request)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", account.cloud.port, timeout=20)
    headers = {"Host": parts.netloc, **dict(request.headers.items())}
    connection.request(recorded["Method"], parts.path + ("?" + parts.query if parts.query else ""), body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers.items(), answer.read().decode(errors="surrogateescape")


def told(headers):
    """Of media types the kind alone: that is what is recorded of the requests."""
    return {
        name.lower(): value.partition(";")[0] if name.lower() == "content-type" else value
        for name, value in headers
        if name.lower() not in ELSE
    }


def text(answer):
    return base64.b64decode(answer["Body"] or "").decode(errors="surrogateescape")


def document(body):
    masked = LEAVES.sub(r"<\1>?</", body.removeprefix(DECLARATION).replace("&quot;", '"'))
    return CHECKSUMS.sub("", masked)


def differences(name, entries, account):
    tokens = {}
    for entry in entries:
        request, answer = entry["Request"], entry["Response"]
        if "X-Amz-Content-Sha256" not in request["Header"]:
            # Its address was signed, and the signature is not recorded.
            continue
        expected = text(answer)
        status, headers, got = again(account, request, tokens)
        for old, new in zip(TOKEN.findall(expected), TOKEN.findall(got), strict=False):
            escaped = (token.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D") for token in (old, new))
            tokens |= [tuple(escaped)]
        ours = (status, told(headers), document(got))
        aws = [(header, values[0]) for header, values in answer["Header"].items()]
        theirs = (answer["StatusCode"], told(aws), document(expected))
        if ours != theirs:
            yield f"{name}: {request['Method']} {request['URL']}\n  AWS: {theirs}\n  here: {ours}"


def there_before(recordings):
    """The keys that listings tell of: some lay there from the first recording on, and the others are put again."""
    for entries in recordings.values():
        for entry in entries:
            for key in re.findall(r"<Contents><Key>([^<]*)</Key>", text(entry["Response"])):
                yield html.unescape(key)


def test_what_aws_was_seen_to_answer(recordings, account):
    s3 = account.client("s3", region=REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in set(there_before(recordings)):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"hello", ContentType="text/plain")
    found = [line for name, entries in recordings.items() for line in differences(name, entries, account)]
    assert not found, "\n".join(found)
