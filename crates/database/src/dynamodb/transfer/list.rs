//! ListExports and ListImports.

use super::access;
use super::describe::export_kind;
use super::import::Source;
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::table::{TABLES, TableRecord};
use crate::dynamodb::model::transfer::{EXPORTS, ExportRecord, IMPORTS, ImportRecord, status};
use base::Timestamp;
use kernel::Cx;
use kernel::listing::NoPage;
use store::{Key, Record, Table};

kernel::ops! { pub(in crate::dynamodb) static OPS:
    ListExports: list_exports, "dynamodb:ListExports", access::any;
    ListImports: list_imports, "dynamodb:ListImports", access::any;
}

const PAGE_MAX: usize = 25;
/// What the model says of the tokens of imports: hexadecimal, by sixteens, and at least so long.
const TOKEN_UNIT: usize = 16;
const TOKEN_MIN: usize = 112;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct ListExports {
        table: Option<String> = "TableArn",
        limit: Option<i64> = "MaxResults",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ExportSummary {
        arn: String = "ExportArn",
        status: String = "ExportStatus",
        kind: String = "ExportType",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Exports {
        summaries: Vec<ExportSummary> = "ExportSummaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ListImports {
        table: Option<String> = "TableArn",
        limit: Option<i64> = "PageSize",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(super) struct ImportSummary {
        arn: String = "ImportArn",
        status: String = "ImportStatus",
        table: String = "TableArn",
        source: Source = "S3BucketSource",
        log: Option<String> = "CloudWatchLogGroupArn",
        format: String = "InputFormat",
        started: Timestamp = "StartTime",
        ended: Option<Timestamp> = "EndTime",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Imports {
        summaries: Vec<ImportSummary> = "ImportSummaryList",
        token: Option<String> = "NextToken",
    }
}

/// One page of what is asked for.
fn page<R: Record>(
    cx: &Cx<'_>,
    table: &Table<R>,
    prefix: &Key,
    list: &str,
    token: Option<&str>,
    limit: Option<i64>,
    wanted: impl Fn(&R) -> bool,
) -> Result<(Vec<R>, Option<String>), Error> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX);
    cx.list(table, prefix, list, token, limit, wanted).map_err(|none| match none {
        NoPage::Token => bad_token(token.unwrap_or_default()),
        NoPage::Store(error) => error.into(),
    })
}

fn bad_token(token: &str) -> Error {
    validation(format!("Invalid Request: Provided nextToken is invalid: {token}"))
}

/// What the tokens of a list are bound to.
fn list_name(cx: &Cx<'_>, operation: &str, table: Option<&str>) -> String {
    format!("dynamodb:{operation} {} {} {}", cx.account, cx.region.name(), table.unwrap_or_default())
}

fn list_exports(cx: &mut Cx<'_>, req: ListExports) -> Result<Exports, Error> {
    let list = list_name(cx, "ListExports", req.table.as_deref());
    let all = Key::regional(cx.account, cx.region);
    let (prefix, id) = match &req.table {
        None => (all, None),
        Some(arn) => {
            let place = Place::read_arn(cx, arn)?;
            // Exports of a table that is gone, or was another one of the same name, are not listed with it.
            let known = TABLES.get(&*cx.tx, &TableRecord::key(cx.account, cx.region, &place.name))?;
            (all.str(&place.name), Some(known.map(|table| table.id)))
        }
    };
    let wanted = |export: &ExportRecord| id.as_ref().is_none_or(|id| id.as_ref() == Some(&export.table.id));
    let (found, token) = page(cx, &EXPORTS, &prefix, &list, req.token.as_deref(), req.limit, wanted)?;
    let summary = |export: &ExportRecord| ExportSummary {
        arn: export.arn(),
        status: status(export.ended.as_ref()).to_owned(),
        kind: export_kind(export).to_owned(),
    };
    Ok(Exports { summaries: found.iter().map(summary).collect(), token })
}

fn list_imports(cx: &mut Cx<'_>, req: ListImports) -> Result<Imports, Error> {
    let list = list_name(cx, "ListImports", req.table.as_deref());
    let token =
        req.token.as_deref().map(|token| from_hex(token).ok_or_else(|| bad_token(token))).transpose()?;
    let all = Key::regional(cx.account, cx.region);
    let prefix = match &req.table {
        None => all,
        Some(arn) => all.str(&Place::read_arn(cx, arn)?.name),
    };
    let (found, token) = page(cx, &IMPORTS, &prefix, &list, token.as_deref(), req.limit, |_| true)?;
    let summary = |import: &ImportRecord| ImportSummary {
        arn: import.arn(),
        status: status(import.ended.as_ref()).to_owned(),
        table: import.table.arn(),
        source: Source::of(&import.from),
        log: import.log_arn(),
        format: import.format.clone(),
        started: import.started,
        ended: import.ended.as_ref().map(|ended| ended.time),
    };
    let token = token.map(|token| to_hex(&token));
    Ok(Imports { summaries: found.iter().map(summary).collect(), token })
}

/// Filled up with blanks to the length that the model wants.
fn to_hex(token: &str) -> String {
    let mut out: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    while out.len() < TOKEN_MIN || !out.len().is_multiple_of(TOKEN_UNIT) {
        out.push_str("20");
    }
    out
}

fn from_hex(text: &str) -> Option<String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes = digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    String::from_utf8(bytes).ok().map(|text| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{from_hex, to_hex};

    #[test]
    fn tokens_are_hexadecimal_and_long() {
        for token in ["short", &"long ".repeat(40)] {
            let token = token.trim_end();
            let hex = to_hex(token);
            assert!(hex.len() >= 112 && hex.len().is_multiple_of(16), "{hex}");
            assert_eq!(from_hex(&hex).as_deref(), Some(token));
        }
        assert_eq!(from_hex("zz"), None);
    }
}
