//! Which URL a host name or a path is. Pure.
//!
//! Names below `localhost` lead to this machine in browsers, in curl and wherever systemd's resolver is asked; the C
//! library alone, and so Python and Node, may not know them. For those there is a path as well, under any name or address
//! of the cloud.

use base::Region;
use kernel::Request;
use std::net::IpAddr;

const LABEL: &str = ".lambda-url.";
const PATH: &str = "/_lambda-url/";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'r> {
    pub(super) id: &'r str,
    pub(super) region: Region,
    /// As the function is to see it.
    pub(super) path: &'r str,
    pub(super) by_path: bool,
}

/// `<id>.lambda-url.<region>.localhost:4566`, whatever the domain behind the region; or
/// `localhost:4566/_lambda-url/<region>/<id>`.
pub(super) fn find<'r>(host: &'r str, path: &'r str) -> Option<Found<'r>> {
    if let Some((id, region)) = read(host) {
        return Some(Found { id, region, path, by_path: false });
    }
    let rest = path.strip_prefix(PATH).filter(|_| is_the_clouds(host))?;
    let (region, rest) = rest.split_once('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (id, path) = rest.split_at(end);
    let path = if path.is_empty() { "/" } else { path };
    Some(Found { id, region: Region::parse(region)?, path, by_path: true })
}

fn read(host: &str) -> Option<(&str, Region)> {
    let (id, rest) = host.split_once(LABEL)?;
    let (region, _) = rest.split_once('.')?;
    Some((id, Region::parse(region)?))
}

/// Names below `localhost` are somebody else's: buckets have paths of their own.
fn is_the_clouds(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// The address of a URL: with the port by which the caller found the cloud, so that it leads back here.
pub(crate) fn url(request: &Request, id: &str, region: Region) -> String {
    let region = region.name();
    let scheme = request.scheme();
    match request.host.as_deref().map(|host| host.rsplit_once(':').map_or("", |(_, port)| port)) {
        Some("") => format!("{scheme}://{id}{LABEL}{region}.localhost/"),
        Some(port) => format!("{scheme}://{id}{LABEL}{region}.localhost:{port}/"),
        None => format!("https://{id}{LABEL}{region}.on.aws/"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, find};
    use base::Region;

    #[test]
    fn hosts_and_paths() {
        let region = Region::parse("eu-west-1").unwrap();
        for host in ["abc.lambda-url.eu-west-1.localhost:4566", "abc.lambda-url.eu-west-1.on.aws"] {
            let found = Found { id: "abc", region, path: "/x", by_path: false };
            assert_eq!(find(host, "/x"), Some(found), "{host}");
        }
        for host in ["localhost:4566", "127.0.0.1", "[::1]:4566"] {
            for (asked, path) in [("", "/"), ("/", "/"), ("/x/y", "/x/y")] {
                let asked = format!("/_lambda-url/eu-west-1/abc{asked}");
                assert_eq!(
                    find(host, &asked),
                    Some(Found { id: "abc", region, path, by_path: true }),
                    "{host}"
                );
            }
        }
        let path = "/_lambda-url/eu-west-1/abc/";
        for (host, path) in [
            ("lambda.eu-west-1.amazonaws.com", "/"),
            ("abc.lambda-url.nowhere.on.aws", "/"),
            ("abc.lambda-url.eu-west-1", "/"),
            ("bucket.s3.localhost:4566", path),
            ("localhost:4566", "/_lambda-url/nowhere/abc/"),
            ("localhost:4566", "/_lambda-url/eu-west-1"),
        ] {
            assert_eq!(find(host, path), None, "{host} {path}");
        }
    }
}
