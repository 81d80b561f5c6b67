//! `Condition`: operators, keys, and values that fit both.

use super::{At, Effect, FindingType, Report, Statement, elements};
use crate::actions::{self, KeyKind};
use crate::spans::Json;
use base::Timestamp;
use std::net::IpAddr;

/// The family of an operator, which says what its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    String,
    Numeric,
    Date,
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

const OPERATORS: [(&str, Family); 26] = [
    ("StringEquals", Family::String),
    ("StringNotEquals", Family::String),
    ("StringEqualsIgnoreCase", Family::String),
    ("StringNotEqualsIgnoreCase", Family::String),
    ("StringLike", Family::String),
    ("StringNotLike", Family::String),
    ("NumericEquals", Family::Numeric),
    ("NumericNotEquals", Family::Numeric),
    ("NumericLessThan", Family::Numeric),
    ("NumericLessThanEquals", Family::Numeric),
    ("NumericGreaterThan", Family::Numeric),
    ("NumericGreaterThanEquals", Family::Numeric),
    ("DateEquals", Family::Date),
    ("DateNotEquals", Family::Date),
    ("DateLessThan", Family::Date),
    ("DateLessThanEquals", Family::Date),
    ("DateGreaterThan", Family::Date),
    ("DateGreaterThanEquals", Family::Date),
    ("Bool", Family::Bool),
    ("BinaryEquals", Family::Binary),
    ("IpAddress", Family::Ip),
    ("NotIpAddress", Family::Ip),
    ("ArnEquals", Family::Arn),
    ("ArnLike", Family::Arn),
    ("ArnNotEquals", Family::Arn),
    ("ArnNotLike", Family::Arn),
];

/// An operator taken apart: `ForAllValues:StringLikeIfExists`.
struct Operator<'a> {
    written: &'a str,
    base: &'static str,
    family: Family,
    for_all: bool,
    for_any: bool,
    if_exists: bool,
}

pub(super) fn check(report: &mut Report<'_>, statement: &Statement<'_>) {
    let Some(at) = statement.at.member("Condition") else { return };
    let Json::Object(operators) = &at.node.value else { return report.mismatch("Object", &at) };
    if operators.is_empty() {
        let details = "This condition block is empty and it does not affect the policy. Specify conditions.";
        report.add(FindingType::Suggestion, "EMPTY_OBJECT_CONDITION", details, &[&at]);
    }
    for member in operators {
        let Some(operator) = Operator::parse(&member.name) else {
            let details = format!(
                "The condition operator {} is not valid. Use a valid condition operator.",
                member.name
            );
            report.add_key(FindingType::Error, "INVALID_CONDITION_OPERATOR", details, &at, member);
            continue;
        };
        if operator.family == Family::Null && operator.if_exists {
            let details = "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the \
                           suffix.";
            report.add_key(FindingType::Error, "NULL_WITH_IF_EXISTS", details, &at, member);
        }
        if operator.family == Family::Null && (operator.for_all || operator.for_any) {
            let details = "Avoid using the Null condition operator with the ForAllValues or ForAnyValue qualifiers because \
                           they always return a true or false respectively.";
            report.add_key(FindingType::Suggestion, "NULL_WITH_QUALIFIER", details, &at, member);
        }
        let block = at.child(member);
        if !matches!(block.node.value, Json::Object(_)) {
            report.mismatch("Object", &block);
            continue;
        }
        doubled(report, &block);
        for key in block.members() {
            let value = block.child(key);
            if known_key(report, &block, key) {
                fits(report, statement, &operator, &key.name, &value);
            }
            values(report, statement, &operator, &key.name, &value);
        }
    }
}

impl<'a> Operator<'a> {
    fn parse(written: &'a str) -> Option<Operator<'a>> {
        let (qualifier, rest) = written.split_once(':').unwrap_or(("", written));
        let for_all = qualifier.eq_ignore_ascii_case("ForAllValues");
        let for_any = qualifier.eq_ignore_ascii_case("ForAnyValue");
        if written.contains(':') && !for_all && !for_any {
            return None;
        }
        let short = rest.len().checked_sub("IfExists".len()).and_then(|at| rest.split_at_checked(at));
        let (name, if_exists) = match short {
            Some((name, suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (name, true),
            _ => (rest, false),
        };
        let null = [("Null", Family::Null)];
        let (base, family) =
            OPERATORS.iter().chain(&null).copied().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(Operator { written, base, family, for_all, for_any, if_exists })
    }
}

/// The same key twice in one block, in different spellings.
fn doubled(report: &mut Report<'_>, block: &At<'_>) {
    let members = block.members();
    for (index, member) in members.iter().enumerate() {
        if members[..index].iter().any(|m| m.name != member.name && m.name.eq_ignore_ascii_case(&member.name))
        {
            let details = format!(
                "The condition key {} appears more than once with different capitalization in the same condition block. \
                 Remove the duplicate condition keys.",
                member.name
            );
            report.add_key(FindingType::Error, "DUPLICATE_KEYS_WITH_DIFFERENT_CASE", details, block, member);
        }
    }
}

/// Returns whether the key is one that AWS documents; identity providers name their own, which cannot be known.
fn known_key(report: &mut Report<'_>, block: &At<'_>, member: &crate::spans::Member) -> bool {
    let key = member.name.as_str();
    let mut error = |code, details| {
        report.add_key(FindingType::Error, code, details, block, member);
        false
    };
    let Some((prefix, rest)) = key.split_once(':').filter(|(p, r)| !p.is_empty() && !r.is_empty()) else {
        let details = "The condition key format is not valid. Use the format service:keyname.".to_owned();
        return error("INVALID_CONDITION_KEY_FORMAT", details);
    };
    if actions::condition_key(key).is_some() {
        return true;
    }
    if key.eq_ignore_ascii_case("aws:ARN") {
        let details =
            "The condition key aws:ARN is not supported. Use aws:PrincipalArn or aws:SourceArn instead.";
        return error("UNSUPPORTED_GLOBAL_CONDITION_KEY", details.to_owned());
    }
    let with_slash = format!("{}/", key.trim_end_matches('/'));
    if actions::condition_key(&format!("{with_slash}x")).is_some() {
        let details = format!(
            "The condition key {with_slash} must include a tag key to control access based on tags. Use the format \
             {with_slash}tag-key and specify a key name for tag-key."
        );
        return error("MISSING_TAG_KEY_IN_CONDITION", details);
    }
    if prefix.eq_ignore_ascii_case("aws") {
        let details = format!("The condition key {key} does not exist. Use a valid condition key.");
        return error("INVALID_GLOBAL_CONDITION_KEY", details);
    }
    if actions::service(prefix).is_some() {
        let details = format!(
            "The condition key {key} does not exist in the service {prefix}. Use a valid condition key."
        );
        return error("INVALID_SERVICE_CONDITION_KEY", details);
    }
    // `accounts.example.com/path:aud` and `saml:...` belong to providers.
    if prefix.contains('.') || prefix.eq_ignore_ascii_case("saml") || rest.contains("${") {
        return false;
    }
    let details = format!("The service {prefix} does not exist. Use a valid service name.");
    error("INVALID_SERVICE", details)
}

/// Does the operator fit the key, and the key the actions.
fn fits(report: &mut Report<'_>, statement: &Statement<'_>, operator: &Operator<'_>, key: &str, at: &At<'_>) {
    let Some(facts) = actions::condition_key(key) else { return };
    let qualified = operator.for_all || operator.for_any;
    if facts.many && !qualified && operator.family != Family::Null {
        let details = format!(
            "The request context key {key} has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers \
             in your policy."
        );
        report.error("MISSING_QUALIFIER", details, at);
    }
    if !facts.many && operator.for_all && statement.effect == Some(Effect::Allow) {
        let details = format!(
            "Using ForAllValues qualifier with the single-valued condition key {key} can be overly permissive. We recommend \
             that you remove ForAllValues:."
        );
        report.add(FindingType::SecurityWarning, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", details, &[at]);
    }
    let (allowed, good) = match facts.kind {
        KeyKind::String => ("String", matches!(operator.family, Family::String | Family::Binary)),
        KeyKind::Arn => ("ARN", matches!(operator.family, Family::Arn | Family::String)),
        KeyKind::Bool => ("Boolean", operator.family == Family::Bool),
        KeyKind::Date => ("Date", matches!(operator.family, Family::Date | Family::Numeric)),
        KeyKind::Numeric => ("Numeric", operator.family == Family::Numeric),
        KeyKind::Ip => ("IP address", operator.family == Family::Ip),
    };
    let advice = || {
        format!(
            "Use the operator type {allowed} instead of operator {} for the condition key {key}.",
            operator.written
        )
    };
    if !good && operator.family != Family::Null {
        report.add(FindingType::Warning, "TYPE_MISMATCH", advice(), &[at]);
    } else if facts.kind == KeyKind::Arn && operator.base == "StringLike" {
        report.add(
            FindingType::SecurityWarning,
            "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS",
            advice(),
            &[at],
        );
    }
    unsupported(report, statement, key, at);
}

/// Actions of the statement that do not know a service's key; actions with wildcards are not looked at.
fn unsupported(report: &mut Report<'_>, statement: &Statement<'_>, key: &str, at: &At<'_>) {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return;
    }
    let Some(action) = statement.at.member("Action") else { return };
    let items = if action.items().is_empty() { vec![action] } else { action.items() };
    let ignorant = |item: &At<'_>| match &item.node.value {
        Json::String(name) => actions::action(name)
            .filter(|known| !known.all_condition_keys().any(|own| actions::template_matches(own, key)))
            .map(actions::Action::full_name),
        _ => None,
    };
    let found: Vec<(At<'_>, String)> =
        items.into_iter().filter_map(|i| ignorant(&i).map(|n| (i, n))).collect();
    if found.is_empty() {
        return;
    }
    let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    let details = format!(
        "The following actions: {} are not supported by the condition key {key}. The condition will not be evaluated for \
         these actions. We recommend that you move these actions to a different statement without this condition key.",
        names.join(", ")
    );
    let places: Vec<&At<'_>> = found.iter().map(|(at, _)| at).chain(std::iter::once(at)).collect();
    report.add(FindingType::Error, "UNSUPPORTED_ACTION_FOR_CONDITION_KEY", details, &places);
}

fn values(
    report: &mut Report<'_>,
    statement: &Statement<'_>,
    operator: &Operator<'_>,
    key: &str,
    at: &At<'_>,
) {
    let items = match &at.node.value {
        Json::Array(items) if items.is_empty() => return empty(report, operator, key, at),
        Json::Array(_) => at.items(),
        _ => vec![at.clone()],
    };
    let mut kinds = [false; 3];
    let mut texts = Vec::new();
    for item in items {
        let (kind, text) = match &item.node.value {
            Json::String(text) => (0, text.clone()),
            Json::Number(text) => (1, text.clone()),
            Json::Bool(flag) => (2, flag.to_string()),
            _ => {
                report.mismatch("String", &item);
                continue;
            }
        };
        kinds[kind] = true;
        texts.push((item, text));
    }
    if kinds.iter().filter(|k| **k).count() > 1 {
        let details =
            "The condition value data types do not match. Use condition values of the same JSON data type.";
        report.error("INVALID_CONDITION_DATA_TYPE", details, at);
    }
    if matches!(operator.family, Family::Bool | Family::Null) && texts.len() > 1 {
        let details =
            "The condition key does not support multiple Boolean values. Use a single Boolean value.";
        report.error("INVALID_CONDITION_MULTIPLE_BOOLEAN", details, at);
    }
    for (item, text) in &texts {
        value(report, statement, operator, item, text);
        identifier(report, key, item, text);
    }
    if operator.family == Family::Ip && key.eq_ignore_ascii_case("aws:SourceIp") {
        private(report, operator, at, &texts);
    }
}

fn empty(report: &mut Report<'_>, operator: &Operator<'_>, key: &str, at: &At<'_>) {
    let (code, details) = if operator.for_all {
        (
            "EMPTY_ARRAY_CONDITION_FORALLVALUES",
            format!(
                "The ForAllValues prefix with an empty condition key matches only if the key {key} is missing from the request \
                 context. To determine if the request context is empty, we recommend that you use the Null condition operator \
                 with the value of true instead."
            ),
        )
    } else if operator.for_any {
        (
            "EMPTY_ARRAY_CONDITION_FORANYVALUE",
            format!(
                "The ForAnyValue prefix with an empty condition key {key} never matches the request context and it does not \
                 affect the policy. Specify conditions."
            ),
        )
    } else if operator.if_exists {
        (
            "EMPTY_ARRAY_CONDITION_IFEXISTS",
            format!(
                "The IfExists suffix with an empty condition key matches only if the key {key} is missing from the request \
                 context. To determine if the request context is empty, we recommend that you use the Null condition operator \
                 with the value of true instead."
            ),
        )
    } else {
        (
            "EMPTY_ARRAY_CONDITION",
            format!(
                "There are no values for the condition key {key} and it does not affect the policy. Specify conditions."
            ),
        )
    };
    report.add(FindingType::Suggestion, code, details, &[at]);
}

/// One value against its operator.
fn value(
    report: &mut Report<'_>,
    statement: &Statement<'_>,
    operator: &Operator<'_>,
    at: &At<'_>,
    text: &str,
) {
    let written = operator.written;
    if text.contains("${") {
        if matches!(operator.family, Family::String | Family::Arn) {
            return elements::variables(report, statement, at, text);
        }
        let details = "Policy variables can only be used with String and ARN operators.";
        return report.error("INVALID_VARIABLE_FOR_OPERATOR", details, at);
    }
    match operator.family {
        Family::String if operator.base.ends_with("Like") => {}
        Family::String if text.contains(['*', '?']) => {
            let details = "Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update \
                           the condition operator to include Like.";
            report.add(FindingType::Warning, "WILDCARD_WITHOUT_LIKE_OPERATOR", details, &[at]);
        }
        Family::Bool | Family::Null if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => {
            let details =
                format!("Add a valid Boolean value (true or false) for the condition operator {written}.");
            report.add(FindingType::Warning, "TYPE_MISMATCH_BOOLEAN", details, &[at]);
        }
        Family::Numeric if text.parse::<f64>().is_ok_and(f64::is_finite) => {}
        Family::Numeric => {
            let details = format!("Add a valid numeric value for the condition operator {written}.");
            report.add(FindingType::Warning, "TYPE_MISMATCH_NUMBER", details, &[at]);
        }
        Family::Date if text.parse::<u64>().is_ok_and(|n| n > 9999) => {
            let details = format!(
                "The date {text} might not resolve as expected. We recommend that you use the YYYY-MM-DD format."
            );
            report.add(FindingType::Warning, "INVALID_DATE_VALUE", details, &[at]);
        }
        Family::Date if !is_date(text) => {
            let details = "The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD \
                           or other ISO 8601 date/time format.";
            report.add(FindingType::Warning, "TYPE_MISMATCH_DATE", details, &[at]);
        }
        Family::Binary if !is_base64(text) => {
            let details =
                format!("Add a valid base64-encoded string value for the condition operator {written}.");
            report.add(FindingType::Warning, "TYPE_MISMATCH_STRING", details, &[at]);
        }
        Family::Ip => range(report, operator, at, text),
        _ => {}
    }
}

/// Values of keys with a form of their own.
fn identifier(report: &mut Report<'_>, key: &str, at: &At<'_>, text: &str) {
    let is_id = |prefix: &str| {
        text.contains(['*', '?', '$'])
            || text
                .strip_prefix(prefix)
                .is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    if key.eq_ignore_ascii_case("aws:SourceVpc") && !is_id("vpc-") {
        let details = "The VPC identifier in the condition key value is not valid. Use the prefix 'vpc-' followed by 8 or 17 \
                       alphanumeric characters.";
        report.error("INVALID_VPC_FORMAT", details, at);
    } else if key.eq_ignore_ascii_case("aws:SourceVpce") && !is_id("vpce-") {
        let details = "The VPCE identifier in the condition key value is not valid.  Use the prefix 'vpce-' followed by 8 or \
                       17 alphanumeric characters.";
        report.error("INVALID_VPCE_FORMAT", details, at);
    }
}

fn range(report: &mut Report<'_>, operator: &Operator<'_>, at: &At<'_>, text: &str) {
    let Some((address, bits)) = cidr(text) else {
        let details = format!(
            "The condition operator {} is used with an invalid IP range value. Specify the IP range in standard CIDR format.",
            operator.written
        );
        return report.error("TYPE_MISMATCH_IP_RANGE", details, at);
    };
    let masked = mask(address, bits);
    if masked != address {
        let details = format!(
            "The non-zero bits in the IP address after the masked bits are ignored. Replace address with {masked}/{bits}."
        );
        report.add(FindingType::Suggestion, "IMPROVE_IP_RANGE", details, &[at]);
    }
}

/// Private ranges under `aws:SourceIp`, which only ever sees public addresses.
fn private(report: &mut Report<'_>, operator: &Operator<'_>, at: &At<'_>, texts: &[(At<'_>, String)]) {
    let ranges: Vec<IpAddr> =
        texts.iter().filter_map(|(_, text)| cidr(text)).map(|(address, _)| address).collect();
    let hidden = ranges.iter().filter(|address| is_private(**address)).count();
    if hidden == 0 {
        return;
    }
    let negated = operator.base == "NotIpAddress";
    let (kind, code, details) = match (hidden == ranges.len(), negated) {
        (true, false) => (
            FindingType::Error,
            "PRIVATE_IP_ADDRESS",
            "aws:SourceIp works only for public IP address ranges. The values for condition key aws:SourceIp include only \
             private IP addresses and will not have the desired effect. Update the value to include only public IP addresses.",
        ),
        (true, true) => (
            FindingType::Error,
            "PRIVATE_NOT_IP_ADDRESS",
            "The values for condition key aws:SourceIp include only private IP addresses and has no effect. aws:SourceIp \
             works only for public IP address ranges. Update the value to include only public IP addresses.",
        ),
        (false, false) => (
            FindingType::Suggestion,
            "PRIVATE_IP_ADDRESS_SUBSET",
            "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses \
             will not have the desired effect. aws:SourceIp works only for public IP address ranges. To define permissions \
             for private IP ranges, use aws:VpcSourceIp.",
        ),
        (false, true) => (
            FindingType::Suggestion,
            "PRIVATE_NOT_IP_ADDRESS_SUBSET",
            "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses \
             have no effect. aws:SourceIp works only for public IP address ranges. To define permissions for private IP \
             ranges, use aws:VpcSourceIp.",
        ),
    };
    report.add(kind, code, details, &[at]);
}

/// An address with the number of its leading bits that count; all of them where the text has none.
fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |b| b.parse::<u8>().ok())?;
    (bits <= most).then_some((address, bits))
}

fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let keep = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & keep).into())
        }
        IpAddr::V6(v6) => {
            let keep = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & keep).into())
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xfe00) == 0xfc00,
    }
}

/// `2024`, `2024-05`, `2024-05-06` or a full instant.
fn is_date(text: &str) -> bool {
    let padded = match text.len() {
        4 => format!("{text}-01-01T00:00:00Z"),
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        17 => text.replace('Z', ":00Z"),
        _ => text.to_owned(),
    };
    Timestamp::parse_iso8601(&padded).is_some()
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
