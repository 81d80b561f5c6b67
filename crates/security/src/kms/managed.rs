//! AWS managed keys: the keys with which services protect what they keep when nobody names a key.
//!
//! Each service has one alias in each account and region. The key behind it is made when the service first uses the
//! alias, or when somebody first describes it. Its policy lets everyone in the account use it through that service and
//! look at it directly, and nobody do anything else; it rotates every year.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk> and `DescribeKey`. The
//! form of the policies is as shown in the guides of DynamoDB and Secrets Manager.

use super::KmsError;
use super::model::{ALIASES, Alias, KmsKey, RESERVED, alias_key, days};
use super::ops::key::new_material;
use auth::policy::Principal;
use base::AccountId;
use kernel::Cx;

/// AWS managed keys rotate about every year, and that cannot be changed.
const PERIOD_DAYS: u32 = 365;

/// A service that has a key.
struct Service {
    /// What follows `alias/aws/`.
    alias: &'static str,
    /// In `kms:ViaService`.
    through: &'static str,
    /// As the policy speaks of it.
    spoken: &'static str,
    /// What it protects, as the description has it.
    protects: &'static str,
    /// Whether it works with grants.
    grants: bool,
}

const fn service(
    alias: &'static str,
    through: &'static str,
    spoken: &'static str,
    protects: &'static str,
    grants: bool,
) -> Service {
    Service { alias, through, spoken, protects, grants }
}

/// In the order of their aliases.
const SERVICES: &[Service] = &[
    service("acm", "acm", "ACM", "ACM private keys", true),
    service("backup", "backup", "AWS Backup", "Backup vaults", true),
    service("dynamodb", "dynamodb", "Amazon DynamoDB", "DynamoDB data", true),
    service("ebs", "ec2", "EBS", "EBS volumes", true),
    service("elasticfilesystem", "elasticfilesystem", "EFS", "EFS filesystems", true),
    service("es", "es", "Elasticsearch", "Elasticsearch data", true),
    service("glue", "glue", "Glue", "Glue data", true),
    service("kinesis", "kinesis", "Kinesis", "Kinesis streams", true),
    service("lambda", "lambda", "Lambda", "Lambda functions", true),
    service("rds", "rds", "RDS", "RDS database volumes", true),
    service("redshift", "redshift", "Redshift", "Redshift clusters", true),
    service("s3", "s3", "S3", "S3 objects", false),
    service("secretsmanager", "secretsmanager", "AWS Secrets Manager", "Secrets Manager data", true),
    service("sns", "sns", "SNS", "SNS data", true),
    service("sqs", "sqs", "SQS", "SQS messages", true),
    service("ssm", "ssm", "SSM", "SSM parameters", true),
];

/// The aliases that every account has, whether or not there is a key behind them yet; in order.
pub(crate) fn aliases() -> impl Iterator<Item = String> {
    SERVICES.iter().map(|service| format!("{RESERVED}{}", service.alias))
}

/// Makes the key behind an AWS alias of the caller's own account, where the request is one that brings it to life and
/// there is none yet. Nothing happens for any other name.
///
/// # Errors
/// The store's and the engine's.
pub(crate) fn provide(cx: &mut Cx<'_>, text: &str) -> Result<(), KmsError> {
    let Some(at) = text.find(RESERVED).filter(|_| brings_to_life(cx)) else { return Ok(()) };
    let name = &text[at..];
    let here = format!("arn:aws:kms:{}:{}:", cx.region, cx.account);
    let Some(service) = SERVICES.iter().find(|service| name[RESERVED.len()..] == *service.alias) else {
        return Ok(());
    };
    if (at > 0 && text[..at] != here) || ALIASES.contains(cx.tx, &alias_key(cx.account, cx.region, name))? {
        return Ok(());
    }
    make(cx, service, name)
}

/// A service asks, for a caller or for itself, or somebody describes the alias.
fn brings_to_life(cx: &Cx<'_>) -> bool {
    let by_service = !cx.request.via.is_empty() || matches!(cx.caller.principal, Principal::Service { .. });
    by_service || cx.request.operation == "DescribeKey"
}

fn make(cx: &mut Cx<'_>, service: &Service, name: &str) -> Result<(), KmsError> {
    let mut key = KmsKey {
        id: base::id::uuid(cx.rng()),
        account: cx.account,
        region: cx.region,
        created: cx.now,
        description: format!(
            "Default key that protects my {} when no other key is defined",
            service.protects
        ),
        policy: policy(service, cx.account, cx.region.name()),
        aliases: vec![name.to_owned()],
        managed_by_aws: true,
        rotation_days: Some(PERIOD_DAYS),
        next_rotation: Some(cx.now.plus(days(PERIOD_DAYS))),
        ..KmsKey::default()
    };
    let material = new_material(cx, &key)?;
    key.current.clone_from(&material.id);
    material.save(cx.tx, &key);
    let alias = Alias { name: name.to_owned(), key_id: key.id.clone(), created: cx.now, updated: cx.now };
    ALIASES.put(cx.tx, &alias_key(cx.account, cx.region, name), &alias);
    key.save(cx.tx);
    Ok(())
}

fn policy(service: &Service, account: AccountId, region: &str) -> String {
    let Service { alias, through, spoken, grants, .. } = service;
    let (grant, revoke) =
        if *grants { (r#""kms:CreateGrant", "#, r#", "kms:RevokeGrant""#) } else { ("", "") };
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-{alias}-1",
  "Statement" : [ {{
    "Sid" : "Allow access through {spoken} for all principals in the account that are authorized to use {spoken}",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", {grant}"kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{through}.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{account}:root"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*"{revoke} ],
    "Resource" : "*"
  }} ]
}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::{SERVICES, aliases, policy};
    use auth::policy::{Policy, PolicyKind};
    use base::AccountId;

    #[test]
    fn policies_are_policies() {
        for service in SERVICES {
            let text = policy(service, AccountId::DEFAULT, "eu-west-1");
            Policy::parse(&text, PolicyKind::Resource("kms")).unwrap();
        }
    }

    #[test]
    fn aliases_stand_in_order() {
        let all: Vec<String> = aliases().collect();
        assert!(all.is_sorted(), "{all:?}");
    }
}
