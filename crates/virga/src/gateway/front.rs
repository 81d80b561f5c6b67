//! The way in for machines: by the addresses that the cloud has on its own internet and behind the endpoints of VPCs, in
//! the clear and by TLS.
//!
//! Machines run strangers' code, so they have room of their own: what they can fill is not the developer's.

use super::{Gateway, Guest};
use ec2::front::{Door, Entrance};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// From all machines.
const CONNECTIONS_MAX: usize = 1_024;
/// How long the end of a data plane may take to be noticed.
const LOOK: Duration = Duration::from_secs(2);

impl Gateway {
    /// Serves what machines ask.
    pub(crate) fn front(self: &Arc<Self>, door: &Door) {
        let gateway = Arc::downgrade(self);
        let (runtime, slots) = (Handle::current(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        door.open(Box::new(move |entrance| {
            if let Some(gateway) = gateway.upgrade() {
                runtime.spawn(gateway.admit(entrance, Arc::clone(&slots)));
            }
        }));
    }

    async fn admit(self: Arc<Self>, entrance: Entrance, slots: Arc<Semaphore>) {
        let Entrance { listener, tls, closed, gate } = entrance;
        let gate = gate.map(Arc::new);
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
            let (gateway, guest) = (Arc::clone(&self), Guest { peer, gate: gate.clone() });
            tokio::spawn(async move {
                if tls {
                    gateway.secured(stream, guest).await;
                } else {
                    gateway.connection(stream, guest).await;
                }
                drop(slot);
            });
        }
    }
}
