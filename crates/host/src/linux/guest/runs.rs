//! Programs that are run in a guest from outside.
//!
//! ```text
//! who asks ── a process of ours in the machine's namespace ── keeper ── ports of the guest ── keep.sh
//! ```
//!
//! The process in between stands for the program: it has its exit code, and when it ends early the program is ended. It
//! hands its own output and errors on, and the keeper writes into them what the guest says.

use super::super::frame::{self, Put, Take};
use crate::guest::line;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// So many at a time; who comes later waits.
pub(super) const RUNS: usize = 4;
/// Where the keeper hears of them: in this network namespace, where nobody else is.
const ASKED: &[u8] = b"virga-runs";

/// The `main` of the process that stands for a program in a guest: the program and its arguments are its own.
pub(in super::super) fn stand_for(command: &[OsString]) -> ExitCode {
    let asked = || -> io::Result<u8> {
        let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let keeper = UnixStream::connect_addr(&SocketAddr::from_abstract_name(ASKED)?)?;
        let (out, err) = (io::stdout(), io::stderr());
        let body = Put::default().bytes(&line(&env, command)).0;
        frame::send(&keeper, 0, 0, &body, &[out.as_fd(), err.as_fd()])?;
        let answer = frame::receive(&keeper)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(u8::try_from(answer.word).unwrap_or(255))
    };
    asked().map_or(ExitCode::from(255), ExitCode::from)
}

/// One of the guest's places for programs: the keeper's ends of its ports.
#[derive(Debug)]
struct Run {
    number: usize,
    told: UnixStream,
    answers: BufReader<UnixStream>,
    said: [UnixStream; 2],
    orders: Arc<Mutex<UnixStream>>,
}

/// Makes the places; QEMU's ends of their ports.
pub(super) fn start(orders: &Arc<Mutex<UnixStream>>) -> io::Result<Vec<[OwnedFd; 3]>> {
    let listener = Arc::new(UnixListener::bind_addr(&SocketAddr::from_abstract_name(ASKED)?)?);
    let mut ends = Vec::new();
    for number in 0..RUNS {
        let (told, run) = UnixStream::pair()?;
        let ((out, said), (err, complained)) = (UnixStream::pair()?, UnixStream::pair()?);
        let answers = BufReader::new(told.try_clone()?);
        let mut place = Run { number, told, answers, said: [out, err], orders: Arc::clone(orders) };
        let listener = Arc::clone(&listener);
        thread::Builder::new().name("run".into()).spawn(move || {
            let mut count = 0_u64;
            while let Ok((who, _)) = listener.accept() {
                count += 1;
                if place.serve(&who, count).is_err() {
                    return;
                }
            }
        })?;
        ends.push([run.into(), said.into(), complained.into()]);
    }
    Ok(ends)
}

impl Run {
    /// Runs one program. Who asks in another way is not answered; an error is the end of the place.
    fn serve(&mut self, who: &UnixStream, count: u64) -> io::Result<()> {
        let Ok(Some(frame)) = frame::receive(who) else { return Ok(()) };
        let Ok(line) = Take(&frame.body).bytes().map(<[u8]>::to_vec) else { return Ok(()) };
        let mut outputs = frame.descriptors.into_iter().map(File::from);
        let (Some(out), Some(err)) = (outputs.next(), outputs.next()) else { return Ok(()) };
        let Run { number, told, answers, said: [said, complained], orders } = self;
        // Without a space or a new line, and nothing that a program says.
        let mark = format!("\u{1e}virga-{number}-{count}\u{1e}");
        told.write_all(&[mark.as_bytes(), b" ", &line, b"\n"].concat())?;
        let done = AtomicBool::new(false);
        let code = thread::scope(|scope| {
            scope.spawn(|| watch(who, &done, *number, orders));
            let out = scope.spawn(|| between(said, out, mark.as_bytes()));
            let err = scope.spawn(|| between(complained, err, mark.as_bytes()));
            let both = [out, err].map(|stream| matches!(stream.join(), Ok(Ok(()))));
            let mut answer = String::new();
            let read = answers.read_line(&mut answer);
            done.store(true, Ordering::SeqCst);
            let code = answer.trim().parse::<u32>().ok().filter(|_| both == [true; 2]);
            if let Some(code) = code {
                let _ = frame::send(who, 0, code, &[], &[]);
            }
            let _ = who.shutdown(std::net::Shutdown::Both);
            read.map(|_| code)
        })?;
        code.ok_or(io::ErrorKind::InvalidData)?;
        told.write_all(b"go\n")
    }
}

/// Ends the program when who asked for it is gone.
fn watch(mut who: &UnixStream, done: &AtomicBool, number: usize, orders: &Mutex<UnixStream>) {
    // Nobody says anything more: it is the end, ours or theirs.
    let _ = who.read(&mut [0]);
    if !done.load(Ordering::SeqCst) {
        let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(orders, "kill {number}");
    }
}

/// Copies what stands between two marks, as it comes. Who hears no more does not hold the program.
fn between(from: &mut impl Read, mut to: impl Write, mark: &[u8]) -> io::Result<()> {
    let mut held: Vec<u8> = Vec::new();
    let (mut begun, mut buffer) = (false, vec![0; 64 << 10]);
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        held.extend_from_slice(&buffer[..length]);
        while let Some(at) = held.windows(mark.len()).position(|part| part == mark) {
            let before = held.drain(..at + mark.len());
            if begun {
                let _ = to.write_all(&before.as_slice()[..at]);
                return Ok(());
            }
            begun = true;
        }
        // The end may be the beginning of a mark.
        let sure = held.drain(..held.len().saturating_sub(mark.len() - 1));
        if begun {
            let _ = to.write_all(sure.as_slice());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says one byte at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn what_stands_between_the_marks_comes() {
        for (said, expected) in [
            (&b"left over<m>hello\n<m>late"[..], Some(&b"hello\n"[..])),
            (b"<m><m>", Some(b"")),
            (b"<m>a <m b<m>", Some(b"a <m b")),
            (b"<m>cut", None),
        ] {
            for slowly in [false, true] {
                let mut out = Vec::new();
                let done = match slowly {
                    true => between(&mut Slowly(said), &mut out, b"<m>"),
                    false => between(&mut &said[..], &mut out, b"<m>"),
                };
                assert_eq!(done.ok().map(|()| out.as_slice()), expected, "{said:?}");
            }
        }
    }
}
