//! Peering connections.

use super::{DONE, Done, item, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::model::{PEERINGS, Peering, PeeringSide, PeeringState, VPCS, Vpc, peering_key};
use base::{AccountId, Region, Timestamp};
use ec2::access::Access;
use ec2::describe::{self, Ask, check_id, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{PEERING, VPC};
use ec2::register;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use net::Cidr;
use std::time::Duration;
use wire::{Fault, Struct};

kernel::ops! {
    pub(crate) static OPS:
        CreateVpcPeeringConnection: create, "ec2:CreateVpcPeeringConnection", |cx, r| on(cx, r)?.one(&VPC, "VpcId").new(&PEERING).done();
        AcceptVpcPeeringConnection: accept, "ec2:AcceptVpcPeeringConnection", |cx, r| accepter(cx, r)?.one(&PEERING, "VpcPeeringConnectionId").done();
        RejectVpcPeeringConnection: reject, "ec2:RejectVpcPeeringConnection", |cx, r| on(cx, r)?.one(&PEERING, "VpcPeeringConnectionId").done();
        DeleteVpcPeeringConnection: delete, "ec2:DeleteVpcPeeringConnection", |cx, r| on(cx, r)?.one(&PEERING, "VpcPeeringConnectionId").done();
        DescribeVpcPeeringConnections: describe, "ec2:DescribeVpcPeeringConnections", list;
}

/// How long a request waits for an answer.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle>
const PENDING: Duration = Duration::from_secs(7 * 24 * 3600);
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const ACTIVE_MAX: usize = 50;
const PENDING_MAX: usize = 25;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        region: Option<String> = "PeerRegion",
        tags: Vec<TagSpecification> = "TagSpecifications",
        vpc: String = "VpcId",
        peer: Option<String> = "PeerVpcId",
        owner: Option<String> = "PeerOwnerId",
    }

    #[derive(Debug)]
    struct Made { peering: View = "VpcPeeringConnection" }

    #[derive(Debug)]
    struct View {
        accepter: SideView = "AccepterVpcInfo",
        expires: Option<Timestamp> = "ExpirationTime",
        requester: SideView = "RequesterVpcInfo",
        status: Status = "Status",
        tags: Vec<Tag> = "Tags",
        id: String = "VpcPeeringConnectionId",
    }

    #[derive(Debug)]
    struct SideView {
        cidr: Option<String> = "CidrBlock",
        cidrs6: Option<Vec<Cidr6View>> = "Ipv6CidrBlockSet",
        cidrs: Option<Vec<CidrView>> = "CidrBlockSet",
        owner: String = "OwnerId",
        options: Option<Options> = "PeeringOptions",
        vpc: String = "VpcId",
        region: String = "Region",
    }

    #[derive(Debug)]
    struct Cidr6View { cidr: String = "Ipv6CidrBlock" }

    #[derive(Debug)]
    struct CidrView { cidr: String = "CidrBlock" }

    #[derive(Debug)]
    struct Options {
        dns: bool = "AllowDnsResolutionFromRemoteVpc",
        link_out: bool = "AllowEgressFromLocalClassicLinkToRemoteVpc",
        link_in: bool = "AllowEgressFromLocalVpcToRemoteClassicLink",
    }

    #[derive(Debug)]
    struct Status {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct OnePeering { id: String = "VpcPeeringConnectionId" }

    #[derive(Debug)]
    struct Describe {
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        ids: Vec<String> = "VpcPeeringConnectionIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Peerings {
        peerings: Vec<View> = "VpcPeeringConnections",
        next: Option<String> = "NextToken",
    }
}

item!(View, id);

/// The VPC that a request to accept is about.
fn accepter<'a, 'c>(cx: &'a mut Cx<'c>, r: &'a Struct) -> Result<Access<'a, 'c>, Fault> {
    let access = on(cx, r)?;
    let id = r.str("VpcPeeringConnectionId").unwrap_or_default();
    Ok(match find::peering(access.cx, id) {
        Ok(peering) => access.id(&VPC, &peering.accepter.vpc),
        Err(_) => access,
    })
}

fn save(cx: &mut Cx<'_>, peering: &Peering) {
    PEERINGS.put(cx.tx, &peering_key(&peering.id), peering);
}

fn set(cx: &mut Cx<'_>, peering: &mut Peering, state: PeeringState, message: String) {
    (peering.state, peering.since, peering.message) = (state, cx.now, message);
    save(cx, peering);
}

fn side(account: AccountId, region: Region, id: &str, vpc: Option<&Vpc>) -> PeeringSide {
    let cidrs = vpc.map(|vpc| vpc.cidrs.iter().map(|block| block.cidr.clone()).collect());
    let ipv6 = vpc.map(|vpc| vpc.ipv6.iter().map(|block| block.cidr.clone()).collect());
    PeeringSide {
        account,
        region,
        vpc: id.to_owned(),
        cidrs: cidrs.unwrap_or_default(),
        ipv6: ipv6.unwrap_or_default(),
    }
}

/// A side of whose VPC everything is `shown`, or only which it is. Lists that are empty are left out.
fn side_view(side: &PeeringSide, shown: bool) -> SideView {
    let cidrs = if shown { side.cidrs.as_slice() } else { &[] };
    let ipv6 = if shown { side.ipv6.as_slice() } else { &[] };
    let blocks6: Vec<Cidr6View> = ipv6.iter().map(|cidr| Cidr6View { cidr: cidr.clone() }).collect();
    let blocks: Vec<CidrView> = cidrs.iter().map(|cidr| CidrView { cidr: cidr.clone() }).collect();
    SideView {
        cidr: cidrs.first().cloned(),
        cidrs6: (!blocks6.is_empty()).then_some(blocks6),
        cidrs: (!blocks.is_empty()).then_some(blocks),
        owner: side.account.to_string(),
        options: shown.then_some(Options { dns: false, link_out: false, link_in: false }),
        vpc: side.vpc.clone(),
        region: side.region.name().into(),
    }
}

fn view(cx: &Cx<'_>, peering: &Peering) -> Result<View, Ec2Error> {
    let (accepter, requester) = (&peering.accepter, &peering.requester);
    let own = accepter.account == cx.account && accepter.region == requester.region;
    Ok(View {
        // What is not one's own, or lies in another region, is shown once both have agreed.
        accepter: side_view(accepter, peering.state == PeeringState::Active || own),
        expires: (peering.state == PeeringState::PendingAcceptance)
            .then_some(peering.expires.whole_seconds()),
        requester: side_view(requester, true),
        status: Status { code: peering.state.word().into(), message: peering.message.clone() },
        tags: tags::view(&register::tags(cx, &peering.id)?),
        id: peering.id.clone(),
    })
}

fn overlaps(a: &PeeringSide, b: &PeeringSide) -> bool {
    let blocks = |side: &PeeringSide| -> Vec<Cidr> {
        side.cidrs.iter().chain(&side.ipv6).filter_map(|cidr| cidr.parse().ok()).collect()
    };
    let others = blocks(b);
    blocks(a).iter().any(|cidr| others.iter().any(|other| cidr.overlaps(*other)))
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &PEERING, &[&PEERING])?;
    let own = find::vpc(cx, &req.vpc)?;
    let peer = super::needed(req.peer.as_ref(), "peerVpcId")?;
    check_id(&VPC, peer)?;
    let account = match req.owner.as_deref() {
        None => cx.account,
        Some(text) => AccountId::parse(text)
            .ok_or_else(|| Ec2Error::value(text, "peerOwnerId", "This is not a valid account."))?,
    };
    let region = match req.region.as_deref() {
        None => cx.region,
        Some(name) => Region::parse(name)
            .ok_or_else(|| Ec2Error::value(name, "peerRegion", "This is not a valid region."))?,
    };
    if peer == own.id {
        let what = "The VPCs of a peering connection must be different.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    let other = VPCS.get(cx.tx, &register::key(account, region, peer))?;
    if other.is_none() && account == cx.account && region == cx.region {
        return Err(Ec2Error::not_found(&VPC, peer));
    }
    let open: Vec<Peering> = find::peerings(cx)?.into_iter().filter(|p| p.state.is_open()).collect();
    if let Some(there) = open.iter().find(|p| p.from(&own.id).is_some() && p.from(peer).is_some()) {
        return Err(
            Plain::PeeringExists(format!("VPC peering connection {} already exists.", there.id)).into()
        );
    }
    let pending = |p: &&Peering| p.state == PeeringState::PendingAcceptance && p.requester.vpc == own.id;
    if open.iter().filter(pending).count() >= PENDING_MAX {
        return Err(Limit::PendingPeerings.into());
    }
    let mut peering = Peering {
        id: PEERING.id(cx.rng()),
        requester: side(cx.account, cx.region, &own.id, Some(&own)),
        accepter: side(account, region, peer, other.as_ref()),
        state: PeeringState::PendingAcceptance,
        since: cx.now,
        expires: cx.now.plus(PENDING),
        message: format!("Pending Acceptance by {account}"),
    };
    let failed = other.is_none() || overlaps(&peering.requester, &peering.accepter);
    if failed {
        peering.state = PeeringState::Failed;
        peering.message = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range".into();
    }
    save(cx, &peering);
    let arn = |side: &PeeringSide| register::arn(side.account, side.region, VPC.noun, &side.vpc);
    let keys = [("ec2:RequesterVpc", arn(&peering.requester)), ("ec2:AccepterVpc", arn(&peering.accepter))];
    register::enter(cx, &PEERING, &peering.id, &tags, &keys);
    if !failed && (account, region) != (cx.account, cx.region) {
        // Its tags are its own.
        let mut entry = register::find(cx.tx, cx.account, cx.region, &peering.id)?.unwrap_or_default();
        entry.tags.clear();
        register::REGISTER.put(cx.tx, &register::key(account, region, &peering.id), &entry);
    }
    let mut made = view(cx, &peering)?;
    made.status =
        Status { code: "initiating-request".into(), message: format!("Initiating Request to {account}") };
    Ok(Made { peering: made })
}

/// Only the owner of the accepter VPC, in its region, may answer.
fn check_accepter(cx: &Cx<'_>, peering: &Peering, verb: &str) -> Result<(), Ec2Error> {
    if peering.accepter.account != cx.account {
        let what = format!("User ({}) cannot {verb} peering {}", cx.account, peering.id);
        return Err(Plain::OperationNotPermitted(what).into());
    }
    if peering.accepter.region != cx.region {
        let done = if verb == "accept" { "accepted" } else { "accepted or rejected" };
        let what = format!(
            "Incorrect region ({}) specified for this request. VPC peering connection {} must be {done} in region {}",
            cx.region.name(),
            peering.id,
            peering.accepter.region.name()
        );
        return Err(Plain::OperationNotPermitted(what).into());
    }
    if peering.state != PeeringState::PendingAcceptance {
        return Err(wrong_state(peering));
    }
    Ok(())
}

fn wrong_state(peering: &Peering) -> Ec2Error {
    let what = format!("VpcPeeringConnectionID {} is not in the correct state for the request.", peering.id);
    Plain::InvalidStateTransition(what).into()
}

fn accept(cx: &mut Cx<'_>, req: OnePeering) -> Result<Made, Ec2Error> {
    let mut peering = find::peering(cx, &req.id)?;
    check_accepter(cx, &peering, "accept")?;
    // As they are now: blocks may have been added since.
    for side in [&mut peering.requester, &mut peering.accepter] {
        let vpc = VPCS.get(cx.tx, &register::key(side.account, side.region, &side.vpc))?;
        *side = self::side(side.account, side.region, &side.vpc, vpc.as_ref());
    }
    let active = |p: &Peering| p.state == PeeringState::Active && p.from(&peering.accepter.vpc).is_some();
    if find::peerings(cx)?.iter().filter(|p| active(p)).count() >= ACTIVE_MAX {
        return Err(Limit::Peerings.into());
    }
    if overlaps(&peering.requester, &peering.accepter) || peering.requester.cidrs.is_empty() {
        let message = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";
        set(cx, &mut peering, PeeringState::Failed, message.into());
    } else {
        set(cx, &mut peering, PeeringState::Active, "Active".into());
    }
    Ok(Made { peering: view(cx, &peering)? })
}

fn reject(cx: &mut Cx<'_>, req: OnePeering) -> Result<Done, Ec2Error> {
    let mut peering = find::peering(cx, &req.id)?;
    check_accepter(cx, &peering, "reject")?;
    set(cx, &mut peering, PeeringState::Rejected, "Inactive".into());
    Ok(DONE)
}

fn delete(cx: &mut Cx<'_>, req: OnePeering) -> Result<Done, Ec2Error> {
    let mut peering = find::peering(cx, &req.id)?;
    let is_requester = peering.requester.account == cx.account && peering.requester.region == cx.region;
    match peering.state {
        PeeringState::Active => {}
        PeeringState::PendingAcceptance if is_requester => {}
        _ => return Err(wrong_state(&peering)),
    }
    let message = format!("Deleted by {}", cx.account);
    set(cx, &mut peering, PeeringState::Deleted, message);
    Ok(DONE)
}

static FILTERS: &Known<View> = &[
    ("accepter-vpc-info.cidr-block", |p| p.accepter.cidrs.iter().flatten().map(|c| c.cidr.clone()).collect()),
    ("accepter-vpc-info.owner-id", |p| one(&p.accepter.owner)),
    ("accepter-vpc-info.vpc-id", |p| one(&p.accepter.vpc)),
    ("expiration-time", |p| p.expires.iter().map(|t| t.iso8601()).collect()),
    ("requester-vpc-info.cidr-block", |p| {
        p.requester.cidrs.iter().flatten().map(|c| c.cidr.clone()).collect()
    }),
    ("requester-vpc-info.owner-id", |p| one(&p.requester.owner)),
    ("requester-vpc-info.vpc-id", |p| one(&p.requester.vpc)),
    ("status-code", |p| one(&p.status.code)),
    ("status-message", |p| one(&p.status.message)),
    ("vpc-peering-connection-id", |p| one(&p.id)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Peerings, Ec2Error> {
    ids_or_pages(&req.ids, "vpcPeeringConnectionIds", req.max)?;
    req.ids.iter().try_for_each(|id| check_id(&PEERING, id))?;
    let found = if req.ids.is_empty() {
        find::peerings(cx)?
    } else {
        req.ids.iter().map(|id| find::peering(cx, id)).collect::<Result<_, _>>()?
    };
    let items = found.iter().map(|peering| view(cx, peering)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (peerings, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Peerings { peerings, next })
}
