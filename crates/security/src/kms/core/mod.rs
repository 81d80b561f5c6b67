//! KMS without the service.
