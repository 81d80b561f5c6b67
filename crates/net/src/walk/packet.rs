//! A packet: what rules look at.

use std::fmt;
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp {
        source_port: u16,
        destination_port: u16,
    },
    Udp {
        source_port: u16,
        destination_port: u16,
    },
    /// ICMP, or ICMPv6 between IPv6 addresses.
    Icmp {
        kind: u8,
        code: u8,
    },
    /// Any other, by its IANA number.
    Protocol(u8),
}

const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

impl Transport {
    pub fn tcp(destination_port: u16) -> Transport {
        Transport::Tcp { source_port: 49152, destination_port }
    }

    pub fn udp(destination_port: u16) -> Transport {
        Transport::Udp { source_port: 49152, destination_port }
    }

    /// An echo request between addresses like this one.
    pub fn echo(like: IpAddr) -> Transport {
        Transport::Icmp { kind: if like.is_ipv4() { ECHO_REQUEST } else { ECHO_REQUEST_V6 }, code: 0 }
    }

    fn answer(self) -> Transport {
        match self {
            Transport::Tcp { source_port, destination_port } => {
                Transport::Tcp { source_port: destination_port, destination_port: source_port }
            }
            Transport::Udp { source_port, destination_port } => {
                Transport::Udp { source_port: destination_port, destination_port: source_port }
            }
            Transport::Icmp { kind: ECHO_REQUEST, code } => Transport::Icmp { kind: ECHO_REPLY, code },
            Transport::Icmp { kind: ECHO_REQUEST_V6, code } => Transport::Icmp { kind: ECHO_REPLY_V6, code },
            other => other,
        }
    }

    /// As a NAT gateway sends it on: from an ephemeral port. Which one is chance; here the same where it may stay.
    pub(super) fn with_ephemeral_port(self) -> Transport {
        match self {
            Transport::Tcp { source_port, destination_port } => {
                Transport::Tcp { source_port: source_port.max(1024), destination_port }
            }
            Transport::Udp { source_port, destination_port } => {
                Transport::Udp { source_port: source_port.max(1024), destination_port }
            }
            other => other,
        }
    }
}

impl Packet {
    /// What the receiver sends back.
    pub fn answer(self) -> Packet {
        Packet { source: self.destination, destination: self.source, transport: self.transport.answer() }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transport::Tcp { destination_port, .. } => write!(f, "tcp/{destination_port}"),
            Transport::Udp { destination_port, .. } => write!(f, "udp/{destination_port}"),
            Transport::Icmp { kind, code } => write!(f, "icmp {kind}/{code}"),
            Transport::Protocol(number) => write!(f, "protocol {number}"),
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.source, self.destination, self.transport)
    }
}
