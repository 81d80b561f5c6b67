//! The way in for machines: by the addresses that the cloud has on its own internet, in the clear and by TLS.
//!
//! Machines run strangers' code, so they have room of their own: what they can fill is not the developer's.

use super::Gateway;
use ec2::front::{Door, Entrance};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// From all machines.
const CONNECTIONS_MAX: usize = 1_024;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of a data plane may take to be noticed.
const LOOK: Duration = Duration::from_secs(2);

impl Gateway {
    /// Serves what machines ask.
    pub(crate) fn front(self: &Arc<Self>, door: &Door, tls: &Arc<ServerConfig>) {
        let (gateway, acceptor) = (Arc::downgrade(self), TlsAcceptor::from(Arc::clone(tls)));
        let (runtime, slots) = (Handle::current(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        door.open(Box::new(move |entrance| {
            if let Some(gateway) = gateway.upgrade() {
                let acceptor = entrance.tls.then(|| acceptor.clone());
                runtime.spawn(gateway.admit(entrance, acceptor, Arc::clone(&slots)));
            }
        }));
    }

    async fn admit(
        self: Arc<Self>,
        entrance: Entrance,
        acceptor: Option<TlsAcceptor>,
        slots: Arc<Semaphore>,
    ) {
        let Entrance { listener, closed, .. } = entrance;
        let listener = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        let Ok(listener) = listener else { return };
        let mut stopped = self.stop.subscribe();
        while !closed.load(Ordering::Relaxed) {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = tokio::time::sleep(LOOK) => continue,
                _ = stopped.wait_for(|stop| *stop) => break,
            };
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(LOOK).await;
                continue;
            };
            // Who comes when all is full is turned away: it would wait for others like it.
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
            let (gateway, acceptor) = (Arc::clone(&self), acceptor.clone());
            tokio::spawn(async move {
                gateway.enter(stream, peer, acceptor).await;
                drop(slot);
            });
        }
    }

    async fn enter(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, acceptor: Option<TlsAcceptor>) {
        let Some(acceptor) = acceptor else { return self.connection(stream, peer).await };
        let _ = stream.set_nodelay(true);
        // Who shakes no hand in time, or asks for somebody else's name, is its own affair.
        if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            self.converse(stream, peer, true).await;
        }
    }
}
