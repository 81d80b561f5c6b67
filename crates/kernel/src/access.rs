//! The authorization step: from an operation and its request to a decision that knows its reasons.
//!
//! A service's `access.rs` says, for each operation, which [`Target`]s it touches; here the global condition keys are
//! added, the evaluator is asked about each target, and a refusal is worded as the service's protocol has it.

use crate::audit::{Decided, last_part};
use crate::context::{self, Facts};
use crate::cx::Cx;
use crate::encoded;
use crate::explain;
use crate::failure::{Failure, Refused, internal_failure};
use crate::identity::{Attached, Caller, ControlLevel, Membership};
use crate::op::Op;
use crate::way::Way;
use auth::policy::{
    self, Cause, Ceiling, Context, Decision, Grant, Layer, Layers, Level, Principal, Request, ResourceMode,
};
use base::AccountId;
use base::tag::Tags;
use wire::model::Protocol;
use wire::{Fault, Struct, Value};

/// Which targets an operation touches, given its request.
pub type AccessFn = fn(&mut Cx<'_>, &Struct) -> Result<Vec<Target>, Fault>;

/// One thing that an operation wants to do to one resource.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it differs from the operation's own: `iam:PassRole`.
    pub action: Option<&'static str>,
    /// The resource's ARN, or `*` for actions that are about none.
    pub arn: String,
    /// Who owns the resource; the caller's account unless told.
    pub account: Option<AccountId>,
    /// The resource's own policy.
    pub policy: Option<Attached>,
    pub mode: ResourceMode,
    /// A permission beside all policies (KMS).
    pub grant: Option<Grant>,
    /// The resource's tags, for `aws:ResourceTag/*`. `None` where the resource has none or does not exist.
    pub tags: Option<Tags>,
    /// The service's own condition keys.
    pub keys: Vec<(String, Vec<String>)>,
    /// The canonical user id of the caller's account, which S3's policies may name.
    pub canonical_id: Option<String>,
    /// Who asks, where a request proves that otherwise than by its signature (the bearer of a web identity token).
    pub bearer: Option<Principal>,
    /// What is said of a refusal, where its usual words would tell more than the caller may know.
    pub words: Option<String>,
    /// A header of a refusal: S3 tells where a bucket is even to those who may do nothing with it.
    pub header: Option<(&'static str, &'static str)>,
}

impl Target {
    /// A resource that has no policy of its own.
    pub fn on(arn: impl Into<String>) -> Target {
        Target {
            action: None,
            arn: arn.into(),
            account: None,
            policy: None,
            mode: ResourceMode::None,
            grant: None,
            tags: None,
            // Room for those that requests mostly answer.
            keys: Vec::with_capacity(8),
            canonical_id: None,
            bearer: None,
            words: None,
            header: None,
        }
    }

    /// No resource in particular.
    pub fn any() -> Target {
        Target::on("*")
    }

    /// Another action than the operation's own.
    #[must_use]
    pub fn doing(mut self, action: &'static str) -> Target {
        self.action = Some(action);
        self
    }

    #[must_use]
    pub fn owned_by(mut self, account: AccountId) -> Target {
        self.account = Some(account);
        self
    }

    #[must_use]
    pub fn tagged(mut self, tags: Tags) -> Target {
        self.tags = Some(tags);
        self
    }

    #[must_use]
    pub fn guarded(mut self, policy: Attached, mode: ResourceMode) -> Target {
        (self.policy, self.mode) = (Some(policy), mode);
        self
    }

    #[must_use]
    pub fn granted(mut self, grant: Option<Grant>) -> Target {
        self.grant = grant;
        self
    }

    /// On behalf of whoever has proved to be this principal.
    #[must_use]
    pub fn borne_by(mut self, principal: Principal) -> Target {
        self.bearer = Some(principal);
        self
    }

    /// A condition key with one value.
    #[must_use]
    pub fn key(self, name: impl Into<String>, value: impl Into<String>) -> Target {
        self.keys(name, vec![value.into()])
    }

    /// A condition key with any number of values.
    #[must_use]
    pub fn keys(mut self, name: impl Into<String>, values: Vec<String>) -> Target {
        self.keys.push((name.into(), values));
        self
    }
}

/// For operations that every authenticated caller may use (`sts:GetCallerIdentity`).
///
/// # Errors
/// Never.
pub fn open(_: &mut Cx<'_>, _: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(Vec::new())
}

/// For operations that are about no resource in particular.
///
/// # Errors
/// Never.
pub fn any(_: &mut Cx<'_>, _: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![Target::any()])
}

/// Asks for each target; all must be allowed.
///
/// # Errors
/// The refusal in the protocol's words, with the decisions that were made up to it.
pub(crate) fn authorize(
    cx: &mut Cx<'_>,
    op: &Op,
    request: &Value,
    protocol: Protocol,
) -> Result<Vec<Decided>, Refused> {
    let Value::Struct(request) = request else { return Err(internal_failure().into()) };
    let targets = (op.access)(cx, request)?;
    if targets.is_empty() {
        let refused = by_endpoint_alone(cx, op, request).map_err(Fault::from)?;
        if let Some((decided, message)) = refused {
            let fault = refusal(cx.request.service, protocol, message);
            return Err(Refused { fault, decisions: vec![decided] });
        }
    }
    let mut decisions = Vec::with_capacity(targets.len());
    for target in &targets {
        let action = target.action.unwrap_or(op.action);
        let decided =
            decide(cx, action, target, request).map_err(|failure| Refused::from(Fault::from(failure)))?;
        let (decided, message) = decided;
        let allowed = decided.allowed;
        decisions.push(decided);
        if !allowed {
            let message = match protocol {
                Protocol::Ec2Query => {
                    let encoded = encoded::encode(cx, action, target, decisions.last());
                    format!("{message}. Encoded authorization failure message: {encoded}")
                }
                _ => message,
            };
            let fault = refusal(cx.request.service, protocol, message);
            let fault = match target.header {
                Some((name, value)) => fault.header(name, value),
                None => fault,
            };
            return Err(Refused { fault, decisions });
        }
    }
    Ok(decisions)
}

/// Decides about one target without refusing: for dry runs and for operations that list what the caller may see.
///
/// # Errors
/// When the store cannot be read.
pub fn allowed(cx: &Cx<'_>, action: &str, target: &Target, request: &Struct) -> Result<bool, Failure> {
    Ok(decide(cx, action, target, request)?.0.allowed)
}

pub(crate) fn decide(
    cx: &Cx<'_>,
    action: &str,
    target: &Target,
    request: &Struct,
) -> Result<(Decided, String), Failure> {
    let directory = &cx.cloud.directory;
    let owner = target.account.unwrap_or(cx.account);
    let membership = directory.organization(cx.account)?;
    let (controls, owners) = if owner == cx.account {
        (directory.resource_control(owner, action)?, membership.clone())
    } else {
        (directory.resource_control(owner, action)?, directory.organization(owner)?)
    };
    let (source, endpoint) = elsewhere(cx)?;
    let facts = Facts {
        cx,
        request,
        target,
        membership: membership.as_ref(),
        resource_membership: owners.as_ref(),
        source_membership: source.as_ref(),
        way_membership: endpoint.as_ref(),
    };
    let lazy = |key: &str| context::answer(&facts, key);
    let mut context = Context::new();
    context.set_lazy(&lazy);
    let asked = Request {
        principal: target.bearer.as_ref().unwrap_or(&cx.caller.principal),
        action,
        resource: &target.arn,
        resource_account: owner.as_str(),
        canonical_id: target.canonical_id.as_deref(),
        context: &context,
    };
    let held = &cx.caller.policies;
    let identity = views(&held.identity);
    let session = held.session.as_deref().map(views);
    let (service_control, resource_control) = (Levels::of(&held.service_control), Levels::of(&controls));
    let (scp, rcp) = (service_control.views(), resource_control.views());
    let layers = Layers {
        identity: &identity,
        boundary: held.boundary.as_ref().map(view),
        session: session.as_deref(),
        scp: ceiling(&scp),
        rcp: ceiling(&rcp),
        endpoint: way(cx, action).map(|way| view(&way.policy)),
        resource: target.policy.as_ref().map(view),
        mode: target.mode,
        grant: target.grant.as_ref(),
    };
    let mut decision = policy::evaluate(&asked, &layers);
    if decision.cause == Cause::ImplicitDeny(Layer::Resource) && acts_by_itself(cx.caller, target, owner) {
        (decision.allowed, decision.cause) = (true, Cause::Allowed(Layer::Identity));
    }
    let message = match &target.bearer {
        _ if decision.allowed => String::new(),
        // AWS does not say to the bearer of a token for whom it was taken.
        Some(_) => format!("Not authorized to perform {action}"),
        None if let Some(words) = &target.words => words.clone(),
        None if cx.request.service == "s3" => s3_words(cx, &decision, &asked, owner),
        None => decision.denial_message(&asked),
    };
    Ok((record(action, target, &decision), message))
}

/// The places of the account for whose resource a service calls, and of the one whose VPC endpoint the call came through.
fn elsewhere(cx: &Cx<'_>) -> Result<(Option<Membership>, Option<Membership>), Failure> {
    let of = |account: Option<AccountId>| match account {
        Some(account) => cx.cloud.directory.organization(account),
        None => Ok(None),
    };
    let source = of(cx.request.source.as_ref().map(|(_, account)| *account))?;
    Ok((source, of(cx.request.way().map(|way| way.account))?))
}

/// The endpoint whose policy has a say. Passing a role is a permission that is asked for, and no call that could come
/// through anything.
fn way<'a>(cx: &Cx<'a>, action: &str) -> Option<&'a Way> {
    cx.request.way().filter(|_| action != "iam:PassRole")
}

/// What everybody may do: still not through an endpoint whose policy does not allow it.
fn by_endpoint_alone(cx: &Cx<'_>, op: &Op, request: &Struct) -> Result<Option<(Decided, String)>, Failure> {
    let Some(way) = way(cx, op.action) else { return Ok(None) };
    let membership = cx.cloud.directory.organization(cx.account)?;
    let target = Target::any();
    let (source, endpoint) = elsewhere(cx)?;
    let (membership, target) = (membership.as_ref(), &target);
    let facts = Facts {
        cx,
        request,
        target,
        membership,
        resource_membership: membership,
        source_membership: source.as_ref(),
        way_membership: endpoint.as_ref(),
    };
    let lazy = |key: &str| context::answer(&facts, key);
    let mut context = Context::new();
    context.set_lazy(&lazy);
    let asked = Request {
        principal: &cx.caller.principal,
        action: op.action,
        resource: &target.arn,
        resource_account: cx.account.as_str(),
        canonical_id: None,
        context: &context,
    };
    let layers = Layers { endpoint: Some(view(&way.policy)), ..Layers::default() };
    let decision = policy::evaluate(&asked, &layers);
    let refuses =
        matches!(decision.cause, Cause::ExplicitDeny(Layer::Endpoint) | Cause::ImplicitDeny(Layer::Endpoint));
    Ok(refuses.then(|| (record(op.action, target, &decision), decision.denial_message(&asked))))
}

/// S3 gives its reasons to those of the resource's own account and organization alone, and puts the resource in quotes.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html>
fn s3_words(cx: &Cx<'_>, decision: &Decision<'_>, asked: &Request<'_>, owner: AccountId) -> String {
    if cx.caller.principal.account() != Some(owner) {
        return "Access Denied".to_owned();
    }
    let (arn, action, resource) = (asked.principal.arn(), asked.action, asked.resource);
    let why = decision.denial_reason(action);
    format!("User: {arn} is not authorized to perform: {action} on resource: \"{resource}\"{why}")
}

/// A service of the cloud that works within the account for which it was asked to. It has no policies there, and a
/// resource that has none either could never let it in. Where there is a policy, that decides, but for tags of its own;
/// and nothing lifts an explicit deny.
fn acts_by_itself(caller: &Caller, target: &Target, owner: AccountId) -> bool {
    let is_service = matches!(caller.principal, Principal::Service { .. }) && target.bearer.is_none();
    let is_open = target.mode == ResourceMode::None && target.policy.is_none();
    is_service && (is_open || caller.marks) && owner == caller.account
}

fn view(attached: &Attached) -> policy::Attached<'_> {
    policy::Attached { source: &attached.0, policy: &attached.1 }
}

fn views(attached: &[Attached]) -> Vec<policy::Attached<'_>> {
    attached.iter().map(view).collect()
}

/// Control policies, borrowed level by level.
struct Levels<'a>(Vec<(&'a str, Vec<policy::Attached<'a>>)>);

impl<'a> Levels<'a> {
    fn of(levels: &'a [ControlLevel]) -> Levels<'a> {
        Levels(levels.iter().map(|level| (level.target.as_str(), views(&level.policies))).collect())
    }

    fn views(&self) -> Vec<Level<'_>> {
        self.0.iter().map(|(target, policies)| Level { target, policies }).collect()
    }
}

fn ceiling<'a>(levels: &'a [Level<'a>]) -> Ceiling<'a> {
    if levels.is_empty() { Ceiling::None } else { Ceiling::Levels(levels) }
}

fn record(action: &str, target: &Target, decision: &Decision<'_>) -> Decided {
    Decided {
        action: action.to_owned(),
        resource: target.arn.clone(),
        allowed: decision.allowed,
        cause: explain::cause(decision.cause),
        reasons: decision.decisive().map(explain::reason).collect(),
    }
}

/// How a service words a refusal.
fn refusal(service: &str, protocol: Protocol, message: String) -> Fault {
    match (service, protocol) {
        ("sns", _) => Fault::new(403, "AuthorizationError", message),
        // Its clients know the query protocol's status and code.
        ("sqs", Protocol::Json10) => Fault::new(403, "AccessDeniedException", message),
        (_, Protocol::Ec2Query) => Fault::new(
            403,
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation. {message}"),
        ),
        (_, Protocol::Query | Protocol::RestXml) => Fault::new(403, "AccessDenied", message),
        (_, Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor) => {
            Fault::new(400, "AccessDeniedException", message)
        }
        (_, Protocol::RestJson) => Fault::new(403, "AccessDeniedException", message),
    }
}

/// The name by which CloudTrail and `aws:username` know a caller.
pub(crate) fn user_name(caller: &Caller) -> &str {
    match &caller.principal {
        Principal::Root { .. } => "root",
        Principal::User { arn, .. } => last_part(arn),
        Principal::AssumedRole { session_arn, .. } => last_part(session_arn),
        Principal::FederatedUser { arn, .. } => last_part(arn),
        Principal::Service { name } => name,
        Principal::WebIdentity { provider } => provider,
        Principal::Saml { provider_arn } => provider_arn,
        Principal::Anonymous => "anonymous",
    }
}
