//! What a KMS call costs a processor, from its bytes to its answer's: signature, authorization, work, audit.
//!
//! `cargo bench -p virga --bench kms_calls`. The cloud is in memory, so a call that writes costs no disk here.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use auth::sigv4::sign::{Signer, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Dialect, Payload, Secret};
use base::{Clock, Rng};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request};
use kernel::{Cloud, Peer, Settings};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;

const ACCOUNT: &str = "123456789012";
const FOR: Duration = Duration::from_secs(2);

fn request(service: &str, target: &str, parameters: &Value) -> (Parts, Bytes) {
    let mut request = Request::post("/").body(Bytes::from(parameters.to_string())).unwrap();
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("kms.us-east-1.amazonaws.com"));
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert("x-amz-target", target.parse().unwrap());
    let secret = Secret::new("anything".to_owned());
    let signer = Signer {
        access_key: ACCOUNT,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service,
        dialect: Dialect::Query,
        algorithm: Algorithm::Hmac,
    };
    let BodyHash::Of(hash) = BodyHash::of(request.body()) else { unreachable!() };
    let now = Clock::system().now();
    sign_headers(&signer, "POST", "/", "", request.headers_mut(), Payload::Hash(hash), now).unwrap();
    request.into_parts()
}

async fn call(cloud: &Arc<Cloud>, (parts, body): &(Parts, Bytes)) -> Bytes {
    let peer = Peer::at(Ipv4Addr::LOCALHOST.into(), None);
    let reply = cloud.serve(parts, body.clone(), peer).await;
    let (status, body) = (reply.status, reply.content.whole().await.unwrap());
    assert_eq!(status, 200, "{body:?}");
    body
}

async fn measure(cloud: &Arc<Cloud>, name: &str, parameters: &Value) -> Value {
    let request = request("kms", &format!("TrentService.{name}"), parameters);
    let answer = call(cloud, &request).await;
    let (started, mut calls) = (Instant::now(), 0u32);
    while started.elapsed() < FOR {
        for _ in 0..100 {
            call(cloud, &request).await;
        }
        calls += 100;
    }
    println!("{name:>20}: {:.1} us", started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    serde_json::from_slice(&answer).unwrap()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (clock, rng) = (Clock::system(), Rng::seeded(7));
        let cloud = virga::wiring::cloud(
            Store::memory(),
            std::sync::Arc::new(blob::Memory::default()),
            clock,
            rng,
            &[42; 32],
            Settings::default(),
        )
        .unwrap();
        let made = call(&cloud, &request("kms", "TrentService.CreateKey", &json!({}))).await;
        let made: Value = serde_json::from_slice(&made).unwrap();
        let key = &made["KeyMetadata"]["Arn"];
        let plaintext = STANDARD.encode([7; 1024]);
        let sealed = measure(&cloud, "Encrypt", &json!({ "KeyId": key, "Plaintext": plaintext })).await;
        measure(&cloud, "Decrypt", &json!({ "CiphertextBlob": sealed["CiphertextBlob"] })).await;
        measure(&cloud, "GenerateDataKey", &json!({ "KeyId": key, "KeySpec": "AES_256" })).await;
        measure(&cloud, "DescribeKey", &json!({ "KeyId": key })).await;
    });
}
