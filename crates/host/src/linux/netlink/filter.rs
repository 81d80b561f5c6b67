//! Chains, sets and rules, as netfilter has them: each rule is a little program over registers.
//! <https://docs.kernel.org/netlink/specs/nftables.html>

use super::{FLAG_APPEND, FLAG_CREATE, Messages, attributes, messages};
use crate::Count;
use net::program::{
    Action, Base, Chain, Data, Datum, Element, Field, FilterDelta, Hook, Key, Match, Rule, Set, Value, Verdict,
};
use std::collections::BTreeMap;
use std::net::IpAddr;

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
const DELETE_ELEMENT: u16 = 14;
/// Both IPv4 and IPv6.
const INET: u8 = 1;
/// Our one table in each namespace.
const TABLE: &str = "virga";

/// The first register; addresses and names are at most as wide as it is.
const REGISTER: u32 = 8;
const VERDICT: u32 = 0;
/// How much of one kind a message may hold: an attribute's length has 16 bits.
const ELEMENTS_MAX: usize = 250;
/// A transaction is one message to the kernel, and that has to fit the socket's buffer, which is this large where
/// nobody has changed the limit. What belongs together (a chain's 1,000 rules) still fits behind it.
const TRANSACTION_MAX: usize = 100_000;

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
            out.elements(name, set.elements.iter().map(|(key, datum)| (key, datum)), true);
        }
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
    for (name, chain) in &delta.chains_changed {
        // In one transaction, so that there is no moment without rules.
        out.step(|out| {
            out.flush(name);
            chain.rules.iter().for_each(|rule| out.rule(name, rule));
        });
    }
    for (name, set) in &delta.sets_added {
        if set.data == Some(Data::Verdict) {
            out.elements(name, set.elements.iter().map(|(key, datum)| (key, datum)), true);
        }
    }
    for (name, elements) in &delta.elements_added {
        out.elements(name, elements.iter().map(|(key, datum): &Element| (key, datum)), true);
    }
    for (name, chain) in based() {
        out.step(|out| {
            out.chain(name, chain.base);
            chain.rules.iter().for_each(|rule| out.rule(name, rule));
        });
    }
    // Rules before the chains and sets that they name.
    for name in &delta.chains_removed {
        out.step(|out| out.flush(name));
    }
    for name in &delta.chains_removed {
        out.step(|out| out.named(DELETE_CHAIN, 0, name, 3));
    }
    for name in &delta.sets_removed {
        out.step(|out| out.named(DELETE_SET, 0, name, 2));
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

/// Asks for all rules, with their counters; of one chain if named.
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
        self.command(NEW_SET, FLAG_CREATE, format!("make the set {name}"));
        self.text(1, TABLE);
        self.text(2, name);
        self.be32(3, if set.data.is_some() { MAP } else { 0 });
        self.be32(4, set.key.iter().fold(0, |all, field| (all << 6) | datatype(*field)));
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
                    out.nest(1, |out| out.attribute(1, &key.iter().flat_map(value_bytes).collect::<Vec<u8>>()));
                    match datum {
                        Some(Datum::Verdict(verdict)) => out.nest(2, |out| out.verdict(verdict)),
                        Some(Datum::Address(address)) => out.nest(2, |out| out.attribute(1, &octets(*address))),
                        None => {}
                    }
                });
            }
        });
        self.end();
    }

    /// As a value of an attribute that holds data.
    fn verdict(&mut self, verdict: &Verdict) {
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
        let step = if rule.name.is_empty() { format!("a rule of {chain}") } else { format!("rule {}", rule.name) };
        self.command(NEW_RULE, FLAG_CREATE | FLAG_APPEND, step);
        self.text(1, TABLE);
        self.text(2, chain);
        self.nest(4, |out| {
            for m in &rule.matches {
                out.matches(m);
            }
            if !rule.name.is_empty() {
                out.expression("counter", |out| {
                    out.attribute(1, &0u64.to_be_bytes());
                    out.attribute(2, &0u64.to_be_bytes());
                });
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

    fn expression(&mut self, name: &str, data: impl FnOnce(&mut Messages)) {
        self.nest(1, |out| {
            out.text(1, name);
            out.nest(2, data);
        });
    }

    fn matches(&mut self, m: &Match) {
        match m {
            Match::In(name) => self.meta_is(6, &link_bytes(name)),
            Match::Out(name) => self.meta_is(7, &link_bytes(name)),
            Match::V4 => self.meta_is(15, &[2]),
            Match::V6 => self.meta_is(15, &[10]),
            Match::Protocol(number) => self.meta_is(16, &[*number]),
            Match::Ports(from, to) => {
                self.load(TRANSPORT, 2, 2, REGISTER);
                if from == to {
                    self.compare(&from.to_be_bytes());
                } else {
                    self.expression("range", |out| {
                        out.be32(1, REGISTER);
                        out.be32(2, 0);
                        out.nest(3, |out| out.attribute(1, &from.to_be_bytes()));
                        out.nest(4, |out| out.attribute(1, &to.to_be_bytes()));
                    });
                }
            }
            Match::IcmpKind(kind) => {
                self.load(TRANSPORT, 0, 1, REGISTER);
                self.compare(&[*kind]);
            }
            Match::IcmpCode(code) => {
                self.load(TRANSPORT, 1, 1, REGISTER);
                self.compare(&[*code]);
            }
            Match::Source(cidr) => self.within(*cidr, if cidr.is_v4() { 12 } else { 8 }),
            Match::Destination(cidr) => self.within(*cidr, if cidr.is_v4() { 16 } else { 24 }),
            Match::Member { of, set, not } => {
                self.keys(of);
                self.expression("lookup", |out| {
                    out.text(1, set);
                    out.be32(2, REGISTER);
                    out.be32(5, u32::from(*not));
                });
            }
            Match::Tracked => self.state(2 | 4),
            Match::New => self.state(8),
            Match::Invalid => self.state(1),
            Match::Answer => {
                self.expression("ct", |out| {
                    out.be32(1, REGISTER);
                    out.be32(2, 1);
                });
                self.compare(&[1]);
            }
        }
    }

    fn meta(&mut self, key: u32, register: u32) {
        self.expression("meta", |out| {
            out.be32(2, key);
            out.be32(1, register);
        });
    }

    fn meta_is(&mut self, key: u32, value: &[u8]) {
        self.meta(key, REGISTER);
        self.compare(value);
    }

    fn compare(&mut self, value: &[u8]) {
        self.comparison(0, value);
    }

    fn comparison(&mut self, operator: u32, value: &[u8]) {
        self.expression("cmp", |out| {
            out.be32(1, REGISTER);
            out.be32(2, operator);
            out.nest(3, |out| out.attribute(1, value));
        });
    }

    fn load(&mut self, base: u32, offset: u32, length: u32, register: u32) {
        self.expression("payload", |out| {
            out.be32(1, register);
            out.be32(2, base);
            out.be32(3, offset);
            out.be32(4, length);
        });
    }

    fn mask(&mut self, mask: &[u8]) {
        self.expression("bitwise", |out| {
            out.be32(1, REGISTER);
            out.be32(2, REGISTER);
            out.be32(3, u32::try_from(mask.len()).unwrap_or(0));
            out.nest(4, |out| out.attribute(1, mask));
            out.nest(5, |out| out.attribute(1, &vec![0; mask.len()]));
        });
    }

    /// Whether the address at this offset of the network header is in the prefix.
    fn within(&mut self, cidr: net::Cidr, offset: u32) {
        self.meta_is(15, &[if cidr.is_v4() { 2 } else { 10 }]);
        if cidr.length() == 0 {
            return;
        }
        let base = octets(cidr.base());
        let width = u8::try_from(base.len() * 8).unwrap_or(0);
        self.load(NETWORK, offset, u32::from(width / 8), REGISTER);
        if cidr.length() < width {
            let all = net::Cidr::new(cidr.base(), cidr.length()).map(|c| c.length()).unwrap_or(0);
            let mask: Vec<u8> = (0..width / 8).map(|n| byte_mask(all.saturating_sub(n * 8))).collect();
            self.mask(&mask);
        }
        self.compare(&base);
    }

    fn state(&mut self, bits: u32) {
        self.expression("ct", |out| {
            out.be32(1, REGISTER);
            out.be32(2, 0);
        });
        self.mask(&bits.to_ne_bytes());
        self.comparison(1, &0u32.to_ne_bytes());
    }

    /// Loads what is looked up, one after the other.
    fn keys(&mut self, keys: &[Key]) {
        let mut register = REGISTER;
        for key in keys {
            let width = match key {
                Key::In => self.meta_key(6, register, Field::Link),
                Key::Out => self.meta_key(7, register, Field::Link),
                Key::InGroup => self.meta_key(21, register, Field::Group),
                Key::OutGroup => self.meta_key(22, register, Field::Group),
                Key::SourceV4 => self.address_key(12, register, Field::V4),
                Key::DestinationV4 => self.address_key(16, register, Field::V4),
                Key::SourceV6 => self.address_key(8, register, Field::V6),
                Key::DestinationV6 => self.address_key(24, register, Field::V6),
            };
            register += width / 4;
        }
    }

    fn meta_key(&mut self, key: u32, register: u32, field: Field) -> u32 {
        self.meta(key, register);
        width(field)
    }

    fn address_key(&mut self, offset: u32, register: u32, field: Field) -> u32 {
        self.load(NETWORK, offset, width(field), register);
        width(field)
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Do(verdict) => self.expression("immediate", |out| {
                out.be32(1, VERDICT);
                out.nest(2, |out| out.verdict(verdict));
            }),
            Action::Map { of, map } => {
                self.keys(of);
                self.look_up(map, VERDICT);
            }
            Action::MarkGroup => {
                self.meta(21, REGISTER);
                self.expression("meta", |out| {
                    out.be32(2, 3);
                    out.be32(3, REGISTER);
                });
            }
            Action::TranslateDestination { map } => {
                self.load(NETWORK, 16, 4, REGISTER);
                self.look_up(map, REGISTER);
                self.translate(1);
            }
            Action::TranslateSource { map } => {
                self.load(NETWORK, 12, 4, REGISTER);
                self.look_up(map, REGISTER);
                self.translate(0);
            }
            Action::Masquerade { from, to } => {
                const RANDOM: u32 = 1 << 4;
                const PORTS: u32 = 1 << 1;
                let ports = *to != 0;
                if ports {
                    self.load_constant(&from.to_be_bytes(), REGISTER);
                    self.load_constant(&to.to_be_bytes(), REGISTER + 1);
                }
                self.expression("masq", |out| {
                    out.be32(1, if ports { RANDOM | PORTS } else { RANDOM });
                    if ports {
                        out.be32(2, REGISTER);
                        out.be32(3, REGISTER + 1);
                    }
                });
            }
        }
    }

    fn load_constant(&mut self, value: &[u8], register: u32) {
        self.expression("immediate", |out| {
            out.be32(1, register);
            out.nest(2, |out| out.attribute(1, value));
        });
    }

    fn look_up(&mut self, map: &str, register: u32) {
        self.expression("lookup", |out| {
            out.text(1, map);
            out.be32(2, REGISTER);
            out.be32(3, register);
        });
    }

    fn translate(&mut self, kind: u32) {
        self.expression("nat", |out| {
            out.be32(1, kind);
            out.be32(2, 2);
            out.be32(3, REGISTER);
        });
    }
}

const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;

fn byte_mask(bits: u8) -> u8 {
    match bits {
        0 => 0,
        1..=7 => !(0xff >> bits),
        _ => 0xff,
    }
}

/// In a register, and in a set's key: multiples of four.
fn width(field: Field) -> u32 {
    match field {
        Field::Link | Field::V6 => 16,
        Field::Group | Field::V4 => 4,
    }
}

/// `nft`'s numbers for types; the kernel does not look at them, but `nft list ruleset` does.
fn datatype(field: Field) -> u32 {
    match field {
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

fn link_bytes(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    bytes
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_bytes() {
        assert_eq!([0, 1, 7, 8, 24].map(byte_mask), [0, 0x80, 0xfe, 0xff, 0xff]);
    }

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
