//! Prefix lists: customers' own, in versions, and those of the cloud.

use super::vpc::block;
use super::{item, one};
use crate::vpc::access::{list, on};
use crate::vpc::model::{
    GROUPS, PREFIX_LISTS, Peer, PrefixEntry, PrefixList, PrefixVersion, ROUTE_TABLES, managed,
};
use ec2::describe::{self, Ask, all, check_id};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::PREFIX_LIST;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::Cx;
use store::Key;

kernel::ops! {
    pub(crate) static OPS:
        CreateManagedPrefixList: create, "ec2:CreateManagedPrefixList", |cx, r| on(cx, r)?.new(&PREFIX_LIST).done();
        DeleteManagedPrefixList: delete, "ec2:DeleteManagedPrefixList", |cx, r| on(cx, r)?.one(&PREFIX_LIST, "PrefixListId").done();
        ModifyManagedPrefixList: modify, "ec2:ModifyManagedPrefixList", |cx, r| on(cx, r)?.one(&PREFIX_LIST, "PrefixListId").done();
        RestoreManagedPrefixListVersion: restore, "ec2:RestoreManagedPrefixListVersion", |cx, r| on(cx, r)?.one(&PREFIX_LIST, "PrefixListId").done();
        DescribeManagedPrefixLists: describe, "ec2:DescribeManagedPrefixLists", list;
        GetManagedPrefixListEntries: entries, "ec2:GetManagedPrefixListEntries", |cx, r| on(cx, r)?.one(&PREFIX_LIST, "PrefixListId").done();
        GetManagedPrefixListAssociations: associations, "ec2:GetManagedPrefixListAssociations", |cx, r| on(cx, r)?.one(&PREFIX_LIST, "PrefixListId").done();
        DescribePrefixLists: describe_services, "ec2:DescribePrefixLists", list;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const LISTS_MAX: usize = 100;
const ENTRIES_MAX: i64 = 1000;
const VERSIONS_MAX: usize = 1000;
/// In one request.
const CHANGES_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 255;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        name: String = "PrefixListName",
        entries: Vec<AddEntry> = "Entries",
        max: i64 = "MaxEntries",
        tags: Vec<TagSpecification> = "TagSpecifications",
        family: String = "AddressFamily",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct AddEntry {
        cidr: String = "Cidr",
        description: Option<String> = "Description",
    }

    #[derive(Debug)]
    struct RemoveEntry { cidr: String = "Cidr" }

    #[derive(Debug)]
    struct One { list: View = "PrefixList" }

    #[derive(Debug)]
    struct View {
        id: String = "PrefixListId",
        family: String = "AddressFamily",
        state: Option<String> = "State",
        arn: String = "PrefixListArn",
        name: String = "PrefixListName",
        max: Option<i64> = "MaxEntries",
        version: Option<i64> = "Version",
        tags: Vec<Tag> = "Tags",
        owner: String = "OwnerId",
    }

    #[derive(Debug)]
    struct OneList { id: String = "PrefixListId" }

    #[derive(Debug)]
    struct Modify {
        id: String = "PrefixListId",
        version: Option<i64> = "CurrentVersion",
        name: Option<String> = "PrefixListName",
        add: Vec<AddEntry> = "AddEntries",
        remove: Vec<RemoveEntry> = "RemoveEntries",
        max: Option<i64> = "MaxEntries",
    }

    #[derive(Debug)]
    struct Restore {
        id: String = "PrefixListId",
        previous: i64 = "PreviousVersion",
        current: i64 = "CurrentVersion",
    }

    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
        ids: Vec<String> = "PrefixListIds",
    }

    #[derive(Debug)]
    struct Lists {
        next: Option<String> = "NextToken",
        lists: Vec<View> = "PrefixLists",
    }

    #[derive(Debug)]
    struct Entries {
        id: String = "PrefixListId",
        version: Option<i64> = "TargetVersion",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct EntryList {
        entries: Vec<EntryView> = "Entries",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct EntryView {
        cidr: String = "Cidr",
        description: Option<String> = "Description",
    }

    #[derive(Debug)]
    struct Associations {
        id: String = "PrefixListId",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct AssociationList {
        associations: Vec<AssociationView> = "PrefixListAssociations",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct AssociationView {
        resource: String = "ResourceId",
        owner: String = "ResourceOwner",
    }

    #[derive(Debug)]
    struct Services {
        next: Option<String> = "NextToken",
        lists: Vec<ServiceView> = "PrefixLists",
    }

    #[derive(Debug)]
    struct ServiceView {
        cidrs: Vec<String> = "Cidrs",
        id: String = "PrefixListId",
        name: String = "PrefixListName",
    }
}

item!(View, id);

impl ec2::describe::Item for ServiceView {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

fn save(cx: &mut Cx<'_>, list: &PrefixList) {
    PREFIX_LISTS.put(cx.tx, &register::key(cx.account, cx.region, &list.id), list);
}

/// A list of the account or of the cloud.
pub(crate) fn any(cx: &Cx<'_>, id: &str) -> Result<PrefixList, Ec2Error> {
    match managed(cx.region).into_iter().find(|list| list.id == id) {
        Some(list) => Ok(list),
        None => describe::get(cx, &PREFIX_LISTS, &PREFIX_LIST, id),
    }
}

/// A list that the account may change.
fn own(cx: &Cx<'_>, id: &str) -> Result<PrefixList, Ec2Error> {
    let list = any(cx, id)?;
    if list.managed {
        let what = format!("The prefix list {id} is managed by AWS and cannot be modified.");
        return Err(Plain::OperationNotPermitted(what).into());
    }
    Ok(list)
}

fn view(cx: &Cx<'_>, list: &PrefixList, state: &str) -> Result<View, Ec2Error> {
    let owner = if list.managed { "AWS".to_owned() } else { cx.account.to_string() };
    let arn = match list.managed {
        true => format!("arn:aws:ec2:{}:aws:prefix-list/{}", cx.region.name(), list.id),
        false => register::arn(cx.account, cx.region, PREFIX_LIST.noun, &list.id),
    };
    Ok(View {
        id: list.id.clone(),
        family: if list.ipv6 { "IPv6" } else { "IPv4" }.into(),
        state: (!list.managed).then(|| state.to_owned()),
        arn,
        name: list.name.clone(),
        max: (!list.managed).then_some(list.max),
        version: (!list.managed).then(|| list.version()),
        tags: tags::view(&register::tags(cx, &list.id)?),
        owner,
    })
}

fn check_name(name: &str) -> Result<(), Ec2Error> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.starts_with("com.amazonaws") {
        let why = "Prefix list names have up to 255 characters and do not begin with com.amazonaws.";
        return Err(Ec2Error::value(name, "prefixListName", why));
    }
    Ok(())
}

fn check_max(max: i64) -> Result<(), Ec2Error> {
    if (1..=ENTRIES_MAX).contains(&max) {
        return Ok(());
    }
    Err(Ec2Error::value(max, "maxEntries", "It must be between 1 and 1000."))
}

/// Adds entries to those that are there; one with the same block takes the new description.
fn add(list: &PrefixList, entries: &mut Vec<PrefixEntry>, new: Vec<AddEntry>) -> Result<(), Ec2Error> {
    if new.len() > CHANGES_MAX {
        let what = format!("A request may add at most {CHANGES_MAX} entries.");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    for entry in new {
        let cidr = block(&entry.cidr, "cidr")?;
        if cidr.is_v4() == list.ipv6 {
            return Err(Ec2Error::value(entry.cidr, "cidr", "It is not of the list's address family."));
        }
        let cidr = cidr.to_string();
        entries.retain(|there| there.cidr != cidr);
        entries.push(PrefixEntry { cidr, description: entry.description });
    }
    if entries.len() > usize::try_from(list.max).unwrap_or(0) {
        return Err(Limit::PrefixListEntries(list.max).into());
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<One, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &PREFIX_LIST, &[&PREFIX_LIST])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        return Ok(One { list: view(cx, &any(cx, &id)?, "create-in-progress")? });
    }
    check_name(&req.name)?;
    check_max(req.max)?;
    let ipv6 = match req.family.as_str() {
        "IPv4" => false,
        "IPv6" => true,
        other => return Err(Ec2Error::value(other, "addressFamily", "It must be IPv4 or IPv6.")),
    };
    if PREFIX_LISTS.count(cx.tx, &Key::regional(cx.account, cx.region))? >= LISTS_MAX {
        return Err(Limit::PrefixList.into());
    }
    let id = PREFIX_LIST.id(cx.rng());
    token::keep(cx, req.token.as_ref(), &req, &id);
    let mut list = PrefixList { id, name: req.name, ipv6, max: req.max, ..PrefixList::default() };
    let mut entries = Vec::new();
    add(&list, &mut entries, req.entries)?;
    list.versions.push(PrefixVersion { number: 1, entries });
    save(cx, &list);
    register::enter(cx, &PREFIX_LIST, &list.id, &tags, &[]);
    Ok(One { list: view(cx, &list, "create-in-progress")? })
}

/// What refers to a list.
fn users(cx: &Cx<'_>, id: &str) -> Result<Vec<String>, Ec2Error> {
    let mut out = Vec::new();
    for group in all(cx, &GROUPS)? {
        if group.rules.iter().any(|rule| rule.peer == Peer::PrefixList(id.to_owned())) {
            out.push(group.id);
        }
    }
    for table in all(cx, &ROUTE_TABLES)? {
        if table.route(id).is_some() {
            out.push(table.id);
        }
    }
    Ok(out)
}

fn delete(cx: &mut Cx<'_>, req: OneList) -> Result<One, Ec2Error> {
    let list = own(cx, &req.id)?;
    let users = users(cx, &list.id)?;
    if !users.is_empty() {
        let what = format!("The prefix list '{}' is in use by {}.", list.id, users.join(", "));
        return Err(Plain::DependencyViolation(what).into());
    }
    let gone = view(cx, &list, "delete-in-progress")?;
    PREFIX_LISTS.delete(cx.tx, &register::key(cx.account, cx.region, &list.id));
    register::strike(cx.tx, cx.account, cx.region, &list.id);
    Ok(One { list: gone })
}

fn check_version(list: &PrefixList, given: Option<i64>) -> Result<(), Ec2Error> {
    let given = given.ok_or_else(|| Plain::MissingParameter("CurrentVersion".into()))?;
    if given == list.version() {
        return Ok(());
    }
    let what =
        format!("The prefix list has the incorrect version number ({given}); it is {}.", list.version());
    Err(Plain::PrefixListVersionMismatch(what).into())
}

fn push(list: &mut PrefixList, entries: Vec<PrefixEntry>) {
    let number = list.version() + 1;
    list.versions.push(PrefixVersion { number, entries });
    if list.versions.len() > VERSIONS_MAX {
        list.versions.remove(0);
    }
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<One, Ec2Error> {
    let mut list = own(cx, &req.id)?;
    let changes = !req.add.is_empty() || !req.remove.is_empty();
    if let Some(name) = &req.name {
        check_name(name)?;
        list.name.clone_from(name);
    }
    if let Some(max) = req.max {
        if changes {
            let what = "You cannot modify the entries of a prefix list and modify the size of a prefix list at the same time.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        check_max(max)?;
        if usize::try_from(max).unwrap_or(0) < list.current().len() {
            return Err(Limit::PrefixListEntries(max).into());
        }
        list.max = max;
    }
    if changes {
        check_version(&list, req.version)?;
        let mut entries = list.current().to_vec();
        for gone in &req.remove {
            let cidr = block(&gone.cidr, "cidr")?.to_string();
            let at = entries.iter().position(|entry| entry.cidr == cidr);
            let at =
                at.ok_or_else(|| Ec2Error::value(&gone.cidr, "cidr", "It is no entry of the prefix list."))?;
            entries.remove(at);
        }
        add(&list, &mut entries, req.add)?;
        push(&mut list, entries);
    }
    list.modified = Some(cx.now);
    save(cx, &list);
    Ok(One { list: view(cx, &list, "modify-in-progress")? })
}

fn version(list: &PrefixList, number: i64) -> Result<&[PrefixEntry], Ec2Error> {
    let found = list.versions.iter().find(|version| version.number == number);
    let missing =
        || Plain::InvalidPrefixListVersion(format!("The version {number} of {} does not exist.", list.id));
    Ok(&found.ok_or_else(missing)?.entries)
}

fn restore(cx: &mut Cx<'_>, req: Restore) -> Result<One, Ec2Error> {
    let mut list = own(cx, &req.id)?;
    check_version(&list, Some(req.current))?;
    let entries = version(&list, req.previous)?.to_vec();
    push(&mut list, entries);
    list.modified = Some(cx.now);
    save(cx, &list);
    Ok(One { list: view(cx, &list, "restore-in-progress")? })
}

static FILTERS: &Known<View> = &[
    ("owner-id", |l| one(&l.owner)),
    ("prefix-list-id", |l| one(&l.id)),
    ("prefix-list-name", |l| one(&l.name)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Lists, Ec2Error> {
    req.ids.iter().try_for_each(|id| check_id(&PREFIX_LIST, id))?;
    let found: Vec<PrefixList> = if req.ids.is_empty() {
        managed(cx.region).into_iter().chain(all(cx, &PREFIX_LISTS)?).collect()
    } else {
        req.ids.iter().map(|id| any(cx, id)).collect::<Result<_, _>>()?
    };
    let mut items = Vec::new();
    for list in &found {
        let state = if list.modified.is_some() { "modify-complete" } else { "create-complete" };
        items.push(view(cx, list, state)?);
    }
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (lists, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Lists { next, lists })
}

fn entries(cx: &mut Cx<'_>, req: Entries) -> Result<EntryList, Ec2Error> {
    let list = any(cx, &req.id)?;
    let found = version(&list, req.version.unwrap_or_else(|| list.version()))?;
    let view = |e: &PrefixEntry| EntryView { cidr: e.cidr.clone(), description: e.description.clone() };
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (entries, next) = describe::cut(cx, found.iter().map(view).collect(), ask, |e| e.cidr.clone())?;
    Ok(EntryList { entries, next })
}

fn associations(cx: &mut Cx<'_>, req: Associations) -> Result<AssociationList, Ec2Error> {
    let list = any(cx, &req.id)?;
    let owner = cx.account.to_string();
    let view = |resource| AssociationView { resource, owner: owner.clone() };
    let found = users(cx, &list.id)?.into_iter().map(view).collect();
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (associations, next) = describe::cut(cx, found, ask, |a| a.resource.clone())?;
    Ok(AssociationList { associations, next })
}

static SERVICE_FILTERS: &Known<ServiceView> =
    &[("prefix-list-id", |l| one(&l.id)), ("prefix-list-name", |l| one(&l.name))];

/// Those of the cloud only.
fn describe_services(cx: &mut Cx<'_>, req: Describe) -> Result<Services, Ec2Error> {
    req.ids.iter().try_for_each(|id| check_id(&PREFIX_LIST, id))?;
    let all = managed(cx.region);
    if let Some(missing) = req.ids.iter().find(|id| all.iter().all(|list| list.id != **id)) {
        return Err(Ec2Error::not_found(&PREFIX_LIST, missing));
    }
    let wanted = all.into_iter().filter(|list| req.ids.is_empty() || req.ids.contains(&list.id));
    let items = wanted.map(|list| ServiceView {
        cidrs: list.current().iter().map(|entry| entry.cidr.clone()).collect(),
        id: list.id,
        name: list.name,
    });
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (lists, next) = describe::page(cx, items.collect(), ask, SERVICE_FILTERS)?;
    Ok(Services { next, lists })
}
