//! The key of a delivered log.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html> ("Log object key format")

use super::KeyFormat;
use base::{AccountId, Region, Timestamp};

/// The events of a file lie in the folder of the day on which they happened.
const EVENT_TIME: &str = "EventTime";

/// Where the requests come from that a file tells of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub owner: AccountId,
    pub region: Region,
    pub bucket: &'a str,
}

impl KeyFormat {
    /// Files hold events of one day only.
    pub fn by_event(&self) -> bool {
        self.partitioned.as_ref().is_some_and(|by| by.source.as_deref().unwrap_or(EVENT_TIME) == EVENT_TIME)
    }
}

/// The key of a file that is delivered at `now`, the first of whose events happened at `first`.
pub fn of(
    prefix: &str,
    format: Option<&KeyFormat>,
    source: Source<'_>,
    (first, now): (Timestamp, Timestamp),
    unique: &str,
) -> String {
    let Some(format) = format.filter(|format| format.partitioned.is_some()) else {
        return format!("{prefix}{}-{unique}", stamp(now));
    };
    let stamp = match format.by_event() {
        true => format!("{}-00-00-00", &stamp(first)[..10]),
        false => stamp(now),
    };
    let (account, region, bucket) = (source.owner, source.region.name(), source.bucket);
    let day = stamp[..10].replace('-', "/");
    format!("{prefix}{account}/{region}/{bucket}/{day}/{stamp}-{unique}")
}

/// `2019-02-06-00-00-38`
fn stamp(time: Timestamp) -> String {
    let iso = time.whole_seconds().iso8601();
    iso.trim_end_matches('Z').replace(['T', ':'], "-")
}

#[cfg(test)]
mod tests {
    use super::super::{PartitionedPrefix, SimplePrefix};
    use super::*;

    #[test]
    fn keys_by_format() {
        let time = |text: &str| Timestamp::parse_iso8601(text).unwrap();
        let times = (time("2019-02-06T23:59:38Z"), time("2019-02-07T00:01:02Z"));
        let source = Source { owner: AccountId::DEFAULT, region: Region::US_EAST_1, bucket: "b" };
        let by = |source: Option<&str>| KeyFormat {
            partitioned: Some(PartitionedPrefix { source: source.map(str::to_owned) }),
            ..KeyFormat::default()
        };
        let simple = KeyFormat { simple: Some(SimplePrefix {}), ..KeyFormat::default() };
        let table = [
            (None, "logs/2019-02-07-00-01-02-AB"),
            (Some(simple), "logs/2019-02-07-00-01-02-AB"),
            (Some(by(Some("EventTime"))), "logs/000000000000/us-east-1/b/2019/02/06/2019-02-06-00-00-00-AB"),
            (
                Some(by(Some("DeliveryTime"))),
                "logs/000000000000/us-east-1/b/2019/02/07/2019-02-07-00-01-02-AB",
            ),
        ];
        for (format, want) in table {
            assert_eq!(of("logs/", format.as_ref(), source, times, "AB"), want);
        }
    }
}
