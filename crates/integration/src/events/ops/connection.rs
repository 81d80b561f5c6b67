//! Connections: create, describe, list, change, deauthorize, delete.

use super::page;
use crate::events::access;
use crate::events::connection::{self, CONNECTIONS, Connection, Kind, Parameter, Parameters, Secrets};
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
        invocation: Option<HttpParameters> = "InvocationHttpParameters",
        private: Option<Private> = "ConnectivityParameters",
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
        invocation: Option<HttpParameters> = "InvocationHttpParameters",
    }

    #[derive(Debug)]
    pub(crate) struct ShownBasic { user: String = "Username" }

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
        kind: String = "AuthorizationType",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
        authorized: Option<Timestamp> = "LastAuthorizedTime",
    }
}

const BASIC: &str = "BASIC";
const API_KEY: &str = "API_KEY";

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Basic => BASIC,
        Kind::ApiKey => API_KEY,
    }
}

fn kind(text: &str) -> Result<Kind, EventsError> {
    match text {
        BASIC => Ok(Kind::Basic),
        API_KEY => Ok(Kind::ApiKey),
        other => {
            Err(invalid(format!("Connections of the type {other} are not built in this version of Virga.")))
        }
    }
}

fn state(connection: &Connection) -> &'static str {
    if connection.is_authorized() { "AUTHORIZED" } else { "DEAUTHORIZED" }
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

/// Authorizes a connection by what is given; what is not given stays as it was, unless it was of another type.
fn authorize(
    cx: &Cx<'_>,
    connection: &mut Connection,
    kind: Kind,
    given: AuthParameters,
) -> Result<(), EventsError> {
    let before = connection.secrets(cx.sealer())?;
    let (pair, other, needed) = match kind {
        Kind::Basic => {
            let pair = given.basic.map(|basic| (basic.user, basic.password));
            (pair, given.api_key.is_some(), "BasicAuthParameters")
        }
        Kind::ApiKey => {
            let pair = given.api_key.map(|key| (key.name, key.value));
            (pair, given.basic.is_some(), "ApiKeyAuthParameters")
        }
    };
    let ((user, secret), text) = (pair.unwrap_or_default(), kind_text(kind));
    if other {
        return Err(invalid(format!("Only {needed} can be specified for the authorization type {text}.")));
    }
    let same = before.filter(|_| connection.kind == kind);
    let missing =
        || invalid(format!("Parameter(s) {needed} must be specified for the authorization type {text}."));
    let user = user.or_else(|| same.as_ref().map(|_| connection.user.clone())).ok_or_else(missing)?;
    let secret = secret.or_else(|| same.as_ref().map(|before| before.secret.clone())).ok_or_else(missing)?;
    let parameters = match given.invocation {
        Some(given) => {
            let parameters = parameters(given);
            connection.parameters = Some(parameters.shown());
            parameters
        }
        None => same.map(|before| before.parameters).unwrap_or_default(),
    };
    connection.kind = kind;
    connection.user = user;
    connection.sealed = Some(Secrets { secret, parameters }.seal(cx));
    connection.authorized = Some(cx.now);
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
    let state = state(&connection).to_owned();
    Ok(Created { arn: connection.arn(), state, created: cx.now, modified: cx.now })
}

fn update(cx: &mut Cx<'_>, req: UpdateConnection) -> Result<Changed, EventsError> {
    refuse(req.private.as_ref(), req.key.as_ref(), req.given.as_ref())?;
    let mut connection = connection::own(cx, &req.name)?;
    let wanted = req.kind.as_deref().map(kind).transpose()?.unwrap_or(connection.kind);
    let none = || AuthParameters { basic: None, api_key: None, invocation: None, private: None };
    if req.given.is_some() || wanted != connection.kind {
        authorize(cx, &mut connection, wanted, req.given.unwrap_or_else(none))?;
    }
    connection.description = req.description.or(connection.description);
    connection.modified = cx.now;
    connection.save(cx.tx);
    Ok(changed(&connection, state(&connection)))
}

fn describe(cx: &mut Cx<'_>, req: OneConnection) -> Result<Described, EventsError> {
    let connection = connection::own(cx, &req.name)?;
    let user = connection.user.clone();
    let (basic, api_key) = match connection.kind {
        Kind::Basic => (Some(ShownBasic { user }), None),
        Kind::ApiKey => (None, Some(ShownKey { name: user })),
    };
    let invocation = connection.parameters.clone().map(shown_parameters);
    Ok(Described {
        arn: connection.arn(),
        state: state(&connection).to_owned(),
        kind: kind_text(connection.kind).to_owned(),
        parameters: connection.is_authorized().then_some(Shown { basic, api_key, invocation }),
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
        |connection: &Connection| req.state.as_deref().is_none_or(|wanted| wanted == state(connection));
    let (found, token) = page(cx, &CONNECTIONS, (&all, &list), req.token.as_deref(), req.limit, wanted)?;
    let listed = |connection: Connection| Listed {
        arn: connection.arn(),
        state: state(&connection).to_owned(),
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
    connection.modified = cx.now;
    connection.save(cx.tx);
    Ok(changed(&connection, "DEAUTHORIZING"))
}

fn delete(cx: &mut Cx<'_>, req: OneConnection) -> Result<Changed, EventsError> {
    let connection = connection::own(cx, &req.name)?;
    CONNECTIONS.delete(cx.tx, &Connection::key(connection.home(), &connection.name));
    Ok(changed(&connection, "DELETING"))
}
