//! The kinds of resources that stacks are made of: for each the properties, and which public operations of its
//! service make, change and end it. Most of it is names; what services do differently is a small function.
//!
//! A property that is not in the table fails the resource ("Encountered unsupported property"): nothing is passed
//! over. AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>

mod acl;
mod bind;
mod bucket;
mod bucket_list;
mod bus_policy;
mod capacity;
mod cdk;
mod cloudwatch;
pub(super) mod custom;
mod ec2;
mod ecr;
mod endpoint;
mod events;
mod fis;
mod function;
pub(super) mod given;
mod global_table;
mod group;
mod iam;
mod iam_inline;
mod iam_policy;
mod iam_provider;
mod insights;
mod instance;
mod interface;
mod kms;
mod logs;
pub(crate) mod look;
mod macros;
mod mfa;
pub(super) mod nested;
mod network;
mod on;
mod organizations;
mod parameter;
mod pipes;
mod published;
mod scaling;
mod scaling_beside;
pub(crate) mod scaling_roll;
mod scheduler;
mod shape;
mod sns;
mod spot_fleet;
mod sqs;
pub(crate) mod stack_set;
mod table;
mod table_change;
mod volume;
mod vpc;
mod wait;

pub(crate) use on::{On, Refusal};
pub(super) use on::{at, map};

use super::model::STACK;
use super::template::check::Kinds;
use super::template::{alike, get};
use wire::Value;

/// What a hook answers.
pub(crate) type Done<T> = Result<T, Refusal>;

/// What `Fn::GetAtt` knows of a resource.
pub(crate) type Attributes = Vec<(&'static str, Value)>;

/// A resource that is there: its physical id, and what is known of it at once.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) physical: String,
    pub(crate) attributes: Attributes,
}

/// Says what is there already.
pub(crate) type Taken = fn(&mut On<'_, '_>) -> Done<Option<String>>;

/// One kind of resource.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Properties that are changed in place.
    pub(crate) changes: &'static [&'static str],
    /// Properties whose change means another resource.
    pub(crate) fixed: &'static [&'static str],
    pub(crate) attributes: &'static [&'static str],
    /// Those of them that an update in place may change; one with a dot at its end stands for all that begin with it.
    pub(crate) varies: &'static [&'static str],
    /// It takes any property and has any attribute: what they mean is for its provider to know.
    pub(crate) any: bool,
    /// An update looks into it even where nothing of it is written otherwise.
    pub(crate) always: bool,
    /// What has begun of it is no reason to wait before it ends: it waits for others itself.
    pub(crate) waits: bool,
    /// What it does changes what other resources of the stack tell of themselves ([`On::renew`]).
    pub(crate) renews: bool,
    /// The property that names it, where its user may.
    pub(crate) named: Option<&'static str>,
    pub(crate) create: fn(&mut On<'_, '_>) -> Done<Made>,
    /// From what it was ([`On::was`]) to what is wanted ([`On::prop`]).
    pub(crate) update: fn(&mut On<'_, '_>) -> Done<Made>,
    /// Of what it was; nothing is wanted any more.
    pub(crate) delete: fn(&mut On<'_, '_>) -> Done<()>,
    /// Whether it has become what is wanted: `None` as long as it has not. May take further steps towards it.
    pub(crate) ready: fn(&mut On<'_, '_>) -> Done<Option<Attributes>>,
    /// Takes a snapshot of it before it goes, where `DeletionPolicy` may ask for one.
    pub(crate) snapshot: Option<fn(&mut On<'_, '_>) -> Done<()>>,
    /// Whether it is no longer there, once it has been deleted.
    pub(crate) gone: fn(&mut On<'_, '_>) -> Done<bool>,
    /// Its stack's own tags come to it (`aws:cloudformation:*`), once it is there; `None` where AWS's schema of the kind says
    /// that they do not.
    pub(crate) mark: Option<fn(&mut On<'_, '_>) -> Done<()>>,
    /// What is there already under the name that the template gives, where its service would take it for what is to be made.
    pub(crate) taken: Option<Taken>,
    /// How it is looked at as it is now; `None` where nobody can.
    pub(crate) look: Option<&'static look::Look>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What most kinds have in common: nothing to wait for.
const BASE: Kind = Kind {
    name: "",
    changes: &[],
    fixed: &[],
    attributes: &[],
    varies: &[],
    any: false,
    always: false,
    waits: false,
    renews: false,
    named: None,
    create: |on| Ok(on.made("", Vec::new())),
    update: |on| Ok(on.same()),
    delete: |_| Ok(()),
    snapshot: None,
    ready: |_| Ok(Some(Vec::new())),
    gone: |_| Ok(true),
    mark: None,
    taken: None,
    look: None,
};

/// AWS: of what follows `Custom::`.
const OWN_NAME_MAX: usize = 60;

static ALL: &[&[Kind]] = &[
    iam::KINDS,
    iam_policy::KINDS,
    kms::KINDS,
    sqs::KINDS,
    sns::KINDS,
    table::KINDS,
    global_table::KINDS,
    bucket::KINDS,
    logs::KINDS,
    cloudwatch::KINDS,
    events::KINDS,
    function::KINDS,
    parameter::KINDS,
    vpc::KINDS,
    group::KINDS,
    ec2::KINDS,
    endpoint::KINDS,
    instance::KINDS,
    volume::KINDS,
    cdk::KINDS,
    ecr::KINDS,
    custom::KINDS,
    wait::KINDS,
    nested::KINDS,
    published::KINDS,
    scheduler::KINDS,
    pipes::KINDS,
    scaling::KINDS,
    scaling_beside::KINDS,
    macros::KINDS,
    interface::KINDS,
    acl::KINDS,
    network::KINDS,
    iam_inline::KINDS,
    iam_provider::KINDS,
    bus_policy::KINDS,
    organizations::KINDS,
    capacity::KINDS,
    insights::KINDS,
    fis::KINDS,
    mfa::KINDS,
    spot_fleet::KINDS,
    stack_set::KINDS,
];

/// AWS's schemas of the kinds, a line each, with `@` where CloudFormation's own tags come to it: the properties, those that are only given at the making with `!` and
/// those that are so under conditions with `?`; then what `Fn::GetAtt` knows beside them; then, of those that can be read, what
/// they are identified by.
const SCHEMAS: &str = include_str!("schemas.txt");

pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    if let Some(own) = name.strip_prefix("Custom::") {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"_@-".contains(&b);
        let is_name = (1..=OWN_NAME_MAX).contains(&own.len()) && own.bytes().all(fits);
        return is_name.then_some(&custom::CUSTOM);
    }
    ALL.iter().copied().flatten().find(|kind| kind.name == name)
}

impl Kind {
    /// AWS asks for a capability before it makes these.
    pub(crate) fn is_iam(&self) -> bool {
        self.name.starts_with("AWS::IAM::")
    }

    pub(crate) fn has_tags(&self) -> bool {
        self.changes.contains(&"Tags") || self.fixed.contains(&"Tags")
    }

    /// A tag of the stack as one of a resource of this kind.
    pub(crate) fn tag(&self, key: &str, value: &str) -> Value {
        let mut tag = vec![("Key".to_owned(), Value::str(key)), ("Value".to_owned(), Value::str(value))];
        if self.name == scaling::GROUP_NAME {
            // AWS: what a group launches has the stack's tags, too.
            tag.push(("PropagateAtLaunch".to_owned(), Value::Bool(true)));
        }
        Value::Map(tag)
    }

    /// Whether AWS's schema of the kind says that another value of the property may mean another resource.
    pub(crate) fn may_replace(&self, property: &str) -> bool {
        let own = SCHEMAS.lines().find_map(|line| {
            let (name, rest) = line.split_once(": ")?;
            (name.trim_end_matches('@') == self.name).then_some(rest)
        });
        let properties = own.and_then(|own| own.split('/').next()).unwrap_or_default();
        let said = |name: &str| name.strip_suffix('?') == Some(property);
        self.changes.contains(&property) && properties.split_whitespace().any(said)
    }

    /// Its tags are a map, and not a list of pairs.
    pub(crate) fn maps_tags(&self) -> bool {
        shape::is_map(self.name, "Tags")
    }

    /// Why these properties cannot be those of a resource of this kind, whoever is asked.
    ///
    /// # Errors
    /// In AWS's words.
    pub(crate) fn check(&self, logical: &str, properties: &Value) -> Result<(), String> {
        match self.stranger(properties) {
            Some(stranger) => Err(format!("Encountered unsupported property {stranger}")),
            None => shape::check(self.name, logical, properties),
        }
    }

    /// The property that it does not have.
    fn stranger<'v>(&self, properties: &'v Value) -> Option<&'v str> {
        let Value::Map(entries) = properties else { return None };
        if self.any {
            return None;
        }
        let known = |name: &str| self.changes.contains(&name) || self.fixed.contains(&name);
        entries.iter().map(|(name, _)| name.as_str()).find(|name| !known(name))
    }

    /// Whether nothing of it would change. What is not known is for its service to refuse.
    pub(crate) fn stays(&self, before: &Value, wanted: &Value) -> bool {
        !self.always && self.differing(before, wanted).is_empty() && self.stranger(wanted).is_none()
    }

    /// The properties that differ.
    pub(crate) fn differing<'v>(&self, before: &'v Value, wanted: &'v Value) -> Vec<&'v str> {
        let own = |value: &'v Value| match value {
            Value::Map(entries) if self.any => entries.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        };
        let (before_own, mut all) = (own(before), own(wanted));
        all.extend(before_own.into_iter().filter(|name| get(wanted, name).is_none()));
        all.extend(self.fixed.iter().chain(self.changes).copied());
        all.retain(|name| !alike(get(before, name), get(wanted, name)));
        all
    }
}

/// The table as the template's check asks for it.
pub(crate) struct Table;

impl Kinds for Table {
    fn knows(&self, name: &str) -> bool {
        kind(name).is_some()
    }

    fn has_attribute(&self, name: &str, attribute: &str) -> bool {
        kind(name).is_some_and(|kind| {
            let is_output = kind.name == STACK && attribute.starts_with("Outputs.");
            kind.any || is_output || kind.attributes.contains(&attribute)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, SCHEMAS};
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_is_there_once_and_no_property_is_two() {
        let mut names = BTreeSet::new();
        for kind in ALL.iter().copied().flatten() {
            assert!(names.insert(kind.name), "{} is there twice", kind.name);
            let own: BTreeSet<_> = kind.changes.iter().chain(kind.fixed).collect();
            assert_eq!(own.len(), kind.changes.len() + kind.fixed.len(), "{}", kind.name);
            let seen = kind.look.map_or(&[][..], |look| look.sees);
            assert!(seen.iter().all(|name| own.contains(&name)), "{} sees what it does not have", kind.name);
            assert!(kind.named.is_none_or(|named| kind.fixed.contains(&named)), "{}", kind.name);
        }
        assert!(names.len() > 30);
    }

    /// Where a kind does otherwise than its schema says, and why.
    const OTHERWISE: &[(&str, &str)] = &[
        // Updates are refused, as AWS documents it.
        ("AWS::EC2::VolumeAttachment", "Device InstanceId VolumeId"),
        // One operation makes the new association of the old one, so the hook does what a replacement would.
        ("AWS::EC2::SubnetRouteTableAssociation", "RouteTableId"),
        // No operation changes these of what is there.
        ("AWS::DynamoDB::GlobalTable", "KeySchema LocalSecondaryIndexes"),
        ("AWS::DynamoDB::Table", "LocalSecondaryIndexes"),
        ("AWS::EC2::EIP", "Domain"),
        ("AWS::EC2::LaunchTemplate", "TagSpecifications"),
        ("AWS::EC2::CapacityReservation", "TagSpecifications"),
        ("AWS::EC2::PrefixList", "AddressFamily"),
        ("AWS::Events::EventBus", "EventSourceName"),
        ("AWS::Scheduler::Schedule", "GroupName"),
    ];

    /// Kinds that have no tags here, whose own tags would go on to what they make, or that get them when they are ready.
    const UNMARKED: &[&str] =
        &["AWS::CloudFormation::Stack", "AWS::CloudWatch::Dashboard", "AWS::Organizations::Account"];

    #[test]
    fn every_name_is_one_of_the_schema_of_its_kind() {
        let mut problems = Vec::new();
        let mut schemas = std::collections::BTreeMap::new();
        for line in SCHEMAS.lines() {
            let (name, rest) = line.split_once(": ").unwrap();
            let mut parts = rest.split('/');
            let parts = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
            schemas.insert(name.trim_end_matches('@'), (name.ends_with('@'), parts));
        }
        for kind in
            ALL.iter().copied().flatten().filter(|kind| !kind.any && kind.name != "AWS::CDK::Metadata")
        {
            let Some((marked, [properties, attributes, identifiers])) = schemas.remove(kind.name) else {
                problems.push(format!("{} has no schema", kind.name));
                continue;
            };
            if marked != kind.mark.is_some() && !UNMARKED.contains(&kind.name) {
                problems.push(format!("{}: the tags of its stack", kind.name));
            }
            let read: Vec<&str> = identifiers.split_whitespace().collect();
            // A nested stack is looked at by itself.
            if kind.look.map_or(&[][..], |look| look.identifiers) != read
                && kind.name != crate::cloudformation::model::STACK
            {
                problems.push(format!("{} is identified by {read:?}", kind.name));
            }
            let properties: Vec<&str> = properties.split_whitespace().collect();
            let known = |name: &str| properties.iter().any(|own| own.trim_end_matches(['!', '?']) == name);
            let otherwise = |name: &str| {
                OTHERWISE.iter().any(|(of, all)| *of == kind.name && all.split(' ').any(|own| own == name))
            };
            let has = |name: &str, sign: &str| properties.contains(&format!("{name}{sign}").as_str());
            for name in kind.fixed.iter().chain(kind.changes) {
                if !known(name) {
                    problems.push(format!("{}: no property {name}", kind.name));
                }
            }
            for name in kind.changes.iter().filter(|name| has(name, "!") && !otherwise(name)) {
                problems.push(format!("{}: {name} would change in place", kind.name));
            }
            for name in kind.fixed.iter().filter(|name| has(name, "") && !otherwise(name)) {
                problems.push(format!("{}: {name} would be replaced", kind.name));
            }
            for name in kind.attributes {
                if !known(name) && !attributes.split_whitespace().any(|own| own == *name) {
                    problems.push(format!("{}: no attribute {name}", kind.name));
                }
            }
        }
        problems.extend(schemas.into_keys().map(|name| format!("{name} is a schema without its kind")));
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// Properties of AWS's schemas that no hook acts on, kind by kind.
    const UNHANDLED: &str = include_str!("unhandled.txt");

    #[test]
    fn what_is_not_handled_is_listed_and_fails() {
        let mut listed = String::new();
        for kind in ALL.iter().copied().flatten() {
            let mut unhandled = super::shape::properties(kind.name).unwrap_or_default();
            unhandled.retain(|name| !kind.changes.contains(name) && !kind.fixed.contains(name));
            if kind.any || unhandled.is_empty() {
                continue;
            }
            for name in &unhandled {
                let used = wire::Value::Map(vec![((*name).to_owned(), wire::Value::str("x"))]);
                let told = kind.check("It", &used);
                assert_eq!(told, Err(format!("Encountered unsupported property {name}")), "{}", kind.name);
            }
            listed.push_str(&format!("{}: {}\n", kind.name, unhandled.join(" ")));
        }
        let mut lines: Vec<&str> = listed.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines.join("\n"), UNHANDLED.trim_end(), "kinds/unhandled.txt");
    }
}
