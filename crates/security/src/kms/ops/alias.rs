//! Aliases: names for keys that can be moved from one key to another.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html>

use super::key::touch;
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::managed;
use crate::kms::model::{ALIASES, ALIASES_PER_KEY_MAX, Alias, KmsKey, Needs, RESERVED, alias_arn, alias_key};
use crate::kms::page::{self, Page};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    CreateAlias: create_alias, "kms:CreateAlias", access::set_alias;
    UpdateAlias: update_alias, "kms:UpdateAlias", access::set_alias;
    DeleteAlias: delete_alias, "kms:DeleteAlias", access::existing_alias;
    ListAliases: list_aliases, "kms:ListAliases", kernel::access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct SetAlias {
        name: String = "AliasName",
        target: String = "TargetKeyId",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteAlias {
        name: String = "AliasName",
    }

    #[derive(Debug)]
    pub(crate) struct ListAliases {
        key_id: Option<String> = "KeyId",
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct Aliases {
        aliases: Vec<AliasEntry> = "Aliases",
        next: Option<String> = "NextMarker",
        truncated: bool = "Truncated",
    }

    #[derive(Debug)]
    pub(crate) struct AliasEntry {
        name: String = "AliasName",
        arn: String = "AliasArn",
        /// None for an AWS alias whose key nobody has asked for yet.
        target: Option<String> = "TargetKeyId",
        created: Option<Timestamp> = "CreationDate",
        updated: Option<Timestamp> = "LastUpdatedDate",
    }
}

fn check_name(name: &str) -> Result<(), KmsError> {
    let Some(rest) = name.strip_prefix("alias/") else {
        return Err(KmsError::Validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
                .into(),
        ));
    };
    if rest.is_empty() {
        return Err(KmsError::Validation("Invalid identifier".into()));
    }
    if rest.contains(':') {
        return Err(KmsError::Validation(format!("{name} contains invalid characters for an alias")));
    }
    if name.starts_with(RESERVED) {
        return Err(KmsError::InvalidAliasName(format!(
            "{name} is reserved: aliases of AWS begin with {RESERVED}"
        )));
    }
    Ok(())
}

fn create_alias(cx: &mut Cx<'_>, request: SetAlias) -> Result<Empty, KmsError> {
    check_name(&request.name)?;
    let place = alias_key(cx.account, cx.region, &request.name);
    let key = identify::key_that(cx, &request.target, Needs::Lasting)?;
    if ALIASES.contains(cx.tx, &place)? {
        let arn = alias_arn(cx.account, cx.region, &request.name);
        return Err(KmsError::AlreadyExists(format!("An alias with the name {arn} already exists")));
    }
    let alias = Alias { name: request.name, key_id: key.id.clone(), created: cx.now, updated: cx.now };
    gain(cx, key, &alias.name)?;
    ALIASES.put(cx.tx, &place, &alias);
    Ok(Empty)
}

/// The key gets one more alias.
fn gain(cx: &mut Cx<'_>, mut key: KmsKey, name: &str) -> Result<(), KmsError> {
    if key.aliases.len() >= ALIASES_PER_KEY_MAX {
        return Err(KmsError::LimitExceeded(format!(
            "A KMS key cannot have more than {ALIASES_PER_KEY_MAX} aliases."
        )));
    }
    key.aliases.push(name.to_owned());
    touch(cx, &key);
    key.save(cx.tx);
    Ok(())
}

fn lose(cx: &mut Cx<'_>, key_id: &str, name: &str) -> Result<(), KmsError> {
    if let Some(mut key) = KmsKey::load(cx.tx, cx.account, cx.region, key_id)? {
        key.aliases.retain(|alias| alias != name);
        touch(cx, &key);
        key.save(cx.tx);
    }
    Ok(())
}

fn existing(cx: &Cx<'_>, name: &str) -> Result<Alias, KmsError> {
    let found = ALIASES.get(cx.tx, &alias_key(cx.account, cx.region, name))?;
    let arn = || alias_arn(cx.account, cx.region, name);
    found.ok_or_else(|| KmsError::NotFound(format!("Alias {} is not found.", arn())))
}

fn update_alias(cx: &mut Cx<'_>, request: SetAlias) -> Result<Empty, KmsError> {
    check_name(&request.name)?;
    let mut alias = existing(cx, &request.name)?;
    let key = identify::key_that(cx, &request.target, Needs::Lasting)?;
    if let Some(old) = KmsKey::load(cx.tx, cx.account, cx.region, &alias.key_id)?
        && (old.spec.is_asymmetric() != key.spec.is_asymmetric() || old.usage != key.usage)
    {
        let what = "The current and the new KMS key of an alias must be of the same type and key usage.";
        return Err(KmsError::InvalidState(what.into()));
    }
    if alias.key_id != key.id {
        lose(cx, &alias.key_id, &alias.name)?;
        gain(cx, key.clone(), &alias.name)?;
    }
    (alias.key_id, alias.updated) = (key.id, cx.now);
    ALIASES.put(cx.tx, &alias_key(cx.account, cx.region, &alias.name), &alias);
    Ok(Empty)
}

fn delete_alias(cx: &mut Cx<'_>, request: DeleteAlias) -> Result<Empty, KmsError> {
    check_name(&request.name)?;
    let alias = existing(cx, &request.name)?;
    lose(cx, &alias.key_id, &alias.name)?;
    ALIASES.delete(cx.tx, &alias_key(cx.account, cx.region, &alias.name));
    Ok(Empty)
}

fn list_aliases(cx: &mut Cx<'_>, request: ListAliases) -> Result<Aliases, KmsError> {
    let key = request.key_id.as_deref().map(|id| identify::key(cx, id)).transpose()?;
    let of_key = key.map(|key| key.id);
    let list = format!("kms:ListAliases {} {} {of_key:?}", cx.account, cx.region);
    let Page { after, limit } = page::read(cx, &list, request.limit, request.marker.as_deref(), page::SMALL)?;
    let wanted = |name: &String| after.as_ref().is_none_or(|after| name > after);
    let mut entries = Vec::new();
    for pair in ALIASES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let alias = pair?.1;
        let of_other = of_key.as_ref().is_some_and(|id| alias.key_id != *id);
        if of_other || !wanted(&alias.name) {
            continue;
        }
        // A key whose time has come takes its aliases along.
        if KmsKey::load(cx.tx, cx.account, cx.region, &alias.key_id)?.is_some_and(|key| !key.is_gone(cx.now))
        {
            entries.push(entry(cx, alias));
        }
        // One more tells that there is more; AWS's own aliases may still come before it.
        if entries.len() > limit {
            break;
        }
    }
    if of_key.is_none() {
        let last = entries.last().filter(|_| entries.len() > limit).map(|last| last.name.clone());
        for name in managed::aliases().filter(wanted) {
            let is_within = last.as_ref().is_none_or(|last| name < *last);
            if is_within && !ALIASES.contains(cx.tx, &alias_key(cx.account, cx.region, &name))? {
                let arn = alias_arn(cx.account, cx.region, &name);
                entries.push(AliasEntry { name, arn, target: None, created: None, updated: None });
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|last| page::marker(cx, &list, &last.name));
    Ok(Aliases { aliases: entries, truncated: next.is_some(), next })
}

fn entry(cx: &Cx<'_>, alias: Alias) -> AliasEntry {
    AliasEntry {
        arn: alias_arn(cx.account, cx.region, &alias.name),
        name: alias.name,
        target: Some(alias.key_id),
        created: Some(alias.created),
        updated: Some(alias.updated),
    }
}
