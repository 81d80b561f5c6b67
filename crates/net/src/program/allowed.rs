//! What a security group allows by addresses, as a set that is searched in one go.
//!
//! A group of few rules is a chain of ours: one rule is asked after the other. Of many, each is an element of a set: a range
//! of protocols, of ports, and a block, with a count of its own. It is a tenth of what a rule of ours is, and when a rule
//! changes the kernel does not look at all others again. A kernel takes no two elements of a set that meet, so of two rules that do, the one that is
//! asked first ([`Topology::blocks`]) has all of it, and the other has what is left.
//!
//! Broader blocks are asked first, so what is left of a rule always has the whole block that the rule is about, and is
//! only cut by protocols and ports: there are never many pieces. Of rules that name groups, more than a few are the
//! addresses of these groups' members, asked last.

use super::filter::{Filter, Key, Match, Rule, Verdict};
use super::filters::{ICMP, ICMPV6, TCP, UDP, member};
use crate::cidr::Cidr;
use crate::topology::{Id, Ports, SecurityGroupRule, Traffic};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Of both families' protocols, those by whose packets more than the protocol is asked.
const LOOKED_INTO: [[u8; 3]; 2] = [[ICMP, TCP, UDP], [ICMPV6, TCP, UDP]];

/// Protocols and ports, both ends included. Of ICMP the type is the upper half of a port and the code the lower; of what
/// has no ports all are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub protocols: (u8, u8),
    pub ports: (u16, u16),
}

/// What is allowed to, or from, addresses of one family: no two elements meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub v4: bool,
    /// With the rule that each counts for. By where they begin.
    spans: Vec<(Span, Cidr, Id)>,
    hidden: Vec<Id>,
}

impl Span {
    fn all(protocol: u8) -> Span {
        Span { protocols: (protocol, protocol), ports: (0, u16::MAX) }
    }

    fn meets(self, other: Span) -> bool {
        self.protocols.0 <= other.protocols.1
            && other.protocols.0 <= self.protocols.1
            && self.ports.0 <= other.ports.1
            && other.ports.0 <= self.ports.1
    }

    /// What is left of it beside another.
    fn without(self, other: Span, left: &mut Vec<Span>) {
        if !self.meets(other) {
            left.push(self);
            return;
        }
        let (from, to) = self.protocols;
        let within = (from.max(other.protocols.0), to.min(other.protocols.1));
        if from < within.0 {
            left.push(Span { protocols: (from, within.0 - 1), ..self });
        }
        if within.1 < to {
            left.push(Span { protocols: (within.1 + 1, to), ..self });
        }
        let (from, to) = self.ports;
        if from < other.ports.0 {
            left.push(Span { protocols: within, ports: (from, other.ports.0 - 1) });
        }
        if other.ports.1 < to {
            left.push(Span { protocols: within, ports: (other.ports.1 + 1, to) });
        }
    }
}

/// What the traffic of a rule is among the packets of a family.
fn spans(traffic: Traffic, v4: bool) -> Vec<Span> {
    let ports = |protocol, ports: Ports| {
        let there = ports.from <= ports.to;
        there.then(|| Span { ports: (ports.from, ports.to), ..Span::all(protocol) }).into_iter().collect()
    };
    let kinds = |protocol, kind: Option<u8>, code: Option<u8>| {
        let one = |kind: u8| {
            let (from, to) = code.map_or((0, u8::MAX), |code| (code, code));
            let word = |code| u16::from_be_bytes([kind, code]);
            Span { ports: (word(from), word(to)), ..Span::all(protocol) }
        };
        match (kind, code) {
            (None, None) => vec![Span::all(protocol)],
            (None, Some(_)) => (0..=u8::MAX).map(one).collect(),
            (Some(kind), _) => vec![one(kind)],
        }
    };
    match traffic {
        Traffic::All => vec![Span { protocols: (0, u8::MAX), ports: (0, u16::MAX) }],
        Traffic::Tcp(range) => ports(TCP, range),
        Traffic::Udp(range) => ports(UDP, range),
        Traffic::Icmp { kind, code } if v4 => kinds(ICMP, kind, code),
        Traffic::Icmpv6 { kind, code } if !v4 => kinds(ICMPV6, kind, code),
        Traffic::Icmp { .. } | Traffic::Icmpv6 { .. } => vec![],
        Traffic::Protocol(number) => vec![Span::all(number)],
    }
}

impl Allowed {
    /// Of rules in the order in which they are asked, those of one family.
    pub(super) fn of(rules: &[(Cidr, &SecurityGroupRule)], v4: bool) -> Allowed {
        let mut taken: BTreeMap<Cidr, Vec<Span>> = BTreeMap::new();
        let mut lengths: Vec<u8> = Vec::new();
        let (mut all, mut hidden) = (Vec::new(), Vec::new());
        for (block, rule) in rules.iter().filter(|(block, _)| block.is_v4() == v4) {
            let mut left = spans(rule.traffic, v4);
            let around = lengths.iter().filter_map(|length| Cidr::new(block.base(), *length));
            for before in around.filter_map(|around| taken.get(&around)).flatten() {
                if left.iter().any(|span| span.meets(*before)) {
                    let mut rest = Vec::with_capacity(left.len() + 1);
                    left.iter().for_each(|span| span.without(*before, &mut rest));
                    left = rest;
                }
            }
            if left.is_empty() {
                hidden.push(rule.id.clone());
                continue;
            }
            if lengths.last() != Some(&block.length()) {
                lengths.push(block.length());
            }
            all.extend(left.iter().map(|span| (*span, *block, rule.id.clone())));
            taken.entry(*block).or_default().append(&mut left);
        }
        all.sort_by_key(|(span, block, _)| start(*span, *block));
        Allowed { v4, spans: all, hidden }
    }

    pub fn spans(&self) -> impl Iterator<Item = (Span, Cidr)> {
        self.spans.iter().map(|(span, block, _)| (*span, *block))
    }

    /// Rules of which nothing is left beside those that are asked before.
    pub fn hidden(&self) -> &[Id] {
        &self.hidden
    }

    /// The rule that the element counts for which begins there.
    pub fn rule(&self, protocol: u8, port: u16, address: IpAddr) -> Option<&Id> {
        let wanted = (protocol, port, address);
        let at = self.spans.binary_search_by(|(span, block, _)| start(*span, *block).cmp(&wanted)).ok()?;
        self.spans.get(at).map(|(.., rule)| rule)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Of all that makes it what it is: another set has another name, so one that is asked is never changed.
    pub(super) fn digest(&self) -> u64 {
        // FNV-1a.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        for (span, block, rule) in &self.spans {
            let ((from, to), (low, high)) = (span.protocols, span.ports);
            add(&[from, to, block.length()]);
            add(&low.to_be_bytes());
            add(&high.to_be_bytes());
            match block.base() {
                IpAddr::V4(base) => add(&base.octets()),
                IpAddr::V6(base) => add(&base.octets()),
            }
            add(rule.as_bytes());
        }
        self.hidden.iter().for_each(|rule| add(rule.as_bytes()));
        hash
    }

    /// The rules of ours that ask the set, each about the packets that it can be asked about in one way.
    pub(super) fn asked(&self, set: &str, egress: bool, verdict: &Verdict) -> Vec<Rule> {
        let (family, address) = match (self.v4, egress) {
            (true, true) => (Match::V4, Key::DestinationV4),
            (true, false) => (Match::V4, Key::SourceV4),
            (false, true) => (Match::V6, Key::DestinationV6),
            (false, false) => (Match::V6, Key::SourceV6),
        };
        let looked_into = LOOKED_INTO[usize::from(!self.v4)];
        let has = |protocol: u8| {
            self.spans().any(|(span, _)| (span.protocols.0..=span.protocols.1).contains(&protocol))
        };
        let ask = |which: Match, port: Key| {
            let of = [Key::Protocol, port, address];
            Rule::plain(vec![family.clone(), which, member(&of, set, false)], verdict.clone())
        };
        let kinds = [Key::IcmpKinds, Key::DestinationPort, Key::DestinationPort];
        let each = looked_into.into_iter().zip(kinds).filter(|(protocol, _)| has(*protocol));
        let mut rules: Vec<Rule> = each.map(|(one, port)| ask(Match::Protocol(one), port)).collect();
        let single =
            |span: Span| span.protocols.0 == span.protocols.1 && looked_into.contains(&span.protocols.0);
        if self.spans().any(|(span, _)| !single(span)) {
            rules.push(ask(Match::OtherThan(looked_into), Key::Constant([0; 4])));
        }
        rules
    }
}

/// A set of this kind, to see whether a kernel has it.
pub fn ranges() -> Filter {
    let everything = Cidr::ALL_V4;
    let spans = spans(Traffic::All, true).into_iter().map(|span| (span, everything, Id::new())).collect();
    let allowed = Allowed { v4: true, spans, hidden: Vec::new() };
    Filter { allowed: [("ranges".to_owned(), Arc::new(allowed))].into(), ..Filter::default() }
}

/// Where an element begins: no two of a set begin at the same place.
fn start(span: Span, block: Cidr) -> (u8, u16, IpAddr) {
    (span.protocols.0, span.ports.0, block.base())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Dice, anyone, cidr, ip, tcp};
    use crate::topology::{Peer, Topology};
    use crate::walk::{Packet, Transport, traffic_matches};

    fn rules(all: &[(Traffic, Peer)]) -> Vec<SecurityGroupRule> {
        let rule = |(n, (traffic, peer)): (usize, &(Traffic, Peer))| SecurityGroupRule {
            id: format!("sgr-{n}"),
            traffic: *traffic,
            peer: peer.clone(),
        };
        all.iter().enumerate().map(rule).collect()
    }

    fn allowed(all: &[(Traffic, Peer)], v4: bool) -> Allowed {
        Allowed::of(&Topology::default().blocks(&rules(all)), v4)
    }

    #[test]
    fn what_is_asked_first_has_all_of_it_and_the_others_what_is_left() {
        let block = |text| Peer::Cidr(cidr(text));
        let some = Traffic::Tcp(Ports { from: 400, to: 500 });
        let all = [
            (tcp(443), block("10.0.0.0/24")),
            (some, block("10.0.0.0/16")),
            (Traffic::All, block("10.0.0.0/24")),
            (tcp(443), block("10.1.0.0/16")),
        ];
        let found = allowed(&all, true);
        let text: Vec<String> = found
            .spans
            .iter()
            .map(|(s, block, rule)| format!("{:?} {:?} {block} {rule}", s.protocols, s.ports))
            .collect();
        let expected = [
            "(0, 5) (0, 65535) 10.0.0.0/24 sgr-2",
            "(6, 6) (0, 399) 10.0.0.0/24 sgr-2",
            "(6, 6) (400, 500) 10.0.0.0/16 sgr-1",
            "(6, 6) (443, 443) 10.1.0.0/16 sgr-3",
            "(6, 6) (501, 65535) 10.0.0.0/24 sgr-2",
            "(7, 255) (0, 65535) 10.0.0.0/24 sgr-2",
        ];
        assert_eq!(text, expected);
        assert_eq!(found.hidden, ["sgr-0"]);
        assert_eq!(found.rule(6, 501, ip("10.0.0.0")).unwrap(), "sgr-2");
        assert_eq!(found.rule(6, 502, ip("10.0.0.0")), None);
        assert!(allowed(&all, false).is_empty());
    }

    #[test]
    fn only_what_may_be_there_is_asked() {
        let verdict = Verdict::Accept;
        let asked = |all: &[(Traffic, Peer)]| allowed(all, true).asked("s", false, &verdict);
        let about = |rules: &[Rule]| rules.iter().map(|rule| rule.matches[1].clone()).collect::<Vec<_>>();
        let other = Match::OtherThan([1, 6, 17]);
        assert_eq!(about(&asked(&[(tcp(80), anyone())])), [Match::Protocol(6)]);
        assert_eq!(about(&asked(&[(Traffic::Protocol(47), anyone())])), std::slice::from_ref(&other));
        let all = [Match::Protocol(1), Match::Protocol(6), Match::Protocol(17), other];
        assert_eq!(about(&asked(&[(Traffic::All, anyone())])), all);
        let ping = Traffic::Icmp { kind: Some(8), code: None };
        assert_eq!(about(&asked(&[(ping, anyone())])), [Match::Protocol(1)]);
    }

    /// Rules of chance about few ports, blocks and kinds, so that they meet.
    fn random(dice: &mut Dice) -> Vec<(Traffic, Peer)> {
        let blocks =
            ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32", "10.1.0.0/16", "::/0", "fd00::/8"];
        let kind = |dice: &mut Dice| (!dice.one_in(3)).then(|| u8::try_from(dice.below(3)).unwrap());
        let one = |dice: &mut Dice| {
            let ports = |dice: &mut Dice| {
                let from = u16::try_from(dice.below(6)).unwrap();
                Ports { from, to: from + u16::try_from(dice.below(4)).unwrap() }
            };
            let traffic = match dice.below(8) {
                0 => Traffic::All,
                1 => Traffic::Icmp { kind: kind(dice), code: kind(dice) },
                2 => Traffic::Icmpv6 { kind: kind(dice), code: kind(dice) },
                3 => Traffic::Protocol([6, 47, 1, 58][dice.below(4)]),
                4 => Traffic::Udp(ports(dice)),
                _ => Traffic::Tcp(ports(dice)),
            };
            (traffic, Peer::Cidr(cidr(blocks[dice.below(blocks.len())])))
        };
        (0..dice.below(14)).map(|_| one(dice)).collect()
    }

    #[test]
    fn elements_say_what_rules_say_and_never_meet() {
        let topology = Topology::default();
        for seed in 0..300 {
            let dice = &mut Dice::new(seed);
            let rules = rules(&random(dice));
            let blocks = topology.blocks(&rules);
            for v4 in [true, false] {
                let allowed = Allowed::of(&blocks, v4);
                for (n, (span, block)) in allowed.spans().enumerate() {
                    let meets = |(other, there): (Span, Cidr)| span.meets(other) && block.overlaps(there);
                    assert!(!allowed.spans().skip(n + 1).any(meets), "seed {seed}: {allowed:?}");
                }
                let sources = if v4 {
                    ["10.0.0.1", "10.0.9.9", "10.1.2.3", "9.9.9.9"]
                } else {
                    ["fd00::1", "fc00::1", "::1", "fd00::2"]
                };
                let kinds = [
                    (6, 3),
                    (6, 8),
                    (17, 3),
                    (17, 20),
                    (1, 0x0102),
                    (1, 0x0200),
                    (58, 0x0101),
                    (47, 0),
                    (0, 0),
                ];
                for (source, (protocol, port)) in sources.into_iter().flat_map(|s| kinds.map(|k| (s, k))) {
                    let source = ip(source);
                    let [kind, code] = u16::to_be_bytes(port);
                    let transport = match (protocol, v4) {
                        (6, _) => Transport::tcp(port),
                        (17, _) => Transport::udp(port),
                        (1, true) | (58, false) => Transport::Icmp { kind, code },
                        _ => Transport::Protocol(protocol),
                    };
                    let packet = Packet { source, destination: source, transport };
                    let mut first = blocks.iter().filter(|(cidr, _)| cidr.contains(source));
                    let first = first.find(|(_, rule)| traffic_matches(rule.traffic, &packet));
                    let port = if matches!(transport, Transport::Protocol(_)) { 0 } else { port };
                    let found = allowed.spans.iter().find(|(span, block, _)| {
                        block.contains(source)
                            && span.meets(Span { protocols: (protocol, protocol), ports: (port, port) })
                    });
                    let (first, found) = (first.map(|(_, rule)| &rule.id), found.map(|(.., rule)| rule));
                    assert_eq!(found, first, "seed {seed}: {packet:?} {rules:?}");
                }
            }
        }
    }
}
