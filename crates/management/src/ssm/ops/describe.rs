//! What parameters there are, without their values.

use super::home;
use crate::ssm::errors::{SsmError, invalid};
use crate::ssm::filter::{Filters, StringFilter};
use crate::ssm::model::{PARAMETERS, Parameter, arn};
use base::Timestamp;
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    DescribeParameters: describe, "ssm:DescribeParameters", kernel::access::any;
}

const PAGE_MAX: i64 = 50;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct OlderFilter {
        key: String = "Key",
        values: Vec<String> = "Values",
    }

    #[derive(Debug)]
    pub(crate) struct DescribeParameters {
        older: Vec<OlderFilter> = "Filters",
        filters: Vec<StringFilter> = "ParameterFilters",
        shared: Option<bool> = "Shared",
        max: Option<i64> = "MaxResults",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Described {
        parameters: Vec<Metadata> = "Parameters",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Metadata {
        name: String = "Name",
        arn: String = "ARN",
        kind: String = "Type",
        key: Option<String> = "KeyId",
        modified: Timestamp = "LastModifiedDate",
        modified_by: String = "LastModifiedUser",
        description: Option<String> = "Description",
        allowed_pattern: Option<String> = "AllowedPattern",
        version: i64 = "Version",
        tier: String = "Tier",
        data_type: String = "DataType",
    }
}

fn metadata(cx: &Cx<'_>, parameter: Parameter) -> Metadata {
    let latest = parameter.latest;
    Metadata {
        arn: arn(home(cx), &parameter.name),
        name: parameter.name,
        kind: latest.kind,
        key: latest.key,
        modified: latest.modified,
        modified_by: latest.modified_by,
        description: latest.description,
        allowed_pattern: latest.allowed_pattern,
        version: latest.number as i64,
        tier: latest.tier,
        data_type: latest.data_type,
    }
}

fn describe(cx: &mut Cx<'_>, req: DescribeParameters) -> Result<Described, SsmError> {
    if !req.older.is_empty() && !req.filters.is_empty() {
        return Err(invalid("You can't use Filters and ParameterFilters in the same request."));
    }
    // Nobody shares with another account here.
    if req.shared.unwrap_or_default() {
        return Ok(Described { parameters: Vec::new(), token: None });
    }
    let list = format!("ssm:describe {} {} {:?} {:?}", cx.account, cx.region.name(), req.older, req.filters);
    let mut asked = req.filters;
    asked.extend(req.older.into_iter().map(|older| StringFilter::equals(older.key, older.values)));
    let filters = Filters::describing(asked)?;
    let max = req.max.unwrap_or(PAGE_MAX) as usize;
    let prefix = Key::regional(cx.account, cx.region);
    let wanted = |parameter: &Parameter| filters.pass(parameter);
    let (found, token) = cx.list(&PARAMETERS, &prefix, &list, req.token.as_deref(), max, wanted)?;
    Ok(Described { parameters: found.into_iter().map(|parameter| metadata(cx, parameter)).collect(), token })
}
