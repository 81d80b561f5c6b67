//! [`Import`]: fills a table with what lies in S3.

use super::super::bucket::{Stop, Store};
use super::super::source::{Next, Source};
use super::faults::Faults;
use crate::dynamodb::action::check_put_size;
use crate::dynamodb::change::How;
use crate::dynamodb::errors::{Error, Refusal, failure};
use crate::dynamodb::item::Item;
use crate::dynamodb::model::log::By;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::table::{Status, TABLES};
use crate::dynamodb::model::transfer::{Ended, IMPORTS, ImportRecord};
use crate::dynamodb::work::{commit, rest};
use crate::dynamodb::write;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;
use store::{Direction, Key};
use wire::Fault;

/// Items that one transaction writes.
const BATCH: usize = 200;

#[derive(Debug)]
pub struct Import;

impl Reconciler for Import {
    fn name(&self) -> &'static str {
        "dynamodb imports"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![IMPORTS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let all: Result<Vec<_>, _> =
            IMPORTS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward).collect();
        for (_, import) in all.map_err(|e| e.to_string())? {
            if import.ended.is_none() {
                run(cloud, import).map_err(|e| Fault::from(e).to_string())?;
            }
        }
        Ok(None)
    }
}

fn run(cloud: &Arc<Cloud>, mut import: ImportRecord) -> Result<(), Error> {
    let (code, message) = match read(cloud, &mut import) {
        Ok(()) if import.errors == 0 => (None, None),
        // AWS: the guide on validation, to the letter.
        Ok(()) => {
            let message = "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for more details.";
            (Some(failure::ITEMS.to_owned()), Some(message.to_owned()))
        }
        Err(Stop::Failed(code, message)) => (Some(code), Some(message)),
        Err(Stop::Broken(error)) => return Err(error),
    };
    let mut tx = cloud.store().begin();
    if let Some(mut table) = TABLES.get(&tx, &import.table.own_key())?.filter(|t| t.import.is_some()) {
        table.import = None;
        let untouched = code.is_some() && import.processed == 0 && import.errors == 0;
        if untouched {
            table.status = Status::Deleting;
            TABLES.put(&mut tx, &table.own_key(), &table);
        } else {
            rest(&mut tx, table)?;
        }
    }
    import.ended = Some(Ended { time: cloud.clock().now(), code, message });
    IMPORTS.put(&mut tx, &import.own_key(), &import);
    commit(tx).map(drop)
}

/// Counts the bytes that were read of an object.
struct Counted<R>(R, Rc<Cell<i64>>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(into)?;
        self.1.set(self.1.get() + length as i64);
        Ok(length)
    }
}

fn read(cloud: &Arc<Cloud>, import: &mut ImportRecord) -> Result<(), Stop> {
    let known = import.clone();
    let bucket = Store::new(cloud, known.table.region, &known.requester, &known.from)?;
    let mut faults = Faults::open(cloud, &bucket, &known)?;
    import.logged = true;
    let read = read_all(cloud, import, &bucket, &mut faults);
    if let Err(Stop::Failed(_, why)) = &read {
        faults.note(None, why)?;
    }
    let told = faults.tell();
    read.and(told)
}

fn read_all(
    cloud: &Arc<Cloud>,
    import: &mut ImportRecord,
    bucket: &Store<'_>,
    faults: &mut Faults<'_>,
) -> Result<(), Stop> {
    let known = import.clone();
    let key = TABLES.stored_key(&known.table.own_key());
    let schema = schema::load(cloud, &cloud.store().begin(), &key)?;
    let schema = schema.filter(|schema| schema.record.number == known.table.number);
    let schema = schema.ok_or(Refusal::Internal)?;
    bucket.unlock(&schema)?;
    let bytes = Rc::new(Cell::new(0));
    for name in bucket.list()? {
        let object = Counted(bucket.get(&name)?, Rc::clone(&bytes));
        match Source::open(&known, object) {
            Some(mut source) => {
                let mut told = |at: i64, why: &str| faults.note(Some((&name, Some(at))), why);
                load(cloud, import, &schema, &mut source, &mut told)?;
            }
            None => {
                import.errors += 1;
                faults.note(Some((&name, None)), "The header of the object cannot be read")?;
            }
        }
        import.bytes = bytes.get();
    }
    Ok(())
}

fn load(
    cloud: &Arc<Cloud>,
    import: &mut ImportRecord,
    schema: &Schema,
    source: &mut Source<'_>,
    told: &mut dyn FnMut(i64, &str) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut batch = Vec::new();
    for at in 0.. {
        match source.next(&schema.record) {
            Next::Item(item) => {
                import.processed += 1;
                match schema.check_item(&item).and_then(|()| check_put_size(&item)) {
                    Ok(()) => batch.push(item),
                    Err(error) => {
                        import.errors += 1;
                        told(at, &Fault::from(error).message)?;
                    }
                }
            }
            Next::Refused => {
                (import.processed, import.errors) = (import.processed + 1, import.errors + 1);
                told(at, "The item cannot be read")?;
            }
            Next::Torn => {
                import.errors += 1;
                told(at, "The object cannot be read from here on")?;
                break;
            }
            Next::End => break,
        }
        if batch.len() == BATCH {
            put(cloud, import, schema, &mut batch)?;
        }
    }
    put(cloud, import, schema, &mut batch)
}

fn put(
    cloud: &Arc<Cloud>,
    import: &mut ImportRecord,
    schema: &Schema,
    batch: &mut Vec<Item>,
) -> Result<(), Stop> {
    import.imported += batch.len() as i64;
    loop {
        let mut tx = cloud.store().begin();
        for item in batch.iter() {
            let key = schema.item_key(item);
            // There may be one already: of the same key, or from before a crash.
            let old = write::read(&tx, schema, &key)?;
            let how = How::by(By::Filling, cloud.clock().now());
            write::replace(&mut tx, schema, key, old.as_ref(), Some(item), how)?;
        }
        if tx.is_read_only() || commit(tx)? {
            batch.clear();
            return Ok(());
        }
    }
}
