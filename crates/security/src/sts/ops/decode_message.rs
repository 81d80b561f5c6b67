//! DecodeAuthorizationMessage.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>

use crate::sts::errors::StsError;
use kernel::Cx;
use kernel::access::any;

kernel::ops! {
    pub static OPS:
        DecodeAuthorizationMessage: decode, "sts:DecodeAuthorizationMessage", any;
}

wire::shape! {
    pub struct Encoded { pub message: String = "EncodedMessage" }

    pub struct Decoded { pub message: String = "DecodedMessage" }
}

fn decode(cx: &mut Cx<'_>, req: Encoded) -> Result<Decoded, StsError> {
    match kernel::decode_authorization_message(cx.sealer(), &req.message) {
        Some(message) => Ok(Decoded { message }),
        None => Err(StsError::InvalidAuthorizationMessage("Message is not valid".into())),
    }
}
