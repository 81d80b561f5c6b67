//! Contributor Insights of a table or a global index: how it stands, and the rules that it has in CloudWatch.
//!
//! ```text
//! (never) ──> ENABLING ──> ENABLED ──> DISABLING ──> DISABLED ──> ENABLING
//! ```

use super::table::{IndexRecord, TableRecord};
use base::Timestamp;
use kernel::contributors::Rule;
use store::Key;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Insights {
        1 => pub state: State,
        /// Only keys that were throttled are looked at.
        2 => pub throttled_only: bool,
        /// In the names of its rules.
        3 => pub since: Timestamp,
        4 => pub updated: Timestamp,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum State {
        1 => Enabling,
        2 => Enabled,
        3 => Disabling,
        4 => Disabled,
    }
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Enabling => "ENABLING",
            State::Enabled => "ENABLED",
            State::Disabling => "DISABLING",
            State::Disabled => "DISABLED",
        }
    }

    pub fn is_passing(self) -> bool {
        matches!(self, State::Enabling | State::Disabling)
    }
}

/// What a rule looks at. AWS: the guide's page on how Contributor Insights for DynamoDB works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    name: &'static str,
    /// Partition keys with their sort keys.
    pub sorted: bool,
    pub throttled: bool,
}

const LOOKS: [Look; 4] = [
    Look { name: "PKC", sorted: false, throttled: false },
    Look { name: "PKT", sorted: false, throttled: true },
    Look { name: "SKC", sorted: true, throttled: false },
    Look { name: "SKT", sorted: true, throttled: true },
];

/// AWS: the names of rules have up to 128 characters; this many are left for the resource's.
const NAME_MAX: usize = 80;

impl Insights {
    /// The rules of the table, or of one of its indexes, each with its key.
    pub fn rules(&self, table: &TableRecord, index: Option<&IndexRecord>) -> Vec<(Look, Key, Rule)> {
        let (hashes, ranges): (Vec<String>, Vec<String>) = match index {
            None => (vec![table.hash.clone()], table.range.iter().cloned().collect()),
            Some(index) => (index.hashes().cloned().collect(), index.ranges().cloned().collect()),
        };
        let mut resource = table.name.clone();
        if let Some(index) = index {
            resource = format!("{resource}-{}", index.name);
        }
        resource.truncate(NAME_MAX);
        let arn = match index {
            None => table.arn(),
            Some(index) => format!("{}/index/{}", table.arn(), index.name),
        };
        let millis = self.since.micros().div_euclid(1_000);
        let wanted =
            |look: &&Look| (!look.sorted || !ranges.is_empty()) && (look.throttled || !self.throttled_only);
        LOOKS
            .iter()
            .filter(wanted)
            .map(|look| {
                let name = format!("DynamoDBContributorInsights-{}-{resource}-{millis}", look.name);
                let more = ranges.iter().filter(|_| look.sorted);
                let labels = hashes.iter().chain(more).cloned().collect();
                let key = Key::regional(table.account, table.region).str(&name);
                (*look, key, Rule { name, resource: arn.clone(), labels })
            })
            .collect()
    }
}

impl TableRecord {
    /// The table's own, and those of its indexes.
    pub fn insights(&self) -> impl Iterator<Item = (Option<&IndexRecord>, &Insights)> {
        let own = self.insights.iter().map(|own| (None, own));
        own.chain(self.indexes.iter().filter_map(|index| Some((Some(index), index.insights.as_ref()?))))
    }

    /// What is made of a table has none.
    pub fn forget_insights(&mut self) {
        self.insights = None;
        self.indexes.iter_mut().for_each(|index| index.insights = None);
    }
}
