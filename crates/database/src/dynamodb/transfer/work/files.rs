//! [`Files`]: the files of an export, written line by line and put into the bucket one after the other.

use super::super::bucket::{Stop, Store};
use crate::dynamodb::errors::{Error, Refusal};
use crate::dynamodb::model::transfer::ExportRecord;
use crate::dynamodb::ops::transact_write::fingerprint_of;
use crate::dynamodb::value::base64;
use auth::md5::Md5;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use wire::{Struct, Value};

/// How many bytes a file has at least before the next one is begun: they wait in memory.
const FILE_BYTES: usize = 8 << 20;

pub(super) struct Files<'a> {
    export: &'a ExportRecord,
    bucket: &'a Store<'a>,
    open: GzEncoder<Vec<u8>>,
    /// In the file that is open.
    lines: i64,
    manifest: String,
    count: usize,
    pub(super) items: i64,
}

pub(super) fn md5(bytes: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update(bytes);
    base64(&md5.finish())
}

fn gzip() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::default())
}

fn unwritten(_: std::io::Error) -> Error {
    Refusal::Internal.into()
}

impl<'a> Files<'a> {
    pub(super) fn new(export: &'a ExportRecord, bucket: &'a Store<'a>) -> Files<'a> {
        Files { export, bucket, open: gzip(), lines: 0, manifest: String::new(), count: 0, items: 0 }
    }

    /// What the export's objects are encrypted with.
    fn encryption(&self) -> Vec<(&'static str, Value)> {
        let algorithm = match self.export.sse.as_deref() {
            Some("KMS") => "aws:kms",
            _ => "AES256",
        };
        let key = self.export.key.as_ref().map(|key| ("SSEKMSKeyId", Value::str(key.as_str())));
        std::iter::once(("ServerSideEncryption", Value::str(algorithm))).chain(key).collect()
    }

    pub(super) fn put(&self, key: &str, bytes: Vec<u8>) -> Result<String, Stop> {
        self.bucket.put(key, bytes, self.encryption())
    }

    pub(super) fn line(&mut self, value: &Value) -> Result<(), Stop> {
        let text = wire::json::text(value) + "\n";
        self.open.write_all(text.as_bytes()).map_err(unwritten)?;
        self.lines += 1;
        if self.open.get_ref().len() >= FILE_BYTES { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Stop> {
        let bytes = std::mem::replace(&mut self.open, gzip()).finish().map_err(unwritten)?;
        // The same name again when the export is done again after a crash.
        let name = fingerprint_of(Some(Value::Str(format!("{}/{}", self.export.arn(), self.count))));
        let name: String = name.iter().take(13).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("data/{name}.json.gz");
        // Incremental exports share a folder.
        let key = match self.export.window {
            Some(_) => self.export.to.object(&name),
            None => self.export.object(&name),
        };
        let sum = md5(&bytes);
        let etag = self.put(&key, bytes)?;
        let entry: Struct = [
            ("itemCount", Value::Int(self.lines)),
            ("md5Checksum", Value::Str(sum)),
            ("etag", Value::Str(etag)),
            ("dataFileS3Key", Value::Str(key)),
        ]
        .into_iter()
        .collect();
        self.manifest += &(wire::json::text(&Value::Struct(entry)) + "\n");
        self.items += self.lines;
        self.lines = 0;
        self.count += 1;
        Ok(())
    }

    /// Closes the last file, which is the only one of an empty table, and hands out the list of all.
    pub(super) fn finish(&mut self) -> Result<String, Stop> {
        if self.lines > 0 || self.count == 0 {
            self.close()?;
        }
        Ok(std::mem::take(&mut self.manifest))
    }
}
