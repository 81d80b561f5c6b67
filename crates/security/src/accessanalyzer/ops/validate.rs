//! ValidatePolicy.

use crate::accessanalyzer::errors::invalid;
use auth::findings::{self, Finding, Location, PathElement, PolicyType, Position};
use kernel::Cx;
use kernel::access::any;
use wire::Fault;

kernel::ops! {
    /// AWS: <https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html>
    pub(crate) static OPS:
        ValidatePolicy: validate_policy, "access-analyzer:ValidatePolicy", any;
}

/// Findings of one page where the request does not say; AWS documents no number.
const PAGE: i64 = 100;

wire::shape! {
    pub struct ValidatePolicy {
        pub document: String = "policyDocument",
        pub kind: String = "policyType",
        pub resource_type: Option<String> = "validatePolicyResourceType",
        pub locale: Option<String> = "locale",
        pub max: Option<i64> = "maxResults",
        pub token: Option<String> = "nextToken",
    }

    pub struct Findings {
        pub findings: Vec<FindingShape> = "findings",
        pub token: Option<String> = "nextToken",
    }

    pub struct FindingShape {
        pub details: String = "findingDetails",
        pub kind: String = "findingType",
        pub code: String = "issueCode",
        pub link: String = "learnMoreLink",
        pub locations: Vec<LocationShape> = "locations",
    }

    pub struct LocationShape {
        pub path: Vec<StepShape> = "path",
        pub span: SpanShape = "span",
    }

    pub struct StepShape {
        pub index: Option<i64> = "index",
        pub key: Option<String> = "key",
        pub value: Option<String> = "value",
    }

    pub struct SpanShape {
        pub start: PositionShape = "start",
        pub end: PositionShape = "end",
    }

    pub struct PositionShape {
        pub line: i64 = "line",
        pub column: i64 = "column",
        pub offset: i64 = "offset",
    }
}

fn validate_policy(cx: &mut Cx<'_>, req: ValidatePolicy) -> Result<Findings, Fault> {
    if req.locale.as_deref().is_some_and(|locale| locale != "EN") {
        return Err(invalid("notSupported", "Findings are available in English only."));
    }
    // The model allows no other names.
    let kind = PolicyType::parse(&req.kind)
        .ok_or_else(|| invalid("fieldValidationFailed", "Invalid value for policyType."))?;
    let resource_type = req.resource_type.as_deref();
    if resource_type.is_some() && kind != PolicyType::Resource {
        let message =
            "validatePolicyResourceType can be specified only for policies of the type RESOURCE_POLICY.";
        return Err(invalid("fieldValidationFailed", message));
    }
    let max = req.max.unwrap_or(PAGE);
    let size = usize::try_from(max).ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| invalid("fieldValidationFailed", "maxResults must be greater than 0."))?;
    let list = format!("ValidatePolicy {} {} {resource_type:?} {}", cx.account, req.kind, req.document);
    let from = match req.token {
        Some(token) => {
            begin(cx, &list, &token).ok_or_else(|| invalid("fieldValidationFailed", "Invalid nextToken."))?
        }
        None => 0,
    };
    let all = findings::validate(&req.document, kind, resource_type);
    let end = from.saturating_add(size).min(all.len());
    let token = (end < all.len()).then(|| cx.pager().token(&list, &(end as u64).to_be_bytes()));
    let page = all.into_iter().take(end).skip(from).map(finding).collect();
    Ok(Findings { findings: page, token })
}

/// The number of the finding with which a token's page begins.
fn begin(cx: &Cx<'_>, list: &str, token: &str) -> Option<usize> {
    let position = cx.pager().position(list, token).ok()?;
    usize::try_from(u64::from_be_bytes(position.try_into().ok()?)).ok()
}

fn finding(found: Finding) -> FindingShape {
    FindingShape {
        details: found.details,
        kind: found.finding_type.name().to_owned(),
        code: found.issue_code.to_owned(),
        link: found.learn_more_link,
        locations: found.locations.into_iter().map(location).collect(),
    }
}

fn location(found: Location) -> LocationShape {
    LocationShape {
        path: found.path.into_iter().map(step).collect(),
        span: SpanShape { start: position(found.start), end: position(found.end) },
    }
}

fn step(element: PathElement) -> StepShape {
    let none = StepShape { index: None, key: None, value: None };
    match element {
        PathElement::Index(index) => StepShape { index: Some(index as i64), ..none },
        PathElement::Key(key) => StepShape { key: Some(key), ..none },
        PathElement::Value(value) => StepShape { value: Some(value), ..none },
    }
}

fn position(at: Position) -> PositionShape {
    PositionShape { line: at.line as i64, column: at.column as i64, offset: at.offset as i64 }
}
