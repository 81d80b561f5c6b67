//! AWS's own libraries, which functions find without bringing them: boto3 for Python, the SDK's clients for Node.
//!
//! They are no part of this program. `scripts/deps.sh machines` puts them into a folder, which functions see read-only behind
//! their own code and layers, as they see AWS's. Without it functions have what they bring along, and `virga doctor` says
//! so.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included>

use host::image::Bind;
use std::path::{Path, PathBuf};

const NAMED: &str = "VIRGA_LIBRARIES";
const SHARED: &str = "/usr/local/lib/virga";
const OWN: &str = ".local/lib/virga";

/// The libraries of one language.
#[derive(Debug)]
struct Kind {
    /// What the runtimes' names begin with.
    runtimes: &'static str,
    /// Its folder, here and below where sandboxes have the runtime's own files.
    folder: &'static str,
    /// What must be in it.
    sign: &'static str,
    /// How it is called.
    name: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { runtimes: "python", folder: "python", sign: "boto3", name: "boto3" },
    Kind { runtimes: "nodejs", folder: "node_modules", sign: "@aws-sdk", name: "the AWS SDK for JavaScript" },
];
/// Where sandboxes have them.
pub(super) const FOLDERS: [&str; 2] = [KINDS[0].folder, KINDS[1].folder];

/// Where libraries may be: where it is said, the user's own, the machine's.
fn places() -> impl Iterator<Item = PathBuf> {
    let named = std::env::var_os(NAMED).map(PathBuf::from);
    let own = std::env::var_os("HOME").map(|home| Path::new(&home).join(OWN));
    named.into_iter().chain(own).chain([SHARED.into()])
}

impl Kind {
    fn find(&self, places: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
        let mut folders = places.map(|place| place.join(self.folder));
        folders.find(|folder| folder.join(self.sign).is_dir())
    }
}

/// What a function of a runtime sees of them.
pub(super) fn bind(runtime: &str) -> Option<Bind> {
    let kind = KINDS.iter().find(|kind| runtime.starts_with(kind.runtimes))?;
    let to = Path::new("var/runtime").join(kind.folder);
    Some(Bind { from: kind.find(places())?, to, read_only: true })
}

/// What runtimes of this machine do without, in words.
pub fn missing(runtimes: &[&str]) -> Option<String> {
    let is_wanted = |kind: &&Kind| runtimes.iter().any(|runtime| runtime.starts_with(kind.runtimes));
    let missing = KINDS.iter().filter(is_wanted).filter(|kind| kind.find(places()).is_none());
    let names: Vec<&str> = missing.map(|kind| kind.name).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(" and ");
        format!("functions must bring {names} along (`scripts/deps.sh machines` gets them, into {SHARED}, ~/{OWN} or where {NAMED} says)")
    })
}

#[cfg(test)]
mod tests {
    use super::KINDS;
    use std::fs;

    #[test]
    fn the_first_place_that_has_them() {
        let place = std::env::temp_dir().join(format!("libraries-{}", std::process::id()));
        let (first, second) = (place.join("a"), place.join("b"));
        for folder in ["a/python", "b/python/boto3", "a/node_modules/@aws-sdk"] {
            fs::create_dir_all(place.join(folder)).unwrap();
        }
        let [python, node] = &KINDS;
        let places = || [first.clone(), second.clone()].into_iter();
        assert_eq!(python.find(places()), Some(second.join("python")));
        assert_eq!(node.find(places()), Some(first.join("node_modules")));
        assert_eq!(python.find([first.clone()].into_iter()), None);
        fs::remove_dir_all(place).unwrap();
    }
}
