//! The data plane's handlers: bodies that stream in and out, transactions of their own, sites, calls from within.

use crate::fixture::{Extra, PARAMETERS, Parameter, all, cloud, find, key, parts};
use crate::harness::{Caller, Cloud, Reply};
use auth::sigv4::chunked::ChunkSigner;
use auth::sigv4::sign::{Signer, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, ChecksumKind, Dialect, Payload, Secret, Verified};
use base::{AccountId, Clock, Region};
use bytes::Bytes;
use http::Request;
use http::request;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use kernel::body::Cut;
use kernel::site::Site;
use kernel::{Answer, Body, Call, Content, Cx, Dx, Incoming, Peer, Running, Service, Target, Whom};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wire::{Fault, Struct, Value};

static S3: Service = Service { id: "s3", global: false, ops: &[OPS] };

kernel::ops! {
    static OPS:
        PutObject: [data] put, "s3:PutObject", on_object;
        GetObject: [data] get, "s3:GetObject", on_object;
}

wire::shape! {
    struct Put { bucket: String = "Bucket", key: String = "Key" }
    struct PutResult { etag: String = "ETag" }
    struct Get { bucket: String = "Bucket", key: String = "Key", range: Option<String> = "Range" }
    struct GetResult { etag: String = "ETag" }
}

fn on_object(_: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let part = |name: &str| request.str(name).unwrap_or_default().to_owned();
    Ok(vec![Target::on(format!("arn:aws:s3:::{}/{}", part("Bucket"), part("Key")))])
}

/// Keeps what came under the key; its own tag is the number of pieces.
async fn put(dx: Dx, request: Put, mut body: Body) -> Result<Answer<PutResult>, Fault> {
    let mut text = String::new();
    let mut pieces = 0;
    while let Some(piece) = body.next().await? {
        pieces += 1;
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert!(request.key != "panics" && !request.bucket.is_empty(), "as it was told");
    dx.transact(|cx| {
        PARAMETERS.put(cx.tx, &key(&request.key), &Parameter { value: text.clone(), version: 1 });
        if request.key == "refused" {
            Err(Fault::new(409, "OperationAborted", "After it was written."))
        } else {
            Ok(())
        }
    })
    .await?;
    Ok(PutResult { etag: pieces.to_string() }.into())
}

async fn get(dx: Dx, request: Get, _body: Body) -> Result<Answer<GetResult>, Fault> {
    let found = dx.read(|cx| PARAMETERS.get(cx.tx, &key(&request.key)).map_err(kernel::Failure::from))?;
    let found = found.ok_or_else(|| Fault::new(404, "NoSuchKey", "The specified key does not exist."))?;
    assert!(!request.bucket.is_empty());
    let answer = Answer::from(GetResult { etag: "e".into() });
    Ok(match request.range {
        Some(_) => answer.with(Bytes::from(found.value).slice(..1)).status(206),
        None => answer.streaming(Full::new(Bytes::from(found.value)).map_err(|never| match never {})),
    })
}

fn with_s3() -> Cloud {
    cloud(Extra { services: vec![&S3], ..parts() })
}

/// What the connection gives: pieces of `size` bytes, then perhaps the end of it all.
struct Pieces {
    left: Bytes,
    size: usize,
    breaks: bool,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let size = self.size.min(self.left.len());
        Poll::Ready(match (size, self.breaks) {
            (0, false) => None,
            (0, true) => Some(Err(Cut::Broken)),
            _ => Some(Ok(Frame::data(self.left.split_to(size)))),
        })
    }
}

fn stream(bytes: &[u8], size: usize) -> Incoming {
    let left = Bytes::copy_from_slice(bytes);
    Incoming::Stream(Pieces { left, size, breaks: false }.boxed_unsync())
}

fn broken(bytes: &[u8]) -> Incoming {
    let left = Bytes::copy_from_slice(bytes);
    Incoming::Stream(Pieces { left, size: 4, breaks: true }.boxed_unsync())
}

fn put_of(cloud: &Cloud, (head, ()): (request::Parts, ()), body: Incoming) -> Reply {
    cloud.send(Request::from_parts(head, body), Ipv4Addr::LOCALHOST.into())
}

type Head = (request::Parts, ());

/// The head of a signed PUT, and the seed of its chunks.
fn signed(
    caller: &Caller<'_>,
    path: &str,
    payload: Payload,
    more: &[(&'static str, &str)],
) -> (Head, Verified) {
    let mut request = Request::put(path).header("host", "s3.us-east-1.amazonaws.com").body(()).unwrap();
    for (name, value) in more {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let secret = Secret::new(caller.secret.clone());
    let signer = Signer {
        access_key: &caller.access_key,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
        dialect: Dialect::S3,
        algorithm: Algorithm::Hmac,
    };
    let now = Clock::system().now();
    let seed = sign_headers(&signer, "PUT", path, "", request.headers_mut(), payload, now).unwrap();
    (request.into_parts(), seed)
}

fn hash(bytes: &[u8]) -> Payload {
    let BodyHash::Of(hash) = BodyHash::of(bytes) else { unreachable!("the bytes are here") };
    Payload::Hash(hash)
}

const ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
const ACCOUNT: &str = "123456789012";

#[test]
fn a_body_streams_in_and_is_held_against_its_hash() {
    let cloud = with_s3();
    let eva = cloud.user(&cloud.root(ACCOUNT), "eva", ALL);
    for caller in [&eva, &cloud.root(ACCOUNT)] {
        let (head, _) = signed(caller, "/b/k", hash(b"twelve bytes"), &[]);
        let reply = put_of(&cloud, head, stream(b"twelve bytes", 4));
        assert_eq!((reply.status, reply.headers["etag"].to_str().unwrap()), (200, "3"));
        assert_eq!(find(&cloud.cloud.store().snapshot(), "k").unwrap().value, "twelve bytes");

        let (head, _) = signed(caller, "/b/other", hash(b"something else"), &[]);
        let refused = put_of(&cloud, head, stream(b"twelve bytes", 4));
        refused.refused(400, "XAmzContentSHA256Mismatch");
        let (head, _) = signed(caller, "/b/other", hash(b"twelve bytes"), &[]);
        put_of(&cloud, head, broken(b"twelve bytes")).refused(400, "IncompleteBody");
    }
    assert_eq!(all(&cloud.cloud), ["twelve bytes"]);
}

#[test]
fn chunks_are_decoded_and_their_signatures_and_checksum_verified() {
    let cloud = with_s3();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALL);
    let text = "x".repeat(20_000);
    let kinds = [
        Payload::SignedChunks { trailer: false },
        Payload::SignedChunks { trailer: true },
        Payload::UnsignedChunks,
    ];
    for payload in kinds {
        let trailer = payload != Payload::SignedChunks { trailer: false };
        let mut more = vec![("x-amz-decoded-content-length", "20000")];
        more.extend(trailer.then_some(("x-amz-trailer", "x-amz-checksum-crc32")));
        let body = |seed: &Verified| {
            let mut signer = ChunkSigner::new(seed, trailer.then_some(ChecksumKind::Crc32));
            let mut out = Vec::new();
            text.as_bytes().chunks(10_000).for_each(|chunk| signer.chunk(&mut out, chunk).unwrap());
            signer.end(&mut out).unwrap();
            out
        };
        for (caller, verified) in [(&eva, true), (&root, false)] {
            let (head, seed) = signed(caller, "/b/k", payload, &more);
            assert_eq!(put_of(&cloud, head, stream(&body(&seed), 777)).status, 200, "{payload:?}");
            assert_eq!(find(&cloud.cloud.store().snapshot(), "k").unwrap().value, text);
            // Small uploads are there at once, with their chunks.
            let (head, seed) = signed(caller, "/b/whole", payload, &more);
            assert_eq!(put_of(&cloud, head, Incoming::Whole(body(&seed).into())).status, 200, "{payload:?}");
            assert_eq!(find(&cloud.cloud.store().snapshot(), "whole").unwrap().value, text);

            let (head, seed) = signed(caller, "/b/spoilt", payload, &more);
            let mut spoilt = body(&seed);
            let at = spoilt.iter().position(|b| *b == b'x').unwrap();
            spoilt[at + 10] = b'y';
            let reply = put_of(&cloud, head, stream(&spoilt, 777));
            match (payload, verified) {
                (Payload::UnsignedChunks, _) => _ = reply.refused(400, "BadDigest"),
                (_, true) => _ = reply.refused(403, "SignatureDoesNotMatch"),
                (_, false) if trailer => _ = reply.refused(400, "BadDigest"),
                // Root's shared keys have no secret: there is nothing to hold the chunk against.
                (_, false) => assert_eq!(reply.status, 200),
            }
        }
    }
}

#[test]
fn handlers_are_authorized_and_leave_nothing_when_they_fail() {
    let cloud = with_s3();
    let root = cloud.root(ACCOUNT);
    let nobody = cloud.user(&root, "nobody", "");
    let put = |caller: &Caller<'_>, path: &str| {
        let (head, _) = signed(caller, path, Payload::Unsigned, &[]);
        put_of(&cloud, head, stream(b"text", 4))
    };
    put(&nobody, "/b/k").refused(403, "AccessDenied");
    put(&root, "/b/panics").refused(500, "InternalFailure");
    put(&root, "/b/refused").refused(409, "OperationAborted");
    assert_eq!(all(&cloud.cloud), Vec::<String>::new());
    assert_eq!(put(&root, "/b/k").status, 200);
}

fn get_of(cloud: &Cloud, range: Option<&str>) -> Reply {
    let mut request =
        Request::get("/b/k").header("host", "s3.us-east-1.amazonaws.com").body(Bytes::new()).unwrap();
    if let Some(range) = range {
        request.headers_mut().insert("range", range.parse().unwrap());
    }
    cloud.root(ACCOUNT).sign(&mut request, "s3");
    cloud.send(request, Ipv4Addr::LOCALHOST.into())
}

#[test]
fn answers_stream_and_have_a_status_of_their_own() {
    let cloud = with_s3();
    let (head, _) = signed(&cloud.root(ACCOUNT), "/b/k", Payload::Unsigned, &[]);
    put_of(&cloud, head, stream(b"text", 4)).ok();
    let whole = get_of(&cloud, None);
    assert_eq!((whole.status, &whole.body[..]), (200, &b"text"[..]));
    assert_eq!(whole.headers["etag"], "e");
    let part = get_of(&cloud, Some("bytes=0-0"));
    assert_eq!((part.status, &part.body[..]), (206, &b"t"[..]));
}

#[test]
fn services_call_the_data_plane_from_outside_of_transactions_only() {
    let cloud = with_s3();
    let account = AccountId::parse(ACCOUNT).unwrap();
    let value = || {
        let members = [("Bucket", Value::str("b")), ("Key", Value::str("k"))];
        Value::Struct(members.into_iter().collect())
    };
    let call = || Call { service: "s3", operation: "PutObject", value: value() };
    let body = Body::of(Bytes::from_static(b"from within"), None);
    let put =
        cloud.cloud.stream_call("logging.s3.amazonaws.com", account, Region::US_EAST_1, None, call(), body);
    assert_eq!(cloud.block_on(put).unwrap().value.member("ETag"), Some(&Value::str("1")));
    assert_eq!(all(&cloud.cloud), ["from within"]);

    let mut tx = cloud.cloud.store().begin();
    let within = cloud.cloud.call(&mut tx, "logging.s3.amazonaws.com", account, Region::US_EAST_1, call());
    assert_eq!(within.unwrap_err().code, "InternalFailure");
}

/// Takes one host's requests, and lets those under `/api` go on.
#[derive(Debug)]
struct Pages;

impl Site for Pages {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn claims(&self, parts: &request::Parts) -> bool {
        parts.headers.get("host").is_some_and(|host| host == "pages.localhost:4566")
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<kernel::Cloud>,
        parts: &'a request::Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> Running<'a, kernel::Reply> {
        Box::pin(async move {
            if parts.uri.path().starts_with("/api") {
                return cloud.serve_api(parts, incoming, peer).await;
            }
            let content = Content::from(Bytes::from_static(b"<p>a page</p>"));
            kernel::Reply { status: 200, headers: http::HeaderMap::new(), content }
        })
    }
}

#[test]
fn sites_are_asked_before_a_request_is_routed() {
    let cloud = cloud(Extra { sites: vec![Arc::new(Pages)], ..parts() });
    let ask = |host: &str, path: &str| {
        let request = Request::get(path).header("host", host).body(Bytes::new()).unwrap();
        cloud.send(request, Ipv4Addr::LOCALHOST.into())
    };
    assert_eq!(&ask("pages.localhost:4566", "/").body[..], b"<p>a page</p>");
    assert!(ask("pages.localhost:4566", "/api").status >= 400);
    assert!(ask("other.localhost:4566", "/").status >= 400);
}

#[test]
fn services_call_the_data_plane_for_whoever_asked_earlier() {
    let cloud = with_s3();
    let root = cloud.root(ACCOUNT);
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": "dynamodb.amazonaws.com"}},
    }]});
    let eva = cloud.user(&root, "eva", &policy.to_string());
    let put = |key: &str| {
        let members = [("Bucket", Value::str("b")), ("Key", Value::str("k"))];
        let value = Value::Struct(members.into_iter().collect());
        let call = Call { service: "s3", operation: "PutObject", value };
        let body = Body::of(Bytes::from_static(b"for eva"), None);
        let whom = Whom::Caller { access_key: key, token: None };
        let put = cloud.cloud.stream_call_for("dynamodb.amazonaws.com", whom, Region::US_EAST_1, call, body);
        cloud.block_on(put).map(drop).map_err(|fault| fault.code)
    };
    assert_eq!(put(&eva.access_key), Ok(()));
    assert_eq!(all(&cloud.cloud), ["for eva"]);
    assert_eq!(put(ACCOUNT), Ok(()), "the root of an account");
    // With the permissions of the moment.
    let gone = serde_json::json!({"UserName": "eva", "PolicyName": "inline"});
    root.call("iam", "DeleteUserPolicy", gone).ok();
    assert_eq!(put(&eva.access_key), Err("AccessDeniedException".into()));
    let key = serde_json::json!({"UserName": "eva", "AccessKeyId": eva.access_key, "Status": "Inactive"});
    root.call("iam", "UpdateAccessKey", key).ok();
    assert_eq!(put(&eva.access_key), Err("InvalidClientTokenId".into()));
}
