//! What EventBridge has beside rules: buses and statements of their policies, archives, connections and destinations.
//! Secrets of connections are not seen, nor what of a statement is written by its parts, as AWS's schema has it.

use super::machine::put;
use super::{Look, PLAIN, Seen, gone, list, own, parsed};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::events::EVENTS;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::template::get;
use wire::Value;

/// The key that its events lie under is not seen: it has many names.
pub(in crate::cloudformation::kinds) static BUS: Look = Look {
    sees: &["DeadLetterConfig", "Description", "Name", "Policy", "Tags"],
    whole: &["Policy"],
    read: bus,
    identifiers: &["Name"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static STATEMENT: Look = Look {
    sees: &["EventBusName", "Statement", "StatementId"],
    whole: &["Statement"],
    read: |on| {
        let (name, id) = (on.identity("EventBusName"), on.identity("StatementId"));
        let asked = if name.is_empty() { Value::Null } else { Value::str(&name) };
        let told = on.ask(EVENTS, "DescribeEventBus", map([("Name", asked)]))?;
        let policy = parsed(&own(&told, "Policy"));
        let found = list(&policy, "Statement").into_iter().find(|one| text_at(one, "Sid") == id);
        let Some(Value::Map(mut statement)) = found else { return Err(gone(on.physical)) };
        // What it is called stands beside it.
        let says = get(&on.prop("Statement"), "Sid").is_some();
        statement.retain(|(name, _)| says || name != "Sid");
        let all = vec![
            ("EventBusName".to_owned(), Value::Str(name)),
            ("Statement".to_owned(), Value::Map(statement)),
            ("StatementId".to_owned(), Value::Str(id)),
        ];
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["EventBusName", "StatementId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ARCHIVE: Look = Look {
    sees: &["ArchiveName", "Description", "EventPattern", "RetentionDays", "SourceArn"],
    whole: &["EventPattern"],
    read: |on| {
        let told = on.ask(EVENTS, "DescribeArchive", map([("ArchiveName", on.physical())]))?;
        let mut all = ARCHIVE.rows(on, &told, &[("SourceArn", "EventSourceArn")]);
        put(&mut all, "EventPattern", parsed(&own(&told, "EventPattern")));
        Ok(Seen::of(all, vec![("Arn", own(&told, "ArchiveArn"))]))
    },
    identifiers: &["ArchiveName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static CONNECTION: Look = Look {
    sees: &["AuthParameters", "AuthorizationType", "Description", "Name"],
    blind: &[
        "AuthParameters.ApiKeyAuthParameters.ApiKeyValue",
        "AuthParameters.BasicAuthParameters.Password",
        "AuthParameters.InvocationHttpParameters",
        "AuthParameters.OAuthParameters.ClientParameters.ClientSecret",
        "AuthParameters.OAuthParameters.OAuthHttpParameters",
    ],
    read: |on| {
        let told = on.ask(EVENTS, "DescribeConnection", map([("Name", on.physical())]))?;
        let for_policy = on.arn(EVENTS, &format!("connection/{}", on.physical));
        let attributes = vec![("Arn", own(&told, "ConnectionArn")), ("ArnForPolicy", for_policy)];
        Ok(Seen::of(CONNECTION.rows(on, &told, &[]), attributes))
    },
    identifiers: &["Name"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static DESTINATION: Look = Look {
    sees: &[
        "ConnectionArn",
        "Description",
        "HttpMethod",
        "InvocationEndpoint",
        "InvocationRateLimitPerSecond",
        "Name",
    ],
    read: |on| {
        let told = on.ask(EVENTS, "DescribeApiDestination", map([("Name", on.physical())]))?;
        let for_policy = on.arn(EVENTS, &format!("api-destination/{}", on.physical));
        let attributes = vec![("Arn", own(&told, "ApiDestinationArn")), ("ArnForPolicy", for_policy)];
        Ok(Seen::of(DESTINATION.rows(on, &told, &[]), attributes))
    },
    identifiers: &["Name"],
    ..PLAIN
};

/// The statement of this name that the bus has already.
pub(in crate::cloudformation::kinds) fn stated(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let values = ["EventBusName", "StatementId"].map(|name| on.text(name).unwrap_or_default());
    STATEMENT.is_there(on, &values)
}

/// The statements that the stack's other resources put into its policy are theirs.
fn bus(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = on.ask(EVENTS, "DescribeEventBus", map([("Name", on.physical())]))?;
    let arn = own(&told, "Arn");
    let mut all = BUS.rows(on, &told, &[]);
    let mut policy = parsed(&own(&told, "Policy"));
    let beside = on.attached("AWS::Events::EventBusPolicy")?;
    if let Value::Map(entries) = &mut policy {
        let is_own = |one: &Value| {
            beside.iter().all(|(_, other)| text_at(other, "StatementId") != text_at(one, "Sid"))
        };
        for (_, value) in entries.iter_mut().filter(|(name, _)| name == "Statement") {
            if let Value::List(statements) = value {
                statements.retain(is_own);
            }
        }
    }
    put(&mut all, "Policy", policy);
    let tagged = on.ask(EVENTS, "ListTagsForResource", map([("ResourceARN", arn.clone())]))?;
    put(&mut all, "Tags", on.tags_as_written(&own(&tagged, "Tags")));
    Ok(Seen::of(all, vec![("Arn", arn), ("Name", own(&told, "Name"))]))
}
