//! What ECR refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html> and each operation's page.
    pub enum EcrError {
        Invalid(what: String) = 400, "InvalidParameterException", "{what}";
        InvalidTag(what: String) = 400, "InvalidTagParameterException", "{what}";
        TooManyTags = 400, "TooManyTagsException", "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is 50.";
        RepositoryExists(name: String, registry: String) = 400, "RepositoryAlreadyExistsException", "The repository with name '{name}' already exists in the registry with id '{registry}'";
        NoRepository(name: String, registry: String) = 400, "RepositoryNotFoundException", "The repository with name '{name}' does not exist in the registry with id '{registry}'";
        NotEmpty(name: String, registry: String) = 400, "RepositoryNotEmptyException", "The repository with name '{name}' in registry with id '{registry}' cannot be deleted because it still contains images";
        NoPolicy(name: String, registry: String) = 400, "RepositoryPolicyNotFoundException", "Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry}'";
        NoLifecycle(name: String, registry: String) = 400, "LifecyclePolicyNotFoundException", "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{registry}'";
        NoPreview(name: String, registry: String) = 400, "LifecyclePolicyPreviewNotFoundException", "Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id '{registry}'";
        NoImage(which: String, name: String, registry: String) = 400, "ImageNotFoundException", "The image with imageId {which} does not exist within the repository with name '{name}' in the registry with id '{registry}'";
        ImageExists(digest: String, tag: String, name: String, registry: String) = 400, "ImageAlreadyExistsException", "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in registry with id '{registry}'";
        TagTaken(tag: String, name: String) = 400, "ImageTagAlreadyExistsException", "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable.";
        OtherDigest = 400, "ImageDigestDoesNotMatchException", "The specified digest does not match the digest of the manifest.";
        NoLayers(digests: String, name: String, registry: String) = 400, "LayersNotFoundException", "Layers with digests '[{digests}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist";
        NoLayer(digest: String, name: String, registry: String) = 400, "LayersNotFoundException", "The layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry with id '{registry}'";
        NoReferenced(digests: String, name: String, registry: String) = 400, "ReferencedImagesNotFoundException", "Images with digests '[{digests}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist";
        NoUpload(id: String, name: String, registry: String) = 400, "UploadNotFoundException", "The upload with id '{id}' does not exist in the repository with name '{name}' in the registry with id '{registry}'";
        BadPart(what: String) = 400, "InvalidLayerPartException", "{what}";
        SmallPart = 400, "LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size.";
        EmptyUpload = 400, "EmptyUploadException", "The specified layer upload does not contain any layer parts.";
        BadLayer(what: String) = 400, "InvalidLayerException", "{what}";
        LayerExists(digest: String, name: String, registry: String) = 400, "LayerAlreadyExistsException", "The image layer with digest '{digest}' already exists in the repository with name '{name}' in the registry with id '{registry}'";
        Limit(what: String) = 400, "LimitExceededException", "{what}";
        NotBuilt(what: &'static str) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        Server = 500, "ServerException", "These errors are usually caused by a server-side issue.";
    }
}

impl From<kernel::Failure> for EcrError {
    fn from(_: kernel::Failure) -> EcrError {
        EcrError::Server
    }
}

impl From<store::StoreError> for EcrError {
    fn from(error: store::StoreError) -> EcrError {
        kernel::Failure::from(error).into()
    }
}

impl From<kernel::listing::NoPage> for EcrError {
    fn from(none: kernel::listing::NoPage) -> EcrError {
        match none {
            kernel::listing::NoPage::Token => invalid("nextToken", "The token is not valid"),
            kernel::listing::NoPage::Store(error) => error.into(),
        }
    }
}

impl From<std::io::Error> for EcrError {
    fn from(error: std::io::Error) -> EcrError {
        kernel::log::error("a layer could not be read or written", &[("problem", &error.to_string())]);
        EcrError::Server
    }
}

/// A parameter that does not hold what AWS wants of it, in ECR's words.
pub(super) fn invalid(parameter: &str, why: impl std::fmt::Display) -> EcrError {
    EcrError::Invalid(format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{why}'"))
}

/// How the registry protocol names what the API refuses: a code and a status.
///
/// Specification: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>
pub(super) fn in_registry(code: &str) -> (u16, &'static str) {
    match code {
        "RepositoryNotFoundException" => (404, "NAME_UNKNOWN"),
        "ImageNotFoundException" => (404, "MANIFEST_UNKNOWN"),
        "LayersNotFoundException" => (404, "BLOB_UNKNOWN"),
        "ReferencedImagesNotFoundException" => (404, "MANIFEST_BLOB_UNKNOWN"),
        "UploadNotFoundException" => (404, "BLOB_UPLOAD_UNKNOWN"),
        "InvalidLayerPartException" => (416, "BLOB_UPLOAD_INVALID"),
        "InvalidLayerException" | "EmptyUploadException" | "ImageDigestDoesNotMatchException" => {
            (400, "DIGEST_INVALID")
        }
        "ImageTagAlreadyExistsException" => (400, "TAG_INVALID"),
        "InvalidParameterException" | "ValidationException" => (400, "MANIFEST_INVALID"),
        "LimitExceededException" => (429, "TOOMANYREQUESTS"),
        "AccessDeniedException" => (403, "DENIED"),
        "NotImplemented" => (501, "UNSUPPORTED"),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "ExpiredTokenException" | "ExpiredToken" => {
            (401, "UNAUTHORIZED")
        }
        _ => (500, "UNKNOWN"),
    }
}

/// Whether what a service asks for is not there, or no more.
pub(crate) fn is_gone(fault: &wire::Fault) -> bool {
    matches!(
        fault.code.as_str(),
        "RepositoryNotFoundException" | "ImageNotFoundException" | "LayersNotFoundException"
    )
}

/// Whether a repository has no policy.
pub(crate) fn has_no_policy(fault: &wire::Fault) -> bool {
    fault.code == "RepositoryPolicyNotFoundException"
}

/// Whether the image was pushed before.
pub(super) fn is_image_there(fault: &wire::Fault) -> bool {
    fault.code == "ImageAlreadyExistsException"
}

/// Whether the layer was uploaded before.
pub(super) fn is_layer_there(fault: &wire::Fault) -> bool {
    fault.code == "LayerAlreadyExistsException"
}
