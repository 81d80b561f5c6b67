//! KMS keys and their aliases.

use super::on::{Form, On, Tagger, map, text_at};
use super::{BASE, Done, Kind, Made, Refusal, look};
use base::{Arn, Region};
use wire::Value;

pub(super) const KMS: &str = "kms";
const TAGS: Form = Form::Pairs("TagKey", "TagValue");
const TAGGER: Tagger = Tagger {
    service: KMS,
    tag: "TagResource",
    untag: "UntagResource",
    id: "KeyId",
    tags: "Tags",
    keys: "TagKeys",
    form: TAGS,
};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::KMS::Key",
        changes: &[
            "Description",
            "Enabled",
            "EnableKeyRotation",
            "RotationPeriodInDays",
            "KeyPolicy",
            "PendingWindowInDays",
            "BypassPolicyLockoutSafetyCheck",
            "KeySpec",
            "KeyUsage",
            "MultiRegion",
            "Origin",
            "Tags",
        ],
        attributes: &["Arn", "KeyId"],
        create: create_key,
        update: update_key,
        delete: schedule_deletion,
        look: Some(&look::kms::KEY),
        ..BASE
    },
    Kind {
        name: "AWS::KMS::ReplicaKey",
        changes: &["Description", "Enabled", "KeyPolicy", "PendingWindowInDays", "Tags"],
        fixed: &["PrimaryKeyArn"],
        attributes: &["Arn", "KeyId"],
        create: replicate,
        update: update_key,
        delete: schedule_deletion,
        look: Some(&look::kms::REPLICA),
        ..BASE
    },
    Kind {
        name: "AWS::KMS::Alias",
        changes: &["TargetKeyId"],
        fixed: &["AliasName"],
        named: Some("AliasName"),
        create: |on| {
            on.call(KMS, "CreateAlias", alias(on))?;
            Ok(on.made(on.text("AliasName").unwrap_or_default(), Vec::new()))
        },
        update: |on| {
            on.call(KMS, "UpdateAlias", alias(on))?;
            Ok(on.same())
        },
        delete: |on| on.end(KMS, "DeleteAlias", map([("AliasName", on.physical())])),
        look: Some(&look::kms::ALIAS),
        ..BASE
    },
];

fn alias(on: &On<'_, '_>) -> Value {
    map([("AliasName", on.prop("AliasName")), ("TargetKeyId", on.prop("TargetKeyId"))])
}

fn create_key(on: &mut On<'_, '_>) -> Done<Made> {
    let input = map([
        ("Description", on.prop("Description")),
        ("Policy", on.document("KeyPolicy")),
        ("KeySpec", on.prop("KeySpec")),
        ("KeyUsage", on.prop("KeyUsage")),
        ("MultiRegion", on.prop("MultiRegion")),
        ("Origin", on.prop("Origin")),
        ("BypassPolicyLockoutSafetyCheck", on.prop("BypassPolicyLockoutSafetyCheck")),
        ("Tags", on.tags(TAGS)),
    ]);
    let answer = on.call(KMS, "CreateKey", input)?;
    let (id, arn) = (text_at(&answer, "KeyMetadata.KeyId"), text_at(&answer, "KeyMetadata.Arn"));
    settle(on, Value::str(&id))?;
    Ok(on.made(id.clone(), vec![("Arn", Value::Str(arn)), ("KeyId", Value::Str(id))]))
}

/// A replica is made where its primary is.
fn replicate(on: &mut On<'_, '_>) -> Done<Made> {
    let arn = on.text("PrimaryKeyArn").unwrap_or_default();
    let primary = Arn::parse(&arn).and_then(|arn| Region::parse(&arn.region));
    let Some(primary) = primary else {
        return Err(Refusal::of(format!("PrimaryKeyArn {arn} is not the ARN of a key.")));
    };
    let input = map([
        ("KeyId", Value::Str(arn)),
        ("ReplicaRegion", Value::str(on.cx.region.name())),
        ("Description", on.prop("Description")),
        ("Policy", on.document("KeyPolicy")),
        ("Tags", on.tags(TAGS)),
    ]);
    let answer = on.call_in(primary, KMS, "ReplicateKey", input)?;
    let told = |member: &str| text_at(&answer, &format!("ReplicaKeyMetadata.{member}"));
    let (id, arn) = (told("KeyId"), told("Arn"));
    settle(on, Value::str(&id))?;
    Ok(on.made(id.clone(), vec![("Arn", Value::Str(arn)), ("KeyId", Value::Str(id))]))
}

fn schedule_deletion(on: &mut On<'_, '_>) -> Done<()> {
    let input = map([("KeyId", on.physical()), ("PendingWindowInDays", on.was("PendingWindowInDays"))]);
    on.end(KMS, "ScheduleKeyDeletion", input)
}

fn enabled(value: &Value) -> bool {
    !matches!(crate::cloudformation::template::text(value).as_deref(), Some("false"))
}

/// Rotation and state, as far as they change.
fn settle(on: &mut On<'_, '_>, id: Value) -> Done<()> {
    let rotates = on.flag("EnableKeyRotation");
    if on.changed("EnableKeyRotation") || on.changed("RotationPeriodInDays") && rotates {
        let (operation, days) = match rotates {
            true => ("EnableKeyRotation", on.prop("RotationPeriodInDays")),
            false => ("DisableKeyRotation", Value::Null),
        };
        if rotates || on.was("EnableKeyRotation") != Value::Null {
            on.call(KMS, operation, map([("KeyId", id.clone()), ("RotationPeriodInDays", days)]))?;
        }
    }
    let (wanted, was) = (enabled(&on.prop("Enabled")), enabled(&on.was("Enabled")));
    if wanted != was {
        on.call(KMS, if wanted { "EnableKey" } else { "DisableKey" }, map([("KeyId", id)]))?;
    }
    Ok(())
}

fn update_key(on: &mut On<'_, '_>) -> Done<Made> {
    // AWS: a key is never replaced for these, as the data under it would be lost with it.
    if let Some(name) = ["KeySpec", "KeyUsage", "MultiRegion", "Origin"].iter().find(|name| on.changed(name))
    {
        return Err(Refusal::of(format!("{name} of a KMS key cannot be changed.")));
    }
    let id = on.physical();
    if on.changed("Description") {
        let description = Value::Str(on.text("Description").unwrap_or_default());
        on.call(KMS, "UpdateKeyDescription", map([("KeyId", id.clone()), ("Description", description)]))?;
    }
    if on.changed("KeyPolicy") && on.prop("KeyPolicy") != Value::Null {
        let input = map([
            ("KeyId", id.clone()),
            ("PolicyName", Value::str("default")),
            ("Policy", on.document("KeyPolicy")),
            ("BypassPolicyLockoutSafetyCheck", on.prop("BypassPolicyLockoutSafetyCheck")),
        ]);
        on.call(KMS, "PutKeyPolicy", input)?;
    }
    settle(on, id.clone())?;
    on.retag(&TAGGER, id)?;
    Ok(on.same())
}
