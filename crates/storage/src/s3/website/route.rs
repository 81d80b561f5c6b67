//! What a website makes of a request: an object, or a redirect.

use super::{Redirect, RoutingRule, WebsiteConfiguration};

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    pub status: u16,
    pub location: String,
}

/// The answer before an object has been looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    Moved(Moved),
    /// The key of the object to answer with.
    Object(String),
}

/// The address by which a request came.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// `http` or `https`.
    pub protocol: &'a str,
    /// With the port.
    pub host: &'a str,
    /// The key: the decoded path without its first slash.
    pub key: &'a str,
}

impl WebsiteConfiguration {
    /// Before the object is looked for.
    pub fn route(&self, address: &Address<'_>) -> Route {
        if let Some(all) = &self.redirect_all {
            let protocol = all.protocol.as_deref().unwrap_or(address.protocol);
            let location = format!("{protocol}://{}/{}", all.host, encoded(address.key));
            return Route::Moved(Moved { status: 301, location });
        }
        if let Some(moved) = self.redirected(address, None) {
            return Route::Moved(moved);
        }
        Route::Object(self.object(address.key))
    }

    /// After the object could not be answered, with this status.
    pub fn after_error(&self, address: &Address<'_>, status: u16) -> Option<Moved> {
        self.redirected(address, Some(status))
    }

    /// The index of a directory, or the object itself.
    pub fn object(&self, key: &str) -> String {
        let suffix = self.index.as_ref().map_or("", |index| index.suffix.as_str());
        if key.is_empty() || key.ends_with('/') { [key, suffix].concat() } else { key.to_owned() }
    }

    /// The key of a directory's index, for a path without the slash at its end.
    pub fn index_below(&self, key: &str) -> Option<String> {
        let suffix = &self.index.as_ref()?.suffix;
        (!key.is_empty() && !key.ends_with('/')).then(|| [key, "/", suffix].concat())
    }

    fn redirected(&self, address: &Address<'_>, error: Option<u16>) -> Option<Moved> {
        let rules = self.rules.as_deref().unwrap_or_default();
        rules.iter().find(|rule| rule.fits(address.key, error)).map(|rule| rule.moved(address))
    }
}

impl RoutingRule {
    fn fits(&self, key: &str, error: Option<u16>) -> bool {
        let Some(condition) = &self.condition else { return error.is_none() };
        let prefix = condition.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix));
        let code = condition.error.as_deref().map(|code| code.parse().ok());
        // Rules about errors wait for one; the others have had their turn.
        prefix && code == error.map(Some)
    }

    fn moved(&self, address: &Address<'_>) -> Moved {
        let Redirect { host, code, protocol, replace_prefix, replace_key } = &self.redirect;
        let key = match (replace_key, replace_prefix) {
            (Some(key), _) => key.clone(),
            (None, Some(new)) => {
                let old = self.condition.as_ref().and_then(|c| c.prefix.as_deref()).unwrap_or_default();
                [new, address.key.strip_prefix(old).unwrap_or(address.key)].concat()
            }
            (None, None) => address.key.to_owned(),
        };
        let protocol = protocol.as_deref().unwrap_or(address.protocol);
        let host = host.as_deref().unwrap_or(address.host);
        let status = code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(301);
        Moved { status, location: format!("{protocol}://{host}/{}", encoded(&key)) }
    }
}

/// A key as part of a location: what a URL may not hold is escaped.
fn encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Condition, IndexDocument, RedirectAll};
    use super::*;

    fn address(key: &str) -> Address<'_> {
        Address { protocol: "http", host: "b.s3-website.eu-west-1.localhost", key }
    }

    fn site(rules: Vec<RoutingRule>) -> WebsiteConfiguration {
        WebsiteConfiguration {
            index: Some(IndexDocument { suffix: "index.html".into() }),
            rules: Some(rules),
            ..WebsiteConfiguration::default()
        }
    }

    fn location(route: Route) -> String {
        match route {
            Route::Moved(moved) => format!("{} {}", moved.status, moved.location),
            Route::Object(key) => key,
        }
    }

    #[test]
    fn directories_have_an_index() {
        let site = site(vec![]);
        for (path, want) in [("", "index.html"), ("a/", "a/index.html"), ("a", "a"), ("a.html", "a.html")] {
            assert_eq!(location(site.route(&address(path))), want);
        }
        assert_eq!(site.index_below("a"), Some("a/index.html".into()));
        assert_eq!(site.index_below("a/"), None);
    }

    #[test]
    fn rules_lead_elsewhere() {
        let of_prefix = |prefix: &str| Some(Condition { prefix: Some(prefix.into()), error: None });
        let of_error = Condition { error: Some("404".into()), prefix: Some("images/".into()) };
        let site = site(vec![
            RoutingRule {
                condition: of_prefix("docs/"),
                redirect: Redirect { replace_prefix: Some("documents/".into()), ..Redirect::default() },
            },
            RoutingRule {
                condition: Some(of_error),
                redirect: Redirect {
                    host: Some("cdn.example".into()),
                    protocol: Some("https".into()),
                    code: Some("302".into()),
                    replace_key: Some("none.png".into()),
                    replace_prefix: None,
                },
            },
        ]);
        assert_eq!(
            location(site.route(&address("docs/a b"))),
            "301 http://b.s3-website.eu-west-1.localhost/documents/a%20b"
        );
        assert_eq!(location(site.route(&address("images/x"))), "images/x");
        let moved = site.after_error(&address("images/x"), 404).unwrap();
        assert_eq!((moved.status, moved.location.as_str()), (302, "https://cdn.example/none.png"));
        assert_eq!(site.after_error(&address("images/x"), 403), None);
        assert_eq!(site.after_error(&address("docs/x"), 404), None);
    }

    #[test]
    fn everything_may_lead_elsewhere() {
        let all = RedirectAll { host: "example.com".into(), protocol: Some("https".into()) };
        let site = WebsiteConfiguration { redirect_all: Some(all), ..WebsiteConfiguration::default() };
        assert_eq!(location(site.route(&address("a/b"))), "301 https://example.com/a/b");
    }
}
