//! What becomes of a machine whose hardware fails or is to be mended, as far as it may be said; and the weights of its
//! bandwidth.
//!
//! No machine here is moved to other hardware: types say that they do not recover by themselves, which is what the defaults
//! mean then, and that they have no weights to choose from.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-configuration-recovery.html>

use super::model::Instance;
use ec2::{Ec2Error, Plain};

const DEFAULT: &str = "default";
pub(crate) const DISABLED: &str = "disabled";

wire::shape! {
    /// What a launch asks for.
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted { pub(crate) recovery: Option<String> = "AutoRecovery" }

    #[derive(Debug)]
    pub(crate) struct View {
        pub(crate) recovery: String = "AutoRecovery",
        pub(crate) migration: String = "RebootMigration",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Bandwidth { pub(crate) weighting: Option<String> = "BandwidthWeighting" }
}

impl Wanted {
    /// Whether machines are not to recover.
    pub(crate) fn is_off(wanted: Option<&Wanted>) -> bool {
        wanted.and_then(|wanted| wanted.recovery.as_deref()) == Some(DISABLED)
    }

    /// What asks for others like this one.
    pub(crate) fn like(instance: &Instance) -> Wanted {
        Wanted { recovery: Some(View::of(instance).recovery) }
    }
}

impl View {
    pub(crate) fn of(instance: &Instance) -> View {
        let word = |is_off| if is_off { DISABLED } else { DEFAULT }.to_owned();
        View { recovery: word(instance.unrecovered), migration: word(instance.unmoved) }
    }
}

impl Bandwidth {
    /// What every machine has.
    pub(crate) fn even() -> Bandwidth {
        Bandwidth { weighting: Some(DEFAULT.into()) }
    }

    /// # Errors
    /// `Unsupported` for another weight.
    pub(crate) fn check(wanted: Option<&Bandwidth>, kind: &str) -> Result<(), Ec2Error> {
        match wanted.and_then(|wanted| wanted.weighting.as_deref()) {
            None | Some(DEFAULT) => Ok(()),
            Some(other) => {
                let what = format!("Instance type {kind} does not support the bandwidth weighting {other}.");
                Err(Plain::Unsupported(what).into())
            }
        }
    }
}
