//! Conditions of requests: `If-Match` and its like.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>. Of an entity tag and a time that
//! ask for the same, the tag decides; times are compared by whole seconds, and times to come are not looked at.

use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::object::Version;
use crate::s3::model::upload::Upload;
use base::Timestamp;

/// What a read is conditional on.
#[derive(Clone, Default, Debug)]
pub(crate) struct Reading {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// What became of a read's conditions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Go,
    /// The caller has it already: the name of the condition.
    Unchanged(&'static str),
    Failed(&'static str),
}

impl Reading {
    pub(crate) fn verdict(&self, version: &Version, now: Timestamp) -> Verdict {
        let modified = version.modified.whole_seconds();
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !matches(tags, &version.etag) => return Verdict::Failed("If-Match"),
            (None, Some(time)) if modified > time => return Verdict::Failed("If-Unmodified-Since"),
            _ => {}
        }
        match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if matches(tags, &version.etag) => Verdict::Unchanged("If-None-Match"),
            (None, Some(time)) if time <= now && modified <= time => Verdict::Unchanged("If-Modified-Since"),
            _ => Verdict::Go,
        }
    }

    /// As conditions of a copy's source, whose failures are all refusals.
    ///
    /// # Errors
    /// `PreconditionFailed`.
    pub(crate) fn check_source(&self, version: &Version, now: Timestamp) -> Result<(), S3Error> {
        let name = match self.verdict(version, now) {
            Verdict::Go => return Ok(()),
            Verdict::Failed("If-Match") => "x-amz-copy-source-If-Match",
            Verdict::Failed(_) => "x-amz-copy-source-If-Unmodified-Since",
            Verdict::Unchanged("If-None-Match") => "x-amz-copy-source-If-None-Match",
            Verdict::Unchanged(_) => "x-amz-copy-source-If-Modified-Since",
        };
        Err(Refusal::PreconditionFailed(name).into())
    }
}

/// Whether a header names the tag: with or without quotes, in a list, or as `*`.
pub(crate) fn matches(header: &str, etag: &str) -> bool {
    header.split(',').any(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == etag
    })
}

/// What a write is conditional on.
#[derive(Clone, Default, Debug)]
pub(crate) struct Writing {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

impl Writing {
    /// Refuses what S3 has no meaning for.
    ///
    /// # Errors
    /// `NotImplemented`.
    pub(crate) fn check(&self) -> Result<(), S3Error> {
        match (&self.if_match, &self.if_none_match) {
            (Some(_), Some(_)) => Err(not_implemented(
                "If-Match,If-None-Match",
                "Multiple conditional request headers present in the request",
            )),
            (_, Some(tags)) if tags.trim() != "*" => Err(not_implemented(
                "If-None-Match",
                "We don't accept the provided value of If-None-Match header for this API",
            )),
            (Some(tags), _) if tags.trim() == "*" => Err(not_implemented(
                "If-Match",
                "We don't accept the provided value of If-Match header for this API",
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    /// As [`Writing::compare`], for an upload: what came since it was begun is a conflict, even where it is what the
    /// condition names or where nothing is left of it.
    ///
    /// # Errors
    /// Those of [`Writing::compare`]; `ConditionalRequestConflict`.
    pub(crate) fn compare_since(
        &self,
        newest: Option<&Version>,
        key: &str,
        upload: &Upload,
    ) -> Result<(), S3Error> {
        self.compare(newest.filter(|version| !version.delete_marker), key)?;
        let condition = if self.if_match.is_some() { "If-Match" } else { "If-None-Match" };
        if upload.overtaken || newest.is_some_and(|version| version.modified > upload.begun) {
            let conflict = S3Error::from(Refusal::ConditionalConflict);
            return Err(conflict.with("Condition", condition).with("Key", key));
        }
        Ok(())
    }

    /// Compares with the current version, if there is one.
    ///
    /// # Errors
    /// `PreconditionFailed`; `NoSuchKey` where nothing could match.
    pub(crate) fn compare(&self, current: Option<&Version>, key: &str) -> Result<(), S3Error> {
        match (&self.if_match, current) {
            (Some(_), None) => return Err(Refusal::NoSuchKey(key.to_owned()).into()),
            (Some(tags), Some(version)) if !matches(tags, &version.etag) => {
                return Err(Refusal::PreconditionFailed("If-Match").into());
            }
            _ => {}
        }
        match (&self.if_none_match, current) {
            (Some(_), Some(_)) => Err(Refusal::PreconditionFailed("If-None-Match").into()),
            _ => Ok(()),
        }
    }
}

fn not_implemented(header: &'static str, additional: &str) -> S3Error {
    S3Error::from(Refusal::NotImplemented(header)).with("additionalMessage", additional)
}

#[cfg(test)]
mod tests {
    use super::{Reading, Verdict, Writing};
    use crate::s3::model::object::Version;
    use crate::s3::model::upload::Upload;
    use base::Timestamp;

    fn version() -> Version {
        let modified = Timestamp::from_micros(1_000_000_500_000);
        Version { etag: "abc".into(), modified, ..Version::default() }
    }

    #[test]
    fn tags_come_before_times() {
        let (then, now) = (Timestamp::from_seconds(1_000_000), Timestamp::from_seconds(2_000_000));
        let (earlier, later) = (Timestamp::from_seconds(999_999), Timestamp::from_seconds(1_000_001));
        let tag = |text: &str| Some(text.to_owned());
        let read = |m: Option<&str>, n: Option<&str>, since, unmodified| {
            let reading = Reading {
                if_match: m.and_then(tag),
                if_none_match: n.and_then(tag),
                if_modified_since: since,
                if_unmodified_since: unmodified,
            };
            reading.verdict(&version(), now)
        };
        assert_eq!(read(None, None, None, None), Verdict::Go);
        assert_eq!(read(Some("\"abc\""), None, None, Some(earlier)), Verdict::Go);
        assert_eq!(read(Some("\"abd\""), None, None, None), Verdict::Failed("If-Match"));
        assert_eq!(read(None, None, None, Some(earlier)), Verdict::Failed("If-Unmodified-Since"));
        assert_eq!(read(None, None, None, Some(then)), Verdict::Go);
        assert_eq!(read(None, Some("abc"), Some(earlier), None), Verdict::Unchanged("If-None-Match"));
        assert_eq!(read(None, Some("abd"), Some(later), None), Verdict::Go);
        assert_eq!(read(None, None, Some(then), None), Verdict::Unchanged("If-Modified-Since"));
        assert_eq!(read(None, None, Some(earlier), None), Verdict::Go);
        let future = Timestamp::from_seconds(3_000_000);
        assert_eq!(read(None, None, Some(future), None), Verdict::Go, "times to come");
    }

    #[test]
    fn writes() {
        let version = version();
        let writing = |m: Option<&str>, n: Option<&str>| Writing {
            if_match: m.map(str::to_owned),
            if_none_match: n.map(str::to_owned),
        };
        let said =
            |w: &Writing, v| w.check().and_then(|()| w.compare(v, "k")).map_err(|e| e.code().to_owned());
        assert_eq!(said(&writing(None, Some("*")), None), Ok(()));
        assert_eq!(said(&writing(None, Some("*")), Some(&version)), Err("PreconditionFailed".into()));
        assert_eq!(said(&writing(Some("\"abc\""), None), Some(&version)), Ok(()));
        assert_eq!(said(&writing(Some("\"x\""), None), Some(&version)), Err("PreconditionFailed".into()));
        assert_eq!(said(&writing(Some("\"abc\""), None), None), Err("NoSuchKey".into()));
        assert_eq!(said(&writing(None, Some("\"abc\"")), None), Err("NotImplemented".into()));
        assert_eq!(said(&writing(Some("*"), None), None), Err("NotImplemented".into()));
    }

    #[test]
    fn completions() {
        let marker = Version { delete_marker: true, ..version() };
        let (before, after) = (Timestamp::from_seconds(999_999), Timestamp::from_seconds(1_000_001));
        let with = |m: Option<&str>, n: Option<&str>, newest: Option<&Version>, upload: Upload| {
            let writing = Writing { if_match: m.map(str::to_owned), if_none_match: n.map(str::to_owned) };
            writing.compare_since(newest, "k", &upload).map_err(|e| e.code().to_owned())
        };
        let said = |m: Option<&str>, n: Option<&str>, newest: Option<&Version>, begun| {
            with(m, n, newest, Upload { begun, ..Upload::default() })
        };
        let conflict = Err("ConditionalRequestConflict".to_owned());
        assert_eq!(said(Some("abc"), None, Some(&version()), after), Ok(()));
        assert_eq!(said(Some("abc"), None, Some(&version()), before), conflict);
        assert_eq!(said(Some("x"), None, Some(&version()), before), Err("PreconditionFailed".into()));
        assert_eq!(said(Some("abc"), None, Some(&marker), before), Err("NoSuchKey".into()));
        assert_eq!(said(None, Some("*"), Some(&version()), before), Err("PreconditionFailed".into()));
        assert_eq!(said(None, Some("*"), Some(&marker), before), conflict);
        assert_eq!(said(None, Some("*"), Some(&marker), after), Ok(()));
        assert_eq!(said(None, Some("*"), None, before), Ok(()));
        let overtaken = Upload { overtaken: true, ..Upload::default() };
        assert_eq!(with(None, Some("*"), None, overtaken.clone()), conflict);
        assert_eq!(with(Some("abc"), None, None, overtaken), Err("NoSuchKey".into()));
    }
}
