//! VPC endpoints.

use base::Timestamp;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Endpoint {
        1 => pub id: String,
        2 => pub kind: EndpointKind,
        3 => pub vpc: String,
        /// `com.amazonaws.us-east-1.s3`
        4 => pub service: String,
        5 => pub policy: String,
        6 => pub route_tables: Vec<String>,
        7 => pub subnets: Vec<String>,
        8 => pub groups: Vec<String>,
        9 => pub interfaces: Vec<String>,
        10 => pub private_dns: bool,
        11 => pub created: Timestamp,
        /// Set once it can be used; a gateway endpoint can be at once.
        12 => pub available: bool,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum EndpointKind {
        1 => Gateway,
        2 => Interface,
    }
}

pub const ENDPOINTS: Table<Endpoint> = Table::new(0x2110, "vpc/endpoints");

impl EndpointKind {
    pub fn word(self) -> &'static str {
        match self {
            EndpointKind::Gateway => "Gateway",
            EndpointKind::Interface => "Interface",
        }
    }
}
