//! Management: the services that tell what happens in the cloud.

pub mod cloudtrail;
