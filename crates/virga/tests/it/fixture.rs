//! A small service of the tests' own, on the model of Parameter Store, beside the real IAM: what the kernel does is
//! tried with handlers that write, emit, refuse after they have written, panic and call each other.

use crate::harness::{Cloud, MASTER, START};
use base::{Clock, Rng};
use kernel::bus::Subscriber;
use kernel::meter::{Gauge, Tariff};
use kernel::reconcile::Reconciler;
use kernel::saga::Saga;
use kernel::site::Site;
use kernel::{As, Cx, Empty, Parts, Service, Settings, Target};
use security::iam::directory::IamDirectory;
use security::iam::last_used::LastUsed;
use std::sync::Arc;
use store::{Direction, Key, Read, Store, Table};
use wire::{Fault, Struct, Value};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Parameter {
        1 => pub(crate) value: String,
        2 => pub(crate) version: i64,
    }
}

pub(crate) const PARAMETERS: Table<Parameter> = Table::new(0xFE01, "it/parameters");

pub(crate) static SSM: Service = Service { id: "ssm", global: false, ops: &[OPS] };

kernel::ops! {
    static OPS:
        PutParameter: put, "ssm:PutParameter", on_name;
        GetParameter: get, "ssm:GetParameter", on_name;
        DeleteParameter: delete, "ssm:DeleteParameter", on_name;
        DeleteParameters: delete_several, "ssm:DeleteParameters", on_all;
}

wire::shape! {
    struct Put { name: String = "Name", value: String = "Value", overwrite: Option<bool> = "Overwrite" }
    struct PutResult { version: i64 = "Version" }
    struct Name { name: String = "Name" }
    struct Got { parameter: Shown = "Parameter" }
    struct Shown { name: String = "Name", value: String = "Value", version: i64 = "Version" }
    struct Names { names: Vec<String> = "Names" }
    struct Deleted { deleted: Vec<String> = "DeletedParameters", invalid: Vec<String> = "InvalidParameters" }
}

fn on_name(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let name = request.str("Name").unwrap_or_default();
    Ok(vec![Target::on(cx.arn("ssm", &format!("parameter/{name}")).to_string())])
}

fn on_all(cx: &mut Cx<'_>, _: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![Target::on(cx.arn("ssm", "*").to_string())])
}

pub(crate) fn key(name: &str) -> Key {
    Key::global().str(name)
}

pub(crate) fn find(from: &dyn Read, name: &str) -> Option<Parameter> {
    PARAMETERS.get(from, &key(name)).unwrap()
}

/// The names of all parameters that there are.
pub(crate) fn all(cloud: &kernel::Cloud) -> Vec<String> {
    let snapshot = cloud.store().snapshot();
    let pairs = PARAMETERS.scan(&snapshot, &Key::empty(), Direction::Forward);
    pairs.map(|pair| pair.unwrap().1.value).collect()
}

fn put(cx: &mut Cx<'_>, request: Put) -> Result<PutResult, Fault> {
    let old = find(cx.tx, &request.name);
    if old.is_some() && request.overwrite != Some(true) {
        return Err(Fault::new(400, "ParameterAlreadyExists", "The parameter already exists."));
    }
    let version = old.map_or(1, |old| old.version + 1);
    PARAMETERS.put(cx.tx, &key(&request.name), &Parameter { value: request.value.clone(), version });
    cx.emit("aws.ssm", "Parameter Store Change", vec![request.name], &Value::Struct(Struct::new()));
    match request.value.as_str() {
        "refused" => Err(Fault::new(400, "UnsupportedParameterType", "After it was written.")),
        "panics" => panic!("as it was told"),
        _ => Ok(PutResult { version }),
    }
}

fn missing() -> Fault {
    Fault::new(400, "ParameterNotFound", "")
}

fn get(cx: &mut Cx<'_>, request: Name) -> Result<Got, Fault> {
    let found = find(cx.tx, &request.name).ok_or_else(missing)?;
    Ok(Got { parameter: Shown { name: request.name, value: found.value, version: found.version } })
}

/// Refuses one whose value is `kept`, after it has deleted it.
fn delete(cx: &mut Cx<'_>, request: Name) -> Result<Empty, Fault> {
    let Name { name } = request;
    let found = find(cx.tx, &name).ok_or_else(missing)?;
    PARAMETERS.delete(cx.tx, &key(&name));
    if found.value == "kept" { Err(missing()) } else { Ok(Empty) }
}

/// Calls [`delete`] with the caller's own permissions, and goes on after refusals. `service:` before a name has the
/// service call in its own name; `ignored:` gives a member that nothing acts on, `wrong:` a name that the model bars.
fn delete_several(cx: &mut Cx<'_>, request: Names) -> Result<Deleted, Fault> {
    let mut out = Deleted { deleted: Vec::new(), invalid: Vec::new() };
    for name in request.names {
        let (how, plain) = name.split_once(':').unwrap_or(("", &name));
        let mut value: Struct = [("Name", Value::str(plain))].into_iter().collect();
        let (mut operation, mut who) = ("DeleteParameter", As::CallerVia("ssm.amazonaws.com"));
        match how {
            "service" => who = As::Service { name: "ssm.amazonaws.com", account: cx.account },
            "ignored" => {
                operation = "GetParameter";
                value.set("WithDecryption", Value::Bool(true));
            }
            "wrong" => value.set("Name", Value::str("")),
            _ => {}
        }
        match cx.call("ssm", operation, Value::Struct(value), who) {
            Ok(_) => out.deleted.push(name),
            Err(fault) => out.invalid.push(format!("{name} {} {}", fault.code, fault.message)),
        }
    }
    Ok(out)
}

/// What a test adds to IAM, STS and the fixture.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) reconcilers: Vec<Arc<dyn Reconciler>>,
    pub(crate) subscribers: Vec<Arc<dyn Subscriber>>,
    pub(crate) sagas: Vec<&'static Saga>,
    pub(crate) sites: Vec<Arc<dyn Site>>,
    pub(crate) services: Vec<&'static Service>,
    pub(crate) tariffs: Vec<&'static dyn Tariff>,
    pub(crate) gauges: Vec<Arc<dyn Gauge>>,
}

pub(crate) fn parts() -> Extra {
    Extra::default()
}

pub(crate) fn wire(store: Store, clock: Clock, strict: bool, extra: Extra) -> Cloud {
    let Extra { reconcilers, subscribers, sagas, sites, services: more, tariffs, gauges } = extra;
    let directory = Arc::new(IamDirectory::new(&MASTER, &store, Arc::new(LastUsed::default())));
    let mut services = vec![&security::iam::IAM, &security::sts::STS, &SSM];
    // A test's own service takes the place of the one here.
    services.retain(|service| more.iter().all(|own| own.id != service.id));
    services.extend(more);
    let parts = Parts {
        services,
        directory,
        reconcilers,
        subscribers,
        recorder: None,
        sagas,
        sites,
        witnesses: Vec::new(),
        tariffs,
        gauges,
        gates: Vec::new(),
        blobs: Arc::new(blob::Memory::default()),
    };
    let settings = Settings { strict, seed: Some(7), ..Settings::default() };
    let cloud = kernel::Cloud::new(store, clock, Rng::seeded(7), &MASTER, settings, parts).unwrap();
    Cloud::around(cloud)
}

/// A strict cloud in memory whose clock stands.
pub(crate) fn cloud(extra: Extra) -> Cloud {
    wire(Store::memory(), Clock::frozen(START), true, extra)
}
