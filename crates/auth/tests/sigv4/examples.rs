//! The examples that AWS publishes: its signature test suite, and the worked examples of the S3 API reference.

use crate::{Request, at, expect};
use auth::sigv4::Dialect;

const SUITE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const S3_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[test]
fn the_signature_test_suite() {
    let host = ("host", "example.amazonaws.com");
    let date = ("x-amz-date", "20150830T123600Z");
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    for (name, method, target, more, body, signed, signature) in [
        ("get-vanilla", "GET", "/", vec![], "", "host;x-amz-date", vanilla),
        ("get-relative", "GET", "/example/..", vec![], "", "host;x-amz-date", vanilla),
        ("get-relative-relative", "GET", "/example1/example2/../..", vec![], "", "host;x-amz-date", vanilla),
        ("get-slash", "GET", "//", vec![], "", "host;x-amz-date", vanilla),
        ("get-slash-dot-slash", "GET", "/./", vec![], "", "host;x-amz-date", vanilla),
        (
            "post-vanilla",
            "POST",
            "/",
            vec![],
            "",
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "get-utf8",
            "GET",
            "/ሴ",
            vec![],
            "",
            "host;x-amz-date",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            "get-unreserved",
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            vec![],
            "",
            "host;x-amz-date",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            vec![],
            "",
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/?Param1=value1",
            vec![],
            "",
            "host;x-amz-date",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            vec![("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            vec![("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "",
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            vec![("Content-Type", "application/x-www-form-urlencoded")],
            "Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ] {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        );
        let mut headers = vec![host, date, ("authorization", authorization.as_str())];
        headers.extend(more);
        let mut request = Request::new(method, target, &headers);
        request.body = body.into();
        let outcome =
            request.verify(SUITE_SECRET, at("20150830T123600Z"), &expect(Dialect::Query, "service"), None);
        assert_eq!(outcome.err(), None, "{name}");
    }
}

/// The request line and headers of the S3 API reference's examples, with the signatures printed there.
#[test]
fn the_examples_of_s3() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let put = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    for (method, target, more, hash, body, signed, signature) in [
        (
            "GET",
            "/test.txt",
            vec![("range", "bytes=0-9")],
            empty,
            "",
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            vec![("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            put,
            "Welcome to Amazon S3.",
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/?lifecycle",
            vec![],
            empty,
            "",
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            vec![],
            empty,
            "",
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        // No blanks between the parts, as the reference prints it.
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={signed},Signature={signature}"
        );
        let mut headers = vec![
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-content-sha256", hash),
            ("authorization", authorization.as_str()),
        ];
        headers.extend(more);
        let mut request = Request::new(method, target, &headers);
        request.body = body.into();
        let outcome = request.verify(S3_SECRET, at("20130524T000000Z"), &expect(Dialect::S3, "s3"), None);
        assert_eq!(outcome.err(), None, "{method} {target}");
    }
}

#[test]
fn the_presigned_example_of_s3() {
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let target = format!("/test.txt?{query}");
    let request = Request::new("GET", &target, &[("host", "examplebucket.s3.amazonaws.com")]);
    let s3 = expect(Dialect::S3, "s3");
    let verified = request.verify(S3_SECRET, at("20130524T120000Z"), &s3, None).unwrap();
    assert_eq!(verified.access_key, "AKIAIOSFODNN7EXAMPLE");
    let error = request.verify(S3_SECRET, at("20130525T000001Z"), &s3, None).unwrap_err();
    assert_eq!(
        (error.code, error.status, error.message.as_str()),
        ("AccessDenied", 403, "Request has expired")
    );
    assert_eq!(
        error.members,
        [
            ("X-Amz-Expires", "86400".to_owned()),
            ("Expires", "2013-05-25T00:00:00Z".to_owned()),
            ("ServerTime", "2013-05-25T00:00:01Z".to_owned())
        ]
    );
}
