//! A root becomes an image: its archive is written into a snapshot by EBS's direct API, and the image registered.

use super::{Caller, xml};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

const BLOCK: usize = 512 << 10;
const GIB: u64 = 1 << 30;
const ROOT: &str = "/dev/xvda";
/// Until an image's root is unpacked.
const PATIENCE: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_millis(200);

/// What was made.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) image: String,
    pub(crate) snapshot: String,
}

/// What a root comes from.
pub(crate) trait Source {
    /// Writes it out.
    ///
    /// # Errors
    /// What it is read from says, or who takes it.
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;

    /// How long it is, in bytes.
    ///
    /// # Errors
    /// What it is read from says.
    fn length(&self) -> io::Result<u64> {
        let mut counter = Counter(0);
        self.write(&mut counter)?;
        Ok(counter.0)
    }
}

/// Counts what is written, and keeps nothing.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A snapshot that is written from its beginning.
struct Blocks<'a> {
    caller: &'a Caller<'a>,
    snapshot: &'a str,
    block: Vec<u8>,
    /// How many have been read, and sent.
    done: usize,
    sent: usize,
    all: usize,
    progress: &'a dyn Fn(usize, usize, &[String]),
}

impl Blocks<'_> {
    /// What a snapshot does not have is zeros.
    fn put(&mut self) -> io::Result<()> {
        if self.block.iter().any(|byte| *byte != 0) {
            self.send()?;
        }
        self.block.clear();
        self.done += 1;
        (self.progress)(self.done, self.all, &["blocks".to_owned()]);
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        self.block.resize(BLOCK, 0);
        let checksum = STANDARD.encode(digest(&SHA256, &self.block));
        let length = BLOCK.to_string();
        let headers = [
            ("x-amz-data-length", length.as_str()),
            ("x-amz-checksum", &checksum),
            ("x-amz-checksum-algorithm", "SHA256"),
        ];
        let path = format!("/snapshots/{}/blocks/{}", self.snapshot, self.done);
        let done = self.caller.send("ebs", "PUT", &path, &headers, &self.block);
        done.and_then(|reply| reply.good("PutSnapshotBlock")).map_err(io::Error::other)?;
        self.sent += 1;
        Ok(())
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == BLOCK {
            self.put()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() { Ok(()) } else { self.put() }
    }
}

fn json(
    caller: &Caller<'_>,
    what: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<serde_json::Value, String> {
    let headers: Vec<_> =
        [("content-type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
    let body = caller.send("ebs", "POST", path, &headers, body.as_bytes())?.good(what)?;
    serde_json::from_str(&body).map_err(|why| format!("{what}: {why}"))
}

/// Makes an image of a root whose length is asked for before anything is made.
///
/// # Errors
/// What is wrong with the archive, or what the cloud says. A snapshot that could not be filled is deleted.
pub(crate) fn import(
    caller: &Caller<'_>,
    name: &str,
    source: &dyn Source,
    progress: &dyn Fn(usize, usize, &[String]),
) -> Result<Imported, String> {
    let known = caller.call(
        "ec2",
        "DescribeImages",
        &[("Owner.1", "self"), ("Filter.1.Name", "name"), ("Filter.1.Value.1", name)],
    )?;
    if let Some(id) = xml::text(&known, "imageId") {
        return Err(format!("{id} has the name {name} already"));
    }
    let length = source.length().map_err(|why| why.to_string())?;
    let size = length.div_ceil(GIB).max(1);
    let start =
        serde_json::json!({ "VolumeSize": size, "Description": format!("Imported for the image {name}") });
    let started = json(caller, "StartSnapshot", "/snapshots", &[], &start.to_string())?;
    let snapshot = started["SnapshotId"].as_str().unwrap_or_default().to_owned();
    let all = usize::try_from(length.div_ceil(BLOCK as u64)).unwrap_or(usize::MAX);
    let mut blocks = Blocks {
        caller,
        snapshot: &snapshot,
        block: Vec::with_capacity(BLOCK),
        done: 0,
        sent: 0,
        all,
        progress,
    };
    let filled = source.write(&mut blocks).and_then(|()| blocks.flush()).map_err(|why| why.to_string());
    let sent = blocks.sent.to_string();
    let made = filled.and_then(|()| {
        let changed = [("x-amz-changedblockscount", sent.as_str())];
        json(caller, "CompleteSnapshot", &format!("/snapshots/completion/{snapshot}"), &changed, "")?;
        completed(caller, &snapshot)?;
        register(caller, name, &snapshot)
    });
    match made {
        Ok(image) => Ok(Imported { image, snapshot }),
        Err(why) => match caller.call("ec2", "DeleteSnapshot", &[("SnapshotId", &snapshot)]) {
            Ok(_) => Err(why),
            Err(also) => Err(format!("{why}; and {snapshot} stays: {also}")),
        },
    }
}

/// Asks until there is something to say.
fn until<T>(mut ask: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match ask()? {
            Some(answer) => return Ok(answer),
            None if begun.elapsed() > PATIENCE => return Err("the cloud takes too long".into()),
            None => sleep(PAUSE),
        }
    }
}

fn completed(caller: &Caller<'_>, snapshot: &str) -> Result<(), String> {
    until(|| {
        let found = caller.call("ec2", "DescribeSnapshots", &[("SnapshotId.1", snapshot)])?;
        match xml::text(&found, "status") {
            Some("completed") => Ok(Some(())),
            Some("error") => Err(format!("{snapshot} has failed")),
            _ => Ok(None),
        }
    })
}

fn register(caller: &Caller<'_>, name: &str, snapshot: &str) -> Result<String, String> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let made = caller.call(
        "ec2",
        "RegisterImage",
        &[
            ("Name", name),
            ("Architecture", architecture),
            ("VirtualizationType", "hvm"),
            ("RootDeviceName", ROOT),
            ("BlockDeviceMapping.1.DeviceName", ROOT),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot),
        ],
    )?;
    let image = xml::text(&made, "imageId").unwrap_or_default().to_owned();
    let state = until(|| {
        let found = caller.call("ec2", "DescribeImages", &[("ImageId.1", &image)])?;
        Ok(match xml::text(&found, "imageState") {
            Some("available") => Some(Ok(())),
            Some("failed") => Some(Err(xml::text(&found, "message").map(xml::plain).unwrap_or_default())),
            _ => None,
        })
    })?;
    match state {
        Ok(()) => Ok(image),
        Err(why) => {
            caller.call("ec2", "DeregisterImage", &[("ImageId", &image)])?;
            Err(why)
        }
    }
}
