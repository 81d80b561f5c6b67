//! What has to be done to get from one program to another.

use super::allowed::Allowed;
use super::filter::{Chain, Datum, Filter, Set, Value};
use super::{Hop, Link, Program};
use crate::cidr::Cidr;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Removals first, within each kind; a thing that changes its nature is removed and added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub links_removed: BTreeSet<String>,
    pub links_added: BTreeMap<String, Link>,
    /// Links that go up or down.
    pub links_switched: BTreeMap<String, bool>,
    pub addresses_removed: BTreeSet<IpAddr>,
    pub addresses_added: BTreeSet<IpAddr>,
    pub tables_removed: BTreeSet<u32>,
    pub tables_added: BTreeSet<u32>,
    pub routes_removed: BTreeSet<(u32, Cidr)>,
    /// New ones, and those that lead somewhere else now.
    pub routes_set: BTreeMap<(u32, Cidr), Hop>,
    pub filter: FilterDelta,
    pub public_removed: BTreeSet<IpAddr>,
    pub public_added: BTreeSet<IpAddr>,
    pub nat_gateways_added: BTreeSet<String>,
}

/// An element of a set, with what a map has for it.
pub type Element = (Vec<Value>, Option<Datum>);

/// Applied as one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterDelta {
    pub sets_removed: BTreeSet<String>,
    pub sets_added: BTreeMap<String, Set>,
    /// By set.
    pub elements_removed: BTreeMap<String, Vec<Vec<Value>>>,
    pub elements_added: BTreeMap<String, Vec<Element>>,
    pub allowed_removed: BTreeSet<String>,
    pub allowed_added: BTreeMap<String, Arc<Allowed>>,
    pub chains_removed: BTreeSet<String>,
    /// Empty before.
    pub chains_added: BTreeMap<String, Chain>,
    /// Those whose rules are others now.
    pub chains_changed: BTreeMap<String, Chain>,
}

impl FilterDelta {
    pub fn is_empty(&self) -> bool {
        *self == FilterDelta::default()
    }

    /// From no rules at all.
    pub fn from_nothing(filter: &Filter) -> FilterDelta {
        FilterDelta::between(&Filter::default(), filter)
    }

    pub fn between(before: &Filter, after: &Filter) -> FilterDelta {
        let mut delta = FilterDelta::default();
        for (name, set) in &before.sets {
            match after.sets.get(name) {
                Some(now) if now.same_kind(set) => delta.elements(name, set, now),
                _ => {
                    delta.sets_removed.insert(name.clone());
                }
            }
        }
        for (name, set) in &after.sets {
            if !before.sets.get(name).is_some_and(|was| was.same_kind(set)) {
                delta.sets_added.insert(name.clone(), set.clone());
            }
        }
        let (was, now) = (&before.allowed, &after.allowed);
        delta.allowed_removed = was.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
        let new = now.iter().filter(|(name, _)| !was.contains_key(*name));
        delta.allowed_added = new.map(|(name, allowed)| (name.clone(), Arc::clone(allowed))).collect();
        for (name, chain) in &before.chains {
            match after.chains.get(name) {
                Some(now) if now.base == chain.base => {
                    if now.rules != chain.rules {
                        delta.chains_changed.insert(name.clone(), now.clone());
                    }
                }
                _ => {
                    delta.chains_removed.insert(name.clone());
                }
            }
        }
        for (name, chain) in &after.chains {
            if !before.chains.get(name).is_some_and(|was| was.base == chain.base) {
                delta.chains_added.insert(name.clone(), chain.clone());
            }
        }
        delta
    }

    fn elements(&mut self, name: &str, before: &Set, after: &Set) {
        let gone = before.elements.iter().filter(|(key, datum)| after.elements.get(*key) != Some(*datum));
        let gone: Vec<_> = gone.map(|(key, _)| key.clone()).collect();
        let new = after.elements.iter().filter(|(key, datum)| before.elements.get(*key) != Some(*datum));
        let new: Vec<_> = new.map(|(key, datum)| (key.clone(), datum.clone())).collect();
        if !gone.is_empty() {
            self.elements_removed.insert(name.to_owned(), gone);
        }
        if !new.is_empty() {
            self.elements_added.insert(name.to_owned(), new);
        }
    }
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        *self == Delta::default()
    }

    pub(super) fn between(before: &Program, after: &Program) -> Delta {
        let mut delta = Delta {
            addresses_removed: before.addresses.difference(&after.addresses).copied().collect(),
            addresses_added: after.addresses.difference(&before.addresses).copied().collect(),
            public_removed: before.public.difference(&after.public).copied().collect(),
            public_added: after.public.difference(&before.public).copied().collect(),
            nat_gateways_added: after.nat_gateways.difference(&before.nat_gateways).cloned().collect(),
            filter: FilterDelta::between(&before.filter, &after.filter),
            ..Delta::default()
        };
        delta.links(before, after);
        delta.routes(before, after);
        delta
    }

    fn links(&mut self, before: &Program, after: &Program) {
        for (name, link) in &before.links {
            match after.links.get(name) {
                Some(now) if now.to == link.to && now.group == link.group => {
                    if now.up != link.up {
                        self.links_switched.insert(name.clone(), now.up);
                    }
                }
                _ => {
                    self.links_removed.insert(name.clone());
                }
            }
        }
        let is_new = |name: &String| !before.links.contains_key(name) || self.links_removed.contains(name);
        self.links_added = after
            .links
            .iter()
            .filter(|(name, _)| is_new(name))
            .map(|(n, l)| (n.clone(), l.clone()))
            .collect();
    }

    fn routes(&mut self, before: &Program, after: &Program) {
        // Routes go with their link, and what goes down loses them.
        let lost = |hop: &Hop| match hop {
            Hop::Link { name, .. } => {
                self.links_removed.contains(name) || self.links_switched.get(name) == Some(&false)
            }
            _ => false,
        };
        for (at, hop) in &before.routes {
            if !after.routes.contains_key(at) && !lost(hop) {
                self.routes_removed.insert(*at);
            }
        }
        for (at, hop) in &after.routes {
            if before.routes.get(at).is_none_or(|was| was != hop || lost(was)) {
                self.routes_set.insert(*at, hop.clone());
            }
        }
        let tables = |p: &Program| p.routes.keys().map(|(table, _)| *table).collect::<BTreeSet<u32>>();
        let (was, now) = (tables(before), tables(after));
        let main = BTreeSet::from([super::TABLE_MAIN]);
        self.tables_removed = was.difference(&now).copied().filter(|t| !main.contains(t)).collect();
        self.tables_added = now.difference(&was).copied().filter(|t| !main.contains(t)).collect();
    }
}
