//! Global tables, version 2019.11.21: replicas of a table in other regions, which take each other's writes.
//!
//! [`replicas`] adds and removes them, [`work`] carries changes from each to each, some time after they happened, and
//! [`super::model::replica`] says which write is the last. Version 2017.11.29 is refused, as AWS now does.
//!
//! Not here: strong consistency between regions and witnesses, throughput and indexes of one replica's own, and another
//! KMS key for a table that has replicas.

pub(super) mod legacy;
pub(super) mod replicas;
pub mod work;
