//! What is wrong with a document, and how each service words it.

use super::document::PolicyKind;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// Not JSON, or not an object.
    Json,
    /// A value of the wrong type, or two elements that exclude each other.
    Syntax,
    /// `Version` is neither of the two that there are.
    Version,
    /// An empty list of statements.
    NoStatement,
    Missing(&'static str),
    Prohibited(&'static str),
    Unknown(String),
    Effect(String),
    Operator(String),
    /// The type (in IAM's capitals) and the text of a principal that has none of the forms.
    Principal(&'static str, String),
    /// A federated principal that is neither a domain name nor an ARN.
    Federated,
    /// In IAM's own words.
    Iam(String),
}

impl Fault {
    pub(super) fn message(&self, kind: PolicyKind) -> String {
        match kind {
            PolicyKind::Identity | PolicyKind::Inline | PolicyKind::Boundary | PolicyKind::Session => {
                match self {
                    Fault::Iam(text) => text.clone(),
                    _ => "Syntax errors in policy.".into(),
                }
            }
            PolicyKind::Scp | PolicyKind::Rcp => {
                "The provided policy document does not meet the requirements of the specified policy type."
                    .into()
            }
            PolicyKind::Resource("kms") => self.for_kms(),
            PolicyKind::Trust => self.for_trust(),
            PolicyKind::Resource("sqs") => "Invalid value for the parameter Policy.".into(),
            PolicyKind::Resource("sns") => "Invalid parameter: Policy Error: null".into(),
            PolicyKind::Resource(_) => self.for_s3(),
        }
    }

    fn for_trust(&self) -> String {
        match self {
            Fault::Json => "This policy contains invalid Json".into(),
            Fault::Principal("STAR", text) => {
                format!("AssumeRolepolicy contained an invalid principal: \"STAR\":\"{text}\".")
            }
            Fault::Principal(kind, text) => format!("Invalid principal in policy: \"{kind}\":\"{text}\""),
            Fault::Federated => {
                "Federated principals must be valid domain names or SAML metadata ARNs".into()
            }
            Fault::Missing(name) => format!("Missing required field {name}"),
            Fault::Prohibited(name) => format!("Has prohibited field {name}"),
            Fault::Unknown(name) => format!("Unknown field {name}"),
            Fault::Iam(text) => text.clone(),
            Fault::Syntax | Fault::Version | Fault::NoStatement | Fault::Effect(_) | Fault::Operator(_) => {
                "Syntax errors in policy.".into()
            }
        }
    }

    fn for_kms(&self) -> String {
        match self {
            Fault::Principal(..) | Fault::Federated => {
                "Policy contains a statement with one or more invalid principals.".into()
            }
            _ => self.for_s3(),
        }
    }

    fn for_s3(&self) -> String {
        match self {
            Fault::Json => "Policies must be valid JSON and the first byte must be '{'".into(),
            Fault::Version => "The policy must contain a valid version string".into(),
            Fault::NoStatement => "Could not parse the policy: Statement is empty!".into(),
            Fault::Missing(name) => format!("Missing required field {name}"),
            Fault::Prohibited(name) => format!("Has prohibited field {name}"),
            Fault::Unknown(name) => format!("Unknown field {name}"),
            Fault::Effect(text) => format!("Invalid effect: {text}"),
            Fault::Operator(name) => format!("Invalid Condition type : {name}"),
            Fault::Principal(..) | Fault::Federated => "Invalid principal in policy".into(),
            Fault::Syntax => "Invalid policy syntax.".into(),
            Fault::Iam(text) => text.clone(),
        }
    }
}
