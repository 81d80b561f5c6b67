//! Serving the disk of a machine: what the kernel asks about the file that [`Driver::plug`](crate::Driver::plug) made.
//!
//! The kernel asks by FUSE. The file is all that there is, so there are few questions. Programs see a regular file of the
//! disk's size that cannot be cut or extended; truncating it changes nothing, as with a disk.
//!
//! A write is answered when the disk has it, and is safe after the next flush: when a program asks for it or closes the
//! file, and otherwise as soon as nothing has come for a moment ([`IDLE`]).

use crate::fuse::{Out, PAGE, Request, WRITE_MAX, init, op, u32_at, u64_at, whole};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is served. It is told to read and write within its size only.
pub trait Disk: Send {
    fn size(&self) -> u64;

    /// # Errors
    /// The disk's; programs get `EIO`.
    fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()>;

    /// # Errors
    /// As [`Disk::read`].
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes zeros of a range.
    ///
    /// # Errors
    /// As [`Disk::read`].
    fn discard(&mut self, at: u64, length: u64) -> io::Result<()>;

    /// Returns when all that was written is safe.
    ///
    /// # Errors
    /// As [`Disk::read`].
    fn flush(&mut self) -> io::Result<()>;

    /// Whether there is something to be flushed.
    fn is_dirty(&self) -> bool;
}

/// Without a request for so long, what was written is flushed.
pub const IDLE: Duration = Duration::from_millis(100);

/// How a disk is served, and what it has done.
#[derive(Debug, Default)]
pub struct Switch {
    /// No longer.
    pub stop: AtomicBool,
    /// What is read or written waits.
    pub pause: AtomicBool,
    tally: Mutex<Tally>,
}

/// What was read, or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    pub operations: u64,
    pub bytes: u64,
    /// Operations, where one of more than 256 KiB is as many as that makes of it.
    pub units: u64,
    /// Of all operations together, from when they came here.
    pub time: Duration,
}

/// What a disk has done since it is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub read: Way,
    pub written: Way,
    /// How long there was something to read or to write.
    pub busy: Duration,
    /// Something waits because it pauses.
    pub waits: bool,
}

#[derive(Debug, Default)]
struct Tally {
    done: Done,
    /// Until when what it was busy with is counted.
    counted: Option<Instant>,
    /// Since when something waits.
    waits: Option<Instant>,
}

impl Tally {
    fn is_busy(&mut self, from: Instant, until: Instant) {
        let from = self.counted.map_or(from, |counted| counted.max(from));
        self.done.busy += until.saturating_duration_since(from);
        self.counted = Some(from.max(until));
    }

    /// An operation that came then was answered.
    fn did(&mut self, asked: &Request<'_>, said: &[u8], came: Instant, now: Instant) {
        const UNIT: u64 = 256 << 10;
        let (way, bytes) = match asked.operation {
            op::READ => (&mut self.done.read, said.len().saturating_sub(16) as u64),
            op::WRITE => (&mut self.done.written, u64::from(u32_at(asked.body, 16))),
            _ => return,
        };
        if u32_at(said, 4) == 0 {
            way.operations += 1;
            way.bytes += bytes;
            way.units += bytes.div_ceil(UNIT).max(1);
            way.time += now.saturating_duration_since(came);
        }
        self.is_busy(came, now);
    }
}

impl Switch {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has done until now.
    pub fn done(&self) -> Done {
        let mut tally = self.tally();
        if let Some(since) = tally.waits {
            tally.is_busy(since, Instant::now());
        }
        Done { waits: tally.waits.is_some(), ..tally.done }
    }
}

/// Serves until the machine has no such disk any more, or it is to stop; then all is flushed.
///
/// # Errors
/// The channel's; those of the last flush.
pub fn serve<D: Disk + ?Sized>(channel: &OwnedFd, disk: &Mutex<D>, switch: &Switch) -> io::Result<()> {
    let mut held = Held::default();
    let lock = || disk.lock().unwrap_or_else(PoisonError::into_inner);
    let mut buffer = vec![0; WRITE_MAX + PAGE];
    loop {
        if switch.stop.load(Ordering::Relaxed) {
            return lock().flush();
        }
        let pauses = switch.pause.load(Ordering::Relaxed);
        // What comes is taken at once, so that how long it waits for its turn is known.
        match take(channel, &mut buffer, if pauses || held.is_empty() { IDLE } else { Duration::ZERO })? {
            Taken::Nothing if pauses => {}
            Taken::Nothing if held.is_empty() => {
                let mut disk = lock();
                if disk.is_dirty() {
                    // The next program that asks for it is told what is wrong.
                    let _ = disk.flush();
                }
            }
            Taken::Nothing => {
                let Some((came, waited)) = held.next() else { continue };
                let Some(asked) = Request::read(&waited) else { continue };
                let said = answer(&asked, &mut *lock());
                said.iter().for_each(|said| switch.tally().did(&asked, said, came, Instant::now()));
                if !said.is_none_or(|said| say(channel, &said)) {
                    return lock().flush();
                }
            }
            Taken::Retry => continue,
            Taken::End => return lock().flush(),
            Taken::Request(length) => {
                let Some(asked) = Request::read(&buffer[..length]) else { continue };
                let said = match asked.operation {
                    _ if is_io(&asked) => {
                        held.keep(Instant::now(), buffer[..length].to_vec());
                        None
                    }
                    op::INTERRUPT if pauses => held.give_up(u64_at(asked.body, 0)),
                    _ => answer(&asked, &mut *lock()),
                };
                if !said.is_none_or(|said| say(channel, &said)) {
                    return lock().flush();
                }
            }
        }
        switch.tally().waits = held.first().filter(|_| pauses);
    }
}

/// What has come by a channel.
enum Taken {
    Nothing,
    /// One that was taken back, or a signal.
    Retry,
    /// It is no longer mounted anywhere.
    End,
    /// Of this length.
    Request(usize),
}

fn take(channel: &OwnedFd, buffer: &mut [u8], patience: Duration) -> io::Result<Taken> {
    let patience = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(channel, PollFlags::IN)], Some(&patience)) {
        Ok(0) => return Ok(Taken::Nothing),
        Ok(_) | Err(Errno::INTR) => {}
        Err(why) => return Err(why.into()),
    }
    match rustix::io::read(channel, buffer) {
        Ok(length) => Ok(Taken::Request(length)),
        Err(Errno::NOENT | Errno::INTR | Errno::AGAIN) => Ok(Taken::Retry),
        Err(Errno::NODEV) => Ok(Taken::End),
        Err(why) => Err(why.into()),
    }
}

/// Whether somebody is there who may have heard it.
fn say(channel: &OwnedFd, said: &[u8]) -> bool {
    // Or whoever asked is gone.
    matches!(rustix::io::write(channel, said), Ok(_) | Err(Errno::NOENT))
}

/// Requests that wait, in the order in which they came.
#[derive(Default)]
struct Held(VecDeque<(Instant, Vec<u8>)>);

impl Held {
    fn keep(&mut self, came: Instant, request: Vec<u8>) {
        self.0.push_back((came, request));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn next(&mut self) -> Option<(Instant, Vec<u8>)> {
        self.0.pop_front()
    }

    /// When the first of them came.
    fn first(&self) -> Option<Instant> {
        self.0.front().map(|(came, _)| *came)
    }

    /// Whoever asked is to end, or does not want to wait: the answer that lets it.
    fn give_up(&mut self, unique: u64) -> Option<Vec<u8>> {
        let at = self.0.iter().position(|(_, held)| u64_at(held, 8) == unique)?;
        self.0.remove(at);
        whole(unique, Err(Errno::INTR))
    }
}

/// Whether the disk itself has to do with it.
fn is_io(asked: &Request<'_>) -> bool {
    matches!(asked.operation, op::READ | op::WRITE | op::FALLOCATE | op::FSYNC | op::FLUSH)
}

fn attributes(size: u64) -> Out {
    const MODE: u32 = 0o100_660;
    // Valid for ever but for the size, which may grow: so for a second.
    let head = Out::default().u64(1).u32(0).u32(0);
    let sizes = head.u64(1).u64(size).u64(size / 512);
    // Times and their parts; mode, links, owner, group, device, block, flags.
    sizes.zeros(24 + 12).u32(MODE).u32(1).zeros(12).u32(PAGE as u32).u32(0)
}

/// What the disk makes of a request: a body, or an error's number.
fn obey<D: Disk + ?Sized>(asked: &Request<'_>, disk: &mut D) -> Result<Out, Errno> {
    // What the disk itself says stands in the log.
    let io = |_| Errno::IO;
    let size = disk.size();
    match asked.operation {
        op::INIT => Ok(init()),
        op::GETATTR => Ok(attributes(size)),
        op::SETATTR => {
            const OWNERS_AND_MODE: u32 = 1 | 2 | 4;
            match u32_at(asked.body, 0) & OWNERS_AND_MODE {
                0 => Ok(attributes(size)),
                _ => Err(Errno::PERM),
            }
        }
        op::OPEN => {
            const KEEP_CACHE: u32 = 2;
            Ok(Out::default().u64(0).u32(KEEP_CACHE).u32(0))
        }
        op::READ => {
            let at = u64_at(asked.body, 8).min(size);
            let length = u64::from(u32_at(asked.body, 16)).min(size - at).min(WRITE_MAX as u64);
            let mut out = vec![0; usize::try_from(length).map_err(|_| Errno::INVAL)?];
            disk.read(at, &mut out).map_err(io)?;
            Ok(Out(out))
        }
        op::WRITE => {
            let (at, length) = (u64_at(asked.body, 8), u32_at(asked.body, 16));
            let bytes = asked.body.get(40..40 + length as usize).ok_or(Errno::INVAL)?;
            if at.checked_add(u64::from(length)).is_none_or(|end| end > size) {
                return Err(Errno::NOSPC);
            }
            disk.write(at, bytes).map_err(io)?;
            Ok(Out::default().u32(length).u32(0))
        }
        op::FALLOCATE => {
            const PUNCH_HOLE: u32 = 2;
            const ZERO_RANGE: u32 = 16;
            if u32_at(asked.body, 24) & (PUNCH_HOLE | ZERO_RANGE) == 0 {
                return Err(Errno::OPNOTSUPP);
            }
            let at = u64_at(asked.body, 8).min(size);
            disk.discard(at, u64_at(asked.body, 16).min(size - at)).map_err(io)?;
            Ok(Out::default())
        }
        op::STATFS => Ok(Out::default().zeros(40).u32(PAGE as u32).u32(255).u32(PAGE as u32).zeros(28)),
        op::FSYNC | op::FLUSH => disk.flush().map(|()| Out::default()).map_err(io),
        op::RELEASE | op::DESTROY => Ok(Out::default()),
        op::IOCTL => Err(Errno::NOTTY),
        _ => Err(Errno::NOSYS),
    }
}

/// The whole answer; none to what wants none.
fn answer<D: Disk + ?Sized>(asked: &Request<'_>, disk: &mut D) -> Option<Vec<u8>> {
    if matches!(asked.operation, op::FORGET | op::BATCH_FORGET | op::INTERRUPT) {
        return None;
    }
    whole(asked.unique, obey(asked, disk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuse::HEAD;

    struct Bytes(Vec<u8>, bool);

    impl Disk for Bytes {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
            out.copy_from_slice(&self.0[at as usize..][..out.len()]);
            Ok(())
        }

        fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
            self.0[at as usize..][..bytes.len()].copy_from_slice(bytes);
            self.1 = true;
            Ok(())
        }

        fn discard(&mut self, at: u64, length: u64) -> io::Result<()> {
            self.0[at as usize..][..length as usize].fill(0);
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.1 = false;
            Ok(())
        }

        fn is_dirty(&self) -> bool {
            self.1
        }
    }

    fn ask(disk: &mut Bytes, operation: u32, body: Vec<u8>) -> (i32, Vec<u8>) {
        let head = Out::default().u32((HEAD + body.len()) as u32).u32(operation).u64(7).zeros(24).0;
        let whole = [head, body].concat();
        let said = answer(&Request::read(&whole).unwrap(), disk).unwrap();
        assert_eq!((u32_at(&said, 0) as usize, u64_at(&said, 8)), (said.len(), 7));
        (u32_at(&said, 4).cast_signed(), said[16..].to_vec())
    }

    fn range(at: u64, length: u32) -> Vec<u8> {
        Out::default().u64(0).u64(at).u32(length).zeros(20).0
    }

    #[test]
    fn a_disk_is_read_and_written_within_its_size() {
        let mut disk = Bytes(vec![1; 8192], false);
        assert_eq!(ask(&mut disk, op::INIT, vec![0; 64]).1.len(), 64);
        let (_, said) = ask(&mut disk, op::GETATTR, vec![0; 16]);
        assert_eq!((said.len(), u64_at(&said, 24)), (104, 8192));
        assert_eq!(ask(&mut disk, op::STATFS, Vec::new()).1.len(), 80);
        let write = |at, bytes: &[u8]| [range(at, bytes.len() as u32), bytes.to_vec()].concat();
        assert_eq!(ask(&mut disk, op::WRITE, write(8190, b"xy")), (0, vec![2, 0, 0, 0, 0, 0, 0, 0]));
        assert!(disk.is_dirty());
        assert_eq!(ask(&mut disk, op::WRITE, write(8191, b"xy")).0, -Errno::NOSPC.raw_os_error());
        assert_eq!(ask(&mut disk, op::READ, range(8189, 100)), (0, b"\x01xy".to_vec()));
        assert_eq!(ask(&mut disk, op::READ, range(u64::MAX, 100)), (0, Vec::new()));
        let hole = Out::default().u64(0).u64(0).u64(4).u32(3).u32(0).0;
        assert_eq!(ask(&mut disk, op::FALLOCATE, hole).0, 0);
        assert_eq!(&disk.0[..5], &[0, 0, 0, 0, 1]);
        assert_eq!(ask(&mut disk, op::FSYNC, vec![0; 16]).0, 0);
        assert!(!disk.is_dirty());
        // To be cut changes nothing; to be given away is refused.
        assert_eq!(u64_at(&ask(&mut disk, op::SETATTR, Out::default().u32(8).zeros(84).0).1, 24), 8192);
        assert_eq!(
            ask(&mut disk, op::SETATTR, Out::default().u32(1).zeros(84).0).0,
            -Errno::PERM.raw_os_error()
        );
        assert_eq!(ask(&mut disk, 999, Vec::new()).0, -Errno::NOSYS.raw_os_error());
    }

    #[test]
    fn a_torn_request_is_none() {
        assert!(Request::read(&[0; HEAD - 1]).is_none());
        let mut disk = Bytes(vec![1; 4096], false);
        let short = Out::default().u32(100).u32(op::WRITE).u64(1).zeros(24).u64(0).u64(0).u32(4000).0;
        let said = answer(&Request::read(&short).unwrap(), &mut disk).unwrap();
        assert_eq!(u32_at(&said, 4).cast_signed(), -Errno::INVAL.raw_os_error());
    }

    #[test]
    fn what_waits_may_be_given_up() {
        let request = |unique: u64| Out::default().u32(HEAD as u32).u32(op::READ).u64(unique).zeros(24).0;
        let mut held = Held::default();
        let now = Instant::now();
        [1, 2, 3].into_iter().for_each(|unique| held.keep(now, request(unique)));
        let said = held.give_up(2).unwrap();
        assert_eq!((u32_at(&said, 4).cast_signed(), u64_at(&said, 8)), (-Errno::INTR.raw_os_error(), 2));
        assert!(held.give_up(2).is_none());
        let left: Vec<u64> = std::iter::from_fn(|| held.next()).map(|(_, one)| u64_at(&one, 8)).collect();
        assert_eq!(left, [1, 3]);
        assert!(is_io(&Request::read(&request(1)).unwrap()));
    }

    #[test]
    fn what_it_did_is_counted() {
        let (came, second) = (Instant::now(), Duration::from_secs(1));
        let mut tally = Tally::default();
        let mut did = |operation, length: u32, error: u32, from: u32, until: u32| {
            let request = [Out::default().zeros(40).0, range(0, length)].concat();
            let asked = Request { operation, ..Request::read(&request).unwrap() };
            let body = if operation == op::READ { length as usize } else { 0 };
            let said = Out::default().u32(0).u32(error).u64(0).zeros(body).0;
            tally.did(&asked, &said, came + second * from, came + second * until);
        };
        did(op::READ, 4096, 0, 0, 2);
        did(op::WRITE, 300 << 10, 0, 1, 4);
        did(op::WRITE, 1, 5, 10, 11);
        did(op::GETATTR, 1, 0, 20, 30);
        let read = Way { operations: 1, bytes: 4096, units: 1, time: second * 2 };
        let written = Way { operations: 1, bytes: 300 << 10, units: 2, time: second * 3 };
        assert_eq!(tally.done, Done { read, written, busy: second * 5, waits: false });
    }
}
