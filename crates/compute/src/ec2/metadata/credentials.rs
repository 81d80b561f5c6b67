//! The credentials of an instance's role: of a session that EC2 begins in the instance's name, and renews in time.

use super::tree::Role;
use crate::ec2::errors::UNAUTHORIZED;
use crate::ec2::model::Instance;
use crate::ec2::ops::{SELF, text};
use base::Timestamp;
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::{Value, json};

/// There are new ones when the old have less than this: clients ask again a quarter of an hour before the end.
const LEFT_MIN: Duration = Duration::from_secs(30 * 60);

/// What was given to instances, by their ids and by whether they asked with a token. A restart forgets it: they get new
/// ones.
#[derive(Debug, Default)]
pub(super) struct Given(Mutex<BTreeMap<(String, bool), Session>>);

#[derive(Clone, Debug)]
struct Session {
    /// The unique id of the role: one that was made again under the same name is another.
    role: String,
    key: String,
    secret: String,
    token: String,
    since: Timestamp,
    until: Timestamp,
}

impl Given {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, bool), Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what instances had that are gone.
    pub(super) fn retain(&self, instances: &BTreeSet<String>) {
        self.lock().retain(|(id, _), _| instances.contains(id));
    }

    /// The document that an instance reads, with a token (the second version of the service) or without.
    pub(super) fn document(
        &self,
        cx: &mut Cx<'_>,
        instance: &Instance,
        with_token: bool,
        role: &Role,
    ) -> String {
        let fresh = |session: &&Session| session.role == role.id && cx.now.plus(LEFT_MIN) < session.until;
        let place = (instance.id.clone(), with_token);
        let known = self.lock().get(&place).filter(fresh).cloned();
        match known.map_or_else(|| begin(cx, instance, with_token, role), Ok) {
            Ok(session) => {
                let shown = shown(&session);
                self.lock().insert(place, session);
                shown
            }
            Err(_) => refusal(cx.now, role),
        }
    }
}

/// A session of the role, named after the instance, which policies know by it.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn begin(cx: &mut Cx<'_>, instance: &Instance, with_token: bool, role: &Role) -> Result<Session, Ec2Error> {
    let delivery = if with_token { "2.0" } else { "1.0" };
    let mut keys = vec![
        ("aws:Ec2InstanceSourceVpc", instance.vpc.clone()),
        ("ec2:SourceInstanceARN", cx.arn("ec2", &format!("instance/{}", instance.id)).to_string()),
        ("ec2:RoleDelivery", delivery.to_owned()),
    ];
    if !instance.address.is_empty() {
        keys.push(("aws:Ec2InstanceSourcePrivateIPv4", instance.address.clone()));
    }
    let answer = cx.begin_session(SELF, &role.arn, &instance.id, keys)?;
    let given = answer.member("Credentials").ok_or(Plain::InternalError)?;
    let Some(Value::Time(until)) = given.member("Expiration") else {
        return Err(Plain::InternalError.into());
    };
    Ok(Session {
        role: role.id.clone(),
        key: text(given, "AccessKeyId"),
        secret: text(given, "SecretAccessKey"),
        token: text(given, "SessionToken"),
        since: cx.now,
        until: *until,
    })
}

fn document(members: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let members = members.into_iter().map(|(name, text)| (name, Value::Str(text)));
    json::text(&Value::Struct(members.collect()))
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>
fn shown(session: &Session) -> String {
    document([
        ("Code", "Success".to_owned()),
        ("LastUpdated", session.since.whole_seconds().iso8601()),
        ("Type", "AWS-HMAC".to_owned()),
        ("AccessKeyId", session.key.clone()),
        ("SecretAccessKey", session.secret.clone()),
        ("Token", session.token.clone()),
        ("Expiration", session.until.whole_seconds().iso8601()),
    ])
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html>
fn refusal(now: Timestamp, role: &Role) -> String {
    let what = format!(
        "EC2 cannot assume the role {}. Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.",
        role.name
    );
    document([
        ("Code", UNAUTHORIZED.to_owned()),
        ("Message", what),
        ("LastUpdated", now.whole_seconds().iso8601()),
    ])
}
