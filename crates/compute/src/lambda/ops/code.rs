//! UpdateFunctionCode.

use super::configuration::{Configuration, check_revision, shown, touch};
use super::function::{check_architectures, check_storage};
use super::source::Source;
use crate::lambda::access;
use crate::lambda::code;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::hot;
use crate::lambda::image;
use crate::lambda::layer;
use crate::lambda::model::{self, Function, VERSIONS, Version};
use crate::lambda::name::{LATEST, Named};
use bytes::Bytes;
use kernel::Cx;
use std::sync::Arc;

kernel::ops! { pub(crate) static OPS:
    UpdateFunctionCode: update, "lambda:UpdateFunctionCode", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct UpdateCode {
        name: String = "FunctionName",
        zip: Option<Bytes> = "ZipFile",
        bucket: Option<String> = "S3Bucket",
        key: Option<String> = "S3Key",
        version: Option<String> = "S3ObjectVersion",
        image: Option<String> = "ImageUri",
        publish: Option<bool> = "Publish",
        dry: Option<bool> = "DryRun",
        revision: Option<String> = "RevisionId",
        architectures: Vec<String> = "Architectures",
    }
}

fn update(cx: &mut Cx<'_>, req: UpdateCode) -> Result<Configuration, LambdaError> {
    let named = Named::whole(cx, &req.name)?;
    let function = model::function(cx.tx, &named)?;
    let mut version = model::version(cx.tx, &named, LATEST)?;
    check_revision(req.revision.as_deref(), &version.revision)?;
    check_architectures(&req.architectures)?;
    image::check_settled(cx.tx, &version, &named.arn())?;
    let (bucket, key) = (req.bucket, req.key);
    let source = Source { zip: req.zip, bucket, key, version: req.version, image: req.image };
    match (version.image.is_some(), source.image()?) {
        (true, None) => {
            return Err(invalid("Please provide ImageUri when updating a function with packageType Image."));
        }
        (false, Some(_)) => {
            return Err(invalid(
                "Please don't provide ImageUri when updating a function with packageType Zip.",
            ));
        }
        (true, Some(uri)) => {
            let (found, root) = image::source::resolve(cx, &named, &uri)?;
            if req.dry == Some(true) {
                version.code_hash = image::hash(&found);
                return shown(cx, &function, &version, None);
            }
            image::replace(cx.tx, &mut version, found, root)?;
            return changed(cx, &named, &function, version, req.publish);
        }
        (false, None) => {}
    }
    version.folder = source.folder(cx)?;
    let zip = match version.folder {
        Some(_) => hot::NOTHING,
        None => source.archive(cx)?,
    };
    version.unzipped = kernel::slow(|| code::check(&zip))?;
    layer::check_size(&version)?;
    check_storage(cx, zip.len())?;
    if req.dry == Some(true) {
        (version.code_size, version.code_hash) = (zip.len() as u64, code::hash(&zip));
        return shown(cx, &function, &version, None);
    }
    let kept = code::keep(cx, &zip)?;
    let cloud = Arc::clone(cx.cloud());
    code::release(cx.tx, &cloud, version.code)?;
    (version.code, version.code_size, version.code_hash) = (kept.content, kept.size, kept.hash);
    changed(cx, &named, &function, version, req.publish)
}

/// Keeps a version whose code has changed, and publishes it where that is asked for.
fn changed(
    cx: &mut Cx<'_>,
    named: &Named,
    function: &Function,
    mut version: Version,
    publish: Option<bool>,
) -> Result<Configuration, LambdaError> {
    touch(cx, &mut version);
    VERSIONS.put(cx.tx, &named.key().u64(0), &version);
    if publish == Some(true) {
        let (function, published) = super::version::publish(cx, named, None)?;
        return shown(cx, &function, &published, Some(&published.label()));
    }
    shown(cx, function, &version, None)
}
