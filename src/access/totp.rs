//! One-time codes from time (RFC 6238 over RFC 4226): HMAC-SHA-1, six digits, steps of thirty seconds, as every
//! authenticator app reckons them.

use data_encoding::{BASE32_NOPAD, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Bytes of a secret: the length of HMAC-SHA-1's output (RFC 4226 section 4, R6).
pub const SECRET_BYTES: usize = 20;
/// Digits of a code.
pub const DIGITS: usize = 6;
const STEP_SECONDS: i64 = 30;
/// Clocks of telephones go a little wrong: the step before and the one after count too (RFC 6238 section 5.2).
const DRIFT: i64 = 1;

/// How secrets are written for people and apps.
pub const BASE32: Encoding = BASE32_NOPAD;

/// The number of the step at an instant.
pub fn step_at(seconds: i64) -> i64 {
    seconds.div_euclid(STEP_SECONDS)
}

/// The code of a step (RFC 4226 section 5.3).
pub fn code(secret: &[u8], step: i64) -> [u8; DIGITS] {
    let mut mac: Hmac<Sha1> = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 0x0f);
    let word = [hash[offset] & 0x7f, hash[offset + 1], hash[offset + 2], hash[offset + 3]];
    let mut number = u32::from_be_bytes(word) % 1_000_000;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    digits
}

/// The step whose code was given, if it is one near `now` and newer than `last`. Each candidate is computed and compared, so
/// that the time tells nothing.
pub fn matching_step(secret: &[u8], given: &str, now: i64, last: i64) -> Option<i64> {
    let given: [u8; DIGITS] = given.as_bytes().try_into().ok()?;
    let mut found = i64::MIN;
    for step in step_at(now) - DRIFT..=step_at(now) + DRIFT {
        let fits = code(secret, step).ct_eq(&given) & Choice::from(u8::from(step > last));
        found.conditional_assign(&step, fits);
    }
    (found != i64::MIN).then_some(found)
}

/// What an authenticator app reads, mostly as a QR code (the Key URI format that all of them took over).
pub fn uri(login: &str, secret: &[u8]) -> String {
    let login: String = login
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!(
        "otpauth://totp/Suimon:{login}?secret={}&issuer=Suimon&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        BASE32.encode(secret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1 rows; ours are the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let code = code(b"12345678901234567890", step_at(seconds));
            assert_eq!(std::str::from_utf8(&code), Ok(expected), "at {seconds}");
        }
    }

    #[test]
    fn one_step_of_drift_and_no_code_twice() {
        let secret = b"12345678901234567890";
        let given = |step| String::from_utf8(code(secret, step).to_vec()).unwrap();
        let now = 3_000;
        for step in [99, 100, 101] {
            assert_eq!(matching_step(secret, &given(step), now, 0), Some(step));
        }
        for step in [98, 102] {
            assert_eq!(matching_step(secret, &given(step), now, 0), None);
        }
        assert_eq!(matching_step(secret, &given(100), now, 100), None, "used");
        assert_eq!(matching_step(secret, &given(101), now, 100), Some(101));
        for odd in ["", "12345", "1234567", "１２３４５６", "12345a"] {
            assert_eq!(matching_step(secret, odd, now, 0), None, "{odd}");
        }
    }

    #[test]
    fn the_uri_escapes_the_login() {
        let uri = uri("hana+x@school.example", b"12345678901234567890");
        assert_eq!(
            uri,
            "otpauth://totp/Suimon:hana%2Bx%40school.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Suimon\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
