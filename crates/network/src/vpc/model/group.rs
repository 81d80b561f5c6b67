//! Security groups and their rules.

use base::AccountId;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Group {
        1 => pub id: String,
        2 => pub name: String,
        3 => pub description: String,
        4 => pub vpc: String,
        5 => pub rules: Vec<Rule>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Rule {
        /// `sgr-…`
        1 => pub id: String,
        2 => pub egress: bool,
        /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1` or another number.
        3 => pub protocol: String,
        /// A port or an ICMP type; none where the protocol has none.
        4 => pub from: Option<i64>,
        5 => pub to: Option<i64>,
        6 => pub peer: Peer,
        7 => pub description: Option<String>,
    }

    /// A group that a rule refers to.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Reference {
        1 => pub group: String,
        2 => pub account: AccountId,
        /// Where the group is across a peering connection.
        3 => pub vpc: Option<String>,
        4 => pub peering: Option<String>,
    }
}

store::record_enum! {
    /// The other end of a rule.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub enum Peer {
        1 => Nobody,
        2 => Ipv4(String),
        3 => Ipv6(String),
        4 => Group(Reference),
        5 => PrefixList(String),
    }
}

pub const GROUPS: Table<Group> = Table::new(0x210B, "vpc/groups");

impl Rule {
    /// Whether two rules let the same through: all but id and description.
    pub fn same(&self, other: &Rule) -> bool {
        let ports = |rule: &Rule| (rule.from, rule.to);
        self.egress == other.egress
            && self.protocol == other.protocol
            && ports(self) == ports(other)
            && self.peer.same(&other.peer)
    }
}

impl Peer {
    /// The group that this refers to.
    pub fn group(&self) -> Option<&Reference> {
        if let Peer::Group(reference) = self { Some(reference) } else { None }
    }

    fn same(&self, other: &Peer) -> bool {
        match (self, other) {
            (Peer::Group(a), Peer::Group(b)) => a.group == b.group,
            _ => self == other,
        }
    }
}
