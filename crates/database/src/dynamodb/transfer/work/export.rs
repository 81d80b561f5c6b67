//! [`Export`]: writes the state of a moment, or what changed in a window, to S3.

use super::super::bucket::{Stop, Store};
use super::super::describe::export_kind;
use super::files::{Files, md5};
use crate::dynamodb::backups::work::Past;
use crate::dynamodb::errors::Error;
use crate::dynamodb::item::Item;
use crate::dynamodb::model::transfer::{EXPORTS, Ended, ExportRecord, Window};
use crate::dynamodb::work::commit;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use store::{Direction, Key};
use wire::{Fault, Struct, Value};

#[derive(Debug)]
pub struct Export;

impl Reconciler for Export {
    fn name(&self) -> &'static str {
        "dynamodb exports"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![EXPORTS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let all: Result<Vec<_>, _> =
            EXPORTS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
        for (_, export) in all.map_err(|e| e.to_string())? {
            if export.ended.is_none() {
                run(cloud, export).map_err(|e| Fault::from(e).to_string())?;
            }
        }
        Ok(None)
    }
}

fn run(cloud: &Arc<Cloud>, mut export: ExportRecord) -> Result<(), Error> {
    let (code, message) = match write(cloud, &mut export) {
        Ok(()) => (None, None),
        Err(Stop::Failed(code, message)) => (Some(code), Some(message)),
        Err(Stop::Broken(error)) => return Err(error),
    };
    Past::of(cloud, &export.table, export.at, export.scratch)?.forget()?;
    let mut tx = cloud.store().begin();
    export.ended = Some(Ended { time: cloud.clock().now(), code, message });
    EXPORTS.put(&mut tx, &export.own_key(), &export);
    commit(tx).map(drop)
}

fn write(cloud: &Arc<Cloud>, export: &mut ExportRecord) -> Result<(), Stop> {
    let known = export.clone();
    let bucket = Store::new(cloud, known.table.region, &known.requester, &known.to)?;
    let mut files = Files::new(&known, &bucket);
    files.put(&known.object("_started"), Vec::new())?;
    let past = Past::of(cloud, &known.table, known.at, known.scratch)?;
    let from = known.window.as_ref().map_or(known.at, |window| window.from);
    if let Some(missing) = past.missing(from)? {
        let fault = Fault::from(Error::from(missing));
        return Err(Stop::Failed(fault.code.to_string(), fault.message));
    }
    bucket.unlock(&past.source)?;
    match &known.window {
        None => past.items(|item| {
            export.bytes += item.size() as i64;
            let line: Struct = [("Item", item.into_wire())].into_iter().collect();
            files.line(&Value::Struct(line))
        })?,
        Some(window) => past.changes(window, |time, key, old, new| {
            let size = |item: &Option<Item>| item.as_ref().map_or(0, Item::size) as i64;
            export.bytes += size(&old) + size(&new);
            files.line(&changed(window, time, key, old, new))
        })?,
    }
    let manifest = files.finish()?;
    export.items = files.items;
    files.put(&known.object("manifest-files.md5"), md5(manifest.as_bytes()).into_bytes())?;
    files.put(&known.object("manifest-files.json"), manifest.into_bytes())?;
    let summary = wire::json::text(&summary(export, cloud.clock().now()));
    files.put(&known.object("manifest-summary.md5"), md5(summary.as_bytes()).into_bytes())?;
    files.put(&known.object("manifest-summary.json"), summary.into_bytes())?;
    Ok(())
}

/// One changed item.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>
fn changed(window: &Window, time: Timestamp, key: Item, old: Option<Item>, new: Option<Item>) -> Value {
    let written: Struct = [("N", Value::Str(time.micros().to_string()))].into_iter().collect();
    let metadata: Struct = [("WriteTimestampMicros", Value::Struct(written))].into_iter().collect();
    let mut line: Struct =
        [("Metadata", Value::Struct(metadata)), ("Keys", key.into_wire())].into_iter().collect();
    if let Some(old) = old.filter(|_| window.view == "NEW_AND_OLD_IMAGES") {
        line.push("OldImage", old.into_wire());
    }
    if let Some(new) = new {
        line.push("NewImage", new.into_wire());
    }
    Value::Struct(line)
}

fn summary(export: &ExportRecord, ended: Timestamp) -> Value {
    let text = |text: &str| Value::str(text);
    let optional =
        |text: &Option<String>| text.as_ref().map_or(Value::Null, |text| Value::str(text.as_str()));
    let time = |time: Timestamp| Value::Str(time.iso8601_millis());
    let mut out: Struct = [
        ("version", text(if export.window.is_some() { "2023-08-01" } else { "2020-06-30" })),
        ("exportArn", Value::Str(export.arn())),
        ("startTime", time(export.started)),
        ("endTime", time(ended)),
        ("tableArn", Value::Str(export.table.arn())),
        ("tableId", text(&export.table.id)),
    ]
    .into_iter()
    .collect();
    match &export.window {
        None => out.push("exportTime", time(export.at)),
        Some(window) => {
            out.push("exportFromTime", time(window.from));
            out.push("exportToTime", time(window.to));
        }
    }
    out.push("s3Bucket", text(&export.to.bucket));
    out.push("s3Prefix", optional(&export.to.prefix));
    out.push("s3SseAlgorithm", text(export.sse.as_deref().unwrap_or("AES256")));
    out.push("s3SseKmsKeyId", optional(&export.key));
    out.push("manifestFilesS3Key", Value::Str(export.object("manifest-files.json")));
    out.push("billedSizeBytes", Value::Int(export.bytes));
    out.push("itemCount", Value::Int(export.items));
    out.push("outputFormat", text("DYNAMODB_JSON"));
    if let Some(window) = &export.window {
        out.push("outputView", text(&window.view));
        out.push("exportType", text(export_kind(export)));
    }
    Value::Struct(out)
}
