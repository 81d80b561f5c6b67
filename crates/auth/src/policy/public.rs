//! Whether a resource's policy lets the public in, by the definition of S3's public access block.
//!
//! A policy is taken for public until each of its Allow statements is shown to be confined to fixed values, which
//! hold neither wildcards nor policy variables: of principals, or of certain condition keys. Deny statements do not
//! help. AWS: "The meaning of public",
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use super::arn::ArnPattern;
use super::condition::{Condition, Operand, Quantifier, Test};
use super::document::{Effect, Policy, Statement};
use super::principal::{Named, Principals};

/// Keys that confine a statement when they are held to fixed values.
const CONFINING: [&str; 12] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
    "s3:DataAccessPointAccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Source ranges that are shorter than this count as everybody's: `/8` and `/32`.
const PREFIX_MIN: (u32, u32) = (8, 32);

impl Policy {
    /// Whether some Allow statement lets the public in.
    pub fn is_public(&self) -> bool {
        self.public_statements().next().is_some()
    }

    /// The statements that make it public.
    pub fn public_statements(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| {
            statement.effect == Effect::Allow
                && is_open(statement.principals.as_ref())
                && !statement.conditions.iter().any(confines)
        })
    }
}

fn is_open(principals: Option<&Principals>) -> bool {
    match principals {
        None => false,
        Some(Principals::AllBut(_)) => true,
        Some(Principals::These(list)) => list.iter().any(|named| match named {
            Named::Everyone => true,
            Named::Service(name) | Named::Federated(name) => &**name == "*",
            Named::Account(_) | Named::Arn(_) | Named::UniqueId(_) | Named::CanonicalUser(_) => false,
        }),
    }
}

fn confines(condition: &Condition) -> bool {
    let operation = condition.operation;
    // What holds for a request without the key confines nobody.
    if operation.operator.negated || operation.if_exists || operation.quantifier == Some(Quantifier::All) {
        return false;
    }
    let key = |name: &str| condition.key.eq_ignore_ascii_case(name);
    let operands = &condition.operands;
    match operation.operator.test {
        Test::IpAddress => key("aws:SourceIp") && operands.iter().all(is_narrow),
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn => {
            if key("s3:DataAccessPointArn") {
                return operands.iter().all(has_fixed_account);
            }
            CONFINING.iter().any(|name| key(name)) && operands.iter().all(is_fixed)
        }
        _ => false,
    }
}

fn is_narrow(operand: &Operand) -> bool {
    match operand {
        Operand::Range(range) => {
            let (prefix, is_v4) = range.prefix();
            range.is_private() || prefix >= if is_v4 { PREFIX_MIN.0 } else { PREFIX_MIN.1 }
        }
        // A value that matches nothing lets nobody in.
        _ => matches!(operand, Operand::Unfit),
    }
}

fn is_fixed(operand: &Operand) -> bool {
    match operand {
        Operand::Text(glob) => !glob.is_open(),
        Operand::Arn(pattern) => pattern.is_fixed(),
        _ => false,
    }
}

/// The access point's name may be a pattern, its account may not.
fn has_fixed_account(operand: &Operand) -> bool {
    let fixed = |pattern: &ArnPattern| pattern.account().is_some_and(|account| !account.is_open());
    match operand {
        Operand::Arn(pattern) => fixed(pattern),
        Operand::Text(glob) => glob.source().is_some_and(|text| fixed(&ArnPattern::condition(&text, false))),
        _ => false,
    }
}
