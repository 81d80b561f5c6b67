//! From botocore's JSON to [`wire::model`].

use serde_json::Value;
use std::collections::HashMap;
use wire::model::{
    ErrorTrait, Kind, Location, MemberModel, MemberRef, Operation, Protocol, Service, Shape, ShapeId,
    Structure, TimestampFormat,
};

type Built<T> = Result<T, String>;

/// # Errors
/// A message that names what in the model could not be understood.
pub(crate) fn service(id: &str, json: &Value) -> Built<Service> {
    let mut b = Builder { json: &json["shapes"], ids: HashMap::new(), names: Vec::new() };
    let meta = &json["metadata"];
    let protocols = protocols(meta)?;
    let mut operations = Vec::new();
    for (name, op) in json["operations"].as_object().ok_or("no operations")? {
        operations.push(operation(&mut b, name, op, protocols.contains(&Protocol::Query))?);
    }
    // Errors that no operation lists (S3's AccessDenied) are still what handlers answer with.
    for (name, shape) in b.json.as_object().ok_or("no shapes")? {
        if flag(shape, "exception") {
            b.id(name);
        }
    }
    let mut shapes = Vec::new();
    while shapes.len() < b.names.len() {
        let name = b.names[shapes.len()].to_owned();
        shapes.push(shape(&mut b, &name).map_err(|e| format!("{name}: {e}"))?);
    }
    mark_streaming(json, &b.ids, &mut shapes);
    let prefix = text(meta, "endpointPrefix");
    Ok(Service {
        id: leak(id),
        service_id: text(meta, "serviceId"),
        full_name: text(meta, "serviceFullName"),
        api_version: text(meta, "apiVersion"),
        endpoint_prefix: prefix,
        signing_name: if meta.get("signingName").is_some() { text(meta, "signingName") } else { prefix },
        target_prefix: text(meta, "targetPrefix"),
        xml_namespace: namespace(json),
        protocols,
        operations,
        shapes,
    })
}

struct Builder<'a> {
    json: &'a Value,
    ids: HashMap<&'a str, ShapeId>,
    names: Vec<&'a str>,
}

impl<'a> Builder<'a> {
    /// The shape's number; a new one is queued, so that only what is reached is written.
    fn id(&mut self, name: &'a str) -> ShapeId {
        *self.ids.entry(name).or_insert_with(|| {
            self.names.push(name);
            ShapeId((self.names.len() - 1) as u32)
        })
    }

    fn reference(&mut self, owner: &'a Value, key: &str) -> Built<Option<ShapeId>> {
        let Some(reference) = owner.get(key) else { return Ok(None) };
        let name = reference["shape"].as_str().ok_or_else(|| format!("{key} has no shape"))?;
        Ok(Some(self.id(name)))
    }
}

fn protocols(meta: &Value) -> Built<Vec<Protocol>> {
    let listed = meta.get("protocols").and_then(Value::as_array).cloned();
    let listed = listed.unwrap_or_else(|| vec![meta["protocol"].clone()]);
    let read = |name: &Value| match (name.as_str().unwrap_or_default(), text(meta, "jsonVersion")) {
        ("query", _) => Ok(Protocol::Query),
        ("ec2", _) => Ok(Protocol::Ec2Query),
        ("json", "1.0") => Ok(Protocol::Json10),
        ("json", _) => Ok(Protocol::Json11),
        ("rest-json", _) => Ok(Protocol::RestJson),
        ("rest-xml", _) => Ok(Protocol::RestXml),
        ("smithy-rpc-v2-cbor", _) => Ok(Protocol::RpcV2Cbor),
        (other, _) => Err(format!("unknown protocol {other:?}")),
    };
    listed.iter().map(read).collect()
}

/// The service's own XML namespace, else (rest-xml) the one that its requests carry.
fn namespace(json: &Value) -> &'static str {
    let uri = |v: &Value| v.as_str().or_else(|| v["uri"].as_str()).map(leak);
    let meta = json["metadata"].get("xmlNamespace").and_then(uri);
    let inputs =
        || json["operations"].as_object()?.values().find_map(|op| uri(op["input"].get("xmlNamespace")?));
    let members = || {
        let shapes = json["shapes"].as_object()?;
        let members = |s: &Value| {
            let all = s["members"].as_object()?;
            all.values().find_map(|m| uri(m.get("xmlNamespace").filter(|n| n.get("prefix").is_none())?))
        };
        shapes.values().find_map(members)
    };
    let rest_xml = text(&json["metadata"], "protocol") == "rest-xml";
    meta.or_else(|| if rest_xml { inputs().or_else(members) } else { None }).unwrap_or("")
}

fn operation<'a>(b: &mut Builder<'a>, name: &str, op: &'a Value, query: bool) -> Built<Operation> {
    let mut errors = Vec::new();
    for error in op["errors"].as_array().map_or(&[][..], Vec::as_slice) {
        errors.push(b.id(error["shape"].as_str().ok_or("an error has no shape")?));
    }
    let no_auth = op["auth"].as_array().is_some_and(|a| a.iter().any(|x| x == "smithy.api#noAuth"));
    let wrapper = match op.get("output") {
        Some(output) if output.get("resultWrapper").is_some() => text(output, "resultWrapper"),
        // Models that list the query protocol beside another leave the wrapper to its rule.
        Some(_) if query => leak(&format!("{name}Result")),
        _ => "",
    };
    Ok(Operation {
        name: leak(name),
        method: text(&op["http"], "method"),
        uri: text(&op["http"], "requestUri"),
        status: op["http"]["responseCode"].as_u64().unwrap_or(200) as u16,
        input: b.reference(op, "input")?,
        output: b.reference(op, "output")?,
        result_wrapper: wrapper,
        errors,
        unsigned: no_auth || text(op, "authtype") == "none",
        unsigned_body: flag(op, "unsignedPayload") || text(op, "authtype") == "v4-unsigned-body",
        checksum_required: flag(op, "httpChecksumRequired")
            || op.get("httpChecksum").is_some_and(|c| flag(c, "requestChecksumRequired")),
        checksum_algorithm_member: op.get("httpChecksum").map_or("", |c| text(c, "requestAlgorithmMember")),
        host_prefix: op.get("endpoint").map_or("", |e| text(e, "hostPrefix")),
        deprecated: flag(op, "deprecated"),
    })
}

fn shape(b: &mut Builder<'_>, name: &str) -> Built<Shape> {
    let json = b.json;
    let (name, s) = json.as_object().and_then(|all| all.get_key_value(name)).ok_or("no such shape")?;
    let length = |key: &str| s[key].as_u64();
    let whole = |key: &str| s[key].as_i64().or_else(|| Some(s[key].as_f64()? as i64));
    let kind = match s["type"].as_str().unwrap_or_default() {
        "structure" => Kind::Structure(structure(b, s)?),
        "list" => Kind::List {
            element: target(b, &s["member"])?,
            min: length("min"),
            max: length("max"),
            flattened: flag(s, "flattened"),
        },
        "map" => Kind::Map {
            key: target(b, &s["key"])?,
            value: target(b, &s["value"])?,
            min: length("min"),
            max: length("max"),
            flattened: flag(s, "flattened"),
        },
        "string" => Kind::String {
            allowed: strings(&s["enum"]),
            min: length("min"),
            max: length("max"),
            pattern: text(s, "pattern"),
        },
        ty @ ("integer" | "long") => {
            Kind::Integer { min: whole("min"), max: whole("max"), long: ty == "long" }
        }
        ty @ ("float" | "double") => {
            Kind::Float { min: s["min"].as_f64(), max: s["max"].as_f64(), double: ty == "double" }
        }
        "boolean" => Kind::Boolean,
        "blob" => Kind::Blob { min: length("min"), max: length("max"), streaming: flag(s, "streaming") },
        "timestamp" => Kind::Timestamp { format: timestamp(s)? },
        other => return Err(format!("unknown type {other:?}")),
    };
    Ok(Shape { name: leak(name), sensitive: flag(s, "sensitive"), kind })
}

fn structure<'a>(b: &mut Builder<'a>, s: &'a Value) -> Built<Structure> {
    let required = strings(&s["required"]);
    let mut members = Vec::new();
    for (name, m) in s["members"].as_object().ok_or("no members")? {
        members.push(MemberModel {
            name: leak(name),
            target: target(b, m).map_err(|e| format!("{name}: {e}"))?,
            required: required.contains(&name.as_str()),
            location: location(m)?,
            idempotency_token: flag(m, "idempotencyToken"),
            deprecated: flag(m, "deprecated"),
            event_header: flag(m, "eventheader"),
            event_payload: flag(m, "eventpayload"),
            host_label: flag(m, "hostLabel"),
        });
    }
    let payload = match s["payload"].as_str() {
        None => None,
        Some(name) => Some(members.iter().position(|m| m.name == name).ok_or("no such payload")?),
    };
    let error = (flag(s, "exception") || s.get("error").is_some()).then(|| ErrorTrait {
        code: text(&s["error"], "code"),
        status: s["error"]["httpStatusCode"].as_u64().unwrap_or(0) as u16,
        sender: flag(&s["error"], "senderFault") || !flag(s, "fault"),
    });
    Ok(Structure {
        members,
        payload,
        union: flag(s, "union"),
        document: flag(s, "document"),
        event_stream: flag(s, "eventstream"),
        event: flag(s, "event"),
        xml_name: text(s, "locationName"),
        xml_namespace: text(&s["xmlNamespace"], "uri"),
        error,
    })
}

fn target<'a>(b: &mut Builder<'a>, m: &'a Value) -> Built<MemberRef> {
    Ok(MemberRef {
        shape: b.id(m["shape"].as_str().ok_or("a reference has no shape")?),
        wire_name: text(m, "locationName"),
        query_name: text(m, "queryName"),
        xml_attribute: flag(m, "xmlAttribute"),
        xml_namespace: m["xmlNamespace"].as_str().map_or_else(|| text(&m["xmlNamespace"], "uri"), leak),
        xml_prefix: text(&m["xmlNamespace"], "prefix"),
        flattened: flag(m, "flattened"),
        timestamp: timestamp(m)?,
        json_value: flag(m, "jsonvalue"),
    })
}

/// botocore marks some streams at their use and some at their shape.
fn mark_streaming(json: &Value, ids: &HashMap<&str, ShapeId>, shapes: &mut [Shape]) {
    let structures = json["shapes"].as_object().into_iter().flat_map(|all| all.values());
    for member in structures.filter_map(|s| s["members"].as_object()).flat_map(|m| m.values()) {
        let id =
            member["shape"].as_str().and_then(|name| ids.get(name)).filter(|_| flag(member, "streaming"));
        if let Some(Kind::Blob { streaming, .. }) = id.map(|id| &mut shapes[id.0 as usize].kind) {
            *streaming = true;
        }
    }
}

fn location(m: &Value) -> Built<Location> {
    Ok(match m["location"].as_str() {
        None => Location::Body,
        Some("uri") => Location::Uri,
        Some("querystring") => Location::QueryString,
        Some("header") => Location::Header,
        Some("headers") => Location::HeaderPrefix,
        Some("statusCode") => Location::StatusCode,
        Some(other) => return Err(format!("unknown location {other:?}")),
    })
}

fn timestamp(s: &Value) -> Built<TimestampFormat> {
    Ok(match s["timestampFormat"].as_str() {
        None => TimestampFormat::Default,
        Some("iso8601") => TimestampFormat::Iso8601,
        Some("unixTimestamp") => TimestampFormat::Unix,
        Some("rfc822") => TimestampFormat::Rfc822,
        Some(other) => return Err(format!("unknown timestamp format {other:?}")),
    })
}

fn strings(list: &Value) -> Vec<&'static str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(leak).collect()
}

fn text(owner: &Value, key: &str) -> &'static str {
    owner[key].as_str().map_or("", leak)
}

fn flag(owner: &Value, key: &str) -> bool {
    owner[key].as_bool().unwrap_or(false)
}

/// The model's strings are `'static`; this tool runs once and exits.
fn leak(text: &str) -> &'static str {
    Box::leak(Box::from(text))
}
