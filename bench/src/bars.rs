//! What this cloud promises about its speed and size, held against what was measured. With `--hold` a bar that is missed
//! fails the run.
//!
//! Bars that name a peer count only where that peer was measured in the same run; the others are meant for a machine
//! that does nothing else meanwhile.

use crate::begin::Begun;
use crate::clockwork::{Clockwork, WATCHED};
use crate::machines::{MANY as MANY_MACHINES, Machines, mib};
use crate::measure::{Filled, MANY, Numbers, Report};
use crate::report::{LIMIT, OURS};
use crate::stack::{Deployed, RESOURCES};
use crate::stock::Stocked;
use std::time::Duration;

const FIRST_ANSWER_MAX: Duration = Duration::from_millis(20);
const FIRST_ANSWER_GROWN_MAX: Duration = Duration::from_millis(200);
const RECORDS: u64 = 100_000;
const IDLE_BYTES_MAX: u64 = 20 << 20;
const PROGRAM_BYTES_MAX: u64 = 40_000_000;
const PEER: &str = "fakecloud";
const LIST_CPU_MICROS_MAX: f64 = 1000.0;
/// A table of this many items costs what a small one does.
const ITEMS: u64 = 5_000_000;
const ITEMS_BYTES_MAX: u64 = 200 << 20;
const AMONG_ITEMS_MIN: f64 = 0.7;
/// Objects are rows on disk: a million of them cost little memory, and a page of their listing what one of ten thousand does.
const OBJECTS: u64 = 1_000_000;
const OBJECTS_BYTES_MAX: u64 = 60 << 20;

/// Schedules cost nothing until their time comes: what is left is what clocks are read with.
const SCHEDULES: u64 = 100_000;
const SCHEDULES_CPU_MAX: Duration = Duration::from_millis(50);

/// A network and two machines are there, to be logged in to, within this, and a machine costs little beside its own processes.
const LOGINS_MAX: Duration = Duration::from_secs(3);
const MACHINE_BYTES_MAX: u64 = 10 << 20;

/// A stack of as many resources as there may be is planned at once, and made at this rate.
const PLAN_MAX: Duration = Duration::from_millis(100);
const RESOURCES_PER_SECOND_MIN: f64 = 50.0;

/// A record that is kept waits for one flush, and little else; and a flush keeps the records of all who wait.
const KEPT: &str = "CreateUser";
const BESIDE_FLUSH_MAX: Duration = Duration::from_micros(400);
const TOGETHER_MIN: f64 = 3.0;

/// A function begins within this, by what it is of, and answers within that once it has begun.
const STARTS_MAX: [(&str, Duration); 3] = [
    ("Python", Duration::from_millis(150)),
    ("Node", Duration::from_millis(150)),
    ("a static Rust program", Duration::from_millis(40)),
];
const TOLD_MAX: Duration = Duration::from_millis(20);
const WARM_MICROS_MAX: u32 = 2_000;

/// How often something has to be done in a second: so many times the best peer of the same run, and where no peer was
/// measured, so often.
struct Rate {
    scenario: &'static str,
    concurrency: usize,
    per_second: f64,
    /// 0 where the bar names no peer.
    times_best: f64,
}

const fn rate(scenario: &'static str, concurrency: usize, per_second: f64, times_best: f64) -> Rate {
    Rate { scenario, concurrency, per_second, times_best }
}

const RATES: &[Rate] = &[
    rate("KMS Encrypt 1 KiB", 32, 24_000.0, 0.0),
    rate("DynamoDB GetItem", 32, 18_000.0, 1.4),
    rate("DynamoDB PutItem", 32, 12_000.0, 1.3),
    rate("DynamoDB UpdateItem", 32, 10_000.0, 1.4),
    rate("DynamoDB Query", 32, 4_000.0, 12.0),
    rate("DynamoDB BatchWrite", 32, 1_500.0, 2.4),
    rate("DynamoDB TransactWrite", 32, 4_000.0, 6.0),
    rate("S3 GET 1 KiB", 32, 20_400.0, 1.0),
    rate("S3 GET 1 MiB", 32, 0.0, 1.0),
    rate("S3 GET 64 MiB", 1, 27.0, 1.0),
    rate("S3 GET 64 MiB", 32, 0.0, 1.0),
    rate("S3 PUT 1 KiB", 32, 5_000.0, 0.0),
    rate("SQS SendMessage", 32, 10_000.0, 0.0),
    rate("SQS receive and delete", 32, 10_000.0, 0.0),
    rate("Lambda Invoke", 8, 1_000.0, 0.0),
];

/// Large objects leave at this part of what the limit, which only hands out files, does in the same run.
const LARGE: [(&str, usize); 3] = [("S3 GET 1 MiB", 32), ("S3 GET 64 MiB", 1), ("S3 GET 64 MiB", 32)];
const OF_LIMIT_MIN: f64 = 0.8;

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

impl Rate {
    fn bar(&self, ours: &Report, results: &[Report]) -> Option<Bar> {
        let of = |report: &Report| numbers(report, self.scenario, self.concurrency).map(|n| n.per_second);
        let measured = of(ours)?;
        let peers = results.iter().filter(|report| ![OURS, LIMIT].contains(&report.name)).filter_map(of);
        let best = peers.reduce(f64::max).filter(|_| self.times_best > 0.0);
        let (least, why) = match best {
            Some(best) => (best * self.times_best, format!("{} times the best peer", self.times_best)),
            None => (self.per_second, "on a machine that does nothing else".to_owned()),
        };
        let text = format!(
            "{} x{}: {measured:.0} per second, at least {least:.0} ({why})",
            self.scenario, self.concurrency
        );
        Some(bar(measured >= least, text))
    }
}

/// What must not cost more in a large table.
fn among(ours: &Report, filled: &Filled) -> Vec<Bar> {
    let small = ours.legs.iter().filter(|leg| leg.concurrency == 32);
    let pairs = small.filter_map(|leg| {
        let before = leg.result.as_ref().ok()?.per_second;
        let after = numbers(ours, &filled.leg(&leg.scenario), 32)?.per_second;
        let text = format!(
            "{} among {} items: {after:.0} per second, at least 0.7 of {before:.0}",
            leg.scenario, filled.items
        );
        Some(bar(after >= before * AMONG_ITEMS_MIN, text))
    });
    let mut out: Vec<Bar> = pairs.collect();
    let mib = filled.bytes as f64 / f64::from(1 << 20);
    let text = format!("memory with {} items: {mib:.0} MiB, at most 200 MiB", filled.items);
    out.push(bar(filled.bytes <= ITEMS_BYTES_MAX, text));
    out
}

/// What many objects may cost.
fn stocked(ours: &Report, stocked: &Stocked) -> Vec<Bar> {
    let mib = stocked.bytes as f64 / f64::from(1 << 20);
    let text = format!("memory with {} objects: {mib:.1} MiB, at most 60 MiB", stocked.objects);
    let mut out = vec![bar(stocked.bytes <= OBJECTS_BYTES_MAX, text)];
    if let Some(list) = numbers(ours, &stocked.leg("S3 list 1000"), 32) {
        let text = format!(
            "a page of a listing of {} objects: {:.0} us of CPU, at most 1000",
            stocked.objects, list.server_cpu_micros
        );
        out.push(bar(list.server_cpu_micros <= LIST_CPU_MICROS_MAX, text));
    }
    out
}

fn clockwork(clockwork: &Clockwork) -> Bar {
    let text = format!(
        "{} schedules, idle: {:.0?} of a processor in {WATCHED:.0?}, at most {SCHEDULES_CPU_MAX:.0?}",
        clockwork.schedules, clockwork.cpu
    );
    bar(clockwork.cpu <= SCHEDULES_CPU_MAX, text)
}

fn begun(begun: &Begun) -> Vec<Bar> {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let within = |what: &str, took: Duration, most: Duration| {
        bar(took <= most, format!("{what}: {:.1} ms, at most {:.0} ms", millis(took), millis(most)))
    };
    let starts = begun.starts.iter().filter_map(|(name, took)| {
        let (_, most) = STARTS_MAX.iter().find(|(known, _)| known == name)?;
        Some(within(&format!("a cold start of {name}"), *took, *most))
    });
    let mut out: Vec<Bar> = starts.collect();
    out.push(within("from an object that is put to a function that runs", begun.told, TOLD_MAX));
    out
}

fn machines(machines: &Machines) -> [Bar; 2] {
    let logins = machines.logins.as_secs_f64();
    let logins =
        format!("a VPC, two subnets and two machines, to a login on both: {logins:.1} s, at most 3 s");
    let each = format!(
        "each of {MANY_MACHINES} machines, beside its own processes: {:.2} MiB, at most 10 MiB",
        mib(machines.bytes_each)
    );
    [bar(machines.logins <= LOGINS_MAX, logins), bar(machines.bytes_each <= MACHINE_BYTES_MAX, each)]
}

fn stack(deployed: &Deployed) -> [Bar; 2] {
    let (plan, rate) = (deployed.plan.as_secs_f64() * 1000.0, deployed.per_second());
    let plan = format!("a stack of {RESOURCES} resources planned: {plan:.1} ms, at most 100 ms");
    let made = format!("a stack of {RESOURCES} resources: {rate:.0} made per second, at least 50");
    [bar(deployed.plan <= PLAN_MAX, plan), bar(rate >= RESOURCES_PER_SECOND_MIN, made)]
}

/// What it costs to keep a record, against what a flush of this disk costs.
fn kept(ours: &Report, flush: Duration) -> Vec<Bar> {
    let Some(alone) = numbers(ours, KEPT, 1) else { return Vec::new() };
    let took = Duration::from_micros(alone.p50_micros.into());
    let text =
        format!("{KEPT} x1: p50 {took:.0?}, at most a flush of {flush:.0?} and {BESIDE_FLUSH_MAX:.0?}");
    let mut out = vec![bar(took <= flush + BESIDE_FLUSH_MAX, text)];
    if let Some(many) = numbers(ours, KEPT, MANY) {
        let (rate, one) = (many.per_second, alone.per_second);
        let text =
            format!("{KEPT} x{MANY}: {rate:.0} per second, at least 3 times the {one:.0} of one caller");
        out.push(bar(rate >= one * TOGETHER_MIN, text));
    }
    out
}

/// How large objects leave, beside files.
fn large(ours: &Report, limit: &Report) -> Vec<Bar> {
    let pairs = LARGE.iter().filter_map(|(scenario, concurrency)| {
        let of = |report| numbers(report, scenario, *concurrency).map(|n| n.per_second);
        let (measured, limit) = (of(ours)?, of(limit)?);
        let text = format!(
            "{scenario} x{concurrency}: {measured:.0} per second, at least {OF_LIMIT_MIN} of the {limit:.0} of {LIMIT}"
        );
        Some(bar(measured >= limit * OF_LIMIT_MIN, text))
    });
    pairs.collect()
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
    out.extend(RATES.iter().filter_map(|rate| rate.bar(ours, results)));
    out.extend(of(LIMIT).iter().flat_map(|limit| large(ours, limit)));
    if let Some(list) = numbers(ours, "S3 list 1000 of 10000", 32) {
        let text = format!("a page of a listing: {:.0} us of CPU, at most 1000", list.server_cpu_micros);
        out.push(bar(list.server_cpu_micros <= LIST_CPU_MICROS_MAX, text));
    }
    if let Some(warm) = numbers(ours, "Lambda Invoke", 1) {
        let text =
            format!("a warm function's answer: p50 {} us, at most {WARM_MICROS_MAX} us", warm.p50_micros);
        out.push(bar(warm.p50_micros <= WARM_MICROS_MAX, text));
    }
    out.extend(ours.flush.iter().flat_map(|flush| kept(ours, *flush)));
    out.extend(ours.begun.iter().flat_map(begun));
    out.extend(ours.deployed.iter().flat_map(stack));
    out.extend(ours.machines.iter().flat_map(machines));
    if let Some(filled) = ours.filled.as_ref().filter(|filled| filled.items >= ITEMS) {
        out.extend(among(ours, filled));
    }
    if let Some(many) = ours.stocked.as_ref().filter(|stocked| stocked.objects >= OBJECTS) {
        out.extend(stocked(ours, many));
    }
    out.extend(ours.clockwork.iter().filter(|clockwork| clockwork.schedules >= SCHEDULES).map(clockwork));
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
    fn rates_are_held_against_the_best_peer_or_by_themselves() {
        let with = |name: &'static str, per_second: f64| {
            let mut report = report(name, 10, 0, 20.0);
            report.legs[1].scenario = "DynamoDB PutItem".to_owned();
            if let Ok(numbers) = &mut report.legs[1].result {
                numbers.per_second = per_second;
            }
            report
        };
        assert_eq!(missed(&[with(OURS, 12_000.0)]), Vec::<String>::new());
        assert_eq!(missed(&[with(OURS, 11_999.0)]).len(), 1);
        // A slower machine is slower for all.
        assert_eq!(
            missed(&[with(OURS, 1300.0), with("moto", 10.0), with("other", 1000.0)]),
            Vec::<String>::new()
        );
        assert_eq!(missed(&[with(OURS, 1299.0), with("other", 1000.0)]).len(), 1);
    }

    #[test]
    fn large_objects_are_held_against_files() {
        let with = |name: &'static str, per_second: f64| {
            let mut report = report(name, 10, 0, 20.0);
            report.legs[1].scenario = LARGE[0].0.to_owned();
            if let Ok(numbers) = &mut report.legs[1].result {
                numbers.per_second = per_second;
            }
            report
        };
        // The limit is no peer: nobody has to be ahead of it.
        assert_eq!(missed(&[with(OURS, 800.0), with(LIMIT, 1000.0)]), Vec::<String>::new());
        assert_eq!(missed(&[with(OURS, 799.0), with(LIMIT, 1000.0)]).len(), 1);
    }

    #[test]
    fn a_large_table_is_held_against_a_small_one() {
        let with = |per_second: f64, bytes: u64, items: u64| {
            let mut report = report(OURS, 10, 0, 20.0);
            let filled = Filled { items, bytes };
            let numbers = Numbers { per_second, p50_micros: 1, p99_micros: 1, server_cpu_micros: 1.0 };
            report.legs.push(Leg {
                scenario: filled.leg("GetCallerIdentity"),
                concurrency: 32,
                result: Ok(numbers),
            });
            report.filled = Some(filled);
            report
        };
        assert_eq!(missed(&[with(21_000.0, 200 << 20, ITEMS)]), Vec::<String>::new());
        assert_eq!(missed(&[with(20_999.0, (200 << 20) + 1, ITEMS)]).len(), 2);
        assert_eq!(missed(&[with(1.0, 1 << 40, ITEMS - 1)]), Vec::<String>::new());
    }

    #[test]
    fn many_objects_cost_little_memory() {
        let with = |bytes: u64, objects: u64, cpu: f64| {
            let mut report = report(OURS, 10, 0, cpu);
            let stocked = Stocked { objects, bytes };
            report.legs[1].scenario = stocked.leg("S3 list 1000");
            report.stocked = Some(stocked);
            report
        };
        assert_eq!(missed(&[with(60 << 20, OBJECTS, 1000.0)]), Vec::<String>::new());
        assert_eq!(missed(&[with((60 << 20) + 1, OBJECTS, 1000.5)]).len(), 2);
        assert_eq!(missed(&[with(1 << 40, OBJECTS - 1, 9000.0)]), Vec::<String>::new());
    }

    #[test]
    fn machines_are_there_soon_and_cost_little() {
        let with = |millis: u64, bytes_each: u64| {
            let logins = Duration::from_millis(millis);
            let machines = Machines { logins, many: Duration::ZERO, bytes_each };
            Report { machines: Some(machines), ..report(OURS, 10, 0, 20.0) }
        };
        assert_eq!(missed(&[with(3000, 10 << 20)]), Vec::<String>::new());
        assert_eq!(missed(&[with(3001, (10 << 20) + 1)]).len(), 2);
    }

    #[test]
    fn schedules_cost_nothing_until_their_time() {
        let with = |schedules: u64, cpu: u64| {
            let clockwork = Clockwork { schedules, cpu: Duration::from_millis(cpu) };
            Report { clockwork: Some(clockwork), ..report(OURS, 10, 0, 20.0) }
        };
        assert_eq!(missed(&[with(SCHEDULES, 50)]), Vec::<String>::new());
        assert_eq!(missed(&[with(SCHEDULES, 51)]).len(), 1);
        assert_eq!(missed(&[with(SCHEDULES - 1, 51)]), Vec::<String>::new());
    }

    #[test]
    fn a_kept_record_is_held_against_a_flush() {
        let with = |alone: u32, many: f64| {
            let leg = |concurrency: usize, p50_micros: u32, per_second: f64| Leg {
                scenario: KEPT.to_owned(),
                concurrency,
                result: Ok(Numbers { per_second, p50_micros, p99_micros: 0, server_cpu_micros: 1.0 }),
            };
            let mut report = report(OURS, 10, 0, 20.0);
            report.legs.extend([leg(1, alone, 1000.0), leg(MANY, 0, many)]);
            Report { flush: Some(Duration::from_micros(800)), ..report }
        };
        assert_eq!(missed(&[with(1200, 3000.0)]), Vec::<String>::new());
        assert_eq!(missed(&[with(1201, 2999.0)]).len(), 2);
    }

    #[test]
    fn a_stack_is_planned_and_made_in_time() {
        let with = |plan: u64, took: u64| {
            let (plan, took) = (Duration::from_millis(plan), Duration::from_millis(took));
            Report { deployed: Some(Deployed { plan, took }), ..report(OURS, 10, 0, 20.0) }
        };
        assert_eq!(missed(&[with(100, 10_000)]), Vec::<String>::new());
        assert_eq!(missed(&[with(101, 10_001)]).len(), 2);
    }

    #[test]
    fn functions_begin_and_answer_in_time() {
        let with = |python: u64, rust: u64, told: u64, p50_micros: u32| {
            let starts = vec![
                ("Python", Duration::from_millis(python)),
                ("a static Rust program", Duration::from_millis(rust)),
            ];
            let mut report = report(OURS, 10, 0, 20.0);
            report.begun = Some(Begun { starts, told: Duration::from_millis(told) });
            let numbers = Numbers { per_second: 1e6, p50_micros, p99_micros: 1, server_cpu_micros: 1.0 };
            report.legs.push(Leg { scenario: "Lambda Invoke".into(), concurrency: 1, result: Ok(numbers) });
            report
        };
        assert_eq!(missed(&[with(150, 40, 20, 2_000)]), Vec::<String>::new());
        assert_eq!(missed(&[with(151, 41, 21, 2_001)]).len(), 4);
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
