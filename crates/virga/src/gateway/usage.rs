//! `/_virga/usage`: what has been used, what that costs and what an hour more would, added up as somebody wants to see it.

use super::Gateway;
use super::internal::{Refusal, aside};
use base::{AccountId, Timestamp};
use clap::ValueEnum;
use kernel::meter::{Charge, Query, Used, standing, usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// By what usage is added up, beside its type.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum By {
    Service,
    Resource,
    UsageType,
    Operation,
}

impl By {
    /// The words of a row, in the order in which rows are sorted.
    fn words(self, used: &Used) -> Vec<(&'static str, String)> {
        let service = ("service", used.product.clone());
        let usage_type = ("usageType", used.usage_type.clone());
        match self {
            By::Service => vec![service, usage_type],
            By::Resource => vec![service, ("resource", used.resource.clone()), usage_type],
            By::UsageType => vec![usage_type, service],
            By::Operation => vec![service, ("operation", used.operation.clone()), usage_type],
        }
    }
}

/// What a row adds up.
struct Sum {
    amount: u128,
    unit: String,
    per: u64,
    charge: Charge,
    /// All of it has a price.
    priced: bool,
}

/// Rows by their words.
type Sums = BTreeMap<Vec<(&'static str, String)>, Sum>;

/// `?from=2026-01-01&to=2026-02-01T12:00:00Z&by=resource&account=123456789012`, each of them optional.
pub(super) async fn answer(gateway: &Gateway, query: &str) -> Result<Value, Refusal> {
    let bad = |why: String| Refusal(400, why);
    let now = gateway.cloud.clock().now();
    let mut asked =
        Query { from: month(now), to: now.plus(std::time::Duration::from_micros(1)), account: None };
    let mut by = By::Service;
    for (name, value) in wire::head::form_pairs(query) {
        match &*name {
            "from" => asked.from = time(&value).ok_or_else(|| bad(no_time(&value)))?,
            "to" => asked.to = time(&value).ok_or_else(|| bad(no_time(&value)))?,
            "account" => {
                let account = AccountId::parse(&value);
                asked.account =
                    Some(account.ok_or_else(|| bad(format!("{value:?} is not an account's twelve digits")))?);
            }
            "by" => {
                let known = "service, resource, usage-type or operation";
                by = By::from_str(&value, false)
                    .map_err(|_| bad(format!("usage is told by {known}, not by {value:?}")))?;
            }
            other => return Err(bad(format!("{other:?} is not asked of usage"))),
        }
    }
    let cloud = Arc::clone(&gateway.cloud);
    let both = move || Ok((usage(&cloud, &asked)?, standing(&cloud, asked.account)?));
    let (used, stands) = aside(both).await?;
    let used = sums(by, &used);
    let stands = sums(by, &stands);
    Ok(json!({
        "from": asked.from.iso8601(),
        "to": asked.to.iso8601(),
        "currency": "USD",
        "charge": total(&used).to_string(),
        "rows": rows(used),
        "hourlyCharge": total(&stands).to_string(),
        "monthlyCharge": total(&stands).times(HOURS_PER_MONTH).to_string(),
        "hourly": rows(stands),
    }))
}

/// As AWS reckons prices by the month.
const HOURS_PER_MONTH: u128 = 730;

/// What all that has a price costs.
fn total(sums: &Sums) -> Charge {
    sums.values().map(|sum| sum.charge).sum()
}

fn no_time(text: &str) -> String {
    format!("{text:?} is no time: write 2026-01-31 or 2026-01-31T12:00:00Z")
}

/// A day stands for its beginning.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse_iso8601(text).or_else(|| Timestamp::parse_iso8601(&format!("{text}T00:00:00Z")))
}

/// When the month of a moment began.
fn month(now: Timestamp) -> Timestamp {
    let (year, month, _) = base::calendar::date(now.seconds().div_euclid(86_400));
    Timestamp::from_seconds(base::calendar::days(year, u32::try_from(month).unwrap_or(1), 1) * 86_400)
}

fn sums(by: By, all: &[Used]) -> Sums {
    let mut sums = Sums::new();
    for used in all {
        let sum = sums.entry(by.words(used)).or_insert_with(|| Sum {
            amount: 0,
            unit: used.unit.clone(),
            per: used.per,
            charge: Charge::default(),
            priced: true,
        });
        let charge = used.charge();
        sum.amount += used.amount();
        sum.charge = [sum.charge, charge.unwrap_or_default()].into_iter().sum();
        sum.priced &= charge.is_some();
    }
    sums
}

fn rows(sums: Sums) -> Vec<Value> {
    sums.into_iter().map(|(words, sum)| row(words, &sum)).collect()
}

fn row(words: Vec<(&'static str, String)>, sum: &Sum) -> Value {
    let mut row = serde_json::Map::new();
    for (name, word) in words {
        row.insert(name.to_owned(), word.into());
    }
    row.insert("usage".to_owned(), decimal(sum.amount, sum.per).into());
    row.insert("unit".to_owned(), sum.unit.clone().into());
    // For those who want it exact.
    row.insert("parts".to_owned(), sum.amount.to_string().into());
    row.insert("partsPerUnit".to_owned(), sum.per.into());
    // What has no price in a list is not told to cost nothing.
    row.insert("charge".to_owned(), if sum.priced { sum.charge.to_string().into() } else { Value::Null });
    row.into()
}

/// A quotient with up to six places.
fn decimal(parts: u128, per: u64) -> String {
    const PLACES: u128 = 1_000_000;
    let per = u128::from(per.max(1));
    let millionths = (parts * PLACES + per / 2) / per;
    let text = format!("{}.{:06}", millionths / PLACES, millionths % PLACES);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{By, decimal, month, rows, sums, time};
    use base::{AccountId, Region, Timestamp};
    use kernel::meter::{Rate, Used};
    use serde_json::Value;

    #[test]
    fn quotients() {
        for (parts, per, text) in [
            (0, 1, "0"),
            (7, 1, "7"),
            (3, 2, "1.5"),
            (1, 3_600, "0.000278"),
            (7_200, 3_600, "2"),
            (5, 0, "5"),
        ] {
            assert_eq!(decimal(parts, per), text);
        }
    }

    #[test]
    fn times() {
        let at = Timestamp::parse_iso8601("2026-01-31T12:00:00Z").unwrap();
        assert_eq!(time("2026-01-31T12:00:00Z"), Some(at));
        assert_eq!(month(at), time("2026-01-01").unwrap());
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn rows_are_added_up() {
        let used = |resource: &str, operation: &str, each, hours| Used {
            hour: Timestamp::from_seconds(0),
            hours,
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            product: "AmazonS3".into(),
            usage_type: "Requests-Tier1".into(),
            operation: operation.into(),
            resource: resource.into(),
            each,
            unit: "Requests".into(),
            per: 1,
            rate: (resource == "a").then_some(Rate { micros: 5_000, units: 1_000 }),
        };
        let all = [used("a", "PutObject", 3, 1), used("b", "PutObject", 2, 4), used("a", "ListBucket", 1, 1)];
        let all = |by| sums(by, &all);
        let amounts = |by| all(by).into_values().map(|sum| sum.amount).collect::<Vec<_>>();
        assert_eq!(amounts(By::Service), [12]);
        assert_eq!(amounts(By::Resource), [4, 8]);
        assert_eq!(amounts(By::Operation), [1, 11]);
        // What has no price makes no sum cheaper than it is.
        let charges = |by| rows(all(by)).into_iter().map(|row| row["charge"].clone()).collect::<Vec<Value>>();
        assert_eq!(charges(By::Resource), [Value::from("0.000020"), Value::Null]);
        assert_eq!(charges(By::Service), [Value::Null]);
        assert_eq!(super::total(&all(By::Service)).to_string(), "0.000020");
    }
}
