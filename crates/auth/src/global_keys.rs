//! The global condition keys (`aws:...`) with their types.
//!
//! The service authorization reference lists a global key only where a service's table happens to repeat it, so
//! the whole list stands here, from the page "AWS global condition context keys" of the IAM user guide.

use crate::actions::{ConditionKey, KeyKind};

use KeyKind::{Arn, Bool, Date, Ip, Numeric, String};

const fn one(name: &'static str, kind: KeyKind) -> ConditionKey {
    ConditionKey { name, kind, many: false }
}

const fn many(name: &'static str, kind: KeyKind) -> ConditionKey {
    ConditionKey { name, kind, many: true }
}

/// Every global key by name.
pub const ALL: &[ConditionKey] = &[
    one("aws:AssumedRoot", String),
    one("aws:CalledViaAWSMCP", String),
    many("aws:CalledVia", String),
    one("aws:CalledViaFirst", String),
    one("aws:CalledViaLast", String),
    one("aws:ChatbotSourceArn", Arn),
    one("aws:CurrentTime", Date),
    one("aws:Ec2InstanceSourcePrivateIPv4", Ip),
    one("aws:Ec2InstanceSourceVpc", String),
    one("aws:EpochTime", Date),
    one("aws:FederatedProvider", String),
    one("aws:IsMcpServiceAction", Bool),
    one("aws:MultiFactorAuthAge", Numeric),
    one("aws:MultiFactorAuthPresent", Bool),
    one("aws:PrincipalAccount", String),
    one("aws:PrincipalArn", Arn),
    one("aws:PrincipalIsAWSService", Bool),
    one("aws:PrincipalOrgID", String),
    one("aws:PrincipalOrgMasterAccountId", String),
    many("aws:PrincipalOrgPaths", String),
    one("aws:PrincipalServiceName", String),
    many("aws:PrincipalServiceNamesList", String),
    one("aws:PrincipalTag/${TagKey}", String),
    one("aws:PrincipalType", String),
    one("aws:RequestTag/${TagKey}", String),
    one("aws:RequestedRegion", String),
    one("aws:ResourceAccount", String),
    one("aws:ResourceOrgID", String),
    many("aws:ResourceOrgPaths", String),
    one("aws:ResourceTag/${TagKey}", String),
    one("aws:SecureTransport", Bool),
    one("aws:SourceAccount", String),
    one("aws:SourceArn", Arn),
    one("aws:SourceIdentity", String),
    one("aws:SourceIp", Ip),
    one("aws:SourceOrgID", String),
    many("aws:SourceOrgPaths", String),
    one("aws:SourceOwner", String),
    one("aws:SourceVpc", String),
    one("aws:SourceVpcArn", Arn),
    one("aws:SourceVpce", String),
    many("aws:TagKeys", String),
    one("aws:TokenIssueTime", Date),
    one("aws:UserAgent", String),
    one("aws:ViaAWSService", Bool),
    one("aws:VpceAccount", String),
    one("aws:VpceOrgID", String),
    many("aws:VpceOrgPaths", String),
    one("aws:VpcSourceIp", Ip),
    one("aws:referer", String),
    one("aws:userid", String),
    one("aws:username", String),
];

/// The global key that a policy names, in any case.
pub fn find(name: &str) -> Option<ConditionKey> {
    ALL.iter().copied().find(|key| key.matches(name))
}
