//! `TestApp`: a service of one's own with its own database, clock, randomness and port.

mod database;
pub mod running;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use suimon::access::{FirstAdmin, NewOperator, Role, initialise};
use suimon::app::App;
use suimon::audit::ChainReport;
use suimon::clock::{Clock, SteppedClock};
use suimon::config::{Config, Sources};
use suimon::entropy::Entropy;
use tokio::sync::oneshot;
use uuid::Uuid;

/// When every test begins: 26 October 2023, 09:00 JST, the morning of the founding day.
pub const START: &str = "2023-10-26T09:00:00+09:00";
pub const PASSWORD: &str = "correct horse battery staple";

/// A running service.
pub struct TestApp {
    pub app: Arc<App>,
    pub clock: Arc<SteppedClock>,
    pub url: String,
    pub http: reqwest::Client,
    admin: String,
    shutdown: Option<oneshot::Sender<()>>,
    /// Set by tests that damage the audit log on purpose.
    pub damaged: bool,
    database: database::TestDatabase,
    folder: tempfile::TempDir,
}

/// Somebody who is signed in by an API token.
#[derive(Clone)]
pub struct Member {
    pub url: String,
    pub http: reqwest::Client,
    pub token: String,
    /// Global id of the account.
    pub account: String,
    pub login: String,
}

/// A tenant of the test.
pub struct TestTenant {
    /// Global id.
    pub id: String,
    pub slug: String,
}

impl TestApp {
    /// A service with an operator and one administrator.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with overrides `section.key=value`.
    pub async fn with(overrides: &[&str]) -> Self {
        Self::beginning(START.parse().expect("START is an instant"), None, overrides).await
    }

    /// The same at another instant, with what only a file can say.
    pub async fn beginning(start: jiff::Timestamp, file: Option<PathBuf>, overrides: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = database::TestDatabase::create(folder.path()).await;
        let clock = Arc::new(SteppedClock::new(start));
        let config = config(&database.url, folder.path(), file, overrides);
        let app = App::open(config, clock.clone(), Entropy::seeded(7)).await.expect("the service opens");
        let operator =
            NewOperator { slug: "operator".into(), name_ja: "運営者".into(), name_en: "Operator".into() };
        let admin = FirstAdmin {
            login: "admin".into(),
            display_name: "Administrator".into(),
            password: Some(PASSWORD.into()),
        };
        initialise(&app, operator, admin).await.expect("the operator is created");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port"));
        let (shutdown, ended) = oneshot::channel::<()>();
        let server = app.clone();
        tokio::spawn(async move {
            suimon::http::run(server, listener, async {
                let _ = ended.await;
            })
            .await
        });
        let http = reqwest::Client::builder().build().expect("a client");
        let mut this = Self {
            app,
            clock,
            url,
            http,
            admin: String::new(),
            shutdown: Some(shutdown),
            damaged: false,
            database,
            folder,
        };
        this.admin = this.token_of("admin").await;
        this
    }

    /// A folder that is deleted at the end.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// URL of the test's database, for running the program itself on it.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// URL of the same database for looking into its tables beside the service.
    pub fn owner_url(&self) -> &str {
        &self.database.owner_url
    }

    /// The administrator of the operator.
    pub fn admin(&self) -> Member {
        Member {
            url: self.url.clone(),
            http: self.http.clone(),
            token: self.admin.clone(),
            account: String::new(),
            login: "admin".into(),
        }
    }

    /// The tenant of the operator, as a global id.
    pub async fn operator(&self) -> TestTenant {
        let answer = self.admin().gql("{ viewer { tenant { id slug } } }").await;
        let tenant = &answer["data"]["viewer"]["tenant"];
        TestTenant { id: text(&tenant["id"]), slug: text(&tenant["slug"]) }
    }

    /// A new customer tenant.
    pub async fn tenant(&self, slug: &str) -> TestTenant {
        let tenants =
            json!([{ "slug": slug, "nameJa": format!("学校 {slug}"), "nameEn": format!("School {slug}") }]);
        self.admin()
            .gql_with(
                "mutation($tenants: [NewTenant!]!) { createTenants(tenants: $tenants) { __typename } }",
                json!({ "tenants": tenants }),
            )
            .await;
        let answer = self
            .admin()
            .gql_with("query($slug: String!) { tenant(slug: $slug) { id } }", json!({ "slug": slug }))
            .await;
        TestTenant { id: text(&answer["data"]["tenant"]["id"]), slug: slug.to_owned() }
    }

    /// A member of the operator.
    pub async fn operator_member(&self, role: Role) -> Member {
        let operator = self.operator().await;
        self.member(&operator, role).await
    }

    /// A new member of a tenant, with a token that may do whatever the role may.
    pub async fn member(&self, tenant: &TestTenant, role: Role) -> Member {
        let login = format!("{role}-{}-{}", tenant.slug, hex::encode(self.app.entropy().bytes::<3>()));
        self.member_named(tenant, role, login).await
    }

    /// A member of the operator with this login.
    pub async fn operator_member_named(&self, role: Role, login: &str) -> Member {
        let operator = self.operator().await;
        self.member_named(&operator, role, login.to_owned()).await
    }

    async fn member_named(&self, tenant: &TestTenant, role: Role, login: String) -> Member {
        let answer = self
            .admin()
            .gql_with(
                "mutation($tenant: ID!, $login: String!, $roles: [Role!]!, $password: String) {
                   createAccount(tenantId: $tenant, login: $login, displayName: \"A member\", roles: $roles, password: $password) {
                     __typename ... on Account { id } ... on Problem { message } } }",
                json!({
                    "tenant": tenant.id, "login": login, "roles": [role.as_str().to_uppercase()],
                    // A program has no password.
                    "password": (role != Role::Service).then_some(PASSWORD)
                }),
            )
            .await;
        let account = &answer["data"]["createAccount"]["id"];
        assert!(account.is_string(), "no account: {answer}");
        // A token is issued by oneself; roles without that permission get it through the store's own verb.
        let token = self.token_of(&login).await;
        Member { url: self.url.clone(), http: self.http.clone(), token, account: text(account), login }
    }

    /// The same with another token, for after the first one's time.
    pub async fn renewed(&self, member: &Member) -> Member {
        Member { token: self.token_of(&member.login).await, ..member.clone() }
    }

    async fn token_of(&self, login: &str) -> String {
        let scopes = suimon::access::every_scope();
        suimon::access::issue_token_for(&self.app, login, "test", &scopes, 30).await.expect("a token").secret
    }

    /// Verifies every audit chain.
    pub async fn verify_audit(&self) -> Vec<ChainReport> {
        suimon::audit::verify_all(&self.app, &[]).await.expect("the audit log can be read")
    }

    /// Does the background work that is due at the clock's instant.
    pub async fn run_jobs(&self) -> suimon::jobs::Worked {
        suimon::background::worker(self.app.clone()).run_due().await.expect("the jobs run")
    }

    /// Ends the service as an operator would; what it is doing is finished.
    pub fn stop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(());
        }
    }

    /// The clock's instant.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            return;
        }
        // Every test checks the chain for free.
        let reports = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(suimon::audit::verify_all(&self.app, &[]))
        })
        .expect("the audit log can be read");
        let sound = reports.iter().all(|report| report.faults.is_empty());
        assert_eq!(sound, !self.damaged, "audit log after the test: {reports:?}");
    }
}

impl Member {
    /// Sends an operation and returns the whole answer.
    pub async fn gql(&self, query: &str) -> Value {
        if query.trim_start().starts_with("subscription") {
            return self.first_event(query).await;
        }
        self.gql_with(query, json!({})).await
    }

    /// The same with variables.
    pub async fn gql_with(&self, query: &str, variables: Value) -> Value {
        let response = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.token)
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        let body = response.text().await.expect("a body");
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("status {status}, no JSON: {body}"))
    }
}

fn config(url: &str, folder: &std::path::Path, file: Option<PathBuf>, overrides: &[&str]) -> Config {
    let mut flags = vec![
        format!("database.url={url}"),
        "database.require_row_security=true".to_owned(),
        format!("keys.file={}", folder.join("kek.key").display()),
        // The cheapest that is accepted: tests do not measure how slow a password is.
        "identity.argon2_memory_kib=8192".to_owned(),
        "identity.argon2_passes=1".to_owned(),
        "database.max_connections=4".to_owned(),
        "server.development=true".to_owned(),
    ];
    flags.extend(overrides.iter().map(|flag| (*flag).to_owned()));
    suimon::config::load(&Sources { file, flags, ..Default::default() }).expect("a good configuration")
}

/// The text of a JSON string.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}")).to_owned()
}

/// A unique name.
pub fn unique(prefix: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "names of throw-away databases must differ between processes"
    )]
    let id = Uuid::new_v4();
    format!("{prefix}{}", id.simple())
}
