//! Route tables.

use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct RouteTable {
        1 => pub id: String,
        2 => pub vpc: String,
        /// The id of the main association, where this is the VPC's main table.
        3 => pub main: Option<String>,
        4 => pub associations: Vec<TableAssociation>,
        /// Those that were made. The local routes are those of the VPC's blocks, unless one here replaces the target.
        5 => pub routes: Vec<Route>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct TableAssociation {
        /// `rtbassoc-…`
        1 => pub id: String,
        /// A subnet, or an internet gateway (an edge association).
        2 => pub with: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Route {
        /// A block or a prefix list.
        1 => pub destination: String,
        2 => pub target: Target,
    }
}

store::record_enum! {
    /// Where a route leads; each by its id.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub enum Target {
        1 => Local,
        2 => InternetGateway(String),
        3 => EgressGateway(String),
        4 => Nat(String),
        5 => Interface(String),
        6 => Peering(String),
        7 => Endpoint(String),
    }
}

pub const ROUTE_TABLES: Table<RouteTable> = Table::new(0x2104, "vpc/route-tables");

impl Target {
    pub fn id(&self) -> &str {
        match self {
            Target::Local => "local",
            Target::InternetGateway(id)
            | Target::EgressGateway(id)
            | Target::Nat(id)
            | Target::Interface(id)
            | Target::Peering(id)
            | Target::Endpoint(id) => id,
        }
    }
}

impl RouteTable {
    pub fn route(&self, destination: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.destination == destination)
    }
}
