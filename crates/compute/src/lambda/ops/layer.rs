//! Layers: published, shown, listed and deleted.

use super::function::check_storage;
use super::source::Source;
use super::{no_page, page_size};
use crate::lambda::access;
use crate::lambda::code;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::layer::{self, LayerName};
use crate::lambda::link;
use crate::lambda::model::{LAYER_POLICIES, LAYER_VERSIONS, LAYERS, Layer, LayerVersion};
use bytes::Bytes;
use kernel::{Cx, Empty};
use std::sync::Arc;
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    PublishLayerVersion: publish, "lambda:PublishLayerVersion", access::layer;
    GetLayerVersion: get, "lambda:GetLayerVersion", access::layer_version;
    GetLayerVersionByArn: get_by_arn, "lambda:GetLayerVersion", access::layer_arn;
    DeleteLayerVersion: delete, "lambda:DeleteLayerVersion", access::layer_version;
    ListLayers: list, "lambda:ListLayers", access::any;
    ListLayerVersions: list_versions, "lambda:ListLayerVersions", access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Content {
        zip: Option<Bytes> = "ZipFile",
        bucket: Option<String> = "S3Bucket",
        key: Option<String> = "S3Key",
        version: Option<String> = "S3ObjectVersion",
    }

    #[derive(Debug)]
    pub(crate) struct Publish {
        name: String = "LayerName",
        description: Option<String> = "Description",
        content: Content = "Content",
        runtimes: Vec<String> = "CompatibleRuntimes",
        license: Option<String> = "LicenseInfo",
        architectures: Vec<String> = "CompatibleArchitectures",
    }

    #[derive(Debug)]
    pub(crate) struct OneVersion {
        name: String = "LayerName",
        version: i64 = "VersionNumber",
    }

    #[derive(Debug)]
    pub(crate) struct ByArn { arn: String = "Arn" }

    #[derive(Debug)]
    pub(crate) struct ListLayers {
        runtime: Option<String> = "CompatibleRuntime",
        architecture: Option<String> = "CompatibleArchitecture",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct ListVersions {
        name: String = "LayerName",
        runtime: Option<String> = "CompatibleRuntime",
        architecture: Option<String> = "CompatibleArchitecture",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Kept {
        link: Option<String> = "Location",
        hash: String = "CodeSha256",
        size: i64 = "CodeSize",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        content: Kept = "Content",
        layer: String = "LayerArn",
        arn: String = "LayerVersionArn",
        description: String = "Description",
        created: String = "CreatedDate",
        version: i64 = "Version",
        runtimes: Option<Vec<String>> = "CompatibleRuntimes",
        license: Option<String> = "LicenseInfo",
        architectures: Option<Vec<String>> = "CompatibleArchitectures",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        arn: String = "LayerVersionArn",
        version: i64 = "Version",
        description: String = "Description",
        created: String = "CreatedDate",
        runtimes: Option<Vec<String>> = "CompatibleRuntimes",
        license: Option<String> = "LicenseInfo",
        architectures: Option<Vec<String>> = "CompatibleArchitectures",
    }

    #[derive(Debug)]
    pub(crate) struct OneLayer {
        name: String = "LayerName",
        arn: String = "LayerArn",
        latest: Listed = "LatestMatchingVersion",
    }

    #[derive(Debug)]
    pub(crate) struct Layers {
        marker: Option<String> = "NextMarker",
        layers: Vec<OneLayer> = "Layers",
    }

    #[derive(Debug)]
    pub(crate) struct VersionList {
        marker: Option<String> = "NextMarker",
        versions: Vec<Listed> = "LayerVersions",
    }
}

fn long(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn some(all: Vec<String>) -> Option<Vec<String>> {
    (!all.is_empty()).then_some(all)
}

fn date(version: &LayerVersion) -> String {
    format!("{}+0000", version.created.iso8601_millis().trim_end_matches('Z'))
}

fn shown(named: &LayerName, version: LayerVersion, link: Option<String>) -> Shown {
    Shown {
        layer: named.arn(),
        arn: named.at(version.number).version_arn(),
        created: date(&version),
        version: long(version.number),
        content: Kept { link, hash: version.hash, size: long(version.size) },
        description: version.description,
        runtimes: some(version.runtimes),
        license: version.license,
        architectures: some(version.architectures),
    }
}

fn listed(named: &LayerName, version: LayerVersion) -> Listed {
    let Shown { arn, version, description, created, runtimes, license, architectures, .. } =
        shown(named, version, None);
    Listed { arn, version, description, created, runtimes, license, architectures }
}

fn publish(cx: &mut Cx<'_>, req: Publish) -> Result<Shown, LambdaError> {
    let named = LayerName::read(cx, &req.name)?;
    if named.account != cx.account || named.region != cx.region || named.version.is_some() {
        return Err(invalid(format!("Invalid Layer name: {}", req.name)));
    }
    let Content { zip, bucket, key, version } = req.content;
    let zip = Source { zip, bucket, key, version, image: None }.archive(cx)?;
    let unzipped = kernel::slow(|| code::check(&zip))?;
    check_storage(cx, zip.len())?;
    let kept = code::keep(cx, &zip)?;
    let mut layer = LAYERS.get(cx.tx, &named.key())?.unwrap_or_default();
    layer.name.clone_from(&named.name);
    layer.published += 1;
    let version = LayerVersion {
        number: layer.published,
        description: req.description.unwrap_or_default(),
        license: req.license,
        runtimes: req.runtimes,
        architectures: req.architectures,
        content: kept.content,
        size: kept.size,
        unzipped,
        hash: kept.hash,
        created: cx.now,
    };
    LAYERS.put(cx.tx, &named.key(), &layer);
    LAYER_VERSIONS.put(cx.tx, &named.at(version.number).version_key(), &version);
    let link = link::to(cx, &named.name, version.content, version.size);
    Ok(shown(&named, version, link))
}

fn numbered(cx: &Cx<'_>, name: &str, version: i64) -> Result<LayerName, LambdaError> {
    let named = LayerName::read(cx, name)?;
    Ok(named.at(u64::try_from(version).unwrap_or(0)))
}

fn with_link(cx: &Cx<'_>, named: &LayerName) -> Result<Shown, LambdaError> {
    let version = layer::version(cx.tx, named)?;
    let link = link::to(cx, &named.name, version.content, version.size);
    Ok(shown(named, version, link))
}

fn get(cx: &mut Cx<'_>, req: OneVersion) -> Result<Shown, LambdaError> {
    let named = numbered(cx, &req.name, req.version)?;
    with_link(cx, &named)
}

fn get_by_arn(cx: &mut Cx<'_>, req: ByArn) -> Result<Shown, LambdaError> {
    let named = LayerName::read(cx, &req.arn)?;
    with_link(cx, &named)
}

/// AWS: one that is not there is no error; functions that use it keep it.
fn delete(cx: &mut Cx<'_>, req: OneVersion) -> Result<Empty, LambdaError> {
    let named = numbered(cx, &req.name, req.version)?;
    if let Some(gone) = LAYER_VERSIONS.get(cx.tx, &named.version_key())? {
        let cloud = Arc::clone(cx.cloud());
        code::release(cx.tx, &cloud, gone.content)?;
        LAYER_VERSIONS.delete(cx.tx, &named.version_key());
        LAYER_POLICIES.delete(cx.tx, &named.version_key());
    }
    Ok(Empty)
}

/// Whether a version is for what is asked for; one that does not say is for nothing in particular.
fn suits(version: &LayerVersion, runtime: Option<&str>, architecture: Option<&str>) -> bool {
    let has = |all: &[String], one: Option<&str>| one.is_none_or(|one| all.iter().any(|known| known == one));
    has(&version.runtimes, runtime) && has(&version.architectures, architecture)
}

/// The versions of a layer, the newest first.
fn versions(cx: &Cx<'_>, named: &LayerName) -> Result<Vec<LayerVersion>, LambdaError> {
    let all = LAYER_VERSIONS.scan(cx.tx, &named.key(), Direction::Forward).map(|pair| pair.map(|(_, v)| v));
    let mut all = all.collect::<Result<Vec<_>, _>>()?;
    all.reverse();
    Ok(all)
}

fn list(cx: &mut Cx<'_>, req: ListLayers) -> Result<Layers, LambdaError> {
    let (runtime, architecture) = (req.runtime.as_deref(), req.architecture.as_deref());
    let named = |layer: &Layer| LayerName {
        account: cx.account,
        region: cx.region,
        name: layer.name.clone(),
        version: None,
    };
    let latest = |layer: &Layer| -> Result<Option<LayerVersion>, LambdaError> {
        let all = versions(cx, &named(layer))?;
        Ok(all.into_iter().find(|version| suits(version, runtime, architecture)))
    };
    let list = format!("lambda:ListLayers {runtime:?} {architecture:?}");
    let prefix = Key::regional(cx.account, cx.region);
    // What cannot be read is told when it is to be shown.
    let wanted = |layer: &Layer| latest(layer).map_or(true, |latest| latest.is_some());
    let found = cx.list(&LAYERS, &prefix, &list, req.marker.as_deref(), page_size(req.most), wanted);
    let (found, marker) = found.map_err(no_page)?;
    let mut layers = Vec::with_capacity(found.len());
    for layer in found {
        let named = named(&layer);
        let latest = latest(&layer)?.map(|latest| listed(&named, latest));
        layers.extend(latest.map(|latest| OneLayer { name: layer.name, arn: named.arn(), latest }));
    }
    Ok(Layers { marker, layers })
}

fn list_versions(cx: &mut Cx<'_>, req: ListVersions) -> Result<VersionList, LambdaError> {
    let named = LayerName::read(cx, &req.name)?;
    if named.account != cx.account {
        return Err(LambdaError::Denied(format!(
            "User: {} is not authorized to perform: lambda:ListLayerVersions on resource: {} because no resource-based policy allows the lambda:ListLayerVersions action",
            cx.caller.arn(),
            named.arn()
        )));
    }
    let (runtime, architecture) = (req.runtime.as_deref(), req.architecture.as_deref());
    let list = format!("lambda:ListLayerVersions {} {runtime:?} {architecture:?}", named.arn());
    let before = match &req.marker {
        None => u64::MAX,
        Some(marker) => {
            let position = cx.pager().position(&list, marker).map_err(|_| invalid("Invalid Marker"))?;
            position.try_into().map(u64::from_be_bytes).map_err(|_| invalid("Invalid Marker"))?
        }
    };
    let mut all = versions(cx, &named)?;
    all.retain(|version| version.number < before && suits(version, runtime, architecture));
    let more = all.len() > page_size(req.most);
    all.truncate(page_size(req.most));
    let marker = all.last().filter(|_| more).map(|last| cx.pager().token(&list, &last.number.to_be_bytes()));
    Ok(VersionList { marker, versions: all.into_iter().map(|version| listed(&named, version)).collect() })
}
