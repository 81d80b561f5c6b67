//! IAM Access Analyzer: what is wrong with a policy before it is stored.
//!
//! The checks themselves are `auth::findings`, which says which of AWS's are there.
//!
//! Not here: policy generation, because it reads a trail in S3 with a service role, and trails are not built (`virga
//! least-privilege` writes the policy from the audit trail); the custom checks (CheckNoNewAccess and its like), which
//! compare all possible requests and are worth nothing if they are not exact; analyzers and their findings; findings
//! in other languages than English.

mod errors;
mod ops;

/// Access Analyzer's operations.
pub static ACCESS_ANALYZER: kernel::Service =
    kernel::Service { id: "accessanalyzer", global: false, ops: &[ops::validate::OPS] };
