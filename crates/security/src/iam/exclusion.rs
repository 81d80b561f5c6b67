//! Policies that a simulation leaves out, as `PolicyExclusionList` names them.

use super::IamError;
use super::attached::last_part;
use auth::actions::matches;
use auth::policy::{PolicyForm, PolicySource};
use base::Arn;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Exclusion {
        pub kind: Option<String> = "PolicyType",
        pub arn: Option<String> = "PolicyArn",
        pub inline: Option<InlineIdentifier> = "InlinePolicyIdentifier",
    }

    #[derive(Clone, Debug)]
    pub struct InlineIdentifier {
        pub policy_name: String = "PolicyName",
        pub attachment_kind: Option<String> = "AttachmentType",
        pub attachment_name: Option<String> = "AttachmentName",
    }
}

/// What is left out.
#[derive(Clone, Debug)]
pub(crate) struct Excluded(Vec<Exclusion>);

/// # Errors
/// `InvalidInput` for an identifier that identifies nothing, or in more than one way, or with wildcards out of place.
pub(crate) fn read(list: &[Exclusion]) -> Result<Excluded, IamError> {
    for one in list {
        let ways = [one.kind.is_some(), one.arn.is_some(), one.inline.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(invalid(
                "A policy exclusion needs one of PolicyType, PolicyArn and InlinePolicyIdentifier.",
            ));
        }
        if let Some(text) = &one.arn {
            let name = last_part(text);
            let fixed = text.get(..text.len() - name.len()).unwrap_or_default();
            let good = Arn::parse(text)
                .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("policy/"));
            if !good || fixed.contains(['*', '?']) || name.matches('*').count() > 1 {
                return Err(invalid(&format!("Invalid policy ARN in PolicyExclusionList: {text}")));
            }
        }
        let name = one.inline.as_ref().and_then(|inline| inline.attachment_name.as_deref());
        if name.is_some_and(|name| name.matches('*').count() > 1) {
            return Err(invalid("An attachment name in PolicyExclusionList has at most one wildcard *."));
        }
    }
    Ok(Excluded(list.to_vec()))
}

fn invalid(message: &str) -> IamError {
    IamError::InvalidInput(message.into())
}

impl Excluded {
    /// Whether a permissions policy is left out.
    pub(crate) fn cover(&self, source: &PolicySource) -> bool {
        self.0.iter().any(|one| one.covers(source))
    }

    pub(crate) fn covers_boundary(&self, source: &PolicySource) -> bool {
        let by_arn = |one: &Exclusion| one.arn.is_some() && one.covers(source);
        self.0.iter().any(|one| one.kind.as_deref() == Some("permission-boundary") || by_arn(one))
    }

    /// Whether service control policies are left out.
    pub(crate) fn covers_control(&self) -> bool {
        self.0.iter().any(|one| one.kind.as_deref() == Some("scp"))
    }
}

impl Exclusion {
    fn covers(&self, source: &PolicySource) -> bool {
        let managed = source.form == PolicyForm::Managed;
        let by_aws = managed && source.id.starts_with("arn:aws:iam::aws:");
        if let Some(kind) = &self.kind {
            return match kind.as_str() {
                "inline" => source.form == PolicyForm::Inline,
                "aws-managed" => by_aws,
                "user-managed" => managed && !by_aws,
                _ => false,
            };
        }
        if let Some(arn) = &self.arn {
            return managed && matches(arn, &source.id);
        }
        let Some(inline) = &self.inline else { return false };
        let holder = source.attached_to.splitn(6, ':').nth(5).unwrap_or_default();
        let kind = holder.split('/').next().unwrap_or_default();
        source.form == PolicyForm::Inline
            && source.id == inline.policy_name
            && inline.attachment_kind.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
            && inline.attachment_name.as_deref().is_none_or(|name| matches(name, last_part(holder)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Exclusion, InlineIdentifier, read};
    use auth::policy::{PolicyForm, PolicySource};

    const NONE: Exclusion = Exclusion { kind: None, arn: None, inline: None };

    fn source(id: &str, form: PolicyForm) -> PolicySource {
        PolicySource { id: id.into(), attached_to: "arn:aws:iam::123456789012:user/team/eva".into(), form }
    }

    #[test]
    fn what_is_left_out() {
        let managed = source("arn:aws:iam::123456789012:policy/Read", PolicyForm::Managed);
        let by_aws = source("arn:aws:iam::aws:policy/ReadOnlyAccess", PolicyForm::Managed);
        let inline = source("own", PolicyForm::Inline);
        let kind = |kind: &str| Exclusion { kind: Some(kind.into()), ..NONE };
        let arn = |arn: &str| Exclusion { arn: Some(arn.into()), ..NONE };
        let named = |attachment: &str| Exclusion {
            inline: Some(InlineIdentifier {
                policy_name: "own".into(),
                attachment_kind: Some("user".into()),
                attachment_name: Some(attachment.into()),
            }),
            ..NONE
        };
        let cases = [
            (kind("inline"), [false, false, true]),
            (kind("aws-managed"), [false, true, false]),
            (kind("user-managed"), [true, false, false]),
            (kind("rcp"), [false, false, false]),
            (arn("arn:aws:iam::aws:policy/Read*"), [false, true, false]),
            (named("ev?"), [false, false, true]),
            (named("ada"), [false, false, false]),
        ];
        for (one, expected) in cases {
            let excluded = read(std::slice::from_ref(&one)).unwrap();
            assert_eq!([&managed, &by_aws, &inline].map(|s| excluded.cover(s)), expected, "{one:?}");
        }
    }

    #[test]
    fn what_identifies_nothing_is_refused() {
        let arn = |arn: &str| Exclusion { arn: Some(arn.into()), ..NONE };
        let both = Exclusion { kind: Some("inline".into()), ..arn("arn:aws:iam::aws:policy/Read") };
        let wild = ["arn:aws:iam::*:policy/Read", "arn:aws:iam::aws:policy/**", "Read"];
        for one in [NONE, both].into_iter().chain(wild.map(arn)) {
            let fault = wire::Fault::from(read(&[one]).unwrap_err());
            assert_eq!(fault.code, "InvalidInput");
        }
    }
}
