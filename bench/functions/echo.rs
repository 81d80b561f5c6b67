//! A function that gives its event back, and the least of a runtime for it: the Runtime API by one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// An answer: the id of the request that it is about, and its body.
fn answer(from: &mut BufReader<TcpStream>) -> std::io::Result<(String, Vec<u8>)> {
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "lambda-runtime-aws-request-id" => id = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok((id, body))
}

fn main() -> std::io::Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
    let mut to = TcpStream::connect(&api)?;
    to.set_nodelay(true)?;
    let mut from = BufReader::new(to.try_clone()?);
    let path = "/2018-06-01/runtime/invocation";
    loop {
        to.write_all(format!("GET {path}/next HTTP/1.1\r\nhost: {api}\r\n\r\n").as_bytes())?;
        let (id, event) = answer(&mut from)?;
        let length = event.len();
        let head =
            format!("POST {path}/{id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {length}\r\n\r\n");
        to.write_all(&[head.as_bytes(), &event[..]].concat())?;
        answer(&mut from)?;
    }
}
