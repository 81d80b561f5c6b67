//! [`Upload`]: a content on its way to the store: in one request while it is small, else in parts.

use super::client::{Client, Request, document, escaped, members};
use crate::ContentId;
use crate::blobs::Sink;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use wire::{Struct, Value};

/// The least that S3 takes as a part that is not the last; ten thousand of them are the longest content.
const PART: usize = 5 << 20;

/// A content that is being written.
#[derive(Debug)]
pub(super) struct Upload {
    client: Arc<Client>,
    name: String,
    /// What has been written and was not sent.
    waiting: Vec<u8>,
    size: u64,
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    id: String,
    etags: Vec<String>,
}

impl Upload {
    pub(super) fn new(client: Arc<Client>, id: ContentId) -> Upload {
        Upload { client, name: id.to_string(), waiting: Vec::new(), size: 0, parts: None }
    }

    fn request(&self, method: &str, query: &str, body: &[u8]) -> io::Result<super::http::Answer> {
        self.client.call(Request { method, name: Some(&self.name), query, headers: &[], body })
    }

    /// Sends what waits as the next part.
    fn part(&mut self) -> io::Result<()> {
        if self.parts.is_none() {
            let answer = self.request("POST", "uploads=", &[])?;
            let said = members("CreateMultipartUploadOutput", &answer.body);
            let id = said.as_ref().and_then(|said| said.str("UploadId")).filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| unexpected("an upload without an id"))?.to_owned();
            self.parts = Some(Parts { id, etags: Vec::new() });
        }
        let Some(parts) = &self.parts else { return Ok(()) };
        let query = format!("partNumber={}&uploadId={}", parts.etags.len() + 1, escaped(&parts.id));
        let answer = self.request("PUT", &query, &self.waiting)?;
        let etag = answer.etag.ok_or_else(|| unexpected("a part without an ETag"))?;
        self.waiting.clear();
        if let Some(parts) = &mut self.parts {
            parts.etags.push(etag);
        }
        Ok(())
    }

    fn complete(&self, parts: &Parts) -> io::Result<()> {
        let part = |(number, etag): (i64, &String)| {
            let mut part = Struct::new();
            part.set("ETag", Value::str(etag.as_str()));
            part.set("PartNumber", Value::Int(number));
            Value::Struct(part)
        };
        let mut all = Struct::new();
        all.set("Parts", Value::List((1..).zip(&parts.etags).map(part).collect()));
        let body = document("CompletedMultipartUpload", "CompleteMultipartUpload", &all);
        let body = body.ok_or_else(|| unexpected("a model of S3 without uploads"))?;
        let query = format!("uploadId={}", escaped(&parts.id));
        let done = self.request("POST", &query, &body);
        // S3 may find that it has failed when it has begun to answer 200.
        let is_done = |body: &[u8]| {
            members("CompleteMultipartUploadOutput", body).is_some_and(|said| said.str("ETag").is_some())
        };
        match done {
            Ok(answer) if is_done(&answer.body) => Ok(()),
            // An attempt whose answer was lost may have done it.
            outcome => match super::size(&self.client, &self.name) {
                Ok(size) if size == self.size => Ok(()),
                _ => Err(outcome.err().unwrap_or_else(|| unexpected("parts that were not put together"))),
            },
        }
    }
}

fn unexpected(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the object store answered {what}"))
}

impl Sink for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.waiting.extend_from_slice(bytes);
        // The last part may be short, and there must be one.
        if self.waiting.len() > PART { self.part() } else { Ok(()) }
    }

    fn seal(mut self: Box<Self>) -> io::Result<()> {
        if self.parts.is_none() {
            return self.request("PUT", "", &self.waiting).map(|_| ());
        }
        if !self.waiting.is_empty() {
            self.part()?;
        }
        if let Some(parts) = &self.parts {
            self.complete(parts)?;
        }
        self.parts = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            // What cannot be taken back now is found when the cloud starts next.
            let _ = super::abort(&self.client, &self.name, &parts.id);
        }
    }
}
