//! What rules have counted.

use super::netlink::filter::{ask_counters, ask_elements, read_allowed, read_counters};
use super::plane::Plane;
use super::{Line, Posted};
use crate::{Count, HostError};
use net::program::{Allowed, Chain};
use std::collections::BTreeMap;
use std::sync::Arc;

/// From here on counters are read chain by chain.
const MANY_RULES: usize = 2000;

/// What was asked for, and is read later: the kernel answers in turn, before it does what it is told after that.
#[derive(Default)]
pub(super) struct Asked {
    chains: Vec<Posted>,
    sets: Vec<(Arc<Allowed>, Posted)>,
}

impl Asked {
    /// Asks for the counters of a chain, or of all.
    pub(super) fn chain(&mut self, line: &Line, space: u32, chain: Option<&str>) -> Result<(), HostError> {
        self.chains.push(line.post_netlink(space, true, ask_counters(chain))?);
        Ok(())
    }

    pub(super) fn set(
        &mut self,
        line: &Line,
        space: u32,
        name: &str,
        set: &Arc<Allowed>,
    ) -> Result<(), HostError> {
        self.sets.push((Arc::clone(set), line.post_netlink(space, true, ask_elements(name))?));
        Ok(())
    }

    /// Adds it up by rules. Those that have seen nothing are told of as well.
    pub(super) fn read(self, into: &mut BTreeMap<String, Count>) -> Result<(), HostError> {
        for posted in self.chains {
            read_counters(&posted.wait()?, into);
        }
        for (allowed, posted) in self.sets {
            read_allowed(&posted.wait()?, &allowed, into);
            for rule in allowed.hidden() {
                into.entry(rule.clone()).or_default();
            }
        }
        Ok(())
    }
}

impl Plane {
    pub(super) fn counters(&self, vpc: &str) -> Result<BTreeMap<String, Count>, HostError> {
        let router = self.routers.get(vpc).ok_or_else(|| HostError::NotThere(vpc.to_owned()))?;
        let mut counts = router.past.clone();
        let filter = &router.applied.filter;
        if !router.has_table {
            return Ok(counts);
        }
        let (line, space, mut asked) = (&self.line, router.space.key, Asked::default());
        if filter.rules() < MANY_RULES {
            asked.chain(line, space, None)?;
        } else {
            let named = |chain: &Chain| chain.rules.iter().any(|rule| !rule.name.is_empty());
            for (name, _) in filter.chains.iter().filter(|(_, chain)| named(chain)) {
                asked.chain(line, space, Some(name))?;
            }
        }
        for (name, set) in &filter.allowed {
            asked.set(line, space, name, set)?;
        }
        for machine in router.applied.nat_gateways.iter().filter_map(|id| self.machines.get(id)) {
            asked.chain(line, machine.space.key, None)?;
        }
        asked.read(&mut counts)?;
        Ok(counts)
    }
}
