//! Where the bytes of objects, volumes and images lie: in files of the data folder, or in a bucket of another object store.
//!
//! A new cloud chooses once, and writes it down in its data folder; contents do not move.

use crate::cli::up::Options;
use crate::config::Place;
use base::Rng;
use blob::object_store::{self, ObjectStore};
use blob::{Blobs, Files};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// The choice of a cloud whose contents lie in a bucket.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Bucket {
    address: String,
    endpoint: Option<String>,
    region: String,
    /// By what the bucket knows this cloud again.
    owner: String,
}

impl Bucket {
    /// What the data folder says; `None` where the contents are files.
    pub(crate) fn of(place: &Place) -> Result<Option<Bucket>, String> {
        let file = place.bucket_file();
        let say = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|e| say(&e))?,
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| say(&e))?;
        let read = |name: &str| value.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let must = |name: &str| read(name).ok_or_else(|| say(&format_args!("it has no {name}")));
        Ok(Some(Bucket {
            address: must("address")?,
            endpoint: read("endpoint"),
            region: must("region")?,
            owner: must("owner")?,
        }))
    }

    pub(crate) fn place(&self) -> Result<object_store::Place, String> {
        object_store::Place::read(&self.address, self.endpoint.as_deref(), &self.region)
    }

    /// Writes it down, on the disk.
    fn keep(&self, place: &Place) -> Result<(), String> {
        let file = place.bucket_file();
        let draft = file.with_extension("new");
        let text = serde_json::json!({
            "address": self.address,
            "endpoint": self.endpoint,
            "region": self.region,
            "owner": self.owner,
        });
        let written = || {
            let mut out =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            out.write_all(text.to_string().as_bytes())?;
            out.sync_all()?;
            fs::rename(&draft, &file)?;
            File::open(&place.data)?.sync_all()
        };
        written().map_err(|e| format!("{}: {e}", file.display()))
    }

    /// `authorities` is a file with the certificates by which the store is known, instead of those that this machine
    /// trusts.
    fn open(&self, authorities: Option<&Path>) -> Result<Arc<dyn Blobs>, String> {
        let place = self.place()?;
        let credentials = Place::bucket_credentials()?;
        let opened = ObjectStore::open(place.clone(), credentials, authorities, &self.owner);
        Ok(Arc::new(opened.map_err(|e| format!("the contents in {place} cannot be used: {e}"))?))
    }
}

/// The contents of the cloud in this data folder. It is new, and may choose, until it has a master key.
pub(crate) fn contents(place: &Place, options: &Options, rng: &Rng) -> Result<Arc<dyn Blobs>, String> {
    let authorities = options.trust.as_deref();
    let kept = Bucket::of(place)?;
    let wanted = options.contents.as_ref().map(|address| Bucket {
        address: address.clone(),
        endpoint: options.contents_endpoint.clone(),
        region: options.contents_region.clone(),
        // A bucket may know of a start that failed thereafter.
        owner: kept.as_ref().map_or_else(|| owner(rng), |kept| kept.owner.clone()),
    });
    if !place.master_key_file().exists() {
        let Some(wanted) = wanted else {
            let _ = fs::remove_file(place.bucket_file());
            return files(place);
        };
        wanted.place()?;
        // Before the bucket knows of us: it must never hold an owner whom nobody remembers.
        wanted.keep(place)?;
        return wanted.open(authorities);
    }
    match (kept, wanted) {
        (None, None) => files(place),
        (Some(kept), None) => kept.open(authorities),
        (Some(kept), Some(wanted)) if kept.place()? == wanted.place()? => kept.open(authorities),
        (Some(kept), Some(_)) => {
            Err(format!("the contents of this cloud lie in {}, and stay there", kept.place()?))
        }
        (None, Some(_)) => Err(format!(
            "the contents of this cloud are files in {}; only a new data folder can have them in a bucket",
            place.contents_dir().display()
        )),
    }
}

fn files(place: &Place) -> Result<Arc<dyn Blobs>, String> {
    let dir = place.contents_dir();
    Ok(Arc::new(Files::open(&dir).map_err(|e| format!("{}: {e}", dir.display()))?))
}

fn owner(rng: &Rng) -> String {
    let bytes: [u8; 16] = rng.bytes();
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
