//! Checking the codes of MFA devices, for IAM's own operations and for STS.

use super::model::{MFA_DEVICES, MfaDevice, mfa_key};
use super::totp;
use base::{AccountId, Timestamp};
use kernel::seal::Sealer;
use store::{StoreError, Tx};
use zeroize::Zeroizing;

/// The purpose under which seeds are sealed.
pub(crate) const SEED_PURPOSE: &str = "iam/mfa-seed";

/// Whether `code` is right now the code of the device `serial` of the user `user`. A code that was used is never
/// right again, which is written with the transaction.
///
/// # Errors
/// The store's own.
pub fn verify_mfa(
    tx: &mut Tx,
    sealer: &Sealer,
    account: AccountId,
    user: &str,
    serial: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let key = mfa_key(account, serial);
    let Some(mut device) = MFA_DEVICES.get(tx, &key)? else { return Ok(false) };
    let is_users = device.user.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(user));
    if !is_users || device.enabled.is_none() {
        return Ok(false);
    }
    let Some(seed) = seed(sealer, &device) else { return Ok(false) };
    let step = totp::step(now).saturating_add_signed(device.drift_steps);
    match totp::find(&seed, code, step) {
        Some(found) if found > device.last_step => {
            device.last_step = found;
            MFA_DEVICES.put(tx, &key, &device);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The device's seed; none where it was sealed under another master key.
pub(crate) fn seed(sealer: &Sealer, device: &MfaDevice) -> Option<Zeroizing<Vec<u8>>> {
    sealer.open(SEED_PURPOSE, &device.sealed_seed).ok()
}

#[cfg(test)]
mod tests {
    use super::{MFA_DEVICES, MfaDevice, SEED_PURPOSE, mfa_key, totp, verify_mfa};
    use base::{AccountId, Rng, Timestamp};
    use kernel::seal::Sealer;
    use store::Store;

    const SERIAL: &str = "arn:aws:iam::000000000000:mfa/eva";

    #[test]
    fn a_code_is_good_once_and_for_its_user() {
        let (sealer, rng) = (Sealer::new(&[7; 32]), Rng::seeded(1));
        let now = Timestamp::from_seconds(1_768_478_400);
        let device = MfaDevice {
            serial: SERIAL.into(),
            sealed_seed: sealer.seal(&rng, SEED_PURPOSE, b"seed"),
            user: Some("eva".into()),
            enabled: Some(now),
            drift_steps: -5,
            ..MfaDevice::default()
        };
        let store = Store::memory();
        let mut tx = store.begin();
        MFA_DEVICES.put(&mut tx, &mfa_key(AccountId::DEFAULT, SERIAL), &device);
        let mut check = |user: &str, serial: &str, code: &str| {
            verify_mfa(&mut tx, &sealer, AccountId::DEFAULT, user, serial, code, now).unwrap()
        };
        let code = totp::code(b"seed", totp::step(now) - 5);
        assert!(!check("bob", SERIAL, &code));
        assert!(!check("eva", "arn:aws:iam::000000000000:mfa/bob", &code));
        assert!(!check("eva", SERIAL, &totp::code(b"seed", totp::step(now))));
        assert!(check("Eva", SERIAL, &code));
        assert!(!check("eva", SERIAL, &code));
        assert!(check("eva", SERIAL, &totp::code(b"seed", totp::step(now) - 4)));
    }
}
