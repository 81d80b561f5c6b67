//! Temporary delegation: how a product provider gets, for some hours, a part of what a customer's identity may do.
//!
//! A provider registers policy templates with whoever runs the cloud ([`partner`], `virga partner`), as AWS's partners do
//! by mail. It creates a request from a template ([`template`]) and is told by its topic how the request fares
//! ([`notice`]). The request's records and rules are in `iam::model`, its operations in `ops::delegation_request` and
//! `ops::delegation_answer`; what becomes of the token that is sent at the end is in `sts::trade_in`.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html>. Not here: the pages of
//! AWS's console where a customer sees a request, and so the link to one in the answer of `CreateDelegationRequest`.

pub mod cover;
pub mod notice;
pub mod partner;
pub mod summary;
pub mod template;
pub mod work;
