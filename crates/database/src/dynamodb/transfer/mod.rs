//! Exports to S3 and imports from there.
//!
//! A request makes a record and answers; [`work`] does what it asks for, with the permissions that the requester has
//! then, and begins anew after a crash: objects get the same names again, and items are put as they were.
//!
//! An export is a state that the table really had, by what point-in-time recovery keeps; where the table or its recovery
//! goes before the export has begun, it fails. What an import has read stays
//! in its table, also where some items were refused; where nothing could be read the table goes again.
//!
//! AWS's guide names the manifests' checksums `.checksum`; what the service writes, and what is written here, ends in
//! `.md5`.
//!
//! What goes wrong with an import is told in CloudWatch Logs, with the requester's permissions, too: an import whose
//! requester may not write there fails. What was told before a crash is told again.
//!
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Validation.html>. It does not say which
//! code such an import fails with: here it is the one of CloudWatch Logs.
//!
//! Not here: Ion, Zstandard, filters of exports, the stream `info` of an import's log.

mod access;
mod bucket;
mod csv;
mod describe;
mod export;
mod import;
mod list;
mod source;
pub mod work;

use super::errors::{Error, Refusal, validation};
use super::model::transfer::{EXPORTS, ExportRecord, IMPORTS, ImportRecord, Requester, key};
use base::{AccountId, Arn, Region};
use kernel::Cx;

pub(super) use describe::OPS as DESCRIBE;
pub(super) use export::OPS as EXPORT;
pub(super) use import::OPS as IMPORT;
pub(super) use list::OPS as LIST;

const SERVICE: &str = "dynamodb.amazonaws.com";

/// What session tokens are sealed for.
const PURPOSE: &str = "dynamodb requester";

/// What the ARN of an export or an import says.
struct JobPlace {
    account: AccountId,
    region: Region,
    table: String,
    id: String,
}

impl JobPlace {
    /// `kind`: `export` or `import`.
    ///
    /// # Errors
    /// `ValidationException`.
    fn read(text: &str, kind: &str) -> Result<JobPlace, Error> {
        let shown = if kind == "export" { "Export" } else { "Import" };
        let invalid = || validation(format!("Invalid {shown} ARN"));
        let arn = Arn::parse(text).ok_or_else(invalid)?;
        let rest = arn.resource.strip_prefix("table/").ok_or_else(invalid)?;
        let (table, id) = rest.split_once(&format!("/{kind}/")).ok_or_else(invalid)?;
        if arn.service != "dynamodb" || table.contains('/') || id.is_empty() {
            return Err(invalid());
        }
        Ok(JobPlace {
            account: AccountId::parse(&arn.account).ok_or_else(invalid)?,
            region: Region::parse(&arn.region).ok_or_else(invalid)?,
            table: table.to_owned(),
            id: id.to_owned(),
        })
    }

    fn is_here(&self, cx: &Cx<'_>) -> bool {
        self.account == cx.account && self.region == cx.region
    }
}

/// # Errors
/// `ValidationException`, `ExportNotFoundException`.
fn existing_export(cx: &Cx<'_>, arn: &str) -> Result<ExportRecord, Error> {
    let place = JobPlace::read(arn, "export")?;
    if place.region != cx.region {
        return Err(Refusal::NoExport("Invalid export arn".into()).into());
    }
    let found = EXPORTS.get(&*cx.tx, &key(place.account, place.region, &place.table, &place.id))?;
    // AWS: recorded; it says so twice.
    let missing = || Refusal::NoExport(format!("Export not found: {arn}")).into();
    found.filter(|_| place.is_here(cx)).ok_or_else(missing)
}

/// # Errors
/// `ValidationException`, `ImportNotFoundException`.
fn existing_import(cx: &Cx<'_>, arn: &str) -> Result<ImportRecord, Error> {
    let place = JobPlace::read(arn, "import")?;
    let found = IMPORTS.get(&*cx.tx, &key(place.account, place.region, &place.table, &place.id))?;
    found.filter(|_| place.is_here(cx)).ok_or_else(|| Refusal::NoImport(arn.to_owned()).into())
}

/// Of the one who calls.
///
/// # Errors
/// `NotImplemented` for services, who have no key to be found again by.
fn requester(cx: &Cx<'_>) -> Result<Requester, Error> {
    let caller = cx.caller;
    if caller.access_key.is_empty() {
        return Err(Refusal::NotBuilt("An export or import in the name of a service".into()).into());
    }
    let token = caller.session.as_ref().map(|session| session.token.0.as_str());
    let token = token.filter(|token| !token.is_empty());
    Ok(Requester {
        access_key: caller.access_key.clone(),
        sealed_token: token.map(|token| cx.sealer().seal(cx.rng(), PURPOSE, token.as_bytes())),
    })
}

/// `01693685827463-2d8752fd`
fn new_id(cx: &Cx<'_>) -> String {
    format!("{:014}-{:08x}", cx.now.micros().div_euclid(1_000).max(0), cx.rng().u64() >> 32)
}
