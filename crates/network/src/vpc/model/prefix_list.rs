//! Prefix lists: customers' with their versions, and the cloud's own.

use base::{Region, Timestamp};
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct PrefixList {
        1 => pub id: String,
        2 => pub name: String,
        3 => pub ipv6: bool,
        4 => pub max: i64,
        /// The last is the current one.
        5 => pub versions: Vec<PrefixVersion>,
        6 => pub modified: Option<Timestamp>,
        /// Of the cloud: nobody's to change.
        7 => pub managed: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct PrefixVersion {
        1 => pub number: i64,
        2 => pub entries: Vec<PrefixEntry>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct PrefixEntry {
        1 => pub cidr: String,
        2 => pub description: Option<String>,
    }
}

pub const PREFIX_LISTS: Table<PrefixList> = Table::new(0x210F, "vpc/prefix-lists");

impl PrefixList {
    pub fn current(&self) -> &[PrefixEntry] {
        self.versions.last().map_or(&[], |version| &version.entries)
    }

    pub fn version(&self) -> i64 {
        self.versions.last().map_or(1, |version| version.number)
    }
}

/// The services that gateway endpoints lead to, and where they answer within this cloud's VPCs: halves of TEST-NET-2
/// (RFC 5737), which belongs to nobody.
const SERVICES: [(&str, &str); 2] = [("s3", "198.51.100.0/25"), ("dynamodb", "198.51.100.128/25")];

/// The cloud's own lists of a region. Their ids are made of the region's and service's names, so that they are the
/// same on every run; those of us-east-1 are AWS's.
pub fn managed(region: Region) -> Vec<PrefixList> {
    let list = |(service, cidr): (&str, &str)| PrefixList {
        id: managed_id(region, service),
        name: format!("com.amazonaws.{}.{service}", region.name()),
        max: 0,
        versions: vec![PrefixVersion {
            number: 1,
            entries: vec![PrefixEntry { cidr: cidr.into(), description: None }],
        }],
        managed: true,
        ..PrefixList::default()
    };
    SERVICES.into_iter().map(list).collect()
}

fn managed_id(region: Region, service: &str) -> String {
    match (region.name(), service) {
        ("us-east-1", "s3") => "pl-63a5400a".into(),
        ("us-east-1", "dynamodb") => "pl-02cd2c6b".into(),
        (region, service) => {
            // FNV-1a.
            let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            let hash = region.bytes().chain(service.bytes()).fold(0x811c_9dc5, step);
            format!("pl-{hash:08x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::managed;
    use base::Region;

    #[test]
    fn each_region_has_lists_of_its_own() {
        let mut ids: Vec<String> = Region::all().flat_map(managed).map(|list| list.id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(ids.iter().all(|id| ec2::kind::PREFIX_LIST.fits(id)));
    }
}
