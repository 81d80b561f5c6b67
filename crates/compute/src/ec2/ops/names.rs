//! What an instance is called, changed later.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyPrivateDnsNameOptions.html>

use super::reservation::Done;
use crate::ec2::model::{INSTANCES, Instance, Names, state};
use crate::ec2::names::Wanted;
use ec2::access::Access;
use ec2::attachment::ATTACHMENTS;
use ec2::describe;
use ec2::kind::INSTANCE;
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;

kernel::ops! {
    /// Names.
    pub static OPS:
        ModifyPrivateDnsNameOptions: modify, "ec2:ModifyPrivateDnsNameOptions", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").attributes(ATTRIBUTES).done();
}

const ATTRIBUTES: &[&str] =
    &["PrivateDnsHostnameType", "EnableResourceNameDnsARecord", "EnableResourceNameDnsAAAARecord"];

wire::shape! {
    #[derive(Debug)]
    struct Modify {
        id: String = "InstanceId",
        kind: Option<String> = "PrivateDnsHostnameType",
        ipv4: Option<bool> = "EnableResourceNameDnsARecord",
        ipv6: Option<bool> = "EnableResourceNameDnsAAAARecord",
    }
}

/// AWS: what a machine is called is changed while it is stopped, as it learns that when it starts; what the resolver
/// answers may be changed at any time.
fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Done, Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.id)?;
    let wanted = Wanted { kind: req.kind, ipv4: req.ipv4, ipv6: req.ipv6 };
    if wanted.kind.is_none() && wanted.ipv4.is_none() && wanted.ipv6.is_none() {
        return Err(Plain::InvalidParameterCombination("No attributes specified.".into()).into());
    }
    if instance.is_over() {
        let what = format!("The instance '{}' is not in a valid state for this operation.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    if instance.address.is_empty() {
        wanted.check_native()?;
    }
    let names = instance.names.changed(&wanted);
    if names.by_id != instance.names.by_id && instance.state != state::STOPPED {
        let what = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    tell_resolver(cx, &instance, &names)?;
    instance.names = names;
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Done { done: true })
}

/// The resolver knows names by the interface that a machine has first.
fn tell_resolver(cx: &mut Cx<'_>, instance: &Instance, names: &Names) -> Result<(), Ec2Error> {
    let Some(first) = instance.interfaces.first() else { return Ok(()) };
    let key = register::key(cx.account, cx.region, first);
    if let Some(mut attachment) = ATTACHMENTS.get(cx.tx, &key)? {
        (attachment.named, attachment.named_v6) = (names.ipv4, names.ipv6);
        ATTACHMENTS.put(cx.tx, &key, &attachment);
    }
    Ok(())
}
