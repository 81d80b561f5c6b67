//! [`Schema`]: a table ready for use, remembered between requests.
//!
//! The memory is never stale: each request reads the table's record in its own transaction, and a remembered schema
//! serves only if it was made of the very same bytes. That read also makes a write conflict with a change of its table
//! that happens meanwhile, so no write misses a new index.

use super::keys;
use super::log::{self, Keeps};
use super::name::Place;
use super::table::{IndexRecord, Status, TABLES, TableRecord};
use super::vault::Vault;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, parameter, validation};
use crate::dynamodb::insights::Watch;
use crate::dynamodb::item::Item;
use crate::dynamodb::size::{HASH_KEY_MAX, RANGE_KEY_MAX};
use crate::dynamodb::throttle::Rates;
use crate::dynamodb::value::{AttributeValue, Type};
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cloud, Cx};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use store::{Read, Record, Slice};

/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 4096;

/// An attribute that is part of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPart {
    pub name: String,
    pub kind: Type,
}

/// Which attributes make the key of a table or of an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySchema {
    pub hash: KeyPart,
    pub range: Option<KeyPart>,
    /// What else a global index's partition key and sort key consist of, each in order.
    pub more_hash: Vec<KeyPart>,
    pub more_range: Vec<KeyPart>,
}

/// A secondary index ready for use.
#[derive(Clone, Debug)]
pub struct IndexSchema {
    pub record: IndexRecord,
    pub keys: KeySchema,
    /// What the keys of its entries begin with.
    pub prefix: Vec<u8>,
    pub arn: String,
    /// The attributes that entries hold; none where they hold all.
    pub projected: Option<BTreeSet<String>>,
    pub rates: Rates,
    pub watch: Option<Box<Watch>>,
}

/// A table ready for use.
#[derive(Debug)]
pub struct Schema {
    pub record: TableRecord,
    pub keys: KeySchema,
    pub indexes: Vec<IndexSchema>,
    /// What the keys of its items begin with.
    pub prefix: Vec<u8>,
    pub policy: Option<Attached>,
    /// What the table itself lets in.
    pub rates: Rates,
    pub watch: Option<Box<Watch>>,
    /// Whether the table or any index is watched.
    pub is_watched: bool,
    /// Whether the table or any index has a limit.
    pub is_limited: bool,
    pub vault: Vault,
    pub keeps: Keeps,
    /// What the keys of its changes begin with.
    pub log: Vec<u8>,
    pub arn: String,
}

/// The remembered schemas, each with the bytes it was made of, by the keys of the tables' records.
#[derive(Default, Debug)]
pub struct SchemaMemory(RwLock<HashMap<Vec<u8>, Remembered>>);

type Remembered = (Slice, Arc<Schema>);

impl KeySchema {
    pub fn hashes(&self) -> impl Iterator<Item = &KeyPart> {
        std::iter::once(&self.hash).chain(&self.more_hash)
    }

    pub fn ranges(&self) -> impl Iterator<Item = &KeyPart> {
        self.range.iter().chain(&self.more_range)
    }

    pub fn parts(&self) -> impl Iterator<Item = &KeyPart> {
        self.hashes().chain(self.ranges())
    }

    /// Whether its partition key or its sort key consists of several attributes.
    pub fn is_composite(&self) -> bool {
        !self.more_hash.is_empty() || !self.more_range.is_empty()
    }

    pub fn has(&self, attribute: &str) -> bool {
        self.parts().any(|part| part.name == attribute)
    }

    /// Appends hash and key of the item; false where an attribute is missing or of another type.
    pub fn push(&self, out: &mut Vec<u8>, item: &Item) -> bool {
        let partition: Option<Vec<Vec<u8>>> = self.hashes().map(|part| part.bytes(item)).collect();
        let Some(partition) = partition else { return false };
        keys::push_partition(out, &partition);
        self.ranges().all(|part| part.push(out, item))
    }
}

impl KeyPart {
    fn bytes(&self, item: &Item) -> Option<Vec<u8>> {
        let value = item.get(&self.name)?;
        if value.kind() == self.kind { value.key_bytes() } else { None }
    }

    fn push(&self, out: &mut Vec<u8>, item: &Item) -> bool {
        match self.bytes(item) {
            Some(bytes) => keys::push(out, &bytes),
            None => return false,
        }
        true
    }
}

impl IndexSchema {
    /// Where the item's entry lies; none where the item has no place in the index.
    pub fn entry_key(&self, table: &KeySchema, item: &Item) -> Option<Vec<u8>> {
        let mut key = Vec::with_capacity(self.prefix.len() + 96);
        key.extend_from_slice(&self.prefix);
        let whole = self.takes(item)
            && self.keys.push(&mut key, item)
            && (!self.record.global || table.hash.push(&mut key, item))
            && table.range.as_ref().is_none_or(|range| range.push(&mut key, item));
        whole.then_some(key)
    }

    /// Whether an item's attributes may be keys here: of what was there before the index, neither what is empty nor
    /// what is too long comes in.
    fn takes(&self, item: &Item) -> bool {
        let size = |part: &KeyPart| item.get(&part.name).map_or(0, AttributeValue::size);
        let is_filled = |part: &KeyPart| item.get(&part.name).is_some_and(|value| !is_empty(value));
        self.keys.parts().all(is_filled)
            && self.keys.hashes().map(size).sum::<usize>() <= HASH_KEY_MAX
            && self.keys.ranges().map(size).sum::<usize>() <= RANGE_KEY_MAX
    }

    /// What the entry holds of the item.
    pub fn project(&self, item: &Item) -> Item {
        match &self.projected {
            None => item.clone(),
            Some(names) => item.only(names.iter().map(String::as_str)),
        }
    }

    pub fn holds(&self, attribute: &str) -> bool {
        self.projected.as_ref().is_none_or(|names| names.contains(attribute))
    }

    /// Whether writes are entered.
    pub fn is_kept(&self) -> bool {
        self.record.status != Status::Deleting
    }
}

impl Schema {
    /// # Errors
    /// Where a stored policy cannot be read.
    pub fn of(record: TableRecord) -> Result<Schema, Error> {
        let (account, region, number) = (record.account, record.region, record.number);
        let part = |name: &str| KeyPart {
            name: name.to_owned(),
            kind: record.kind(name).and_then(Type::of_name).unwrap_or(Type::S),
        };
        let several = |names: &[String]| names.iter().map(|name| part(name)).collect::<Vec<_>>();
        let schema = |hash: &str, range: Option<&String>, more: [&[String]; 2]| KeySchema {
            hash: part(hash),
            range: range.map(|range| part(range)),
            more_hash: several(more[0]),
            more_range: several(more[1]),
        };
        let table = schema(&record.hash, record.range.as_ref(), [&[], &[]]);
        let index = |index: &IndexRecord| {
            let keys = schema(&index.hash, index.range.as_ref(), [&index.more_hash, &index.more_range]);
            let names = keys.parts().chain(table.parts()).map(|part| part.name.clone());
            let projected = names.chain(index.include.iter().cloned()).collect();
            IndexSchema {
                prefix: keys::index_entries(account, region, number, index.number),
                arn: format!("{}/index/{}", record.arn(), index.name),
                projected: (index.projection != "ALL").then_some(projected),
                rates: Rates::of(record.on_demand, &index.throughput, index.on_demand_limits),
                watch: Watch::of(&record, Some(index)),
                keys,
                record: index.clone(),
            }
        };
        let indexes: Vec<IndexSchema> = record.indexes.iter().map(index).collect();
        let policy = record.policy.as_deref().map(|text| compiled(&record.arn(), text)).transpose()?;
        let prefix = keys::items(account, region, number);
        let rates = Rates::of(record.on_demand, &record.throughput, record.on_demand_limits);
        let is_limited = rates.are_any() || indexes.iter().any(|index| index.rates.are_any());
        let watch = Watch::of(&record, None);
        let is_watched = watch.is_some() || indexes.iter().any(|index| index.watch.is_some());
        let vault = Vault::of(&record);
        let (keeps, log) = (Keeps::of(&record), log::prefix(account, region, number));
        Ok(Schema {
            keys: table,
            indexes,
            prefix,
            policy,
            rates,
            watch,
            is_watched,
            is_limited,
            vault,
            keeps,
            log,
            arn: record.arn(),
            record,
        })
    }

    pub fn index(&self, name: &str) -> Option<&IndexSchema> {
        self.indexes.iter().find(|index| index.record.name == name)
    }

    /// The indexes into which writes go.
    pub fn kept_indexes(&self) -> impl Iterator<Item = &IndexSchema> {
        self.indexes.iter().filter(|index| index.is_kept())
    }

    pub fn locals(&self) -> impl Iterator<Item = &IndexSchema> {
        self.indexes.iter().filter(|index| !index.record.global)
    }

    /// Where an item with this key lies. The key was checked.
    pub fn item_key(&self, item: &Item) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.prefix.len() + 64);
        key.extend_from_slice(&self.prefix);
        self.keys.push(&mut key, item);
        key
    }

    /// The item's key alone.
    pub fn key_of(&self, item: &Item) -> Item {
        item.only(self.keys.parts().map(|part| part.name.as_str()))
    }

    /// Checks a `Key` parameter.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn check_key(&self, key: &Item) -> Result<(), Error> {
        if key.len() != self.keys.parts().count() || !self.has_key(key) {
            return Err(validation("The provided key element does not match the schema"));
        }
        self.check_key_values(key)
    }

    /// Checks an item that is to be put.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn check_item(&self, item: &Item) -> Result<(), Error> {
        for part in self.keys.parts() {
            let name = &part.name;
            let value = item
                .get(name)
                .ok_or_else(|| parameter(format_args!("Missing the key {name} in the item")))?;
            if value.kind() != part.kind {
                return Err(parameter(format_args!(
                    "Type mismatch for key {name} expected: {} actual: {}",
                    part.kind,
                    value.kind()
                )));
            }
        }
        self.check_key_values(item)?;
        self.check_index_keys(item, |index, part, value| match value.kind() == part.kind {
            false => mismatch(index, part, value.kind()),
            true => validation(format!(
                "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {} value. IndexName: {}, IndexKey: {}",
                empty_kind(part.kind), index.record.name, part.name
            )),
        })
    }

    /// Refuses an update that gives an attribute a type which the key of an index does not have; `written` are the
    /// types that stand in the request itself.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn check_index_types(&self, written: impl Fn(&str) -> Option<Type>) -> Result<(), Error> {
        for index in self.kept_indexes() {
            for part in index.keys.parts() {
                if let Some(kind) = written(&part.name).filter(|kind| *kind != part.kind) {
                    return Err(mismatch(index, part, kind));
                }
            }
        }
        Ok(())
    }

    /// Refuses paths into attributes that are parts of keys, the table's first.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn check_scalars(&self, is_nested: impl Fn(&str) -> bool) -> Result<(), Error> {
        let bad = |part: &&KeyPart| is_nested(&part.name);
        let (which, part) = match self.keys.parts().find(bad) {
            Some(part) => ("Key", part),
            None => match self.kept_indexes().flat_map(|index| index.keys.parts()).find(bad) {
                Some(part) => ("IndexKey", part),
                None => return Ok(()),
            },
        };
        Err(validation(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {which}: {}",
            part.name
        )))
    }

    /// Checks that no part of the key is empty.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn check_key_filled(&self, item: &Item) -> Result<(), Error> {
        for part in self.keys.parts() {
            if item.get(&part.name).is_some_and(is_empty) {
                return Err(validation(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: {}",
                    empty_kind(part.kind),
                    part.name
                )));
            }
        }
        Ok(())
    }

    fn check_key_values(&self, item: &Item) -> Result<(), Error> {
        self.check_key_filled(item)?;
        for (part, is_hash) in self.keys.parts().zip([true, false]) {
            if let Some(value) = item.get(&part.name) {
                check_key_size(value.size(), is_hash)?;
            }
        }
        Ok(())
    }

    /// Whether the item has a key of the right types.
    pub fn has_key(&self, item: &Item) -> bool {
        let fits = |part: &KeyPart| item.get(&part.name).is_some_and(|value| value.kind() == part.kind);
        self.keys.parts().all(fits)
    }

    /// Checks the attributes of an item that are keys of indexes. `refuse` words what is said of an empty one, and of
    /// one of another type.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn check_index_keys(
        &self,
        item: &Item,
        refuse: impl Fn(&IndexSchema, &KeyPart, &AttributeValue) -> Error,
    ) -> Result<(), Error> {
        for index in self.kept_indexes() {
            for part in index.keys.parts() {
                let Some(value) = item.get(&part.name) else { continue };
                if value.kind() != part.kind || is_empty(value) {
                    return Err(refuse(index, part, value));
                }
            }
            let size = |part: &KeyPart| item.get(&part.name).map_or(0, AttributeValue::size);
            check_key_size(index.keys.hashes().map(size).sum(), true)?;
            check_key_size(index.keys.ranges().map(size).sum(), false)?;
        }
        Ok(())
    }

    /// Whether a write must know what was there before.
    pub fn needs_old(&self) -> bool {
        self.keeps.any || self.record.backup.is_some() || self.indexes.iter().any(IndexSchema::is_kept)
    }
}

fn mismatch(index: &IndexSchema, part: &KeyPart, actual: Type) -> Error {
    let (name, expected, index) = (&part.name, part.kind, &index.record.name);
    parameter(format_args!(
        "Type mismatch for Index Key {name} Expected: {expected} Actual: {actual} IndexName: {index}"
    ))
}

fn is_empty(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::S(text) => text.is_empty(),
        AttributeValue::B(bytes) => bytes.is_empty(),
        _ => false,
    }
}

fn empty_kind(kind: Type) -> &'static str {
    if kind == Type::B { "binary" } else { "string" }
}

fn check_key_size(size: usize, is_hash: bool) -> Result<(), Error> {
    // AWS leaves out the space before the number.
    match is_hash {
        true if size > HASH_KEY_MAX => {
            Err(parameter("Size of hashkey has exceeded the maximum size limit of2048 bytes"))
        }
        false if size > RANGE_KEY_MAX => {
            Err(parameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes"))
        }
        _ => Ok(()),
    }
}

/// A stored policy for authorization. It was checked when it was put.
fn compiled(arn: &str, text: &str) -> Result<Attached, Error> {
    let source = PolicySource { id: arn.to_owned(), attached_to: arn.to_owned(), form: PolicyForm::Resource };
    let policy = Policy::parse(text, PolicyKind::Resource("dynamodb")).map_err(|malformed| {
        kernel::log::error("a stored table policy cannot be read", &[("problem", &malformed.message)]);
        Error::from(Refusal::Internal)
    })?;
    Ok((source, Arc::new(policy)))
}

/// The table at `place`, in any state.
///
/// # Errors
/// The store's.
pub fn find(cx: &Cx<'_>, place: &Place) -> Result<Option<Arc<Schema>>, Error> {
    let key = TABLES.stored_key(&TableRecord::key(place.account, place.region, &place.name));
    load(cx.cloud(), &*cx.tx, &key)
}

/// The table whose record has this stored key.
///
/// # Errors
/// The store's.
pub fn load(cloud: &Cloud, from: &dyn Read, key: &[u8]) -> Result<Option<Arc<Schema>>, Error> {
    let Some(bytes) = from.get(key)? else { return Ok(None) };
    let memory = cloud.memory::<SchemaMemory>();
    if let Some((made_of, schema)) = memory.0.read().unwrap_or_else(PoisonError::into_inner).get(key)
        && *made_of == bytes
    {
        return Ok(Some(Arc::clone(schema)));
    }
    let record = TableRecord::from_bytes(&bytes).map_err(|malformed| {
        kernel::log::error("a table's record is damaged", &[("problem", &malformed.to_string())]);
        Error::from(Refusal::Internal)
    })?;
    let schema = Arc::new(Schema::of(record)?);
    let mut all = memory.0.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= ENTRIES_MAX {
        all.clear();
    }
    all.insert(key.to_vec(), (bytes, Arc::clone(&schema)));
    Ok(Some(schema))
}

/// The table that a request about items means. A table that is being made or deleted has no items to speak of.
///
/// # Errors
/// `ResourceNotFoundException`, `ValidationException`, `AccessDeniedException` of its KMS key.
pub fn usable(cx: &mut Cx<'_>, name: &str) -> Result<Arc<Schema>, Error> {
    let found = find(cx, &Place::read(cx, name)?)?;
    let is_usable = |schema: &Arc<Schema>| matches!(schema.record.status, Status::Active | Status::Updating);
    let schema = found.filter(is_usable).ok_or_else(|| Error::from(Refusal::NoResource))?;
    encryption::unlock(cx, &schema)?;
    Ok(schema)
}

/// The table that a request about tables means.
///
/// # Errors
/// `ResourceNotFoundException`, `ValidationException`.
pub fn existing(cx: &Cx<'_>, name: &str) -> Result<Arc<Schema>, Error> {
    let place = Place::read(cx, name)?;
    find(cx, &place)?.ok_or_else(|| Refusal::NoTable(place.name).into())
}

/// The same, but for one that is being restored. AWS: recorded; it is described and deleted, and otherwise not there yet.
///
/// # Errors
/// Those of [`existing`].
pub fn made(cx: &Cx<'_>, name: &str) -> Result<Arc<Schema>, Error> {
    let schema = existing(cx, name)?;
    match schema.record.restore {
        None => Ok(schema),
        Some(_) => Err(Refusal::NoTable(schema.record.name.clone()).into()),
    }
}
