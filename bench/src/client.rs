//! Single requests to the cloud that is ours, where what they answer matters and not how fast.

use crate::{load, process::Server, scenario::ACCOUNT, sign::Signer};
use serde_json::Value;
use std::fmt::Write as _;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

pub(crate) struct Client<'s> {
    pub(crate) server: &'s Server,
    pub(crate) host: String,
}

impl Client<'_> {
    pub(crate) fn of(server: &Server) -> Client<'_> {
        Client { server, host: server.address.to_string() }
    }

    pub(crate) fn ask(
        &self,
        service: &str,
        how: (&str, &str),
        kind: &str,
        body: &str,
    ) -> Result<String, String> {
        let signer = Signer::new(ACCOUNT, "any", service);
        let headers = [("content-type", kind)];
        load::one(self.server.address, &signer.request(how, &self.host, &headers, body))
    }

    pub(crate) fn rest(&self, service: &str, how: (&str, &str), body: &Value) -> Result<String, String> {
        self.ask(service, how, "application/json", &body.to_string())
    }

    /// A request whose parameters are written as they are to be sent.
    pub(crate) fn form(&self, service: &str, body: &str) -> Result<String, String> {
        self.ask(service, ("POST", "/"), FORM, body)
    }

    /// An operation of EC2.
    pub(crate) fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
        let mut body = format!("Action={action}&Version=2016-11-15");
        for (name, value) in parameters {
            let _ = write!(body, "&{name}={}", value.replace('/', "%2F"));
        }
        self.form("ec2", &body).map_err(|why| format!("{action}: {why}"))
    }
}
