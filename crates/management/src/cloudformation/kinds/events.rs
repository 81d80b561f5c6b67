//! EventBridge's buses, rules, archives and API destinations.

use super::on::{KEYS, On, Tagger, map, text_at, texts_at};
use super::{BASE, Done, Kind, Refusal, look};
use wire::Value;

pub(super) const EVENTS: &str = "events";
const TAGGER: Tagger = Tagger {
    service: EVENTS,
    tag: "TagResource",
    untag: "UntagResource",
    id: "ResourceARN",
    tags: "Tags",
    keys: "TagKeys",
    form: KEYS,
};

pub(super) static KINDS: &[Kind] = &[
    ARCHIVE,
    CONNECTION,
    DESTINATION,
    Kind {
        name: "AWS::Events::EventBus",
        changes: &["DeadLetterConfig", "Description", "KmsKeyIdentifier", "Policy", "Tags"],
        fixed: &["EventSourceName", "Name"],
        attributes: &["Arn", "Name"],
        named: Some("Name"),
        create: |on| {
            let name = on.name("Name", 256);
            let input = map([
                ("Name", Value::str(&name)),
                ("Description", on.prop("Description")),
                ("DeadLetterConfig", on.prop("DeadLetterConfig")),
                ("EventSourceName", on.prop("EventSourceName")),
                ("KmsKeyIdentifier", on.prop("KmsKeyIdentifier")),
                ("Tags", on.tags(KEYS)),
            ]);
            on.call(EVENTS, "CreateEventBus", input)?;
            permit(on, &name)?;
            let arn = on.arn(EVENTS, &format!("event-bus/{name}"));
            Ok(on.made(name.clone(), vec![("Arn", arn), ("Name", Value::Str(name))]))
        },
        update: |on| {
            let mut input = vec![("Name".to_owned(), on.physical())];
            for name in ["Description", "KmsKeyIdentifier"].into_iter().filter(|name| on.changed(name)) {
                input.push((name.to_owned(), Value::Str(on.text(name).unwrap_or_default())));
            }
            if on.changed("DeadLetterConfig") {
                let wanted = match on.prop("DeadLetterConfig") {
                    Value::Null => Value::Map(Vec::new()),
                    wanted => wanted,
                };
                input.push(("DeadLetterConfig".to_owned(), wanted));
            }
            if input.len() > 1 {
                on.call(EVENTS, "UpdateEventBus", Value::Map(input))?;
            }
            permit(on, on.physical)?;
            let arn = Value::Str(on.attribute("Arn"));
            on.retag(&TAGGER, arn)?;
            Ok(on.same())
        },
        delete: |on| on.end(EVENTS, "DeleteEventBus", map([("Name", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("Arn")))),
        look: Some(&look::bus::BUS),
        ..BASE
    },
    Kind {
        name: "AWS::Events::Rule",
        changes: &[
            "Description",
            "EventPattern",
            "RoleArn",
            "ScheduleExpression",
            "State",
            "Tags",
            "Targets",
        ],
        fixed: &["EventBusName", "Name"],
        attributes: &["Arn"],
        named: Some("Name"),
        create: |on| {
            let name = on.name("Name", 64);
            let arn = put(on, &name, on.tags(KEYS))?;
            // AWS: on a bus of one's own the bus is part of what the resource is called.
            let physical = match on.text("EventBusName") {
                Some(bus) if bus != "default" => format!("{bus}|{name}"),
                _ => name,
            };
            Ok(on.made(physical, vec![("Arn", Value::Str(arn))]))
        },
        update: |on| {
            let name = rule(on.physical).to_owned();
            put(on, &name, Value::Null)?;
            let arn = Value::Str(on.attribute("Arn"));
            on.retag(&TAGGER, arn)?;
            Ok(on.same())
        },
        delete: |on| {
            let (name, bus) = (Value::str(rule(on.physical)), on.was("EventBusName"));
            let ids = ids(&on.was("Targets"));
            if ids != Value::List(Vec::new()) {
                let input = map([("Rule", name.clone()), ("EventBusName", bus.clone()), ("Ids", ids)]);
                on.end(EVENTS, "RemoveTargets", input)?;
            }
            on.end(EVENTS, "DeleteRule", map([("Name", name), ("EventBusName", bus)]))
        },
        mark: Some(|on| on.mark(&TAGGER, Value::Str(on.attribute("Arn")))),
        look: Some(&look::rule::RULE),
        taken: Some(look::rule::ruled),
        ..BASE
    },
];

const ARCHIVE: Kind = Kind {
    name: "AWS::Events::Archive",
    changes: &["Description", "EventPattern", "KmsKeyIdentifier", "RetentionDays"],
    fixed: &["ArchiveName", "SourceArn"],
    attributes: &["Arn"],
    named: Some("ArchiveName"),
    create: |on| {
        let name = on.name("ArchiveName", 48);
        let input = map([
            ("ArchiveName", Value::str(&name)),
            ("EventSourceArn", on.prop("SourceArn")),
            ("Description", on.prop("Description")),
            ("EventPattern", on.document("EventPattern")),
            ("RetentionDays", on.prop("RetentionDays")),
            ("KmsKeyIdentifier", on.prop("KmsKeyIdentifier")),
        ]);
        let arn = text_at(&on.call(EVENTS, "CreateArchive", input)?, "ArchiveArn");
        Ok(on.made(name, vec![("Arn", Value::Str(arn))]))
    },
    update: |on| {
        let days = match on.prop("RetentionDays") {
            Value::Null => Value::Int(0),
            days => days,
        };
        let input = map([
            ("ArchiveName", on.physical()),
            ("Description", Value::Str(on.text("Description").unwrap_or_default())),
            ("EventPattern", on.document("EventPattern")),
            ("RetentionDays", days),
            ("KmsKeyIdentifier", Value::Str(on.text("KmsKeyIdentifier").unwrap_or_default())),
        ]);
        on.call(EVENTS, "UpdateArchive", input)?;
        Ok(on.same())
    },
    delete: |on| on.end(EVENTS, "DeleteArchive", map([("ArchiveName", on.physical())])),
    look: Some(&look::bus::ARCHIVE),
    ..BASE
};

const CONNECTION: Kind = Kind {
    name: "AWS::Events::Connection",
    changes: &["AuthorizationType", "AuthParameters", "Description"],
    fixed: &["Name"],
    attributes: &["Arn", "ArnForPolicy"],
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 64);
        let input = connection(on, &name);
        let arn = text_at(&on.call(EVENTS, "CreateConnection", input)?, "ConnectionArn");
        let for_policy = on.arn(EVENTS, &format!("connection/{name}"));
        Ok(on.made(name, vec![("Arn", Value::Str(arn)), ("ArnForPolicy", for_policy)]))
    },
    update: |on| {
        let input = connection(on, on.physical);
        on.call(EVENTS, "UpdateConnection", input)?;
        Ok(on.same())
    },
    ready: |on| {
        let seen = on.call(EVENTS, "DescribeConnection", map([("Name", on.physical())]))?;
        match text_at(&seen, "ConnectionState").as_str() {
            "AUTHORIZED" => Ok(Some(Vec::new())),
            "DEAUTHORIZED" => Err(Refusal::of(text_at(&seen, "StateReason"))),
            _ => Ok(None),
        }
    },
    delete: |on| on.end(EVENTS, "DeleteConnection", map([("Name", on.physical())])),
    look: Some(&look::bus::CONNECTION),
    ..BASE
};

fn connection(on: &On<'_, '_>, name: &str) -> Value {
    map([
        ("Name", Value::str(name)),
        ("Description", Value::Str(on.text("Description").unwrap_or_default())),
        ("AuthorizationType", on.prop("AuthorizationType")),
        ("AuthParameters", on.prop("AuthParameters")),
    ])
}

const DESTINATION: Kind = Kind {
    name: "AWS::Events::ApiDestination",
    changes: &[
        "ConnectionArn",
        "Description",
        "HttpMethod",
        "InvocationEndpoint",
        "InvocationRateLimitPerSecond",
    ],
    fixed: &["Name"],
    attributes: &["Arn", "ArnForPolicy"],
    named: Some("Name"),
    create: |on| {
        let name = on.name("Name", 64);
        let input = destination(on, &name);
        let arn = text_at(&on.call(EVENTS, "CreateApiDestination", input)?, "ApiDestinationArn");
        let for_policy = on.arn(EVENTS, &format!("api-destination/{name}"));
        Ok(on.made(name, vec![("Arn", Value::Str(arn)), ("ArnForPolicy", for_policy)]))
    },
    update: |on| {
        let input = destination(on, on.physical);
        on.call(EVENTS, "UpdateApiDestination", input)?;
        Ok(on.same())
    },
    delete: |on| on.end(EVENTS, "DeleteApiDestination", map([("Name", on.physical())])),
    look: Some(&look::bus::DESTINATION),
    ..BASE
};

fn destination(on: &On<'_, '_>, name: &str) -> Value {
    let rate = match on.prop("InvocationRateLimitPerSecond") {
        // AWS's default, also where one was set before.
        Value::Null => Value::Int(300),
        rate => rate,
    };
    map([
        ("Name", Value::str(name)),
        ("Description", Value::Str(on.text("Description").unwrap_or_default())),
        ("ConnectionArn", on.prop("ConnectionArn")),
        ("HttpMethod", on.prop("HttpMethod")),
        ("InvocationEndpoint", on.prop("InvocationEndpoint")),
        ("InvocationRateLimitPerSecond", rate),
    ])
}

fn permit(on: &mut On<'_, '_>, bus: &str) -> Done<()> {
    if !on.changed("Policy") {
        return Ok(());
    }
    let bus = ("EventBusName", Value::str(bus));
    match on.document("Policy") {
        Value::Null => {
            on.end(EVENTS, "RemovePermission", map([bus, ("RemoveAllPermissions", Value::Bool(true))]))
        }
        policy => on.call(EVENTS, "PutPermission", map([bus, ("Policy", policy)])).map(drop),
    }
}

/// The rule's own name within `bus|name`.
pub(super) fn rule(physical: &str) -> &str {
    physical.rsplit_once('|').map_or(physical, |(_, name)| name)
}

fn ids(targets: &Value) -> Value {
    Value::List(texts_at(targets, "Id").into_iter().map(Value::Str).collect())
}

/// Puts the rule, takes targets away that are no longer wanted, and puts those that are. Its ARN.
/// AWS: tags are for a new rule only.
fn put(on: &mut On<'_, '_>, name: &str, tags: Value) -> Done<String> {
    let bus = on.prop("EventBusName");
    let input = map([
        ("Name", Value::str(name)),
        ("EventBusName", bus.clone()),
        ("Description", on.prop("Description")),
        ("EventPattern", on.document("EventPattern")),
        ("RoleArn", on.prop("RoleArn")),
        ("ScheduleExpression", on.prop("ScheduleExpression")),
        ("State", on.prop("State")),
        ("Tags", tags),
    ]);
    let answer = on.call(EVENTS, "PutRule", input)?;
    let (wanted, was) = (on.prop("Targets"), on.was("Targets"));
    let kept = texts_at(&wanted, "Id");
    let dropped: Vec<Value> =
        texts_at(&was, "Id").into_iter().filter(|id| !kept.contains(id)).map(Value::Str).collect();
    let place = |last| map([("Rule", Value::str(name)), ("EventBusName", bus.clone()), last]);
    if !dropped.is_empty() {
        on.end(EVENTS, "RemoveTargets", place(("Ids", Value::List(dropped))))?;
    }
    if !kept.is_empty() {
        on.call(EVENTS, "PutTargets", place(("Targets", wanted)))?;
    }
    Ok(text_at(&answer, "RuleArn"))
}
