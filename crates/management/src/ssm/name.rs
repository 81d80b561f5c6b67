//! Names of parameters: which are allowed, and what a request may say in place of one.

use super::errors::{SsmError, invalid};
use base::Arn;

/// AWS: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html> (`Name`).
const CHARS_MAX: usize = 1_011;
const LEVELS_MAX: usize = 15;

const RULES: &str = "can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of \
    sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 \
    symbols .-_";

fn is_plain(level: &str) -> bool {
    !level.is_empty() && level.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Checks the name of a parameter that is to be made.
///
/// # Errors
/// `ValidationException`, `AccessDeniedException` for AWS's own names, `HierarchyLevelLimitExceededException`.
pub(super) fn check(name: &str) -> Result<(), SsmError> {
    if name.len() > CHARS_MAX {
        return Err(invalid(format!("Parameter name must not exceed {CHARS_MAX} characters.")));
    }
    let lower = name.to_ascii_lowercase();
    let bare = lower.trim_start_matches('/');
    let is_path = name.matches('/').count() > 1;
    if is_path && lower.starts_with("/aws") {
        return Err(SsmError::Reserved(name.to_owned()));
    }
    if !is_path && (bare.starts_with("aws") || bare.starts_with("ssm")) {
        return Err(invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."));
    }
    if bare.starts_with("ssm") {
        return Err(invalid(format!("Parameter name: {RULES}")));
    }
    let Some(path) = name.strip_prefix('/') else {
        return match name {
            name if is_plain(name) => Ok(()),
            name if name.contains('/') => Err(invalid("Parameter name must be a fully qualified name.")),
            _ => Err(invalid(format!("Parameter name: {RULES}"))),
        };
    };
    if !path.split('/').all(is_plain) {
        return Err(invalid(format!("Parameter name: {RULES}")));
    }
    if path.split('/').count() > LEVELS_MAX {
        return Err(SsmError::TooDeep);
    }
    Ok(())
}

/// Whether this may be where a listing begins.
pub(super) fn is_path(path: &str) -> bool {
    path == "/"
        || path
            .strip_prefix('/')
            .is_some_and(|path| path.strip_suffix('/').unwrap_or(path).split('/').all(is_plain))
}

/// Which version is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Selector {
    Latest,
    Number(u64),
    Label(String),
}

/// What a request says in place of a name: `/a/b`, `/a/b:3`, `/a/b:label`, or the ARN of any of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    /// As it is kept. From an ARN of one level, which does not tell whether there is a slash, without.
    pub(super) name: String,
    pub(super) selector: Selector,
    pub(super) arn: Option<Arn>,
}

impl Wanted {
    pub(super) fn read(text: &str) -> Wanted {
        let arn = Arn::parse(text);
        let rest = match &arn {
            Some(arn) => arn.resource.strip_prefix("parameter").unwrap_or(&arn.resource),
            None => text,
        };
        let (name, selector) = match rest.split_once(':') {
            None => (rest, Selector::Latest),
            Some((name, version)) => match version.parse() {
                Ok(number) => (name, Selector::Number(number)),
                Err(_) => (name, Selector::Label(version.to_owned())),
            },
        };
        let one_level = arn.is_some() && name.matches('/').count() == 1;
        let name = if one_level { name.trim_start_matches('/') } else { name };
        Wanted { name: name.to_owned(), selector, arn }
    }
}

/// Whether a label follows the rules.
/// AWS: <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html>
pub(super) fn is_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    is_plain(label)
        && label.len() <= 100
        && !label.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_documented_rules() {
        for good in ["a", "/a", "/a/b.c/d_e-f", "A.b-c_1", "/a/aws/ssm"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let code = |name: &str| check(name).map_err(|error| wire::Fault::from(error).code);
        for (bad, expected) in [
            ("aws", "ValidationException"),
            ("SSMx", "ValidationException"),
            ("/aws/x", "AccessDeniedException"),
            ("/ssm/x", "ValidationException"),
            ("a/b", "ValidationException"),
            ("/a//b", "ValidationException"),
            ("/a/", "ValidationException"),
            ("a b", "ValidationException"),
            ("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "HierarchyLevelLimitExceededException"),
        ] {
            assert_eq!(code(bad), Err(expected.to_owned()), "{bad}");
        }
    }

    #[test]
    fn names_are_read_with_their_versions() {
        let read = |text: &str| {
            let wanted = Wanted::read(text);
            (wanted.name, wanted.selector)
        };
        assert_eq!(read("/a/b"), ("/a/b".into(), Selector::Latest));
        assert_eq!(read("a:3"), ("a".into(), Selector::Number(3)));
        assert_eq!(read("/a:prod"), ("/a".into(), Selector::Label("prod".into())));
        let arn = "arn:aws:ssm:us-east-1:123456789012:parameter";
        assert_eq!(read(&format!("{arn}/a/b:3")), ("/a/b".into(), Selector::Number(3)));
        assert_eq!(read(&format!("{arn}/a")), ("a".into(), Selector::Latest));
    }

    #[test]
    fn labels_follow_the_documented_rules() {
        assert!(["prod", "a.b-c_1"].iter().all(|label| is_label(label)));
        assert!(!["1a", "aws-x", "SSMx", "a b", ""].iter().any(|label| is_label(label)));
    }
}
