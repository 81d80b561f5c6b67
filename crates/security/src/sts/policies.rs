//! Session policies: what is passed when a session is made, and how much room it takes.
//!
//! AWS packs policies and tags into a binary form with limits of its own, which it does not document; it answers how
//! full they are. Here: the inline document without insignificant white space and the ARNs may take 2048 bytes, the
//! plain-text limit that AWS does document, and tags 455, at which AWS's own percentages are met.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>

use super::errors::StsError;
use auth::policy::{Policy, PolicyKind};
use base::tag::Tags;

/// Managed session policies of one session.
const ARNS_MAX: usize = 10;
const POLICY_BYTES_MAX: usize = 2048;
const TAG_BYTES_MAX: usize = 455;

wire::shape! {
    /// `PolicyDescriptorType`.
    #[derive(Clone, Debug)]
    pub struct PolicyDescriptor {
        pub arn: Option<String> = "arn",
    }
}

/// The checked session policies of a request.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SessionPolicies {
    pub inline: Option<String>,
    pub arns: Vec<String>,
}

impl SessionPolicies {
    /// # Errors
    /// A document that is no policy, or too many managed ones.
    pub fn checked(inline: Option<String>, arns: Vec<PolicyDescriptor>) -> Result<SessionPolicies, StsError> {
        if let Some(text) = &inline {
            if serde_json::from_str::<serde_json::Value>(text).is_err() {
                return Err(StsError::MalformedPolicyDocument("This policy contains invalid Json".into()));
            }
            Policy::parse(text, PolicyKind::Session)
                .map_err(|m| StsError::MalformedPolicyDocument(m.message))?;
        }
        if arns.len() > ARNS_MAX {
            let what = format!("A session can have at most {ARNS_MAX} managed session policies.");
            return Err(StsError::ValidationError(what));
        }
        let arns = arns.into_iter().filter_map(|policy| policy.arn).collect();
        Ok(SessionPolicies { inline: inline.as_deref().map(without_space), arns })
    }

    pub fn is_empty(&self) -> bool {
        self.inline.is_none() && self.arns.is_empty()
    }

    /// How full the room is, in per cent: `PackedPolicySize`. `None` where there is nothing to pack.
    ///
    /// # Errors
    /// `PackedPolicyTooLarge` beyond a hundred.
    pub fn packed_percent(&self, tags: &Tags) -> Result<Option<i64>, StsError> {
        if self.is_empty() && tags.is_empty() {
            return Ok(None);
        }
        let tag_bytes: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let of_tags = tag_bytes * 100 / TAG_BYTES_MAX;
        if of_tags > 100 {
            let what = format!("Packed size of session tags consumes {of_tags}% of allotted space.");
            return Err(StsError::PackedPolicyTooLarge(what));
        }
        let inline = self.inline.as_ref().map_or(0, String::len);
        let policy_bytes = inline + self.arns.iter().map(String::len).sum::<usize>();
        let of_policies = (policy_bytes * 100).div_ceil(POLICY_BYTES_MAX);
        if of_policies > 100 {
            let what = format!(
                "Packed policy consumes {of_policies}% of allotted space, please use smaller policy."
            );
            return Err(StsError::PackedPolicyTooLarge(what));
        }
        Ok(Some(i64::try_from(of_policies.max(of_tags)).unwrap_or(100)))
    }
}

/// The document without white space between its tokens. It has been parsed before.
fn without_space(document: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = quoted || !c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        kept
    };
    document.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::{SessionPolicies, without_space};
    use crate::sts::errors::StsError;
    use base::tag::Tags;

    #[test]
    fn white_space_outside_of_texts_goes() {
        assert_eq!(without_space("{ \"a b\" :\n [\"\\\" c \\\\\", 1 ] }"), r#"{"a b":["\" c \\",1]}"#);
    }

    #[test]
    fn no_policy_is_no_document() {
        let refused = SessionPolicies::checked(Some("{}".into()), vec![]).unwrap_err();
        assert_eq!(refused, StsError::MalformedPolicyDocument("Syntax errors in policy.".into()));
    }

    #[test]
    fn room_is_counted_and_runs_out() {
        let document =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let small = SessionPolicies::checked(Some(document.into()), vec![]).unwrap();
        assert_eq!(small.packed_percent(&Tags::new()), Ok(Some(5)));
        assert_eq!(SessionPolicies::default().packed_percent(&Tags::new()), Ok(None));
        // Measured at AWS: nine tags T1..T9 of 250 characters each.
        let tags: Tags = (1..10).map(|n| (format!("T{n}"), "a".repeat(250))).collect();
        let words = "Packed size of session tags consumes 498% of allotted space.";
        assert_eq!(small.packed_percent(&tags), Err(StsError::PackedPolicyTooLarge(words.into())));
    }
}
