//! What a router remembers of connections.

use super::{Messages, attributes, messages};
use net::walk::{Packet, Transport};
use std::net::IpAddr;

const SUBSYSTEM: u16 = 1;
const NEW: u16 = 0;
const GET: u16 = 1;
const ANY_FAMILY: u8 = 0;
const ORIGINAL: u16 = 1;
const MARK: u16 = 8;

/// A connection of TCP or UDP.
pub(in crate::linux) struct Remembered {
    /// Its first packet.
    pub(in crate::linux) first: Packet,
    pub(in crate::linux) marks: u32,
    /// As the kernel names it.
    name: Vec<u8>,
}

pub(in crate::linux) fn ask_connections() -> Messages {
    let mut out = Messages::default();
    out.begin_dump((SUBSYSTEM << 8) | GET, &[ANY_FAMILY, 0, 0, 0], "read the connections");
    out.end();
    out
}

pub(in crate::linux) fn read_connections(answer: &[u8]) -> Vec<Remembered> {
    let new = messages(answer).filter(|message| message.kind == (SUBSYSTEM << 8) | NEW);
    new.filter_map(|message| connection(message.body.get(4..)?)).collect()
}

fn connection(body: &[u8]) -> Option<Remembered> {
    let value = |from, wanted| attributes(from).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let name = value(body, ORIGINAL)?;
    let (addresses, protocol) = (value(name, 1)?, value(name, 2)?);
    let address = |v4, v6| match value(addresses, v4) {
        Some(bytes) => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        None => Some(IpAddr::from(<[u8; 16]>::try_from(value(addresses, v6)?).ok()?)),
    };
    let port = |kind| Some(u16::from_be_bytes(value(protocol, kind)?.try_into().ok()?));
    let (source_port, destination_port) = (port(2), port(3));
    let transport = match value(protocol, 1)? {
        [6] => Transport::Tcp { source_port: source_port?, destination_port: destination_port? },
        [17] => Transport::Udp { source_port: source_port?, destination_port: destination_port? },
        _ => return None,
    };
    let first = Packet { source: address(1, 3)?, destination: address(2, 4)?, transport };
    let marks = value(body, MARK).and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    Some(Remembered { first, marks: marks.unwrap_or(0), name: name.to_vec() })
}

impl Messages {
    pub(in crate::linux) fn mark(&mut self, connection: &Remembered, marks: u32) {
        const INET: u8 = 2;
        const INET6: u8 = 10;
        let family = if connection.first.source.is_ipv4() { INET } else { INET6 };
        self.begin((SUBSYSTEM << 8) | NEW, 0, &[family, 0, 0, 0], "mark a connection");
        self.nest(ORIGINAL, |out| out.raw(&connection.name));
        self.be32(MARK, marks);
        self.end();
    }
}
