"""Presigned URLs as boto3 makes them where nobody says how (Signature Version 2), and as it makes them when asked."""

import urllib.error
import urllib.request

import pytest


def _status(url, **request):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **request)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_urls_read_and_write_until_they_end(account, version):
    eva = account.user("eva", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    s3 = eva.client("s3", signature_version=version, s3={"addressing_style": "path"})
    name = f"presigned-{version}-{account.account}"
    eva.client("s3", s3={"addressing_style": "path"}).create_bucket(Bucket=name)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "a b"}, ExpiresIn=60)
    # Version 2 signs the type of the content, which this client would add by itself.
    untyped = {"Content-Type": ""}
    assert _status(put, data=b"by url", method="PUT", headers=untyped)[0] == 200
    asked = {"Bucket": name, "Key": "a b", "ResponseContentType": "text/csv"}
    get = s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=60)
    assert _status(get) == (200, b"by url")
    status, body = _status(get.replace("Signature=", "Signature=x"))
    assert status == 403
    assert b"SignatureDoesNotMatch" in body
    over = s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=-60 if version == "s3" else 1)
    if version == "s3":
        status, body = _status(over)
        assert status == 403
        assert b"Request has expired" in body
