//! [`Place`]: which bucket, where, and under which names.

use std::fmt;

/// A bucket's name has 3 to 63 characters.
const BUCKET_LENGTHS: std::ops::RangeInclusive<usize> = 3..=63;
/// A content's key has 33 characters more, of the 1,024 that S3 allows.
const PREFIX_BYTES_MAX: usize = 512;

/// Where the contents of a cloud lie in an object store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    pub(crate) bucket: String,
    /// Empty, or with a slash at its end.
    pub(crate) prefix: String,
    pub(crate) region: String,
    pub(crate) is_tls: bool,
    /// `host:port`, with the port as it was given: this is the `Host` header.
    pub(crate) authority: String,
}

impl Place {
    /// `s3://bucket[/prefix]`, at `http(s)://host[:port]`, or without one at AWS's own address of the region.
    ///
    /// # Errors
    /// A sentence that says what cannot be read.
    pub fn read(address: &str, endpoint: Option<&str>, region: &str) -> Result<Place, String> {
        let rest =
            address.strip_prefix("s3://").ok_or_else(|| format!("{address} is not s3://BUCKET[/PREFIX]"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if !BUCKET_LENGTHS.contains(&bucket.len()) || !bucket.chars().all(letters) {
            return Err(format!("{bucket:?} is no name of a bucket"));
        }
        let prefix = prefix.trim_matches('/');
        // What needs no escaping, whoever reads it.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if prefix.len() > PREFIX_BYTES_MAX || !prefix.chars().all(plain) {
            return Err(format!(
                "the prefix {prefix:?} has other characters than letters, digits and -_./, or more than {PREFIX_BYTES_MAX}"
            ));
        }
        let own = format!("https://s3.{region}.amazonaws.com");
        let endpoint = endpoint.unwrap_or(&own);
        let unread = || format!("{endpoint} is not http(s)://HOST[:PORT]");
        let (is_tls, authority) = match (endpoint.strip_prefix("https://"), endpoint.strip_prefix("http://"))
        {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(unread()),
        };
        let authority = authority.trim_end_matches('/');
        let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
        if authority.is_empty() || !authority.chars().all(of_host) {
            return Err(unread());
        }
        Ok(Place {
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            region: region.to_owned(),
            is_tls,
            authority: authority.to_owned(),
        })
    }

    /// What comes behind `s3://`.
    fn address(&self) -> String {
        format!("{}/{}", self.bucket, self.prefix)
    }

    /// The path of a key in requests.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("/{}/{}{name}", self.bucket, self.prefix)
    }

    pub fn endpoint(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.authority)
    }

    /// The name and the port to connect to.
    pub(crate) fn host(&self) -> (&str, u16) {
        let usual = if self.is_tls { 443 } else { 80 };
        let (name, port) = match self.authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().unwrap_or(usual)),
            _ => (self.authority.as_str(), usual),
        };
        (name.trim_matches(['[', ']']), port)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{} at {}", self.address().trim_end_matches('/'), self.endpoint())
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_are_read() {
        let place = Place::read("s3://my-bucket/a/b/", Some("http://127.0.0.1:9000/"), "eu-west-1").unwrap();
        assert_eq!(place.path("x"), "/my-bucket/a/b/x");
        assert_eq!(place.host(), ("127.0.0.1", 9000));
        assert_eq!(place.to_string(), "s3://my-bucket/a/b at http://127.0.0.1:9000");
        let own = Place::read("s3://bucket", None, "eu-west-1").unwrap();
        assert_eq!((own.host(), own.path("x").as_str()), (("s3.eu-west-1.amazonaws.com", 443), "/bucket/x"));
        let six = Place::read("s3://bucket", Some("https://[::1]"), "r").unwrap();
        assert_eq!(six.host(), ("::1", 443));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (address, endpoint) in [
            ("bucket", None),
            ("s3://b", None),
            ("s3://Bucket", None),
            ("s3://bucket/a b", None),
            ("s3://bucket", Some("ftp://host")),
            ("s3://bucket", Some("http://host/path")),
            ("s3://bucket", Some("http://")),
        ] {
            assert!(Place::read(address, endpoint, "us-east-1").is_err(), "{address} {endpoint:?}");
        }
    }
}
