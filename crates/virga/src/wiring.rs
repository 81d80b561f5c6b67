//! Which services there are, and what each brings along.

use base::{Clock, Rng};
use blob::Blobs;
use database::dynamodb;
use kernel::{Cloud, Parts, Service, Settings};
use security::iam::directory::IamDirectory;
use security::iam::last_used::{LastUsed, WriteLastUsed};
use security::kms::work::KeyLife;
use std::sync::Arc;
use store::{Store, StoreError};

/// The services that are built, in the order in which people read them.
pub fn services() -> Vec<&'static Service> {
    vec![
        &security::iam::IAM,
        &security::sts::STS,
        &security::organizations::ORGANIZATIONS,
        &security::kms::KMS,
        &security::accessanalyzer::ACCESS_ANALYZER,
        &management::cloudtrail::CLOUDTRAIL,
        &dynamodb::DYNAMODB,
        &dynamodb::streams::DYNAMODBSTREAMS,
        &storage::s3::S3,
    ]
}

/// A cloud over an open store, with every built service.
///
/// # Errors
/// When the store cannot be read.
pub fn cloud(
    store: Store,
    blobs: Arc<dyn Blobs>,
    clock: Clock,
    rng: Rng,
    master: &[u8; 32],
    settings: Settings,
) -> Result<Arc<Cloud>, StoreError> {
    let last_used = Arc::new(LastUsed::default());
    let parts = Parts {
        services: services(),
        directory: Arc::new(IamDirectory::new(master, &store, Arc::clone(&last_used))),
        reconcilers: vec![
            Arc::new(KeyLife),
            Arc::new(WriteLastUsed(last_used)),
            Arc::new(dynamodb::work::TableLife),
            Arc::new(dynamodb::work::Expire),
            Arc::new(dynamodb::work::ForgetTokens),
            Arc::new(dynamodb::census::Census),
            Arc::new(dynamodb::metering::Metering),
            Arc::new(dynamodb::streams::work::StreamLife),
            Arc::new(dynamodb::backups::work::Restore),
            Arc::new(dynamodb::global::work::Replicate),
            Arc::new(dynamodb::backups::work::BackupLife),
        ],
        subscribers: Vec::new(),
        sagas: vec![&security::organizations::create::CREATE_ACCOUNT],
        sites: Vec::new(),
        blobs,
    };
    Cloud::new(store, clock, rng, master, settings, parts)
}
