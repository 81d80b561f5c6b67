//! Many schedules: a cloud of its own gets them through its API, and what they cost is measured once it has nothing left to
//! do: schedules whose time is far away are to cost nothing.

use crate::contestants::Contestant;
use crate::load::{self, Until};
use crate::measure::{FILL_SECONDS_MAX, MANY, Report, settle, started};
use crate::options::Options;
use crate::scenario::{Captured, Maker, Plan};
use std::path::Path;
use std::time::Duration;

/// For how long it is watched.
pub(crate) const WATCHED: Duration = Duration::from_secs(10);

/// Schedules that stand.
pub(crate) struct Clockwork {
    pub(crate) schedules: u64,
    /// Of a processor, while [`WATCHED`].
    pub(crate) cpu: Duration,
}

pub(crate) fn wind(
    contestant: &Contestant,
    program: &Path,
    folder: &Path,
    (plan, options): (&Plan, &Options),
    report: &mut Report,
) -> Result<(), String> {
    let (server, _) = started(contestant, program, &folder.join("clockwork"))?;
    let (host, nothing) = (server.address.to_string(), Captured::new());
    load::one(server.address, &Maker::new(&plan.clockwork, &host, &nothing, 0)?.next())?;
    let mut maker = Maker::new(&plan.schedule, &host, &nothing, 0)?;
    let until = Until { time: Duration::from_secs(FILL_SECONDS_MAX), count: options.schedules };
    let outcome = load::run(server.address, MANY, until, 1, &mut |_| (maker.next(), 0));
    let outcome = outcome.map_err(|why| format!("while schedules were made: {why}"))?;
    println!("  {} schedules made in {:.1} s", outcome.answered, outcome.took.as_secs_f64());
    settle(&server);
    let before = server.cpu();
    std::thread::sleep(WATCHED);
    let cpu = server.cpu().saturating_sub(before);
    println!("  with them, idle: {cpu:.0?} of a processor in {WATCHED:.0?}");
    report.clockwork = Some(Clockwork { schedules: outcome.answered, cpu });
    server.end();
    Ok(())
}
