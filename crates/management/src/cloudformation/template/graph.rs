//! Which resource waits for which, and an order in which all can be made.

use super::reference::{Holding, Reference, walk};
use super::{Template, Wrong, wrong};
use std::collections::{BTreeMap, BTreeSet};

/// For each resource those that must be there before it.
pub(crate) type Needs = BTreeMap<String, BTreeSet<String>>;

/// What each resource needs. Where the conditions are known, of the resources that are made only.
///
/// # Errors
/// Functions of a form that is none.
pub(crate) fn needs(template: &Template, holding: Option<&Holding>) -> Result<Needs, Wrong> {
    let made = |condition: &Option<String>| match (holding, condition) {
        (Some(holding), Some(name)) => holding.get(name).copied().unwrap_or(false),
        _ => true,
    };
    let names: BTreeSet<&str> =
        template.resources.iter().filter(|r| made(&r.condition)).map(|r| r.name.as_str()).collect();
    let mut out = Needs::new();
    for resource in template.resources.iter().filter(|resource| names.contains(resource.name.as_str())) {
        let mut own = BTreeSet::new();
        let mut note = |name: &str| {
            if names.contains(name) {
                own.insert(name.to_owned());
            }
        };
        resource.depends_on.iter().for_each(|name| note(name));
        walk(&resource.properties, holding, &mut |reference| {
            if let Reference::Name(name) | Reference::Attribute(name, _) = reference {
                note(name);
            }
            Ok(())
        })?;
        out.insert(resource.name.clone(), own);
    }
    Ok(out)
}

/// The resources, each after all that it needs, else in the order of the template.
///
/// # Errors
/// `Circular dependency between resources: [...]`.
pub(crate) fn order(template: &Template, needs: &Needs) -> Result<Vec<String>, Wrong> {
    let mut waiting: BTreeMap<&str, usize> =
        needs.iter().map(|(name, own)| (name.as_str(), own.len())).collect();
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, own) in needs {
        own.iter().for_each(|other| needed_by.entry(other).or_default().push(name));
    }
    let place: BTreeMap<&str, usize> =
        template.resources.iter().enumerate().map(|(i, resource)| (resource.name.as_str(), i)).collect();
    let at = |name: &str| place.get(name).copied().unwrap_or(usize::MAX);
    let mut ready: BTreeSet<(usize, &str)> =
        waiting.iter().filter(|(_, count)| **count == 0).map(|(name, _)| (at(name), *name)).collect();
    let mut out = Vec::with_capacity(needs.len());
    while let Some((_, name)) = ready.pop_first() {
        waiting.remove(name);
        out.push(name.to_owned());
        for follower in needed_by.get(name).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(follower) {
                *count -= 1;
                if *count == 0 {
                    ready.insert((at(follower), follower));
                }
            }
        }
    }
    if waiting.is_empty() {
        return Ok(out);
    }
    // What only follows the circle is no part of it.
    let mut circle: BTreeSet<&str> = waiting.into_keys().collect();
    loop {
        let leads = |name: &&str| {
            needed_by.get(*name).is_some_and(|followers| followers.iter().any(|f| circle.contains(f)))
        };
        let kept: BTreeSet<&str> = circle.iter().filter(|name| leads(name)).copied().collect();
        if kept.len() == circle.len() {
            break;
        }
        circle = kept;
    }
    let mut named: Vec<&str> = circle.into_iter().collect();
    named.sort_by_key(|name| at(name));
    wrong(format!("Circular dependency between resources: [{}]", named.join(", ")))
}
