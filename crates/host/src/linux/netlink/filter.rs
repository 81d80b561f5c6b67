//! Chains, sets and rules, as netfilter has them.
//! <https://docs.kernel.org/netlink/specs/nftables.html>

use super::{FLAG_APPEND, FLAG_CREATE, Messages, attributes, messages};
use crate::{Count, Flow};
use net::Cidr;
use net::program::flows::FlowKey;
use net::program::{
    Allowed, Base, Chain, Data, Datum, Element, Field, FilterDelta, Hook, Rule, Set, Span, Value, Verdict,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEW_TABLE: u16 = 0;
const NEW_CHAIN: u16 = 3;
const DELETE_CHAIN: u16 = 5;
const NEW_RULE: u16 = 6;
const GET_RULE: u16 = 7;
const DELETE_RULE: u16 = 8;
const NEW_SET: u16 = 9;
const DELETE_SET: u16 = 11;
const NEW_ELEMENT: u16 = 12;
const GET_ELEMENT: u16 = 13;
const DELETE_ELEMENT: u16 = 14;
/// Both IPv4 and IPv6.
const INET: u8 = 1;
/// Our one table in each namespace.
const TABLE: &str = "virga";

/// How much of one kind a message may hold: an attribute's length has 16 bits.
const ELEMENTS_MAX: usize = 250;
/// A transaction is one message to the kernel, and that has to fit the socket's buffer, which is this large where
/// nobody has changed the limit. What belongs together (a chain's 1,000 rules) still fits behind it.
const TRANSACTION_MAX: usize = 100_000;
/// How long what is counted stays when nothing comes, in milliseconds: by what is left of it the kernel tells when the last
/// packet came. It is read long before.
pub(super) const COUNTED_FOR: u64 = 30 * 24 * 3_600_000;

/// The transactions that make a difference real; more than one only when it is large. New chains come first, by
/// themselves, since nothing leads to them yet, and what leads to them last.
pub(in crate::linux) fn transactions(delta: &FilterDelta, new_table: bool) -> Vec<Messages> {
    let mut out = Transactions { done: Vec::new(), current: Messages::default() };
    out.step(|out| {
        if new_table {
            out.table();
        }
    });
    for (name, set) in &delta.sets_added {
        out.step(|out| out.set(name, set));
        // What leads to chains waits for them.
        if set.data != Some(Data::Verdict) {
            out.elements(name, set.elements.iter(), true);
        }
    }
    for (name, allowed) in &delta.allowed_added {
        out.allowed(name, allowed);
    }
    let plain = delta.chains_added.iter().filter(|(_, chain)| chain.base.is_none());
    for (name, chain) in plain.clone() {
        out.step(|out| out.chain(name, chain.base));
    }
    let based = || delta.chains_added.iter().filter(|(_, chain)| chain.base.is_some());
    for (name, elements) in &delta.elements_removed {
        out.elements(name, elements.iter().map(|key| (key, &None)), false);
    }
    for (name, chain) in plain {
        out.rules(name, chain);
    }
    for (name, set) in &delta.sets_added {
        if set.data == Some(Data::Verdict) {
            out.elements(name, set.elements.iter(), true);
        }
    }
    // Before the others change: what one of them asks no more, one of these asks now.
    for (name, chain) in based() {
        out.step(|out| {
            out.chain(name, chain.base);
            chain.rules.iter().for_each(|rule| out.rule(name, rule));
        });
    }
    for (name, chain) in &delta.chains_changed {
        // In one transaction, so that there is no moment without rules.
        out.step(|out| {
            out.flush(name);
            chain.rules.iter().for_each(|rule| out.rule(name, rule));
        });
    }
    for (name, elements) in &delta.elements_added {
        out.elements(name, elements.iter().map(|(key, datum): &Element| (key, datum)), true);
    }
    // Rules before the chains and sets that they name.
    for name in &delta.chains_removed {
        out.step(|out| out.flush(name));
    }
    // A map leads to chains.
    for name in &delta.sets_removed {
        out.step(|out| out.named(DELETE_SET, 0, name, 2));
    }
    for name in &delta.allowed_removed {
        out.step(|out| out.named(DELETE_SET, 0, name, 2));
    }
    for name in &delta.chains_removed {
        out.step(|out| out.named(DELETE_CHAIN, 0, name, 3));
    }
    out.finish()
}

struct Transactions {
    done: Vec<Messages>,
    current: Messages,
}

impl Transactions {
    /// Adds what belongs together.
    fn step(&mut self, write: impl Fn(&mut Messages)) {
        if self.current.is_empty() {
            self.current.batch(BATCH_BEGIN);
        }
        write(&mut self.current);
        if self.current.bytes.len() > TRANSACTION_MAX {
            self.close();
        }
    }

    fn elements<'a>(
        &mut self,
        set: &str,
        elements: impl Iterator<Item = (&'a Vec<Value>, &'a Option<Datum>)>,
        there: bool,
    ) {
        let all: Vec<_> = elements.collect();
        for some in all.chunks(ELEMENTS_MAX) {
            self.step(|out| out.set_elements(set, some, there));
        }
    }

    fn allowed(&mut self, set: &str, allowed: &Allowed) {
        self.step(|out| out.set_of_ranges(set, allowed.v4));
        let all: Vec<(Span, Cidr)> = allowed.spans().collect();
        for some in all.chunks(ELEMENTS_MAX) {
            self.step(|out| out.ranges(set, some));
        }
    }

    fn rules(&mut self, chain: &str, rules: &Chain) {
        for some in rules.rules.chunks(100) {
            self.step(|out| some.iter().for_each(|rule| out.rule(chain, rule)));
        }
    }

    fn close(&mut self) {
        self.current.batch(BATCH_END);
        self.done.push(std::mem::take(&mut self.current));
    }

    fn finish(mut self) -> Vec<Messages> {
        if !self.current.is_empty() {
            self.close();
        }
        self.done
    }
}

/// Asks for rules, with their counters: of one chain, or all. For each part of an answer the kernel walks over what it
/// has told already; of many rules each chain had better be asked for by itself.
pub(in crate::linux) fn ask_counters(chain: Option<&str>) -> Messages {
    let mut out = Messages::default();
    out.begin_dump((SUBSYSTEM << 8) | GET_RULE, &[INET, 0, 0, 0], "read the counters");
    out.text(1, TABLE);
    if let Some(chain) = chain {
        out.text(2, chain);
    }
    out.end();
    out
}

/// Sums up what the kernel answered, by the rules' names.
pub(in crate::linux) fn read_counters(answer: &[u8], into: &mut BTreeMap<String, Count>) {
    for message in messages(answer) {
        if message.kind != (SUBSYSTEM << 8) | NEW_RULE {
            continue;
        }
        let (mut name, mut count) = (None, None);
        for (kind, value) in attributes(message.body.get(4..).unwrap_or(&[])) {
            match kind {
                4 => count = attributes(value).find_map(|(_, expression)| counter(expression)),
                7 => name = comment(value),
                _ => {}
            }
        }
        if let (Some(name), Some(count)) = (name, count) {
            *into.entry(name).or_default() += count;
        }
    }
}

/// Asks for what has been counted in a set.
pub(in crate::linux) fn ask_elements(set: &str) -> Messages {
    let mut out = Messages::default();
    out.begin_dump((SUBSYSTEM << 8) | GET_ELEMENT, &[INET, 0, 0, 0], "read what was counted");
    out.text(1, TABLE);
    out.text(2, set);
    out.end();
    out
}

/// Reads what the kernel answered; what it tells twice is one.
pub(in crate::linux) fn read_flows(answer: &[u8], into: &mut BTreeMap<FlowKey, Flow>) {
    for message in messages(answer).filter(|message| message.kind == (SUBSYSTEM << 8) | NEW_ELEMENT) {
        let lists = attributes(message.body.get(4..).unwrap_or(&[])).filter(|(kind, _)| *kind == 3);
        for (_, element) in lists.flat_map(|(_, list)| attributes(list)) {
            if let Some(flow) = flow(element) {
                into.insert(flow.key.clone(), flow);
            }
        }
    }
}

/// Sums up what the kernel answered about a set of what groups allow, by the groups' rules.
pub(in crate::linux) fn read_allowed(answer: &[u8], allowed: &Allowed, into: &mut BTreeMap<String, Count>) {
    for message in messages(answer).filter(|message| message.kind == (SUBSYSTEM << 8) | NEW_ELEMENT) {
        let lists = attributes(message.body.get(4..).unwrap_or(&[])).filter(|(kind, _)| *kind == 3);
        for (_, element) in lists.flat_map(|(_, list)| attributes(list)) {
            if let Some((rule, count)) = allowance(element, allowed) {
                match into.get_mut(rule) {
                    Some(known) => *known += count,
                    None => drop(into.insert(rule.to_owned(), count)),
                }
            }
        }
    }
}

/// What an element counts for, and what it has counted.
fn allowance<'a>(element: &[u8], allowed: &'a Allowed) -> Option<(&'a str, Count)> {
    let value = |wanted| attributes(element).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let key = attributes(value(1)?).find(|(kind, _)| *kind == 1)?.1;
    let (words, address) = key.split_at_checked(8)?;
    let address = match <[u8; 4]>::try_from(address) {
        Ok(v4) => IpAddr::from(v4),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
    };
    let rule = allowed.rule(words[0], u16::from_be_bytes([words[4], words[5]]), address)?;
    Some((rule, counted(element)?))
}

/// What an element has counted.
fn counted(element: &[u8]) -> Option<Count> {
    let value = |wanted| attributes(element).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    match value(7) {
        Some(expression) => counter(expression),
        None => attributes(value(11)?).find_map(|(_, expression)| counter(expression)),
    }
}

fn flow(element: &[u8]) -> Option<Flow> {
    let value = |wanted| attributes(element).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let key = attributes(value(1)?).find(|(kind, _)| *kind == 1)?.1;
    let count = counted(element)?;
    let left = u64::from_be_bytes(value(5)?.try_into().ok()?);
    let ago = Duration::from_millis(COUNTED_FOR.saturating_sub(left));
    Some(Flow { key: FlowKey::read(key)?, count, ago })
}

fn counter(expression: &[u8]) -> Option<Count> {
    let name = attributes(expression).find(|(kind, _)| *kind == 1)?.1;
    if name != b"counter\0" {
        return None;
    }
    let data = attributes(expression).find(|(kind, _)| *kind == 2)?.1;
    let number = |wanted| {
        let value = attributes(data).find(|(kind, _)| *kind == wanted)?.1;
        Some(u64::from_be_bytes(value.try_into().ok()?))
    };
    Some(Count { bytes: number(1)?, packets: number(2)? })
}

/// A rule's name, kept where `nft` keeps comments: kind 0, length, text, zero.
fn comment(user_data: &[u8]) -> Option<String> {
    let text = user_data.get(2..)?.split(|byte| *byte == 0).next()?;
    (user_data[0] == 0).then(|| String::from_utf8_lossy(text).into_owned())
}

impl Messages {
    fn batch(&mut self, kind: u16) {
        self.begin(kind, 0, &[0, 0, 0, 10], "the transaction");
        self.end();
    }

    fn command(&mut self, kind: u16, flags: u16, step: String) {
        self.begin((SUBSYSTEM << 8) | kind, flags, &[INET, 0, 0, 0], step);
    }

    fn table(&mut self) {
        self.command(NEW_TABLE, FLAG_CREATE, format!("make the table {TABLE}"));
        self.text(1, TABLE);
        self.end();
    }

    /// A command about something of this table that has a name.
    fn named(&mut self, kind: u16, flags: u16, name: &str, attribute: u16) {
        self.command(kind, flags, format!("remove {name}"));
        self.text(1, TABLE);
        self.text(attribute, name);
        self.end();
    }

    fn flush(&mut self, chain: &str) {
        self.named(DELETE_RULE, 0, chain, 2);
    }

    fn chain(&mut self, name: &str, base: Option<Base>) {
        self.command(NEW_CHAIN, FLAG_CREATE, format!("make the chain {name}"));
        self.text(1, TABLE);
        self.text(3, name);
        if let Some(base) = base {
            let hook = match base.hook {
                Hook::Prerouting => 0,
                Hook::Input => 1,
                Hook::Forward => 2,
                Hook::Output => 3,
                Hook::Postrouting => 4,
            };
            self.nest(4, |out| {
                out.be32(1, hook);
                out.be32(2, base.priority.cast_unsigned());
            });
            self.be32(5, u32::from(base.accept));
            self.text(7, if base.nat { "nat" } else { "filter" });
        }
        self.end();
    }

    fn set(&mut self, name: &str, set: &Set) {
        const MAP: u32 = 8;
        const VERDICTS: u32 = 0xffff_ff00;
        const TIMED: u32 = 0x10;
        const FILLED_BY_PACKETS: u32 = 0x20;
        /// In milliseconds: nothing in it gets that old.
        const SWEPT_EVERY: u32 = 3_600_000;
        self.command(NEW_SET, FLAG_CREATE, format!("make the set {name}"));
        self.text(1, TABLE);
        self.text(2, name);
        let counts = if set.counts.is_some() { TIMED | FILLED_BY_PACKETS } else { 0 };
        self.be32(3, if set.data.is_some() { MAP } else { counts });
        // `nft` has room for five types in a key.
        let types = if set.counts.is_some() { &[Field::Word] } else { set.key.as_slice() };
        self.be32(4, types.iter().fold(0, |all, field| (all << 6) | datatype(*field)));
        self.be32(5, set.key.iter().map(|field| width(*field)).sum());
        match set.data {
            Some(Data::Verdict) => {
                self.be32(6, VERDICTS);
                self.be32(7, 16);
            }
            Some(Data::V4) => {
                self.be32(6, datatype(Field::V4));
                self.be32(7, width(Field::V4));
            }
            None => {}
        }
        if let Some(at_most) = set.counts {
            self.nest(9, |out| out.be32(1, at_most));
            self.attribute(11, &COUNTED_FOR.to_be_bytes());
            self.be32(12, SWEPT_EVERY);
        }
        self.be32(10, 1);
        self.end();
    }

    fn set_elements(&mut self, set: &str, elements: &[(&Vec<Value>, &Option<Datum>)], there: bool) {
        let (kind, flags) = if there { (NEW_ELEMENT, FLAG_CREATE) } else { (DELETE_ELEMENT, 0) };
        self.command(kind, flags, format!("elements of {set}"));
        self.text(1, TABLE);
        self.text(2, set);
        self.nest(3, |out| {
            for (key, datum) in elements {
                out.nest(1, |out| {
                    out.nest(1, |out| {
                        out.attribute(1, &key.iter().flat_map(value_bytes).collect::<Vec<u8>>());
                    });
                    match datum {
                        Some(Datum::Verdict(verdict)) => out.nest(2, |out| out.verdict(verdict)),
                        Some(Datum::Address(address)) => {
                            out.nest(2, |out| out.attribute(1, &octets(*address)));
                        }
                        None => {}
                    }
                });
            }
        });
        self.end();
    }

    /// A set whose elements are ranges of protocols, of ports and of addresses, and count.
    fn set_of_ranges(&mut self, name: &str, v4: bool) {
        const INTERVALS: u32 = 4;
        const JOINED: u32 = 0x80;
        let address = width(if v4 { Field::V4 } else { Field::V6 });
        self.command(NEW_SET, FLAG_CREATE, format!("make the set {name}"));
        self.text(1, TABLE);
        self.text(2, name);
        self.be32(3, INTERVALS | JOINED);
        // `nft`'s `inet_proto . inet_service . ip`.
        const PROTOCOL_AND_PORT: u32 = 12 << 6 | 13;
        self.be32(4, PROTOCOL_AND_PORT << 6 | datatype(if v4 { Field::V4 } else { Field::V6 }));
        self.be32(5, 2 * width(Field::Word) + address);
        self.nest(9, |out| {
            out.nest(2, |out| {
                for length in [1, 2, address] {
                    out.nest(1, |out| out.be32(1, length));
                }
            });
        });
        self.be32(10, 1);
        self.nest(17, Messages::new_counter);
        self.end();
    }

    fn ranges(&mut self, set: &str, elements: &[(Span, Cidr)]) {
        self.command(NEW_ELEMENT, FLAG_CREATE, format!("elements of {set}"));
        self.text(1, TABLE);
        self.text(2, set);
        self.nest(3, |out| {
            for (span, block) in elements {
                out.nest(1, |out| {
                    out.nest(1, |out| out.corner(span.protocols.0, span.ports.0, block.base()));
                    out.nest(10, |out| out.corner(span.protocols.1, span.ports.1, block.last()));
                });
            }
        });
        self.end();
    }

    /// One end of all ranges of an element, as an attribute that holds data.
    fn corner(&mut self, protocol: u8, port: u16, address: IpAddr) {
        let [high, low] = port.to_be_bytes();
        let mut key = [0; 24];
        key[..8].copy_from_slice(&[protocol, 0, 0, 0, high, low, 0, 0]);
        match address {
            IpAddr::V4(v4) => {
                key[8..12].copy_from_slice(&v4.octets());
                self.attribute(1, &key[..12]);
            }
            IpAddr::V6(v6) => {
                key[8..].copy_from_slice(&v6.octets());
                self.attribute(1, &key);
            }
        }
    }

    /// As an expression that begins at nothing.
    pub(super) fn new_counter(&mut self) {
        self.text(1, "counter");
        self.nest(2, |out| {
            out.attribute(1, &0u64.to_be_bytes());
            out.attribute(2, &0u64.to_be_bytes());
        });
    }

    /// As a value of an attribute that holds data.
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        let (code, chain) = match verdict {
            Verdict::Drop => (0, None),
            Verdict::Accept => (1, None),
            Verdict::Jump(chain) => (-3i32, Some(chain)),
            Verdict::Goto(chain) => (-4, Some(chain)),
            Verdict::Return => (-5, None),
        };
        self.nest(2, |out| {
            out.be32(1, code.cast_unsigned());
            if let Some(chain) = chain {
                out.text(2, chain);
            }
        });
    }

    fn rule(&mut self, chain: &str, rule: &Rule) {
        let step =
            if rule.name.is_empty() { format!("a rule of {chain}") } else { format!("rule {}", rule.name) };
        self.command(NEW_RULE, FLAG_CREATE | FLAG_APPEND, step);
        self.text(1, TABLE);
        self.text(2, chain);
        self.nest(4, |out| {
            for m in &rule.matches {
                out.matches(m);
            }
            if !rule.name.is_empty() {
                out.nest(1, Messages::new_counter);
            }
            out.action(&rule.action);
        });
        if !rule.name.is_empty() {
            let mut text: Vec<u8> = rule.name.bytes().take(120).collect();
            text.push(0);
            let mut data = vec![0, u8::try_from(text.len()).unwrap_or(0)];
            data.append(&mut text);
            self.attribute(7, &data);
        }
        self.end();
    }
}

/// In a register, and in a set's key: multiples of four.
pub(super) fn width(field: Field) -> u32 {
    match field {
        Field::Link | Field::V6 => 16,
        Field::Group | Field::V4 | Field::Word => 4,
    }
}

/// `nft`'s numbers for types; the kernel does not look at them, but `nft list ruleset` does.
fn datatype(field: Field) -> u32 {
    match field {
        Field::Word => 4,
        Field::V4 => 7,
        Field::V6 => 8,
        Field::Group => 35,
        Field::Link => 41,
    }
}

fn value_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Link(name) => link_bytes(name).to_vec(),
        Value::Group(group) => group.to_ne_bytes().to_vec(),
        Value::Address(address) => octets(*address),
    }
}

pub(super) fn link_bytes(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    bytes
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::program::{Action, Match};

    #[test]
    fn counters_are_read_by_name() {
        let mut out = Messages::default();
        let rule = Rule {
            name: "sgr-1".into(),
            matches: vec![Match::Protocol(6)],
            action: Action::Do(Verdict::Accept),
        };
        out.rule("chain", &rule);
        out.rule("chain", &Rule { name: String::new(), ..rule });
        let mut counts = BTreeMap::new();
        read_counters(&out.bytes, &mut counts);
        assert_eq!(counts, BTreeMap::from([("sgr-1".to_owned(), Count::default())]));
    }

    #[test]
    fn what_is_large_is_split_and_each_part_is_a_transaction() {
        let rule =
            Rule { name: "r".into(), matches: vec![Match::Ports(1, 2)], action: Action::Do(Verdict::Accept) };
        let chain = Chain { base: None, rules: vec![rule; 2000] };
        let delta = FilterDelta { chains_added: [("c".to_owned(), chain)].into(), ..FilterDelta::default() };
        let parts = transactions(&delta, true);
        assert!(parts.len() > 1);
        for part in &parts {
            assert!(part.bytes.len() < 4 * TRANSACTION_MAX);
            let kinds: Vec<u16> = messages(&part.bytes).map(|m| m.kind).collect();
            assert_eq!((kinds[0], kinds[kinds.len() - 1]), (BATCH_BEGIN, BATCH_END));
        }
        let rules = parts.iter().flat_map(|p| messages(&p.bytes)).filter(|m| m.kind == 0xa06).count();
        assert_eq!(rules, 2000);
    }
}
