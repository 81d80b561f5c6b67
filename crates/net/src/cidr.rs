//! Prefixes of addresses, AWS's rules for the blocks of VPCs and subnets, and the choice of free addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IPv4 or IPv6 prefix. Always canonical: the bits behind the prefix are zero, as EC2 makes them
/// (`100.68.0.18/18` becomes `100.68.0.0/18`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    base: IpAddr,
    length: u8,
}

/// The text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACidr;

impl fmt::Display for NotACidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a block of addresses like 10.0.0.0/16")
    }
}

impl std::error::Error for NotACidr {}

impl Cidr {
    /// Everything, of IPv4.
    pub const ALL_V4: Cidr = Cidr::v4(0, 0, 0, 0, 0);
    /// Everything, of IPv6.
    pub const ALL_V6: Cidr = Cidr { base: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 };

    /// The prefix of `length` bits that `address` is in; none if an address has fewer bits.
    pub fn new(address: IpAddr, length: u8) -> Option<Cidr> {
        if length > width(address) {
            return None;
        }
        Some(Cidr { base: from_bits(bits(address) & mask(address, length), address), length })
    }

    /// One address.
    pub fn host(address: IpAddr) -> Cidr {
        Cidr { base: address, length: width(address) }
    }

    /// For constants; the bits behind the prefix must be zero.
    const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Cidr {
        Cidr { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length }
    }

    pub fn base(self) -> IpAddr {
        self.base
    }

    pub fn length(self) -> u8 {
        self.length
    }

    pub fn is_v4(self) -> bool {
        self.base.is_ipv4()
    }

    /// The last address.
    pub fn last(self) -> IpAddr {
        from_bits(bits(self.base) | !mask(self.base, self.length), self.base)
    }

    /// How many addresses; saturates for `::/0`.
    pub fn size(self) -> u128 {
        1u128.checked_shl(u32::from(width(self.base) - self.length)).unwrap_or(u128::MAX)
    }

    /// The address `n` behind the base, if it is still inside.
    pub fn nth(self, n: u128) -> Option<IpAddr> {
        (n < self.size()).then(|| from_bits(bits(self.base) + n, self.base))
    }

    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_v4() && bits(address) & mask(address, self.length) == bits(self.base)
    }

    /// Whether all of `other` is inside.
    pub fn covers(self, other: Cidr) -> bool {
        self.length <= other.length && self.contains(other.base)
    }

    pub fn overlaps(self, other: Cidr) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// The prefixes of `length` bits inside, in order.
    pub fn split(self, length: u8) -> impl Iterator<Item = Cidr> {
        let inside = length >= self.length && length <= width(self.base);
        let count = if inside { 1u128.checked_shl(u32::from(length - self.length)).unwrap_or(0) } else { 0 };
        let step = if inside { u32::from(width(self.base) - length) } else { 0 };
        (0..count).map(move |n| Cidr { base: from_bits(bits(self.base) + (n << step), self.base), length })
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(like: IpAddr, length: u8) -> u128 {
    let all = if like.is_ipv4() { u128::from(u32::MAX) } else { u128::MAX };
    let low = all.checked_shr(u32::from(length)).unwrap_or(0);
    all & !low
}

#[allow(clippy::cast_possible_truncation, reason = "an IPv4 address came from 32 bits")]
fn from_bits(bits: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Cidr, NotACidr> {
        let (address, length) = text.split_once('/').ok_or(NotACidr)?;
        if length.len() > 3 || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotACidr);
        }
        let address: IpAddr = address.parse().map_err(|_| NotACidr)?;
        Cidr::new(address, length.parse().map_err(|_| NotACidr)?).ok_or(NotACidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const TEN: Cidr = Cidr::v4(10, 0, 0, 0, 8);
const TEN_ZERO: Cidr = Cidr::v4(10, 0, 0, 0, 16);
const TEN_ZERO_ONE: Cidr = Cidr::v4(10, 0, 0, 0, 15);
const ONE_SEVEN_TWO: Cidr = Cidr::v4(172, 16, 0, 0, 12);
const DEFAULT_VPC: Cidr = Cidr::v4(172, 31, 0, 0, 16);
const ONE_NINE_TWO: Cidr = Cidr::v4(192, 168, 0, 0, 16);
const BENCHMARK: Cidr = Cidr::v4(198, 19, 0, 0, 16);
/// Addresses shared behind carriers' NAT (RFC 6598); a VPC may use them.
pub const SHARED: Cidr = Cidr::v4(100, 64, 0, 0, 10);
/// Private addresses (RFC 1918).
pub const PRIVATE: [Cidr; 3] = [TEN, ONE_SEVEN_TWO, ONE_NINE_TWO];

/// What no VPC may have: this network, loopback, link-local, multicast and reserved.
const NEVER: [Cidr; 4] = [
    Cidr::v4(0, 0, 0, 0, 8),
    Cidr::v4(127, 0, 0, 0, 8),
    Cidr::v4(169, 254, 0, 0, 16),
    Cidr::v4(224, 0, 0, 0, 3),
];

/// Why a block cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The size is not one that AWS allows.
    Size,
    /// Not inside a block of the VPC.
    Outside,
    /// Overlaps this one, which is there already.
    Overlaps(Cidr),
    /// A range that a VPC may not have, or not beside those that it has.
    Restricted,
}

/// Whether a VPC may be created with this IPv4 block: between /16 and /28.
///
/// # Errors
/// [`Refused::Size`], or [`Refused::Restricted`] for ranges that mean something else on every network.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
pub fn check_vpc(block: Cidr) -> Result<(), Refused> {
    if !block.is_v4() || !(16..=28).contains(&block.length) {
        return Err(Refused::Size);
    }
    if NEVER.iter().any(|never| never.overlaps(block)) { Err(Refused::Restricted) } else { Ok(()) }
}

/// Whether an IPv4 block may be added to a VPC that has `present` (its primary block first).
///
/// # Errors
/// As [`check_vpc`]; also [`Refused::Overlaps`], and [`Refused::Restricted`] by the table of association restrictions.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions>
pub fn check_secondary(present: &[Cidr], block: Cidr) -> Result<(), Refused> {
    check_vpc(block)?;
    if let Some(other) = present.iter().find(|other| other.overlaps(block)) {
        return Err(Refused::Overlaps(*other));
    }
    let Some(primary) = present.first() else { return Ok(()) };
    let restricted: &[Cidr] = if TEN_ZERO_ONE.covers(*primary) {
        &[ONE_SEVEN_TWO, ONE_NINE_TWO, BENCHMARK, TEN_ZERO]
    } else if TEN.covers(*primary) {
        &[ONE_SEVEN_TWO, ONE_NINE_TWO, BENCHMARK]
    } else if ONE_SEVEN_TWO.covers(*primary) {
        &[TEN, ONE_NINE_TWO, BENCHMARK, DEFAULT_VPC]
    } else if ONE_NINE_TWO.covers(*primary) {
        &[TEN, ONE_SEVEN_TWO, BENCHMARK]
    } else if BENCHMARK.covers(*primary) {
        &PRIVATE
    } else {
        &[TEN, ONE_SEVEN_TWO, ONE_NINE_TWO, BENCHMARK]
    };
    if restricted.iter().any(|other| other.overlaps(block)) { Err(Refused::Restricted) } else { Ok(()) }
}

/// Whether a subnet may have this block in a VPC with `blocks` (of both families) beside the subnets `present`.
/// IPv4: between /16 and /28. IPv6: between /44 and /64 in steps of four.
///
/// # Errors
/// [`Refused::Size`], [`Refused::Outside`] or [`Refused::Overlaps`], whatever comes first.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
pub fn check_subnet(blocks: &[Cidr], present: &[Cidr], block: Cidr) -> Result<(), Refused> {
    let good = if block.is_v4() {
        (16..=28).contains(&block.length)
    } else {
        (44..=64).contains(&block.length) && block.length.is_multiple_of(4)
    };
    if !good {
        return Err(Refused::Size);
    }
    if !blocks.iter().any(|outer| outer.covers(block)) {
        return Err(Refused::Outside);
    }
    match present.iter().find(|other| other.overlaps(block)) {
        Some(other) => Err(Refused::Overlaps(*other)),
        None => Ok(()),
    }
}

/// How many addresses of each subnet are AWS's own: the first four and the last.
pub const RESERVED: u128 = 5;

/// Whether nobody may have this address of the subnet: base, router (+1), resolver (+2), future use (+3), and the last.
pub fn is_reserved(subnet: Cidr, address: IpAddr) -> bool {
    let offset = bits(address).wrapping_sub(bits(subnet.base));
    subnet.contains(address) && (offset < 4 || offset == subnet.size() - 1)
}

/// The router's address in a subnet.
pub fn router(subnet: Cidr) -> IpAddr {
    from_bits(bits(subnet.base) | 1, subnet.base)
}

/// The resolver's address: base plus two of a VPC's primary block, and of each subnet.
pub fn resolver(block: Cidr) -> IpAddr {
    from_bits(bits(block.base) | 2, block.base)
}

/// The lowest address of the subnet that may be had and is not taken.
pub fn free(subnet: Cidr, taken: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let last = subnet.size() - 1;
    (4..last).filter_map(|n| subnet.nth(n)).find(|address| !taken(*address))
}

/// How many addresses can still be had when `taken` are.
pub fn available(subnet: Cidr, taken: u128) -> u128 {
    subnet.size().saturating_sub(RESERVED).saturating_sub(taken)
}

/// Prefixes with something behind each; finds the longest that contains an address.
#[derive(Clone, Debug)]
pub struct Prefixes<T> {
    entries: BTreeMap<Cidr, T>,
    /// The lengths that occur, with how often, per family.
    lengths: BTreeMap<(bool, u8), usize>,
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Prefixes { entries: BTreeMap::new(), lengths: BTreeMap::new() }
    }
}

impl<T> Prefixes<T> {
    /// Puts `value` behind `prefix`, in the place of what was there.
    pub fn insert(&mut self, prefix: Cidr, value: T) {
        if self.entries.insert(prefix, value).is_none() {
            *self.lengths.entry((prefix.is_v4(), prefix.length)).or_default() += 1;
        }
    }

    pub fn get(&self, prefix: Cidr) -> Option<&T> {
        self.entries.get(&prefix)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Cidr, &T)> {
        self.entries.iter().map(|(prefix, value)| (*prefix, value))
    }

    /// The longest prefix that `address` is in: one look-up per length that occurs.
    pub fn longest(&self, address: IpAddr) -> Option<(Cidr, &T)> {
        let v4 = address.is_ipv4();
        self.lengths.range((v4, 0)..=(v4, 128)).rev().find_map(|((_, length), _)| {
            let prefix = Cidr::new(address, *length)?;
            self.entries.get(&prefix).map(|value| (prefix, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn c(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn text_is_read_canonically_or_refused() {
        assert_eq!(c("100.68.0.18/18").to_string(), "100.68.0.0/18");
        assert_eq!(c("2600:1f14::5/56").to_string(), "2600:1f14::/56");
        for bad in
            ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/+8", "10.0.0.0/", "/8", "010.0.0.0/8"]
        {
            assert_eq!(bad.parse::<Cidr>(), Err(NotACidr), "{bad}");
        }
    }

    #[test]
    fn sizes_and_ends() {
        assert_eq!(c("10.0.0.0/24").size(), 256);
        assert_eq!(Cidr::ALL_V6.size(), u128::MAX);
        assert_eq!(c("10.0.1.0/24").last().to_string(), "10.0.1.255");
        assert_eq!(
            c("10.0.0.0/22").split(24).map(|b| b.to_string()).collect::<Vec<_>>(),
            ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
        );
        assert_eq!(c("10.0.0.0/24").split(20).count(), 0);
    }

    #[test]
    fn blocks_of_a_vpc() {
        assert_eq!(check_vpc(c("10.0.0.0/15")), Err(Refused::Size));
        assert_eq!(check_vpc(c("10.0.0.0/29")), Err(Refused::Size));
        assert_eq!(check_vpc(c("169.254.0.0/16")), Err(Refused::Restricted));
        assert_eq!(check_vpc(c("203.0.113.0/24")), Ok(()));
        let second = |primary: &str, other: &str| check_secondary(&[c(primary)], c(other));
        assert_eq!(second("10.1.0.0/16", "10.1.128.0/20"), Err(Refused::Overlaps(c("10.1.0.0/16"))));
        assert_eq!(second("10.1.0.0/16", "10.0.0.0/16"), Err(Refused::Restricted));
        assert_eq!(second("10.2.0.0/16", "10.0.0.0/16"), Ok(()));
        assert_eq!(second("10.2.0.0/16", "192.168.0.0/16"), Err(Refused::Restricted));
        assert_eq!(second("10.2.0.0/16", "100.64.0.0/16"), Ok(()));
        assert_eq!(second("172.16.0.0/16", "172.31.0.0/16"), Err(Refused::Restricted));
        assert_eq!(second("203.0.113.0/24", "10.0.0.0/16"), Err(Refused::Restricted));
    }

    #[test]
    fn blocks_of_a_subnet() {
        let vpc = [c("10.0.0.0/16"), c("2600:1f14:1::/56")];
        let present = [c("10.0.1.0/24")];
        assert_eq!(check_subnet(&vpc, &present, c("10.0.2.0/24")), Ok(()));
        assert_eq!(check_subnet(&vpc, &present, c("10.0.1.128/25")), Err(Refused::Overlaps(present[0])));
        assert_eq!(check_subnet(&vpc, &present, c("10.1.0.0/24")), Err(Refused::Outside));
        assert_eq!(check_subnet(&vpc, &present, c("10.0.3.0/29")), Err(Refused::Size));
        assert_eq!(check_subnet(&vpc, &present, c("2600:1f14:1:1::/64")), Ok(()));
        assert_eq!(check_subnet(&vpc, &present, c("2600:1f14:1:1::/63")), Err(Refused::Size));
    }

    #[test]
    fn reserved_and_free_addresses() {
        let subnet = c("10.0.1.0/28");
        let reserved: Vec<String> = (0..16)
            .filter_map(|n| subnet.nth(n))
            .filter(|a| is_reserved(subnet, *a))
            .map(|a| a.to_string())
            .collect();
        assert_eq!(reserved, ["10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.15"]);
        assert_eq!(available(subnet, 1), 10);
        assert_eq!(router(subnet).to_string(), "10.0.1.1");
        assert_eq!(resolver(c("10.0.0.0/16")).to_string(), "10.0.0.2");
        let mut taken = Vec::new();
        while let Some(address) = free(subnet, |a| taken.contains(&a)) {
            taken.push(address);
        }
        assert_eq!(taken.len(), 11);
        assert!(taken.iter().all(|a| subnet.contains(*a) && !is_reserved(subnet, *a)));
    }

    fn any_cidr() -> impl Strategy<Value = Cidr> {
        // A small space, so that prefixes meet.
        prop_oneof![
            (0u32..1024, 20u8..=32)
                .prop_map(|(n, l)| Cidr::new(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n * 7)), l)),
            (0u128..64, 118u8..=128).prop_map(|(n, l)| Cidr::new(IpAddr::V6(Ipv6Addr::from_bits(n * 5)), l)),
            Just(Some(Cidr::ALL_V4)),
        ]
        .prop_map(Option::unwrap)
    }

    proptest! {
        #[test]
        fn the_longest_prefix_is_what_a_search_of_all_finds(
            entries in prop::collection::vec(any_cidr(), 0..40), probe in any_cidr(),
        ) {
            let mut table = Prefixes::default();
            for (n, prefix) in entries.iter().enumerate() {
                table.insert(*prefix, n);
            }
            let naive = entries.iter().filter(|p| p.contains(probe.base())).max_by_key(|p| p.length());
            prop_assert_eq!(table.longest(probe.base()).map(|(prefix, _)| prefix), naive.copied());
        }

        #[test]
        fn covering_is_containing_both_ends(a in any_cidr(), b in any_cidr()) {
            prop_assert_eq!(a.covers(b), a.contains(b.base()) && a.contains(b.last()));
            let met = a.contains(b.base()) || b.contains(a.base());
            prop_assert_eq!(a.overlaps(b), met);
            prop_assert_eq!(a.to_string().parse::<Cidr>(), Ok(a));
        }
    }
}
