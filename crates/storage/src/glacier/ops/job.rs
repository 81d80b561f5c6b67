//! Jobs: beginning, describing and listing them.

use super::{PAGE, described, limit, topic};
use crate::glacier::archives::{range_hash, taken};
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::inventory::Format;
use crate::glacier::jobs::{self, FAILED, IN_PROGRESS, JobView, SUCCEEDED, marker_list, view};
use crate::glacier::model::{JOBS, Job, Listing, NEEDS, Need, Retrieval, Vault};
use crate::glacier::{access, archives, quota, range, tree, vaults};
use crate::retrieval::Tier;
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(in crate::glacier) static OPS:
    InitiateJob: initiate, "glacier:InitiateJob", access::job;
    DescribeJob: describe, "glacier:DescribeJob", access::vault;
    ListJobs: list, "glacier:ListJobs", access::vault;
}

const ARCHIVE: &str = "archive-retrieval";
const INVENTORY: &str = "inventory-retrieval";
const SELECT: &str = "select";
const ID_LEN: usize = 92;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Initiate {
        account: String = "accountId",
        vault: String = "vaultName",
        parameters: Option<Parameters> = "jobParameters",
    }

    #[derive(Debug)]
    pub(crate) struct Parameters {
        format: Option<String> = "Format",
        kind: Option<String> = "Type",
        archive: Option<String> = "ArchiveId",
        description: Option<String> = "Description",
        topic: Option<String> = "SNSTopic",
        range: Option<String> = "RetrievalByteRange",
        tier: Option<String> = "Tier",
        listing: Option<ListingInput> = "InventoryRetrievalParameters",
    }

    #[derive(Debug)]
    pub(crate) struct ListingInput {
        start: Option<String> = "StartDate",
        end: Option<String> = "EndDate",
        limit: Option<String> = "Limit",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct Initiated {
        location: String = "location",
        id: String = "jobId",
    }

    #[derive(Debug)]
    pub(crate) struct Describe {
        account: String = "accountId",
        vault: String = "vaultName",
        job: String = "jobId",
    }

    #[derive(Debug)]
    pub(crate) struct List {
        account: String = "accountId",
        vault: String = "vaultName",
        limit: Option<String> = "limit",
        marker: Option<String> = "marker",
        status: Option<String> = "statuscode",
        completed: Option<String> = "completed",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        jobs: Vec<JobView> = "JobList",
        marker: Option<String> = "Marker",
    }
}

fn initiate(cx: &mut Cx<'_>, req: Initiate) -> Result<Initiated, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let parameters = req.parameters.ok_or(Refusal::Missing("Job Parameters"))?;
    let tier = match parameters.tier.as_deref() {
        None => Tier::Standard,
        Some(text) => Tier::parse(text).ok_or_else(|| invalid(format!("Invalid tier: {text}")))?,
    };
    if let Some(text) = &parameters.topic {
        topic(text)?;
    }
    let id = vaults::id(cx, ID_LEN);
    let (archive, inventory) = match parameters.kind.as_deref() {
        None => return Err(Refusal::Missing("Type").into()),
        Some(ARCHIVE) => (Some(retrieval(cx, &vault, &parameters)?), Listing::default()),
        Some(INVENTORY) => (None, listing(cx, &vault, &parameters)?),
        Some(SELECT) => return Err(Refusal::NotBuilt("A select job").into()),
        Some(other) => return Err(invalid(format!("Invalid job type: {other}"))),
    };
    if let Some(archive) = &archive {
        quota::take(cx, &vault, &id, tier, archive.end - archive.first)?;
        let need = vault.scope().str(&archive.id).str(&id);
        NEEDS.put(cx.tx, &need, &Need {});
    }
    let default = archive.is_some().then(|| "Standard".to_owned());
    let job = Job {
        id: id.clone(),
        description: described(parameters.description, "job description")?,
        created: cx.now,
        topic: parameters.topic,
        tier: parameters.tier.or(default),
        archive,
        inventory,
        done: None,
    };
    JOBS.put(cx.tx, &vault.scope().str(&id), &job);
    jobs::wait(cx.tx, vault.due(), &id, cx.now.plus(tier.duration()));
    Ok(Initiated { location: format!("{}/jobs/{id}", vault.path()), id })
}

/// What a job is to retrieve of an archive.
fn retrieval(cx: &Cx<'_>, vault: &Vault, parameters: &Parameters) -> Result<Retrieval, GlacierError> {
    if parameters.format.is_some() || parameters.listing.is_some() {
        return Err(invalid(format!(
            "Format and InventoryRetrievalParameters are not allowed for jobs of type {ARCHIVE}"
        )));
    }
    let id = parameters.archive.as_deref().ok_or(Refusal::Missing("ArchiveId"))?;
    let archive = archives::find(cx, vault, id)?;
    let range = match parameters.range.as_deref() {
        None => 0..archive.size,
        Some(text) => {
            let range = range::of_retrieval(text)
                .filter(|range| range.end <= archive.size && tree::is_mebibyte_aligned(range, archive.size));
            range.ok_or_else(|| invalid(format!("Invalid retrieval byte range: {text}")))?
        }
    };
    let whole = (archive.size, archive.hash.as_slice());
    let place = (vault.number, archive.series);
    let parts = match parameters.range {
        None => Vec::new(),
        Some(_) => archives::parts(cx.tx, place.0, place.1)?,
    };
    let range_hash = range_hash(cx.tx, place, whole, &parts, &range)?;
    Ok(Retrieval {
        id: archive.id,
        first: range.start,
        end: range.end,
        size: archive.size,
        hash: archive.hash,
        range_hash,
        description: archive.description,
        series: archive.series,
    })
}

/// What a job wants of the vault's inventory.
fn listing(cx: &Cx<'_>, vault: &Vault, parameters: &Parameters) -> Result<Listing, GlacierError> {
    if parameters.archive.is_some() || parameters.range.is_some() {
        return Err(invalid(format!(
            "ArchiveId and RetrievalByteRange are not allowed for jobs of type {INVENTORY}"
        )));
    }
    let format = parameters.format.clone().unwrap_or_else(|| "JSON".to_owned());
    if Format::parse(&format).is_none() {
        return Err(invalid(format!("Invalid format: {format}")));
    }
    if taken(vault).is_none() {
        return Err(Refusal::NoInventory(vault.arn()).into());
    }
    let mut listing = Listing { format, ..Listing::default() };
    let Some(given) = &parameters.listing else { return Ok(listing) };
    for (name, text) in [("StartDate", &given.start), ("EndDate", &given.end)] {
        if let Some(text) = text.as_deref().filter(|text| Timestamp::parse_iso8601(text).is_none()) {
            return Err(invalid(format!("Invalid {name}: {text}")));
        }
    }
    if let Some(text) = given.limit.as_deref() {
        let limit = text.parse().ok().filter(|limit| *limit > 0);
        listing.limit = Some(limit.ok_or_else(|| invalid(format!("Invalid Limit: {text}")))?);
    }
    if let Some(marker) = given.marker.as_deref() {
        let known = cx.pager().position(&marker_list(vault), marker);
        known.map_err(|_| invalid(format!("Invalid Marker: {marker}")))?;
    }
    (listing.start, listing.end) = (given.start.clone(), given.end.clone());
    listing.marker.clone_from(&given.marker);
    Ok(listing)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<JobView, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let job = jobs::find(cx, &vault, &req.job)?;
    Ok(view(&vault, &job))
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, GlacierError> {
    let most = limit(req.limit.as_deref(), PAGE)?;
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    if let Some(status) = &req.status
        && ![IN_PROGRESS, SUCCEEDED, FAILED].contains(&status.as_str())
    {
        return Err(invalid(format!("The job status code is not valid: {status}")));
    }
    let completed = match req.completed.as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(other) => return Err(invalid(format!("Invalid completed: {other}"))),
    };
    let wanted = |job: &Job| {
        req.status.as_ref().is_none_or(|status| status == jobs::status(job))
            && completed.is_none_or(|completed| completed == job.done.is_some())
    };
    let status = req.status.as_deref().unwrap_or_default();
    let list = format!("glacier jobs {} {status} {completed:?}", vault.number);
    let marker = req.marker.as_deref().filter(|marker| !marker.is_empty());
    let (jobs, marker) = cx.list(&JOBS, &vault.scope(), &list, marker, most, wanted)?;
    Ok(Listed { jobs: jobs.iter().map(|job| view(&vault, job)).collect(), marker })
}
