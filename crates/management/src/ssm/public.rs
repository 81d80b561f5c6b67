//! AWS's public parameters that templates name machine images by. Each leads to the image that this cloud runs on the
//! architecture in its name; where there is none, there is no such parameter.
//!
//! AWS: <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html>

use super::errors::SsmError;
use super::model::{STANDARD, STRING, Version};
use base::Timestamp;
use kernel::{As, Cx};
use wire::{Struct, Value};

const X86: &str = "x86_64";
const ARM: &str = "arm64";

/// Name and architecture.
const IMAGES: &[(&str, &str)] = &[
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64", ARM),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64", X86),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-arm64", ARM),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64", X86),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", ARM),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", X86),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-arm64", ARM),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-x86_64", X86),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.12-arm64", ARM),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.12-x86_64", X86),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-arm64", ARM),
    ("/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64", X86),
    ("/aws/service/ami-amazon-linux-latest/amzn-ami-hvm-x86_64-gp2", X86),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2", ARM),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-ebs", X86),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2", X86),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-arm64-gp2", ARM),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-ebs", X86),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2", X86),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-minimal-hvm-arm64-ebs", ARM),
    ("/aws/service/ami-amazon-linux-latest/amzn2-ami-minimal-hvm-x86_64-ebs", X86),
    ("/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id", X86),
    ("/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id", ARM),
    ("/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id", X86),
    ("/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id", ARM),
    ("/aws/service/debian/release/12/latest/amd64", X86),
    ("/aws/service/debian/release/12/latest/arm64", ARM),
];

/// What a public name stands for.
///
/// # Errors
/// Those of `ec2:DescribeImages`.
pub(super) fn find(cx: &mut Cx<'_>, name: &str) -> Result<Option<Version>, SsmError> {
    match IMAGES.iter().find(|(known, _)| *known == name) {
        Some((_, architecture)) => newest(cx, architecture),
        None => Ok(None),
    }
}

/// The names that begin so and what they stand for, where there is an image for them.
///
/// # Errors
/// Those of `ec2:DescribeImages`.
pub(super) fn list(cx: &mut Cx<'_>, prefix: &str) -> Result<Vec<(&'static str, Version)>, SsmError> {
    let (x86, arm) = (newest(cx, X86)?, newest(cx, ARM)?);
    let image = |architecture| if architecture == X86 { &x86 } else { &arm };
    let wanted = IMAGES.iter().filter(|(name, _)| name.starts_with(prefix));
    Ok(wanted.filter_map(|(name, architecture)| Some((*name, image(*architecture).clone()?))).collect())
}

/// The newest image of an architecture.
fn newest(cx: &mut Cx<'_>, architecture: &str) -> Result<Option<Version>, SsmError> {
    let filter = |name, value| {
        let members = [("Name", Value::str(name)), ("Values", Value::List(vec![Value::str(value)]))];
        Value::Struct(members.into_iter().collect())
    };
    let mut ask = Struct::new();
    ask.push("Owners", Value::List(vec![Value::str("amazon")]));
    ask.push("Filters", Value::List(vec![filter("architecture", architecture)]));
    let who = As::Service { name: "ssm.amazonaws.com", account: cx.account };
    let answer = cx.call("ec2", "DescribeImages", Value::Struct(ask), who).map_err(|_| SsmError::Internal)?;
    let images = answer.member("Images").and_then(Value::as_list).unwrap_or_default();
    let text =
        |image: &Value, member| image.member(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let newest = images.iter().max_by_key(|image| text(image, "CreationDate"));
    Ok(newest.map(|image| Version {
        number: 1,
        kind: STRING.into(),
        value: text(image, "ImageId"),
        key: None,
        description: None,
        allowed_pattern: None,
        tier: STANDARD.into(),
        data_type: "aws:ec2:image".into(),
        modified: Timestamp::parse_iso8601(&text(image, "CreationDate")).unwrap_or(cx.now),
        modified_by: String::new(),
    }))
}
