//! The file of an analysis: a row for each day, class and group of ages, by group and then by day, and rows of all ages
//! at the end.

use super::activity::Tally;
use super::{ALL, DAY_SECONDS};
use crate::s3::model::object::StorageClass;
use crate::s3::settings::AnalyticsConfiguration;
use base::Timestamp;
use std::fmt::Write as _;
use store::Table;

store::record! {
    /// A day of an analysis.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Day {
        /// Counted from 1970 on.
        1 => pub number: i64,
        2 => pub rows: Vec<Row>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Row {
        1 => pub class: StorageClass,
        /// Of what is too small for a group of ages, the number behind the last one.
        2 => pub group: u32,
        3 => pub objects: u64,
        4 => pub stored: u64,
        5 => pub uploaded: u64,
        6 => pub retrieved: u64,
        7 => pub gets: u64,
    }
}

/// Under the keys of the configurations, by day.
pub(crate) const DAYS: Table<Day> = Table::new(0x2039, "s3/analysed days");

const HEADER: &str = "Date,ConfigId,Filter,StorageClass,ObjectAge,ObjectCount,DataUploaded_MB,Storage_MB,DataRetrieved_MB,GetRequestCount,CumulativeAccessRatio,ObjectAgeForSIATransition,RecommendedObjectAgeForSIATransition\n";
const AGES: [&str; 13] = [
    "000-014", "015-029", "030-044", "045-059", "060-074", "075-089", "090-119", "120-149", "150-179",
    "180-364", "365-729", "730+", "ALL",
];

impl Row {
    /// The row of a class and a group.
    pub(crate) fn of(rows: &mut Vec<Row>, class: StorageClass, group: u32) -> &mut Row {
        let at = rows.iter().position(|row| (row.class, row.group) == (class, group));
        let at = at.unwrap_or_else(|| {
            rows.push(Row::empty(class, group));
            rows.len() - 1
        });
        &mut rows[at]
    }

    fn empty(class: StorageClass, group: u32) -> Row {
        Row { class, group, objects: 0, stored: 0, uploaded: 0, retrieved: 0, gets: 0 }
    }

    pub(crate) fn add_object(&mut self, size: u64) {
        self.objects += 1;
        self.stored += size;
    }

    fn add(&mut self, more: &Row) {
        self.objects += more.objects;
        self.stored += more.stored;
        self.uploaded += more.uploaded;
        self.retrieved += more.retrieved;
        self.gets += more.gets;
    }
}

impl Day {
    pub(crate) fn of<'t>(number: i64, stored: &[Row], tallies: impl Iterator<Item = &'t Tally>) -> Day {
        let mut rows = stored.to_vec();
        for tally in tallies {
            let row = Row::of(&mut rows, tally.class, tally.group);
            row.uploaded += tally.uploaded;
            row.retrieved += tally.retrieved;
            row.gets += tally.gets;
        }
        Day { number, rows }
    }

    /// The classes of the day's rows; there are always rows of the standard one.
    fn classes(&self) -> Vec<StorageClass> {
        let mut classes: Vec<_> = self.rows.iter().map(|row| row.class).collect();
        classes.push(StorageClass::Standard);
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// A class and a group of ages; nothing of it where the day has none.
    fn row(&self, class: StorageClass, group: u32) -> Row {
        let found = self.rows.iter().find(|row| (row.class, row.group) == (class, group));
        found.cloned().unwrap_or_else(|| Row::empty(class, group))
    }

    /// All of a class from a group of ages on.
    fn from(&self, class: StorageClass, group: u32) -> Row {
        let mut sum = Row::empty(class, group);
        self.rows.iter().filter(|row| row.class == class && row.group >= group).for_each(|row| sum.add(row));
        sum
    }

    /// The day after, when it is told: `01-16-2026`.
    fn date(&self) -> String {
        let iso = Timestamp::from_seconds((self.number + 1) * DAY_SECONDS).iso8601();
        format!("{}-{}-{}", &iso[5..7], &iso[8..10], &iso[..4])
    }
}

/// The whole file.
pub(crate) fn text(configuration: &AnalyticsConfiguration, days: &[Day]) -> String {
    let mut out = HEADER.to_owned();
    let (id, filter) = (quoted(&configuration.id), quoted(&filter(configuration)));
    for (group, age) in (0..=ALL).zip(AGES) {
        for day in days {
            for class in day.classes() {
                let _ = write!(out, "{},{id},{filter},{},{age},", day.date(), class.name());
                if group == ALL {
                    let all = day.from(class, 0);
                    let _ = write!(out, "{},{},", all.objects, megabytes(all.uploaded));
                    figures(&mut out, &all, &all);
                } else {
                    out.push_str(",,");
                    figures(&mut out, &day.row(class, group), &older(day, class, group));
                }
            }
        }
    }
    out
}

/// A group and all older ones, without what is in no group.
fn older(day: &Day, class: StorageClass, group: u32) -> Row {
    let aged =
        Day { number: day.number, rows: day.rows.iter().filter(|row| row.group != ALL).cloned().collect() };
    aged.from(class, group)
}

/// What a row ends with. `of`: what its ratio is of.
fn figures(out: &mut String, row: &Row, of: &Row) {
    let ratio = if of.stored == 0 { String::new() } else { decimal(of.retrieved as f64 / of.stored as f64) };
    let _ = writeln!(out, "{},{},{},{ratio},,", megabytes(row.stored), megabytes(row.retrieved), row.gets);
}

fn megabytes(bytes: u64) -> String {
    decimal(bytes as f64 / f64::from(1 << 20))
}

/// Six digits behind the point at most.
fn decimal(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What the configuration takes: `prefix=docs/&tag:team=red`.
fn filter(configuration: &AnalyticsConfiguration) -> String {
    let conditions = configuration.conditions();
    let prefix = (!conditions.prefix.is_empty()).then(|| format!("prefix={}", conditions.prefix));
    let tags = conditions.tags.iter().map(|(key, value)| format!("tag:{key}={value}"));
    prefix.into_iter().chain(tags).collect::<Vec<_>>().join("&")
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
