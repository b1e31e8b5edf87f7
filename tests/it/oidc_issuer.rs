//! A provider of identity that says what a test tells it to: of itself, and in the id token. What a right one never does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

/// What it says next.
pub struct Says {
    /// Keys in the list, by their number, with the id each is told under.
    pub keys: Vec<(u8, &'static str)>,
    pub token: Option<String>,
    /// Laid over what it says of itself.
    pub metadata: Value,
    /// Instead of what it says of itself.
    pub discovery: Option<fn() -> Response>,
    /// Requests for what it says of itself and for tokens.
    pub asked: (u32, u32),
    /// The last request for a token.
    pub form: String,
}

#[derive(Clone)]
pub struct Issuer {
    pub url: String,
    pub says: Arc<Mutex<Says>>,
}

impl Issuer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let says = Says {
            keys: vec![(1, "one")],
            token: None,
            metadata: json!({}),
            discovery: None,
            asked: (0, 0),
            form: String::new(),
        };
        let issuer = Self { url, says: Arc::new(Mutex::new(says)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// What a right one would say of a person, now.
    pub fn claims(&self, nonce: &str, now: i64) -> Value {
        json!({
            "iss": self.url, "sub": "subject-1", "aud": "suimon", "nonce": nonce,
            "iat": now, "exp": now + 300, "auth_time": now,
        })
    }
}

async fn discovery(State(issuer): State<Issuer>) -> Response {
    let mut says = issuer.says.lock().unwrap();
    says.asked.0 += 1;
    if let Some(instead) = says.discovery {
        return instead();
    }
    let url = &issuer.url;
    let mut metadata = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
    });
    for (name, value) in says.metadata.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    axum::Json(metadata).into_response()
}

async fn keys(State(issuer): State<Issuer>) -> Response {
    let says = issuer.says.lock().unwrap();
    let keys: Vec<Value> = says
        .keys
        .iter()
        .map(|(number, id)| {
            let public = SigningKey::from_bytes(&[*number; 32]).verifying_key();
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": id, "x": URL_SAFE_NO_PAD.encode(public.as_bytes()) })
        })
        .collect();
    axum::Json(json!({ "keys": keys })).into_response()
}

async fn token(State(issuer): State<Issuer>, body: String) -> Response {
    let mut says = issuer.says.lock().unwrap();
    says.asked.1 += 1;
    says.form = body;
    let mut answer = json!({ "access_token": "not used", "token_type": "Bearer" });
    if let Some(token) = &says.token {
        answer["id_token"] = token.clone().into();
    }
    axum::Json(answer).into_response()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token signed by the key of this number, under this id.
pub fn signed(claims: &Value, key: u8, id: &str) -> String {
    headed(&json!({ "alg": "EdDSA", "kid": id }), claims, key)
}

/// The same with another head.
pub fn headed(header: &Value, claims: &Value, key: u8) -> String {
    let text = format!("{}.{}", part(header), part(claims));
    let signature = SigningKey::from_bytes(&[key; 32]).sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// A token that nobody signed.
pub fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}

/// A token signed with something that is no secret between two only.
pub fn by_secret(claims: &Value, secret: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let text = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(claims));
    let mut mac: Hmac<sha2::Sha256> = Hmac::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
