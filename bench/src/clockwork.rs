//! Many schedules: a cloud of its own gets them through its API, and what they cost is measured once it has nothing left to
//! do: schedules whose time is far away are to cost nothing.

use crate::contestants::Contestant;
use crate::measure::{Report, settle};
use crate::options::Options;
use crate::scenario::Plan;
use crate::stock::filled;
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
    let asks = (&plan.clockwork, &plan.schedule);
    let folder = folder.join("clockwork");
    let (server, schedules) = filled(contestant, program, &folder, asks, options.schedules, "schedules")?;
    settle(&server);
    let before = server.cpu();
    std::thread::sleep(WATCHED);
    let cpu = server.cpu().saturating_sub(before);
    println!("  with them, idle: {cpu:.0?} of a processor in {WATCHED:.0?}");
    report.clockwork = Some(Clockwork { schedules, cpu });
    server.end();
    Ok(())
}
