//! Provisioned capacity: what guarantees that expedited retrievals find room. Here they always do.

use super::OfAccount;
use crate::glacier::errors::{GlacierError, Refusal};
use crate::glacier::model::{CAPACITY, Capacity};
use crate::glacier::{access, vaults};
use base::{Timestamp, calendar};
use kernel::Cx;
use store::{Direction, Key, StoreError};

kernel::ops! { pub(in crate::glacier) static OPS:
    ListProvisionedCapacity: list, "glacier:ListProvisionedCapacity", access::account;
    PurchaseProvisionedCapacity: purchase, "glacier:PurchaseProvisionedCapacity", access::account;
}

/// AWS: units of an account in a region.
const UNITS_MAX: usize = 2;
const ID_LEN: usize = 24;
const DAY_SECONDS: i64 = 24 * 3600;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Purchased { id: String = "capacityId" }

    #[derive(Debug)]
    pub(crate) struct Listed { units: Vec<Unit> = "ProvisionedCapacityList" }

    #[derive(Debug)]
    pub(crate) struct Unit {
        id: String = "CapacityId",
        from: String = "StartDate",
        until: String = "ExpirationDate",
    }
}

/// AWS: to the second a month later; on the last day of a month that is shorter.
fn month_after(from: Timestamp) -> Timestamp {
    let of_day = from.seconds().rem_euclid(DAY_SECONDS);
    let (year, month, day) = calendar::date(from.seconds().div_euclid(DAY_SECONDS));
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let days = |day: i64| calendar::days(year, month as u32, day as u32);
    let later = (28..=day).rev().find(|day| calendar::date(days(*day)) == (year, month, *day));
    Timestamp::from_seconds(days(later.unwrap_or(day)) * DAY_SECONDS + of_day)
}

fn units(cx: &Cx<'_>, prefix: &Key) -> Result<Vec<(Key, Capacity)>, StoreError> {
    CAPACITY.scan(cx.tx, prefix, Direction::Forward).collect()
}

fn purchase(cx: &mut Cx<'_>, req: OfAccount) -> Result<Purchased, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    let prefix = Key::regional(account, cx.region);
    let (over, running): (Vec<_>, Vec<_>) =
        units(cx, &prefix)?.into_iter().partition(|(_, unit)| unit.until <= cx.now);
    over.iter().for_each(|(key, _)| CAPACITY.delete(cx.tx, key));
    if running.len() >= UNITS_MAX {
        let what = format!("An account has at most {UNITS_MAX} provisioned capacity units");
        return Err(Refusal::Limit(what).into());
    }
    let id = vaults::id(cx, ID_LEN);
    let unit = Capacity { id: id.clone(), from: cx.now, until: month_after(cx.now) };
    CAPACITY.put(cx.tx, &prefix.str(&id), &unit);
    Ok(Purchased { id })
}

fn list(cx: &mut Cx<'_>, req: OfAccount) -> Result<Listed, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    let all = units(cx, &Key::regional(account, cx.region))?;
    let running = all.into_iter().map(|(_, unit)| unit).filter(|unit| unit.until > cx.now);
    let view = |unit: Capacity| Unit {
        id: unit.id,
        from: unit.from.iso8601_millis(),
        until: unit.until.iso8601_millis(),
    };
    Ok(Listed { units: running.map(view).collect() })
}

#[cfg(test)]
mod tests {
    use super::month_after;
    use base::Timestamp;

    #[test]
    fn a_month() {
        for (from, until) in [
            ("2026-01-15T12:00:01Z", "2026-02-15T12:00:01Z"),
            ("2026-08-31T00:00:00Z", "2026-09-30T00:00:00Z"),
            ("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"),
            ("2024-01-31T10:00:00Z", "2024-02-29T10:00:00Z"),
            ("2026-12-10T10:00:00Z", "2027-01-10T10:00:00Z"),
        ] {
            assert_eq!(month_after(Timestamp::parse_iso8601(from).unwrap()).iso8601(), until);
        }
    }
}
