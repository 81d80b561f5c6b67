//! The Runtime API: what runs in an environment asks for its next event there, and says what became of it.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use super::extensions::{self, About, Extensions};
use super::telemetry::{self, Reach, Telemetry};
use crate::lambda::errors::WRONG_SUBSCRIPTION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use kernel::Cloud;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

/// AWS: the quotas of the developer guide.
pub(crate) const RESPONSE_MAX: usize = 6_291_556;
const PREFIX: &str = "/2018-06-01/runtime/";
/// Of what an extension says.
const EXTENSION_MAX: usize = 256 << 10;
const MODE: &str = "lambda-runtime-function-response-mode";
/// How many pieces of a response wait for who reads it.
const PIECES: usize = 16;

/// An event for the runtime.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request_id: String,
    pub(crate) deadline_millis: i64,
    pub(crate) arn: String,
    /// `X-Amzn-Trace-Id`
    pub(crate) trace: String,
    pub(crate) client_context: Option<String>,
    pub(crate) payload: Bytes,
    pub(crate) reply: oneshot::Sender<Said>,
}

/// What a runtime says of an event.
#[derive(Debug)]
pub(crate) enum Said {
    Response(Bytes),
    Error(Bytes),
    /// More than this many bytes.
    TooLarge(usize),
    /// It says it piece by piece.
    Streams(Streams),
}

/// A response that is still being said.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) content_type: Option<String>,
    pub(crate) pieces: mpsc::Receiver<Piece>,
}

/// A part of a response that is said piece by piece. Without an end it was cut off.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    End,
    /// It ends with an error, as its trailers have it.
    Failed(Bytes),
}

/// How far a runtime is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Init {
    Begun,
    /// It has asked for an event.
    Done,
    Failed(Bytes),
}

/// One environment's side of the API.
#[derive(Debug)]
pub(crate) struct Desk {
    jobs: mpsc::Sender<Job>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Said>)>>,
    init: watch::Sender<Init>,
    pub(crate) extensions: Extensions,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(super) reach: OnceLock<Reach>,
    /// An extension said that it cannot go on.
    spoiled: AtomicBool,
    cloud: Weak<Cloud>,
}

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn answer(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

pub(super) fn accepted() -> Answer {
    answer(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
}

pub(super) fn refused(status: StatusCode, kind: &str, message: &str) -> Answer {
    answer(status, format!("{{\"errorMessage\":\"{message}\",\"errorType\":\"{kind}\"}}\n"))
}

/// The error that trailers tell of, as a response would have it.
fn failure(trailers: &HeaderMap) -> Option<Bytes> {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    let kind = text("lambda-runtime-function-error-type")?;
    let body = text("lambda-runtime-function-error-body").and_then(|body| STANDARD.decode(body).ok());
    let members = [("errorType", kind), ("errorMessage", "")];
    let members = members.map(|(name, text)| (name.to_owned(), wire::Value::str(text)));
    Some(body.unwrap_or_else(|| wire::json::text(&wire::Value::Map(members.into())).into_bytes()).into())
}

impl Desk {
    pub(crate) fn new(about: About, cloud: &Arc<Cloud>) -> Desk {
        let (jobs, waiting) = mpsc::channel(1);
        Desk {
            jobs,
            waiting: tokio::sync::Mutex::new(waiting),
            current: Mutex::default(),
            init: watch::Sender::new(Init::Begun),
            extensions: Extensions::new(about),
            telemetry: Arc::default(),
            reach: OnceLock::new(),
            spoiled: AtomicBool::new(false),
            cloud: Arc::downgrade(cloud),
        }
    }

    /// Waits until no extension has anything left to do, or one cannot go on.
    pub(crate) async fn settled(&self) {
        let mut changes = self.extensions.changes();
        while !self.extensions.all_wait() && !self.is_spoiled() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::SeqCst)
    }

    /// Puts an event before the runtime.
    pub(crate) async fn put(&self, job: Job) -> bool {
        self.jobs.send(job).await.is_ok()
    }

    /// Whether the event that was put there is still there.
    pub(crate) fn is_untouched(&self) -> bool {
        self.jobs.capacity() == 0
    }

    pub(crate) fn init(&self) -> watch::Receiver<Init> {
        self.init.subscribe()
    }

    /// Serves until the environment is gone.
    pub(crate) async fn serve(self: Arc<Desk>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).connection(stream));
        }
    }

    async fn connection(self: Arc<Desk>, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let service = hyper::service::service_fn(move |request| {
            let desk = Arc::clone(&self);
            async move { Ok::<_, Infallible>(desk.request(request).await) }
        });
        // Whoever goes away or speaks no HTTP is its own affair.
        let _ =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn request(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        if parts.uri.path().starts_with(extensions::PREFIX) {
            let body = Limited::new(body, EXTENSION_MAX).collect().await.map(|whole| whole.to_bytes());
            let Some(cloud) = self.cloud.upgrade() else {
                return refused(StatusCode::INTERNAL_SERVER_ERROR, "Ended", "The environment has ended.");
            };
            let id = base::id::uuid(cloud.rng());
            drop(cloud);
            let (answer, failed) = self.extensions.request(&parts, body.unwrap_or_default(), id).await;
            if let Some(why) = failed {
                self.spoiled.store(true, Ordering::SeqCst);
                self.init.send_replace(Init::Failed(why));
                self.extensions.changed();
            }
            return answer;
        }
        if parts.uri.path().trim_end_matches('/') == telemetry::PATH && parts.method == Method::PUT {
            return self.subscribe(&parts, body).await;
        }
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
        let words: Vec<&str> = path.split('/').collect();
        if (parts.method == Method::GET) && words == ["invocation", "next"] {
            return self.next().await;
        }
        if parts.method != Method::POST {
            return refused(StatusCode::NOT_FOUND, "NotFound", "There is no such page.");
        }
        let streams = parts.headers.get(MODE).is_some_and(|mode| mode == "streaming");
        if let (["invocation", id, "response"], true) = (&words[..], streams) {
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            return self.streams(id, content_type.map(str::to_owned), body).await;
        }
        let body = Limited::new(body, RESPONSE_MAX).collect().await.map(|whole| whole.to_bytes());
        match words[..] {
            ["init", "error"] => {
                self.init.send_replace(Init::Failed(body.unwrap_or_default()));
                accepted()
            }
            ["invocation", id, what @ ("response" | "error")] => {
                let said = match (what, body) {
                    ("response", Ok(body)) => Said::Response(body),
                    ("error", Ok(body)) => Said::Error(body),
                    _ => Said::TooLarge(RESPONSE_MAX),
                };
                self.said(id, said)
            }
            _ => refused(StatusCode::NOT_FOUND, "NotFound", "There is no such page."),
        }
    }

    async fn subscribe(&self, parts: &Parts, body: Incoming) -> Answer {
        let id = match self.extensions.asking(parts) {
            Ok(id) => id,
            Err(refusal) => return *refusal,
        };
        let body = Limited::new(body, EXTENSION_MAX).collect().await.map(|whole| whole.to_bytes());
        let now = self.cloud.upgrade().map(|cloud| cloud.clock().now()).unwrap_or_default();
        let (name, body) = (self.extensions.name(&id), body.unwrap_or_default());
        match self.telemetry.subscribe(self.reach.get(), &name, &body, now) {
            Ok(()) => answer(StatusCode::OK, "\"OK\""),
            Err(why) => refused(StatusCode::BAD_REQUEST, WRONG_SUBSCRIPTION, &why),
        }
    }

    /// Hands on what comes, and reads to the end whether somebody still listens or not.
    async fn streams(&self, id: &str, content_type: Option<String>, mut body: Incoming) -> Answer {
        let (tell, pieces) = mpsc::channel(PIECES);
        let answer = self.said(id, Said::Streams(Streams { content_type, pieces }));
        if answer.status() != StatusCode::ACCEPTED {
            return answer;
        }
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return accepted() };
            let piece = match frame.into_data() {
                Ok(bytes) => Piece::Bytes(bytes),
                Err(frame) => match frame.trailers_ref().and_then(failure) {
                    Some(error) => {
                        let _ = tell.send(Piece::Failed(error)).await;
                        return accepted();
                    }
                    None => continue,
                },
            };
            let _ = tell.send(piece).await;
        }
        let _ = tell.send(Piece::End).await;
        accepted()
    }

    fn said(&self, id: &str, said: Said) -> Answer {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, reply)) = current.take_if(|(request, _)| request == id) else {
            return refused(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        };
        let too_large = matches!(said, Said::TooLarge(_));
        let _ = reply.send(said);
        if too_large {
            let message = format!("Exceeded maximum allowed payload size ({RESPONSE_MAX} bytes).");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
        }
        accepted()
    }

    async fn next(&self) -> Answer {
        self.init.send_if_modified(|init| {
            let begun = *init == Init::Begun;
            if begun {
                *init = Init::Done;
            }
            begun
        });
        let Some(job) = self.waiting.lock().await.recv().await else {
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "Ended", "The environment has ended.");
        };
        self.extensions.invoke(&job.request_id, &job.arn, job.deadline_millis, &job.trace);
        let mut out = answer(StatusCode::OK, job.payload);
        let deadline = job.deadline_millis.to_string();
        for (name, value) in [
            ("lambda-runtime-aws-request-id", Some(job.request_id.as_str())),
            ("lambda-runtime-deadline-ms", Some(&deadline)),
            ("lambda-runtime-invoked-function-arn", Some(&job.arn)),
            ("lambda-runtime-trace-id", Some(&job.trace)),
            ("lambda-runtime-client-context", job.client_context.as_deref()),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                out.headers_mut().insert(name, value);
            }
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((job.request_id, job.reply));
        out
    }
}
