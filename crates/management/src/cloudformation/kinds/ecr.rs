//! ECR's repositories, with their policies.

use super::on::{KEYS, On, Tagger, map, text_at};
use super::{BASE, Done, Kind, Made, look};
use crate::cloudformation::template::get;
use wire::Value;

pub(super) const ECR: &str = "ecr";
const TAGGER: Tagger = Tagger {
    service: ECR,
    tag: "TagResource",
    untag: "UntagResource",
    id: "resourceArn",
    tags: "tags",
    keys: "tagKeys",
    form: KEYS,
};

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::ECR::Repository",
    changes: &[
        "EmptyOnDelete",
        "ImageScanningConfiguration",
        "ImageTagMutability",
        "ImageTagMutabilityExclusionFilters",
        "LifecyclePolicy",
        "RepositoryPolicyText",
        "Tags",
    ],
    fixed: &["EncryptionConfiguration", "RepositoryName"],
    attributes: &["Arn", "RepositoryUri"],
    named: Some("RepositoryName"),
    create,
    update,
    delete: |on| {
        // AWS: a repository that has images stays unless the template says otherwise.
        let force = on.was("EmptyOnDelete");
        on.end(ECR, "DeleteRepository", map([("repositoryName", on.physical()), ("force", force)]))
    },
    mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("Arn")))),
    look: Some(&look::ecr::REPOSITORY),
    ..BASE
}];

/// The members of a property by ECR's own names, which differ; what has no such name is left for the model to refuse.
fn renamed(value: Value, names: &[(&str, &str)]) -> Value {
    match value {
        Value::Map(entries) => {
            let name = |key: String| {
                names.iter().find(|(own, _)| *own == key).map_or(key, |(_, name)| (*name).into())
            };
            Value::Map(entries.into_iter().map(|(key, value)| (name(key), value)).collect())
        }
        Value::List(items) => Value::List(items.into_iter().map(|item| renamed(item, names)).collect()),
        other => other,
    }
}

fn scanning(on: &On<'_, '_>) -> Value {
    renamed(on.prop("ImageScanningConfiguration"), &[("ScanOnPush", "scanOnPush")])
}

fn exclusions(on: &On<'_, '_>) -> Value {
    let names = [
        ("ImageTagMutabilityExclusionFilterType", "filterType"),
        ("ImageTagMutabilityExclusionFilterValue", "filter"),
    ];
    renamed(on.prop("ImageTagMutabilityExclusionFilters"), &names)
}

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let name = on.text("RepositoryName").unwrap_or_else(|| on.generated(256).to_lowercase());
    let encryption = [("EncryptionType", "encryptionType"), ("KmsKey", "kmsKey")];
    let input = map([
        ("repositoryName", Value::str(&name)),
        ("encryptionConfiguration", renamed(on.prop("EncryptionConfiguration"), &encryption)),
        ("imageScanningConfiguration", scanning(on)),
        ("imageTagMutability", on.prop("ImageTagMutability")),
        ("imageTagMutabilityExclusionFilters", exclusions(on)),
        ("tags", on.tags(KEYS)),
    ]);
    let answer = on.call(ECR, "CreateRepository", input)?;
    policies(on, &name)?;
    let text = |path| Value::Str(text_at(&answer, path));
    let attributes =
        vec![("Arn", text("repository.repositoryArn")), ("RepositoryUri", text("repository.repositoryUri"))];
    Ok(on.made(name, attributes))
}

/// The policies of the repository itself and of how its images age.
fn policies(on: &mut On<'_, '_>, name: &str) -> Done<()> {
    on.only(&[("LifecyclePolicy", &["LifecyclePolicyText", "RegistryId"])])?;
    let repository = || ("repositoryName", Value::str(name));
    if on.changed("RepositoryPolicyText") {
        match on.document("RepositoryPolicyText") {
            Value::Null => on.end(ECR, "DeleteRepositoryPolicy", map([repository()]))?,
            text => drop(on.call(ECR, "SetRepositoryPolicy", map([repository(), ("policyText", text)]))?),
        }
    }
    if on.changed("LifecyclePolicy") {
        let policy = on.prop("LifecyclePolicy");
        let own = |member: &str| get(&policy, member).cloned().unwrap_or(Value::Null);
        match own("LifecyclePolicyText") {
            Value::Null => on.end(ECR, "DeleteLifecyclePolicy", map([repository()]))?,
            text => {
                let input =
                    map([repository(), ("registryId", own("RegistryId")), ("lifecyclePolicyText", text)]);
                drop(on.call(ECR, "PutLifecyclePolicy", input)?);
            }
        }
    }
    Ok(())
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    if on.changed("ImageScanningConfiguration") {
        let scanning = match scanning(on) {
            Value::Null => map([("scanOnPush", Value::Bool(false))]),
            scanning => scanning,
        };
        let input = map([("repositoryName", on.physical()), ("imageScanningConfiguration", scanning)]);
        on.call(ECR, "PutImageScanningConfiguration", input)?;
    }
    if on.changed("ImageTagMutability") || on.changed("ImageTagMutabilityExclusionFilters") {
        let mutability = on.text("ImageTagMutability").unwrap_or_else(|| "MUTABLE".into());
        let input = map([
            ("repositoryName", on.physical()),
            ("imageTagMutability", Value::Str(mutability)),
            ("imageTagMutabilityExclusionFilters", exclusions(on)),
        ]);
        on.call(ECR, "PutImageTagMutability", input)?;
    }
    policies(on, on.physical)?;
    on.retag(&TAGGER, Value::Str(on.attribute("Arn")))?;
    Ok(on.same())
}
