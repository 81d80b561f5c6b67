//! Updates against items.
//!
//! Every value is computed and every path checked against the item as it was; then assignments and additions are
//! made, and removals last and from the end of each list, so that no action moves what another one names.

use super::projection::Projection;
use super::update::{Action, SetOperand, SetValue, Update};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::path::{Element, Path};
use crate::dynamodb::value::{self, AttributeValue, NESTING_MAX};
use std::borrow::Cow;

/// An item after an update.
#[derive(Clone, PartialEq, Debug)]
pub struct Updated {
    pub item: Item,
    /// The places that the update names.
    pub touched: Vec<Path>,
}

impl Updated {
    /// What `UPDATED_NEW` returns: what now stands at the places that the update names.
    ///
    /// AWS: to the letter. What was set beyond a list's end stands elsewhere and is not returned; where a member of a
    /// list was removed, the one that moved up is.
    pub fn new_attributes(&self) -> Item {
        Projection::of(&self.touched).apply(&self.item)
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
    /// The item that the update makes of the one before, or of nothing but its `key`.
    ///
    /// Errors: AWS's for missing sources, wrong types, paths that lead nowhere, numbers out of range, nesting.
    pub fn apply(&self, before: Option<&Item>, key: &Item) -> Result<Updated, Invalid> {
        let item = before.unwrap_or(key);
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
        for action in &self.actions {
            // AWS: from an item that isn't there anything can be removed, even from within what isn't there.
            let ignored = before.is_none() && matches!(action, Action::Remove(_));
            if !ignored {
                check_parent(action.path(), item)?;
            }
        }
        // What is set beyond a list's end is appended in the order of the indexes.
        puts.sort_by(|a, b| a.0.cmp(&b.0));
        // From the deepest up, so that no removal moves what another one names; those of one list stand together.
        removals.sort_by(|a, b| b.rest().len().cmp(&a.rest().len()).then_with(|| a.cmp(b)));
        let mut out = item.clone();
        for (path, value) in puts {
            if path.rest().len() + value.nesting() > NESTING_MAX {
                return Err(value::too_deep());
            }
            put(&mut out, &path, value)?;
        }
        for siblings in removals.chunk_by(|a, b| a.parent() == b.parent()) {
            remove(&mut out, siblings);
        }
        let touched = self.targets().cloned().collect();
        Ok(Updated { item: out, touched })
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
        SetValue::Plus(left, right) => Ok(AttributeValue::N(number(left)?.plus(number(right)?)?)),
        SetValue::Minus(left, right) => Ok(AttributeValue::N(number(left)?.minus(number(right)?)?)),
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
        (AttributeValue::N(a), AttributeValue::N(b)) => Ok(AttributeValue::N(a.plus(*b)?)),
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
    let (Some(above), Some(last)) = (path.parent(), path.rest().last()) else { return Ok(()) };
    match (above.get(item), last) {
        (Some(AttributeValue::M(_)), Element::Name(_)) | (Some(AttributeValue::L(_)), Element::Index(_)) => {
            Ok(())
        }
        _ => Err(invalid_path()),
    }
}

fn put(item: &mut Item, path: &Path, value: AttributeValue) -> Result<(), Invalid> {
    let (Some(above), Some(last)) = (path.parent(), path.rest().last()) else {
        item.insert(path.attribute(), value);
        return Ok(());
    };
    match (above.get_mut(item).ok_or_else(invalid_path)?, last) {
        (AttributeValue::M(map), Element::Name(name)) => {
            map.insert(name.as_str(), value);
        }
        (AttributeValue::L(list), Element::Index(index)) => match list.get_mut(*index) {
            Some(member) => *member = value,
            None => list.push(value),
        },
        _ => return Err(invalid_path()),
    }
    Ok(())
}

/// Removes places with one parent at once: a list closes its ranks a single time, however many of its members go.
fn remove(item: &mut Item, siblings: &[Path]) {
    let Some(above) = siblings.first().and_then(Path::parent) else {
        siblings.iter().for_each(|path| {
            item.remove(path.attribute());
        });
        return;
    };
    let lasts = siblings.iter().filter_map(|path| path.rest().last());
    match above.get_mut(item) {
        Some(AttributeValue::M(map)) => {
            for last in lasts {
                if let Element::Name(name) = last {
                    map.remove(name);
                }
            }
        }
        Some(AttributeValue::L(list)) => {
            let mut gone = lasts
                .filter_map(|last| if let Element::Index(index) = last { Some(*index) } else { None })
                .peekable();
            let mut at = 0;
            list.retain(|_| {
                let keep = gone.next_if_eq(&at).is_none();
                at += 1;
                keep
            });
        }
        _ => {}
    }
}
