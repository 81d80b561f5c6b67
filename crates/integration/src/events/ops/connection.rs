//! Connections: create, describe, list, change, deauthorize, delete.

use super::destination::check_endpoint;
use super::page;
use crate::events::access;
use crate::events::connection::{self, CONNECTIONS, Connection, Kind, OAuth, Parameter, Parameters, Secrets};
use crate::events::errors::{EventsError, invalid};
use base::Timestamp;
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    CreateConnection: create, "events:CreateConnection", access::connection;
    DescribeConnection: describe, "events:DescribeConnection", access::connection;
    ListConnections: list, "events:ListConnections", access::any;
    UpdateConnection: update, "events:UpdateConnection", access::connection;
    DeauthorizeConnection: deauthorize, "events:DeauthorizeConnection", access::connection;
    DeleteConnection: delete, "events:DeleteConnection", access::connection;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const CONNECTIONS_MAX: usize = 3_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateConnection {
        name: String = "Name",
        description: Option<String> = "Description",
        kind: String = "AuthorizationType",
        given: AuthParameters = "AuthParameters",
        private: Option<Private> = "InvocationConnectivityParameters",
        key: Option<String> = "KmsKeyIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateConnection {
        name: String = "Name",
        description: Option<String> = "Description",
        kind: Option<String> = "AuthorizationType",
        given: Option<AuthParameters> = "AuthParameters",
        private: Option<Private> = "InvocationConnectivityParameters",
        key: Option<String> = "KmsKeyIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct AuthParameters {
        basic: Option<Basic> = "BasicAuthParameters",
        api_key: Option<ApiKey> = "ApiKeyAuthParameters",
        oauth: Option<OAuthParameters> = "OAuthParameters",
        invocation: Option<HttpParameters> = "InvocationHttpParameters",
        private: Option<Private> = "ConnectivityParameters",
    }

    #[derive(Debug)]
    pub(crate) struct OAuthParameters {
        client: Option<Client> = "ClientParameters",
        endpoint: Option<String> = "AuthorizationEndpoint",
        method: Option<String> = "HttpMethod",
        http: Option<HttpParameters> = "OAuthHttpParameters",
    }

    #[derive(Debug)]
    pub(crate) struct Client {
        id: Option<String> = "ClientID",
        secret: Option<String> = "ClientSecret",
    }

    #[derive(Debug)]
    pub(crate) struct Basic {
        user: Option<String> = "Username",
        password: Option<String> = "Password",
    }

    #[derive(Debug)]
    pub(crate) struct ApiKey {
        name: Option<String> = "ApiKeyName",
        value: Option<String> = "ApiKeyValue",
    }

    /// Who gives one is told that it is not built.
    #[derive(Debug)]
    pub(crate) struct Private { resource: Option<Resource> = "ResourceParameters" }

    #[derive(Debug)]
    pub(crate) struct Resource { arn: Option<String> = "ResourceConfigurationArn" }

    #[derive(Debug)]
    pub(crate) struct HttpParameters {
        headers: Option<Vec<One>> = "HeaderParameters",
        query: Option<Vec<One>> = "QueryStringParameters",
        body: Option<Vec<One>> = "BodyParameters",
    }

    #[derive(Debug)]
    pub(crate) struct One {
        key: Option<String> = "Key",
        value: Option<String> = "Value",
        is_secret: Option<bool> = "IsValueSecret",
    }

    #[derive(Debug)]
    pub(crate) struct Changed {
        arn: String = "ConnectionArn",
        state: String = "ConnectionState",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
        authorized: Option<Timestamp> = "LastAuthorizedTime",
    }

    #[derive(Debug)]
    pub(crate) struct Created {
        arn: String = "ConnectionArn",
        state: String = "ConnectionState",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
    }

    #[derive(Debug)]
    pub(crate) struct OneConnection { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct Described {
        arn: String = "ConnectionArn",
        name: String = "Name",
        description: Option<String> = "Description",
        state: String = "ConnectionState",
        reason: Option<String> = "StateReason",
        kind: String = "AuthorizationType",
        parameters: Option<Shown> = "AuthParameters",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
        authorized: Option<Timestamp> = "LastAuthorizedTime",
    }

    #[derive(Debug)]
    pub(crate) struct Shown {
        basic: Option<ShownBasic> = "BasicAuthParameters",
        api_key: Option<ShownKey> = "ApiKeyAuthParameters",
        oauth: Option<ShownOAuth> = "OAuthParameters",
        invocation: Option<HttpParameters> = "InvocationHttpParameters",
    }

    #[derive(Debug)]
    pub(crate) struct ShownBasic { user: String = "Username" }

    #[derive(Debug)]
    pub(crate) struct ShownOAuth {
        client: ShownClient = "ClientParameters",
        endpoint: String = "AuthorizationEndpoint",
        method: String = "HttpMethod",
        http: Option<HttpParameters> = "OAuthHttpParameters",
    }

    #[derive(Debug)]
    pub(crate) struct ShownClient { id: String = "ClientID" }

    #[derive(Debug)]
    pub(crate) struct ShownKey { name: String = "ApiKeyName" }

    #[derive(Debug)]
    pub(crate) struct ListConnections {
        prefix: Option<String> = "NamePrefix",
        state: Option<String> = "ConnectionState",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Connections {
        connections: Vec<Listed> = "Connections",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        arn: String = "ConnectionArn",
        name: String = "Name",
        state: String = "ConnectionState",
        reason: Option<String> = "StateReason",
        kind: String = "AuthorizationType",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
        authorized: Option<Timestamp> = "LastAuthorizedTime",
    }
}

const BASIC: &str = "BASIC";
const API_KEY: &str = "API_KEY";
const OAUTH: &str = "OAUTH_CLIENT_CREDENTIALS";

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Basic => BASIC,
        Kind::ApiKey => API_KEY,
        Kind::OAuth => OAUTH,
    }
}

fn kind(text: &str) -> Result<Kind, EventsError> {
    match text {
        BASIC => Ok(Kind::Basic),
        API_KEY => Ok(Kind::ApiKey),
        OAUTH => Ok(Kind::OAuth),
        other => {
            Err(invalid(format!("Connections of the type {other} are not built in this version of Virga.")))
        }
    }
}

fn reason(connection: &Connection) -> Option<String> {
    connection.oauth.as_ref()?.refused.clone()
}

fn refuse(
    private: Option<&Private>,
    key: Option<&String>,
    given: Option<&AuthParameters>,
) -> Result<(), EventsError> {
    if key.is_some() {
        return Err(invalid("Encryption of connections with keys of one's own is not built."));
    }
    if private.is_some() || given.is_some_and(|given| given.private.is_some()) {
        return Err(invalid("Connections to private endpoints are not built in this version of Virga."));
    }
    Ok(())
}

fn parameters(given: HttpParameters) -> Parameters {
    let list = |all: Option<Vec<One>>| {
        let one = |one: One| Parameter {
            key: one.key.unwrap_or_default(),
            value: Some(one.value.unwrap_or_default()),
            is_secret: one.is_secret == Some(true),
        };
        all.map(|all| all.into_iter().map(one).collect())
    };
    Parameters { headers: list(given.headers), query: list(given.query), body: list(given.body) }
}

fn shown_parameters(kept: Parameters) -> HttpParameters {
    let list = |all: Option<Vec<Parameter>>| {
        let one =
            |one: Parameter| One { key: Some(one.key), value: one.value, is_secret: Some(one.is_secret) };
        all.map(|all| all.into_iter().map(one).collect())
    };
    HttpParameters { headers: list(kept.headers), query: list(kept.query), body: list(kept.body) }
}

/// Who it is, the secret that shows it, and which other parameters were given.
type Pair = (Option<String>, Option<String>);

/// The pair of the type's own parameters, and whether others were given.
fn pair(kind: Kind, given: &mut AuthParameters) -> (Option<Pair>, bool, &'static str) {
    let basic = given.basic.take().map(|basic| (basic.user, basic.password));
    let key = given.api_key.take().map(|key| (key.name, key.value));
    let has_oauth = given.oauth.is_some();
    match kind {
        Kind::Basic => {
            let others = key.is_some() || has_oauth;
            (basic, others, "BasicAuthParameters")
        }
        Kind::ApiKey => {
            let others = basic.is_some() || has_oauth;
            (key, others, "ApiKeyAuthParameters")
        }
        Kind::OAuth => {
            let client = given.oauth.as_mut().and_then(|oauth| oauth.client.take());
            let client = client.map(|client| (client.id, client.secret));
            (client, basic.is_some() || key.is_some(), "OAuthParameters")
        }
    }
}

/// Whom it asks for tokens, by what is given and what it was; and what goes with that.
fn oauth(
    given: Option<OAuthParameters>,
    before: Option<OAuth>,
    kept: Option<Parameters>,
) -> Result<(OAuth, Option<Parameters>), EventsError> {
    let (endpoint, method, http) =
        given.map_or((None, None, None), |given| (given.endpoint, given.method, given.http));
    let missing = || {
        invalid(format!("Parameter(s) OAuthParameters must be specified for the authorization type {OAUTH}."))
    };
    let mut oauth = before.unwrap_or_default();
    oauth.endpoint = endpoint.or(Some(oauth.endpoint).filter(|text| !text.is_empty())).ok_or_else(missing)?;
    oauth.method = method.or(Some(oauth.method).filter(|text| !text.is_empty())).ok_or_else(missing)?;
    check_endpoint("AuthorizationEndpoint", &oauth.endpoint)?;
    let parameters = match http {
        Some(given) => {
            let parameters = parameters(given);
            oauth.parameters = Some(parameters.shown());
            Some(parameters)
        }
        None => kept,
    };
    (oauth.waits, oauth.refused) = (true, None);
    Ok((oauth, parameters))
}

/// Authorizes a connection by what is given; what is not given stays as it was, unless it was of another type.
fn authorize(
    cx: &Cx<'_>,
    connection: &mut Connection,
    kind: Kind,
    mut given: AuthParameters,
) -> Result<(), EventsError> {
    let before = connection.secrets(cx.sealer())?;
    let (pair, others, needed) = pair(kind, &mut given);
    let ((user, secret), text) = (pair.unwrap_or_default(), kind_text(kind));
    if others {
        return Err(invalid(format!("Only {needed} can be specified for the authorization type {text}.")));
    }
    let same = before.filter(|_| connection.kind == kind);
    let missing =
        || invalid(format!("Parameter(s) {needed} must be specified for the authorization type {text}."));
    let user = user.or_else(|| same.as_ref().map(|_| connection.user.clone())).ok_or_else(missing)?;
    let secret = secret.or_else(|| same.as_ref().map(|before| before.secret.clone())).ok_or_else(missing)?;
    let (kept, kept_oauth) = same.map(|before| (before.parameters, before.oauth)).unwrap_or_default();
    let before = connection.oauth.take().filter(|_| connection.kind == kind);
    let mut oauth_parameters = None;
    if kind == Kind::OAuth {
        let (oauth, parameters) = oauth(given.oauth.take(), before, kept_oauth)?;
        (connection.oauth, oauth_parameters) = (Some(oauth), parameters);
    }
    let parameters = match given.invocation {
        Some(given) => {
            let parameters = parameters(given);
            connection.parameters = Some(parameters.shown());
            parameters
        }
        None => kept,
    };
    connection.kind = kind;
    connection.user = user;
    connection.sealed = Some(Secrets { secret, parameters, oauth: oauth_parameters }.seal(cx));
    // Of OAuth once there is a token.
    if kind != Kind::OAuth {
        connection.authorized = Some(cx.now);
    }
    Ok(())
}

fn changed(connection: &Connection, state: &str) -> Changed {
    Changed {
        arn: connection.arn(),
        state: state.to_owned(),
        created: connection.created,
        modified: connection.modified,
        authorized: connection.authorized,
    }
}

fn create(cx: &mut Cx<'_>, req: CreateConnection) -> Result<Created, EventsError> {
    refuse(req.private.as_ref(), req.key.as_ref(), Some(&req.given))?;
    let home = (cx.account, cx.region);
    if CONNECTIONS.contains(cx.tx, &Connection::key(home, &req.name))? {
        return Err(EventsError::ConnectionExists(req.name));
    }
    if !cx.has_room(&CONNECTIONS, &Key::regional(cx.account, cx.region), CONNECTIONS_MAX)? {
        return Err(EventsError::Limit);
    }
    let mut connection = Connection {
        account: cx.account,
        region: cx.region,
        name: req.name,
        id: base::id::uuid(cx.rng()),
        description: req.description,
        created: cx.now,
        modified: cx.now,
        ..Connection::default()
    };
    authorize(cx, &mut connection, kind(&req.kind)?, req.given)?;
    connection.save(cx.tx);
    let state = connection.state().to_owned();
    Ok(Created { arn: connection.arn(), state, created: cx.now, modified: cx.now })
}

fn update(cx: &mut Cx<'_>, req: UpdateConnection) -> Result<Changed, EventsError> {
    refuse(req.private.as_ref(), req.key.as_ref(), req.given.as_ref())?;
    let mut connection = connection::own(cx, &req.name)?;
    let wanted = req.kind.as_deref().map(kind).transpose()?.unwrap_or(connection.kind);
    let none = || AuthParameters { basic: None, api_key: None, oauth: None, invocation: None, private: None };
    if req.given.is_some() || wanted != connection.kind {
        authorize(cx, &mut connection, wanted, req.given.unwrap_or_else(none))?;
    }
    connection.description = req.description.or(connection.description);
    connection.modified = cx.now;
    connection.save(cx.tx);
    Ok(changed(&connection, connection.state()))
}

fn describe(cx: &mut Cx<'_>, req: OneConnection) -> Result<Described, EventsError> {
    let connection = connection::own(cx, &req.name)?;
    let user = connection.user.clone();
    let mut shown = Shown { basic: None, api_key: None, oauth: None, invocation: None };
    match connection.kind {
        Kind::Basic => shown.basic = Some(ShownBasic { user }),
        Kind::ApiKey => shown.api_key = Some(ShownKey { name: user }),
        Kind::OAuth => {
            shown.oauth = connection.oauth.clone().map(|oauth| ShownOAuth {
                client: ShownClient { id: user },
                endpoint: oauth.endpoint,
                method: oauth.method,
                http: oauth.parameters.map(shown_parameters),
            });
        }
    }
    shown.invocation = connection.parameters.clone().map(shown_parameters);
    Ok(Described {
        arn: connection.arn(),
        state: connection.state().to_owned(),
        kind: kind_text(connection.kind).to_owned(),
        reason: reason(&connection),
        parameters: connection.sealed.is_some().then_some(shown),
        name: connection.name,
        description: connection.description,
        created: connection.created,
        modified: connection.modified,
        authorized: connection.authorized,
    })
}

fn list(cx: &mut Cx<'_>, req: ListConnections) -> Result<Connections, EventsError> {
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListConnections {prefix} {:?}", req.state);
    let wanted =
        |connection: &Connection| req.state.as_deref().is_none_or(|wanted| wanted == connection.state());
    let (found, token) = page(cx, &CONNECTIONS, (&all, &list), req.token.as_deref(), req.limit, wanted)?;
    let listed = |connection: Connection| Listed {
        arn: connection.arn(),
        state: connection.state().to_owned(),
        reason: reason(&connection),
        kind: kind_text(connection.kind).to_owned(),
        name: connection.name,
        created: connection.created,
        modified: connection.modified,
        authorized: connection.authorized,
    };
    Ok(Connections { connections: found.into_iter().map(listed).collect(), token })
}

/// AWS: all that authorizes goes, so that the connection can be authorized anew.
fn deauthorize(cx: &mut Cx<'_>, req: OneConnection) -> Result<Changed, EventsError> {
    let mut connection = connection::own(cx, &req.name)?;
    connection.sealed = None;
    connection.user = String::new();
    connection.parameters = None;
    connection.oauth = None;
    connection.modified = cx.now;
    connection.save(cx.tx);
    Ok(changed(&connection, "DEAUTHORIZING"))
}

fn delete(cx: &mut Cx<'_>, req: OneConnection) -> Result<Changed, EventsError> {
    let connection = connection::own(cx, &req.name)?;
    CONNECTIONS.delete(cx.tx, &Connection::key(connection.home(), &connection.name));
    Ok(changed(&connection, "DELETING"))
}
