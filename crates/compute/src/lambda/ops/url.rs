//! Function URLs: made, changed, shown, listed and taken away. What is asked at them is answered in
//! [`crate::lambda::url`].

use super::configuration::found;
use super::page;
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{self, URLS, Url, UrlCors, auth_type};
use crate::lambda::name::Named;
use crate::lambda::policy;
use crate::lambda::url::host;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    CreateFunctionUrlConfig: create, "lambda:CreateFunctionUrlConfig", access::url;
    UpdateFunctionUrlConfig: update, "lambda:UpdateFunctionUrlConfig", access::url;
    GetFunctionUrlConfig: get, "lambda:GetFunctionUrlConfig", access::url;
    DeleteFunctionUrlConfig: delete, "lambda:DeleteFunctionUrlConfig", access::url;
    ListFunctionUrlConfigs: list, "lambda:ListFunctionUrlConfigs", access::function;
}

/// Of an id: lowercase letters and digits.
const ID_CHARS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const ID_LENGTH: usize = 32;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Cors {
        credentials: Option<bool> = "AllowCredentials",
        headers: Option<Vec<String>> = "AllowHeaders",
        methods: Option<Vec<String>> = "AllowMethods",
        origins: Option<Vec<String>> = "AllowOrigins",
        exposed: Option<Vec<String>> = "ExposeHeaders",
        age: Option<u32> = "MaxAge",
    }

    #[derive(Debug)]
    pub(crate) struct CreateUrl {
        name: String = "FunctionName",
        qualifier: Option<String> = "Qualifier",
        auth: String = "AuthType",
        cors: Option<Cors> = "Cors",
        mode: Option<String> = "InvokeMode",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateUrl {
        name: String = "FunctionName",
        qualifier: Option<String> = "Qualifier",
        auth: Option<String> = "AuthType",
        cors: Option<Cors> = "Cors",
        mode: Option<String> = "InvokeMode",
    }

    #[derive(Debug)]
    pub(crate) struct OneUrl {
        name: String = "FunctionName",
        qualifier: Option<String> = "Qualifier",
    }

    #[derive(Debug)]
    pub(crate) struct ListUrls {
        name: String = "FunctionName",
        marker: Option<String> = "Marker",
        most: Option<u32> = "MaxItems",
    }

    #[derive(Debug)]
    pub(crate) struct Urls {
        urls: Vec<Changed> = "FunctionUrlConfigs",
        marker: Option<String> = "NextMarker",
    }

    #[derive(Debug)]
    pub(crate) struct Created {
        url: String = "FunctionUrl",
        function: String = "FunctionArn",
        auth: String = "AuthType",
        cors: Option<Cors> = "Cors",
        created: String = "CreationTime",
        mode: String = "InvokeMode",
    }

    #[derive(Debug)]
    pub(crate) struct Changed {
        url: String = "FunctionUrl",
        function: String = "FunctionArn",
        auth: String = "AuthType",
        cors: Option<Cors> = "Cors",
        created: String = "CreationTime",
        modified: String = "LastModifiedTime",
        mode: String = "InvokeMode",
    }
}

/// AWS: <https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html>
const METHODS: [&str; 7] = ["GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*"];

impl Cors {
    /// One that says nothing is none.
    ///
    /// # Errors
    /// `InvalidParameterValueException` for what is no method that a URL knows.
    fn kept(self) -> Result<Option<UrlCors>, LambdaError> {
        let mut methods = self.methods.iter().flatten();
        if let Some(other) = methods.find(|method| !METHODS.contains(&method.as_str())) {
            return Err(invalid(format!(
                "The method {other} of AllowMethods is none of {}.",
                METHODS.join(", ")
            )));
        }
        let cors = UrlCors {
            credentials: self.credentials,
            headers: self.headers.unwrap_or_default(),
            methods: self.methods.unwrap_or_default(),
            origins: self.origins.unwrap_or_default(),
            exposed: self.exposed.unwrap_or_default(),
            age: self.age,
        };
        Ok((cors != UrlCors::default()).then_some(cors))
    }

    fn shown(cors: UrlCors) -> Cors {
        let some = |all: Vec<String>| (!all.is_empty()).then_some(all);
        Cors {
            credentials: cors.credentials,
            headers: some(cors.headers),
            methods: some(cors.methods),
            origins: some(cors.origins),
            exposed: some(cors.exposed),
            age: cors.age,
        }
    }
}

fn streams(mode: &str) -> bool {
    mode == "RESPONSE_STREAM"
}

fn shown(cx: &Cx<'_>, url: Url) -> Changed {
    Changed {
        url: host::url(cx.request, &url.id, url.region),
        function: url.named().qualified_arn(),
        auth: url.auth_type().into(),
        cors: url.cors.map(Cors::shown),
        created: url.created.iso8601_millis(),
        modified: url.modified.iso8601_millis(),
        mode: if url.streams { "RESPONSE_STREAM" } else { "BUFFERED" }.into(),
    }
}

fn id(cx: &Cx<'_>) -> String {
    let draw = |byte: &u8| char::from(ID_CHARS[usize::from(*byte) % ID_CHARS.len()]);
    cx.rng().bytes::<ID_LENGTH>().iter().map(draw).collect()
}

fn create(cx: &mut Cx<'_>, req: CreateUrl) -> Result<Created, LambdaError> {
    let named = Named::read(cx, &req.name, req.qualifier.as_deref())?;
    found(cx, &named)?;
    if URLS.contains(cx.tx, &policy::key(&named))? {
        return Err(LambdaError::Conflict(format!(
            "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists for this Lambda function",
            named.qualified_arn()
        )));
    }
    let url = Url {
        id: id(cx),
        account: named.account,
        region: named.region,
        function: named.name,
        alias: named.qualifier,
        is_open: req.auth == auth_type(true),
        streams: req.mode.as_deref().is_some_and(streams),
        cors: req.cors.map(Cors::kept).transpose()?.flatten(),
        created: cx.now,
        modified: cx.now,
    };
    url.put(cx.tx);
    let Changed { url, function, auth, cors, created, mode, .. } = shown(cx, url);
    Ok(Created { url, function, auth, cors, created, mode })
}

fn one(cx: &Cx<'_>, name: &str, qualifier: Option<&str>) -> Result<Url, LambdaError> {
    let named = Named::read(cx, name, qualifier)?;
    let missing = || LambdaError::NotFound("The resource you requested does not exist.".into());
    URLS.get(cx.tx, &policy::key(&named))?.ok_or_else(missing)
}

fn update(cx: &mut Cx<'_>, req: UpdateUrl) -> Result<Changed, LambdaError> {
    let mut url = one(cx, &req.name, req.qualifier.as_deref())?;
    if let Some(auth) = req.auth {
        url.is_open = auth == auth_type(true);
    }
    if let Some(cors) = req.cors {
        url.cors = cors.kept()?;
    }
    if let Some(mode) = req.mode {
        url.streams = streams(&mode);
    }
    url.modified = cx.now;
    url.put(cx.tx);
    Ok(shown(cx, url))
}

fn get(cx: &mut Cx<'_>, req: OneUrl) -> Result<Changed, LambdaError> {
    let url = one(cx, &req.name, req.qualifier.as_deref())?;
    Ok(shown(cx, url))
}

fn delete(cx: &mut Cx<'_>, req: OneUrl) -> Result<Empty, LambdaError> {
    one(cx, &req.name, req.qualifier.as_deref())?.delete(cx.tx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListUrls) -> Result<Urls, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    model::function(cx.tx, &named)?;
    let list = format!("ListFunctionUrlConfigs {}", named.name);
    let (found, marker) = page(cx, &URLS, &named.key(), &list, (req.marker.as_deref(), req.most))?;
    Ok(Urls { urls: found.into_iter().map(|(_, url)| shown(cx, url)).collect(), marker })
}
