//! Kinds of resources: the word in ARNs and tags, the beginning of ids, and the codes of AWS for ids that are wrong.
//!
//! AWS's spelling follows no rule (`InvalidVpcID.NotFound`, `InvalidGroup.NotFound`, `InvalidRouteTableId.Malformed`
//! beside `InvalidRouteTableID.NotFound`), so each is written out.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use base::Rng;

/// One kind of resource.
#[derive(Debug)]
pub struct Kind {
    /// In ARNs and as `ResourceType` of tags: `route-table`.
    pub noun: &'static str,
    /// Of ids, without the hyphen: `rtb`.
    pub prefix: &'static str,
    pub not_found: &'static str,
    pub malformed: &'static str,
    /// `The {words} 'rtb-1' does not exist`.
    pub words: &'static str,
    /// The condition key that holds the id: `ec2:RouteTableID`.
    pub id_key: &'static str,
}

macro_rules! kinds {
    ($( $name:ident = $noun:literal, $prefix:literal, $not_found:literal, $malformed:literal, $words:literal, $key:literal; )+) => {
        $( pub static $name: Kind = Kind {
            noun: $noun, prefix: $prefix, not_found: $not_found, malformed: $malformed, words: $words, id_key: $key,
        }; )+

        /// All of them.
        pub static ALL: &[&Kind] = &[ $( &$name ),+ ];
    };
}

kinds! {
    VPC = "vpc", "vpc", "InvalidVpcID.NotFound", "InvalidVpcId.Malformed", "vpc ID", "ec2:VpcID";
    SUBNET = "subnet", "subnet", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "subnet ID", "ec2:SubnetID";
    ROUTE_TABLE = "route-table", "rtb", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed", "routeTable ID", "ec2:RouteTableID";
    INTERNET_GATEWAY = "internet-gateway", "igw", "InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed", "internetGateway ID", "ec2:InternetGatewayID";
    EGRESS_ONLY_GATEWAY = "egress-only-internet-gateway", "eigw", "InvalidGatewayID.NotFound", "InvalidEgressOnlyInternetGatewayId.Malformed", "eigw ID", "";
    NAT_GATEWAY = "natgateway", "nat", "NatGatewayNotFound", "NatGatewayMalformed", "Nat Gateway", "";
    ELASTIC_IP = "elastic-ip", "eipalloc", "InvalidAllocationID.NotFound", "InvalidAllocationID.NotFound", "allocation ID", "ec2:AllocationId";
    NETWORK_INTERFACE = "network-interface", "eni", "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed", "networkInterface ID", "ec2:NetworkInterfaceID";
    SECURITY_GROUP = "security-group", "sg", "InvalidGroup.NotFound", "InvalidGroupId.Malformed", "security group", "ec2:SecurityGroupID";
    SECURITY_GROUP_RULE = "security-group-rule", "sgr", "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed", "security group rule ID", "";
    NETWORK_ACL = "network-acl", "acl", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed", "networkAcl ID", "ec2:NetworkAclID";
    DHCP_OPTIONS = "dhcp-options", "dopt", "InvalidDhcpOptionsID.NotFound", "InvalidDhcpOptionsId.Malformed", "dhcpOptions ID", "ec2:DhcpOptionsID";
    PEERING = "vpc-peering-connection", "pcx", "InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed", "vpcPeeringConnection ID", "ec2:VpcPeeringConnectionID";
    PREFIX_LIST = "prefix-list", "pl", "InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed", "prefix list ID", "";
    VPC_ENDPOINT = "vpc-endpoint", "vpce", "InvalidVpcEndpointId.NotFound", "InvalidVpcEndpointId.Malformed", "Vpc Endpoint Id", "";
    INSIGHTS_PATH = "network-insights-path", "nip", "InvalidNetworkInsightsPathId.NotFound", "InvalidNetworkInsightsPathId.Malformed", "networkInsightsPath ID", "";
    INSIGHTS_ANALYSIS = "network-insights-analysis", "nia", "InvalidNetworkInsightsAnalysisId.NotFound", "InvalidNetworkInsightsAnalysisId.Malformed", "networkInsightsAnalysis ID", "";
    FLOW_LOG = "vpc-flow-log", "fl", "InvalidFlowLogId.NotFound", "InvalidFlowLogId.Malformed", "flow log ID", "";
    INSTANCE = "instance", "i", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "instance ID", "ec2:InstanceID";
    IMAGE = "image", "ami", "InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "image id", "ec2:ImageID";
    VOLUME = "volume", "vol", "InvalidVolume.NotFound", "InvalidVolumeID.Malformed", "volume", "ec2:VolumeID";
    SNAPSHOT = "snapshot", "snap", "InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed", "snapshot", "ec2:SnapshotID";
    REPLACE_ROOT_TASK = "replace-root-volume-task", "replacevol", "InvalidReplaceRootVolumeTaskId.NotFound", "InvalidReplaceRootVolumeTaskId.Malformed", "replace root volume task ID", "";
    KEY_PAIR = "key-pair", "key", "InvalidKeyPair.NotFound", "InvalidKeyPair.Format", "key pair", "";
    LAUNCH_TEMPLATE = "launch-template", "lt", "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.Malformed", "launch template ID", "";
    SPOT_REQUEST = "spot-instances-request", "sir", "InvalidSpotInstanceRequestID.NotFound", "InvalidSpotInstanceRequestID.Malformed", "spot instance request ID", "";
    FLEET = "fleet", "fleet", "InvalidFleetId.NotFound", "InvalidFleetId.Malformed", "fleet ID", "";
    SPOT_FLEET = "spot-fleet-request", "sfr", "InvalidSpotFleetRequestId.NotFound", "InvalidSpotFleetRequestId.Malformed", "spot fleet request ID", "";
    CAPACITY_RESERVATION = "capacity-reservation", "cr", "InvalidCapacityReservationId.NotFound", "InvalidCapacityReservationId.Malformed", "Capacity Reservation ID", "";
    PLACEMENT_GROUP = "placement-group", "pg", "InvalidPlacementGroup.Unknown", "InvalidPlacementGroupId.Malformed", "placement group", "";
}

/// AWS's ids are a prefix and eight or seventeen hexadecimal digits,
const DIGITS: [usize; 2] = [8, 17];
/// but for some, which are UUIDs.
const UUIDS: [&str; 2] = ["fleet", "sfr"];

impl Kind {
    /// A new id.
    pub fn id(&self, rng: &Rng) -> String {
        if UUIDS.contains(&self.prefix) {
            return format!("{}-{}", self.prefix, base::id::uuid(rng));
        }
        base::id::ec2_resource_id(rng, self.prefix)
    }

    /// Whether the text has the form of an id of this kind.
    pub fn fits(&self, id: &str) -> bool {
        let digits = id.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-'));
        let is_hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
        if UUIDS.contains(&self.prefix) {
            let parts: Vec<&str> = digits.map(|digits| digits.split('-').collect()).unwrap_or_default();
            let fits = |(part, length): (&&str, usize)| part.len() == length && part.chars().all(is_hex);
            return parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(fits);
        }
        // Recorded: those of instances may have fewer digits, and capital ones.
        if *self == INSTANCE {
            let is_hex = |digits: &str| digits.chars().all(|c| c.is_ascii_hexdigit());
            return digits.is_some_and(|digits| matches!(digits.len(), 1..=8 | 17) && is_hex(digits));
        }
        digits.is_some_and(|digits| DIGITS.contains(&digits.len()) && digits.chars().all(is_hex))
    }

    /// Whether it is a volume or a snapshot.
    pub fn is_of_disks(&self) -> bool {
        *self == VOLUME || *self == SNAPSHOT
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.noun == other.noun
    }
}

impl Eq for Kind {}

/// The kind with this noun.
pub fn of_noun(noun: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.noun == noun)
}

/// The kind that an id belongs to by its form.
pub fn of_id(id: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.fits(id))
}

#[cfg(test)]
mod tests {
    use super::{ALL, FLEET, INSTANCE, SUBNET, VPC, of_id};

    #[test]
    fn ids_have_a_form() {
        assert!(VPC.fits("vpc-0123456789abcdef0") && VPC.fits("vpc-12345678"));
        for bad in ["vpc-", "vpc-xyz", "vpc-0123456789ABCDEF0", "subnet-12345678", "vpc-123456789", ""] {
            assert!(!VPC.fits(bad), "{bad}");
        }
        for good in ["i-0", "i-12", "i-1234567", "i-ABCDEF12", "i-0Ffffffffffffffff"] {
            assert!(INSTANCE.fits(good), "{good}");
        }
        for bad in ["i-", "i-000000000", "i-0000000000000001", "i-web", "0"] {
            assert!(!INSTANCE.fits(bad), "{bad}");
        }
        assert_eq!(of_id("subnet-12345678"), Some(&SUBNET));
        assert_eq!(of_id("x-12345678"), None);
        assert_eq!(of_id("fleet-598fb973-87b7-422d-be4d-6b0809bfff0a"), Some(&FLEET));
        assert!(!FLEET.fits("fleet-12345678") && !FLEET.fits("fleet-598fb973-87b7-422d-be4d"));
    }

    #[test]
    fn nouns_and_prefixes_are_unique() {
        for (at, kind) in ALL.iter().enumerate() {
            assert!(
                ALL[..at].iter().all(|k| k.noun != kind.noun && k.prefix != kind.prefix),
                "{}",
                kind.noun
            );
        }
    }
}
