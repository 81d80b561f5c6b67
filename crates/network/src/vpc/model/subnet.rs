//! Subnets.

use net::Cidr;
use store::Table;

store::record! {
    /// A part of a VPC in one availability zone.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Subnet {
        1 => pub id: String,
        2 => pub vpc: String,
        3 => pub zone: String,
        /// Of IPv4; empty where the subnet is of IPv6 alone.
        4 => pub cidr: String,
        5 => pub ipv6: Vec<Ipv6Block>,
        6 => pub default_for_zone: bool,
        7 => pub map_public: bool,
        8 => pub assign_ipv6: bool,
        /// `resource-name`; empty is `ip-name`.
        10 => pub hostname_type: String,
        11 => pub name_dns_a: bool,
        12 => pub name_dns_aaaa: bool,
    }

    /// An IPv6 block of a VPC or subnet.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Ipv6Block {
        /// `vpc-cidr-assoc-…` or `subnet-cidr-assoc-…`.
        1 => pub id: String,
        2 => pub cidr: String,
    }
}

pub const SUBNETS: Table<Subnet> = Table::new(0x2103, "vpc/subnets");

impl Subnet {
    /// Whether it is of IPv6 alone.
    pub fn is_native(&self) -> bool {
        self.cidr.is_empty()
    }

    /// Of IPv4.
    pub fn block(&self) -> Option<Cidr> {
        self.cidr.parse().ok()
    }

    pub fn ipv6_block(&self) -> Option<Cidr> {
        self.ipv6.first()?.cidr.parse().ok()
    }

    /// The blocks of both families.
    pub fn blocks(&self) -> Vec<Cidr> {
        self.block().into_iter().chain(self.ipv6_block()).collect()
    }
}
