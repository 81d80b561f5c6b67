//! Throughput as tables and indexes may ask for it: units that are provisioned, limits on demand, and warm throughput.

use super::errors::{Error, Refusal, parameter};
use super::model::table::{IndexRecord, OnDemandLimits, Status, TableRecord, Throughput, Warm};
use base::Timestamp;
use std::time::Duration;

/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html>: what each table and
/// index on demand is ready for from its beginning, in units a second.
const WARM_READ: i64 = 12_000;
const WARM_WRITE: i64 = 4_000;
const WARM_GUIDE: &str = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial";
/// AWS: the service's default quotas: most units of a table or an index, each way.
pub(crate) const TABLE_UNITS: i64 = 40_000;
/// AWS: the service's quotas: how often throughput may be lowered in a day (UTC) without waiting.
const DECREASES_AT_ONCE: i64 = 4;
const BETWEEN_DECREASES: Duration = Duration::from_secs(3_600);

wire::shape! {
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct OnDemandThroughput {
        pub(crate) read: Option<i64> = "MaxReadRequestUnits",
        pub(crate) write: Option<i64> = "MaxWriteRequestUnits",
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct WarmThroughput {
        pub(crate) read: Option<i64> = "ReadUnitsPerSecond",
        pub(crate) write: Option<i64> = "WriteUnitsPerSecond",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct WarmDescription {
        pub(crate) read: i64 = "ReadUnitsPerSecond",
        pub(crate) write: i64 = "WriteUnitsPerSecond",
        pub(crate) status: String = "Status",
    }
}

/// The limits that a new table or index is asked for with.
///
/// # Errors
/// Those of [`limits`], and one for -1, which there is nothing to lift with yet.
pub(crate) fn first_limits(
    asked: Option<OnDemandThroughput>,
    on_demand: bool,
    what: &str,
) -> Result<OnDemandLimits, Error> {
    let named = asked.and_then(|asked| {
        asked.read.map(|_| "MaxReadRequestUnits").or(asked.write.map(|_| "MaxWriteRequestUnits"))
    });
    if let Some(name) = named.filter(|_| !on_demand) {
        // AWS: recorded; a new table is told so in other words than one that is there.
        let of = what.strip_prefix("index : ").map(|index| format!(" for index: {index}"));
        let of = of.unwrap_or_default();
        return Err(parameter(format_args!(
            "{name} for OnDemandThroughput{of} cannot be specified when table BillingMode is PROVISIONED."
        )));
    }
    let none = |limit: Option<i64>| if limit == Some(-1) { Some(0) } else { limit };
    let asked = asked.map(|asked| OnDemandThroughput { read: none(asked.read), write: none(asked.write) });
    limits(OnDemandLimits::default(), asked, on_demand, what)
}

/// Takes over the limits that a request names; -1 lifts one. `what` is `table`, or `index : ` and its name.
///
/// # Errors
/// `ValidationException` for a limit that is none, and for a table that is not on demand.
pub(crate) fn limits(
    current: OnDemandLimits,
    asked: Option<OnDemandThroughput>,
    on_demand: bool,
    what: &str,
) -> Result<OnDemandLimits, Error> {
    let Some(asked) = asked else { return Ok(current) };
    let one = |name: &str, current: Option<i64>, asked: Option<i64>| match asked {
        None => Ok(current),
        Some(_) if !on_demand => Err(parameter(format_args!(
            "{name} for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
        ))),
        Some(-1) => Ok(None),
        Some(units) if units >= 1 => Ok(Some(units)),
        Some(_) => Err(parameter(format_args!(
            "Requested {name} for OnDemandThroughput for {what} is outside of valid range"
        ))),
    };
    Ok(OnDemandLimits {
        read: one("MaxReadRequestUnits", current.read, asked.read)?,
        write: one("MaxWriteRequestUnits", current.write, asked.write)?,
    })
}

pub(crate) fn described_limits(limits: OnDemandLimits) -> Option<OnDemandThroughput> {
    let any = limits.read.is_some() || limits.write.is_some();
    any.then_some(OnDemandThroughput { read: limits.read, write: limits.write })
}

/// AWS: recorded; the answer to a change tells -1 of what it has lifted, other answers are silent about what has no limit.
pub(crate) fn answered_limits(
    described: Option<OnDemandThroughput>,
    asked: Option<OnDemandThroughput>,
) -> Option<OnDemandThroughput> {
    let Some(asked) = asked else { return described };
    let shown = described.unwrap_or(OnDemandThroughput { read: None, write: None });
    let limits = OnDemandThroughput { read: shown.read.or(asked.read), write: shown.write.or(asked.write) };
    Some(limits).filter(|limits| limits.read.is_some() || limits.write.is_some())
}

/// What a table or an index is ready for.
pub(crate) fn warm(warm: Warm, throughput: &Throughput, on_demand: bool) -> (i64, i64) {
    let (read, write) = if on_demand { (WARM_READ, WARM_WRITE) } else { (throughput.read, throughput.write) };
    (warm.read.unwrap_or(read).max(read), warm.write.unwrap_or(write).max(write))
}

/// What a table has once asked for, or had provisioned, for later.
pub(crate) fn kept_warm(current: Warm, throughput: &Throughput, on_demand: bool) -> Warm {
    let (read, write) = warm(current, throughput, on_demand);
    Warm { read: Some(read), write: Some(write), ..current }
}

/// The warm throughput that a new table or index is asked for with. `what` is `table`, or `index` and its name.
///
/// # Errors
/// `ValidationException` for less than it has from its beginning.
pub(crate) fn first_warm(
    asked: Option<WarmThroughput>,
    throughput: &Throughput,
    on_demand: bool,
    what: &str,
) -> Result<Warm, Error> {
    let Some(asked) = asked else { return Ok(Warm::default()) };
    let (read, write) = warm(Warm::default(), throughput, on_demand);
    for (name, units, least, provisioned) in [
        ("ReadUnitsPerSecond", asked.read, read, "ReadCapacityUnits"),
        ("WriteUnitsPerSecond", asked.write, write, "WriteCapacityUnits"),
    ] {
        if units.is_some_and(|units| units < least) {
            let than = match on_demand {
                true => format!("initial throughput for OnDemand. See: {WARM_GUIDE}"),
                false => format!("{provisioned} of ProvisionedThroughput"),
            };
            return Err(parameter(format_args!(
                "Requested {name} for WarmThroughput for {what} is lower than {than}"
            )));
        }
    }
    Ok(Warm { read: asked.read, write: asked.write, ..Warm::default() })
}

/// Takes over the warm throughput that a request names. `what` is `table`, or `index` and its name.
///
/// # Errors
/// `ValidationException` for less than there is.
pub(crate) fn warmed(
    current: Warm,
    asked: Option<WarmThroughput>,
    throughput: &Throughput,
    on_demand: bool,
    what: &str,
) -> Result<Warm, Error> {
    let Some(asked) = asked else { return Ok(current) };
    let (read, write) = warm(current, throughput, on_demand);
    for (name, units, least) in
        [("ReadUnitsPerSecond", asked.read, read), ("WriteUnitsPerSecond", asked.write, write)]
    {
        if units.is_some_and(|units| units < least) {
            return Err(parameter(format_args!(
                "Requested {name} for WarmThroughput for {what} is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
            )));
        }
    }
    Ok(Warm {
        read: asked.read.or(current.read),
        write: asked.write.or(current.write),
        changing: true,
        read_before: current.read_before.or(Some(read)),
        write_before: current.write_before.or(Some(write)),
    })
}

/// The warm throughput of a table or an index in this state; of one that is still being made there is none to tell. What
/// is provisioned anew is warm once that is done.
pub(crate) fn described_warm(
    asked: Warm,
    throughput: &Throughput,
    on_demand: bool,
    of: Status,
) -> Option<WarmDescription> {
    let (read, write) = match throughput.before.as_deref() {
        None => warm(asked, throughput, on_demand),
        // Nothing is provisioned on demand.
        Some(before) => warm(asked, before, before.read == 0),
    };
    let (read, write) = (asked.read_before.unwrap_or(read), asked.write_before.unwrap_or(write));
    let status = match of {
        Status::Creating => return None,
        _ if asked.changing => "UPDATING",
        _ => "ACTIVE",
    };
    Some(WarmDescription { read, write, status: status.to_owned() })
}

/// What a table that is being made was asked for with. AWS: recorded; what it has in any case is told of later.
pub(crate) fn asked_warm(asked: Warm, throughput: &Throughput, on_demand: bool) -> Option<WarmDescription> {
    let (read, write) = warm(asked, throughput, on_demand);
    let any = asked.read.is_some() || asked.write.is_some();
    any.then(|| WarmDescription { read, write, status: "UPDATING".to_owned() })
}

/// Refuses more than tables and indexes may have. What `before` had already is left alone.
///
/// # Errors
/// `LimitExceededException`.
pub(crate) fn check_most(table: &TableRecord, before: Option<&TableRecord>) -> Result<(), Error> {
    let region = table.region.name();
    let own = |table: &TableRecord| asked_units(&table.throughput, table.on_demand_limits, table.warm);
    let of_index = |index: &IndexRecord| asked_units(&index.throughput, index.on_demand_limits, index.warm);
    let mut all = vec![(None, own(table), before.map(own))];
    all.extend(table.globals().map(|index| {
        let known = before.and_then(|before| before.index(&index.name)).map(of_index);
        (Some(&index.name), of_index(index), known)
    }));
    for (index, asked, known) in all {
        for (at, (way, units)) in asked.into_iter().enumerate() {
            if units <= TABLE_UNITS || known.is_some_and(|known| known[at].1 == units) {
                continue;
            }
            let of = |gap: &str| index.map_or("table".to_owned(), |name| format!("index{gap}{name}"));
            return Err(Refusal::Limit(match at / 2 {
                0 => {
                    let whose = index.map(|name| format!(" for index {name}")).unwrap_or_default();
                    let what = if index.is_some() { "index" } else { "table" };
                    format!(
                        "The requested {way}CapacityUnits{whose}, {units}, is above the per {what} maximum for the account in {region}. Per {what} maximum: {TABLE_UNITS}. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
                    )
                }
                1 => format!(
                    "Subscriber limit exceeded: Requested Max{way}RequestUnits for OnDemandThroughput for {} exceeds TableMax{way}CapacityUnits of the account in region {region}",
                    of(" : ")
                ),
                _ => format!(
                    "Subscriber limit exceeded: Requested {way}UnitsPerSecond for WarmThroughput for {} exceeds TableMax{way}CapacityUnits of the account in region {region}",
                    of(" ")
                ),
            })
            .into());
        }
    }
    Ok(())
}

/// Provisioned units, limits on demand and warm throughput, each to read and to write.
fn asked_units(throughput: &Throughput, limits: OnDemandLimits, warm: Warm) -> [(&'static str, i64); 6] {
    [
        ("Read", throughput.read),
        ("Write", throughput.write),
        ("Read", limits.read.unwrap_or(0)),
        ("Write", limits.write.unwrap_or(0)),
        ("Read", warm.read.unwrap_or(0)),
        ("Write", warm.write.unwrap_or(0)),
    ]
}

/// Refuses to lower the throughput of a table or an index once more too soon.
///
/// # Errors
/// `LimitExceededException`.
pub(crate) fn check_decrease(current: &Throughput, new: &Throughput, now: Timestamp) -> Result<(), Error> {
    let lowers = new.read < current.read || new.write < current.write;
    let (today, Some(last)) = (current.decreases_today(now), current.decreased) else { return Ok(()) };
    if !lowers || today < DECREASES_AT_ONCE || now.since(last) >= BETWEEN_DECREASES {
        return Ok(());
    }
    // The next day begins anew.
    let midnight = Timestamp::from_seconds((now.seconds().div_euclid(86_400) + 1) * 86_400);
    Err(Refusal::Limit(format!(
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the first {DECREASES_AT_ONCE} decreases, each subsequent decrease in the same UTC day can be performed at most once every {} seconds. Number of decreases today: {today}. Last decrease at {}. Next decrease can be made at {}.",
        BETWEEN_DECREASES.as_secs(),
        spoken(last),
        spoken(last.plus(BETWEEN_DECREASES).min(midnight))
    ))
    .into())
}

/// `Tuesday, January 22, 2019 at 3:40:51 PM Coordinated Universal Time`. AWS: recorded.
fn spoken(time: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let seconds = time.seconds();
    let day = DAYS[seconds.div_euclid(86_400).rem_euclid(7) as usize];
    let clock = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let half = if hour < 12 { "AM" } else { "PM" };
    // `2019-01-22T...`
    let iso = time.to_string();
    let mut parts = iso.split(['-', 'T']);
    let year = parts.next().unwrap_or_default();
    let month = parts.next().and_then(|m| m.parse::<usize>().ok()).unwrap_or(1);
    let date = parts.next().and_then(|d| d.parse::<u32>().ok()).unwrap_or(1);
    let month = MONTHS[(month - 1).min(11)];
    let hour = (hour + 11) % 12 + 1;
    format!(
        "{day}, {month} {date}, {year} at {hour}:{minute:02}:{second:02} {half} Coordinated Universal Time"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_aws_speaks_them() {
        for (seconds, text) in [
            (1_548_171_651, "Tuesday, January 22, 2019 at 3:40:51 PM Coordinated Universal Time"),
            (0, "Thursday, January 1, 1970 at 12:00:00 AM Coordinated Universal Time"),
            (1_709_208_000, "Thursday, February 29, 2024 at 12:00:00 PM Coordinated Universal Time"),
        ] {
            assert_eq!(spoken(Timestamp::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn the_fifth_decrease_of_a_day_waits_for_an_hour() {
        let now = Timestamp::from_seconds(1_548_171_651);
        let current = Throughput { decreased: Some(now), decreases: 4, ..Throughput::of(10, 10) };
        let later = |seconds| now.plus(Duration::from_secs(seconds));
        assert!(check_decrease(&current, &Throughput::of(9, 10), later(3_599)).is_err());
        assert!(check_decrease(&current, &Throughput::of(9, 10), later(3_600)).is_ok());
        assert!(check_decrease(&current, &Throughput::of(11, 10), later(1)).is_ok());
        assert!(check_decrease(&current, &Throughput::of(9, 10), later(86_400)).is_ok());
        let third = Throughput { decreases: 3, ..current };
        assert!(check_decrease(&third, &Throughput::of(9, 10), later(1)).is_ok());
    }

    #[test]
    fn warm_throughput_is_never_lowered() {
        let asked = |read, write| Some(WarmThroughput { read, write });
        let none = Throughput::default();
        let first = warmed(Warm::default(), asked(Some(13_000), None), &none, true, "table").unwrap();
        assert_eq!(warm(first, &none, true), (13_000, 4_000));
        assert!(warmed(first, asked(Some(12_500), None), &none, true, "table").is_err());
        assert!(warmed(first, asked(None, Some(3_999)), &none, true, "table").is_err());
        assert_eq!(warm(first, &Throughput::of(20_000, 5), false), (20_000, 5));
    }
}
