//! Policies of repositories.

use super::super::access::{self, guarded};
use super::repository;
use crate::ecr::errors::{EcrError, invalid};
use crate::ecr::policy;
use kernel::{Cx, Target};
use wire::Struct;

kernel::ops! { pub(crate) static OPS:
    SetRepositoryPolicy: set, "ecr:SetRepositoryPolicy", access::named;
    GetRepositoryPolicy: get, "ecr:GetRepositoryPolicy", access::named;
    DeleteRepositoryPolicy: delete, "ecr:DeleteRepositoryPolicy", access::named;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct SetPolicy {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        text: String = "policyText",
        force: Option<bool> = "force",
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
        text: String = "policyText",
    }
}

fn set(cx: &mut Cx<'_>, req: SetPolicy) -> Result<PolicyOf, EcrError> {
    let mut repository = repository(cx, req.registry.as_deref(), &req.name)?;
    policy::check(&req.text)?;
    if !req.force.unwrap_or_default() {
        let target = Target::on(repository.arn()).owned_by(repository.account);
        let target = guarded(cx, target, &repository, Some(&req.text))?;
        if !kernel::access::allowed(cx, "ecr:SetRepositoryPolicy", &target, &Struct::new())? {
            return Err(invalid(
                "PolicyText",
                "The policy would keep you from setting another policy; use force to set it all the same",
            ));
        }
    }
    repository.policy = Some(req.text.clone());
    repository.save(cx.tx);
    let (name, registry) = repository.said();
    Ok(PolicyOf { registry, name, text: req.text })
}

fn get(cx: &mut Cx<'_>, req: Which) -> Result<PolicyOf, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let (name, registry) = repository.said();
    match repository.policy {
        Some(text) => Ok(PolicyOf { registry, name, text }),
        None => Err(EcrError::NoPolicy(name, registry)),
    }
}

fn delete(cx: &mut Cx<'_>, req: Which) -> Result<PolicyOf, EcrError> {
    let mut repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let (name, registry) = repository.said();
    let Some(text) = repository.policy.take() else { return Err(EcrError::NoPolicy(name, registry)) };
    repository.save(cx.tx);
    Ok(PolicyOf { registry, name, text })
}
