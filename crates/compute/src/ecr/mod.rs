//! Amazon ECR: repositories of container images, by AWS's API and by the registry protocol that docker, skopeo and the
//! like speak.
//!
//! Layers come in as parts, are held against their digests and lie among the cloud's contents, encrypted; an image is
//! taken only when all that its manifest names is there. The registry ([`site`]) is a translation: each of its requests
//! becomes the API's operations with the rights of whoever logged in, so repositories' policies and identity policies
//! decide there, too.
//!
//! Not here: scanning, replication, pull-through caches, creation templates, signing, archiving, keys of KMS, public
//! registries.

mod access;
pub(crate) mod errors;
mod layers;
mod lifecycle;
mod login;
pub(crate) mod manifest;
mod metering;
mod model;
mod ops;
mod policy;
pub(crate) mod pull;
pub mod site;
pub mod work;

pub static ECR: kernel::Service = kernel::Service {
    id: "ecr",
    global: false,
    ops: &[
        ops::image::OPS,
        ops::layer::OPS,
        ops::lifecycle::OPS,
        ops::list::OPS,
        ops::login::OPS,
        ops::policy::OPS,
        ops::repository::OPS,
        ops::tag::OPS,
    ],
};
