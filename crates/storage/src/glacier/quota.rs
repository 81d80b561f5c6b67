//! Data retrieval policies: how much standard retrievals of an account may take in a region.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/data-retrieval-policy.html>. A retrieval's rate is its bytes by
//! the hours that it takes; what runs at the same time adds up.

use super::errors::{GlacierError, Refusal};
use super::model::{RETRIEVAL_POLICIES, RETRIEVED, RetrievalPolicy, Retrieved, Vault};
use crate::retrieval::Tier;
use base::{AccountId, Region, Timestamp};
use kernel::Cx;
use std::time::Duration;
use store::{Direction, Key};

pub(super) const NONE: &str = "None";
pub(super) const FREE_TIER: &str = "FreeTier";
pub(super) const BYTES_PER_HOUR: &str = "BytesPerHour";

/// AWS: 10 GB a month are free; a policy takes them day by day.
const FREE_BYTES_A_DAY: u64 = (10 << 30) / 30;
const DAY_SECONDS: i64 = 24 * 3600;

fn rate(bytes: u64, takes: Duration) -> u64 {
    let seconds = takes.as_secs().max(1);
    u64::try_from(u128::from(bytes) * 3600 / u128::from(seconds)).unwrap_or(u64::MAX)
}

/// Whether a retrieval of so many bytes is within the policy, beside those that there are.
fn is_within(policy: &RetrievalPolicy, others: &[Retrieved], bytes: u64, now: Timestamp) -> bool {
    let day = |at: Timestamp| at.seconds().div_euclid(DAY_SECONDS);
    match policy.strategy.as_str() {
        BYTES_PER_HOUR => {
            let running = others.iter().filter(|other| other.until > now);
            let taken: u64 = running.map(|other| rate(other.bytes, other.until.since(other.from))).sum();
            taken.saturating_add(rate(bytes, Tier::Standard.duration()))
                <= policy.bytes_per_hour.unwrap_or(u64::MAX)
        }
        FREE_TIER => {
            let today = others.iter().filter(|other| day(other.from) == day(now));
            today.map(|other| other.bytes).sum::<u64>().saturating_add(bytes) <= FREE_BYTES_A_DAY
        }
        _ => true,
    }
}

/// Where a job's retrieval is counted.
pub(super) fn key((account, region): (AccountId, Region), job: &str) -> Key {
    Key::regional(account, region).str(job)
}

/// Counts a retrieval of so many bytes, if the account's policy has room for it.
///
/// # Errors
/// `PolicyEnforcedException`
pub(super) fn take(
    cx: &mut Cx<'_>,
    vault: &Vault,
    job: &str,
    tier: Tier,
    bytes: u64,
) -> Result<(), GlacierError> {
    // AWS: expedited and bulk retrievals are not counted.
    if tier != Tier::Standard {
        return Ok(());
    }
    let prefix = Key::regional(vault.account, vault.region);
    if let Some(policy) = RETRIEVAL_POLICIES.get(cx.tx, &prefix)?.filter(|policy| policy.strategy != NONE) {
        let others = RETRIEVED.scan(cx.tx, &prefix, Direction::Forward);
        let others: Vec<Retrieved> = others.map(|pair| pair.map(|(_, one)| one)).collect::<Result<_, _>>()?;
        if !is_within(&policy, &others, bytes, cx.now) {
            return Err(Refusal::Enforced.into());
        }
    }
    let until = cx.now.plus(tier.duration());
    RETRIEVED.put(cx.tx, &key((vault.account, vault.region), job), &Retrieved { bytes, from: cx.now, until });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BYTES_PER_HOUR, FREE_BYTES_A_DAY, FREE_TIER, NONE, is_within};
    use crate::glacier::model::{RetrievalPolicy, Retrieved};
    use base::Timestamp;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    fn policy(strategy: &str, bytes_per_hour: Option<u64>) -> RetrievalPolicy {
        RetrievalPolicy { strategy: strategy.into(), bytes_per_hour }
    }

    #[test]
    fn what_a_policy_lets_through() {
        let now = Timestamp::parse_iso8601("2026-01-15T12:00:00Z").unwrap();
        let other = |bytes: u64, ago: u32| {
            let from = now.minus(HOUR * ago);
            Retrieved { bytes, from, until: from.plus(HOUR * 5) }
        };
        let max = policy(BYTES_PER_HOUR, Some(1000));
        // Five hours of a thousand bytes.
        assert!(is_within(&max, &[], 5000, now) && !is_within(&max, &[], 5005, now));
        assert!(is_within(&max, &[other(2500, 1)], 2500, now));
        assert!(!is_within(&max, &[other(2500, 1)], 2505, now));
        assert!(is_within(&max, &[other(5000, 5)], 5000, now), "it is over");

        let free = policy(FREE_TIER, None);
        assert!(is_within(&free, &[], FREE_BYTES_A_DAY, now));
        assert!(!is_within(&free, &[other(1, 6)], FREE_BYTES_A_DAY, now));
        assert!(is_within(&free, &[other(1, 13)], FREE_BYTES_A_DAY, now), "it was yesterday");
        assert!(is_within(&policy(NONE, None), &[other(u64::MAX, 1)], u64::MAX, now));
    }
}
