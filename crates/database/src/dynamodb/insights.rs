//! Contributor Insights: which keys of a table or a global index use most of its capacity, and which are throttled.
//!
//! Counts for CloudWatch's rules ([`kernel::contributors`]) what requests about single items and queries use, in capacity
//! units, and each time that one is throttled. A table without insights pays a look at a pointer. What a write uses counts
//! when it commits.
//!
//! Not here: scans, what PartiQL selects, and writes whose condition fails. Of a write that only an index has no capacity
//! for no key is told.

use super::errors::Error;
use super::item::Item;
use super::model::insights::{Look, State};
use super::model::schema::{IndexSchema, KeySchema, Schema};
use super::model::table::{IndexRecord, TableRecord};
use super::size::Units;
use super::value::{AttributeValue, base64};
use super::write::Done;
use base::Timestamp;
use kernel::Cx;
use kernel::contributors::{self, Contributors};
use store::{Key, StoreError, Tx};

/// The rules for which a table or an index is watched.
#[derive(Clone, Debug)]
pub struct Watch(Vec<(Look, Key)>);

impl Watch {
    pub(crate) fn of(table: &TableRecord, index: Option<&IndexRecord>) -> Option<Box<Watch>> {
        let insights = index.map_or(table.insights.as_ref(), |index| index.insights.as_ref())?;
        let rules = insights.rules(table, index).into_iter().map(|(look, key, _)| (look, key));
        (insights.state == State::Enabled).then(|| Box::new(Watch(rules.collect())))
    }

    /// What is to be noted of one key: the rule, the contributor, the value.
    fn notes(&self, keys: &KeySchema, item: &Item, units: Option<Units>) -> Vec<Note> {
        let texts = |names: Vec<&str>| -> Option<Vec<String>> {
            names.into_iter().map(|name| item.get(name).map(text)).collect()
        };
        let (value, throttled) = units.map_or((1_000, true), |units| (units.half_units() * 500, false));
        let wanted = self.0.iter().filter(|(look, _)| look.throttled == throttled);
        wanted
            .filter_map(|(look, rule)| {
                let more = keys.ranges().filter(|_| look.sorted);
                let who = texts(keys.hashes().chain(more).map(|part| part.name.as_str()).collect())?;
                Some((rule.clone(), who, value))
            })
            .collect()
    }
}

type Note = (Key, Vec<String>, u64);

fn tell(all: &Contributors, now: Timestamp, notes: Vec<Note>) {
    notes.into_iter().for_each(|(rule, who, value)| all.note(&rule, now, who, value));
}

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::N(number) => number.to_string(),
        AttributeValue::B(bytes) => base64(bytes),
        other => other.as_s().unwrap_or_default().to_owned(),
    }
}

fn is_throttled(admitted: &Result<(), Error>) -> bool {
    admitted.as_ref().is_err_and(Error::is_throttled)
}

/// Counts a read of the item with this key, of the table or of an index; `item` may be a partition's key alone.
pub(crate) fn read(
    cx: &Cx<'_>,
    schema: &Schema,
    index: Option<&IndexSchema>,
    item: &Item,
    units: Units,
    admitted: &Result<(), Error>,
) {
    let index = index.filter(|index| index.record.global);
    let watch = index.map_or(schema.watch.as_ref(), |index| index.watch.as_ref());
    let Some(watch) = watch else { return };
    let keys = index.map_or(&schema.keys, |index| &index.keys);
    let units = match admitted {
        Ok(()) => Some(units),
        Err(_) if is_throttled(admitted) => None,
        Err(_) => return,
    };
    tell(&cx.memory::<Contributors>(), cx.now, watch.notes(keys, item, units));
}

/// Counts a write of the item with this key, and of its entries.
pub(crate) fn written(
    cx: &mut Cx<'_>,
    schema: &Schema,
    item: &Item,
    done: &Done,
    admitted: &Result<(), Error>,
) {
    if !schema.is_watched {
        return;
    }
    let (all, now) = (cx.memory::<Contributors>(), cx.now);
    if is_throttled(admitted) {
        let throttled = admitted.as_ref().is_err_and(|error| error.names(&schema.arn));
        if let Some(watch) = schema.watch.as_ref().filter(|_| throttled) {
            tell(&all, now, watch.notes(&schema.keys, item, None));
        }
        return;
    }
    let own = schema.watch.iter().flat_map(|watch| watch.notes(&schema.keys, item, Some(done.table)));
    let mut notes: Vec<Note> = own.collect();
    for (at, key, units) in &done.entries {
        if let Some((index, watch)) =
            schema.indexes.get(*at).and_then(|index| Some((index, index.watch.as_ref()?)))
        {
            notes.extend(watch.notes(&index.keys, key, Some(*units)));
        }
    }
    cx.tx.on_end(move |committed| {
        if committed.is_some() {
            tell(&all, now, notes);
        }
    });
}

/// Ends what is passing: makes rules, or forgets them.
///
/// # Errors
/// The store's.
pub(crate) fn settle(tx: &mut Tx, table: &mut TableRecord) -> Result<(), StoreError> {
    let passing: Vec<(Option<IndexRecord>, super::model::insights::Insights)> = table
        .insights()
        .filter(|(_, insights)| insights.state.is_passing())
        .map(|(index, insights)| (index.cloned(), insights.clone()))
        .collect();
    for (index, mut insights) in passing {
        let name = index.as_ref().map(|index| index.name.clone());
        if insights.state == State::Enabling {
            for (_, key, rule) in insights.rules(table, index.as_ref()) {
                contributors::put_rule(tx, &key, &rule);
            }
            insights.state = State::Enabled;
        } else {
            forget(tx, table, index.as_ref())?;
            insights.state = State::Disabled;
        }
        match name {
            None => table.insights = Some(insights),
            Some(name) => {
                if let Some(index) = table.indexes.iter_mut().find(|index| index.name == name) {
                    index.insights = Some(insights);
                }
            }
        }
    }
    Ok(())
}

/// Forgets the rules of a table, or of one of its indexes.
///
/// # Errors
/// The store's.
pub(crate) fn forget(
    tx: &mut Tx,
    table: &TableRecord,
    index: Option<&IndexRecord>,
) -> Result<(), StoreError> {
    let insights = index.map_or(table.insights.as_ref(), |index| index.insights.as_ref());
    let Some(insights) = insights else { return Ok(()) };
    let mut all = insights.clone();
    all.throttled_only = false;
    all.rules(table, index).iter().try_for_each(|(_, key, _)| contributors::forget_rule(tx, key))
}
