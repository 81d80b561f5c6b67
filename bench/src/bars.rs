//! What this cloud promises about its speed and size, held against what was measured. With `--hold` a bar that is missed
//! fails the run.
//!
//! Bars that name a peer count only where that peer was measured in the same run; the others are meant for a machine
//! that does nothing else meanwhile.

use crate::measure::{Numbers, Report};
use crate::report::OURS;
use std::time::Duration;

const FIRST_ANSWER_MAX: Duration = Duration::from_millis(20);
const FIRST_ANSWER_GROWN_MAX: Duration = Duration::from_millis(200);
const RECORDS: u64 = 100_000;
const IDLE_BYTES_MAX: u64 = 20 << 20;
const PROGRAM_BYTES_MAX: u64 = 40_000_000;
const ENCRYPTS_PER_SECOND_MIN: f64 = 24_000.0;
const PEER: &str = "fakecloud";

/// A bar and whether it was met.
pub(crate) struct Bar {
    pub(crate) is_met: bool,
    pub(crate) text: String,
}

fn bar(is_met: bool, text: String) -> Bar {
    Bar { is_met, text }
}

fn numbers<'a>(report: &'a Report, scenario: &str, concurrency: usize) -> Option<&'a Numbers> {
    let leg = report.legs.iter().find(|leg| leg.scenario == scenario && leg.concurrency == concurrency)?;
    leg.result.as_ref().ok()
}

/// Every bar that the run has something to say about.
pub(crate) fn all(results: &[Report]) -> Vec<Bar> {
    let of = |name: &str| results.iter().find(|report| report.name == name);
    let Some(ours) = of(OURS) else { return Vec::new() };
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let mut out = Vec::new();
    if let Some(took) = ours.first_answer {
        let text = format!("first answer on an empty folder: {:.1} ms, at most 20 ms", millis(took));
        out.push(bar(took <= FIRST_ANSWER_MAX, text));
    }
    if let Some(grown) = ours.grown.as_ref().filter(|grown| grown.records >= RECORDS) {
        let (records, took) = (grown.records, millis(grown.first_answer));
        let text = format!("first answer with {records} records: {took:.1} ms, at most 200 ms");
        out.push(bar(grown.first_answer <= FIRST_ANSWER_GROWN_MAX, text));
    }
    if let Some(bytes) = ours.idle_bytes {
        let mib = bytes as f64 / f64::from(1 << 20);
        out.push(bar(bytes <= IDLE_BYTES_MAX, format!("memory, idle: {mib:.1} MiB, at most 20 MiB")));
    }
    if let Some(bytes) = ours.program_bytes {
        let text = format!("program: {:.1} MB, at most 40 MB", bytes as f64 / 1e6);
        out.push(bar(bytes <= PROGRAM_BYTES_MAX, text));
    }
    if let Some(encrypt) = numbers(ours, "KMS Encrypt 1 KiB", 32) {
        let text = format!("KMS Encrypt: {:.0} per second, at least 24000", encrypt.per_second);
        out.push(bar(encrypt.per_second >= ENCRYPTS_PER_SECOND_MIN, text));
    }
    let identity = |report: &Report| numbers(report, "GetCallerIdentity", 32).map(|n| n.server_cpu_micros);
    if let (Some(ours), Some(peer)) = (identity(ours), of(PEER).and_then(identity)) {
        let text = format!(
            "GetCallerIdentity, verified, authorized, audited: {ours:.1} us of CPU, at most the {peer:.1} of {PEER}"
        );
        out.push(bar(ours <= peer, text));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Grown, Leg};

    fn report(name: &'static str, millis: u64, records: u64, cpu: f64) -> Report {
        let leg = |scenario: &str| Leg {
            scenario: scenario.to_owned(),
            concurrency: 32,
            result: Ok(Numbers {
                per_second: 30_000.0,
                p50_micros: 1,
                p99_micros: 2,
                server_cpu_micros: cpu,
            }),
        };
        let first_answer = Duration::from_millis(millis);
        Report {
            name,
            program_bytes: Some(30_000_000),
            first_answer: Some(first_answer),
            idle_bytes: Some(12 << 20),
            grown: Some(Grown { records, first_answer: first_answer * 10, idle_bytes: 0, disk_bytes: 0 }),
            legs: vec![leg("GetCallerIdentity"), leg("KMS Encrypt 1 KiB")],
            ..Report::default()
        }
    }

    fn missed(results: &[Report]) -> Vec<String> {
        all(results).into_iter().filter(|bar| !bar.is_met).map(|bar| bar.text).collect()
    }

    #[test]
    fn bars_are_held() {
        let peer = || report(PEER, 40, 0, 20.0);
        assert_eq!(missed(&[report(OURS, 20, RECORDS, 20.0), peer()]), Vec::<String>::new());
        let slow = missed(&[report(OURS, 21, RECORDS, 20.1), peer()]);
        assert_eq!(slow.len(), 3, "{slow:?}");
        assert!(slow[1].starts_with("first answer with 100000 records: 210.0 ms"), "{slow:?}");
        // Fewer records say nothing about many, and an absent peer nothing about us.
        assert_eq!(missed(&[report(OURS, 21, RECORDS - 1, 20.1)]).len(), 1);
        assert_eq!(all(&[peer()]).len(), 0);
    }
}
