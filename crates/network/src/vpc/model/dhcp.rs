//! DHCP option sets.

use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct DhcpOptions {
        1 => pub id: String,
        2 => pub options: Vec<(String, Vec<String>)>,
    }
}

pub const DHCP_OPTIONS: Table<DhcpOptions> = Table::new(0x210D, "vpc/dhcp-options");
