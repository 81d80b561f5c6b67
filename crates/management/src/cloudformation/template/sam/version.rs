//! What a function is published as: a version whose name follows from what is in it, and the alias that stands for it.

use super::{Made, Untransformed, attribute, globals, invalid, object, prop, reference};
use crate::cloudformation::template::{Wrong, get, text};
use auth::sigv4::{Checksum, ChecksumKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Value;

/// The alias that a function is published by, where it is.
pub(super) fn alias(
    world: &Untransformed<'_>,
    name: &str,
    properties: &Value,
) -> Result<Option<String>, Wrong> {
    let Some(value) = get(properties, "AutoPublishAlias") else { return Ok(None) };
    let Some(alias) = world.resolved(value) else {
        return invalid(name, "'AutoPublishAlias' must be a string or a Ref to a template parameter");
    };
    if alias.is_empty() {
        return invalid(name, "Alias name is required to create an alias");
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !alias.chars().all(is_letter) || alias.chars().all(|c| c.is_ascii_digit()) {
        let why = format!(
            "AutoPublishAlias name ('{alias}') must contain only alphanumeric characters, hyphens, or underscores matching (?!^[0-9]+$)([a-zA-Z0-9-_]+) pattern."
        );
        return invalid(name, &why);
    }
    Ok(Some(alias))
}

/// The alias's logical id, which has letters and digits only.
pub(super) fn place(name: &str, alias: &str) -> String {
    format!("{name}Alias{}", alias.replace('-', "D").replace('_', "U"))
}

/// The digest that the template tells of the code, where it does and the function is published.
pub(super) fn told(
    world: &Untransformed<'_>,
    name: &str,
    properties: &Value,
) -> Result<Option<String>, Wrong> {
    match (get(properties, "AutoPublishAlias"), get(properties, "AutoPublishCodeSha256")) {
        (Some(_), Some(value)) => match world.resolved(value) {
            Some(told) => Ok(Some(told)),
            None => invalid(name, "AutoPublishCodeSha256 must be a string"),
        },
        _ => Ok(None),
    }
}

/// The version and the alias. `function`: the properties that the function has.
pub(super) fn published(
    world: &Untransformed<'_>,
    name: &str,
    properties: &Value,
    function: &Value,
    alias: &str,
) -> Result<[Made; 2], Wrong> {
    let digits = match told(world, name, properties)? {
        Some(told) => told.chars().take(DIGITS).collect(),
        None => hashed(&content(world, name, properties, function)?),
    };
    let version = format!("{name}Version{digits}");
    let body =
        object([("FunctionName", reference(name)), ("Description", prop(properties, "VersionDescription"))]);
    let stays = get(properties, "VersionDeletionPolicy").cloned().unwrap_or_else(|| Value::str("Retain"));
    let stays = vec![("DeletionPolicy".to_owned(), stays)];
    let first = Made { more: stays, ..Made::new(version.clone(), "AWS::Lambda::Version", body) };
    let body = object([
        ("Name", Value::str(alias)),
        ("FunctionName", reference(name)),
        ("FunctionVersion", attribute(&version, "Version")),
        ("ProvisionedConcurrencyConfig", prop(properties, "ProvisionedConcurrencyConfig")),
    ]);
    Ok([first, Made::new(place(name, alias), "AWS::Lambda::Alias", body)])
}

/// What makes a new version when it changes: code, environment and memory, or all of the function.
fn content(
    world: &Untransformed<'_>,
    name: &str,
    properties: &Value,
    function: &Value,
) -> Result<Value, Wrong> {
    let all = match get(properties, "AutoPublishAliasAllProperties").map(text) {
        None => false,
        Some(said) => match said.as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => return invalid(name, "Type of property 'AutoPublishAliasAllProperties' is invalid."),
        },
    };
    if all {
        // A role of its own comes later.
        let is_own = |own: &str| own != "Role" || get(properties, "Role").is_some();
        let Value::Map(entries) = function else { return Ok(function.clone()) };
        let mut entries: Vec<_> = entries.iter().filter(|(own, _)| is_own(own)).cloned().collect();
        entries.extend(layers(world, properties)?);
        return Ok(Value::Map(entries));
    }
    let Value::Map(mut out) = world.filled(&prop(function, "Code")) else { return Ok(Value::Null) };
    if let Some(Value::Map(environment)) = get(properties, "Environment") {
        out.extend(environment.iter().cloned());
    }
    if let Some(memory) = get(properties, "MemorySize") {
        out.push(("MemorySize".to_owned(), memory.clone()));
    }
    let snap = get(properties, "SnapStart");
    let applies = |snap: &Value| {
        let on = get(snap, "ApplyOn").and_then(text);
        on.is_some_and(|on| on != "None")
    };
    out.extend(snap.filter(|snap| applies(snap)).map(|snap| ("SnapStart".to_owned(), snap.clone())));
    Ok(Value::Map(out))
}

/// The layers of the template that make new versions of the functions that have them.
fn layers(world: &Untransformed<'_>, properties: &Value) -> Result<Vec<(String, Value)>, Wrong> {
    let mut out = Vec::new();
    let Some(Value::List(layers)) = get(properties, "Layers") else { return Ok(out) };
    for name in layers.iter().filter_map(|layer| get(layer, "Ref")?.as_str()) {
        let Some(layer) = get(world.root, "Resources").and_then(|resources| get(resources, name)) else {
            continue;
        };
        let own = globals::laid(world.root, "LayerVersion", name, layer)?;
        if get(&own, "PublishLambdaVersion").and_then(text).as_deref() == Some("true") {
            out.push((name.to_owned(), own));
        }
    }
    Ok(out)
}

/// So many make a name.
const DIGITS: usize = 10;

/// With the keys of maps in their order, as names are made of it.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|(key, item)| (key.clone(), sorted(item))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Map(entries)
        }
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Ten digits of what the value is.
pub(super) fn hashed(value: &Value) -> String {
    digits(&wire::json::text(&sorted(value)))
}

pub(super) fn digits(text: &str) -> String {
    let bytes = STANDARD.decode(Checksum::of(ChecksumKind::Sha1, text.as_bytes())).unwrap_or_default();
    bytes.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}
