//! Images are read and unpacked, and roots that nobody needs go.

use super::source::{NOT_LET, request};
use super::unpack;
use super::{folder, key, root};
use crate::ecr::errors::is_gone;
use crate::ecr::manifest::written;
use crate::ecr::pull;
use crate::lambda::access::SERVICE;
use crate::lambda::errors::{IMAGE_DENIED, IMAGE_GONE, IMAGE_WRONG, INTERNAL, is_denied};
use crate::lambda::model::{Packed, ROOTS, Root, Unpacked, VERSIONS, Version};
use crate::lambda::name::function_arn;
use crate::lambda::workshop::{Ground, Workshop};
use aws_lc_rs::digest::{Context, SHA256};
use base::Timestamp;
use flate2::read::MultiGzDecoder;
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{CommitError, Direction, Key, Tx};
use wire::{Fault, Value};

const CONFLICTS_MAX: u32 = 64;
/// Until it is looked anew whether somebody still stands on a root.
const SOON: Duration = Duration::from_secs(2);
/// Of an archive, uncompressed: what is in it, and what it says about that. A small file may become endless zeros.
const LAYER_MAX: u64 = unpack::UNPACKED_MAX + (1 << 30);
/// What a root is called while it is made.
const DRAFT: &str = "draft-";

/// Keeps roots as they are needed.
#[derive(Debug)]
pub struct Images(pub Ground);

/// Whether it was looked once for versions that still hold what they ran before: a crash may have left some.
#[derive(Debug, Default)]
struct Looked(AtomicBool);

/// Why an image cannot be unpacked: a code of AWS's, and words.
struct Failure {
    code: &'static str,
    reason: String,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        match fault {
            fault if is_denied(&fault) => Failure { code: IMAGE_DENIED, reason: NOT_LET.into() },
            fault if is_gone(&fault) => Failure { code: IMAGE_GONE, reason: fault.message },
            fault => Failure { code: INTERNAL, reason: fault.message },
        }
    }
}

impl From<io::Error> for Failure {
    fn from(why: io::Error) -> Failure {
        match why.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                Failure { code: IMAGE_WRONG, reason: format!("The image cannot be unpacked: {why}.") }
            }
            io::ErrorKind::NotFound => Failure { code: IMAGE_GONE, reason: "A layer is gone.".into() },
            _ => Failure { code: INTERNAL, reason: format!("The image cannot be unpacked: {why}.") },
        }
    }
}

impl Reconciler for Images {
    fn name(&self) -> &'static str {
        "lambda images"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![ROOTS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let all =
            ROOTS.scan(&snapshot, &Key::empty(), Direction::Forward).map(|pair| pair.map(|(_, row)| row));
        let all = all.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
        drop(snapshot);
        let functions = self.0.folder.as_deref();
        let all_gone = match functions {
            Some(functions) => sweep(cloud, &folder(functions), &all).map_err(|e| e.to_string())?,
            None => true,
        };
        if !cloud.memory::<Looked>().0.swap(true, Ordering::SeqCst) {
            let ready: BTreeSet<&str> = all
                .iter()
                .filter(|row| row.unpacked == Unpacked::Ready)
                .map(|row| row.digest.as_str())
                .collect();
            let_go(cloud, |digest| ready.contains(digest))?;
        }
        for row in all {
            let is_there = functions.is_none_or(|functions| root(functions, &row.digest).exists());
            let is_needed = match row.unpacked {
                Unpacked::Pending => true,
                // Somebody has taken it away.
                Unpacked::Ready => !is_there,
                Unpacked::Failed => false,
            };
            if is_needed {
                let made =
                    if is_there && functions.is_some() { Ok(()) } else { unpack(cloud, functions, &row) };
                settle(cloud, &row.digest, &made)?;
            }
        }
        Ok((!all_gone).then(|| cloud.clock().now().plus(SOON)))
    }
}

/// Takes away the roots that nobody needs, and what a crash has left half made; whether none is left.
fn sweep(cloud: &Cloud, images: &Path, needed: &[Root]) -> io::Result<bool> {
    let workshop = cloud.memory::<Workshop>();
    let mut all_gone = true;
    for entry in fs::read_dir(images).into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_needed = needed.iter().any(|row| row.digest.strip_prefix("sha256:") == Some(name));
        if is_needed {
            continue;
        }
        workshop.environments.vacate(&entry.path());
        // Who is at work has it for as long as that takes.
        match workshop.pins.is_pinned(&entry.path()) {
            true => all_gone = false,
            false => host::image::remove(&entry.path())?,
        }
    }
    Ok(all_gone)
}

/// Makes a root: it is on the disk when this returns.
fn unpack(cloud: &Arc<Cloud>, functions: Option<&Path>, row: &Root) -> Result<(), Failure> {
    let Some(functions) = functions else {
        // Where sandboxes are simulated there is no disk either.
        return row.layers.iter().try_for_each(|layer| {
            let mut content = Hashed::new(content(cloud, row, layer)?);
            unpack::check(&mut content)?;
            content.check(layer)
        });
    };
    let images = folder(functions);
    let draft = images.join(format!("{DRAFT}{}", row.digest.trim_start_matches("sha256:")));
    fs::create_dir_all(&draft)?;
    let filled = fill(cloud, &draft, row);
    if filled.is_err() {
        let _ = host::image::remove(&draft);
    }
    filled?;
    host::image::settle(&draft)?;
    fs::rename(&draft, root(functions, &row.digest))?;
    Ok(File::open(&images)?.sync_all()?)
}

fn fill(cloud: &Arc<Cloud>, folder: &Path, row: &Root) -> Result<(), Failure> {
    let mut root = unpack::Root::new(folder);
    for layer in &row.layers {
        let mut content = Hashed::new(content(cloud, row, layer)?);
        root.lay(&mut content)?;
        content.check(layer)?;
    }
    Ok(root.finish()?)
}

/// The archive that a layer is.
fn content(cloud: &Arc<Cloud>, row: &Root, layer: &Packed) -> Result<Box<dyn Read>, Failure> {
    let opened = pull::open(cloud, &link(cloud, row, layer)?)?;
    Ok(match layer.gzip {
        true => Box::new(MultiGzDecoder::new(opened).take(LAYER_MAX)),
        false => Box::new(opened.take(LAYER_MAX)),
    })
}

/// Where a layer is to be found.
fn link(cloud: &Arc<Cloud>, row: &Root, layer: &Packed) -> Result<String, Failure> {
    let function = function_arn(row.account, row.region, &row.function);
    for _ in 0..CONFLICTS_MAX {
        let mut tx = cloud.store().begin();
        let value = request(row.registry, &row.repository, [("layerDigest", Value::str(&layer.digest))]);
        let call = Call { service: "ecr", operation: "GetDownloadUrlForLayer", value };
        let home = (row.account, row.region);
        let link = cloud.call_for(&mut tx, SERVICE, home, Some(&function), call)?;
        match tx.commit().wait() {
            Ok(_) => {
                return Ok(link.at(&["downloadUrl"]).and_then(Value::as_str).unwrap_or_default().to_owned());
            }
            Err(CommitError::Conflict) => {}
            Err(why) => return Err(Failure { code: INTERNAL, reason: why.to_string() }),
        }
    }
    Err(Failure { code: INTERNAL, reason: "The image met too many other changes.".into() })
}

/// What is read, and the digest of it.
struct Hashed<R> {
    from: R,
    hash: Context,
}

impl<R> Hashed<R> {
    fn new(from: R) -> Hashed<R> {
        Hashed { from, hash: Context::new(&SHA256) }
    }

    /// Whether it was what the image says that it is.
    fn check(self, layer: &Packed) -> Result<(), Failure> {
        match written(&self.hash.finish()) == layer.content {
            true => Ok(()),
            false => Err(crate::tar::bad("a layer is not what the image says").into()),
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// Changes what is kept, as often as others come in between.
fn change(cloud: &Cloud, work: impl Fn(&mut Tx) -> Result<(), store::StoreError>) -> Result<(), String> {
    for _ in 0..CONFLICTS_MAX {
        let mut tx = cloud.store().begin();
        work(&mut tx).map_err(|e| e.to_string())?;
        match tx.commit().wait() {
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(why) => return Err(why.to_string()),
        }
    }
    Err("too many other changes".to_owned())
}

/// Notes down what became of a root, and lets go of what ran until it was there.
fn settle(cloud: &Arc<Cloud>, digest: &str, made: &Result<(), Failure>) -> Result<(), String> {
    if let Err(why) = made {
        let fields = [("digest", digest), ("code", why.code), ("problem", why.reason.as_str())];
        kernel::log::warn("an image could not be unpacked", &fields);
    }
    change(cloud, |tx| {
        let Some(mut row) = ROOTS.get(tx, &key(digest))? else { return Ok(()) };
        (row.unpacked, row.code, row.reason) = match made {
            Ok(()) => (Unpacked::Ready, String::new(), String::new()),
            Err(why) => (Unpacked::Failed, why.code.to_owned(), why.reason.clone()),
        };
        ROOTS.put(tx, &key(digest), &row);
        Ok(())
    })?;
    match made {
        Ok(()) => let_go(cloud, |ready| ready == digest),
        Err(_) => Ok(()),
    }
}

/// Lets go of what versions ran until their images were there.
fn let_go(cloud: &Arc<Cloud>, is_ready: impl Fn(&str) -> bool) -> Result<(), String> {
    let is_of = |version: &Version| {
        version.before.is_some() && version.image.as_ref().is_some_and(|image| is_ready(&image.digest))
    };
    let snapshot = cloud.store().snapshot();
    for pair in VERSIONS.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let (at, version) = pair.map_err(|e| e.to_string())?;
        if !is_of(&version) {
            continue;
        }
        change(cloud, |tx| {
            let Some(mut version) = VERSIONS.get(tx, &at)?.filter(is_of) else { return Ok(()) };
            if let Some(before) = version.before.take() {
                super::release(tx, &before)?;
            }
            VERSIONS.put(tx, &at, &version);
            Ok(())
        })?;
    }
    Ok(())
}
