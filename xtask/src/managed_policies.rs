//! `xtask managed-policies --from FILE [--ids FILE]`: packs AWS's managed policies into `models/managed-policies.bin`.
//!
//! The input is a JSON object, a member per policy name, as moto's `aws_managed_policies.py` holds it between the
//! triple quotes (the Python file itself is accepted too). `crates/security/src/iam/managed.rs` reads the result.
//!
//! AWS gives every managed policy an id (`ANPA...`) that newer lists leave out; `--ids` names an older list in the same
//! form that still has them. A policy on neither list has no id in the result.
//!
//! The result is compressed (zlib). Its layout: magic (8), three counts of four bytes (strings, string bytes, policies), string offsets and bytes, then per policy a
//! record of 20 bytes: name, path, version and policy id as string numbers (2 each), creation and update as Unix
//! seconds (4 each), start of its document in the next section (4) (one extra record ends
//! the last document). Documents are a pre-order walk: a tag byte in the low three bits (0 null, 1 false, 2 true,
//! 3 string, 4 array, 5 object, 6 number as text) and a count or string number above, as a LEB128 number. Member names
//! are string numbers before each value. Members come in the order in which AWS writes them (Version, Statement; Sid, Effect,
//! Action, Resource, Condition), which the source has lost by sorting.

use crate::pack::{Strings, models_folder, option, put_u16, put_u32};
use serde_json::{Map, Value};
use std::io::Write;

const MAGIC: &[u8; 8] = b"VMPOL1\0\0";
const QUOTES: &str = "\"\"\"";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let root = read(option(arguments, "--from")?)?;
    let ids = option(arguments, "--ids").map_or(Ok(Value::Null), read)?;
    let policies = root.as_object().ok_or("expected an object of policies")?;
    let target = models_folder().join("managed-policies.bin");
    std::fs::write(&target, compress(&pack(policies, &ids)?)?)
        .map_err(|e| format!("{}: {e}", target.display()))
}

fn read(file: &str) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let json = text.split(QUOTES).nth(1).unwrap_or(&text);
    serde_json::from_str(json).map_err(|e| format!("{file}: {e}"))
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).and_then(|()| out.finish()).map_err(|e| e.to_string())
}

fn pack(policies: &Map<String, Value>, ids: &Value) -> Result<Vec<u8>, String> {
    let mut names: Vec<&String> = policies.keys().collect();
    names.sort();
    let mut all = Vec::new();
    for name in &names {
        let policy = &policies[name.as_str()];
        all.extend([name.as_str(), text(policy, "Path")?, text(policy, "DefaultVersionId")?, id(ids, name)]);
        collect(&policy["Document"], &mut all);
    }
    let strings = Strings::new(all)?;
    let mut records = Vec::new();
    let mut documents = Vec::new();
    for name in &names {
        let policy = &policies[name.as_str()];
        put_u16(&mut records, strings.number(name)?);
        put_u16(&mut records, strings.number(text(policy, "Path")?)?);
        put_u16(&mut records, strings.number(text(policy, "DefaultVersionId")?)?);
        put_u16(&mut records, strings.number(id(ids, name))?);
        put_u32(&mut records, seconds(text(policy, "CreateDate")?)?)?;
        put_u32(&mut records, seconds(text(policy, "UpdateDate")?)?)?;
        put_u32(&mut records, documents.len())?;
        write_value(&policy["Document"], &strings, &mut documents)?;
    }
    records.extend_from_slice(&[0; 16]);
    put_u32(&mut records, documents.len())?;

    let mut out = MAGIC.to_vec();
    for count in [strings.len(), strings.bytes(), names.len()] {
        put_u32(&mut out, count)?;
    }
    strings.write(&mut out)?;
    out.extend_from_slice(&records);
    out.extend_from_slice(&documents);
    Ok(out)
}

fn id<'a>(ids: &'a Value, name: &str) -> &'a str {
    ids[name]["PolicyId"].as_str().unwrap_or_default()
}

fn collect<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
    match value {
        Value::String(s) => all.push(s),
        Value::Array(items) => items.iter().for_each(|v| collect(v, all)),
        Value::Object(members) => {
            for (name, member) in members {
                all.push(name);
                collect(member, all);
            }
        }
        _ => {}
    }
}

fn write_value(value: &Value, strings: &Strings<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Bool(false) => put_tag(out, 1, 0),
        Value::Bool(true) => put_tag(out, 2, 0),
        Value::String(s) => put_tag(out, 3, usize::from(strings.number(s)?)),
        Value::Array(items) => {
            put_tag(out, 4, items.len());
            for item in items {
                write_value(item, strings, out)?;
            }
        }
        Value::Object(members) => {
            put_tag(out, 5, members.len());
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| (rank(name), name.as_str()));
            for (name, member) in members {
                put_tag(out, 3, usize::from(strings.number(name)?));
                write_value(member, strings, out)?;
            }
        }
        Value::Number(n) => {
            let n = n.as_u64().and_then(|n| usize::try_from(n).ok());
            put_tag(out, 6, n.ok_or("a number that is not a whole positive one")?);
        }
        Value::Null => return Err("null in a policy document".to_owned()),
    }
    Ok(())
}

/// The order of elements in AWS's own documents; anything else follows in byte order.
fn rank(name: &str) -> usize {
    const ORDER: [&str; 12] = [
        "Version",
        "Id",
        "Statement",
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

fn put_tag(out: &mut Vec<u8>, tag: u8, number: usize) {
    let mut rest = (number << 3) | usize::from(tag);
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("{name} is not a string"))
}

/// Unix seconds of `YYYY-MM-DDTHH:MM:SS+00:00`.
fn seconds(text: &str) -> Result<usize, String> {
    let bad = || format!("{text:?} is not a date");
    let clock = text.strip_suffix("+00:00").ok_or_else(bad)?;
    let fields: Vec<i64> = clock
        .split(['-', 'T', ':'])
        .map(|field| field.parse().map_err(|_| bad()))
        .collect::<Result<_, _>>()?;
    let [year, month, day, hour, minute, second] = fields[..] else { return Err(bad()) };
    // Days from the civil calendar, years starting in March so that the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    usize::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).map_err(|_| bad())
}
