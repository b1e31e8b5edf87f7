//! What binds a sign-in at a provider to one browser: a cookie that this service signed and that any of its nodes can read, and
//! three values derived from its secret by a key of the service. Nothing is kept before the provider has proven somebody.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::access::identity::new_secret;
use crate::app::App;
use crate::error::{Error, Result};

/// How long a person may take at the provider.
pub const FLOW_SECONDS: i64 = 600;
/// The longest path to go on at.
const LONGEST_PATH: usize = 300;

/// What the sign-in at the provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Opening a session.
    SignIn,
    /// Fresh proof of whose session it is.
    ReAuthenticate,
    /// Linking the subject to the account whose session it is.
    Link,
}

impl Purpose {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::SignIn => "sign_in",
            Purpose::ReAuthenticate => "re_authenticate",
            Purpose::Link => "link",
        }
    }
}

/// A sign-in that is under way.
#[derive(Serialize, Deserialize)]
pub struct Flow {
    pub provider: String,
    pub purpose: Purpose,
    /// A path of this service's origin.
    pub return_to: String,
    /// Microseconds.
    pub began: i64,
    secret: String,
    /// Session, tenant and account that asked; for all but signing in.
    pub asked_by: Option<(Uuid, Uuid, Uuid)>,
}

impl Flow {
    pub fn new(
        app: &App,
        provider: &str,
        purpose: Purpose,
        return_to: &str,
        asked_by: Option<(Uuid, Uuid, Uuid)>,
    ) -> Result<Self> {
        Ok(Self {
            provider: provider.to_owned(),
            purpose,
            return_to: own_path(&app.config().server.public_url, return_to)?,
            began: app.clock().now().as_microsecond(),
            secret: new_secret(app),
            asked_by,
        })
    }

    /// For the cookie.
    pub fn sealed(&self, app: &App) -> Result<String> {
        let text = serde_json::to_vec(self)?;
        let mac = keyed(app, b"cookie", &text).finalize().into_bytes();
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Out of the cookie: only what this service wrote, within its time.
    pub fn opened(app: &App, cookie: &str) -> Option<Self> {
        if cookie.len() > 2048 {
            return None;
        }
        let (text, mac) = cookie.split_once('.')?;
        let (text, mac) = (URL_SAFE_NO_PAD.decode(text).ok()?, URL_SAFE_NO_PAD.decode(mac).ok()?);
        keyed(app, b"cookie", &text).verify_slice(&mac).ok()?;
        let flow: Self = serde_json::from_slice(&text).ok()?;
        let age = app.clock().now().as_microsecond() - flow.began;
        (0..FLOW_SECONDS * 1_000_000).contains(&age).then_some(flow)
    }

    /// By which the return is stored.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    fn derived(&self, app: &App, label: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(keyed(app, label, self.secret.as_bytes()).finalize().into_bytes())
    }

    pub fn state(&self, app: &App) -> String {
        self.derived(app, b"state")
    }

    pub fn nonce(&self, app: &App) -> String {
        self.derived(app, b"nonce")
    }

    /// PKCE (RFC 7636): 43 characters.
    pub fn verifier(&self, app: &App) -> String {
        self.derived(app, b"verifier")
    }

    pub fn has_state(&self, app: &App, state: &str) -> bool {
        self.state(app).as_bytes().ct_eq(state.as_bytes()).into()
    }
}

/// The same secret never serves two ends: each has its label.
fn keyed(app: &App, label: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let key = app.master().derive("suimon oidc flow v1");
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes keys of any length");
    mac.update(&(label.len() as u64).to_be_bytes());
    mac.update(label);
    mac.update(text);
    mac
}

/// A path of this service and nothing that a browser takes for another host (`//host`, `/\host`, `https:…`).
fn own_path(public_url: &str, path: &str) -> Result<String> {
    let wrong = || Error::invalid("returnTo", "wants a path of this service such as /start");
    let mut bytes = path.bytes();
    let plain = path.len() <= LONGEST_PATH
        && bytes.next() == Some(b'/')
        && bytes.next().is_none_or(|byte| byte != b'/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !plain {
        return Err(wrong());
    }
    // And once more as browsers read it.
    let here = openidconnect::url::Url::parse(public_url).map_err(|_| wrong())?;
    let there = here.join(path).map_err(|_| wrong())?;
    if here.origin() == there.origin() { Ok(path.to_owned()) } else { Err(wrong()) }
}
