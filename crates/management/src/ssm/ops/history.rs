//! All versions of a parameter.

use super::{existing, home, position};
use crate::ssm::errors::SsmError;
use crate::ssm::model::{HISTORY, Parameter, SECURE, arn};
use crate::ssm::{access, sealing};
use base::Timestamp;
use kernel::Cx;
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    GetParameterHistory: history, "ssm:GetParameterHistory", access::named;
}

const PAGE_MAX: i64 = 50;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetParameterHistory {
        name: String = "Name",
        decrypt: Option<bool> = "WithDecryption",
        max: Option<i64> = "MaxResults",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct History {
        versions: Vec<Entry> = "Parameters",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Entry {
        name: String = "Name",
        kind: String = "Type",
        key: Option<String> = "KeyId",
        modified: Timestamp = "LastModifiedDate",
        modified_by: String = "LastModifiedUser",
        description: Option<String> = "Description",
        value: String = "Value",
        allowed_pattern: Option<String> = "AllowedPattern",
        version: i64 = "Version",
        labels: Vec<String> = "Labels",
        tier: String = "Tier",
        data_type: String = "DataType",
    }
}

fn history(cx: &mut Cx<'_>, req: GetParameterHistory) -> Result<History, SsmError> {
    let parameter = existing(cx, &req.name)?;
    let list = format!("ssm:history {} {}", cx.account, req.name);
    let after = position(cx, &list, req.token.as_deref())?.and_then(|number| number.parse::<u64>().ok());
    let key = Parameter::key(home(cx), &req.name);
    // A hundred at most.
    let older = HISTORY.scan(cx.tx, &key, Direction::Forward).map(|pair| pair.map(|(_, version)| version));
    let mut versions = older.collect::<Result<Vec<_>, _>>()?;
    versions.push(parameter.latest.clone());
    versions.retain(|version| after.is_none_or(|after| version.number > after));
    let max = req.max.unwrap_or(PAGE_MAX) as usize;
    let more = versions.len() > max;
    versions.truncate(max);
    let last = versions.last().filter(|_| more);
    let token = last.map(|last| cx.pager().token(&list, last.number.to_string().as_bytes()));
    let arn = arn(home(cx), &req.name);
    let mut shown = Vec::with_capacity(versions.len());
    for version in versions {
        let open = req.decrypt.unwrap_or_default() && version.kind == SECURE;
        shown.push(Entry {
            value: if open { sealing::open(cx, &arn, &version)? } else { version.value },
            name: req.name.clone(),
            kind: version.kind,
            key: version.key,
            modified: version.modified,
            modified_by: version.modified_by,
            description: version.description,
            allowed_pattern: version.allowed_pattern,
            version: version.number as i64,
            labels: parameter.labels_of(version.number),
            tier: version.tier,
            data_type: version.data_type,
        });
    }
    Ok(History { versions: shown, token })
}
