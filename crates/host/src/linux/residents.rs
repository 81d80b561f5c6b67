//! The processes in a network namespace, and signals for all of them.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;

/// Looks before it is given up that there are no new ones.
const ROUNDS_MAX: u32 = 10;

/// Those that there are now; whoever ends meanwhile is none.
///
/// # Errors
/// When the namespace or `/proc` cannot be read.
pub(super) fn inside(namespace: &File) -> io::Result<Vec<Pid>> {
    let own = rustix::fs::fstat(namespace)?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { continue };
        let there = rustix::fs::stat(entry.path().join("ns/net"));
        if there.is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (own.st_dev, own.st_ino)) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Sends a signal to all, again and again until none has had the time for a child. Who goes on needs no second look: its
/// children go on, too.
///
/// # Errors
/// When they cannot be found, one cannot be told, or they have children faster than they are told; who is killed is
/// killed as far as can be.
pub(super) fn signal_all(namespace: &File, signal: Signal) -> io::Result<()> {
    rounds(signal, || inside(namespace), |pid| kill_process(pid, signal))
}

fn rounds(
    signal: Signal,
    mut find: impl FnMut() -> io::Result<Vec<Pid>>,
    mut send: impl FnMut(Pid) -> Result<(), Errno>,
) -> io::Result<()> {
    let mut known = BTreeSet::new();
    let mut refused = None;
    for _ in 0..ROUNDS_MAX {
        let mut found = false;
        for pid in find()? {
            // Who is killed and still there may be another of the same number.
            if !known.insert(pid.as_raw_nonzero()) && signal != Signal::KILL {
                continue;
            }
            match send(pid) {
                Ok(()) => found = true,
                Err(Errno::SRCH) => {}
                Err(why) => refused = Some(why),
            }
        }
        if !found || signal == Signal::CONT {
            return refused.map_or(Ok(()), |why| Err(why.into()));
        }
    }
    if signal == Signal::KILL { Ok(()) } else { Err(Errno::AGAIN.into()) }
}

#[cfg(test)]
mod tests {
    use super::{ROUNDS_MAX, rounds};
    use rustix::io::Errno;
    use rustix::process::{Pid, Signal};
    use std::io;

    /// How it ends, and how often somebody was told, where each look finds one more until there are so many.
    fn with(signal: Signal, most: i32, answer: Result<(), Errno>) -> (Option<i32>, u32) {
        let (mut there, mut sent) = (0, 0);
        let find = || {
            there = most.min(there + 1);
            Ok((1..=there).filter_map(Pid::from_raw).collect())
        };
        let told = rounds(signal, find, |_| {
            sent += 1;
            answer
        });
        (told.err().map(|why| why.raw_os_error().unwrap()), sent)
    }

    #[test]
    fn all_are_told_or_it_is_said_that_they_are_not() {
        let number = |errno: Errno| Some(errno.raw_os_error());
        for (signal, most, answer, expected) in [
            (Signal::STOP, 3, Ok(()), (None, 3)),
            (Signal::STOP, i32::MAX, Ok(()), (number(Errno::AGAIN), ROUNDS_MAX)),
            (Signal::STOP, 3, Err(Errno::PERM), (number(Errno::PERM), 1)),
            (Signal::STOP, 3, Err(Errno::SRCH), (None, 1)),
            (Signal::CONT, i32::MAX, Ok(()), (None, 1)),
            (Signal::KILL, 1, Ok(()), (None, ROUNDS_MAX)),
            (Signal::KILL, 0, Ok(()), (None, 0)),
        ] {
            assert_eq!(with(signal, most, answer), expected, "{signal:?} {most} {answer:?}");
        }
        let lost = || Err(io::Error::from(io::ErrorKind::NotFound));
        for signal in [Signal::STOP, Signal::CONT, Signal::KILL] {
            let told = rounds(signal, lost, |_| Ok(())).unwrap_err();
            assert_eq!(told.kind(), io::ErrorKind::NotFound);
        }
    }
}
