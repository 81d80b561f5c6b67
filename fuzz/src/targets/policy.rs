//! Policy documents, as each kind of policy, and what the validation finds in them.

use auth::findings::{PolicyType, validate};
use auth::policy::{Policy, PolicyKind};

const KINDS: [PolicyKind; 5] =
    [PolicyKind::Identity, PolicyKind::Resource("s3"), PolicyKind::Trust, PolicyKind::Scp, PolicyKind::Rcp];
const TYPES: [PolicyType; 4] =
    [PolicyType::Identity, PolicyType::Resource, PolicyType::ServiceControl, PolicyType::ResourceControl];

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in KINDS {
        // What may be stored must be readable again.
        if Policy::parse(text, kind).is_ok() {
            assert!(Policy::load(text, kind).is_ok());
        }
    }
    for kind in TYPES {
        validate(text, kind, None);
    }
}
