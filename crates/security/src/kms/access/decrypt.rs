//! Operations whose key may be named by nothing but a ciphertext.

use super::{condition, target};
use crate::kms::KmsError;
use crate::kms::core::symmetric::Blob;
use crate::kms::identify::{Accepts, Place, place};
use crate::kms::managed;
use crate::kms::model::{KmsKey, Wanted};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

/// # Errors
/// `InvalidCiphertextException` for a ciphertext that names no key.
pub(crate) fn decrypt(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let Some(place) = source(cx, request, "KeyId", "Decrypt")? else { return Ok(vec![Target::any()]) };
    let words = untold(cx, request, "KeyId", &place, "Decrypt");
    let context = condition::context(request, "EncryptionContext");
    let wanted = Wanted { operation: "Decrypt", context: &context, child: None };
    let target = target(cx, place, &wanted, request)?;
    Ok(vec![Target { words, ..target }])
}

/// `ReEncryptFrom` the one key, `ReEncryptTo` the other.
///
/// # Errors
/// As [`decrypt`].
pub(crate) fn re_encrypt(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let from = source(cx, request, "SourceKeyId", "ReEncryptFrom")?;
    let Some(from) = from else { return Ok(vec![Target::any()]) };
    let mut words = untold(cx, request, "SourceKeyId", &from, "ReEncryptFrom");
    let destination = request.str("DestinationKeyId").unwrap_or_default();
    managed::provide(cx, destination)?;
    let to = place(cx, destination, Accepts::KeysAndAliases)?;
    let same = match (&from, &to) {
        (Place::Key { account, id, .. }, Place::Key { account: other_account, id: other, .. }) => {
            account == other_account && id == other
        }
        _ => false,
    };
    let nothing = Struct::new();
    let mut targets = Vec::with_capacity(2);
    for (side, place, operation, action) in [
        ("Source", from, "ReEncryptFrom", "kms:ReEncryptFrom"),
        ("Destination", to, "ReEncryptTo", "kms:ReEncryptTo"),
    ] {
        let context = condition::context(request, &format!("{side}EncryptionContext"));
        let algorithm = request.str(&format!("{side}EncryptionAlgorithm")).unwrap_or("SYMMETRIC_DEFAULT");
        let wanted = Wanted { operation, context: &context, child: None };
        let target = Target { words: words.take(), ..target(cx, place, &wanted, &nothing)?.doing(action) };
        let target = target.key("kms:EncryptionAlgorithm", algorithm);
        targets.push(target.key("kms:ReEncryptOnSameKey", same.to_string()));
    }
    Ok(targets)
}

/// The key that is named, or else the one that the ciphertext names; none where there is neither, which the handler
/// refuses.
fn source(cx: &Cx<'_>, request: &Struct, member: &str, operation: &str) -> Result<Option<Place>, KmsError> {
    if let Some(name) = request.str(member) {
        return place(cx, name, Accepts::KeysAndAliases).map(Some);
    }
    let Some(Value::Blob(bytes)) = request.get("CiphertextBlob") else { return Ok(None) };
    let blob = Blob::parse(bytes).map_err(|_| KmsError::InvalidCiphertext)?;
    let id = blob.key_id.to_owned();
    let found = KmsKey::load(cx.tx, blob.account, cx.region, &id)?;
    if found.is_none_or(|key| key.is_gone(cx.now)) {
        return Err(unreachable(cx, operation));
    }
    Ok(Some(Place::Key { account: blob.account, id, alias: None }))
}

/// The words of a refusal for a key that only the ciphertext names: whose it is in another account, nobody is told.
fn untold(cx: &Cx<'_>, request: &Struct, member: &str, place: &Place, operation: &str) -> Option<String> {
    let foreign = matches!(place, Place::Key { account, .. } if *account != cx.account);
    (foreign && request.str(member).is_none()).then(|| words(cx, operation))
}

/// AWS answers the same whether the key is gone, elsewhere, or closed to the caller.
fn unreachable(cx: &Cx<'_>, operation: &str) -> KmsError {
    KmsError::AccessDenied(words(cx, operation))
}

fn words(cx: &Cx<'_>, operation: &str) -> String {
    format!(
        "User: {} is not authorized to perform: kms:{operation} on the resource associated with this ciphertext because \
         the resource does not exist in this Region, no resource-based policies allow access, or a resource-based \
         policy explicitly denies access",
        cx.caller.arn()
    )
}
