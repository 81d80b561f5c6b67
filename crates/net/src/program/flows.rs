//! What passes and what is refused at interfaces that are watched, counted by flow: interface, addresses, protocol, ports,
//! and for TCP the flags.
//!
//! The kernel counts, in sets whose elements packets put there. What a packet does at the sender's side and at the
//! receiver's is counted apart, in the order of AWS: the sender's groups, its ACL, the route, the receiver's ACL, its
//! groups. So a packet that the receiver refuses has passed at the sender, and one that leads nowhere has too.
//!
//! Packets are as links carry them: what the kernel hands over as one (a large segment) is one.
//!
//! Not counted are what the router itself answers (the resolver, metadata, the time), and what is sent from a foreign
//! address.

use super::filter::{Action, Field, Filter, Hook, Key, Match, Rule, Set, Value, Verdict};
use super::filters::{TCP, UDP, map, member};
use super::{Plan, Program};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// So many flows of a VPC are counted at a time, of each family; what comes beyond is not.
pub const FLOWS_MAX: u32 = 32_768;
/// What the names of the sets begin with.
const SETS: [(&str, bool); 2] = [("flows4", true), ("flows6", false)];
const LINK_BYTES: usize = 16;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// The name of the interface's link.
    pub link: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Whether the interface sent it.
    pub egress: bool,
    pub accepted: bool,
    pub protocol: u8,
    /// Zero for protocols other than TCP and UDP.
    pub source_port: u16,
    pub destination_port: u16,
    /// FIN 1, SYN 2, RST 4, ACK 16.
    pub tcp_flags: u8,
}

impl FlowKey {
    /// From an element of one of the sets.
    pub fn read(bytes: &[u8]) -> Option<FlowKey> {
        let (link, rest) = bytes.split_at_checked(LINK_BYTES)?;
        let end = link.iter().position(|byte| *byte == 0).unwrap_or(LINK_BYTES);
        let (source, destination, words) = if rest.len() > 2 * 16 {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (destination, rest) = rest.split_first_chunk::<16>()?;
            (Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination).into(), rest)
        } else {
            let (source, rest) = rest.split_first_chunk::<4>()?;
            let (destination, rest) = rest.split_first_chunk::<4>()?;
            (Ipv4Addr::from(*source).into(), Ipv4Addr::from(*destination).into(), rest)
        };
        let word = |n: usize| words.get(4 * n..4 * n + 4);
        let (side, protocol, ports, flags) = (word(0)?, word(1)?, word(2)?, word(3)?);
        Some(FlowKey {
            link: String::from_utf8_lossy(&link[..end]).into_owned(),
            source,
            destination,
            egress: side[0] != 0,
            accepted: side[1] != 0,
            protocol: protocol[0],
            source_port: u16::from_be_bytes([ports[0], ports[1]]),
            destination_port: u16::from_be_bytes([ports[2], ports[3]]),
            tcp_flags: flags[0],
        })
    }
}

/// The name of the link of an interface.
pub fn link(interface: &str) -> String {
    super::names::link('e', interface)
}

impl Plan<'_> {
    /// What becomes of a packet that both sides let pass.
    pub(super) fn passed(&self) -> Verdict {
        if self.watches { Verdict::Goto(chain(true, false)) } else { Verdict::Accept }
    }

    /// What becomes of a packet that one side does not let pass.
    pub(super) fn refused(&self, egress: bool) -> Verdict {
        if self.watches { Verdict::Goto(chain(false, egress)) } else { Verdict::Drop }
    }

    /// What the sender's side says, and the sets and chains that count.
    pub(super) fn flows(&self, filter: &mut Filter) {
        if !self.watches {
            return;
        }
        filter.base("leave", Hook::Forward, -30, false);
        self.leaving(filter, "leave");
        let same = member(&[Key::InGroup, Key::OutGroup], "same-subnet", false);
        let passed = || Verdict::Goto(chain(true, true));
        filter.rule("arrival", Rule::plain(vec![same], passed()));
        filter.rule("arrival", map(&[Key::InGroup], "acls-out"));
        filter.rule("arrival", Rule::plain(vec![], passed()));
        let mut watched = Set::of(&[Field::Link]);
        for (_, _, name) in self.plugged.iter().filter(|(i, ..)| self.vpc.watched.contains(&i.id)) {
            watched.elements.insert(vec![Value::Link(name.clone())], None);
        }
        filter.set("watched", watched);
        for (set, is_v4) in SETS {
            let address = if is_v4 { Field::V4 } else { Field::V6 };
            let words = [Field::Word; 4];
            let key: Vec<Field> = [Field::Link, address, address].into_iter().chain(words).collect();
            filter.set(&name(set, 0), Set::counting(&key, FLOWS_MAX));
        }
        for (accepted, egress) in [(true, true), (true, false), (false, true), (false, false)] {
            count(filter, accepted, egress);
        }
    }

    /// The sender's groups; what they let pass goes on to `arrival`.
    pub(super) fn leaving(&self, filter: &mut Filter, chain: &str) {
        let arrival = || Verdict::Goto("arrival".into());
        let inside = member(&[Key::InGroup], "inside", false);
        self.interrupted(filter, chain, true);
        filter.rule(chain, Rule::plain(vec![Match::Tracked], arrival()));
        filter.rule(chain, Rule::plain(vec![Match::Invalid, inside], self.refused(true)));
        // From outside it is the receiver who refuses it.
        filter.rule(chain, Rule::plain(vec![Match::Invalid], arrival()));
        filter.rule(chain, map(&[Key::In], "groups-out"));
    }
}

/// Where packets are counted that were (not) let pass on the way out of an interface or into it.
fn chain(accepted: bool, egress: bool) -> String {
    let verdict = if accepted { "passed" } else { "refused" };
    format!("{verdict}/{}", if egress { "out" } else { "in" })
}

fn count(filter: &mut Filter, accepted: bool, egress: bool) {
    let chain = chain(accepted, egress);
    let end = || if accepted { Verdict::Accept } else { Verdict::Drop };
    let link = if egress { Key::In } else { Key::Out };
    filter.rule(&chain, Rule::plain(vec![member(&[link], "watched", true)], end()));
    let side = Key::Constant([u8::from(egress), u8::from(accepted), 0, 0]);
    let none = Key::Constant([0; 4]);
    for (set, is_v4) in SETS {
        let (family, from, to) = match is_v4 {
            true => (Match::V4, Key::SourceV4, Key::DestinationV4),
            false => (Match::V6, Key::SourceV6, Key::DestinationV6),
        };
        let kinds =
            [(Some(TCP), Key::Ports, Key::TcpFlags), (Some(UDP), Key::Ports, none), (None, none, none)];
        for (protocol, ports, flags) in kinds {
            let mut matches = vec![family.clone()];
            matches.extend(protocol.map(Match::Protocol));
            let of = vec![link, from, to, side, Key::Protocol, ports, flags];
            let action = Action::Count { of, set: name(set, 0), then: end() };
            filter.rule(&chain, Rule::new("", matches, action));
        }
    }
    filter.rule(&chain, Rule::plain(vec![], end()));
}

fn name(set: &str, generation: u32) -> String {
    format!("{set}/{generation}")
}

fn is_counting(set: &str) -> bool {
    SETS.iter().any(|(name, _)| set.split('/').next() == Some(name))
}

impl Program {
    /// The sets in which flows are counted.
    pub fn flow_sets(&self) -> Vec<String> {
        self.filter.sets.keys().filter(|set| is_counting(set)).cloned().collect()
    }

    /// Counts flows in sets of this generation. To count anew is to count elsewhere: nothing is lost in between.
    pub fn count_in(&mut self, generation: u32) {
        let renamed = |set: &str| set.split('/').next().map(|set| name(set, generation)).unwrap_or_default();
        for old in self.flow_sets() {
            if let Some(set) = self.filter.sets.remove(&old) {
                self.filter.sets.insert(renamed(&old), set);
            }
        }
        for rule in self.filter.chains.values_mut().flat_map(|chain| &mut chain.rules) {
            if let Action::Count { set, .. } = &mut rule.action {
                *set = renamed(set);
            }
        }
    }

    /// Keeps a set of the program before, which nothing is counted in any more.
    pub fn keep_sets(&mut self, before: &Program, sets: &[String]) {
        for name in sets {
            if let Some(set) = before.filter.sets.get(name) {
                self.filter.sets.insert(name.clone(), set.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FlowKey, is_counting};
    use crate::program::{Action, Program};
    use crate::sample;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let mut v4 = b"eweb\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        v4.extend([10, 0, 1, 10, 10, 0, 2, 10, 1, 0, 0, 0, 6, 0, 0, 0, 0x1f, 0x90, 0, 80, 2, 0, 0, 0]);
        let key = FlowKey::read(&v4).unwrap();
        assert_eq!((key.link.as_str(), key.egress, key.accepted), ("eweb", true, false));
        assert_eq!((key.source, key.destination), (sample::ip("10.0.1.10"), sample::ip("10.0.2.10")));
        assert_eq!((key.protocol, key.source_port, key.destination_port, key.tcp_flags), (6, 8080, 80, 2));
        let mut v6 = v4[..16].to_vec();
        v6.extend([0xfd; 32]);
        v6.extend(&v4[24..]);
        assert_eq!(FlowKey::read(&v6).unwrap().source, sample::ip("fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd"));
        assert!(FlowKey::read(&v4[..30]).is_none());
    }

    #[test]
    fn only_who_is_watched_costs_something_and_counting_anew_is_counting_elsewhere() {
        let mut t = sample::two_tier();
        let plain = Program::compile(&t, "vpc-1");
        assert!(plain.flow_sets().is_empty() && !plain.filter.chains.contains_key("leave"));
        t.vpcs.get_mut("vpc-1").unwrap().watched.insert("eni-gone".into());
        assert_eq!(Program::compile(&t, "vpc-1"), plain);
        t.vpcs.get_mut("vpc-1").unwrap().watched.insert("eni-db".into());
        let before = Program::compile(&t, "vpc-1");
        assert_eq!(before.flow_sets(), ["flows4/0", "flows6/0"]);
        assert_eq!(before.filter.sets["watched"].elements.len(), 1);
        let mut after = before.clone();
        after.count_in(7);
        assert_eq!(after.flow_sets(), ["flows4/7", "flows6/7"]);
        for rule in after.filter.chains.values().flat_map(|chain| &chain.rules) {
            if let Action::Count { set, .. } = &rule.action {
                assert!(is_counting(set) && set.ends_with("/7"), "{set}");
            }
        }
        let delta = after.since(&before).filter;
        let changed: Vec<&str> = delta.chains_changed.keys().map(String::as_str).collect();
        assert_eq!(changed, ["passed/in", "passed/out", "refused/in", "refused/out"]);
        assert_eq!((delta.sets_added.len(), delta.sets_removed.len()), (2, 2));
    }
}
