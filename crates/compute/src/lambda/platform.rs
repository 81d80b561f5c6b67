//! What Lambda itself says of a function in JSON: events of its platform, each with a level by which logs leave it out. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>

use super::beginning::Kind;
use super::invocation::Runs;
use super::model::JsonLogs;
use base::Timestamp;
use std::time::Duration;
use wire::Value;

/// The levels, the most telling first.
const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const INFO: usize = 2;

fn rank(level: &str) -> Option<usize> {
    // Python has names of its own.
    let level = match level {
        "WARNING" => "WARN",
        "CRITICAL" => "FATAL",
        other => other,
    };
    LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level))
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    /// The function says so.
    Error,
    /// Its program has ended.
    Failure,
    Timeout,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::Error => "error",
            Status::Failure => "failure",
            Status::Timeout => "timeout",
        }
    }
}

/// What is told of an invocation.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) runs: &'a Runs,
    pub(crate) kind: Kind,
    pub(crate) id: &'a str,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) took: Duration,
    /// In megabytes.
    pub(crate) used: u64,
    /// Of an environment's first one.
    pub(crate) init: Option<Duration>,
    pub(crate) status: Status,
}

fn millis(took: Duration) -> Value {
    // Three digits are all that AWS says.
    Value::Float((took.as_secs_f64() * 1_000_000.0).round() / 1_000.0)
}

fn map(members: Vec<(&'static str, Value)>) -> Value {
    Value::map(members)
}

/// An event of the platform.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) kind: &'static str,
    pub(crate) level: &'static str,
    pub(crate) record: Value,
}

impl Said {
    fn new(kind: &'static str, level: &'static str, record: Vec<(&'static str, Value)>) -> Said {
        Said { kind, level, record: map(record) }
    }

    /// As it is shown.
    pub(crate) fn shown(&self, time: Timestamp) -> Value {
        let time = Value::Str(time.iso8601_millis());
        map(vec![("time", time), ("type", Value::str(self.kind)), ("record", self.record.clone())])
    }
}

/// An environment begins.
pub(crate) fn init_start(runs: &Runs, kind: Kind) -> Said {
    let record = vec![
        ("initializationType", Value::str(kind.initialization())),
        ("phase", Value::str("init")),
        ("functionName", Value::str(&runs.function.name)),
        ("functionVersion", Value::Str(runs.version.label())),
    ];
    Said::new("platform.initStart", "DEBUG", record)
}

/// It has begun.
pub(crate) fn init_done(kind: Kind, took: Duration) -> [Said; 2] {
    let own = || {
        let kind = ("initializationType", Value::str(kind.initialization()));
        vec![kind, ("phase", Value::str("init")), ("status", Value::str("success"))]
    };
    let metrics = ("metrics", map(vec![("durationMs", millis(took))]));
    let level = if kind == Kind::OnDemand { "DEBUG" } else { "INFO" };
    let report = own().into_iter().chain([metrics]).collect();
    [Said::new("platform.initRuntimeDone", "DEBUG", own()), Said::new("platform.initReport", level, report)]
}

/// An event is handed to the function.
pub(crate) fn start(id: &str, version: &str) -> Said {
    let record = vec![("requestId", Value::str(id)), ("version", Value::str(version))];
    Said::new("platform.start", "INFO", record)
}

impl Told<'_> {
    /// The function has done with it, and what it took.
    pub(crate) fn end(&self) -> [Said; 2] {
        let well = self.status == Status::Success;
        let status = || ("status", Value::str(self.status.name()));
        let id = || ("requestId", Value::str(self.id));
        let metrics = map(vec![("durationMs", millis(self.took))]);
        let level = if well { "DEBUG" } else { "WARN" };
        let done = Said::new("platform.runtimeDone", level, vec![id(), status(), ("metrics", metrics)]);
        let mut metrics = vec![
            ("durationMs", millis(self.took)),
            ("billedDurationMs", Value::Int((self.took.as_secs_f64() * 1000.0).ceil() as i64)),
            ("memorySizeMB", Value::Int(self.runs.version.memory.into())),
            ("maxMemoryUsedMB", Value::Int(i64::try_from(self.used).unwrap_or(i64::MAX))),
        ];
        metrics.extend(self.init.map(|init| ("initDurationMs", millis(init))));
        let report = vec![id(), ("metrics", map(metrics)), status()];
        [done, Said::new("platform.report", if well { "INFO" } else { "WARN" }, report)]
    }

    /// The lines that a log in JSON has of it: before what the function says, and after it.
    pub(crate) fn lines(&self, logs: &JsonLogs) -> [Vec<(Timestamp, String)>; 2] {
        let least = rank(&logs.system).unwrap_or(INFO);
        let mut before = Vec::new();
        if let Some(init) = self.init {
            before.push((self.began.minus(init), init_start(self.runs, self.kind)));
            before.extend(init_done(self.kind, init).map(|said| (self.began, said)));
        }
        before.push((self.began, start(self.id, &self.runs.version.label())));
        let after = self.end().map(|said| (self.ended, said)).to_vec();
        [before, after].map(|all| {
            let told = all.into_iter().filter(|(_, said)| rank(said.level).unwrap_or(INFO) >= least);
            told.map(|(time, said)| (time, wire::json::text(&said.shown(time)))).collect()
        })
    }
}

/// Whether a line of a function's own is told: an object that has a level below the least one is not. What is no object has
/// no level.
pub(crate) fn is_told(line: &str, logs: &JsonLogs) -> bool {
    if !line.starts_with('{') {
        return true;
    }
    let Some(said @ Value::Map(_)) = wire::json::read(line) else { return true };
    let level = said.entry("level").and_then(Value::as_str).and_then(rank).unwrap_or(INFO);
    level >= rank(&logs.application).unwrap_or(INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::model::{Function, Version};

    fn logs(application: &str, system: &str) -> JsonLogs {
        JsonLogs { application: application.into(), system: system.into() }
    }

    fn kinds(status: Status, system: &str) -> Vec<String> {
        let runs = Runs {
            function: Function { name: "f".into(), ..Function::default() },
            version: Version { memory: 128, ..Version::default() },
        };
        let began = Timestamp::from_seconds(10);
        let told = Told {
            runs: &runs,
            kind: Kind::OnDemand,
            id: "r",
            began,
            ended: began.plus(Duration::from_millis(3)),
            took: Duration::from_micros(2_501),
            used: 30,
            init: Some(Duration::from_millis(40)),
            status,
        };
        let lines = told.lines(&logs("INFO", system)).concat();
        let kind = |(_, line): &(Timestamp, String)| {
            let line = wire::json::read(line).unwrap();
            line.entry("type").and_then(Value::as_str).unwrap().trim_start_matches("platform.").to_owned()
        };
        lines.iter().map(kind).collect()
    }

    #[test]
    fn what_each_level_tells() {
        assert_eq!(kinds(Status::Success, "INFO"), ["start", "report"]);
        assert_eq!(kinds(Status::Success, "WARN"), [""; 0]);
        assert_eq!(kinds(Status::Timeout, "WARN"), ["runtimeDone", "report"]);
        let all = ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"];
        assert_eq!(kinds(Status::Success, "DEBUG"), all);
    }

    #[test]
    fn lines_below_the_level_are_left_out() {
        let told = |line, level| is_told(line, &logs(level, "INFO"));
        assert!(told("plain", "FATAL") && told("{no json", "FATAL"));
        assert!(!told(r#"{"level":"debug"}"#, "INFO") && told(r#"{"level":"debug"}"#, "TRACE"));
        assert!(told(r#"{"level":"WARNING"}"#, "WARN") && told(r#"{"level":"CRITICAL"}"#, "ERROR"));
        assert!(told(r#"{"level":"ERROR"}"#, "WARN") && !told(r#"{"level":"INFO"}"#, "WARN"));
        assert!(!told(r#"{"message":"no level"}"#, "WARN"), "it is taken for INFO");
    }
}
