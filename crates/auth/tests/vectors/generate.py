"""Makes sigv4.json: requests signed by botocore (and, for SigV4A, by the awscrt that it uses).

Run `python generate.py > sigv4.json` where boto3 and awscrt are installed. An independent signer is the point: what
our own signer makes, our verifier would accept even if both were wrong. SigV4A signatures are random, so that a new
run changes them.
"""

import base64
import contextlib
import datetime
import io
import json
from unittest import mock

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.crt.auth

NOW = datetime.datetime(2026, 5, 17, 11, 22, 33, tzinfo=datetime.UTC)
KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEJr//////////wEaDExample+Session/Token=="
VECTORS = []


def now(remove_tzinfo=True):
    return NOW.replace(tzinfo=None) if remove_tzinfo else NOW


def add(name, dialect, service, region, method, url, headers, body, algorithm="hmac", token=None):
    _, _, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    if not slash and "?" in host:
        host, _, query = host.partition("?")
        target = "?" + query
    path, _, query = target.partition("?")
    names = {name.lower() for name, _ in headers}
    headers = [[k, v.decode() if isinstance(v, bytes) else str(v)] for k, v in headers]
    headers = [pair for pair in headers if pair[0].lower() != "user-agent"]
    if "host" not in names:
        headers.insert(0, ["Host", host])
    VECTORS.append(
        {
            "name": name,
            "dialect": dialect,
            "service": service,
            "region": region,
            "method": method,
            "path": "/" + path,
            "query": query,
            "headers": headers,
            "body": base64.b64encode(body).decode(),
            "algorithm": algorithm,
            "token": token,
        }
    )


def credentials(token=None):
    return botocore.credentials.Credentials(KEY, SECRET, token)


def signed(name, signer, dialect, service, region, method, url, headers=None, body=b"", **more):
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    request.context["payload_signing_enabled"] = True
    signer.add_auth(request)
    prepared = request.prepare()
    add(name, dialect, service, region, method, prepared.url, list(prepared.headers.items()), body, **more)


ODD_KEYS = [
    "plain",
    "a%20b",
    "%C3%A9t%C3%A9",
    "a//b",
    "../up/./x",
    "%28k%29%21%27%2A",
    "a%2Bb",
    "tilde~-_.",
    "%F0%9F%8E%89",
    "a%3Ab%40c%24d%2Ce%3Bf%3Dg%26h",
    "trailing/",
    "%25",
    "sp%20ace%2Fslash",
]
ODD_QUERIES = [
    "",
    "?list-type=2&prefix=a%2Fb%20c&max-keys=10",
    "?uploads",
    "?acl&versionId=null",
    "?z=1&a=2&a=1&A=3",
    "?marker=%2B%26%3D%25",
    "?a-b=1&a=2&a.=3",
]


def header_vectors():
    for i, key in enumerate(ODD_KEYS):
        query = ODD_QUERIES[i % len(ODD_QUERIES)]
        s3 = botocore.auth.S3SigV4Auth(credentials(), "s3", "us-east-1")
        signed(
            f"s3 header {key}{query}",
            s3,
            "s3",
            "s3",
            "us-east-1",
            "PUT",
            f"https://bucket.s3.amazonaws.com/{key}{query}",
            {"x-amz-meta-note": "  two   blanks ", "Content-Type": "text/plain"},
            b"hello",
        )
        v4 = botocore.auth.SigV4Auth(credentials(TOKEN), "lambda", "eu-west-1")
        signed(
            f"lambda header {key}{query}",
            v4,
            "rest-json",
            "lambda",
            "eu-west-1",
            "POST",
            f"https://lambda.eu-west-1.amazonaws.com/{key}{query}",
            {"Content-Type": "application/json"},
            b"{}",
            token=TOKEN,
        )
    v4 = botocore.auth.SigV4Auth(credentials(), "iam", "us-east-1")
    signed(
        "iam query",
        v4,
        "query",
        "iam",
        "us-east-1",
        "POST",
        "https://iam.amazonaws.com/",
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        b"Action=ListUsers&Version=2010-05-08",
    )
    v4 = botocore.auth.SigV4Auth(credentials(), "dynamodb", "us-east-1")
    signed(
        "dynamodb with a port",
        v4,
        "json",
        "dynamodb",
        "us-east-1",
        "POST",
        "http://localhost:4566/",
        {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"},
        b"{}",
    )


def presigned_vectors():
    for i, key in enumerate(ODD_KEYS):
        query = ODD_QUERIES[(i + 3) % len(ODD_QUERIES)]
        s3 = botocore.auth.S3SigV4QueryAuth(credentials(TOKEN), "s3", "us-east-1", expires=300)
        signed(
            f"s3 presigned {key}{query}",
            s3,
            "s3",
            "s3",
            "us-east-1",
            "GET",
            f"https://bucket.s3.amazonaws.com/{key}{query}",
            token=TOKEN,
        )
    v4 = botocore.auth.SigV4QueryAuth(credentials(), "sts", "us-east-1", expires=60)
    signed(
        "sts presigned, as EKS does",
        v4,
        "query",
        "sts",
        "us-east-1",
        "GET",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        {"x-k8s-aws-id": "cluster"},
    )
    v4 = botocore.auth.SigV4QueryAuth(credentials(), "execute-api", "us-east-1", expires=3600)
    signed(
        "execute-api presigned",
        v4,
        "rest-json",
        "execute-api",
        "us-east-1",
        "GET",
        "https://abc.execute-api.us-east-1.amazonaws.com/prod/a%20b?x=%20y",
    )


def asymmetric_vectors():
    for key in ODD_KEYS[:6]:
        s3 = botocore.crt.auth.CrtS3SigV4AsymAuth(credentials(), "s3", "*")
        signed(
            f"s3 sigv4a {key}",
            s3,
            "s3",
            "s3",
            None,
            "PUT",
            f"https://mrap.accesspoint.s3-global.amazonaws.com/{key}",
            {"Content-Type": "text/plain"},
            b"hello",
            algorithm="ecdsa",
        )
    v4 = botocore.crt.auth.CrtSigV4AsymAuth(credentials(TOKEN), "events", "us-east-1,eu-west-1")
    signed(
        "events sigv4a",
        v4,
        "json",
        "events",
        None,
        "POST",
        "https://abc.endpoint.events.amazonaws.com/",
        {"X-Amz-Target": "AWSEvents.PutEvents"},
        b"{}",
        algorithm="ecdsa",
        token=TOKEN,
    )
    s3 = botocore.crt.auth.CrtS3SigV4AsymQueryAuth(credentials(), "s3", "*", expires=900)
    signed(
        "s3 sigv4a presigned",
        s3,
        "s3",
        "s3",
        None,
        "GET",
        "https://mrap.accesspoint.s3-global.amazonaws.com/a%20b",
        algorithm="ecdsa",
    )


def client_vectors():
    """Whole requests of boto3's S3 client, aws-chunked trailers among them."""
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="https://localhost:4566",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )
    taken = []

    def take(request, **_):
        body = request.body or b""
        body = body.read() if hasattr(body, "read") else body
        taken.append((request, body.encode() if isinstance(body, str) else body))
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, None)

    client.meta.events.register("before-send.s3", take)
    data = bytes(range(256)) * 4

    def call(name, operation, **arguments):
        # The empty answer is of no use to the parser.
        with contextlib.suppress(Exception):
            getattr(client, operation)(**arguments)
        request, body = taken.pop()
        add(name, "s3", "s3", "us-east-1", request.method, request.url, list(request.headers.items()), body)

    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]:
        call(
            f"client put_object {algorithm} trailer",
            "put_object",
            Bucket="bucket",
            Key="a b+c/é",
            Body=io.BytesIO(data),
            ChecksumAlgorithm=algorithm,
        )
    call("client put_object bytes", "put_object", Bucket="bucket", Key="k", Body=b"small")
    call("client list_objects_v2", "list_objects_v2", Bucket="bucket", Prefix="a b/é+", Delimiter="/")
    call("client copy_object", "copy_object", Bucket="bucket", Key="to", CopySource="bucket/from here")
    call("client delete_objects", "delete_objects", Bucket="bucket", Delete={"Objects": [{"Key": "a"}]})


def post_vector():
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=botocore.config.Config(signature_version="s3v4"),
    )
    return client.generate_presigned_post("bucket", "uploads/${filename}", ExpiresIn=600)["fields"]


with (
    mock.patch("botocore.auth.get_current_datetime", now),
    mock.patch("botocore.crt.auth.get_current_datetime", now),
    mock.patch("botocore.signers.get_current_datetime", now),
):
    header_vectors()
    presigned_vectors()
    asymmetric_vectors()
    client_vectors()
    post = post_vector()

print(
    json.dumps(
        {"now": "20260517T112233Z", "access_key": KEY, "secret": SECRET, "post": post, "vectors": VECTORS}, indent=1
    )
)
