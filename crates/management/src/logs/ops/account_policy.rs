//! Account policies: put, describe, delete. Those of subscription filters are built; the others are refused.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html>

use super::subscription::check_destination;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::account_policy::{ACCOUNT_POLICIES, AccountPolicy, of_account};
use crate::logs::model::event::millis;
use crate::logs::pattern::Pattern;
use crate::logs::{access, subscription};
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    PutAccountPolicy: put, "logs:PutAccountPolicy", access::put_account_policy;
    DescribeAccountPolicies: describe, "logs:DescribeAccountPolicies", kernel::access::any;
    DeleteAccountPolicy: delete, "logs:DeleteAccountPolicy", access::delete_account_policy;
}

pub(crate) const SUBSCRIPTIONS: &str = "SUBSCRIPTION_FILTER_POLICY";
const ALL: &str = "ALL";
/// AWS: an account has one of these in a region.
const POLICIES_MAX: usize = 1;
const DOCUMENT_BYTES_MAX: usize = 30_720;
const CRITERIA_BYTES_MAX: usize = 25_600;
const RANDOM: &str = "Random";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutAccountPolicy {
        name: String = "policyName",
        document: String = "policyDocument",
        kind: String = "policyType",
        scope: Option<String> = "scope",
        criteria: Option<String> = "selectionCriteria",
    }

    #[derive(Debug)]
    pub(crate) struct OnePolicy { policy: Shown = "accountPolicy" }

    #[derive(Debug)]
    pub(crate) struct Shown {
        name: String = "policyName",
        document: String = "policyDocument",
        updated: i64 = "lastUpdatedTime",
        kind: String = "policyType",
        scope: String = "scope",
        criteria: Option<String> = "selectionCriteria",
        account: String = "accountId",
    }

    #[derive(Debug)]
    pub(crate) struct DescribeAccountPolicies {
        kind: String = "policyType",
        name: Option<String> = "policyName",
        accounts: Vec<String> = "accountIdentifiers",
    }

    #[derive(Debug)]
    pub(crate) struct Policies { policies: Vec<Shown> = "accountPolicies" }

    #[derive(Debug)]
    pub(crate) struct DeleteAccountPolicy {
        name: String = "policyName",
        kind: String = "policyType",
    }
}

fn shown(policy: AccountPolicy) -> Shown {
    Shown {
        name: policy.name,
        document: policy.document,
        updated: millis(policy.updated),
        kind: SUBSCRIPTIONS.to_owned(),
        scope: ALL.to_owned(),
        criteria: policy.criteria,
        account: policy.account.to_string(),
    }
}

fn check_kind(kind: &str) -> Result<(), LogsError> {
    match kind {
        SUBSCRIPTIONS => Ok(()),
        other => Err(LogsError::NotBuilt(format!("Account policies of the type {other}"))),
    }
}

/// Where events go, of which pattern, and how they are distributed.
fn read(document: &str) -> Result<(String, String, String), LogsError> {
    let malformed = || invalid("Invalid policyDocument.");
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    let policy = wire::json::read(document).ok_or_else(malformed)?;
    let Value::Map(members) = &policy else { return Err(malformed()) };
    let known = ["DestinationArn", "Distribution", "FilterPattern", "RoleArn"];
    if members.iter().any(|(name, value)| !known.contains(&name.as_str()) || value.as_str().is_none()) {
        return Err(malformed());
    }
    let text = |name: &str| policy.entry(name).and_then(Value::as_str).map(str::to_owned);
    let destination = text("DestinationArn").ok_or_else(malformed)?;
    let pattern = text("FilterPattern").ok_or_else(malformed)?;
    let distribution = text("Distribution").unwrap_or_else(|| RANDOM.to_owned());
    if !matches!(distribution.as_str(), RANDOM | "ByLogStream") {
        return Err(malformed());
    }
    check_destination(&destination, text("RoleArn").as_deref())?;
    Pattern::parse(&pattern).map_err(LogsError::Invalid)?;
    Ok((destination, pattern, distribution))
}

/// The groups that `LogGroupName NOT IN ["a", "b"]` leaves out.
fn left_out(criteria: Option<&str>) -> Result<Vec<String>, LogsError> {
    let Some(criteria) = criteria else { return Ok(Vec::new()) };
    let malformed = || invalid("Invalid selectionCriteria.");
    let mut rest = criteria.trim();
    for word in ["LogGroupName", "NOT", "IN"] {
        rest = rest.strip_prefix(word).ok_or_else(malformed)?.trim_start();
    }
    let names = wire::json::read(rest).filter(|_| criteria.len() <= CRITERIA_BYTES_MAX);
    let Some(Value::List(names)) = names else { return Err(malformed()) };
    names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(malformed)).collect()
}

fn put(cx: &mut Cx<'_>, req: PutAccountPolicy) -> Result<OnePolicy, LogsError> {
    check_kind(&req.kind)?;
    if req.scope.is_some_and(|scope| scope != ALL) {
        return Err(invalid("Invalid scope."));
    }
    let (destination, pattern, distribution) = read(&req.document)?;
    let without = left_out(req.criteria.as_deref())?;
    let others = of_account(cx.tx, cx.account, cx.region)?;
    if others.iter().filter(|other| other.name != req.name).count() >= POLICIES_MAX {
        return Err(LogsError::Limit("Resource limit exceeded.".into()));
    }
    subscription::test(cx, "*", &destination)?;
    let policy = AccountPolicy {
        account: cx.account,
        region: cx.region,
        name: req.name,
        document: req.document,
        criteria: req.criteria,
        updated: cx.now,
        pattern,
        destination,
        distribution,
        without,
        off_until: None,
    };
    policy.save(cx.tx);
    Ok(OnePolicy { policy: shown(policy) })
}

fn describe(cx: &mut Cx<'_>, req: DescribeAccountPolicies) -> Result<Policies, LogsError> {
    if req.accounts.iter().any(|account| *account != cx.account.as_str()) {
        return Err(LogsError::NotBuilt("Policies of other accounts".into()));
    }
    let mut found = match req.kind.as_str() {
        SUBSCRIPTIONS => of_account(cx.tx, cx.account, cx.region)?,
        // There can be none.
        _ => Vec::new(),
    };
    if let Some(name) = req.name {
        found.retain(|policy| policy.name == name);
        if found.is_empty() {
            return Err(LogsError::NoPolicy(name));
        }
    }
    Ok(Policies { policies: found.into_iter().map(shown).collect() })
}

fn delete(cx: &mut Cx<'_>, req: DeleteAccountPolicy) -> Result<Empty, LogsError> {
    let key = AccountPolicy::key(cx.account, cx.region, &req.name);
    if req.kind != SUBSCRIPTIONS || !ACCOUNT_POLICIES.contains(cx.tx, &key)? {
        return Err(LogsError::NoPolicy(req.name));
    }
    ACCOUNT_POLICIES.delete(cx.tx, &key);
    Ok(Empty)
}

#[cfg(test)]
mod tests {
    use super::{left_out, read};
    use crate::logs::errors::LogsError;

    #[test]
    fn documents() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
        let good = format!(r#"{{"DestinationArn":"{arn}","FilterPattern":"ERROR"}}"#);
        assert_eq!(read(&good).unwrap(), (arn.into(), "ERROR".into(), "Random".into()));
        for bad in [
            "x".to_owned(),
            "{}".to_owned(),
            good.replace("ERROR\"", "ERROR\",\"More\":\"1\""),
            good.replace("ERROR\"", "ERROR\",\"Distribution\":\"Even\""),
            good.replace(r#","FilterPattern":"ERROR""#, ""),
        ] {
            assert!(matches!(read(&bad), Err(LogsError::Invalid(_))), "{bad}");
        }
        let other = good.replace(":lambda:", ":kinesis:");
        assert!(matches!(read(&other), Err(LogsError::NotBuilt(_))));
    }

    #[test]
    fn groups_that_are_left_out() {
        assert_eq!(left_out(None).unwrap(), Vec::<String>::new());
        assert_eq!(left_out(Some(r#"LogGroupName NOT IN ["a", "b/c"]"#)).unwrap(), ["a", "b/c"]);
        for bad in ["", "LogGroupName IN [\"a\"]", "LogGroupName NOT IN a", "LogGroupName NOT IN [1]"] {
            assert!(left_out(Some(bad)).is_err(), "{bad}");
        }
    }
}
