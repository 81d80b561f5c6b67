//! `Fn::Cidr`: the first blocks of a size within a block.

use super::{Wrong, wrong};
use std::net::{Ipv4Addr, Ipv6Addr};

/// AWS: the bits of a block where none are told.
pub(super) const BITS: u32 = 8;

/// `count` blocks, each of `bits` host bits.
pub(super) fn blocks(block: &str, count: u32, bits: u32) -> Result<Vec<String>, Wrong> {
    let refused = || {
        Wrong(format!(
            "Template error: every Fn::Cidr object requires a valid block, a count from 1 to 256 and the bits of the blocks: {block}, {count}, {bits}"
        ))
    };
    let (address, length) = block.split_once('/').ok_or_else(refused)?;
    let length: u32 = length.parse().map_err(|_| refused())?;
    let (first, width) = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(v4), _) => (u128::from(v4.to_bits()), 32),
        (_, Ok(v6)) => (v6.to_bits(), 128),
        _ => return Err(refused()),
    };
    if length > width || bits == 0 || bits > width - length || !(1..=256).contains(&count) {
        return Err(refused());
    }
    let room = width - length - bits;
    if room < 32 && u64::from(count) > 1u64 << room {
        return wrong(format!(
            "Template error: Fn::Cidr cannot make {count} blocks of {bits} bits within {block}"
        ));
    }
    let base = if length == 0 { 0 } else { first >> (width - length) << (width - length) };
    let prefix = width - bits;
    let block = |i: u32| {
        let start = base + (u128::from(i) << bits);
        match u32::try_from(start) {
            Ok(start) if width == 32 => format!("{}/{prefix}", Ipv4Addr::from_bits(start)),
            _ => format!("{}/{prefix}", Ipv6Addr::from_bits(start)),
        }
    };
    Ok((0..count).map(block).collect())
}
