//! The documents of inventories, line by line.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/api-job-output-get.html>

use super::model::Archive;
use super::tree;
use base::Timestamp;
use std::borrow::Cow;
use wire::{Struct, Value};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    pub(super) fn parse(text: &str) -> Option<Format> {
        match text {
            "JSON" => Some(Format::Json),
            "CSV" => Some(Format::Csv),
            _ => None,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Csv => "text/csv",
        }
    }
}

/// What stands before the archives.
pub(super) fn head(format: Format, vault: &str, at: Timestamp) -> String {
    match format {
        Format::Json => {
            let vault = wire::json::text(&Value::str(vault));
            let at = at.whole_seconds().iso8601();
            format!("{{\"VaultARN\":{vault},\"InventoryDate\":\"{at}\",\"ArchiveList\":[")
        }
        Format::Csv => "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n".to_owned(),
    }
}

/// One archive; in JSON with what separates it from the one before.
pub(super) fn line(format: Format, is_first: bool, archive: &Archive) -> String {
    let description = archive.description.as_deref().unwrap_or_default();
    let (created, hash) = (archive.created.iso8601_millis(), tree::text(&archive.hash));
    match format {
        Format::Json => {
            let members: Struct = [
                ("ArchiveId", Value::str(archive.id.as_str())),
                ("ArchiveDescription", Value::str(description)),
                ("CreationDate", Value::Str(created)),
                ("Size", Value::Int(i64::try_from(archive.size).unwrap_or(i64::MAX))),
                ("SHA256TreeHash", Value::Str(hash)),
            ]
            .into_iter()
            .collect();
            let separator = if is_first { "" } else { "," };
            format!("{separator}{}", wire::json::text(&Value::Struct(members)))
        }
        Format::Csv => {
            format!("{},{},{created},{},{hash}\n", archive.id, quoted(description), archive.size)
        }
    }
}

/// What stands behind them.
pub(super) fn tail(format: Format) -> &'static str {
    match format {
        Format::Json => "]}",
        Format::Csv => "",
    }
}

/// AWS: a field with a comma or a quote is enclosed in quotes, those within it get a backslash, and backslashes none.
fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\\\"")).into()
    } else {
        field.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, head, line, quoted, tail};
    use crate::glacier::model::Archive;
    use base::Timestamp;

    fn archive() -> Archive {
        Archive {
            id: "abc".into(),
            description: Some("one, \"two\"".into()),
            created: Timestamp::parse_iso8601("2026-01-15T12:00:00.25Z").unwrap(),
            size: 7,
            hash: vec![0xAB; 2],
            ..Archive::default()
        }
    }

    #[test]
    fn json() {
        let at = Timestamp::parse_iso8601("2026-01-16T00:00:00.5Z").unwrap();
        let all = [
            head(Format::Json, "arn:aws:glacier:r:1:vaults/v", at),
            line(Format::Json, true, &archive()),
            line(Format::Json, false, &archive()),
            tail(Format::Json).to_owned(),
        ];
        let one = r#"{"ArchiveId":"abc","ArchiveDescription":"one, \"two\"","CreationDate":"2026-01-15T12:00:00.250Z","Size":7,"SHA256TreeHash":"abab"}"#;
        let expected = format!(
            r#"{{"VaultARN":"arn:aws:glacier:r:1:vaults/v","InventoryDate":"2026-01-16T00:00:00Z","ArchiveList":[{one},{one}]}}"#
        );
        assert_eq!(all.concat(), expected);
    }

    #[test]
    fn csv() {
        assert_eq!(
            line(Format::Csv, true, &archive()),
            "abc,\"one, \\\"two\\\"\",2026-01-15T12:00:00.250Z,7,abab\n"
        );
        // AWS's own examples.
        assert_eq!(quoted("my archive description,1"), "\"my archive description,1\"");
        assert_eq!(quoted("my archive description,1\"2"), "\"my archive description,1\\\"2\"");
        assert_eq!(quoted("my archive description,1\\\"2"), "\"my archive description,1\\\\\"2\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
