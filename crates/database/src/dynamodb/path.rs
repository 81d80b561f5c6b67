//! [`Path`]: where in an item something is: `a.b[3].c`.

use crate::dynamodb::item::Item;
use crate::dynamodb::value::AttributeValue;
use std::fmt;

/// Most elements of a path, which is one more than there are levels to descend.
pub const ELEMENTS_MAX: usize = 32;
/// Largest index that an expression may name; far beyond what an item can hold.
pub const INDEX_MAX: usize = i32::MAX as usize;

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Element {
    Name(String),
    Index(usize),
}

/// A top-level attribute, or a place within one. The first element is always a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    top: String,
    rest: Vec<Element>,
}

impl Path {
    /// A top-level attribute. Most paths are nothing else, and cost no vector.
    pub fn top(name: impl Into<String>) -> Path {
        Path { top: name.into(), rest: Vec::new() }
    }

    #[must_use]
    pub fn then(mut self, element: Element) -> Path {
        self.rest.push(element);
        self
    }

    /// The top-level attribute that the path begins with.
    pub fn attribute(&self) -> &str {
        &self.top
    }

    /// The steps below the top-level attribute.
    pub fn rest(&self) -> &[Element] {
        &self.rest
    }

    pub fn is_nested(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The map or list that the path leads into; `None` for a top-level attribute.
    pub(crate) fn parent(&self) -> Option<Parent<'_>> {
        let (_, above) = self.rest.split_last()?;
        Some(Parent { top: &self.top, above })
    }

    /// What is there in `item`.
    pub fn get<'i>(&self, item: &'i Item) -> Option<&'i AttributeValue> {
        self.rest.iter().try_fold(item.get(&self.top)?, step)
    }

    /// How two paths of one expression stand to each other.
    pub fn relation(&self, other: &Path) -> Relation {
        if self.top != other.top {
            return Relation::Apart;
        }
        for pair in self.rest.iter().zip(&other.rest) {
            match pair {
                (Element::Name(a), Element::Name(b)) if a == b => {}
                (Element::Index(a), Element::Index(b)) if a == b => {}
                (Element::Name(_), Element::Index(_)) | (Element::Index(_), Element::Name(_)) => {
                    return Relation::Conflict;
                }
                _ => return Relation::Apart,
            }
        }
        Relation::Overlap
    }
}

/// How two paths stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    Apart,
    /// One is the other or contains it.
    Overlap,
    /// One takes for a map what the other takes for a list.
    Conflict,
}

/// A nested path without its last step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent<'p> {
    top: &'p str,
    above: &'p [Element],
}

impl Parent<'_> {
    pub(crate) fn get<'i>(&self, item: &'i Item) -> Option<&'i AttributeValue> {
        self.above.iter().try_fold(item.get(self.top)?, step)
    }

    pub(crate) fn get_mut<'i>(&self, item: &'i mut Item) -> Option<&'i mut AttributeValue> {
        self.above.iter().try_fold(item.get_mut(self.top)?, step_mut)
    }
}

fn step<'v>(value: &'v AttributeValue, element: &Element) -> Option<&'v AttributeValue> {
    match (value, element) {
        (AttributeValue::M(map), Element::Name(name)) => map.get(name),
        (AttributeValue::L(list), Element::Index(index)) => list.get(*index),
        _ => None,
    }
}

fn step_mut<'v>(value: &'v mut AttributeValue, element: &Element) -> Option<&'v mut AttributeValue> {
    match (value, element) {
        (AttributeValue::M(map), Element::Name(name)) => map.get_mut(name),
        (AttributeValue::L(list), Element::Index(index)) => list.get_mut(*index),
        _ => None,
    }
}

/// As AWS prints a path in its messages: `[a, [1], b]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.top)?;
        for element in &self.rest {
            match element {
                Element::Name(name) => write!(f, ", {name}")?,
                Element::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
