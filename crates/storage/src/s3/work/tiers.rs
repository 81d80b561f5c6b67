//! Intelligent-Tiering's archives: at each midnight of the cloud's clock, whenever it is moved, and when configurations
//! change, what was not read for long enough is archived, as [`crate::s3::tiering`] decides.

use super::lifecycle::{object_key, walk};
use crate::s3::buckets::Bucket;
use crate::s3::configs::TIERING;
use crate::s3::errors::S3Error;
use crate::s3::events::{self, Happened, TIERED};
use crate::s3::lifecycle::due::after_days;
use crate::s3::model::bucket::BUCKETS;
use crate::s3::model::object::{CURRENT, VERSIONS, Version};
use crate::s3::settings::TieringConfiguration;
use crate::s3::tiering;
use crate::s3::versions::{self, Found};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{Direction, Key};
use wire::Fault;

#[derive(Debug)]
pub struct Tiers;

impl Reconciler for Tiers {
    fn name(&self) -> &'static str {
        "s3 archive tiers"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![TIERING.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let mut any = false;
        for pair in BUCKETS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, record) = pair.map_err(|e| e.to_string())?;
            let found = TIERING.scan(&snapshot, &record.scope(), Direction::Forward);
            let found: Vec<_> = found
                .map(|pair| pair.map(|(_, found)| found))
                .collect::<Result<_, _>>()
                .map_err(|e| e.to_string())?;
            if found.is_empty() {
                continue;
            }
            any = true;
            sink(cloud, &record.name, &found).map_err(|error| Fault::from(error).to_string())?;
        }
        Ok(any.then(|| after_days(cloud.clock().now(), 0)))
    }
}

/// All versions of one bucket.
fn sink(cloud: &Arc<Cloud>, name: &str, configurations: &[TieringConfiguration]) -> Result<(), S3Error> {
    for (table, current) in [(&CURRENT, true), (&VERSIONS, false)] {
        walk(cloud, name, table, |cx, bucket, (): &mut (), rows| {
            for (row, version) in rows {
                archive(cx, bucket, configurations, &object_key(bucket, &row), Found { version, current })?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn archive(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    configurations: &[TieringConfiguration],
    key: &str,
    mut found: Found,
) -> Result<(), S3Error> {
    let Some(tier) = tiering::due(configurations, key, &found.version, cx.now) else { return Ok(()) };
    let Version { archive, restore, .. } = &mut found.version;
    (*archive, *restore) = (Some(tier), None);
    versions::update(cx, bucket, key, &found);
    let id = bucket.record.is_versioned().then(|| found.version.id());
    let what = Happened {
        event: TIERED,
        detail_type: "Object Access Tier Changed",
        reason: "",
        key,
        version: Some(&found.version),
        version_id: id.as_deref(),
        marker: false,
    };
    events::by_itself(cx, bucket, &what)
}
