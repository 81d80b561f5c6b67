//! Virtual MFA devices. A template makes one; whoever has its seed gives it to a user, by two of its codes, as AWS documents it.

use super::iam::{IAM, tagger};
use super::on::{KEYS, map, text_at};
use super::{BASE, Kind, look};
use wire::Value;

const SERIAL: &str = "SerialNumber";

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::IAM::VirtualMFADevice",
    changes: &["Tags", "Users"],
    fixed: &["Path", "VirtualMfaDeviceName"],
    attributes: &[SERIAL],
    named: Some("VirtualMfaDeviceName"),
    create: |on| {
        let input = map([
            ("VirtualMFADeviceName", Value::Str(on.name("VirtualMfaDeviceName", 226))),
            ("Path", on.prop("Path")),
            ("Tags", on.tags(KEYS)),
        ]);
        let answer = on.call(IAM, "CreateVirtualMFADevice", input)?;
        let serial = text_at(&answer, "VirtualMFADevice.SerialNumber");
        Ok(on.made(serial.clone(), vec![(SERIAL, Value::Str(serial))]))
    },
    update: |on| {
        on.retag(&tagger("TagMFADevice", "UntagMFADevice", SERIAL), on.physical())?;
        Ok(on.same())
    },
    delete: |on| on.end(IAM, "DeleteVirtualMFADevice", map([(SERIAL, on.physical())])),
    look: Some(&look::iam_beside::MFA),
    ..BASE
}];
