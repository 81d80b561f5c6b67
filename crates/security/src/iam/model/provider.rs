//! Identity providers that roles may trust: OpenID Connect issuers and SAML identity providers.

use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct OidcProvider {
        /// The issuer without its scheme: `token.actions.githubusercontent.com`.
        1 => pub url: String,
        /// Audiences, in the order in which they were added.
        2 => pub client_ids: Vec<String>,
        /// SHA-1 of the certificate at the end of the issuer's chain, in hexadecimal.
        3 => pub thumbprints: Vec<String>,
        4 => pub created: Timestamp,
        5 => pub tags: BTreeMap<String, String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct SamlProvider {
        1 => pub name: String,
        /// The provider's unique id, which `GetSAMLProvider` shows.
        2 => pub uuid: String,
        /// The metadata document, as it was given.
        3 => pub metadata: String,
        /// The issuer that assertions must name.
        4 => pub entity_id: String,
        /// The certificates that may sign assertions: DER in base64, as the metadata has them but without white space.
        5 => pub certificates: Vec<String>,
        6 => pub created: Timestamp,
        7 => pub valid_until: Timestamp,
        8 => pub tags: BTreeMap<String, String>,
    }
}

pub const OIDC_PROVIDERS: Table<OidcProvider> = Table::new(0x0122, "iam/oidc-providers");
pub const SAML_PROVIDERS: Table<SamlProvider> = Table::new(0x0123, "iam/saml-providers");

/// Unlike names, issuers and the names of SAML providers are told apart by case.
pub fn provider_key(account: AccountId, name: &str) -> Key {
    Key::account(account).str(name)
}

impl OidcProvider {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "oidc-provider/", "", &self.url)
    }
}

impl SamlProvider {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "saml-provider/", "", &self.name)
    }
}
