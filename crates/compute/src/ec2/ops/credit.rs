//! Whether T machines may spend more CPU credits than they have.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceCreditSpecification.html>

use super::run::check_kind;
use crate::ec2::credits::{FAMILIES, Family, is_t2, is_unlimited};
use crate::ec2::kinds;
use crate::ec2::model::{INSTANCES, Instance, state};
use ec2::access::{Access, list};
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::filter::{Filter, Known};
use ec2::kind::INSTANCE;
use ec2::tags::Tag;
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Target};
use store::Key;
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Credit options.
    pub static OPS:
        DescribeInstanceCreditSpecifications: show, "ec2:DescribeInstanceCreditSpecifications", list;
        ModifyInstanceCreditSpecification: modify, "ec2:ModifyInstanceCreditSpecification", modifying;
        GetDefaultCreditSpecification: get_default, "ec2:GetDefaultCreditSpecification", list;
        ModifyDefaultCreditSpecification: set_default, "ec2:ModifyDefaultCreditSpecification", list;
}

wire::shape! {
    /// Of a launch.
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted { option: String = "CpuCredits" }

    #[derive(Debug)]
    struct GetDefault { family: String = "InstanceFamily" }

    #[derive(Debug)]
    struct SetDefault {
        family: String = "InstanceFamily",
        option: String = "CpuCredits",
    }

    #[derive(Debug)]
    struct Default { family: FamilyView = "InstanceFamilyCreditSpecification" }

    #[derive(Debug)]
    struct FamilyView {
        family: String = "InstanceFamily",
        option: String = "CpuCredits",
    }

    #[derive(Debug)]
    struct Show {
        ids: Vec<String> = "InstanceIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Shown {
        specifications: Vec<View> = "InstanceCreditSpecifications",
        next: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    struct View {
        id: String = "InstanceId",
        option: String = "CpuCredits",
    }

    #[derive(Debug)]
    struct Modify {
        token: Option<String> = "ClientToken",
        wanted: Vec<One> = "InstanceCreditSpecifications",
    }

    #[derive(Debug)]
    struct One {
        id: String = "InstanceId",
        option: Option<String> = "CpuCredits",
    }

    #[derive(Debug)]
    struct Modified {
        done: Vec<Done> = "SuccessfulInstanceCreditSpecifications",
        refused: Vec<Refused> = "UnsuccessfulInstanceCreditSpecifications",
    }

    #[derive(Debug)]
    struct Done { id: String = "InstanceId" }

    #[derive(Debug)]
    struct Refused {
        id: String = "InstanceId",
        why: Why = "Error",
    }

    #[derive(Debug)]
    struct Why {
        code: String = "Code",
        message: String = "Message",
    }
}

const STANDARD: &str = "standard";
const UNLIMITED: &str = "unlimited";

impl Wanted {
    /// What would launch one like that.
    pub(super) fn like(instance: &Instance) -> Option<Wanted> {
        is_burstable(instance).then(|| Wanted { option: view(instance).option })
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

static FILTERS: &Known<View> = &[("instance-id", |view| vec![view.id.clone()])];

fn view(instance: &Instance) -> View {
    // A type without credits is asked about, too, where it is named: it spends no more than it has.
    let unlimited = is_burstable(instance) && is_unlimited(instance);
    View { id: instance.id.clone(), option: word(unlimited).into() }
}

fn word(unlimited: bool) -> &'static str {
    if unlimited { UNLIMITED } else { STANDARD }
}

fn is_burstable(instance: &Instance) -> bool {
    kinds::find(&instance.kind).is_some_and(kinds::InstanceType::is_burstable)
}

/// Without ids, those that may spend more than they have; what is standard is not worth telling.
fn show(cx: &mut Cx<'_>, req: Show) -> Result<Shown, Ec2Error> {
    ids_or_pages(&req.ids, "instanceIds", req.max)?;
    let found = describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)?;
    let named = !req.ids.is_empty();
    let views = found.iter().map(view).filter(|view| named || view.option == UNLIMITED).collect();
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (specifications, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Shown { specifications, next })
}

fn modifying(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let all = request.get("InstanceCreditSpecifications").and_then(Value::as_list).unwrap_or_default();
    let ids = all.iter().filter_map(|one| one.member("InstanceId")?.as_str());
    ids.fold(Access::of(cx, request), |access, id| access.id(&INSTANCE, id)).done()
}

fn parse(option: &str) -> Result<bool, Ec2Error> {
    match option {
        STANDARD => Ok(false),
        UNLIMITED => Ok(true),
        other => Err(Ec2Error::value(other, "cpuCredits", "Valid values: standard, unlimited.")),
    }
}

/// What a launch asks for, or its family's default.
///
/// # Errors
/// `InstanceCreditSpecification.NotSupported` for a type without credits.
pub(super) fn of_launch(cx: &Cx<'_>, wanted: Option<&Wanted>, kind: &str) -> Result<Option<bool>, Ec2Error> {
    let Some(wanted) = wanted else {
        let family = kind.split('.').next().unwrap_or_default();
        let found = FAMILIES.get(cx.tx, &Key::regional(cx.account, cx.region).str(family))?;
        return Ok(found.map(|family| family.unlimited));
    };
    let unlimited = parse(&wanted.option)?;
    if !check_kind(kind)?.is_burstable() {
        return Err(Plain::CreditsNotSupported(kind.into()).into());
    }
    Ok(Some(unlimited))
}

fn change(cx: &mut Cx<'_>, id: &str, unlimited: bool) -> Result<(), Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, id)?;
    if !matches!(instance.state, state::RUNNING | state::STOPPED | state::STOPPING | state::PENDING) {
        let what = format!("The instance '{id}' is not in the 'running' or 'stopped' states.");
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    if !is_burstable(&instance) {
        return Err(Plain::CreditsNotSupported(instance.kind).into());
    }
    instance.unlimited = Some(unlimited);
    let key = register::key(cx.account, cx.region, id);
    INSTANCES.put(cx.tx, &key, &instance);
    Ok(())
}

/// What is wrong with one instance keeps no other from being changed.
fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    if req.wanted.is_empty() {
        return Err(Plain::MissingParameter("InstanceCreditSpecification".into()).into());
    }
    let made = token::made(cx, req.token.as_ref(), &req)?;
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for one in &req.wanted {
        let option = one.option.as_ref().ok_or_else(|| Plain::MissingParameter("CpuCredits".into()))?;
        match change(cx, &one.id, parse(option)?) {
            Ok(()) => done.push(Done { id: one.id.clone() }),
            Err(error) if error.is_ours() => return Err(error),
            Err(error) => {
                let why = Why { code: error.code().to_owned(), message: error.message().to_owned() };
                refused.push(Refused { id: one.id.clone(), why });
            }
        }
    }
    if made.is_none() {
        token::keep(cx, req.token.as_ref(), &req, "changed");
    }
    Ok(Modified { done, refused })
}

fn get_default(cx: &mut Cx<'_>, req: GetDefault) -> Result<Default, Ec2Error> {
    let found = FAMILIES.get(cx.tx, &Key::regional(cx.account, cx.region).str(&req.family))?;
    let unlimited = found.map_or_else(|| !is_t2(&req.family), |family| family.unlimited);
    Ok(Default { family: FamilyView { option: word(unlimited).into(), family: req.family } })
}

/// Machines that are there stay what they are.
fn set_default(cx: &mut Cx<'_>, req: SetDefault) -> Result<Default, Ec2Error> {
    let unlimited = parse(&req.option)?;
    FAMILIES.put(cx.tx, &Key::regional(cx.account, cx.region).str(&req.family), &Family { unlimited });
    Ok(Default { family: FamilyView { option: word(unlimited).into(), family: req.family } })
}
