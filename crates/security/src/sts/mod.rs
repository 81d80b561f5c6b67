//! STS: who is calling, and temporary credentials.
//!
//! Credentials are stateless: the session token is a sealed record of the session ([`token`]), read back on each use
//! together with what the role or user may do by then ([`caller`]). So there is nothing to expire, to list or to lose.

pub(crate) mod caller;
pub mod discovery;
pub mod errors;
pub mod issuer;
pub mod jwt;
pub mod key_id;
pub mod ops;
pub mod outbound;
pub mod policies;
pub mod role;
pub mod saml;
pub mod tags;
pub mod token;
pub mod trade_in;

use kernel::Service;

/// STS's operations. Virga has one endpoint for all regions, so its records are those of a global service.
pub static STS: Service = Service {
    id: "sts",
    global: true,
    ops: &[
        ops::identity::OPS,
        ops::assume_role::OPS,
        ops::assume_root::OPS,
        ops::web_identity::OPS,
        ops::identity_token::OPS,
        ops::saml::OPS,
        ops::session_token::OPS,
        ops::federation_token::OPS,
        ops::access_key_info::OPS,
        ops::decode_message::OPS,
        ops::delegated_access::OPS,
    ],
};
