//! Which URL a host name is. Pure.

use base::Region;
use kernel::Request;

const LABEL: &str = ".lambda-url.";

/// The id of a URL and its region, of `<id>.lambda-url.<region>.localhost:4566`, whatever the domain behind the region.
pub(super) fn read(host: &str) -> Option<(&str, Region)> {
    let (id, rest) = host.split_once(LABEL)?;
    let (region, _) = rest.split_once('.')?;
    Some((id, Region::parse(region)?))
}

/// The address of a URL: with the port by which the caller found the cloud, so that it leads back here.
pub(crate) fn url(request: &Request, id: &str, region: Region) -> String {
    let region = region.name();
    let scheme = if request.peer.as_ref().is_some_and(|peer| peer.tls.is_some()) { "https" } else { "http" };
    match request.host.as_deref().map(|host| host.rsplit_once(':').map_or("", |(_, port)| port)) {
        Some("") => format!("{scheme}://{id}{LABEL}{region}.localhost/"),
        Some(port) => format!("{scheme}://{id}{LABEL}{region}.localhost:{port}/"),
        None => format!("https://{id}{LABEL}{region}.on.aws/"),
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use base::Region;

    #[test]
    fn hosts() {
        let ireland = Region::parse("eu-west-1").unwrap();
        for host in ["abc.lambda-url.eu-west-1.localhost:4566", "abc.lambda-url.eu-west-1.on.aws"] {
            assert_eq!(read(host), Some(("abc", ireland)), "{host}");
        }
        for host in
            ["lambda.eu-west-1.amazonaws.com", "abc.lambda-url.nowhere.on.aws", "abc.lambda-url.eu-west-1"]
        {
            assert_eq!(read(host), None, "{host}");
        }
    }
}
