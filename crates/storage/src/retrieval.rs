//! How long it takes to bring back what is archived, in S3's Glacier class and in the vaults of Glacier.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html>

use std::time::Duration;

pub(crate) const HOUR: u64 = 3600;

/// What is paid for the speed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Tier {
    Expedited,
    #[default]
    Standard,
    Bulk,
}

impl Tier {
    pub(crate) fn parse(text: &str) -> Option<Tier> {
        match text {
            "Expedited" => Some(Tier::Expedited),
            "Standard" => Some(Tier::Standard),
            "Bulk" => Some(Tier::Bulk),
            _ => None,
        }
    }

    /// The end of the documented range, so that nobody counts on less.
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Tier::Expedited => 5 * 60,
            Tier::Standard => 5 * HOUR,
            Tier::Bulk => 12 * HOUR,
        })
    }
}
