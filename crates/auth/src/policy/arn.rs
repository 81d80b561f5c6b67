//! ARNs as patterns: each of the six parts is matched for itself, so that a wildcard never crosses a colon before
//! the resource part; in the resource part `*` covers colons and slashes.
//!
//! A part that is left out counts as `*`, which is how IAM prints such resources back.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

use super::context::Context;
use super::glob::{Glob, Syntax};

/// `arn`, partition, service, region, account, resource.
const PARTS: usize = 6;

/// The parts of an ARN, split once per request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split<'a> {
    parts: Option<[&'a str; PARTS]>,
}

impl<'a> Split<'a> {
    pub(super) fn of(whole: &'a str) -> Split<'a> {
        let mut parts = [""; PARTS];
        let mut filled = 0;
        for (slot, part) in parts.iter_mut().zip(whole.splitn(PARTS, ':')) {
            *slot = part;
            filled += 1;
        }
        Split { parts: (filled == PARTS && parts[0] == "arn").then_some(parts) }
    }
}

/// A pattern for resources.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ArnPattern {
    /// `*`: any text at all, which an ARN need not be (a request for all resources is for `*`).
    Any,
    Parts(Box<[Glob; PARTS]>),
    /// With variables, whose values may hold colons: split anew for each request.
    Whole(Glob),
    /// No colon in it: not an ARN, so that it matches none.
    Nothing,
}

impl ArnPattern {
    /// Where variables may stand: the resource part only, for the `Resource` element.
    pub(super) fn resource(text: &str, variables: bool) -> ArnPattern {
        ArnPattern::read(text, [false, false, false, false, false, variables])
    }

    /// Where variables may stand: anywhere, for the ARN condition operators, even in place of the whole ARN.
    pub(super) fn condition(text: &str, variables: bool) -> ArnPattern {
        if variables && text.contains("${") {
            let whole = Glob::read(text, Syntax { wildcards: true, variables });
            if matches!(whole, Glob::Parts(_)) {
                return ArnPattern::Whole(whole);
            }
        }
        ArnPattern::read(text, [variables; PARTS])
    }

    fn read(text: &str, variables: [bool; PARTS]) -> ArnPattern {
        if !text.is_empty() && text.bytes().all(|b| b == b'*') {
            return ArnPattern::Any;
        }
        let parts = split_pattern(text);
        if parts.len() < 2 {
            return ArnPattern::Nothing;
        }
        let mut globs = [const { Glob::Any }; PARTS];
        for ((glob, part), variables) in globs.iter_mut().zip(parts).zip(variables) {
            *glob = Glob::read(part, Syntax { wildcards: true, variables });
        }
        ArnPattern::Parts(Box::new(globs))
    }

    pub(super) fn matches(&self, arn: &Split<'_>, context: &Context<'_>) -> bool {
        match (self, &arn.parts) {
            (ArnPattern::Any, _) => true,
            // From the resource backwards: it is the part that most often differs.
            (ArnPattern::Parts(globs), Some(parts)) => {
                globs.iter().zip(parts).rev().all(|(glob, part)| glob.matches(part, context))
            }
            (ArnPattern::Whole(glob), Some(parts)) => glob.matches_split(parts, context),
            (ArnPattern::Nothing, _) | (_, None) => false,
        }
    }

    /// As [`Glob::is_unresolved`].
    pub(super) fn is_unresolved(&self, context: &Context<'_>) -> bool {
        match self {
            ArnPattern::Any | ArnPattern::Nothing => false,
            ArnPattern::Parts(globs) => globs.iter().any(|glob| glob.is_unresolved(context)),
            ArnPattern::Whole(glob) => glob.is_unresolved(context),
        }
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let globs: &[Glob] = match self {
            ArnPattern::Any | ArnPattern::Nothing => &[],
            ArnPattern::Parts(globs) => &globs[..],
            ArnPattern::Whole(glob) => std::slice::from_ref(glob),
        };
        globs.iter().flat_map(Glob::variables)
    }

    /// Whether it names something of this service whose name, up to a slash, is this one or a pattern of it.
    pub(super) fn is_within(&self, service: &str, name: &str) -> bool {
        let ArnPattern::Parts(globs) = self else { return false };
        let [_, _, of, _, _, resource] = &**globs;
        let (of, resource) = (of.widest(), resource.widest());
        let first = resource.split('/').next().unwrap_or_default();
        super::glob::wild_match(&of, service) && super::glob::wild_match(first, name)
    }

    /// Whether it matches one text only.
    pub(super) fn is_fixed(&self) -> bool {
        match self {
            ArnPattern::Any => false,
            ArnPattern::Nothing => true,
            ArnPattern::Parts(globs) => !globs.iter().any(Glob::is_open),
            ArnPattern::Whole(glob) => !glob.is_open(),
        }
    }

    /// The glob of the account part; `None` where there is none to see.
    pub(super) fn account(&self) -> Option<&Glob> {
        match self {
            ArnPattern::Any | ArnPattern::Nothing | ArnPattern::Whole(_) => None,
            ArnPattern::Parts(globs) => Some(&globs[4]),
        }
    }
}

/// Splits at the first five colons that stand outside `${...}`.
fn split_pattern(text: &str) -> Vec<&str> {
    let mut parts = Vec::with_capacity(PARTS);
    let mut start = 0;
    let mut in_variable = false;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => in_variable = true,
            b'}' => in_variable = false,
            b':' if !in_variable && parts.len() + 1 < PARTS => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::{ArnPattern, Split};
    use crate::policy::context::Context;

    #[test]
    fn wildcards_stay_in_their_part() {
        let arn = "arn:aws:sns:us-east-1:123456789012:topic:sub/1";
        let cases = [
            ("*", true),
            ("arn:aws:sns:us-east-1:123456789012:topic:sub/1", true),
            ("arn:aws:sns:*:123456789012:topic*", true),
            ("arn:aws:sns:*:*:*", true),
            ("arn:aws:sns:*", true),
            ("arn:aws:s*:us-*:123456789012:*:sub/?", true),
            ("arn:aws:sns*topic:sub/1", false),
            ("arn:aws:*:topic:sub/1", false),
            ("arn:*:sub/1", false),
            ("arn:aws:sns::123456789012:*", false),
            ("arn:aws:SNS:*:*:*", false),
        ];
        for (pattern, expected) in cases {
            let found = ArnPattern::resource(pattern, true).matches(&Split::of(arn), &Context::new());
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_arn_is_matched_by_star_alone() {
        for text in ["*", "bucket", "arn:aws:s3", "urn:aws:s3:::b"] {
            assert!(ArnPattern::resource("*", true).matches(&Split::of(text), &Context::new()));
            let narrower = ArnPattern::resource("arn:*:*:*:*:*", true);
            assert!(!narrower.matches(&Split::of(text), &Context::new()), "{text}");
        }
    }

    #[test]
    fn variables_stand_in_the_resource_part_only() {
        let context = Context::new().with("aws:username", "bob").with("aws:PrincipalAccount", "123456789012");
        let arn = Split::of("arn:aws:iam::123456789012:user/bob");
        let pattern = "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}";
        assert!(!ArnPattern::resource(pattern, true).matches(&arn, &context));
        assert!(ArnPattern::condition(pattern, true).matches(&arn, &context));
        let pattern = "arn:aws:iam::123456789012:user/${aws:username}";
        assert!(ArnPattern::resource(pattern, true).matches(&arn, &context));
        assert!(!ArnPattern::resource(pattern, false).matches(&arn, &context));
    }
}
