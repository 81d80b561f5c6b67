//! Links, addresses, routes and rules, as the routing family has them.

use super::{FLAG_CREATE, FLAG_EXCL, FLAG_REPLACE, Messages, attributes, messages};
use net::cidr::Cidr;
use std::collections::BTreeSet;
use std::net::IpAddr;

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const NEW_NEIGHBOUR: u16 = 28;
const NEW_RULE: u16 = 32;
const DELETE_RULE: u16 = 33;
const SET_NEIGHBOUR_TABLE: u16 = 67;

const UP: u32 = 1;
/// The loopback link, in every namespace.
pub(in crate::linux) const LOOPBACK: u32 = 1;
/// As large as in a VPC.
const MTU: u32 = 9001;

/// One end of a new pair of links.
#[derive(Debug)]
pub(in crate::linux) struct End<'a> {
    pub(in crate::linux) name: &'a str,
    pub(in crate::linux) index: u32,
    pub(in crate::linux) mac: [u8; 6],
    pub(in crate::linux) group: u32,
}

/// Where a route leads, as the kernel has it.
#[derive(Clone, Copy, Debug)]
pub(in crate::linux) enum Leads {
    /// Out of a link; to the destination itself, or to this neighbour.
    Out(u32, Option<IpAddr>),
    Throw,
    Local,
}

fn link_header(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    header
}

fn family(v4: bool) -> u8 {
    if v4 { 2 } else { 10 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Asks for all links, without their statistics.
pub(in crate::linux) fn ask_links() -> Messages {
    const EXTENDED: u16 = 29;
    const NO_STATISTICS: u32 = 8;
    let mut out = Messages::default();
    out.begin_dump(GET_LINK, &link_header(0, 0, 0), "read the links");
    out.u32(EXTENDED, NO_STATISTICS);
    out.end();
    out
}

/// The links that carry packets, by the kernel's answer.
pub(in crate::linux) fn working_links(answer: &[u8]) -> BTreeSet<u32> {
    const STATE: u16 = 16;
    const WORKS: u8 = 6;
    let links = messages(answer).filter(|message| message.kind == NEW_LINK);
    links
        .filter_map(|message| {
            let index = u32::from_ne_bytes(message.body.get(4..8)?.try_into().ok()?);
            let works = attributes(message.body.get(16..)?).any(|a| a == (STATE, &[WORKS][..]));
            works.then_some(index)
        })
        .collect()
}

impl Messages {
    /// Makes a pair of links, `near` here and `far` in the namespace that the host process has open as `namespace`.
    pub(in crate::linux) fn pair(&mut self, near: &End<'_>, far: &End<'_>, namespace: u32) {
        const NAME: u16 = 3;
        const ADDRESS: u16 = 1;
        const MTU_KIND: u16 = 4;
        const INFO: u16 = 18;
        const GROUP: u16 = 27;
        const NAMESPACE: u16 = 28;
        let step = format!("make the link {}", near.name);
        self.begin(NEW_LINK, FLAG_CREATE | FLAG_EXCL, &link_header(near.index, 0, 0), step);
        self.text(NAME, near.name);
        self.attribute(ADDRESS, &near.mac);
        self.u32(MTU_KIND, MTU);
        self.u32(GROUP, near.group);
        self.nest(INFO, |out| {
            out.text(1, "veth");
            out.nest(2, |out| {
                out.nest(1, |out| {
                    out.raw(&link_header(far.index, 0, 0));
                    out.text(NAME, far.name);
                    out.attribute(ADDRESS, &far.mac);
                    out.u32(MTU_KIND, MTU);
                    out.u32(GROUP, far.group);
                    out.u32(NAMESPACE, namespace);
                });
            });
        });
        self.end();
    }

    pub(in crate::linux) fn set_up(&mut self, index: u32, up: bool) {
        let flags = if up { UP } else { 0 };
        self.begin(SET_LINK, 0, &link_header(index, flags, UP), format!("switch link {index}"));
        self.end();
    }

    pub(in crate::linux) fn delete_link(&mut self, index: u32) {
        self.begin(DELETE_LINK, 0, &link_header(index, 0, 0), format!("delete link {index}"));
        self.end();
    }

    /// Deletes links together: one by one the kernel would wait for each.
    pub(in crate::linux) fn delete_links(&mut self, indexes: &[u32]) {
        const GROUP: u16 = 27;
        const GONE: u32 = 0x7fff_ffff;
        if let [one] = indexes {
            return self.delete_link(*one);
        }
        for index in indexes {
            self.begin(SET_LINK, 0, &link_header(*index, 0, 0), format!("take link {index} out"));
            self.u32(GROUP, GONE);
            self.end();
        }
        if !indexes.is_empty() {
            self.begin(DELETE_LINK, 0, &link_header(0, 0, 0), "delete links");
            self.u32(GROUP, GONE);
            self.end();
        }
    }

    /// An address on a link; with its subnet's prefix length. There is nobody else who could have it.
    pub(in crate::linux) fn address(&mut self, index: u32, address: IpAddr, length: u8, there: bool) {
        const NO_DUPLICATE_DETECTION: u8 = 2;
        let kind = if there { NEW_ADDRESS } else { DELETE_ADDRESS };
        let flags = if there { FLAG_CREATE | FLAG_REPLACE } else { 0 };
        let mut header = [family(address.is_ipv4()), length, NO_DUPLICATE_DETECTION, 0, 0, 0, 0, 0];
        header[4..8].copy_from_slice(&index.to_ne_bytes());
        self.begin(kind, flags, &header, format!("address {address}/{length}"));
        self.attribute(2, &octets(address));
        self.attribute(1, &octets(address));
        self.end();
    }

    /// A route in a table, in the place of what was there.
    pub(in crate::linux) fn route(&mut self, table: u32, to: Cidr, leads: Leads) {
        const STATIC: u8 = 4;
        const ON_LINK: u32 = 4;
        const HOST: u8 = 254;
        let (kind, scope) = match leads {
            Leads::Out(_, None) => (1, if to.is_v4() { 253 } else { 0 }),
            Leads::Out(..) => (1, 0),
            Leads::Local => (2, if to.is_v4() { HOST } else { 0 }),
            Leads::Throw => (9, 0),
        };
        let flags = if let Leads::Out(_, Some(_)) = leads { ON_LINK } else { 0 };
        let mut header = [family(to.is_v4()), to.length(), 0, 0, 0, STATIC, scope, kind, 0, 0, 0, 0];
        header[8..12].copy_from_slice(&flags.to_ne_bytes());
        let step = format!("route {to} in table {table}");
        self.begin(NEW_ROUTE, FLAG_CREATE | FLAG_REPLACE, &header, step);
        self.destination(table, to);
        match leads {
            Leads::Out(index, via) => {
                self.u32(4, index);
                if let Some(via) = via {
                    self.attribute(5, &octets(via));
                }
            }
            Leads::Local => self.u32(4, LOOPBACK),
            Leads::Throw => {}
        }
        self.end();
    }

    pub(in crate::linux) fn delete_route(&mut self, table: u32, to: Cidr) {
        const NOWHERE: u8 = 255;
        let header = [family(to.is_v4()), to.length(), 0, 0, 0, 0, NOWHERE, 0, 0, 0, 0, 0];
        self.begin(DELETE_ROUTE, 0, &header, format!("delete the route {to} in table {table}"));
        self.destination(table, to);
        self.end();
    }

    fn destination(&mut self, table: u32, to: Cidr) {
        self.attribute(1, &octets(to.base()));
        self.u32(15, table);
    }

    /// Packets with this mark ask the table of the same number.
    pub(in crate::linux) fn mark_rule(&mut self, v4: bool, mark: u32, there: bool) {
        const PRIORITY: u32 = 100;
        let header = [family(v4), 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let (kind, flags) = if there { (NEW_RULE, FLAG_CREATE | FLAG_EXCL) } else { (DELETE_RULE, 0) };
        self.begin(kind, flags, &header, format!("rule for mark {mark}"));
        self.u32(6, PRIORITY);
        self.u32(10, mark);
        self.u32(15, mark);
        self.end();
    }

    /// Packets from this address ask this table, or do so no more.
    pub(in crate::linux) fn source_rule(&mut self, source: IpAddr, table: u32, there: bool) {
        const PRIORITY: u32 = 200;
        let length = if source.is_ipv4() { 32 } else { 128 };
        let header = [family(source.is_ipv4()), 0, length, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let (kind, flags) = if there { (NEW_RULE, FLAG_CREATE | FLAG_EXCL) } else { (DELETE_RULE, 0) };
        self.begin(kind, flags, &header, format!("rule for {source}"));
        self.attribute(2, &octets(source));
        self.u32(6, PRIORITY);
        self.u32(15, table);
        self.end();
    }

    /// A neighbour that need not be looked for.
    pub(in crate::linux) fn neighbour(&mut self, index: u32, address: IpAddr, mac: [u8; 6]) {
        const PERMANENT: u16 = 0x80;
        let mut header = [family(address.is_ipv4()), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header[4..8].copy_from_slice(&index.to_ne_bytes());
        header[8..10].copy_from_slice(&PERMANENT.to_ne_bytes());
        self.begin(NEW_NEIGHBOUR, FLAG_CREATE | FLAG_REPLACE, &header, format!("neighbour {address}"));
        self.attribute(1, &octets(address));
        self.attribute(2, &mac);
        self.end();
    }

    /// Answers for others at once: the kernel would wait up to 0.8 s, in case that they answer themselves.
    pub(in crate::linux) fn answer_at_once(&mut self, index: u32) {
        const PARAMETERS: u16 = 6;
        self.begin(
            SET_NEIGHBOUR_TABLE,
            FLAG_REPLACE,
            &[2, 0, 0, 0],
            format!("neighbour table of link {index}"),
        );
        self.text(1, "arp_cache");
        self.nest(PARAMETERS, |out| {
            out.u32(1, index);
            out.attribute(13, &0u64.to_ne_bytes());
        });
        self.end();
    }
}
