//! When the next list of an inventory is due.
//!
//! AWS begins daily ones each day and weekly ones on Sunday (UTC), and promises no hour; here it is midnight.

use base::Timestamp;
use std::time::Duration;

const DAY_SECONDS: i64 = 86_400;
/// The first Sunday that timestamps count: 1970-01-04.
const SUNDAY: i64 = 3;

/// The first midnight after `now`; of a weekly inventory, the first one that begins a Sunday.
pub fn next(frequency: &str, now: Timestamp) -> Timestamp {
    let tomorrow = now.seconds().div_euclid(DAY_SECONDS) + 1;
    let day = match frequency {
        "Weekly" => tomorrow + (SUNDAY - tomorrow).rem_euclid(7),
        _ => tomorrow,
    };
    Timestamp::from_seconds(0).plus(Duration::from_secs(u64::try_from(day * DAY_SECONDS).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::next;
    use base::Timestamp;

    #[test]
    fn midnights_and_sundays() {
        let table = [
            ("Daily", "2026-01-15T12:00:00Z", "2026-01-16T00:00:00Z"),
            ("Daily", "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"),
            // A Thursday, a Saturday's last second, a Sunday's first.
            ("Weekly", "2026-01-15T12:00:00Z", "2026-01-18T00:00:00Z"),
            ("Weekly", "2026-01-17T23:59:59Z", "2026-01-18T00:00:00Z"),
            ("Weekly", "2026-01-18T00:00:00Z", "2026-01-25T00:00:00Z"),
        ];
        for (frequency, now, want) in table {
            let now = Timestamp::parse_iso8601(now).unwrap();
            assert_eq!(next(frequency, now).iso8601(), want, "{frequency} {now:?}");
        }
    }
}
