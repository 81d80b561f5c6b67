//! Which image a name is: found by ECR's public operations, as Lambda and for the function's sake.
//!
//! The repository's policy must let Lambda read. Where it does not, and is of the function's account, that is written into
//! it with the rights of whoever makes or changes the function; an image of another account must be let be read by that
//! one, too.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#configuration-images-permissions>

use super::name::{Located, Reference};
use crate::ecr::errors::{has_no_policy, is_gone};
use crate::ecr::manifest::{Entry, Manifest};
use crate::ecr::pull;
use crate::lambda::access::SERVICE;
use crate::lambda::errors::{LambdaError, invalid, is_denied};
use crate::lambda::model::{Image, Packed, Root};
use crate::lambda::name::Named;
use crate::lambda::runtimes::architecture;
use base::AccountId;
use kernel::{As, Call, Cx};
use std::io::Read;
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// More than any image says of itself.
const CONFIGURATION_MAX: u64 = 4 << 20;
/// AWS: manifests and layers as docker and as OCI have them.
const CONFIGURATIONS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const ZIPPED: [&str; 2] =
    ["application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"];
const SID: &str = "LambdaECRImageRetrievalPolicy";

/// The words for what cannot be read.
pub(super) const NOT_LET: &str =
    "Lambda does not have permission to access the ECR image. Check the ECR permissions.";

/// An operation on a repository of a registry.
pub(super) fn request(
    registry: AccountId,
    repository: &str,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) -> Value {
    let own = [("registryId", Value::Str(registry.to_string())), ("repositoryName", Value::str(repository))];
    Value::Struct(own.into_iter().chain(more).collect::<Struct>())
}

/// What is asked for, and for which function.
struct Asked<'a> {
    uri: &'a str,
    located: Located,
    function: &'a Named,
}

/// The image that a name is, and the root that it will have.
///
/// # Errors
/// `InvalidParameterValueException` for what is no image, or not one for this machine; `AccessDeniedException`
pub(crate) fn resolve(cx: &mut Cx<'_>, function: &Named, uri: &str) -> Result<(Image, Root), LambdaError> {
    let not_valid = || invalid(format!("Source image {uri} is not valid. Provide a valid source image."));
    let located = Located::read(uri, (cx.account, cx.region)).ok_or_else(not_valid)?;
    if located.region != cx.region {
        return Err(not_valid());
    }
    let asked = Asked { uri, located, function };
    let found = asked.manifest(cx)?;
    let text = |member| found.at(&[member]).and_then(Value::as_str).unwrap_or_default();
    let manifest = Manifest::read(text("imageManifest"), Some(text("imageManifestMediaType")));
    let manifest = manifest.map_err(|_| asked.unsupported())?;
    let Some((config, layers)) = manifest.layers.split_first() else { return Err(asked.unsupported()) };
    if !CONFIGURATIONS.contains(&config.media_type.as_str()) {
        return Err(asked.unsupported());
    }
    let configuration = asked.configuration(cx, config)?;
    let layers = asked.layers(layers, &configuration)?;
    let Located { account: registry, repository, base, .. } = asked.located;
    let image = Image {
        uri: uri.to_owned(),
        resolved: format!("{base}@{}", manifest.digest),
        digest: manifest.digest.clone(),
        ..image(&configuration)
    };
    let root = Root {
        digest: manifest.digest,
        layers,
        account: function.account,
        region: function.region,
        function: function.name.clone(),
        registry,
        repository,
        ..Root::default()
    };
    Ok((image, root))
}

impl Asked<'_> {
    fn unsupported(&self) -> LambdaError {
        invalid(format!(
            "The image manifest, config or layer media type for the source image {} is not supported.",
            self.uri
        ))
    }

    fn refusal(&self, fault: &Fault) -> LambdaError {
        match fault {
            fault if is_denied(fault) => LambdaError::Denied(NOT_LET.into()),
            fault if is_gone(fault) => {
                invalid(format!("Source image {} does not exist. Provide a valid source image.", self.uri))
            }
            fault => {
                kernel::log::error("an image could not be found", &[("problem", &fault.to_string())]);
                LambdaError::Service("The image could not be found.".into())
            }
        }
    }

    /// Calls ECR as Lambda, for the sake of the function.
    fn call(
        &self,
        cx: &mut Cx<'_>,
        operation: &'static str,
        more: Option<(&'static str, Value)>,
    ) -> Result<Value, Fault> {
        let value = request(self.located.account, &self.located.repository, more);
        let call = Call { service: "ecr", operation, value };
        cx.call_for(&self.function.arn(), call, SERVICE, self.function.account)
    }

    fn manifest(&self, cx: &mut Cx<'_>) -> Result<Value, LambdaError> {
        let id = match &self.located.reference {
            Reference::Tag(tag) => ("imageTag", Value::str(tag)),
            Reference::Digest(digest) => ("imageDigest", Value::str(digest)),
        };
        let ids = || {
            let id = Value::Struct([id.clone()].into_iter().collect());
            ("imageIds", Value::List(vec![id]))
        };
        if self.located.account != self.function.account {
            let value = request(self.located.account, &self.located.repository, [ids()]);
            cx.call("ecr", "BatchGetImage", value, As::CallerVia(SERVICE))
                .map_err(|why| self.refusal(&why))?;
        }
        let found = match self.call(cx, "BatchGetImage", Some(ids())) {
            Err(why) if is_denied(&why) && self.located.account == self.function.account => {
                self.admit(cx).map_err(|why| self.refusal(&why))?;
                self.call(cx, "BatchGetImage", Some(ids()))
            }
            found => found,
        };
        let found = found.map_err(|why| self.refusal(&why))?;
        let image = found.at(&["images"]).and_then(Value::as_list).and_then(|all| all.first());
        image.cloned().ok_or_else(|| {
            invalid(format!("Source image {} does not exist. Provide a valid source image.", self.uri))
        })
    }

    /// Lets Lambda read the repository, with the rights of whoever asks.
    fn admit(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let on = |more| request(self.located.account, &self.located.repository, more);
        let known = match cx.call("ecr", "GetRepositoryPolicy", on(None), As::CallerVia(SERVICE)) {
            Ok(known) => known.at(&["policyText"]).and_then(Value::as_str).and_then(wire::json::read),
            Err(why) if has_no_policy(&why) => None,
            Err(why) => return Err(why),
        };
        let functions = format!("arn:aws:lambda:{}:{}:function:*", cx.region.name(), cx.account);
        let policy = wire::json::text(&admitting(known, &functions));
        let policy = on(Some(("policyText", Value::Str(policy))));
        cx.call("ecr", "SetRepositoryPolicy", policy, As::CallerVia(SERVICE)).map(drop)
    }

    /// What an image says of itself.
    fn configuration(&self, cx: &mut Cx<'_>, entry: &Entry) -> Result<Value, LambdaError> {
        let layer = Some(("layerDigest", Value::str(&entry.digest)));
        let link = self.call(cx, "GetDownloadUrlForLayer", layer).map_err(|why| self.refusal(&why))?;
        let link = link.at(&["downloadUrl"]).and_then(Value::as_str).unwrap_or_default().to_owned();
        let cloud = Arc::clone(cx.cloud());
        let read = kernel::slow(|| {
            let mut text = String::new();
            pull::open(&cloud, &link)?.take(CONFIGURATION_MAX).read_to_string(&mut text)?;
            Ok::<_, std::io::Error>(text)
        });
        let text = read.map_err(|why| {
            kernel::log::error("an image's configuration cannot be read", &[("problem", &why.to_string())]);
            self.unsupported()
        })?;
        wire::json::read(&text).ok_or_else(|| self.unsupported())
    }

    /// The layers, each with the digest that its content is to have.
    fn layers(&self, entries: &[Entry], configuration: &Value) -> Result<Vec<Packed>, LambdaError> {
        let text = |name| configuration.entry(name).and_then(Value::as_str).unwrap_or_default();
        if text("os") != "linux" {
            return Err(self.unsupported());
        }
        let asked = match text("architecture") {
            "amd64" => "x86_64",
            other => other,
        };
        if asked != architecture() {
            return Err(invalid(format!(
                "The architecture {asked} is not supported: the processor of this machine is {}.",
                architecture()
            )));
        }
        let contents = configuration.entry("rootfs").and_then(|rootfs| rootfs.entry("diff_ids"));
        let contents = words(contents);
        if contents.len() != entries.len() {
            return Err(self.unsupported());
        }
        let packed = |(entry, content): (&Entry, String)| {
            let gzip = ZIPPED.contains(&entry.media_type.as_str());
            match gzip || entry.media_type == PLAIN {
                true => Ok(Packed { digest: entry.digest.clone(), gzip, content }),
                false => Err(self.unsupported()),
            }
        };
        entries.iter().zip(contents).map(packed).collect()
    }
}

/// A list of texts; nothing where there is none.
fn words(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// How the program of an image is started, of its configuration.
fn image(configuration: &Value) -> Image {
    let of = |name| configuration.entry("config").and_then(|config| config.entry(name));
    let pair = |line: String| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    Image {
        entry: words(of("Entrypoint")),
        command: words(of("Cmd")),
        folder: of("WorkingDir").and_then(Value::as_str).unwrap_or_default().to_owned(),
        env: words(of("Env")).into_iter().filter_map(pair).collect(),
        ..Image::default()
    }
}

/// A repository's policy that lets these functions' images be read, beside what it says already.
fn admitting(known: Option<Value>, functions: &str) -> Value {
    let text = |text: &str| Value::str(text);
    let map = |entries: Vec<(&'static str, Value)>| Value::map(entries);
    let actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"].map(text);
    let statement = map(vec![
        ("Sid", text(SID)),
        ("Effect", text("Allow")),
        ("Principal", map(vec![("Service", text(SERVICE))])),
        ("Action", Value::List(actions.into())),
        ("Condition", map(vec![("StringLike", map(vec![("aws:sourceArn", text(functions))]))])),
    ]);
    let entries = match known {
        Some(Value::Map(entries)) => entries,
        _ => vec![("Version".to_owned(), text("2012-10-17")), ("Statement".to_owned(), Value::List(vec![]))],
    };
    let added = |(name, value): (String, Value)| {
        if name != "Statement" {
            return (name, value);
        }
        let mut all = match value {
            Value::List(all) => all,
            one => vec![one],
        };
        all.retain(|one| one.entry("Sid").and_then(Value::as_str) != Some(SID));
        all.push(statement.clone());
        (name, Value::List(all))
    };
    Value::Map(entries.into_iter().map(added).collect())
}

#[cfg(test)]
mod tests {
    use super::{admitting, image};

    #[test]
    fn what_a_policy_says_stays() {
        let known = r#"{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Deny"}}"#;
        let text = wire::json::text(&admitting(wire::json::read(known), "arn:*"));
        let own = r#"{"Sid":"LambdaECRImageRetrievalPolicy","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Condition":{"StringLike":{"aws:sourceArn":"arn:*"}}}"#;
        assert_eq!(
            text,
            format!(r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"a","Effect":"Deny"}},{own}]}}"#)
        );
        let again = admitting(wire::json::read(&text), "arn:*");
        assert_eq!(wire::json::text(&again), text, "it is said once");
        let first = wire::json::text(&admitting(None, "arn:*"));
        assert_eq!(first, format!(r#"{{"Version":"2012-10-17","Statement":[{own}]}}"#));
    }

    #[test]
    fn how_an_image_begins() {
        let text =
            r#"{"config":{"Entrypoint":["/run"],"Cmd":null,"WorkingDir":"/w","Env":["A=b=c","none"]}}"#;
        let read = image(&wire::json::read(text).unwrap());
        assert_eq!((read.entry, read.command, read.folder.as_str()), (vec!["/run".to_owned()], vec![], "/w"));
        assert_eq!(read.env, [("A".to_owned(), "b=c".to_owned())]);
    }
}
