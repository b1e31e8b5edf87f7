//! HashiCorp Vault or OpenBao, secrets engine transit: the key never leaves that server. The place is bound as associated data, so
//! the key must be of an AEAD type (`aes256-gcm96`, the default of `transit/keys`).
//! <https://openbao.org/api-docs/secret/transit/>

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::{TenantKey, TenantKeyContext};
use futures::FutureExt;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::remote::{Answer, Question, Remote, is_passing, secret_header};
use super::{KekProvider, KeyTrouble, PROBE};
use crate::config::{KeyHolder, KeysConfig, Secret};
use crate::entropy::Entropy;

/// A key of the transit engine.
pub struct Transit {
    remote: Remote,
    mount: String,
    key: String,
    namespace: String,
    token: Secret,
    token_file: String,
    /// `transit:MOUNT/KEY:vVERSION` of the version that wraps; without it while none was chosen.
    id: String,
    version: Option<u32>,
}

#[derive(Serialize, Zeroize)]
#[zeroize(drop)]
struct Asked {
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_version: Option<u32>,
    associated_data: String,
}

#[derive(Deserialize)]
struct Told {
    data: Data,
}

#[derive(Deserialize, Zeroize)]
#[zeroize(drop)]
struct Data {
    #[serde(default)]
    plaintext: String,
    #[serde(default)]
    ciphertext: String,
}

impl Transit {
    /// A key that opens what any of its versions wrapped. Nothing is asked yet.
    ///
    /// # Errors
    /// When the authorities of the certificate cannot be read.
    pub fn new(config: &KeysConfig, key: &str) -> anyhow::Result<Self> {
        let remote = Remote::new(
            &config.transit_url,
            "keys.transit_url",
            &config.transit_ca_file,
            config.timeout_seconds,
        )?;
        let mount = config.transit_mount.clone();
        Ok(Self {
            remote,
            id: format!("transit:{mount}/{key}"),
            mount,
            key: key.to_owned(),
            namespace: config.transit_namespace.clone(),
            token: config.transit_token.clone(),
            token_file: config.transit_token_file.clone(),
            version: None,
        })
    }

    /// The same key with its newest version to wrap: that of this moment, so that all that one process wraps has one name. A newer
    /// one is taken at the next start.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub async fn newest(mut self, entropy: &Entropy) -> Result<Self, KeyTrouble> {
        let text = self.encrypt(&PROBE, &TenantKey::generate(&mut entropy.fork())).await?;
        let version = version_of(&text).ok_or_else(|| self.strange())?;
        self.version = Some(version);
        self.id = format!("transit:{}/{}:v{version}", self.mount, self.key);
        Ok(self)
    }

    async fn token(&self) -> Result<Secret, KeyTrouble> {
        if self.token_file.is_empty() {
            return Ok(self.token.clone());
        }
        let text = tokio::fs::read_to_string(&self.token_file).await.map_err(|_| {
            KeyTrouble::refused(format!(
                "keys.transit_token_file: {} cannot be read any more",
                self.token_file
            ))
        })?;
        let text = Zeroizing::new(text);
        Ok(Secret::new(text.trim().to_owned()))
    }

    async fn encrypt(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<String, KeyTrouble> {
        let asked = Asked {
            plaintext: Some(STANDARD.encode(key.expose_bytes())),
            ciphertext: None,
            key_version: self.version,
            associated_data: binding(place),
        };
        let mut told = self.call("encrypt", &asked).await?;
        Ok(std::mem::take(&mut told.ciphertext))
    }

    async fn question(&self, verb: &str, asked: &Asked) -> Result<Question, KeyTrouble> {
        let token = secret_header(self.token().await?.expose(), "keys.transit_token")?;
        let mut headers = vec![
            (HeaderName::from_static("x-vault-token"), token),
            // Wanted by agents that stand before a server, against requests that a page makes.
            (HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true")),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        if !self.namespace.is_empty() {
            let namespace = secret_header(&self.namespace, "keys.transit_namespace")?;
            headers.push((HeaderName::from_static("x-vault-namespace"), namespace));
        }
        let path = format!("/v1/{}/{verb}/{}", self.mount, self.key);
        Ok(Question { method: Method::POST, path, headers, body: super::json(asked)? })
    }

    async fn call(&self, verb: &str, asked: &Asked) -> Result<Data, KeyTrouble> {
        let passing = |answer: &Answer| is_passing(answer.status);
        let answer = self.remote.ask(&|| self.question(verb, asked).boxed(), passing).await?;
        let Self { mount, key, .. } = self;
        let refused = |text: String| Err(KeyTrouble::refused(text));
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                return refused(format!(
                    "keys.transit_token: the server refused it; give a token that may update {mount}/{verb}/{key}"
                ));
            }
            StatusCode::NOT_FOUND => {
                return refused(format!(
                    "keys.transit_mount: the server has no transit engine at {mount}; mount one or name the right place"
                ));
            }
            StatusCode::BAD_REQUEST if verb == "decrypt" => {
                return refused(format!(
                    "a wrapped key does not open by {mount}/{key} at this place: it was altered or moved, or its version is \
                     allowed no longer (min_decryption_version)"
                ));
            }
            StatusCode::BAD_REQUEST => {
                return refused(format!(
                    "keys.transit_key: the server does not encrypt by {mount}/{key}; it wants to exist, of the type aes256-gcm96 \
                     and not derived. After a change of min_encryption_version restart this service"
                ));
            }
            StatusCode::TOO_MANY_REQUESTS => return Err(self.remote.away("is throttling")),
            StatusCode::SERVICE_UNAVAILABLE => return Err(self.remote.away("is sealed or in maintenance")),
            status => return Err(self.remote.away(&format!("answers with status {}", status.as_u16()))),
        }
        let told: Told = serde_json::from_slice(&answer.body).map_err(|_| self.strange())?;
        Ok(told.data)
    }

    fn strange(&self) -> KeyTrouble {
        KeyTrouble::refused(format!(
            "{}: what answers there is no transit engine; check the address",
            self.remote.setting()
        ))
    }
}

/// Fits this place only. The prefix keeps what Suimon wraps apart from what others wrap by the same key.
fn binding(place: &TenantKeyContext) -> String {
    STANDARD.encode(format!("suimon tenant key v1/{}/{}", hex::encode(place.tenant), place.key_version))
}

/// `vault:vVERSION:…`
fn version_of(ciphertext: &str) -> Option<u32> {
    ciphertext.strip_prefix("vault:v")?.split_once(':')?.0.parse().ok()
}

#[async_trait]
impl KekProvider for Transit {
    fn id(&self) -> &str {
        &self.id
    }

    fn holder(&self) -> KeyHolder {
        KeyHolder::Transit
    }

    fn opens(&self, kek_id: &str) -> bool {
        let rest = kek_id.strip_prefix(&format!("transit:{}/{}:v", self.mount, self.key));
        rest.is_some_and(|version| version.parse::<u32>().is_ok())
    }

    async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble> {
        let text = self.encrypt(place, key).await?;
        if self.version.is_none() || version_of(&text) != self.version {
            return Err(self.strange());
        }
        Ok(text.into_bytes())
    }

    async fn unwrap(
        &self,
        kek_id: &str,
        place: &TenantKeyContext,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyTrouble> {
        let text = std::str::from_utf8(wrapped)
            .ok()
            .filter(|text| version_of(text).is_some_and(|version| kek_id.ends_with(&format!(":v{version}"))));
        let Some(text) = text else {
            return Err(KeyTrouble::refused(format!("a wrapped key is not one of {kek_id}: it was altered")));
        };
        let asked = Asked {
            plaintext: None,
            ciphertext: Some(text.to_owned()),
            key_version: None,
            associated_data: binding(place),
        };
        let told = self.call("decrypt", &asked).await?;
        super::key_of(&told.plaintext).ok_or_else(|| self.strange())
    }
}
