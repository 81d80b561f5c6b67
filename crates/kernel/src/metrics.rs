//! Counters per operation: calls, refusals, failures, time. Read by `virga status`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// What has happened to one operation since the cloud started.
#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    /// Answered with a 4xx.
    refused: AtomicU64,
    /// Answered with a 5xx.
    failed: AtomicU64,
    micros: AtomicU64,
}

/// All operations that were called at least once. Bounded by the number of modelled operations.
#[derive(Debug, Default)]
pub struct Metrics(RwLock<BTreeMap<(&'static str, &'static str), Counters>>);

impl Metrics {
    pub(crate) fn count(&self, service: &'static str, operation: &'static str, status: u16, took: Duration) {
        let add = |counters: &Counters| {
            counters.calls.fetch_add(1, Ordering::Relaxed);
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            counters.micros.fetch_add(micros, Ordering::Relaxed);
            match status {
                400..500 => counters.refused.fetch_add(1, Ordering::Relaxed),
                500.. => counters.failed.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
        };
        if let Some(counters) =
            self.0.read().unwrap_or_else(PoisonError::into_inner).get(&(service, operation))
        {
            return add(counters);
        }
        add(self.0.write().unwrap_or_else(PoisonError::into_inner).entry((service, operation)).or_default());
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.values().map(|counters| counters.calls.load(Ordering::Relaxed)).sum()
    }

    /// `{"iam.CreateUser": {"calls": 3, "refused": 1, "failed": 0, "mean_micros": 412}}`
    pub fn snapshot(&self) -> serde_json::Value {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let rows = table.iter().map(|((service, operation), c)| {
            let calls = c.calls.load(Ordering::Relaxed);
            let row = serde_json::json!({
                "calls": calls,
                "refused": c.refused.load(Ordering::Relaxed),
                "failed": c.failed.load(Ordering::Relaxed),
                "mean_micros": c.micros.load(Ordering::Relaxed) / calls.max(1),
            });
            (format!("{service}.{operation}"), row)
        });
        rows.collect::<serde_json::Map<_, _>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use std::time::Duration;

    #[test]
    fn refusals_and_failures_are_told_apart() {
        let metrics = Metrics::default();
        for status in [200, 404, 500] {
            metrics.count("iam", "GetUser", status, Duration::from_micros(30));
        }
        assert_eq!(metrics.calls(), 3);
        let row = &metrics.snapshot()["iam.GetUser"];
        assert_eq!(*row, serde_json::json!({"calls": 3, "refused": 1, "failed": 1, "mean_micros": 30}));
    }
}
