//! How SQS counts: every action is a request, and each 64 KB of the messages in it one more.
//!
//! AWS: <https://aws.amazon.com/sqs/pricing/>. What other services send in their own name is not counted.

use crate::chunks;
use kernel::meter::{Called, Kind, Line, Tariff};
use wire::Value;

static STANDARD: Kind = Kind::new("AWSQueueService", "Requests-RBP", "Requests").at(400_000, 1_000_000);
static FIFO: Kind = Kind::new("AWSQueueService", "Requests-FIFO-RBP", "Requests").at(500_000, 1_000_000);

#[derive(Debug)]
pub struct Requests;

/// What carries messages.
const CARRIES: [&str; 4] = ["MessageBody", "MessageAttributes", "Entries", "Messages"];

fn carried(value: &Value) -> u64 {
    CARRIES.iter().filter_map(|name| value.member(name)).map(chunks::bytes).sum()
}

impl Tariff for Requests {
    fn service(&self) -> &'static str {
        "sqs"
    }

    fn size(&self, operation: &str, request: &Value) -> u64 {
        if operation.starts_with("SendMessage") { carried(request) } else { 0 }
    }

    fn count(&self, call: &Called<'_>, add: &mut dyn FnMut(&Line<'_>, u64)) {
        if !call.is_charged() {
            return;
        }
        let resource = call.resource();
        let kind = if resource.ends_with(".fifo") { &FIFO } else { &STANDARD };
        let answered = match call.outcome {
            Ok(answer) if call.operation == "ReceiveMessage" => carried(answer),
            _ => 0,
        };
        let Called { account, region, operation, .. } = *call;
        add(&Line { account, region, kind, operation, resource }, chunks::requests(call.size.max(answered)));
    }
}
