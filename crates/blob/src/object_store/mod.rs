//! [`ObjectStore`]: contents as objects of a bucket, in any store that speaks S3's protocol.
//!
//! ```text
//! s3://BUCKET/PREFIX/owner    whose place this is
//! s3://BUCKET/PREFIX/<id>     a content: 32 hexadecimal digits
//! ```
//!
//! What is here means what it means in [`Files`](crate::Files): an object is there whole or not at all, and is durable
//! when the store has answered. Contents are encrypted before they come here, so the store sees none of them. Larger ones
//! are sent in parts; an upload that a crash left behind is found by [`Blobs::list`], like an object. One that is
//! deleted while somebody reads it goes when he is done.
//!
//! A place has one owner, because the sweeper removes what its own cloud does not know. Not here: who may reach the
//! bucket, which is the store's to say.

mod client;
mod http;
mod object;
mod place;
mod trust;
mod upload;

pub use client::Credentials;
pub use place::Place;

use crate::ContentId;
use crate::blobs::{Blobs, Sink, Source};
use client::{Client, Request, each, escaped, members};
use object::Object;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use upload::Upload;

const OWNER: &str = "owner";

/// Contents in a bucket.
#[derive(Debug)]
pub struct ObjectStore {
    client: Arc<Client>,
    opened: Arc<Opened>,
    /// Uploads that were found by the last listing, by what they would have become.
    begun: Mutex<HashMap<ContentId, Vec<String>>>,
}

/// Who is being read, and which of them are to go then.
#[derive(Debug, Default)]
struct Opened(Mutex<HashMap<ContentId, Readers>>);

#[derive(Debug, Default)]
struct Readers {
    count: usize,
    doomed: bool,
}

impl Opened {
    fn lock(&self) -> MutexGuard<'_, HashMap<ContentId, Readers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStore {
    /// The contents at `place`, for the cloud that is called `owner`. `authorities` holds the certificates, as PEM, by
    /// which a store that is reached over TLS is known; without it those that the machine trusts do.
    ///
    /// # Errors
    /// `AlreadyExists` where another cloud's contents lie there; else why the store cannot be used.
    pub fn open(
        place: Place,
        credentials: Credentials,
        authorities: Option<&Path>,
        owner: &str,
    ) -> io::Result<ObjectStore> {
        let tls = if place.is_tls { Some(trust::config(authorities)?) } else { None };
        let client = Client::new(place, credentials, tls);
        claim(&client, owner)?;
        Ok(ObjectStore { client: Arc::new(client), opened: Arc::default(), begun: Mutex::default() })
    }

    /// Shows the keys of a listing that goes page by page.
    fn objects(&self, each_one: &mut dyn FnMut(ContentId)) -> io::Result<()> {
        let mut token = String::new();
        loop {
            let prefix = escaped(&self.client.place.prefix);
            let from = if token.is_empty() {
                String::new()
            } else {
                format!("continuation-token={}&", escaped(&token))
            };
            let page = self.page("ListObjectsV2Output", &format!("{from}list-type=2&prefix={prefix}"))?;
            each(&page, "Contents")
                .filter_map(|object| self.id_of(object.str("Key")?))
                .for_each(&mut *each_one);
            match page.str("NextContinuationToken") {
                Some(next) if !next.is_empty() && next != token => next.clone_into(&mut token),
                _ => return Ok(()),
            }
        }
    }

    fn uploads(&self) -> io::Result<HashMap<ContentId, Vec<String>>> {
        let mut found: HashMap<ContentId, Vec<String>> = HashMap::new();
        let (mut key, mut upload) = (String::new(), String::new());
        loop {
            let prefix = escaped(&self.client.place.prefix);
            let mut query = format!("prefix={prefix}");
            if !key.is_empty() {
                query = format!("key-marker={}&{query}&upload-id-marker={}", escaped(&key), escaped(&upload));
            }
            let page = self.page("ListMultipartUploadsOutput", &format!("{query}&uploads="))?;
            for one in each(&page, "Uploads") {
                if let (Some(id), Some(upload)) =
                    (one.str("Key").and_then(|key| self.id_of(key)), one.str("UploadId"))
                {
                    found.entry(id).or_default().push(upload.to_owned());
                }
            }
            let next = (page.str("NextKeyMarker"), page.str("NextUploadIdMarker"));
            let more = page.get("IsTruncated").and_then(wire::Value::as_bool) == Some(true);
            match next {
                (Some(next), marker) if more && next != key => {
                    (key, upload) = (next.to_owned(), marker.unwrap_or_default().to_owned());
                }
                _ => return Ok(found),
            }
        }
    }

    fn page(&self, shape: &str, query: &str) -> io::Result<wire::Struct> {
        let answer =
            self.client.call(Request { method: "GET", name: None, query, headers: &[], body: &[] })?;
        let garbled = || io::Error::new(ErrorKind::InvalidData, "the object store's listing cannot be read");
        members(shape, &answer.body).ok_or_else(garbled)
    }

    fn id_of(&self, key: &str) -> Option<ContentId> {
        ContentId::parse(key.strip_prefix(&self.client.place.prefix)?)
    }
}

/// Makes the place this cloud's, or finds that it is.
fn claim(client: &Client, owner: &str) -> io::Result<()> {
    let request = Request { method: "GET", name: Some(OWNER), query: "", headers: &[], body: &[] };
    let found = match client.call(request) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let headers = &[("if-none-match", "*")];
            let put = Request { method: "PUT", headers, body: owner.as_bytes(), ..request };
            match client.call(put) {
                Ok(_) => return Ok(()),
                // Somebody else came first, or an attempt whose answer was lost did it.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => client.call(request)?,
                Err(error) => return Err(error),
            }
        }
        outcome => outcome?,
    };
    if found.body == owner.as_bytes() {
        return Ok(());
    }
    let why = format!("another cloud's contents lie in {}", client.place);
    Err(io::Error::new(ErrorKind::AlreadyExists, why))
}

/// How long an object is.
fn size(client: &Client, name: &str) -> io::Result<u64> {
    let answer =
        client.call(Request { method: "HEAD", name: Some(name), query: "", headers: &[], body: &[] })?;
    answer.length.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "an object without a length"))
}

fn delete(client: &Client, name: &str) -> io::Result<()> {
    gone(client.call(Request { method: "DELETE", name: Some(name), query: "", headers: &[], body: &[] }))
}

fn abort(client: &Client, name: &str, upload: &str) -> io::Result<()> {
    let query = format!("uploadId={}", escaped(upload));
    gone(client.call(Request { method: "DELETE", name: Some(name), query: &query, headers: &[], body: &[] }))
}

fn gone(outcome: io::Result<http::Answer>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Blobs for ObjectStore {
    fn create(&self, id: ContentId) -> io::Result<Box<dyn Sink>> {
        Ok(Box::new(Upload::new(Arc::clone(&self.client), id)))
    }

    fn open(&self, id: ContentId) -> io::Result<Arc<dyn Source>> {
        let (client, opened) = (Arc::clone(&self.client), Arc::clone(&self.opened));
        {
            let mut all = opened.lock();
            let readers = all.entry(id).or_default();
            if readers.doomed {
                return Err(ErrorKind::NotFound.into());
            }
            readers.count += 1;
        }
        // Whoever deletes from here on waits for this one, which counts itself out.
        let mut object = Object::new(id, client, opened);
        object.size = size(&self.client, &id.to_string())?;
        Ok(Arc::new(object))
    }

    fn delete(&self, id: ContentId) -> io::Result<()> {
        if let Some(readers) = self.opened.lock().get_mut(&id) {
            readers.doomed = true;
            return Ok(());
        }
        let uploads = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let name = id.to_string();
        uploads.iter().flatten().try_for_each(|upload| abort(&self.client, &name, upload))?;
        delete(&self.client, &name)
    }

    fn list(&self, each: &mut dyn FnMut(ContentId)) -> io::Result<()> {
        let uploads = self.uploads()?;
        uploads.keys().copied().for_each(&mut *each);
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = uploads;
        self.objects(each)
    }

    fn room(&self) -> Option<u64> {
        None
    }
}
