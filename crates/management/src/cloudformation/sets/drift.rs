//! What looks at the stacks of a set come to. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetDriftDetectionDetails.html>

use super::model::SetDrift;
use crate::cloudformation::drift::{DRIFTED, IN_SYNC, NOT_CHECKED};
use base::Timestamp;

/// Of an instance the status of the look at it, and the drift that was found.
pub(crate) type Look<'a> = (&'a str, Option<&'a str>);

pub(crate) fn summary(looks: &[Look<'_>], stopped: bool, now: Timestamp) -> SetDrift {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let good = || looks.iter().filter(|look| look.0 == "SUCCEEDED");
    let of = |drift: &str| number(good().filter(|look| look.1 == Some(drift)).count());
    let failed = number(looks.len() - good().count());
    let (total, drifted, in_sync) = (number(looks.len()), of(DRIFTED), of(IN_SYNC));
    let detection = match (stopped, failed) {
        (true, _) => "STOPPED",
        (false, 0) => "COMPLETED",
        (false, failed) if failed < total => "PARTIAL_SUCCESS",
        (false, _) => "FAILED",
    };
    let status = match (drifted, in_sync) {
        (0, 0) => NOT_CHECKED,
        (0, _) => IN_SYNC,
        _ => DRIFTED,
    };
    let (status, detection) = (status.to_owned(), detection.to_owned());
    SetDrift { status, detection, checked: now, total, drifted, in_sync, failed }
}

#[cfg(test)]
mod tests {
    use super::summary;
    use base::Timestamp;

    #[test]
    fn what_looks_come_to() {
        let (good, bad) = (("SUCCEEDED", Some("IN_SYNC")), ("SUCCEEDED", Some("DRIFTED")));
        let (failed, cancelled) = (("FAILED", Some("DRIFTED")), ("CANCELLED", None));
        let rows: [(&[_], bool, &str); 7] = [
            (&[], false, "NOT_CHECKED COMPLETED 0 0 0 0"),
            (&[good, good], false, "IN_SYNC COMPLETED 2 0 2 0"),
            (&[good, bad], false, "DRIFTED COMPLETED 2 1 1 0"),
            (&[good, failed], false, "IN_SYNC PARTIAL_SUCCESS 2 0 1 1"),
            (&[failed, cancelled], false, "NOT_CHECKED FAILED 2 0 0 2"),
            (&[bad, cancelled], true, "DRIFTED STOPPED 2 1 0 1"),
            (&[cancelled], true, "NOT_CHECKED STOPPED 1 0 0 1"),
        ];
        for (looks, stopped, wanted) in rows {
            let own = summary(looks, stopped, Timestamp::from_seconds(0));
            let told = format!(
                "{} {} {} {} {} {}",
                own.status, own.detection, own.total, own.drifted, own.in_sync, own.failed
            );
            assert_eq!(told, wanted);
        }
    }
}
