//! What subscribers get: the notification as JSON, signed, or the message as it is.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html> and
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html>

use super::model::{Attribute, Delivery};
use super::signing::Signer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Value;

/// AWS's sequence numbers have twenty digits.
const NUMBER_BASE: u128 = 10_000_000_000_000_000_000;

pub(crate) fn number_text(number: u64) -> String {
    (NUMBER_BASE + u128::from(number)).to_string()
}

fn quoted(text: &str) -> String {
    wire::json::text(&Value::str(text))
}

/// The members of a document in AWS's layout.
#[derive(Default)]
struct Document(Vec<String>);

impl Document {
    fn text(&mut self, name: &str, value: &str) {
        self.0.push(format!("  \"{name}\" : {}", quoted(value)));
    }

    fn written(self) -> String {
        format!("{{\n{}\n}}", self.0.join(",\n"))
    }
}

pub(crate) fn value_text(attribute: &Attribute) -> String {
    match (&attribute.text, &attribute.binary) {
        (Some(text), _) => text.clone(),
        (None, binary) => STANDARD.encode(binary.as_deref().unwrap_or_default()),
    }
}

/// The link that confirms a subscription.
pub(crate) fn confirm_url(delivery: &Delivery, token: &str) -> String {
    let (origin, arn) = (&delivery.origin, delivery.topic_arn());
    format!("{origin}/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}")
}

/// Where the certificate is, of which AWS's validators take what comes by TLS only.
fn certificate_url(delivery: &Delivery, signer: &Signer) -> String {
    let host = delivery.origin.split_once("://").map_or(delivery.origin.as_str(), |(_, host)| host);
    format!("https://{host}{}", signer.path())
}

fn unsubscribe_url(delivery: &Delivery) -> String {
    format!("{}/?Action=Unsubscribe&SubscriptionArn={}", delivery.origin, delivery.subscription_arn())
}

/// What a function gets. AWS: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
pub(crate) fn event(delivery: &Delivery, signer: &Signer) -> String {
    let mut notification = match wire::json::read(&document(delivery, signer)) {
        Some(Value::Map(members)) => members,
        _ => Vec::new(),
    };
    for (name, _) in &mut notification {
        // Only here the names end in lower case.
        if let Some(start) = name.strip_suffix("URL") {
            *name = format!("{start}Url");
        }
    }
    for (name, empty) in [("Subject", Value::Null), ("MessageAttributes", Value::Map(Vec::new()))] {
        if notification.iter().all(|(own, _)| own != name) {
            notification.push((name.to_owned(), empty));
        }
    }
    let record = [
        ("EventSource", Value::str("aws:sns")),
        ("EventVersion", Value::str("1.0")),
        ("EventSubscriptionArn", Value::Str(delivery.subscription_arn())),
        ("Sns", Value::Map(notification)),
    ];
    let map =
        |all: Vec<(&str, Value)>| Value::Map(all.into_iter().map(|(name, v)| (name.to_owned(), v)).collect());
    wire::json::text(&map(vec![("Records", Value::List(vec![map(record.into())]))]))
}

/// What is signed: names and values in turn, a line each, in the order of the names.
fn signed(members: &[(&str, &str)]) -> String {
    members.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect()
}

/// What a message is, in its body and its header.
pub(crate) fn kind(delivery: &Delivery) -> &'static str {
    match delivery.token {
        Some(_) if delivery.ends => "UnsubscribeConfirmation",
        Some(_) => "SubscriptionConfirmation",
        None => "Notification",
    }
}

/// What is said beside a token.
fn words(delivery: &Delivery) -> String {
    if delivery.ends {
        return format!(
            "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
            delivery.subscription_arn()
        );
    }
    format!(
        "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
        delivery.topic_arn()
    )
}

/// The document of a notification, or of the request to confirm or to restore a subscription.
pub(crate) fn document(delivery: &Delivery, signer: &Signer) -> String {
    let (topic, time) = (delivery.topic_arn(), delivery.time.iso8601_millis());
    let mut out = Document::default();
    let confirm = delivery.token.as_deref().map(|token| (token, confirm_url(delivery, token)));
    let kind = kind(delivery);
    let words = if confirm.is_some() { words(delivery) } else { delivery.message.clone() };
    out.text("Type", kind);
    out.text("MessageId", &delivery.message_id);
    if let Some(number) = delivery.number {
        out.text("SequenceNumber", &number_text(number));
    }
    if let Some((token, _)) = &confirm {
        out.text("Token", token);
    }
    out.text("TopicArn", &topic);
    if let Some(subject) = &delivery.subject {
        out.text("Subject", subject);
    }
    out.text("Message", &words);
    if let Some((_, url)) = &confirm {
        out.text("SubscribeURL", url);
    }
    out.text("Timestamp", &time);
    // As recorded: what comes from a FIFO topic is not signed.
    if delivery.number.is_none() {
        let mut members = vec![("Message", words.as_str()), ("MessageId", delivery.message_id.as_str())];
        match &confirm {
            Some((token, url)) => {
                members.extend([
                    ("SubscribeURL", url.as_str()),
                    ("Timestamp", time.as_str()),
                    ("Token", *token),
                ]);
            }
            None => {
                members.extend(delivery.subject.as_deref().map(|subject| ("Subject", subject)));
                members.push(("Timestamp", time.as_str()));
            }
        }
        members.extend([("TopicArn", topic.as_str()), ("Type", kind)]);
        let version = delivery.signature_version.max(1);
        out.text("SignatureVersion", &version.to_string());
        out.text("Signature", &signer.sign(signed(&members).as_bytes(), version));
        out.text("SigningCertURL", &certificate_url(delivery, signer));
    }
    if confirm.is_none() {
        out.text("UnsubscribeURL", &unsubscribe_url(delivery));
    }
    if delivery.replayed {
        out.text("Replayed", "true");
    }
    if !delivery.attributes.is_empty() {
        let attribute = |(name, attribute): (&String, &Attribute)| {
            let (kind, value) = (quoted(&attribute.data_type), quoted(&value_text(attribute)));
            format!("    {} : {{\"Type\":{kind},\"Value\":{value}}}", quoted(name))
        };
        let all: Vec<String> = delivery.attributes.iter().map(attribute).collect();
        out.0.push(format!("  \"MessageAttributes\" : {{\n{}\n  }}", all.join(",\n")));
    }
    out.written()
}
