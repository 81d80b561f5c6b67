//! Where code comes from: the request itself, an object that the caller may read, or an image that Lambda may.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html>

use super::function::check_storage;
use crate::lambda::access::SERVICE;
use crate::lambda::code::{self, ZIPPED_MAX};
use crate::lambda::errors::{LambdaError, invalid, is_denied};
use crate::lambda::hot;
use crate::lambda::image;
use crate::lambda::layer;
use crate::lambda::model::Version;
use crate::lambda::name::Named;
use bytes::Bytes;
use kernel::{As, Cx};
use wire::{Fault, Struct, Value};

wire::shape! {
    #[derive(Debug, Default)]
    pub(crate) struct Source {
        pub(crate) zip: Option<Bytes> = "ZipFile",
        pub(crate) bucket: Option<String> = "S3Bucket",
        pub(crate) key: Option<String> = "S3Key",
        pub(crate) version: Option<String> = "S3ObjectVersion",
        pub(crate) image: Option<String> = "ImageUri",
    }
}

impl Source {
    /// A new version is of an archive; its layers are known.
    ///
    /// # Errors
    /// Those of [`Source::archive`]; `CodeStorageExceededException`
    pub(crate) fn set_archive(self, cx: &mut Cx<'_>, version: &mut Version) -> Result<(), LambdaError> {
        version.folder = self.folder(cx)?;
        let zip = match version.folder {
            Some(_) => hot::NOTHING,
            None => self.archive(cx)?,
        };
        version.unzipped = kernel::slow(|| code::check(&zip))?;
        check_storage(cx, zip.len())?;
        layer::check_size(version)?;
        let kept = code::keep(cx, &zip)?;
        (version.code, version.code_size, version.code_hash) = (kept.content, kept.size, kept.hash);
        Ok(())
    }

    /// A new version is of an image.
    ///
    /// # Errors
    /// Those of [`image::source::resolve`]; `InvalidParameterValueException`
    pub(crate) fn set_image(
        self,
        cx: &mut Cx<'_>,
        named: &Named,
        version: &mut Version,
    ) -> Result<(), LambdaError> {
        let uri = self.image()?;
        let uri = uri.ok_or_else(|| {
            invalid("Please provide ImageUri when the intended function PackageType is Image.")
        })?;
        let (found, root) = image::source::resolve(cx, named, &uri)?;
        image::claim(cx.tx, root)?;
        version.code_hash = image::hash(&found);
        version.image = Some(found);
        Ok(())
    }

    /// The name of an image, where one is told; then nothing else is.
    ///
    /// # Errors
    /// `InvalidParameterValueException`
    pub(crate) fn image(&self) -> Result<Option<String>, LambdaError> {
        let others = [&self.bucket, &self.key, &self.version].iter().any(|other| other.is_some());
        match self.image.is_some() && (others || self.zip.is_some()) {
            true => Err(invalid(
                "Please do not provide other FunctionCode parameters when providing an ImageUri.",
            )),
            false => Ok(self.image.clone()),
        }
    }

    /// The folder of this machine that the code is, where that is asked for.
    ///
    /// # Errors
    /// `InvalidParameterValueException`
    pub(crate) fn folder(&self, cx: &Cx<'_>) -> Result<Option<String>, LambdaError> {
        match (self.bucket.as_deref(), &self.key) {
            (Some(hot::BUCKET), Some(path)) => hot::found(&cx.memory(), path),
            _ => Ok(None),
        }
    }

    /// The archive.
    ///
    /// # Errors
    /// `InvalidParameterValueException`, `RequestEntityTooLargeException`, `AccessDeniedException` for an object that
    /// the caller may not read.
    pub(crate) fn archive(self, cx: &mut Cx<'_>) -> Result<Bytes, LambdaError> {
        self.image()?;
        match (self.zip, self.bucket, self.key) {
            (Some(zip), None, None) if zip.len() > ZIPPED_MAX => Err(LambdaError::CodeTooLarge),
            (Some(zip), None, None) => Ok(zip),
            (None, Some(bucket), Some(key)) => fetch(cx, &bucket, &key, self.version.as_deref()),
            (Some(_), _, _) => {
                Err(invalid("Please do not provide other FunctionCode parameters when providing a ZipFile."))
            }
            (None, None, None) => Err(invalid("Please provide a source for function code.")),
            (None, _, _) => Err(invalid("S3Bucket and S3Key are both required for code from Amazon S3.")),
        }
    }
}

/// Reads an object with the caller's permissions.
fn fetch(cx: &mut Cx<'_>, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, LambdaError> {
    let mut input: Struct = [("Bucket", Value::str(bucket)), ("Key", Value::str(key))].into_iter().collect();
    if let Some(version) = version {
        input.push("VersionId", Value::str(version));
    }
    let answer = cx.call("s3", "GetObject", Value::Struct(input), As::CallerVia(SERVICE));
    let mut answer = answer.map_err(|fault| refusal(&fault, bucket, key))?;
    let body = if let Value::Struct(members) = &mut answer { members.take("Body") } else { None };
    match body {
        Some(Value::Blob(zip)) => Ok(zip),
        _ => Ok(Bytes::new()),
    }
}

fn refusal(fault: &Fault, bucket: &str, key: &str) -> LambdaError {
    let why = &fault.message;
    if is_denied(fault) {
        return LambdaError::Denied(format!(
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for {bucket}/{key}. S3 Error Code: AccessDenied. S3 Error Message: {why}"
        ));
    }
    let code = &fault.code;
    invalid(format!("Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {why}"))
}
