//! What a version is made of: an archive and layers, or a container image. Each version holds its own, so that nothing
//! goes that some version still needs.

use super::code;
use super::errors::LambdaError;
use super::image;
use super::layer;
use super::model::Version;
use kernel::Cx;
use std::sync::Arc;

/// A further version is of the same.
///
/// # Errors
/// `ServiceException` where it is gone.
pub(crate) fn hold(cx: &mut Cx<'_>, version: &Version) -> Result<(), LambdaError> {
    if let Some(image) = &version.image {
        return image::hold(cx.tx, image);
    }
    if !blob::refs::share(cx.tx, version.code)? {
        return Err(LambdaError::Service("The function's code is gone.".into()));
    }
    layer::hold(cx, &version.layers)
}

/// One version less is.
///
/// # Errors
/// The store's.
pub(crate) fn release(cx: &mut Cx<'_>, version: &Version) -> Result<(), LambdaError> {
    for image in version.image.iter().chain(&version.before) {
        image::release(cx.tx, image)?;
    }
    if version.image.is_none() {
        let cloud = Arc::clone(cx.cloud());
        code::release(cx.tx, &cloud, version.code)?;
        layer::release(cx, &version.layers)?;
    }
    Ok(())
}
