//! A person with a browser: signs in, keeps cookies, sends the CSRF header.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};

use crate::event_stream::{Answered, EventStream};
use crate::harness::{PASSWORD, TestApp, text};

/// A browser that has nothing yet.
pub struct Browser {
    url: String,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
    pub csrf: Option<String>,
    /// The secret of the person's authenticator app.
    pub app_secret: Option<Vec<u8>>,
}

/// Status and body of an answer.
pub type Answer = (u16, Value);

impl Browser {
    pub fn new(app: &TestApp) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { url: app.url.clone(), http, cookies: BTreeMap::new(), csrf: None, app_secret: None }
    }

    /// A browser whose owner signed in with login and the tests' password.
    pub async fn signed_in(app: &TestApp, login: &str) -> Self {
        let mut browser = Self::new(app);
        let (status, body) = browser.sign_in(login, PASSWORD).await;
        assert_eq!(status, 200, "{body}");
        assert!(browser.csrf.is_some(), "{body}");
        browser
    }

    /// Keeps what a `Set-Cookie` says.
    pub fn keep(&mut self, headers: &reqwest::header::HeaderMap) {
        for cookie in headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.url)).json(&body);
        request = request.header("cookie", self.cookie_header());
        if let Some(csrf) = &self.csrf {
            request = request.header("x-suimon-csrf", csrf);
        }
        let answer = request.send().await.expect("an answer");
        self.keep(answer.headers());
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("a body");
        let body: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        if let Some(csrf) = body["csrfToken"].as_str() {
            self.csrf = Some(csrf.to_owned());
        }
        (status, body)
    }

    /// A navigation: status and where it leads.
    pub async fn navigate(&mut self, path: &str) -> (u16, String, String) {
        let request = self.http.get(format!("{}{path}", self.url)).header("cookie", self.cookie_header());
        let answer = request.send().await.expect("an answer");
        self.keep(answer.headers());
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (status, to.unwrap_or_default(), answer.text().await.expect("a body"))
    }

    pub async fn sign_in(&mut self, login: &str, password: &str) -> Answer {
        self.post("/auth/sign-in", json!({ "login": login, "password": password })).await
    }

    /// The answer of GraphQL, or of what stands before it.
    pub async fn gql(&mut self, query: &str) -> Value {
        self.post("/graphql", json!({ "query": query })).await.1
    }

    /// Subscribes, as a page of ours would.
    pub async fn watch(&self, document: &str, variables: Value) -> EventStream {
        let request = self.http.post(format!("{}/graphql", self.url)).header("cookie", self.cookie_header());
        let request = request.header("x-suimon-csrf", self.csrf.as_deref().unwrap_or_default());
        let request = request.header("accept", "text/event-stream");
        let request = request.json(&json!({ "query": document, "variables": variables }));
        match EventStream::of(request.send().await.unwrap()).await {
            Answered::Stream(stream) => stream,
            Answered::Refused(status, body) => panic!("{status}: {body}"),
        }
    }

    /// Whether the session opens anything.
    pub async fn is_in(&mut self) -> bool {
        self.gql("{ viewer { tenant { slug } } }").await["data"]["viewer"]["tenant"]["slug"].is_string()
    }

    /// The code that the person's app shows at the clock's instant.
    pub fn code(&self, app: &TestApp) -> String {
        code(self.app_secret.as_ref().expect("an app"), app.now().as_second())
    }

    /// Enrols an app, and returns the recovery codes.
    pub async fn enrol(&mut self, app: &TestApp) -> Vec<String> {
        let (status, body) = self.post("/auth/second-factor/enrol", json!({})).await;
        assert_eq!(status, 200, "{body}");
        self.app_secret = Some(BASE32_NOPAD.decode(text(&body["secret"]).as_bytes()).unwrap());
        let (status, body) =
            self.post("/auth/second-factor/confirm", json!({ "code": self.code(app) })).await;
        assert_eq!(status, 200, "{body}");
        let codes: Vec<String> = body["recoveryCodes"].as_array().unwrap().iter().map(text).collect();
        // The code of this moment is used: the next one comes in half a minute.
        app.clock.advance(30);
        codes
    }
}

/// What an authenticator app shows (RFC 6238), by the same library that the service has and by its own few lines.
pub fn code(secret: &[u8], seconds: i64) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac: Hmac<sha1::Sha1> = Hmac::new_from_slice(secret).unwrap();
    mac.update(&(seconds / 30).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let word = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}
