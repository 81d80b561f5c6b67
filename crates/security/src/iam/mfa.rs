//! Checking the codes of MFA devices, for whichever service is given one.

use super::IamError;
use super::attached::last_part;
use super::model::{MFA_DEVICES, MfaDevice, mfa_key};
use super::totp;
use auth::policy::Principal;
use base::{AccountId, Timestamp};
use kernel::identity::{Caller, Proof};
use kernel::seal::Sealer;
use store::{Direction, Key, StoreError, Tx};
use zeroize::Zeroizing;

/// The purpose under which seeds are sealed.
pub(crate) const SEED_PURPOSE: &str = "iam/mfa-seed";

/// Whether `code` is right now the code of the device `serial` of the caller, a user or root. A code that held never
/// holds again, which is written with the transaction.
///
/// # Errors
/// The store's own.
pub(crate) fn prove(
    tx: &mut Tx,
    sealer: &Sealer,
    caller: &Caller,
    (serial, code): (&str, &str),
    now: Timestamp,
) -> Result<Proof, StoreError> {
    let owner = match &caller.principal {
        Principal::User { arn, .. } => Some(last_part(arn)),
        Principal::Root { .. } => None,
        _ => return Ok(Proof::NotTheirs),
    };
    let key = mfa_key(caller.account, serial);
    let Some(mut device) = MFA_DEVICES.get(tx, &key)? else { return Ok(Proof::NotTheirs) };
    let is_theirs = match (device.user.as_deref(), owner) {
        (Some(user), Some(name)) => user.eq_ignore_ascii_case(name),
        (user, name) => user == name,
    };
    if !is_theirs || device.enabled.is_none() {
        return Ok(Proof::NotTheirs);
    }
    let Some(seed) = seed(sealer, &device) else { return Ok(Proof::WrongCode) };
    let step = totp::step(now).saturating_add_signed(device.drift_steps);
    match totp::find(&seed, code, step) {
        Some(found) if found > device.last_step => {
            device.last_step = found;
            MFA_DEVICES.put(tx, &key, &device);
            Ok(Proof::Held)
        }
        _ => Ok(Proof::WrongCode),
    }
}

/// How far a device's clock may be from the cloud's when it is enabled, in steps of thirty seconds.
pub(crate) const ENABLE_WINDOW: u64 = 10;

/// Two codes in a row prove that the device has the seed, and tell how far its clock is off.
///
/// # Errors
/// `InvalidAuthenticationCode`.
pub(crate) fn synchronize(
    sealer: &Sealer,
    device: &mut MfaDevice,
    (first, second): (&str, &str),
    now: Timestamp,
    window: u64,
) -> Result<(), IamError> {
    let now = totp::step(now);
    let seed = seed(sealer, device).ok_or(IamError::Unreadable)?;
    let found = totp::synchronize(&seed, first, second, now, window);
    let wrong = || IamError::InvalidAuthenticationCode("Authentication code for device is not valid.".into());
    let found = found.filter(|found| *found > device.last_step).ok_or_else(wrong)?;
    device.last_step = found + 1;
    // Neither is further from the other than the window.
    device.drift_steps = (found + 1).cast_signed() - now.cast_signed();
    if device.drift_steps.abs() <= 1 {
        device.drift_steps = 0;
    }
    Ok(())
}

/// The devices of an account's root.
///
/// # Errors
/// The store's own.
pub(crate) fn of_root(tx: &Tx, account: AccountId) -> Result<Vec<MfaDevice>, StoreError> {
    let all = MFA_DEVICES.scan(tx, &Key::account(account), Direction::Forward);
    all.map(|pair| pair.map(|(_, device)| device))
        .filter(|device| device.as_ref().map_or(true, MfaDevice::is_roots))
        .collect()
}

/// The device's seed; none where it was sealed under another master key.
pub(crate) fn seed(sealer: &Sealer, device: &MfaDevice) -> Option<Zeroizing<Vec<u8>>> {
    sealer.open(SEED_PURPOSE, &device.sealed_seed).ok()
}

#[cfg(test)]
mod tests {
    use super::{MFA_DEVICES, MfaDevice, SEED_PURPOSE, mfa_key, prove, totp};
    use auth::policy::Principal;
    use base::{AccountId, Rng, Timestamp};
    use kernel::identity::{Caller, Proof};
    use kernel::seal::Sealer;
    use store::Store;

    const SERIAL: &str = "arn:aws:iam::000000000000:mfa/eva";
    const ROOTS: &str = "arn:aws:iam::000000000000:mfa/root";

    #[test]
    fn a_code_is_good_once_and_for_its_owner() {
        let (sealer, rng) = (Sealer::new(&[7; 32]), Rng::seeded(1));
        let now = Timestamp::from_seconds(1_768_478_400);
        let device = |serial: &str, user: Option<&str>| MfaDevice {
            serial: serial.into(),
            sealed_seed: sealer.seal(&rng, SEED_PURPOSE, b"seed"),
            user: user.map(str::to_owned),
            enabled: Some(now),
            drift_steps: -5,
            ..MfaDevice::default()
        };
        let root = Caller::root(AccountId::DEFAULT, "");
        let user = |name: &str| {
            let arn = format!("arn:aws:iam::000000000000:user/{name}");
            let principal = Principal::User { account: AccountId::DEFAULT, arn, id: format!("AIDA{name}") };
            Caller { principal, ..root.clone() }
        };
        let store = Store::memory();
        let mut tx = store.begin();
        MFA_DEVICES.put(&mut tx, &mfa_key(AccountId::DEFAULT, SERIAL), &device(SERIAL, Some("eva")));
        MFA_DEVICES.put(&mut tx, &mfa_key(AccountId::DEFAULT, ROOTS), &device(ROOTS, None));
        let mut check = |caller: &Caller, serial: &str, code: &str| {
            prove(&mut tx, &sealer, caller, (serial, code), now).unwrap()
        };
        let code = totp::code(b"seed", totp::step(now) - 5);
        assert_eq!(check(&user("bob"), SERIAL, &code), Proof::NotTheirs);
        assert_eq!(check(&root, SERIAL, &code), Proof::NotTheirs);
        assert_eq!(check(&user("eva"), ROOTS, &code), Proof::NotTheirs);
        assert_eq!(check(&user("eva"), "arn:aws:iam::000000000000:mfa/bob", &code), Proof::NotTheirs);
        let late = totp::code(b"seed", totp::step(now));
        assert_eq!(check(&user("eva"), SERIAL, &late), Proof::WrongCode);
        assert_eq!(check(&user("Eva"), SERIAL, &code), Proof::Held);
        assert_eq!(check(&user("eva"), SERIAL, &code), Proof::WrongCode);
        let next = totp::code(b"seed", totp::step(now) - 4);
        assert_eq!(check(&user("eva"), SERIAL, &next), Proof::Held);
        assert_eq!(check(&root, ROOTS, &code), Proof::Held);
    }
}
