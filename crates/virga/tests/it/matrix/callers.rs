//! Who may: nobody unsigned, no user without a permission, a user with exactly what is needed, no stranger.

use super::{ACCOUNT, Cloud, Row, World, each_row, tables};
use crate::harness::{Caller, Reply};
use serde_json::{Value, json};

/// Grants that one operation may need one after the other.
const GRANTS_MAX: usize = 12;

const HOLDER: &str = "arn:aws:iam::123456789012:user/holder";
const NOBODY: &str = "arn:aws:iam::123456789012:user/nobody";

/// Code and message; of EC2's refusals without the sentence before and the encoded message behind.
pub(super) fn error(reply: &Reply) -> (String, String) {
    let (code, message) = reply.error();
    let core = message.strip_prefix("You are not authorized to perform this operation. ");
    let core = core.and_then(|rest| rest.split_once(". Encoded authorization failure message: "));
    let message = core.map_or_else(|| message.clone(), |(core, _)| core.to_owned());
    (code, message)
}

fn is_denial(row: &Row, reply: &Reply) -> bool {
    let (code, message) = error(reply);
    code == row.codes().denied && message.contains("is not authorized to perform")
}

fn expect(reply: &Reply, status: u16, code: &str) -> Result<(), String> {
    let (got, message) = error(reply);
    if (reply.status, got.as_str()) == (status, code) {
        return Ok(());
    }
    Err(format!("answered {} {got:?} ({message}), not {status} {code}", reply.status))
}

fn call(caller: &Caller<'_>, row: &Row) -> Reply {
    caller.call(row.service.id, row.operation.name, row.parameters())
}

/// `iam:GetUser` and the resource of a refusal.
fn denied(message: &str) -> Option<(&str, &str)> {
    let rest = message.split_once("is not authorized to perform: ")?.1;
    let (action, rest) = rest.split_once(" on resource: ")?;
    let end = rest.find(" because ").or_else(|| rest.find(" with an explicit deny")).unwrap_or(rest.len());
    Some((action, rest[..end].trim_matches('"')))
}

fn is_open(row: &Row) -> bool {
    tables::OPEN.iter().any(|(name, _)| *name == row.name())
}

/// Whether refusals stand in the answer; then there must be one.
fn refuses_by_item(row: &Row, reply: &Reply) -> Option<Result<(), String>> {
    tables::BY_ITEM.iter().find(|(name, _)| *name == row.name())?;
    let denied = reply.value["Errors"][0]["Code"] == "AccessDenied";
    Some(if denied { Ok(()) } else { Err(format!("answered {} {}", reply.status, reply.value)) })
}

#[test]
fn nobody_calls_unsigned() {
    let cloud = Cloud::new();
    let anonymous = cloud.anonymous();
    each_row(&cloud, |_, row| {
        let reply = call(&anonymous, row);
        if row.operation.unsigned {
            let (code, _) = error(&reply);
            let refused = code == row.codes().anonymous;
            return if refused { Err("the model lets it come unsigned".into()) } else { Ok(()) };
        }
        if let Some(refused) = refuses_by_item(row, &reply) {
            return refused;
        }
        expect(&reply, row.codes().anonymous_status, row.codes().anonymous)?;
        let own = tables::NOBODYS_WORDS.iter().find(|(name, _)| *name == row.name());
        let message = own.map_or(row.codes().anonymous_message, |(_, words)| words);
        if error(&reply).1 == message { Ok(()) } else { Err(format!("the message is {:?}", error(&reply).1)) }
    });
}

#[test]
fn no_user_without_permission() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        let reply = call(&world.nobody, row);
        if row.operation.unsigned || is_open(row) {
            return if is_denial(row, &reply) { Err("is listed as open and is not".into()) } else { Ok(()) };
        }
        if let Some(refused) = refuses_by_item(row, &reply) {
            return refused;
        }
        expect(&reply, row.codes().denied_status, row.codes().denied)?;
        let (_, message) = error(&reply);
        let Some((action, resource)) = denied(&message) else { return Err(format!("says {message:?}")) };
        let quote = if row.service.id == "s3" { "\"" } else { "" };
        let plain = format!(
            "User: {NOBODY} is not authorized to perform: {action} on resource: {quote}{resource}{quote} because no \
             identity-based policy allows the {action} action"
        );
        let listed = tables::OTHER_WORDS.iter().find(|(name, _)| *name == row.name());
        match listed {
            Some((_, words)) if message.ends_with(words) && message != plain => Ok(()),
            None if message == plain => Ok(()),
            _ => Err(format!("says {message:?}")),
        }
    });
}

fn put_policy(world: &World<'_>, statements: &Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let put = json!({
        "UserName": "holder", "PolicyName": "inline", "PolicyDocument": document.to_string(),
    });
    world.root.call("iam", "PutUserPolicy", put).ok();
}

#[test]
fn a_user_with_exactly_the_needed_permissions() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        let mut granted: Vec<(String, String)> = Vec::new();
        let nothing = json!([{ "Effect": "Allow", "Action": "none:None", "Resource": "*" }]);
        put_policy(world, &nothing);
        for _ in 0..GRANTS_MAX {
            let reply = call(&world.holder, row);
            if let Some(refused) = refuses_by_item(row, &reply).filter(|_| granted.is_empty()) {
                refused?;
                granted.push((row.op.action.to_owned(), "*".to_owned()));
                let statement = json!([{ "Effect": "Allow", "Action": row.op.action, "Resource": "*" }]);
                put_policy(world, &statement);
                continue;
            }
            if !is_denial(row, &reply) {
                return judge(row, &reply, &granted);
            }
            let (_, message) = error(&reply);
            let (action, resource) = denied(&message).ok_or_else(|| format!("says {message:?}"))?;
            let needed = (action.to_owned(), resource.to_owned());
            if granted.contains(&needed) {
                return Err(format!("is denied {action} on {resource}, which is granted: {message}"));
            }
            granted.push(needed);
            let statements: Vec<_> = granted
                .iter()
                .map(
                    |(action, resource)| json!({ "Effect": "Allow", "Action": action, "Resource": resource }),
                )
                .collect();
            put_policy(world, &statements.into());
        }
        Err(format!("wants ever more: {granted:?}"))
    });
}

/// The noun of an ARN: `route-table`; `*` where there is none.
fn noun(resource: &str) -> &str {
    resource.splitn(6, ':').nth(5).map_or(resource, |rest| rest.split('/').next().unwrap_or(rest))
}

/// EC2 asks about each resource by its type, and AWS lists which types belong to which action.
#[test]
fn ec2_asks_about_the_types_that_aws_lists() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        let Some(listed) = auth::actions::action(row.op.action).filter(|_| row.service.id == "ec2") else {
            return Ok(());
        };
        let mut statements = vec![json!({ "Effect": "Allow", "Action": "none:None", "Resource": "*" })];
        let mut asked = Vec::new();
        for _ in 0..GRANTS_MAX {
            put_policy(world, &statements.clone().into());
            let reply = call(&world.holder, row);
            if !is_denial(row, &reply) {
                break;
            }
            let (_, message) = error(&reply);
            let (action, resource) = denied(&message).ok_or_else(|| format!("says {message:?}"))?;
            if action == row.op.action {
                asked.push(noun(resource).to_owned());
            }
            statements.push(json!({ "Effect": "Allow", "Action": action, "Resource": resource }));
        }
        let kinds: Vec<&str> = listed.resources().map(|r| r.kind()).filter(|kind| !kind.is_empty()).collect();
        if let Some(other) = asked.iter().find(|noun| *noun != "*" && !kinds.contains(&noun.as_str())) {
            return Err(format!("asks about {other}, AWS about {kinds:?}"));
        }
        let required = listed.resources().filter(|r| r.required()).map(|r| r.kind());
        let missing: Vec<&str> = required.filter(|kind| asked.iter().all(|noun| noun != kind)).collect();
        let excused = tables::BY_LOOK_UP.iter().any(|(name, _)| *name == row.name());
        match (missing.is_empty(), excused) {
            (true, false) | (false, true) => Ok(()),
            (true, true) => Err("is listed as by look-up and asks for all".into()),
            (false, false) => Err(format!("does not ask about {missing:?}, but about {asked:?}")),
        }
    });
}

/// Whether an answer beyond authorization is one that the caller can do something with.
fn judge(row: &Row, reply: &Reply, granted: &[(String, String)]) -> Result<(), String> {
    if !row.operation.unsigned && !is_open(row) && !granted.iter().any(|(action, _)| action == row.op.action)
    {
        return Err(format!("never asked for {}: {granted:?}", row.op.action));
    }
    let (code, message) = error(reply);
    let malformed = [row.codes().invalid, row.codes().malformed].contains(&code.as_str());
    if malformed && message.contains("failed to satisfy constraint") {
        return Err(format!("the generated input is not valid: {message}"));
    }
    match reply.status {
        500.. => Err(format!("answered {} {code}: {message}", reply.status)),
        _ => Ok(()),
    }
}

#[test]
fn an_explicit_deny_wins_and_says_so() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        if row.operation.unsigned || is_open(row) {
            return Ok(());
        }
        put_policy(
            world,
            &json!([
                { "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Effect": "Deny", "Action": row.op.action, "Resource": "*" },
            ]),
        );
        let reply = call(&world.holder, row);
        if let Some(refused) = refuses_by_item(row, &reply) {
            return refused;
        }
        expect(&reply, row.codes().denied_status, row.codes().denied)?;
        let (_, message) = error(&reply);
        let action = row.op.action;
        let start = format!("User: {HOLDER} is not authorized to perform: {action} on resource: ");
        let end = " with an explicit deny in an identity-based policy";
        if message.starts_with(&start) && message.ends_with(end) {
            Ok(())
        } else {
            Err(format!("says {message:?}"))
        }
    });
}

/// The row names a resource of its account by ARN or key id.
fn names_a_resource(world: &World<'_>, row: &Row) -> bool {
    row.input.iter().any(|(_, value)| {
        value.as_str().is_some_and(|text| {
            text.starts_with("arn:aws:") && text.contains(&format!(":{ACCOUNT}:"))
                || Some(text) == world.prepared.key_id.as_deref()
        })
    })
}

#[test]
fn no_stranger_reaches_what_is_named() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        if row.operation.unsigned || !names_a_resource(world, row) {
            return Ok(());
        }
        let reply = call(&world.stranger, row);
        let listed = tables::ACROSS_ACCOUNTS.iter().any(|(name, _)| *name == row.name());
        match (reply.status, listed) {
            (400..=499, false) | (..=399, true) => Ok(()),
            (status, _) => Err(format!("answered {status} {:?} to another account", error(&reply))),
        }
    });
}

/// The account in a trust policy that the stranger gives, as IAM shows it.
const TRUSTED: &str = "arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot";

/// What the account has of users, roles, policies, keys and their like.
fn inventory(world: &World<'_>) -> Vec<Value> {
    let listed = [
        ("iam", "GetAccountAuthorizationDetails", json!({})),
        ("iam", "GetAccountSummary", json!({})),
        ("iam", "ListAccessKeys", json!({ "UserName": "prepared" })),
        ("iam", "ListAccountAliases", json!({})),
        ("iam", "ListInstanceProfiles", json!({})),
        ("iam", "ListServerCertificates", json!({})),
        ("kms", "ListKeys", json!({})),
        ("kms", "ListAliases", json!({})),
        ("kms", "ListGrants", json!({ "KeyId": world.prepared.key_id })),
        ("kms", "GetKeyPolicy", json!({ "KeyId": world.prepared.key_id })),
        ("kms", "DescribeKey", json!({ "KeyId": world.prepared.key_id })),
    ];
    listed.map(|(service, operation, asked)| world.root.call(service, operation, asked).ok()).into()
}

/// A name means a thing of the caller's own account: what another has of that name is neither shown nor touched.
#[test]
fn a_stranger_finds_nothing_of_ours_by_its_name() {
    let cloud = Cloud::new();
    let world = World::new(&cloud);
    let before = inventory(&world);
    let (rows, _) = super::rows(&world.prepared);
    let rows = rows.iter().filter(|row| ["iam", "sts", "kms"].contains(&row.service.id));
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for row in rows.filter(|row| !row.operation.unsigned && !names_a_resource(&world, row)) {
        tried += 1;
        let reply = call(&world.stranger, row);
        // Whom the stranger's own role trusts is what it has said itself.
        let said = String::from_utf8_lossy(&reply.body).replace(TRUSTED, "");
        let shows = said.contains(ACCOUNT);
        let listed = tables::TELLS_THE_ACCOUNT.iter().any(|(name, _)| *name == row.name());
        if shows != listed || reply.status >= 500 {
            wrong.push(format!("{}: {} {}", row.name(), reply.status, reply.value));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 130, "{tried} operations");
    assert_eq!(inventory(&world), before);
}

#[test]
fn the_tables_are_not_stale() {
    let built: Vec<String> = virga::wiring::services()
        .iter()
        .flat_map(|s| s.ops().map(|op| format!("{}:{}", s.id, op.name)))
        .collect();
    let listed = tables::OPEN
        .iter()
        .chain(tables::OTHER_WORDS)
        .chain(tables::NOBODYS_WORDS)
        .chain(tables::ACROSS_ACCOUNTS)
        .chain(tables::TELLS_THE_ACCOUNT)
        .chain(tables::NOT_GENERATED)
        .chain(tables::BY_ITEM)
        .map(|(name, _)| *name);
    let gone: Vec<&str> = listed.filter(|name| !built.iter().any(|b| b == name)).collect();
    assert!(gone.is_empty(), "listed, but not built: {gone:?}");
}
