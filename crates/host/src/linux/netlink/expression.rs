//! What a rule looks at and does, as little programs over registers: load, compare, look up, decide.

use super::Messages;
use super::filter::{COUNTED_FOR, link_bytes, octets, width};
use net::program::{Action, Field, Key, Match};

/// The first register; addresses and names are at most as wide as it is.
const REGISTER: u32 = 8;
const VERDICT: u32 = 0;
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
/// Of ports that are chosen.
const RANDOM: u32 = 1 << 4;
/// Of comparisons.
const IS_NOT: u32 = 1;
/// Of packets in their connection.
const DIRECTION: u32 = 1;

impl Messages {
    pub(super) fn expression(&mut self, name: &str, data: impl FnOnce(&mut Messages)) {
        self.nest(1, |out| {
            out.text(1, name);
            out.nest(2, data);
        });
    }

    pub(super) fn matches(&mut self, m: &Match) {
        match m {
            Match::In(name) => self.meta_is(6, &link_bytes(name)),
            Match::Out(name) => self.meta_is(7, &link_bytes(name)),
            Match::V4 => self.meta_is(15, &[2]),
            Match::V6 => self.meta_is(15, &[10]),
            Match::Protocol(number) => self.meta_is(16, &[*number]),
            Match::OtherThan(numbers) => {
                self.meta(16, REGISTER);
                numbers.iter().for_each(|number| self.comparison(IS_NOT, &[*number]));
            }
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
            Match::Beyond { rate, burst } => self.expression("limit", |out| {
                const SECOND: u64 = 1;
                const BYTES: u32 = 1;
                const BEYOND: u32 = 1;
                out.attribute(1, &rate.to_be_bytes());
                out.attribute(2, &SECOND.to_be_bytes());
                out.be32(3, *burst);
                out.be32(4, BYTES);
                out.be32(5, BEYOND);
            }),
            Match::Interrupted { answers, by_sender } => self.interrupted(*answers, *by_sender),
            Match::OneIn(many) => self.one_in(*many),
            Match::Answer => {
                self.connection(DIRECTION);
                self.compare(&[1]);
            }
        }
    }

    fn interrupted(&mut self, answers: bool, by_sender: bool) {
        const MARK: u32 = 3;
        self.connection(MARK);
        self.mask(&net::tracking::mark(answers, by_sender).to_ne_bytes(), REGISTER);
        self.comparison(IS_NOT, &0u32.to_ne_bytes());
        self.connection(DIRECTION);
        self.compare(&[u8::from(answers)]);
    }

    fn one_in(&mut self, many: u32) {
        const BY_CHANCE: u32 = 1;
        self.expression("numgen", |out| {
            out.be32(1, REGISTER);
            out.be32(2, many);
            out.be32(3, BY_CHANCE);
        });
        self.compare(&0u32.to_ne_bytes());
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

    fn mask(&mut self, mask: &[u8], register: u32) {
        self.expression("bitwise", |out| {
            out.be32(1, register);
            out.be32(2, register);
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
            self.mask(&mask, REGISTER);
        }
        self.compare(&base);
    }

    /// Loads what is known of the packet's connection.
    fn connection(&mut self, what: u32) {
        self.expression("ct", |out| {
            out.be32(1, REGISTER);
            out.be32(2, what);
        });
    }

    fn state(&mut self, bits: u32) {
        const STATE: u32 = 0;
        self.connection(STATE);
        self.mask(&bits.to_ne_bytes(), REGISTER);
        self.comparison(IS_NOT, &0u32.to_ne_bytes());
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
                Key::Constant(bytes) => {
                    self.load_constant(bytes, register);
                    width(Field::Word)
                }
                Key::Protocol => self.meta_key(16, register, Field::Word),
                Key::Ports => {
                    self.load(TRANSPORT, 0, 4, register);
                    width(Field::Word)
                }
                Key::DestinationPort => {
                    self.load(TRANSPORT, 2, 2, register);
                    width(Field::Word)
                }
                Key::IcmpKinds => {
                    self.load(TRANSPORT, 0, 2, register);
                    width(Field::Word)
                }
                Key::TcpFlags => {
                    const FIN_SYN_RST_ACK: u8 = 0x17;
                    self.load(TRANSPORT, 13, 1, register);
                    self.mask(&[FIN_SYN_RST_ACK], register);
                    width(Field::Word)
                }
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

    pub(super) fn action(&mut self, action: &Action) {
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
            Action::Translate { of_source, quoted, map } => self.translate(*of_source, *quoted, map),
            Action::Count { of, set, then } => {
                self.keys(of);
                self.count(set);
                self.action(&Action::Do(then.clone()));
            }
            Action::Become { address, ports } => {
                const SOURCE: u32 = 0;
                const INET: u32 = 2;
                self.load_constant(&address.octets(), REGISTER);
                self.load_constant(&ports.0.to_be_bytes(), REGISTER + 1);
                self.load_constant(&ports.1.to_be_bytes(), REGISTER + 2);
                self.expression("nat", |out| {
                    out.be32(1, SOURCE);
                    out.be32(2, INET);
                    out.be32(3, REGISTER);
                    if ports.1 != 0 {
                        out.be32(5, REGISTER + 1);
                        out.be32(6, REGISTER + 2);
                    }
                    out.be32(7, RANDOM);
                });
            }
            Action::Masquerade { from, to } => {
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

    /// Counts in an element of a set, which is there from the first packet on.
    fn count(&mut self, set: &str) {
        const UPDATE: u32 = 1;
        self.expression("dynset", |out| {
            out.text(1, set);
            out.be32(3, UPDATE);
            out.be32(4, REGISTER);
            out.attribute(6, &COUNTED_FOR.to_be_bytes());
            out.nest(7, Messages::new_counter);
        });
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

    /// Writes another address into the packet, and makes its sums right. An error's own sum is right as before: it is one
    /// over the header that it quotes, with that one's sum.
    fn translate(&mut self, of_source: bool, quoted: bool, map: &str) {
        const INTERNET_SUM: u32 = 1;
        const SUM_OF_PORTS_TOO: u32 = 1;
        /// Behind the eight bytes of an error.
        const QUOTED_HEADER: u32 = 8;
        const SUM: u32 = 10;
        let (base, header) = if quoted { (TRANSPORT, QUOTED_HEADER) } else { (NETWORK, 0) };
        let at = header + if of_source { 12 } else { 16 };
        self.load(base, at, width(Field::V4), REGISTER);
        self.look_up(map, REGISTER);
        self.expression("payload", |out| {
            out.be32(2, base);
            out.be32(3, at);
            out.be32(4, width(Field::V4));
            out.be32(5, REGISTER);
            out.be32(6, INTERNET_SUM);
            out.be32(7, header + SUM);
            if !quoted {
                out.be32(8, SUM_OF_PORTS_TOO);
            }
        });
    }
}

fn byte_mask(bits: u8) -> u8 {
    match bits {
        0 => 0,
        1..=7 => !(0xff >> bits),
        _ => 0xff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_bytes() {
        assert_eq!([0, 1, 7, 8, 24].map(byte_mask), [0, 0x80, 0xfe, 0xff, 0xff]);
    }
}
