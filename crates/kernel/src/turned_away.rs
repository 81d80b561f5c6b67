//! Requests that were refused before their caller was known: a wrong key or signature, an unknown operation, a body too large.
//!
//! They belong to no account, so the trail (a table of each account's calls) has no place for them; and anybody can
//! make them without end, so they are not worth a write each. The last [`KEPT_MAX`] are kept in memory, for `virga why`.
//! Not here: what is older, or from before a restart.

use base::Timestamp;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use wire::Fault;

const KEPT_MAX: usize = 1_000;
/// A canonical request in `SignatureDoesNotMatch` is as long as its sender made it.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// One such request.
#[derive(Debug)]
struct Away {
    request_id: String,
    time: Timestamp,
    /// `iam:ListUsers`; nothing where the request led to no operation.
    operation: Option<String>,
    code: String,
    message: String,
}

#[derive(Default, Debug)]
pub(crate) struct TurnedAway(Mutex<VecDeque<Away>>);

impl TurnedAway {
    pub(crate) fn keep(&self, id: &str, time: Timestamp, operation: Option<String>, fault: &Fault) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Away {
            request_id: id.to_owned(),
            time,
            operation,
            code: fault.code.clone(),
            message: fault.message.chars().take(MESSAGE_CHARS_MAX).collect(),
        });
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The same members as of a call on the trail; those that nobody knows are null.
    pub(crate) fn find(&self, id: &str) -> Option<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|away| away.request_id == id).map(|away| {
            json!({
                "request_id": away.request_id,
                "time": away.time.iso8601(),
                "operation": away.operation,
                "region": null,
                "caller": null,
                "error": away.code,
                "message": away.message,
                "decisions": [],
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_MAX, TurnedAway};
    use base::Timestamp;
    use wire::Fault;

    #[test]
    fn the_last_are_kept() {
        let away = TurnedAway::default();
        let fault = Fault::new(403, "InvalidClientTokenId", "no");
        for i in 0..=KEPT_MAX {
            away.keep(&format!("id-{i}"), Timestamp::default(), None, &fault);
        }
        assert_eq!(away.find("id-0"), None);
        assert_eq!(away.find("id-1").unwrap()["error"], "InvalidClientTokenId");
        assert_eq!(away.0.lock().unwrap().len(), KEPT_MAX);
        away.clear();
        assert_eq!(away.find("id-1"), None);
    }
}
