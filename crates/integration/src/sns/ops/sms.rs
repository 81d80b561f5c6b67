//! Text messages: what an account says about them, and the numbers that want none.

use super::page;
use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{OPTED_OUT, OptedOut, TEXT_SETTINGS};
use crate::sns::text::{self, KIND, SENDER};
use kernel::{Cx, Empty};
use store::Key;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    SetSMSAttributes: set, "sns:SetSMSAttributes", access::any;
    GetSMSAttributes: get, "sns:GetSMSAttributes", access::any;
    CheckIfPhoneNumberIsOptedOut: check, "sns:CheckIfPhoneNumberIsOptedOut", access::any;
    ListPhoneNumbersOptedOut: list, "sns:ListPhoneNumbersOptedOut", access::any;
    OptInPhoneNumber: opt_in, "sns:OptInPhoneNumber", access::any;
}

const SENDER_CHARS_MAX: usize = 11;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct SetAttributes { attributes: Pairs<String> = "attributes" }

    #[derive(Debug)]
    pub(crate) struct GetAttributes { names: Vec<String> = "attributes" }

    #[derive(Debug)]
    pub(crate) struct Attributes { attributes: Pairs<String> = "attributes" }

    #[derive(Debug)]
    pub(crate) struct OneNumber { number: String = "phoneNumber" }

    #[derive(Debug)]
    pub(crate) struct Checked { is_opted_out: bool = "isOptedOut" }

    #[derive(Debug)]
    pub(crate) struct ListNumbers { token: Option<String> = "nextToken" }

    #[derive(Debug)]
    pub(crate) struct Numbers {
        numbers: Vec<String> = "phoneNumbers",
        token: Option<String> = "nextToken",
    }
}

/// AWS: up to eleven letters and digits, with a letter among them.
fn is_sender(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=SENDER_CHARS_MAX).contains(&text.len())
        && text.bytes().all(good)
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

fn set(cx: &mut Cx<'_>, req: SetAttributes) -> Result<Empty, SnsError> {
    let key = text::settings_key(cx.account, cx.region);
    let mut settings = TEXT_SETTINGS.get(cx.tx, &key)?.unwrap_or_default();
    for (name, text) in req.attributes.0 {
        match name.as_str() {
            // AWS: an empty text takes a setting back, of whichever kind it is.
            SENDER
            | KIND
            | "DeliveryStatusIAMRole"
            | "DeliveryStatusSuccessSamplingRate"
            | "MonthlySpendLimit"
            | "UsageReportS3Bucket"
                if text.is_empty() => {}
            SENDER if is_sender(&text) => {}
            KIND if matches!(text.as_str(), "Promotional" | "Transactional") => {}
            SENDER | KIND => return Err(invalid(format!("{name} is invalid"))),
            "DeliveryStatusIAMRole" | "DeliveryStatusSuccessSamplingRate" => {
                return Err(SnsError::NotBuilt("Delivery status logging".into()));
            }
            "MonthlySpendLimit" => {
                return Err(SnsError::NotBuilt("A limit of what text messages cost".into()));
            }
            "UsageReportS3Bucket" => return Err(SnsError::NotBuilt("Usage reports of text messages".into())),
            _ => return Err(invalid(format!("{name} is not a valid attribute"))),
        }
        settings.attributes.insert(name, text);
    }
    settings.attributes.retain(|_, text| !text.is_empty());
    TEXT_SETTINGS.put(cx.tx, &key, &settings);
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: GetAttributes) -> Result<Attributes, SnsError> {
    let settings = TEXT_SETTINGS.get(cx.tx, &text::settings_key(cx.account, cx.region))?.unwrap_or_default();
    let wanted = |name: &String| req.names.is_empty() || req.names.contains(name);
    let some = settings.attributes.into_iter().filter(|(name, _)| wanted(name));
    Ok(Attributes { attributes: Pairs(some.collect()) })
}

fn check(cx: &mut Cx<'_>, req: OneNumber) -> Result<Checked, SnsError> {
    let number = text::number(&req.number)?;
    let key = text::opted_out_key(cx.account, cx.region, number);
    Ok(Checked { is_opted_out: OPTED_OUT.contains(cx.tx, &key)? })
}

fn list(cx: &mut Cx<'_>, req: ListNumbers) -> Result<Numbers, SnsError> {
    let all = Key::regional(cx.account, cx.region);
    let name = format!("sns:ListPhoneNumbersOptedOut {} {}", cx.account, cx.region.name());
    let position = |out: &OptedOut| vec![out.number.clone()];
    let (found, token) = page(cx, &OPTED_OUT, &all, (&name, req.token.as_deref()), position)?;
    Ok(Numbers { numbers: found.into_iter().map(|out| out.number).collect(), token })
}

fn opt_in(cx: &mut Cx<'_>, req: OneNumber) -> Result<Empty, SnsError> {
    let number = text::number(&req.number)?;
    OPTED_OUT.delete(cx.tx, &text::opted_out_key(cx.account, cx.region, number));
    Ok(Empty)
}

#[cfg(test)]
mod tests {
    use super::is_sender;

    #[test]
    fn senders() {
        for (text, good) in
            [("Virga", true), ("V1-2", true), ("12345", false), ("a b", false), ("ABCDEFGHIJKL", false)]
        {
            assert_eq!(is_sender(text), good, "{text}");
        }
    }
}
