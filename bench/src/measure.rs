//! What is done with one contestant, from its first start to its end.

use crate::begin::{self, Begun};
use crate::clockwork::{Clockwork, wind};
use crate::contestants::FILES;
use crate::flush::flush;
use crate::machines::{self, Machines};
use crate::stock::{Stocked, stock};
use crate::{
    contestants::Contestant,
    load::{self, Next, Outcome, Until},
    options::Options,
    process::Server,
    report::OURS,
    scenario::{ACCOUNT, Ask, Captured, Maker, Plan, Scenario, find_value},
    stack::{self, Deployed},
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How often start-up is measured; the median counts.
const STARTS: usize = 5;
const STARTS_GROWN: usize = 3;
const START_SECONDS_MAX: u64 = 30;
const WARM_UP: Duration = Duration::from_millis(300);
/// Memory is read when a server has had nothing to do for this long.
pub(crate) const IDLE: Duration = Duration::from_secs(3);
const GROW_SECONDS_MAX: u64 = 45;
pub(crate) const FILL_SECONDS_MAX: u64 = 600;
/// How long one step may take that makes what is measured upon. A peer's service for which it takes longer is not
/// measured: a server that writes all that it has with each change would never end.
const PREPARE_MAX: Duration = Duration::from_secs(40);
/// How long a server may finish what the leg before has left it with: that is not what the next one costs.
const REST_MAX: Duration = Duration::from_secs(5);
const REST_STEP: Duration = Duration::from_millis(200);
/// How long a server may sort what it was filled with before it is measured again.
const SETTLE_MAX: Duration = Duration::from_secs(120);
/// The scenarios have made some of the first numbers already.
const FIRST_AMONG: u64 = 20_000_000;
pub(crate) const MANY: usize = 32;

/// One scenario at one concurrency.
pub(crate) struct Leg {
    pub(crate) scenario: String,
    pub(crate) concurrency: usize,
    pub(crate) result: Result<Numbers, String>,
}

pub(crate) struct Numbers {
    pub(crate) per_second: f64,
    pub(crate) p50_micros: u32,
    pub(crate) p99_micros: u32,
    pub(crate) server_cpu_micros: f64,
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    /// None for a script, whose interpreter is the program.
    pub(crate) program_bytes: Option<u64>,
    pub(crate) first_answer: Option<Duration>,
    pub(crate) idle_bytes: Option<u64>,
    pub(crate) loaded_bytes: Option<u64>,
    pub(crate) grown: Option<Grown>,
    pub(crate) filled: Option<Filled>,
    pub(crate) stocked: Option<Stocked>,
    pub(crate) clockwork: Option<Clockwork>,
    /// What this disk needs for a flush, measured beside the cloud that is ours.
    pub(crate) flush: Option<Duration>,
    /// Of the cloud that is ours.
    pub(crate) deployed: Option<Deployed>,
    /// Likewise.
    pub(crate) begun: Option<Begun>,
    /// Likewise.
    pub(crate) machines: Option<Machines>,
    pub(crate) legs: Vec<Leg>,
    pub(crate) problem: Option<String>,
    pub(crate) captured: Captured,
}

pub(crate) struct Grown {
    pub(crate) records: u64,
    pub(crate) first_answer: Duration,
    pub(crate) idle_bytes: u64,
    pub(crate) disk_bytes: u64,
}

/// A table that was made large.
pub(crate) struct Filled {
    pub(crate) items: u64,
    /// Memory, after the legs among them.
    pub(crate) bytes: u64,
}

impl Filled {
    /// The name of a scenario's leg among them.
    pub(crate) fn leg(&self, scenario: &str) -> String {
        format!("{scenario} among {} items", self.items)
    }
}

/// Measures one contestant. What fails is told in the report; the others are measured all the same.
pub(crate) fn contestant(contestant: &Contestant, program: &Path, plan: &Plan, options: &Options) -> Report {
    println!("\n{}", contestant.name);
    let mut report =
        Report { name: contestant.name, program_bytes: program_size(program), ..Report::default() };
    let folder = options.root.join("bench/out/run").join(contestant.name);
    if let Err(why) = measure(contestant, program, plan, options, &folder, &mut report) {
        println!("  {why}");
        report.problem = Some(why);
    }
    // Left behind it would only cost disk; the next run starts on empty folders of its own.
    let _ = fs::remove_dir_all(&folder);
    report
}

fn measure(
    contestant: &Contestant,
    program: &Path,
    plan: &Plan,
    options: &Options,
    folder: &Path,
    report: &mut Report,
) -> Result<(), String> {
    let _ = fs::remove_dir_all(folder);
    let mut starts = Vec::new();
    for round in 0..STARTS {
        let (server, took) = started(contestant, program, &folder.join(format!("empty-{round}")))?;
        starts.push(took);
        if round + 1 == STARTS {
            std::thread::sleep(IDLE);
            report.idle_bytes = Some(server.memory());
        }
        server.end();
    }
    report.first_answer = Some(median(&mut starts));
    println!("  first answer {:.1?}", report.first_answer.unwrap_or_default());
    let (server, _) = started(contestant, program, &folder.join("load"))?;
    let loaded = if contestant.cloud {
        scenarios(contestant, &server, plan, options, report)
    } else {
        limit(&server, options, report)
    };
    report.loaded_bytes = Some(server.memory());
    if contestant.name == OURS && loaded.is_ok() {
        let took = flush(folder)?;
        println!("  a flush of this disk takes {took:.0?}");
        report.flush = Some(took);
    }
    if contestant.name == OURS && options.scenarios.is_empty() && loaded.is_ok() {
        let deployed = stack::deploy(&server)?;
        let (plan, rate) = (deployed.plan, deployed.per_second());
        println!(
            "  a stack of {} resources: planned in {plan:.1?}, {rate:.0} made per second",
            stack::RESOURCES
        );
        report.deployed = Some(deployed);
        report.begun = Some(begin::begin(&server, &folder.join("begin"))?);
    }
    if contestant.keeps && options.items > 0 && loaded.is_ok() {
        fill(&server, program, plan, options, report)?;
    }
    let grows = contestant.keeps && options.records > 0 && contestant.has("iam") && loaded.is_ok();
    let grown = if grows { Some(grow(&server, plan, options, report)) } else { None };
    let data = server.folder.clone();
    server.end();
    if let Some(records) = grown {
        report.grown = Some(grown_start(contestant, program, &data, records?)?);
    }
    if contestant.name == OURS && options.scenarios.is_empty() && loaded.is_ok() {
        report.machines = machines::run(contestant, program, &folder.join("machines"))?;
    }
    if contestant.keeps && options.objects > 0 && contestant.has("s3") && loaded.is_ok() {
        stock(contestant, program, folder, (plan, options), report)?;
    }
    if contestant.name == OURS && options.schedules > 0 && loaded.is_ok() {
        wind(contestant, program, folder, (plan, options), report)?;
    }
    loaded
}

fn program_size(program: &Path) -> Option<u64> {
    let mut first = [0; 2];
    File::open(program).and_then(|mut file| file.read_exact(&mut first)).ok()?;
    if first == *b"#!" { None } else { fs::metadata(program).ok().map(|metadata| metadata.len()) }
}

/// Starts the server and asks until it answers; the time from exec to the first success.
pub(crate) fn started(
    contestant: &Contestant,
    program: &Path,
    folder: &Path,
) -> Result<(Server, Duration), String> {
    let mut server = Server::start(contestant, program, folder)?;
    let request = first_request(contestant, server.address)?;
    let deadline = server.started + Duration::from_secs(START_SECONDS_MAX);
    loop {
        let asked = load::one(server.address, &request);
        if asked.is_ok() {
            let took = server.started.elapsed();
            return Ok((server, took));
        }
        if server.ended() || Instant::now() > deadline {
            let why = asked.err().unwrap_or_default();
            let words = server.last_words();
            server.end();
            return Err(format!("does not answer ({why}): {words}"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn first_request(contestant: &Contestant, address: SocketAddr) -> Result<Vec<u8>, String> {
    if !contestant.cloud {
        return Ok(file_request(address, FILES[0].0));
    }
    if contestant.service == Some("dynamodb") {
        let signer = crate::sign::Signer::new(ACCOUNT, "any", "dynamodb");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "DynamoDB_20120810.ListTables"),
        ];
        return Ok(signer.post(&address.to_string(), &headers, "{}"));
    }
    let signer = crate::sign::Signer::new(ACCOUNT, "any", "sts");
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    Ok(signer.post(&address.to_string(), &headers, "Action=GetCallerIdentity&Version=2011-06-15"))
}

fn file_request(address: SocketAddr, name: &str) -> Vec<u8> {
    format!("GET /{name} HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes()
}

fn scenarios(
    contestant: &Contestant,
    server: &Server,
    plan: &Plan,
    options: &Options,
    report: &mut Report,
) -> Result<(), String> {
    let (captured, unprepared) = prepare(contestant, server, plan)?;
    for scenario in plan.scenarios.iter().filter(|one| contestant.has(&one.ask.service)) {
        let mut first = 0;
        for concurrency in &scenario.concurrency {
            let result = match unprepared.get(scenario.ask.service.as_str()) {
                Some(why) => Err(why.clone()),
                None => {
                    quiet(server, REST_STEP, REST_MAX);
                    leg(server, scenario, *concurrency, (&captured, 1), options.leg, &mut first)
                }
            };
            tell(&scenario.name, *concurrency, &result);
            report.legs.push(Leg { scenario: scenario.name.clone(), concurrency: *concurrency, result });
        }
    }
    report.captured = captured;
    Ok(())
}

/// What the steps gave, and the services for which they fail or take too long. The cloud that is ours must stand them all.
fn prepare<'a>(
    contestant: &Contestant,
    server: &Server,
    plan: &'a Plan,
) -> Result<(Captured, BTreeMap<&'a str, String>), String> {
    let mut captured = Captured::new();
    let mut unprepared = BTreeMap::new();
    for step in plan.prepare.iter().filter(|step| contestant.has(&step.service)) {
        if let Err(why) = prepare_step(server, step, &mut captured) {
            let why = format!("preparation: {why}");
            if contestant.name == OURS {
                return Err(why);
            }
            println!("  {}: {why}", step.service);
            unprepared.insert(step.service.as_str(), why);
        }
    }
    Ok((captured, unprepared))
}

fn prepare_step(server: &Server, step: &Ask, captured: &mut Captured) -> Result<(), String> {
    let mut maker = Maker::new(step, &server.address.to_string(), captured, 0)?;
    let begun = Instant::now();
    for done in 0..step.repeat {
        if begun.elapsed() > PREPARE_MAX {
            return Err(format!("{done} of {} requests took {} s", step.repeat, PREPARE_MAX.as_secs()));
        }
        let answer = load::one(server.address, &maker.next())?;
        for name in &step.capture {
            let value = find_value(&answer, name).ok_or_else(|| format!("no {name} in {answer}"))?;
            captured.insert(name.clone(), value);
        }
    }
    Ok(())
}

/// `first` is the number of the leg's first request, and is moved on, so that no two legs make the same record.
pub(crate) fn leg(
    server: &Server,
    scenario: &Scenario,
    concurrency: usize,
    (captured, filled): (&Captured, u64),
    time: Duration,
    first: &mut u64,
) -> Result<Numbers, String> {
    let host = server.address.to_string();
    let mut maker = Maker::new(&scenario.ask, &host, captured, *first)?.among(filled);
    let answer = load::one(server.address, &maker.next())?;
    if !answer.contains(&scenario.expect) {
        return Err(format!("no `{}` in the answer", scenario.expect));
    }
    // What each connection's unit has captured.
    let mut units = vec![captured.clone(); concurrency];
    let steps = 1 + scenario.then.len();
    let numbers = timed(server, concurrency, time, steps, &mut |connection, before| {
        let after = before.and_then(|before| followed(scenario, &mut units[connection], &host, before));
        after.unwrap_or_else(|| {
            units[connection].clone_from(captured);
            (maker.next(), 0)
        })
    });
    *first = maker.reached();
    numbers
}

/// The next request of a unit where its answers have what it needs; `None` behind the last one.
fn followed(
    scenario: &Scenario,
    captured: &mut Captured,
    host: &str,
    (step, answer): (usize, &str),
) -> Option<(Vec<u8>, usize)> {
    let then = scenario.then.get(step)?;
    let ask = if step == 0 { &scenario.ask } else { &scenario.then[step - 1] };
    for name in &ask.capture {
        captured.insert(name.clone(), find_value(answer, name)?);
    }
    Some((Maker::new(then, host, captured, 0).ok()?.next(), step + 1))
}

fn timed(
    server: &Server,
    concurrency: usize,
    time: Duration,
    steps: usize,
    next: Next<'_>,
) -> Result<Numbers, String> {
    load::run(server.address, concurrency, Until { time: WARM_UP, count: u64::MAX }, steps, next)?;
    let before = server.cpu();
    let outcome: Outcome =
        load::run(server.address, concurrency, Until { time, count: u64::MAX }, steps, next)?;
    let cpu = server.cpu().saturating_sub(before);
    Ok(Numbers {
        per_second: outcome.per_second(),
        p50_micros: outcome.quantile(0.5),
        p99_micros: outcome.quantile(0.99),
        server_cpu_micros: cpu.as_secs_f64() * 1e6 / outcome.answered.max(1) as f64,
    })
}

/// What a server that only hands out a file needs: what is left is the price of being a cloud.
fn limit(server: &Server, options: &Options, report: &mut Report) -> Result<(), String> {
    for (name, scenario, _, concurrencies) in FILES {
        let request = file_request(server.address, name);
        for concurrency in *concurrencies {
            let result = timed(server, *concurrency, options.leg, 1, &mut |_, _| (request.clone(), 0));
            tell(scenario, *concurrency, &result);
            report.legs.push(Leg { scenario: (*scenario).to_owned(), concurrency: *concurrency, result });
        }
    }
    Ok(())
}

/// Makes records until there are enough or the time is over, and measures again what should not cost more among them.
/// How many there are now.
fn grow(server: &Server, plan: &Plan, options: &Options, report: &mut Report) -> Result<u64, String> {
    // The scenarios have made some of the first numbers already.
    let first = 10_000_000;
    let mut maker = Maker::new(&plan.grow, &server.address.to_string(), &Captured::new(), first)?;
    let until = Until { time: Duration::from_secs(GROW_SECONDS_MAX), count: options.records };
    let outcome = load::run(server.address, MANY, until, 1, &mut |_, _| (maker.next(), 0));
    let outcome = outcome.map_err(|why| format!("while growing: {why}"))?;
    println!("  {} records made in {:.1} s", outcome.answered, outcome.took.as_secs_f64());
    let captured = report.captured.clone();
    for scenario in plan.scenarios.iter().filter(|scenario| scenario.again) {
        let name = format!("{} among the records", scenario.name);
        let result = leg(server, scenario, MANY, (&captured, 1), options.leg, &mut 0);
        tell(&name, MANY, &result);
        report.legs.push(Leg { scenario: name, concurrency: MANY, result });
    }
    Ok(outcome.answered)
}

/// Waits until the server has nothing left to do of what it was given, or for as long as that is waited for.
pub(crate) fn settle(server: &Server) -> Duration {
    quiet(server, IDLE, SETTLE_MAX)
}

/// Waits until the server does next to nothing for that long.
fn quiet(server: &Server, step: Duration, most: Duration) -> Duration {
    let begun = Instant::now();
    let mut before = server.cpu();
    while begun.elapsed() < most {
        std::thread::sleep(step);
        let now = server.cpu();
        if now.saturating_sub(before) < step / 20 {
            break;
        }
        before = now;
    }
    begun.elapsed()
}

/// Fills a table until it has so many items or the time is over, and measures what should not cost more then.
fn fill(
    server: &Server,
    program: &Path,
    plan: &Plan,
    options: &Options,
    report: &mut Report,
) -> Result<(), String> {
    let captured = report.captured.clone();
    let mut maker = Maker::new(&plan.fill, &server.address.to_string(), &captured, 0)?;
    let count = options.items.div_ceil(plan.fill_items);
    let until = Until { time: Duration::from_secs(FILL_SECONDS_MAX), count };
    let outcome = load::run(server.address, MANY, until, 1, &mut |_, _| (maker.next(), 0));
    let outcome = outcome.map_err(|why| format!("while filling: {why}"))?;
    let items = outcome.answered * plan.fill_items;
    println!("  {items} items made in {:.1} s", outcome.took.as_secs_f64());
    println!("  settled after {:.1} s", settle(server).as_secs_f64());
    let mut large = Filled { items, bytes: 0 };
    for scenario in &plan.among {
        let name = large.leg(&scenario.name);
        let filled = (&captured, outcome.answered);
        let result = leg(server, scenario, MANY, filled, options.leg, &mut { FIRST_AMONG });
        tell(&name, MANY, &result);
        report.legs.push(Leg { scenario: name, concurrency: MANY, result });
    }
    // The functions that were begun before keep their environments for a while.
    large.bytes = server.own_memory(program);
    println!("  memory with them {:.1} MiB", large.bytes as f64 / f64::from(1 << 20));
    report.filled = Some(large);
    Ok(())
}

fn grown_start(contestant: &Contestant, program: &Path, data: &Path, records: u64) -> Result<Grown, String> {
    let mut starts = Vec::new();
    let mut idle_bytes = 0;
    for round in 0..STARTS_GROWN {
        let (server, took) = started(contestant, program, data)?;
        starts.push(took);
        if round + 1 == STARTS_GROWN {
            std::thread::sleep(IDLE);
            idle_bytes = server.memory();
        }
        server.end();
    }
    let first_answer = median(&mut starts);
    println!("  first answer with {records} records {first_answer:.1?}");
    Ok(Grown { records, first_answer, idle_bytes, disk_bytes: size(&data.join("data")) })
}

fn size(folder: &Path) -> u64 {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn tell(scenario: &str, concurrency: usize, result: &Result<Numbers, String>) {
    match result {
        Ok(numbers) => println!(
            "  {scenario:<28} x{concurrency:<3} {:>9.0}/s  p50 {:>7} us  p99 {:>7} us  server CPU {:>7.1} us",
            numbers.per_second, numbers.p50_micros, numbers.p99_micros, numbers.server_cpu_micros
        ),
        Err(why) => println!("  {scenario:<28} x{concurrency:<3} {why}"),
    }
}
