//! CloudFormation.

mod template;
