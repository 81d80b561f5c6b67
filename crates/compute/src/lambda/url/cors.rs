//! What a browser is told across origins, by a URL's settings. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors>

use crate::lambda::model::UrlCors;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Whether a browser asks what it may do.
pub(super) fn is_preflight(parts: &Parts) -> bool {
    let has = |name: &HeaderName| parts.headers.contains_key(name);
    parts.method == Method::OPTIONS && has(&ORIGIN) && has(&ACCESS_CONTROL_REQUEST_METHOD)
}

fn text<'p>(parts: &'p Parts, name: &HeaderName) -> Option<&'p str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

fn has(all: &[String], one: &str) -> bool {
    all.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(one))
}

fn set(out: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        out.insert(name, value);
    }
}

/// The headers of an answer; none for an origin that may not ask.
pub(super) fn headers(cors: &UrlCors, parts: &Parts) -> HeaderMap {
    let mut out = HeaderMap::new();
    let Some(origin) = text(parts, &ORIGIN).filter(|origin| has(&cors.origins, origin)) else { return out };
    let credentials = cors.credentials == Some(true);
    // A browser takes no wildcard where it sends credentials.
    let wild = cors.origins.iter().any(|known| known == "*") && !credentials;
    set(&mut out, ACCESS_CONTROL_ALLOW_ORIGIN, if wild { "*" } else { origin });
    set(&mut out, VARY, "Origin");
    if credentials {
        set(&mut out, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    if !is_preflight(parts) {
        if !cors.exposed.is_empty() {
            set(&mut out, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed.join(","));
        }
        return out;
    }
    let method = text(parts, &ACCESS_CONTROL_REQUEST_METHOD).unwrap_or_default();
    let asked = text(parts, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let mut names = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
    if !has(&cors.methods, method) || !names.all(|name| has(&cors.headers, name)) {
        return HeaderMap::new();
    }
    let methods = if cors.methods.iter().any(|known| known == "*") {
        method.to_owned()
    } else {
        cors.methods.join(",")
    };
    set(&mut out, ACCESS_CONTROL_ALLOW_METHODS, &methods);
    if !asked.is_empty() {
        set(&mut out, ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    if let Some(age) = cors.age {
        set(&mut out, ACCESS_CONTROL_MAX_AGE, &age.to_string());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(cors: &UrlCors, method: &str, asked: &[(&str, &str)]) -> Vec<String> {
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in asked {
            request = request.header(*name, *value);
        }
        let out = headers(cors, &request.body(()).unwrap().into_parts().0);
        out.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn who_may_ask_what() {
        let cors = UrlCors {
            credentials: Some(true),
            headers: vec!["X-One".into()],
            methods: vec!["GET".into(), "PUT".into()],
            origins: vec!["https://a.example".into()],
            exposed: vec!["X-Two".into()],
            age: Some(60),
        };
        let origin = ("origin", "https://a.example");
        let wants = ("access-control-request-method", "PUT");
        let preflight =
            answered(&cors, "OPTIONS", &[origin, wants, ("access-control-request-headers", "x-one")]);
        for header in [
            "access-control-allow-origin: https://a.example",
            "access-control-allow-credentials: true",
            "access-control-allow-methods: GET,PUT",
            "access-control-allow-headers: x-one",
            "access-control-max-age: 60",
        ] {
            assert!(preflight.contains(&header.to_owned()), "{header}: {preflight:?}");
        }
        let plain = answered(&cors, "GET", &[origin]);
        assert!(plain.contains(&"access-control-expose-headers: X-Two".to_owned()), "{plain:?}");
        let bad_method = ("access-control-request-method", "DELETE");
        assert!(answered(&cors, "OPTIONS", &[origin, bad_method]).is_empty());
        assert!(
            answered(&cors, "OPTIONS", &[origin, wants, ("access-control-request-headers", "y")]).is_empty()
        );
        assert!(answered(&cors, "GET", &[("origin", "https://b.example")]).is_empty());
        let open = UrlCors { origins: vec!["*".into()], methods: vec!["*".into()], ..UrlCors::default() };
        assert_eq!(answered(&open, "GET", &[origin])[0], "access-control-allow-origin: *");
    }
}
