//! Functions in Java: this machine's Java, and AWS's own runtime interface client, which the machine has to be given.
//!
//! The client is a few archives that Maven has (`com.amazonaws:aws-lambda-java-runtime-interface-client` and what it
//! needs). They are looked for in one folder; without them this machine has no Java for functions, and says so.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-java.html>

use super::model::Version;
use super::runtimes::Runtime;
use host::Sandbox;
use host::image::Bind;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PROGRAM: &str = "/usr/bin/java";
const CLIENT: &str = "aws-lambda-java-runtime-interface-client";
const FOLDER: &str = "/usr/local/lib/virga/java";
const NAMED: &str = "VIRGA_JAVA_CLIENT";
const MAIN: &str = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda";
/// Where sandboxes see the client's archives.
pub(super) const SEEN: &str = "var/runtime/lib";

/// The folder of the client's archives.
fn folder() -> PathBuf {
    std::env::var_os(NAMED).map_or_else(|| FOLDER.into(), PathBuf::from)
}

fn has_client(folder: &Path) -> bool {
    let name = |entry: io::Result<fs::DirEntry>| Some(entry.ok()?.file_name().to_string_lossy().into_owned());
    let is_client = |name: String| name.starts_with(CLIENT) && name.ends_with(".jar");
    fs::read_dir(folder).into_iter().flatten().filter_map(name).any(is_client)
}

/// Its program by its real name, and `java17`.
fn machine() -> Option<(PathBuf, String)> {
    let program = fs::canonicalize(PROGRAM).ok()?;
    let release = fs::read_to_string(program.parent()?.parent()?.join("release")).ok()?;
    Some((program, format!("java{}", major(&release)?)))
}

/// The version that a Java's file `release` tells.
fn major(release: &str) -> Option<&str> {
    let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""))?;
    let end = version.find(|c: char| !c.is_ascii_digit())?;
    Some(&version[..end])
}

/// The runtime that this machine has.
pub(super) fn here() -> Option<Runtime> {
    let (program, name) = machine()?;
    has_client(&folder()).then(|| Runtime { name, program: program.to_string_lossy().into_owned() })
}

/// What is missing for functions in Java, where only the client is.
pub(super) fn missing() -> Option<String> {
    let (_, name) = machine()?;
    let folder = folder();
    (!has_client(&folder)).then(|| {
        format!(
            "{name} needs AWS's runtime interface client (com.amazonaws:{CLIENT} and what it needs, by Maven) in {}, or where {NAMED} says",
            folder.display()
        )
    })
}

/// What is run. AWS gives the heap most of the memory.
pub(super) fn words(program: String, version: &Version) -> Vec<String> {
    let heap = u64::from(version.memory) * 1024 * 85 / 100;
    let mut words = vec![program, format!("-XX:MaxHeapSize={heap}k")];
    let fixed = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData", "-cp"];
    words.extend(fixed.map(str::to_owned));
    words.extend([format!("/{SEEN}/*"), MAIN.to_owned(), version.handler.clone()]);
    words
}

/// Puts the client into a sandbox, and what Java keeps elsewhere of itself.
///
/// # Errors
/// What the disk says.
pub(super) fn furnish(sandbox: &mut Sandbox) -> io::Result<()> {
    sandbox.binds.push(Bind { from: folder(), to: SEEN.into(), read_only: true });
    let Some((program, _)) = machine() else { return Ok(()) };
    let home = program.parent().and_then(Path::parent).unwrap_or(&program);
    // Debian has its settings below /etc.
    let Ok(settings) = fs::canonicalize(home.join("conf/security/java.security")) else { return Ok(()) };
    let Some(folder) = settings.parent().and_then(Path::parent).filter(|folder| folder.starts_with("/etc"))
    else {
        return Ok(());
    };
    let to = folder.strip_prefix("/").unwrap_or(folder).to_owned();
    fs::create_dir_all(sandbox.root.join(&to))?;
    sandbox.binds.push(Bind { from: folder.to_owned(), to, read_only: true });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{major, words};
    use crate::lambda::model::Version;

    #[test]
    fn a_java_tells_which_it_is() {
        assert_eq!(major("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n"), Some("17"));
        assert_eq!(major("JAVA_VERSION=\"21\"\n"), Some("21"));
        assert_eq!(major("VERSION=\"21\""), None);
    }

    #[test]
    fn the_heap_is_a_part_of_the_memory() {
        let version = Version { memory: 512, handler: "a.B::c".into(), ..Version::default() };
        let words = words("java".into(), &version);
        assert_eq!(
            (words[1].as_str(), words.last().unwrap().as_str()),
            ("-XX:MaxHeapSize=445644k", "a.B::c")
        );
    }
}
