//! Invitations: how an account that is there already joins an organization.
//!
//! Accounts are invited by number. By address nobody could be found, since accounts of this cloud have none until an
//! organization knows them.

use super::super::access::{handshake, named};
use super::super::errors::{OrgError, Plain};
use super::super::model::{
    ACCOUNTS_MAX, Answer, HANDSHAKES, Handshake, MEMBERS, MEMBERS_OF, Member, ORGANIZATIONS, Organization,
    all, member_key, new_id,
};
use super::super::page::page;
use super::super::tree;
use super::Tag;
use super::organization::Paging;
use base::{AccountId, Timestamp};
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! {
    pub static OPS:
        InviteAccountToOrganization: invite, "organizations:InviteAccountToOrganization", named;
        DescribeHandshake: describe, "organizations:DescribeHandshake", handshake;
        AcceptHandshake: accept, "organizations:AcceptHandshake", handshake;
        DeclineHandshake: decline, "organizations:DeclineHandshake", handshake;
        CancelHandshake: cancel, "organizations:CancelHandshake", handshake;
        ListHandshakesForAccount: list_for_account, "organizations:ListHandshakesForAccount", named;
        ListHandshakesForOrganization: list_for_organization, "organizations:ListHandshakesForOrganization", named;
}

wire::shape! {
    pub struct Invite {
        pub target: Party = "Target",
        pub notes: Option<String> = "Notes",
        pub tags: Vec<Tag> = "Tags",
    }

    pub struct HandshakeId { pub id: String = "HandshakeId" }

    pub struct HandshakeResult { pub handshake: Shown = "Handshake" }

    pub struct Shown {
        pub id: String = "Id",
        pub arn: String = "Arn",
        pub parties: Vec<Party> = "Parties",
        pub state: String = "State",
        pub requested: Timestamp = "RequestedTimestamp",
        pub expires: Timestamp = "ExpirationTimestamp",
        pub action: String = "Action",
        pub resources: Vec<Resource> = "Resources",
    }

    pub struct Party {
        pub id: String = "Id",
        pub kind: String = "Type",
    }

    pub struct Resource {
        pub value: String = "Value",
        pub kind: String = "Type",
        pub resources: Option<Vec<Detail>> = "Resources",
    }

    /// A resource within a resource; AWS nests no deeper.
    pub struct Detail {
        pub value: String = "Value",
        pub kind: String = "Type",
    }

    pub struct Handshakes {
        pub handshakes: Vec<Shown> = "Handshakes",
        pub next_token: Option<String> = "NextToken",
    }
}

fn shown(cx: &Cx<'_>, handshake: &Handshake) -> Result<Shown, OrgError> {
    let organization = ORGANIZATIONS.get(cx.tx, &Key::global().str(&handshake.organization))?;
    let organization = organization.ok_or(Plain::HandshakeNotFound)?;
    let management = MEMBERS.get(cx.tx, &member_key(organization.management))?.unwrap_or_default();
    let party = |id: &str, kind: &str| Party { id: id.to_owned(), kind: kind.to_owned() };
    let detail = |kind: &str, value: &str| Detail { value: value.to_owned(), kind: kind.to_owned() };
    let features = if organization.all_features { "ALL" } else { "CONSOLIDATED_BILLING" };
    let of_organization = vec![
        detail("MASTER_EMAIL", &management.email),
        detail("MASTER_NAME", &management.name),
        detail("ORGANIZATION_FEATURE_SET", features),
    ];
    let resource = |kind: &str, value: &str, resources: Option<Vec<Detail>>| Resource {
        value: value.to_owned(),
        kind: kind.to_owned(),
        resources,
    };
    let mut resources = vec![
        resource("ORGANIZATION", &organization.id, Some(of_organization)),
        resource("ACCOUNT", handshake.account.as_str(), None),
    ];
    resources.extend(handshake.notes.as_ref().map(|notes| resource("NOTES", notes, None)));
    Ok(Shown {
        id: handshake.id.clone(),
        arn: organization.arn("handshake", &format!("invite/{}", handshake.id)),
        parties: vec![
            party(organization.id.trim_start_matches("o-"), "ORGANIZATION"),
            party(handshake.account.as_str(), "ACCOUNT"),
        ],
        state: handshake.state_at(cx.now).to_owned(),
        requested: handshake.requested,
        expires: handshake.expires(),
        action: "INVITE".to_owned(),
        resources,
    })
}

fn is_open(cx: &Cx<'_>, handshake: &Handshake) -> bool {
    handshake.state_at(cx.now) == "OPEN"
}

/// Every invitation that `is` wanted, by id.
fn found(cx: &Cx<'_>, is: impl Fn(&Handshake) -> bool) -> Result<Vec<Handshake>, OrgError> {
    let every: Result<Vec<_>, _> = HANDSHAKES.scan(cx.tx, &Key::global(), Direction::Forward).collect();
    Ok(every?.into_iter().map(|(_, handshake)| handshake).filter(is).collect())
}

fn invite(cx: &mut Cx<'_>, req: Invite) -> Result<HandshakeResult, OrgError> {
    let organization = tree::managed(cx)?;
    let account = match req.target.kind.as_str() {
        "ACCOUNT" => AccountId::parse(&req.target.id),
        _ => {
            let what = "Accounts of this cloud have no address of their own; invite them by their number.";
            return Err(OrgError::input("INVALID_PARTY_TYPE_TARGET", what));
        }
    };
    let bad = || OrgError::input("INVALID_PATTERN_TARGET_ID", "The target is not the number of an account.");
    let account = account.ok_or_else(bad)?;
    refuse_members(cx, account)?;
    let open = found(cx, |h| h.organization == organization.id && is_open(cx, h))?;
    if open.iter().any(|handshake| handshake.account == account) {
        return Err(Plain::DuplicateHandshake.into());
    }
    let members = MEMBERS_OF.scan(cx.tx, &all(&organization.id), Direction::Forward).count();
    // AWS counts open invitations as accounts.
    if members + open.len() >= ACCOUNTS_MAX {
        let what = "You have exceeded the allowed number of AWS accounts.";
        return Err(OrgError::handshake("ACCOUNT_NUMBER_LIMIT_EXCEEDED", what));
    }
    let handshake = Handshake {
        id: new_id(cx.rng(), "h-", 32),
        organization: organization.id,
        account,
        requested: cx.now,
        state: Answer::Open,
        notes: req.notes,
        tags: super::tags(req.tags)?,
    };
    HANDSHAKES.put(cx.tx, &Key::global().str(&handshake.id), &handshake);
    Ok(HandshakeResult { handshake: shown(cx, &handshake)? })
}

fn refuse_members(cx: &Cx<'_>, account: AccountId) -> Result<(), OrgError> {
    if MEMBERS.contains(cx.tx, &member_key(account))? {
        let what = "The account is already a member of an organization.";
        return Err(OrgError::handshake("ALREADY_IN_AN_ORGANIZATION", what));
    }
    Ok(())
}

/// The invitation, for whichever side of it the caller is.
fn find(cx: &Cx<'_>, id: &str) -> Result<(Handshake, Organization), OrgError> {
    let handshake = HANDSHAKES.get(cx.tx, &Key::global().str(id))?.ok_or(Plain::HandshakeNotFound)?;
    let organization = ORGANIZATIONS.get(cx.tx, &Key::global().str(&handshake.organization))?;
    let organization = organization.ok_or(Plain::HandshakeNotFound)?;
    if cx.account == handshake.account || cx.account == organization.management {
        Ok((handshake, organization))
    } else {
        Err(Plain::HandshakeNotFound.into())
    }
}

fn describe(cx: &mut Cx<'_>, req: HandshakeId) -> Result<HandshakeResult, OrgError> {
    let (handshake, _) = find(cx, &req.id)?;
    Ok(HandshakeResult { handshake: shown(cx, &handshake)? })
}

/// Moves an open invitation on.
fn answer(cx: &mut Cx<'_>, mut handshake: Handshake, answer: Answer) -> Result<HandshakeResult, OrgError> {
    if handshake.state == answer {
        return Err(Plain::HandshakeAlreadyInState.into());
    }
    if !is_open(cx, &handshake) {
        return Err(Plain::InvalidTransition.into());
    }
    handshake.state = answer;
    HANDSHAKES.put(cx.tx, &Key::global().str(&handshake.id), &handshake);
    Ok(HandshakeResult { handshake: shown(cx, &handshake)? })
}

fn accept(cx: &mut Cx<'_>, req: HandshakeId) -> Result<HandshakeResult, OrgError> {
    let (handshake, organization) = find(cx, &req.id)?;
    if cx.account != handshake.account {
        return Err(Plain::AccessDenied.into());
    }
    let result = answer(cx, handshake.clone(), Answer::Accepted)?;
    refuse_members(cx, cx.account)?;
    let member = Member {
        account: cx.account,
        organization: organization.id.clone(),
        email: format!("{}@virga.invalid", cx.account),
        name: cx.account.to_string(),
        joined: cx.now,
        created_here: false,
        parent: organization.root.clone(),
        closed: None,
        tags: handshake.tags,
    };
    tree::join(cx.tx, &organization, &member);
    Ok(result)
}

fn decline(cx: &mut Cx<'_>, req: HandshakeId) -> Result<HandshakeResult, OrgError> {
    let (handshake, _) = find(cx, &req.id)?;
    if cx.account != handshake.account {
        return Err(Plain::AccessDenied.into());
    }
    answer(cx, handshake, Answer::Declined)
}

fn cancel(cx: &mut Cx<'_>, req: HandshakeId) -> Result<HandshakeResult, OrgError> {
    let (handshake, organization) = find(cx, &req.id)?;
    if cx.account != organization.management {
        return Err(Plain::AccessDenied.into());
    }
    answer(cx, handshake, Answer::Canceled)
}

fn list_for_account(cx: &mut Cx<'_>, req: Paging) -> Result<Handshakes, OrgError> {
    let account = cx.account;
    let handshakes = found(cx, |handshake| handshake.account == account)?;
    listed(cx, "handshakes-for-account", &handshakes, &req)
}

fn list_for_organization(cx: &mut Cx<'_>, req: Paging) -> Result<Handshakes, OrgError> {
    let organization = tree::managed(cx)?;
    let handshakes = found(cx, |handshake| handshake.organization == organization.id)?;
    listed(cx, "handshakes-for-organization", &handshakes, &req)
}

fn listed(cx: &Cx<'_>, list: &str, handshakes: &[Handshake], req: &Paging) -> Result<Handshakes, OrgError> {
    let all = handshakes.iter().map(|handshake| Ok((handshake.id.clone(), shown(cx, handshake)?)));
    let all = all.collect::<Result<Vec<_>, OrgError>>()?;
    let (handshakes, next_token) = page(cx, list, all, req.next_token.as_deref(), req.max_results)?;
    Ok(Handshakes { handshakes, next_token })
}
