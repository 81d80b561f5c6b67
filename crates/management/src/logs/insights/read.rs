//! From a query's text to its commands.

use super::expression::Expression;
use super::text::{Read, Text};
use super::{Column, Command, Query};
use regex_lite::Regex;

/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Limit.html>
const ROWS_MAX: f64 = 10_000.0;

/// What AWS has beside these.
const NOT_BUILT: [&str; 9] =
    ["pattern", "diff", "anomaly", "unmask", "unnest", "lookup", "join", "filterIndex", "source"];

impl Query {
    /// # Errors
    /// A sentence for `MalformedQueryException`.
    pub(crate) fn read(text: &str) -> Read<Query> {
        let mut text = Text::new(text);
        let mut commands = Vec::new();
        // AWS: a query may begin with a bar.
        text.take("|");
        while !text.is_over() {
            if !commands.is_empty() {
                text.want("|")?;
            }
            commands.push(command(&mut text)?);
        }
        Ok(Query(commands))
    }
}

fn command(text: &mut Text<'_>) -> Read<Command> {
    if text.word("fields") {
        return columns(text).map(Command::Fields);
    }
    if text.word("display") {
        return columns(text).map(Command::Display);
    }
    if text.word("filter") {
        return Expression::read(text).map(Command::Filter);
    }
    if text.word("stats") {
        return stats(text);
    }
    if text.word("sort") || text.word("order") {
        text.word("by");
        return listed(text, |text| {
            let one = Expression::read(text)?;
            let descending = text.word("desc");
            if !descending {
                text.word("asc");
            }
            Ok((one, descending))
        })
        .map(Command::Sort);
    }
    if text.word("limit") || text.word("head") {
        return match text.number().filter(|rows| (1.0..=ROWS_MAX).contains(rows)) {
            Some(rows) => Ok(Command::Limit(rows as usize)),
            None => text.wrong("a number of rows from 1 to 10000"),
        };
    }
    if text.word("parse") {
        return parse(text);
    }
    if text.word("dedup") {
        return listed(text, Expression::read).map(Command::Dedup);
    }
    if let Some(name) = NOT_BUILT.into_iter().find(|name| text.word(name)) {
        return Err(format!("the command {name} is not built"));
    }
    text.wrong("one of the commands fields, display, filter, stats, sort, limit, parse and dedup")
}

fn listed<T>(text: &mut Text<'_>, one: impl Fn(&mut Text<'_>) -> Read<T>) -> Read<Vec<T>> {
    let mut all = vec![one(text)?];
    while text.take(",") {
        all.push(one(text)?);
    }
    Ok(all)
}

/// The name after `as`, else the text itself as it was written.
fn alias(text: &mut Text<'_>, from: usize) -> Read<String> {
    let written = text.since(from).trim_matches('`').to_owned();
    if !text.word("as") {
        return Ok(written);
    }
    match text.name() {
        Some(name) => Ok(name),
        None => text.wrong("a name"),
    }
}

fn column(text: &mut Text<'_>) -> Read<Column> {
    let from = text.place();
    let one = Expression::read(text)?;
    Ok((one, alias(text, from)?))
}

fn columns(text: &mut Text<'_>) -> Read<Vec<Column>> {
    listed(text, column)
}

fn stats(text: &mut Text<'_>) -> Read<Command> {
    text.aggregates = Some(Vec::new());
    let columns = columns(text);
    let aggregates = text.aggregates.take().unwrap_or_default();
    let columns = columns?;
    if aggregates.is_empty() {
        return text.wrong("an aggregate");
    }
    let by = if text.word("by") { self::columns(text)? } else { Vec::new() };
    Ok(Command::Stats { aggregates, columns, by })
}

/// `parse @message "user=*" as user`, `parse @message /user=(?<user>\S+)/`.
fn parse(text: &mut Text<'_>) -> Read<Command> {
    let has_field = !text.begins("\"") && !text.begins("'") && !text.begins("/");
    let from = if has_field { text.name() } else { Some("@message".to_owned()) };
    let Some(from) = from.map(Expression::Field) else { return text.wrong("a field") };
    if let Some(regex) = text.regex()? {
        let pattern =
            Regex::new(&regex).map_err(|_| format!("the regular expression {regex} is not valid"))?;
        let names: Vec<String> = pattern.capture_names().flatten().map(str::to_owned).collect();
        if names.is_empty() || names.len() + 1 != pattern.captures_len() {
            return Err("each group of a regular expression needs a name: (?<name>...)".to_owned());
        }
        return Ok(Command::Parse { from, pattern, names });
    }
    let Some(glob) = text.quoted()? else { return text.wrong("a text or a regular expression") };
    if !text.word("as") {
        return text.wrong("'as'");
    }
    let names = listed(text, |text| match text.name() {
        Some(name) => Ok(name),
        None => text.wrong("a name"),
    })?;
    if glob.matches('*').count() != names.len() {
        return Err("a text to parse by needs as many names as it has asterisks".to_owned());
    }
    let parts: Vec<String> = glob.split('*').map(regex_lite::escape).collect();
    let mut regex = parts.join("(.*?)");
    if glob.ends_with('*') {
        regex.push('$');
    }
    let pattern =
        Regex::new(&format!("(?s){regex}")).map_err(|_| "the text to parse by is not valid".to_owned())?;
    Ok(Command::Parse { from, pattern, names })
}
