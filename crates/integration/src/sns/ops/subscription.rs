//! Subscriptions: asked for, confirmed, listed and ended.

use super::page;
use crate::sns::access;
use crate::sns::confirming::{self, Handshake};
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{self, ENDPOINTS, FIFO, SUBSCRIPTIONS, Subscription};
use crate::sns::push;
use crate::sns::replay;
use crate::sns::subscribing;
use base::Arn;
use kernel::outbound::Address;
use kernel::{Cx, Empty};
use store::{Direction, Key};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    Subscribe: subscribe, "sns:Subscribe", access::subscribe;
    ConfirmSubscription: confirm, "sns:ConfirmSubscription", access::topic;
    Unsubscribe: unsubscribe, "sns:Unsubscribe", access::subscription;
    ListSubscriptions: list, "sns:ListSubscriptions", access::any;
    ListSubscriptionsByTopic: list_by_topic, "sns:ListSubscriptionsByTopic", access::topic;
}

const PENDING: &str = "pending confirmation";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Subscribe {
        topic: String = "TopicArn",
        protocol: String = "Protocol",
        endpoint: Option<String> = "Endpoint",
        attributes: Pairs<String> = "Attributes",
        wants_arn: Option<bool> = "ReturnSubscriptionArn",
    }

    #[derive(Debug)]
    pub(crate) struct Confirm {
        topic: String = "TopicArn",
        token: String = "Token",
        authenticate: Option<String> = "AuthenticateOnUnsubscribe",
    }

    #[derive(Debug)]
    pub(crate) struct Unsubscribe { arn: String = "SubscriptionArn" }

    #[derive(Debug)]
    pub(crate) struct ListAll { token: Option<String> = "NextToken" }

    #[derive(Debug)]
    pub(crate) struct ListOfTopic {
        topic: String = "TopicArn",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct SubscriptionArn { arn: String = "SubscriptionArn" }

    #[derive(Debug)]
    pub(crate) struct View {
        arn: String = "SubscriptionArn",
        owner: String = "Owner",
        protocol: String = "Protocol",
        endpoint: String = "Endpoint",
        topic: String = "TopicArn",
    }

    #[derive(Debug)]
    pub(crate) struct Subscriptions {
        subscriptions: Vec<View> = "Subscriptions",
        token: Option<String> = "NextToken",
    }
}

fn view(subscription: Subscription) -> View {
    let arn = if subscription.confirmed { subscription.arn() } else { "PendingConfirmation".to_owned() };
    View {
        arn,
        owner: subscription.owner.to_string(),
        topic: subscription.topic_arn(),
        protocol: subscription.protocol,
        endpoint: subscription.endpoint,
    }
}

/// Checks protocol and endpoint; whether the subscription has to be confirmed.
fn check(cx: &Cx<'_>, topic: &model::Topic, protocol: &str, endpoint: &str) -> Result<bool, SnsError> {
    match protocol {
        "sqs" => {
            let is_queue = Arn::parse(endpoint).is_some_and(|arn| arn.service == "sqs");
            if !is_queue {
                return Err(invalid("SQS endpoint ARN"));
            }
            if endpoint.ends_with(FIFO) && !topic.is_fifo() {
                return Err(invalid(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
                ));
            }
            Ok(false)
        }
        other if topic.is_fifo() && matches!(other, "http" | "https" | "email" | "email-json" | "sms" | "lambda" | "application") => Err(
            invalid(format!("Invalid parameter: Protocol Reason: {other} can not be subscribed to a FIFO topic")),
        ),
        "http" | "https" => match Address::read(endpoint).filter(|a| a.is_secure == (protocol == "https")) {
            Some(address) if address.is_loopback() => Ok(true),
            Some(_) => Err(SnsError::NotBuilt("Delivery beyond this machine: an HTTP endpoint on its loopback address is needed, and delivery elsewhere".into())),
            None => Err(invalid("Endpoint must match the specified protocol")),
        },
        "email" | "email-json" if endpoint.contains('@') => Ok(true),
        "email" | "email-json" => Err(invalid("Email address")),
        "sms" => {
            let digits = endpoint.strip_prefix('+').unwrap_or(endpoint).replace('-', "");
            let good = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            if good { Ok(false) } else { Err(invalid(format!("Invalid SMS endpoint: {endpoint}"))) }
        }
        "lambda" => {
            let arn = Arn::parse(endpoint);
            let is_function =
                arn.is_some_and(|arn| arn.service == "lambda" && arn.resource.starts_with("function:"));
            if is_function { Ok(false) } else { Err(invalid("Lambda endpoint ARN")) }
        }
        "application" => {
            let found = push::Place::of_endpoint(endpoint, "Endpoint");
            let Ok((place, id)) = found else { return Err(invalid("Application endpoint arn invalid")) };
            let exists = ENDPOINTS.contains(cx.tx, &place.key().str(&id))?;
            if exists { Ok(false) } else { Err(invalid("Endpoint Reason: Endpoint does not exist for endpoint arn")) }
        }
        "firehose" => Err(SnsError::NotBuilt("Delivery to Firehose".into())),
        other => Err(invalid(format!("Amazon SNS does not support this protocol string: {other}"))),
    }
}

fn subscribe(cx: &mut Cx<'_>, req: Subscribe) -> Result<SubscriptionArn, SnsError> {
    let topic = model::topic(cx, &req.topic)?;
    let endpoint = req.endpoint.unwrap_or_default();
    let asks = check(cx, &topic, &req.protocol, &endpoint)?;
    let mut fresh = Subscription {
        id: base::id::uuid(cx.rng()),
        account: topic.account,
        region: topic.region,
        topic: topic.name.clone(),
        owner: cx.account,
        protocol: req.protocol,
        endpoint,
        confirmed: !asks,
        principal: cx.caller.arn().into_owned(),
        authenticated: !asks,
        ..Subscription::default()
    };
    let within = |error: SnsError| match error {
        SnsError::Invalid(what) if what.starts_with("Filter policy scope") => invalid(what),
        SnsError::Invalid(what) => invalid(format!("Attributes Reason: {what}")),
        other => other,
    };
    for (name, text) in req.attributes.0.iter().filter(|(name, _)| name != "ReplayPolicy") {
        subscribing::set(&mut fresh, name, text).map_err(within)?;
    }
    subscribing::check_filter(&fresh).map_err(within)?;
    subscribing::check_delivery(&fresh).map_err(within)?;
    if let Some(known) = same(cx, &fresh)? {
        let differs = |name: &String| {
            let of = |s: &Subscription| super::subscription_attributes::value(s, name);
            of(&known) != of(&fresh)
        };
        if req.attributes.0.iter().any(|(name, _)| differs(name)) {
            return Err(invalid("Attributes Reason: Subscription already exists with different attributes"));
        }
        if !known.confirmed {
            confirming::ask(cx, &topic, known.clone());
        }
        return Ok(answer(&known, req.wants_arn));
    }
    if let Some((_, text)) = req.attributes.0.iter().find(|(name, _)| name == "ReplayPolicy") {
        replay::set(cx.tx, &topic, &mut fresh, text, cx.now).map_err(within)?;
    }
    let arn = answer(&fresh, req.wants_arn);
    if asks {
        confirming::ask(cx, &topic, fresh);
    } else {
        SUBSCRIPTIONS.put(cx.tx, &fresh.key(), &fresh);
    }
    Ok(arn)
}

/// The subscription of the same endpoint to the same topic, if there is one.
fn same(cx: &Cx<'_>, fresh: &Subscription) -> Result<Option<Subscription>, SnsError> {
    let all = model::topic_key(fresh.account, fresh.region, &fresh.topic);
    for entry in SUBSCRIPTIONS.scan(cx.tx, &all, Direction::Forward) {
        let known = entry?.1;
        if known.protocol == fresh.protocol && known.endpoint == fresh.endpoint {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

fn answer(subscription: &Subscription, wants_arn: Option<bool>) -> SubscriptionArn {
    let shown = subscription.confirmed || wants_arn == Some(true);
    SubscriptionArn { arn: if shown { subscription.arn() } else { PENDING.to_owned() } }
}

fn confirm(cx: &mut Cx<'_>, req: Confirm) -> Result<SubscriptionArn, SnsError> {
    let authenticate = req.authenticate.as_deref() == Some("true");
    let place = model::Place::read(&req.topic, "TopicArn")?;
    let subscription = confirming::confirm(cx.tx, &place, &req.token, cx.now, authenticate)?;
    Ok(SubscriptionArn { arn: subscription.arn() })
}

/// AWS: ending what is not there succeeds.
fn unsubscribe(cx: &mut Cx<'_>, req: Unsubscribe) -> Result<Empty, SnsError> {
    match model::subscription(cx, &req.arn) {
        Ok(subscription) => {
            let handshake = Handshake::new(cx.rng(), cx.now, cx.request.origin());
            confirming::end(cx.tx, &subscription, handshake)?;
        }
        Err(SnsError::NoSubscription) => {}
        Err(error) => return Err(error),
    }
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListAll) -> Result<Subscriptions, SnsError> {
    let prefix = Key::regional(cx.account, cx.region);
    let name = format!("sns:ListSubscriptions {} {}", cx.account, cx.region.name());
    let position = |s: &Subscription| vec![s.topic.clone(), s.id.clone()];
    let asked = (name.as_str(), req.token.as_deref());
    let (found, token) = page(cx, &SUBSCRIPTIONS, &prefix, asked, position)?;
    Ok(Subscriptions { subscriptions: found.into_iter().map(view).collect(), token })
}

fn list_by_topic(cx: &mut Cx<'_>, req: ListOfTopic) -> Result<Subscriptions, SnsError> {
    let topic = model::topic(cx, &req.topic)?;
    let name = format!("sns:ListSubscriptionsByTopic {}", topic.arn());
    let asked = (name.as_str(), req.token.as_deref());
    let (found, token) = page(cx, &SUBSCRIPTIONS, &topic.key(), asked, |s| vec![s.id.clone()])?;
    Ok(Subscriptions { subscriptions: found.into_iter().map(view).collect(), token })
}
