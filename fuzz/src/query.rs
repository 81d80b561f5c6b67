//! IAM, EC2 and SQS forms.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (service, action) in [("iam", "CreateUser"), ("ec2", "RunInstances"), ("sqs", "SendMessageBatch")] {
        let query = format!("Action={action}");
        fuzz::run("POST", "/", &query, &[("authorization", &fuzz::signed(service)), form], data);
    }
});
