//! How the program is linked: small, where the linker and the C library of this machine can.
//!
//! Functions whose code is the same are kept once, and the addresses that the loader adjusts at the start are written as
//! bitmaps (`DT_RELR`) instead of 24 bytes for each: together a twentieth of the program. Not every linker knows the
//! first, and C libraries before glibc 2.36 cannot load the second, so a small program is linked and started with each.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// What is tried, with what it is called in a link.
const TRIED: [&str; 2] = ["-Wl,--icf=all", "-Wl,-z,pack-relative-relocs"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Cargo tells a build script by its environment, as text.
    let var = |name: &str| env::var_os(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
    // Elsewhere it could be linked, but not started.
    if var("PROFILE") != "release" || var("HOST") != var("TARGET") {
        return;
    }
    let folder = var("OUT_DIR");
    for argument in TRIED {
        if works(&var("RUSTC"), Path::new(&folder), argument) {
            println!("cargo:rustc-link-arg-bin=virga={argument}");
        }
    }
}

fn works(rustc: &str, folder: &Path, argument: &str) -> bool {
    let (source, program) = (folder.join("tried.rs"), folder.join("tried"));
    // A table of addresses, so that there is something to adjust.
    let text =
        "static NAMES: [&str; 2] = [\"a\", \"b\"];\nfn main() { assert_eq!(NAMES.concat(), \"ab\"); }\n";
    let linked = fs::write(&source, text).is_ok()
        && Command::new(rustc)
            .args(["--edition=2024", "-C", &format!("link-arg={argument}"), "-o"])
            .args([&program, &source])
            .output()
            .is_ok_and(|done| done.status.success());
    linked && Command::new(&program).output().is_ok_and(|done| done.status.success())
}
