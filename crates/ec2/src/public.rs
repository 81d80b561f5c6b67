//! The cloud's public addresses: one pool for all accounts and regions.
//!
//! They are from 198.18.0.0/16, half of what RFC 2544 keeps for benchmarks: no router of the internet carries it, so
//! that they can never be somebody else's. (The other half may be a VPC's own.)

use crate::errors::{Ec2Error, Plain};
use kernel::Cx;
use std::net::Ipv4Addr;
use store::{Key, Table, Tx};

store::record! {
    /// Who has an address.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Holder {
        1 => pub account: base::AccountId,
        2 => pub region: base::Region,
        /// An allocation or a network interface.
        3 => pub id: String,
    }
}

/// By the address as a number.
pub const PUBLIC: Table<Holder> = Table::new(0x1F04, "ec2/public");

/// 198.18.0.0/16.
const FIRST: u32 = 0xC612_0000;
const SIZE: u32 = 1 << 16;
/// Draws before the pool is searched from the drawn place on.
const DRAWS: u32 = 8;

/// Whether an address is from the pool.
pub fn is_ours(address: Ipv4Addr) -> bool {
    (FIRST..FIRST + SIZE).contains(&u32::from(address))
}

fn key(address: Ipv4Addr) -> Key {
    Key::global().u32(address.into())
}

/// # Errors
/// When the store cannot be read.
pub fn holder(cx: &Cx<'_>, address: Ipv4Addr) -> Result<Option<Holder>, Ec2Error> {
    Ok(PUBLIC.get(cx.tx, &key(address))?)
}

/// Takes a free address.
///
/// # Errors
/// `InsufficientAddressCapacity`.
pub fn take(cx: &mut Cx<'_>, id: &str) -> Result<Ipv4Addr, Ec2Error> {
    // Neither the first nor the last: they look like a network's own.
    let usable = u64::from(SIZE - 2);
    let drawn = |cx: &Cx<'_>| cx.rng().below(usable) as u32;
    let mut at = drawn(cx);
    for tried in 0..SIZE - 2 {
        let address = Ipv4Addr::from(FIRST + 1 + at);
        if PUBLIC.get(cx.tx, &key(address))?.is_none() {
            give(cx, address, id);
            return Ok(address);
        }
        at = if tried < DRAWS { drawn(cx) } else { (at + 1) % (SIZE - 2) };
    }
    Err(Plain::InsufficientAddressCapacity.into())
}

/// Takes this address, which the caller has found free.
pub fn give(cx: &mut Cx<'_>, address: Ipv4Addr, id: &str) {
    let holder = Holder { account: cx.account, region: cx.region, id: id.to_owned() };
    PUBLIC.put(cx.tx, &key(address), &holder);
}

/// Gives an address back.
pub fn release(tx: &mut Tx, address: Ipv4Addr) {
    PUBLIC.delete(tx, &key(address));
}

/// `ec2-198-18-0-7.compute-1.amazonaws.com`, or with the region elsewhere than in us-east-1.
pub fn dns_name(region: base::Region, address: Ipv4Addr) -> String {
    let dashed = address.to_string().replace('.', "-");
    match region.name() {
        "us-east-1" => format!("ec2-{dashed}.compute-1.amazonaws.com"),
        name => format!("ec2-{dashed}.{name}.compute.amazonaws.com"),
    }
}
