//! `virga image import NAME FILE`: machines of images that were made elsewhere.

use super::trials::{clear_line, progress};
use super::{Context, Outcome};
use crate::apps::{ACCOUNT, Caller, REGION, Source, import};
use clap::{Args, Subcommand};
use compute::ec2::image::import::Bundle;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// Make an image (an AMI) of a container image: of what docker save or podman save writes, or of an OCI layout, in a
    /// file or a folder. Its machines boot from all of it, with Virga's own first process; its command is not run.
    /// Or of a disk, raw or qcow2, whose machines are virtual ones that boot from it by its own boot loader (BIOS)
    Import {
        /// What it is to be called
        name: String,
        /// image.tar, disk.raw, disk.qcow2, or a folder
        source: PathBuf,
        /// Whose it is to be
        #[arg(long, default_value = ACCOUNT)]
        account: String,
        #[arg(long, default_value = REGION)]
        region: String,
    },
}

pub(super) fn run(cx: &Context, options: &Options) -> Outcome {
    let running = cx.place.must_run()?;
    let Order::Import { name, source, account, region } = &options.order;
    let say = |why: std::io::Error| format!("{}: {why}", source.display());
    let disk = Disk::find(source, &cx.place.data)?;
    let root: Box<dyn Source> = match disk {
        Some(disk) => Box::new(disk),
        None => Box::new(Bundle::find(source).map_err(say)?),
    };
    let caller = Caller { region, ..Caller::root(&running.endpoint, account) };
    let made = import(&caller, name, &*root, &progress("written"));
    clear_line();
    let made = made.map_err(|why| format!("{}: {why}", source.display()))?;
    match cx.json {
        true => super::print(&json!({ "ImageId": made.image, "SnapshotId": made.snapshot }).to_string()),
        false => super::print(&format!("{}  {name}", made.image)),
    }
    Ok(ExitCode::SUCCESS)
}

/// A disk in a file, as it is or made plain in another that is removed at the end.
struct Disk {
    raw: PathBuf,
    made: bool,
}

const QCOW2: &[u8] = b"QFI\xfb";
/// What says, at the end of its first sector, that a disk can be booted.
const BOOTS: [u8; 2] = [0x55, 0xaa];
const SECTOR: usize = 512;

impl Disk {
    /// None for what is no disk: a folder, or an archive.
    fn find(source: &Path, data: &Path) -> Result<Option<Disk>, String> {
        if source.is_dir() {
            return Ok(None);
        }
        let say = |why: io::Error| format!("{}: {why}", source.display());
        let first = |path: &Path| -> io::Result<Vec<u8>> {
            let mut first = Vec::new();
            File::open(path)?.take(SECTOR as u64).read_to_end(&mut first)?;
            Ok(first)
        };
        let begins = first(source).map_err(say)?;
        let boots =
            |first: &[u8]| first.len() == SECTOR && first.ends_with(&BOOTS) && &first[257..262] != b"ustar";
        if !begins.starts_with(QCOW2) {
            return Ok(boots(&begins).then(|| Disk { raw: source.to_owned(), made: false }));
        }
        let disk = Disk { raw: data.join(format!("import-{}.raw", std::process::id())), made: true };
        let mut convert = Command::new("qemu-img");
        convert.args(["convert", "-f", "qcow2", "-O", "raw"]).arg(source).arg(&disk.raw);
        let done = convert.output();
        let done =
            done.map_err(|why| format!("qemu-img cannot be run: {why} (Debian's package is qemu-utils)"))?;
        if !done.status.success() {
            return Err(format!("{}: {}", source.display(), String::from_utf8_lossy(&done.stderr).trim()));
        }
        match boots(&first(&disk.raw).map_err(say)?) {
            true => Ok(Some(disk)),
            false => Err(format!("{}: its first sector cannot be booted", source.display())),
        }
    }
}

impl Source for Disk {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        io::copy(&mut File::open(&self.raw)?, out).map(drop)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(std::fs::metadata(&self.raw)?.len())
    }
}

impl Source for Bundle {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.squash(out)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.made {
            // What cannot be removed is left; the import is what it was.
            let _ = std::fs::remove_file(&self.raw);
        }
    }
}
