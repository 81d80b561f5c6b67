//! Who listens to API calls: the default buses of which a rule or an archive may want them.
//!
//! This is asked on every change in the cloud, so the answers are remembered until a rule or an archive is changed.

use super::archive::ARCHIVES;
use super::model::{Bus, DEFAULT, Home, RULES};
use kernel::Cloud;
use kernel::pattern::Pattern;
use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use store::{Direction, Key, Read, StoreError, Watch};
use wire::Value;

const CALL: &str = "AWS API Call via CloudTrail";
const DETAIL_TYPE: &str = "detail-type";
/// Beyond this many the memory is emptied and fills again.
const HOMES_MAX: usize = 10_000;

/// Kept by [`Cloud::memory`].
#[derive(Default, Debug)]
pub(super) struct Listening {
    watches: OnceLock<[Watch; 2]>,
    known: RwLock<Known>,
}

#[derive(Default, Debug)]
struct Known {
    generation: u64,
    homes: HashMap<Home, bool>,
}

impl Listening {
    fn generation(&self, cloud: &Cloud) -> u64 {
        let all = Key::empty();
        let watch =
            || [RULES.stored_key(&all), ARCHIVES.stored_key(&all)].map(|prefix| cloud.store().watch(&prefix));
        self.watches.get_or_init(watch).iter().map(Watch::generation).sum()
    }

    pub(super) fn wants_calls(&self, cloud: &Cloud, home: Home) -> bool {
        // Before the state is read: what is kept is then never older than its generation says.
        let generation = self.generation(cloud);
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.generation == generation
                && let Some(wants) = known.homes.get(&home)
            {
                return *wants;
            }
        }
        // What cannot be read wants everything: the event says later what is wrong.
        let wants = read(&cloud.store().snapshot(), home).unwrap_or(true);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.generation != generation || known.homes.len() >= HOMES_MAX {
            *known = Known { generation, homes: HashMap::new() };
        }
        known.homes.insert(home, wants);
        wants
    }
}

fn read(from: &dyn Read, home: Home) -> Result<bool, StoreError> {
    for rule in RULES.scan(from, &Bus::key(home, DEFAULT), Direction::Forward) {
        let (_, rule) = rule?;
        if rule.enabled && rule.pattern.as_deref().is_some_and(may_want) {
            return Ok(true);
        }
    }
    for archive in ARCHIVES.scan(from, &Key::regional(home.0, home.1), Direction::Forward) {
        let (_, archive) = archive?;
        if archive.bus == DEFAULT && archive.pattern.as_deref().is_none_or(may_want) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a pattern may want a call, by what it says of the type of events.
fn may_want(pattern: &str) -> bool {
    let Some(read) = wire::json::read(pattern) else { return false };
    let Some(wanted) = read.entry(DETAIL_TYPE) else { return true };
    let document = |value: Value| Value::Map(vec![(DETAIL_TYPE.to_owned(), value)]);
    let of_type = Pattern::read(&wire::json::text(&document(wanted.clone())));
    of_type.is_ok_and(|of_type| of_type.matches(&document(Value::str(CALL))))
}

#[cfg(test)]
mod tests {
    use super::may_want;

    #[test]
    fn patterns_that_may_want_a_call() {
        for (pattern, expected) in [
            (r#"{"source":["aws.iam"]}"#, true),
            (r#"{"detail-type":["AWS API Call via CloudTrail"],"source":["aws.iam"]}"#, true),
            (r#"{"detail-type":[{"prefix":"AWS API"}]}"#, true),
            (r#"{"detail-type":["EC2 Instance State-change Notification"]}"#, false),
            (r#"{"detail-type":[{"anything-but":"AWS API Call via CloudTrail"}]}"#, false),
            (r#"{"$or":[{"detail-type":["x"]},{"source":["y"]}]}"#, true),
            ("nonsense", false),
        ] {
            assert_eq!(may_want(pattern), expected, "{pattern}");
        }
    }
}
