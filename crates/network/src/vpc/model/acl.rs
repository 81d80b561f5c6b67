//! Network ACLs.

use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct NetworkAcl {
        1 => pub id: String,
        2 => pub vpc: String,
        3 => pub is_default: bool,
        /// Without the last one, `*`, which denies.
        4 => pub entries: Vec<AclEntry>,
        5 => pub associations: Vec<AclAssociation>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct AclEntry {
        1 => pub number: i64,
        2 => pub egress: bool,
        /// A number, `-1` for all.
        3 => pub protocol: String,
        4 => pub allow: bool,
        5 => pub cidr: String,
        6 => pub ports: Option<PortRange>,
        /// Type (`from`) and code (`to`) of ICMP.
        7 => pub icmp: Option<PortRange>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct PortRange {
        1 => pub from: i64,
        2 => pub to: i64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct AclAssociation {
        /// `aclassoc-…`
        1 => pub id: String,
        2 => pub subnet: String,
    }
}

pub const NETWORK_ACLS: Table<NetworkAcl> = Table::new(0x210C, "vpc/network-acls");

impl NetworkAcl {
    /// A VPC's default ACL lets everything through.
    pub fn allow_all(ipv6: bool) -> Vec<AclEntry> {
        let entry = |number, egress, cidr: &str| AclEntry {
            number,
            egress,
            protocol: "-1".into(),
            allow: true,
            cidr: cidr.into(),
            ..AclEntry::default()
        };
        let mut entries = vec![entry(100, true, "0.0.0.0/0"), entry(100, false, "0.0.0.0/0")];
        if ipv6 {
            entries.extend([entry(101, true, "::/0"), entry(101, false, "::/0")]);
        }
        entries
    }
}
