//! Alarms: what they watch, what they do, and how they stand.
//!
//! ```text
//!  INSUFFICIENT_DATA ◀──────▶ OK ◀──────▶ ALARM ◀──────▶ INSUFFICIENT_DATA
//! ```
//! Every state may follow every other: data and the treatment of its absence decide.

use super::metric::{Dimension, Real};
use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use store::{Key, Table};

/// By account, region, name.
pub(crate) const ALARMS: Table<Alarm> = Table::new(0x1603, "cloudwatch/alarms");

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum State {
        1 => InsufficientData,
        2 => Ok,
        3 => Alarm,
    }
}

store::record_enum! {
    /// By what a composite alarm's actions are suppressed.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Suppressed {
        1 => Not,
        2 => Alarm,
        3 => Wait,
        4 => Extension,
    }
}

impl Suppressed {
    pub(crate) fn name(self) -> Option<&'static str> {
        Some(match self {
            Suppressed::Not => return None,
            Suppressed::Alarm => "Alarm",
            Suppressed::Wait => "WaitPeriod",
            Suppressed::Extension => "ExtensionPeriod",
        })
    }
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::InsufficientData => "INSUFFICIENT_DATA",
            State::Ok => "OK",
            State::Alarm => "ALARM",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<State> {
        [State::InsufficientData, State::Ok, State::Alarm].into_iter().find(|state| state.name() == name)
    }
}

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Alarm {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: String,
        3 => pub(crate) name: String,
        4 => pub(crate) description: Option<String>,
        5 => pub(crate) enabled: bool,
        6 => pub(crate) ok_actions: Vec<String>,
        7 => pub(crate) alarm_actions: Vec<String>,
        8 => pub(crate) missing_actions: Vec<String>,
        9 => pub(crate) namespace: String,
        10 => pub(crate) metric: String,
        11 => pub(crate) statistic: Option<String>,
        12 => pub(crate) extended: Option<String>,
        13 => pub(crate) dimensions: Vec<Dimension>,
        14 => pub(crate) period: u32,
        15 => pub(crate) unit: Option<String>,
        16 => pub(crate) periods: u32,
        17 => pub(crate) to_alarm: Option<u32>,
        18 => pub(crate) threshold: Real,
        19 => pub(crate) comparison: String,
        20 => pub(crate) missing: Option<String>,
        21 => pub(crate) tags: Tags,
        22 => pub(crate) state: State,
        23 => pub(crate) reason: String,
        24 => pub(crate) reason_data: Option<String>,
        25 => pub(crate) updated: Timestamp,
        26 => pub(crate) configured: Timestamp,
        27 => pub(crate) transitioned: Timestamp,
        /// When it is to be looked at next.
        28 => pub(crate) due: Timestamp,
        /// Of a composite alarm, which has nothing of a metric.
        29 => pub(crate) rule: Option<String>,
        /// Of an alarm on what is reckoned; then it has no metric of its own.
        30 => pub(crate) queries: Vec<Watched>,
        /// Of a composite alarm.
        31 => pub(crate) suppressor: Option<Suppressor>,
    }

    /// The alarm that suppresses another's actions.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Suppressor {
        /// A name or an ARN, as it was given.
        1 => pub(crate) alarm: String,
        /// In seconds.
        2 => pub(crate) wait: u32,
        3 => pub(crate) extension: u32,
        4 => pub(crate) by: Suppressed,
        5 => pub(crate) until: Timestamp,
        /// How the suppressed alarm stood when it last acted, or might have.
        6 => pub(crate) acted: State,
    }

    /// One of an alarm's queries: a metric, or an expression.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Watched {
        1 => pub(crate) id: String,
        2 => pub(crate) expression: Option<String>,
        3 => pub(crate) label: Option<String>,
        4 => pub(crate) is_returned: Option<bool>,
        5 => pub(crate) period: Option<u32>,
        6 => pub(crate) namespace: String,
        7 => pub(crate) metric: String,
        8 => pub(crate) dimensions: Vec<Dimension>,
        /// None of an expression.
        9 => pub(crate) statistic: Option<String>,
        10 => pub(crate) unit: Option<String>,
    }
}

impl Suppressor {
    /// The name in an ARN.
    pub(crate) fn name(&self) -> &str {
        self.alarm.rsplit_once(":alarm:").map_or(self.alarm.as_str(), |(_, name)| name)
    }
}

impl Alarm {
    /// One that nobody has looked at yet.
    pub(crate) fn fresh(account: AccountId, region: Region, now: Timestamp) -> Alarm {
        Alarm {
            account,
            region: region.name().to_owned(),
            reason: "Unchecked: Initial alarm creation".into(),
            updated: now,
            transitioned: now,
            ..Alarm::default()
        }
    }

    pub(crate) fn key(account: AccountId, region: Region, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(crate) fn own_key(&self) -> Key {
        Key::account(self.account).str(&self.region).str(&self.name)
    }

    pub(crate) fn arn(&self) -> String {
        alarm_arn(self.account, &self.region, &self.name)
    }

    /// The statistic of its own metric.
    pub(crate) fn statistic(&self) -> &str {
        self.statistic.as_deref().or(self.extended.as_deref()).unwrap_or_default()
    }

    /// What is done when it comes to stand like this.
    pub(crate) fn actions(&self, state: State) -> &[String] {
        match state {
            State::Ok => &self.ok_actions,
            State::Alarm => &self.alarm_actions,
            State::InsufficientData => &self.missing_actions,
        }
    }

    /// Whether a value breaches the threshold.
    pub(crate) fn is_breached(&self, value: f64) -> bool {
        let threshold = self.threshold.0;
        match self.comparison.as_str() {
            "GreaterThanOrEqualToThreshold" => value >= threshold,
            "GreaterThanThreshold" => value > threshold,
            "LessThanThreshold" => value < threshold,
            _ => value <= threshold,
        }
    }
}

pub(crate) fn alarm_arn(account: AccountId, region: &str, name: &str) -> String {
    format!("arn:aws:cloudwatch:{region}:{account}:alarm:{name}")
}
