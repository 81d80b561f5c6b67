//! Many objects: a cloud of its own gets a bucket full of objects of one byte, through its API, and what it holds in memory
//! with them is measured once it has nothing left to do, and after pages of their listing.

use crate::contestants::Contestant;
use crate::load::{self, Until};
use crate::measure::{FILL_SECONDS_MAX, IDLE, Leg, MANY, Report, leg, settle, started, tell};
use crate::options::Options;
use crate::process::Server;
use crate::scenario::{Ask, Captured, Maker, Plan};
use std::path::Path;
use std::time::Duration;

/// A bucket that was made full.
pub(crate) struct Stocked {
    pub(crate) objects: u64,
    /// Memory when it is left alone: the more of what it held after filling and after listing.
    pub(crate) bytes: u64,
}

impl Stocked {
    /// The name of a scenario's leg among them.
    pub(crate) fn leg(&self, scenario: &str) -> String {
        format!("{scenario} of {} objects", self.objects)
    }
}

/// A cloud of its own that was asked once for the first, and then for so many of the second; how many there are.
pub(crate) fn filled(
    contestant: &Contestant,
    program: &Path,
    folder: &Path,
    (first, each): (&Ask, &Ask),
    count: u64,
    what: &str,
) -> Result<(Server, u64), String> {
    let (server, _) = started(contestant, program, folder)?;
    let (host, nothing) = (server.address.to_string(), Captured::new());
    load::one(server.address, &Maker::new(first, &host, &nothing, 0)?.next())?;
    let mut maker = Maker::new(each, &host, &nothing, 0)?;
    let until = Until { time: Duration::from_secs(FILL_SECONDS_MAX), count };
    let outcome = load::run(server.address, MANY, until, 1, &mut |_, _| (maker.next(), 0));
    let outcome = outcome.map_err(|why| format!("while {what} were made: {why}"))?;
    println!("  {} {what} made in {:.1} s", outcome.answered, outcome.took.as_secs_f64());
    Ok((server, outcome.answered))
}

pub(crate) fn stock(
    contestant: &Contestant,
    program: &Path,
    folder: &Path,
    (plan, options): (&Plan, &Options),
    report: &mut Report,
) -> Result<(), String> {
    let asks = (&plan.bucket, &plan.stock);
    let (server, answered) =
        filled(contestant, program, &folder.join("stock"), asks, options.objects, "objects")?;
    println!("  settled after {:.1} s", settle(&server).as_secs_f64());
    let nothing = Captured::new();
    let mut stocked = Stocked { objects: answered, bytes: server.memory() };
    for scenario in &plan.stocked {
        for concurrency in &scenario.concurrency {
            let name = stocked.leg(&scenario.name);
            let filled = (&nothing, answered);
            let result = leg(&server, scenario, *concurrency, filled, options.leg, &mut 0);
            tell(&name, *concurrency, &result);
            report.legs.push(Leg { scenario: name, concurrency: *concurrency, result });
        }
    }
    std::thread::sleep(IDLE);
    stocked.bytes = stocked.bytes.max(server.memory());
    println!("  memory with them {:.1} MiB", stocked.bytes as f64 / f64::from(1 << 20));
    report.stocked = Some(stocked);
    server.end();
    Ok(())
}
