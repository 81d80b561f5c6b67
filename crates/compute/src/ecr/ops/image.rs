//! Images are pushed, pulled and deleted.

use super::super::access;
use super::repository;
use crate::ecr::errors::{EcrError, invalid};
use crate::ecr::layers;
use crate::ecr::manifest::{Manifest, is_digest};
use crate::ecr::metering;
use crate::ecr::model::{IMAGES, IMAGES_MAX, Image, LAYERS, Repository, TAGS, TAGS_MAX, Tagged};
use kernel::Cx;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Tx};
use wire::{Struct, Value};

kernel::ops! { pub(crate) static OPS:
    PutImage: put, "ecr:PutImage", access::named;
    BatchGetImage: get, "ecr:BatchGetImage", access::named;
    BatchDeleteImage: delete, "ecr:BatchDeleteImage", access::named;
}

/// AWS: the time of the last pull is as old as a day at most.
const PULLS: Duration = Duration::from_secs(24 * 3600);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ImageId {
        pub(super) digest: Option<String> = "imageDigest",
        pub(super) tag: Option<String> = "imageTag",
    }

    #[derive(Debug)]
    pub(crate) struct PutImage {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        manifest: String = "imageManifest",
        media_type: Option<String> = "imageManifestMediaType",
        tag: Option<String> = "imageTag",
        digest: Option<String> = "imageDigest",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        registry: String = "registryId",
        name: String = "repositoryName",
        id: ImageId = "imageId",
        manifest: String = "imageManifest",
        media_type: String = "imageManifestMediaType",
    }

    #[derive(Debug)]
    pub(crate) struct Put { image: View = "image" }

    #[derive(Debug)]
    pub(crate) struct GetImages {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        ids: Vec<ImageId> = "imageIds",
        accepted: Vec<String> = "acceptedMediaTypes",
    }

    #[derive(Debug)]
    pub(crate) struct NotFound {
        id: ImageId = "imageId",
        code: String = "failureCode",
        reason: String = "failureReason",
    }

    #[derive(Debug)]
    pub(crate) struct Got {
        images: Vec<View> = "images",
        failures: Vec<NotFound> = "failures",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteImages {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        ids: Vec<ImageId> = "imageIds",
    }

    #[derive(Debug)]
    pub(crate) struct Deleted {
        ids: Vec<ImageId> = "imageIds",
        failures: Vec<NotFound> = "failures",
    }
}

/// AWS: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html>
fn tell(cx: &mut Cx<'_>, repository: &Repository, action: &str, digest: &str, tag: Option<&str>) {
    let mut detail = Struct::new();
    detail.push("result", Value::str("SUCCESS"));
    detail.push("repository-name", Value::str(&repository.name));
    detail.push("image-digest", Value::str(digest));
    detail.push("action-type", Value::str(action));
    if let Some(tag) = tag {
        detail.push("image-tag", Value::str(tag));
    }
    cx.emit("aws.ecr", "ECR Image Action", vec![repository.arn()], &Value::Struct(detail));
}

/// What a manifest names must be there: layers of an image, images of a list. Answers how many bytes that is.
fn held(cx: &mut Cx<'_>, repository: &Repository, manifest: &Manifest) -> Result<u64, EcrError> {
    let (name, registry) = repository.said();
    let mut missing = Vec::new();
    for entry in &manifest.members {
        if repository.image(cx.tx, &entry.digest)?.is_none() {
            missing.push(entry.digest.clone());
        }
    }
    if !missing.is_empty() {
        return Err(EcrError::NoReferenced(missing.join(", "), name, registry));
    }
    let mut size = 0;
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in manifest.layers.iter().filter(|entry| seen.insert(entry.digest.as_str())) {
        match repository.layer(cx.tx, &entry.digest)? {
            Some(layer) => {
                size += layer.size;
                found.push((layer, entry.media_type.clone()));
            }
            None => missing.push(entry.digest.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(EcrError::NoLayers(missing.join(", "), name, registry));
    }
    for (mut layer, media_type) in found {
        layer.users += 1;
        layer.media_type = Some(media_type).filter(|kind| !kind.is_empty()).or(layer.media_type);
        LAYERS.put(cx.tx, &repository.key().str(&layer.digest), &layer);
    }
    Ok(size)
}

/// A manifest that the repository does not have yet.
fn new_image(
    cx: &mut Cx<'_>,
    repository: &Repository,
    manifest: Manifest,
    text: String,
) -> Result<Image, EcrError> {
    if !cx.has_room(&IMAGES, &repository.key(), IMAGES_MAX)? {
        return Err(EcrError::Limit(format!(
            "The maximum number of images ({IMAGES_MAX}) in the repository with name '{}' has been reached",
            repository.name
        )));
    }
    let size = held(cx, repository, &manifest)? + text.len() as u64;
    let distinct: BTreeSet<String> = manifest.layers.into_iter().map(|entry| entry.digest).collect();
    Ok(Image {
        digest: manifest.digest,
        manifest: text,
        media_type: manifest.media_type,
        size,
        pushed: cx.now,
        tags: Vec::new(),
        artifact: manifest.artifact,
        subject: manifest.subject,
        pulled: None,
        layers: distinct.into_iter().collect(),
        members: manifest.members.into_iter().map(|entry| entry.digest).collect(),
    })
}

/// Takes a tag from the image that has it.
fn untag(tx: &mut Tx, repository: &Repository, image: &mut Image, tag: &str) {
    image.tags.retain(|known| known != tag);
    TAGS.delete(tx, &repository.key().str(tag));
    IMAGES.put(tx, &repository.key().str(&image.digest), image);
}

/// Gives a tag to an image.
fn give(cx: &mut Cx<'_>, repository: &Repository, image: &mut Image, tag: &str) -> Result<(), EcrError> {
    let (name, registry) = repository.said();
    match repository.tagged(cx.tx, tag)? {
        // AWS: an unchanged image is refused before its tag is.
        Some(holder) if holder.digest == image.digest => {
            return Err(EcrError::ImageExists(holder.digest, tag.to_owned(), name, registry));
        }
        Some(_) if repository.keeps(tag) => return Err(EcrError::TagTaken(tag.to_owned(), name)),
        Some(mut holder) => untag(cx.tx, repository, &mut holder, tag),
        None => {}
    }
    if image.tags.len() >= TAGS_MAX {
        return Err(EcrError::Limit(format!(
            "The maximum number of tags ({TAGS_MAX}) of an image has been reached"
        )));
    }
    image.tags.push(tag.to_owned());
    let digest = image.digest.clone();
    TAGS.put(cx.tx, &repository.key().str(tag), &Tagged { digest });
    Ok(())
}

fn view(repository: &Repository, image: &Image, tag: Option<String>) -> View {
    let (name, registry) = repository.said();
    View {
        registry,
        name,
        id: ImageId { digest: Some(image.digest.clone()), tag },
        manifest: image.manifest.clone(),
        media_type: image.media_type.clone(),
    }
}

fn put(cx: &mut Cx<'_>, req: PutImage) -> Result<Put, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let manifest = Manifest::read(&req.manifest, req.media_type.as_deref())?;
    if req.digest.is_some_and(|digest| digest != manifest.digest) {
        return Err(EcrError::OtherDigest);
    }
    let known = repository.image(cx.tx, &manifest.digest)?;
    let mut image = match known {
        Some(known) if req.tag.is_none() => {
            let (name, registry) = repository.said();
            return Err(EcrError::ImageExists(known.digest, "null".into(), name, registry));
        }
        Some(known) => known,
        None => new_image(cx, &repository, manifest, req.manifest)?,
    };
    if let Some(tag) = &req.tag {
        give(cx, &repository, &mut image, tag)?;
    }
    IMAGES.put(cx.tx, &repository.key().str(&image.digest), &image);
    tell(cx, &repository, "PUSH", &image.digest, req.tag.as_deref());
    Ok(Put { image: view(&repository, &image, req.tag) })
}

/// The image that an id names, or why there is none: a code and its reason, in AWS's words.
pub(super) fn find(
    cx: &Cx<'_>,
    repository: &Repository,
    id: &ImageId,
) -> Result<Result<Image, (&'static str, &'static str)>, EcrError> {
    let image = match (&id.digest, &id.tag) {
        (None, None) => {
            return Ok(Err((
                "MissingDigestAndTag",
                "Invalid request parameters: both tag and digest cannot be null",
            )));
        }
        (Some(digest), _) if !is_digest(digest) => {
            return Ok(Err((
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            )));
        }
        (Some(digest), _) => repository.image(cx.tx, digest)?,
        (None, Some(tag)) => repository.tagged(cx.tx, tag)?,
    };
    Ok(match (image, &id.tag) {
        (Some(image), Some(tag)) if !image.tags.contains(tag) => {
            Err(("ImageTagDoesNotMatchDigest", "Invalid request parameters: tag does not match digest"))
        }
        (Some(image), _) => Ok(image),
        (None, _) => Err(("ImageNotFound", "Requested image not found")),
    })
}

fn not_found(id: ImageId, (code, reason): (&str, &str)) -> NotFound {
    NotFound { id, code: code.into(), reason: reason.into() }
}

fn get(cx: &mut Cx<'_>, req: GetImages) -> Result<Got, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let mut got = Got { images: Vec::new(), failures: Vec::new() };
    for id in req.ids {
        match find(cx, &repository, &id)? {
            // AWS converts between manifests of docker's old and new schema only, and the old one is gone.
            Ok(image) if !req.accepted.is_empty() && !req.accepted.contains(&image.media_type) => {
                return Err(invalid(
                    "acceptedMediaTypes",
                    format!("The image is of the media type {}", image.media_type),
                ));
            }
            Ok(mut image) => {
                got.images.push(view(&repository, &image, id.tag));
                if image.pulled.is_none_or(|pulled| cx.now.since(pulled) >= PULLS) {
                    image.pulled = Some(cx.now);
                    IMAGES.put(cx.tx, &repository.key().str(&image.digest), &image);
                }
            }
            Err(why) => got.failures.push(not_found(id, why)),
        }
    }
    if !got.images.is_empty() {
        metering::pulled(cx, &repository, got.images.len());
    }
    Ok(got)
}

/// An image goes, with its tags and the layers that no other needs.
pub(in crate::ecr) fn remove(
    cx: &mut Cx<'_>,
    repository: &Repository,
    image: &Image,
) -> Result<(), EcrError> {
    let key = repository.key();
    let cloud = Arc::clone(cx.cloud());
    image.tags.iter().for_each(|tag| TAGS.delete(cx.tx, &key.clone().str(tag)));
    IMAGES.delete(cx.tx, &key.str(&image.digest));
    for digest in &image.layers {
        layers::unuse(cx.tx, &cloud, repository, digest)?;
    }
    tell(cx, repository, "DELETE", &image.digest, image.tags.first().map(String::as_str));
    Ok(())
}

/// Whether a list of images names this one.
fn is_member(cx: &Cx<'_>, repository: &Repository, digest: &str) -> Result<bool, EcrError> {
    for pair in IMAGES.scan(&*cx.tx, &repository.key(), Direction::Forward) {
        if pair?.1.members.iter().any(|member| member == digest) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// AWS: a tag alone is taken away; an image goes with its digest, or with its last tag.
fn delete(cx: &mut Cx<'_>, req: DeleteImages) -> Result<Deleted, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let mut deleted = Deleted { ids: Vec::new(), failures: Vec::new() };
    for id in req.ids {
        let mut image = match find(cx, &repository, &id)? {
            Ok(image) => image,
            Err(why) => {
                deleted.failures.push(not_found(id, why));
                continue;
            }
        };
        let digest = image.digest.clone();
        let gone = |tag: Option<String>| ImageId { digest: Some(digest.clone()), tag };
        if let (None, Some(tag)) = (&id.digest, &id.tag)
            && image.tags.len() > 1
        {
            untag(cx.tx, &repository, &mut image, tag);
            deleted.ids.push(gone(id.tag));
            continue;
        }
        if is_member(cx, &repository, &digest)? {
            let reason = "Requested image referenced by manifest list";
            deleted.failures.push(not_found(id, ("ImageReferencedByManifestList", reason)));
            continue;
        }
        remove(cx, &repository, &image)?;
        match image.tags.is_empty() {
            true => deleted.ids.push(gone(None)),
            false => deleted.ids.extend(image.tags.iter().cloned().map(Some).map(gone)),
        }
    }
    Ok(deleted)
}
