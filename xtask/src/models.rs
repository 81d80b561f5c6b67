//! `xtask models`: from botocore's published API models to the compact files that the binary embeds.
//!
//! For each line of `models/services.txt`, the newest `service-2.json` (plain or gzipped; for the latter the
//! `gzip` program is used) is read, patched by `models/patches/<id>.json` and written to `models/<id>.bin` without
//! its documentation and without shapes that nothing reaches. The same source gives the same bytes. Behind a service's id
//! may stand `packed`: then its file is compressed, which makes the program smaller and its first use slower.
//!
//! To add a service: add it to `services.txt`, run this, then add it to `wire`'s catalog.

mod build;

use crate::Outcome;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use wire::catalog::{format, packed};

/// The line of `models/NOTICE` that names the source; the version follows.
const SOURCE: &str = "The files models/*.bin are made from the API models of botocore ";

pub(crate) fn run(args: &[String]) -> Outcome {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    match args {
        [flag, dir] if flag == "--from" => rebuild(Path::new(dir), &models),
        [flag, id] if flag == "--print" => print(&models, id),
        _ => Err("usage: --from DIR (botocore's data folder) or --print SERVICE".into()),
    }
}

#[expect(clippy::print_stdout, reason = "a command-line tool")]
fn rebuild(source: &Path, models: &Path) -> Outcome {
    let services = read(&models.join("services.txt"))?;
    let mut total = 0;
    for line in services.lines().filter(|l| !l.is_empty()) {
        let (id, packed) = line.split_once(' ').map_or((line, false), |(id, how)| (id, how == "packed"));
        let mut json = parse(&newest(source, id)?)?;
        let patches = models.join(format!("patches/{id}.json"));
        if patches.exists() {
            patch(&mut json, &parse(&read(&patches)?)?).map_err(|e| format!("{id}: {e}"))?;
        }
        let service = build::service(id, &json).map_err(|e| format!("{id}: {e}"))?;
        let bytes = if packed { packed::encode(&service) } else { format::encode(&service) };
        total += bytes.len();
        println!("{id:28} {:8} bytes", bytes.len());
        fs::write(models.join(format!("{id}.bin")), bytes).map_err(|e| format!("{id}: {e}"))?;
    }
    println!("{:28} {total:8} bytes", "total");
    let init = read(&source.join("../__init__.py"))?;
    let version = init.lines().find_map(|l| l.strip_prefix("__version__ = "));
    let version = version.ok_or("botocore does not tell its version")?.trim_matches('\'');
    let path = models.join("NOTICE");
    let notice = with_version(&read(&path)?, version).ok_or("models/NOTICE does not name botocore")?;
    fs::write(path, notice).map_err(|e| e.to_string())
}

fn with_version(notice: &str, version: &str) -> Option<String> {
    let (before, after) = notice.split_once(SOURCE)?;
    let (_, after) = after.split_once('\n')?;
    Some(format!("{before}{SOURCE}{version}\n{after}"))
}

fn print(models: &Path, id: &str) -> Outcome {
    let bytes = fs::read(models.join(format!("{id}.bin"))).map_err(|e| format!("{id}: {e}"))?;
    let service = packed::decode(bytes.leak()).map_err(|e| e.to_string())?;
    writeln!(std::io::stdout(), "{service:#?}").map_err(|e| e.to_string())
}

/// The text of the newest API version's `service-2.json`.
fn newest(source: &Path, id: &str) -> Result<String, String> {
    let folder = source.join(id);
    let mut versions: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    versions.sort();
    let newest = versions.pop().ok_or_else(|| format!("{}: no API version", folder.display()))?;
    let plain = newest.join("service-2.json");
    if plain.exists() {
        return read(&plain);
    }
    let packed = newest.join("service-2.json.gz");
    let output = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(&packed)
        .output()
        .map_err(|e| format!("gzip: {e}"))?;
    if !output.status.success() {
        return Err(format!("gzip cannot read {}", packed.display()));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{}: {e}", packed.display()))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

/// Applies a patch file: a list of `{"path": <JSON pointer>, "value": ...}` (set, or add to an object) or
/// `{"path": ..., "op": "remove"}`, each with its `evidence`.
fn patch(json: &mut Value, patches: &Value) -> Outcome {
    for entry in patches.as_array().ok_or("a patch file is a list")? {
        let path = entry["path"].as_str().ok_or("a patch has a path")?;
        if entry["evidence"].as_str().is_none_or(str::is_empty) {
            return Err(format!("{path}: a patch has its evidence"));
        }
        let (parent, key) = path.rsplit_once('/').ok_or_else(|| format!("{path}: not a JSON pointer"))?;
        let target = json
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .ok_or_else(|| format!("{path}: {parent} is not an object of the model"))?;
        let key = key.replace("~1", "/").replace("~0", "~");
        match (entry["op"].as_str(), entry.get("value")) {
            (None, Some(value)) => target.insert(key, value.clone()),
            (Some("remove"), None) => {
                Some(target.shift_remove(&key).ok_or_else(|| format!("{path}: nothing to remove"))?)
            }
            _ => return Err(format!("{path}: a patch has a value or removes")),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SOURCE, parse, patch, with_version};

    #[test]
    fn the_notice_gets_the_version() {
        let notice = format!("Others.\n{SOURCE}1.0\nThe rest.\n");
        assert_eq!(with_version(&notice, "2.1"), Some(format!("Others.\n{SOURCE}2.1\nThe rest.\n")));
        assert_eq!(with_version("Others.\n", "2.1"), None);
    }

    #[test]
    fn patches_set_add_and_remove() {
        let mut json = parse(r#"{"a":{"b":1,"c":2}}"#).unwrap();
        let patches = r#"[{"path":"/a/b","value":9,"evidence":"x"},{"path":"/a/d","value":[3],"evidence":"x"},
            {"path":"/a/c","op":"remove","evidence":"x"}]"#;
        patch(&mut json, &parse(patches).unwrap()).unwrap();
        assert_eq!(json.to_string(), r#"{"a":{"b":9,"d":[3]}}"#);
    }

    #[test]
    fn bad_patches_are_named() {
        let table = [
            (r#"[{"path":"/a/b","value":1}]"#, "/a/b: a patch has its evidence"),
            (r#"[{"path":"/x/y","value":1,"evidence":"e"}]"#, "/x/y: /x is not an object of the model"),
            (r#"[{"path":"/a/z","op":"remove","evidence":"e"}]"#, "/a/z: nothing to remove"),
            (r#"[{"path":"/a/b","evidence":"e"}]"#, "/a/b: a patch has a value or removes"),
        ];
        for (patches, want) in table {
            let mut json = parse(r#"{"a":{"b":1}}"#).unwrap();
            assert_eq!(patch(&mut json, &parse(patches).unwrap()), Err(want.to_owned()));
        }
    }
}
