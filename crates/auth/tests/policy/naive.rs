//! The second implementation: slow, obvious, written from the documents and sharing no code with the first.
//!
//! It walks `serde_json` trees and recomputes everything for each question. Where the documents leave a choice, it
//! makes the one that the first implementation documents. Documents are taken to be well formed.

use auth::policy::Principal;
use serde_json::Value;
use std::collections::BTreeMap;

/// A question and all that applies to it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) principal: Principal,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) resource_account: String,
    /// Keys in lower case.
    pub(crate) context: BTreeMap<String, Vec<String>>,
    pub(crate) identity: Vec<Value>,
    pub(crate) boundary: Option<Value>,
    pub(crate) session: Option<Vec<Value>>,
    pub(crate) scp: Option<Vec<Vec<Value>>>,
    pub(crate) rcp: Option<Vec<Vec<Value>>>,
    pub(crate) resource_policy: Option<Value>,
    /// `None`, `Optional` or `Required`.
    pub(crate) mode: String,
}

/// `Allowed(Identity)` and so on, as the first implementation prints its causes.
pub(crate) fn decide(world: &World) -> String {
    let linked = matches!(world.principal, Principal::AssumedRole { service_linked: true, .. });
    let account = world.principal.account().map(|a| a.to_string());
    let rcp = if linked { None } else { world.rcp.clone() };
    let scp = if linked || account.is_none() { None } else { world.scp.clone() };
    let resource: Vec<Value> =
        world.resource_policy.iter().filter(|_| world.mode != "None").cloned().collect();
    let identity = if account.is_some() { world.identity.clone() } else { vec![] };
    let boundary: Vec<Value> = world.boundary.iter().filter(|_| account.is_some()).cloned().collect();
    let session: Vec<Value> = world.session.iter().filter(|_| account.is_some()).flatten().cloned().collect();

    // Explicit denies, in the order of the documented flow.
    let flatten =
        |levels: &Option<Vec<Vec<Value>>>| levels.iter().flatten().flatten().cloned().collect::<Vec<_>>();
    let order = [
        ("Rcp", flatten(&rcp)),
        ("Scp", flatten(&scp)),
        ("Resource", resource.clone()),
        ("Identity", identity.clone()),
        ("Boundary", boundary.clone()),
        ("Session", session.clone()),
    ];
    for (name, policies) in order {
        if policies
            .iter()
            .any(|policy| statements(policy).iter().any(|s| effect(s) == "Deny" && applies(world, policy, s)))
        {
            return format!("ExplicitDeny({name})");
        }
    }
    let allows = |policies: &[Value]| {
        policies.iter().any(|policy| {
            statements(policy).iter().any(|s| effect(s) == "Allow" && applies(world, policy, s))
        })
    };
    if rcp.iter().flatten().any(|level| !allows(level)) {
        return "ImplicitDeny(Rcp)".into();
    }
    if scp.iter().flatten().any(|level| !allows(level)) {
        return "ImplicitDeny(Scp)".into();
    }

    let strength = resource
        .iter()
        .flat_map(|policy| statements(policy).into_iter().map(move |s| (policy, s)))
        .filter(|(policy, s)| effect(s) == "Allow" && applies(world, policy, s))
        .map(|(_, s)| strength(world, &s))
        .max()
        .unwrap_or(0);
    let Some(account) = account else {
        return if strength > 0 { "Allowed(Resource)".into() } else { "ImplicitDeny(Resource)".into() };
    };
    let is_root = matches!(world.principal, Principal::Root { .. });
    let by_root = is_root || matches!(world.principal, Principal::FederatedUser { user: None, .. });
    let identity_ok = by_root || allows(&identity);
    let boundary_ok = world.boundary.is_none() || allows(&boundary);
    let session_ok = match world.session {
        Some(_) => allows(&session),
        None => !matches!(world.principal, Principal::FederatedUser { .. }),
    };
    let limits = |then: String| {
        if !boundary_ok {
            "ImplicitDeny(Boundary)".into()
        } else if !session_ok {
            "ImplicitDeny(Session)".into()
        } else {
            then
        }
    };
    if account != world.resource_account {
        if strength == 0 {
            return "ImplicitDeny(Resource)".into();
        }
        return if identity_ok {
            limits("Allowed(Resource)".into())
        } else {
            "ImplicitDeny(Identity)".into()
        };
    }
    if strength == 3 {
        return "Allowed(Resource)".into();
    }
    if strength == 2 {
        return limits("Allowed(Resource)".into());
    }
    if strength == 0 && world.mode == "Required" {
        return "ImplicitDeny(Resource)".into();
    }
    if !identity_ok {
        return "ImplicitDeny(Identity)".into();
    }
    limits(if is_root { "Root".into() } else { "Allowed(Identity)".into() })
}

fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

fn effect(statement: &Value) -> &str {
    statement["Effect"].as_str().unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn applies(world: &World, policy: &Value, statement: &Value) -> bool {
    let variables = policy["Version"] == "2012-10-17";
    let named = (statement.get("Principal").is_none() && statement.get("NotPrincipal").is_none())
        || strength(world, statement) > 0;
    named
        && action_fits(world, statement)
        && resource_fits(world, statement, variables)
        && conditions_hold(world, statement, variables)
}

fn action_fits(world: &World, statement: &Value) -> bool {
    let action = world.action.to_lowercase();
    let fits = |value: &Value| strings(value).iter().any(|p| wild(&marked(&p.to_lowercase()), &action));
    match statement.get("Action") {
        Some(list) => fits(list),
        None => !fits(&statement["NotAction"]),
    }
}

fn resource_fits(world: &World, statement: &Value, variables: bool) -> bool {
    let fits = |list: &Value| {
        let one =
            |pattern: &String| arn_fits(world, pattern, &world.resource, variables, false) == Some(true);
        strings(list).iter().any(one)
    };
    let broken = |list: &Value| {
        strings(list)
            .iter()
            .any(|pattern| arn_fits(world, pattern, &world.resource, variables, false).is_none())
    };
    match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(list), _) => fits(list),
        (None, Some(list)) => !fits(list) && !broken(list),
        (None, None) => true,
    }
}

/// `None`: a variable in it has no value.
fn arn_fits(world: &World, pattern: &str, text: &str, variables: bool, everywhere: bool) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    let given: Vec<&str> = text.splitn(6, ':').collect();
    let is_arn = given.len() == 6 && given[0] == "arn";
    let all = |parts: &[String]| {
        let padding = vec![STAR.to_string(); 6 - parts.len()];
        parts.len() > 1
            && is_arn
            && parts.iter().chain(&padding).zip(&given).all(|(own, part)| wild(own, part))
    };
    if variables && everywhere {
        let whole = expanded(world, pattern)?;
        return Some(all(&whole.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>()));
    }
    // Colons inside variables do not separate.
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for letter in pattern.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if letter == ':' && depth == 0 && parts.len() < 6 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(letter);
        }
    }
    let last = parts.len() - 1;
    for (at, part) in parts.iter_mut().enumerate() {
        *part = if variables && at == 5 && at == last { expanded(world, part)? } else { marked(part) };
    }
    Some(all(&parts))
}

const STAR: char = '\u{e000}';
const ONE: char = '\u{e001}';

/// Live wildcards become letters of private use.
fn marked(pattern: &str) -> String {
    pattern.replace('*', &STAR.to_string()).replace('?', &ONE.to_string())
}

/// [`marked`], with variables replaced by their values. `None`: one has no single value.
fn expanded(world: &World, pattern: &str) -> Option<String> {
    let Some(start) = pattern.find("${") else { return Some(marked(pattern)) };
    let (before, rest) = (&pattern[..start], &pattern[start + 2..]);
    let Some(end) = rest.find('}') else { return Some(marked(pattern)) };
    let (body, after) = (&rest[..end], &rest[end + 1..]);
    let value = match body {
        "*" | "?" | "$" => body.to_owned(),
        _ => {
            let (key, default) = match body.split_once(", '") {
                Some((key, default)) => (key, Some(default.trim_end_matches('\'').to_owned())),
                None => (body, None),
            };
            match world.context.get(&key.to_lowercase()).map(Vec::as_slice) {
                Some([one]) => one.clone(),
                _ => default?,
            }
        }
    };
    Some(format!("{}{value}{}", marked(before), expanded(world, after)?))
}

fn wild(pattern: &str, text: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some(STAR) => {
            let rest = letters.as_str();
            let mut tails = text.char_indices().map(|(at, _)| &text[at..]).chain([""]);
            tails.any(|tail| wild(rest, tail))
        }
        Some(letter) => match text.chars().next() {
            Some(own) if letter == ONE || letter == own => wild(letters.as_str(), &text[own.len_utf8()..]),
            _ => false,
        },
    }
}

fn conditions_hold(world: &World, statement: &Value, variables: bool) -> bool {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return true };
    operators.iter().all(|(operator, keys)| {
        keys.as_object()
            .unwrap()
            .iter()
            .all(|(key, values)| holds(world, operator, key, &strings(values), variables))
    })
}

fn holds(world: &World, operator: &str, key: &str, wanted: &[String], variables: bool) -> bool {
    let for_all = operator.starts_with("ForAllValues:");
    let for_any = operator.starts_with("ForAnyValue:");
    let name = operator.trim_start_matches("ForAllValues:").trim_start_matches("ForAnyValue:");
    let if_exists = name.ends_with("IfExists");
    let name = name.trim_end_matches("IfExists");
    let present = world.context.get(&key.to_lowercase());
    if name == "Null" {
        let is_null = present.is_none_or(Vec::is_empty).to_string();
        return wanted.contains(&is_null);
    }
    if present.is_none() && if_exists {
        return true;
    }
    let values = present.cloned().unwrap_or_default();
    let nothing = values.iter().all(String::is_empty);
    let negated = name.contains("Not");
    let unresolved = wanted.iter().any(|want| is_unresolved(world, name, want, variables));
    let good = |value: &String| {
        let found = wanted.iter().any(|want| compare(world, name, value, want, variables));
        if negated { !found && !unresolved } else { found }
    };
    match () {
        () if for_all => nothing || values.iter().all(good),
        () if for_any => !nothing && values.iter().any(good),
        () if negated => !unresolved && values.iter().all(good),
        () => values.iter().any(good),
    }
}

fn takes_variables(name: &str) -> bool {
    name.starts_with("String") || name.starts_with("Arn") || name == "Bool"
}

fn is_unresolved(world: &World, name: &str, want: &str, variables: bool) -> bool {
    variables && takes_variables(name) && expanded(world, want).is_none()
}

fn compare(world: &World, name: &str, value: &str, want: &str, variables: bool) -> bool {
    let text = || if variables { expanded(world, want) } else { Some(marked(want)) };
    let literal = || text().map(|text| text.replace(STAR, "*").replace(ONE, "?"));
    match name.replace("Not", "").as_str() {
        "StringEquals" => literal().is_some_and(|want| want == value),
        "StringEqualsIgnoreCase" => literal().is_some_and(|want| want.to_lowercase() == value.to_lowercase()),
        "StringLike" => text().is_some_and(|want| wild(&want, value)),
        "Bool" => {
            let value = value.to_lowercase();
            (value == "true" || value == "false")
                && literal().is_some_and(|want| want.to_lowercase() == value)
        }
        "ArnEquals" | "ArnLike" => arn_fits(world, want, value, variables, true) == Some(true),
        "BinaryEquals" => value == want,
        "IpAddress" => match (bits(value, true), bits(want, false)) {
            (Some(value), Some(want)) => value.starts_with(&want),
            _ => false,
        },
        name if name.starts_with("Numeric") => match (value.parse::<f64>(), want.parse::<f64>()) {
            (Ok(value), Ok(want)) => ordered(&name["Numeric".len()..], value.partial_cmp(&want)),
            _ => false,
        },
        name => match (moment(value), moment(want)) {
            (Some(value), Some(want)) => ordered(&name["Date".len()..], value.partial_cmp(&want)),
            _ => false,
        },
    }
}

fn ordered(relation: &str, order: Option<std::cmp::Ordering>) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match relation {
        "Equals" => order == Some(Equal),
        "LessThan" => order == Some(Less),
        "LessThanEquals" => matches!(order, Some(Less | Equal)),
        "GreaterThan" => order == Some(Greater),
        "GreaterThanEquals" => matches!(order, Some(Greater | Equal)),
        other => panic!("{other}"),
    }
}

fn moment(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| base::Timestamp::parse_iso8601(text).map(base::Timestamp::seconds))
}

/// `4:` or `6:` and the bits of the network part; of a single address all of them.
fn bits(text: &str, single: bool) -> Option<String> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let (family, all) = match address.parse().ok()? {
        std::net::IpAddr::V4(v4) => {
            ("4:", v4.octets().iter().map(|o| format!("{o:08b}")).collect::<String>())
        }
        std::net::IpAddr::V6(v6) => {
            ("6:", v6.octets().iter().map(|o| format!("{o:08b}")).collect::<String>())
        }
    };
    let prefix = prefix.filter(|_| !single).map_or(all.len(), |p| p.parse().unwrap());
    Some(format!("{family}{}", &all[..prefix]))
}

/// 0: not named, 1: the account is, 2: the role is, 3: the very one who asks is.
fn strength(world: &World, statement: &Value) -> u8 {
    if let Some(element) = statement.get("Principal") {
        return names(element)
            .iter()
            .map(|(kind, name)| strength_of(&world.principal, kind, name))
            .max()
            .unwrap_or(0);
    }
    let Some(element) = statement.get("NotPrincipal") else { return 3 };
    let listed = names(element);
    let links = links(&world.principal);
    let is_listed = |link: &(String, Vec<String>)| {
        listed
            .iter()
            .any(|(kind, name)| name == "*" && kind == "AWS" || *kind == link.0 && link.1.contains(name))
    };
    let spared =
        if effect(statement) == "Deny" { links.iter().all(is_listed) } else { links.iter().any(is_listed) };
    if spared { 0 } else { 3 }
}

fn names(element: &Value) -> Vec<(String, String)> {
    match element {
        Value::Object(kinds) => kinds
            .iter()
            .flat_map(|(kind, list)| strings(list).into_iter().map(move |n| (kind.clone(), n)))
            .collect(),
        _ => vec![("AWS".into(), "*".into())],
    }
}

/// Each link of account, role and session with the names that stand for it.
fn links(principal: &Principal) -> Vec<(String, Vec<String>)> {
    let aws = |names: Vec<String>| ("AWS".to_owned(), names);
    let account = |a: &base::AccountId| aws(vec![a.to_string(), format!("arn:aws:iam::{a}:root")]);
    match principal {
        Principal::Root { account: a } => vec![account(a)],
        Principal::User { account: a, arn, id } => vec![account(a), aws(vec![arn.clone(), id.clone()])],
        Principal::AssumedRole { account: a, role_arn, role_id, session_arn, .. } => {
            vec![account(a), aws(vec![role_arn.clone(), role_id.clone()]), aws(vec![session_arn.clone()])]
        }
        Principal::FederatedUser { account: a, arn, user } => {
            let mut links = vec![account(a)];
            links.extend(user.iter().map(|u| aws(vec![u.arn.clone(), u.id.clone()])));
            links.push(aws(vec![arn.clone()]));
            links
        }
        Principal::Service { name } => vec![("Service".into(), vec![name.clone()])],
        Principal::WebIdentity { provider: name } | Principal::Saml { provider_arn: name } => {
            vec![("Federated".into(), vec![name.clone()])]
        }
        Principal::Anonymous => vec![("Nobody".into(), vec![])],
    }
}

fn strength_of(principal: &Principal, kind: &str, name: &str) -> u8 {
    if kind == "AWS" && name == "*" {
        return 3;
    }
    let links = links(principal);
    let Some(at) = links.iter().position(|(own, names)| own == kind && names.iter().any(|n| n == name))
    else {
        return 0;
    };
    match (at + 1 == links.len(), at) {
        (true, _) => 3,
        (false, 0) => 1,
        (false, _) => 2,
    }
}
