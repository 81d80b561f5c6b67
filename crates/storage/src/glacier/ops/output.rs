//! The outputs of jobs.

use crate::glacier::errors::{GlacierError, broken, disk, invalid};
use crate::glacier::inventory::Format;
use crate::glacier::model::{Job, Part, Vault};
use crate::glacier::{access, archives, intake, jobs, range, tree, vaults};
use crate::outgo::Plan;
use crate::piece::Piece;
use kernel::{Answer, Body, Cx, Dx};
use std::ops::Range;
use tokio::task::spawn_blocking;

kernel::ops! { pub(in crate::glacier) static OPS:
    GetJobOutput: [data] get, "glacier:GetJobOutput", access::vault;
}

const PARTIAL: u16 = 206;
/// Up to so many bytes are read before the answer begins, so that a fault of the disk is told.
const AT_ONCE: u64 = 256 << 10;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Get {
        account: String = "accountId",
        vault: String = "vaultName",
        job: String = "jobId",
        range: Option<String> = "range",
    }

    #[derive(Debug)]
    pub(crate) struct Got {
        checksum: Option<String> = "checksum",
        content_range: Option<String> = "contentRange",
        accept_ranges: String = "acceptRanges",
        content_type: String = "contentType",
        description: Option<String> = "archiveDescription",
    }
}

/// The bytes of an output, before any range of it.
struct Output {
    /// Of an archive.
    parts: Vec<Part>,
    pieces: Vec<Piece>,
    /// Where the output begins within the pieces.
    first: u64,
    size: u64,
}

fn output(cx: &Cx<'_>, vault: &Vault, job: &Job) -> Result<Output, GlacierError> {
    let unavailable = || invalid(format!("The job is not currently available for download: {}", job.id));
    let done = job.done.as_ref().ok_or_else(unavailable)?;
    if let Some(archive) = &job.archive {
        let parts = archives::parts(cx.tx, vault.number, archive.series)?;
        let pieces = parts.iter().map(|part| part.piece.clone()).collect();
        return Ok(Output { parts, pieces, first: archive.first, size: archive.end - archive.first });
    }
    let piece = done.output.clone().ok_or_else(unavailable)?;
    Ok(Output { parts: Vec::new(), first: 0, size: piece.size, pieces: vec![piece] })
}

/// The tree hash of these bytes of an archive, where the job's range and this one have one.
fn checksum(
    cx: &Cx<'_>,
    vault: &Vault,
    job: &Job,
    parts: &[Part],
    bytes: &Range<u64>,
) -> Result<Option<String>, GlacierError> {
    let Some(archive) = job.archive.as_ref().filter(|archive| archive.range_hash.is_some()) else {
        return Ok(None);
    };
    let whole = (archive.size, archive.hash.as_slice());
    let hash = archives::range_hash(cx.tx, (vault.number, archive.series), whole, parts, bytes)?;
    Ok(hash.as_deref().map(tree::text))
}

fn planned(cx: &mut Cx<'_>, req: &Get) -> Result<(Got, Plan), GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let job = jobs::find(cx, &vault, &req.job)?;
    let output = output(cx, &vault, &job)?;
    let asked = match req.range.as_deref() {
        None => 0..output.size,
        Some(text) => {
            range::of_output(text, output.size).ok_or_else(|| invalid(format!("Invalid range: {text}")))?
        }
    };
    let bytes = output.first + asked.start..output.first + asked.end;
    let content_type = match &job.archive {
        Some(_) => "application/octet-stream",
        None => Format::parse(&job.inventory.format).unwrap_or(Format::Json).content_type(),
    };
    let got = Got {
        checksum: checksum(cx, &vault, &job, &output.parts, &bytes)?,
        content_range: req.range.as_ref().map(|_| range::content(&asked, output.size)),
        accept_ranges: "bytes".to_owned(),
        content_type: content_type.to_owned(),
        description: job.archive.as_ref().and_then(|archive| archive.description.clone()),
    };
    let root = intake::root(cx.cloud());
    Ok((got, Plan::new(cx, &output.pieces, root, bytes)?))
}

async fn get(dx: Dx, req: Get, _: Body) -> Result<Answer<Got>, GlacierError> {
    let (got, mut plan) = dx.read(|cx| planned(cx, &req))?;
    let mut answer = Answer::from(got);
    if req.range.is_some() {
        answer = answer.status(PARTIAL);
    }
    if let Some(bytes) = plan.whole() {
        return Ok(answer.with(bytes.map_err(|e| disk(&e))?));
    }
    if plan.left() > AT_ONCE {
        return Ok(answer.streaming(plan.stream()));
    }
    let read = spawn_blocking(move || plan.next().map(|piece| (plan, piece)));
    let (rest, piece) = read.await.map_err(|e| broken(&e))?.map_err(|e| disk(&e))?;
    if rest.left() == 0 {
        return Ok(answer.with(piece.unwrap_or_default()));
    }
    Ok(answer.streaming(rest.stream_after(piece)))
}
