//! Internet gateways and egress-only internet gateways.

use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct InternetGateway {
        1 => pub id: String,
        2 => pub vpc: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct EgressGateway {
        1 => pub id: String,
        2 => pub vpc: String,
    }
}

pub const INTERNET_GATEWAYS: Table<InternetGateway> = Table::new(0x2105, "vpc/internet-gateways");
pub const EGRESS_GATEWAYS: Table<EgressGateway> = Table::new(0x2106, "vpc/egress-gateways");
