//! VPC endpoints, the services that they lead to, and their names.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html>

use base::{Region, Timestamp};
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

/// Services whose endpoint services are called otherwise than their hosts.
const OTHER_NAMES: [(&str, &str); 2] = [("api.ecr", "ecr.api"), ("streams.dynamodb", "dynamodb-streams")];

/// `com.amazonaws.us-east-1.sqs`, of a service's endpoint prefix.
pub fn service_name(prefix: &str, region: Region) -> String {
    let other = OTHER_NAMES.iter().find(|(known, _)| *known == prefix);
    format!("com.amazonaws.{}.{}", region.name(), other.map_or(prefix, |(_, name)| name))
}

/// The endpoint prefix of a service by its name, the other way round.
pub fn prefix_of(service: &str, region: Region) -> &str {
    let start = format!("com.amazonaws.{}.", region.name());
    let name = service.strip_prefix(&start).unwrap_or(service);
    OTHER_NAMES.iter().find(|(_, other)| *other == name).map_or(name, |(prefix, _)| prefix)
}

/// S3, whose endpoints have names for buckets below their own.
pub const S3: &str = "s3";

/// The name that a service has on the internet, which endpoints can take over in their VPC; DynamoDB's endpoints do not offer
/// that, and S3's not here.
pub fn private_name(prefix: &str, region: Region) -> Option<String> {
    let offers = !matches!(prefix, S3 | "dynamodb" | "streams.dynamodb");
    offers.then(|| format!("{prefix}.{}.amazonaws.com", region.name()))
}

impl Endpoint {
    /// The endpoint prefix of its service.
    pub fn prefix(&self, region: Region) -> &str {
        prefix_of(&self.service, region)
    }

    /// `vpce-0a1b…-k3xq7bmd`: what its own names begin with.
    fn label(&self) -> String {
        // FNV-1a, as letters: the same on every run, like the id.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut hash = self.id.bytes().fold(0xcbf2_9ce4_8422_2325, step);
        let mut letters = String::new();
        for _ in 0..8 {
            letters.push(char::from(b"abcdefghijklmnopqrstuvwxyz"[(hash % 26) as usize]));
            hash /= 26;
        }
        format!("{}-{letters}", self.id)
    }

    /// The name that leads to all its interfaces.
    pub fn regional_name(&self, region: Region) -> String {
        format!("{}.{}.{}.vpce.amazonaws.com", self.label(), self.prefix(region), region.name())
    }

    /// The name that leads to the interface in one zone.
    pub fn zonal_name(&self, region: Region, zone: &str) -> String {
        format!("{}-{zone}.{}.{}.vpce.amazonaws.com", self.label(), self.prefix(region), region.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, prefix_of, private_name, service_name};
    use base::Region;

    #[test]
    fn services_and_names() {
        let here = Region::US_EAST_1;
        for (prefix, service) in [
            ("sqs", "com.amazonaws.us-east-1.sqs"),
            ("api.ecr", "com.amazonaws.us-east-1.ecr.api"),
            ("streams.dynamodb", "com.amazonaws.us-east-1.dynamodb-streams"),
        ] {
            assert_eq!(service_name(prefix, here), service);
            assert_eq!(prefix_of(service, here), prefix);
            let endpoint = Endpoint { id: "vpce-0a".into(), service: service.into(), ..Endpoint::default() };
            assert_eq!(endpoint.prefix(here), prefix);
            let (regional, zonal) = (endpoint.regional_name(here), endpoint.zonal_name(here, "us-east-1a"));
            let (label, rest) = regional.split_once('.').unwrap();
            assert_eq!(rest, format!("{prefix}.us-east-1.vpce.amazonaws.com"));
            assert_eq!(label.len(), "vpce-0a-".len() + 8);
            assert_eq!(zonal, format!("{label}-us-east-1a.{rest}"));
        }
        assert_eq!(private_name("sqs", here).as_deref(), Some("sqs.us-east-1.amazonaws.com"));
        for prefix in ["s3", "dynamodb", "streams.dynamodb"] {
            assert_eq!(private_name(prefix, here), None);
        }
    }
}
