//! The sandbox of a function that is a container image: the image's root, read-only, with its program in it.
//!
//! Programs and folders are looked for before anything is started, so that what is wrong with an image is said to whoever
//! calls the function, as Lambda does.

use super::archive::{RESOLVER, TRUSTED, programs, ready, trust};
use super::unable;
use crate::lambda::errors::LambdaError;
use crate::lambda::image::pins::Pin;
use crate::lambda::image::{self, unpack};
use crate::lambda::model::{Image, Version};
use crate::lambda::workshop::{Ground, Workshop};
use host::Sandbox;
use host::image::Bind;
use kernel::Cloud;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where programs are, for images that say nothing about it.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin/:/bin:/opt/bin";

/// Where the program of an image begins.
fn folder(version: &Version, image: &Image) -> String {
    let folder = version.started.folder.as_ref().unwrap_or(&image.folder);
    if folder.is_empty() { "/".to_owned() } else { folder.clone() }
}

/// The words that start the program of an image: each part as the function says, else as the image does.
pub(super) fn program(version: &Version, image: &Image) -> Vec<OsString> {
    let entry = version.started.entry.as_ref().unwrap_or(&image.entry);
    let command = version.started.command.as_ref().unwrap_or(&image.command);
    entry.iter().chain(command).map(OsString::from).collect()
}

/// Puts the image under a sandbox, and gives the names of the external extensions in it, and what keeps it there.
///
/// # Errors
/// What is wrong with the image; `ServiceException` for what the disk says.
pub(super) fn furnish(
    cloud: &Cloud,
    ground: &Ground,
    functions: &Path,
    (version, image): (&Version, &Image),
    sandbox: &mut Sandbox,
) -> Result<(Vec<String>, Pin), LambdaError> {
    let root = image::root(functions, &image.digest);
    let pin = cloud.memory::<Workshop>().pins.pin(root.clone());
    let folder = folder(version, image);
    if !root.exists() {
        return Err(unable("find the image", &"it is not unpacked"));
    }
    if !unpack::within(&root, Path::new(&folder)).is_ok_and(|at| at.is_some_and(|at| at.is_dir())) {
        return Err(LambdaError::Folder(format!("chdir {folder}: no such file or directory")));
    }
    check(&root, &folder, sandbox)?;
    sandbox.folder = folder.into();
    let failed = |why| unable("lay out the image", &why);
    let runtime = functions.join("runtime");
    ready(functions).and_then(|_| trust(ground, &runtime)).map_err(failed)?;
    let resolver = version.network.is_some().then(|| (functions.join(RESOLVER), unpack::RESOLVER));
    let own = resolver.into_iter().chain([(runtime.join(TRUSTED), unpack::TRUSTED)]);
    sandbox.binds.extend(own.map(|(from, to)| Bind { from, to: to.into(), read_only: true }));
    let external = match unpack::within(&root, Path::new("opt/extensions")).map_err(failed)? {
        Some(extensions) => programs(&extensions).map_err(failed)?,
        None => Vec::new(),
    };
    let shell = unpack::within(&root, Path::new("bin/sh")).ok().flatten();
    if !external.is_empty() && shell.and_then(|shell| is_executable(&shell)) != Some(true) {
        return Err(unable("start the image's extensions", &"it has no /bin/sh"));
    }
    sandbox.root = root;
    Ok((external, pin))
}

fn is_executable(path: &Path) -> Option<bool> {
    let known = fs::metadata(path).ok()?;
    Some(known.is_file() && known.permissions().mode() & 0o111 != 0)
}

/// Whether the program is there, where the function's `PATH` leads.
fn check(root: &Path, folder: &str, sandbox: &Sandbox) -> Result<(), LambdaError> {
    let Some(name) = sandbox.program.first() else {
        return Err(LambdaError::Entrypoint("the image has neither an entry point nor a command".into()));
    };
    let shown = name.to_string_lossy();
    let found = |at: PathBuf| unpack::within(root, &at).ok().flatten().and_then(|at| is_executable(&at));
    let refusal = if shown.contains('/') {
        match found(Path::new(folder).join(name)) {
            Some(true) => return Ok(()),
            Some(false) => format!("fork/exec {shown}: permission denied"),
            None => format!("fork/exec {shown}: no such file or directory"),
        }
    } else {
        let path = sandbox.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        let path = path.unwrap_or_default();
        if std::env::split_paths(&path).any(|at| found(Path::new(folder).join(at).join(name)) == Some(true)) {
            return Ok(());
        }
        format!("exec: \"{shown}\": executable file not found in $PATH")
    };
    Err(LambdaError::Entrypoint(refusal))
}

/// What is wrong with a program that was there and did not start.
pub(super) fn wrong(program: &[OsString], why: &host::HostError) -> Option<LambdaError> {
    let host::HostError::Refused { why, .. } = why else { return None };
    let name = program.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    let words = match why.kind() {
        // Its loader, or the shell for what is no program.
        io::ErrorKind::NotFound => "no such file or directory",
        io::ErrorKind::PermissionDenied => "permission denied",
        _ => return None,
    };
    Some(LambdaError::Entrypoint(format!("fork/exec {name}: {words}")))
}
