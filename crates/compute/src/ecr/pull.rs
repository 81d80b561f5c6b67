//! Layers behind the links that `GetDownloadUrlForLayer` gives: for the registry, and for services of this cloud, which
//! need no connection for them.

pub(crate) use super::layers::Pulled;
use super::login::{self, LINK_PATH};
use super::model::{LAYERS, Layer, Repository};
use kernel::Cloud;
use std::io;
use std::sync::Arc;
use store::StoreError;

/// The layer behind a link's path; `None` for a path that is none, or whose time is over.
pub(super) fn behind(cloud: &Cloud, path: &str) -> Option<Result<Option<Layer>, StoreError>> {
    let (account, region, name, digest) = login::followed(cloud, path)?;
    let key = Repository::key_of(account, region, &name).str(&digest);
    Some(LAYERS.get(&cloud.store().snapshot(), &key))
}

/// The content of the layer that a link leads to.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] where it leads nowhere; what the store says.
pub(crate) fn open(cloud: &Arc<Cloud>, link: &str) -> io::Result<Pulled> {
    let path = link.find(LINK_PATH).map_or("", |at| &link[at..]);
    let found = behind(cloud, path).ok_or(io::ErrorKind::NotFound)?.map_err(io::Error::other)?;
    Ok(Pulled::new(cloud, &found.ok_or(io::ErrorKind::NotFound)?))
}
