//! ECR's registry protocol: logins, pushes and pulls as docker's like make them, and who may.

use crate::ecr_images::{hash, manifest};
use crate::harness::{Caller, Cloud, Reply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const HOST: &str = "123456789012.dkr.ecr.us-east-1.localhost:4566";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

struct Client<'c> {
    cloud: &'c Cloud,
    host: &'static str,
    login: String,
}

impl Client<'_> {
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", self.host);
        if !self.login.is_empty() {
            request = request.header("authorization", format!("Basic {}", self.login));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Bytes::copy_from_slice(body);
        self.cloud.send(request.body(body).unwrap(), Ipv4Addr::LOCALHOST.into())
    }

    fn upload(&self, name: &str, bytes: &[u8]) -> Reply {
        let begun = self.send("POST", &format!("/v2/{name}/blobs/uploads/"), &[], b"");
        assert_eq!(begun.status, 202);
        let location = header(&begun, "location");
        let sent = self.send("PATCH", &location, &[], bytes);
        assert_eq!((sent.status, header(&sent, "range")), (202, format!("0-{}", bytes.len() - 1)));
        self.send("PUT", &format!("{location}?digest={}", hash(bytes)), &[], b"")
    }
}

fn header(reply: &Reply, name: &str) -> String {
    reply.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn code(reply: &Reply) -> (u16, String) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, body["errors"][0]["code"].as_str().unwrap().to_owned())
}

fn login<'c>(cloud: &'c Cloud, caller: &Caller<'_>) -> Client<'c> {
    let token = caller.call("ecr", "GetAuthorizationToken", json!({})).ok();
    let login = token["authorizationData"][0]["authorizationToken"].as_str().unwrap().to_owned();
    Client { cloud, host: HOST, login }
}

#[test]
fn an_image_is_pushed_and_pulled() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("ecr", "CreateRepository", json!({ "repositoryName": "team/app" })).ok();
    let nobody = Client { cloud: &cloud, host: HOST, login: String::new() };
    let refused = nobody.send("GET", "/v2/", &[], b"");
    assert_eq!(code(&refused), (401, "UNAUTHORIZED".into()));
    assert!(header(&refused, "www-authenticate").starts_with("Basic realm="));

    let client = login(&cloud, &root);
    assert_eq!(client.send("GET", "/v2/", &[], b"").status, 200);
    for bytes in [b"config".as_slice(), b"layer"] {
        let done = client.upload("team/app", bytes);
        assert_eq!((done.status, header(&done, "docker-content-digest")), (201, hash(bytes)));
    }
    // What is there is found, and uploading it again is no error.
    let found = client.send("HEAD", &format!("/v2/team/app/blobs/{}", hash(b"layer")), &[], b"");
    assert_eq!((found.status, header(&found, "content-length")), (200, "5".into()));
    assert_eq!(client.upload("team/app", b"layer").status, 201);
    let missing = client.send("HEAD", &format!("/v2/team/app/blobs/{}", hash(b"none")), &[], b"");
    assert_eq!(missing.status, 404);

    let manifest = manifest(&hash(b"config"), &[&hash(b"layer")]);
    let put = |reference: &str| {
        client.send(
            "PUT",
            &format!("/v2/team/app/manifests/{reference}"),
            &[("content-type", OCI)],
            manifest.as_bytes(),
        )
    };
    assert_eq!((put("v1").status, put("v1").status), (201, 201));
    let digest = hash(manifest.as_bytes());
    let head = client.send("HEAD", "/v2/team/app/manifests/v1", &[("accept", OCI)], b"");
    assert_eq!((head.status, header(&head, "docker-content-digest")), (200, digest.clone()));
    assert_eq!(header(&head, "content-length"), manifest.len().to_string());
    let got = client.send("GET", &format!("/v2/team/app/manifests/{digest}"), &[], b"");
    assert_eq!((got.status, got.body.as_ref()), (200, manifest.as_bytes()));
    let tags = client.send("GET", "/v2/team/app/tags/list", &[], b"");
    let tags: Value = serde_json::from_slice(&tags.body).unwrap();
    assert_eq!(tags, json!({ "name": "team/app", "tags": ["v1"] }));

    let layer = client.send("GET", &format!("/v2/team/app/blobs/{}", hash(b"layer")), &[], b"");
    assert_eq!(layer.status, 307);
    // The link needs no login, and ends.
    let link = header(&layer, "location");
    assert_eq!(nobody.send("GET", &link, &[], b"").body.as_ref(), b"layer");
    cloud.advance(Duration::from_secs(3600));
    assert_eq!(code(&nobody.send("GET", &link, &[], b"")), (403, "DENIED".into()));
    // So does the login.
    cloud.advance(Duration::from_secs(11 * 3600));
    assert_eq!(client.send("GET", "/v2/", &[], b"").status, 401);
}

#[test]
fn refusals_have_the_protocols_codes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("ecr", "CreateRepository", json!({ "repositoryName": "aa" })).ok();
    let client = login(&cloud, &root);
    let put = |path: &str, body: &str| code(&client.send("PUT", path, &[], body.as_bytes()));
    assert_eq!(code(&client.send("POST", "/v2/none/blobs/uploads/", &[], b"")), (404, "NAME_UNKNOWN".into()));
    assert_eq!(code(&client.send("GET", "/v2/aa/manifests/v1", &[], b"")), (404, "MANIFEST_UNKNOWN".into()));
    assert_eq!(put("/v2/aa/manifests/v1", "{}"), (400, "MANIFEST_INVALID".into()));
    let lonely = manifest(&hash(b"c"), &[]);
    assert_eq!(put("/v2/aa/manifests/v1", &lonely), (404, "BLOB_UNKNOWN".into()));
    let unknown = format!("/v2/aa/blobs/uploads/00000000-0000-4000-8000-000000000000?digest={}", hash(b"x"));
    assert_eq!(put(&unknown, "x"), (404, "BLOB_UPLOAD_UNKNOWN".into()));
    let begun = client.send("POST", "/v2/aa/blobs/uploads/", &[], b"");
    let wrong = format!("{}?digest={}", header(&begun, "location"), hash(b"y"));
    assert_eq!(put(&wrong, "x"), (400, "DIGEST_INVALID".into()));
    assert_eq!(code(&client.send("DELETE", "/v2/aa/manifests/v1", &[], b"")), (405, "UNSUPPORTED".into()));
    assert_eq!(code(&client.send("GET", "/v2/_catalog", &[], b"")), (404, "UNSUPPORTED".into()));
    // One request may bring a whole layer, in chunks that say where they begin, too.
    let whole = format!("/v2/aa/blobs/uploads/?digest={}", hash(b"whole"));
    assert_eq!(client.send("POST", &whole, &[], b"whole").status, 201);
    let location = header(&client.send("POST", "/v2/aa/blobs/uploads/", &[], b""), "location");
    let big = vec![1; 5 << 20];
    let sent = client.send("PATCH", &location, &[("content-range", "0-5242879")], &big);
    assert_eq!(sent.status, 202);
    let again = client.send("PATCH", &location, &[("content-range", "0-0")], b"x");
    assert_eq!(code(&again), (416, "BLOB_UPLOAD_INVALID".into()));
    let rest = format!("{location}?digest={}", hash(&[big.as_slice(), b"end"].concat()));
    let done = client.send("PUT", &rest, &[("content-range", "5242880-5242882")], b"end");
    assert_eq!(done.status, 201);
}

#[test]
fn whoever_logged_in_may_what_his_policies_say() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("ecr", "CreateRepository", json!({ "repositoryName": "aa" })).ok();
    let pull_only = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
        { "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
          "Resource": format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/aa") }] });
    let user = cloud.user(&root, "reader", &pull_only.to_string());
    let client = Client { host: "127.0.0.1:4566", ..login(&cloud, &user) };
    // By the cloud's own address, too: then the login says whose registry it is.
    assert_eq!(code(&client.send("GET", "/v2/aa/manifests/v1", &[], b"")), (404, "MANIFEST_UNKNOWN".into()));
    assert_eq!(code(&client.send("POST", "/v2/aa/blobs/uploads/", &[], b"")), (403, "DENIED".into()));
    // A key that is gone takes its logins along.
    let key = json!({ "UserName": "reader", "AccessKeyId": user.key().0 });
    root.call("iam", "DeleteAccessKey", key).ok();
    assert_eq!(client.send("GET", "/v2/aa/manifests/v1", &[], b"").status, 401);
    let forged = Client { cloud: &cloud, host: HOST, login: STANDARD.encode("AWS:made-up") };
    assert_eq!(code(&forged.send("GET", "/v2/", &[], b"")), (401, "UNAUTHORIZED".into()));
}
