//! Every operation of every modelled service that is not built says just that, in its own protocol.

use super::generate::Generator;
use super::{ACCOUNT, Cloud, json, tables};
use serde_json::Value;

/// What even an operation that is not built needs: an input of its shape, where one can be made.
fn parameters(
    service: &'static wire::model::Service,
    operation: &'static wire::model::Operation,
    prepared: &tables::Prepared,
) -> Value {
    let known = |service: &str, operation: &str, member: &str| prepared.known(service, operation, member);
    let input = Generator { service, operation, known: &known }.input().unwrap_or_default();
    json(&wire::Value::Struct(input), service)
}

#[test]
fn what_is_not_built_says_so() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let prepared = tables::Prepared::default();
    let built = virga::wiring::services();
    let (mut wrong, mut services, mut operations) = (Vec::new(), 0, 0);
    for service in wire::catalog::services().iter().filter_map(|model| wire::catalog::service(model.id)) {
        let own = built.iter().find(|built| built.id == service.id);
        services += 1;
        for operation in &service.operations {
            if own.is_some_and(|own| own.op(operation.name).is_some()) {
                continue;
            }
            operations += 1;
            let reply = root.call(service.id, operation.name, parameters(service, operation, &prepared));
            let (code, message) = reply.error();
            let words = format!("{}:{} is not built in this version of Virga.", service.id, operation.name);
            let says_so =
                (reply.status, code.as_str(), message.as_str()) == (501, "NotImplemented", words.as_str());
            let name = format!("{}:{}", service.id, operation.name);
            if says_so == tables::SAME_REQUEST.iter().any(|(listed, _)| *listed == name) {
                wrong.push(format!("{name}: {} {code} {message}", reply.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {operations}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(services > 50 && operations > 1_000, "{services} services, {operations} operations");
}
