//! What the CDK puts into its templates: a resource that is nothing but a note of which constructs were used.

use super::{BASE, Kind};

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::CDK::Metadata",
    changes: &["Analytics"],
    create: |on| Ok(on.made(on.generated(128), Vec::new())),
    ..BASE
}];
