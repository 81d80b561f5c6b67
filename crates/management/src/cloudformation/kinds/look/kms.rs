//! Keys and their aliases. Which key an alias is of is not seen: a key has many names.

use super::{Look, PLAIN, gone, named, own, parsed, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::kms::KMS;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at};
use wire::Value;

pub(in crate::cloudformation::kinds) static KEY: Look = Look {
    sees: &[
        "Description",
        "Enabled",
        "EnableKeyRotation",
        "KeyPolicy",
        "KeySpec",
        "KeyUsage",
        "MultiRegion",
        "Origin",
        "RotationPeriodInDays",
        "Tags",
    ],
    whole: &["KeyPolicy"],
    read: key,
    identifiers: &["KeyId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ALIAS: Look =
    Look { sees: &["AliasName"], read: alias, identifiers: &["AliasName"], ..PLAIN };

pub(in crate::cloudformation::kinds) static REPLICA: Look = Look {
    sees: &["Description", "Enabled", "KeyPolicy", "PrimaryKeyArn", "Tags"],
    whole: &["KeyPolicy"],
    read: |on| {
        let told = on.ask(KMS, "DescribeKey", map([("KeyId", on.physical())]))?;
        if text_at(&told, "KeyMetadata.MultiRegionConfiguration.MultiRegionKeyType") != "REPLICA" {
            return Err(gone(on.physical));
        }
        let primary = own(&told, "KeyMetadata.MultiRegionConfiguration.PrimaryKey.Arn");
        let mut seen = key(on)?;
        if let Value::Map(all) = &mut seen.properties {
            all.push(("PrimaryKeyArn".to_owned(), primary));
        }
        Ok(seen)
    },
    identifiers: &["KeyId"],
    ..PLAIN
};

fn key(on: &mut On<'_, '_>) -> Done<Seen> {
    let id = ("KeyId", on.physical());
    let told = on.ask(KMS, "DescribeKey", map([id.clone()]))?;
    // A key whose end is set is as good as gone, and no longer tells of much.
    if text_at(&told, "KeyMetadata.KeyState") == "PendingDeletion" {
        return Err(gone(on.physical));
    }
    let mut all = named(
        &told,
        &[
            ("Description", "KeyMetadata.Description"),
            ("Enabled", "KeyMetadata.Enabled"),
            ("KeySpec", "KeyMetadata.KeySpec"),
            ("KeyUsage", "KeyMetadata.KeyUsage"),
            ("MultiRegion", "KeyMetadata.MultiRegion"),
            ("Origin", "KeyMetadata.Origin"),
        ],
    );
    let policy = on.ask(KMS, "GetKeyPolicy", map([id.clone(), ("PolicyName", Value::str("default"))]))?;
    all.push(("KeyPolicy".into(), parsed(&own(&policy, "Policy"))));
    // Other keys do not rotate, and say so by refusing.
    let rotates = text_at(&told, "KeyMetadata.KeySpec") == "SYMMETRIC_DEFAULT"
        && text_at(&told, "KeyMetadata.Origin") == "AWS_KMS";
    let rotation = match rotates {
        true => on.ask(KMS, "GetKeyRotationStatus", map([id.clone()]))?,
        false => map([("KeyRotationEnabled", Value::Bool(false))]),
    };
    all.extend(named(
        &rotation,
        &[("EnableKeyRotation", "KeyRotationEnabled"), ("RotationPeriodInDays", "RotationPeriodInDays")],
    ));
    let (input, token) = (vec![id], ("NextMarker", "Marker"));
    let tagged = on.ask_all((KMS, "ListResourceTags"), input, "Tags", token)?;
    all.push(("Tags".into(), tags(&Value::List(tagged))));
    let attributes = ["Arn", "KeyId"].map(|name| (name, own(&told, &format!("KeyMetadata.{name}"))));
    Ok(Seen::of(all, attributes.to_vec()))
}

fn alias(on: &mut On<'_, '_>) -> Done<Seen> {
    let all = on.ask_all((KMS, "ListAliases"), Vec::new(), "Aliases", ("NextMarker", "Marker"))?;
    let found = all.iter().find(|alias| text_at(alias, "AliasName") == on.physical);
    let found = found.ok_or_else(|| gone(on.physical))?;
    Ok(Seen::of(named(found, &[("AliasName", "AliasName")]), Vec::new()))
}
