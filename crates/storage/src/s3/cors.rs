//! Cross-origin resource sharing: which rule of a bucket fits a request, and what it then answers.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use super::errors::{Refusal, S3Error};
use super::stored::stored;

stored! {
    pub struct CorsConfiguration {
        1 => rules: Vec<CorsRule> = "CORSRules",
    }

    pub struct CorsRule {
        1 => id: Option<String> = "ID",
        2 => allowed_headers: Vec<String> = "AllowedHeaders",
        3 => allowed_methods: Vec<String> = "AllowedMethods",
        4 => allowed_origins: Vec<String> = "AllowedOrigins",
        5 => expose_headers: Vec<String> = "ExposeHeaders",
        6 => max_age_seconds: Option<i64> = "MaxAgeSeconds",
    }
}

const RULES_MAX: usize = 100;
const ID_CHARS_MAX: usize = 255;
pub(crate) const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];

/// What a browser says of a request that it wants to make, or makes.
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    pub origin: &'a str,
    pub method: &'a str,
    /// `Access-Control-Request-Headers` of a preflight.
    pub headers: Option<&'a str>,
}

/// The headers of the answer, in AWS's order.
pub type Headers = Vec<(&'static str, String)>;

impl CorsConfiguration {
    /// Checks what the schema does not.
    ///
    /// # Errors
    /// `InvalidRequest`, `MalformedXML`.
    pub fn check(&self) -> Result<(), S3Error> {
        if self.rules.is_empty() || self.rules.len() > RULES_MAX {
            return Err(Refusal::MalformedXml.into());
        }
        self.rules.iter().try_for_each(CorsRule::check)
    }

    /// The headers that the first fitting rule gives the answer; none where no rule fits.
    pub fn answer(&self, crossing: &Crossing<'_>) -> Option<Headers> {
        let (rule, origin) = self.rules.iter().find_map(|rule| Some((rule, rule.admits(crossing)?)))?;
        let wild = origin == "*";
        let mut out: Headers = Vec::with_capacity(7);
        out.push(("access-control-allow-origin", if wild { "*".into() } else { crossing.origin.into() }));
        out.push(("access-control-allow-methods", rule.allowed_methods.join(", ")));
        if let Some(headers) = crossing.headers {
            let names: Vec<String> = header_names(headers).map(str::to_ascii_lowercase).collect();
            out.push(("access-control-allow-headers", names.join(", ")));
        }
        if !rule.expose_headers.is_empty() {
            out.push(("access-control-expose-headers", rule.expose_headers.join(", ")));
        }
        if let Some(age) = rule.max_age_seconds {
            out.push(("access-control-max-age", age.to_string()));
        }
        if !wild {
            out.push(("access-control-allow-credentials", "true".into()));
        }
        out.push(("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method".into()));
        Some(out)
    }
}

/// A name of HTTP, perhaps with an asterisk, which is a letter of them.
pub fn is_header(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl CorsRule {
    fn check(&self) -> Result<(), S3Error> {
        if self.allowed_methods.is_empty() || self.allowed_origins.is_empty() {
            return Err(Refusal::MalformedXml.into());
        }
        if let Some(method) = self.allowed_methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
            return Err(Refusal::InvalidRequest(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ))
            .into());
        }
        let stars = |text: &str| text.matches('*').count();
        if let Some(header) = self.allowed_headers.iter().chain(&self.expose_headers).find(|h| !is_header(h))
        {
            // Whichever of the two it is.
            let message = format!("AllowedHeader \"{header}\" contains invalid character.");
            return Err(Refusal::InvalidRequest(message).into());
        }
        if let Some(origin) = self.allowed_origins.iter().find(|o| stars(o) > 1) {
            return Err(Refusal::InvalidRequest(format!(
                "AllowedOrigin \"{origin}\" can not have more than one wildcard."
            ))
            .into());
        }
        if let Some(header) = self.allowed_headers.iter().find(|h| stars(h) > 1) {
            return Err(Refusal::InvalidRequest(format!(
                "AllowedHeader \"{header}\" can not have more than one wildcard."
            ))
            .into());
        }
        if let Some(header) = self.expose_headers.iter().find(|h| stars(h) > 0) {
            return Err(Refusal::InvalidRequest(format!("ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader.")).into());
        }
        match &self.id {
            Some(id) if id.chars().count() > ID_CHARS_MAX => {
                Err(Refusal::InvalidArgument("ID length should not exceed allowed limit of 255".into())
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// The allowed origin that fits, where the whole rule does.
    fn admits(&self, crossing: &Crossing<'_>) -> Option<&str> {
        let origin = self.allowed_origins.iter().find(|allowed| fits(allowed, crossing.origin))?;
        let method = self.allowed_methods.iter().any(|allowed| allowed == crossing.method);
        let header = |name: &str| {
            let name = name.to_ascii_lowercase();
            self.allowed_headers.iter().any(|allowed| fits(&allowed.to_ascii_lowercase(), &name))
        };
        let headers = crossing.headers.is_none_or(|headers| header_names(headers).all(header));
        (method && headers).then_some(origin)
    }
}

fn header_names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// A pattern with at most one `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Fault;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        CorsRule {
            allowed_headers: own(headers),
            allowed_methods: own(methods),
            allowed_origins: own(origins),
            ..CorsRule::default()
        }
    }

    fn crossing<'a>(origin: &'a str, method: &'a str, headers: Option<&'a str>) -> Crossing<'a> {
        Crossing { origin, method, headers }
    }

    #[test]
    fn the_first_fitting_rule_answers() {
        let configuration = CorsConfiguration {
            rules: vec![
                rule(&["http://a.example", "*suffix", "start*end"], &["GET"], &["x-amz-*"]),
                CorsRule { max_age_seconds: Some(30), ..rule(&["*"], &["PUT", "GET"], &["*"]) },
            ],
        };
        let first = |c: Crossing<'_>| configuration.answer(&c).map(|headers| headers[0].1.clone());
        assert_eq!(first(crossing("http://a.example", "GET", None)).unwrap(), "http://a.example");
        assert_eq!(first(crossing("foo.suffix", "GET", None)).unwrap(), "foo.suffix");
        assert_eq!(first(crossing("startend", "GET", Some("X-Amz-Date"))).unwrap(), "startend");
        assert_eq!(first(crossing("startend", "GET", Some("x-other"))).unwrap(), "*");
        assert_eq!(first(crossing("http://b.example", "DELETE", None)), None);
        let answer = configuration.answer(&crossing("http://b.example", "PUT", Some("A, b"))).unwrap();
        let names: Vec<&str> = answer.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "access-control-allow-origin",
                "access-control-allow-methods",
                "access-control-allow-headers",
                "access-control-max-age",
                "vary"
            ]
        );
        assert_eq!(answer[1].1, "PUT, GET");
        assert_eq!(answer[2].1, "a, b");
    }

    #[test]
    fn what_is_refused() {
        let code = |rule: CorsRule| {
            let fault = Fault::from(CorsConfiguration { rules: vec![rule] }.check().unwrap_err());
            (fault.code, fault.message)
        };
        let (invalid, message) = code(rule(&["*"], &["PATCH"], &[]));
        assert_eq!(invalid, "InvalidRequest");
        assert_eq!(message, "Found unsupported HTTP method in CORS config. Unsupported method is PATCH");
        assert_eq!(code(rule(&["*a*"], &["GET"], &[])).0, "InvalidRequest");
        assert_eq!(code(rule(&[], &["GET"], &[])).0, "MalformedXML");
        assert!(CorsConfiguration { rules: vec![rule(&["*"], &["GET"], &[])] }.check().is_ok());
    }
}
