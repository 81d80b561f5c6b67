//! Regions and their availability zones, as AWS publishes them for the commercial partition.

use std::fmt;

/// A region of the `aws` partition. Cheap to copy: it points into the table of all of them.
#[derive(Clone, Copy)]
pub struct Region(&'static (&'static str, &'static str, &'static str, &'static str));

/// Name, zone-id prefix, zone letters, and the name in words as AWS's messages have it. AWS: "Availability Zones" in the RAM and EC2 user guides.
static REGIONS: &[(&str, &str, &str, &str)] = &[
    ("us-east-1", "use1", "abcdef", "US East (N. Virginia)"),
    ("us-east-2", "use2", "abc", "US East (Ohio)"),
    ("us-west-1", "usw1", "ab", "US West (N. California)"),
    ("us-west-2", "usw2", "abcd", "US West (Oregon)"),
    ("af-south-1", "afs1", "abc", "Africa (Cape Town)"),
    ("ap-east-1", "ape1", "abc", "Asia Pacific (Hong Kong)"),
    ("ap-east-2", "ape2", "abc", "Asia Pacific (Taipei)"),
    ("ap-northeast-1", "apne1", "acd", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "apne2", "abcd", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "apne3", "abc", "Asia Pacific (Osaka)"),
    ("ap-south-1", "aps1", "abc", "Asia Pacific (Mumbai)"),
    ("ap-south-2", "aps2", "abc", "Asia Pacific (Hyderabad)"),
    ("ap-southeast-1", "apse1", "abc", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "apse2", "abc", "Asia Pacific (Sydney)"),
    ("ap-southeast-3", "apse3", "abc", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "apse4", "abc", "Asia Pacific (Melbourne)"),
    ("ap-southeast-5", "apse5", "abc", "Asia Pacific (Malaysia)"),
    ("ap-southeast-7", "apse7", "abc", "Asia Pacific (Thailand)"),
    ("ca-central-1", "cac1", "abd", "Canada (Central)"),
    ("ca-west-1", "caw1", "abc", "Canada West (Calgary)"),
    ("eu-central-1", "euc1", "abc", "EU (Frankfurt)"),
    ("eu-central-2", "euc2", "abc", "Europe (Zurich)"),
    ("eu-north-1", "eun1", "abc", "EU (Stockholm)"),
    ("eu-south-1", "eus1", "abc", "EU (Milan)"),
    ("eu-south-2", "eus2", "abc", "Europe (Spain)"),
    ("eu-west-1", "euw1", "abc", "EU (Ireland)"),
    ("eu-west-2", "euw2", "abc", "EU (London)"),
    ("eu-west-3", "euw3", "abc", "EU (Paris)"),
    ("il-central-1", "ilc1", "abc", "Israel (Tel Aviv)"),
    ("me-central-1", "mec1", "abc", "Middle East (UAE)"),
    ("me-south-1", "mes1", "abc", "Middle East (Bahrain)"),
    ("mx-central-1", "mxc1", "abc", "Mexico (Central)"),
    ("sa-east-1", "sae1", "abc", "South America (Sao Paulo)"),
];

impl Region {
    /// Where global services (IAM, STS's global endpoint, Organizations) keep their records and sign.
    pub const US_EAST_1: Region = Region(&REGIONS[0]);

    pub fn parse(name: &str) -> Option<Region> {
        REGIONS.iter().find(|r| r.0 == name).map(Region)
    }

    pub fn all() -> impl Iterator<Item = Region> {
        REGIONS.iter().map(Region)
    }

    pub fn name(self) -> &'static str {
        self.0.0
    }

    /// `US East (N. Virginia)`
    pub fn words(self) -> &'static str {
        self.0.3
    }

    /// `us-east-1a`, `us-east-1b`, ...
    pub fn zones(self) -> impl Iterator<Item = String> {
        self.0.2.chars().map(move |letter| format!("{}{letter}", self.0.0))
    }

    /// `use1-az1` for the first zone. AWS shuffles names per account; here the letters keep their order.
    pub fn zone_id(self, zone: &str) -> Option<String> {
        let letter = zone.strip_prefix(self.0.0)?;
        let index = self.0.2.chars().position(|l| letter.chars().eq([l]))?;
        Some(format!("{}-az{}", self.0.1, index + 1))
    }

    /// The name of the zone with an id.
    pub fn zone_named_by_id(self, id: &str) -> Option<String> {
        self.zones().find(|zone| self.zone_id(zone).as_deref() == Some(id))
    }
}

impl PartialEq for Region {
    fn eq(&self, other: &Region) -> bool {
        self.0.0 == other.0.0
    }
}

impl Eq for Region {}

impl std::hash::Hash for Region {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn zones_and_their_ids() {
        let region = Region::parse("ap-northeast-1").unwrap();
        let zones: Vec<_> = region.zones().collect();
        assert_eq!(zones, ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]);
        assert_eq!(region.zone_id("ap-northeast-1c").as_deref(), Some("apne1-az2"));
        assert_eq!(region.zone_id("us-east-1a"), None);
        assert_eq!(region.zone_named_by_id("apne1-az2").as_deref(), Some("ap-northeast-1c"));
        assert_eq!(region.zone_named_by_id("ap-northeast-1c"), None);
        assert_eq!(Region::parse("mars-north-1"), None);
    }
}
