//! Machines of images that bring a root of their own, not one over the cloud's image: container images that were imported.
//!
//! Nothing of the cloud's image is seen in them. What lets people in is this machine's all the same: its programs are bound
//! in under a folder of the cloud's, read-only, and run by this machine's loader with this machine's libraries, whichever
//! the image has. The SSH server is started for each connection, because it could not start itself anew in this way.

use super::image::is_marked;
use super::image::pack::OPAQUE;
use host::image::{Bind, HOSTS, RESOLVER, USER};
use host::seal::Key;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where this machine's programs, and Virga itself, are bound in.
const PROGRAMS: &str = "var/lib/virga/usr";
const ITSELF: &str = "var/lib/virga/virga";
/// What the first process reads before it calls them.
const TOOLS: &str = "var/lib/virga/tools";
/// Programs are started by it; the same name in all of them of a kind.
const LOADER: &str =
    if cfg!(target_arch = "aarch64") { "/lib/ld-linux-aarch64.so.1" } else { "/lib64/ld-linux-x86-64.so.2" };

/// Whether a layer hides the cloud's own image.
pub(super) fn is(layer: &Path) -> bool {
    is_marked(|value| rustix::fs::getxattr(layer, OPAQUE, value))
}

/// Makes the layer below a whole root: places for what is mounted. Gives what of this machine is seen in one.
///
/// # Errors
/// What the disk says; where Virga's own program is gone.
pub(super) fn places(folder: &Path) -> io::Result<Vec<Bind>> {
    for (name, mode) in
        [("dev", 0o755), ("proc", 0o755), ("run", 0o755), ("sys", 0o755), ("tmp", 0o1777), (PROGRAMS, 0o755)]
    {
        let path = folder.join(name);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    fs::write(folder.join(ITSELF), "")?;
    let bind = |from: PathBuf, to: &str| Bind { from, to: to.into(), read_only: true };
    Ok(vec![bind("/usr".into(), PROGRAMS), bind(std::env::current_exe()?, ITSELF)])
}

/// Files that differ from those of a machine of the cloud's image: who may log in, who answers for names, and how this
/// machine's programs are called.
///
/// # Errors
/// What the disk says; [`io::ErrorKind::Unsupported`] where this machine's loader is not found.
pub(super) fn files(layer: &Path, key: Option<&Key>) -> io::Result<Vec<(&'static str, String)>> {
    let loader = fs::canonicalize(LOADER)?;
    let loader = loader.strip_prefix("/usr").map_err(|_| {
        io::Error::new(io::ErrorKind::Unsupported, format!("{} is not in /usr here", loader.display()))
    })?;
    let there = Path::new("/").join(PROGRAMS);
    let libraries = loader.parent().unwrap_or(Path::new(""));
    let start = format!(
        "{} --library-path {}:{}",
        there.join(loader).display(),
        there.join(libraries).display(),
        there.join("lib").display()
    );
    let tools = format!(
        "usr={}\ntool() {{ {start} \"$@\"; }}\nlisten() {{ port=$1; shift; tool /{ITSELF} host listen \"$port\" {start} \"$@\"; }}\n",
        there.display()
    );
    Ok(vec![
        (TOOLS, tools),
        ("etc/passwd", users(&read(layer, "etc/passwd", key)?, layer)),
        ("etc/hosts", HOSTS.into()),
        ("etc/resolv.conf", RESOLVER.into()),
    ])
}

/// A text file of the layer; empty where there is none. It is not followed out of the layer.
fn read(layer: &Path, name: &str, key: Option<&Key>) -> io::Result<String> {
    let path = layer.join(name);
    match fs::symlink_metadata(&path) {
        Ok(known) if known.is_file() => {
            let mut bytes = Vec::new();
            host::seal::reader(key, fs::File::open(path)?)?.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Ok(_) => Ok(String::new()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(why) => Err(why),
    }
}

/// The image's users, with the one that AWS's images have; it is root under another name, as in the cloud's own image.
fn users(own: &str, layer: &Path) -> String {
    let bash = ["bin/bash", "usr/bin/bash"].iter().any(|name| fs::symlink_metadata(layer.join(name)).is_ok());
    let shell = if bash { "/bin/bash" } else { "/bin/sh" };
    let mut all = own.to_owned();
    if !all.is_empty() && !all.ends_with('\n') {
        all.push('\n');
    }
    let has = |all: &str, user: &str| all.lines().any(|line| line.split(':').next() == Some(user));
    if !has(&all, "root") {
        all = format!("root:x:0:0:root:/root:{shell}\n{all}");
    }
    if !has(&all, USER) {
        all += &format!("{USER}:x:0:0:{USER}:{}:{shell}\n", ["/home", USER].join("/"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::users;
    use std::path::Path;

    #[test]
    fn an_image_keeps_its_users() {
        let nowhere = Path::new("/nowhere");
        let added = users("", nowhere);
        let (root, other) = added.split_once('\n').unwrap();
        assert_eq!(root, "root:x:0:0:root:/root:/bin/sh");
        assert!(other.starts_with("ec2-user:x:0:0:") && other.ends_with(":/bin/sh\n"), "{other}");
        let own = "root:x:0:0::/root:/bin/ash\nec2-user:x:1000:1000::/:/bin/ash";
        assert_eq!(users(own, nowhere), format!("{own}\n"));
    }
}
