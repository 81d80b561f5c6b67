//! An HTTP or HTTPS endpoint of a test's own on this machine, which the cloud calls.

use crate::harness::Cloud;
use crate::vpc_plane::on;
use kernel::outbound::{Client, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use virga::wiring::{self, Ground};

const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Endpoint {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

/// Who calls where nobody is trusted.
pub(crate) fn nobody() -> Arc<Client> {
    Client::new(Trust::nobody())
}

/// An authority of a test's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A cloud that trusts it.
    pub(crate) fn cloud(&self) -> Cloud {
        let pem = self.pem.clone();
        let client = Client::new(Trust::of(move || Ok(pem.clone())));
        on(Ground { client, ..wiring::simulated() })
    }

    fn certify(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key.into());
        Arc::new(config.unwrap())
    }
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
        Endpoint { listener, tls: None }
    }

    /// One that shows the authority's certificate for this name.
    pub(crate) fn secure(authority: &Authority, name: &str) -> Endpoint {
        Endpoint { tls: Some(authority.certify(name)), ..Endpoint::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.listener.local_addr().unwrap())
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
    pub(crate) fn listen(&self, count: usize) -> Vec<Called> {
        let mut taken = Vec::new();
        while taken.len() < count {
            match self.listener.accept() {
                Ok((stream, _)) => taken.extend(self.serve(stream, "200 OK\r\nContent-Length: 0", "")),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => panic!("{error}"),
            }
        }
        taken
    }

    /// The next call, which may come from a task of the cloud's: it is answered as [`Endpoint::answered`].
    pub(crate) fn wait(&self, cloud: &Cloud, head: &str, body: &str) -> Called {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => match self.serve(stream, head, body) {
                    Some(called) => return called,
                    None => continue,
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    cloud.reconcile();
                    std::thread::sleep(PAUSE);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn serve(&self, mut stream: TcpStream, head: &str, body: &str) -> Option<Called> {
        stream.set_nonblocking(false).unwrap();
        let Some(tls) = &self.tls else { return serve(&mut stream, head, body) };
        let secure = ServerConnection::new(Arc::clone(tls)).unwrap();
        serve(&mut StreamOwned::new(secure, stream), head, body)
    }

    /// As [`Endpoint::calls`], with an answer's head behind its version, and its body.
    pub(crate) fn answered(&self, cloud: &Cloud, head: &str, body: &str) -> Vec<Called> {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| {
                let mut calls = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    match self.listener.accept() {
                        Ok((stream, _)) => calls.extend(self.serve(stream, head, body)),
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

/// `None` where the other end does not trust this one.
fn serve(stream: &mut (impl Read + Write), head: &str, body: &str) -> Option<Called> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((own, rest)) = text.split_once("\r\n\r\n") else { continue };
        let called = Called { head: own.to_owned(), body: rest.to_owned() };
        let length: usize = called.header("Content-Length").map_or(0, |length| length.parse().unwrap());
        if called.body.len() >= length {
            stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n{body}").as_bytes()).unwrap();
            return Some(called);
        }
    }
}
