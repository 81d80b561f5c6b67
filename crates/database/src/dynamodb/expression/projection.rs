//! [`Projection`]: the parts of an item that a ProjectionExpression names.

use super::Kind;
use super::findings::{Findings, Rank};
use super::parser::Parser;
use super::placeholders::Placeholders;
use super::token::Token;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::path::{Element, Path, Relation};
use crate::dynamodb::value::AttributeValue;
use std::collections::BTreeMap;

/// Which parts of an item to keep.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Projection {
    top: BTreeMap<String, Part>,
}

/// What to keep of a value.
#[derive(Clone, PartialEq, Debug)]
enum Part {
    Whole,
    /// Of a map or of a list: no path can ask for both.
    Within {
        names: BTreeMap<String, Part>,
        indexes: BTreeMap<usize, Part>,
    },
}

impl Projection {
    /// Compiles a ProjectionExpression.
    pub fn compile(text: &str, placeholders: &mut Placeholders) -> Result<Projection, Invalid> {
        let mut parser = Parser::new(Kind::Projection, text, placeholders)?;
        let mut paths = Vec::new();
        loop {
            paths.push(parser.path()?);
            parser.end_leaf();
            if !parser.take_if(Token::Sign(b',')) {
                break;
            }
        }
        check_apart(&paths, &mut parser.findings);
        Ok(Projection::of(&parser.finish(paths)?))
    }

    /// Top-level attributes, as the legacy `AttributesToGet` lists them.
    pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Projection {
        Projection { top: names.into_iter().map(|name| (name.to_owned(), Part::Whole)).collect() }
    }

    /// The given places, which may overlap: what an update has touched.
    pub fn of(paths: &[Path]) -> Projection {
        let mut projection = Projection::default();
        for path in paths {
            let mut part = slot(&mut projection.top, path.attribute().to_owned(), path.is_nested());
            let mut rest = path.rest().iter().peekable();
            while let Some(element) = rest.next() {
                let more = rest.peek().is_some();
                let Part::Within { names, indexes } = part else { break };
                part = match element {
                    Element::Name(name) => slot(names, name.clone(), more),
                    Element::Index(index) => slot(indexes, *index, more),
                };
            }
        }
        projection
    }

    /// The top-level attributes that any path begins with.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.top.keys().map(String::as_str)
    }

    /// Whether the projection reaches into the attribute rather than taking it whole.
    pub fn is_nested(&self, attribute: &str) -> bool {
        matches!(self.top.get(attribute), Some(Part::Within { .. }))
    }

    /// What there is of it in the item. Chosen members of a list close ranks.
    pub fn apply(&self, item: &Item) -> Item {
        keep_names(&self.top, item)
    }
}

/// The slot for a path's next element. A whole value stays whole.
fn slot<K: Ord>(parts: &mut BTreeMap<K, Part>, key: K, more: bool) -> &mut Part {
    let within = || Part::Within { names: BTreeMap::new(), indexes: BTreeMap::new() };
    let part = parts.entry(key).or_insert_with(within);
    if !more {
        *part = Part::Whole;
    }
    part
}

fn keep_names(parts: &BTreeMap<String, Part>, map: &Item) -> Item {
    let kept = parts.iter().filter_map(|(name, part)| Some((name.clone(), keep(part, map.get(name)?)?)));
    Item::from_pairs(kept.collect())
}

fn keep(part: &Part, value: &AttributeValue) -> Option<AttributeValue> {
    let Part::Within { names, indexes } = part else { return Some(value.clone()) };
    match value {
        AttributeValue::M(map) => {
            let kept = keep_names(names, map);
            (!kept.is_empty()).then_some(AttributeValue::M(kept))
        }
        AttributeValue::L(list) => {
            let kept = indexes.iter().filter_map(|(index, part)| keep(part, list.get(*index)?));
            let kept: Vec<AttributeValue> = kept.collect();
            (!kept.is_empty()).then_some(AttributeValue::L(kept))
        }
        _ => None,
    }
}

/// Below this many paths every pair is looked at, in the order in which AWS does.
const PAIRS_MAX: usize = 64;

/// Finds paths that overlap or conflict.
pub(super) fn check_apart(paths: &[Path], findings: &mut Findings) {
    let mut look = |first: &Path, second: &Path| {
        let (rank, relation) = match first.relation(second) {
            Relation::Apart => return,
            Relation::Overlap => (Rank::Overlap, "overlap"),
            Relation::Conflict => (Rank::Conflict, "conflict"),
        };
        findings.add(rank, || {
            format!(
                "Two document paths {relation} with each other; must remove or rewrite one of these paths; path one: {first}, path two: {second}"
            )
        });
    };
    if paths.len() <= PAIRS_MAX {
        for (at, second) in paths.iter().enumerate() {
            paths[..at].iter().for_each(|first| look(first, second));
        }
        return;
    }
    // In order, a path stands right behind one that contains it, and names behind which indexes follow behind them.
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by(|a, b| paths[*a].cmp(&paths[*b]));
    for pair in order.windows(2) {
        look(&paths[pair[0].min(pair[1])], &paths[pair[0].max(pair[1])]);
    }
}
