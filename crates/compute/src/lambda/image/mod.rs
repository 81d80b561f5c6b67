//! Container images: functions whose root is an image of ECR's, not this machine's.
//!
//! A function keeps the digest that its image had when it was told to be of it ([`source`]). The layers are read by ECR's
//! public operations, as Lambda and for the function's sake, and unpacked into a folder that all functions of that digest
//! share ([`work`]); until that is on the disk a function is pending, or runs what it ran before.
//!
//! Not here: images for several architectures, layers compressed by Zstandard, image caches that are let go of (AWS's
//! state `Inactive`).
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>

mod name;
pub(crate) mod pins;
pub(crate) mod source;
pub(crate) mod unpack;
pub mod work;

use super::errors::LambdaError;
use super::model::{Image, ROOTS, Root, Unpacked, Version};
use std::path::{Path, PathBuf};
use store::{Key, Read, StoreError, Tx};

/// How far a function's image is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum State {
    Ready,
    Pending,
    Failed { code: String, reason: String },
}

fn key(digest: &str) -> Key {
    Key::global().str(digest)
}

/// How AWS shows which image a function is of.
pub(crate) fn hash(image: &Image) -> String {
    image.digest.trim_start_matches("sha256:").to_owned()
}

/// A version that has an image is of another one from now on, and runs what it ran until that is there.
///
/// # Errors
/// The store's.
pub(crate) fn replace(tx: &mut Tx, version: &mut Version, new: Image, root: Root) -> Result<(), LambdaError> {
    let Some(old) = version.image.take() else { return Ok(()) };
    let old_runs = state(tx, &old)? == State::Ready;
    claim(tx, root)?;
    let gone = if old_runs { version.before.replace(old) } else { Some(old) };
    if let Some(gone) = gone {
        release(tx, &gone)?;
    }
    if state(tx, &new)? == State::Ready
        && let Some(before) = version.before.take()
    {
        release(tx, &before)?;
    }
    version.code_hash = hash(&new);
    version.image = Some(new);
    Ok(())
}

/// Where images are unpacked.
fn folder(functions: &Path) -> PathBuf {
    functions.join("images")
}

/// Where the root of an image is.
pub(crate) fn root(functions: &Path, digest: &str) -> PathBuf {
    folder(functions).join(digest.trim_start_matches("sha256:"))
}

/// # Errors
/// The store's.
pub(crate) fn state(from: &dyn Read, image: &Image) -> Result<State, LambdaError> {
    Ok(match ROOTS.get(from, &key(&image.digest))? {
        Some(Root { unpacked: Unpacked::Ready, .. }) => State::Ready,
        Some(Root { unpacked: Unpacked::Failed, code, reason, .. }) => State::Failed { code, reason },
        Some(Root { unpacked: Unpacked::Pending, .. }) | None => State::Pending,
    })
}

fn not_now(state: &str) -> LambdaError {
    LambdaError::Conflict(format!(
        "The operation cannot be performed at this time. The function is currently in the following state: {state}"
    ))
}

/// The version with what of it can run now.
///
/// # Errors
/// `ResourceConflictException`
pub(crate) fn running(from: &dyn Read, version: Version) -> Result<Version, LambdaError> {
    let Some(image) = &version.image else { return Ok(version) };
    let state = state(from, image)?;
    match (state, &version.before) {
        (State::Ready, _) => Ok(version),
        (_, Some(before)) => Ok(Version { image: Some(before.clone()), before: None, ..version }),
        (State::Pending, None) => Err(not_now("Pending")),
        (State::Failed { .. }, None) => Err(not_now("Failed")),
    }
}

/// Refuses a change to what is still becoming what it was told to be before.
///
/// # Errors
/// `ResourceConflictException`
pub(crate) fn check_settled(from: &dyn Read, version: &Version, arn: &str) -> Result<(), LambdaError> {
    let Some(image) = &version.image else { return Ok(()) };
    match (state(from, image)?, &version.before) {
        (State::Pending, None) => Err(not_now("Pending")),
        (State::Pending, Some(_)) => Err(LambdaError::Conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
        ))),
        _ => Ok(()),
    }
}

/// One more version is of an image that others are of.
///
/// # Errors
/// `ServiceException` where none is.
pub(crate) fn hold(tx: &mut Tx, image: &Image) -> Result<(), LambdaError> {
    let key = key(&image.digest);
    let known = ROOTS.get(tx, &key)?;
    let mut root = known.ok_or_else(|| LambdaError::Service("The function's image is gone.".into()))?;
    root.users += 1;
    ROOTS.put(tx, &key, &root);
    Ok(())
}

/// One version less is; the last one takes its root along.
///
/// # Errors
/// The store's.
pub(crate) fn release(tx: &mut Tx, image: &Image) -> Result<(), StoreError> {
    let key = key(&image.digest);
    let Some(mut root) = ROOTS.get(tx, &key)? else { return Ok(()) };
    root.users = root.users.saturating_sub(1);
    match root.users {
        0 => ROOTS.delete(tx, &key),
        _ => ROOTS.put(tx, &key, &root),
    }
    Ok(())
}

/// A version is of an image; what could not be unpacked for another is tried anew.
///
/// # Errors
/// The store's.
pub(crate) fn claim(tx: &mut Tx, new: Root) -> Result<(), LambdaError> {
    let key = key(&new.digest);
    let known = ROOTS.get(tx, &key)?;
    let users = known.as_ref().map_or(0, |known| known.users) + 1;
    let root = match known {
        Some(known) if known.unpacked != Unpacked::Failed => Root { users, ..known },
        _ => Root { users, ..new },
    };
    ROOTS.put(tx, &key, &root);
    Ok(())
}
