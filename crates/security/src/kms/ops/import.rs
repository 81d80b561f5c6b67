//! Importing key material, and letting go of it again.

use super::key::touch;
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::cache::KmsMemory;
use crate::kms::core::import::{ImportError, ImportToken, VALIDITY, check_wrapping};
use crate::kms::core::material::MaterialId;
use crate::kms::core::spec::{WrappingAlgorithm, WrappingKeySpec};
use crate::kms::identify;
use crate::kms::import::{self, ImportType};
use crate::kms::model::{KmsKey, Material, Needs, Stage, days};
use base::Timestamp;
use bytes::Bytes;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    GetParametersForImport: get_parameters, "kms:GetParametersForImport", access::on_key;
    ImportKeyMaterial: import_material, "kms:ImportKeyMaterial", access::on_key;
    DeleteImportedKeyMaterial: delete_material, "kms:DeleteImportedKeyMaterial", access::on_key;
}

/// AWS: `ImportKeyMaterial`, `ValidTo`.
const VALID_DAYS_MAX: u32 = 365;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetParameters {
        key_id: String = "KeyId",
        algorithm: String = "WrappingAlgorithm",
        wrapping: String = "WrappingKeySpec",
    }

    #[derive(Debug)]
    pub(crate) struct Parameters {
        key_id: String = "KeyId",
        token: Bytes = "ImportToken",
        public: Bytes = "PublicKey",
        valid_to: Timestamp = "ParametersValidTo",
    }

    #[derive(Debug)]
    pub(crate) struct ImportMaterial {
        key_id: String = "KeyId",
        token: Bytes = "ImportToken",
        encrypted: Bytes = "EncryptedKeyMaterial",
        valid_to: Option<Timestamp> = "ValidTo",
        expiration: Option<String> = "ExpirationModel",
        kind: Option<String> = "ImportType",
        description: Option<String> = "KeyMaterialDescription",
        material: Option<String> = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteMaterial {
        key_id: String = "KeyId",
        material: Option<String> = "KeyMaterialId",
    }

    #[derive(Debug)]
    pub(crate) struct OneMaterial {
        key_id: String = "KeyId",
        material: Option<String> = "KeyMaterialId",
    }
}

impl From<ImportError> for KmsError {
    fn from(error: ImportError) -> KmsError {
        let what = error.to_string();
        match error {
            ImportError::Wrapping { .. } => KmsError::Unsupported(what),
            ImportError::InvalidToken => KmsError::InvalidImportToken(what),
            ImportError::ExpiredToken => KmsError::ExpiredImportToken(what),
            ImportError::Undecryptable => KmsError::InvalidCiphertext,
            ImportError::IncorrectMaterial(_) => KmsError::IncorrectMaterial(what),
            ImportError::Failed => KmsError::Internal,
        }
    }
}

fn check_external(key: &KmsKey) -> Result<(), KmsError> {
    if key.external {
        return Ok(());
    }
    Err(KmsError::Unsupported(format!(
        "{} origin is AWS_KMS which is not valid for this operation.",
        key.arn()
    )))
}

fn get_parameters(cx: &mut Cx<'_>, request: GetParameters) -> Result<Parameters, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    check_external(&key)?;
    key.check(Needs::Lasting, cx.now)?;
    // The model has checked both names.
    let algorithm = WrappingAlgorithm::parse(&request.algorithm).ok_or(KmsError::Internal)?;
    let wrapping = WrappingKeySpec::parse(&request.wrapping).ok_or(KmsError::Internal)?;
    check_wrapping(key.spec, wrapping, algorithm)?;
    let pair = cx.memory::<KmsMemory>().wrapping_pair(wrapping, cx.now)?;
    let valid_to = cx.now.plus(VALIDITY);
    let arn = key.arn();
    let token = pair.token(cx.sealer(), cx.rng(), (&arn, key.spec), algorithm, valid_to)?;
    let public = Bytes::copy_from_slice(pair.public_key());
    Ok(Parameters { key_id: arn, token: token.into(), public, valid_to })
}

/// When the material is to expire.
fn expiry(request: &ImportMaterial, now: Timestamp) -> Result<Option<Timestamp>, KmsError> {
    let refused = |what: &str| Err(KmsError::Validation(what.into()));
    match (request.expiration.as_deref(), request.valid_to) {
        (Some("KEY_MATERIAL_DOES_NOT_EXPIRE"), None) => Ok(None),
        (Some("KEY_MATERIAL_DOES_NOT_EXPIRE"), Some(_)) => {
            refused("A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
        }
        (_, None) => refused("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        (_, Some(at)) if at <= now => refused("The validTo date must be in the future"),
        (_, Some(at)) if at > now.plus(days(VALID_DAYS_MAX)) => {
            refused("The validTo date must be within 365 days of the request")
        }
        (_, Some(at)) => Ok(Some(at)),
    }
}

/// Members that only keys with several generations have a use for.
fn check_symmetric_members(key: &KmsKey, request: &ImportMaterial) -> Result<(), KmsError> {
    let given =
        [&request.kind, &request.description, &request.material].iter().any(|member| member.is_some());
    if given && !key.is_rotatable() {
        let what = "ImportType, KeyMaterialDescription and KeyMaterialId are valid only with symmetric encryption KMS keys.";
        return Err(KmsError::Validation(what.into()));
    }
    if request.material.is_some() && request.kind.as_deref() == Some("NEW_KEY_MATERIAL") {
        let what = "KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.";
        return Err(KmsError::Validation(what.into()));
    }
    Ok(())
}

fn import_material(cx: &mut Cx<'_>, request: ImportMaterial) -> Result<OneMaterial, KmsError> {
    let mut key = identify::key(cx, &request.key_id)?;
    check_external(&key)?;
    key.check(Needs::Lasting, cx.now)?;
    let valid_to = expiry(&request, cx.now)?;
    check_symmetric_members(&key, &request)?;
    let arn = key.arn();
    let token = ImportToken::open(cx.sealer(), &request.token, &arn, cx.now)?;
    let material = token.unwrap(key.spec, &request.encrypted)?;
    let id = material.id(key.account, &key.id);
    if request.material.as_ref().is_some_and(|asked| *asked != id.to_string()) {
        return Err(KmsError::IncorrectMaterial(format!(
            "The key material is not {}.",
            request.material.unwrap_or_default()
        )));
    }
    let before = key.state(cx.now);
    let all = Material::all(cx.tx, &key)?;
    let slot = import::slot(&key, ImportType::of(request.kind.as_deref(), &all), id, &all)?;
    let sealed = Material::new(cx.sealer(), cx.rng(), id, &material).sealed;
    let description = request.description.or(slot.description.clone());
    let slot = Material { sealed, valid_to, description, ..slot };
    slot.save(cx.tx, &key);
    if slot.stage == Stage::Current {
        key.current.clone_from(&slot.id);
    }
    touch(cx, &key);
    share(cx, &key, &slot)?;
    import::settle(cx.tx, &mut key, before)?;
    let material = key.is_rotatable().then(|| slot.name());
    key.save(cx.tx);
    Ok(OneMaterial { key_id: arn, material })
}

/// Lets the related keys know what was imported: its name, and whether all of them have it.
fn share(cx: &mut Cx<'_>, key: &KmsKey, imported: &Material) -> Result<(), KmsError> {
    let mut related = Vec::new();
    for region in key.other_regions() {
        related.extend(KmsKey::load(cx.tx, key.account, region, &key.id)?);
    }
    let mut everywhere = true;
    for other in &mut related {
        match Material::load(cx.tx, other, &imported.id)? {
            Some(there) => everywhere &= there.is_good(cx.now),
            None => {
                everywhere = false;
                Material { sealed: Vec::new(), valid_to: None, ..imported.clone() }.save(cx.tx, other);
            }
        }
        if imported.stage == Stage::Current && other.current.is_empty() {
            other.current.clone_from(&imported.id);
            other.clone().save(cx.tx);
        }
    }
    if everywhere && imported.stage == Stage::PendingMultiRegionImportAndRotation {
        for each in related.iter().chain(std::iter::once(key)) {
            if let Some(there) = Material::load(cx.tx, each, &imported.id)? {
                Material { stage: Stage::PendingRotation, ..there }.save(cx.tx, each);
            }
        }
    }
    Ok(())
}

fn delete_material(cx: &mut Cx<'_>, request: DeleteMaterial) -> Result<OneMaterial, KmsError> {
    let mut key = identify::key(cx, &request.key_id)?;
    check_external(&key)?;
    let arn = key.arn();
    let unknown = |name: &str| KmsError::NotFound(format!("Key material {name} does not belong to {arn}."));
    let id = match request.material.as_deref() {
        Some(name) => MaterialId::parse(name).ok_or_else(|| unknown(name))?.0.to_vec(),
        None => key.current.clone(),
    };
    let Some(material) = Material::load(cx.tx, &key, &id)? else {
        return match request.material {
            Some(name) => Err(unknown(&name)),
            // Nothing was ever imported.
            None => Ok(OneMaterial { key_id: arn, material: key.is_rotatable().then(String::new) }),
        };
    };
    let before = key.state(cx.now);
    import::remove(cx.tx, &key, &material);
    if material.stage.is_pending() && key.is_primary() {
        for region in key.other_regions() {
            if let Some(mut related) = KmsKey::load(cx.tx, key.account, region, &key.id)? {
                material.delete(cx.tx, &related);
                import::note_expiry(cx.tx, &mut related)?;
                related.save(cx.tx);
            }
        }
    }
    touch(cx, &key);
    import::settle(cx.tx, &mut key, before)?;
    let name = key.is_rotatable().then(|| material.name());
    key.save(cx.tx);
    let id: Option<[u8; 32]> = material.id.try_into().ok();
    cx.memory::<KmsMemory>().forget(id.map(MaterialId));
    Ok(OneMaterial { key_id: arn, material: name })
}
