//! What a host name says: service, region, S3 bucket.

use crate::catalog;

/// The domains under which AWS's host names are understood; the rest of a name is read from the right. The last leads to
/// this machine, too, by the public name service: tools that were made for LocalStack call it.
pub const DOMAINS: [&str; 5] =
    ["amazonaws.com", "amazonaws.com.cn", "api.aws", "localhost", "localhost.localstack.cloud"];

/// More labels than any service's host name has; longer names say nothing.
const LABELS_MAX: usize = 24;

/// First labels that stand for a service beside its endpoint prefix: legacy names and host prefixes.
// AWS: https://docs.aws.amazon.com/general/latest/gr/rande.html and each model's `endpoint.hostPrefix`.
const ALIASES: [(&str, &str); 4] = [
    ("queue", "sqs"),
    ("sync-states", "states"),
    ("streaming-logs", "logs"),
    ("data-servicediscovery", "servicediscovery"),
];

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct HostName<'a> {
    /// The endpoint prefix of a service in the catalog (`iam`, `api.ecr`, `s3`).
    pub endpoint_prefix: Option<&'a str>,
    pub region: Option<&'a str>,
    /// `my.bucket` of `my.bucket.s3.us-east-1.amazonaws.com`.
    pub bucket: Option<&'a str>,
    /// The name is an S3 website's: `bucket.s3-website-us-east-1.amazonaws.com`.
    pub website: bool,
}

/// Reads a `Host` header, with or without port.
pub fn read(host: &str) -> HostName<'_> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let inner = DOMAINS.iter().find_map(|d| strip_domain(name, d));
    let Some(inner) = inner else { return HostName::default() };
    // An endpoint's own name: `vpce-0a1b-wxyz.sqs.us-east-1.vpce.amazonaws.com`. The zone is part of its first label.
    // S3's have more before it: `my-bucket.bucket.vpce-0a1b-wxyz.s3.us-east-1.vpce.amazonaws.com`.
    let of_endpoint =
        inner.strip_suffix(".vpce").filter(|inner| inner.split('.').any(|label| label.starts_with("vpce-")));
    let inner = of_endpoint.unwrap_or(inner);
    let mut labels = [""; LABELS_MAX];
    let mut count = 0;
    for label in inner.split('.') {
        let Some(slot) = labels.get_mut(count) else { return HostName::default() };
        *slot = label;
        count += 1;
    }
    let labels = &labels[..count];
    let mut name = s3(inner, labels).unwrap_or_else(|| other(inner, labels));
    if of_endpoint.is_some() {
        name.bucket = name.bucket.and_then(before_endpoint);
    }
    name
}

/// The bucket before the names of an S3 endpoint: `my-bucket` of `my-bucket.bucket.vpce-0a1b-wxyz`.
// AWS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html
fn before_endpoint(name: &str) -> Option<&str> {
    let (before, _) = name.rsplit_once("vpce-")?;
    before.strip_suffix(".bucket.").filter(|bucket| !bucket.is_empty())
}

fn strip_domain<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(domain.len() + 1)?;
    let (inner, tail) = name.split_at_checked(at)?;
    let ours = tail.strip_prefix('.').is_some_and(|t| t.eq_ignore_ascii_case(domain));
    (ours && !inner.is_empty()).then_some(inner)
}

/// S3 puts the bucket, which may have dots, before its own label; that label is the last that fits, so that a
/// bucket may be called `s3`.
// AWS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html and WebsiteEndpoints.html.
fn s3<'a>(inner: &'a str, labels: &[&'a str]) -> Option<HostName<'a>> {
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-");
    let at = labels.iter().rposition(|l| is_s3(l))?;
    let (own, after) = (labels[at], &labels[at + 1..]);
    let region_of = |rest: &[&'a str]| match rest {
        [] => Some(None),
        ["dualstack"] => Some(None),
        [region] | ["dualstack", region] => Some(Some(*region)),
        _ => None,
    };
    let mut region = region_of(after)?;
    let bucket = (at > 0).then(|| &inner[..offset(labels, at) - 1]);
    let website = own.starts_with("s3-website");
    let prefix = match own {
        "s3" | "s3-accelerate" | "s3-website" | "s3-fips" => "s3",
        "s3-control" | "s3-control-fips" => "s3-control",
        "s3-accesspoint" | "s3-object-lambda" | "s3-outposts" => return None,
        legacy => {
            region = legacy.strip_prefix("s3-website-").or_else(|| legacy.strip_prefix("s3-"));
            "s3"
        }
    };
    // `<account>.s3-control` carries an account, which the request repeats in a header.
    let bucket = if prefix == "s3" { bucket } else { None };
    Some(HostName { endpoint_prefix: Some(prefix), region, bucket, website })
}

fn other<'a>(inner: &'a str, labels: &[&'a str]) -> HostName<'a> {
    for at in 0..labels.len() {
        let start = offset(labels, at);
        let known = catalog::services().iter().map(|e| (e.endpoint_prefix, e.endpoint_prefix));
        for (written, prefix) in known.chain(ALIASES) {
            let Some(after) = inner[start..].strip_prefix(written) else { continue };
            let after = after.strip_prefix("-fips").unwrap_or(after);
            let region = match after.strip_prefix('.') {
                Some(region) if !region.contains('.') => Some(region),
                None if after.is_empty() => None,
                _ => continue,
            };
            return HostName { endpoint_prefix: Some(prefix), region, ..HostName::default() };
        }
    }
    HostName::default()
}

/// Where the label at place `at` starts in the name.
fn offset(labels: &[&str], at: usize) -> usize {
    labels[..at].iter().map(|l| l.len() + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::{HostName, read};

    fn service<'a>(prefix: &'a str, region: Option<&'a str>) -> HostName<'a> {
        HostName { endpoint_prefix: Some(prefix), region, ..HostName::default() }
    }

    fn bucket<'a>(bucket: &'a str, region: Option<&'a str>) -> HostName<'a> {
        HostName { bucket: Some(bucket), ..service("s3", region) }
    }

    #[test]
    fn host_names() {
        let nothing = HostName::default();
        let table = [
            ("iam.amazonaws.com", service("iam", None)),
            ("IAM.amazonaws.com", nothing),
            ("sqs.us-east-1.localhost:4566", service("sqs", Some("us-east-1"))),
            ("kms.us-east-1.amazonaws.com", service("kms", Some("us-east-1"))),
            ("kms-fips.us-east-1.amazonaws.com", service("kms", Some("us-east-1"))),
            ("api.ecr.eu-west-1.amazonaws.com", service("api.ecr", Some("eu-west-1"))),
            ("streams.dynamodb.eu-west-1.amazonaws.com", service("streams.dynamodb", Some("eu-west-1"))),
            ("ec2.cn-north-1.amazonaws.com.cn", service("ec2", Some("cn-north-1"))),
            ("sync-states.us-east-1.amazonaws.com", service("states", Some("us-east-1"))),
            ("queue.amazonaws.com", service("sqs", None)),
            ("vpce-0a1b-wxyz.sqs.us-east-1.vpce.amazonaws.com", service("sqs", Some("us-east-1"))),
            (
                "vpce-0a1b-wxyz-eu-west-1a.api.ecr.eu-west-1.vpce.amazonaws.com",
                service("api.ecr", Some("eu-west-1")),
            ),
            ("sqs.us-east-1.vpce.amazonaws.com", nothing),
            ("vpce-0a1b-wxyz.s3.us-east-1.vpce.amazonaws.com", service("s3", Some("us-east-1"))),
            ("bucket.vpce-0a1b-wxyz.s3.us-east-1.vpce.amazonaws.com", service("s3", Some("us-east-1"))),
            (
                "my.own.bucket.vpce-0a1b-wxyz-us-east-1a.s3.us-east-1.vpce.amazonaws.com",
                bucket("my.own", Some("us-east-1")),
            ),
            ("vpce-0a1b-wxyz.dynamodb.us-east-1.vpce.amazonaws.com", service("dynamodb", Some("us-east-1"))),
            ("s3.amazonaws.com", service("s3", None)),
            ("s3.localhost:4566", service("s3", None)),
            ("s3-us-west-2.amazonaws.com", service("s3", Some("us-west-2"))),
            ("s3.dualstack.eu-west-1.amazonaws.com", service("s3", Some("eu-west-1"))),
            ("b.s3.amazonaws.com", bucket("b", None)),
            ("bucket.s3.us-east-1.amazonaws.com", bucket("bucket", Some("us-east-1"))),
            ("my.dotted.bucket.s3.us-east-1.amazonaws.com", bucket("my.dotted.bucket", Some("us-east-1"))),
            ("s3.s3.amazonaws.com", bucket("s3", None)),
            ("b.s3.localhost:4566", bucket("b", None)),
            ("b.s3.localhost.localstack.cloud:4566", bucket("b", None)),
            ("s3.localhost.localstack.cloud:4566", service("s3", None)),
            ("b.s3-website.localhost.localstack.cloud:4566", HostName { website: true, ..bucket("b", None) }),
            ("localhost.localstack.cloud:4566", nothing),
            ("b.s3-accelerate.amazonaws.com", bucket("b", None)),
            ("000000000000.s3-control.us-east-1.amazonaws.com", service("s3-control", Some("us-east-1"))),
            (
                "b.s3-website-us-east-1.amazonaws.com",
                HostName { website: true, ..bucket("b", Some("us-east-1")) },
            ),
            (
                "b.s3-website.eu-west-3.localhost",
                HostName { website: true, ..bucket("b", Some("eu-west-3")) },
            ),
            ("ap-123.s3-accesspoint.us-east-1.amazonaws.com", nothing),
            ("localhost:4566", nothing),
            ("127.0.0.1:4566", nothing),
            ("[::1]:4566", nothing),
            ("example.com", nothing),
            ("amazonaws.com", nothing),
            (".amazonaws.com", nothing),
            ("", nothing),
        ];
        for (host, want) in table {
            assert_eq!(read(host), want, "{host}");
        }
    }
}
