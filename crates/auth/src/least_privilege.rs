//! From calls that were observed to the smallest policy that allows them.
//!
//! `generate` is a pure function over (action, resource, count). It groups actions that were used on the same resources, names
//! resources only for actions that take them (the service authorization reference says which), and writes a document
//! that reads well: one statement per group and service, in a stable order, with ids made of words. What it cannot
//! express it reports beside the document instead of widening it in silence.
//!
//! Not here: conditions (a log does not tell which values were meant), and the collection of the calls.

use crate::actions::{self, AccessLevel};
use std::collections::{BTreeMap, BTreeSet};

/// Most observations that are looked at.
pub const OBSERVATIONS_MAX: usize = 100_000;

/// A call that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed<'a> {
    /// `s3:GetObject`, in any case.
    pub action: &'a str,
    /// The ARN that it was about; `*` or empty where there was none.
    pub resource: &'a str,
    /// How often.
    pub count: u64,
}

/// How the policy may be simplified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Put `*` in the place of identifiers (`instance/i-0123`, object keys), keeping account, region and type.
    pub wildcard_ids: bool,
}

/// The policy and what it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// A policy document, indented by two spaces; no statement if nothing was observed.
    pub document: String,
    /// Actions that AWS does not document, in order; they are not in the document.
    pub unknown_actions: Vec<String>,
    /// Observations beyond `OBSERVATIONS_MAX`, which were not looked at.
    pub skipped: usize,
    /// Calls that the document allows, by full action name, for showing beside it.
    pub counts: BTreeMap<String, u64>,
}

/// Writes the policy. The order of the observations has no influence on it.
pub fn generate(observed: &[Observed<'_>], options: Options) -> Generated {
    let mut unknown = BTreeSet::new();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    // Service and action → the resources that it was used on.
    let mut used: BTreeMap<(&'static str, &'static str), BTreeSet<String>> = BTreeMap::new();
    for one in observed.iter().take(OBSERVATIONS_MAX) {
        let Some(action) = actions::action(one.action) else {
            unknown.insert(one.action.to_owned());
            continue;
        };
        let count = counts.entry(action.full_name()).or_default();
        *count = count.saturating_add(one.count);
        let resources = used.entry((action.service().prefix(), action.name())).or_default();
        resources.insert(resource(action, one.resource, options));
    }
    let mut groups: BTreeMap<(&'static str, BTreeSet<String>), Vec<&'static str>> = BTreeMap::new();
    for ((prefix, name), resources) in used {
        groups.entry((prefix, tidy(&resources))).or_default().push(name);
    }
    Generated {
        document: write(&groups),
        unknown_actions: unknown.into_iter().collect(),
        skipped: observed.len().saturating_sub(OBSERVATIONS_MAX),
        counts,
    }
}

/// What to write for one use: `*` for an action without resources, the ARN or its pattern otherwise.
fn resource(action: actions::Action, arn: &str, options: Options) -> String {
    let is_arn = arn.starts_with("arn:") && arn.splitn(6, ':').count() == 6;
    if !is_arn || !action.has_resource_level() {
        return "*".to_owned();
    }
    if options.wildcard_ids { pattern(action, arn).unwrap_or_else(|| escape(arn)) } else { escape(arn) }
}

/// `*`, `?` and `$` of a real name, written so that a policy takes them literally.
fn escape(arn: &str) -> String {
    let mut out = String::with_capacity(arn.len());
    for c in arn.chars() {
        match c {
            '*' | '?' | '$' => {
                out.push_str("${");
                out.push(c);
                out.push('}');
            }
            other => out.push(other),
        }
    }
    out
}

/// The ARN with the last variable part of its type's pattern as `*`: `instance/*`, `bucket/*`; `None` if it fits none.
fn pattern(action: actions::Action, arn: &str) -> Option<String> {
    let service = arn.split(':').nth(2)?;
    let resource = arn.splitn(6, ':').nth(5)?;
    let prefix_length = arn.len() - resource.len();
    // The most special type that fits says what the identifier is; the reference sorts them by name only.
    action
        .resources()
        .filter_map(actions::ActionResource::resource_type)
        .filter(|kind| kind.arn().split(':').nth(2) == Some(service))
        .filter_map(|kind| kept(kind.arn().splitn(6, ':').nth(5)?, resource))
        .max()
        .map(|kept| format!("{}{}*", escape(&arn[..prefix_length]), escape(&resource[..kept])))
}

/// How many bytes of `resource` stand before the last variable of `shape`, if it fits: `table/${Name}` keeps `table/`.
fn kept(shape: &str, resource: &str) -> Option<usize> {
    let mut at = 0;
    let mut last = None;
    let mut shape = shape;
    while let Some(start) = shape.find("${") {
        let literal = &shape[..start];
        if !resource[at..].starts_with(literal) {
            return None;
        }
        at += literal.len();
        last = Some(at);
        let end = start + shape[start..].find('}')?;
        shape = &shape[end + 1..];
        // A variable ends where the next literal begins; the last one takes the rest.
        let next = &shape[..shape.find("${").unwrap_or(shape.len())];
        at = if next.is_empty() { resource.len() } else { at + resource[at..].find(next)? };
    }
    (resource[at..] == *shape && last.is_some_and(|l| l < resource.len())).then_some(last?)
}

/// `*` and patterns take the place of what they cover.
fn tidy(resources: &BTreeSet<String>) -> BTreeSet<String> {
    if resources.contains("*") {
        return BTreeSet::from(["*".to_owned()]);
    }
    let heads: BTreeSet<&str> = resources.iter().filter_map(|text| text.strip_suffix('*')).collect();
    let covered = |text: &str| {
        let own = text.strip_suffix('*').map_or(text.len(), str::len);
        text.char_indices().any(|(at, _)| at < own && heads.contains(&text[..at]))
    };
    resources.iter().filter(|text| !covered(text)).cloned().collect()
}

fn write(groups: &BTreeMap<(&'static str, BTreeSet<String>), Vec<&'static str>>) -> String {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [".to_owned();
    for (index, ((prefix, resources), actions)) in groups.iter().enumerate() {
        let base = sid(prefix, actions);
        let used = names.entry(base.clone()).or_default();
        *used += 1;
        let sid = if *used == 1 { base } else { format!("{base}{used}") };
        let actions: Vec<String> = actions.iter().map(|name| format!("{prefix}:{name}")).collect();
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&format!("    {{\n      \"Sid\": {},\n      \"Effect\": \"Allow\",\n", quote(&sid)));
        out.push_str(&format!("      \"Action\": {},\n", list(&actions)));
        let resources: Vec<String> = resources.iter().cloned().collect();
        out.push_str(&format!("      \"Resource\": {}\n    }}", list(&resources)));
    }
    out.push_str(if groups.is_empty() { "]\n}" } else { "\n  ]\n}" });
    out
}

/// `S3Read`, `IamWrite`: the service and the strongest thing that the statement lets one do.
fn sid(prefix: &str, names: &[&'static str]) -> String {
    let levels = names.iter().filter_map(|name| actions::service(prefix)?.action(name));
    let rank = |level: AccessLevel| match level {
        AccessLevel::List => 0,
        AccessLevel::Read => 1,
        AccessLevel::Tagging => 2,
        AccessLevel::Write => 3,
        AccessLevel::PermissionsManagement => 4,
    };
    let word = match levels.map(|action| rank(action.access_level())).max().unwrap_or(0) {
        0 => "List",
        1 => "Read",
        2 => "Tag",
        3 => "Write",
        _ => "Permissions",
    };
    let words = prefix.split(|c: char| !c.is_ascii_alphanumeric()).map(|part| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect::<String>() + word
}

/// One string alone, or a list with an item on each line.
fn list(items: &[String]) -> String {
    match items {
        [only] => quote(only),
        _ => {
            let lines: Vec<String> = items.iter().map(|item| format!("        {}", quote(item))).collect();
            format!("[\n{}\n      ]", lines.join(",\n"))
        }
    }
}

fn quote(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{PolicyType, validate};

    fn seen<'a>(action: &'a str, resource: &'a str) -> Observed<'a> {
        Observed { action, resource, count: 1 }
    }

    #[test]
    fn actions_on_the_same_resources_share_a_statement() {
        let observed = [
            seen("s3:PutObject", "arn:aws:s3:::b/one"),
            seen("s3:GetObject", "arn:aws:s3:::b/one"),
            seen("S3:getobject", "arn:aws:s3:::b/one"),
            seen("s3:ListAllMyBuckets", "*"),
            seen("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:q"),
            seen("made:Up", "*"),
        ];
        let generated = generate(&observed, Options::default());
        let expected = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "S3List",
      "Effect": "Allow",
      "Action": "s3:ListAllMyBuckets",
      "Resource": "*"
    },
    {
      "Sid": "S3Write",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject"
      ],
      "Resource": "arn:aws:s3:::b/one"
    },
    {
      "Sid": "SqsWrite",
      "Effect": "Allow",
      "Action": "sqs:SendMessage",
      "Resource": "arn:aws:sqs:eu-west-1:123456789012:q"
    }
  ]
}"#;
        assert_eq!(generated.document, expected);
        assert_eq!(generated.unknown_actions, ["made:Up"]);
        assert_eq!(generated.counts.get("s3:GetObject"), Some(&2));
        assert!(validate(&generated.document, PolicyType::Identity, None).is_empty());
        let mut backwards = observed;
        backwards.reverse();
        assert_eq!(generate(&backwards, Options::default()), generated);
    }

    #[test]
    fn an_action_without_resources_gets_a_star_whatever_was_logged() {
        let generated =
            generate(&[seen("iam:ListUsers", "arn:aws:iam::123456789012:user/a")], Options::default());
        assert!(generated.document.contains("\"Resource\": \"*\""), "{}", generated.document);
    }

    #[test]
    fn identifiers_become_stars_on_request() {
        for (action, arn, expected) in [
            ("s3:GetObject", "arn:aws:s3:::b/a/key", "arn:aws:s3:::b/*"),
            ("s3:ListBucket", "arn:aws:s3:::b", "arn:aws:s3:::*"),
            (
                "ec2:StopInstances",
                "arn:aws:ec2:eu-west-1:123456789012:instance/i-1",
                "arn:aws:ec2:eu-west-1:123456789012:instance/*",
            ),
            (
                "dynamodb:Query",
                "arn:aws:dynamodb:eu-west-1:123456789012:table/t/index/i",
                "arn:aws:dynamodb:eu-west-1:123456789012:table/t/index/*",
            ),
            ("iam:GetUser", "arn:aws:iam::123456789012:user/team/a", "arn:aws:iam::123456789012:user/*"),
            ("iam:GetUser", "arn:aws:iam::123456789012:odd/a", "arn:aws:iam::123456789012:odd/a"),
        ] {
            let generated = generate(&[seen(action, arn)], Options { wildcard_ids: true });
            let line = format!("\"Resource\": \"{expected}\"\n");
            assert!(generated.document.contains(&line), "{action} {arn}\n{}", generated.document);
        }
    }

    #[test]
    fn patterns_swallow_what_they_cover_and_too_many_observations_are_counted() {
        let set = |items: &[&str]| items.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(tidy(&set(&["a/*", "a/b", "a/b/*", "b", "a/"])), set(&["a/*", "b", "a/"]));
        let many = vec![seen("iam:ListUsers", "*"); OBSERVATIONS_MAX + 2];
        assert_eq!(generate(&many, Options::default()).skipped, 2);
    }

    #[test]
    fn letters_with_a_meaning_are_taken_literally() {
        let generated = generate(&[seen("s3:GetObject", "arn:aws:s3:::b/a*\"$")], Options::default());
        assert!(generated.document.contains(r#""arn:aws:s3:::b/a${*}\"${$}""#), "{}", generated.document);
    }

    #[test]
    fn nothing_observed_is_an_empty_policy() {
        let generated = generate(&[], Options::default());
        assert_eq!(generated.document, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}");
    }
}
