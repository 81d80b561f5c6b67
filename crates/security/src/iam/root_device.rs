//! The MFA devices of root: virtual ones that root has made, taken with two codes in a row.
//!
//! AWS lets root do so in its console and nowhere else. Here whoever runs the cloud does, by `virga mfa`; there is no API for
//! it but `DeactivateMFADevice` of sessions of `AssumeRoot`.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/enable-virt-mfa-for-root.html>

use super::mfa::{self, ENABLE_WINDOW};
use super::model::{MFA_DEVICES, MfaDevice, mfa_key};
use base::AccountId;
use kernel::Cloud;
use store::{CommitError, Direction, Key, StoreError};
use wire::Fault;

/// AWS: of root, as of a user.
const DEVICES_MAX: usize = 8;

/// The serial numbers of those in use, of all accounts.
///
/// # Errors
/// The store's own.
pub fn all(cloud: &Cloud) -> Result<Vec<String>, StoreError> {
    let snapshot = cloud.store().snapshot();
    let devices = MFA_DEVICES.scan(&snapshot, &Key::empty(), Direction::Forward);
    let serials = devices.filter_map(|pair| match pair {
        Ok((_, device)) => device.is_roots().then_some(Ok(device.serial)),
        Err(why) => Some(Err(why)),
    });
    serials.collect()
}

/// Gives root a device of its account that nobody has.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn enable(cloud: &Cloud, serial: &str, codes: (&str, &str)) -> Result<(), String> {
    change(cloud, serial, |tx, account, device| {
        if device.enabled.is_some() {
            return Err(format!("{serial} is already in use"));
        }
        let held = mfa::of_root(tx, account).map_err(|why| why.to_string())?;
        if held.len() >= DEVICES_MAX {
            return Err(format!("root has {DEVICES_MAX} devices, and may have no more"));
        }
        let now = cloud.clock().now();
        mfa::synchronize(cloud.sealer(), device, codes, now, ENABLE_WINDOW)
            .map_err(|why| Fault::from(why).message)?;
        device.enabled = Some(now.whole_seconds());
        Ok(())
    })
}

/// Takes one back. It keeps its seed and may be enabled again.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn deactivate(cloud: &Cloud, serial: &str) -> Result<(), String> {
    change(cloud, serial, |_, _, device| {
        if !device.is_roots() {
            return Err(format!("{serial} is not a device of root"));
        }
        device.enabled = None;
        Ok(())
    })
}

fn change(
    cloud: &Cloud,
    serial: &str,
    change: impl Fn(&mut store::Tx, AccountId, &mut MfaDevice) -> Result<(), String>,
) -> Result<(), String> {
    let account = serial.split(':').nth(4).and_then(AccountId::parse);
    let account = account
        .ok_or("the serial number must be like arn:aws:iam::123456789012:mfa/root-account-mfa-device")?;
    let key = mfa_key(account, serial);
    loop {
        let mut tx = cloud.store().begin();
        let device = MFA_DEVICES.get(&tx, &key).map_err(|why| why.to_string())?;
        let mut device = device.ok_or_else(|| format!("there is no virtual device {serial}"))?;
        change(&mut tx, account, &mut device)?;
        MFA_DEVICES.put(&mut tx, &key, &device);
        match tx.commit().wait() {
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(why) => return Err(why.to_string()),
        }
    }
}
