//! AWS KMS: Encrypt and Decrypt with an encryption context, signed by Signature Version 4. No SDK for two calls.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::{TenantKey, TenantKeyContext};
use futures::FutureExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::remote::{Answer, Question, Remote, is_passing, secret_header};
use super::signature::{Credentials, Scope, authorization};
use super::{KekProvider, KeyTrouble};
use crate::clock::Clock;
use crate::config::{KeyHolder, KeysConfig, KmsArn, Secret};

/// What AWS answers to credentials that are wrong, too old or not allowed to.
const REFUSED: [&str; 8] = [
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "ExpiredTokenException",
];
const CONTENT: &str = "application/x-amz-json-1.1";

/// A key of AWS KMS.
pub struct Kms {
    remote: Remote,
    clock: Arc<dyn Clock>,
    arn: KmsArn,
    id: String,
    configured: Credentials,
    credentials_file: String,
}

#[derive(Serialize, Zeroize)]
#[zeroize(drop)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_blob: Option<String>,
    #[zeroize(skip)]
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize, Zeroize)]
#[zeroize(drop)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    key_id: String,
    #[serde(default)]
    plaintext: String,
    #[serde(default)]
    ciphertext_blob: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

impl Kms {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// None in practice: the configuration was checked.
    pub fn new(config: &KeysConfig, arn: &str, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let arn =
            KmsArn::read(arn).ok_or_else(|| anyhow::anyhow!("keys.kms_key: is not the ARN of a key"))?;
        let address =
            if config.kms_endpoint.is_empty() { arn.endpoint() } else { config.kms_endpoint.clone() };
        Ok(Self {
            remote: Remote::new(&address, "keys.kms_endpoint", "", config.timeout_seconds)?,
            clock: clock.clone(),
            id: format!("kms:{}", arn.as_str()),
            arn,
            configured: Credentials {
                access_key_id: config.kms_access_key_id.clone(),
                secret_access_key: config.kms_secret_access_key.clone(),
                session_token: config.kms_session_token.clone(),
            },
            credentials_file: config.kms_credentials_file.clone(),
        })
    }

    async fn credentials(&self) -> Result<Credentials, KeyTrouble> {
        if self.credentials_file.is_empty() {
            return Ok(self.configured.clone());
        }
        let file = &self.credentials_file;
        let text = tokio::fs::read_to_string(file).await.map_err(|_| {
            KeyTrouble::refused(format!(
                "keys.kms_credentials_file: {file} cannot be read; check its path and mode"
            ))
        })?;
        read_credentials(&Zeroizing::new(text)).ok_or_else(|| {
            KeyTrouble::refused(format!(
                "keys.kms_credentials_file: {file} has no aws_access_key_id and aws_secret_access_key below [default]"
            ))
        })
    }

    async fn question(&self, verb: &str, asked: &Asked) -> Result<Question, KeyTrouble> {
        let who = self.credentials().await?;
        let body = super::json(asked)?;
        let scope = Scope { region: self.arn.region(), service: "kms", at: self.clock.now() };
        let (date, target) = (scope.date(), format!("TrentService.{verb}"));
        // Sorted by name.
        let mut signed = vec![
            ("content-type", CONTENT),
            ("host", self.remote.authority()),
            ("x-amz-date", &date),
            ("x-amz-target", &target),
        ];
        if !who.session_token.is_empty() {
            signed.insert(3, ("x-amz-security-token", who.session_token.expose()));
        }
        let authorization = authorization(&who, &scope, "POST", "/", &signed, &body);
        let setting = "keys.kms_access_key_id";
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(CONTENT)),
            (AUTHORIZATION, secret_header(&authorization, setting)?),
        ];
        for (name, value) in signed.into_iter().filter(|(name, _)| name.starts_with("x-amz-")) {
            headers.push((HeaderName::from_static(name), secret_header(value, setting)?));
        }
        Ok(Question { method: Method::POST, path: "/".into(), headers, body })
    }

    async fn call(&self, verb: &str, asked: &Asked) -> Result<Told, KeyTrouble> {
        let passing =
            |answer: &Answer| is_passing(answer.status) || kind_of(answer).starts_with("Throttling");
        let answer = self.remote.ask(&|| self.question(verb, asked).boxed(), passing).await?;
        if answer.status == StatusCode::OK {
            let told: Told = serde_json::from_slice(&answer.body).map_err(|_| self.strange())?;
            // Another key must not stand in for this one.
            return if told.key_id == self.arn.as_str() { Ok(told) } else { Err(self.strange()) };
        }
        let (region, arn) = (self.arn.region(), self.arn.as_str());
        // The kind alone: the message may name people and accounts.
        Err(match &*kind_of(&answer) {
            "ThrottlingException" | "LimitExceededException" => self.remote.away("is throttling"),
            "DependencyTimeoutException" | "KMSInternalException" | "KeyUnavailableException" => {
                self.remote.away("has an outage")
            }
            "InvalidCiphertextException" | "IncorrectKeyException" => KeyTrouble::refused(format!(
                "a wrapped key does not open by {arn} at this place: it was altered or moved"
            )),
            "NotFoundException" => {
                KeyTrouble::refused(format!("keys.kms_key: there is no key {arn}; correct the ARN"))
            }
            "DisabledException" | "KMSInvalidStateException" => KeyTrouble::refused(format!(
                "keys.kms_key: {arn} is disabled or about to be deleted; enable it"
            )),
            "InvalidKeyUsageException" => KeyTrouble::refused(format!(
                "keys.kms_key: {arn} does not encrypt; it wants to be a symmetric key for encryption"
            )),
            kind if REFUSED.contains(&kind)
                || matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) =>
            {
                KeyTrouble::refused(format!(
                    "keys.kms_access_key_id: AWS KMS in {region} refused the credentials; check them and this machine's clock, \
                     and allow them kms:{verb} on the key"
                ))
            }
            _ if answer.status.is_server_error() => {
                self.remote.away(&format!("answers with status {}", answer.status.as_u16()))
            }
            _ => KeyTrouble::refused(format!(
                "keys.kms_endpoint: what answers there refuses {verb} with status {}; check the address",
                answer.status.as_u16()
            )),
        })
    }

    fn strange(&self) -> KeyTrouble {
        KeyTrouble::refused(
            "keys.kms_endpoint: what answers there is not AWS KMS with this key; check the address",
        )
    }
}

/// Such as `NotFoundException`; empty where the answer names none.
fn kind_of(answer: &Answer) -> String {
    if answer.status == StatusCode::OK {
        return String::new();
    }
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    refusal.kind.rsplit('#').next().unwrap_or_default().to_owned()
}

/// Fits this place only, and stands in CloudTrail in clear: a tenant's id is no personal data.
fn binding(place: &TenantKeyContext) -> BTreeMap<&'static str, String> {
    [
        ("suimon:use", "tenant key v1".to_owned()),
        ("suimon:tenant", hex::encode(place.tenant)),
        ("suimon:version", place.key_version.to_string()),
    ]
    .into()
}

/// The section `[default]` of a file of shared credentials.
fn read_credentials(text: &str) -> Option<Credentials> {
    let mut inside = false;
    let (mut id, mut secret, mut token) = (String::new(), Secret::default(), Secret::default());
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[default]";
        } else if inside && let Some((name, value)) = line.split_once('=') {
            let value = value.trim().to_owned();
            match name.trim() {
                "aws_access_key_id" => id = value,
                "aws_secret_access_key" => secret = Secret::new(value),
                "aws_session_token" => token = Secret::new(value),
                _ => {}
            }
        }
    }
    let complete = !id.is_empty() && !secret.is_empty();
    complete.then_some(Credentials { access_key_id: id, secret_access_key: secret, session_token: token })
}

#[async_trait]
impl KekProvider for Kms {
    fn id(&self) -> &str {
        &self.id
    }

    fn holder(&self) -> KeyHolder {
        KeyHolder::Kms
    }

    async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble> {
        let asked = Asked {
            key_id: self.arn.as_str().to_owned(),
            plaintext: Some(STANDARD.encode(key.expose_bytes())),
            ciphertext_blob: None,
            encryption_context: binding(place),
        };
        let told = self.call("Encrypt", &asked).await?;
        let sealed =
            STANDARD.decode(told.ciphertext_blob.as_bytes()).ok().filter(|sealed| !sealed.is_empty());
        sealed.ok_or_else(|| self.strange())
    }

    async fn unwrap(
        &self,
        kek_id: &str,
        place: &TenantKeyContext,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyTrouble> {
        if kek_id != self.id {
            return Err(KeyTrouble::refused(format!("KEK {kek_id} is another key")));
        }
        let asked = Asked {
            key_id: self.arn.as_str().to_owned(),
            plaintext: None,
            ciphertext_blob: Some(STANDARD.encode(wrapped)),
            encryption_context: binding(place),
        };
        let told = self.call("Decrypt", &asked).await?;
        super::key_of(&told.plaintext).ok_or_else(|| self.strange())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_section_of_shared_credentials_is_read() {
        let text = "[other]\naws_access_key_id = X\naws_secret_access_key = Y\n\n[default]\r\naws_access_key_id=A\r\n\
                    aws_secret_access_key = b/c+d=\naws_session_token = t==\n[last]\naws_session_token = z\n";
        let read = read_credentials(text).expect("credentials");
        assert_eq!(read.access_key_id, "A");
        assert_eq!(read.secret_access_key.expose(), "b/c+d=");
        assert_eq!(read.session_token.expose(), "t==");
        assert!(read_credentials("[default]\naws_access_key_id = A\n").is_none());
        assert!(read_credentials("aws_access_key_id = A\naws_secret_access_key = B\n").is_none());
    }
}
