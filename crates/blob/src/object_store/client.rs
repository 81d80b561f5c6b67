//! [`Client`]: signed requests about the keys of one place, tried again where that can help.

use super::http::{Answer, Server, Stream};
use super::place::Place;
use auth::sigv4::sign::{Signer, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Dialect, Payload, Secret};
use base::Clock;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use wire::model::Service;
use wire::{Struct, Value};

/// Waited between attempts: for what passes by itself, and no longer than a request may take.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1000)];

/// With whose rights the store is used.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub access_key: String,
    pub secret: Secret,
    pub session_token: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) method: &'r str,
    /// Of the key, or empty for the bucket itself.
    pub(super) name: Option<&'r str>,
    /// Sorted and escaped.
    pub(super) query: &'r str,
    pub(super) headers: &'r [(&'static str, &'r str)],
    pub(super) body: &'r [u8],
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) place: Place,
    server: Server,
    credentials: Credentials,
    clock: Clock,
}

impl Client {
    pub(super) fn new(place: Place, credentials: Credentials, tls: Option<Arc<ClientConfig>>) -> Client {
        let server = Server::new(place.host(), tls);
        Client { place, server, credentials, clock: Clock::system() }
    }

    /// The answer to a request that was carried out.
    ///
    /// # Errors
    /// `NotFound` for 404, `AlreadyExists` for 409 and 412, `PermissionDenied` for 401 and 403; else what the store
    /// said, or that it could not be reached.
    pub(super) fn call(&self, request: Request<'_>) -> io::Result<Answer> {
        let mut pauses = PAUSES.iter();
        // Hashed once, however often it is sent.
        let payload = hashed(request.body);
        loop {
            let outcome = self.once(request, payload);
            let passing = match &outcome {
                Ok(answer) => matches!(answer.status, 429 | 500 | 502 | 503 | 504),
                Err(error) => error.kind() != ErrorKind::InvalidInput,
            };
            match pauses.next().filter(|_| passing) {
                Some(pause) => thread::sleep(*pause),
                None => return self.judged(request, outcome),
            }
        }
    }

    /// The bytes of an object from `first` up to `end`, to be read by and by. Not tried again: whoever reads knows another
    /// way.
    pub(super) fn stream(&self, name: &str, first: u64, end: u64) -> io::Result<Stream> {
        let range = format!("bytes={first}-{}", end - 1);
        let headers = &[("range", range.as_str())];
        let request = Request { method: "GET", name: Some(name), query: "", headers, body: &[] };
        self.server.stream(self.head(request, hashed(&[]))?.as_bytes())
    }

    pub(super) fn finished(&self, stream: Stream) {
        self.server.finished(stream);
    }

    fn once(&self, request: Request<'_>, payload: Payload) -> io::Result<Answer> {
        let head = self.head(request, payload)?;
        self.server.exchange(head.as_bytes(), request.body, request.method == "HEAD")
    }

    /// The signed head, down to its empty line.
    fn head(&self, request: Request<'_>, payload: Payload) -> io::Result<String> {
        let invalid = |_| io::Error::from(ErrorKind::InvalidInput);
        let path = match request.name {
            Some(name) => self.place.path(name),
            None => format!("/{}", self.place.bucket),
        };
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, HeaderValue::from_str(&self.place.authority).map_err(invalid)?);
        for (name, value) in request.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).map_err(invalid)?);
        }
        let signer = Signer {
            access_key: &self.credentials.access_key,
            secret: &self.credentials.secret,
            session_token: self.credentials.session_token.as_deref(),
            region: &self.place.region,
            service: "s3",
            dialect: Dialect::S3,
            algorithm: Algorithm::Hmac,
        };
        sign_headers(&signer, request.method, &path, request.query, &mut headers, payload, self.clock.now())
            .map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        let mark = if request.query.is_empty() { "" } else { "?" };
        let mut head = format!("{} {path}{mark}{} HTTP/1.1\r\n", request.method, request.query);
        for (name, value) in &headers {
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", request.body.len());
        Ok(head)
    }

    fn judged(&self, request: Request<'_>, outcome: io::Result<Answer>) -> io::Result<Answer> {
        let at = |kind, what: &dyn std::fmt::Display| {
            io::Error::new(kind, format!("{} {}: {what}", request.method, self.place))
        };
        let answer = outcome.map_err(|error| at(error.kind(), &error))?;
        let kind = match answer.status {
            200..300 => return Ok(answer),
            401 | 403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::AlreadyExists,
            _ => ErrorKind::Other,
        };
        let said = members("Error", &answer.body);
        let code = said.as_ref().and_then(|said| said.str("Code")).unwrap_or_default();
        Err(at(kind, &format_args!("{} {code}", answer.status)))
    }
}

fn hashed(body: &[u8]) -> Payload {
    match BodyHash::of(body) {
        BodyHash::Of(hash) => Payload::Hash(hash),
        BodyHash::Unread => Payload::Unsigned,
    }
}

fn s3() -> Option<&'static Service> {
    wire::catalog::service("s3")
}

/// The members of an answer of this shape.
pub(super) fn members(shape: &str, body: &[u8]) -> Option<Struct> {
    wire::input::xml_members(s3()?, shape, body)
}

/// The document of a structure.
pub(super) fn document(shape: &str, root: &str, members: &Struct) -> Option<bytes::Bytes> {
    wire::output::xml_members(s3()?, shape, root, members)
}

/// The structures of a list.
pub(super) fn each<'s>(of: &'s Struct, list: &str) -> impl Iterator<Item = &'s Struct> {
    of.get(list).and_then(Value::as_list).into_iter().flatten().filter_map(Value::as_struct)
}

/// A value as it stands in a query.
pub(super) fn escaped(text: &str) -> String {
    let mut out = Vec::new();
    auth::sigv4::uri_encode_into(&mut out, text.bytes(), false);
    String::from_utf8_lossy(&out).into_owned()
}
