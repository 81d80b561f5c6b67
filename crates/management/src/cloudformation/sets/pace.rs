//! How fast an operation on a stack set goes, and when it gives up. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html>

use super::model::Preferences;

/// How far it is in one account and region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Waiting,
    Running,
    Done,
    Failed,
}

/// What is to be done next.
#[derive(PartialEq, Eq, Default, Debug)]
pub(crate) struct Next {
    /// The places that begin now.
    pub(crate) start: Vec<usize>,
    /// More has failed than may: nothing begins any more.
    pub(crate) exceeded: bool,
}

/// `slots`: region and state, each region's together, in the order in which regions have their turn.
pub(crate) fn next(slots: &[(&str, State)], preferences: &Preferences) -> Next {
    let mut out = Next::default();
    let parallel = preferences.regions.as_deref() == Some("PARALLEL");
    let mut begin = 0;
    for region in slots.chunk_by(|one, other| one.0 == other.0) {
        let first = begin;
        begin += region.len();
        let count = |state| region.iter().filter(|slot| slot.1 == state).count();
        let (failed, running, waiting) = (count(State::Failed), count(State::Running), count(State::Waiting));
        let tolerance = tolerance(preferences, region.len());
        if failed > tolerance {
            return Next { start: Vec::new(), exceeded: true };
        }
        let turn = parallel || out.start.is_empty();
        if turn {
            // AWS: strictly, no more are begun than may yet fail.
            let soft = preferences.mode.as_deref() == Some("SOFT_FAILURE_TOLERANCE");
            let most = most(preferences, region.len());
            let most = if soft { most } else { most.min(tolerance + 1 - failed) };
            let places = region.iter().enumerate().filter(|(_, slot)| slot.1 == State::Waiting);
            out.start.extend(places.map(|(place, _)| first + place).take(most.saturating_sub(running)));
        }
        if !parallel && running + waiting > 0 {
            break;
        }
    }
    out
}

/// How many of a region may fail. AWS: a part of an account counts for nothing.
fn tolerance(preferences: &Preferences, accounts: usize) -> usize {
    match (preferences.tolerance, preferences.tolerance_percent) {
        (Some(count), _) => count as usize,
        (None, Some(percent)) => accounts * percent as usize / 100,
        (None, None) => 0,
    }
}

/// How many of a region are worked on at once, one at least.
fn most(preferences: &Preferences, accounts: usize) -> usize {
    match (preferences.most, preferences.most_percent) {
        (Some(count), _) => (count as usize).max(1),
        (None, Some(percent)) => (accounts * percent as usize / 100).max(1),
        (None, None) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Preferences, State, next};

    /// `a:.r+-`: a region and its accounts: waiting, running, done, failed.
    fn told(said: &str, preferences: &Preferences) -> Next {
        let mut slots = Vec::new();
        for region in said.split(' ') {
            let (name, states) = region.split_once(':').unwrap();
            slots.extend(states.chars().map(|state| {
                let state = match state {
                    '.' => State::Waiting,
                    'r' => State::Running,
                    '+' => State::Done,
                    _ => State::Failed,
                };
                (name, state)
            }));
        }
        next(&slots, preferences)
    }

    #[test]
    fn what_begins_next() {
        let one = Preferences::default();
        let three = Preferences { most: Some(3), tolerance: Some(2), ..Preferences::default() };
        let strict = Preferences { most: Some(3), tolerance: Some(1), ..Preferences::default() };
        let soft = Preferences { mode: Some("SOFT_FAILURE_TOLERANCE".into()), ..strict.clone() };
        let parallel = Preferences { regions: Some("PARALLEL".into()), ..Preferences::default() };
        let percent =
            Preferences { most_percent: Some(50), tolerance_percent: Some(50), ..Preferences::default() };
        let rows: &[(&str, &Preferences, &[usize])] = &[
            ("a:... b:...", &one, &[0]),
            ("a:r.. b:...", &one, &[]),
            ("a:+.. b:...", &one, &[1]),
            ("a:++r b:...", &one, &[]),
            ("a:+++ b:...", &one, &[3]),
            ("a:+++ b:+++", &one, &[]),
            ("a:.... b:.", &three, &[0, 1, 2]),
            ("a:rr.. b:.", &three, &[2]),
            ("a:-r.. b:.", &three, &[2]),
            ("a:--.. b:.", &three, &[2]),
            ("a:....", &strict, &[0, 1]),
            ("a:....", &soft, &[0, 1, 2]),
            ("a:-...", &strict, &[1]),
            ("a:-...", &soft, &[1, 2, 3]),
            ("a:... b:...", &parallel, &[0, 3]),
            ("a:r.. b:+..", &parallel, &[4]),
            ("a:....", &percent, &[0, 1]),
            ("a:.", &percent, &[0]),
            ("a:-+ b:..", &percent, &[2]),
        ];
        for (said, preferences, start) in rows {
            let wanted = Next { start: start.to_vec(), exceeded: false };
            assert_eq!(told(said, preferences), wanted, "{said} {preferences:?}");
        }
        for (said, preferences) in [
            ("a:-..", &one),
            ("a:-r.", &one),
            ("a:+++ b:-", &one),
            ("a:--.", &strict),
            ("a:. b:-", &parallel),
        ] {
            assert_eq!(told(said, preferences), Next { start: Vec::new(), exceeded: true }, "{said}");
        }
    }
}
