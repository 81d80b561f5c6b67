//! Instance profiles: which role an instance has. The profiles themselves are IAM's.

use super::{call_to, list, text};
use crate::ec2::model::{Association, INSTANCES, Instance, state};
use base::Timestamp;
use ec2::access::{self, Access};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{Filter, Known};
use ec2::kind::INSTANCE;
use ec2::tags::Tag;
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Target};
use wire::{Fault, FromValue, Struct, Value};

kernel::ops! {
    /// Which profile an instance has.
    pub static OPS:
        AssociateIamInstanceProfile: associate, "ec2:AssociateIamInstanceProfile", associating;
        DisassociateIamInstanceProfile: disassociate, "ec2:DisassociateIamInstanceProfile", disassociating;
        ReplaceIamInstanceProfileAssociation: replace, "ec2:ReplaceIamInstanceProfileAssociation", replacing;
        DescribeIamInstanceProfileAssociations: describe_associations, "ec2:DescribeIamInstanceProfileAssociations", access::list;
}

wire::shape! {
    /// A profile by one of its names.
    #[derive(Clone, Debug)]
    pub(crate) struct Named {
        arn: Option<String> = "Arn",
        name: Option<String> = "Name",
    }

    #[derive(Debug)]
    struct Associate {
        profile: Named = "IamInstanceProfile",
        instance: String = "InstanceId",
    }

    #[derive(Debug)]
    struct Replace {
        profile: Named = "IamInstanceProfile",
        id: String = "AssociationId",
    }

    #[derive(Debug)]
    struct ById { id: String = "AssociationId" }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "AssociationIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        associations: Vec<View> = "IamInstanceProfileAssociations",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct One { association: View = "IamInstanceProfileAssociation" }

    #[derive(Debug)]
    struct View {
        id: String = "AssociationId",
        instance: String = "InstanceId",
        profile: ProfileView = "IamInstanceProfile",
        state: String = "State",
        since: Timestamp = "Timestamp",
    }

    #[derive(Debug)]
    pub(crate) struct ProfileView {
        pub(crate) arn: String = "Arn",
        pub(crate) id: String = "Id",
    }
}

impl Named {
    /// However it is named.
    pub(super) fn said(&self) -> Vec<String> {
        self.arn.iter().chain(&self.name).cloned().collect()
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

impl Named {
    pub(crate) fn by_arn(arn: &str) -> Named {
        Named { arn: Some(arn.to_owned()), name: None }
    }
}

impl ProfileView {
    pub(crate) fn of(held: &Association) -> ProfileView {
        ProfileView { arn: held.arn.clone(), id: held.profile.clone() }
    }
}

impl View {
    fn of(instance: &Instance, held: &Association, state: &str) -> View {
        View {
            id: held.id.clone(),
            instance: instance.id.clone(),
            profile: ProfileView::of(held),
            state: state.into(),
            since: held.since,
        }
    }
}

/// A profile as IAM shows it.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) arn: String,
    pub(crate) id: String,
    /// The role that it holds, as IAM shows that.
    pub(crate) role: Option<Value>,
}

impl Profile {
    /// The profile with this name.
    ///
    /// # Errors
    /// IAM's.
    pub(crate) fn get(cx: &mut Cx<'_>, name: &str) -> Result<Profile, Ec2Error> {
        let found = call_to(cx, "iam", "GetInstanceProfile", [("InstanceProfileName", Value::str(name))])?;
        let shown = found.member("InstanceProfile").ok_or(Plain::InternalError)?;
        let role = list(shown, "Roles").first().cloned();
        Ok(Profile { arn: text(shown, "Arn"), id: text(shown, "InstanceProfileId"), role })
    }

    pub(crate) fn associate(&self, cx: &Cx<'_>) -> Association {
        Association {
            id: base::id::ec2_resource_id(cx.rng(), "iip-assoc"),
            arn: self.arn.clone(),
            profile: self.id.clone(),
            since: cx.now,
        }
    }
}

/// The last part of an ARN.
pub(crate) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// AWS: an empty name is none.
fn some(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

impl Named {
    /// Whether it names a profile at all: clients that say all they can say send an empty name.
    pub(crate) fn is_any(&self) -> bool {
        some(self.arn.as_ref()).or(some(self.name.as_ref())).is_some()
    }
}

/// The profile that is meant; it must hold a role.
///
/// # Errors
/// `InvalidParameterValue` where there is none such, `InvalidParameterCombination` for both names at once.
pub(crate) fn find(cx: &mut Cx<'_>, named: &Named) -> Result<Profile, Ec2Error> {
    let (member, given, why) = match (some(named.arn.as_ref()), some(named.name.as_ref())) {
        (Some(_), Some(_)) => {
            let what = "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        (Some(arn), None) => ("iamInstanceProfile.arn", arn, "Invalid IAM Instance Profile ARN"),
        (None, Some(name)) => ("iamInstanceProfile.name", name, "Invalid IAM Instance Profile name"),
        (None, None) => return Err(Plain::MissingParameter("IamInstanceProfile".into()).into()),
    };
    let invalid = || Ec2Error::value(given, member, why);
    let by_arn = some(named.arn.as_ref());
    let name = if by_arn.is_some() { name_of(given) } else { given };
    let found = Profile::get(cx, name).map_err(|error| if error.is_ours() { error } else { invalid() })?;
    if by_arn.is_some_and(|arn| *arn != found.arn) {
        return Err(invalid());
    }
    if found.role.is_none() {
        let why = format!("IAM Instance Profile \"{}\" has no associated IAM Roles", found.arn);
        return Err(Ec2Error::value(given, member, &why));
    }
    Ok(found)
}

/// What the authorization of a request is told about the profile that it names.
pub(crate) struct Asked {
    pub(crate) arn: String,
    /// That its role may be handed to EC2.
    pub(crate) pass: Option<Target>,
}

/// The profile that a member names. Of one that is not there only the name counts: the handler refuses it.
pub(crate) fn asked(cx: &mut Cx<'_>, member: Option<&Value>) -> Option<Asked> {
    let named = Named::from_value(member?.clone()).ok().filter(Named::is_any)?;
    let Ok(profile) = find(cx, &named) else {
        let named = named.arn.or(named.name).unwrap_or_default();
        return Some(Asked { arn: named, pass: None });
    };
    let pass = profile.role.as_ref().map(|role| pass(cx, &text(role, "Arn")));
    Some(Asked { arn: profile.arn, pass })
}

fn pass(cx: &mut Cx<'_>, arn: &str) -> Target {
    let mut target = Target::on(arn).doing("iam:PassRole").key("iam:PassedToService", super::SELF);
    let found = call_to(cx, "iam", "GetRole", [("RoleName", Value::str(name_of(arn)))]);
    let Ok(found) = found else { return target };
    let tags = found.member("Role").map(|role| list(role, "Tags").to_vec()).unwrap_or_default();
    let tags: base::tag::Tags = tags.iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect();
    for (key, value) in &tags {
        target = target.key(format!("iam:ResourceTag/{key}"), value);
    }
    target.tagged(tags)
}

/// The instance that has an association.
fn holder(cx: &Cx<'_>, id: &str) -> Result<(Instance, Association), Ec2Error> {
    let all = describe::all(cx, &INSTANCES)?;
    let mut held = all.into_iter().filter_map(|instance| Some((instance.profile.clone()?, instance)));
    let found = held.find(|(held, instance)| held.id == id && !instance.is_over());
    found.map(|(held, instance)| (instance, held)).ok_or_else(|| Plain::InvalidAssociation(id.into()).into())
}

fn associating(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let profile = asked(cx, request.get("IamInstanceProfile"));
    with_new(Access::of(cx, request).one(&INSTANCE, "InstanceId"), profile)
}

fn with_new(mut access: Access<'_, '_>, profile: Option<Asked>) -> Result<Vec<Target>, Fault> {
    if let Some(profile) = profile {
        access = access.key("ec2:NewInstanceProfile", profile.arn).target_if(profile.pass);
    }
    access.done()
}

fn of_association<'a, 'c>(cx: &'a mut Cx<'c>, request: &'a Struct) -> Access<'a, 'c> {
    let id = request.str("AssociationId").unwrap_or_default();
    // One that is not there is on an instance that nobody has.
    let instance = holder(cx, id).map_or_else(|_| "*".to_owned(), |(instance, _)| instance.id);
    Access::of(cx, request).id(&INSTANCE, &instance)
}

fn disassociating(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    of_association(cx, request).done()
}

fn replacing(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let profile = asked(cx, request.get("IamInstanceProfile"));
    with_new(of_association(cx, request), profile)
}

/// Keeps what an instance has from now on, in its record and for policies.
fn keep(cx: &mut Cx<'_>, mut instance: Instance, held: Option<Association>) -> Result<Instance, Ec2Error> {
    register::set_key(cx, &instance.id, "ec2:InstanceProfile", held.as_ref().map(|held| held.arn.clone()))?;
    instance.profile = held;
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(instance)
}

fn associate(cx: &mut Cx<'_>, req: Associate) -> Result<One, Ec2Error> {
    let instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.instance)?;
    let profile = find(cx, &req.profile)?;
    if !matches!(instance.state, state::PENDING | state::RUNNING | state::STOPPING | state::STOPPED) {
        let what = format!("The instance '{}' is not in the 'running' or 'stopped' states.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    if instance.profile.is_some() {
        let what = format!("There is an existing association for instance {}", instance.id);
        return Err(Plain::IncorrectState(what).into());
    }
    let held = profile.associate(cx);
    let instance = keep(cx, instance, Some(held.clone()))?;
    Ok(One { association: View::of(&instance, &held, "associating") })
}

fn disassociate(cx: &mut Cx<'_>, req: ById) -> Result<One, Ec2Error> {
    let (instance, held) = holder(cx, &req.id)?;
    let instance = keep(cx, instance, None)?;
    Ok(One { association: View::of(&instance, &held, "disassociating") })
}

fn replace(cx: &mut Cx<'_>, req: Replace) -> Result<One, Ec2Error> {
    let (instance, _) = holder(cx, &req.id)?;
    let profile = find(cx, &req.profile)?;
    let held = profile.associate(cx);
    let instance = keep(cx, instance, Some(held.clone()))?;
    Ok(One { association: View::of(&instance, &held, "associating") })
}

static FILTERS: &Known<View> =
    &[("instance-id", |v| vec![v.instance.clone()]), ("state", |v| vec![v.state.clone()])];

fn describe_associations(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    for id in &req.ids {
        holder(cx, id)?;
    }
    let mut items = Vec::new();
    for instance in describe::all(cx, &INSTANCES)?.iter().filter(|instance| !instance.is_over()) {
        let held = instance.profile.iter();
        items.extend(held.map(|held| View::of(instance, held, "associated")));
    }
    items.retain(|view| req.ids.is_empty() || req.ids.contains(&view.id));
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (associations, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Described { associations, next })
}
