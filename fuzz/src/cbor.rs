//! CloudWatch bodies.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
    fuzz::run("POST", path, "", &[("smithy-protocol", "rpc-v2-cbor")], data);
});
