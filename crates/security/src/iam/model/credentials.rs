//! Credentials of a user beside its access keys. Those that belong to one user have the key `account · user id · id`,
//! so that a user keeps them when it is renamed.

use base::tag::Tags;
use base::{AccountId, Timestamp};
use store::{Key, Table};

store::record! {
    /// A console password. Key: account, user id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct LoginProfile {
        1 => pub created: Timestamp,
        2 => pub changed: Timestamp,
        3 => pub reset_required: bool,
        /// PBKDF2-HMAC-SHA256; see `iam::password`.
        4 => pub hash: Vec<u8>,
        5 => pub salt: Vec<u8>,
        6 => pub iterations: u32,
        /// Hashes of earlier passwords under the same salt, latest first, at most as many as a policy can ask for.
        7 => pub earlier: Vec<Vec<u8>>,
    }

    /// A virtual MFA device. Key: account, serial number.
    #[derive(Clone, PartialEq, Debug)]
    pub struct MfaDevice {
        /// Its ARN.
        1 => pub serial: String,
        /// Sealed under the master key for the purpose `iam/mfa-seed`.
        2 => pub sealed_seed: Vec<u8>,
        3 => pub created: Timestamp,
        4 => pub tags: Tags,
        /// The user that has it. `None` while nobody has, and for root's.
        5 => pub user: Option<String>,
        6 => pub enabled: Option<Timestamp>,
        /// The last step of thirty seconds whose code was used; no code is good twice.
        7 => pub last_step: u64,
        /// By how many steps the device's clock differs, as the last synchronization found.
        8 => pub drift_steps: i64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct SshPublicKey {
        /// `APKA...`
        1 => pub id: String,
        /// As it was given, `ssh-rsa ...` or PEM.
        2 => pub body: String,
        /// MD5 of the key's SSH form, as pairs of digits with colons.
        3 => pub fingerprint: String,
        4 => pub active: bool,
        5 => pub uploaded: Timestamp,
        /// The SSH wire form.
        6 => pub blob: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct SigningCertificate {
        1 => pub id: String,
        2 => pub body: String,
        3 => pub active: bool,
        4 => pub uploaded: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct ServiceCredential {
        /// `ACCA...`
        1 => pub id: String,
        /// `codecommit.amazonaws.com`
        2 => pub service: String,
        /// `bob-at-123456789012`, of the user's name when it was made.
        3 => pub login: String,
        /// Sealed under the master key for the purpose `iam/service-credential`.
        4 => pub sealed_secret: Vec<u8>,
        5 => pub active: bool,
        6 => pub created: Timestamp,
    }

    /// A TLS certificate for load balancers. Key: account, name.
    #[derive(Clone, PartialEq, Debug)]
    pub struct ServerCertificate {
        1 => pub name: String,
        2 => pub path: String,
        /// `ASCA...`
        3 => pub id: String,
        4 => pub body: String,
        5 => pub chain: Option<String>,
        /// Sealed under the master key for the purpose `iam/server-certificate`.
        6 => pub sealed_key: Vec<u8>,
        7 => pub uploaded: Timestamp,
        8 => pub expires: Timestamp,
        9 => pub tags: Tags,
    }
}

pub const MFA_DEVICES: Table<MfaDevice> = Table::new(0x0112, "iam/mfa-devices");
pub const LOGIN_PROFILES: Table<LoginProfile> = Table::new(0x0113, "iam/login-profiles");
pub const SSH_PUBLIC_KEYS: Table<SshPublicKey> = Table::new(0x0114, "iam/ssh-public-keys");
pub const SIGNING_CERTIFICATES: Table<SigningCertificate> = Table::new(0x0115, "iam/signing-certificates");
pub const SERVICE_CREDENTIALS: Table<ServiceCredential> = Table::new(0x0116, "iam/service-credentials");
pub const SERVER_CERTIFICATES: Table<ServerCertificate> = Table::new(0x0117, "iam/server-certificates");

/// The prefix of all credentials of a user, and the key of its login profile.
pub fn of_user(account: AccountId, user_id: &str) -> Key {
    Key::account(account).str(user_id)
}

pub fn mfa_key(account: AccountId, serial: &str) -> Key {
    Key::account(account).str(serial)
}

impl MfaDevice {
    /// In use by the root of its account.
    pub fn is_roots(&self) -> bool {
        self.enabled.is_some() && self.user.is_none()
    }
}

impl ServerCertificate {
    pub fn arn(&self, account: AccountId) -> String {
        super::arn(account, "server-certificate", &self.path, &self.name)
    }
}
