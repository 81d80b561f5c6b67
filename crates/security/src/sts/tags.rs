//! Session tags: what a session is given, inherits and passes on.
//!
//! Keys are compared without regard to case.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use base::tag::{TagError, Tags, checked};

/// Why session tags are refused, in AWS's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadTags(pub &'static str);

/// The tags of a new session.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SessionTags {
    pub tags: Tags,
    /// Keys of those that go on into the next session of a chain.
    pub transitive: Vec<String>,
}

fn find<'t>(tags: &'t Tags, key: &str) -> Option<(&'t String, &'t String)> {
    tags.iter().find(|(own, _)| own.eq_ignore_ascii_case(key))
}

/// `over` laid over `under`.
pub fn overlay(under: Tags, over: &Tags) -> Tags {
    let mut out: Tags = under.into_iter().filter(|(key, _)| find(over, key).is_none()).collect();
    out.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
    out
}

impl SessionTags {
    /// What a session of a chain inherits: the transitive ones of the session that asks.
    pub fn inherited(tags: &Tags, transitive: &[String]) -> SessionTags {
        let found = transitive.iter().filter_map(|key| find(tags, key));
        SessionTags {
            tags: found.map(|(key, value)| (key.clone(), value.clone())).collect(),
            transitive: transitive.to_vec(),
        }
    }

    /// Adds the tags of a request.
    ///
    /// # Errors
    /// [`BadTags`].
    pub fn with(
        mut self,
        pairs: Vec<(String, String)>,
        transitive: Vec<String>,
    ) -> Result<SessionTags, BadTags> {
        let keys: Vec<String> = pairs.iter().map(|(key, _)| key.to_ascii_lowercase()).collect();
        let repeated = keys.iter().enumerate().any(|(at, key)| keys[..at].contains(key));
        if repeated {
            return Err(BadTags("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        let passed = checked(pairs).map_err(|error| BadTags(words(&error)))?;
        if transitive.iter().any(|key| find(&passed, key).is_none()) {
            return Err(BadTags("The specified transitive tag key must be included in the requested tags."));
        }
        if passed.keys().any(|key| find(&self.tags, key).is_some()) {
            return Err(BadTags(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ));
        }
        self.tags.extend(passed);
        self.transitive.extend(transitive);
        Ok(self)
    }
}

fn words(error: &TagError) -> &'static str {
    match error {
        TagError::EmptyKey => "Tag keys must have at least one character.",
        TagError::KeyTooLong(_) => "Tag keys must not have more than 128 characters.",
        TagError::ValueTooLong(_) => "Tag values must not have more than 256 characters.",
        TagError::ReservedPrefix(_) => "Tag keys that begin with aws: are reserved for system use.",
        TagError::BadCharacter(_) => "Tags may hold letters, digits, spaces and _.:/=+-@ only.",
        TagError::Duplicate(_) => "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        TagError::TooMany(_) => "A session must not have more than 50 tags.",
    }
}

#[cfg(test)]
mod tests {
    use super::{BadTags, SessionTags, overlay};
    use base::tag::Tags;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn session_tags_hide_those_of_the_role_whatever_their_case() {
        let under = tags(&[("Department", "Marketing"), ("Team", "a")]);
        assert_eq!(
            overlay(under, &tags(&[("department", "engineering")])),
            tags(&[("department", "engineering"), ("Team", "a")])
        );
    }

    #[test]
    fn transitive_tags_go_on_and_others_do_not() {
        let first = SessionTags::default()
            .with(pairs(&[("Heart", "1"), ("Star", "2")]), vec!["heart".into()])
            .unwrap();
        let next = SessionTags::inherited(&first.tags, &first.transitive);
        assert_eq!(next.tags, tags(&[("Heart", "1")]));
        let more = next.clone().with(pairs(&[("Moon", "3")]), vec![]).unwrap();
        assert_eq!(
            (more.tags, more.transitive),
            (tags(&[("Heart", "1"), ("Moon", "3")]), vec!["heart".to_owned()])
        );
        let clash = next.with(pairs(&[("HEART", "3")]), vec![]).unwrap_err();
        assert!(clash.0.starts_with("One of the specified transitive tag keys can't be set"), "{clash:?}");
    }

    #[test]
    fn each_rule_has_its_words() {
        let refuse = |p: &[(&str, &str)], t: &[&str]| {
            SessionTags::default().with(pairs(p), t.iter().map(|t| (*t).to_owned()).collect()).unwrap_err()
        };
        assert_eq!(
            refuse(&[("a", "1"), ("A", "2")], &[]),
            BadTags("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        );
        assert_eq!(
            refuse(&[("a", "1")], &["b"]),
            BadTags("The specified transitive tag key must be included in the requested tags.")
        );
        assert_eq!(
            refuse(&[("aws:a", "1")], &[]),
            BadTags("Tag keys that begin with aws: are reserved for system use.")
        );
    }
}
