//! Which images there are.

use super::super::access;
use super::image::{ImageId, find};
use super::repository;
use crate::ecr::errors::{EcrError, invalid};
use crate::ecr::model::{IMAGES, Image, Repository};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    ListImages: list, "ecr:ListImages", access::named;
    DescribeImages: describe, "ecr:DescribeImages", access::named;
}

const PAGE: i64 = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Filter {
        tag_status: Option<String> = "tagStatus",
        image_status: Option<String> = "imageStatus",
    }

    #[derive(Debug)]
    pub(crate) struct ListImages {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        token: Option<String> = "nextToken",
        max: Option<i64> = "maxResults",
        filter: Option<Filter> = "filter",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        ids: Vec<ImageId> = "imageIds",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct DescribeImages {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        ids: Vec<ImageId> = "imageIds",
        token: Option<String> = "nextToken",
        max: Option<i64> = "maxResults",
        filter: Option<Filter> = "filter",
    }

    #[derive(Debug)]
    pub(crate) struct Detail {
        registry: String = "registryId",
        name: String = "repositoryName",
        digest: String = "imageDigest",
        tags: Option<Vec<String>> = "imageTags",
        size: i64 = "imageSizeInBytes",
        pushed: Timestamp = "imagePushedAt",
        media_type: String = "imageManifestMediaType",
        artifact: Option<String> = "artifactMediaType",
        pulled: Option<Timestamp> = "lastRecordedPullTime",
        subject: Option<String> = "subjectManifestDigest",
        status: String = "imageStatus",
    }

    #[derive(Debug)]
    pub(crate) struct Described {
        details: Vec<Detail> = "imageDetails",
        token: Option<String> = "nextToken",
    }
}

impl Filter {
    fn passes(&self, image: &Image) -> bool {
        let tagged = match self.tag_status.as_deref() {
            Some("TAGGED") => !image.tags.is_empty(),
            Some("UNTAGGED") => image.tags.is_empty(),
            _ => true,
        };
        // None is ever archived here.
        tagged && !matches!(self.image_status.as_deref(), Some("ARCHIVED" | "ACTIVATING"))
    }
}

/// A page of images that a filter passes.
fn page(
    cx: &Cx<'_>,
    repository: &Repository,
    list: &str,
    filter: Option<&Filter>,
    (token, max): (Option<&str>, Option<i64>),
) -> Result<(Vec<Image>, Option<String>), EcrError> {
    let list = format!("ecr:{list} {} {}", repository.arn(), asked(filter));
    let passes = |image: &Image| filter.is_none_or(|filter| filter.passes(image));
    Ok(cx.list(&IMAGES, &repository.key(), &list, token, max.unwrap_or(PAGE) as usize, passes)?)
}

fn asked(filter: Option<&Filter>) -> String {
    filter.map_or_else(String::new, |filter| format!("{:?} {:?}", filter.tag_status, filter.image_status))
}

/// AWS answers a line for each tag, and pages may have more of them than was asked for here: images are counted.
fn list(cx: &mut Cx<'_>, req: ListImages) -> Result<Listed, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let place = (req.token.as_deref(), req.max);
    let (images, token) = page(cx, &repository, "list", req.filter.as_ref(), place)?;
    let lines = |image: Image| {
        let digest = Some(image.digest);
        let line = |tag| ImageId { digest: digest.clone(), tag };
        match image.tags.is_empty() {
            true => vec![line(None)],
            false => image.tags.into_iter().map(Some).map(line).collect(),
        }
    };
    Ok(Listed { ids: images.into_iter().flat_map(lines).collect(), token })
}

fn detail(repository: &Repository, image: Image) -> Detail {
    let (name, registry) = repository.said();
    Detail {
        registry,
        name,
        digest: image.digest,
        tags: Some(image.tags).filter(|tags| !tags.is_empty()),
        size: image.size as i64,
        pushed: image.pushed,
        media_type: image.media_type,
        artifact: image.artifact,
        pulled: image.pulled,
        subject: image.subject,
        status: "ACTIVE".into(),
    }
}

fn describe(cx: &mut Cx<'_>, req: DescribeImages) -> Result<Described, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    if req.ids.is_empty() {
        let place = (req.token.as_deref(), req.max);
        let (images, token) = page(cx, &repository, "images", req.filter.as_ref(), place)?;
        let details = images.into_iter().map(|image| detail(&repository, image)).collect();
        return Ok(Described { details, token });
    }
    if req.max.is_some() || req.token.is_some() {
        return Err(invalid("imageIds", "Pages are for all images, not for named ones"));
    }
    let mut details: Vec<Detail> = Vec::new();
    for id in req.ids {
        match find(cx, &repository, &id)? {
            Ok(image) if details.iter().any(|known| known.digest == image.digest) => {}
            Ok(image) => details.push(detail(&repository, image)),
            Err(("ImageNotFound" | "ImageTagDoesNotMatchDigest", _)) => {
                let (name, registry) = repository.said();
                let said = |text: Option<String>| text.unwrap_or_else(|| "null".into());
                let which = format!("{{imageDigest:'{}', imageTag:'{}'}}", said(id.digest), said(id.tag));
                return Err(EcrError::NoImage(which, name, registry));
            }
            Err((_, reason)) => return Err(EcrError::Invalid(reason.into())),
        }
    }
    Ok(Described { details, token: None })
}
