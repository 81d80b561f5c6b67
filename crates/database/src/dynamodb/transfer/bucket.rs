//! [`Store`]: a bucket of S3, as the one sees it in whose stead a job is done.

use super::{PURPOSE, SERVICE};
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, failure};
use crate::dynamodb::model::schema::Schema;
use crate::dynamodb::model::transfer::{Location, Requester};
use base::Region;
use bytes::Bytes;
use kernel::{As, Body, Call, Cloud, Content, Incoming, Whom};
use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// AWS: the guide on imports: the objects of one.
const OBJECTS_MAX: usize = 50_000;

/// Why a job goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// It has failed: code and message, as it is described.
    Failed(String, String),
    /// It is to be tried again.
    Broken(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Broken(error.into())
    }
}

impl Stop {
    /// What S3 refused.
    fn of_s3(fault: Fault) -> Stop {
        if fault.status >= 500 {
            return Stop::Broken(fault.into());
        }
        let (code, message) = failure::of_s3(&fault);
        Stop::Failed(code, message)
    }
}

pub(super) struct Store<'a> {
    cloud: &'a Arc<Cloud>,
    /// The table's, until the bucket is known to lie elsewhere, as it may.
    region: Cell<Region>,
    access_key: &'a str,
    token: Option<String>,
    place: &'a Location,
}

impl<'a> Store<'a> {
    pub(super) fn new(
        cloud: &'a Arc<Cloud>,
        region: Region,
        requester: &'a Requester,
        place: &'a Location,
    ) -> Result<Store<'a>, Error> {
        let open = |sealed: &Vec<u8>| {
            let token = cloud.sealer().open(PURPOSE, sealed).map_err(|_| Refusal::Internal)?;
            Ok::<String, Refusal>(String::from_utf8_lossy(&token).into_owned())
        };
        let token = requester.sealed_token.as_ref().map(open).transpose()?;
        let region = Cell::new(region);
        Ok(Store { cloud, region, access_key: &requester.access_key, token, place })
    }

    pub(super) fn whom(&self) -> Whom<'_> {
        Whom::Caller { access_key: self.access_key, token: self.token.as_deref() }
    }

    /// Unlocks a table for what is done in the requester's stead: after a restart its key is known to nobody yet.
    pub(super) fn unlock(&self, schema: &Schema) -> Result<(), Stop> {
        if encryption::unlock_known(self.cloud, schema) {
            return Ok(());
        }
        let mut tx = self.cloud.store().begin();
        let opened = self.cloud.act_for(&mut tx, SERVICE, self.whom(), schema.record.region, None, |cx| {
            encryption::unlock(cx, schema)
        });
        let refused = |fault: Fault| Stop::Failed(fault.code.to_string(), fault.message);
        opened.map_err(refused)?.map_err(|error| refused(error.into()))
    }

    fn members(&self, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let mut members: Struct = [("Bucket", Value::str(self.place.bucket.as_str()))].into_iter().collect();
        if let Some(owner) = &self.place.owner {
            members.set("ExpectedBucketOwner", Value::str(owner.as_str()));
        }
        more.into_iter().for_each(|(name, value)| members.set(name, value));
        Value::Struct(members)
    }

    /// Does something where the bucket is: S3 tells who asks elsewhere.
    fn there<T>(&self, ask: impl Fn(Region) -> Result<T, Fault>) -> Result<T, Stop> {
        let first = ask(self.region.get());
        let elsewhere = first.as_ref().err().filter(|fault| fault.status == 301).and_then(|fault| {
            let told = fault.headers.iter().find(|(name, _)| *name == "x-amz-bucket-region")?;
            Region::parse(&told.1)
        });
        let answer = match elsewhere {
            Some(region) => {
                self.region.set(region);
                ask(region)
            }
            None => first,
        };
        answer.map_err(Stop::of_s3)
    }

    fn stream(&self, operation: &str, value: &Value, body: &Bytes) -> Result<kernel::Answer<Value>, Stop> {
        self.there(|region| {
            let call = Call { service: "s3", operation, value: value.clone() };
            let body = if body.is_empty() { Body::empty() } else { Body::of(body.clone(), None) };
            self.cloud.wait(self.cloud.stream_call_for(SERVICE, self.whom(), region, call, body))
        })
    }

    /// Puts an object, and tells its entity tag.
    pub(super) fn put(
        &self,
        key: &str,
        bytes: impl Into<Bytes>,
        encryption: Vec<(&'static str, Value)>,
    ) -> Result<String, Stop> {
        // The bucket's owner is to have what is put there.
        let fixed = [("Key", Value::str(key)), ("ACL", Value::str("bucket-owner-full-control"))];
        let value = self.members(fixed.into_iter().chain(encryption));
        let answer = self.stream("PutObject", &value, &bytes.into())?;
        let etag = answer.value.member("ETag").and_then(Value::as_str).unwrap_or_default();
        Ok(etag.trim_matches('"').to_owned())
    }

    /// The names of all objects below the prefix that hold something.
    pub(super) fn list(&self) -> Result<Vec<String>, Stop> {
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let prefix = self.place.prefix.as_deref().unwrap_or_default();
            let next = token.take().map(|token| ("ContinuationToken", Value::Str(token)));
            let value = self.members([("Prefix", Value::str(prefix))].into_iter().chain(next));
            let page = self.there(|region| {
                let mut tx = self.cloud.store().begin();
                let listed = self.cloud.act_for(&mut tx, SERVICE, self.whom(), region, None, |cx| {
                    cx.call("s3", "ListObjectsV2", value.clone(), As::CallerVia(SERVICE))
                });
                listed.and_then(|called| called)
            })?;
            for object in page.member("Contents").and_then(Value::as_list).unwrap_or_default() {
                let size = object.member("Size").and_then(Value::as_int).unwrap_or_default();
                let name = object.member("Key").and_then(Value::as_str).unwrap_or_default();
                if size > 0 {
                    names.push(name.to_owned());
                }
            }
            if names.len() > OBJECTS_MAX {
                let message = format!("An import can read {OBJECTS_MAX} objects at most.");
                return Err(Stop::Failed("S3ObjectLimitExceeded".to_owned(), message));
            }
            match page.member("NextContinuationToken").and_then(Value::as_str) {
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(names),
            }
        }
    }

    /// An object's bytes, as they come.
    pub(super) fn get(&self, key: &str) -> Result<Object<'a>, Stop> {
        let answer = self.stream("GetObject", &self.members([("Key", Value::str(key))]), &Bytes::new())?;
        let body = match answer.content {
            None => Body::empty(),
            Some(Content::Whole(bytes)) => Body::of(bytes, None),
            Some(Content::Stream(stream)) => Body::of(Incoming::Stream(stream), None),
        };
        Ok(Object { cloud: self.cloud, body, piece: Bytes::new() })
    }
}

/// An object that is being read.
pub(super) struct Object<'a> {
    cloud: &'a Arc<Cloud>,
    body: Body,
    piece: Bytes,
}

impl Read for Object<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.piece.is_empty() {
            let next = self.cloud.wait(self.body.next());
            let next = next.map_err(|fault| std::io::Error::other(fault.message))?;
            self.piece = next.unwrap_or_default();
        }
        let length = into.len().min(self.piece.len());
        into[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
