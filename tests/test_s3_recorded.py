"""What AWS was seen to answer where its documentation is silent: codes, words and further members, held one by one."""

import html
import http.client
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from test_s3_refusals import Raw, members

SCHEMA = "The XML you provided was not well-formed or did not validate against our published schema"
NOT_ALLOWED = "The specified method is not allowed against this resource."
NO_KEY = "The specified key does not exist."
NO_ID = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"


@pytest.fixture
def s3(account):
    return account.client("s3")


@pytest.fixture
def raw(cloud, account):
    return Raw(cloud, account.key)


@pytest.fixture
def make(s3):
    def made(versions=None, **said):
        name = f"seen-{uuid.uuid4()}"
        s3.create_bucket(Bucket=name, **said)
        if versions:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versions})
        return name

    return made


def said(call, **arguments):
    """Status and error of a call that is refused, without what differs each time."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = {
        name: text
        for name, text in caught.value.response["Error"].items()
        if name not in ("RequestId", "HostId", "Type")
    }
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error


def argument(message, name, **value):
    """InvalidArgument, of some arguments without their value."""
    return 400, {"Code": "InvalidArgument", "Message": message, "ArgumentName": name, **value}


def of_marker(method):
    return 405, {
        "Code": "MethodNotAllowed",
        "Message": NOT_ALLOWED,
        "Method": method,
        "ResourceType": "DeleteMarker",
    }


def test_what_is_no_version_id(s3, make):
    for versions in (None, "Enabled"):
        bucket = make(versions)
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        wrong = argument("Invalid version id specified", "versionId", ArgumentValue=NO_ID)
        for call in (s3.get_object, s3.get_object_tagging, s3.delete_object):
            assert said(call, Bucket=bucket, Key="k", VersionId=NO_ID) == wrong
        gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": NO_ID}, {"Key": "k2"}]})
        assert [(e["Code"], e["VersionId"]) for e in gone["Errors"]] == [("NoSuchVersion", NO_ID)]
        assert [d["Key"] for d in gone["Deleted"]] == ["k2"]
        if versions:
            # The id of a version that has gone still is one.
            s3.delete_object(Bucket=bucket, Key="k", VersionId=put["VersionId"])
            assert said(s3.get_object, Bucket=bucket, Key="k", VersionId=put["VersionId"])[1]["Code"] == "NoSuchVersion"
            assert s3.delete_object(Bucket=bucket, Key="k", VersionId=put["VersionId"])


def test_delete_markers_have_nothing_of_their_own(s3, make):
    bucket = make(ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter")
    s3.put_object(Bucket=bucket, Key="k")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    tags = {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
    until = {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}}
    for call, method, more in (
        (s3.get_object_tagging, "GET", {}),
        (s3.put_object_tagging, "PUT", tags),
        (s3.delete_object_tagging, "DELETE", {}),
        (s3.put_object_retention, "PUT", until),
        (s3.put_object_legal_hold, "PUT", {"LegalHold": {"Status": "ON"}}),
        (s3.put_object_acl, "PUT", {"ACL": "private"}),
    ):
        assert said(call, Bucket=bucket, Key="k", **more) == of_marker(method)
        assert said(call, Bucket=bucket, Key="k", VersionId=marker, **more) == of_marker(method)
    no_key = (404, {"Code": "NoSuchKey", "Message": NO_KEY, "Key": "k"})
    assert said(s3.get_object_acl, Bucket=bucket, Key="k") == no_key
    assert said(s3.get_object_attributes, Bucket=bucket, Key="k", ObjectAttributes=["ETag"]) == no_key


def test_tags(s3, make):
    bucket = make()
    s3.put_object(Bucket=bucket, Key="k")
    ours = {"TagSet": [{"Key": "aws:mine", "Value": ""}]}
    for call, key, message in (
        (s3.put_bucket_tagging, {}, "System tags cannot be added/updated by requester"),
        (s3.put_object_tagging, {"Key": "k"}, "Your TagKey cannot be prefixed with aws:"),
    ):
        refused = (400, {"Code": "InvalidTag", "Message": message, "TagKey": "aws:mine"})
        assert said(call, Bucket=bucket, Tagging=ours, **key) == refused
    status, error = said(s3.put_object, Bucket=bucket, Key="t", Tagging="a=1,b=2")
    assert (status, error["Code"], error["ArgumentValue"]) == (400, "InvalidArgument", "a=1,b=2")
    # Only this operation tells the bucket with the key.
    assert said(s3.get_object_tagging, Bucket=bucket, Key="no")[1]["Key"] == f"{bucket}/no"
    assert said(s3.delete_object_tagging, Bucket=bucket, Key="no")[1]["Key"] == "no"


def test_passing_governance_where_nothing_is_locked(s3, make):
    bucket, name = make(), "x-amz-bypass-governance-retention"
    refused = argument(f"{name} is only applicable to Object Lock enabled buckets.", name)
    for says in (True, False):
        assert said(s3.delete_object, Bucket=bucket, Key="k", BypassGovernanceRetention=says) == refused
    objects = {"Objects": [{"Key": "k"}]}
    assert said(s3.delete_objects, Bucket=bucket, Delete=objects, BypassGovernanceRetention=True) == refused


def test_a_legal_hold_that_was_lifted(s3, make):
    bucket = make(ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k")
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=bucket, Key="k")
    for status in ("ON", "OFF"):
        s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": status})
        assert s3.head_object(Bucket=bucket, Key="k")["ObjectLockLegalHoldStatus"] == status


def test_ranges_and_parts_of_copies(s3, make):
    bucket = make()
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789", ChecksumAlgorithm="CRC32")
    for wanted, whole in (("bytes=0-100", True), ("bytes=-15", True), ("bytes=0-8", False)):
        got = s3.get_object(Bucket=bucket, Key="k", Range=wanted, ChecksumMode="ENABLED")
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert ("ChecksumCRC32" in got, "ChecksumType" in got) == (whole, whole), wanted
    upload = s3.create_multipart_upload(Bucket=bucket, Key="u")["UploadId"]
    place = {"Bucket": bucket, "Key": "u", "UploadId": upload, "PartNumber": 1, "CopySource": f"{bucket}/k"}
    message = "The specified copy range is invalid for the source object size"
    refused = (400, {"Code": "InvalidRequest", "Message": message})
    assert said(s3.upload_part_copy, CopySourceRange="bytes=100-200", **place) == refused


def test_conditions_of_completions(s3, make):
    bucket = make("Enabled")

    def upload():
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
        return upload, {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}

    def complete(begun, **condition):
        place = {"Bucket": bucket, "Key": "k", "UploadId": begun[0], "MultipartUpload": begun[1]}
        return said(s3.complete_multipart_upload, **place, **condition)

    message = "The conditional request cannot succeed due to a conflicting operation against this resource."

    def conflict(condition):
        error = {"Code": "ConditionalRequestConflict", "Message": message, "Condition": condition, "Key": "k"}
        return 409, error

    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    begun = upload()
    # Be it the same bytes: somebody was there in between.
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    assert complete(begun, IfMatch=first) == conflict("If-Match")
    s3.delete_object(Bucket=bucket, Key="k")
    assert complete(begun, IfMatch=first)[1]["Code"] == "NoSuchKey"
    assert complete(begun, IfNoneMatch="*") == conflict("If-None-Match")
    again, parts = upload()
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=again, MultipartUpload=parts, IfNoneMatch="*")
    status, error = said(s3.put_object, Bucket=bucket, Key="k", IfMatch="*")
    assert (status, error["Header"]) == (501, "If-Match")
    assert error["additionalMessage"] == "We don't accept the provided value of If-Match header for this API"


def test_ids_that_copies_tell(s3, make, raw):
    bucket = make()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def copy():
        done = s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="STANDARD")
        return done.get("CopySourceVersionId"), done.get("VersionId")

    assert copy() == (None, None)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert copy() == (None, "null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    source, first = copy()
    assert (source, len(first)) == (None, 32)
    assert copy()[0] == first
    answer = raw("PUT", f"/{bucket}/c", x_amz_copy_source="nonsense")
    assert members(answer[2])["ArgumentValue"] == "x-amz-copy-source"


def test_a_stated_default_encryption_makes_a_copy_onto_itself_legal(s3, make):
    bucket = make()
    s3.put_object(Bucket=bucket, Key="k")
    itself = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    assert said(s3.copy_object, **itself)[1]["Code"] == "InvalidRequest"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.copy_object(**itself)["ServerSideEncryption"] == "AES256"
    rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = "k"
    status, error = said(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert (status, error["ArgumentName"]) == (400, "ApplyServerSideEncryptionByDefault")
    assert "ArgumentValue" not in error


def test_grants(s3, make):
    bucket = make(ObjectOwnership="ObjectWriter")
    s3.put_object(Bucket=bucket, Key="k")
    group = "http://acs.amazonaws.com/groups/s3/FakeGroup"
    for call, key in ((s3.put_bucket_acl, {}), (s3.put_object_acl, {"Key": "k"})):
        for header, refused in (
            (f'uri="{group}"', argument("Invalid group uri", "uri", ArgumentValue=group)),
            ('id="no-id"', argument("Invalid id", "id", ArgumentValue="no-id")),
            (
                'who="1"',
                argument("Argument format not recognized", "x-amz-grant-write-acp", ArgumentValue='who="1"'),
            ),
        ):
            assert said(call, Bucket=bucket, GrantWriteACP=header, **key) == refused


def test_acl_documents(s3, make, raw):
    bucket = make(ObjectOwnership="ObjectWriter")
    s3.put_object(Bucket=bucket, Key="k")
    owner = s3.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"]
    schema = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type'
    user = f'<Grantee {schema}="CanonicalUser"><ID>{owner}</ID></Grantee>'
    for grant in (
        f"{user}<Permission>FAKE</Permission>",
        f"<Grantee><ID>{owner}</ID></Grantee><Permission>READ</Permission>",
    ):
        document = (
            f"<AccessControlPolicy><Owner><ID>{owner}</ID></Owner>"
            f"<AccessControlList><Grant>{grant}</Grant></AccessControlList></AccessControlPolicy>"
        )
        for target in (f"/{bucket}?acl", f"/{bucket}/k?acl"):
            status, _, answer = raw("PUT", target, document.encode())
            assert (status, members(answer)) == (400, {"Code": "MalformedACLError", "Message": SCHEMA})


def configurations(bucket):
    """Configurations by id: operation, member, what is put, and the refusal under another id."""
    target = {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV"}}
    malformed = {"Code": "MalformedXML", "Message": SCHEMA}
    mismatch = {
        "Code": "IdMismatch",
        "Message": "Document ID does not match the specified configuration ID.",
    }
    tier = {"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}
    analysis = {"DataExport": {"OutputSchemaVersion": "V_1", "Destination": target}}
    return [
        ("analytics", "AnalyticsConfiguration", {"StorageClassAnalysis": analysis}, malformed),
        (
            "intelligent_tiering",
            "IntelligentTieringConfiguration",
            {"Status": "Enabled", "Tierings": [tier]},
            malformed,
        ),
        (
            "inventory",
            "InventoryConfiguration",
            {
                "IsEnabled": True,
                "IncludedObjectVersions": "All",
                "Schedule": {"Frequency": "Daily"},
                "Destination": target,
            },
            mismatch,
        ),
        ("metrics", "MetricsConfiguration", {"Filter": {"Prefix": "logs/"}}, malformed),
    ]


def test_configurations_by_id(s3, make):
    bucket = make()
    for name, member, content, refused in configurations(bucket):
        put = getattr(s3, f"put_bucket_{name}_configuration")
        answer = put(Bucket=bucket, Id="one", **{member: {"Id": "one", **content}})
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204, name
        assert said(put, Bucket=bucket, Id="two", **{member: {"Id": "one", **content}}) == (400, refused), name
    inventory = configurations("")[2][2] | {
        "Id": "i",
        "Destination": {"S3BucketDestination": {"Bucket": "arn", "Format": "CSV"}},
    }
    refused = (400, {"Code": "InvalidS3DestinationBucket", "Message": "Invalid bucket ARN."})
    put = s3.put_bucket_inventory_configuration
    assert said(put, Bucket=bucket, Id="i", InventoryConfiguration=inventory) == refused


def test_other_configurations(account, s3, make, raw):
    bucket = make()
    empty = raw("PUT", f"/{bucket}?policy")
    assert empty[0] == 400
    message = "Policies must be valid JSON and the first byte must be '{'"
    assert members(html.unescape(empty[2])) == {"Code": "MalformedPolicy", "Message": message}
    message = "Invalid x-amz-object-ownership header: Nobody"
    refused = raw("PUT", f"/new-{bucket}", x_amz_object_ownership="Nobody")
    assert (refused[0], members(refused[2])) == argument(message, "x-amz-object-ownership")
    site = "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument>{}</WebsiteConfiguration>"
    rule = "<RoutingRules><RoutingRule><Redirect><Protocol>ftp</Protocol></Redirect></RoutingRule></RoutingRules>"
    status, _, answer = raw("PUT", f"/{bucket}?website", site.format(rule).encode())
    message = (
        "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."
    )
    assert (status, members(answer)) == (400, {"Code": "InvalidRequest", "Message": message})
    status, _, answer = raw("PUT", f"/{bucket}?website", site.format("<RoutingRules/>").encode())
    assert (status, members(answer)["Code"]) == (400, "MalformedXML")
    noon = {"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Date": datetime(2030, 1, 1, 12, tzinfo=UTC)}}
    refused = said(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [noon]})
    assert refused == argument("'Date' must be at midnight GMT", "Date", ArgumentValue="2030-01-01T12:00:00Z")


def test_logs_stay_in_their_region(account, s3, make):
    home = make()

    def elsewhere(region):
        client = account.client("s3", region=region)
        name = f"seen-{uuid.uuid4()}"
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        return client, name

    west, far = elsewhere("us-west-2")
    _, farther = elsewhere("eu-central-1")
    words = {"Code": "CrossLocationLoggingProhibitted", "Message": "Cross S3 location logging not allowed. "}
    for client, source, target, members_ in (
        (s3, home, far, {"TargetBucketLocation": "us-west-2"}),
        (west, far, farther, {"SourceBucketLocation": "us-west-2", "TargetBucketLocation": "eu-central-1"}),
    ):
        status = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log"}}
        refused = said(client.put_bucket_logging, Bucket=source, BucketLoggingStatus=status)
        assert refused == (403, words | members_)


def test_when_a_version_expires_is_told_of_the_current_one(s3, make):
    bucket = make("Enabled")
    rule = {"ID": "week", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="k")
    for call in (s3.head_object, s3.get_object):
        assert call(Bucket=bucket, Key="k")["Expiration"] == put["Expiration"]
        assert "Expiration" not in call(Bucket=bucket, Key="k", VersionId=put["VersionId"])


def test_markers_within_what_is_rolled_up(s3, make):
    bucket = make("Enabled")
    for key in ("d/s/1", "d/s/2", "d/x", "d/y"):
        s3.put_object(Bucket=bucket, Key=key)
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    page = {"Bucket": bucket, "Prefix": "d/", "Delimiter": "/"}
    for listed, marker in (
        (s3.list_objects(**page, MaxKeys=1, Marker="d/s/1"), "NextMarker"),
        (s3.list_object_versions(**page, MaxKeys=1, KeyMarker="d/s/1"), "NextKeyMarker"),
        (s3.list_multipart_uploads(**page, MaxUploads=1, KeyMarker="d/s/1"), "NextKeyMarker"),
    ):
        assert ("CommonPrefixes" in listed, listed[marker]) == (False, "d/x")
    # What `StartAfter` names is a key, and no marker.
    assert s3.list_objects_v2(**page, MaxKeys=1, StartAfter="d/s/1")["CommonPrefixes"] == [{"Prefix": "d/s/"}]
    token = s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["NextContinuationToken"]
    assert "StartAfter" not in s3.list_objects_v2(Bucket=bucket, ContinuationToken=token, StartAfter="d/x")


def test_markers_of_uploads(s3, make):
    bucket = make()
    first, second = (s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("a/1", "b"))
    listed = s3.list_multipart_uploads(Bucket=bucket, UploadIdMarker=first)
    assert (listed["UploadIdMarker"], len(listed["Uploads"])) == ("", 2)
    refused = argument("Invalid uploadId marker", "upload-id-marker", ArgumentValue=first)
    assert said(s3.list_multipart_uploads, Bucket=bucket, KeyMarker="b", UploadIdMarker=first) == refused
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", Prefix="a")
    assert (rolled["CommonPrefixes"], rolled["NextKeyMarker"], rolled["NextUploadIdMarker"]) == (
        [{"Prefix": "a/"}],
        "",
        "",
    )
    s3.abort_multipart_upload(Bucket=bucket, Key="a/1", UploadId=first)
    assert (
        s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a/1", UploadIdMarker=first)["Uploads"][0]["UploadId"]
        == second
    )


QUERIES = [
    ("acl&versioning", "Conflicting query string parameters: acl, versioning", "ResourceType", "acl"),
    ("versioning&uploads", "Conflicting query string parameters: uploads, versioning", "ResourceType", "uploads"),
    ("list-type=3", "Invalid List Type specified in Request", "list-type", "3"),
    ("list-type=two", "Invalid List Type specified in Request", "list-type", "two"),
]


@pytest.mark.parametrize(("query", "message", "name", "value"), QUERIES)
def test_query_strings_that_ask_for_nothing_clear(make, raw, query, message, name, value):
    status, _, answer = raw("GET", f"/{make()}?{query}")
    assert (status, members(answer)) == argument(message, name, ArgumentValue=value)


def test_headers_of_all_answers(make, raw):
    bucket = make()
    for method, target in (("HEAD", f"/{bucket}"), ("GET", f"/{bucket}"), ("GET", f"/{bucket}/none"), ("GET", "/")):
        assert raw(method, target)[1]["server"] == "AmazonS3"
    assert raw("HEAD", f"/{bucket}")[1]["content-type"] == "application/xml"
    for query in ("", "?list-type=2"):
        assert raw("GET", f"/{bucket}{query}")[1]["x-amz-bucket-region"] == "us-east-1"
    assert raw("POST", "/", b"")[1]["allow"] == "GET"


def test_browsers_that_ask_first(s3, make, cloud):
    def asked(target, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
        connection.request("OPTIONS", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, members(html.unescape(answer.read().decode()))

    def refused(message, method):
        error = {"Code": "AccessForbidden", "Message": message, "Method": method, "ResourceType": "BUCKET"}
        return 403, error

    bucket = make()
    off, nowhere = "CORSResponse: CORS is not enabled for this bucket.", "CORSResponse: Bucket not found"
    put = {"Access-Control-Request-Method": "PUT"}
    for target, headers, expected in (
        (f"/{bucket}", {}, refused(off, "OPTIONS")),
        (f"/{bucket}", put, refused(off, "PUT")),
        (f"/no-{bucket}/k", {}, refused(nowhere, "OPTIONS")),
    ):
        status, _, error = asked(target, Origin="http://a.test", **headers)
        assert (status, error) == expected
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["PUT"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert asked(f"/{bucket}", Origin="http://a.test", **put)[1]["server"] == "AmazonS3"
    assert asked(f"/{bucket}", Origin="http://a.test")[2]["Message"] == "Invalid Access-Control-Request-Method: null"


def test_parts_that_a_completion_names(s3, make):
    bucket = make()
    place = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**place, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
    body = {"PartNumber": 1, "Body": b"part", "ChecksumAlgorithm": "CRC32"}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**place, UploadId=upload, **body)["ETag"]}
    sha = "n2alat9FhKiZXkZO18V2LLcZFM3IT8R7DjSMvK//7WU="
    unreadable = argument("Invalid Base64 or multiple checksums present in request", "Checksum")
    other = "The sha256 you specified for part 1 did not match what we received."
    for given, expected in (
        ({"PartNumber": 0}, argument("PartNumber must be >= 1", "PartNumber", ArgumentValue="0")),
        ({"ChecksumCRC32": "nonsense!"}, unreadable),
        ({"ChecksumSHA256": sha, "ChecksumCRC32": "AAAAAA=="}, unreadable),
        ({"ChecksumSHA256": sha}, (400, {"Code": "BadDigest", "Message": other})),
    ):
        parts = {"Parts": [part | given]}
        assert said(s3.complete_multipart_upload, **place, UploadId=upload, MultipartUpload=parts) == expected


def test_what_belongs_to_other_requests(s3, make, raw):
    bucket = make()
    status, _, answer = raw("PUT", f"/{bucket}/k?partNumber=1", b"not an object")
    message = "This operation does not accept partNumber without uploadId"
    assert (status, members(answer)) == argument(message, "partNumber", ArgumentValue="partNumber")
    status, headers, answer = raw("PUT", f"/{bucket}/k?uploadId=any", b"not an object")
    expected = {"Code": "MethodNotAllowed", "Message": NOT_ALLOWED, "Method": "PUT", "ResourceType": "UPLOAD"}
    assert (status, headers["allow"], members(answer)) == (405, "DELETE, POST, GET", expected)
    message = "You can only specify a copy source header for copy requests."
    status, _, answer = raw("GET", f"/{bucket}", x_amz_copy_source="a/b")
    assert (status, members(answer)) == argument(message, "x-amz-copy-source", ArgumentValue="a/b")
    for source in ("bucket/%ZZ", "100%/k", "%", "bucket/%C3%"):
        status, _, answer = raw("PUT", f"/{bucket}/c", x_amz_copy_source=source)
        refused = argument("Invalid copy source encoding", "x-amz-copy-source", ArgumentValue=source)
        assert (status, members(answer)) == refused
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_old_urls(cloud, s3, make):
    bucket = make()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def got(query):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
        connection.request("GET", f"/{bucket}/k?{query}")
        answer = connection.getresponse()
        return answer.status, members(html.unescape(answer.read().decode()))

    status, error = got("AWSAccessKeyId=test&Signature=x&Expires=1000000000")
    assert (status, error["Message"], error["Expires"]) == (403, "Request has expired", "2001-09-09T01:46:40Z")
    assert sorted(error) == ["Code", "Expires", "Message", "ServerTime"]
    message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
    lacking = {"Code": "AccessDenied", "Message": message}
    assert got("AWSAccessKeyId=test&Expires=1000000000") == (403, lacking)


def test_numbers_and_dates_that_are_none(s3, make, raw):
    bucket = make()
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    status, _, answer = raw("POST", f"/{bucket}/k?uploadId={upload}", b"", x_amz_mp_object_size="size")
    message = "Value for x-amz-mp-object-size header is invalid: 'size'"
    assert (status, members(html.unescape(answer))) == (400, {"Code": "InvalidRequest", "Message": message})
    status, _, answer = raw("PUT", f"/{bucket}/k", b"", x_amz_object_lock_retain_until_date="abc")
    message = "The retain until date must be provided in ISO 8601 format"
    assert (status, members(answer)) == argument(message, "x-amz-object-lock-retain-until-date", ArgumentValue="abc")
    status, _, answer = raw("GET", f"/{bucket}?versions&max-keys=-1")
    assert (status, members(answer)) == argument("max-keys cannot be negative", "max-keys", ArgumentValue="-1")


def test_what_a_read_or_a_checksum_cannot_be(make, raw):
    bucket = make()
    status, _, answer = raw("GET", f"/{bucket}/k?response-x=y")
    message = (
        "response-x is not in the set of overridable response headers. Please refer to the S3 API documentation for a "
        "complete list of overridable response headers."
    )
    assert (status, members(answer)) == argument(message, "response-x", ArgumentValue="y")
    status, _, answer = raw("PUT", f"/{bucket}/k", b"", x_amz_checksum_sha256a="dummy")
    message = "The algorithm type you specified in x-amz-checksum- header is invalid."
    assert (status, members(answer)) == (400, {"Code": "InvalidRequest", "Message": message})


def test_keys_of_callers_that_are_none(s3, make):
    bucket = make()
    rules = [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    header = "x-amz-server-side-encryption"
    asked = "Requests specifying Server Side Encryption with Customer provided keys must provide"
    for key, message in [
        (
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "short"},
            "The secret key was invalid for the specified algorithm.",
        ),
        ({"SSECustomerKey": "k" * 32}, f"{asked} a valid encryption algorithm."),
    ]:
        assert said(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **key) == argument(message, header)


def test_metadata_in_words(s3, make, raw):
    bucket = make()
    for sent, told in [
        ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
        ("=?UTF-8?B?YWJj?=", "abc"),
        ("=?UTF-8?B?w4RNw4Raw5XDkSBTMw==?=", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        ("=?UTF-8?B?AAECAwQ=?=", "=?UTF-8?B?AAECAwQ=?="),
    ]:
        raw("PUT", f"/{bucket}/k", b"x", x_amz_meta_word=sent)
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"word": told}


def test_what_a_url_says_in_the_place_of_headers(cloud, account, s3, make):
    bucket = make()
    credentials = Credentials(account.key, "test")

    def put(query):
        request = AWSRequest("PUT", f"{cloud.endpoint}/{bucket}/k?{query}")
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=60).add_auth(request)
        path = request.url.removeprefix(cloud.endpoint)
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
        connection.request("PUT", path, b"body")
        return connection.getresponse().status

    # The checksum is not that of the body, and nobody looks at it.
    headers = "x-amz-meta-colour=blue&x-amz-storage-class=STANDARD_IA&x-amz-checksum-crc32=AAAAAA%3D%3D"
    assert put(headers) == 200
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["StorageClass"]) == ({"colour": "blue"}, "STANDARD_IA")
    assert "ChecksumCRC32" not in head
    assert put("If-None-Match=%2A") == 412


def test_a_source_by_its_url(cloud, s3, make, raw):
    bucket = make()
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    assert raw("PUT", f"/{bucket}/copy", x_amz_copy_source=f"{cloud.endpoint}/{bucket}/k")[0] == 200
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"body"


def test_a_retention_that_is_over(s3, make):
    bucket = make(ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k")
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2020, 1, 1, tzinfo=UTC)}
    message = "The retain until date must be in the future!"
    told = argument(message, "RetainUntilDate", ArgumentValue="Tue Dec 31 16:00:00 PST 2019")
    assert said(s3.put_object_retention, Bucket=bucket, Key="k", Retention=past) == told


def test_a_region_that_is_none(cloud, s3, make):
    bucket = make()
    request = AWSRequest("GET", f"{cloud.endpoint}/{bucket}", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials("111111111111", "test"), "s3", "aws-global").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    connection.request("GET", f"/{bucket}", headers=dict(request.headers))
    answer = connection.getresponse()
    assert (answer.status, members(html.unescape(answer.read().decode()))) == (
        400,
        {
            "Code": "AuthorizationHeaderMalformed",
            "Message": "The authorization header is malformed; the region 'aws-global' is wrong; expecting 'us-east-1'",
            "Region": "us-east-1",
        },
    )
