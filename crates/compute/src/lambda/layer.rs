//! Layers: archives that functions share, laid over each other in `/opt`.
//!
//! A version of a layer never changes; a function that uses one keeps its contents, whatever becomes of the layer.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html>

use super::code::{self, UNZIPPED_MAX};
use super::errors::{LambdaError, invalid};
use super::model::{LAYER_POLICIES, LAYER_VERSIONS, LayerVersion, PolicyOf, UsedLayer, Version};
use super::name::in_arn;
use super::policy::{Compiled, compiled};
use base::{AccountId, Arn, Region};
use kernel::Cx;
use kernel::identity::Attached;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use store::{Key, Read};

/// AWS: the quotas of the developer guide.
pub(crate) const LAYERS_MAX: usize = 5;

/// A layer, or a version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerName {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) version: Option<u64>,
}

impl LayerName {
    /// A name, or the ARN of a layer or of a version.
    ///
    /// # Errors
    /// `InvalidParameterValueException`
    pub(crate) fn read(cx: &Cx<'_>, text: &str) -> Result<LayerName, LambdaError> {
        LayerName::parse(text, cx.account, cx.region)
            .ok_or_else(|| invalid(format!("Invalid Layer name: {text}")))
    }

    fn parse(text: &str, account: AccountId, region: Region) -> Option<LayerName> {
        if !text.starts_with("arn:") {
            return (!text.contains(':')).then(|| LayerName {
                account,
                region,
                name: text.to_owned(),
                version: None,
            });
        }
        let (account, region, rest) = in_arn(text, "layer:")?;
        let (name, version) = match rest.split_once(':') {
            Some((name, version)) => (name, Some(version.parse().ok()?)),
            None => (rest.as_str(), None),
        };
        (!name.is_empty()).then(|| LayerName { account, region, name: name.to_owned(), version })
    }

    #[must_use]
    pub(crate) fn at(&self, version: u64) -> LayerName {
        LayerName { version: Some(version), ..self.clone() }
    }

    /// Of the layer.
    pub(crate) fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.name)
    }

    /// Of the version.
    pub(crate) fn version_key(&self) -> Key {
        self.key().u64(self.version.unwrap_or(0))
    }

    pub(crate) fn arn(&self) -> String {
        let resource = format!("layer:{}", self.name);
        Arn::new("lambda", self.region.name(), self.account.as_str(), &resource).to_string()
    }

    pub(crate) fn version_arn(&self) -> String {
        match self.version {
            Some(version) => format!("{}:{version}", self.arn()),
            None => self.arn(),
        }
    }
}

/// # Errors
/// `ResourceNotFoundException`
pub(crate) fn version(from: &dyn Read, named: &LayerName) -> Result<LayerVersion, LambdaError> {
    let missing = || LambdaError::NotFound("The resource you requested does not exist.".into());
    LAYER_VERSIONS.get(from, &named.version_key())?.ok_or_else(missing)
}

/// The policy of a version, if it has one.
///
/// # Errors
/// The store's.
pub(crate) fn policy(from: &dyn Read, named: &LayerName) -> Result<Option<PolicyOf>, LambdaError> {
    Ok(LAYER_POLICIES.get(from, &named.version_key())?)
}

/// The same, compiled.
///
/// # Errors
/// `ServiceException` for a stored policy that cannot be read.
pub(crate) fn attached(cx: &Cx<'_>, named: &LayerName) -> Result<Option<Attached>, LambdaError> {
    let Some(policy) = policy(cx.tx, named)? else { return Ok(None) };
    compiled(&cx.memory::<Compiled>(), &policy.text(), named.version_arn()).map(Some)
}

/// The layers that a function is to use, each held for it.
///
/// # Errors
/// `InvalidParameterValueException`
pub(crate) fn used(cx: &mut Cx<'_>, arns: &[String]) -> Result<Vec<UsedLayer>, LambdaError> {
    if arns.len() > LAYERS_MAX {
        return Err(invalid(format!("Cannot reference more than {LAYERS_MAX} layers.")));
    }
    let mut all: Vec<UsedLayer> = Vec::new();
    for arn in arns {
        let named = LayerName::read(cx, arn)?;
        let of_the_same = |other: &&UsedLayer| {
            LayerName::parse(&other.arn, cx.account, cx.region)
                .is_some_and(|other| other.key() == named.key())
        };
        if let Some(other) = all.iter().find(of_the_same) {
            return Err(invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {} and {arn}",
                other.arn
            )));
        }
        let missing = || invalid(format!("Layer version {arn} does not exist."));
        let here = named.region == cx.region && named.version.is_some();
        let known = if here { LAYER_VERSIONS.get(cx.tx, &named.version_key())? } else { None };
        let LayerVersion { content, size, unzipped, .. } = known.ok_or_else(missing)?;
        all.push(UsedLayer { arn: arn.clone(), content, size, unzipped });
    }
    hold(cx, &all)?;
    Ok(all)
}

/// A further reference to the contents of each.
///
/// # Errors
/// `ServiceException` where one is gone.
pub(crate) fn hold(cx: &mut Cx<'_>, layers: &[UsedLayer]) -> Result<(), LambdaError> {
    for layer in layers {
        if !blob::refs::share(cx.tx, layer.content)? {
            return Err(LambdaError::Service("A layer's content is gone.".into()));
        }
    }
    Ok(())
}

/// One reference less to each.
///
/// # Errors
/// The store's.
pub(crate) fn release(cx: &mut Cx<'_>, layers: &[UsedLayer]) -> Result<(), LambdaError> {
    let cloud = Arc::clone(cx.cloud());
    layers.iter().try_for_each(|layer| code::release(cx.tx, &cloud, layer.content))
}

/// Whether a function and its layers are small enough together.
///
/// # Errors
/// `InvalidParameterValueException`
pub(crate) fn check_size(version: &Version) -> Result<(), LambdaError> {
    let size = version.layers.iter().map(|layer| layer.unzipped).sum::<u64>() + version.unzipped;
    if version.layers.is_empty() || size <= UNZIPPED_MAX {
        return Ok(());
    }
    Err(invalid(format!(
        "Function code combined with layers exceeds the maximum allowed size of {UNZIPPED_MAX} bytes. The actual size is {size} bytes."
    )))
}

/// Lays one folder over another: what is in both is the upper one's. Links are never followed.
///
/// # Errors
/// What the disk says.
pub(crate) fn lay_over(lower: &Path, upper: &Path) -> io::Result<()> {
    for entry in fs::read_dir(upper)? {
        let entry = entry?;
        let at = lower.join(entry.file_name());
        let there = fs::symlink_metadata(&at).ok();
        if entry.file_type()?.is_dir() {
            match &there {
                Some(known) if known.is_dir() => {}
                Some(_) => {
                    fs::remove_file(&at)?;
                    fs::create_dir(&at)?;
                }
                None => fs::create_dir(&at)?,
            }
            lay_over(&at, &entry.path())?;
            continue;
        }
        match &there {
            Some(known) if known.is_dir() => fs::remove_dir_all(&at)?,
            Some(_) => fs::remove_file(&at)?,
            None => {}
        }
        fs::rename(entry.path(), &at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let own = AccountId::parse("111111111111").unwrap();
        let read =
            |text: &str| LayerName::parse(text, own, Region::US_EAST_1).map(|named| named.version_arn());
        for (text, arn) in [
            ("l", "arn:aws:lambda:us-east-1:111111111111:layer:l"),
            (
                "arn:aws:lambda:eu-west-1:222222222222:layer:l",
                "arn:aws:lambda:eu-west-1:222222222222:layer:l",
            ),
            (
                "arn:aws:lambda:us-east-1:111111111111:layer:l:7",
                "arn:aws:lambda:us-east-1:111111111111:layer:l:7",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(arn));
        }
        for bad in [
            "a:b",
            "arn:aws:lambda:us-east-1:111111111111:function:f",
            "arn:aws:lambda:us-east-1:111111111111:layer:l:x",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn layers_and_code_are_small_together() {
        let layer = |unzipped| UsedLayer { unzipped, ..UsedLayer::default() };
        let of = |layers, unzipped| check_size(&Version { layers, unzipped, ..Version::default() });
        assert_eq!(of(vec![layer(100_000_000), layer(100_000_000)], UNZIPPED_MAX - 200_000_000), Ok(()));
        let words = "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes.";
        assert_eq!(of(vec![layer(UNZIPPED_MAX)], 1), Err(invalid(words)));
        // Code alone has been held against the same limit before.
        assert_eq!(of(Vec::new(), UNZIPPED_MAX), Ok(()));
    }

    #[test]
    fn what_is_laid_over() {
        let folder = std::env::temp_dir().join(format!("virga-layers-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let (lower, upper, outside) = (folder.join("lower"), folder.join("upper"), folder.join("outside"));
        for made in ["lower/both", "lower/was", "upper/both", "upper/link", "outside"] {
            fs::create_dir_all(folder.join(made)).unwrap();
        }
        for (name, text) in [
            ("lower/both/a", "1"),
            ("lower/both/b", "1"),
            ("upper/both/a", "2"),
            ("upper/was", "2"),
            ("upper/link/c", "2"),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(&outside, lower.join("link")).unwrap();
        lay_over(&lower, &upper).unwrap();
        let read = |name: &str| fs::read_to_string(lower.join(name)).unwrap();
        assert_eq!(
            (read("both/a"), read("both/b"), read("was"), read("link/c")),
            ("2".into(), "1".into(), "2".into(), "2".into())
        );
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "nothing is written through a link");
        fs::remove_dir_all(&folder).unwrap();
    }
}
