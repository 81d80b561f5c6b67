//! [`Contributors`]: who contributes most, by rules that services keep in their own name. CloudWatch's Contributor Insights
//! reads them ([`RULES`], [`MINUTES`]); a service makes its rules ([`put_rule`], [`forget_rule`]) and notes who did how much.
//!
//! What is noted is added up in memory by rule and minute of the cloud's clock, and written every few seconds: an
//! orderly stop loses none, a crash the last seconds. Of each minute the [`TOPS`] largest are kept; in memory the small are
//! dropped whenever there are [`KEYS_MAX`], so whoever contributes more than a few in a thousand is told of, and the
//! others only in the sums. Minutes are kept for a day, the longest that a report is about.

use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use crate::sharded::Sharded;
use base::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, KeyRange, StoreError, Table, Tx};

const WRITE_AFTER: Duration = Duration::from_secs(5);
const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);
const MINUTE: i64 = 60;
/// Contributors that are kept of a minute: what one report shows at most.
pub const TOPS: usize = 100;
const KEYS_MAX: usize = 2_000;
/// Old minutes of one rule that one write forgets.
const FORGET_MAX: usize = 100;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Rule {
        1 => pub name: String,
        /// The ARN of what it is about.
        2 => pub resource: String,
        /// What a contributor's keys are.
        3 => pub labels: Vec<String>,
    }

    /// What happened in a minute. Values are in thousandths.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Minute {
        1 => pub count: u64,
        2 => pub sum: u64,
        3 => pub least: u64,
        4 => pub most: u64,
        /// About how many contributors there were.
        5 => pub unique: u64,
        /// The largest first.
        6 => pub tops: Vec<Top>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Top {
        1 => pub keys: Vec<String>,
        2 => pub sum: u64,
        3 => pub most: u64,
    }
}

/// By account, region, name.
pub const RULES: Table<Rule> = Table::new(0x0008, "kernel/rules of contributors");
/// By the rule's key and the minute.
pub const MINUTES: Table<Minute> = Table::new(0x0009, "kernel/minutes of contributors");

/// A minute that is being added up.
#[derive(Default, Debug)]
struct Sketch {
    all: Minute,
    /// Sum and largest value.
    keys: HashMap<Vec<String>, (u64, u64)>,
    dropped: u64,
}

/// What was noted and is not yet written: by the rule's key and when its minute began. Kept by [`Cloud::memory`].
#[derive(Default, Debug)]
pub struct Contributors(Sharded<HashMap<(Key, i64), Sketch>>);

impl Minute {
    /// Takes in what happened in another; who it was is for the caller to add up.
    pub fn add(&mut self, other: &Minute) {
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count += other.count;
        self.sum += other.sum;
    }
}

impl Sketch {
    fn note(&mut self, keys: Vec<String>, value: u64) {
        self.all.add(&Minute { count: 1, sum: value, least: value, most: value, ..Minute::default() });
        self.add(keys, value, value);
        if self.keys.len() >= KEYS_MAX {
            let mut sums: Vec<u64> = self.keys.values().map(|(sum, _)| *sum).collect();
            let (_, middle, _) = sums.select_nth_unstable(KEYS_MAX / 2);
            let middle = *middle;
            let above = self.keys.values().filter(|(sum, _)| *sum > middle).count();
            let mut equals = (KEYS_MAX / 2).saturating_sub(above);
            self.keys.retain(|_, (sum, _)| {
                let stays = *sum > middle || *sum == middle && equals > 0;
                equals -= usize::from(stays && *sum == middle);
                stays
            });
            self.dropped += (KEYS_MAX - self.keys.len()) as u64;
        }
    }

    fn add(&mut self, keys: Vec<String>, sum: u64, most: u64) {
        let known = self.keys.entry(keys).or_default();
        *known = (known.0 + sum, known.1.max(most));
    }

    fn merge(&mut self, other: &Sketch) {
        self.all.add(&other.all);
        self.dropped += other.dropped;
        other.keys.iter().for_each(|(keys, (sum, most))| self.add(keys.clone(), *sum, *most));
    }

    /// Takes in what was written before.
    fn resume(&mut self, before: &Minute) {
        self.all.add(before);
        self.dropped += before.unique.saturating_sub(before.tops.len() as u64);
        before.tops.iter().for_each(|top| self.add(top.keys.clone(), top.sum, top.most));
    }

    fn minute(&self) -> Minute {
        let mut tops: Vec<Top> = self
            .keys
            .iter()
            .map(|(keys, (sum, most))| Top { keys: keys.clone(), sum: *sum, most: *most })
            .collect();
        let unique = self.dropped + tops.len() as u64;
        tops.sort_by(|a, b| b.sum.cmp(&a.sum).then_with(|| a.keys.cmp(&b.keys)));
        tops.truncate(TOPS);
        Minute { unique, tops, ..self.all.clone() }
    }
}

impl Contributors {
    /// Adds a value, in thousandths, of whoever has these keys.
    pub fn note(&self, rule: &Key, now: Timestamp, keys: Vec<String>, value: u64) {
        let minute = now.seconds().div_euclid(MINUTE) * MINUTE;
        self.0.own().entry((rule.clone(), minute)).or_default().note(keys, value);
    }

    fn write(&self, cloud: &Cloud) -> Result<(), String> {
        let mut waiting: HashMap<(Key, i64), Sketch> = HashMap::new();
        for (minute, sketch) in self.0.take().flatten() {
            waiting.entry(minute).or_default().merge(&sketch);
        }
        if waiting.is_empty() {
            return Ok(());
        }
        let outcome = written(cloud, &waiting);
        if outcome.is_err() {
            let mut own = self.0.own();
            waiting.into_iter().for_each(|(minute, sketch)| own.entry(minute).or_default().merge(&sketch));
        }
        outcome
    }
}

fn written(cloud: &Cloud, waiting: &HashMap<(Key, i64), Sketch>) -> Result<(), String> {
    loop {
        let mut tx = cloud.store().begin();
        add(&mut tx, cloud.clock().now(), waiting).map_err(|e| e.to_string())?;
        match tx.commit().wait() {
            // A rule was made or forgotten meanwhile.
            Err(CommitError::Conflict) => {}
            done => return done.map(drop).map_err(|e| e.to_string()),
        }
    }
}

fn add(tx: &mut Tx, now: Timestamp, waiting: &HashMap<(Key, i64), Sketch>) -> Result<(), StoreError> {
    for ((rule, minute), sketch) in waiting {
        // What was noted last of a rule that is no more.
        if !RULES.contains(tx, rule)? {
            continue;
        }
        let key = rule.clone().i64(*minute);
        let mut all = Sketch::default();
        if let Some(before) = MINUTES.get(tx, &key)? {
            all.resume(&before);
        }
        all.merge(sketch);
        MINUTES.put(tx, &key, &all.minute());
        let end = MINUTES.stored_key(&rule.clone().i64(now.minus(KEPT_FOR).seconds()));
        forget(tx, KeyRange::prefix(&MINUTES.stored_key(rule)).before(&end), FORGET_MAX)?;
    }
    Ok(())
}

fn forget(tx: &mut Tx, range: KeyRange, most: usize) -> Result<(), StoreError> {
    let old: Result<Vec<_>, _> = tx.scan(range, Direction::Forward).take(most).collect();
    old?.into_iter().for_each(|(key, _)| tx.delete(key));
    Ok(())
}

/// Makes a rule, or makes it anew.
pub fn put_rule(tx: &mut Tx, key: &Key, rule: &Rule) {
    RULES.put(tx, key, rule);
}

/// Forgets a rule with all that it has seen.
///
/// # Errors
/// The store's.
pub fn forget_rule(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
    RULES.delete(tx, key);
    forget(tx, KeyRange::prefix(&MINUTES.stored_key(key)), usize::MAX)
}

/// Writes what waits, every few seconds and before the end.
#[derive(Debug)]
pub(crate) struct Write;

impl Reconciler for Write {
    fn name(&self) -> &'static str {
        "contributors"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        WRITE_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        cloud.memory::<Contributors>().write(cloud).map(|()| None)
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        cloud.memory::<Contributors>().write(cloud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_contributes_much_is_found_among_many() {
        let mut sketch = Sketch::default();
        for n in 0..100_000_u64 {
            let key = if n % 50 == 0 { "much".to_owned() } else { n.to_string() };
            sketch.note(vec![key], 1_000);
        }
        let minute = sketch.minute();
        assert_eq!(minute.tops[0], Top { keys: vec!["much".into()], sum: 2_000_000, most: 1_000 });
        assert_eq!((minute.count, minute.sum, minute.tops.len()), (100_000, 100_000_000, TOPS));
        assert_eq!(minute.unique, 98_001);
        assert!(sketch.keys.len() < KEYS_MAX);
        let mut again = Sketch::default();
        again.resume(&minute);
        again.note(vec!["much".into()], 500);
        let minute = again.minute();
        assert_eq!((minute.tops[0].sum, minute.least, minute.most), (2_000_500, 500, 1_000));
        assert_eq!((minute.count, minute.unique), (100_001, 98_001));
    }
}
