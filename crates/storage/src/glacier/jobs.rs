//! Jobs: what is said of them, and how they end.

use super::archives::{Keeper, taken};
use super::errors::{GlacierError, Refusal};
use super::intake::{release, root};
use super::inventory::{self, Format};
use super::model::{
    ARCHIVES, Done, JOBS, JOBS_DUE, Job, JobDue, Listing, NEEDS, RETRIEVED, Vault, VaultDue, scope,
};
use super::{quota, range, tree, vaults};
use crate::piece::Piece;
use base::Timestamp;
use blob::cipher::seal_whole;
use blob::{Writer, inline};
use kernel::{Call, Cloud, Cx};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::{Key, Tx};
use wire::{Struct, ToValue, Value};

const SERVICE: &str = "glacier.amazonaws.com";
/// AWS: a job and its output are there for at least a day after it has ended.
const KEPT: Duration = Duration::from_secs(24 * 3600);

pub(super) const ARCHIVE_DONE: &str = "ArchiveRetrievalCompleted";
pub(super) const INVENTORY_DONE: &str = "InventoryRetrievalCompleted";
pub(super) const IN_PROGRESS: &str = "InProgress";
pub(super) const SUCCEEDED: &str = "Succeeded";
pub(super) const FAILED: &str = "Failed";

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct JobView {
        id: String = "JobId",
        description: Option<String> = "JobDescription",
        action: String = "Action",
        archive: Option<String> = "ArchiveId",
        vault: String = "VaultARN",
        created: String = "CreationDate",
        completed: bool = "Completed",
        status: String = "StatusCode",
        message: String = "StatusMessage",
        archive_size: Option<i64> = "ArchiveSizeInBytes",
        inventory_size: Option<i64> = "InventorySizeInBytes",
        topic: Option<String> = "SNSTopic",
        completion: Option<String> = "CompletionDate",
        hash: Option<String> = "SHA256TreeHash",
        archive_hash: Option<String> = "ArchiveSHA256TreeHash",
        range: Option<String> = "RetrievalByteRange",
        tier: Option<String> = "Tier",
        listing: Option<ListingView> = "InventoryRetrievalParameters",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ListingView {
        format: String = "Format",
        start: Option<String> = "StartDate",
        end: Option<String> = "EndDate",
        limit: Option<String> = "Limit",
        marker: Option<String> = "Marker",
    }
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn view(vault: &Vault, job: &Job) -> JobView {
    let status = status(job);
    let message = if job.done.is_some() { SUCCEEDED } else { "Operation in progress." };
    let archive = job.archive.as_ref();
    let listing = || ListingView {
        format: job.inventory.format.clone(),
        start: job.inventory.start.clone(),
        end: job.inventory.end.clone(),
        limit: job.inventory.limit.map(|limit| limit.to_string()),
        marker: match &job.done {
            Some(done) => done.marker.clone(),
            None => job.inventory.marker.clone(),
        },
    };
    JobView {
        id: job.id.clone(),
        description: job.description.clone(),
        action: if archive.is_some() { "ArchiveRetrieval" } else { "InventoryRetrieval" }.to_owned(),
        archive: archive.map(|archive| archive.id.clone()),
        vault: vault.arn(),
        created: job.created.iso8601_millis(),
        completed: job.done.is_some(),
        status: status.to_owned(),
        message: message.to_owned(),
        archive_size: archive.map(|archive| int(archive.size)),
        inventory_size: job.done.as_ref().and_then(|done| Some(int(done.output.as_ref()?.size))),
        topic: job.topic.clone(),
        completion: job.done.as_ref().map(|done| done.at.iso8601_millis()),
        hash: archive.and_then(|archive| archive.range_hash.as_deref()).map(tree::text),
        archive_hash: archive.map(|archive| tree::text(&archive.hash)),
        range: archive.map(|archive| range::text(&archive.range())),
        tier: job.tier.clone(),
        listing: archive.is_none().then(listing),
    }
}

/// The word for how a job stands.
pub(super) fn status(job: &Job) -> &'static str {
    if job.done.is_some() { SUCCEEDED } else { IN_PROGRESS }
}

/// # Errors
/// `ResourceNotFoundException`
pub(super) fn find(cx: &Cx<'_>, vault: &Vault, id: &str) -> Result<Job, GlacierError> {
    let found = JOBS.get(cx.tx, &vault.scope().str(id))?;
    found.ok_or_else(|| Refusal::NoJob(id.to_owned()).into())
}

/// Has something happen to a job at that time.
pub(super) fn wait(tx: &mut Tx, vault: VaultDue, job: &str, at: Timestamp) {
    let key = Key::global().time(at).u64(vault.number).str(job);
    JOBS_DUE.put(tx, &key, &JobDue { vault, job: job.to_owned() });
}

/// A job whose time has come: it ends, or, a day after that, is forgotten.
///
/// # Errors
/// A sentence for the log.
pub(super) fn come_due(cloud: &Arc<Cloud>, tx: &mut Tx, due: &JobDue, now: Timestamp) -> Result<(), String> {
    let text = |error: GlacierError| wire::Fault::from(error).to_string();
    let key = scope(due.vault.number).str(&due.job);
    let job = JOBS.get(tx, &key).map_err(|e| e.to_string())?;
    let vault = vaults::known(tx, &due.vault).map_err(|e| e.to_string())?;
    let Some(job) = job else { return Ok(()) };
    match vault {
        Some(vault) if job.done.is_none() => end(cloud, tx, &vault, job, now).map_err(text),
        vault => forget(cloud, tx, &due.vault, vault.as_ref(), &job).map_err(text),
    }
}

fn end(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    vault: &Vault,
    mut job: Job,
    now: Timestamp,
) -> Result<(), GlacierError> {
    let mut done = Done { at: now, output: None, marker: None };
    if job.archive.is_none() {
        (done.output, done.marker) = listed(cloud, tx, vault, &job.inventory)?;
    }
    job.done = Some(done);
    JOBS.put(tx, &vault.scope().str(&job.id), &job);
    wait(tx, vault.due(), &job.id, now.plus(KEPT));
    let event = if job.archive.is_some() { ARCHIVE_DONE } else { INVENTORY_DONE };
    let configured = vault.notify.as_ref().filter(|notify| notify.events.iter().any(|own| own == event));
    let topics = configured.map(|notify| &notify.topic).into_iter().chain(&job.topic);
    let message = message(view(vault, &job));
    topics.for_each(|topic| tell(cloud, tx, vault, topic, &message));
    Ok(())
}

/// What `DescribeJob` answers, with `null` for what there is nothing to say of.
fn message(view: JobView) -> String {
    const ALL: [&str; 18] = [
        "Action",
        "ArchiveId",
        "ArchiveSHA256TreeHash",
        "ArchiveSizeInBytes",
        "Completed",
        "CompletionDate",
        "CreationDate",
        "InventoryRetrievalParameters",
        "InventorySizeInBytes",
        "JobDescription",
        "JobId",
        "RetrievalByteRange",
        "SHA256TreeHash",
        "SNSTopic",
        "StatusCode",
        "StatusMessage",
        "Tier",
        "VaultARN",
    ];
    let Some(Value::Struct(mut members)) = view.to_value() else { return String::new() };
    let all = ALL.into_iter().map(|name| (name, members.take(name).unwrap_or(Value::Null)));
    wire::json::text(&Value::Struct(all.collect()))
}

/// Publishes as the service, for the vault's sake. A topic that does not let it is left alone, as AWS does.
fn tell(cloud: &Arc<Cloud>, tx: &mut Tx, vault: &Vault, topic: &str, message: &str) {
    let value: Struct = [
        ("TopicArn", Value::str(topic)),
        ("Subject", Value::str("Notification From Amazon Glacier Service")),
        ("Message", Value::str(message)),
    ]
    .into_iter()
    .collect();
    let call = Call { service: "sns", operation: "Publish", value: Value::Struct(value) };
    let sent = cloud.call_for(tx, SERVICE, (vault.account, vault.region), Some(&vault.arn()), call);
    if let Err(fault) = sent {
        let fields = [("topic", topic), ("problem", &fault.to_string())];
        kernel::log::warn("a notification of Glacier was not taken", &fields);
    }
}

/// Writes the document of the vault's last inventory. What it lists was settled when it was taken, so any later state of
/// the store will do to read it from.
fn listed(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    vault: &Vault,
    wanted: &Listing,
) -> Result<(Option<Piece>, Option<String>), GlacierError> {
    let (number, at) = taken(vault).ok_or_else(|| Refusal::NoInventory(vault.arn()))?;
    let format = Format::parse(&wanted.format).unwrap_or(Format::Json);
    let time = |text: &Option<String>| text.as_deref().and_then(Timestamp::parse_iso8601);
    let (start, end) = (time(&wanted.start), time(&wanted.end));
    let list = marker_list(vault);
    let position = wanted.marker.as_deref().and_then(|marker| cloud.pager().position(&list, marker).ok());
    let mut after = position.map(|bytes| Key::of_stored(&bytes));
    let mut document = Document::new(cloud);
    document.write(&inventory::head(format, &vault.arn(), at))?;
    let (mut count, mut last, mut more) = (0, None, false);
    let snapshot = cloud.store().snapshot();
    'pages: loop {
        let page = ARCHIVES.page(&snapshot, &vault.scope(), after.as_ref(), 500)?;
        for (key, archive) in page.items {
            let wants = archive.is_listed(number)
                && start.is_none_or(|start| archive.created >= start)
                && end.is_none_or(|end| archive.created < end);
            if !wants {
                continue;
            }
            if wanted.limit == Some(count) {
                more = true;
                break 'pages;
            }
            document.write(&inventory::line(format, count == 0, &archive))?;
            count += 1;
            last = Some(key);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    document.write(inventory::tail(format))?;
    let marker = last.filter(|_| more).map(|key: Key| cloud.pager().token(&list, key.as_bytes()));
    Ok((Some(document.finish(tx)?), marker))
}

/// What markers of a vault's inventories are sealed for.
pub(super) fn marker_list(vault: &Vault) -> String {
    format!("glacier inventory {}", vault.number)
}

/// A document that is being written: it stays in memory while it is small.
struct Document<'a> {
    cloud: &'a Arc<Cloud>,
    begun: Vec<u8>,
    writer: Option<Writer>,
}

impl Document<'_> {
    fn new(cloud: &Arc<Cloud>) -> Document<'_> {
        Document { cloud, begun: Vec::new(), writer: None }
    }

    fn write(&mut self, text: &str) -> Result<(), GlacierError> {
        self.begun.extend_from_slice(text.as_bytes());
        if self.begun.len() as u64 > inline::SIZE_MAX {
            self.flush().map_err(|e| super::errors::disk(&e))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let contents = self.cloud.contents();
                let id = contents.new_id(self.cloud.rng());
                none.insert(contents.write(id, &root(self.cloud))?)
            }
        };
        writer.write(&self.begun)?;
        self.begun.clear();
        Ok(())
    }

    /// Claims it in the transaction.
    fn finish(mut self, tx: &mut Tx) -> Result<Piece, GlacierError> {
        if self.writer.is_some() {
            self.flush().map_err(|e| super::errors::disk(&e))?;
        }
        let Some(writer) = self.writer else {
            let id = self.cloud.contents().new_id(self.cloud.rng());
            inline::put(tx, id, &seal_whole(&root(self.cloud).cipher(id), &self.begun));
            let size = self.begun.len() as u64;
            return Ok(Piece { content: id, size, inline: true, ..Piece::default() });
        };
        let finished = writer.finish().map_err(|e| super::errors::disk(&e))?;
        let piece = Piece { content: finished.id, size: finished.size, ..Piece::default() };
        blob::refs::claim(tx, finished.id, finished.size);
        // A transaction that never happens leaves nothing: then it is dropped.
        tx.on_end(move |commit| {
            if commit.is_some() {
                finished.keep();
            }
        });
        Ok(piece)
    }
}

/// Removes a job, its output, and its hold on the archive.
fn forget(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    due: &VaultDue,
    vault: Option<&Vault>,
    job: &Job,
) -> Result<(), GlacierError> {
    JOBS.delete(tx, &scope(due.number).str(&job.id));
    if let Some(output) = job.done.as_ref().and_then(|done| done.output.as_ref()) {
        release(tx, cloud, output)?;
    }
    let Some(archive) = &job.archive else { return Ok(()) };
    RETRIEVED.delete(tx, &quota::key((due.account, due.region), &job.id));
    NEEDS.delete(tx, &scope(due.number).str(&archive.id).str(&job.id));
    let listed = match vault {
        Some(vault) => taken(vault).map_or(0, |(number, _)| number),
        None => u64::MAX,
    };
    Ok(Keeper { cloud, vault: due.number, listed }.look_after_id(tx, &archive.id)?)
}
