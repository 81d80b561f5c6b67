//! Security groups, network ACLs, gateways and checks as chains.
//!
//! In the order in which a packet meets them: where it came from (`source`), the internet gateway's translation in
//! (`translate-in`), what gateways refuse (`gateways`), ACLs (`acls`), groups (`groups`), translation out. ACLs stand
//! before any word of connections: they are stateless. Groups are asked by a connection's first packet only.
//!
//! Where interfaces are watched ([`super::flows`]) what the sender's side says is asked first, by itself, so that it is
//! known which side it was that refused.

use super::allowed::Allowed;
use super::filter::{Action, Data, Datum, Field, Filter, Hook, Key, Match, Rule, Set, Value, Verdict};
use super::{LINK_EGRESS_ONLY, LINK_INTERNET, Plan, Program, names, services};
use crate::cidr::{self, Cidr};
use crate::topology::{AclEntry, Destination, Peer, SecurityGroupRule, Target, Traffic};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// So many rules of a group by addresses, or by groups, are asked one after the other; more are a set.
const FEW: usize = 4;
/// So many addresses may the groups have that rules of a group name: a set of more is made anew too often, as each machine
/// that comes or goes changes it.
const SPREAD_MAX: usize = 4096;
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;

impl Plan<'_> {
    pub(super) fn filter(&self, program: &mut Program) {
        let filter = &mut program.filter;
        self.source(filter);
        self.internet(filter);
        self.nowhere(filter);
        self.destination(filter);
        self.acls(filter);
        self.groups_of_interfaces(filter);
        self.groups_themselves(filter);
        self.own(filter);
        self.flows(filter);
        self.bandwidths(filter);
    }

    /// Marks the packet for its route table, and lets pass only what comes from where its source says.
    fn source(&self, filter: &mut Filter) {
        filter.set("own4", Set::of(&[Field::Link, Field::V4]));
        filter.set("own6", Set::of(&[Field::Link, Field::V6]));
        filter.set("unchecked", Set::of(&[Field::Link]));
        for (interface, _, name) in &self.plugged {
            if self.vpc.is_checked(interface) {
                for a in &interface.addresses {
                    let set = if a.private.is_ipv4() { "own4" } else { "own6" };
                    filter.element(set, vec![Value::Link(name.clone()), Value::Address(a.private)], None);
                }
            } else {
                filter.element("unchecked", vec![Value::Link(name.clone())], None);
            }
        }
        filter.base("source", Hook::Prerouting, -300, true);
        filter.rule("source", Rule::new("", vec![], Action::MarkGroup));
        let member = |of: &[Key], set: &str| member(of, set, false);
        filter.rule(
            "source",
            Rule::plain(vec![Match::V4, member(&[Key::In, Key::SourceV4], "own4")], Verdict::Accept),
        );
        filter.rule(
            "source",
            Rule::plain(vec![Match::V6, member(&[Key::In, Key::SourceV6], "own6")], Verdict::Accept),
        );
        filter.rule("source", Rule::plain(vec![member(&[Key::In], "unchecked")], Verdict::Accept));
        filter.rule("source", Rule::plain(vec![Match::In("lo".into())], Verdict::Accept));
        if self.has_internet() {
            let came = || Match::In(LINK_INTERNET.into());
            for refused in cidr::PRIVATE.into_iter().chain([cidr::SHARED]) {
                let name = names::refused_address(self.gateway());
                filter.rule("source", drop(name, vec![came(), Match::Source(refused)]));
            }
            filter.rule("source", Rule::plain(vec![came()], Verdict::Accept));
        }
        for (name, peering, peer) in self.peerings() {
            for cidr in &peer.cidrs {
                let matches = vec![Match::In(name.clone()), Match::Source(*cidr)];
                filter.rule("source", Rule::plain(matches, Verdict::Accept));
            }
            filter.rule("source", drop(names::refused_address(peering), vec![Match::In(name)]));
        }
        // Neighbour discovery; a router forwards nothing of it.
        let link_local = Cidr::new(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10);
        filter.rule(
            "source",
            Rule::plain(link_local.map(Match::Source).into_iter().collect(), Verdict::Accept),
        );
        filter.rule("source", drop(names::source_check(&self.vpc.id), vec![]));
    }

    fn nowhere(&self, filter: &mut Filter) {
        filter.base("nowhere", Hook::Forward, -25, true);
        for cidr in &self.vpc.cidrs {
            let matches = vec![Match::Out("lo".into()), Match::Destination(*cidr)];
            filter.rule("nowhere", drop(names::no_such_address(&self.vpc.id), matches));
        }
        filter.rule("nowhere", drop(names::no_route(&self.vpc.id), vec![Match::Out("lo".into())]));
    }

    fn gateway(&self) -> &str {
        self.vpc.internet_gateway.as_ref().map_or(LINK_INTERNET, |gateway| &gateway.id)
    }

    fn internet(&self, filter: &mut Filter) {
        if !self.has_internet() {
            return;
        }
        filter.set("public-in", Set::map(&[Field::V4], Data::V4));
        filter.set("public-out", Set::map(&[Field::V4], Data::V4));
        // A map can only be asked for what is in it, not for whether it is.
        filter.set("has-public", Set::of(&[Field::V4]));
        filter.set("public6", Set::of(&[Field::V6]));
        for address in self.plugged.iter().flat_map(|(i, ..)| &i.addresses) {
            let private = Value::Address(address.private);
            if address.private.is_ipv6() {
                filter.element("public6", vec![private], None);
            } else if let Some(public) = address.public {
                let datum = |to| Some(Datum::Address(to));
                filter.element("public-in", vec![Value::Address(public)], datum(address.private));
                filter.element("has-public", vec![private.clone()], None);
                filter.element("public-out", vec![private], datum(public));
            }
        }
        self.translation(filter);
        let (comes, goes) = (|| Match::In(LINK_INTERNET.into()), || Match::Out(LINK_INTERNET.into()));
        filter.base("gateways", Hook::Forward, -20, true);
        for refused in cidr::PRIVATE.into_iter().chain([cidr::SHARED]) {
            let name = names::refused_address(self.gateway());
            filter.rule("gateways", drop(name, vec![goes(), Match::Destination(refused)]));
        }
        let name = || names::no_public_address(self.gateway());
        let unknown = vec![goes(), Match::V4, member(&[Key::SourceV4], "has-public", true)];
        filter.rule("gateways", drop(name(), unknown));
        let unknown = vec![goes(), Match::V6, member(&[Key::SourceV6], "public6", true)];
        filter.rule("gateways", drop(name(), unknown));
        if self.vpc.internet_gateway.is_none() {
            filter.rule("gateways", drop("eigw/inbound", vec![comes(), Match::New]));
            filter.rule("gateways", drop("eigw/inbound", vec![comes(), Match::Invalid]));
        }
        if self.has_egress_only() {
            let goes = || Match::Out(LINK_EGRESS_ONLY.into());
            filter.rule("gateways", drop("eigw/ipv4", vec![goes(), Match::V4]));
            filter.rule("gateways", drop("eigw/answer", vec![goes(), Match::Answer]));
            let unknown = vec![goes(), Match::V6, member(&[Key::SourceV6], "public6", true)];
            filter.rule("gateways", drop("eigw/no-public-address", unknown));
        }
    }

    /// The internet gateway's, packet by packet, before connections are looked at on the way in and after it on the way out:
    /// as AWS's, it knows no connections. So what the router remembers are private addresses, whichever way a packet came
    /// and its answer goes, and an address that somebody else has now is his at once. Errors quote the packet that they are
    /// about.
    fn translation(&self, filter: &mut Filter) {
        const ERRORS: [u8; 3] = [3, 11, 12];
        let ways = [
            ("translate-in", Hook::Prerouting, -250, Match::In(LINK_INTERNET.into()), "public-in"),
            ("translate-out", Hook::Postrouting, 100, Match::Out(LINK_INTERNET.into()), "public-out"),
        ];
        for (chain, hook, priority, link, map) in ways {
            let of_source = hook == Hook::Postrouting;
            let translate = |of_source, quoted| Action::Translate { of_source, quoted, map: map.to_owned() };
            filter.base(chain, hook, priority, true);
            filter.rule(chain, Rule::new("", vec![link.clone(), Match::V4], translate(of_source, false)));
            for kind in ERRORS {
                let error = vec![link.clone(), Match::V4, Match::Protocol(ICMP), Match::IcmpKind(kind)];
                filter.rule(chain, Rule::new("", error, translate(!of_source, true)));
            }
        }
    }

    /// Only the target of a route can be given what is not for it.
    fn destination(&self, filter: &mut Filter) {
        let mut targets = BTreeSet::new();
        for route in self.vpc.route_tables.values().flat_map(|table| &table.routes) {
            if let Target::NetworkInterface(id) = &route.target {
                targets.insert(id.as_str());
            }
        }
        filter.base("destination", Hook::Forward, -15, true);
        for (interface, _, name) in &self.plugged {
            if !targets.contains(interface.id.as_str()) || !self.vpc.is_checked(interface) {
                continue;
            }
            let checks = [(Match::V4, Key::DestinationV4, "own4"), (Match::V6, Key::DestinationV6, "own6")];
            for (family, key, set) in checks {
                let matches = vec![Match::Out(name.clone()), family, member(&[Key::Out, key], set, true)];
                filter.rule("destination", drop(names::destination_check(&interface.id), matches));
            }
        }
    }

    fn acls(&self, filter: &mut Filter) {
        filter.set("same-subnet", Set::of(&[Field::Group, Field::Group]));
        filter.set("acls-out", Set::map(&[Field::Group], Data::Verdict));
        filter.set("acls-in", Set::map(&[Field::Group], Data::Verdict));
        for subnet in self.vpc.subnets.values() {
            let group = || Value::Group(self.group(&subnet.id));
            filter.element("same-subnet", vec![group(), group()], None);
            for (map, egress) in [("acls-out", true), ("acls-in", false)] {
                // An ACL that is not there allows nothing.
                let verdict = match self.vpc.acls.get(&subnet.acl) {
                    Some(acl) => Verdict::Jump(acl_chain(&acl.id, egress)),
                    None => self.refused(egress),
                };
                filter.element(map, vec![group()], Some(Datum::Verdict(verdict)));
            }
        }
        filter.base("acls", Hook::Forward, -10, true);
        let same = member(&[Key::InGroup, Key::OutGroup], "same-subnet", false);
        filter.rule("acls", Rule::plain(vec![same], Verdict::Accept));
        if !self.watches {
            filter.rule("acls", map(&[Key::InGroup], "acls-out"));
        }
        filter.rule("acls", map(&[Key::OutGroup], "acls-in"));
        for acl in self.vpc.acls.values() {
            for egress in [true, false] {
                let chain = acl_chain(&acl.id, egress);
                filter.chains.entry(chain.clone()).or_default();
                for entry in acl.entries(egress) {
                    let refused = self.refused(egress);
                    filter.rule(&chain, acl_rule(&acl.id, &entry, egress, refused));
                }
                let last = names::acl_entry(&acl.id, egress, None);
                filter.rule(&chain, Rule::new(last, vec![], Action::Do(self.refused(egress))));
            }
        }
    }

    fn groups_of_interfaces(&self, filter: &mut Filter) {
        filter.set("groups-out", Set::map(&[Field::Link], Data::Verdict));
        filter.set("groups-in", Set::map(&[Field::Link], Data::Verdict));
        let verdict = |v| Some(Datum::Verdict(v));
        for (interface, _, name) in &self.plugged {
            let link = || vec![Value::Link(name.clone())];
            if self.vpc.nat_gateway_at(&interface.id).is_some() {
                filter.element("groups-out", link(), verdict(Verdict::Goto("arrival".into())));
                filter.element("groups-in", link(), verdict(self.passed()));
                continue;
            }
            for (map, egress) in [("groups-out", true), ("groups-in", false)] {
                let chain = format!("{}/{}", interface.id, if egress { "out" } else { "in" });
                for group in interface.groups.iter().filter(|id| self.vpc.security_groups.contains_key(*id)) {
                    let jump = Verdict::Jump(group_chain(group, egress));
                    filter.rule(&chain, Rule::plain(vec![], jump));
                }
                let none = names::no_group_rule(&interface.id, egress);
                filter.rule(&chain, Rule::new(none, vec![], Action::Do(self.refused(egress))));
                filter.element(map, link(), verdict(Verdict::Goto(chain)));
            }
        }
        let edges = [(self.has_internet(), LINK_INTERNET), (self.has_egress_only(), LINK_EGRESS_ONLY)];
        let edges = edges.into_iter().filter(|(there, _)| *there).map(|(_, name)| name.to_owned());
        for name in edges.chain(self.peerings().map(|(name, ..)| name)) {
            let link = || vec![Value::Link(name.clone())];
            filter.element("groups-out", link(), verdict(Verdict::Goto("arrival".into())));
            filter.element("groups-in", link(), verdict(Verdict::Accept));
        }
        filter.base("groups", Hook::Forward, 0, false);
        if !self.watches {
            self.interrupted(filter, "groups", true);
        }
        self.interrupted(filter, "groups", false);
        filter.rule("groups", Rule::plain(vec![Match::Tracked], self.passed()));
        filter.rule("groups", Rule::plain(vec![Match::Invalid], self.refused(false)));
        if self.watches {
            filter.rule("groups", map(&[Key::Out], "groups-in"));
            return;
        }
        filter.rule("groups", map(&[Key::In], "groups-out"));
        filter.rule("arrival", map(&[Key::Out], "groups-in"));
        filter.rule("arrival", Rule::plain(vec![], Verdict::Drop));
    }

    /// What a side does not let pass any more, though it is of a connection that was let pass.
    pub(super) fn interrupted(&self, filter: &mut Filter, chain: &str, by_sender: bool) {
        for answers in [false, true] {
            let interrupted = Match::Interrupted { answers, by_sender };
            filter.rule(chain, Rule::plain(vec![interrupted], self.refused(by_sender)));
        }
    }

    /// One chain per group and direction, for all its interfaces.
    fn groups_themselves(&self, filter: &mut Filter) {
        let all = self.topology.all_members(self.vpc);
        let none = BTreeSet::new();
        let of = |group: &str| all.get(group).unwrap_or(&none);
        let mut referenced = BTreeSet::new();
        for group in self.vpc.security_groups.values() {
            for (rules, egress) in [(&group.egress, true), (&group.ingress, false)] {
                let chain = group_chain(&group.id, egress);
                filter.chain(&chain);
                let mut blocks = self.topology.blocks(rules);
                let named: Vec<(&str, &SecurityGroupRule)> = rules.iter().filter_map(named).collect();
                // One after the other, each of them would cost every packet a look.
                let size: usize = named.iter().map(|(group, _)| of(group).len()).sum();
                let spread = named.len() > FEW && size <= SPREAD_MAX;
                if spread {
                    let hosts = |(group, rule)| of(group).iter().map(move |a| (Cidr::host(*a), rule));
                    blocks.extend(named.iter().copied().flat_map(hosts));
                }
                self.rules_by_address(filter, &chain, &blocks, egress);
                for (peer, rule) in named.into_iter().filter(|_| !spread) {
                    referenced.insert(peer);
                    for members in members(peer, egress) {
                        filter.rule(&chain, self.group_rule(rule, members, egress));
                    }
                }
            }
        }
        for group in referenced {
            let (mut v4, mut v6) = (Set::of(&[Field::V4]), Set::of(&[Field::V6]));
            for address in of(group).iter().copied() {
                let set = if address.is_ipv4() { &mut v4 } else { &mut v6 };
                set.elements.insert(vec![Value::Address(address)], None);
            }
            filter.set(&format!("{group}/4"), v4);
            filter.set(&format!("{group}/6"), v6);
        }
    }

    /// The rules of a group that are about addresses, in the order in which they are asked.
    fn rules_by_address(
        &self,
        filter: &mut Filter,
        chain: &str,
        blocks: &[(Cidr, &SecurityGroupRule)],
        egress: bool,
    ) {
        if blocks.len() <= FEW {
            for (cidr, rule) in blocks {
                filter.rule(chain, self.group_rule(rule, vec![peer(*cidr, egress)], egress));
            }
            return;
        }
        for v4 in [true, false] {
            let allowed = Allowed::of(blocks, v4);
            if !allowed.is_empty() {
                let set = format!("{chain}/{}/{:016x}", if v4 { 4 } else { 6 }, allowed.digest());
                let asked = allowed.asked(&set, egress, &self.allowed(egress));
                asked.into_iter().for_each(|rule| filter.rule(chain, rule));
                filter.allowed.insert(set, Arc::new(allowed));
            }
        }
    }

    /// What becomes of what a group allows.
    fn allowed(&self, egress: bool) -> Verdict {
        if egress { Verdict::Goto("arrival".into()) } else { self.passed() }
    }

    fn group_rule(&self, rule: &SecurityGroupRule, peer: Vec<Match>, egress: bool) -> Rule {
        let mut matches = peer;
        matches.extend(traffic(rule.traffic));
        Rule::new(rule.id.as_str(), matches, Action::Do(self.allowed(egress)))
    }

    /// What the router itself takes: services from inside, and gateway endpoints past ACL and groups.
    fn own(&self, filter: &mut Filter) {
        filter.base("own", Hook::Input, 0, false);
        let mut accept = |matches| filter.rule("own", Rule::plain(matches, Verdict::Accept));
        accept(vec![Match::In("lo".into())]);
        accept(vec![Match::V6, Match::Protocol(ICMPV6)]);
        let inside = || member(&[Key::InGroup], "inside", false);
        for service in services::of(self.vpc) {
            let mut matches = vec![inside(), Match::Destination(Cidr::host(service.address))];
            matches.extend(traffic(service.traffic));
            accept(matches);
        }
        let mut set = Set::of(&[Field::Group]);
        set.elements.extend(self.vpc.subnets.keys().map(|id| (vec![Value::Group(self.group(id))], None)));
        filter.set("inside", set);
        self.endpoints(filter);
    }

    fn endpoints(&self, filter: &mut Filter) {
        let lists = self.vpc.gateway_endpoints.values().map(|endpoint| endpoint.prefix_list.as_str());
        let used = self.vpc.route_tables.values().flat_map(|table| &table.routes);
        let used = used.filter(|route| matches!(route.target, Target::GatewayEndpoint(_)));
        let by_cidr = used.filter_map(|route| match route.destination {
            Destination::Cidr(cidr) => Some(cidr),
            Destination::PrefixList(_) => None,
        });
        let cidrs: BTreeSet<Cidr> =
            lists.flat_map(|list| self.topology.prefix_list(list).iter().copied()).chain(by_cidr).collect();
        if cidrs.is_empty() {
            return;
        }
        filter.base("own-answers", Hook::Output, -10, true);
        for cidr in &cidrs {
            let to = vec![member(&[Key::InGroup], "inside", false), Match::Destination(*cidr)];
            filter.rule("own", Rule::plain(to, Verdict::Goto("endpoint".into())));
            let mut from = map(&[Key::OutGroup], "acls-in");
            from.matches = vec![Match::Source(*cidr)];
            filter.rule("own-answers", from);
            if self.watches {
                filter.rule("own-answers", Rule::plain(vec![Match::Source(*cidr)], self.passed()));
            }
        }
        // Only TCP and pings come through a gateway endpoint.
        filter
            .rule("endpoint", Rule::plain(vec![Match::Protocol(TCP)], Verdict::Goto("endpoint-tcp".into())));
        let ping = vec![Match::V4, Match::Protocol(ICMP), Match::IcmpKind(8)];
        filter.rule("endpoint", Rule::plain(ping, Verdict::Goto("endpoint-tcp".into())));
        filter.rule("endpoint", Rule::plain(vec![], Verdict::Drop));
        if self.watches {
            self.leaving(filter, "endpoint-tcp");
            return;
        }
        filter.rule("endpoint-tcp", map(&[Key::InGroup], "acls-out"));
        filter.rule("endpoint-tcp", Rule::plain(vec![Match::Tracked], Verdict::Accept));
        filter.rule("endpoint-tcp", map(&[Key::In], "groups-out"));
        // Arriving nowhere is arriving here.
        let nowhere = vec![Value::Link(String::new())];
        filter.element("groups-in", nowhere, Some(Datum::Verdict(Verdict::Accept)));
    }
}

/// The group that a rule names.
fn named(rule: &SecurityGroupRule) -> Option<(&str, &SecurityGroupRule)> {
    match &rule.peer {
        Peer::Group(group) => Some((group, rule)),
        _ => None,
    }
}

/// Whether the other side is in a group, by each family.
fn members(group: &str, egress: bool) -> [Vec<Match>; 2] {
    let (v4, v6) = match egress {
        true => (Key::DestinationV4, Key::DestinationV6),
        false => (Key::SourceV4, Key::SourceV6),
    };
    let of = |family, key, set: &str| vec![family, member(&[key], &format!("{group}/{set}"), false)];
    [of(Match::V4, v4, "4"), of(Match::V6, v6, "6")]
}

fn acl_chain(acl: &str, egress: bool) -> String {
    format!("{acl}/{}", if egress { "out" } else { "in" })
}

fn group_chain(group: &str, egress: bool) -> String {
    format!("{group}/{}", if egress { "out" } else { "in" })
}

fn acl_rule(acl: &str, entry: &AclEntry, egress: bool, refused: Verdict) -> Rule {
    let mut matches = vec![peer(entry.cidr, egress)];
    matches.extend(traffic(entry.traffic));
    let verdict = if entry.allow { Verdict::Return } else { refused };
    Rule::new(names::acl_entry(acl, egress, Some(entry.number)), matches, Action::Do(verdict))
}

fn drop(name: impl Into<String>, matches: Vec<Match>) -> Rule {
    Rule::new(name, matches, Action::Do(Verdict::Drop))
}

pub(super) fn member(of: &[Key], set: &str, not: bool) -> Match {
    Match::Member { of: of.to_vec(), set: set.to_owned(), not }
}

pub(super) fn map(of: &[Key], map: &str) -> Rule {
    Rule::new("", vec![], Action::Map { of: of.to_vec(), map: map.to_owned() })
}

/// The other side of a rule.
fn peer(cidr: Cidr, egress: bool) -> Match {
    match (cidr, egress) {
        (Cidr::ALL_V4, _) => Match::V4,
        (Cidr::ALL_V6, _) => Match::V6,
        (_, true) => Match::Destination(cidr),
        (_, false) => Match::Source(cidr),
    }
}

fn traffic(traffic: Traffic) -> Vec<Match> {
    let icmp = |family, protocol, kind: Option<u8>, code: Option<u8>| {
        let kind = kind.map(Match::IcmpKind);
        [family, Match::Protocol(protocol)].into_iter().chain(kind).chain(code.map(Match::IcmpCode)).collect()
    };
    let ports = |protocol, ports: crate::topology::Ports| {
        let all = ports == crate::topology::Ports::ALL;
        let ports = (!all).then_some(Match::Ports(ports.from, ports.to));
        [Match::Protocol(protocol)].into_iter().chain(ports).collect()
    };
    match traffic {
        Traffic::All => vec![],
        Traffic::Tcp(range) => ports(TCP, range),
        Traffic::Udp(range) => ports(UDP, range),
        Traffic::Icmp { kind, code } => icmp(Match::V4, ICMP, kind, code),
        Traffic::Icmpv6 { kind, code } => icmp(Match::V6, ICMPV6, kind, code),
        Traffic::Protocol(number) => vec![Match::Protocol(number)],
    }
}
