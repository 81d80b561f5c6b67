//! The Telemetry API: extensions are sent what the platform tells of an environment, and what its function says.
//!
//! An extension subscribes while the environment begins, and gets all from the beginning on, in batches, at a port of
//! its own (`sandbox.localdomain`, which is the sandbox's loopback): by HTTP, or by TCP a line for each event. A batch counts as sent when it is written: who stands still
//! between events reads it when it goes on.
//!
//! Not here: the log lines of extensions as a kind of their own (they and the function share an
//! output). The older Logs API.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>

use crate::lambda::platform::Said;
use base::Timestamp;
use host::{Driver, Place};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use wire::Value;

pub(super) const PATH: &str = "/2022-07-01/telemetry";
const VERSIONS: [&str; 3] = ["2022-07-01", "2022-12-13", "2025-01-29"];
const TYPES: [&str; 3] = ["platform", "function", "extension"];
const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];
/// AWS: the API's reference: what is taken where nothing is said, at least and at most.
const ITEMS: (i64, i64, i64) = (1_000, 1_000, 10_000);
const BYTES: (i64, i64, i64) = (262_144, 262_144, 1_048_576);
const MILLIS: (i64, i64, i64) = (1_000, 25, 30_000);
/// How many events wait for one extension; what comes beyond is lost, and that is told.
const WAITING: usize = 10_000;
/// Before anybody subscribes.
const EARLY: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the sandbox is.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) machine: String,
}

#[derive(Clone, Debug)]
struct Event {
    /// Its place among [`TYPES`].
    kind: usize,
    text: String,
}

#[derive(Debug)]
struct Subscriber {
    types: [bool; 3],
    events: mpsc::Sender<Event>,
    lost: u64,
}

/// Of one environment.
#[derive(Debug, Default)]
pub(crate) struct Telemetry(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// All until it has begun.
    early: Vec<Event>,
    has_begun: bool,
    all: Vec<Subscriber>,
}

/// What an extension asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    types: [bool; 3],
    port: u16,
    way: Way,
    items: usize,
    bytes: usize,
    wait: Duration,
}

/// How it wants to be sent things.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// A list at this path.
    Http(String),
    /// Lines.
    Tcp,
}

impl Telemetry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event, which is written down only where somebody is to be told of it, or still may be.
    fn tell(&self, kind: usize, text: impl FnOnce() -> String) {
        let mut state = self.state();
        let is_early = !state.has_begun && state.early.len() < EARLY;
        if !is_early && !state.all.iter().any(|subscriber| subscriber.types[kind]) {
            return;
        }
        let event = Event { kind, text: text() };
        for subscriber in state.all.iter_mut().filter(|subscriber| subscriber.types[event.kind]) {
            if subscriber.events.try_send(event.clone()).is_err() {
                subscriber.lost += 1;
            }
        }
        if is_early {
            state.early.push(event);
        }
    }

    /// The platform has something to tell.
    pub(crate) fn platform(&self, time: Timestamp, said: &Said) {
        self.tell(0, || wire::json::text(&said.shown(time)));
    }

    /// The function says a line; in JSON it is told as it is.
    pub(crate) fn function(&self, time: Timestamp, line: &str) {
        self.tell(1, || {
            let object = line.starts_with('{').then(|| wire::json::read(line)).flatten();
            let record =
                object.filter(|read| matches!(read, Value::Map(_))).unwrap_or_else(|| Value::str(line));
            wire::json::text(&Said { kind: "function", level: "INFO", record }.shown(time))
        });
    }

    /// From here on nobody can subscribe.
    pub(crate) fn begun(&self) {
        let mut state = self.state();
        state.has_begun = true;
        state.early = Vec::new();
    }

    /// Answers a registered extension that wants to subscribe.
    pub(super) fn subscribe(
        &self,
        reach: Option<&Reach>,
        name: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), String> {
        let read = std::str::from_utf8(body).ok().and_then(wire::json::read);
        let asked = asked(&read.ok_or("the body is no JSON")?)?;
        let reach = reach.cloned().ok_or("there is no sandbox")?;
        let (events, waiting) = mpsc::channel(WAITING);
        let types = asked.types;
        {
            let mut state = self.state();
            if state.has_begun {
                return Err("extensions subscribe while the environment begins".into());
            }
            for event in state.early.iter().filter(|event| types[event.kind]) {
                let _ = events.try_send(event.clone());
            }
            state.all.push(Subscriber { types, events, lost: 0 });
        }
        tokio::spawn(deliver(reach, asked, waiting));
        let names =
            TYPES.iter().zip(types).filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| Value::str(*name));
        let record = Value::map([
            ("name", Value::str(name)),
            ("state", Value::str("Subscribed")),
            ("types", Value::List(names.collect())),
        ]);
        self.platform(now, &Said { kind: "platform.telemetrySubscription", level: "INFO", record });
        Ok(())
    }
}

fn asked(body: &Value) -> Result<Asked, String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let version = text(body.entry("schemaVersion")).ok_or("schemaVersion is required")?;
    if !VERSIONS.contains(&version.as_str()) {
        return Err(format!("schemaVersion {version} is not known"));
    }
    let destination = body.entry("destination").ok_or("destination is required")?;
    let (port, way) = match text(destination.entry("protocol")).as_deref() {
        Some("HTTP") => at(&text(destination.entry("URI")).ok_or("destination.URI is required")?)?,
        Some("TCP") => {
            let port = destination.entry("port").and_then(Value::as_int);
            let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
            (port.ok_or("destination.port is required")?, Way::Tcp)
        }
        _ => return Err("destination.protocol must be HTTP or TCP".into()),
    };
    let mut types = [false; 3];
    for name in body.entry("types").and_then(Value::as_list).unwrap_or_default() {
        let place = TYPES.iter().position(|known| name.as_str() == Some(known));
        types[place.ok_or("types may be platform, function and extension")?] = true;
    }
    if types == [false; 3] {
        return Err("types should not be empty".into());
    }
    let buffering = body.entry("buffering");
    let number = |name: &str, (default, least, most): (i64, i64, i64)| {
        let given = buffering.and_then(|buffering| buffering.entry(name));
        let number = given.map_or(Some(default), Value::as_int);
        let good = number.filter(|number| (least..=most).contains(number));
        good.map(i64::unsigned_abs)
            .ok_or_else(|| format!("buffering.{name} must be between {least} and {most}"))
    };
    Ok(Asked {
        types,
        port,
        way,
        items: usize::try_from(number("maxItems", ITEMS)?).unwrap_or(usize::MAX),
        bytes: usize::try_from(number("maxBytes", BYTES)?).unwrap_or(usize::MAX),
        wait: Duration::from_millis(number("timeoutMs", MILLIS)?),
    })
}

/// What a URI names.
fn at(uri: &str) -> Result<(u16, Way), String> {
    let uri: http::Uri = uri.parse().map_err(|_| "destination.URI is no URI")?;
    if uri.scheme_str() != Some("http") || !uri.host().is_some_and(|host| HOSTS.contains(&host)) {
        return Err("destination.URI must begin with http://sandbox.localdomain".into());
    }
    Ok((uri.port_u16().ok_or("URI port is not provided")?, Way::Http(uri.path().to_owned())))
}

/// Sends what comes, until the environment is gone.
async fn deliver(reach: Reach, asked: Asked, mut events: mpsc::Receiver<Event>) {
    let mut line = None;
    while let Some(first) = events.recv().await {
        let mut batch = vec![first.text];
        let mut bytes = batch[0].len();
        let until = tokio::time::Instant::now() + asked.wait;
        while batch.len() < asked.items && bytes < asked.bytes {
            match tokio::time::timeout_at(until, events.recv()).await {
                Ok(Some(event)) => {
                    bytes += event.text.len();
                    batch.push(event.text);
                }
                Ok(None) | Err(_) => break,
            }
        }
        let (reach, port, way, open) = (reach.clone(), asked.port, asked.way.clone(), line.take());
        // An extension that does not listen has lost them.
        let sent = tokio::task::spawn_blocking(move || match way {
            Way::Http(path) => {
                send(&reach, port, &path, &format!("[{}]", batch.join(",")));
                None
            }
            Way::Tcp => write(&reach, port, open, &format!("{}\n", batch.join("\n"))),
        });
        line = sent.await.ok().flatten();
    }
}

fn connect(reach: &Reach, port: u16) -> Option<TcpStream> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = reach.driver.connect(&Place::Machine(reach.machine.clone()), to, PATIENCE).ok()?;
    stream.set_nonblocking(false).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

/// Writes lines to a connection that is open, else to a new one; gives it for the next ones.
fn write(reach: &Reach, port: u16, open: Option<TcpStream>, lines: &str) -> Option<TcpStream> {
    let mut stream = open.or_else(|| connect(reach, port))?;
    stream.write_all(lines.as_bytes()).ok()?;
    Some(stream)
}

fn send(reach: &Reach, port: u16, path: &str, body: &str) -> Option<()> {
    let mut stream = connect(reach, port)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        HOSTS[0],
        body.len(),
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    // Nothing of the answer matters but that it was read.
    let _ = stream.read(&mut [0; 64]);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_asked_for() {
        let read = |text: &str| asked(&wire::json::read(text).unwrap());
        let good = r#"{"schemaVersion":"2022-12-13","types":["platform","function"],
            "destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/x"}}"#;
        let expected = Asked {
            types: [true, true, false],
            port: 8080,
            way: Way::Http("/x".into()),
            items: 1_000,
            bytes: 262_144,
            wait: Duration::from_secs(1),
        };
        assert_eq!(read(good), Ok(expected));
        let lines =
            good.replace(r#""HTTP","URI":"http://sandbox.localdomain:8080/x""#, r#""TCP","port":4300"#);
        assert_eq!(read(&lines).map(|asked| (asked.port, asked.way)), Ok((4300, Way::Tcp)));
        for (from, to, why) in [
            ("2022-12-13", "1999-01-01", "schemaVersion 1999-01-01 is not known"),
            ("HTTP", "TCP", "destination.port is required"),
            ("HTTP", "UDP", "destination.protocol must be HTTP or TCP"),
            (":8080", "", "URI port is not provided"),
            (
                "sandbox.localdomain",
                "example.com",
                "destination.URI must begin with http://sandbox.localdomain",
            ),
            (r#""platform","function""#, "", "types should not be empty"),
            (
                r#""types""#,
                r#""buffering":{"timeoutMs":1},"types""#,
                "buffering.timeoutMs must be between 25 and 30000",
            ),
        ] {
            assert_eq!(read(&good.replace(from, to)), Err(why.to_owned()), "{from}");
        }
    }
}
