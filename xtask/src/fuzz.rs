//! `xtask fuzz --seconds N`: runs each target of `fuzz/` for that long, on the stable compiler.
//!
//! libFuzzer wants coverage counters. `cargo fuzz` gets them from a nightly switch; the same LLVM pass can be asked
//! for on stable by `-Cpasses`, which is what this does.

use crate::Outcome;
use std::path::Path;
use std::process::Command;

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1";

pub(crate) fn run(args: &[String]) -> Outcome {
    let seconds: u32 = match args {
        [flag, n] if flag == "--seconds" => n.parse().map_err(|_| "--seconds takes a number")?,
        _ => return Err("usage: --seconds N (for each target)".into()),
    };
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for target in targets(&fuzz)? {
        let corpus = fuzz.join("corpus").join(&target);
        std::fs::create_dir_all(&corpus).map_err(|e| e.to_string())?;
        let status = Command::new("cargo")
            .current_dir(&fuzz)
            .env("RUSTFLAGS", FLAGS)
            .env("VIRGA_FUZZ", &target)
            .args(["run", "--release", "--quiet", "--target", &host()?, "--"])
            .arg(&corpus)
            .args([format!("-max_total_time={seconds}"), "-max_len=4096".into(), "-verbosity=0".into()])
            .status()
            .map_err(|e| e.to_string())?;
        if !status.success() {
            return Err(format!("{target}: {status}"));
        }
    }
    Ok(())
}

/// Naming the target keeps the flags away from build scripts, which must not be instrumented.
fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|l| l.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not name its host".into())
}

/// A target is a file.
fn targets(fuzz: &Path) -> Result<Vec<String>, String> {
    let files = std::fs::read_dir(fuzz.join("src/targets")).map_err(|e| e.to_string())?;
    let mut names: Vec<String> = files
        .filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "mod")
        .collect();
    names.sort_unstable();
    Ok(names)
}
