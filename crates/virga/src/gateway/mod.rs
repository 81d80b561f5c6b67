//! The sockets: accepts connections, reads heads and bodies within limits, hands each request to the kernel.
//!
//! Nothing here knows a service. What a stranger can send is bounded: the head by [`HEAD_BYTES_MAX`], its arrival by
//! [`HEAD_TIMEOUT`], the body by what the kernel says for its service, each piece of it by [`BODY_IDLE_TIMEOUT`], and
//! the connections by [`CONNECTIONS_MAX`].

mod answer;
mod az;
mod body;
mod brief;
mod cipher;
pub(crate) mod exec;
mod front;
mod internal;
mod mailbox;
mod mfa;
mod partner;
mod path;
mod spot;
pub(crate) mod tunnel;
mod usage;

pub(crate) use internal::is_loopback_name;
pub(crate) use usage::By;

use crate::authority::Authority;
use bytes::BytesMut;
use ec2::front::Gate;
use http::header::{CONNECTION, EXPECT, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use kernel::body::Cut;
use kernel::{Cloud, Content, Peer, Tls};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// AWS's own front ends refuse heads somewhat above 16 KiB; session tokens and metadata need room.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 200;
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// The first byte of a TLS connection (RFC 8446, section 5.1), and of no HTTP request.
const TLS_HANDSHAKE: u8 = 22;
const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Bodies that follow their heads come at once, or are not read as requests that come whole.
const BODY_PATIENCE: Duration = Duration::from_millis(500);
const CONNECTIONS_MAX: usize = 4096;
/// Who functions are, and the cloud itself where it calls for its users: an address that is nobody's.
const INSIDERS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 100, 1)), 0);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that a connection needs, shared by all of them.
pub(crate) struct Gateway {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) endpoint: String,
    /// How TLS is spoken with those who wish to, and whom they are to trust then.
    pub(crate) tls: TlsAcceptor,
    pub(crate) authority: Arc<Authority>,
    pub(crate) stop: watch::Sender<bool>,
}

impl Gateway {
    /// Serves until `stop` turns true, then lets running requests finish.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut stopped = self.stop.subscribe();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopped.wait_for(|stop| *stop) => break,
            };
            let (stream, peer) = match accepted {
                Ok(pair) => pair,
                Err(error) => {
                    // Out of descriptors, mostly: wait for some to close rather than spin.
                    kernel::log::warn("a connection could not be accepted", &[("error", &error.to_string())]);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot,
                _ = stopped.wait_for(|stop| *stop) => break,
            };
            let Ok(slot) = slot else { break };
            let gateway = Arc::clone(&self);
            tokio::spawn(async move {
                gateway.arrive(stream, peer).await;
                drop(slot);
            });
        }
        drop(listener);
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, slots.acquire_many(all)).await;
    }

    /// Lets functions in, by connections that come from no address of this machine's: what is for loopback only is not
    /// for them.
    pub(crate) fn open(self: &Arc<Self>, port: u16, door: &compute::lambda::workshop::Door) {
        let gateway = Arc::downgrade(self);
        let enter = move |stream| {
            if let Some(gateway) = gateway.upgrade() {
                tokio::spawn(async move { gateway.arrive(stream, INSIDERS).await });
            }
        };
        door.open(port, Box::new(enter));
    }

    /// One port for both: what begins as TLS does is TLS.
    async fn arrive(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let (mut first, mut stopped) = ([0], self.stop.subscribe());
        let peeked = tokio::select! {
            peeked = tokio::time::timeout(HEAD_TIMEOUT, stream.peek(&mut first)) => peeked,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        match peeked {
            Ok(Ok(1)) if first == [TLS_HANDSHAKE] => self.secured(stream, peer).await,
            Ok(Ok(_)) => self.connection(stream, peer).await,
            // Who says nothing, or goes away, has nothing to be told.
            _ => {}
        }
    }

    async fn secured(self: &Arc<Self>, stream: TcpStream, peer: impl Into<Guest>) {
        let _ = stream.set_nodelay(true);
        // Who shakes no hand in time, or asks for somebody else's name, is its own affair.
        if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, self.tls.accept(stream)).await {
            let tls = cipher::of(stream.get_ref().1);
            self.converse(stream, peer.into(), tls).await;
        }
    }

    async fn connection(self: &Arc<Self>, stream: TcpStream, peer: impl Into<Guest>) {
        // Replies are small and written whole; waiting for more to send only adds latency.
        let _ = stream.set_nodelay(true);
        self.converse(stream, peer.into(), None).await;
    }

    /// Answers what comes whole, and leaves the rest to hyper.
    async fn converse(
        self: &Arc<Self>,
        mut stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        guest: Guest,
        tls: Option<Tls>,
    ) {
        let mut stop = self.stop.subscribe();
        let stopped = self.stop.subscribe();
        let mut stopping = std::pin::pin!(stop.wait_for(|stop| *stop));
        let mut patience = std::pin::pin!(tokio::time::sleep(HEAD_TIMEOUT));
        let (mut buffer, mut out) = (BytesMut::new(), Vec::new());
        let (mut until, mut reads) = (Instant::now() + HEAD_TIMEOUT, 0);
        loop {
            let is_body = match brief::take(&mut buffer) {
                brief::Seen::Whole(parts, body) => {
                    let to_head = parts.method == Method::HEAD;
                    let response = self.request(&parts, body.into(), guest.clone(), tls).await;
                    let (last, now) = (*stopped.borrow(), self.cloud.wall_now());
                    // A client that goes away is its own affair.
                    match answer::write(&mut stream, response, to_head, last, now, &mut out).await {
                        Ok(true) => (until, reads) = (Instant::now() + HEAD_TIMEOUT, 0),
                        Ok(false) => return drop(stream.shutdown().await),
                        Err(_) => return,
                    }
                    continue;
                }
                brief::Seen::Part { head } if reads < brief::READS_MAX => head,
                brief::Seen::Part { .. } | brief::Seen::Other => break,
            };
            if is_body {
                until = Instant::now() + BODY_PATIENCE;
                patience.as_mut().reset(until);
            }
            buffer.reserve(brief::READ_BYTES);
            let mut read = std::pin::pin!(stream.read_buf(&mut buffer));
            let read = std::future::poll_fn(|cx| {
                if let Poll::Ready(read) = read.as_mut().poll(cx) {
                    return Poll::Ready(Some(read));
                }
                if stopping.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                // It was set for an earlier request, mostly: to set it for each would cost more than to look.
                while patience.as_mut().poll(cx).is_ready() {
                    if until <= Instant::now() {
                        return Poll::Ready(None);
                    }
                    patience.as_mut().reset(until);
                }
                Poll::Pending
            });
            match read.await {
                // Who closes its side with a request half said has that answered by hyper, too.
                Some(Ok(0)) if buffer.is_empty() => return,
                Some(Ok(0)) => break,
                Some(Ok(_)) => reads += 1,
                // Bodies that are slow to come are waited for there.
                None if is_body && !*stopped.borrow() => break,
                Some(Err(_)) | None => return,
            }
        }
        self.converse_at_length(brief::Rewound::new(buffer, stream), guest, tls).await;
    }

    async fn converse_at_length(
        self: &Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        guest: Guest,
        tls: Option<Tls>,
    ) {
        let gateway = Arc::clone(self);
        let service = hyper::service::service_fn(move |request| {
            let (gateway, guest) = (Arc::clone(&gateway), guest.clone());
            async move { Ok::<_, Infallible>(gateway.request_at_length(request, guest, tls).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            // Who has sent a whole request and closes that side still waits for the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let mut stopped = self.stop.subscribe();
        tokio::select! {
            // A client that goes away or speaks no HTTP is its own affair.
            _ = connection.as_mut() => return,
            _ = stopped.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn request_at_length(
        &self,
        request: http::Request<Incoming>,
        guest: Guest,
        tls: Option<Tls>,
    ) -> Response<Answered> {
        if request.uri().path() == tunnel::PATH {
            let peer = self.peer(request.headers(), guest.peer);
            return tunnel::answer(self, request, peer).await;
        }
        let (parts, body) = request.into_parts();
        let asks = parts.headers.get(EXPECT).is_some_and(|value| value.as_bytes() == b"100-continue");
        let invited = asks.then(body::Invited::default);
        let incoming = body::incoming(body, BODY_IDLE_TIMEOUT, invited.clone());
        let mut response = self.request(&parts, incoming, guest, tls).await;
        if invited.is_some_and(|invited| !invited.load(Ordering::Relaxed)) {
            // Whether the body still comes is open; and botocore takes the next answer on the connection for this one.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// What the cloud calls for its users comes from this machine, too, and goes wherever they want.
    fn peer(&self, headers: &HeaderMap, peer: SocketAddr) -> SocketAddr {
        let mut agents = headers.get_all(USER_AGENT).iter();
        let is_own = agents.any(|agent| agent.to_str().is_ok_and(kernel::outbound::is_own_call));
        if is_own { INSIDERS } else { peer }
    }

    async fn request(
        &self,
        parts: &Parts,
        incoming: kernel::Incoming,
        Guest { peer, gate }: Guest,
        tls: Option<Tls>,
    ) -> Response<Answered> {
        let peer = self.peer(&parts.headers, peer);
        if internal::is_internal(parts.uri.path()) {
            return internal::answer(self, parts, incoming, peer).await;
        }
        let mut peer = Peer::at(peer.ip(), tls);
        if let Some(gate) = gate {
            match network::vpc::way::of(&self.cloud, &gate, peer.address) {
                Ok(Some(way)) => peer.way = Some(Arc::new(way)),
                // The endpoint is gone, and with it who came by it.
                Ok(None) => return closed(StatusCode::FORBIDDEN),
                Err(_) => return closed(StatusCode::INTERNAL_SERVER_ERROR),
            }
        }
        let reply = self.cloud.serve(parts, incoming, peer).await;
        response(reply.status, reply.headers, reply.content)
    }
}

/// Who is at the other end, and by which gate of a VPC.
#[derive(Clone, Debug)]
struct Guest {
    peer: SocketAddr,
    gate: Option<Arc<Gate>>,
}

impl From<SocketAddr> for Guest {
    fn from(peer: SocketAddr) -> Guest {
        Guest { peer, gate: None }
    }
}

/// The last answer on a connection.
fn closed(status: StatusCode) -> Response<Answered> {
    let mut response = response(status.as_u16(), HeaderMap::new(), Content::Whole(bytes::Bytes::new()));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Whole answers need no box.
type Answered = Either<Full<bytes::Bytes>, UnsyncBoxBody<bytes::Bytes, Cut>>;

fn response(status: u16, headers: HeaderMap, content: Content) -> Response<Answered> {
    let mut response = Response::new(match content {
        Content::Whole(bytes) => Either::Left(Full::new(bytes)),
        Content::Stream(stream) => Either::Right(stream),
    });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
