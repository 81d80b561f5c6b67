//! Network interfaces, and which private addresses of a subnet are in use.

use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Interface {
        1 => pub id: String,
        2 => pub subnet: String,
        3 => pub vpc: String,
        4 => pub zone: String,
        5 => pub description: String,
        /// `0a:1b:…`
        6 => pub mac: String,
        /// The primary one first.
        7 => pub addresses: Vec<PrivateAddress>,
        8 => pub ipv6: Vec<String>,
        9 => pub groups: Vec<String>,
        /// Set where packets of others may pass.
        10 => pub no_source_dest_check: bool,
        11 => pub kind: InterfaceKind,
        /// The service that manages it.
        12 => pub requester: Option<String>,
        /// The id of the principal who asked for it by itself.
        13 => pub maker: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct PrivateAddress {
        1 => pub address: String,
        /// The Elastic IP address that is associated with it.
        2 => pub allocation: Option<String>,
    }

    /// A private address of a subnet that somebody has.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Used {
        1 => pub interface: String,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum InterfaceKind {
        1 => Interface,
        2 => Nat,
        3 => Endpoint,
        4 => Lambda,
    }
}

pub const INTERFACES: Table<Interface> = Table::new(0x2109, "vpc/interfaces");
/// By subnet and address.
pub const USED: Table<Used> = Table::new(0x210A, "vpc/used-addresses");

/// The key of a private address; with none, the prefix of all of the subnet.
pub fn used_key(regional: Key, subnet: &str, address: Option<std::net::Ipv4Addr>) -> Key {
    let key = regional.str(subnet);
    match address {
        Some(address) => key.u32(address.into()),
        None => key,
    }
}

impl InterfaceKind {
    pub fn word(self) -> &'static str {
        match self {
            InterfaceKind::Interface => "interface",
            InterfaceKind::Nat => "nat_gateway",
            InterfaceKind::Endpoint => "vpc_endpoint",
            InterfaceKind::Lambda => "lambda",
        }
    }
}

impl Interface {
    /// The primary private address.
    pub fn primary(&self) -> &str {
        self.addresses.first().map_or("", |a| &a.address)
    }
}
