//! Which statements of a policy may apply to an action.
//!
//! Short policies are walked whole. Longer ones are looked up: statements under the exact actions that they name,
//! under the service whose actions they take by pattern, or under neither.

use super::document::{ActionPattern, Actions, Statement};

/// Up to this many statements a walk is cheaper than a look-up.
const WALK_MAX: usize = 4;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Index {
    /// All of so many statements.
    Walk(usize),
    Lookup {
        /// Sorted by action: `s3:getobject`.
        exact: Vec<(Box<str>, Vec<usize>)>,
        /// Sorted by service: `s3`.
        service: Vec<(Box<str>, Vec<usize>)>,
        /// Patterns that cross services, and `NotAction`.
        rest: Vec<usize>,
    },
}

impl Index {
    pub(super) fn of(statements: &[Statement]) -> Index {
        if statements.len() <= WALK_MAX {
            return Index::Walk(statements.len());
        }
        let (mut exact, mut service, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for (at, statement) in statements.iter().enumerate() {
            let Actions::These(actions) = &statement.actions else {
                rest.push(at);
                continue;
            };
            for action in actions {
                match action {
                    ActionPattern::Exact(name) => exact.push((name.clone(), at)),
                    ActionPattern::Prefix(text) | ActionPattern::Wild(text) => match literal_service(text) {
                        Some(name) => service.push((name.into(), at)),
                        None => rest.push(at),
                    },
                    ActionPattern::Any => rest.push(at),
                }
            }
        }
        rest.dedup();
        Index::Lookup { exact: grouped(exact), service: grouped(service), rest }
    }

    /// Places of statements, ascending, each once.
    pub(super) fn candidates(&self, action: &str) -> impl Iterator<Item = usize> {
        let (walk, found) = match self {
            Index::Walk(count) => (0..*count, Vec::new()),
            Index::Lookup { exact, service, rest } => {
                let prefix = action.split_once(':').map_or(action, |(prefix, _)| prefix);
                let exact = look_up(exact, action);
                let service = look_up(service, prefix);
                let mut found = Vec::with_capacity(exact.len() + service.len() + rest.len());
                found.extend_from_slice(exact);
                found.extend_from_slice(service);
                found.extend_from_slice(rest);
                found.sort_unstable();
                found.dedup();
                (0..0, found)
            }
        };
        walk.chain(found)
    }
}

/// The part before the colon, when it has no wildcard.
fn literal_service(pattern: &str) -> Option<&str> {
    let (service, _) = pattern.split_once(':')?;
    (!service.contains(['*', '?'])).then_some(service)
}

fn grouped(mut pairs: Vec<(Box<str>, usize)>) -> Vec<(Box<str>, Vec<usize>)> {
    pairs.sort_unstable();
    pairs.dedup();
    let mut groups: Vec<(Box<str>, Vec<usize>)> = Vec::new();
    for (key, at) in pairs {
        match groups.last_mut() {
            Some((last, places)) if *last == key => places.push(at),
            _ => groups.push((key, vec![at])),
        }
    }
    groups
}

fn look_up<'i>(groups: &'i [(Box<str>, Vec<usize>)], key: &str) -> &'i [usize] {
    match groups.binary_search_by(|(name, _)| (**name).cmp(key)) {
        Ok(at) => &groups[at].1,
        Err(_) => &[],
    }
}
