//! Amazon Resource Names: `arn:partition:service:region:account-id:resource`.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;

/// A parsed ARN. `region` and `account` may be empty (IAM has no region, S3 buckets have neither); the resource
/// part is kept whole, with its colons and slashes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

impl Arn {
    /// An ARN in the `aws` partition.
    pub fn new(service: &str, region: &str, account: &str, resource: &str) -> Arn {
        Arn {
            partition: "aws".into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: resource.into(),
        }
    }

    /// `None` unless the text has the six parts, begins with `arn` and names a partition, a service and a resource.
    pub fn parse(text: &str) -> Option<Arn> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let arn = Arn {
            partition: parts.next()?.into(),
            service: parts.next()?.into(),
            region: parts.next()?.into(),
            account: parts.next()?.into(),
            resource: parts.next()?.into(),
        };
        let named = !arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty();
        named.then_some(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::Arn;

    #[test]
    fn resource_keeps_its_colons() {
        let text = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/f:*";
        let arn = Arn::parse(text).unwrap();
        assert_eq!(arn.resource, "log-group:/aws/lambda/f:*");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn refuses_what_is_not_an_arn() {
        for bad in ["", "arn:aws:iam", "urn:aws:iam::1:x", "arn:aws:iam::123456789012:", "arn::iam::1:x"] {
            assert_eq!(Arn::parse(bad), None, "{bad:?}");
        }
    }
}
