//! The Time Sync Service of each VPC, at 169.254.169.123: it tells the time of the cloud, which is the machine's as long as
//! nobody has moved it.
//!
//! RFC 5905, as far as a client without keys goes. Pure. Not here: the hardware clock, the IPv6 address.

use base::Timestamp;

const MESSAGE_BYTES: usize = 48;
/// From 1900, where its time begins, to 1970.
const EPOCH: i64 = 2_208_988_800;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=4;
/// It has its time from no other server that has a name.
const STRATUM: u8 = 1;
const SOURCE: &[u8; 4] = b"LOCL";
/// Microseconds, as a power of two of seconds.
const PRECISION: i8 = -20;

/// Seconds and their fractions; the era is for who reads to know.
fn stamp(time: Timestamp) -> [u8; 8] {
    let micros = time.micros();
    let seconds = (micros.div_euclid(1_000_000) + EPOCH).rem_euclid(1 << 32) as u64;
    let fraction = (micros.rem_euclid(1_000_000) as u64 * (1 << 32)) / 1_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}

/// What a client is told that asked at this time; `None` for what is no question.
pub(super) fn answer(asked: &[u8], now: Timestamp) -> Option<Vec<u8>> {
    let head = *asked.first().filter(|_| asked.len() >= MESSAGE_BYTES)?;
    let (version, mode) = (head >> 3 & 7, head & 7);
    if mode != CLIENT || !VERSIONS.contains(&version) {
        return None;
    }
    let mut told = vec![0; MESSAGE_BYTES];
    told[0] = version << 3 | SERVER;
    told[1] = STRATUM;
    // How often it asks is its own affair.
    told[2] = asked[2];
    told[3] = PRECISION.to_be_bytes()[0];
    told[12..16].copy_from_slice(SOURCE);
    told[16..24].copy_from_slice(&stamp(now));
    // By its own time, which comes back to it, it tells the answers apart.
    told[24..32].copy_from_slice(&asked[40..48]);
    told[32..40].copy_from_slice(&stamp(now));
    told[40..48].copy_from_slice(&stamp(now));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::answer;
    use base::Timestamp;

    #[test]
    fn a_client_is_told_the_time() {
        let mut asked = vec![0; 48];
        (asked[0], asked[2], asked[47]) = (4 << 3 | 3, 6, 9);
        // 2026-01-15T12:00:00.25Z
        let told = answer(&asked, Timestamp::from_micros(1_768_478_400_250_000)).unwrap();
        assert_eq!((told[0], told[1], told[2]), (4 << 3 | 4, 1, 6));
        assert_eq!(told[24..32], asked[40..48]);
        let seconds = (1_768_478_400u64 + 2_208_988_800).to_be_bytes();
        assert_eq!(told[40..44], seconds[4..]);
        assert_eq!(told[44..48], [0x40, 0, 0, 0]);
        // After 2036 the seconds begin anew.
        let late = answer(&asked, Timestamp::from_seconds(2_085_978_496 + 5)).unwrap();
        assert_eq!(late[40..44], [0, 0, 0, 5]);
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let now = Timestamp::from_seconds(0);
        for (length, head) in [(47, 4 << 3 | 3), (48, 4 << 3 | 4), (48, 3), (48, 5 << 3 | 3), (0, 0)] {
            let mut asked = vec![0; length];
            if let Some(first) = asked.first_mut() {
                *first = head;
            }
            assert_eq!(answer(&asked, now), None, "{length} {head}");
        }
    }
}
