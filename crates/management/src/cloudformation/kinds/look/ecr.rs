//! Repositories. How they are encrypted is not seen: a key has many names.

use super::{Look, PLAIN, Seen, gone, named, own, parsed, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::ecr::ECR;
use crate::cloudformation::kinds::on::{On, map};
use wire::Value;

pub(in crate::cloudformation::kinds) static REPOSITORY: Look = Look {
    sees: &[
        "ImageScanningConfiguration",
        "ImageTagMutability",
        "LifecyclePolicy",
        "RepositoryName",
        "RepositoryPolicyText",
        "Tags",
    ],
    blind: &["LifecyclePolicy.RegistryId"],
    whole: &["RepositoryPolicyText"],
    read: repository,
    identifiers: &["RepositoryName"],
    ..PLAIN
};

fn repository(on: &mut On<'_, '_>) -> Done<Seen> {
    let names = Value::List(vec![on.physical()]);
    let told = on.ask(ECR, "DescribeRepositories", map([("repositoryNames", names)]))?;
    let told = match own(&told, "repositories.0") {
        Value::Null => return Err(gone(on.physical)),
        told => told,
    };
    let mut all =
        named(&told, &[("RepositoryName", "repositoryName"), ("ImageTagMutability", "imageTagMutability")]);
    let scans = own(&told, "imageScanningConfiguration.scanOnPush");
    all.push(("ImageScanningConfiguration".into(), map([("ScanOnPush", scans)])));
    let of = || map([("repositoryName", on.physical())]);
    let (policy, ageing) = (of(), of());
    let policy = on.ask_if_any(ECR, "GetRepositoryPolicy", policy)?;
    all.push(("RepositoryPolicyText".into(), parsed(&own(&policy, "policyText"))));
    let ageing = on.ask_if_any(ECR, "GetLifecyclePolicy", ageing)?;
    let ageing = match own(&ageing, "lifecyclePolicyText") {
        Value::Null => Value::Null,
        text => map([("LifecyclePolicyText", text)]),
    };
    all.push(("LifecyclePolicy".into(), ageing));
    let arn = own(&told, "repositoryArn");
    let tagged = on.ask(ECR, "ListTagsForResource", map([("resourceArn", arn.clone())]))?;
    all.push(("Tags".into(), tags(&own(&tagged, "tags"))));
    Ok(Seen::of(all, vec![("Arn", arn), ("RepositoryUri", own(&told, "repositoryUri"))]))
}
