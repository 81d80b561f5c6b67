//! Elastic IP addresses.

use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Address {
        /// `eipalloc-…`
        1 => pub id: String,
        2 => pub address: String,
        3 => pub association: Option<AddressAssociation>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct AddressAssociation {
        /// `eipassoc-…`
        1 => pub id: String,
        2 => pub interface: String,
        3 => pub private: String,
    }
}

pub const ADDRESSES: Table<Address> = Table::new(0x2108, "vpc/addresses");
