//! Lifecycle rules: what they are ([`rules`]), which are refused ([`check`]), what they do to whom and when ([`due`]).
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

pub mod check;
pub mod due;
pub mod rules;
