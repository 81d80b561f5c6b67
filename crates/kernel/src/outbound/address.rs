//! Where an endpoint is.

use std::net::{SocketAddr, ToSocketAddrs};

/// An address of HTTP or HTTPS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    pub is_secure: bool,
    host: String,
    port: u16,
    /// With the query.
    pub path: String,
}

impl Address {
    /// Reads `https://host:port/path?query`.
    pub fn read(url: &str) -> Option<Address> {
        let (is_secure, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return None,
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, if is_secure { 443 } else { 80 }),
        };
        let good = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if host.is_empty() || !good(host) || !good(path) || host.contains('@') {
            return None;
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Address { is_secure, host: host.to_owned(), port, path: format!("{slash}{path}") })
    }

    /// The host as a certificate names it.
    pub fn name(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// As the header `Host` has it.
    pub fn host(&self) -> String {
        let usual = if self.is_secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    pub(super) fn socket(&self) -> Option<SocketAddr> {
        (self.name(), self.port).to_socket_addrs().ok()?.find(|address| address.ip().is_loopback())
    }

    pub fn is_loopback(&self) -> bool {
        self.socket().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses() {
        let read = |url: &str| {
            Address::read(url).map(|a| (a.is_secure, a.host(), a.port, a.path.clone(), a.is_loopback()))
        };
        let expected = |secure, host: &str, port, path: &str, here| {
            Some((secure, host.to_owned(), port, path.to_owned(), here))
        };
        for (url, address) in [
            ("http://127.0.0.1:8080/a?b=c", expected(false, "127.0.0.1:8080", 8080, "/a?b=c", true)),
            ("http://192.0.2.1", expected(false, "192.0.2.1", 80, "/", false)),
            ("https://127.0.0.2", expected(true, "127.0.0.2", 443, "/", true)),
            ("https://127.0.0.2:444?a", expected(true, "127.0.0.2:444", 444, "/?a", true)),
            ("https://[::1]/", expected(true, "[::1]", 443, "/", true)),
            ("http://[::1]:9/", expected(false, "[::1]:9", 9, "/", true)),
        ] {
            assert_eq!(read(url), address, "{url}");
        }
        for bad in [
            "ftp://a",
            "http://",
            "http://a:b/",
            "http://u@127.0.0.1/",
            "http://127.0.0.1/a b",
            "https://127.0.0.1/a\r\nX: y",
            "https://127.0.0.1/#a",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
