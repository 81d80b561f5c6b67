//! How fast a machine may read and write its files: as its root's volume, and as all its volumes together.
//!
//! What comes here has left the machine's memory: what it reads again is not read from here, and what it writes comes at once, as
//! there is nothing that gathers it first. So what goes on where the last operation on the same open file ended is one with it,
//! up to the most that is one operation of a volume.

use super::{Files, Machine, Open};
use crate::fuse::{u32_at, u64_at};
use crate::pace::{Common, Pace, Rate, now};
use crate::room;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The most that is one operation.
const UNIT: u64 = 256 << 10;
/// Between two looks at what is said.
const LOOK: Duration = Duration::from_secs(1);

/// What a machine's files are held to.
#[derive(Debug)]
pub(super) struct Held {
    said: PathBuf,
    looked: Option<Duration>,
    own: Option<Pace>,
    common: Option<Common>,
}

impl Held {
    /// # Errors
    /// What the file system says.
    pub(super) fn new(machine: &Machine) -> io::Result<Held> {
        let common = machine.pace.as_ref().map(|path| Common::open(path)).transpose()?;
        Ok(Held { said: room::rate(&machine.disk), looked: None, own: None, common })
    }

    fn wait(&mut self, operations: f64, bytes: u64) {
        let now = now();
        if self.looked.is_none_or(|looked| now.saturating_sub(looked) >= LOOK) {
            self.looked = Some(now);
            match (Rate::said(&self.said), &mut self.own) {
                (Some(rate), Some(own)) => own.become_of(rate, now),
                (rate, own) => *own = rate.map(|rate| Pace::new(rate, now)),
            }
        }
        let own = self.own.as_mut().map(|own| own.due(operations, bytes, now, now)).unwrap_or_default();
        let common = self.common.as_ref().map(|common| common.due(operations, bytes, now));
        let due = own.max(common.unwrap_or_default());
        if !due.is_zero() {
            std::thread::sleep(due);
        }
    }
}

impl Open {
    /// How many operations this is more.
    fn operations(&mut self, at: u64, length: u64) -> u64 {
        let (goes_on, run) = (at == self.end, self.run + length);
        self.end = at + length;
        if goes_on && run <= UNIT && self.run > 0 {
            self.run = run;
            return 0;
        }
        self.run = length;
        length.div_ceil(UNIT).max(1)
    }
}

impl Files<'_> {
    /// Waits until it is the turn of something that is read or written.
    pub(super) fn wait_for_turn(&mut self, body: &[u8]) {
        let (number, at, length) = (u64_at(body, 0), u64_at(body, 8), u64::from(u32_at(body, 16)));
        let Some(open) = self.open.get_mut(&number) else { return };
        #[allow(clippy::cast_precision_loss, reason = "a few")]
        let operations = open.operations(at, length) as f64;
        self.held.wait(operations, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_one_operation() {
        let file = std::fs::File::open("/dev/null").unwrap().into();
        let mut open = Open { file, node: 1, end: 0, run: 0 };
        let kib = 1 << 10;
        for (at, length, more) in [
            (0, 4 * kib, 1),
            (4 * kib, 4 * kib, 0),
            (8 * kib, 248 * kib, 0),
            (256 * kib, 1, 1),
            (100 * kib, 4 * kib, 1),
            (0, 512 * kib, 2),
            (512 * kib, 512 * kib, 2),
            (7, 0, 1),
        ] {
            assert_eq!(open.operations(at, length), more, "{at} {length}");
        }
    }
}
