//! A field of a cron expression as the set of numbers that it names.

/// Sorted, without repetition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Set(Vec<u32>);

impl Set {
    /// Reads `*`, `5`, `1-5`, `0/15`, `1-30/5` and lists of them. `names` stand for numbers from the lowest on.
    pub(super) fn read(text: &str, bounds: (u32, u32), names: &[&str]) -> Option<Set> {
        let mut all = Vec::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
                None => (part, None),
            };
            let (low, high) = match (range, range.split_once('-')) {
                ("*", _) => bounds,
                (_, Some((low, high))) => (named(low, bounds, names)?, named(high, bounds, names)?),
                (one, None) => {
                    let low = named(one, bounds, names)?;
                    (low, if step.is_some() { bounds.1 } else { low })
                }
            };
            if low > high {
                return None;
            }
            all.extend((low..=high).step_by(usize::try_from(step.unwrap_or(1)).ok()?));
        }
        all.sort_unstable();
        all.dedup();
        Some(Set(all))
    }

    pub(super) fn holds(&self, value: u32) -> bool {
        self.0.binary_search(&value).is_ok()
    }
}

/// Digits alone: no sign.
pub(super) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(super) fn named(text: &str, (low, high): (u32, u32), names: &[&str]) -> Option<u32> {
    let by_name = || {
        let at = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        u32::try_from(at).ok().map(|at| at + low)
    };
    number(text).or_else(by_name).filter(|value| (low..=high).contains(value))
}
