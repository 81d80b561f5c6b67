//! Rules as netfilter has them, in words of ours: chains of matches with an action, sets and maps. Only what VPCs need.

use super::allowed::Allowed;
use crate::cidr::Cidr;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// All rules of one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub sets: BTreeMap<String, Set>,
    /// Sets of what groups allow; their names say what is in them, and so the same name is the same set.
    pub allowed: BTreeMap<String, Arc<Allowed>>,
    pub chains: BTreeMap<String, Chain>,
}

/// A set, or a map when it has `data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    pub key: Vec<Field>,
    pub data: Option<Data>,
    /// So many elements at most are put into it by packets; none where it is filled by hand.
    pub counts: Option<u32>,
    pub elements: BTreeMap<Vec<Value>, Option<Datum>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Link,
    Group,
    V4,
    V6,
    /// Up to four bytes.
    Word,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A link's name; empty stands for "none".
    Link(String),
    Group(u32),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    Verdict,
    V4,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    Verdict(Verdict),
    Address(IpAddr),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// None: a chain that others jump to.
    pub base: Option<Base>,
    pub rules: Vec<Rule>,
}

/// Where a chain hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    pub hook: Hook,
    pub priority: i32,
    pub nat: bool,
    /// What happens to a packet that comes to the end.
    pub accept: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the packets that it is about are counted under; empty: nowhere. Several rules may count as one.
    pub name: String,
    pub matches: Vec<Match>,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    In(String),
    Out(String),
    /// IPv4 or IPv6.
    V4,
    V6,
    Protocol(u8),
    /// None of these protocols.
    OtherThan([u8; 3]),
    /// Destination ports, for protocols that have them.
    Ports(u16, u16),
    IcmpKind(u8),
    IcmpCode(u8),
    Source(Cidr),
    Destination(Cidr),
    /// Whether these, joined, are (not) in the set.
    Member {
        of: Vec<Key>,
        set: String,
        not: bool,
    },
    /// Established or related.
    Tracked,
    New,
    Invalid,
    /// Of a connection, or of its answers, that one side does not let pass any more ([`crate::tracking`]).
    Interrupted {
        answers: bool,
        by_sender: bool,
    },
    /// By chance.
    OneIn(u32),
    /// Answers of connections.
    Answer,
    /// What all packets that were asked this by the rule have together, beyond so many bytes a second. So many more may
    /// come at once after a rest.
    Beyond {
        rate: u64,
        burst: u32,
    },
}

/// What is looked up in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    In,
    Out,
    InGroup,
    OutGroup,
    SourceV4,
    SourceV6,
    DestinationV4,
    DestinationV6,
    /// The same for every packet.
    Constant([u8; 4]),
    Protocol,
    /// Source and destination.
    Ports,
    DestinationPort,
    /// Type and code.
    IcmpKinds,
    /// FIN, SYN, RST and ACK.
    TcpFlags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Do(Verdict),
    /// The verdict that a map has for these; none: the next rule.
    Map {
        of: Vec<Key>,
        map: String,
    },
    /// The packet's mark becomes the group of the link that it came by, by which its route table is chosen.
    MarkGroup,
    /// The source, or the destination, becomes what a map has for it; or that of the packet that an ICMP error quotes.
    Translate {
        of_source: bool,
        quoted: bool,
        map: String,
    },
    /// The source becomes this, and a port of chance within these; any where they are zero.
    Become {
        address: Ipv4Addr,
        ports: (u16, u16),
    },
    /// The source becomes the link's address and a port of chance within these.
    Masquerade {
        from: u16,
        to: u16,
    },
    /// The packet is counted in a set under these; where there is no more room the next rule is asked.
    Count {
        of: Vec<Key>,
        set: String,
        then: Verdict,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Drop,
    Return,
    Jump(String),
    Goto(String),
}

impl Rule {
    pub(super) fn new(name: impl Into<String>, matches: Vec<Match>, action: Action) -> Rule {
        Rule { name: name.into(), matches, action }
    }

    pub(super) fn plain(matches: Vec<Match>, verdict: Verdict) -> Rule {
        Rule::new("", matches, Action::Do(verdict))
    }
}

impl Set {
    pub(super) fn of(key: &[Field]) -> Set {
        Set { key: key.to_vec(), data: None, counts: None, elements: BTreeMap::new() }
    }

    pub(super) fn counting(key: &[Field], at_most: u32) -> Set {
        Set { counts: Some(at_most), ..Set::of(key) }
    }

    pub(super) fn map(key: &[Field], data: Data) -> Set {
        Set { data: Some(data), ..Set::of(key) }
    }

    /// The same kind of set: elements can be moved without making it anew.
    pub fn same_kind(&self, other: &Set) -> bool {
        self.key == other.key && self.data == other.data && self.counts == other.counts
    }
}

impl Filter {
    pub(super) fn rule(&mut self, chain: &str, rule: Rule) {
        self.chains.entry(chain.to_owned()).or_default().rules.push(rule);
    }

    /// A chain that others lead to.
    pub(super) fn chain(&mut self, chain: &str) {
        self.chains.entry(chain.to_owned()).or_default();
    }

    pub(super) fn base(&mut self, chain: &str, hook: Hook, priority: i32, accept: bool) {
        let base = Base { hook, priority, nat: false, accept };
        self.chains.entry(chain.to_owned()).or_default().base = Some(base);
    }

    pub(super) fn nat(&mut self, chain: &str, hook: Hook, priority: i32) {
        let base = Base { hook, priority, nat: true, accept: true };
        self.chains.entry(chain.to_owned()).or_default().base = Some(base);
    }

    pub(super) fn set(&mut self, name: &str, set: Set) {
        self.sets.insert(name.to_owned(), set);
    }

    pub(super) fn element(&mut self, set: &str, key: Vec<Value>, datum: Option<Datum>) {
        if let Some(set) = self.sets.get_mut(set) {
            set.elements.insert(key, datum);
        }
    }

    /// How many rules of ours there are; what sets allow is not among them.
    pub fn rules(&self) -> usize {
        self.chains.values().map(|chain| chain.rules.len()).sum()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, set) in &self.sets {
            writeln!(f, "set {name} {:?}", set.key)?;
            for (key, datum) in &set.elements {
                let key: Vec<String> = key.iter().map(Value::to_string).collect();
                match datum {
                    Some(datum) => writeln!(f, "  {} : {datum}", key.join(" . "))?,
                    None => writeln!(f, "  {}", key.join(" . "))?,
                }
            }
        }
        for (name, allowed) in &self.allowed {
            writeln!(f, "set {name}")?;
            for (span, block) in allowed.spans() {
                writeln!(f, "  {:?} . {:?} . {block}", span.protocols, span.ports)?;
            }
        }
        for (name, chain) in &self.chains {
            match &chain.base {
                Some(b) => {
                    let policy = if b.accept { "accept" } else { "drop" };
                    writeln!(f, "chain {name} at {:?} {} else {policy}", b.hook, b.priority)?;
                }
                None => writeln!(f, "chain {name}")?,
            }
            for rule in &chain.rules {
                writeln!(f, "  {rule}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for m in &self.matches {
            write!(f, "{m:?} ")?;
        }
        write!(f, "{:?}", self.action)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " # {}", self.name) }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Link(name) => write!(f, "\"{name}\""),
            Value::Group(group) => write!(f, "{group}"),
            Value::Address(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Verdict(verdict) => write!(f, "{verdict:?}"),
            Datum::Address(address) => write!(f, "{address}"),
        }
    }
}
