//! Flows that the kernel has counted.

use super::netlink::filter::{ask_elements, read_flows};
use super::plane::Plane;
use crate::{Flows, HostError};
use net::program::flows::FLOWS_MAX;
use std::collections::BTreeMap;
use std::time::Duration;

/// So long may a processor still be busy with a packet by the rules that there were.
const STRAGGLERS: Duration = Duration::from_millis(20);

impl Plane {
    /// Lets what comes from now on be counted anew, and reads what was counted until now.
    pub(super) fn flows(&mut self, vpc: &str) -> Result<Flows, HostError> {
        let router = self.router(vpc)?;
        let sets = router.applied.flow_sets();
        if sets.is_empty() {
            return Ok(Flows::default());
        }
        router.generation = router.generation.wrapping_add(1);
        let mut next = router.applied.clone();
        next.count_in(router.generation);
        let mut both = next.clone();
        both.keep_sets(&router.applied, &sets);
        let key = router.space.key;
        self.converge(both).inspect_err(|_| drop(self.settle()))?;
        std::thread::sleep(STRAGGLERS);
        let (mut all, mut overflown) = (BTreeMap::new(), false);
        for set in &sets {
            let mut found = BTreeMap::new();
            read_flows(&self.line.netlink(key, true, ask_elements(set))?, &mut found);
            overflown |= found.len() >= FLOWS_MAX as usize;
            all.append(&mut found);
        }
        self.converge(next).inspect_err(|_| drop(self.settle()))?;
        Ok(Flows { flows: all.into_values().collect(), overflown })
    }
}
