//! An HTTP endpoint of a test's own on this machine, which the cloud calls.

use crate::harness::Cloud;
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Endpoint {
    listener: TcpListener,
}

/// One call that came.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Called {
    /// The body as JSON.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Endpoint {
    pub(crate) fn new() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Endpoint { listener }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.local_addr().unwrap())
    }

    /// Runs the reconcilers once; the calls that came meanwhile, each of which was answered with this status.
    pub(crate) fn calls(&self, cloud: &Cloud, status: u16) -> Vec<Called> {
        self.answered(cloud, &format!("{status} X\r\nContent-Length: 0"), "")
    }

    /// The one call that came, as [`Endpoint::calls`].
    pub(crate) fn call(&self, cloud: &Cloud, status: u16) -> Called {
        let mut calls = self.calls(cloud, status);
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }

    /// Takes so many calls, whoever runs the reconcilers.
    pub(crate) fn listen(&self, count: usize) -> usize {
        let mut taken = 0;
        while taken < count {
            match self.listener.accept() {
                Ok((stream, _)) => drop(serve(stream, "200 OK\r\nContent-Length: 0", "")),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            taken += 1;
        }
        taken
    }

    /// As [`Endpoint::calls`], with an answer's head behind its version, and its body.
    pub(crate) fn answered(&self, cloud: &Cloud, head: &str, body: &str) -> Vec<Called> {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| {
                let mut calls = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    match self.listener.accept() {
                        Ok((stream, _)) => calls.push(serve(stream, head, body)),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                        Err(error) => panic!("{error}"),
                    }
                }
                calls
            });
            // Also when it panics, so that the thread ends.
            let end = Ended(&over);
            cloud.reconcile();
            drop(end);
            serving.join().unwrap()
        })
    }
}

struct Ended<'o>(&'o AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn serve(mut stream: TcpStream, head: &str, body: &str) -> Called {
    stream.set_nonblocking(false).unwrap();
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((own, rest)) = text.split_once("\r\n\r\n") else { continue };
        let called = Called { head: own.to_owned(), body: rest.to_owned() };
        let length: usize = called.header("Content-Length").map_or(0, |length| length.parse().unwrap());
        if called.body.len() >= length {
            stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n{body}").as_bytes()).unwrap();
            return called;
        }
    }
}
