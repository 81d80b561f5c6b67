//! Service-linked roles: which role a service principal gets, with which policy.
//!
//! Facts from each service's "Using service-linked roles" page. `CreateServiceLinkedRole` for a principal that is
//! not in this table must fail, as AWS fails for a name it does not know; creating a role that no service
//! would use is no success.

use super::managed::{self, ManagedPolicy};

/// The role that a service principal is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLinkedRole {
    /// `autoscaling.amazonaws.com`; case-sensitive.
    pub principal: &'static str,
    /// `AWSServiceRoleForAutoScaling`, before any suffix.
    pub role_name: &'static str,
    /// The name of the managed policy attached to it, under `/aws-service-role/`.
    pub policy_name: &'static str,
    /// What the service writes when it makes the role itself; empty where AWS sets none or the text is not known.
    pub description: &'static str,
    /// Whether `CustomSuffix` is accepted, so that there may be several such roles.
    pub custom_suffix: bool,
}

const fn role(
    principal: &'static str,
    role_name: &'static str,
    policy_name: &'static str,
    description: &'static str,
) -> ServiceLinkedRole {
    ServiceLinkedRole { principal, role_name, policy_name, description, custom_suffix: false }
}

/// The roles by principal.
pub const ALL: &[ServiceLinkedRole] = &[
    role(
        "access-analyzer.amazonaws.com",
        "AWSServiceRoleForAccessAnalyzer",
        "AccessAnalyzerServiceRolePolicy",
        "",
    ),
    role(
        "acm.amazonaws.com",
        "AWSServiceRoleForCertificateManager",
        "CertificateManagerServiceRolePolicy",
        "",
    ),
    role(
        "apidestinations.events.amazonaws.com",
        "AWSServiceRoleForAmazonEventBridgeApiDestinations",
        "AmazonEventBridgeApiDestinationsServiceRolePolicy",
        "",
    ),
    role("apprunner.amazonaws.com", "AWSServiceRoleForAppRunner", "AppRunnerServiceRolePolicy", ""),
    ServiceLinkedRole {
        principal: "autoscaling.amazonaws.com",
        role_name: "AWSServiceRoleForAutoScaling",
        policy_name: "AutoScalingServiceRolePolicy",
        description: "Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling",
        custom_suffix: true,
    },
    role("backup.amazonaws.com", "AWSServiceRoleForBackup", "AWSBackupServiceLinkedRolePolicyForBackup", ""),
    role("batch.amazonaws.com", "AWSServiceRoleForBatch", "BatchServiceRolePolicy", ""),
    role(
        "cks.kms.amazonaws.com",
        "AWSServiceRoleForKeyManagementServiceCustomKeyStores",
        "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy",
        "",
    ),
    role("cloudtrail.amazonaws.com", "AWSServiceRoleForCloudTrail", "CloudTrailServiceRolePolicy", ""),
    role("config.amazonaws.com", "AWSServiceRoleForConfig", "AWSConfigServiceRolePolicy", ""),
    role(
        "contributorinsights.dynamodb.amazonaws.com",
        "AWSServiceRoleForDynamoDBCloudWatchContributorInsights",
        "DynamoDBCloudWatchContributorInsightsServiceRolePolicy",
        "",
    ),
    role(
        "custom-resource.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_CustomResource",
        "AWSApplicationAutoScalingCustomResourcePolicy",
        "",
    ),
    role("dax.amazonaws.com", "AWSServiceRoleForDAX", "DAXServiceRolePolicy", ""),
    role(
        "delivery.logs.amazonaws.com",
        "AWSServiceRoleForLogDelivery",
        "AWSServiceRoleForLogDeliveryPolicy",
        "",
    ),
    role(
        "dynamodb.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
        "",
    ),
    role(
        "ec2-instance-connect.amazonaws.com",
        "AWSServiceRoleForEC2InstanceConnect",
        "Ec2InstanceConnectEndpoint",
        "",
    ),
    role(
        "ec2.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_EC2SpotFleetRequest",
        "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy",
        "",
    ),
    role("ec2fleet.amazonaws.com", "AWSServiceRoleForEC2Fleet", "AWSEC2FleetServiceRolePolicy", ""),
    role(
        "ecs.amazonaws.com",
        "AWSServiceRoleForECS",
        "AmazonECSServiceRolePolicy",
        "Role to enable Amazon ECS to manage your cluster.",
    ),
    role(
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
        "",
    ),
    role(
        "eks-nodegroup.amazonaws.com",
        "AWSServiceRoleForAmazonEKSNodegroup",
        "AWSServiceRoleForAmazonEKSNodegroup",
        "",
    ),
    role("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS", "AmazonEKSServiceRolePolicy", ""),
    role("elasticache.amazonaws.com", "AWSServiceRoleForElastiCache", "ElastiCacheServiceRolePolicy", ""),
    role(
        "elasticbeanstalk.amazonaws.com",
        "AWSServiceRoleForElasticBeanstalk",
        "AWSElasticBeanstalkServiceRolePolicy",
        "",
    ),
    role(
        "elasticfilesystem.amazonaws.com",
        "AWSServiceRoleForAmazonElasticFileSystem",
        "AmazonElasticFileSystemServiceRolePolicy",
        "",
    ),
    role(
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
        "Allows ELB to call AWS services on your behalf.",
    ),
    role("elasticmapreduce.amazonaws.com", "AWSServiceRoleForEMRCleanup", "AmazonEMRCleanupPolicy", ""),
    role(
        "email.cognito-idp.amazonaws.com",
        "AWSServiceRoleForAmazonCognitoIdpEmailService",
        "AmazonCognitoIdpEmailServiceRolePolicy",
        "",
    ),
    role(
        "es.amazonaws.com",
        "AWSServiceRoleForAmazonElasticsearchService",
        "AmazonElasticsearchServiceRolePolicy",
        "",
    ),
    role(
        "events.amazonaws.com",
        "AWSServiceRoleForCloudWatchEvents",
        "CloudWatchEventsServiceRolePolicy",
        "",
    ),
    role(
        "globalaccelerator.amazonaws.com",
        "AWSServiceRoleForGlobalAccelerator",
        "AWSGlobalAcceleratorSLRPolicy",
        "",
    ),
    role(
        "guardduty.amazonaws.com",
        "AWSServiceRoleForAmazonGuardDuty",
        "AmazonGuardDutyServiceRolePolicy",
        "",
    ),
    role(
        "inspector2.amazonaws.com",
        "AWSServiceRoleForAmazonInspector2",
        "AmazonInspector2ServiceRolePolicy",
        "",
    ),
    role("ipam.amazonaws.com", "AWSServiceRoleForIPAM", "AWSIPAMServiceRolePolicy", ""),
    role("kafka.amazonaws.com", "AWSServiceRoleForKafka", "KafkaServiceRolePolicy", ""),
    role(
        "kinesisreplication.dynamodb.amazonaws.com",
        "AWSServiceRoleForDynamoDBKinesisDataStreamsReplication",
        "DynamoDBKinesisReplicationServiceRolePolicy",
        "",
    ),
    role(
        "lambda.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
        "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
        "",
    ),
    role("logger.cloudfront.amazonaws.com", "AWSServiceRoleForCloudFrontLogger", "AWSCloudFrontLogger", ""),
    role("macie.amazonaws.com", "AWSServiceRoleForAmazonMacie", "AmazonMacieServiceRolePolicy", ""),
    role(
        "member.org.stacksets.cloudformation.amazonaws.com",
        "AWSServiceRoleForCloudFormationStackSetsOrgMember",
        "CloudFormationStackSetsOrgMemberServiceRolePolicy",
        "",
    ),
    role("memorydb.amazonaws.com", "AWSServiceRoleForMemoryDB", "MemoryDBServiceRolePolicy", ""),
    role("mq.amazonaws.com", "AWSServiceRoleForAmazonMQ", "AmazonMQServiceRolePolicy", ""),
    role(
        "mrk.kms.amazonaws.com",
        "AWSServiceRoleForKeyManagementServiceMultiRegionKeys",
        "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",
        "",
    ),
    role(
        "opensearchservice.amazonaws.com",
        "AWSServiceRoleForAmazonOpenSearchService",
        "AmazonOpenSearchServiceRolePolicy",
        "",
    ),
    role(
        "ops.apigateway.amazonaws.com",
        "AWSServiceRoleForAPIGateway",
        "APIGatewayServiceRolePolicy",
        "The Service Linked Role is used by Amazon API Gateway.",
    ),
    role(
        "organizations.amazonaws.com",
        "AWSServiceRoleForOrganizations",
        "AWSOrganizationsServiceTrustPolicy",
        "Service-linked role used by AWS Organizations to enable integration of other AWS services with Organizations.",
    ),
    role(
        "pullthroughcache.ecr.amazonaws.com",
        "AWSServiceRoleForECRPullThroughCache",
        "AWSECRPullThroughCache_ServiceRolePolicy",
        "",
    ),
    role(
        "ram.amazonaws.com",
        "AWSServiceRoleForResourceAccessManager",
        "AWSResourceAccessManagerServiceRolePolicy",
        "",
    ),
    role(
        "rds.amazonaws.com",
        "AWSServiceRoleForRDS",
        "AmazonRDSServiceRolePolicy",
        "Allows Amazon RDS to manage AWS resources on your behalf",
    ),
    role(
        "rds.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_RDSCluster",
        "AWSApplicationAutoscalingRDSClusterPolicy",
        "",
    ),
    role("redshift.amazonaws.com", "AWSServiceRoleForRedshift", "AmazonRedshiftServiceLinkedRolePolicy", ""),
    role(
        "replication.dynamodb.amazonaws.com",
        "AWSServiceRoleForDynamoDBReplication",
        "DynamoDBReplicationServiceRolePolicy",
        "",
    ),
    role(
        "replication.ecr.amazonaws.com",
        "AWSServiceRoleForECRReplication",
        "ECRReplicationServiceRolePolicy",
        "",
    ),
    role("replicator.lambda.amazonaws.com", "AWSServiceRoleForLambdaReplicator", "AWSLambdaReplicator", ""),
    role(
        "role-manager.iam.amazonaws.com",
        "AWSServiceRoleForIAMRoleManager",
        "AWSIAMRoleManagerServiceRolePolicy",
        "",
    ),
    role(
        "route53resolver.amazonaws.com",
        "AWSServiceRoleForRoute53Resolver",
        "Route53ResolverServiceRolePolicy",
        "",
    ),
    role(
        "schemas.amazonaws.com",
        "AWSServiceRoleForSchemas",
        "AmazonEventBridgeSchemasServiceRolePolicy",
        "",
    ),
    role("securityhub.amazonaws.com", "AWSServiceRoleForSecurityHub", "AWSSecurityHubServiceRolePolicy", ""),
    role(
        "spot.amazonaws.com",
        "AWSServiceRoleForEC2Spot",
        "AWSEC2SpotServiceRolePolicy",
        "Default EC2 Spot Service Linked Role",
    ),
    role(
        "spotfleet.amazonaws.com",
        "AWSServiceRoleForEC2SpotFleet",
        "AWSEC2SpotFleetServiceRolePolicy",
        "Default EC2 Spot Fleet Service Linked Role",
    ),
    role("ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM", "AmazonSSMServiceRolePolicy", ""),
    role("sso.amazonaws.com", "AWSServiceRoleForSSO", "AWSSSOServiceRolePolicy", ""),
    role(
        "stacksets.cloudformation.amazonaws.com",
        "AWSServiceRoleForCloudFormationStackSetsOrgAdmin",
        "CloudFormationStackSetsOrgAdminServiceRolePolicy",
        "",
    ),
    role(
        "support.amazonaws.com",
        "AWSServiceRoleForSupport",
        "AWSSupportServiceRolePolicy",
        "Enables resource access for AWS to provide billing, administrative and support services",
    ),
    role(
        "transitgateway.amazonaws.com",
        "AWSServiceRoleForVPCTransitGateway",
        "AWSVPCTransitGatewayServiceRolePolicy",
        "",
    ),
    role(
        "trustedadvisor.amazonaws.com",
        "AWSServiceRoleForTrustedAdvisor",
        "AWSTrustedAdvisorServiceRolePolicy",
        "Access for the AWS Trusted Advisor Service to help reduce cost, increase performance, and improve security of \
         your AWS environment.",
    ),
];

/// The role of this service principal; the case counts, as AWS documents for `AWSServiceName`.
pub fn find(principal: &str) -> Option<&'static ServiceLinkedRole> {
    ALL.iter().find(|role| role.principal == principal)
}

impl ServiceLinkedRole {
    /// `/aws-service-role/autoscaling.amazonaws.com/`.
    pub fn path(&self) -> String {
        format!("/aws-service-role/{}/", self.principal)
    }

    /// The role's name with its suffix, if there is one: `AWSServiceRoleForAutoScaling_blue`.
    pub fn name(&self, suffix: Option<&str>) -> String {
        match suffix {
            Some(suffix) => format!("{}_{suffix}", self.role_name),
            None => self.role_name.to_owned(),
        }
    }

    /// The policy attached to it.
    pub fn policy(&self) -> Option<ManagedPolicy> {
        managed::by_name(self.policy_name)
    }

    /// The document that lets only the service assume the role.
    pub fn trust_policy(&self) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
            self.principal
        )
    }

    /// The same in the form in which the role's creation is answered.
    #[must_use]
    pub fn first_trust_policy(&self) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{{"Service":["{}"]}}}}]}}"#,
            self.principal
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_names_a_service_linked_policy_and_the_table_is_sorted() {
        assert!(ALL.is_sorted_by(|a, b| a.principal < b.principal));
        for role in ALL {
            let policy = role.policy();
            assert!(policy.is_some_and(ManagedPolicy::is_service_linked), "{}", role.policy_name);
            assert!(role.role_name.starts_with("AWSServiceRoleFor"), "{}", role.role_name);
            assert!(role.name(Some("x")).len() <= 64, "{}", role.role_name);
        }
    }

    #[test]
    fn auto_scaling_has_its_role_and_takes_a_suffix() {
        let role = find("autoscaling.amazonaws.com").unwrap();
        assert_eq!(role.path(), "/aws-service-role/autoscaling.amazonaws.com/");
        assert_eq!(role.name(Some("blue")), "AWSServiceRoleForAutoScaling_blue");
        assert!(role.custom_suffix && !find("ecs.amazonaws.com").unwrap().custom_suffix);
        assert_eq!(
            role.trust_policy(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"autoscaling.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#
        );
        assert_eq!(find("AutoScaling.amazonaws.com"), None);
        assert_eq!(find("nothing.amazonaws.com"), None);
    }
}
