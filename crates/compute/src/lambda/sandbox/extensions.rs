//! The Extensions API: what runs beside a function's runtime is told of its events, and of its end.
//!
//! External extensions are programs of layers in `/opt/extensions`, which are started before the runtime; internal ones
//! run within it. An environment has begun, and has done with an event, when all of them ask for the next one.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use super::api::{Answer, accepted, answer, refused};
use super::end::Reason;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use wire::Value;

pub(super) const PREFIX: &str = "/2020-01-01/extension/";
const NAME: &str = "lambda-extension-name";
const IDENTIFIER: &str = "lambda-extension-identifier";
const FEATURES: &str = "lambda-extension-accept-feature";
const ERROR: &str = "lambda-extension-function-error-type";
/// AWS: the quotas of the developer guide.
const EXTENSIONS_MAX: usize = 10;

/// What extensions are told about the function.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) function: String,
    pub(crate) version: String,
    pub(crate) handler: String,
    pub(crate) account: String,
    /// The programs in `/opt/extensions`.
    pub(crate) external: Vec<String>,
}

#[derive(Debug)]
struct Extension {
    id: String,
    name: String,
    invoke: bool,
    shutdown: bool,
    /// It asks for the next event.
    waits: bool,
    events: VecDeque<Bytes>,
}

/// The extensions of one environment.
#[derive(Debug)]
pub(crate) struct Extensions {
    about: About,
    known: Mutex<Vec<Extension>>,
    /// Something is to be told.
    news: Notify,
    /// Counts changes, for who waits until all wait.
    changes: watch::Sender<u64>,
}

impl Extensions {
    pub(crate) fn new(about: About) -> Extensions {
        Extensions { about, known: Mutex::default(), news: Notify::new(), changes: watch::Sender::new(0) }
    }

    fn known(&self) -> MutexGuard<'_, Vec<Extension>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all that there are have nothing left to do.
    pub(crate) fn all_wait(&self) -> bool {
        let known = self.known();
        let external = |name: &String| known.iter().any(|extension| extension.name == *name);
        self.about.external.iter().all(external)
            && known.iter().all(|extension| extension.waits && extension.events.is_empty())
    }

    /// The name of an extension.
    pub(super) fn name(&self, id: &str) -> String {
        let known = self.known();
        known
            .iter()
            .find(|extension| extension.id == id)
            .map(|extension| extension.name.clone())
            .unwrap_or_default()
    }

    /// Whether there are external ones, registered or not.
    pub(super) fn has_external(&self) -> bool {
        !self.about.external.is_empty()
    }

    /// Whether one within the runtime is registered.
    pub(super) fn has_internal(&self) -> bool {
        self.known().iter().any(|extension| !self.about.external.contains(&extension.name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    /// Moves whenever [`Extensions::all_wait`] may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Gives the names of those that are told.
    fn tell(&self, wants: impl Fn(&Extension) -> bool, event: &Bytes) -> Vec<String> {
        let mut told = Vec::new();
        for extension in self.known().iter_mut().filter(|extension| wants(extension)) {
            extension.events.push_back(event.clone());
            told.push(extension.name.clone());
        }
        self.news.notify_waiters();
        told
    }

    /// An event of the function begins.
    pub(super) fn invoke(&self, id: &str, arn: &str, deadline_millis: i64, trace: &str) {
        let tracing = Value::map(vec![("type", Value::str("X-Amzn-Trace-Id")), ("value", Value::str(trace))]);
        let event = Value::map(vec![
            ("eventType", Value::str("INVOKE")),
            ("deadlineMs", Value::Int(deadline_millis)),
            ("requestId", Value::str(id)),
            ("invokedFunctionArn", Value::str(arn)),
            ("tracing", tracing),
        ]);
        self.tell(|extension| extension.invoke, &wire::json::text(&event).into());
    }

    /// The environment ends, by this time. Gives the names of those that wanted to know.
    pub(super) fn shutdown(&self, why: Reason, deadline_millis: i64) -> Vec<String> {
        let event = Value::map(vec![
            ("eventType", Value::str("SHUTDOWN")),
            ("shutdownReason", Value::str(why.name())),
            ("deadlineMs", Value::Int(deadline_millis)),
        ]);
        self.tell(|extension| extension.shutdown, &wire::json::text(&event).into())
    }

    /// Answers a request; `failed` where an extension says that it cannot go on.
    pub(super) async fn request(&self, parts: &Parts, body: Bytes, id: String) -> (Answer, Option<Bytes>) {
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        match (&parts.method, path) {
            (&Method::POST, "register") => (self.register(parts, &body, &id), None),
            (&Method::GET, "event/next") => (self.next(parts, id).await, None),
            (&Method::POST, "init/error" | "exit/error") => self.failed(parts, body),
            _ => (refused(StatusCode::NOT_FOUND, "NotFound", "There is no such page."), None),
        }
    }

    fn register(&self, parts: &Parts, body: &[u8], id: &str) -> Answer {
        let bad = |kind: &str, message: &str| refused(StatusCode::BAD_REQUEST, kind, message);
        let Some(name) = header(parts, NAME).filter(|name| !name.is_empty()) else {
            return bad("Extension.InvalidExtensionName", "The header Lambda-Extension-Name is missing.");
        };
        let asked = std::str::from_utf8(body).ok().and_then(wire::json::read);
        let Some(asked @ Value::Map(_)) = &asked else {
            return bad("InvalidRequestFormat", "The body is no JSON object.");
        };
        let (mut invoke, mut shutdown) = (false, false);
        if let Some(Value::List(events)) = asked.entry("events") {
            for event in events {
                match event.as_str() {
                    Some("INVOKE") => invoke = true,
                    Some("SHUTDOWN") => shutdown = true,
                    _ => {
                        return bad(
                            "Extension.InvalidEventType",
                            "There are the events INVOKE and SHUTDOWN.",
                        );
                    }
                }
            }
        }
        if shutdown && !self.about.external.iter().any(|known| known == name) {
            let message = "SHUTDOWN is for external extensions only.";
            return bad("ShutdownEventNotSupportedForInternalExtension", message);
        }
        {
            let mut known = self.known();
            if known.iter().any(|extension| extension.name == name) {
                return bad("Extension.AlreadyRegistered", "There is an extension of this name.");
            }
            if known.len() >= EXTENSIONS_MAX {
                return bad("Extension.TooManyExtensions", "There are ten extensions already.");
            }
            let (id, name) = (id.to_owned(), name.to_owned());
            known.push(Extension { id, name, invoke, shutdown, waits: false, events: VecDeque::new() });
        }
        self.changed();
        let about = &self.about;
        let mut members = vec![
            ("functionName", Value::str(&about.function)),
            ("functionVersion", Value::str(&about.version)),
            ("handler", Value::str(&about.handler)),
        ];
        if header(parts, FEATURES).is_some_and(|list| list.split(',').any(|one| one.trim() == "accountId")) {
            members.push(("accountId", Value::str(&about.account)));
        }
        named(answer(StatusCode::OK, wire::json::text(&Value::map(members))), IDENTIFIER, id)
    }

    /// The place of whoever asks among those that are known.
    pub(super) fn asking(&self, parts: &Parts) -> Result<String, Box<Answer>> {
        let forbidden = |kind: &str, message: &str| Box::new(refused(StatusCode::FORBIDDEN, kind, message));
        let id = header(parts, IDENTIFIER).ok_or_else(|| {
            forbidden("Extension.MissingHeader", "The header Lambda-Extension-Identifier is missing.")
        })?;
        if !self.known().iter().any(|extension| extension.id == id) {
            return Err(forbidden("Extension.UnknownExtensionIdentifier", "There is no such extension."));
        }
        Ok(id.to_owned())
    }

    async fn next(&self, parts: &Parts, event_id: String) -> Answer {
        let id = match self.asking(parts) {
            Ok(id) => id,
            Err(refusal) => return *refusal,
        };
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // From here on nothing that is told is missed.
            news.as_mut().enable();
            let event = {
                let mut known = self.known();
                let Some(extension) = known.iter_mut().find(|extension| extension.id == id) else {
                    return refused(
                        StatusCode::FORBIDDEN,
                        "Extension.UnknownExtensionIdentifier",
                        "It is gone.",
                    );
                };
                let event = extension.events.pop_front();
                extension.waits = event.is_none();
                event
            };
            self.changed();
            if let Some(event) = event {
                return named(answer(StatusCode::OK, event), "lambda-extension-event-identifier", &event_id);
            }
            news.await;
        }
    }

    fn failed(&self, parts: &Parts, body: Bytes) -> (Answer, Option<Bytes>) {
        if let Err(refusal) = self.asking(parts) {
            return (*refusal, None);
        }
        let Some(kind) = header(parts, ERROR) else {
            let message = "The header Lambda-Extension-Function-Error-Type is missing.";
            return (refused(StatusCode::BAD_REQUEST, "Extension.MissingHeader", message), None);
        };
        let said = std::str::from_utf8(&body).ok().and_then(wire::json::read);
        let whole =
            matches!(&said, Some(Value::Map(members)) if members.iter().any(|(name, _)| name == "errorType"));
        let error = Value::map(vec![("errorType", Value::str(kind)), ("errorMessage", Value::str(""))]);
        (accepted(), Some(if whole { body } else { wire::json::text(&error).into() }))
    }
}

fn header<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

fn named(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn parts(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(format!("{PREFIX}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    async fn ask(extensions: &Extensions, parts: Parts, body: &'static str) -> (u16, String, String) {
        let (answer, _) =
            extensions.request(&parts, Bytes::from_static(body.as_bytes()), "id-1".into()).await;
        let id =
            answer.headers().get(IDENTIFIER).map(|id| id.to_str().unwrap().to_owned()).unwrap_or_default();
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        (status, id, String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn a_life() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let about = About { function: "f".into(), external: vec!["mine".into()], ..About::default() };
            let all = Extensions::new(about);
            assert!(!all.all_wait(), "one has still to come");
            let register = |name: &str| parts("POST", "register", &[(NAME, name)]);
            let (status, _, text) = ask(&all, register("inner"), r#"{"events":["SHUTDOWN"]}"#).await;
            assert!(status == 400 && text.contains("ShutdownEventNotSupported"), "{text}");
            let both = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
            let (status, id, text) = ask(&all, register("mine"), both).await;
            assert_eq!((status, id.as_str()), (200, "id-1"));
            assert!(text.contains(r#""functionName":"f""#), "{text}");
            assert_eq!(ask(&all, register("mine"), both).await.0, 400, "its name is taken");
            assert_eq!(ask(&all, parts("GET", "event/next", &[(IDENTIFIER, "id-2")]), "").await.0, 403);
            let next = || ask(&all, parts("GET", "event/next", &[(IDENTIFIER, "id-1")]), "");
            let told = async {
                while !all.all_wait() {
                    tokio::task::yield_now().await;
                }
                all.invoke("r", "arn", 7, "t");
                assert!(!all.all_wait());
            };
            let ((status, _, event), ()) = tokio::join!(next(), told);
            assert!(status == 200 && event.contains(r#""requestId":"r""#), "{event}");
            assert!(!all.all_wait(), "it has the event");
            for why in [Reason::Spindown, Reason::Timeout, Reason::Failure] {
                assert_eq!(all.shutdown(why, 9), ["mine"]);
                let event =
                    format!(r#"{{"eventType":"SHUTDOWN","shutdownReason":"{}","deadlineMs":9}}"#, why.name());
                assert_eq!(next().await.2, event);
            }
            assert!(!all.has_internal());
        });
    }
}
