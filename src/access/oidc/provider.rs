//! One provider: what it says of itself, exchanging a code, and checking the id token (OpenID Connect Core 3.1.3.7).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreSubjectIdentifierType,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthenticationContextClass, AuthenticationFlow,
    AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError,
    Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};

use super::client::HttpClient;
use super::flow::{FLOW_SECONDS, Flow, Purpose};
use crate::app::App;
use crate::config::OidcProvider;
use crate::error::{Error, Result};
use crate::outbound::is_protected;

/// What a provider says of itself is asked again after this time …
const KNOWN_MICROS: i64 = 3600 * 1_000_000;
/// … and believed so long when it does not answer then.
const STALE_MICROS: i64 = 24 * KNOWN_MICROS;
/// A provider that did not answer is left in peace for this time, and so are its keys after they were fetched.
const PAUSE_MICROS: i64 = 5 * 1_000_000;
/// Logout tokens that are looked at at once.
const LOGOUTS_AT_ONCE: usize = 16;
/// How long all of that may take: what it says of itself, and its keys.
const PATIENCE: Duration = Duration::from_secs(6);
/// How far the clocks of provider and service may lie apart.
pub(super) const SKEW_SECONDS: i64 = 60;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct More {
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

pub(super) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Claims of an id token that OpenID Connect itself does not know, such as groups.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims(pub BTreeMap<String, serde_json::Value>);

impl AdditionalClaims for Claims {}

type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type OidcClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Whom the provider has proven.
pub struct Proven {
    pub subject: String,
    pub name: Option<String>,
    pub claims: Claims,
    /// In words that the configuration trusts.
    pub second_factor: bool,
    /// The provider's own session, as it will name it when that is logged out (`sid`).
    pub session: Option<String>,
    /// When the person proved who they are (`auth_time`, seconds). A provider that knew them still asked for nothing now.
    pub proven_at: Option<i64>,
}

/// Why nobody was proven.
pub enum Failure {
    /// The provider, or whoever came in its name, did what it must not; for the audit log.
    Refused(&'static str),
    /// It does not answer.
    Unavailable(Error),
}

struct Known {
    metadata: Arc<Metadata>,
    at: i64,
}

#[derive(Default)]
struct Memory {
    known: Option<Known>,
    failed_at: Option<i64>,
}

/// What is known of it, and when. A sign-in wants what is fresh; a token of an unknown key wants it newer than that.
type Told = (Arc<Metadata>, i64);

/// A configured provider.
pub struct Provider {
    pub config: OidcProvider,
    http: HttpClient,
    memory: std::sync::Mutex<Memory>,
    /// Held while the provider is asked: of many who come at once, one asks. Who has what it wants does not wait for it.
    asking: Mutex<()>,
    /// Logout tokens whose signature is looked at: whoever reaches the port can send one.
    pub(super) logouts: Semaphore,
}

/// What a client is told when the provider does not answer. Passwords are not concerned.
fn unavailable() -> Error {
    Error::conflict("the provider of identity does not answer as it should")
        .remedy("try again in a minute, or sign in with your password if you have one")
}

impl Provider {
    pub fn new(config: &OidcProvider) -> anyhow::Result<Self> {
        Ok(Self {
            http: HttpClient::new(&config.ca_file)?,
            config: config.clone(),
            memory: std::sync::Mutex::default(),
            asking: Mutex::default(),
            logouts: Semaphore::new(LOGOUTS_AT_ONCE),
        })
    }

    /// The exact address that the provider sends people back to. Each provider has its own, so that what comes there was asked of
    /// it (RFC 9700, 4.4.2.2).
    fn redirect(&self, app: &App) -> Result<RedirectUrl> {
        let base = app.config().server.public_url.trim_end_matches('/');
        let address = format!("{base}/auth/oidc/callback/{}", self.config.id);
        Ok(RedirectUrl::new(address).map_err(anyhow::Error::new)?)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Memory> {
        // Whoever panicked held whole values only.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known and good enough, without asking: newer than `newer_than`, or fetched a moment ago.
    fn fresh(&self, now: i64, newer_than: Option<i64>) -> Option<Told> {
        let memory = self.remembered();
        let known = memory.known.as_ref().filter(|known| match newer_than {
            None => now - known.at < KNOWN_MICROS,
            Some(before) => known.at > before || now - known.at < PAUSE_MICROS,
        });
        known.map(|known| (known.metadata.clone(), known.at))
    }

    pub(super) async fn metadata(&self, app: &App, newer_than: Option<i64>) -> Result<Told> {
        let now = app.clock().now().as_microsecond();
        if let Some(told) = self.fresh(now, newer_than) {
            return Ok(told);
        }
        let _one = self.asking.lock().await;
        // Another one may have asked meanwhile.
        if let Some(told) = self.fresh(now, newer_than) {
            return Ok(told);
        }
        let failed = self.remembered().failed_at;
        if !failed.is_some_and(|failed| (0..PAUSE_MICROS).contains(&(now - failed))) {
            match tokio::time::timeout(PATIENCE, self.discover()).await.unwrap_or(Err("it takes too long")) {
                Ok(metadata) => {
                    let metadata = Arc::new(metadata);
                    let known = Known { metadata: metadata.clone(), at: now };
                    *self.remembered() = Memory { known: Some(known), failed_at: None };
                    return Ok((metadata, now));
                }
                Err(why) => {
                    tracing::warn!(provider = %self.config.id, why, "a provider of identity does not answer as it should");
                    self.remembered().failed_at = Some(now);
                }
            }
        }
        match &self.remembered().known {
            Some(known) if now - known.at < STALE_MICROS => Ok((known.metadata.clone(), known.at)),
            _ => Err(unavailable()),
        }
    }

    async fn discover(&self) -> std::result::Result<Metadata, &'static str> {
        use openidconnect::DiscoveryError;
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|_| "the issuer is no address")?;
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(|error| match error {
            DiscoveryError::Request(_) => "it cannot be reached, or not safely",
            DiscoveryError::Parse(_) => "what it says of itself cannot be read",
            DiscoveryError::Response(..) => "it answers with an error",
            _ => "what it says of itself is not of this issuer",
        })?;
        let token = metadata.token_endpoint().ok_or("it has no token endpoint")?;
        if is_protected(metadata.authorization_endpoint().url()) && is_protected(token.url()) {
            Ok(metadata)
        } else {
            Err("its endpoints are not protected by TLS")
        }
    }

    fn client(&self, app: &App, metadata: &Metadata) -> Result<OidcClient> {
        let secret = ClientSecret::new(self.config.client_secret.expose().to_owned());
        let id = ClientId::new(self.config.client_id.clone());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client = OidcClient::from_provider_metadata(metadata.clone(), id, Some(secret));
        let client = client.set_redirect_uri(self.redirect(app)?);
        Ok(client.set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody }))
    }

    /// Where the browser goes.
    pub async fn authorization(&self, app: &App, flow: &Flow) -> Result<String> {
        let (metadata, _) = self.metadata(app, None).await?;
        let client = self.client(app, &metadata)?;
        let (state, nonce) = (CsrfToken::new(flow.state(app)), Nonce::new(flow.nonce(app)));
        let verifier = PkceCodeVerifier::new(flow.verifier(app));
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in self.config.scopes.split(' ').filter(|scope| !matches!(*scope, "" | "openid")) {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        for value in self.config.second_factor_acr.split_whitespace() {
            request = request.add_auth_context_value(AuthenticationContextClass::new(value.to_owned()));
        }
        // The provider then says when it asked for proof (`auth_time`), and asks anew when that is longer ago than a session here
        // may last.
        let hours = u64::from(app.config().identity.session_absolute_hours);
        request = match flow.purpose {
            Purpose::SignIn => request.set_max_age(Duration::from_secs(hours * 3600)),
            _ => request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO),
        };
        Ok(request.url().0.into())
    }

    /// Whether the return is of this provider (RFC 9207).
    pub async fn is_of(&self, app: &App, issuer: Option<&str>) -> Result<bool> {
        Ok(match issuer {
            Some(issuer) => issuer == self.config.issuer,
            None => {
                let (metadata, _) = self.metadata(app, None).await?;
                !metadata.additional_metadata().authorization_response_iss_parameter_supported
            }
        })
    }

    /// Exchanges the code and checks the id token.
    pub async fn prove(&self, app: &App, flow: &Flow, code: &str) -> std::result::Result<Proven, Failure> {
        let (metadata, at) = self.metadata(app, None).await.map_err(Failure::Unavailable)?;
        let client = self.client(app, &metadata).map_err(Failure::Unavailable)?;
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| Failure::Refused("configuration"))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier(app)))
            .set_redirect_uri(Cow::Owned(self.redirect(app).map_err(Failure::Unavailable)?));
        let tokens = request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::Request(why) => {
                tracing::warn!(provider = %self.config.id, %why, "a code could not be exchanged");
                Failure::Unavailable(unavailable())
            }
            RequestTokenError::ServerResponse(_) => Failure::Refused("code"),
            // Also `alg: none` and whatever else is no signed token: the text of the error may quote it.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Failure::Refused("token response"),
        })?;
        let token = tokens.id_token().ok_or(Failure::Refused("no id token"))?;
        let first = self.check(app, flow, &client, token);
        match first {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::AmbiguousKeyId(_),
            )) => {
                // The provider may have changed its keys since they were fetched.
                let (newer, _) = self.metadata(app, Some(at)).await.map_err(Failure::Unavailable)?;
                let client = self.client(app, &newer).map_err(Failure::Unavailable)?;
                self.check(app, flow, &client, token)
            }
            other => other,
        }
        .map_err(|error| Failure::Refused(word(&error)))
    }

    fn check(
        &self,
        app: &App,
        flow: &Flow,
        client: &OidcClient,
        token: &openidconnect::IdToken<
            Claims,
            CoreGenderClaim,
            CoreJweContentEncryptionAlgorithm,
            CoreJwsSigningAlgorithm,
        >,
    ) -> std::result::Result<Proven, ClaimsVerificationError> {
        let (now, began) = (app.clock().now().as_second(), flow.began / 1_000_000);
        let anew = flow.purpose != Purpose::SignIn;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(self.config.algorithms().filter_map(algorithm))
            .set_time_fn(move || (UNIX_EPOCH + Duration::from_secs(now.unsigned_abs())).into())
            // Made for this sign-in: neither before it began nor in the future.
            .set_issue_time_verifier_fn(move |issued| {
                let fits = began - SKEW_SECONDS..=now + SKEW_SECONDS;
                if fits.contains(&issued.timestamp()) {
                    Ok(())
                } else {
                    Err("issued at another time".to_owned())
                }
            })
            .set_auth_time_verifier_fn(move |proven| match proven {
                Some(at) if !anew && at.timestamp() <= now + SKEW_SECONDS => Ok(()),
                None if !anew => Ok(()),
                Some(at) if (began - SKEW_SECONDS..=now + SKEW_SECONDS).contains(&at.timestamp()) => Ok(()),
                _ => Err("proven at another time".to_owned()),
            });
        let claims: &IdTokenClaims<Claims, CoreGenderClaim> =
            token.claims(&verifier, &Nonce::new(flow.nonce(app)))?;
        let party = claims.authorized_party();
        if party.is_some_and(|party| party.as_str() != self.config.client_id)
            || (party.is_none() && claims.audiences().len() > 1)
        {
            return Err(ClaimsVerificationError::InvalidAudience(String::new()));
        }
        if !(1..=255).contains(&claims.subject().len()) {
            return Err(ClaimsVerificationError::InvalidSubject(String::new()));
        }
        let session = claims.additional_claims().0.get("sid").and_then(serde_json::Value::as_str);
        if session.is_some_and(|session| !(1..=255).contains(&session.len())) {
            return Err(ClaimsVerificationError::Unsupported(String::new()));
        }
        let trusted = |names: &str, given: &str| names.split_whitespace().any(|name| name == given);
        let second_factor =
            claims.auth_context_ref().is_some_and(|acr| trusted(&self.config.second_factor_acr, acr))
                || claims
                    .auth_method_refs()
                    .is_some_and(|amr| amr.iter().any(|amr| trusted(&self.config.second_factor_amr, amr)));
        Ok(Proven {
            subject: claims.subject().to_string(),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            session: session.map(str::to_owned),
            proven_at: claims.auth_time().map(|at| at.timestamp()),
            claims: claims.additional_claims().clone(),
            second_factor,
        })
    }

    /// How long the return from the provider may wait for its client.
    pub const RETURN_SECONDS: i64 = FLOW_SECONDS / 2;
}

/// An algorithm of a signature by its name.
pub(super) fn algorithm(name: &str) -> Option<CoreJwsSigningAlgorithm> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// For the audit log: what was wrong, in our own words.
fn word(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "expired or issued at another time",
        ClaimsVerificationError::InvalidAudience(_) => "audience",
        ClaimsVerificationError::InvalidAuthContext(_) => "acr",
        ClaimsVerificationError::InvalidAuthTime(_) => "auth_time",
        ClaimsVerificationError::InvalidIssuer(_) => "issuer",
        ClaimsVerificationError::InvalidNonce(_) => "nonce",
        ClaimsVerificationError::InvalidSubject(_) => "subject",
        ClaimsVerificationError::SignatureVerification(_) => "signature",
        _ => "id token",
    }
}
