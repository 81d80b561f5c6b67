"""What S3 answers to requests that no SDK would send: signed by hand, so that nothing is mended on the way."""

import base64
import hashlib
import hmac
import http.client
import re
import uuid
import zlib
from datetime import UTC, datetime

import pytest
from cloudtest import refused


class Raw:
    """A caller that signs what it is told, with the root key of an account."""

    def __init__(self, cloud, key):
        self.port, self.key = cloud.port, key

    def __call__(self, method, target, body=b"", **headers):
        """Status, headers and document of the answer."""
        path, _, query = target.partition("?")
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"host": f"127.0.0.1:{self.port}", "x-amz-date": now, "x-amz-content-sha256": digest}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        pairs = "&".join(sorted(pair if "=" in pair else pair + "=" for pair in query.split("&") if pair))
        request = f"{method}\n{path}\n{pairs}\n{lines}\n{names}\n{digest}"
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = b"AWS4test"
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        credential = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}"
        headers["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def members(document):
    """The leaves of an error's document but those that differ each time."""
    found = re.findall(r"<(\w[\w-]*)>([^<]*)</\1>", document)
    return {name: text for name, text in found if name not in ("RequestId", "HostId")}


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


@pytest.fixture
def raw(cloud, account):
    return Raw(cloud, account.key)


@pytest.fixture
def bucket(account):
    name = f"raw-{uuid.uuid4()}"
    account.client("s3").create_bucket(Bucket=name)
    account.client("s3").put_object(Bucket=name, Key="k", Body=b"x")
    return name


def argument(name, value, message):
    return 400, {"Code": "InvalidArgument", "Message": message, "ArgumentName": name, "ArgumentValue": value}


NO_INTEGER = "Provided max-keys not an integer or within integer range"
SOURCE = "x-amz-copy-source"
PART_NUMBERS = "Part number must be an integer between 1 and 10000, inclusive"

# Method, what follows the bucket, headers, and the answer.
WRONG_ARGUMENTS = [
    ("GET", "?max-keys=99999999999", {}, "max-keys", "99999999999", NO_INTEGER),
    ("GET", "?max-keys=x", {}, "max-keys", "x", NO_INTEGER),
    ("GET", "?max-keys=-1", {}, "maxKeys", "-1", "Argument maxKeys must be an integer between 0 and 2147483647"),
    ("GET", "?encoding-type=x", {}, "encoding-type", "x", "Invalid Encoding Method specified in Request"),
    ("GET", "?uploads&key-marker=a&upload-id-marker=x", {}, "upload-id-marker", "x", "Invalid uploadId marker"),
    ("GET", "/k?versionId=", {}, "versionId", "", "Version id cannot be the empty string"),
    ("GET", "/k?versionId=x", {}, "versionId", "x", "Invalid version id specified"),
    ("GET", "/k?partNumber=10001", {}, "partNumber", "10001", PART_NUMBERS),
    ("PUT", "/c", {"x_amz_copy_source": "x"}, SOURCE, SOURCE, "Invalid copy source object key"),
    ("PUT", "/c", {"x_amz_copy_source": "/"}, "x-amz-copy-source", "/", "Invalid copy source bucket name"),
    (
        "GET",
        "/k",
        {"x_amz_server_side_encryption": "AES256"},
        "x-amz-server-side-encryption",
        "AES256",
        "x-amz-server-side-encryption header is not supported for this operation.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "headers", "name", "value", "message"), WRONG_ARGUMENTS)
def test_a_wrong_argument_is_named(raw, bucket, method, target, headers, name, value, message):
    status, _, document = raw(method, f"/{bucket}{target}", **headers)
    assert (status, members(document)) == argument(name, value, message)


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [("PUT", "/", "SERVICE"), ("PATCH", "/{}", "BUCKET"), ("PATCH", "/{}/k", "OBJECT"), ("POST", "/{}/k", "OBJECT")],
)
def test_a_method_that_there_is_not(raw, bucket, method, target, kind):
    status, _, document = raw(method, target.format(bucket))
    message = "The specified method is not allowed against this resource."
    expected = {"Code": "MethodNotAllowed", "Message": message, "Method": method, "ResourceType": kind}
    assert (status, members(document)) == (405, expected)


def test_a_tag_whose_value_is_wrong(raw, bucket):
    for value in ("?", "v" * 257):
        tags = f"<Tagging><TagSet><Tag><Key>a</Key><Value>{value}</Value></Tag></TagSet></Tagging>"
        for target in (f"/{bucket}?tagging", f"/{bucket}/k?tagging"):
            status, _, document = raw("PUT", target, tags.encode(), content_md5=md5(tags.encode()))
            message = "The TagValue you have provided is invalid"
            expected = {"Code": "InvalidTag", "Message": message, "TagKey": "a", "TagValue": value}
            assert (status, members(document)) == (400, expected)


DIGESTED = {
    "?delete": ("POST", "<Delete><Object><Key>k</Key></Object></Delete>"),
    "?tagging": ("PUT", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
    "?cors": (
        "PUT",
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
        "</CORSConfiguration>",
    ),
    "?lifecycle": (
        "PUT",
        "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>1</Days></Expiration></Rule>"
        "</LifecycleConfiguration>",
    ),
}


@pytest.mark.parametrize("target", DIGESTED)
def test_some_requests_are_taken_with_a_digest_only(raw, bucket, target):
    method, document = DIGESTED[target]
    data = document.encode()
    status, _, said = raw(method, f"/{bucket}{target}", data)
    message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
    assert (status, members(said)) == (400, {"Code": "InvalidRequest", "Message": message})
    assert raw("GET", f"/{bucket}/k")[0] == 200
    crc32 = base64.b64encode(zlib.crc32(data).to_bytes(4)).decode()
    assert raw(method, f"/{bucket}{target}", data, x_amz_checksum_crc32=crc32)[0] in (200, 204)
    assert raw(method, f"/{bucket}{target}", data, content_md5=md5(data))[0] in (200, 204)


def test_dates_that_cannot_be_read_are_no_conditions(raw, bucket):
    assert raw("GET", f"/{bucket}/k", if_modified_since="yesterday")[0] == 200
    assert raw("GET", f"/{bucket}/k", if_unmodified_since="yesterday")[0] == 200


def test_the_owner_is_expected_by_number(raw, bucket):
    status, _, document = raw("GET", f"/{bucket}", x_amz_expected_bucket_owner="somebody")
    message = "The value of the expected bucket owner parameter must be an AWS Account ID... [somebody]"
    assert (status, members(document)) == (400, {"Code": "InvalidBucketOwnerAWSAccountID", "Message": message})


def test_listings_say_whole_seconds_and_the_last_upload(account, raw, bucket):
    s3 = account.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"]
    assert listed == s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    empty = raw("GET", f"/{bucket}?uploads")[2]
    assert "<NextKeyMarker></NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker>" in empty
    upload = s3.create_multipart_upload(Bucket=bucket, Key="u")["UploadId"]
    uploads = s3.list_multipart_uploads(Bucket=bucket)
    found = (uploads["IsTruncated"], uploads["NextKeyMarker"], uploads["NextUploadIdMarker"])
    assert found == (False, "u", upload)
    document = raw("GET", f"/{bucket}?uploads")[2]
    order = ["Key", "UploadId", "Initiator", "Owner", "StorageClass", "Initiated"]
    places = [document.index(f"<{name}>", document.index("<Upload>")) for name in order]
    assert places == sorted(places)


def test_callers_own_keys_are_blocked_and_can_be_let_in(account, bucket):
    s3 = account.client("s3")
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}

    def put(rule):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def shown():
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]

    def block(*kinds):
        rule = {**default, "BlockedEncryptionTypes": {"EncryptionType": list(kinds)}}
        put(rule)
        assert shown() == [rule]

    # A new bucket blocks them, and a default that does not speak of it changes nothing.
    blocked = {**default, "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    assert shown() == [blocked]
    put(default)
    assert shown() == [blocked]
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=bucket, Key="own", Body=b"old", **own)
    put({"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}})
    assert shown() == [{**default, "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]
    with refused("MalformedXML", status=400):
        put({"BucketKeyEnabled": False})
    s3.put_object(Bucket=bucket, Key="own", Body=b"old", **own)
    block("SSE-C")
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=bucket, Key="own", Body=b"new", **own)
    with refused("AccessDenied", status=403):
        s3.create_multipart_upload(Bucket=bucket, Key="own", **own)
    with refused("AccessDenied", status=403):
        s3.copy_object(Bucket=bucket, Key="own", CopySource=f"{bucket}/k", **own)
    s3.put_object(Bucket=bucket, Key="other", Body=b"new")
    assert s3.get_object(Bucket=bucket, Key="own", **own)["Body"].read() == b"old"
    with refused("MalformedXML", status=400):
        block("ROT13")
    block("NONE")
    s3.put_object(Bucket=bucket, Key="own", Body=b"new", **own)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert shown() == [blocked]
