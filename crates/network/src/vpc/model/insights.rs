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
        7 => pub explanation: Option<Hop>,
        8 => pub code: String,
    }

    /// A component of a path.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Hop {
        /// `eni-…`, `sg-…`, `acl-…`, `rtb-…`, `igw-…`.
        1 => pub component: String,
        /// The rule, entry or route that decided, in words that name it.
        2 => pub rule: String,
        3 => pub subnet: Option<String>,
        4 => pub vpc: Option<String>,
    }
}

pub const PATHS: Table<Path> = Table::new(0x2011, "vpc/insights-paths");
pub const ANALYSES: Table<Analysis> = Table::new(0x2012, "vpc/insights-analyses");
