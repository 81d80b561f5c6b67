//! Functions in .NET: this machine's runtimes, each in the newest version that it has, and no other of them.
//!
//! An executable assembly brings its own client of the Runtime API. A method of a class library is called by a small program
//! of ours (`sandbox/bootstrap.cs`), which this machine's SDK compiles when a function first needs it: without an SDK there is
//! no .NET for functions, and `virga doctor` says so.
//!
//! Not here: responses that are said piece by piece, where a class library's method would say them.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-csharp.html>

use super::runtimes::Runtime;
use host::Sandbox;
use host::image::{self, Bind};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

const SOURCE: &str = include_str!("sandbox/bootstrap.cs");
/// Where .NET says that it may be, and where it is installed.
const NAMED: &str = "DOTNET_ROOT";
const USUAL: [&str; 4] =
    ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet"];
/// The frameworks that AWS's runtimes have, the one that all stand on first.
const FRAMEWORKS: [&str; 2] = ["Microsoft.NETCore.App", "Microsoft.AspNetCore.App"];
/// Where sandboxes have .NET, as AWS's have.
const SEEN: &str = "var/lang/bin";
const PROGRAM: &str = "bootstrap.dll";
/// By which the host's libraries for languages are known.
const LANGUAGES: &str = "libicuuc.so.";
const LIBRARIES: [&str; 5] =
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

/// A version by its numbers.
type Number = Vec<u32>;

/// A runtime of this machine.
#[derive(Debug, PartialEq, Eq)]
struct Home {
    /// The folder that `dotnet` is in.
    root: PathBuf,
    /// `8.0.11`
    version: String,
}

/// The numbers of a version that was released.
fn number(version: &str) -> Option<Number> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// The newest version in a folder that has one folder for each.
fn newest(folder: &Path, wanted: impl Fn(&Number) -> bool) -> Option<String> {
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbered = names.filter_map(|name| Some((number(&name)?, name)));
    Some(numbered.filter(|(number, _)| wanted(number)).max()?.1)
}

/// The folders of this machine that have a .NET.
fn places() -> Vec<PathBuf> {
    let named = std::env::var_os(NAMED).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs =
        std::env::split_paths(&path).filter_map(|folder| fs::canonicalize(folder.join("dotnet")).ok());
    let found = programs.filter_map(|program| Some(program.parent()?.to_owned())).collect::<Vec<_>>();
    let all = named.into_iter().chain(found).chain(USUAL.map(PathBuf::from));
    all.filter(|root| root.join("dotnet").is_file()).collect()
}

/// What a runtime is of, in `dotnet8`.
fn major(name: &str) -> Option<u32> {
    name.strip_prefix("dotnet")?.parse().ok()
}

fn home(places: &[PathBuf], name: &str) -> Option<Home> {
    let major = major(name)?;
    let of = |root: &PathBuf| {
        let version =
            newest(&root.join("shared").join(FRAMEWORKS[0]), |number| number.first() == Some(&major))?;
        Some(Home { root: root.clone(), version })
    };
    places.iter().find_map(of)
}

/// The program that an SDK runs, and its compiler.
fn compiler(places: &[PathBuf]) -> Option<(PathBuf, PathBuf)> {
    let of = |root: &PathBuf| {
        let sdks = root.join("sdk");
        let compiler = sdks.join(newest(&sdks, |_| true)?).join("Roslyn/bincore/csc.dll");
        compiler.is_file().then(|| (root.join("dotnet"), compiler))
    };
    places.iter().find_map(of)
}

/// Those of the names that this machine has.
pub(super) fn here(names: &[&str]) -> Vec<Runtime> {
    let places = places();
    if compiler(&places).is_none() {
        return Vec::new();
    }
    let runtime = |name: &&str| {
        let program = home(&places, name)?.root.join("dotnet").to_string_lossy().into_owned();
        Some(Runtime { name: (*name).to_owned(), program })
    };
    names.iter().filter_map(runtime).collect()
}

/// What is missing for functions in .NET, where there is one.
pub(super) fn missing(known: &[&str]) -> Option<String> {
    lacks(&places(), known)
}

fn lacks(places: &[PathBuf], known: &[&str]) -> Option<String> {
    let names: Vec<&str> = known.iter().copied().filter(|name| home(places, name).is_some()).collect();
    let versions =
        places.iter().filter_map(|root| newest(&root.join("shared").join(FRAMEWORKS[0]), |_| true));
    match (names.is_empty(), compiler(places)) {
        (true, _) => {
            let version = versions.max_by_key(|version| number(version))?;
            Some(format!("this machine's .NET is {version}, none of Lambda's ({})", known.join(", ")))
        }
        (false, None) => {
            let names = names.join(" and ");
            Some(format!("{names} needs an SDK of .NET, which compiles the runtime's own program"))
        }
        (false, Some(_)) => None,
    }
}

/// What .NET is told where it begins.
pub(super) fn variables(memory: u32) -> Vec<(String, String)> {
    let say = |name: &str, value: String| (name.to_owned(), value);
    let mut all = vec![
        say(NAMED, format!("/{SEEN}")),
        say("DOTNET_CLI_TELEMETRY_OPTOUT", "true".into()),
        say("DOTNET_NOLOGO", "true".into()),
        say("DOTNET_RUNNING_IN_CONTAINER", "true".into()),
        // AWS: the whole memory of the machine that a function is on.
        say("DOTNET_GCTotalPhysicalMemory", format!("{:x}", u64::from(memory) << 20)),
        // It would need files in memory, which no limit knows and sandboxes do not have.
        say("DOTNET_EnableWriteXorExecute", "0".into()),
    ];
    if !has_languages() {
        all.push(say("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1".into()));
    }
    all
}

fn has_languages() -> bool {
    let entries = LIBRARIES.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with(LANGUAGES))
}

/// The shell's words that a runtime begins by. What is put behind them is given the function's own command.
pub(super) fn words() -> Vec<OsString> {
    ["/bin/sh", "/var/runtime/dotnet.sh"].map(OsString::from).into()
}

/// Puts a runtime into a sandbox, and the runtime's own program. The first time that is compiled.
///
/// # Errors
/// What the disk or the compiler says.
pub(super) fn furnish(sandbox: &mut Sandbox, folder: &Path, name: &str) -> io::Result<()> {
    let places = places();
    let gone = || io::Error::new(io::ErrorKind::NotFound, format!("this machine has no {name} any more"));
    let home = home(&places, name).ok_or_else(gone)?;
    let made = ready(&folder.join("dotnet").join(name), &places, &home)?;
    let mut bind = |from: PathBuf, to: PathBuf| sandbox.binds.push(Bind { from, to, read_only: true });
    bind(made.join("lang"), SEEN.into());
    for part in parts(&home) {
        bind(home.root.join(&part), Path::new(SEEN).join(&part));
    }
    bind(made.join("program"), super::java::SEEN.into());
    Ok(())
}

/// What of a home functions see: nothing of other versions.
fn parts(home: &Home) -> Vec<PathBuf> {
    let major = number(&home.version).and_then(|number| number.first().copied());
    let framework = |name: &&str| {
        let shared = Path::new("shared").join(name);
        Some(shared.join(newest(&home.root.join(&shared), |number| number.first().copied() == major)?))
    };
    [PathBuf::from("host")].into_iter().chain(FRAMEWORKS.iter().filter_map(framework)).collect()
}

fn folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// The folder of what is made for a home: places for its parts, and the program. It is made again for another version of
/// either.
fn ready(target: &Path, places: &[PathBuf], home: &Home) -> io::Result<PathBuf> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = target.join(&home.version);
    if fs::read_to_string(target.join("bootstrap.cs")).is_ok_and(|known| known == SOURCE) {
        return Ok(target);
    }
    let draft = target.with_file_name("draft");
    for old in [&draft, &target] {
        if old.exists() {
            image::remove(old)?;
        }
    }
    let (lang, program) = (draft.join("lang"), draft.join("program"));
    [&draft, &lang, &lang.join("shared"), &program].into_iter().try_for_each(|path| folder(path))?;
    for part in parts(home) {
        let path = lang.join(part);
        path.parent().map_or(Ok(()), folder)?;
        folder(&path)?;
    }
    fs::copy(home.root.join("dotnet"), lang.join("dotnet"))?;
    fs::set_permissions(lang.join("dotnet"), fs::Permissions::from_mode(0o755))?;
    fs::write(draft.join("bootstrap.cs"), SOURCE)?;
    compile(places, home, &draft.join("bootstrap.cs"), &program.join(PROGRAM))?;
    fs::set_permissions(program.join(PROGRAM), fs::Permissions::from_mode(0o644))?;
    fs::rename(&draft, &target)?;
    Ok(target)
}

/// Compiles the runtime's own program, against what it will run on.
fn compile(places: &[PathBuf], home: &Home, source: &Path, target: &Path) -> io::Result<()> {
    let (dotnet, compiler) =
        compiler(places).ok_or_else(|| io::Error::other("this machine has no SDK of .NET any more"))?;
    let option = |name: &str, path: &Path| {
        let mut word = OsString::from(name);
        word.push(path);
        word
    };
    let mut command = Command::new(dotnet);
    command.arg("exec").arg(compiler).args([
        "-nologo",
        "-nostdlib",
        "-noconfig",
        "-optimize+",
        "-target:exe",
    ]);
    for entry in fs::read_dir(home.root.join("shared").join(FRAMEWORKS[0]).join(&home.version))? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "dll") {
            command.arg(option("-reference:", &path));
        }
    }
    command.arg(option("-out:", target)).arg(source).stdin(Stdio::null());
    command.env("DOTNET_CLI_TELEMETRY_OPTOUT", "1").env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    let done = command.output()?;
    if done.status.success() {
        return Ok(());
    }
    let said =
        [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).trim().to_owned()).join(" ");
    Err(io::Error::other(format!("the runtime's own program does not compile: {said}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["dotnet8", "dotnet10"];

    /// A machine's folder of .NET with these versions and an SDK or none.
    fn made(name: &str, versions: &[&str], sdk: Option<&str>) -> PathBuf {
        let root = std::env::temp_dir().join(format!("dotnet-{name}-{}", std::process::id()));
        for version in versions {
            fs::create_dir_all(root.join("shared").join(FRAMEWORKS[0]).join(version)).unwrap();
        }
        if let Some(sdk) = sdk {
            fs::create_dir_all(root.join("sdk").join(sdk).join("Roslyn/bincore")).unwrap();
            fs::write(root.join("sdk").join(sdk).join("Roslyn/bincore/csc.dll"), "").unwrap();
        }
        root
    }

    #[test]
    fn a_runtime_is_the_newest_release_of_its_version() {
        let root = made("newest", &["3.1.2", "8.0.9", "8.0.11", "8.1.0-preview.1", "9.0.1"], Some("9.0.100"));
        let places = [root.clone()];
        assert_eq!(home(&places, "dotnet8"), Some(Home { root: root.clone(), version: "8.0.11".into() }));
        assert_eq!(home(&places, "dotnet10"), None);
        assert_eq!(lacks(&places, &KNOWN), None);
        assert_eq!(parts(&home(&places, "dotnet8").unwrap()).len(), 2, "the host and one framework");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_missing_is_said() {
        let root = made("missing", &["8.0.11"], None);
        let why = lacks(std::slice::from_ref(&root), &KNOWN).unwrap();
        assert_eq!(why, "dotnet8 needs an SDK of .NET, which compiles the runtime's own program");
        fs::remove_dir_all(root).unwrap();
        let root = made("other", &["3.1.2"], Some("3.1.102"));
        let why = lacks(std::slice::from_ref(&root), &KNOWN).unwrap();
        assert_eq!(why, "this machine's .NET is 3.1.2, none of Lambda's (dotnet8, dotnet10)");
        fs::remove_dir_all(root).unwrap();
        assert_eq!(lacks(&[], &KNOWN), None);
    }
}
