//! Pages of queries and scans: rows of a range, until a limit, a megabyte or the end.

use super::errors::{Error, Refusal};
use super::expression::{Condition, Projection};
use super::item::Item;
use super::model::rows;
use super::model::schema::{IndexSchema, Schema};
use super::size::{Consistency, Units};
use store::{Direction, KeyRange, Read, Slice};

/// AWS: the guide on pagination: a page is at most 1 MB before filters.
const PAGE_BYTES: usize = 1 << 20;

/// What to read.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) index: Option<&'a IndexSchema>,
    pub(crate) range: KeyRange,
    pub(crate) direction: Direction,
    pub(crate) limit: Option<usize>,
    pub(crate) filter: Option<&'a Condition>,
    pub(crate) projection: Option<&'a Projection>,
    /// Only the number is wanted.
    pub(crate) count: bool,
    /// The entry of a local index does not hold all that is wanted: the item itself is read too.
    pub(crate) fetch: bool,
    pub(crate) consistency: Consistency,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) count: usize,
    pub(crate) scanned: usize,
    /// The key of the last item that was looked at, where there may be more.
    pub(crate) last: Option<Item>,
    /// What the rows of the range cost, and the items that were read beside them.
    pub(crate) units: Units,
    pub(crate) fetched: Units,
}

/// # Errors
/// The store's.
pub(crate) fn page(from: &dyn Read, asked: &Asked<'_>) -> Result<Page, Error> {
    let mut page = Page::default();
    let mut bytes = 0;
    let mut last: Option<Slice> = None;
    let mut full = false;
    if asked.range.is_empty() {
        return Ok(Page { units: Units::read(0, asked.consistency), ..page });
    }
    for pair in from.scan(asked.range.clone(), asked.direction) {
        let (_, row) = pair?;
        let size = rows::size(&row)?;
        if page.scanned > 0 && bytes + size > PAGE_BYTES {
            full = true;
            break;
        }
        bytes += size;
        page.scanned += 1;
        take(from, asked, &mut page, &row)?;
        last = Some(row);
        if asked.limit == Some(page.scanned) {
            full = true;
            break;
        }
    }
    page.units = Units::read(bytes, asked.consistency);
    if full && let Some(row) = last {
        page.last = Some(position(asked, &row)?);
    }
    Ok(page)
}

/// Looks at one row.
fn take(from: &dyn Read, asked: &Asked<'_>, page: &mut Page, row: &Slice) -> Result<(), Error> {
    if asked.count && asked.filter.is_none() && !asked.fetch {
        page.count += 1;
        return Ok(());
    }
    let item =
        if asked.fetch { fetch(from, asked, page, row)? } else { rows::decode(&asked.schema.vault, row)? };
    if asked.filter.is_some_and(|filter| !filter.matches(&item)) {
        return Ok(());
    }
    page.count += 1;
    if !asked.count {
        page.items.push(match asked.projection {
            Some(projection) => projection.apply(&item),
            None => item,
        });
    }
    Ok(())
}

/// The item that an entry stands for.
fn fetch(from: &dyn Read, asked: &Asked<'_>, page: &mut Page, row: &Slice) -> Result<Item, Error> {
    let entry = rows::decode(&asked.schema.vault, row)?;
    let row = from.get(&asked.schema.item_key(&entry))?.ok_or_else(|| Error::from(Refusal::Internal))?;
    page.fetched += Units::read(rows::size(&row)?, asked.consistency);
    Ok(rows::decode(&asked.schema.vault, &row)?)
}

/// The attributes by which a page continues: the table's key, and the index's.
fn position(asked: &Asked<'_>, row: &Slice) -> Result<Item, Error> {
    let in_key = |name: &str| asked.schema.keys.has(name) || asked.index.is_some_and(|i| i.keys.has(name));
    Ok(Item::decode_only(&rows::body(&asked.schema.vault, row)?, in_key)?)
}
