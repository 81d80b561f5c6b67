//! The load: one thread, some connections, each with one request on its way at any time. One thread with epoll leaves
//! as much of a small machine as possible to the server.

use crate::http::{Parsed, parse};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, EventData, EventFlags},
    },
};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

/// An answer larger than this is not one that any scenario asks for.
const ANSWER_BYTES_MAX: usize = 80 << 20;
const QUIET_SECONDS_MAX: u64 = 20;
const CONNECT_SECONDS_MAX: u64 = 5;

/// When a run of load is over.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    pub(crate) time: Duration,
    /// Requests, at most.
    pub(crate) count: u64,
}

#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) answered: u64,
    pub(crate) took: Duration,
    /// Microseconds, sorted.
    pub(crate) latencies: Vec<u32>,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }

    /// The latency that this share (0 to 1) of the answers did not exceed, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    sent: Instant,
    /// Which step of a unit the request is.
    step: usize,
}

/// Makes the next request of the connection with this number from the step that was answered and its answer; returns it
/// with its step.
pub(crate) type Next<'n> = &'n mut dyn FnMut(usize, Option<(usize, &str)>) -> (Vec<u8>, usize);

/// Sends what `next` makes over `concurrency` connections until it is over; counts units of so many `steps`. An error
/// if anything but successes (2xx) comes back.
pub(crate) fn run(
    address: SocketAddr,
    concurrency: usize,
    until: Until,
    steps: usize,
    next: Next<'_>,
) -> Result<Outcome, String> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|why| why.to_string())?;
    let begun = Instant::now();
    let mut outcome = Outcome::default();
    let mut sent = 0;
    let mut connections = Vec::new();
    for index in 0..concurrency.min(usize::try_from(until.count).unwrap_or(usize::MAX)) {
        connections.push(open(address, &poll, index)?);
        let (request, step) = next(index, None);
        connections[index].step = step;
        send(&mut connections[index], &request)?;
        sent += 1;
    }
    let mut waiting = connections.len();
    let mut events = Vec::with_capacity(concurrency);
    let patience = Timespec { tv_sec: QUIET_SECONDS_MAX.cast_signed(), tv_nsec: 0 };
    while waiting > 0 {
        epoll::wait(&poll, spare_capacity(&mut events), Some(&patience)).map_err(|why| why.to_string())?;
        if events.is_empty() {
            return Err(format!("no answer within {QUIET_SECONDS_MAX} s"));
        }
        for event in events.drain(..) {
            let index = usize::try_from(event.data.u64()).unwrap_or_default();
            let connection = &mut connections[index];
            let Some((closes, body)) = receive(connection, &mut outcome)? else { continue };
            outcome.answered += u64::from(connection.step + 1 == steps);
            if sent >= until.count || begun.elapsed() >= until.time {
                // The server may close it now that it is idle, which is no longer our business.
                epoll::delete(&poll, &connection.stream).map_err(|why| why.to_string())?;
                waiting -= 1;
                continue;
            }
            // Only a following request asks what was answered.
            let answer = if steps > 1 { &connection.buffer[body..] } else { &[] };
            let answer = String::from_utf8_lossy(answer);
            let (request, step) = next(index, Some((connection.step, &answer)));
            if closes {
                *connection = open(address, &poll, index)?;
            }
            connection.step = step;
            send(connection, &request)?;
            sent += 1;
        }
    }
    outcome.took = begun.elapsed();
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

fn open(address: SocketAddr, poll: &OwnedFd, index: usize) -> Result<Connection, String> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(CONNECT_SECONDS_MAX));
    let stream = stream.map_err(|why| format!("connect: {why}"))?;
    let ready = stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true));
    ready.map_err(|why| why.to_string())?;
    epoll::add(poll, &stream, EventData::new_u64(index as u64), EventFlags::IN)
        .map_err(|why| why.to_string())?;
    Ok(Connection { stream, buffer: Vec::new(), sent: Instant::now(), step: 0 })
}

/// Nearly all requests are a few KiB and the connection is idle: the kernel takes them whole. Of the others the rest
/// waits here.
fn send(connection: &mut Connection, request: &[u8]) -> Result<(), String> {
    connection.buffer.clear();
    connection.sent = Instant::now();
    match connection.stream.write(request) {
        Ok(written) if written == request.len() => Ok(()),
        Ok(written) => {
            let stream = &mut connection.stream;
            let whole = stream
                .set_nonblocking(false)
                .and_then(|()| stream.write_all(&request[written..]))
                .and_then(|()| stream.set_nonblocking(true));
            whole.map_err(|why| format!("send: {why}"))
        }
        Err(why) => Err(format!("send: {why}")),
    }
}

/// Reads what is there. When the answer is whole, tells whether the server closes and where the body begins.
fn receive(connection: &mut Connection, outcome: &mut Outcome) -> Result<Option<(bool, usize)>, String> {
    let mut piece = [0; 128 << 10];
    let read = match connection.stream.read(&mut piece) {
        Ok(0) => return Err("the server closed within an answer".to_owned()),
        Ok(read) => read,
        Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(None),
        Err(why) => return Err(format!("receive: {why}")),
    };
    connection.buffer.extend_from_slice(&piece[..read]);
    match parse(&connection.buffer) {
        Parsed::Partly if connection.buffer.len() < ANSWER_BYTES_MAX => Ok(None),
        Parsed::Partly | Parsed::Broken => Err("what came is no answer".to_owned()),
        Parsed::Whole(answer) if !(200..300).contains(&answer.status) => {
            let body = String::from_utf8_lossy(&connection.buffer[answer.body_start..]);
            Err(format!("{}: {}", answer.status, shortened(&body)))
        }
        Parsed::Whole(answer) => {
            let micros = connection.sent.elapsed().as_micros();
            outcome.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
            Ok(Some((answer.closes, answer.body_start)))
        }
    }
}

/// One request on a connection of its own; the body of its success.
pub(crate) fn one(address: SocketAddr, request: &[u8]) -> Result<String, String> {
    let fail = |why: std::io::Error| why.to_string();
    let mut stream =
        TcpStream::connect_timeout(&address, Duration::from_secs(CONNECT_SECONDS_MAX)).map_err(fail)?;
    stream.set_read_timeout(Some(Duration::from_secs(QUIET_SECONDS_MAX))).map_err(fail)?;
    stream.write_all(request).map_err(fail)?;
    let mut buffer = Vec::new();
    let mut piece = [0; 32 << 10];
    loop {
        let read = stream.read(&mut piece).map_err(fail)?;
        buffer.extend_from_slice(&piece[..read]);
        match parse(&buffer) {
            Parsed::Whole(answer) => {
                let body = String::from_utf8_lossy(&buffer[answer.body_start..]).into_owned();
                let success = (200..300).contains(&answer.status);
                return if success {
                    Ok(body)
                } else {
                    Err(format!("{}: {}", answer.status, shortened(&body)))
                };
            }
            Parsed::Partly if read > 0 && buffer.len() < ANSWER_BYTES_MAX => {}
            _ => return Err("what came is no answer".to_owned()),
        }
    }
}

fn shortened(body: &str) -> String {
    body.chars().filter(|letter| !letter.is_control()).take(200).collect()
}
