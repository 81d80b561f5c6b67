//! Connections that end with the rule that let them pass.

use super::netlink::Messages;
use super::netlink::connections::{ask_connections, read_connections};
use super::plane::Plane;
use crate::HostError;
use net::Topology;
use net::program::FilterDelta;
use net::tracking::Openness;
use std::io::ErrorKind;

/// Whether a change may forbid what was allowed, or allow again what was forbidden.
pub(super) fn may_interrupt(delta: &FilterDelta) -> bool {
    !(delta.chains_changed.is_empty()
        && delta.chains_removed.is_empty()
        && delta.elements_removed.is_empty()
        && delta.elements_added.is_empty())
}

impl Plane {
    /// Marks connections that are not tracked and that rules do not allow any more, and takes the marks of others away.
    pub(super) fn interrupt(
        &mut self,
        topology: &Topology,
        vpc: &str,
        before: &Openness,
    ) -> Result<(), HostError> {
        let Some(vpc) = topology.vpcs.get(vpc) else { return Ok(()) };
        let space = self.router(&vpc.id)?.space.key;
        let connections = read_connections(&self.line.netlink(space, true, ask_connections())?);
        let mut out = Messages::default();
        for connection in &connections {
            let marks = before.marks(topology, vpc, &connection.first, connection.marks);
            if marks != connection.marks {
                out.mark(connection, marks);
            }
        }
        match self.line.netlink(space, true, out) {
            // One that has ended meanwhile.
            Err(HostError::Refused { why, .. }) if why.kind() == ErrorKind::NotFound => Ok(()),
            done => done.map(drop),
        }
    }
}
