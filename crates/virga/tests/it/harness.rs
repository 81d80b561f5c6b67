//! A cloud in memory with a frozen clock and seeded chance, and callers that sign their requests.
//!
//! ```ignore
//! let cloud = Cloud::new();
//! let root = cloud.root("123456789012");
//! let user = root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
//! let eva = cloud.user(&root, "eva", r#"{"Version": ...}"#);
//! eva.call("iam", "DeleteUser", json!({"UserName": "eva"})).refused(403, "AccessDenied");
//! ```
//!
//! Requests are written in the service's own protocol from a JSON object with the model's member
//! names; answers are read back into JSON: by the model of rest-xml, else of XML elements by name, lists (`member`) and maps (`entry`) as arrays, all text as strings.

use auth::sigv4::sign::{Signer, presign, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Dialect, Payload, Secret};
use base::{Clock, Rng, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use kernel::{Incoming, Peer, Settings};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use wire::model::Protocol;

/// Where the cloud's clock stands at the beginning of each test: 2026-01-15T12:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_768_478_400);
pub(crate) const MASTER: [u8; 32] = [42; 32];

/// A whole cloud in memory.
pub(crate) struct Cloud {
    pub(crate) cloud: Arc<kernel::Cloud>,
    runtime: tokio::runtime::Runtime,
}

/// Somebody who calls: signs with its keys.
#[derive(Clone)]
pub(crate) struct Caller<'c> {
    cloud: &'c Cloud,
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    pub(crate) address: IpAddr,
}

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) value: Value,
    said: String,
}

impl Cloud {
    pub(crate) fn new() -> Cloud {
        Cloud::with(Settings { strict: true, seed: Some(7), ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Cloud {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let cloud = virga::wiring::cloud(
            Store::memory(),
            Arc::new(blob::Memory::default()),
            Clock::frozen(START),
            Rng::seeded(7),
            &MASTER,
            settings,
        )
        .unwrap();
        Cloud { cloud, runtime }
    }

    /// A cloud that the test has wired itself.
    pub(crate) fn around(cloud: Arc<kernel::Cloud>) -> Cloud {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Cloud { cloud, runtime }
    }

    /// The root of an account, by its shared key.
    pub(crate) fn root(&self, account: &str) -> Caller<'_> {
        self.caller(account, "anything", None)
    }

    pub(crate) fn caller(&self, access_key: &str, secret: &str, token: Option<&str>) -> Caller<'_> {
        Caller {
            cloud: self,
            access_key: access_key.into(),
            secret: secret.into(),
            token: token.map(Into::into),
            region: "us-east-1".into(),
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Somebody without credentials.
    pub(crate) fn anonymous(&self) -> Caller<'_> {
        self.caller("", "", None)
    }

    /// Creates a user with an access key and one inline policy (none where `policy` is empty).
    pub(crate) fn user<'c>(&'c self, root: &Caller<'c>, name: &str, policy: &str) -> Caller<'c> {
        root.call("iam", "CreateUser", json!({ "UserName": name })).ok();
        if !policy.is_empty() {
            let put = json!({ "UserName": name, "PolicyName": "inline", "PolicyDocument": policy });
            root.call("iam", "PutUserPolicy", put).ok();
        }
        let key = root.call("iam", "CreateAccessKey", json!({ "UserName": name })).ok();
        let text = |member: &str| key["AccessKey"][member].as_str().unwrap().to_owned();
        self.caller(&text("AccessKeyId"), &text("SecretAccessKey"), None)
    }

    /// The caller that a `Credentials` structure (of AssumeRole and its like) makes.
    pub(crate) fn session<'c>(&'c self, credentials: &Value) -> Caller<'c> {
        let text = |member: &str| credentials[member].as_str().unwrap();
        self.caller(text("AccessKeyId"), text("SecretAccessKey"), Some(text("SessionToken")))
    }

    /// Moves the cloud's clock.
    pub(crate) fn advance(&self, by: Duration) {
        self.cloud.clock().advance(by);
    }

    /// Runs every reconciler once, as the clock or a change would have it.
    pub(crate) fn reconcile(&self) {
        let _runtime = self.runtime.enter();
        for reconciler in self.cloud.reconcilers() {
            reconciler.run(&self.cloud).unwrap_or_else(|e| panic!("{}: {e}", reconciler.name()));
        }
    }

    /// Whether a text lies anywhere in the store as it is.
    pub(crate) fn holds(&self, text: &str) -> bool {
        use store::{Direction, KeyRange, Read};
        let snapshot = self.cloud.store().snapshot();
        snapshot
            .scan(KeyRange::all(), Direction::Forward)
            .any(|pair| pair.unwrap().1.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    /// Runs one future on the cloud's runtime.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Sends bytes as they are.
    pub(crate) fn send<B: Into<Incoming>>(&self, request: Request<B>, address: IpAddr) -> Reply {
        self.send_from(request, Peer::at(address, None))
    }

    pub(crate) fn send_from<B: Into<Incoming>>(&self, request: Request<B>, peer: Peer) -> Reply {
        let said = format!("{} {}", request.method(), request.uri());
        let (mut parts, body) = request.into_parts();
        let body = body.into();
        if matches!(&body, Incoming::Whole(bytes) if bytes.is_empty()) {
            // As clients do, even where they sign nothing of it.
            parts.headers.entry("content-length").or_insert(HeaderValue::from_static("0"));
        }
        let reply = self.runtime.block_on(self.cloud.serve(&parts, body, peer));
        let body = self.runtime.block_on(reply.content.whole()).unwrap();
        let value = read_body(&body);
        Reply { status: reply.status, headers: reply.headers, body, value, said }
    }
}

impl<'c> Caller<'c> {
    /// The access key and its secret.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.access_key, &self.secret)
    }

    #[must_use]
    pub(crate) fn in_region(&self, region: &str) -> Caller<'c> {
        Caller { region: region.into(), ..self.clone() }
    }

    #[must_use]
    pub(crate) fn from_address(&self, address: &str) -> Caller<'c> {
        Caller { address: address.parse().unwrap(), ..self.clone() }
    }

    /// Calls an operation with the model's member names.
    pub(crate) fn call(&self, service: &str, operation: &str, parameters: Value) -> Reply {
        let request = self.request(service, operation, &parameters);
        let mut reply = self.cloud.send(request, self.address);
        reply.said = format!("{service}:{operation} {parameters}");
        let model = wire::catalog::service(service).unwrap();
        if model.protocols.contains(&Protocol::RestXml) && reply.status < 300 {
            reply.value = crate::rest_xml::read(model, operation, &reply.headers, &reply.body);
            return reply;
        }
        // Query answers wrap their members in one element.
        if let Some(inner) = reply.value.get_mut(format!("{operation}Result")) {
            reply.value = inner.take();
        }
        reply
    }

    /// The signed request, for tests that spoil it.
    pub(crate) fn request(&self, service: &str, operation: &str, parameters: &Value) -> Request<Bytes> {
        let model = wire::catalog::service(service).unwrap_or_else(|| panic!("no model {service}"));
        let (content_type, body) = match model.protocols.iter().find(|p| is_spoken(**p)).unwrap() {
            Protocol::Query | Protocol::Ec2Query => {
                let mut pairs =
                    vec![("Action".into(), operation.into()), ("Version".into(), model.api_version.into())];
                match model.operation(operation).and_then(|operation| operation.input) {
                    Some(input) if model.protocols.contains(&Protocol::Ec2Query) => {
                        flatten_ec2(model, input, "", parameters, &mut pairs);
                    }
                    Some(input) => flatten("", &spell(model, input, parameters), &mut pairs),
                    None => flatten("", parameters, &mut pairs),
                }
                ("application/x-www-form-urlencoded", encode(&pairs))
            }
            Protocol::Json10 => ("application/x-amz-json-1.0", parameters.to_string()),
            Protocol::RestJson => ("application/json", String::new()),
            Protocol::RestXml => ("application/xml", String::new()),
            _ => ("application/x-amz-json-1.1", parameters.to_string()),
        };
        let mut request = match content_type {
            "application/json" => rest_json(model, operation, parameters),
            "application/xml" => crate::rest_xml::request(model, operation, parameters),
            _ => Request::post("/").body(Bytes::from(body)).unwrap(),
        };
        let headers = request.headers_mut();
        let host = format!("{}.{}.amazonaws.com", model.endpoint_prefix, self.region);
        headers.insert("host", host.parse().unwrap());
        headers.entry("content-type").or_insert(HeaderValue::from_static(content_type));
        headers.insert("user-agent", HeaderValue::from_static("it/1"));
        if content_type.contains("x-amz-json") {
            headers.insert("x-amz-target", format!("{}.{operation}", model.target_prefix).parse().unwrap());
        }
        if model.operation(operation).is_some_and(|operation| operation.checksum_required) {
            // As the SDKs do.
            let digest = STANDARD.encode(auth::md5::Md5::of(request.body()));
            request.headers_mut().entry("content-md5").or_insert(digest.parse().unwrap());
        }
        if !self.access_key.is_empty() {
            self.sign(&mut request, model.signing_name);
        }
        request
    }

    /// Sends a form of the query protocol as it stands, signed: for services whose own protocol is another one.
    pub(crate) fn form(&self, service: &str, form: &str) -> Reply {
        let mut request = Request::post("/").body(Bytes::from(form.to_owned())).unwrap();
        let model = wire::catalog::service(service).unwrap();
        let host = format!("{}.{}.amazonaws.com", model.endpoint_prefix, self.region);
        request.headers_mut().insert("host", host.parse().unwrap());
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert("content-type", kind);
        self.sign(&mut request, model.signing_name);
        self.cloud.send(request, self.address)
    }

    /// The request with its signature in the address, for whoever has it. Its body is not signed.
    pub(crate) fn presigned(&self, service: &str, operation: &str, parameters: &Value) -> Request<Bytes> {
        let plain = Caller { access_key: String::new(), ..self.clone() };
        let mut request = plain.request(service, operation, parameters);
        let secret = Secret::new(self.secret.clone());
        let signer = Signer {
            access_key: &self.access_key,
            secret: &secret,
            session_token: self.token.as_deref(),
            region: &self.region,
            service: wire::catalog::service(service).unwrap().signing_name,
            dialect: if service == "s3" { Dialect::S3 } else { Dialect::Query },
            algorithm: Algorithm::Hmac,
        };
        let (path, query) =
            (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
        let (method, now) = (request.method().to_string(), Clock::system().now());
        let query = presign(&signer, &method, &path, &query, request.headers(), 60, now).unwrap();
        *request.uri_mut() = format!("{path}?{query}").parse().unwrap();
        request
    }

    /// Signs a request as it stands.
    pub(crate) fn sign(&self, request: &mut Request<Bytes>, service: &str) {
        self.sign_by(request, service, Algorithm::Hmac, &self.region);
    }

    /// By SigV4 for a region, or by SigV4A for a set of them.
    pub(crate) fn sign_by(
        &self,
        request: &mut Request<Bytes>,
        service: &str,
        algorithm: Algorithm,
        region: &str,
    ) {
        let secret = Secret::new(self.secret.clone());
        let signer = Signer {
            access_key: &self.access_key,
            secret: &secret,
            session_token: self.token.as_deref(),
            region,
            service,
            dialect: if service == "s3" { Dialect::S3 } else { Dialect::Query },
            algorithm,
        };
        let payload = Payload::Hash(match BodyHash::of(request.body()) {
            BodyHash::Of(hash) => hash,
            BodyHash::Unread => unreachable!("the body is here"),
        });
        let (method, uri) = (request.method().clone(), request.uri().clone());
        // Clients sign by the machine's time, whatever the cloud's clock says.
        let now = Clock::system().now();
        let query = uri.query().unwrap_or_default();
        sign_headers(&signer, method.as_str(), uri.path(), query, request.headers_mut(), payload, now)
            .unwrap();
    }
}

impl Reply {
    /// The answer of a call that must succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status < 300, "{} answered {}: {}", self.said, self.status, self.value);
        self.value
    }

    /// The message of a call that must be refused just so.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> String {
        let (got, message) = self.error();
        assert_eq!((self.status, got.as_str()), (status, code), "{}: {message}", self.said);
        message
    }

    /// As [`Reply::refused`], message included.
    #[track_caller]
    pub(crate) fn refused_with(self, status: u16, code: &str, message: &str) {
        let said = self.said.clone();
        assert_eq!(self.refused(status, code), message, "{said}");
    }

    /// Code and message of a refusal; two empty strings where there is none to be found.
    pub(crate) fn error(&self) -> (String, String) {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let error = [&self.value["Error"], &self.value["Errors"]["Error"], &self.value];
        let found = error.into_iter().find(|e| e.get("Code").is_some() || e.get("__type").is_some());
        let Some(error) = found else {
            // REST protocols have the code in the head.
            let code = self.headers.get("x-amzn-errortype").and_then(|v| v.to_str().ok());
            let message = self.value.get("message").or(self.value.get("Message"));
            let message = message.map_or_else(|| self.value.to_string(), text);
            return (code.unwrap_or_default().to_owned(), message);
        };
        let code = text(error.get("Code").or(error.get("__type")).unwrap());
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        let message = ["Message", "message"].iter().find_map(|name| error.get(*name)).map(text);
        (code, message.unwrap_or_default())
    }
}

/// The protocols that the harness writes.
fn is_spoken(protocol: Protocol) -> bool {
    use Protocol::{Ec2Query, Json10, Json11, Query, RestJson, RestXml};
    matches!(protocol, Query | Ec2Query | Json10 | Json11 | RestJson | RestXml)
}

/// Members where the model has them: in the path, the query string or the body.
fn rest_json(model: &wire::model::Service, operation: &str, parameters: &Value) -> Request<Bytes> {
    use wire::model::Location;
    let operation = model.operation(operation).unwrap();
    let input = operation.input.and_then(|shape| model.structure(shape));
    let (mut uri, mut query, mut body) = (operation.uri.to_owned(), Vec::new(), Map::new());
    let mut headers = Vec::new();
    for (name, value) in parameters.as_object().unwrap() {
        let member = input.and_then(|s| s.member(name));
        let wire = member.map(|m| m.target.wire_name).filter(|wire| !wire.is_empty()).unwrap_or(name);
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let one = |text: &str| encode(&[(String::new(), text.to_owned())])[1..].to_owned();
        match member.map_or(Location::Body, |m| m.location) {
            Location::Uri => uri = uri.replace(&format!("{{{wire}}}"), &one(&text())),
            Location::QueryString => match value.as_array() {
                Some(items) => {
                    let texts = items.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
                    query.extend(texts.map(|text| (wire.to_owned(), text)));
                }
                None => query.push((wire.to_owned(), text())),
            },
            Location::Header => headers.push((wire.to_owned(), text())),
            _ => {
                body.insert(wire.to_owned(), value.clone());
            }
        }
    }
    let joint = if uri.contains('?') { "&" } else { "?" };
    if !query.is_empty() {
        uri = format!("{uri}{joint}{}", encode(&query));
    }
    // What is the whole body stands there as it is.
    let payload = input.and_then(|s| Some(s.members[s.payload?].name)).unwrap_or_default();
    let body = match body.get(payload) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None if operation.method == "GET" => String::new(),
        None => Value::Object(body).to_string(),
    };
    let mut request = Request::builder().method(operation.method).uri(uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(Bytes::from(body)).unwrap()
}

/// `{"TagSpecifications": [{"Tags": [{"Key": "a"}]}]}` as `TagSpecification.1.Tag.1.Key=a`: EC2 has names of its own for
/// what it takes, and begins them with a capital.
fn flatten_ec2(
    model: &wire::model::Service,
    shape: wire::model::ShapeId,
    prefix: &str,
    value: &Value,
    out: &mut Vec<(String, String)>,
) {
    use wire::model::Kind;
    let join = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match (&model.shape(shape).kind, value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            for (name, value) in members {
                let Some(member) = structure.member(name) else {
                    flatten(&join(name), value, out);
                    continue;
                };
                let target = &member.target;
                let own = if target.wire_name.is_empty() { member.name } else { target.wire_name };
                let wire = match target.query_name {
                    "" => own[..1].to_ascii_uppercase() + &own[1..],
                    query => query.to_owned(),
                };
                flatten_ec2(model, target.shape, &join(&wire), value, out);
            }
        }
        (Kind::List { element, .. }, Value::Array(items)) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                flatten_ec2(model, element.shape, &join(&(i + 1).to_string()), item, out);
            }
        }
        (_, other) => flatten(prefix, other, out),
    }
}

/// Maps as the query protocol has them: `{"entry": {"1": {"key": .., "value": ..}}}`.
fn spell(model: &wire::model::Service, shape: wire::model::ShapeId, value: &Value) -> Value {
    use wire::model::Kind;
    match (&model.shape(shape).kind, value) {
        (Kind::Structure(structure), Value::Object(members)) => members
            .iter()
            .map(|(name, v)| {
                let inner = structure.member(name).map(|m| spell(model, m.target.shape, v));
                (name.clone(), inner.unwrap_or_else(|| v.clone()))
            })
            .collect(),
        (Kind::List { element, .. }, Value::Array(items)) => {
            items.iter().map(|item| spell(model, element.shape, item)).collect()
        }
        (Kind::Map { key, value: inner, .. }, Value::Object(members)) => {
            let name = |wire: &str, own: &str| if wire.is_empty() { own.to_owned() } else { wire.to_owned() };
            let (key, value) = (name(key.wire_name, "key"), name(inner.wire_name, "value"));
            let entries: Map<String, Value> = members
                .iter()
                .enumerate()
                .map(|(n, (k, v))| {
                    (
                        (n + 1).to_string(),
                        json!({ key.clone(): k, value.clone(): spell(model, inner.shape, v) }),
                    )
                })
                .collect();
            json!({ "entry": entries })
        }
        _ => value.clone(),
    }
}

/// `{"Tags": [{"Key": "a"}]}` as `Tags.member.1.Key=a`.
fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let join = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(members) => members.iter().for_each(|(name, v)| flatten(&join(name), v, out)),
        Value::Array(items) if items.is_empty() => out.push((prefix.to_owned(), String::new())),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                flatten(&join(&format!("member.{}", i + 1)), item, out);
            }
        }
        Value::String(text) => out.push((prefix.to_owned(), text.clone())),
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}

fn encode(pairs: &[(String, String)]) -> String {
    let escape = |text: &str| -> String {
        let byte = |b: u8| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    pairs.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect::<Vec<_>>().join("&")
}

fn read_body(body: &[u8]) -> Value {
    let text = std::str::from_utf8(body).unwrap_or_default();
    match text.trim_start().chars().next() {
        Some('{' | '[') => serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}")),
        Some('<') => read_xml(text),
        _ => Value::Null,
    }
}

/// The content of the document element.
fn read_xml(text: &str) -> Value {
    let mut reader = quick_xml::Reader::from_str(text);
    let document = read_element(&mut reader, text);
    match document {
        Value::Object(members) if members.len() == 1 => {
            members.into_iter().next().map(|(_, v)| v).unwrap_or_default()
        }
        other => other,
    }
}

fn read_element(reader: &mut quick_xml::Reader<&[u8]>, all: &str) -> Value {
    use quick_xml::events::Event;
    let (mut members, mut items, mut text) = (Map::new(), None::<Vec<Value>>, String::new());
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}: {all}")) {
            Event::Start(tag) => {
                let name = tag.local_name().as_ref().to_owned();
                let inner = read_element(reader, all);
                if matches!(name.as_str(), "member" | "item" | "entry") {
                    items.get_or_insert_default().push(inner);
                } else {
                    members.insert(name, inner);
                }
            }
            Event::Empty(tag) => {
                members.insert(tag.local_name().as_ref().to_owned(), json!(""));
            }
            Event::Text(t) => text.push_str(t.as_ref()),
            Event::GeneralRef(r) => text.push_str(&reference(r.as_ref())),
            Event::End(_) | Event::Eof => break,
            _ => {}
        }
    }
    match items {
        Some(items) => Value::Array(items),
        None if members.is_empty() => Value::String(text),
        None => Value::Object(members),
    }
}

pub(crate) fn reference(name: &str) -> String {
    let number = name.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
    let number = number.or_else(|| name.strip_prefix('#').map(str::parse));
    match (name, number) {
        (_, Some(Ok(n))) => char::from_u32(n).unwrap_or('?').to_string(),
        ("lt", _) => "<".into(),
        ("gt", _) => ">".into(),
        ("amp", _) => "&".into(),
        ("quot", _) => "\"".into(),
        ("apos", _) => "'".into(),
        _ => panic!("unknown entity {name}"),
    }
}
