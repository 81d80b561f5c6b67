//! A container image as it lies in a file or a folder: what `docker save`, `podman save` and `skopeo copy` make.
//!
//! Not here: layers compressed by Zstandard.
//!
//! Specifications: <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>; docker's image archives,
//! `manifest.json`.

use crate::ec2::image::architecture;
use crate::ecr::manifest::{Entry, Manifest, written};
use crate::tar::{Kind, Reader, bad};
use aws_lc_rs::digest::{Context, SHA256};
use flate2::bufread::MultiGzDecoder;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use wire::Value;

/// More than any image says of itself.
const TEXT_MAX: u64 = 4 << 20;
/// Lists in lists.
const DEPTH_MAX: usize = 4;
/// Files of an archive.
const FILES_MAX: usize = 100_000;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Where the parts of an image are.
#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    /// An archive, and where in it the content of each file is, and how long.
    Archive(PathBuf, BTreeMap<PathBuf, (u64, u64)>),
}

/// A container image.
#[derive(Debug)]
pub struct Bundle {
    place: Place,
    /// The lowest first.
    layers: Vec<PathBuf>,
}

/// Counts what is read, so that one knows where one is.
struct Counted<'a, R>(R, &'a Cell<u64>);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(into)?;
        self.1.set(self.1.get() + count as u64);
        Ok(count)
    }
}

fn index(archive: &Path) -> io::Result<BTreeMap<PathBuf, (u64, u64)>> {
    let at = Cell::new(0);
    let mut reader = Reader::new(Counted(BufReader::new(File::open(archive)?), &at));
    let mut all = BTreeMap::new();
    let mut links = Vec::new();
    while let Some(entry) = reader.next()? {
        let path: PathBuf = entry.path.components().filter(|part| part.as_os_str() != ".").collect();
        match entry.kind {
            Kind::File => drop(all.insert(path, (at.get(), entry.size))),
            // Docker once wrote a layer that was there already as a link to it.
            Kind::Symbolic => links.push((path, entry.link)),
            Kind::Hard | Kind::Folder | Kind::Special => {}
        }
        if all.len() + links.len() > FILES_MAX {
            return Err(bad("it has too many files"));
        }
    }
    for (path, link) in links {
        let to: PathBuf = link.components().filter(|part| part.as_os_str() != "..").collect();
        if let Some(found) = all.get(&to).copied() {
            all.insert(path, found);
        }
    }
    Ok(all)
}

impl Place {
    fn has(&self, name: &Path) -> bool {
        match self {
            Place::Folder(folder) => folder.join(name).is_file(),
            Place::Archive(_, files) => files.contains_key(name),
        }
    }

    fn open(&self, name: &Path) -> io::Result<Box<dyn Read>> {
        let missing = || bad(&format!("it has no {}", name.display()));
        match self {
            Place::Folder(_) if !name.components().all(|part| matches!(part, Component::Normal(_))) => {
                Err(bad("a name leads out of the image"))
            }
            Place::Folder(folder) => match File::open(folder.join(name)) {
                Ok(file) => Ok(Box::new(file)),
                Err(why) if why.kind() == io::ErrorKind::NotFound => Err(missing()),
                Err(why) => Err(why),
            },
            Place::Archive(archive, files) => {
                let (at, length) = files.get(name).ok_or_else(missing)?;
                let mut file = File::open(archive)?;
                file.seek(SeekFrom::Start(*at))?;
                Ok(Box::new(file.take(*length)))
            }
        }
    }

    fn text(&self, name: &Path) -> io::Result<String> {
        let mut text = String::new();
        self.open(name)?.take(TEXT_MAX).read_to_string(&mut text)?;
        Ok(text)
    }

    fn json(&self, name: &Path) -> io::Result<Value> {
        wire::json::read(&self.text(name)?).ok_or_else(|| bad(&format!("{} is no JSON", name.display())))
    }

    /// Whether a configuration is of an image that this machine can run.
    fn fits(&self, config: &Path) -> io::Result<bool> {
        let config = self.json(config)?;
        let said = |name: &str| config.entry(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let own = if architecture() == "arm64" { "arm64" } else { "amd64" };
        Ok((said("os").as_str(), said("architecture").as_str()) == ("linux", own))
    }

    /// The layers of docker's own form.
    fn saved(&self) -> io::Result<Vec<PathBuf>> {
        let all = self.json(Path::new("manifest.json"))?;
        let [image] = all.as_list().unwrap_or_default() else {
            return Err(bad("it has several images, or none: save one of them alone"));
        };
        let config = image.entry("Config").and_then(Value::as_str).unwrap_or_default();
        if !self.fits(Path::new(config))? {
            return Err(unfit());
        }
        let layers = image.entry("Layers").and_then(Value::as_list).unwrap_or_default();
        Ok(layers.iter().filter_map(Value::as_str).map(PathBuf::from).collect())
    }

    /// The manifests of images that this machine can run, of a list and the lists in it.
    fn manifests(&self, members: &[Entry], depth: usize) -> io::Result<Vec<Manifest>> {
        if depth > DEPTH_MAX {
            return Err(bad("its lists are too deep"));
        }
        let mut found: Vec<Manifest> = Vec::new();
        for member in members {
            let at = blob(&member.digest);
            // Of an image for several systems there is often but one part.
            if !self.has(&at) {
                continue;
            }
            self.verify(member)?;
            // What is no image beside them tells of how they were made.
            let Ok(manifest) = Manifest::read(&self.text(&at)?, None) else { continue };
            let more = match manifest.layers.first() {
                None => self.manifests(&manifest.members, depth + 1)?,
                Some(config) if self.has(&blob(&config.digest)) && self.fits(&blob(&config.digest))? => {
                    vec![manifest]
                }
                Some(_) => continue,
            };
            let new = |one: &Manifest| found.iter().all(|known| known.digest != one.digest);
            let more: Vec<Manifest> = more.into_iter().filter(new).collect();
            found.extend(more);
        }
        Ok(found)
    }

    /// Whether a part is what its name says.
    fn verify(&self, part: &Entry) -> io::Result<()> {
        let mut from = self.open(&blob(&part.digest))?;
        let (mut sum, mut buffer) = (Context::new(&SHA256), vec![0; 1 << 16]);
        loop {
            match from.read(&mut buffer)? {
                0 => break,
                count => sum.update(&buffer[..count]),
            }
        }
        if written(&sum.finish()) == part.digest {
            return Ok(());
        }
        Err(bad(&format!("{} is not what its name says", part.digest)))
    }

    fn layout(&self) -> io::Result<Vec<PathBuf>> {
        let list = Manifest::read(&self.text(Path::new("index.json"))?, None);
        let list = list.map_err(|_| bad("index.json is no list of images"))?;
        let all = self.manifests(&list.members, 0)?;
        let [image] = all.as_slice() else {
            return Err(if all.is_empty() {
                unfit()
            } else {
                bad("it has several images: save one of them alone")
            });
        };
        for part in &image.layers {
            self.verify(part)?;
        }
        Ok(image.layers.iter().skip(1).map(|layer| blob(&layer.digest)).collect())
    }
}

fn unfit() -> io::Error {
    bad(&format!("it has no image for Linux on {}", architecture()))
}

fn blob(digest: &str) -> PathBuf {
    Path::new("blobs").join(digest.replace(':', "/"))
}

impl Bundle {
    /// Finds the image that a file or folder holds, for this machine's processors.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for what is no such image; what the disk says.
    pub fn find(at: &Path) -> io::Result<Bundle> {
        let place = match at.is_dir() {
            true => Place::Folder(at.to_owned()),
            false => Place::Archive(at.to_owned(), index(at)?),
        };
        let layers = if place.has(Path::new("index.json")) {
            place.layout()?
        } else if place.has(Path::new("manifest.json")) {
            place.saved()?
        } else {
            return Err(bad("it is no container image: it has neither index.json nor manifest.json"));
        };
        Ok(Bundle { place, layers })
    }

    pub(super) fn layers(&self) -> usize {
        self.layers.len()
    }

    /// A layer's archive, unpacked.
    pub(super) fn open(&self, at: usize) -> io::Result<Box<dyn Read>> {
        let mut layer = BufReader::with_capacity(1 << 16, self.place.open(&self.layers[at])?);
        let first = layer.fill_buf()?;
        if first.starts_with(&ZSTANDARD) {
            return Err(bad(
                "its layers are compressed by Zstandard, which Virga does not read; gzip it does",
            ));
        }
        match first.starts_with(&GZIP) {
            true => Ok(Box::new(BufReader::new(MultiGzDecoder::new(layer)))),
            false => Ok(Box::new(layer)),
        }
    }
}
