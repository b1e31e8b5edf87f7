//! Checking a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6): what an id token's signature must be, this one's
//! must be too, by the same keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, SignatureVerificationError};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::provider::{Provider, SKEW_SECONDS, algorithm};
use crate::app::App;
use crate::config::OidcProvider;

/// What makes a token one for logging out.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The longest token that is looked at.
const LONGEST: usize = 8 << 10;
/// A token that was issued longer ago is not taken, whatever it says of its end.
const SECONDS: i64 = 300;

/// Who logged out at the provider. One of subject and session is there.
pub struct LogoutToken {
    /// `jti`: the provider's name of this token.
    pub id: String,
    pub subject: Option<String>,
    /// `sid`.
    pub session: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    // Present in whatever form, they say that there is more to know than we do.
    #[serde(default, deserialize_with = "present")]
    cty: bool,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Value::deserialize(deserializer).map(|_| true)
}

impl Provider {
    /// Checks a logout token. Everything that costs nothing is looked at before its signature.
    ///
    /// # Errors
    /// What is wrong with it, in our own words.
    pub async fn logout_token(&self, app: &App, token: &str) -> Result<LogoutToken, &'static str> {
        let Unproven { told, signed } = read(&self.config, token, app.clock().now().as_second())?;
        let _turn = self.logouts.acquire().await.map_err(|_| "ending")?;
        let (metadata, at) = self.metadata(app, None).await.map_err(|_| "the provider does not answer")?;
        if !signed.by_one_of(metadata.jwks().keys())? {
            // It may have changed its keys since they were fetched.
            let (newer, _) =
                self.metadata(app, Some(at)).await.map_err(|_| "the provider does not answer")?;
            if !signed.by_one_of(newer.jwks().keys())? {
                return Err("key");
            }
        }
        Ok(told)
    }
}

/// A token whose signature nobody has looked at yet.
pub(super) struct Unproven<'t> {
    pub told: LogoutToken,
    signed: Signed<'t>,
}

/// Reads a token that is for this client of this provider. Anybody may have sent it. `now` in seconds.
pub(super) fn read<'t>(
    config: &OidcProvider,
    token: &'t str,
    now: i64,
) -> Result<Unproven<'t>, &'static str> {
    if token.len() > LONGEST {
        return Err("too long");
    }
    // Three parts: an encrypted one has five.
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let [header, payload, signature] = parts[..] else { return Err("no signed token") };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "no signed token");
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| "header")?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&decoded(payload)?).map_err(|_| "no signed token")?;
    let signature = decoded(signature)?;

    if header.cty || header.crit {
        return Err("header");
    }
    let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
    let kind = kind.as_deref().map(|kind| kind.strip_prefix("application/").unwrap_or(kind));
    if !matches!(kind, None | Some("jwt" | "logout+jwt")) {
        return Err("type");
    }
    // Only those of the configuration, which never names `none` or a symmetric one.
    let allowed = config.algorithms().any(|name| name == header.alg);
    let algorithm = algorithm(&header.alg).filter(|_| allowed).ok_or("algorithm")?;
    let told = told(config, &claims, now)?;
    let text = &token.as_bytes()[..token.rfind('.').ok_or("no signed token")?];
    Ok(Unproven { told, signed: Signed { algorithm, key: header.kid, text, signature } })
}

fn told(config: &OidcProvider, claims: &Map<String, Value>, now: i64) -> Result<LogoutToken, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    // Those that may be missing: there, and wrong, is wrong.
    let named = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if (1..=255).contains(&text.len()) => Ok(Some(text.clone())),
        Some(_) => Err(name),
    };
    #[expect(clippy::cast_possible_truncation, reason = "an instant beyond i64 saturates and fits nothing")]
    let instant = |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
    if text("iss") != Some(&config.issuer) {
        return Err("issuer");
    }
    let client = config.client_id.as_str();
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == client,
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(|one| one.as_str() == Some(client)),
        _ => false,
    };
    if !audience {
        return Err("audience");
    }
    let issued = instant("iat").ok_or("issued at another time")?;
    if !(now - SECONDS - SKEW_SECONDS..=now + SKEW_SECONDS).contains(&issued) {
        return Err("issued at another time");
    }
    // Required since the final specification; the age that is accepted stands in for it.
    if claims.contains_key("exp") && instant("exp").is_none_or(|end| end <= now) {
        return Err("expired");
    }
    if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
        return Err("events");
    }
    // An id token is no logout token, and no logout token an id token.
    if claims.contains_key("nonce") {
        return Err("nonce");
    }
    let (subject, session) = (named("sub")?, named("sid")?);
    if subject.is_none() && session.is_none() {
        return Err("nobody is named");
    }
    Ok(LogoutToken { id: named("jti")?.ok_or("jti")?, subject, session })
}

struct Signed<'t> {
    algorithm: CoreJwsSigningAlgorithm,
    key: Option<String>,
    text: &'t [u8],
    signature: Vec<u8>,
}

impl Signed<'_> {
    /// As for an id token: exactly one key may be meant. Whether there is one; whether it signed is an error.
    fn by_one_of(&self, keys: &[CoreJsonWebKey]) -> Result<bool, &'static str> {
        let named = |key: &&CoreJsonWebKey| {
            self.key.as_deref().is_none_or(|id| key.key_id().is_some_and(|own| own.as_str() == id))
        };
        let mut meant = keys
            .iter()
            .filter(named)
            .map(|key| key.verify_signature(&self.algorithm, self.text, &self.signature))
            // Of another kind, for another use.
            .filter(|result| !matches!(result, Err(SignatureVerificationError::InvalidKey(_))));
        match (meant.next(), meant.next()) {
            (Some(Ok(())), None) => Ok(true),
            (Some(Err(_)), None) => Err("signature"),
            _ => Ok(false),
        }
    }
}
