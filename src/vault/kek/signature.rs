//! Signature Version 4 of AWS, for requests without a query: what the two calls of AWS KMS need. Checked with the vectors of AWS.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::Secret;

/// Who signs. Cannot be printed.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
    /// Of temporary credentials; empty otherwise.
    pub session_token: Secret,
}

/// For what a signature is good.
pub struct Scope<'a> {
    pub region: &'a str,
    pub service: &'a str,
    pub at: Timestamp,
}

impl Scope<'_> {
    /// The header `x-amz-date`.
    pub fn date(&self) -> String {
        self.at.strftime("%Y%m%dT%H%M%SZ").to_string()
    }
}

/// The header `authorization` of a request. `headers` are those that are signed, `x-amz-date` and `host` among them, in lower case
/// and sorted by name.
pub fn authorization(
    who: &Credentials,
    scope: &Scope<'_>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    debug_assert!(headers.is_sorted_by_key(|(name, _)| *name), "signed headers are sorted");
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut request = Sha256::new();
    request.update(format!("{method}\n{path}\n\n"));
    for (name, value) in headers {
        request.update(format!("{name}:"));
        request.update(value.trim());
        request.update("\n");
    }
    request.update(format!("\n{names}\n{}", hex::encode(Sha256::digest(body))));
    let date = scope.date();
    let place = format!("{}/{}/{}/aws4_request", &date[..8], scope.region, scope.service);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{place}\n{}", hex::encode(request.finalize()));

    let root = Zeroizing::new(format!("AWS4{}", who.secret_access_key.expose()));
    let mut key = mac(root.as_bytes(), &date[..8]);
    for part in [scope.region, scope.service, "aws4_request"] {
        key = mac(&*key, part);
    }
    let signature = hex::encode(*mac(&*key, &text));
    let id = &who.access_key_id;
    format!("AWS4-HMAC-SHA256 Credential={id}/{place}, SignedHeaders={names}, Signature={signature}")
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signature Version 4 test suite of AWS (aws-signing-test-suite/v4, Apache-2.0): name, method, signed headers, body, signature.
    type Case =
        (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);
    const SUITE: &[Case] = &[
        (
            "get-vanilla",
            "GET",
            &[("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")],
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "post-vanilla",
            "POST",
            &[("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")],
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-header-key-sort",
            "POST",
            &[
                ("host", "example.amazonaws.com"),
                ("my-header1", "value1"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "get-vanilla-with-session-token",
            "GET",
            &[
                ("host", "example.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
                ("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"),
            ],
            "",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            &[
                ("content-length", "13"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("host", "example.amazonaws.com"),
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            "Param1=value1",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
    ];

    #[test]
    fn signatures_are_those_of_the_suite_of_aws() {
        let who = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            session_token: Secret::default(),
        };
        let at = "2015-08-30T12:36:00Z".parse().expect("an instant");
        let scope = Scope { region: "us-east-1", service: "service", at };
        for (name, method, headers, body, signature) in SUITE {
            let given = authorization(&who, &scope, method, "/", headers, body.as_bytes());
            let (rest, given) = given.rsplit_once("Signature=").expect("a signature");
            assert_eq!(given, *signature, "{name}");
            assert!(
                rest.starts_with(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                ),
                "{rest}"
            );
        }
    }
}
