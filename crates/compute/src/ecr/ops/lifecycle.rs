//! Lifecycle policies, and what they would do.

use super::super::access;
use super::{position, repository};
use crate::ecr::errors::EcrError;
use crate::ecr::lifecycle::Lifecycle;
use crate::ecr::model::{IMAGES, Image};
use base::Timestamp;
use kernel::Cx;
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    PutLifecyclePolicy: put, "ecr:PutLifecyclePolicy", access::named;
    GetLifecyclePolicy: get, "ecr:GetLifecyclePolicy", access::named;
    DeleteLifecyclePolicy: delete, "ecr:DeleteLifecyclePolicy", access::named;
    StartLifecyclePolicyPreview: start_preview, "ecr:StartLifecyclePolicyPreview", access::named;
    GetLifecyclePolicyPreview: get_preview, "ecr:GetLifecyclePolicyPreview", access::named;
}

const PAGE: i64 = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Put {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        text: String = "lifecyclePolicyText",
    }

    #[derive(Debug)]
    pub(crate) struct PutDone {
        registry: String = "registryId",
        name: String = "repositoryName",
        text: String = "lifecyclePolicyText",
    }

    #[derive(Debug)]
    pub(crate) struct Which {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
    }

    #[derive(Debug)]
    pub(crate) struct PolicyOf {
        registry: String = "registryId",
        name: String = "repositoryName",
        text: String = "lifecyclePolicyText",
        evaluated: Option<Timestamp> = "lastEvaluatedAt",
    }

    #[derive(Debug)]
    pub(crate) struct StartPreview {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        text: Option<String> = "lifecyclePolicyText",
    }

    #[derive(Debug)]
    pub(crate) struct Started {
        registry: String = "registryId",
        name: String = "repositoryName",
        text: String = "lifecyclePolicyText",
        status: String = "status",
    }

    #[derive(Debug)]
    pub(crate) struct GetPreview {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        token: Option<String> = "nextToken",
        max: Option<i64> = "maxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Action { kind: String = "type" }

    #[derive(Debug)]
    pub(crate) struct Expiring {
        tags: Option<Vec<String>> = "imageTags",
        digest: String = "imageDigest",
        pushed: Timestamp = "imagePushedAt",
        action: Action = "action",
        priority: i64 = "appliedRulePriority",
    }

    #[derive(Debug)]
    pub(crate) struct Summary { expiring: i64 = "expiringImageTotalCount" }

    #[derive(Debug)]
    pub(crate) struct Preview {
        registry: String = "registryId",
        name: String = "repositoryName",
        text: String = "lifecyclePolicyText",
        status: String = "status",
        token: Option<String> = "nextToken",
        results: Vec<Expiring> = "previewResults",
        summary: Summary = "summary",
    }
}

fn put(cx: &mut Cx<'_>, req: Put) -> Result<PutDone, EcrError> {
    let mut repository = repository(cx, req.registry.as_deref(), &req.name)?;
    Lifecycle::read(&req.text)?;
    repository.lifecycle = Some(req.text.clone());
    repository.evaluated = None;
    repository.save(cx.tx);
    let (name, registry) = repository.said();
    Ok(PutDone { registry, name, text: req.text })
}

fn get(cx: &mut Cx<'_>, req: Which) -> Result<PolicyOf, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let (name, registry) = repository.said();
    match repository.lifecycle {
        Some(text) => Ok(PolicyOf { registry, name, text, evaluated: repository.evaluated }),
        None => Err(EcrError::NoLifecycle(name, registry)),
    }
}

fn delete(cx: &mut Cx<'_>, req: Which) -> Result<PolicyOf, EcrError> {
    let mut repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let (name, registry) = repository.said();
    let evaluated = repository.evaluated.take();
    let Some(text) = repository.lifecycle.take() else { return Err(EcrError::NoLifecycle(name, registry)) };
    repository.save(cx.tx);
    Ok(PolicyOf { registry, name, text, evaluated })
}

fn start_preview(cx: &mut Cx<'_>, req: StartPreview) -> Result<Started, EcrError> {
    let mut repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let (name, registry) = repository.said();
    let Some(text) = req.text.or_else(|| repository.lifecycle.clone()) else {
        return Err(EcrError::NoLifecycle(name, registry));
    };
    Lifecycle::read(&text)?;
    repository.preview = Some(text.clone());
    repository.save(cx.tx);
    Ok(Started { registry, name, text, status: "IN_PROGRESS".into() })
}

/// The preview is of the images that there are when it is read.
fn get_preview(cx: &mut Cx<'_>, req: GetPreview) -> Result<Preview, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let (name, registry) = repository.said();
    let Some(text) = repository.preview.clone() else { return Err(EcrError::NoPreview(name, registry)) };
    let images = IMAGES.scan(&*cx.tx, &repository.key(), Direction::Forward);
    let images = images.map(|pair| pair.map(|(_, image)| image)).collect::<Result<Vec<Image>, _>>()?;
    let expired = Lifecycle::read(&text)?.expired(&images, cx.now);
    let list = format!("ecr:preview {}", repository.arn());
    let after = position(cx, &list, req.token.as_deref())?;
    let max = req.max.unwrap_or(PAGE) as usize;
    let behind = |image: &&Image| after.as_deref().is_none_or(|after| image.digest.as_str() > after);
    let mut results: Vec<Expiring> = Vec::new();
    let mut token = None;
    for image in images.iter().filter(behind) {
        let Some(priority) = expired.get(&image.digest) else { continue };
        if results.len() == max {
            token = results.last().map(|last| cx.pager().token(&list, last.digest.as_bytes()));
            break;
        }
        results.push(Expiring {
            tags: Some(image.tags.clone()).filter(|tags| !tags.is_empty()),
            digest: image.digest.clone(),
            pushed: image.pushed,
            action: Action { kind: "EXPIRE".into() },
            priority: *priority,
        });
    }
    let summary = Summary { expiring: expired.len() as i64 };
    Ok(Preview { registry, name, text, status: "COMPLETE".into(), token, results, summary })
}
