//! VPCs.

use super::Ipv6Block;
use base::Timestamp;
use net::Cidr;
use store::Table;

store::record! {
    /// A virtual private cloud.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Vpc {
        1 => pub id: String,
        /// The primary block first.
        2 => pub cidrs: Vec<CidrBlock>,
        3 => pub ipv6: Vec<Ipv6Block>,
        /// Empty: none (`default` in requests and answers).
        4 => pub dhcp_options: String,
        /// `default` or `dedicated`.
        5 => pub tenancy: String,
        6 => pub is_default: bool,
        7 => pub dns_support: bool,
        8 => pub dns_hostnames: bool,
        10 => pub created: Timestamp,
    }

    /// An IPv4 block of a VPC.
    #[derive(Clone, PartialEq, Debug)]
    pub struct CidrBlock {
        /// `vpc-cidr-assoc-…`
        1 => pub id: String,
        2 => pub cidr: String,
    }

    /// The account has been given its default VPC in the region; it gets no second one by itself.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Seeded {
        1 => pub at: Timestamp,
        /// The options that new VPCs get.
        2 => pub dhcp_options: String,
    }
}

pub const VPCS: Table<Vpc> = Table::new(0x2101, "vpc/vpcs");
pub const SEEDED: Table<Seeded> = Table::new(0x2102, "vpc/seeded");

impl Vpc {
    /// The primary block.
    pub fn cidr(&self) -> &str {
        self.cidrs.first().map_or("", |block| &block.cidr)
    }

    /// The IPv4 blocks, primary first.
    pub fn blocks(&self) -> Vec<Cidr> {
        self.cidrs.iter().filter_map(|block| block.cidr.parse().ok()).collect()
    }

    /// The blocks of both families.
    pub fn all_blocks(&self) -> Vec<Cidr> {
        let ipv6 = self.ipv6.iter().filter_map(|block| block.cidr.parse().ok());
        self.blocks().into_iter().chain(ipv6).collect()
    }
}
