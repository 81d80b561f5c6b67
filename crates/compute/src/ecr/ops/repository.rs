//! Repositories are made, shown, changed and deleted.

use super::{repository, tag};
use crate::ecr::access::{self, registry};
use crate::ecr::errors::{EcrError, invalid};
use crate::ecr::layers;
use crate::ecr::model::{IMAGES, LAYERS, MUTABLE, REPOSITORIES, REPOSITORIES_MAX, Repository, TAGS, UPLOADS};
use base::Timestamp;
use kernel::Cx;
use store::{Direction, Key, Record, StoreError, Table};

kernel::ops! { pub(crate) static OPS:
    CreateRepository: create, "ecr:CreateRepository", access::new;
    DescribeRepositories: describe, "ecr:DescribeRepositories", access::several;
    DeleteRepository: delete, "ecr:DeleteRepository", access::named;
    PutImageTagMutability: put_mutability, "ecr:PutImageTagMutability", access::named;
    PutImageScanningConfiguration: put_scanning, "ecr:PutImageScanningConfiguration", access::named;
}

const PAGE: i64 = 100;
/// AWS: at most five filters.
const EXCLUSIONS_MAX: usize = 5;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Exclusion {
        kind: String = "filterType",
        filter: String = "filter",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Scanning { on_push: Option<bool> = "scanOnPush" }

    #[derive(Clone, Debug)]
    pub(crate) struct Encryption { kind: String = "encryptionType" }

    #[derive(Debug)]
    pub(crate) struct CreateRepository {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        tags: Vec<tag::Tag> = "tags",
        mutability: Option<String> = "imageTagMutability",
        exclusions: Vec<Exclusion> = "imageTagMutabilityExclusionFilters",
        scanning: Option<Scanning> = "imageScanningConfiguration",
        encryption: Option<Encryption> = "encryptionConfiguration",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        arn: String = "repositoryArn",
        registry: String = "registryId",
        name: String = "repositoryName",
        uri: String = "repositoryUri",
        created: Timestamp = "createdAt",
        mutability: String = "imageTagMutability",
        exclusions: Option<Vec<Exclusion>> = "imageTagMutabilityExclusionFilters",
        scanning: Scanning = "imageScanningConfiguration",
        encryption: Encryption = "encryptionConfiguration",
    }

    #[derive(Debug)]
    pub(crate) struct One { repository: View = "repository" }

    #[derive(Debug)]
    pub(crate) struct DescribeRepositories {
        registry: Option<String> = "registryId",
        names: Vec<String> = "repositoryNames",
        token: Option<String> = "nextToken",
        max: Option<i64> = "maxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Described {
        repositories: Vec<View> = "repositories",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteRepository {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        force: Option<bool> = "force",
    }

    #[derive(Debug)]
    pub(crate) struct PutMutability {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        mutability: String = "imageTagMutability",
        exclusions: Vec<Exclusion> = "imageTagMutabilityExclusionFilters",
    }

    #[derive(Debug)]
    pub(crate) struct Mutability {
        registry: String = "registryId",
        name: String = "repositoryName",
        mutability: String = "imageTagMutability",
        exclusions: Option<Vec<Exclusion>> = "imageTagMutabilityExclusionFilters",
    }

    #[derive(Debug)]
    pub(crate) struct PutScanning {
        registry: Option<String> = "registryId",
        name: String = "repositoryName",
        scanning: Scanning = "imageScanningConfiguration",
    }

    #[derive(Debug)]
    pub(crate) struct Scans {
        registry: String = "registryId",
        name: String = "repositoryName",
        scanning: Scanning = "imageScanningConfiguration",
    }
}

/// The registry's host: with the port by which the caller found the cloud, so that it leads back here.
pub(super) fn host(cx: &Cx<'_>, account: &str) -> String {
    let port = cx.request.host.as_deref().map(|host| host.rsplit_once(':').map_or("", |(_, port)| port));
    let region = cx.region.name();
    match port {
        Some("") => format!("{account}.dkr.ecr.{region}.localhost"),
        Some(port) => format!("{account}.dkr.ecr.{region}.localhost:{port}"),
        None => format!("{account}.dkr.ecr.{region}.amazonaws.com"),
    }
}

fn exclusions(patterns: &[String]) -> Option<Vec<Exclusion>> {
    let shown = |filter: &String| Exclusion { kind: "WILDCARD".into(), filter: filter.clone() };
    (!patterns.is_empty()).then(|| patterns.iter().map(shown).collect())
}

fn view(cx: &Cx<'_>, repository: &Repository) -> View {
    let account = repository.account.to_string();
    View {
        arn: repository.arn(),
        uri: format!("{}/{}", host(cx, &account), repository.name),
        registry: account,
        name: repository.name.clone(),
        created: repository.created,
        mutability: repository.mutability.clone(),
        exclusions: exclusions(&repository.exclusions),
        scanning: Scanning { on_push: Some(false) },
        encryption: Encryption { kind: "AES256".into() },
    }
}

/// # Errors
/// `InvalidParameterException` where setting and filters do not fit each other.
fn checked(mutability: &str, filters: Vec<Exclusion>) -> Result<Vec<String>, EcrError> {
    let wants = mutability.ends_with("_WITH_EXCLUSION");
    if wants == filters.is_empty() || filters.len() > EXCLUSIONS_MAX {
        return Err(invalid(
            "imageTagMutabilityExclusionFilters",
            "One to five filters are for the settings with exclusion, and for no others",
        ));
    }
    Ok(filters.into_iter().map(|one| one.filter).collect())
}

fn no_scans(scanning: Option<&Scanning>) -> Result<(), EcrError> {
    match scanning.and_then(|scanning| scanning.on_push) {
        Some(true) => Err(EcrError::NotBuilt("Scanning of images")),
        _ => Ok(()),
    }
}

fn create(cx: &mut Cx<'_>, req: CreateRepository) -> Result<One, EcrError> {
    no_scans(req.scanning.as_ref())?;
    if req.encryption.is_some_and(|encryption| encryption.kind != "AES256") {
        return Err(EcrError::NotBuilt("Encryption of repositories with keys of KMS"));
    }
    let account = registry(cx, req.registry.as_deref());
    let key = Repository::key_of(account, cx.region, &req.name);
    if REPOSITORIES.contains(cx.tx, &key)? {
        return Err(EcrError::RepositoryExists(req.name, account.to_string()));
    }
    if !cx.has_room(&REPOSITORIES, &Key::regional(account, cx.region), REPOSITORIES_MAX)? {
        return Err(EcrError::Limit(format!(
            "The maximum number of repositories ({REPOSITORIES_MAX}) in the registry with id '{account}' has been reached"
        )));
    }
    let mutability = req.mutability.unwrap_or_else(|| MUTABLE.into());
    let repository = Repository {
        account,
        region: cx.region,
        name: req.name,
        created: cx.now,
        exclusions: checked(&mutability, req.exclusions)?,
        mutability,
        tags: tag::checked(req.tags)?,
        policy: None,
        lifecycle: None,
        evaluated: None,
        preview: None,
    };
    repository.save(cx.tx);
    Ok(One { repository: view(cx, &repository) })
}

fn describe(cx: &mut Cx<'_>, req: DescribeRepositories) -> Result<Described, EcrError> {
    let account = registry(cx, req.registry.as_deref());
    if !req.names.is_empty() {
        if req.max.is_some() || req.token.is_some() {
            return Err(invalid("repositoryNames", "Pages are for all repositories, not for named ones"));
        }
        let found = req.names.iter().map(|name| repository(cx, req.registry.as_deref(), name));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        return Ok(Described { repositories: found.iter().map(|one| view(cx, one)).collect(), token: None });
    }
    let (all, list) = (Key::regional(account, cx.region), format!("ecr:repositories {account}"));
    let max = req.max.unwrap_or(PAGE) as usize;
    let (found, token) = cx.list(&REPOSITORIES, &all, &list, req.token.as_deref(), max, |_| true)?;
    Ok(Described { repositories: found.iter().map(|one| view(cx, one)).collect(), token })
}

/// Takes the rows of a table away that belong to a repository.
fn cleared<R: Record>(cx: &mut Cx<'_>, table: &Table<R>, prefix: &Key) -> Result<Vec<R>, StoreError> {
    let rows: Vec<(Key, R)> = table.scan(&*cx.tx, prefix, Direction::Forward).collect::<Result<_, _>>()?;
    rows.iter().for_each(|(key, _)| table.delete(cx.tx, key));
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn delete(cx: &mut Cx<'_>, req: DeleteRepository) -> Result<One, EcrError> {
    let repository = repository(cx, req.registry.as_deref(), &req.name)?;
    let key = repository.key();
    let images = cleared(cx, &IMAGES, &key)?;
    if !images.is_empty() && !req.force.unwrap_or_default() {
        let (name, registry) = repository.said();
        return Err(EcrError::NotEmpty(name, registry));
    }
    cleared(cx, &TAGS, &key)?;
    let layers = cleared(cx, &LAYERS, &key)?;
    let uploads = cleared(cx, &UPLOADS, &key)?;
    let parts = layers.into_iter().map(|one| one.parts).chain(uploads.into_iter().map(|one| one.parts));
    let cloud = std::sync::Arc::clone(cx.cloud());
    for parts in parts {
        layers::release(cx.tx, &cloud, &parts)?;
    }
    REPOSITORIES.delete(cx.tx, &key);
    Ok(One { repository: view(cx, &repository) })
}

fn put_mutability(cx: &mut Cx<'_>, req: PutMutability) -> Result<Mutability, EcrError> {
    let mut repository = repository(cx, req.registry.as_deref(), &req.name)?;
    repository.exclusions = checked(&req.mutability, req.exclusions)?;
    repository.mutability = req.mutability;
    repository.save(cx.tx);
    let (name, registry) = repository.said();
    let exclusions = exclusions(&repository.exclusions);
    Ok(Mutability { registry, name, mutability: repository.mutability, exclusions })
}

fn put_scanning(cx: &mut Cx<'_>, req: PutScanning) -> Result<Scans, EcrError> {
    let (name, registry) = repository(cx, req.registry.as_deref(), &req.name)?.said();
    no_scans(Some(&req.scanning))?;
    Ok(Scans { registry, name, scanning: Scanning { on_push: Some(false) } })
}
