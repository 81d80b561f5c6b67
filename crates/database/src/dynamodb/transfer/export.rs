//! ExportTableToPointInTime.
//!
//! Bucket, permissions and keys are found wanting by the work, as in AWS.

use super::describe::{ExportOutput, describe_export};
use super::{access, new_id, requester};
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::schema;
use crate::dynamodb::model::table::Status;
use crate::dynamodb::model::transfer::{EXPORTS, ExportRecord, Location, TOKEN_LIFE, Window};
use crate::dynamodb::ops::transact_write::fingerprint_of;
use base::Timestamp;
use kernel::Cx;
use std::time::Duration;
use store::{Direction, Key};
use wire::{ToValue, Value};

kernel::ops! { pub(in crate::dynamodb) static OPS:
    ExportTableToPointInTime: export, "dynamodb:ExportTableToPointInTime", access::exported;
}

/// AWS: the service's quotas: exports of an account at a time.
const EXPORTS_MAX: usize = 300;
/// AWS: the guide on exports: how long the window of an incremental one may be.
const WINDOW_MIN: Duration = Duration::from_secs(15 * 60);
const WINDOW_MAX: Duration = Duration::from_secs(24 * 3_600);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct Export {
        table: String = "TableArn",
        at: Option<Timestamp> = "ExportTime",
        token: Option<String> = "ClientToken",
        bucket: String = "S3Bucket",
        owner: Option<String> = "S3BucketOwner",
        prefix: Option<String> = "S3Prefix",
        sse: Option<String> = "S3SseAlgorithm",
        key: Option<String> = "S3SseKmsKeyId",
        format: Option<String> = "ExportFormat",
        kind: Option<String> = "ExportType",
        window: Option<Incremental> = "IncrementalExportSpecification",
        filter: Option<Value> = "FilterSpecification",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Incremental {
        pub(super) from: Option<Timestamp> = "ExportFromTime",
        pub(super) to: Option<Timestamp> = "ExportToTime",
        pub(super) view: Option<String> = "ExportViewType",
    }
}

fn invalid(what: &str) -> Error {
    validation(format!("Invalid Request: {what}"))
}

fn export(cx: &mut Cx<'_>, req: Export) -> Result<ExportOutput, Error> {
    let asked = fingerprint_of(Export { token: None, ..req.clone() }.to_value());
    if let Some(known) = repeated(cx, req.token.as_deref(), &asked)? {
        return Ok(describe_export(&known));
    }
    check_built(&req)?;
    let place = Place::read_arn(cx, &req.table)?;
    let found = schema::find(cx, &place)?;
    let found = found.filter(|schema| schema.record.status != Status::Creating);
    let schema = found.ok_or_else(|| Error::from(Refusal::TableNotFound(req.table.clone())))?;
    // Who exports must be able to read what is exported.
    encryption::unlock(cx, &schema)?;
    let table = &schema.record;
    let Some(recovery) = table.recovery else {
        return Err(Refusal::NoRecovery(table.name.clone()).into());
    };
    let (from, to) = (recovery.earliest(cx.now).whole_seconds(), cx.now);
    let window = window(cx, &req, from)?;
    let at = req.at.or(window.as_ref().map(|window| window.to)).unwrap_or(to);
    if at < from || at > to {
        return Err(Refusal::ExportTime("Export Time is invalid".into()).into());
    }
    let export = ExportRecord {
        id: new_id(cx),
        table: Box::new(table.clone()),
        requester: requester(cx)?,
        token: req.token.unwrap_or_else(|| base::id::uuid(cx.rng())),
        request: asked,
        to: Location { bucket: req.bucket, owner: req.owner, prefix: req.prefix },
        sse: req.sse,
        key: req.key,
        at,
        window,
        typed: req.kind.is_some(),
        scratch: cx.rng().u64(),
        started: cx.now,
        ended: None,
        items: 0,
        bytes: 0,
    };
    EXPORTS.put(cx.tx, &export.own_key(), &export);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    Ok(describe_export(&export))
}

/// The export that was asked for under the same token; also that there may be another one.
///
/// # Errors
/// `ExportConflictException`, `LimitExceededException`.
fn repeated(cx: &Cx<'_>, token: Option<&str>, asked: &[u8]) -> Result<Option<ExportRecord>, Error> {
    let mut running = 0;
    for pair in EXPORTS.scan(&*cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let (_, export) = pair?;
        running += usize::from(export.ended.is_none());
        let fresh = export.ended.as_ref().is_none_or(|ended| cx.now.since(ended.time) < TOKEN_LIFE);
        if fresh && token == Some(export.token.as_str()) {
            let same = export.request == asked;
            return if same { Ok(Some(export)) } else { Err(Refusal::ExportConflict.into()) };
        }
    }
    if running >= EXPORTS_MAX {
        let what = format!(
            "Subscriber limit exceeded: Only {EXPORTS_MAX} exports can be in progress simultaneously"
        );
        return Err(Refusal::Limit(what).into());
    }
    Ok(None)
}

fn check_built(req: &Export) -> Result<(), Error> {
    if req.format.as_deref() == Some("ION") {
        return Err(Refusal::NotBuilt("An export in Amazon Ion".into()).into());
    }
    if req.filter.is_some() {
        return Err(Refusal::NotBuilt("FilterSpecification of an export".into()).into());
    }
    if req.key.is_some() && req.sse.as_deref() != Some("KMS") {
        return Err(invalid("KMS Key Id is not supported for this encryption type"));
    }
    Ok(())
}

/// The window of an incremental export.
fn window(cx: &Cx<'_>, req: &Export, earliest: Timestamp) -> Result<Option<Window>, Error> {
    let incremental = req.kind.as_deref() == Some("INCREMENTAL_EXPORT");
    let window = match (incremental, &req.window) {
        (false, None) => return Ok(None),
        (false, Some(_)) if req.kind.is_some() => {
            return Err(invalid(
                "When Export Type is Full Export , Incremental Export Specification should not be provided",
            ));
        }
        (false, Some(_)) => {
            return Err(invalid(
                "Export Type expected to be Incremental Export when incremental export specification is provided",
            ));
        }
        (true, None) => {
            return Err(invalid(
                "Incremental Export Specification expected when export type is set as Incremental Export",
            ));
        }
        (true, Some(window)) => window,
    };
    if req.at.is_some() {
        return Err(invalid("ExportTime cannot be specified for an incremental export"));
    }
    let missing = || invalid("ExportFromTime must be provided in IncrementalExportSpecification");
    let from = window.from.ok_or_else(missing)?;
    let to = window.to.unwrap_or(cx.now.whole_seconds());
    let refused = |what: String| Err(Refusal::ExportTime(what).into());
    if from < earliest {
        return refused(format!(
            "Incremental export period from time cannot be less than the table creation time : {}",
            from.iso8601()
        ));
    }
    if to > cx.now {
        return refused(format!(
            "Incremental export period to time cannot be greater than the current time : {}",
            to.iso8601()
        ));
    }
    if to.since(from) < WINDOW_MIN {
        return refused(
            "Difference between export period from time and export period to time is less than 15 minutes"
                .to_owned(),
        );
    }
    if to.since(from) > WINDOW_MAX {
        return refused("Incremental export period must be between 15 minutes and 24 hours".to_owned());
    }
    let view = window.view.clone().unwrap_or_else(|| "NEW_AND_OLD_IMAGES".to_owned());
    Ok(Some(Window { from, to, view }))
}
