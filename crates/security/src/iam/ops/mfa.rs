//! Virtual MFA devices: made, handed to a user with two codes in a row, taken back, deleted.
//!
//! ```text
//! CreateVirtualMFADevice ──▶ unassigned ──EnableMFADevice──▶ assigned ◀─┐ ResyncMFADevice
//!                              ▲    │                          │   └────┘
//!                              │    └─DeleteVirtualMFADevice    │
//!                              └────────DeactivateMFADevice─────┘
//! ```
//!
//! Root's devices are taken by [`crate::iam::root_device`]. Not here: hardware tokens (their seeds are known to their makers
//! only), security keys.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa.html>

use super::user::UserShown;
use crate::iam::holder;
use crate::iam::mfa::{self, SEED_PURPOSE};
use crate::iam::model::{self, Account, MFA_DEVICES, MfaDevice, USERS, User, mfa_key};
use crate::iam::page::Paging;
use crate::iam::subject::{self, Subject};
use crate::iam::tags::{self, Tag, TagPage};
use crate::iam::{IamError, access::credential as access, access::user as user_access, qr, quota, totp};
use base::Timestamp;
use bytes::Bytes;
use kernel::identity::Caller;
use kernel::{Cx, Empty};
use store::{Direction, Key};

const DEVICES_PER_USER_MAX: usize = 8;
/// How far a device's clock may be from the cloud's when it is synchronized again, in steps of thirty seconds: an hour.
const RESYNC_WINDOW: u64 = 120;

kernel::ops! {
    pub static OPS:
    CreateVirtualMFADevice: create_device, "iam:CreateVirtualMFADevice", access::new_mfa;
    DeleteVirtualMFADevice: delete_device, "iam:DeleteVirtualMFADevice", access::mfa;
    ListVirtualMFADevices: list_virtual, "iam:ListVirtualMFADevices", access::all_mfa;
    EnableMFADevice: enable_device, "iam:EnableMFADevice", user_access::one;
    ResyncMFADevice: resync_device, "iam:ResyncMFADevice", user_access::one;
    DeactivateMFADevice: deactivate_device, "iam:DeactivateMFADevice", subject::access;
    ListMFADevices: list_devices, "iam:ListMFADevices", subject::access;
    GetMFADevice: get_device, "iam:GetMFADevice", subject::access;
    TagMFADevice: tag_device, "iam:TagMFADevice", access::mfa;
    UntagMFADevice: untag_device, "iam:UntagMFADevice", access::mfa;
    ListMFADeviceTags: list_device_tags, "iam:ListMFADeviceTags", access::mfa;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateDevice {
        pub path: Option<String> = "Path",
        pub name: String = "VirtualMFADeviceName",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct VirtualDevice {
        pub serial: String = "SerialNumber",
        pub seed: Option<Bytes> = "Base32StringSeed",
        pub png: Option<Bytes> = "QRCodePNG",
        pub user: Option<UserShown> = "User",
        pub enabled: Option<Timestamp> = "EnableDate",
        pub tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct OneDevice {
        pub device: VirtualDevice = "VirtualMFADevice",
    }

    #[derive(Clone, Debug)]
    pub struct ListVirtual {
        pub status: Option<String> = "AssignmentStatus",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct VirtualPage {
        pub devices: Vec<VirtualDevice> = "VirtualMFADevices",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct Serial {
        pub serial: String = "SerialNumber",
    }

    #[derive(Clone, Debug)]
    pub struct TwoCodes {
        pub user_name: String = "UserName",
        pub serial: String = "SerialNumber",
        pub first: String = "AuthenticationCode1",
        pub second: String = "AuthenticationCode2",
    }

    #[derive(Clone, Debug)]
    pub struct OfUser {
        pub user_name: Option<String> = "UserName",
        pub serial: String = "SerialNumber",
    }

    #[derive(Clone, Debug)]
    pub struct ListDevices {
        pub user_name: Option<String> = "UserName",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }

    #[derive(Clone, Debug)]
    pub struct DeviceShown {
        pub user_name: String = "UserName",
        pub serial: String = "SerialNumber",
        pub enabled: Option<Timestamp> = "EnableDate",
    }

    #[derive(Clone, Debug)]
    pub struct DevicePage {
        pub devices: Vec<DeviceShown> = "MFADevices",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    #[derive(Clone, Debug)]
    pub struct GotDevice {
        pub user_name: Option<String> = "UserName",
        pub serial: String = "SerialNumber",
        pub enabled: Option<Timestamp> = "EnableDate",
    }

    #[derive(Clone, Debug)]
    pub struct TagDevice {
        pub serial: String = "SerialNumber",
        pub tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub struct UntagDevice {
        pub serial: String = "SerialNumber",
        pub tag_keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub struct ListTags {
        pub serial: String = "SerialNumber",
        pub marker: Option<String> = "Marker",
        pub max_items: Option<i32> = "MaxItems",
    }
}

fn find(cx: &Cx<'_>, serial: &str) -> Result<MfaDevice, IamError> {
    let device = MFA_DEVICES.get(cx.tx, &mfa_key(cx.account, serial))?;
    device.ok_or_else(|| {
        IamError::NoSuchEntity(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
    })
}

fn save(cx: &mut Cx<'_>, device: &MfaDevice) {
    MFA_DEVICES.put(cx.tx, &mfa_key(cx.account, &device.serial), device);
}

fn create_device(cx: &mut Cx<'_>, req: CreateDevice) -> Result<OneDevice, IamError> {
    let serial = model::arn(cx.account, "mfa", req.path.as_deref().unwrap_or("/"), &req.name);
    if MFA_DEVICES.contains(cx.tx, &mfa_key(cx.account, &serial))? {
        let words = "MFADevice entity at the same path and name already exists.";
        return Err(IamError::EntityAlreadyExists(words.into()));
    }
    let seed = zeroize::Zeroizing::new(cx.rng().bytes::<{ totp::SEED_LEN }>());
    let text = totp::base32(&seed[..]);
    let device = MfaDevice {
        serial,
        sealed_seed: cx.sealer().seal(cx.rng(), SEED_PURPOSE, &seed[..]),
        created: cx.now.whole_seconds(),
        tags: tags::checked(req.tags)?,
        ..MfaDevice::default()
    };
    save(cx, &device);
    let account = Account::of(cx.tx, cx.account)?.alias.unwrap_or_else(|| cx.account.to_string());
    let uri = format!("otpauth://totp/{}@{account}?secret={text}", req.name);
    Ok(OneDevice {
        device: VirtualDevice {
            serial: device.serial,
            seed: Some(text.into()),
            png: qr::png(&uri).map(Bytes::from),
            user: None,
            enabled: None,
            tags: tags::shown(&device.tags),
        },
    })
}

fn delete_device(cx: &mut Cx<'_>, req: Serial) -> Result<Empty, IamError> {
    let device = find(cx, &req.serial)?;
    if device.enabled.is_some() {
        return Err(IamError::DeleteConflict("MFA VirtualDevice in use. Must deactivate first.".into()));
    }
    MFA_DEVICES.delete(cx.tx, &mfa_key(cx.account, &device.serial));
    Ok(Empty)
}

fn list_virtual(cx: &mut Cx<'_>, req: ListVirtual) -> Result<VirtualPage, IamError> {
    let status = req.status.as_deref().unwrap_or("Any");
    let paging = Paging::of(cx, &[status], req.marker.as_deref(), req.max_items)?;
    let mut devices = Vec::new();
    for device in MFA_DEVICES.scan(cx.tx, &Key::account(cx.account), Direction::Forward) {
        let (_, device) = device?;
        let is_assigned = device.enabled.is_some();
        if status == "Any" || is_assigned == (status == "Assigned") {
            devices.push(device);
        }
    }
    let (devices, is_truncated, marker) = paging.slice(cx, devices, |device| device.serial.clone()).parts();
    let mut shown = Vec::with_capacity(devices.len());
    for device in devices {
        let user = match &device.user {
            Some(name) => {
                let user = USERS.get(cx.tx, &model::named(cx.account, name))?;
                user.map(|user| UserShown::brief(cx.account, &user))
            }
            None => device.is_roots().then(|| UserShown::root(cx.account)),
        };
        shown.push(VirtualDevice {
            serial: device.serial,
            seed: None,
            png: None,
            user,
            enabled: device.enabled,
            tags: None,
        });
    }
    Ok(VirtualPage { devices: shown, is_truncated, marker })
}

fn synchronize(cx: &Cx<'_>, device: &mut MfaDevice, req: &TwoCodes, window: u64) -> Result<(), IamError> {
    mfa::synchronize(cx.sealer(), device, (&req.first, &req.second), cx.now, window)
}

fn enable_device(cx: &mut Cx<'_>, req: TwoCodes) -> Result<Empty, IamError> {
    let mut user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let mut device = find(cx, &req.serial)?;
    if device.enabled.is_some() {
        let serial = &device.serial;
        return Err(IamError::EntityAlreadyExists(format!("MFADevice {serial} is already in use.")));
    }
    if user.mfa_devices.len() >= DEVICES_PER_USER_MAX {
        return Err(quota("MFADevicesPerUser", DEVICES_PER_USER_MAX));
    }
    synchronize(cx, &mut device, &req, mfa::ENABLE_WINDOW)?;
    device.user = Some(user.name.clone());
    device.enabled = Some(cx.now.whole_seconds());
    user.mfa_devices.push(device.serial.clone());
    save(cx, &device);
    holder::save(cx.tx, cx.account, &user);
    Ok(Empty)
}

/// The device, where it is the user's.
fn of_user(cx: &Cx<'_>, user: &User, serial: &str) -> Result<MfaDevice, IamError> {
    if !user.mfa_devices.iter().any(|held| held == serial) {
        return Err(IamError::NoSuchEntity("MFA Device invalid for user.".into()));
    }
    find(cx, serial)
}

fn resync_device(cx: &mut Cx<'_>, req: TwoCodes) -> Result<Empty, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let mut device = of_user(cx, &user, &req.serial)?;
    synchronize(cx, &mut device, &req, RESYNC_WINDOW)?;
    save(cx, &device);
    Ok(Empty)
}

/// The device keeps its seed and may be enabled again.
fn deactivate_device(cx: &mut Cx<'_>, req: OfUser) -> Result<Empty, IamError> {
    let subject = Subject::of(cx, req.user_name.as_deref())?;
    // AWS: root's own are named by nobody but a session of `AssumeRoot`.
    if subject == Subject::Root && is_root_task(cx.caller) {
        let device = find(cx, &req.serial)?;
        if !device.is_roots() {
            return Err(IamError::NoSuchEntity("MFA Device invalid for user.".into()));
        }
        save(cx, &MfaDevice { enabled: None, ..device });
        return Ok(Empty);
    }
    let mut user = subject.user()?;
    let mut device = of_user(cx, &user, &req.serial)?;
    user.mfa_devices.retain(|serial| *serial != device.serial);
    device.user = None;
    device.enabled = None;
    save(cx, &device);
    holder::save(cx.tx, cx.account, &user);
    Ok(Empty)
}

fn is_root_task(caller: &Caller) -> bool {
    let keys = caller.session.iter().flat_map(|session| &session.keys);
    keys.into_iter().any(|(name, _)| name == "aws:AssumedRoot")
}

fn list_devices(cx: &mut Cx<'_>, req: ListDevices) -> Result<DevicePage, IamError> {
    let subject = Subject::of(cx, req.user_name.as_deref())?;
    let filter = req.user_name.unwrap_or_default().to_lowercase();
    let paging = Paging::of(cx, &[&filter], req.marker.as_deref(), req.max_items)?;
    let (name, serials) = match subject {
        Subject::Root => {
            let devices = mfa::of_root(cx.tx, cx.account)?;
            (String::new(), devices.into_iter().map(|device| device.serial).collect())
        }
        Subject::User(user) => (user.name, user.mfa_devices),
    };
    let (serials, is_truncated, marker) = paging.slice(cx, serials, String::clone).parts();
    let mut devices = Vec::with_capacity(serials.len());
    for serial in serials {
        let device = find(cx, &serial)?;
        devices.push(DeviceShown { user_name: name.clone(), serial, enabled: device.enabled });
    }
    Ok(DevicePage { devices, is_truncated, marker })
}

fn get_device(cx: &mut Cx<'_>, req: OfUser) -> Result<GotDevice, IamError> {
    let device = find(cx, &req.serial)?;
    if let Some(name) = &req.user_name {
        let user: User = holder::find(cx.tx, cx.account, name)?;
        of_user(cx, &user, &req.serial)?;
    }
    Ok(GotDevice { user_name: device.user, serial: device.serial, enabled: device.enabled })
}

fn tag_device(cx: &mut Cx<'_>, req: TagDevice) -> Result<Empty, IamError> {
    let mut device = find(cx, &req.serial)?;
    tags::add(&mut device.tags, req.tags, "TagsPerMFADevice")?;
    save(cx, &device);
    Ok(Empty)
}

fn untag_device(cx: &mut Cx<'_>, req: UntagDevice) -> Result<Empty, IamError> {
    let mut device = find(cx, &req.serial)?;
    tags::remove(&mut device.tags, &req.tag_keys);
    save(cx, &device);
    Ok(Empty)
}

fn list_device_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<TagPage, IamError> {
    let device = find(cx, &req.serial)?;
    let paging = Paging::of(cx, &[&device.serial], req.marker.as_deref(), req.max_items)?;
    Ok(paging.slice(cx, tags::list(&device.tags), |tag| tag.key.clone()).into())
}
