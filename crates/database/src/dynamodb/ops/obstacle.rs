//! What goes on with a table and stands in the way of a change, each in words of its own.
//!
//! AWS: recorded. Not every change waits for every other: protection, warm throughput and the rows' key may change while
//! the table does, and indexes have states of their own. Where AWS was not recorded the table is said to be updated.

use super::table::{check_idle, in_use};
use super::update_table::{IndexUpdate, UpdateTable};
use crate::dynamodb::errors::{Error, Refusal, parameter};
use crate::dynamodb::model::table::{IndexRecord, Status, TableRecord};

/// What a table is busy with.
struct Doings<'t> {
    table: &'t TableRecord,
    /// ` Table: music`
    named: String,
}

impl<'t> Doings<'t> {
    fn units(&self) -> bool {
        self.table.throughput.before.is_some()
    }

    /// Which stream comes or goes.
    fn stream(&self) -> Option<String> {
        let table = self.table;
        let way = match &table.stream {
            Some(stream) if stream.changing => "ENABLE",
            None if table.stream_closing => "DISABLE",
            _ => return None,
        };
        let label = table.latest_stream.as_deref().unwrap_or_default();
        Some(format!("{} Stream: {label} Operation: {way}", self.named))
    }

    fn class(&self) -> Option<String> {
        let class = self.table.next_class.as_ref()?;
        Some(format!("TableClassUpdateInProgress: {class}"))
    }

    /// `[by-artist]`; none where no global index is like that.
    fn indexes(&self, is: impl Fn(&&'t IndexRecord) -> bool) -> Option<String> {
        let names: Vec<&str> = self.table.globals().filter(is).map(|index| index.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("[{}]", names.join(", ")))
    }

    fn allocating(&self) -> Option<String> {
        self.indexes(|index| index.allocating)
    }

    fn going(&self) -> Option<String> {
        self.indexes(|index| index.status == Status::Deleting)
    }

    fn refuse(&self, what: impl std::fmt::Display) -> Error {
        in_use(self.table, what)
    }
}

/// # Errors
/// `ResourceInUseException`, `LimitExceededException`, `ValidationException`.
pub(super) fn check_free(table: &TableRecord, req: &UpdateTable) -> Result<(), Error> {
    if !matches!(table.status, Status::Active | Status::Updating) {
        return check_idle(table);
    }
    let doings = Doings { table, named: format!("Table: {}", table.name) };
    // Replicas come or go.
    if table.status == Status::Updating && !table.is_changing() && doings.allocating().is_none() {
        return check_idle(table);
    }
    let indexes = req.indexes.as_deref().unwrap_or_default();
    if req.sse.is_some() && table.next_encryption.is_some() {
        return Err(doings.refuse("Server-Side Encryption is still being updated"));
    }
    if req.class.is_some() {
        check_class(&doings)?;
    }
    if req.limits.is_some() {
        check_limits(&doings, req)?;
    }
    for update in indexes {
        check_index(&doings, update)?;
    }
    // What is as it is asked to be changes nothing.
    let as_it_is = req.billing.as_deref() == Some("PAY_PER_REQUEST") && table.on_demand && !doings.units();
    if req.throughput.is_some() || (req.billing.is_some() && !as_it_is) {
        check_units(&doings)?;
    }
    if req.stream.is_some() {
        check_stream(&doings)?;
    }
    if indexes.iter().any(|index| index.create.is_some() || index.delete.is_some()) {
        check_online(&doings, indexes)?;
    }
    let busy = doings.units() || doings.stream().is_some() || doings.class().is_some();
    if req.replicas.is_some() || (busy && indexes.iter().any(|index| index.update.is_some())) {
        return check_idle(table);
    }
    Ok(())
}

fn check_class(doings: &Doings<'_>) -> Result<(), Error> {
    let named = &doings.named;
    if let Some(stream) = doings.stream() {
        return Err(doings
            .refuse(format_args!("Can't update table class when stream status is being updated. {stream}")));
    }
    if let Some(class) = doings.class() {
        return Err(doings.refuse(format_args!(
            "Can't update table class when a table class update is in progress. {named} {class}"
        )));
    }
    check_idle(doings.table)
}

fn check_limits(doings: &Doings<'_>, req: &UpdateTable) -> Result<(), Error> {
    // AWS: units that change without the mode are in nobody's way here: where they are there are no limits.
    let switched = doings.table.throughput.is_switched();
    let what = if switched {
        // AWS: until a switch is done it is the mode before that counts.
        if doings.table.on_demand {
            let read = req.limits.is_some_and(|limits| limits.read.is_some());
            let name = if read { "MaxReadRequestUnits" } else { "MaxWriteRequestUnits" };
            return Err(parameter(format_args!(
                "{name} for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
            )));
        }
        "BillingMode update is in progress".to_owned()
    } else if doings.stream().is_some() {
        "stream status update is in progress".to_owned()
    } else if let Some(class) = doings.class() {
        format!("TableClass update is in progress. {class}")
    } else if let Some(indexes) = doings.allocating() {
        format!("index creation is in progress for indexes: {indexes}")
    } else if let Some(indexes) = doings.going() {
        format!("index deletion is in progress for indexes: {indexes}")
    } else {
        return Ok(());
    };
    Err(doings.refuse(format_args!("OnDemandThroughput cannot be updated while {what}")))
}

/// Whether the index itself may be changed so.
fn check_index(doings: &Doings<'_>, update: &IndexUpdate) -> Result<(), Error> {
    let name = update.name()?;
    let Some(index) = doings.table.index(name).filter(|index| index.global) else { return Ok(()) };
    let why = match (index.status, &update.create, &update.delete) {
        (Status::Deleting, ..) => "Index is being deleted.",
        (Status::Creating, None, Some(_)) if index.allocating => {
            "Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the index is active."
        }
        (Status::Creating, None, None) if index.allocating => {
            "Index is being created but is not backfilling yet."
        }
        (Status::Creating, None, None) => "Index is being created.",
        _ => return Ok(()),
    };
    Err(doings.refuse(format_args!("{why} {} Index: {name}", doings.named)))
}

fn check_units(doings: &Doings<'_>) -> Result<(), Error> {
    let named = &doings.named;
    if doings.units() {
        return Err(doings.refuse(format_args!("Table IOPS are currently being updated. {named}")));
    }
    let why = if let Some(stream) = doings.stream() {
        format!("stream status is being updated. {stream}")
    } else if let Some(class) = doings.class() {
        format!("a table class update is in progress. {named} {class}")
    } else if let Some(indexes) = doings.allocating() {
        format!("an index is being created. {named} Indexes: {indexes}")
    } else if let Some(indexes) = doings.going() {
        format!("an index is being deleted. {named} Indexes: {indexes}")
    } else {
        return Ok(());
    };
    Err(doings.refuse(format_args!("Can't change table IOPS when {why}")))
}

fn check_stream(doings: &Doings<'_>) -> Result<(), Error> {
    let named = &doings.named;
    let why = if doings.units() {
        format!("Can't enable or disable stream while table IOPS are being updated. {named}")
    } else if let Some(stream) = doings.stream() {
        format!("A stream status change is currently in progress. {stream}")
    } else if let Some(class) = doings.class() {
        format!("Can't change stream status when a table class update is in progress. {named} {class}")
    } else if let Some(indexes) = doings.allocating() {
        format!("Can't change stream status when an index is being created. {named} Indexes: {indexes}")
    } else if let Some(indexes) = doings.going() {
        format!("Can't change stream status when an index is being deleted. {named} Indexes: {indexes}")
    } else {
        return Ok(());
    };
    Err(doings.refuse(why))
}

/// Whether an index may come or go.
fn check_online(doings: &Doings<'_>, updates: &[IndexUpdate]) -> Result<(), Error> {
    let named = &doings.named;
    let why = if doings.units() {
        format!("Can't create or delete indexes while table IOPS are being updated. {named}")
    } else if let Some(stream) = doings.stream() {
        format!("Can't create or delete an index when stream status is being updated. {stream}")
    } else if let Some(class) = doings.class() {
        format!("Can't create or delete an index when a table class update is in progress. {named} {class}")
    } else {
        let online = |index: &&IndexRecord| matches!(index.status, Status::Creating | Status::Deleting);
        let own = |index: &&IndexRecord| {
            updates.iter().any(|update| update.name().is_ok_and(|name| name == index.name))
        };
        if doings.table.globals().filter(online).any(|index| !own(&index)) {
            return Err(one_online());
        }
        return Ok(());
    };
    Err(doings.refuse(why))
}

/// Of all indexes of a table one may come or go at a time.
pub(super) fn one_online() -> Error {
    Refusal::Limit(
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            .into(),
    )
    .into()
}
