//! Layers come in by parts, and are found again.

use super::super::access;
use super::repository;
use crate::ecr::errors::EcrError;
use crate::ecr::layers;
use crate::ecr::login;
use crate::ecr::manifest::is_digest;
use crate::ecr::model::{
    LAYERS, Layer, PART_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX, Repository, UPLOADS, Upload,
};
use bytes::Bytes;
use kernel::Cx;
use std::sync::Arc;

kernel::ops! { pub(crate) static OPS:
    InitiateLayerUpload: initiate, "ecr:InitiateLayerUpload", access::named;
    UploadLayerPart: upload, "ecr:UploadLayerPart", access::named;
    CompleteLayerUpload: complete, "ecr:CompleteLayerUpload", access::named;
    BatchCheckLayerAvailability: check, "ecr:BatchCheckLayerAvailability", access::named;
    GetDownloadUrlForLayer: download, "ecr:GetDownloadUrlForLayer", access::named;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Initiate {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
    }

    #[derive(Debug)]
    pub(crate) struct Initiated {
        id: String = "uploadId",
        part_size: i64 = "partSize",
    }

    #[derive(Debug)]
    pub(crate) struct UploadPart {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        id: String = "uploadId",
        first: i64 = "partFirstByte",
        last: i64 = "partLastByte",
        blob: Bytes = "layerPartBlob",
    }

    #[derive(Debug)]
    pub(crate) struct Uploaded {
        registry: String = "registryId",
        name: String = "repositoryName",
        id: String = "uploadId",
        last: i64 = "lastByteReceived",
    }

    #[derive(Debug)]
    pub(crate) struct Complete {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        id: String = "uploadId",
        digests: Vec<String> = "layerDigests",
    }

    #[derive(Debug)]
    pub(crate) struct Completed {
        registry: String = "registryId",
        name: String = "repositoryName",
        id: String = "uploadId",
        digest: String = "layerDigest",
    }

    #[derive(Debug)]
    pub(crate) struct Check {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        digests: Vec<String> = "layerDigests",
    }

    #[derive(Debug)]
    pub(crate) struct Found {
        digest: String = "layerDigest",
        availability: String = "layerAvailability",
        size: Option<i64> = "layerSize",
        media_type: Option<String> = "mediaType",
    }

    #[derive(Debug)]
    pub(crate) struct NotFound {
        digest: String = "layerDigest",
        code: String = "failureCode",
        reason: String = "failureReason",
    }

    #[derive(Debug)]
    pub(crate) struct Checked {
        layers: Vec<Found> = "layers",
        failures: Vec<NotFound> = "failures",
    }

    #[derive(Debug)]
    pub(crate) struct Download {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        digest: String = "layerDigest",
    }

    #[derive(Debug)]
    pub(crate) struct Link {
        url: String = "downloadUrl",
        digest: String = "layerDigest",
    }
}

fn initiate(cx: &mut Cx<'_>, req: Initiate) -> Result<Initiated, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let upload = Upload { id: base::id::uuid(cx.rng()), started: cx.now, parts: Vec::new() };
    UPLOADS.put(cx.tx, &repository.key().str(&upload.id), &upload);
    Ok(Initiated { id: upload.id, part_size: PART_BYTES_MAX as i64 })
}

fn under_way(cx: &Cx<'_>, repository: &Repository, id: &str) -> Result<Upload, EcrError> {
    let found = UPLOADS.get(cx.tx, &repository.key().str(id))?;
    found.ok_or_else(|| {
        let (name, registry) = repository.said();
        EcrError::NoUpload(id.to_owned(), name, registry)
    })
}

fn upload(cx: &mut Cx<'_>, req: UploadPart) -> Result<Uploaded, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let mut upload = under_way(cx, &repository, &req.id)?;
    let (size, len) = (upload.size() as i64, req.blob.len() as i64);
    if len == 0 || req.blob.len() > PART_BYTES_MAX {
        return Err(EcrError::BadPart(format!("A layer part has between 1 and {PART_BYTES_MAX} bytes.")));
    }
    if req.first != size || req.last != size + len - 1 {
        return Err(EcrError::BadPart(format!(
            "The layer part of bytes {} to {} does not follow the {size} bytes that were received, or is not that long.",
            req.first, req.last
        )));
    }
    if upload.parts.len() >= PARTS_MAX {
        return Err(EcrError::Limit(format!("The maximum number of layer parts is {PARTS_MAX}.")));
    }
    let part = layers::keep(cx, &req.blob)?;
    upload.parts.push(part);
    UPLOADS.put(cx.tx, &repository.key().str(&upload.id), &upload);
    let (name, registry) = repository.said();
    Ok(Uploaded { registry, name, id: upload.id, last: req.last })
}

fn complete(cx: &mut Cx<'_>, req: Complete) -> Result<Completed, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let upload = under_way(cx, &repository, &req.id)?;
    let (name, registry) = repository.said();
    let Some((last, others)) = upload.parts.split_last() else { return Err(EcrError::EmptyUpload) };
    if last.size == 0 || others.iter().any(|part| part.size < PART_BYTES_MIN) {
        return Err(EcrError::SmallPart);
    }
    let cloud = Arc::clone(cx.cloud());
    let digest = kernel::slow(|| layers::digest(&cloud, &upload.parts))?;
    if !req.digests.contains(&digest) {
        return Err(EcrError::BadLayer(format!(
            "Layer digests do not match: the layer that was uploaded has the digest '{digest}'."
        )));
    }
    if repository.layer(cx.tx, &digest)?.is_some() {
        return Err(EcrError::LayerExists(digest, name, registry));
    }
    let size = upload.size();
    let layer = Layer { digest: digest.clone(), size, parts: upload.parts, media_type: None, users: 0 };
    UPLOADS.delete(cx.tx, &repository.key().str(&upload.id));
    LAYERS.put(cx.tx, &repository.key().str(&digest), &layer);
    Ok(Completed { registry, name, id: upload.id, digest })
}

fn check(cx: &mut Cx<'_>, req: Check) -> Result<Checked, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let mut checked = Checked { layers: Vec::new(), failures: Vec::new() };
    for digest in req.digests {
        if !is_digest(&digest) {
            let reason = "Invalid request parameters: layer digest should be a sha256 digest";
            let (code, reason) = ("InvalidLayerDigest".into(), reason.into());
            checked.failures.push(NotFound { digest, code, reason });
            continue;
        }
        let layer = repository.layer(cx.tx, &digest)?;
        let availability = if layer.is_some() { "AVAILABLE" } else { "UNAVAILABLE" };
        checked.layers.push(Found {
            digest,
            availability: availability.into(),
            size: layer.as_ref().map(|layer| layer.size as i64),
            media_type: layer.and_then(|layer| layer.media_type),
        });
    }
    Ok(checked)
}

fn download(cx: &mut Cx<'_>, req: Download) -> Result<Link, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    if repository.layer(cx.tx, &req.digest)?.is_none() {
        let (name, registry) = repository.said();
        return Err(EcrError::NoLayer(req.digest, name, registry));
    }
    let path = login::link(cx, &repository, &req.digest);
    Ok(Link { url: cx.request.origin() + &path, digest: req.digest })
}
