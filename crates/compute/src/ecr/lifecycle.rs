//! Lifecycle policies: which images are to go. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>

use super::errors::{EcrError, invalid};
use super::model::{Image, matches};
use base::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wire::Value;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// AWS: the quotas of the user guide.
const RULES_MAX: usize = 50;
const WILDCARDS_MAX: usize = 4;

#[derive(Clone, PartialEq, Debug)]
struct Rule {
    priority: i64,
    selection: Selection,
    limit: Limit,
}

#[derive(Clone, PartialEq, Debug)]
enum Selection {
    Any,
    Untagged,
    /// For each of the patterns the image has a tag.
    Tagged(Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Limit {
    MoreThan(usize),
    OlderThan(Duration),
}

/// A policy that was read.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Lifecycle(Vec<Rule>);

fn bad(why: impl std::fmt::Display) -> EcrError {
    invalid("LifecyclePolicyText", format!("Lifecycle policy validation failure: {why}"))
}

/// The members of an object, none of which may be unknown.
fn known<'v>(value: &'v Value, names: &[&str]) -> Result<&'v [(String, Value)], EcrError> {
    let Value::Map(pairs) = value else { return Err(bad("an object is expected")) };
    match pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        Some((name, _)) => Err(bad(format!(
            "object instance has properties which are not allowed by the schema: [\"{name}\"]"
        ))),
        None => Ok(pairs),
    }
}

fn texts(selection: &Value, name: &str) -> Result<Vec<String>, EcrError> {
    let Some(list) = selection.entry(name) else { return Ok(Vec::new()) };
    let list = list.as_list().ok_or_else(|| bad(format!("{name} must be a list")))?;
    let texts = list.iter().map(|item| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| bad(format!("{name} must hold strings")))
}

impl Selection {
    fn read(value: &Value) -> Result<Selection, EcrError> {
        let prefixes = texts(value, "tagPrefixList")?;
        let patterns = texts(value, "tagPatternList")?;
        if patterns.iter().any(|pattern| pattern.matches('*').count() > WILDCARDS_MAX) {
            return Err(bad("a tag pattern has at most four wildcards"));
        }
        let named = !prefixes.is_empty() || !patterns.is_empty();
        match value.entry("tagStatus").and_then(Value::as_str) {
            Some("any") if !named => Ok(Selection::Any),
            Some("untagged") if !named => Ok(Selection::Untagged),
            Some("tagged") if prefixes.is_empty() != patterns.is_empty() => {
                let prefixed = prefixes.into_iter().map(|prefix| prefix + "*");
                Ok(Selection::Tagged(prefixed.chain(patterns).collect()))
            }
            Some("tagged") => {
                Err(bad("either tagPrefixList or tagPatternList is required for tagged images"))
            }
            Some("any" | "untagged") => {
                Err(bad("tagPrefixList and tagPatternList are for tagged images only"))
            }
            _ => Err(bad("tagStatus must be tagged, untagged or any")),
        }
    }

    fn selects(&self, image: &Image) -> bool {
        match self {
            Selection::Any => true,
            Selection::Untagged => image.tags.is_empty(),
            Selection::Tagged(patterns) => {
                patterns.iter().all(|pattern| image.tags.iter().any(|tag| matches(pattern, tag)))
            }
        }
    }
}

impl Limit {
    fn read(value: &Value) -> Result<Limit, EcrError> {
        let number = value.entry("countNumber").and_then(Value::as_int).filter(|number| *number > 0);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or_else(|| bad("countNumber must be a positive number"))?;
        let unit = value.entry("countUnit").and_then(Value::as_str);
        match (value.entry("countType").and_then(Value::as_str), unit) {
            (Some("imageCountMoreThan"), None) => Ok(Limit::MoreThan(number as usize)),
            (Some("sinceImagePushed"), Some("days")) => Ok(Limit::OlderThan(DAY * number)),
            (Some("imageCountMoreThan"), Some(_)) => Err(bad("countUnit is for sinceImagePushed only")),
            (Some("sinceImagePushed"), _) => Err(bad("countUnit must be days")),
            (Some("sinceImagePulled" | "sinceImageTransitioned"), _) => {
                Err(EcrError::NotBuilt("Counting since images were pulled or archived"))
            }
            _ => Err(bad("countType must be imageCountMoreThan or sinceImagePushed")),
        }
    }
}

impl Lifecycle {
    /// # Errors
    /// `InvalidParameterException`; `NotImplemented` for archiving.
    pub(super) fn read(text: &str) -> Result<Lifecycle, EcrError> {
        let document = wire::json::read(text).ok_or_else(|| bad("it is not JSON"))?;
        known(&document, &["rules"])?;
        let rules = document.entry("rules").and_then(Value::as_list).filter(|rules| !rules.is_empty());
        let rules = rules.ok_or_else(|| bad("rules must be a list that is not empty"))?;
        if rules.len() > RULES_MAX {
            return Err(bad(format!("a policy has at most {RULES_MAX} rules")));
        }
        let mut by_priority = BTreeMap::new();
        for rule in rules {
            let rule = Rule::read(rule)?;
            if by_priority.insert(rule.priority, rule).is_some() {
                return Err(bad("each rulePriority must stand once"));
            }
        }
        let rules: Vec<Rule> = by_priority.into_values().collect();
        let any = rules.iter().position(|rule| rule.selection == Selection::Any);
        if any.is_some_and(|at| at + 1 < rules.len()) {
            return Err(bad("a rule with tagStatus any must have the highest rulePriority"));
        }
        Ok(Lifecycle(rules))
    }

    /// Which images are to go now, each with the priority of the rule that says so. An image that a rule selects is
    /// never expired by a later one; one that a list of images names stays as long as the list does.
    pub(super) fn expired(&self, images: &[Image], now: Timestamp) -> BTreeMap<String, i64> {
        let mut gone = BTreeMap::new();
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        for rule in &self.0 {
            let mut selected: Vec<&Image> =
                images.iter().filter(|image| rule.selection.selects(image)).collect();
            selected.sort_by(|a, b| b.pushed.cmp(&a.pushed).then_with(|| a.digest.cmp(&b.digest)));
            for (place, image) in selected.iter().enumerate() {
                let beyond = match rule.limit {
                    Limit::MoreThan(count) => place >= count,
                    Limit::OlderThan(age) => now.since(image.pushed) >= age,
                };
                if beyond && !taken.contains(image.digest.as_str()) {
                    gone.insert(image.digest.clone(), rule.priority);
                }
            }
            taken.extend(selected.iter().map(|image| image.digest.as_str()));
        }
        let stay = images.iter().filter(|image| !gone.contains_key(&image.digest));
        let held: BTreeSet<&String> = stay.flat_map(|image| &image.members).collect();
        gone.retain(|digest, _| !held.contains(digest));
        gone
    }
}

impl Rule {
    fn read(value: &Value) -> Result<Rule, EcrError> {
        known(value, &["rulePriority", "description", "selection", "action"])?;
        let priority = value.entry("rulePriority").and_then(Value::as_int).filter(|priority| *priority > 0);
        let priority = priority.ok_or_else(|| bad("rulePriority must be a positive number"))?;
        let selection = value.entry("selection").ok_or_else(|| bad("selection is required"))?;
        known(
            selection,
            &[
                "tagStatus",
                "tagPrefixList",
                "tagPatternList",
                "countType",
                "countUnit",
                "countNumber",
                "storageClass",
            ],
        )?;
        if selection.entry("storageClass").and_then(Value::as_str).is_some_and(|class| class != "standard") {
            return Err(EcrError::NotBuilt("Archiving of images"));
        }
        match value.entry("action").and_then(|action| action.entry("type")).and_then(Value::as_str) {
            Some("expire") => {}
            Some("transition") => return Err(EcrError::NotBuilt("Archiving of images")),
            _ => return Err(bad("the type of the action must be expire")),
        }
        Ok(Rule { priority, selection: Selection::read(selection)?, limit: Limit::read(selection)? })
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Lifecycle};
    use crate::ecr::model::Image;
    use base::Timestamp;

    fn image(digest: &str, day: u32, tags: &[&str], members: &[&str]) -> Image {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Image {
            digest: digest.into(),
            manifest: String::new(),
            media_type: String::new(),
            size: 0,
            pushed: Timestamp::from_seconds(0).plus(DAY * day),
            tags: texts(tags),
            artifact: None,
            subject: None,
            pulled: None,
            layers: Vec::new(),
            members: texts(members),
        }
    }

    fn rule(priority: u32, selection: &str) -> String {
        format!(r#"{{"rulePriority":{priority},"selection":{{{selection}}},"action":{{"type":"expire"}}}}"#)
    }

    fn policy(rules: &[String]) -> Lifecycle {
        Lifecycle::read(&format!(r#"{{"rules":[{}]}}"#, rules.join(","))).unwrap()
    }

    fn gone(policy: &Lifecycle, images: &[Image], day: u32) -> Vec<(String, i64)> {
        policy.expired(images, Timestamp::from_seconds(0).plus(DAY * day)).into_iter().collect()
    }

    #[test]
    fn age_count_and_priority() {
        let images = [
            image("a", 1, &["prod-1"], &[]),
            image("b", 2, &["prod-2"], &[]),
            image("c", 3, &[], &[]),
            image("d", 4, &["dev"], &[]),
        ];
        let old =
            rule(2, r#""tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":7"#);
        assert_eq!(gone(&policy(std::slice::from_ref(&old)), &images, 9), [("a".into(), 2), ("b".into(), 2)]);
        // What the first rule selects is not for the second, expired or not.
        let keep = rule(
            1,
            r#""tagStatus":"tagged","tagPrefixList":["prod"],"countType":"imageCountMoreThan","countNumber":1"#,
        );
        assert_eq!(
            gone(&policy(&[old, keep]), &images, 20),
            [("a".into(), 1), ("c".into(), 2), ("d".into(), 2)]
        );
    }

    #[test]
    fn all_patterns_must_be_met_and_lists_hold_their_members() {
        let images = [
            image("a", 1, &["x", "y"], &[]),
            image("b", 1, &["x"], &[]),
            image("l", 1, &["list"], &["c"]),
            image("c", 1, &[], &[]),
        ];
        let both = rule(
            1,
            r#""tagStatus":"tagged","tagPatternList":["x*","*y"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1"#,
        );
        assert_eq!(gone(&policy(&[both]), &images, 5), [("a".into(), 1)]);
        let untagged = rule(
            1,
            r#""tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1"#,
        );
        assert_eq!(gone(&policy(&[untagged]), &images, 5), []);
    }

    #[test]
    fn what_is_refused() {
        let any = r#""tagStatus":"any","countType":"imageCountMoreThan","countNumber":1"#;
        let bad = [
            String::new(),
            r#"{"rules":[]}"#.into(),
            format!(r#"{{"rules":[{},{}]}}"#, rule(1, any), rule(1, any)),
            format!(
                r#"{{"rules":[{},{}]}}"#,
                rule(1, any),
                rule(2, r#""tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1"#)
            ),
            format!(
                r#"{{"rules":[{}]}}"#,
                rule(1, r#""tagStatus":"tagged","countType":"imageCountMoreThan","countNumber":1"#)
            ),
            format!(
                r#"{{"rules":[{}]}}"#,
                rule(1, r#""tagStatus":"any","countType":"imageCountMoreThan","countNumber":0"#)
            ),
            format!(
                r#"{{"rules":[{}]}}"#,
                rule(1, r#""tagStatus":"any","countType":"sinceImagePushed","countNumber":1"#)
            ),
            format!(
                r#"{{"rules":[{}]}}"#,
                rule(
                    1,
                    r#""tagStatus":"any","tagPrefixList":["a"],"countType":"imageCountMoreThan","countNumber":1"#
                )
            ),
            format!(r#"{{"rules":[{}]}}"#, rule(1, r#""other":1"#)),
        ];
        for text in bad {
            let code = wire::Fault::from(Lifecycle::read(&text).unwrap_err()).code;
            assert_eq!(code, "InvalidParameterException", "{text}");
        }
    }
}
