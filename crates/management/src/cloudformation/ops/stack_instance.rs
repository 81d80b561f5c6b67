//! Stack instances: where a set has its stacks.

pub(super) use super::stack_set::Begun;
use super::stack_set::{as_self, existing_set, idle_set, shown};
use super::stack_set_operation::{Preferred, page};
use super::{Parameter, ParameterView};
use crate::cloudformation::access;
use crate::cloudformation::drift::NOT_CHECKED;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::news;
use crate::cloudformation::sets::model::{
    Aim, Instance, OPERATIONS, Operation, Outcome, Overrides, Preferences, SET_JOBS, SetJob, StackSet,
    open_texts, seal_texts,
};
use crate::cloudformation::sets::organization;
use base::{AccountId, Region, Timestamp};
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    CreateStackInstances: create, "cloudformation:CreateStackInstances", access::stack_instances;
    UpdateStackInstances: update, "cloudformation:UpdateStackInstances", access::stack_instances;
    DeleteStackInstances: delete, "cloudformation:DeleteStackInstances", access::stack_instances;
    DescribeStackInstance: describe, "cloudformation:DescribeStackInstance", access::stack_set;
    ListStackInstances: list, "cloudformation:ListStackInstances", access::stack_set;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Change {
        name: String = "StackSetName",
        accounts: Vec<String> = "Accounts",
        targets: Option<Targets> = "DeploymentTargets",
        regions: Vec<String> = "Regions",
        overrides: Option<Vec<Parameter>> = "ParameterOverrides",
        preferences: Option<Preferred> = "OperationPreferences",
        operation: Option<String> = "OperationId",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Targets {
        accounts: Vec<String> = "Accounts",
        url: Option<String> = "AccountsUrl",
        pub(super) units: Vec<String> = "OrganizationalUnitIds",
        filter: Option<String> = "AccountFilterType",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Delete {
        name: String = "StackSetName",
        accounts: Vec<String> = "Accounts",
        targets: Option<Targets> = "DeploymentTargets",
        regions: Vec<String> = "Regions",
        preferences: Option<Preferred> = "OperationPreferences",
        retain: bool = "RetainStacks",
        operation: Option<String> = "OperationId",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct One {
        name: String = "StackSetName",
        account: String = "StackInstanceAccount",
        region: String = "StackInstanceRegion",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Described { instance: View = "StackInstance" }

    #[derive(Clone, Debug)]
    pub(crate) struct Detailed { status: String = "DetailedStatus" }

    #[derive(Clone, Debug)]
    pub(crate) struct View {
        set: String = "StackSetId",
        region: String = "Region",
        account: String = "Account",
        stack: Option<String> = "StackId",
        overrides: Option<Vec<ParameterView>> = "ParameterOverrides",
        status: String = "Status",
        detailed: Detailed = "StackInstanceStatus",
        reason: Option<String> = "StatusReason",
        unit: Option<String> = "OrganizationalUnitId",
        drift: String = "DriftStatus",
        checked: Option<Timestamp> = "LastDriftCheckTimestamp",
        operation: Option<String> = "LastOperationId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListStackInstances {
        name: String = "StackSetName",
        token: Option<String> = "NextToken",
        most: Option<i64> = "MaxResults",
        filters: Vec<Filter> = "Filters",
        account: Option<String> = "StackInstanceAccount",
        region: Option<String> = "StackInstanceRegion",
        call_as: Option<String> = "CallAs",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Filter {
        name: Option<String> = "Name",
        values: Option<String> = "Values",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Instances {
        instances: Vec<Summary> = "Summaries",
        token: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Summary {
        set: String = "StackSetId",
        region: String = "Region",
        account: String = "Account",
        stack: Option<String> = "StackId",
        status: String = "Status",
        reason: Option<String> = "StatusReason",
        detailed: Detailed = "StackInstanceStatus",
        unit: Option<String> = "OrganizationalUnitId",
        drift: String = "DriftStatus",
        checked: Option<Timestamp> = "LastDriftCheckTimestamp",
        operation: Option<String> = "LastOperationId",
    }
}

/// AWS: the drift of instances is known once it was looked for.
fn drift_of(own: &Instance) -> String {
    own.drift.clone().unwrap_or_else(|| NOT_CHECKED.to_owned())
}

/// Where a stack of a set is to be.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
    /// The root or unit by which the account was meant.
    pub(crate) unit: Option<String>,
}

impl Place {
    pub(super) fn of(instance: Instance) -> Place {
        Place { account: instance.account, region: instance.region, unit: instance.unit }
    }

    /// By whatever unit it was meant.
    pub(super) fn is(&self, other: &Place) -> bool {
        (&self.account, &self.region) == (&other.account, &other.region)
    }
}

/// An operation that is to begin.
pub(crate) struct Asked {
    action: &'static str,
    id: Option<String>,
    preferences: Option<Preferences>,
    retain: Option<bool>,
    overrides: Option<Overrides>,
    pub(super) places: Vec<Place>,
    /// The roots and units that were named.
    pub(super) units: Vec<String>,
}

impl Asked {
    pub(super) fn new(
        action: &'static str,
        id: Option<String>,
        preferences: Option<Preferred>,
    ) -> Result<Asked, CfnError> {
        let preferences = preferences.map(Preferred::checked).transpose()?;
        Ok(Asked { id, preferences, ..Asked::of(action, Vec::new(), None) })
    }

    /// One that nobody has wishes about.
    pub(crate) fn of(action: &'static str, places: Vec<Place>, retain: Option<bool>) -> Asked {
        Asked { action, id: None, preferences: None, retain, overrides: None, places, units: Vec::new() }
    }
}

/// Puts an operation on its way.
pub(crate) fn begin(cx: &mut Cx<'_>, set: &StackSet, asked: Asked) -> Result<Begun, CfnError> {
    let id = asked.id.unwrap_or_else(|| base::id::uuid(cx.rng()));
    if OPERATIONS.contains(cx.tx, &set.operation_key(&id))? {
        return Err(CfnError::OperationExists(id));
    }
    let mut places = asked.places;
    // Each region's together: those that have an order in that, and then the others in theirs.
    let mut order = asked.preferences.as_ref().map(|own| own.order.clone()).unwrap_or_default();
    for place in &places {
        if !order.contains(&place.region) {
            order.push(place.region.clone());
        }
    }
    places.sort_by_key(|place| order.iter().position(|own| *own == place.region));
    let operation = Operation {
        id: id.clone(),
        action: asked.action.to_owned(),
        status: "RUNNING".to_owned(),
        preferences: asked.preferences,
        retain: asked.retain,
        administrator: set.administrator.clone(),
        executor: set.executor.clone(),
        created: cx.now,
        ended: None,
        overrides: asked.overrides,
        units: asked.units,
        drift: None,
    };
    OPERATIONS.put(cx.tx, &set.operation_key(&id), &operation);
    news::operated(&std::sync::Arc::clone(cx.cloud()), cx.tx, set, &operation);
    for (place, Place { account, region, unit }) in places.into_iter().enumerate() {
        let known = set.instance(cx.tx, &account, &region)?;
        let creates = asked.action == "CREATE";
        if (known.is_some() || creates) && !operation.looks() {
            let fresh = Instance {
                account: account.clone(),
                region: region.clone(),
                status: "OUTDATED".into(),
                sealed_overrides: seal_texts(cx.cloud(), &[]),
                ..Instance::default()
            };
            let instance = Instance {
                detailed: "PENDING".into(),
                reason: None,
                operation: Some(id.clone()),
                unit: unit.clone(),
                ..known.unwrap_or(fresh)
            };
            set.put(cx.tx, &instance);
            news::settled(&std::sync::Arc::clone(cx.cloud()), cx.tx, set, asked.action, &instance);
        }
        let outcome = Outcome { account, region, status: "PENDING".into(), unit, ..Outcome::default() };
        set.put_outcome(cx.tx, &id, place, &outcome);
    }
    let job = SetJob { account: set.account, region: set.region, set: set.id.clone(), operation: id.clone() };
    SET_JOBS.put(cx.tx, &set.key(), &job);
    Ok(Begun { id })
}

/// All accounts in all regions.
pub(super) fn places(
    cx: &mut Cx<'_>,
    set: &StackSet,
    accounts: Vec<String>,
    targets: Option<Targets>,
    regions: &[String],
) -> Result<Vec<Place>, CfnError> {
    if targets.is_some() && !accounts.is_empty() {
        return Err(invalid("You can specify Accounts or DeploymentTargets, but not both."));
    }
    if targets.as_ref().is_some_and(|targets| targets.url.is_some()) {
        return Err(CfnError::NotBuilt("DeploymentTargets.AccountsUrl".into()));
    }
    let accounts = if set.is_managed() {
        meant(cx, targets)?
    } else {
        let accounts = match targets {
            Some(targets) if !targets.units.is_empty() => {
                return Err(invalid(
                    "StackSets with SELF_MANAGED permission model can only have accounts as target",
                ));
            }
            Some(targets) => targets.accounts,
            None => accounts,
        };
        if accounts.is_empty() {
            return Err(invalid("Accounts and Regions must be specified."));
        }
        accounts.into_iter().map(|account| (account, None)).collect()
    };
    if regions.is_empty() {
        return Err(invalid("Accounts and Regions must be specified."));
    }
    if let Some((account, _)) = accounts.iter().find(|(account, _)| AccountId::parse(account).is_none()) {
        return Err(invalid(format!("Invalid account: {account}")));
    }
    if let Some(region) = regions.iter().find(|region| Region::parse(region).is_none()) {
        return Err(invalid(format!("Invalid region: {region}")));
    }
    let mut out: Vec<Place> = Vec::new();
    for (region, (account, unit)) in regions.iter().flat_map(|r| accounts.iter().map(move |a| (r, a))) {
        let place = Place { account: account.clone(), region: region.clone(), unit: unit.clone() };
        if !out.iter().any(|own| own.is(&place)) {
            out.push(place);
        }
    }
    Ok(out)
}

/// The accounts of an organization that are meant, each with the root or unit by which it is.
///
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html>
fn meant(cx: &mut Cx<'_>, targets: Option<Targets>) -> Result<Vec<(String, Option<String>)>, CfnError> {
    organization::must_operate(cx)?;
    let Some(targets) = targets else {
        return Err(invalid(
            "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target",
        ));
    };
    if targets.units.is_empty() {
        return Err(invalid("OrganizationalUnitIds are required"));
    }
    let Targets { accounts, units, filter, .. } = targets;
    let filter = filter.as_deref();
    if filter.is_none() && !accounts.is_empty() {
        return Err(invalid(
            "AccountFilterType should be specified when both OrganizationalUnitIds and Accounts are provided",
        ));
    }
    if filter.is_some_and(|filter| (filter == "NONE") != accounts.is_empty()) {
        return Err(invalid("Accounts and AccountFilterType do not fit together"));
    }
    let mut out: Vec<(String, Option<String>)> = Vec::new();
    for unit in &units {
        let below = organization::accounts_below(cx, unit).map_err(|fault| invalid(fault.message))?;
        for account in below {
            let keeps = match filter {
                Some("INTERSECTION") => accounts.contains(&account),
                Some("DIFFERENCE") => !accounts.contains(&account),
                _ => true,
            };
            if keeps && out.iter().all(|(own, _)| *own != account) {
                out.push((account, Some(unit.clone())));
            }
        }
    }
    if filter == Some("UNION") {
        let more = accounts.into_iter().filter(|account| *account != cx.account.as_str());
        for account in more {
            if out.iter().all(|(own, _)| *own != account) {
                out.push((account, None));
            }
        }
    }
    Ok(out)
}

/// From now on the set follows these units, or no longer.
fn aim(
    cx: &mut Cx<'_>,
    set: &mut StackSet,
    units: &[String],
    regions: &[String],
    on: bool,
) -> Result<(), CfnError> {
    for unit in units {
        let place = set.aims.iter().position(|aim| aim.unit == *unit);
        let place = match place {
            Some(place) => place,
            None if on => {
                let accounts =
                    organization::accounts_below(cx, unit).map_err(|fault| invalid(fault.message))?;
                set.aims.push(Aim { unit: unit.clone(), regions: Vec::new(), accounts });
                set.aims.len() - 1
            }
            None => continue,
        };
        let own = &mut set.aims[place].regions;
        own.retain(|region| !regions.contains(region));
        if on {
            own.extend_from_slice(regions);
            own.sort_unstable();
        }
    }
    set.aims.retain(|aim| !aim.regions.is_empty());
    set.aims.sort_by(|one, other| one.unit.cmp(&other.unit));
    set.save(cx.tx);
    Ok(())
}

/// Units that a request names as a whole: the set follows those, and none of which only some accounts are meant.
fn whole(targets: Option<&Targets>) -> Vec<String> {
    let all = |targets: &&Targets| !matches!(targets.filter.as_deref(), Some("INTERSECTION" | "DIFFERENCE"));
    targets.filter(all).map(|targets| targets.units.clone()).unwrap_or_default()
}

fn named(targets: Option<&Targets>) -> Vec<String> {
    targets.map(|targets| targets.units.clone()).unwrap_or_default()
}

/// Parameters that a set has, with other values.
fn overrides(cx: &Cx<'_>, set: &StackSet, asked: Vec<Parameter>) -> Result<Overrides, CfnError> {
    let own = open_texts(cx.cloud(), &set.sealed_parameters);
    let (mut out, mut kept) = (Vec::new(), Vec::new());
    for one in super::given(asked) {
        if own.iter().all(|(name, _)| *name != one.name) {
            return Err(invalid(format!("Parameters: [{}] do not exist in the template", one.name)));
        }
        match (one.value, one.previous) {
            (Some(value), false) => out.push((one.name, value)),
            (value, true) if value.as_ref().is_none_or(String::is_empty) => kept.push(one.name),
            (_, true) => {
                return Err(invalid(format!(
                    "Invalid input for parameter key {}. Cannot specify usePreviousValue as true and non empty value for a parameter",
                    one.name
                )));
            }
            (None, false) => {
                return Err(invalid(format!("Parameters: [{}] must have values", one.name)));
            }
        }
    }
    Ok(Overrides { sealed: seal_texts(cx.cloud(), &out), kept })
}

fn create(cx: &mut Cx<'_>, req: Change) -> Result<Begun, CfnError> {
    as_self(req.call_as.as_deref())?;
    let mut set = idle_set(cx, &req.name)?;
    let mut asked = Asked::new("CREATE", req.operation, req.preferences)?;
    let followed = whole(req.targets.as_ref());
    asked.units = named(req.targets.as_ref());
    asked.places = places(cx, &set, req.accounts, req.targets, &req.regions)?;
    aim(cx, &mut set, &followed, &req.regions, true)?;
    asked.overrides = Some(overrides(cx, &set, req.overrides.unwrap_or_default())?);
    begin(cx, &set, asked)
}

fn update(cx: &mut Cx<'_>, req: Change) -> Result<Begun, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = idle_set(cx, &req.name)?;
    let mut asked = Asked::new("UPDATE", req.operation, req.preferences)?;
    asked.units = named(req.targets.as_ref());
    let mut all = Vec::new();
    for place in places(cx, &set, req.accounts, req.targets, &req.regions)? {
        match set.instance(cx.tx, &place.account, &place.region)? {
            Some(_) => all.push(place),
            // Of a unit those that are there.
            None if set.is_managed() => {}
            None => return Err(CfnError::NoInstance(set.full_id(), place.account, place.region)),
        }
    }
    asked.places = all;
    // AWS: those that a request does not name stay as they are only where it names none at all.
    asked.overrides = req.overrides.map(|all| overrides(cx, &set, all)).transpose()?;
    begin(cx, &set, asked)
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Begun, CfnError> {
    as_self(req.call_as.as_deref())?;
    let mut set = idle_set(cx, &req.name)?;
    let mut asked = Asked::new("DELETE", req.operation, req.preferences)?;
    let left = whole(req.targets.as_ref());
    asked.units = named(req.targets.as_ref());
    asked.places = places(cx, &set, req.accounts, req.targets, &req.regions)?;
    aim(cx, &mut set, &left, &req.regions, false)?;
    asked.retain = Some(req.retain);
    begin(cx, &set, asked)
}

fn describe(cx: &mut Cx<'_>, req: One) -> Result<Described, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let found = set.instance(cx.tx, &req.account, &req.region)?;
    let own = found.ok_or_else(|| CfnError::NoInstance(set.full_id(), req.account, req.region))?;
    let overrides = shown(&set, open_texts(cx.cloud(), &own.sealed_overrides));
    Ok(Described {
        instance: View {
            drift: drift_of(&own),
            checked: own.drift_checked,
            set: set.full_id(),
            region: own.region,
            account: own.account,
            stack: own.stack,
            overrides: (!overrides.is_empty()).then_some(overrides),
            status: own.status,
            detailed: Detailed { status: own.detailed },
            reason: own.reason,
            unit: own.unit,
            operation: own.operation,
        },
    })
}

fn list(cx: &mut Cx<'_>, req: ListStackInstances) -> Result<Instances, CfnError> {
    as_self(req.call_as.as_deref())?;
    let set = existing_set(cx, &req.name)?;
    let passes = |own: &Instance, filter: &Filter| {
        let wanted = filter.values.as_deref();
        match filter.name.as_deref() {
            Some("DETAILED_STATUS") => wanted == Some(own.detailed.as_str()),
            Some("LAST_OPERATION_ID") => wanted == own.operation.as_deref(),
            Some("DRIFT_STATUS") => wanted == Some(&drift_of(own)),
            _ => true,
        }
    };
    let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|wanted| wanted == own);
    let mut all = set.instances(cx.tx)?;
    all.retain(|own| {
        is(&req.account, &own.account)
            && is(&req.region, &own.region)
            && req.filters.iter().all(|filter| passes(own, filter))
    });
    let filters: Vec<String> = req.filters.iter().map(|filter| format!("{filter:?}")).collect();
    let list = format!(
        "cloudformation:ListStackInstances {} {:?} {:?} {}",
        set.id,
        req.account,
        req.region,
        filters.join(",")
    );
    let name = |own: &Instance| format!("{} {}", own.account, own.region);
    let (page, token) = page(cx, &list, req.token.as_deref(), req.most, all, name)?;
    let summary = |own: Instance| Summary {
        drift: drift_of(&own),
        checked: own.drift_checked,
        set: set.full_id(),
        region: own.region,
        account: own.account,
        stack: own.stack,
        status: own.status,
        reason: own.reason,
        detailed: Detailed { status: own.detailed },
        unit: own.unit,
        operation: own.operation,
    };
    Ok(Instances { instances: page.into_iter().map(summary).collect(), token })
}
