//! Websites by their host names, and requests across origins.

use crate::harness::{Caller, Cloud, Reply};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const ACCOUNT: &str = "123456789012";

fn send(cloud: &Cloud, method: &str, host: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    cloud.send(request.body(Bytes::new()).unwrap(), Ipv4Addr::LOCALHOST.into())
}

fn header(reply: &Reply, name: &str) -> String {
    reply.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

fn site(root: &Caller<'_>, bucket: &str, configuration: Value) {
    root.call("s3", "CreateBucket", json!({ "Bucket": bucket })).ok();
    root.call("s3", "DeletePublicAccessBlock", json!({ "Bucket": bucket })).ok();
    let statement = json!({
        "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": bucket, "Policy": policy })).ok();
    let put = json!({ "Bucket": bucket, "WebsiteConfiguration": configuration });
    root.call("s3", "PutBucketWebsite", put).ok();
}

fn put(root: &Caller<'_>, bucket: &str, key: &str, body: &str, more: Value) {
    let mut one = json!({ "Bucket": bucket, "Key": key, "Body": body, "ContentType": "text/html" });
    for (name, value) in more.as_object().unwrap() {
        one[name] = value.clone();
    }
    root.call("s3", "PutObject", one).ok();
}

#[test]
fn a_website_has_an_index_and_errors() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let host = "pages.s3-website.us-east-1.localhost:4566";
    let missing = send(&cloud, "GET", host, "/", &[]);
    assert_eq!((missing.status, header(&missing, "x-amz-error-code")), (404, "NoSuchBucket".into()));
    let configuration =
        json!({ "IndexDocument": { "Suffix": "index.html" }, "ErrorDocument": { "Key": "oops.html" } });
    site(&root, "pages", configuration);
    put(&root, "pages", "index.html", "home", json!({}));
    put(&root, "pages", "docs/index.html", "docs", json!({}));
    let plain = send(&cloud, "GET", host, "/nothing", &[]);
    assert_eq!((plain.status, header(&plain, "content-type")), (404, "text/html; charset=utf-8".into()));
    assert!(text(&plain).contains("<li>Code: NoSuchKey</li>"), "{}", text(&plain));
    put(&root, "pages", "oops.html", "sorry", json!({}));
    put(&root, "pages", "moved", "", json!({ "WebsiteRedirectLocation": "/docs/" }));
    let home = send(&cloud, "GET", host, "/", &[]);
    assert_eq!(
        (home.status, text(&home), header(&home, "content-type")),
        (200, "home".into(), "text/html".into())
    );
    assert_eq!(text(&send(&cloud, "GET", host, "/docs/", &[])), "docs");
    let directory = send(&cloud, "GET", host, "/docs", &[]);
    assert_eq!((directory.status, header(&directory, "location")), (302, "/docs/".into()));
    let error = send(&cloud, "GET", host, "/nothing", &[]);
    assert_eq!((error.status, text(&error)), (404, "sorry".into()));
    let moved = send(&cloud, "GET", host, "/moved", &[]);
    assert_eq!((moved.status, header(&moved, "location")), (301, "/docs/".into()));
    put(&root, "pages", "oops.html", "", json!({ "WebsiteRedirectLocation": "/elsewhere" }));
    let moved = send(&cloud, "GET", host, "/nothing", &[]);
    assert_eq!((moved.status, header(&moved, "location")), (301, "/elsewhere".into()));
    let head = send(&cloud, "HEAD", host, "/", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let posted = send(&cloud, "POST", host, "/", &[]);
    assert_eq!(posted.status, 405);
    let told = "<li>Method: POST</li>\n<li>ResourceType: OBJECT</li>\n<li>RequestId: ";
    assert!(text(&posted).contains(told), "{}", text(&posted));
    let again = header(&home, "etag");
    assert_eq!(send(&cloud, "GET", host, "/", &[("if-none-match", &again)]).status, 304);
    root.call("s3", "DeleteBucketPolicy", json!({ "Bucket": "pages" })).ok();
    let shut = send(&cloud, "GET", host, "/", &[]);
    assert_eq!((shut.status, header(&shut, "x-amz-error-code")), (403, "AccessDenied".into()));
}

/// Documents come in pieces, whatever their size.
#[test]
fn large_documents_of_a_website_come_whole() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let host = "pages.s3-website.us-east-1.localhost:4566";
    let configuration =
        json!({ "IndexDocument": { "Suffix": "index.html" }, "ErrorDocument": { "Key": "oops.html" } });
    site(&root, "pages", configuration);
    let (index, error) = ("i".repeat(3 << 20), "e".repeat(700_000));
    put(&root, "pages", "index.html", &index, json!({}));
    put(&root, "pages", "oops.html", &error, json!({}));
    let home = send(&cloud, "GET", host, "/", &[]);
    assert_eq!(
        (home.status, header(&home, "content-length"), home.body == index.as_bytes()),
        (200, (3 << 20).to_string(), true)
    );
    let part = send(&cloud, "GET", host, "/", &[("range", "bytes=2000000-2999999")]);
    assert_eq!((part.status, part.body.len()), (206, 1_000_000));
    let oops = send(&cloud, "GET", host, "/nothing", &[]);
    assert_eq!(
        (oops.status, header(&oops, "content-length"), oops.body == error.as_bytes()),
        (404, "700000".into(), true)
    );
    let head = send(&cloud, "HEAD", host, "/", &[]);
    assert_eq!(
        (head.status, header(&head, "content-length"), head.body.len()),
        (200, (3 << 20).to_string(), 0)
    );
}

#[test]
fn a_website_leads_elsewhere() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let rules = json!([
        { "Condition": { "KeyPrefixEquals": "docs/" }, "Redirect": { "ReplaceKeyPrefixWith": "documents/" } },
        {
            "Condition": { "HttpErrorCodeReturnedEquals": "404" },
            "Redirect": { "HostName": "example.com", "HttpRedirectCode": "302", "Protocol": "https", "ReplaceKeyWith": "gone" },
        },
    ]);
    root.call("s3", "CreateBucket", json!({ "Bucket": "nameless" })).ok();
    let nameless = json!({ "IndexDocument": { "Suffix": "i" }, "ErrorDocument": { "Key": "" } });
    root.call("s3", "PutBucketWebsite", json!({ "Bucket": "nameless", "WebsiteConfiguration": nameless }))
        .refused_with(400, "InvalidArgument", "The ErrorDocument Key is not well formed");
    site(&root, "signs", json!({ "IndexDocument": { "Suffix": "i" }, "RoutingRules": rules }));
    let host = "signs.s3-website-us-east-1.amazonaws.com";
    let location = |path: &str| {
        let reply = send(&cloud, "GET", host, path, &[]);
        (reply.status, header(&reply, "location"))
    };
    assert_eq!(location("/docs/a"), (301, format!("http://{host}/documents/a")));
    assert_eq!(location("/else"), (302, "https://example.com/gone".into()));
    site(&root, "away", json!({ "RedirectAllRequestsTo": { "HostName": "example.com" } }));
    let reply = send(&cloud, "GET", "away.s3-website.us-east-1.localhost", "/x", &[]);
    assert_eq!((reply.status, header(&reply, "location")), (301, "http://example.com/x".into()));
}

#[test]
fn browsers_ask_before_they_cross() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "shared" })).ok();
    let ask = |path: &str, headers: &[(&str, &str)]| send(&cloud, "OPTIONS", "localhost:4566", path, headers);
    let asked = [("origin", "http://a.example"), ("access-control-request-method", "PUT")];
    let code = |reply: &Reply| reply.value["Code"].as_str().unwrap_or_default().to_owned();
    let off = ask("/shared/k", &asked);
    assert_eq!((off.status, code(&off)), (403, "AccessForbidden".into()));
    assert_eq!(off.value["Message"], "CORSResponse: CORS is not enabled for this bucket.");
    assert_eq!(
        (off.value["Method"].clone(), off.value["ResourceType"].clone()),
        (json!("PUT"), json!("BUCKET"))
    );
    for (method, names, words) in [
        ("get", "x-a", "Invalid Access-Control-Request-Method: get"),
        ("GET", "x-a, x/b", "Access-Control-Request-Headers \" x/b\" contains invalid character."),
    ] {
        let names = ("access-control-request-headers", names);
        let odd = ask("/shared/k", &[asked[0], ("access-control-request-method", method), names]);
        odd.refused_with(400, "BadRequest", words);
    }
    for (rule, words) in [
        (json!({ "AllowedHeaders": ["x a"] }), "AllowedHeader \"x a\" contains invalid character."),
        (json!({ "ExposeHeaders": ["x:a"] }), "AllowedHeader \"x:a\" contains invalid character."),
    ] {
        let mut rule = rule;
        (rule["AllowedMethods"], rule["AllowedOrigins"]) = (json!(["GET"]), json!(["*"]));
        let put = json!({ "Bucket": "shared", "CORSConfiguration": { "CORSRules": [rule] } });
        root.call("s3", "PutBucketCors", put).refused_with(400, "InvalidRequest", words);
    }
    let rules = json!([{
        "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["http://a.example"], "AllowedHeaders": ["*"],
        "ExposeHeaders": ["x-amz-meta-a"], "MaxAgeSeconds": 60,
    }]);
    let put = json!({ "Bucket": "shared", "CORSConfiguration": { "CORSRules": rules } });
    root.call("s3", "PutBucketCors", put).ok();
    let yes = ask("/shared/k", &asked);
    assert_eq!(yes.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", "http://a.example"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-expose-headers", "x-amz-meta-a"),
        ("access-control-max-age", "60"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(header(&yes, name), value);
    }
    let no = ask("/shared/k", &[("origin", "http://b.example"), ("access-control-request-method", "PUT")]);
    assert_eq!((no.status, code(&no)), (403, "AccessForbidden".into()));
    assert_eq!(no.value["ResourceType"], "OBJECT");
    let of = |host: &str, path: &str| {
        let headers = [("origin", "http://b.example"), ("access-control-request-method", "PUT")];
        send(&cloud, "OPTIONS", host, path, &headers).value["ResourceType"].clone()
    };
    assert_eq!(of("shared.s3.amazonaws.com", "/k"), "OBJECT");
    assert_eq!(of("shared.s3.amazonaws.com", "/"), "BUCKET");
    assert_eq!(of("localhost:4566", "/shared"), "BUCKET");
    assert_eq!(ask("/shared/k", &[("access-control-request-method", "PUT")]).status, 400);
    assert_eq!(ask("/none/k", &asked).status, 403);
}

#[test]
fn what_a_preflight_would_say_decides_be_it_none() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "shared" })).ok();
    let rules = json!([{ "AllowedMethods": ["GET"], "AllowedOrigins": ["http://a.example"] }]);
    let put = json!({ "Bucket": "shared", "CORSConfiguration": { "CORSRules": rules } });
    root.call("s3", "PutBucketCors", put).ok();
    let mut request = root.request("s3", "ListObjectsV2", &json!({ "Bucket": "shared" }));
    request.headers_mut().insert("origin", "http://a.example".parse().unwrap());
    let crossed = cloud.send(request, Ipv4Addr::LOCALHOST.into());
    assert_eq!(
        (crossed.status, header(&crossed, "access-control-allow-origin")),
        (200, "http://a.example".into())
    );
    let mut request = root.request("s3", "ListObjectsV2", &json!({ "Bucket": "shared" }));
    request.headers_mut().insert("origin", "http://a.example".parse().unwrap());
    request.headers_mut().insert("access-control-request-method", "DELETE".parse().unwrap());
    let crossed = cloud.send(request, Ipv4Addr::LOCALHOST.into());
    assert_eq!((crossed.status, header(&crossed, "access-control-allow-origin")), (200, String::new()));
}
