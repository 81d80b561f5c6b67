//! Log events, and their places.

use base::Timestamp;
use store::{Key, Table};

/// By stream id, time, number within the stream.
pub(crate) const EVENTS: Table<Event> = Table::new(0x1503, "logs/events");

/// What each event counts beside its message.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
pub(crate) const OVERHEAD_BYTES: usize = 26;

/// The digits of an event's id and of the tokens that tell places.
const DIGITS: usize = 56;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Event {
        1 => pub(crate) message: String,
        2 => pub(crate) ingested: Timestamp,
        /// The number of the data key that seals the message; 0: it lies as it is.
        3 => pub(crate) key: u64,
        4 => pub(crate) sealed: Vec<u8>,
    }
}

/// Where an event stands in its stream. Ordered as the events are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    /// Milliseconds since the epoch.
    pub(crate) time: i64,
    pub(crate) number: u64,
}

impl Place {
    pub(crate) fn key(self, stream: u64) -> Key {
        prefix(stream).i64(self.time).u64(self.number)
    }

    pub(crate) fn of(key: &Key) -> Option<Place> {
        let mut reader = key.reader();
        reader.scope()?;
        reader.u64()?;
        Some(Place { time: reader.i64()?, number: reader.u64()? })
    }

    /// `00000000001768478400000000000000000000000000000000000007`: as long as AWS's, and in the events' order.
    pub(crate) fn digits(self, stream: u64) -> String {
        format!("{:016}{stream:020}{:020}", self.time.max(0), self.number)
    }

    /// The place and its stream.
    pub(crate) fn from_digits(text: &str) -> Option<(Place, u64)> {
        if text.len() != DIGITS || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (time, number) = (text[..16].parse().ok()?, text[36..].parse().ok()?);
        Some((Place { time, number }, text[16..36].parse().ok()?))
    }
}

/// The events of a stream.
pub(crate) fn prefix(stream: u64) -> Key {
    Key::global().u64(stream)
}

/// Milliseconds since the epoch, as this service tells all its times.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.micros().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_both_of_their_forms() {
        let place = Place { time: 1_768_478_400_000, number: 7 };
        assert_eq!(Place::of(&place.key(u64::MAX)), Some(place));
        let digits = place.digits(u64::MAX);
        assert_eq!(digits.len(), DIGITS);
        assert_eq!(Place::from_digits(&digits), Some((place, u64::MAX)));
        for bad in ["", "12", &"9".repeat(56), &"x".repeat(56)] {
            assert_eq!(Place::from_digits(bad), None, "{bad}");
        }
    }
}
