//! Signing in at a provider of identity: the provider of `tests/oidc` in its own process, and a person with a browser.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sea_orm::{ColumnTrait, Database, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use suimon::clock::{Clock, SystemClock};

use crate::browser::{Answer, Browser};
use crate::harness::{TestApp, text};
use crate::oidc_issuer::{Issuer, signed};

pub const CLIENT_SECRET: &str = "the secret of the client of the tests";
/// What the service says of itself; where it really listens the tests know.
const PUBLIC: &str = "http://127.0.0.1:8480";

/// The provider, ended with the test.
pub struct Provider {
    process: Child,
    pub issuer: String,
}

impl Provider {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// One whose logout tokens name the person and no session.
    pub fn naming_people() -> Self {
        Self::spawn(&[], "person")
    }

    /// One that speaks TLS with this certificate and key (files).
    pub fn with(certificate_and_key: &[&std::path::Path]) -> Self {
        Self::spawn(certificate_and_key, "session")
    }

    fn spawn(certificate_and_key: &[&std::path::Path], logout: &str) -> Self {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| here.join("target"), PathBuf::from);
        let folder = target.join("oidc");
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "the provider of identity is missing: run script/test, or: npm ci --ignore-scripts in a copy of tests/oidc at {}",
            folder.display()
        );
        // Seldom, node waits for ever for itself while it makes its keys; another one does not.
        for _ in 0..3 {
            let mut process = Command::new("node")
                .arg(here.join("tests/oidc/provider.mjs"))
                .arg(&folder)
                .args(certificate_and_key)
                .env("LOGOUT", logout)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("node is missing: install it (script/test does) and run this again");
            let output = process.stdout.take().expect("its output");
            let (tell, told) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let mut line = String::new();
                let read = BufReader::new(output).read_line(&mut line);
                let _ = tell.send(read.map(|_| line));
            });
            match tokio::task::block_in_place(|| told.recv_timeout(Duration::from_secs(60))) {
                Ok(line) => {
                    let line = line.expect("its address");
                    assert!(line.contains("://127.0.0.1:"), "the provider did not start: {line:?}");
                    return Self { process, issuer: line.trim().to_owned() };
                }
                Err(_) => {
                    let _ = process.kill();
                    let _ = process.wait();
                }
            }
        }
        panic!("the provider of identity did not start within three minutes");
    }
}

impl Provider {
    /// Says where the service listens that logout tokens go to.
    pub async fn sends_to(&self, app: &TestApp) {
        let at = format!("{}/test/service/{}", self.issuer, app.url.trim_start_matches("http://"));
        assert!(app.http.get(at).send().await.unwrap().status().is_success());
    }

    /// What became of the last logout token that it sent.
    pub async fn told(&self, app: &TestApp) -> String {
        let answer = app.http.get(format!("{}/test/told", self.issuer)).send().await.unwrap();
        answer.text().await.unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A service that knows providers: `id`, issuer, and what else stands in the table.
pub async fn service(providers: &[(&str, &str, &str)], overrides: &[&str]) -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    let tables: String = providers
        .iter()
        .map(|(id, issuer, more)| {
            format!(
                "[[identity.oidc]]\nid = \"{id}\"\nlabel_ja = \"社員アカウント {id}\"\nlabel_en = \"Company account {id}\"\nissuer = \"{issuer}\"\n\
                 client_id = \"suimon\"\nclient_secret_file = \"{}\"\n{more}\n",
                secret.display()
            )
        })
        .collect();
    let file = folder.path().join("suimon.toml");
    std::fs::write(&file, format!("[server]\npublic_url = \"{PUBLIC}\"\n{tables}")).unwrap();
    // Real providers live in the present.
    let now = SystemClock.now();
    (TestApp::beginning(now, Some(file), overrides).await, folder)
}

/// A person with a browser, which keeps the cookies of the service and of the provider.
pub struct Person {
    pub browser: Browser,
    provider: reqwest::Client,
}

impl Person {
    pub fn new(app: &TestApp) -> Self {
        Self::with(Browser::new(app))
    }

    pub fn with(browser: Browser) -> Self {
        let provider = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { browser, provider }
    }

    /// Begins; gives the provider's address.
    pub async fn begin(&mut self, id: &str, purpose: &str) -> String {
        let body = json!({ "provider": id, "purpose": purpose, "returnTo": "/start?tab=1" });
        let (status, body) = self.browser.post("/auth/oidc/begin", body).await;
        assert_eq!(status, 200, "{body}");
        text(&body["location"])
    }

    /// Goes through the provider's pages as `form` says. Gives the path at the service that the provider sends the browser to,
    /// and whether there was a page to sign in at.
    pub async fn at_provider(&self, location: &str, form: &[(&str, &str)]) -> (String, bool) {
        let (mut address, mut asked) = (location.to_owned(), false);
        for _ in 0..10 {
            if let Some(path) = address.strip_prefix(PUBLIC) {
                return (path.to_owned(), asked);
            }
            let mut answer = self.provider.get(&address).send().await.unwrap();
            if answer.status().is_success() {
                assert!(address.contains("/interaction/"), "{address}");
                asked = true;
                let form = reqwest::Url::parse_with_params("http://form/", form).unwrap();
                let request = self.provider.post(&address).body(form.query().unwrap_or_default().to_owned());
                answer =
                    request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
            }
            let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
            let Some(to) = to else { panic!("{address}: {}", answer.text().await.unwrap()) };
            address = reqwest::Url::parse(&address).unwrap().join(&to).unwrap().into();
        }
        panic!("the provider goes round in circles: {address}")
    }

    /// Logs out at the provider, where its page is asked whether to and answered yes.
    pub async fn logs_out_at(&self, provider: &Provider) {
        let page = self.provider.get(format!("{}/session/end", provider.issuer)).send().await.unwrap();
        let page = page.text().await.unwrap();
        let secret = page.split("name=\"xsrf\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
        let secret = secret.split('"').next().unwrap();
        let confirm = self.provider.post(format!("{}/session/end/confirm", provider.issuer));
        let confirm = confirm.header("content-type", "application/x-www-form-urlencoded");
        let answer = confirm.body(format!("xsrf={secret}&logout=yes")).send().await.unwrap();
        assert!(answer.status().is_redirection(), "{}", answer.text().await.unwrap());
    }

    pub async fn finish(&mut self, body: Value) -> Answer {
        self.browser.post("/auth/oidc/finish", body).await
    }

    /// All of it: the answer of the return where that is refused, otherwise that of finishing.
    pub async fn through(&mut self, id: &str, purpose: &str, form: &[(&str, &str)]) -> Answer {
        let location = self.begin(id, purpose).await;
        let (path, _) = self.at_provider(&location, form).await;
        let (status, to, body) = self.browser.navigate(&path).await;
        if status != 303 {
            return (status, serde_json::from_str(&body).unwrap_or(Value::String(body)));
        }
        assert_eq!(to, "/start?tab=1");
        self.finish(json!({})).await
    }
}

/// Goes through the issuer of the tests, which says of the person what a right one says, changed by `change`.
pub async fn come(
    app: &TestApp,
    issuer: &Issuer,
    person: &mut Person,
    purpose: &str,
    change: impl FnOnce(&mut Value),
) -> Answer {
    let location = person.begin("corp", purpose).await;
    come_back(app, issuer, person, &location, change).await
}

/// The rest of it, after the sign-in was begun.
pub async fn come_back(
    app: &TestApp,
    issuer: &Issuer,
    person: &mut Person,
    location: &str,
    change: impl FnOnce(&mut Value),
) -> Answer {
    let location = reqwest::Url::parse(location).unwrap();
    let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
    let mut claims = issuer.claims(&query["nonce"], app.now().as_second());
    change(&mut claims);
    issuer.says.lock().unwrap().token = Some(signed(&claims, 1, "one"));
    let path = format!("/auth/oidc/callback/corp?code=c&state={}", query["state"]);
    let (status, _, body) = person.browser.navigate(&path).await;
    if status != 303 {
        return (status, serde_json::from_str(&body).unwrap_or(Value::String(body)));
    }
    person.finish(json!({})).await
}

/// Links a subject to an account as an administrator.
pub async fn link(app: &TestApp, account: &str, issuer: &str, subject: &str) -> Value {
    let link = "mutation($id: ID!, $issuer: String!, $subject: String!) {
      linkIdentity(accountId: $id, issuer: $issuer, subject: $subject) { __typename ... on Problem { code message field } } }";
    let variables = json!({ "id": account, "issuer": issuer, "subject": subject });
    app.admin().gql_with(link, variables).await["data"]["linkIdentity"].clone()
}

/// Why sign-ins were denied, in order, as the audit log has it.
pub async fn denials(app: &TestApp) -> Vec<String> {
    use entity::audit_entry::{Column, Entity};
    let database = Database::connect(app.owner_url()).await.unwrap();
    let rows = Entity::find()
        .filter(Column::Decision.eq("denied"))
        .filter(Column::Actor.eq("system:sign-in"))
        .order_by_asc(Column::Seq)
        .all(&database)
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| {
            let detail: Value = serde_json::from_str(&row.detail).unwrap();
            text(&detail["why"])
        })
        .collect()
}
