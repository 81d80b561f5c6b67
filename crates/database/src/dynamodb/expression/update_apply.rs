//! Updates against items.
//!
//! Every value is computed and every path checked against the item as it was; then assignments and additions are
//! made, and removals last and from the end of each list, so that no action moves what another one names.

use super::projection::Projection;
use super::update::{Action, SetOperand, SetValue, Update};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::path::{Element, Path, step_mut};
use crate::dynamodb::value::{self, AttributeValue, NESTING_MAX};
use std::borrow::Cow;

/// An item after an update.
#[derive(Clone, PartialEq, Debug)]
pub struct Updated {
    pub item: Item,
    /// Where the update changed or removed something, as the item was before.
    pub touched: Vec<Path>,
    /// The same places, as the item is now: what was set beyond a list's end is where it came to stand.
    pub written: Vec<Path>,
}

impl Updated {
    /// What `UPDATED_NEW` returns.
    pub fn new_attributes(&self) -> Item {
        Projection::of(&self.written).apply(&self.item)
    }

    /// What `UPDATED_OLD` returns, of the item before.
    pub fn old_attributes(&self, before: &Item) -> Item {
        Projection::of(&self.touched).apply(before)
    }
}

/// What an action comes to, once its value is known.
enum Change {
    Put(Path, AttributeValue),
    Remove(Path),
}

impl Update {
    /// The item that the update makes of `item`, which is empty (or a key alone) where there was none.
    ///
    /// Errors: AWS's for missing sources, wrong types, paths that lead nowhere, numbers out of range, nesting.
    pub fn apply(&self, item: &Item) -> Result<Updated, Invalid> {
        let mut puts = Vec::new();
        let mut removals = Vec::new();
        for action in &self.actions {
            let change =
                change(action, item).map_err(|error| match self.legacy && error == wrong_type() {
                    true => Invalid::new("Type mismatch for attribute to update"),
                    false => error,
                })?;
            match change {
                Some(Change::Put(path, value)) => puts.push((path, value)),
                Some(Change::Remove(path)) => removals.push(path),
                None => {}
            }
        }
        for path in self.targets() {
            check_parent(path, item)?;
        }
        // What is set beyond a list's end is appended in the order of the indexes.
        puts.sort_by(|a, b| a.0.cmp(&b.0));
        removals.sort();
        let mut out = item.clone();
        let mut written = Vec::with_capacity(puts.len());
        for (path, value) in puts {
            if path.rest().len() + value.nesting() > NESTING_MAX {
                return Err(value::too_deep());
            }
            written.push(put(&mut out, path, value)?);
        }
        for path in removals.iter().rev() {
            remove(&mut out, path);
        }
        let touched = self.targets().cloned().collect();
        Ok(Updated { item: out, touched, written })
    }
}

impl AttributeValue {
    /// How many lists and maps are around the deepest value within, this one included.
    fn nesting(&self) -> usize {
        match self {
            AttributeValue::L(list) => 1 + list.iter().map(AttributeValue::nesting).max().unwrap_or(0),
            AttributeValue::M(map) => 1 + map.iter().map(|(_, value)| value.nesting()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

fn change(action: &Action, item: &Item) -> Result<Option<Change>, Invalid> {
    Ok(match action {
        Action::Set(path, value) => Some(Change::Put(path.clone(), set_value(value, item)?)),
        Action::Remove(path) => Some(Change::Remove(path.clone())),
        Action::Add(path, value) => {
            let sum = match path.get(item) {
                None => value.clone(),
                Some(old) => add(old, value)?,
            };
            Some(Change::Put(path.clone(), sum))
        }
        Action::Delete(path, value) => match path.get(item) {
            None => None,
            Some(old) => Some(match subtract(old, value)? {
                Some(rest) => Change::Put(path.clone(), rest),
                // A set can't be empty: with its last member the attribute goes.
                None => Change::Remove(path.clone()),
            }),
        },
    })
}

fn wrong_type() -> Invalid {
    Invalid::new("An operand in the update expression has an incorrect data type")
}

fn missing() -> Invalid {
    Invalid::new("The provided expression refers to an attribute that does not exist in the item")
}

fn invalid_path() -> Invalid {
    Invalid::new("The document path provided in the update expression is invalid for update")
}

fn set_value(value: &SetValue, item: &Item) -> Result<AttributeValue, Invalid> {
    let number = |operand| -> Result<_, Invalid> { resolve(operand, item)?.as_n().ok_or_else(wrong_type) };
    match value {
        SetValue::Operand(operand) => Ok(resolve(operand, item)?.into_owned()),
        SetValue::Plus(left, right) => Ok(AttributeValue::N(number(left)?.add(number(right)?)?)),
        SetValue::Minus(left, right) => Ok(AttributeValue::N(number(left)?.subtract(number(right)?)?)),
    }
}

fn resolve<'a>(operand: &'a SetOperand, item: &'a Item) -> Result<Cow<'a, AttributeValue>, Invalid> {
    match operand {
        SetOperand::Path(path) => path.get(item).map(Cow::Borrowed).ok_or_else(missing),
        SetOperand::Value(value) => Ok(Cow::Borrowed(value)),
        SetOperand::IfNotExists(path, default) => match path.get(item) {
            Some(value) => Ok(Cow::Borrowed(value)),
            None => resolve(default, item),
        },
        SetOperand::ListAppend(first, second) => {
            let (first, second) = (resolve(first, item)?, resolve(second, item)?);
            let (AttributeValue::L(first), AttributeValue::L(second)) = (first.as_ref(), second.as_ref())
            else {
                return Err(wrong_type());
            };
            Ok(Cow::Owned(AttributeValue::L(first.iter().chain(second).cloned().collect())))
        }
    }
}

fn add(old: &AttributeValue, value: &AttributeValue) -> Result<AttributeValue, Invalid> {
    match (old, value) {
        (AttributeValue::N(a), AttributeValue::N(b)) => Ok(AttributeValue::N(a.add(*b)?)),
        (AttributeValue::SS(a), AttributeValue::SS(b)) => Ok(AttributeValue::SS(united(a, b))),
        (AttributeValue::NS(a), AttributeValue::NS(b)) => Ok(AttributeValue::NS(united(a, b))),
        (AttributeValue::BS(a), AttributeValue::BS(b)) => Ok(AttributeValue::BS(united(a, b))),
        _ => Err(wrong_type()),
    }
}

fn united<T: Ord + Clone>(a: &[T], b: &[T]) -> Vec<T> {
    value::sorted(a.iter().chain(b).cloned().collect()).0
}

/// `None` where no member stays.
fn subtract(old: &AttributeValue, value: &AttributeValue) -> Result<Option<AttributeValue>, Invalid> {
    match (old, value) {
        (AttributeValue::SS(a), AttributeValue::SS(b)) => Ok(without(a, b).map(AttributeValue::SS)),
        (AttributeValue::NS(a), AttributeValue::NS(b)) => Ok(without(a, b).map(AttributeValue::NS)),
        (AttributeValue::BS(a), AttributeValue::BS(b)) => Ok(without(a, b).map(AttributeValue::BS)),
        _ => Err(wrong_type()),
    }
}

fn without<T: Ord + Clone>(a: &[T], b: &[T]) -> Option<Vec<T>> {
    let rest: Vec<T> = a.iter().filter(|member| b.binary_search(member).is_err()).cloned().collect();
    (!rest.is_empty()).then_some(rest)
}

/// A nested place can be changed only within a map or list that is there.
fn check_parent(path: &Path, item: &Item) -> Result<(), Invalid> {
    let Some((last, above)) = path.rest().split_last() else { return Ok(()) };
    let top = item.get(path.attribute());
    let parent = above.iter().try_fold(top.ok_or_else(invalid_path)?, |value, element| {
        crate::dynamodb::path::step(value, element).ok_or_else(invalid_path)
    })?;
    match (parent, last) {
        (AttributeValue::M(_), Element::Name(_)) | (AttributeValue::L(_), Element::Index(_)) => Ok(()),
        _ => Err(invalid_path()),
    }
}

fn parent<'i>(item: &'i mut Item, path: &Path, above: &[Element]) -> Option<&'i mut AttributeValue> {
    above.iter().try_fold(item.get_mut(path.attribute())?, |value, element| step_mut(value, element))
}

/// Sets a value; gives where it came to stand.
fn put(item: &mut Item, mut path: Path, value: AttributeValue) -> Result<Path, Invalid> {
    let Some((last, above)) = path.rest().split_last() else {
        item.insert(path.attribute(), value);
        return Ok(path);
    };
    let mut appended = None;
    match (parent(item, &path, above).ok_or_else(invalid_path)?, last) {
        (AttributeValue::M(map), Element::Name(name)) => {
            map.insert(name.as_str(), value);
        }
        (AttributeValue::L(list), Element::Index(index)) => match list.get_mut(*index) {
            Some(member) => *member = value,
            None => {
                appended = Some(list.len());
                list.push(value);
            }
        },
        _ => return Err(invalid_path()),
    }
    if let Some(index) = appended {
        path.set_last_index(index);
    }
    Ok(path)
}

fn remove(item: &mut Item, path: &Path) {
    let Some((last, above)) = path.rest().split_last() else {
        item.remove(path.attribute());
        return;
    };
    match (parent(item, path, above), last) {
        (Some(AttributeValue::M(map)), Element::Name(name)) => {
            map.remove(name);
        }
        (Some(AttributeValue::L(list)), Element::Index(index)) if *index < list.len() => {
            list.remove(*index);
        }
        _ => {}
    }
}
