//! Identifiers as AWS shapes them.

use crate::Rng;

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8] = b"0123456789abcdef";
const BASE32_HEX: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";

/// A random UUID, version 4: request ids, KMS key ids, idempotency tokens.
pub fn uuid(rng: &Rng) -> String {
    let mut b: [u8; 16] = rng.bytes();
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let mut out = String::with_capacity(36);
    for (i, byte) in b.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out
}

/// An IAM unique id: a four-letter prefix (`AIDA` user, `AROA` role, `AKIA` access key, ...) and seventeen of base 32.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
pub fn iam_unique_id(rng: &Rng, prefix: &str) -> String {
    format!("{prefix}{}", rng.text(BASE32, 17))
}

/// Forty characters of a secret access key.
pub fn secret_access_key(rng: &Rng) -> String {
    rng.text(SECRET, 40)
}

/// The id of a request to a service: a UUID, or DynamoDB's 52 letters and digits.
pub fn request(rng: &Rng, service: Option<&str>) -> String {
    match service {
        Some("dynamodb" | "dynamodbstreams") => {
            let mut out = String::with_capacity(52);
            for _ in 0..2 {
                let bits = u128::from_be_bytes(rng.bytes());
                out.extend((0..25).map(|at| letter(bits >> (123 - 5 * at))));
                out.push(letter(bits << 2));
            }
            out
        }
        _ => uuid(rng),
    }
}

/// The last five bits.
fn letter(bits: u128) -> char {
    char::from(BASE32_HEX[(bits & 31) as usize])
}

/// EC2's long form: `vpc-` and seventeen hexadecimal digits.
pub fn ec2_resource_id(rng: &Rng, prefix: &str) -> String {
    format!("{prefix}-{}", rng.text(HEX, 17))
}

#[cfg(test)]
mod tests {
    use super::{ec2_resource_id, iam_unique_id, request, secret_access_key, uuid};
    use crate::Rng;

    #[test]
    fn shapes() {
        let rng = Rng::seeded(3);
        let long = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        let id = request(&rng, Some("dynamodb"));
        assert!(id.len() == 52 && id.bytes().all(long) && id != request(&rng, Some("dynamodb")));
        assert_eq!(request(&rng, Some("sqs")).len(), 36);
        let id = uuid(&rng);
        assert_eq!((id.len(), &id[14..15], id.matches('-').count()), (36, "4", 4));
        assert_eq!(iam_unique_id(&rng, "AIDA").len(), 21);
        assert_eq!(secret_access_key(&rng).len(), 40);
        assert_eq!(ec2_resource_id(&rng, "vpc").len(), 21);
    }
}
