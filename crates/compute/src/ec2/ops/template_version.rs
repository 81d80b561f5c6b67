//! Versions of launch templates: numbered from 1, never changed, one of them the default.

use super::credit::Wanted as Credits;
use super::metadata::Wanted;
use super::monitoring::Wanted as Monitoring;
use super::profile::Named;
use super::reservation::Wanted as Reserved;
use super::run::{self, Hibernation, Plug};
use super::template::{self, find};
use super::{call, list, text, texts};
use crate::ec2::cpus;
use crate::ec2::model::{INSTANCES, Instance, TEMPLATE_VERSIONS, TEMPLATES, Template, TemplateVersion};
use crate::ec2::names;
use crate::ec2::placement::{self, Placement};
use crate::ec2::spot::model::REQUESTS;
use crate::ec2::spot::terms::Market;
use crate::ec2::template::{Data, Shown, members, merged};
use crate::ec2::upkeep;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2::access::{self, Access};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{self, Filter, Known};
use ec2::kind::INSTANCE;
use ec2::shapes::Operator;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, attachment, register, token};
use kernel::Cx;
use store::{Direction, Key};
use wire::{FromValue, Value};

kernel::ops! {
    /// Their versions.
    pub static OPS:
        CreateLaunchTemplateVersion: create, "ec2:CreateLaunchTemplateVersion", template::named;
        DescribeLaunchTemplateVersions: describe_versions, "ec2:DescribeLaunchTemplateVersions", access::list;
        DeleteLaunchTemplateVersions: delete, "ec2:DeleteLaunchTemplateVersions", template::named;
        GetLaunchTemplateData: get_data, "ec2:GetLaunchTemplateData", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").done();
}

/// AWS: 10,000 of a template, and 200 in one deletion.
const VERSIONS_MAX: i64 = 10_000;
const DELETED_MAX: usize = 200;
const LATEST: &str = "$Latest";
const DEFAULT: &str = "$Default";
/// What AWS says to who describes versions without saying of what.
const WHICH: &str = "To describe the launch template data for all your launch templates, for ‘--versions’ specify \
    ‘$Latest’, ‘$Default’, or both, and omit ‘--launch-template-id’, ‘--launch-template-name’, and version numbers. \
    To describe the launch template data for a specific launch template, specify ‘--launch-template-id’ or \
    ‘--launch-template-name’, and for ‘--versions’ specify one or more of the following values: ‘$Latest’, \
    ‘$Default’, or one or more version numbers.";

wire::shape! {
    #[derive(Debug)]
    struct Create {
        token: Option<String> = "ClientToken",
        id: Option<String> = "LaunchTemplateId",
        name: Option<String> = "LaunchTemplateName",
        source: Option<String> = "SourceVersion",
        description: Option<String> = "VersionDescription",
        data: Data = "LaunchTemplateData",
    }

    #[derive(Debug)]
    struct Created {
        version: View = "LaunchTemplateVersion",
        warning: Option<Warning> = "Warning",
    }

    /// What a launch by the template would be refused for.
    #[derive(Debug)]
    pub(super) struct Warning { errors: Vec<Flaw> = "Errors" }

    #[derive(Debug)]
    struct Flaw {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct View {
        id: String = "LaunchTemplateId",
        name: String = "LaunchTemplateName",
        number: i64 = "VersionNumber",
        description: Option<String> = "VersionDescription",
        created: Timestamp = "CreateTime",
        by: String = "CreatedBy",
        default: bool = "DefaultVersion",
        data: Shown = "LaunchTemplateData",
        operator: Operator = "Operator",
    }

    #[derive(Debug)]
    struct Describe {
        id: Option<String> = "LaunchTemplateId",
        name: Option<String> = "LaunchTemplateName",
        versions: Vec<String> = "Versions",
        from: Option<String> = "MinVersion",
        to: Option<String> = "MaxVersion",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        versions: Vec<View> = "LaunchTemplateVersions",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Delete {
        id: Option<String> = "LaunchTemplateId",
        name: Option<String> = "LaunchTemplateName",
        versions: Vec<String> = "Versions",
    }

    #[derive(Debug)]
    struct Deleted {
        done: Vec<Gone> = "SuccessfullyDeletedLaunchTemplateVersions",
        failed: Vec<Kept> = "UnsuccessfullyDeletedLaunchTemplateVersions",
    }

    #[derive(Debug)]
    struct Gone {
        id: String = "LaunchTemplateId",
        name: String = "LaunchTemplateName",
        number: i64 = "VersionNumber",
    }

    #[derive(Debug)]
    struct Kept {
        id: String = "LaunchTemplateId",
        name: String = "LaunchTemplateName",
        number: i64 = "VersionNumber",
        why: Flaw = "ResponseError",
    }

    #[derive(Debug)]
    struct GetData { id: String = "InstanceId" }

    #[derive(Debug)]
    struct Got { data: Data = "LaunchTemplateData" }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

impl View {
    fn of(template: &Template, version: TemplateVersion) -> Result<View, Ec2Error> {
        Ok(View {
            id: template.id.clone(),
            name: template.name.clone(),
            number: version.number,
            default: version.number == template.default,
            data: Shown(Data::read(&version.data).ok_or(Plain::InternalError)?),
            description: version.description,
            created: version.created.whole_seconds(),
            by: version.by,
            operator: Operator::NONE,
        })
    }
}

/// Where a version's record is.
pub(super) fn key(cx: &Cx<'_>, template: &str, number: i64) -> Key {
    register::key(cx.account, cx.region, template).u64(u64::try_from(number).unwrap_or_default())
}

/// The highest number of a version that is there; the template itself knows the highest that was ever given.
pub(super) fn latest(cx: &Cx<'_>, template: &Template) -> Result<i64, Ec2Error> {
    let place = register::key(cx.account, cx.region, &template.id);
    let last = TEMPLATE_VERSIONS.scan(cx.tx, &place, Direction::Backward).next().transpose()?;
    Ok(last.map_or(template.latest, |(_, version)| version.number))
}

/// The number that is meant: `$Latest`, `$Default` or itself; `None` where it is none of these.
fn meant(cx: &Cx<'_>, template: &Template, version: &str) -> Result<Option<i64>, Ec2Error> {
    Ok(match version {
        LATEST => Some(latest(cx, template)?),
        DEFAULT => Some(template.default),
        number => number.parse().ok().filter(|number| *number > 0),
    })
}

/// The same where nothing else is asked for than a version.
fn number(cx: &Cx<'_>, template: &Template, version: &str) -> Result<i64, Ec2Error> {
    let what =
        "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed.";
    meant(cx, template, version)?.ok_or_else(|| Plain::InvalidParameterValue(what.into()).into())
}

/// The version that is meant.
///
/// # Errors
/// `InvalidLaunchTemplateId.VersionNotFound`.
pub(super) fn existing(cx: &Cx<'_>, template: &Template, version: &str) -> Result<TemplateVersion, Ec2Error> {
    let none = || Plain::InvalidLaunchTemplateVersion(version.to_owned(), template.id.clone()).into();
    found(cx, template, version)?.ok_or_else(none)
}

/// The version that is meant, where it exists.
///
/// # Errors
/// As it is told of what is no version at all.
pub(super) fn found(
    cx: &Cx<'_>,
    template: &Template,
    version: &str,
) -> Result<Option<TemplateVersion>, Ec2Error> {
    let number = number(cx, template, version)?;
    Ok(TEMPLATE_VERSIONS.get(cx.tx, &key(cx, &template.id, number))?)
}

/// A version that a launch goes by.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) template: Template,
    pub(crate) number: i64,
    pub(crate) data: Data,
}

/// The version that is meant; the default one where none is named.
///
/// # Errors
/// As [`find`] and [`existing`].
pub(crate) fn data(
    cx: &Cx<'_>,
    id: Option<&String>,
    name: Option<&String>,
    version: Option<&str>,
) -> Result<Chosen, Ec2Error> {
    let template = find(cx, id, name)?;
    let version = existing(cx, &template, version.unwrap_or(DEFAULT))?;
    let data = Data::read(&version.data).ok_or(Plain::InternalError)?;
    Ok(Chosen { template, number: version.number, data })
}

/// # Errors
/// For data that is not kept: as [`Data::check`] says, and user data that is none.
pub(super) fn check(data: &Data) -> Result<(), Ec2Error> {
    data.check()?;
    run::user_data(data.user_data.as_ref()).map(drop)
}

/// What can be said before a launch: such data is kept all the same. AWS looks neither for the image nor for the key pair
/// until there is a launch.
pub(super) fn warning(cx: &Cx<'_>, data: &Data) -> Option<Warning> {
    let kind = data.kind.as_ref().filter(|kind| run::check_kind(kind).is_err()).map(|kind| {
        let what = format!("The following supplied instance types do not exist: [{kind}]");
        Ec2Error::from(Plain::InvalidInstanceType(what))
    });
    let market = data.market.as_ref().and_then(|market| market.terms(cx.now).err());
    let flaws = [kind, market].into_iter().flatten();
    let errors: Vec<Flaw> =
        flaws.map(|flaw| Flaw { code: flaw.code().into(), message: flaw.message().into() }).collect();
    (!errors.is_empty()).then_some(Warning { errors })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    // AWS: without the full stop that a template's own has.
    const USED: &str = "Client token already used before";
    let mut template = find(cx, req.id.as_ref(), req.name.as_ref())?;
    if let Some(number) = template::made(cx, req.token.as_ref(), &req, USED)? {
        let version = found(cx, &template, &number)?.ok_or(Plain::TokenUsed(USED))?;
        let version = View::of(&template, version)?;
        let warning = warning(cx, &version.data.0);
        return Ok(Created { version, warning });
    }
    check(&req.data)?;
    let own = members(req.data.clone());
    let whole = match &req.source {
        Some(source) => {
            let version = existing(cx, &template, source)?;
            let mut base = Data::read(&version.data).ok_or(Plain::InternalError)?;
            // Of the two ways to say which type, the later one counts.
            base.kind = base.kind.filter(|_| req.data.requirements.is_none());
            base.requirements = base.requirements.filter(|_| req.data.kind.is_none());
            merged(members(base), own)
        }
        None => own,
    };
    let data = Data::from_value(Value::Struct(whole)).map_err(|_| Plain::InternalError)?;
    if template.latest >= VERSIONS_MAX {
        return Err(Plain::LaunchTemplateVersionLimit.into());
    }
    template.latest += 1;
    let version = TemplateVersion {
        number: template.latest,
        description: req.description.clone(),
        created: cx.now,
        by: cx.caller.principal.arn().into_owned(),
        data: data.clone().text(),
    };
    TEMPLATE_VERSIONS.put(cx.tx, &key(cx, &template.id, version.number), &version);
    template::keep(cx, &template);
    token::keep(cx, req.token.as_ref(), &req, &version.number.to_string());
    Ok(Created { version: View::of(&template, version)?, warning: warning(cx, &data) })
}

fn of_metadata(view: &View, read: fn(&Wanted) -> &Option<String>) -> Vec<String> {
    view.data.0.metadata.iter().filter_map(|wanted| read(wanted).clone()).collect()
}

static FILTERS: &Known<View> = &[
    ("create-time", |v| vec![v.created.iso8601()]),
    ("ebs-optimized", |v| v.data.0.optimized.iter().map(bool::to_string).collect()),
    ("host-resource-group-arn", |_| Vec::new()),
    ("http-endpoint", |v| of_metadata(v, |wanted| &wanted.endpoint)),
    ("http-protocol-ipv4", |_| Vec::new()),
    ("http-tokens", |v| of_metadata(v, |wanted| &wanted.tokens)),
    ("iam-instance-profile", |v| v.data.0.profile.iter().flat_map(Named::said).collect()),
    ("kernel-id", |_| Vec::new()),
    ("license-configuration-arn", |_| Vec::new()),
    ("network-card-index", |_| Vec::new()),
    ("ram-disk-id", |_| Vec::new()),
    ("image-id", |v| v.data.0.image.iter().cloned().collect()),
    ("instance-type", |v| v.data.0.kind.iter().cloned().collect()),
    ("is-default-version", |v| vec![v.default.to_string()]),
];

/// All of one template; or what `$Latest` and `$Default` are of all.
fn describe_versions(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    let mut views = Vec::new();
    if req.id.is_some() || req.name.is_some() {
        let template = find(cx, req.id.as_ref(), req.name.as_ref())?;
        for version in chosen(cx, &template, &req)? {
            views.push(View::of(&template, version)?);
        }
    } else {
        if req.versions.is_empty() {
            return Err(Plain::MissingTarget(WHICH.into()).into());
        }
        if req.versions.iter().any(|v| v != LATEST && v != DEFAULT) {
            return Err(Plain::InvalidParameterValue(WHICH.into()).into());
        }
        for template in describe::all(cx, &TEMPLATES)? {
            for version in chosen(cx, &template, &req)? {
                views.push(View::of(&template, version)?);
            }
        }
    }
    filter::check(&req.filters, FILTERS)?;
    views.retain(|view| filter::passes(view, &[], &req.filters, FILTERS));
    // AWS: the newest first.
    let position = |view: &View| format!("{} {:020}", view.id, i64::MAX - view.number);
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (versions, next) = describe::cut(cx, views, ask, position)?;
    Ok(Described { versions, next })
}

fn chosen(cx: &Cx<'_>, template: &Template, req: &Describe) -> Result<Vec<TemplateVersion>, Ec2Error> {
    if !req.versions.is_empty() {
        let bound = req.from.as_ref().map(|_| "Minimum").or(req.to.as_ref().map(|_| "Maximum"));
        if let Some(bound) = bound {
            let what = format!("{bound} version filter is not applicable when given a list of versions.");
            return Err(Plain::InvalidParameterCombination(what).into());
        }
        let mut found = Vec::new();
        for version in &req.versions {
            found.push(existing(cx, template, version)?);
        }
        found.sort_by_key(|version| version.number);
        found.dedup_by_key(|version| version.number);
        return Ok(found);
    }
    let bound = |text: &Option<String>| text.as_deref().map(|text| number(cx, template, text)).transpose();
    let (from, to) = (bound(&req.from)?.unwrap_or(1), bound(&req.to)?.unwrap_or(i64::MAX));
    let place = register::key(cx.account, cx.region, &template.id);
    let all = TEMPLATE_VERSIONS.scan(cx.tx, &place, Direction::Forward);
    let all: Vec<TemplateVersion> = all.map(|pair| pair.map(|(_, v)| v)).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|version| (from..=to).contains(&version.number)).collect())
}

/// AWS: the default version stays, and with it all others that are named; another is the default first.
fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Deleted, Ec2Error> {
    let template = find(cx, req.id.as_ref(), req.name.as_ref())?;
    if req.versions.len() > DELETED_MAX {
        let what = format!("At most {DELETED_MAX} versions may be deleted at once.");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let mut numbers = Vec::new();
    for version in &req.versions {
        let invalid = || Plain::InvalidParameterValue(format!("Invalid value for version: {version}"));
        numbers.push(meant(cx, &template, version)?.ok_or_else(invalid)?);
    }
    if numbers.contains(&template.default) {
        let what = "The default version cannot be deleted. Either specify another version as default or delete the launch template.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for number in numbers {
        let (id, name) = (template.id.clone(), template.name.clone());
        let place = key(cx, &id, number);
        if TEMPLATE_VERSIONS.contains(cx.tx, &place)? {
            TEMPLATE_VERSIONS.delete(cx.tx, &place);
            done.push(Gone { id, name, number });
        } else {
            let (code, message) =
                ("launchTemplateVersionDoesNotExist", "The launch template version does not exist.");
            let why = Flaw { code: code.into(), message: message.into() };
            failed.push(Kept { id, name, number, why });
        }
    }
    Ok(Deleted { done, failed })
}

/// What would launch another instance like this one.
fn get_data(cx: &mut Cx<'_>, req: GetData) -> Result<Got, Ec2Error> {
    let instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.id)?;
    let mut own = register::tags(cx, &instance.id)?;
    // AWS: without those that it sets itself.
    own.retain(|key, _| !base::tag::is_reserved(key));
    let interfaces = plugs(cx, &instance)?;
    let options = super::metadata::View::of(&instance);
    let request = match &instance.spot {
        Some(id) => REQUESTS.get(cx.tx, &register::key(cx.account, cx.region, id))?,
        None => None,
    };
    let specification =
        TagSpecification { resource_type: Some(INSTANCE.noun.into()), tags: tags::view(&own) };
    let data = Data {
        user_data: (!instance.user_data.is_empty()).then(|| STANDARD.encode(&instance.user_data)),
        groups: Vec::new(),
        named: Vec::new(),
        optimized: Some(instance.optimized),
        names: Some(names::Wanted::like(&instance.names)),
        placement: Some(Placement {
            group: placement::of(cx, &instance)?.map(|group| group.name),
            partition: (instance.partition > 0).then_some(instance.partition),
            tenancy: Some(placement::tenancy(&instance).into()),
            ..Placement::of(&instance.zone)
        }),
        interfaces,
        tags: if own.is_empty() { Vec::new() } else { vec![specification] },
        behaviour: Some(if instance.terminates_on_shutdown { "terminate" } else { "stop" }.into()),
        protected: Some(instance.termination_protected),
        stop_protected: Some(instance.stop_protected),
        profile: instance.profile.as_ref().map(|held| Named::by_arn(&held.arn)),
        metadata: Some(Wanted::like(&options)),
        market: request.as_ref().map(Market::like),
        credits: Credits::like(&instance),
        monitoring: Some(Monitoring { enabled: instance.monitored }),
        hibernation: Some(Hibernation { configured: Some(false) }),
        cpus: cpus::like(&instance),
        upkeep: Some(upkeep::Wanted::like(&instance)),
        bandwidth: Some(upkeep::Bandwidth::even()),
        requirements: None,
        reservation: Some(Reserved::of(&instance.wish)),
        disks: super::disks::like(cx, &instance.id)?,
        image: Some(instance.image),
        kind: Some(instance.kind),
        key_name: instance.key_name,
    };
    Ok(Got { data })
}

/// The interfaces as a launch would ask for new ones.
fn plugs(cx: &mut Cx<'_>, instance: &Instance) -> Result<Vec<Plug>, Ec2Error> {
    let mut plugs = Vec::new();
    if instance.interfaces.is_empty() {
        return Ok(plugs);
    }
    let found =
        call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", texts(&instance.interfaces))])?;
    for shown in list(&found, "NetworkInterfaces") {
        let id = text(shown, "NetworkInterfaceId");
        let Some(attached) = attachment::of(cx.tx, cx.account, cx.region, &id)? else { continue };
        let groups = list(shown, "Groups").iter().map(|group| text(group, "GroupId")).collect();
        let description = Some(text(shown, "Description"));
        plugs.push(Plug {
            public: (attached.device_index == 0).then_some(instance.public),
            delete: Some(attached.delete_on_termination),
            description: description.filter(|description| !description.is_empty()),
            device: Some(attached.device_index),
            groups,
            id: None,
            address: None,
            addresses: Vec::new(),
            more: None,
            ipv6: Vec::new(),
            ipv6_count: i64::try_from(list(shown, "Ipv6Addresses").len()).ok().filter(|count| *count > 0),
            subnet: Some(text(shown, "SubnetId")),
        });
    }
    plugs.sort_by_key(|plug| plug.device);
    Ok(plugs)
}
