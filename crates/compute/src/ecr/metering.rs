//! What CloudWatch is told of repositories, in its namespace `AWS/ECR`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-repository-metrics.html>

use super::model::Repository;
use kernel::Cx;
use kernel::vitals::{Metric, Place, Source, Vitals};

const SOURCE: Source = Source { service: "ecr.amazonaws.com", namespace: "AWS/ECR" };

/// So many images were pulled. Most pulls only read, and what reads is not told how its transaction ended: one that loses
/// to another and runs anew counts again.
pub(super) fn pulled(cx: &Cx<'_>, repository: &Repository, count: usize) {
    let place = Place {
        source: SOURCE,
        home: (repository.account, repository.region),
        dimensions: vec![("RepositoryName", repository.name.clone())],
    };
    let sample = (Metric::count("RepositoryPullCount"), count as f64);
    cx.memory::<Vitals>().note(place, cx.now, &[sample]);
}
