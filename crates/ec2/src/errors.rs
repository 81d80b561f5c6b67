//! What EC2 refuses. Sentences are made where the names are known; the codes stand here.

use crate::kind::{INSTANCE, Kind};
use wire::Fault;

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
    pub enum Plain {
        AddressUnavailable(address: String) = 400, "InvalidAddress.NotFound", "The Elastic IP address '{address}' does not exist or is not available.";
        AnalysisExists(what: String) = 400, "AnalysisExistsForNetworkInsightsPath", "{what}";
        AuthFailure(what: String) = 403, "AuthFailure", "{what}";
        CannotDelete(what: String) = 400, "CannotDelete", "{what}";
        CreditsNotSupported(kind: String) = 400, "InstanceCreditSpecification.NotSupported", "The {kind} instance type does not support T2 Unlimited.";
        DefaultSubnetAlreadyExists(what: String) = 400, "DefaultSubnetAlreadyExistsInAvailabilityZone", "{what}";
        DefaultVpcAlreadyExists = 400, "DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.";
        DefaultVpcDoesNotExist = 400, "DefaultVpcDoesNotExist", "No default VPC for this user";
        DependencyViolation(what: String) = 400, "DependencyViolation", "{what}";
        DuplicateSubnetsInSameZone(what: String) = 400, "DuplicateSubnetsInSameZone", "{what}";
        FastRestoreLimit(max: usize) = 400, "FastSnapshotRestoreLimitExceeded", "At most {max} snapshots may be enabled for fast restores in a region.";
        FleetNotModifiable(id: String) = 400, "FleetNotInModifiableState", "Fleet Request: {id} is not a modifiable fleet request type.";
        FlowLogAlreadyExists = 400, "FlowLogAlreadyExists", "Error. There is an existing Flow Log with the same configuration and log destination.";
        FlowLogsNotFound(count: usize, ids: String) = 400, "InvalidFlowLogId.NotFound", "These flow log ids in the input list are not found: [TotalCount: {count}] {ids}";
        FilterLimitExceeded(max: usize) = 400, "FilterLimitExceeded", "The maximum number of filter values specified on a single call is {max}";
        GatewayNotAttached(what: String) = 400, "Gateway.NotAttached", "{what}";
        IdempotentParameterMismatch(token: String) = 400, "IdempotentParameterMismatch", "The request uses the same client token as a previous, but non-identical request. Client token: {token}";
        TokenUsed(what: &'static str) = 400, "IdempotentParameterMismatch", "{what}";
        IncorrectInstanceState(what: String) = 400, "IncorrectInstanceState", "{what}";
        IncorrectSpotRequestState(what: String) = 400, "IncorrectSpotRequestState", "{what}";
        IncorrectState(what: String) = 400, "IncorrectState", "{what}";
        InsufficientFreeAddresses(what: String) = 400, "InsufficientFreeAddressesInSubnet", "{what}";
        InsufficientInstanceCapacity(kind: String, zone: String, others: String) = 500, "InsufficientInstanceCapacity", "We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. You can currently get {kind} capacity by not specifying an Availability Zone in your request or choosing {others}.";
        InsufficientAddressCapacity = 400, "InsufficientAddressCapacity", "Insufficient capacity. The pool of public addresses of this cloud is used up.";
        InvalidAddressNotFound(address: String) = 400, "InvalidAddress.NotFound", "Address '{address}' not found.";
        InvalidAddressInUse(what: String) = 400, "InvalidIPAddress.InUse", "{what}";
        InvalidAssociation(id: String) = 400, "InvalidAssociationID.NotFound", "The association ID '{id}' does not exist";
        InvalidAttachment(id: String) = 400, "InvalidAttachmentID.NotFound", "The attachment '{id}' does not exist";
        InvalidCidrAssociation(id: String) = 400, "InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '{id}' does not exist";
        InvalidSubnetCidrAssociation(id: String) = 400, "InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block association ID '{id}' does not exist";
        InvalidFleetConfig(what: String) = 400, "InvalidFleetConfig", "{what}";
        InvalidSpotFleetConfig(what: String) = 400, "InvalidSpotFleetRequestConfig", "{what}";
        InvalidGroupDuplicate(name: String, vpc: String) = 400, "InvalidGroup.Duplicate", "The security group '{name}' already exists for VPC '{vpc}'";
        InvalidGroupNotFound(what: String) = 400, "InvalidGroup.NotFound", "{what}";
        InvalidGroupReserved = 400, "InvalidGroup.Reserved", "Cannot use reserved security group name: default";
        InvalidInstanceId(what: String) = 400, "InvalidInstanceID", "{what}";
        InvalidId(id: String) = 400, "InvalidID", "The ID '{id}' is not valid";
        InterfaceInUse(what: String) = 400, "InvalidNetworkInterface.InUse", "{what}";
        ImageAttributeItem(value: String, kind: String) = 400, "InvalidAMIAttributeItemValue", "Invalid attribute item value \"{value}\" for {kind} item type.";
        ImageNameDuplicate(name: String, id: String) = 400, "InvalidAMIName.Duplicate", "AMI name {name} is already in use by AMI {id}";
        ImageNameMalformed = 400, "InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
        ImageUnavailable(id: String) = 400, "InvalidAMIID.Unavailable", "The image id '[{id}]' is not available";
        InvalidRequest(what: String) = 400, "InvalidRequest", "{what}";
        InvalidImage(what: String) = 400, "InvalidAMIID.NotFound", "{what}";
        InvalidInstanceType(what: String) = 400, "InvalidInstanceType", "{what}";
        InvalidKeyFormat = 400, "InvalidKey.Format", "Key is not in valid OpenSSH public key format";
        InvalidKeyPairDuplicate = 400, "InvalidKeyPair.Duplicate", "The keypair already exists";
        InvalidKeyPairNotFound(name: String) = 400, "InvalidKeyPair.NotFound", "The key pair '{name}' does not exist";
        InvalidUserData(what: String) = 400, "InvalidUserData.Malformed", "{what}";
        InvalidNetworkAclEntry(what: String) = 400, "InvalidNetworkAclEntry.NotFound", "{what}";
        InvalidNextToken = 400, "InvalidPaginationToken", "The specified pagination token is not valid.";
        InvalidParameter(what: String) = 400, "InvalidParameter", "{what}";
        InvalidParameterCombination(what: String) = 400, "InvalidParameterCombination", "{what}";
        InvalidParameterValue(what: String) = 400, "InvalidParameterValue", "{what}";
        InvalidPermissionDuplicate(what: String) = 400, "InvalidPermission.Duplicate", "{what}";
        InvalidPermissionMalformed(what: String) = 400, "InvalidPermission.Malformed", "{what}";
        InvalidPermissionNotFound = 400, "InvalidPermission.NotFound", "The specified rule does not exist in this security group.";
        PlacementGroupDuplicate(name: String) = 400, "InvalidPlacementGroup.Duplicate", "The placement group '{name}' already exists.";
        PlacementGroupInUse(what: String) = 400, "InvalidPlacementGroup.InUse", "{what}";
        PlacementGroupLimit(max: usize) = 400, "PlacementGroupLimitExceeded", "The maximum number of placement groups ({max}) has been reached.";
        PlacementGroupUnknown(name: String) = 400, "InvalidPlacementGroup.Unknown", "The Placement Group '{name}' is unknown.";
        InvalidPolicyDocument(what: String) = 400, "InvalidPolicyDocument", "{what}";
        InvalidPrefixListVersion(what: String) = 400, "PrefixListVersionNotFound", "{what}";
        InvalidRouteNotFound(table: String, destination: String) = 400, "InvalidRoute.NotFound", "no route with destination-cidr-block {destination} in route table {table}";
        InvalidServiceName(name: String) = 400, "InvalidServiceName", "The Vpc Endpoint Service '{name}' does not exist";
        InvalidStateTransition(what: String) = 400, "InvalidStateTransition", "{what}";
        InvalidSubnetConflict(cidr: String) = 400, "InvalidSubnet.Conflict", "The CIDR '{cidr}' conflicts with another subnet";
        InvalidSubnetRange(cidr: String) = 400, "InvalidSubnet.Range", "The CIDR '{cidr}' is invalid.";
        InvalidTagKey(what: String) = 400, "InvalidTagKey.Malformed", "{what}";
        InvalidVpcRange(cidr: String) = 400, "InvalidVpc.Range", "The CIDR '{cidr}' is invalid.";
        InvalidVpcRestricted(cidr: String) = 400, "InvalidVpc.Range", "The CIDR '{cidr}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html#VPC_Sizing";
        KeyPairLimitExceeded = 400, "KeyPairLimitExceeded", "Maximum of 5000 keypairs reached.";
        InvalidLaunchTemplateId(id: String) = 400, "InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID {id}, does not exist.";
        InvalidLaunchTemplateName(name: String) = 400, "InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name {name}, does not exist.";
        InvalidLaunchTemplateVersion(version: String, id: String) = 400, "InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version {version} for the launch template with ID {id}.";
        LaunchTemplatesNotFound = 400, "InvalidLaunchTemplateName.NotFoundException", "At least one of the launch templates specified in the request does not exist.";
        LaunchTemplateIdUnknown = 400, "InvalidLaunchTemplateId.NotFound", "At least one of the launch templates specified in the request does not exist.";
        LaunchTemplateIdsMalformed(ids: String) = 400, "InvalidLaunchTemplateId.Malformed", "The following launch template ids are malformed: {ids}";
        TemplateImageMalformed(id: String) = 400, "InvalidAMIID.Malformed", "The image ID '{id}' is not valid. The expected format is ami-xxxxxxxx or ami-xxxxxxxxxxxxxxxxx.";
        NoDefaultVersion(version: String) = 400, "InvalidLaunchTemplateId.VersionNotFound", "The launch template version {version} is not found for the specified launch template.";
        LaunchTemplateExists = 400, "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.";
        LaunchTemplateNameMalformed = 400, "InvalidLaunchTemplateName.MalformedException", "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.";
        LaunchTemplateLimit = 400, "LaunchTemplateLimitExceeded", "The maximum number of launch templates has been reached.";
        LaunchTemplateVersionLimit = 400, "LaunchTemplateVersionLimitExceeded", "The maximum number of versions of the launch template has been reached.";
        MissingParameter(name: String) = 400, "MissingParameter", "The request must contain the parameter {name}";
        MissingTarget(what: String) = 400, "MissingParameter", "{what}";
        ElasticIpNotFound(id: String) = 400, "InvalidElasticIpID.NotFound", "The elasticIp ID '{id}' does not exist";
        NetworkAclEntryExists(number: i64) = 400, "NetworkAclEntryAlreadyExists", "The network acl entry identified by {number} already exists.";
        OperationNotPermitted(what: String) = 400, "OperationNotPermitted", "{what}";
        PeeringExists(what: String) = 400, "VpcPeeringConnectionAlreadyExists", "{what}";
        PrefixListVersionMismatch(what: String) = 400, "PrefixListVersionMismatch", "{what}";
        ResourceAlreadyAssigned(what: String) = 400, "Resource.AlreadyAssigned", "{what}";
        ResourceAlreadyAssociated(what: String) = 400, "Resource.AlreadyAssociated", "{what}";
        RouteAlreadyExists(destination: String) = 400, "RouteAlreadyExists", "The route identified by {destination} already exists.";
        RouteNotSupported(what: String) = 400, "RouteNotSupported", "{what}";
        ServiceLinkedRoleNotPermitted(what: &'static str) = 403, "AuthFailure.ServiceLinkedRoleCreationNotPermitted", "The provided credentials do not have permission to create the service-linked role for {what}.";
        SnapshotGone = 400, "InvalidSnapshot.NotFound", "Snapshot does not exist";
        SpotMaxPriceTooLow(what: String) = 400, "SpotMaxPriceTooLow", "{what}";
        TagLimitExceeded = 400, "TagLimitExceeded", "More than 50 tags specified";
        Unsupported(what: String) = 400, "Unsupported", "{what}";
        UnsupportedHibernation(what: String) = 400, "UnsupportedHibernationConfiguration", "{what}";
        UnsupportedOperation(what: String) = 400, "UnsupportedOperation", "{what}";
        UnsupportedTenancy(what: String) = 400, "UnsupportedTenancy", "{what}";
        InvalidInstanceAttributeValue(what: String) = 400, "InvalidInstanceAttributeValue", "{what}";
        InvalidBlockDeviceMapping(what: String) = 400, "InvalidBlockDeviceMapping", "{what}";
        InvalidAttachmentNotFound(what: String) = 400, "InvalidAttachment.NotFound", "{what}";
        UnauthorizedOperation(what: String) = 403, "UnauthorizedOperation", "{what}";
        UnknownVolumeType(what: String) = 400, "UnknownVolumeType", "{what}";
        InvalidKmsKeyState(what: String) = 400, "InvalidKmsKey.InvalidState", "{what}";
        InvalidParameterDependency(what: String) = 400, "InvalidParameterDependency", "{what}";
        InvalidSnapshotInUse(what: String) = 400, "InvalidSnapshot.InUse", "{what}";
        InvalidVolumeZone(what: String) = 400, "InvalidVolume.ZoneMismatch", "{what}";
        InvalidZone(zone: String) = 400, "InvalidZone.NotFound", "The zone '{zone}' does not exist.";
        VolumeInUse(what: String) = 400, "VolumeInUse", "{what}";
        VolumeModificationRate(until: String) = 400, "VolumeModificationRateExceeded", "You've reached the maximum modification rate per volume limit. Wait until {until} before you can issue the next modification request for this volume.";
        VpcIdNotSpecified = 400, "VPCIdNotSpecified", "No default VPC for this user";
        ReservationCapacityExceeded = 400, "ReservationCapacityExceeded", "The targeted Capacity Reservation does not have enough available instance capacity to fulfill your request. Either increase the instance capacity for the targeted Capacity Reservation, or target a different Capacity Reservation.";
        InvalidCapacityReservationState(id: String, state: String) = 400, "InvalidCapacityReservationState", "The Capacity Reservation '{id}' is {state}, and not active.";
        RequestLimitExceeded = 503, "RequestLimitExceeded", "Request limit exceeded.";
        Unavailable = 503, "Unavailable", "The server is overloaded and can't handle the request.";
        InternalError = 500, "InternalError", "An internal error has occurred";
    }
}

wire::errors! {
    /// Quotas: each has a code of its own.
    /// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
    pub enum Limit {
        Vpc = 400, "VpcLimitExceeded", "The maximum number of VPCs has been reached.";
        Subnet = 400, "SubnetLimitExceeded", "The maximum number of subnets has been reached.";
        Cidr(vpc: String, max: usize) = 400, "CidrLimitExceeded", "This network {vpc} has met its maximum number of allowed CIDRs: {max}";
        RouteTable = 400, "RouteTableLimitExceeded", "The maximum number of route tables has been reached.";
        Route(table: String) = 400, "RouteLimitExceeded", "The maximum number of routes has been reached for route table {table}.";
        InternetGateway = 400, "InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.";
        EgressOnlyGateway = 400, "EgressOnlyInternetGatewayLimitExceeded", "The maximum number of egress-only internet gateways has been reached.";
        NatGateway(max: usize) = 400, "NatGatewayLimitExceeded", "Performing this operation would exceed the limit of {max} NAT gateways";
        Address = 400, "AddressLimitExceeded", "The maximum number of addresses has been reached.";
        NetworkInterface = 400, "NetworkInterfaceLimitExceeded", "The maximum number of network interfaces has been reached.";
        PrivateAddresses(max: usize) = 400, "PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit of {max}.";
        SecurityGroup = 400, "SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.";
        GroupsPerInterface = 400, "SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.";
        Rules = 400, "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.";
        NetworkAcl = 400, "NetworkAclLimitExceeded", "The maximum number of network acls has been reached.";
        NetworkAclEntry = 400, "NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached.";
        PendingPeerings = 400, "OutstandingVpcPeeringConnectionLimitExceeded", "The maximum number of outstanding VPC peering connection requests has been reached.";
        Peerings = 400, "ActiveVpcPeeringConnectionPerVpcLimitExceeded", "The maximum number of active VPC peering connections per VPC has been reached.";
        PrefixList = 400, "PrefixListLimitExceeded", "The maximum number of prefix lists has been reached.";
        PrefixListEntries(max: i64) = 400, "PrefixListMaxEntriesExceeded", "The request would exceed the maximum number of entries of the prefix list ({max}).";
        Volume = 400, "VolumeLimitExceeded", "You have exceeded your maximum gp2 storage limit of volumes in this region.";
        Interfaces(count: i64, kind: String) = 400, "AttachmentLimitExceeded", "Interface count {count} exceeds the limit for {kind}";
        AttachedVolumes = 400, "AttachmentLimitExceeded", "You have exceeded the maximum number of volumes that can be attached to this instance.";
        PendingSnapshots(max: usize) = 400, "ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress snapshots for a single volume exceeded ({max}).";
        FlowLog = 400, "FlowLogsLimitExceeded", "The maximum number of flow logs has been reached.";
        VpcEndpoint = 400, "VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.";
    }
}

/// An error on its way to the caller.
#[derive(Clone, PartialEq, Debug)]
pub struct Ec2Error(Box<Fault>);

impl Ec2Error {
    /// The resource is not there.
    pub fn not_found(kind: &Kind, id: &str) -> Ec2Error {
        Ec2Error(Box::new(Fault::new(
            400,
            kind.not_found,
            // Recorded: of disks with a full stop, of all others without.
            format!("The {} '{id}' does not exist{}", kind.words, if kind.is_of_disks() { "." } else { "" }),
        )))
    }

    /// Several resources are not there.
    pub fn none_found(kind: &Kind, ids: &[&str]) -> Ec2Error {
        let what = format!("The {}s '{}' do not exist", kind.words, ids.join(", "));
        Ec2Error(Box::new(Fault::new(400, kind.not_found, what)))
    }

    /// NAT gateways have words of their own.
    pub fn nat_not_found(id: &str) -> Ec2Error {
        Ec2Error(Box::new(Fault::new(400, "NatGatewayNotFound", format!("NatGateway {id} was not found"))))
    }

    /// The id does not look like one of its kind.
    pub fn malformed(kind: &Kind, id: &str) -> Ec2Error {
        // Recorded: of instances it does not say what it expects.
        let hint =
            if *kind == INSTANCE { String::new() } else { format!(" (expecting \"{}-...\")", kind.prefix) };
        let what = format!("Invalid id: \"{id}\"{hint}");
        Ec2Error(Box::new(Fault::new(400, kind.malformed, what)))
    }

    /// The id does not look like one of its kind, as newer operations say it; `noun` as they write it.
    pub fn not_an_id(code: &str, noun: &str, id: &str) -> Ec2Error {
        Ec2Error(Box::new(Fault::new(400, code, format!("The {noun} ID '{id}' is malformed"))))
    }

    /// `InvalidParameterValue` in EC2's usual words; `name` as they write it, `cidrBlock`.
    pub fn value(value: impl std::fmt::Display, name: &str, why: &str) -> Ec2Error {
        Plain::InvalidParameterValue(format!("Value ({value}) for parameter {name} is invalid. {why}")).into()
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether a token of a page is none.
    pub fn is_of_token(&self) -> bool {
        self.0.code == "InvalidPaginationToken"
    }

    /// Whether there is no capacity for a machine, which may change.
    pub fn is_capacity(&self) -> bool {
        self.0.code == "InsufficientInstanceCapacity"
    }

    /// Whether it is the cloud's fault, and not the caller's.
    pub fn is_ours(&self) -> bool {
        self.0.status >= 500
    }
}

/// Whether another service has refused a call for want of permission.
pub fn is_denied(fault: &Fault) -> bool {
    fault.code.starts_with("AccessDenied")
}

impl From<Plain> for Ec2Error {
    fn from(plain: Plain) -> Ec2Error {
        Ec2Error(Box::new(plain.into()))
    }
}

impl From<Limit> for Ec2Error {
    fn from(limit: Limit) -> Ec2Error {
        Ec2Error(Box::new(limit.into()))
    }
}

impl From<Fault> for Ec2Error {
    fn from(fault: Fault) -> Ec2Error {
        Ec2Error(Box::new(fault))
    }
}

impl From<Ec2Error> for Fault {
    fn from(error: Ec2Error) -> Fault {
        *error.0
    }
}

impl From<kernel::Failure> for Ec2Error {
    fn from(_: kernel::Failure) -> Ec2Error {
        Plain::InternalError.into()
    }
}

impl From<store::StoreError> for Ec2Error {
    fn from(error: store::StoreError) -> Ec2Error {
        kernel::Failure::from(error).into()
    }
}
