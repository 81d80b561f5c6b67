//! Versions: what a function was at a time, for ever.

use super::configuration::{Configuration, check_revision, shown};
use super::page;
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::image;
use crate::lambda::model::{self, FUNCTIONS, Function, VERSIONS, Version};
use crate::lambda::name::{LATEST, Named};
use crate::lambda::package;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    PublishVersion: publish_version, "lambda:PublishVersion", access::function;
    ListVersionsByFunction: list, "lambda:ListVersionsByFunction", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PublishVersion {
        name: String = "FunctionName",
        hash: Option<String> = "CodeSha256",
        description: Option<String> = "Description",
        revision: Option<String> = "RevisionId",
    }

    #[derive(Debug)]
    pub(crate) struct ListVersions {
        name: String = "FunctionName",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Versions {
        marker: Option<String> = "NextMarker",
        versions: Vec<Configuration> = "Versions",
    }
}

/// Publishes what the function is now. AWS: what has not changed since the last version is that version.
///
/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn publish(
    cx: &mut Cx<'_>,
    named: &Named,
    description: Option<String>,
) -> Result<(Function, Version), LambdaError> {
    let mut function = model::function(cx.tx, named)?;
    let latest = model::version(cx.tx, named, LATEST)?;
    if let Some(folder) = &latest.folder {
        return Err(invalid(format!(
            "A version does not change, and the folder {folder} may: update the function's code with an archive first."
        )));
    }
    let last = match function.published {
        0 => None,
        number => VERSIONS.get(cx.tx, &named.key().u64(number))?,
    };
    if let Some(last) = last.filter(|last| last.modified == latest.modified && last.code == latest.code) {
        return Ok((function, last));
    }
    function.published += 1;
    let mut version = Version { number: function.published, before: None, ..latest };
    version.revision = base::id::uuid(cx.rng());
    version.description = description.unwrap_or(version.description);
    package::hold(cx, &version)?;
    FUNCTIONS.put(cx.tx, &named.key(), &function);
    VERSIONS.put(cx.tx, &named.key().u64(version.number), &version);
    Ok((function, version))
}

fn publish_version(cx: &mut Cx<'_>, req: PublishVersion) -> Result<Configuration, LambdaError> {
    let named = Named::whole(cx, &req.name)?;
    let latest = model::version(cx.tx, &named, LATEST)?;
    check_revision(req.revision.as_deref(), &latest.revision)?;
    image::check_settled(cx.tx, &latest, &named.arn())?;
    if let Some(hash) = req.hash.filter(|hash| *hash != latest.code_hash) {
        return Err(invalid(format!(
            "CodeSHA256 ({hash}) is different from current CodeSHA256 in $LATEST ({}). Please try again with the CodeSHA256 in $LATEST.",
            latest.code_hash
        )));
    }
    let (function, version) = publish(cx, &named, req.description)?;
    shown(cx, &function, &version, Some(&version.label()))
}

fn list(cx: &mut Cx<'_>, req: ListVersions) -> Result<Versions, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    let function = model::function(cx.tx, &named)?;
    let list = format!("ListVersionsByFunction {}", named.name);
    let (found, marker) = page(cx, &VERSIONS, &named.key(), &list, (req.marker.as_deref(), req.most))?;
    let mut show = |(_, version): &(_, Version)| shown(cx, &function, version, Some(&version.label()));
    Ok(Versions { marker, versions: found.iter().map(&mut show).collect::<Result<_, _>>()? })
}
