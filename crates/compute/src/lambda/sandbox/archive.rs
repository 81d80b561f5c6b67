//! The sandbox of a function that is of an archive: this machine's programs, the runtime's own files, the code, and layers.

use super::hex;
use super::variables::RUNTIME_ENV;
use crate::lambda::code;
use crate::lambda::errors::LambdaError;
use crate::lambda::layer::lay_over;
use crate::lambda::libraries;
use crate::lambda::model::{UsedLayer, Version};
use crate::lambda::workshop::Ground;
use crate::lambda::{dotnet, java};
use blob::ContentId;
use host::Sandbox;
use host::image::Bind;
use host::sandbox::Template;
use kernel::Cloud;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const PYTHON: &str = include_str!("bootstrap.py");
/// What interpreters run that functions begin as copies of.
const TEMPLATE: &str = include_str!("template.py");
const NODE: &str = include_str!("bootstrap.mjs");
const RUBY: &str = include_str!("bootstrap.rb");
/// What finds the command of a function in .NET.
const DOTNET: &str = include_str!("dotnet.sh");
/// By the second name extensions are found.
pub(crate) const HOSTS: &str = "127.0.0.1 localhost\n127.0.0.1 sandbox.localdomain sandbox\n::1 localhost\n";
/// Whom programs trust, beside the runtime's own files.
pub(super) const TRUSTED: &str = "ca-cert.pem";

/// The variable that names the program which begins the runtime, given the runtime's command.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html>
const WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// Says what is wrong with a wrapper where its function's log has it, and ends as shells do.
const WRAPS: &str = r#"[ -f "$0" ] || { echo "$0: does not exist"; exit 127; }
[ -x "$0" ] || { echo "$0: is not an executable"; exit 126; }
exec "$0" "$@""#;

/// What a runtime runs, in the wrapper that its function's variables name. A function's own program has none.
pub(super) fn program(version: &Version, env: &[(OsString, OsString)]) -> Vec<OsString> {
    let words = words(version);
    let wrapper = env.iter().find(|(name, value)| name == WRAPPER && !value.is_empty());
    match wrapper.filter(|_| !version.runtime.starts_with("provided")) {
        Some((_, wrapper)) => {
            let shell = ["/bin/sh", "-c", WRAPS].map(OsString::from).into_iter().chain([wrapper.clone()]);
            match version.runtime.starts_with("dotnet") {
                true => words.into_iter().chain(shell).collect(),
                false => shell.chain(words).collect(),
            }
        }
        None => words,
    }
}

fn words(version: &Version) -> Vec<OsString> {
    let program = crate::lambda::runtimes::here().iter().find(|runtime| runtime.name == version.runtime);
    let program = program.map(|runtime| runtime.program.clone()).unwrap_or_default();
    let words = match version.runtime.as_str() {
        name if name.starts_with("python") => vec![program, ALONE.into(), "/var/runtime/bootstrap.py".into()],
        name if name.starts_with("java") => java::words(program, version),
        name if name.starts_with("node") => vec![program, "/var/runtime/bootstrap.mjs".into()],
        name if name.starts_with("dotnet") => return dotnet::words(),
        name if name.starts_with("ruby") => vec![program, "/var/runtime/bootstrap.rb".into()],
        _ => vec![format!("/{}", OWN[0])],
    };
    words.into_iter().map(OsString::from).collect()
}

/// Python without what this machine has installed for itself, which functions find in no other cloud.
const ALONE: &str = "-S";

/// What interpreters and loaders look for when they start, and never again.
const EARLY: [&str; 6] = ["PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_"];
/// Room for what the kernel shows of a function's environment.
const ROOM: usize = 24 << 10;

/// What a function may begin as a copy of: an interpreter that has begun, where nothing that the function says would have
/// made it begin otherwise.
fn template(version: &Version, sandbox: &Sandbox, shared: Vec<Bind>) -> Option<Template> {
    let program = version.runtime.starts_with("python").then(|| words(version))?;
    if sandbox.program != program {
        return None;
    }
    let early =
        |name: &OsString| EARLY.iter().any(|early| name.as_encoded_bytes().starts_with(early.as_bytes()));
    let mut env: Vec<_> = sandbox.env.iter().filter(|(name, _)| early(name)).cloned().collect();
    let usual = RUNTIME_ENV.map(|(name, value)| (name.into(), value.into()));
    if !env.iter().all(|pair| usual.contains(pair)) {
        return None;
    }
    env.push(("ROOM".into(), "x".repeat(ROOM).into()));
    Some(Template {
        program: [program[0].clone(), ALONE.into(), "/var/runtime/template.py".into()].into(),
        env,
        root: sandbox.root.clone(),
        binds: shared,
        folders: ["var/task/lib", "opt/lib"].map(PathBuf::from).into(),
    })
}

/// Where runtimes that functions bring along may lie, the first first.
const OWN: [&str; 2] = ["var/task/bootstrap", "opt/bootstrap"];

/// The program of such a runtime, as the sandbox finds it.
///
/// # Errors
/// `Runtime.InvalidEntrypoint`
pub(super) fn own(sandbox: &Sandbox) -> Result<OsString, LambdaError> {
    let mode = |path: &&str| {
        let path = Path::new(path);
        let bind = sandbox.binds.iter().rfind(|bind| path.parent() == Some(bind.to.as_path()))?;
        let known = fs::metadata(bind.from.join(path.file_name()?)).ok().filter(fs::Metadata::is_file)?;
        Some(known.permissions().mode())
    };
    match OWN.iter().find_map(|path| Some((path, mode(path)?))) {
        Some((path, mode)) if mode & 0o111 != 0 => Ok(format!("/{path}").into()),
        Some((path, _)) => Err(LambdaError::Entrypoint(format!("fork/exec /{path}: permission denied"))),
        None => {
            let all = OWN.map(|path| format!("/{path}")).join(" ");
            Err(LambdaError::Entrypoint(format!("Couldn't find valid bootstrap(s): [{all}]")))
        }
    }
}

/// Between the contents that a folder of layers is called after.
pub(crate) const LAID: &str = "+";
/// The file that tells functions in a VPC who knows names.
pub(super) const RESOLVER: &str = "resolv.conf";

/// Where the code of a version is unpacked.
pub(crate) fn code_folder(folder: &Path) -> PathBuf {
    folder.join("code")
}

/// What functions share: this machine as they see it, and the runtimes' own files.
pub(super) fn ready(folder: &Path) -> io::Result<Vec<Bind>> {
    static MADE: Mutex<Vec<(PathBuf, Vec<Bind>)>> = Mutex::new(Vec::new());
    let (image, runtime) = (folder.join("image"), folder.join("runtime"));
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = made.iter().find(|(at, _)| *at == image && image.exists()).map(|(_, binds)| binds.clone());
    Ok(match known {
        Some(binds) => binds,
        None => {
            fs::create_dir_all(&image)?;
            let binds = host::image::of_this_machine(&image)?;
            // Where archives of a client and AWS's libraries are put over it.
            for name in ["lib"].iter().chain(&libraries::FOLDERS) {
                fs::create_dir_all(runtime.join(name))?;
                fs::set_permissions(runtime.join(name), fs::Permissions::from_mode(0o755))?;
            }
            fs::set_permissions(&image, fs::Permissions::from_mode(0o755))?;
            fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755))?;
            // Of another run, whose authority may be another.
            match fs::remove_file(runtime.join(TRUSTED)) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                _ => {}
            }
            for inner in ["var/task", "var/runtime", "var/lang", "var/lang/bin", "opt"] {
                fs::create_dir_all(image.join(inner))?;
                fs::set_permissions(image.join(inner), fs::Permissions::from_mode(0o755))?;
            }
            // Node looks for what modules import in the folders above them only.
            match std::os::unix::fs::symlink("runtime/node_modules", image.join("var/node_modules")) {
                Err(why) if why.kind() != io::ErrorKind::AlreadyExists => return Err(why),
                _ => {}
            }
            let own = [
                ("bootstrap.py", PYTHON),
                ("template.py", TEMPLATE),
                ("bootstrap.mjs", NODE),
                ("bootstrap.rb", RUBY),
                ("dotnet.sh", DOTNET),
            ];
            for (name, text) in own {
                fs::write(runtime.join(name), text)?;
                fs::set_permissions(runtime.join(name), fs::Permissions::from_mode(0o644))?;
            }
            let passwd =
                "root:x:0:0:root:/:/usr/sbin/nologin\nsbx_user1051:x:993:993::/tmp:/usr/sbin/nologin\n";
            fs::write(image.join("etc/passwd"), passwd)?;
            fs::write(image.join("etc/hosts"), HOSTS)?;
            fs::write(image.join("etc/resolv.conf"), "")?;
            fs::write(folder.join(RESOLVER), host::image::RESOLVER)?;
            fs::set_permissions(folder.join(RESOLVER), fs::Permissions::from_mode(0o644))?;
            made.push((image, binds.clone()));
            binds
        }
    })
}

/// The root, the runtime's own files and the code.
/// Gives the names of the external extensions that the layers have.
pub(super) fn furnish(
    cloud: &Cloud,
    ground: &Ground,
    folder: &Path,
    version: &Version,
    sandbox: &mut Sandbox,
) -> io::Result<Vec<String>> {
    let (image, runtime) = (folder.join("image"), folder.join("runtime"));
    let binds = ready(folder)?;
    trust(ground, &runtime)?;
    let code = match &version.folder {
        Some(folder) => {
            sandbox.live = Some(folder.into());
            PathBuf::from(folder)
        }
        None => unpacked(cloud, folder, version.code, version.code_size)?,
    };
    let mut shared = binds.clone();
    sandbox.root = image;
    sandbox.binds = binds;
    if version.network.is_some() {
        let (from, to) = (folder.join(RESOLVER), "etc/resolv.conf".into());
        sandbox.binds.push(Bind { from, to, read_only: true });
    }
    let runtime = Bind { from: runtime, to: "var/runtime".into(), read_only: true };
    sandbox.binds.push(runtime.clone());
    shared.push(runtime);
    sandbox.template = template(version, sandbox, shared);
    sandbox.binds.extend(libraries::bind(&version.runtime));
    if version.runtime.starts_with("java") {
        java::furnish(sandbox)?;
    }
    if version.runtime.starts_with("dotnet") {
        dotnet::furnish(sandbox, folder, &version.runtime)?;
    }
    sandbox.binds.push(Bind { from: code, to: "var/task".into(), read_only: true });
    if version.layers.is_empty() {
        return Ok(Vec::new());
    }
    let layers = laid(cloud, folder, &version.layers)?;
    let external = programs(&layers.join("extensions"))?;
    sandbox.binds.push(Bind { from: layers, to: "opt".into(), read_only: true });
    Ok(external)
}

/// Whom functions trust by TLS, once it is needed.
pub(super) fn trust(ground: &Ground, runtime: &Path) -> io::Result<()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = runtime.join(TRUSTED);
    if file.exists() {
        return Ok(());
    }
    let draft = file.with_extension("draft");
    fs::write(&draft, (ground.authority.0)().map_err(io::Error::other)?)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o644))?;
    fs::rename(draft, file)
}

/// The programs in a folder, by name.
pub(super) fn programs(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        let kind = fs::metadata(entry.path());
        let runs = kind.is_ok_and(|kind| kind.is_file() && kind.permissions().mode() & 0o111 != 0);
        // As the shell that starts them: what begins with a dot is hidden.
        found.extend(entry.file_name().into_string().ok().filter(|name| runs && !name.starts_with('.')));
    }
    Ok(found)
}

/// The folder of a code.
fn unpacked(cloud: &Cloud, folder: &Path, content: ContentId, size: u64) -> io::Result<PathBuf> {
    let target = code_folder(folder).join(content.to_string());
    made(cloud, folder, target, |draft| unpack(cloud, content, size, draft))
}

fn unpack(cloud: &Cloud, content: ContentId, size: u64, folder: &Path) -> io::Result<()> {
    let zip = code::read(cloud, content, size)?;
    code::unpack(&zip, folder).map_err(|why| io::Error::other(wire::Fault::from(why).message))
}

/// The folder of layers, laid over each other in their order. It is called after their contents.
fn laid(cloud: &Cloud, folder: &Path, layers: &[UsedLayer]) -> io::Result<PathBuf> {
    let names: Vec<String> = layers.iter().map(|layer| layer.content.to_string()).collect();
    let target = code_folder(folder).join(names.join(LAID));
    made(cloud, folder, target, |draft| {
        let upper = draft.with_extension("layer");
        for layer in layers {
            fs::create_dir(&upper)?;
            let done =
                unpack(cloud, layer.content, layer.size, &upper).and_then(|()| lay_over(draft, &upper));
            host::image::remove(&upper)?;
            done?;
        }
        Ok(())
    })
}

/// A folder, made beside and renamed, so that none is ever half there.
fn made(
    cloud: &Cloud,
    folder: &Path,
    target: PathBuf,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    if target.exists() {
        return Ok(target);
    }
    let draft = folder.join(format!("draft-{}", hex(&cloud.rng().bytes::<8>())));
    fs::create_dir_all(&draft)?;
    fs::create_dir_all(code_folder(folder))?;
    let done = fill(&draft).and_then(|()| readable(&draft)).and_then(|()| fs::rename(&draft, &target));
    match done {
        Ok(()) => Ok(target),
        Err(why) => {
            let _ = host::image::remove(&draft);
            // Somebody else was faster.
            if target.exists() { Ok(target) } else { Err(why) }
        }
    }
}

/// Folders of the code are open to the function, whatever this process makes folders with.
fn readable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            readable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::program;
    use crate::lambda::model::Version;

    #[test]
    fn a_wrapper_is_given_the_runtimes_command() {
        let env = |wrapper: &str| vec![("AWS_LAMBDA_EXEC_WRAPPER".into(), wrapper.into())];
        let of = |runtime: &str| Version { runtime: runtime.into(), ..Version::default() };
        for runtime in ["python3.12", "nodejs22.x"] {
            let version = of(runtime);
            let (bare, wrapped) = (program(&version, &[]), program(&version, &env("/opt/w")));
            assert_eq!((&wrapped[3], &wrapped[4..]), (&"/opt/w".into(), &bare[..]));
            assert_eq!(program(&version, &env("")), bare);
        }
        let own = of("provided.al2023");
        assert_eq!(program(&own, &env("/opt/w")), program(&own, &[]));
    }
}
