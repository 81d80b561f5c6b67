//! Reachability Analyzer: paths that are asked about, and analyses.

use base::Timestamp;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Path {
        1 => pub id: String,
        2 => pub created: Timestamp,
        3 => pub source: String,
        4 => pub destination: Option<String>,
        5 => pub source_ip: Option<String>,
        6 => pub destination_ip: Option<String>,
        7 => pub protocol: String,
        8 => pub port: Option<i64>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Analysis {
        1 => pub id: String,
        2 => pub path: String,
        3 => pub started: Timestamp,
        4 => pub found: bool,
        5 => pub forward: Vec<Hop>,
        6 => pub back: Vec<Hop>,
        /// Why there is no way.
        7 => pub obstacles: Vec<Hop>,
    }

    /// A component of a path.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Hop {
        /// `eni-…`, `sg-…`, `acl-…`, `rtb-…`, `igw-…`.
        1 => pub component: String,
        2 => pub rule: HopRule,
        3 => pub vpc: Option<String>,
        4 => pub source: String,
        5 => pub destination: String,
        6 => pub source_port: Option<i64>,
        7 => pub destination_port: Option<i64>,
        8 => pub protocol: String,
        /// Of an obstacle.
        9 => pub code: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct AclRule {
        /// None: the last one.
        1 => pub number: Option<i64>,
        2 => pub egress: bool,
        3 => pub allow: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct RouteRule {
        1 => pub destination: String,
        2 => pub target: String,
    }
}

store::record_enum! {
    /// What decided at a component.
    #[derive(Clone, PartialEq, Debug)]
    pub enum HopRule {
        1 => None,
        /// Whether it is about what leaves.
        2 => Group(bool),
        3 => Acl(AclRule),
        4 => Route(RouteRule),
    }
}

pub const PATHS: Table<Path> = Table::new(0x2111, "vpc/insights-paths");
pub const ANALYSES: Table<Analysis> = Table::new(0x2112, "vpc/insights-analyses");
