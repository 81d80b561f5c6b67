//! What goes by itself: uploads that were never completed, and images by their repository's lifecycle policy.

use super::errors::EcrError;
use super::layers;
use super::lifecycle::Lifecycle;
use super::model::{IMAGES, Image, REPOSITORIES, Repository, UPLOADS};
use super::ops::image::remove;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Tx};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SERVICE: &str = "ecr.amazonaws.com";

/// Commits what `work` does. After a conflict it is for the next run.
fn change(cloud: &Arc<Cloud>, work: impl FnOnce(&mut Tx) -> Result<(), EcrError>) -> Result<(), String> {
    let mut tx = cloud.store().begin();
    work(&mut tx).map_err(|error| wire::Fault::from(error).message)?;
    match tx.commit().wait() {
        Ok(_) => Ok(()),
        Err(CommitError::Conflict) => Err("another change came between".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn sooner(next: &mut Option<Timestamp>, due: Timestamp) {
    *next = Some(next.map_or(due, |next| next.min(due)));
}

/// Forgets uploads after a day.
#[derive(Debug)]
pub struct ForgetUploads;

impl Reconciler for ForgetUploads {
    fn name(&self) -> &'static str {
        "ecr uploads"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![UPLOADS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let mut next = None;
        for pair in UPLOADS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, upload) = pair.map_err(|e| e.to_string())?;
            let due = upload.started.plus(DAY);
            if due > now {
                sooner(&mut next, due);
                continue;
            }
            change(cloud, |tx| {
                // It may have been completed meanwhile: then its parts are a layer's.
                if UPLOADS.get(tx, &key)?.as_ref() == Some(&upload) {
                    UPLOADS.delete(tx, &key);
                    layers::release(tx, cloud, &upload.parts)?;
                }
                Ok(())
            })?;
        }
        Ok(next)
    }
}

/// Applies lifecycle policies when they are new, and then once a day.
#[derive(Debug)]
pub struct Expire;

fn apply(cloud: &Arc<Cloud>, tx: &mut Tx, repository: &Repository, now: Timestamp) -> Result<(), EcrError> {
    let Some(mut repository) = REPOSITORIES.get(tx, &repository.key())? else { return Ok(()) };
    let Some(text) = &repository.lifecycle else { return Ok(()) };
    let images = IMAGES.scan(&*tx, &repository.key(), Direction::Forward);
    let images = images.map(|pair| pair.map(|(_, image)| image)).collect::<Result<Vec<Image>, _>>()?;
    let expired = Lifecycle::read(text)?.expired(&images, now);
    repository.evaluated = Some(now);
    repository.save(tx);
    cloud.act(tx, SERVICE, repository.account, repository.region, |cx| {
        let gone = images.iter().filter(|image| expired.contains_key(&image.digest));
        gone.into_iter().try_for_each(|image| remove(cx, &repository, image))
    })
}

impl Reconciler for Expire {
    fn name(&self) -> &'static str {
        "ecr lifecycle"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![REPOSITORIES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let mut next = None;
        for pair in REPOSITORIES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, repository) = pair.map_err(|e| e.to_string())?;
            if repository.lifecycle.is_none() {
                continue;
            }
            match repository.evaluated.map(|evaluated| evaluated.plus(DAY)) {
                Some(due) if due > now => sooner(&mut next, due),
                _ => {
                    change(cloud, |tx| apply(cloud, tx, &repository, now))?;
                    sooner(&mut next, now.plus(DAY));
                }
            }
        }
        Ok(next)
    }
}
