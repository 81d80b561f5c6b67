//! Modules of a kernel: which files they are, and which others they need first.
//!
//! A package of a kernel has no list of what needs what: that is made where it is installed. Each module says it itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The modules below a folder, by name.
#[derive(Debug, Default)]
pub(super) struct Modules {
    files: BTreeMap<String, PathBuf>,
}

impl Modules {
    /// # Errors
    /// When a folder cannot be read.
    pub(super) fn find(folder: &Path) -> io::Result<Modules> {
        let mut modules = Modules::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if let Some(name) =
                    entry.file_name().to_str().and_then(|name| name.strip_suffix(".ko"))
                {
                    modules.files.insert(plain(name), entry.path());
                }
            }
        }
        Ok(modules)
    }

    /// What is to be loaded for these modules, in order. One that is not there is a part of the kernel itself, or the
    /// kernel cannot do it; only the guest can tell.
    ///
    /// # Errors
    /// When a module cannot be read.
    pub(super) fn closure(&self, wanted: &[&str]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut out: Vec<(String, Vec<u8>)> = Vec::new();
        // The needed ones of those that stand below them come above them.
        let mut stack: Vec<(String, bool)> = wanted.iter().rev().map(|name| (plain(name), false)).collect();
        while let Some((name, is_ready)) = stack.pop() {
            let Some(file) = self.files.get(&name) else { continue };
            if out.iter().any(|(other, _)| *other == name) {
                continue;
            }
            let bytes = fs::read(file)?;
            if is_ready {
                out.push((name, bytes));
                continue;
            }
            let needs = needs(&bytes);
            stack.push((name, true));
            stack.extend(needs.into_iter().rev().map(|name| (name, false)));
        }
        Ok(out)
    }
}

/// A name as the kernel writes it.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// What a module says that it needs.
fn needs(module: &[u8]) -> Vec<String> {
    const SAYS: &[u8] = b"\0depends=";
    let Some(at) = module.windows(SAYS.len()).position(|part| part == SAYS) else { return Vec::new() };
    let rest = &module[at + SAYS.len()..];
    let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(text);
    names.split(',').filter(|name| !name.is_empty()).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first_and_once() {
        let folder = std::env::temp_dir().join(format!("virga-modules-{}", std::process::id()));
        for (name, needs) in [
            ("a/virtio.ko", "virtio_ring"),
            ("a/virtio_ring.ko", ""),
            ("b/virtio-net.ko", "virtio,virtio-ring,failover"),
            ("b/failover.ko", ""),
        ] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("ELF\0license=GPL\0depends={needs}\0name=x\0")).unwrap();
        }
        let modules = Modules::find(&folder).unwrap();
        let closure = modules.closure(&["virtio_net", "virtio", "built_in"]).unwrap();
        let names: Vec<&str> = closure.iter().map(|(name, _)| name.as_str()).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["virtio_ring", "virtio", "failover", "virtio_net"]);
        assert_eq!(needs(b"no word of it"), Vec::<String>::new());
    }
}
