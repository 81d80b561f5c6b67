//! Records of templates and experiments, and which action of one is next. Pure.
//!
//! ```text
//!  experiment: initiating ──► running ──► completed      action: pending ──► running ──► completed
//!                               │  └────► failed                    │           └────► stopped, failed
//!                               └► stopping ──► stopped             └────► cancelled, skipped
//! ```
//! AWS: <https://docs.aws.amazon.com/fis/latest/APIReference/API_ExperimentState.html>

pub(crate) mod action;
pub(crate) mod choice;
pub(crate) mod disruption;

use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use std::collections::BTreeMap;
use store::{Key, Table};

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Template {
        1 => pub(crate) id: String,
        2 => pub(crate) plan: Plan,
        3 => pub(crate) created: Timestamp,
        4 => pub(crate) updated: Timestamp,
        5 => pub(crate) tags: Tags,
        6 => pub(crate) made_by: Token,
    }

    /// What an experiment is to do.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Plan {
        1 => pub(crate) description: String,
        2 => pub(crate) role: String,
        3 => pub(crate) targets: BTreeMap<String, Target>,
        4 => pub(crate) actions: BTreeMap<String, Action>,
        /// The ARNs of alarms.
        5 => pub(crate) stops: Vec<String>,
        /// Actions without a target are passed by.
        6 => pub(crate) skips_empty: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Target {
        1 => pub(crate) kind: String,
        2 => pub(crate) arns: Vec<String>,
        3 => pub(crate) tags: BTreeMap<String, String>,
        4 => pub(crate) filters: Vec<Filter>,
        /// `ALL`, `COUNT(1)`, `PERCENT(50)`
        5 => pub(crate) mode: String,
        6 => pub(crate) parameters: BTreeMap<String, String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Filter {
        1 => pub(crate) path: String,
        2 => pub(crate) values: Vec<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Action {
        1 => pub(crate) id: String,
        2 => pub(crate) description: Option<String>,
        3 => pub(crate) parameters: BTreeMap<String, String>,
        /// What the action calls them, and what the plan does.
        4 => pub(crate) targets: BTreeMap<String, String>,
        5 => pub(crate) after: Vec<String>,
    }

    /// The request that made something.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Token {
        1 => pub(crate) token: String,
        /// The SHA-256 of its parameters.
        2 => pub(crate) request: Vec<u8>,
    }

    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Experiment {
        1 => pub(crate) id: String,
        2 => pub(crate) template: String,
        /// As the template was when it began.
        3 => pub(crate) plan: Plan,
        4 => pub(crate) state: State,
        5 => pub(crate) created: Timestamp,
        6 => pub(crate) start: Option<Timestamp>,
        7 => pub(crate) end: Option<Timestamp>,
        8 => pub(crate) tags: Tags,
        9 => pub(crate) runs: BTreeMap<String, Run>,
        /// What its targets have come to: ids of instances and subnets, ARNs of others.
        10 => pub(crate) resolved: BTreeMap<String, Vec<String>>,
        11 => pub(crate) skips_all: bool,
        12 => pub(crate) made_by: Token,
        /// Why it stops, while it does.
        13 => pub(crate) stopping: Option<String>,
        /// An action has failed: what is left of it ends so.
        14 => pub(crate) failure: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct State {
        1 => pub(crate) status: String,
        2 => pub(crate) reason: String,
    }

    /// How an action stands.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Run {
        1 => pub(crate) state: State,
        2 => pub(crate) start: Option<Timestamp>,
        3 => pub(crate) end: Option<Timestamp>,
        /// When its next part is due.
        4 => pub(crate) due: Option<Timestamp>,
        /// Instances that it has still to do something about.
        5 => pub(crate) left: Vec<String>,
        /// Network ACLs that stand in the place of others while it lasts.
        6 => pub(crate) swaps: Vec<Swap>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Swap {
        1 => pub(crate) subnet: String,
        2 => pub(crate) vpc: String,
        3 => pub(crate) before: String,
        4 => pub(crate) acl: String,
    }
}

pub(crate) const TEMPLATES: Table<Template> = Table::new(0x2801, "fis/templates");
pub(crate) const EXPERIMENTS: Table<Experiment> = Table::new(0x2802, "fis/experiments");

pub(crate) const PENDING: &str = "pending";
pub(crate) const INITIATING: &str = "initiating";
pub(crate) const RUNNING: &str = "running";
pub(crate) const COMPLETED: &str = "completed";
pub(crate) const STOPPING: &str = "stopping";
pub(crate) const STOPPED: &str = "stopped";
pub(crate) const FAILED: &str = "failed";
pub(crate) const CANCELLED: &str = "cancelled";
pub(crate) const SKIPPED: &str = "skipped";

pub(crate) fn key(account: AccountId, region: Region, id: &str) -> Key {
    Key::regional(account, region).str(id)
}

pub(crate) fn arn(account: AccountId, region: Region, noun: &str, id: &str) -> String {
    base::Arn::new("fis", region.name(), account.as_str(), &format!("{noun}/{id}")).to_string()
}

impl State {
    pub(crate) fn new(status: &str, reason: &str) -> State {
        State { status: status.into(), reason: reason.into() }
    }
}

impl Run {
    pub(crate) fn is(&self, status: &str) -> bool {
        self.state.status == status
    }

    pub(crate) fn ends(&mut self, status: &str, reason: &str, now: Timestamp) {
        self.state = State::new(status, reason);
        (self.end, self.due) = (Some(now), None);
        self.left.clear();
    }
}

impl Experiment {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state.status.as_str(), COMPLETED | STOPPED | FAILED | CANCELLED)
    }

    /// An action that may begin: all that it waits for is over.
    pub(crate) fn next(&self) -> Option<&str> {
        let done = |name: &String| self.runs.get(name).is_none_or(|run| run.is(COMPLETED) || run.is(SKIPPED));
        let ready =
            |name: &&String| self.plan.actions.get(*name).is_some_and(|action| action.after.iter().all(done));
        let pending = self.runs.iter().filter(|(_, run)| run.is(PENDING)).map(|(name, _)| name);
        pending.into_iter().find(ready).map(String::as_str)
    }

    pub(crate) fn has(&self, status: &str) -> bool {
        self.runs.values().any(|run| run.is(status))
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, COMPLETED, Experiment, PENDING, Run, State};

    #[test]
    fn actions_wait_for_those_before_them() {
        let mut experiment = Experiment::default();
        for (name, after, status) in
            [("a", None, PENDING), ("b", Some("a"), PENDING), ("c", Some("b"), PENDING)]
        {
            let after = after.map(str::to_owned).into_iter().collect();
            experiment.plan.actions.insert(name.into(), Action { after, ..Action::default() });
            let run = Run { state: State::new(status, ""), ..Run::default() };
            experiment.runs.insert(name.into(), run);
        }
        for name in ["a", "b", "c"] {
            assert_eq!(experiment.next(), Some(name));
            experiment.runs.get_mut(name).unwrap().state.status = COMPLETED.into();
        }
        assert_eq!(experiment.next(), None);
    }
}
