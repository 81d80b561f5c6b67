//! What AWS says about every action of every service: access level, resource types, condition keys, dependents.
//!
//! The facts are AWS's service authorization reference, packed by `xtask authorization` into
//! `models/authorization.bin`. That lies in the program compressed, to a quarter, and is unpacked when somebody asks for
//! more than an access level: until then knowing four hundred services costs no memory. A lookup is a binary search over it, and every
//! string handed out is `&'static`. What each call is asked about, its level, has a small table of its own.
//!
//! Names compare without regard to case, as they do in policies. What is not here: whether a call is allowed
//! (`policy`), and which actions Virga itself has built (each service's `access.rs`).

use crate::global_keys;
use crate::packed::Packed;
use std::sync::LazyLock;

const PACKED: &[u8] = include_bytes!("../../../models/authorization.bin");
/// Of each action five bytes, little-endian: the upper 37 bits of its name's hash, and its level. Sorted.
static LEVELS: &[u8] = include_bytes!("../../../models/access-levels.bin");

const SERVICE_SIZE: usize = 16;
const ACTION_SIZE: usize = 8;
const RESOURCE_SIZE: usize = 8;
const TYPE_SIZE: usize = 6;
const KEY_SIZE: usize = 4;

/// The file, and where its parts begin.
struct Shelf {
    file: Packed,
    lists: usize,
    list_items: usize,
    services: usize,
    actions: usize,
    resources: usize,
    types: usize,
    keys: usize,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let file = Packed::unpack(PACKED, 9);
    let lists = file.rest();
    let list_items = lists + 4 * (file.count(2) + 1);
    let services = list_items + 2 * file.count(3);
    let actions = services + SERVICE_SIZE * (file.count(4) + 1);
    let resources = actions + ACTION_SIZE * (file.count(5) + 1);
    let types = resources + RESOURCE_SIZE * file.count(6);
    let keys = types + TYPE_SIZE * file.count(7);
    Shelf { file, lists, list_items, services, actions, resources, types, keys }
});

/// The kind of effect that an action has, as the service authorization reference groups them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// Names what exists.
    List,
    /// Reads contents or attributes.
    Read,
    /// Creates, changes or deletes.
    Write,
    /// Grants or changes permissions.
    PermissionsManagement,
    /// Only changes tags.
    Tagging,
}

/// The type of a condition key's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Text.
    String,
    /// An ARN.
    Arn,
    /// `true` or `false`.
    Bool,
    /// ISO 8601 or epoch seconds.
    Date,
    /// A number.
    Numeric,
    /// An address or CIDR range.
    Ip,
}

/// A condition key: `ec2:Vpc`, `aws:ResourceTag/${TagKey}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// The key as documented; a part that the author chooses is written `${...}`.
    pub name: &'static str,
    /// The type of its values.
    pub kind: KeyKind,
    /// Whether a request may carry several values, so that a policy needs `ForAllValues` or `ForAnyValue`.
    pub many: bool,
}

/// One service of the reference, by its prefix in actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    index: usize,
}

/// One action of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    service: Service,
    index: usize,
}

/// A line of an action's table: a resource type, or (with an empty type) what applies whatever the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionResource {
    service: Service,
    index: usize,
}

/// A resource type of a service with its ARN pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceType {
    index: usize,
}

/// The service with this prefix (`iam`), in any case.
pub fn service(prefix: &str) -> Option<Service> {
    let found = search(0..SHELF.file.count(4), |i| {
        compare(string(SHELF.file.u16_at(SHELF.services + i * SERVICE_SIZE)), prefix)
    })?;
    Some(Service { index: found })
}

/// All services, by prefix.
pub fn services() -> impl Iterator<Item = Service> {
    (0..SHELF.file.count(4)).map(|index| Service { index })
}

/// The action with this full name (`iam:CreateUser`), in any case; no wildcards.
pub fn action(name: &str) -> Option<Action> {
    let (prefix, name) = name.split_once(':')?;
    service(prefix)?.action(name)
}

/// What the action with this full name does, roughly; without anything else that is known about it.
pub fn access_level(name: &str) -> Option<AccessLevel> {
    let wanted = hash(name) >> 27;
    let (all, _) = LEVELS.as_chunks::<5>();
    let number = |[a, b, c, d, e]: [u8; 5]| u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
    let at = all.binary_search_by_key(&wanted, |entry| number(*entry) >> 3).ok()?;
    Some(level(number(all[at]) & 7))
}

fn level(number: u64) -> AccessLevel {
    match number {
        0 => AccessLevel::List,
        1 => AccessLevel::Read,
        2 => AccessLevel::Write,
        3 => AccessLevel::PermissionsManagement,
        _ => AccessLevel::Tagging,
    }
}

/// The actions that a pattern (`iam:Get*`, `*`, `s3:?etObject`) stands for, by service and name.
///
/// Lazy: a consumer that stops early has paid for what it took. A pattern without a wildcard stands for at most one.
pub fn expand(pattern: &str) -> impl Iterator<Item = Action> {
    let (prefix, name) = match pattern.split_once(':') {
        Some(parts) => parts,
        None if pattern == "*" => ("*", "*"),
        None => ("", ""),
    };
    services()
        .filter(move |s| matches(prefix, s.prefix()))
        .flat_map(Service::actions)
        .filter(move |a| matches(name, a.name()))
}

/// The facts about a condition key as a policy writes it (`aws:ResourceTag/team`, `ec2:Vpc`), in any case.
///
/// Global keys come from `global_keys`, all others from the service that their prefix names, and last from any
/// service that lists a foreign key (`saml:sub` and the identity providers' keys stand in the table of `sts`).
pub fn condition_key(name: &str) -> Option<ConditionKey> {
    let (prefix, _) = name.split_once(':')?;
    if prefix.eq_ignore_ascii_case("aws") {
        return global_keys::find(name);
    }
    match service(prefix) {
        Some(own) => own.condition_keys().find(|key| key.matches(name)),
        None => services().flat_map(Service::condition_keys).find(|key| key.matches(name)),
    }
}

impl Service {
    /// The prefix in actions and in most ARNs: `iam`.
    pub fn prefix(self) -> &'static str {
        string(SHELF.file.u16_at(SHELF.services + self.index * SERVICE_SIZE))
    }

    /// The name for people: "AWS Identity and Access Management (IAM)".
    pub fn name(self) -> &'static str {
        string(SHELF.file.u16_at(SHELF.services + self.index * SERVICE_SIZE + 2))
    }

    /// One action by its name without the prefix, in any case.
    pub fn action(self, name: &str) -> Option<Action> {
        let name_of = |i| string(SHELF.file.u16_at(SHELF.actions + i * ACTION_SIZE));
        let index = search(self.children(4), |i| compare(name_of(i), name))?;
        Some(Action { service: self, index })
    }

    /// All actions by lower-case name.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        self.children(4).map(move |index| Action { service: self, index })
    }

    /// All resource types by lower-case name.
    pub fn resource_types(self) -> impl Iterator<Item = ResourceType> {
        self.children(8).map(|index| ResourceType { index })
    }

    /// One resource type by name, in any case.
    pub fn resource_type(self, name: &str) -> Option<ResourceType> {
        let name_of = |i| string(SHELF.file.u16_at(SHELF.types + i * TYPE_SIZE));
        search(self.children(8), |i| compare(name_of(i), name)).map(|index| ResourceType { index })
    }

    /// The condition keys of the service's own table, which repeats the global ones that its actions support.
    pub fn condition_keys(self) -> impl Iterator<Item = ConditionKey> {
        self.children(12).map(|index| {
            let at = SHELF.keys + index * KEY_SIZE;
            let bits = SHELF.file.u16_at(at + 2);
            ConditionKey { name: string(SHELF.file.u16_at(at)), kind: key_kind(bits), many: bits & 0x80 != 0 }
        })
    }

    /// The records that a start at byte `field` of the service's record and of the next one enclose.
    fn children(self, field: usize) -> std::ops::Range<usize> {
        let at = SHELF.services + self.index * SERVICE_SIZE + field;
        SHELF.file.u32_at(at)..SHELF.file.u32_at(at + SERVICE_SIZE)
    }
}

impl Action {
    /// The service that has this action.
    pub fn service(self) -> Service {
        self.service
    }

    /// The name without the prefix: `CreateUser`.
    pub fn name(self) -> &'static str {
        string(SHELF.file.u16_at(SHELF.actions + self.index * ACTION_SIZE))
    }

    /// `iam:CreateUser`.
    pub fn full_name(self) -> String {
        format!("{}:{}", self.service.prefix(), self.name())
    }

    /// What the action does, roughly.
    pub fn access_level(self) -> AccessLevel {
        level(u64::from(SHELF.file.u16_at(SHELF.actions + self.index * ACTION_SIZE + 2)) & 0xff)
    }

    /// The lines of the action's table, one for each resource type and one with an empty type for what always applies.
    pub fn resources(self) -> impl Iterator<Item = ActionResource> {
        let at = SHELF.actions + self.index * ACTION_SIZE + 4;
        let service = self.service;
        (SHELF.file.u32_at(at)..SHELF.file.u32_at(at + ACTION_SIZE))
            .map(move |index| ActionResource { service, index })
    }

    /// Whether a policy may name particular resources for this action; if not, only `*` has an effect.
    pub fn has_resource_level(self) -> bool {
        self.resources().any(|r| !r.kind().is_empty())
    }

    /// The condition keys that apply whatever the resource.
    pub fn condition_keys(self) -> impl Iterator<Item = &'static str> {
        self.resources().filter(|r| r.kind().is_empty()).flat_map(ActionResource::condition_keys)
    }

    /// Every condition key that may take part: of the action, of its resource lines and of their types; may repeat.
    pub fn all_condition_keys(self) -> impl Iterator<Item = &'static str> {
        self.resources().flat_map(|r| {
            r.condition_keys().chain(r.resource_type().into_iter().flat_map(ResourceType::condition_keys))
        })
    }

    /// Other actions that a caller needs for this one to work, as full names; may repeat.
    pub fn dependent_actions(self) -> impl Iterator<Item = &'static str> {
        self.resources().flat_map(ActionResource::dependent_actions)
    }
}

impl ActionResource {
    /// The resource type's name, empty for the line that applies whatever the resource.
    pub fn kind(self) -> &'static str {
        string(SHELF.file.u16_at(SHELF.resources + self.index * RESOURCE_SIZE))
    }

    /// The type itself; `None` for the empty line.
    pub fn resource_type(self) -> Option<ResourceType> {
        self.service.resource_type(self.kind())
    }

    /// Whether every request of this action names a resource of this type.
    pub fn required(self) -> bool {
        SHELF.file.u16_at(SHELF.resources + self.index * RESOURCE_SIZE + 2) != 0
    }

    /// The condition keys of this line.
    pub fn condition_keys(self) -> impl Iterator<Item = &'static str> {
        list(SHELF.file.u16_at(SHELF.resources + self.index * RESOURCE_SIZE + 4))
    }

    /// The other actions that this line needs.
    pub fn dependent_actions(self) -> impl Iterator<Item = &'static str> {
        list(SHELF.file.u16_at(SHELF.resources + self.index * RESOURCE_SIZE + 6))
    }
}

impl ResourceType {
    /// `user`.
    pub fn name(self) -> &'static str {
        string(SHELF.file.u16_at(SHELF.types + self.index * TYPE_SIZE))
    }

    /// `arn:${Partition}:iam::${Account}:user/${UserNameWithPath}`.
    pub fn arn(self) -> &'static str {
        string(SHELF.file.u16_at(SHELF.types + self.index * TYPE_SIZE + 2))
    }

    /// The condition keys that the type brings along.
    pub fn condition_keys(self) -> impl Iterator<Item = &'static str> {
        list(SHELF.file.u16_at(SHELF.types + self.index * TYPE_SIZE + 4))
    }
}

impl ConditionKey {
    /// Whether a key in a policy is this one: the case does not count, and `${...}` stands for one or more characters.
    pub fn matches(&self, key: &str) -> bool {
        template_matches(self.name, key)
    }
}

/// Whether `key` is `template`, in any case; a part in `${...}` or `<...>` stands for one or more characters.
///
/// From the first such part to the last everything is free, which is how far templates with two of them go.
pub fn template_matches(template: &str, key: &str) -> bool {
    let Some(start) = template.find("${").or_else(|| template.find('<')) else {
        return template.eq_ignore_ascii_case(key);
    };
    let head = &template.as_bytes()[..start];
    let tail = template.rfind(['}', '>']).map_or(&b""[..], |end| &template.as_bytes()[end + 1..]);
    let key = key.as_bytes();
    key.len() > head.len() + tail.len()
        && key[..head.len()].eq_ignore_ascii_case(head)
        && key[key.len() - tail.len()..].eq_ignore_ascii_case(tail)
}

/// Whether `text` matches a pattern with `*` (any run) and `?` (one character), in any case.
///
/// Linear in the usual case and at worst the product of the lengths; never recursive.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == b'?' || c.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    p = after_star;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

fn key_kind(bits: u16) -> KeyKind {
    match bits & 0x7f {
        0 => KeyKind::String,
        1 => KeyKind::Arn,
        2 => KeyKind::Bool,
        3 => KeyKind::Date,
        4 => KeyKind::Numeric,
        _ => KeyKind::Ip,
    }
}

/// Orders two names by their lower-case letters, as the file is sorted.
fn compare(left: &str, right: &str) -> std::cmp::Ordering {
    left.bytes().map(|b| b.to_ascii_lowercase()).cmp(right.bytes().map(|b| b.to_ascii_lowercase()))
}

/// Binary search over record numbers.
fn search(range: std::ops::Range<usize>, order: impl Fn(usize) -> std::cmp::Ordering) -> Option<usize> {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        match order(middle) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle),
        }
    }
    None
}

fn string(number: u16) -> &'static str {
    SHELF.file.string(number.into())
}

fn list(number: u16) -> impl Iterator<Item = &'static str> {
    let at = SHELF.lists + usize::from(number) * 4;
    (SHELF.file.u32_at(at)..SHELF.file.u32_at(at + 4))
        .map(|item| string(SHELF.file.u16_at(SHELF.list_items + item * 2)))
}

/// Of a full name, in any case: FNV-1a, as `xtask authorization` writes it.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
#[path = "actions_tests.rs"]
mod tests;
