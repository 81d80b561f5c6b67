"""What suites for S3 that everybody can read hold a server to, where no other test here says it."""

import http.client
import uuid

import pytest
from cloudtest import refused
from test_s3_refusals import Raw, members


@pytest.fixture
def s3(account):
    return account.client("s3")


@pytest.fixture
def bucket(s3):
    name = f"suites-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def test_names_in_listings_are_encoded_as_in_a_form(s3, bucket, cloud, account):
    for key in ("a b+c", "quux ab/thud", "~"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="in parts")["UploadId"]
    for version in ("", "&list-type=2"):
        document = Raw(cloud, account.key)("GET", f"/{bucket}?delimiter=%2F&encoding-type=url{version}")[2]
        assert "<Key>a+b%2Bc</Key>" in document
        assert "<Key>%7E</Key>" in document
        assert "<CommonPrefixes><Prefix>quux+ab/</Prefix></CommonPrefixes>" in document
    # A client that asks for the encoding gets the names back.
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a b+c", "quux ab/thud", "~"]
    uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(found["Key"], found["UploadId"]) for found in uploads] == [("in parts", upload)]


def test_what_is_appended_does_not_replace(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    with refused("NotImplemented", status=501) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"second", WriteOffsetBytes=5)
    assert caught.value.response["Error"]["Header"] == "x-amz-write-offset-bytes"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_a_delete_overtakes_uploads(s3, bucket):
    def begin():
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        return {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": parts}

    def conflicts(begun):
        with refused("ConditionalRequestConflict", status=409) as caught:
            s3.complete_multipart_upload(**begun, IfNoneMatch="*")
        assert caught.value.response["Error"]["Condition"] == "If-None-Match"

    # It was there when the upload began, or came later: it has gone since.
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    begun = begin()
    with refused("PreconditionFailed", status=412):
        s3.complete_multipart_upload(**begun, IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    conflicts(begun)
    later = begin()
    # There was nothing to delete.
    s3.delete_object(Bucket=bucket, Key="k")
    s3.complete_multipart_upload(**later, IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    again = begin()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    conflicts(again)
    s3.complete_multipart_upload(**again)
    # A version that goes for good leaves no marker either.
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    of_versions = begin()
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    conflicts(of_versions)


def test_whom_the_acl_lets_list_learns_what_is_missing(s3, cloud, other_account):
    bucket = f"suites-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="private", Body=b"x")
    strangers = [cloud.anonymous("s3"), other_account.client("s3")]
    for stranger in strangers:
        with refused("AccessDenied", status=403):
            stranger.get_object(Bucket=bucket, Key="missing")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for stranger in strangers:
        with refused("NoSuchKey", status=404):
            stranger.get_object(Bucket=bucket, Key="missing")
        with refused("404", status=404):
            stranger.head_object(Bucket=bucket, Key="missing")
        with refused("AccessDenied", status=403):
            stranger.get_object(Bucket=bucket, Key="private")
        with refused("AccessDenied", status=403):
            stranger.get_object_acl(Bucket=bucket, Key="missing")


def test_an_empty_authorization_is_none(bucket, cloud):
    for method, target, body in (
        ("PUT", f"/{bucket}/k", b"bar"),
        ("PUT", "/suites-of-nobody", None),
        ("GET", "/", None),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
        connection.request(method, target, body, {"Authorization": ""})
        answer = connection.getresponse()
        assert (answer.status, members(answer.read().decode())["Code"]) == (403, "AccessDenied")


def test_a_body_needs_a_length(bucket, cloud, account):
    for chunked, status, code in ((True, 501, "NotImplemented"), (False, 411, "MissingContentLength")):
        url = account.client("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
        connection.putrequest("PUT", url.removeprefix(cloud.endpoint), skip_accept_encoding=True)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"3\r\nabc\r\n0\r\n\r\n" if chunked else None)
        answer = connection.getresponse()
        found = members(answer.read().decode())
        assert (answer.status, found["Code"], found.get("Header")) == (
            status,
            code,
            "Transfer-Encoding" if chunked else None,
        )
        connection.close()


def test_encodings_stay_as_they_are_told(s3, bucket):
    for told, kept in (
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate, gzip"),
        ("deflate, gzip, aws-chunked", "deflate, gzip"),
        ("aws-chunked,gzip", "gzip"),
        ("aws-chunked", None),
    ):
        s3.put_object(Bucket=bucket, Key="k", ContentEncoding=told)
        assert s3.head_object(Bucket=bucket, Key="k").get("ContentEncoding") == kept


def test_a_checksum_is_of_the_algorithm_that_is_named(s3, bucket, cloud, account):
    raw = Raw(cloud, account.key)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    stated = {"x_amz_checksum_sha256": "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564="}
    for address in (f"/{bucket}/k", f"/{bucket}/k?partNumber=1&uploadId={upload}"):
        assert raw("PUT", address, b"foo", x_amz_sdk_checksum_algorithm="sha256", **stated)[0] == 200
        for name, headers, words in (
            ("CRC32", stated, "Value for x-amz-sdk-checksum-algorithm header is invalid."),
            (
                "SHA256",
                {},
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found.",
            ),
        ):
            status, _, answer = raw("PUT", address, b"foo", x_amz_sdk_checksum_algorithm=name, **headers)
            assert (status, members(answer)["Code"], members(answer)["Message"]) == (400, "InvalidRequest", words)
