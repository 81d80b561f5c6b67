//! What clients of the registry show: the password that `GetAuthorizationToken` gave, and the links to layers. Both are
//! sealed, so that nobody makes them up, and end by the cloud's clock.

use super::model::Repository;
use base::{AccountId, Region, Timestamp};
use kernel::{Cloud, Cx};
use std::time::Duration;

/// AWS: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>
pub(super) const LOGIN: Duration = Duration::from_secs(12 * 3600);
const LINK: Duration = Duration::from_secs(3600);
const LOGINS: &str = "ecr login";
const LINKS: &str = "ecr layer";
/// The paths of links. No bucket is called so.
pub(super) const LINK_PATH: &str = "/-ecr-layer/";

/// Who logged in.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Login {
    pub(super) access_key: String,
    pub(super) token: Option<String>,
    /// Of which registry, where the host name says nothing.
    pub(super) account: AccountId,
    pub(super) region: Region,
}

fn sealed(cloud: &Cloud, purpose: &str, until: Timestamp, rest: &[&str]) -> String {
    let text = [&[until.iso8601().as_str()], rest].concat().join("\n");
    cloud.sealer().seal_compact(cloud.rng(), purpose, text.as_bytes())
}

/// The parts of a sealed text that is not over yet.
fn opened(cloud: &Cloud, purpose: &str, text: &str) -> Option<Vec<String>> {
    let text = cloud.sealer().open_compact(purpose, text).ok()?;
    let mut parts = std::str::from_utf8(&text).ok()?.split('\n').map(str::to_owned);
    let until = Timestamp::parse_iso8601(&parts.next()?)?;
    (cloud.clock().now() < until).then(|| parts.collect())
}

/// A password for whoever asks, for this registry, and when it ends.
pub(super) fn password(cx: &Cx<'_>, account: &str) -> (String, Timestamp) {
    let until = cx.now.plus(LOGIN);
    let token = cx.caller.session.as_ref().map_or("", |session| session.token.0.as_str());
    let parts = [cx.caller.access_key.as_str(), token, account, cx.region.name()];
    (sealed(cx.cloud(), LOGINS, until, &parts), until)
}

/// Whose password this is.
pub(super) fn known(cloud: &Cloud, password: &str) -> Option<Login> {
    let [access_key, token, account, region] = opened(cloud, LOGINS, password)?.try_into().ok()?;
    let token = Some(token).filter(|token| !token.is_empty());
    Some(Login { access_key, token, account: AccountId::parse(&account)?, region: Region::parse(&region)? })
}

/// A link's path to a layer.
pub(super) fn link(cx: &Cx<'_>, repository: &Repository, digest: &str) -> String {
    let (account, region) = (repository.account.to_string(), repository.region.name());
    let text = sealed(cx.cloud(), LINKS, cx.now.plus(LINK), &[&account, region, &repository.name, digest]);
    [LINK_PATH, &text].concat()
}

/// Where a link's path leads: a repository's account, region and name, and a digest.
pub(super) fn followed(cloud: &Cloud, path: &str) -> Option<(AccountId, Region, String, String)> {
    let parts = opened(cloud, LINKS, path.strip_prefix(LINK_PATH)?)?;
    let [account, region, name, digest] = parts.try_into().ok()?;
    Some((AccountId::parse(&account)?, Region::parse(&region)?, name, digest))
}
