//! IAM, EC2 and SQS forms.

use super::{call, signed};

pub(crate) fn run(data: &[u8]) {
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (service, action) in [("iam", "CreateUser"), ("ec2", "RunInstances"), ("sqs", "SendMessageBatch")] {
        let query = format!("Action={action}");
        call("POST", "/", &query, &[("authorization", &signed(service)), form], data);
    }
}
