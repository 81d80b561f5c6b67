//! CloudWatch bodies.

use super::call;

pub(crate) fn run(data: &[u8]) {
    let path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
    call("POST", path, "", &[("smithy-protocol", "rpc-v2-cbor")], data);
}
