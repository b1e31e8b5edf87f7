//! The key-encryption key is held elsewhere: by the real OpenBao, and by moto in the place of AWS KMS. Keys move there and back while
//! the service works; an outage stops nothing that is loaded; what goes wrong is told with provider, setting and remedy.

use std::sync::Arc;

use sea_orm::ConnectionTrait;
use serde_json::json;
use suimon::access::Role;
use suimon::app::App;
use suimon::config::Sources;
use suimon::entropy::Entropy;
use tokio::sync::oneshot;

use crate::harness::{Member, TestApp};
use crate::key_servers::{Bao, FakeKms, Gate};
use crate::vault_support::{applicant, apply_system, batch, database, program, search};

const HANA: &str = "hana@example.jp";
const SORA: &str = "sora@example.jp";

async fn scene() -> (TestApp, Member) {
    let app = TestApp::new().await;
    apply_system(&app).await;
    for school in ["school-001", "school-002", "school-003"] {
        app.tenant(school).await;
    }
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", HANA),
        applicant(2, "school-002", "A-2", "水野 空", SORA),
    ]);
    batch(&officer, json!({ "rows": rows })).await;
    (app, officer)
}

/// Another process of the same installation: its own memory and port, the same database.
struct Node {
    app: Arc<App>,
    url: String,
    _ended: oneshot::Sender<()>,
}

async fn start(app: &TestApp, keys: &[String]) -> anyhow::Result<Node> {
    let mut flags = vec![
        format!("database.url={}", app.database_url()),
        "database.migrate_at_start=false".to_owned(),
        "database.max_connections=4".to_owned(),
        "identity.argon2_memory_kib=8192".to_owned(),
        "identity.argon2_passes=1".to_owned(),
        format!("keys.file={}", app.folder().join("never.key").display()),
        "keys.timeout_seconds=2".to_owned(),
    ];
    flags.extend_from_slice(keys);
    let config = suimon::config::load(&Sources { flags, ..Default::default() })?;
    let node = App::open(config, app.clock.clone(), Entropy::from_os()).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (_ended, ended) = oneshot::channel::<()>();
    let server = node.clone();
    tokio::spawn(async move {
        let ended = async {
            let _ = ended.await;
        };
        suimon::http::run(server, listener, ended).await
    });
    Ok(Node { app: node, url, _ended })
}

async fn refused(app: &TestApp, keys: &[String]) -> String {
    format!("{:#}", start(app, keys).await.err().expect("it does not start"))
}

impl Node {
    fn for_member(&self, member: &Member) -> Member {
        Member { url: self.url.clone(), ..member.clone() }
    }

    /// Finds a person by the mail address and reads it again: index, tenant key, subject key and record.
    async fn reads(&self, officer: &Member, mail: &str) -> String {
        let answer = search(&self.for_member(officer), "email", mail).await;
        if let Some(errors) = answer["errors"].as_array() {
            return format!("{} {}", errors[0]["extensions"]["code"], errors[0]["message"]);
        }
        let fields = &answer["data"]["searchSubjects"][0]["fields"];
        let mail = fields.as_array().and_then(|all| all.iter().find(|field| field["name"] == "email"));
        mail.map_or_else(
            || format!("nobody: {answer}"),
            |field| field["clear"].as_str().unwrap_or("").to_owned(),
        )
    }

    async fn writes(&self, officer: &Member, number: u32, school: &str, mail: &str) -> serde_json::Value {
        let rows = json!([applicant(1, school, &format!("N-{number}"), "水野 新", mail)]);
        batch(&self.for_member(officer), json!({ "rows": rows })).await
    }

    async fn rotate(&self, app: &TestApp) {
        let admin = self.for_member(&app.admin());
        let answer =
            admin.gql("mutation { rotateKeys { ... on Job { id } ... on Problem { message } } }").await;
        assert!(answer["data"]["rotateKeys"]["id"].is_string(), "{answer}");
        let worked = suimon::background::worker(self.app.clone()).run_due().await.expect("the jobs run");
        assert_eq!((worked.failed, worked.deferred), (0, 0), "{worked:?}");
    }

    /// Retires a key; the message where that is refused.
    async fn retire(&self, app: &TestApp, kek: &str) -> Result<(), String> {
        let ask = "mutation($id: String!) { retireKey(kekId: $id) {
                     ... on RetiredKey { kekId } ... on Problem { message } } }";
        let answer = self.for_member(&app.admin()).gql_with(ask, json!({ "id": kek })).await;
        let answer = &answer["data"]["retireKey"];
        if answer["kekId"] == kek { Ok(()) } else { Err(answer["message"].to_string()) }
    }

    async fn ready(&self) -> String {
        let url = format!("{}/health/ready", self.url);
        reqwest::get(url).await.expect("an answer").text().await.expect("a body")
    }

    async fn is_sound(&self) {
        let chains = suimon::audit::verify_all(&self.app, &[]).await.expect("the audit log can be read");
        assert!(chains.iter().all(|chain| chain.faults.is_empty()), "{chains:?}");
    }
}

fn previous_file(app: &TestApp) -> String {
    format!("keys.previous_files={}", app.folder().join("kek.key").display())
}

fn transit(address: &str, token: &str) -> Vec<String> {
    vec![
        "keys.provider=transit".to_owned(),
        format!("keys.transit_url={address}"),
        "keys.transit_key=suimon".to_owned(),
        format!("keys.transit_token={token}"),
    ]
}

fn kms(kms: &FakeKms, arn: &str) -> Vec<String> {
    vec![
        "keys.provider=kms".to_owned(),
        format!("keys.kms_key={arn}"),
        format!("keys.kms_endpoint={}", kms.server.address()),
        format!("keys.kms_access_key_id={}", kms.access_key_id),
        format!("keys.kms_secret_access_key={}", kms.secret_access_key),
    ]
}

fn with(keys: &[String], more: impl IntoIterator<Item = String>) -> Vec<String> {
    keys.iter().cloned().chain(more).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_from_a_file_to_openbao_and_follow_its_versions() {
    let (app, officer) = scene().await;
    let bao = Bao::start().await;
    let first = app.app.master().id().to_owned();
    let keys = transit(&bao.server.address(), &bao.token);

    // Without the file among the earlier ones it does not start, and says which key is missing.
    let text = refused(&app, &keys).await;
    assert!(
        text.contains(&format!("it was wrapped by KEK {first}, this service has transit:transit/suimon:v1")),
        "{text}"
    );

    let both = with(&keys, [previous_file(&app)]);
    let node = start(&app, &both).await.unwrap();
    assert_eq!(node.reads(&officer, HANA).await, HANA, "before the rotation");
    assert!(node.retire(&app, &first).await.unwrap_err().contains("it still wraps"));
    // By the program, which takes the token from its environment.
    let cli = |flags: &[String], arguments: &[&str]| {
        let mut command = program(&app, arguments);
        command.args(flags.iter().filter(|flag| !flag.contains("token")).flat_map(|flag| ["--set", flag]));
        let done =
            tokio::task::block_in_place(|| command.env("SUIMON_KEYS_TRANSIT_TOKEN", &bao.token).output());
        let done = done.expect("the program runs");
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
    };
    let text = cli(&both, &["keys", "status"]);
    assert!(text.contains("KEK          transit:transit/suimon:v1 (transit)\n"), "{text}");
    assert!(text.contains(&format!("earlier KEK  {first} (file)\n")), "{text}");
    assert!(text.contains(&format!("wrapped by {first} (file)\n")), "{text}");
    node.rotate(&app).await;
    let text = cli(&both, &["keys", "status"]);
    assert!(!text.contains("wrapped by"), "{text}");
    let text = cli(&both, &["keys", "retire", &first]);
    assert!(
        text.contains(&format!(
            "nothing is wrapped by {first} any more: it can be destroyed where it is held"
        )),
        "{text}"
    );
    std::fs::remove_file(app.folder().join("kek.key")).unwrap();

    // The file is gone: restarted without it the service reads, writes, and proves its log.
    let node = start(&app, &keys).await.unwrap();
    assert_eq!(node.reads(&officer, HANA).await, HANA);
    assert_eq!(node.writes(&officer, 1, "school-003", "umi@example.jp").await["rowsKept"], 1);
    let node = start(&app, &keys).await.unwrap();
    assert_eq!(node.reads(&officer, "umi@example.jp").await, "umi@example.jp");
    node.is_sound().await;
    assert_eq!(node.ready().await, "ok\n");
    assert!(!app.folder().join("never.key").exists(), "a key file that nobody asked for");

    // OpenBao's own rotation is followed: at the next start the new version wraps, the old one opens until all is wrapped anew.
    bao.ask("transit/keys/suimon/rotate", json!({})).await;
    let next = start(&app, &keys).await.unwrap();
    assert_eq!(next.app.master().id(), "transit:transit/suimon:v2");
    assert_eq!(next.reads(&officer, HANA).await, HANA);
    assert!(next.retire(&app, "transit:transit/suimon:v1").await.unwrap_err().contains("it still wraps"));
    // The program's clock is the machine's: what it does for retention ends the tokens of this test.
    let text = cli(&keys, &["keys", "rotate"]);
    assert!(text.contains("tenant keys are wrapped by transit:transit/suimon:v2 now"), "{text}");
    let text = cli(&keys, &["keys", "retire", "transit:transit/suimon:v1"]);
    assert!(text.contains("nothing is wrapped by transit:transit/suimon:v1 any more"), "{text}");
    bao.ask("transit/keys/suimon/config", json!({ "min_decryption_version": 2 })).await;
    let alone = start(&app, &keys).await.unwrap();
    let scopes = suimon::access::every_scope();
    let token =
        suimon::access::issue_token_for(&alone.app, &officer.login, "later", &scopes, 30).await.unwrap();
    let officer = Member { token: token.secret, ..officer };
    for mail in [HANA, SORA, "umi@example.jp"] {
        assert_eq!(alone.reads(&officer, mail).await, mail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_openbao_stops_nothing_that_is_loaded() {
    let (app, officer) = scene().await;
    let bao = Bao::start().await;
    let gate = Gate::before(bao.server.port).await;
    let keys = transit(&gate.address, &bao.token);
    start(&app, &with(&keys, [previous_file(&app)])).await.unwrap().rotate(&app).await;

    let (loaded, empty) = (start(&app, &keys).await.unwrap(), start(&app, &keys).await.unwrap());
    let back = start(&app, &with(&keys, ["keys.provider=file".to_owned()])).await.unwrap();
    assert_eq!(loaded.reads(&officer, HANA).await, HANA);
    gate.close();
    assert_eq!(loaded.reads(&officer, HANA).await, HANA, "nothing is asked for what is loaded");
    assert_eq!(loaded.writes(&officer, 1, "school-001", "more@example.jp").await["rowsKept"], 1);
    assert_eq!(loaded.ready().await, "ok\n", "nobody has noticed yet");
    // What is not loaded needs the holder, and is told so.
    insta::assert_snapshot!(empty.reads(&officer, HANA).await, @r#""UNAVAILABLE" "the service that holds the key-encryption key does not answer; try again later""#);
    assert_eq!(
        empty.ready().await,
        "ok, but the holder of the key-encryption key does not answer or refuses\n"
    );
    let problem = loaded.writes(&officer, 2, "school-003", "new@example.jp").await;
    assert_eq!(problem["code"], "UNAVAILABLE", "{problem}");
    // A rotation that is asked for meanwhile waits.
    let admin = back.for_member(&app.admin());
    let asked = admin.gql("mutation { rotateKeys { ... on Job { id } } }").await;
    assert!(asked["data"]["rotateKeys"]["id"].is_string(), "{asked}");
    let worked = suimon::background::worker(back.app.clone()).run_due().await.unwrap();
    assert_eq!((worked.failed, worked.deferred), (0, 1), "{worked:?}");

    gate.open();
    assert_eq!(empty.reads(&officer, HANA).await, HANA);
    assert_eq!(empty.ready().await, "ok\n");
    assert_eq!(loaded.writes(&officer, 2, "school-003", "new@example.jp").await["rowsKept"], 1);
    app.clock.advance(600);
    let worked = suimon::background::worker(back.app.clone()).run_due().await.unwrap();
    assert_eq!((worked.failed, worked.deferred), (0, 0), "{worked:?}");
    // From OpenBao back to a file: a service without OpenBao reads everything.
    let alone =
        start(&app, &[format!("keys.file={}", app.folder().join("never.key").display())]).await.unwrap();
    for mail in [HANA, SORA, "more@example.jp", "new@example.jp"] {
        assert_eq!(alone.reads(&officer, mail).await, mail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_openbao_is_told_without_secrets() {
    let (app, _) = scene().await;
    let bao = Bao::start().await;
    let address = bao.server.address();
    let keys =
        |more: &[&str]| with(&transit(&address, &bao.token), more.iter().map(|flag| (*flag).to_owned()));

    let debug =
        format!("{:?}", suimon::config::load(&Sources { flags: keys(&[]), ..Default::default() }).unwrap());
    assert!(debug.contains("transit_key: \"suimon\"") && !debug.contains(&bao.token), "{debug}");

    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_token=not-to-be-told"])).await, @"keys.transit_token: the server refused it; give a token that may update transit/encrypt/suimon");
    // The policy of the token names one key.
    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_key=other"])).await, @"keys.transit_token: the server refused it; give a token that may update transit/encrypt/other");
    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_token=not\nto be told"])).await, @"keys.transit_token: holds characters that no header may have");
    // A key that cannot bind what it wraps to its place, as root could use it.
    bao.ask("transit/keys/loose", json!({ "type": "rsa-4096" })).await;
    let policy = "path \"transit/*\" { capabilities = [\"update\"] } path \"nothing/*\" { capabilities = [\"update\"] }";
    bao.ask("sys/policies/acl/suimon", json!({ "policy": policy })).await;
    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_key=loose"])).await, @"keys.transit_key: the server does not encrypt by transit/loose; it wants to exist, of the type aes256-gcm96 and not derived. After a change of min_encryption_version restart this service");
    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_mount=nothing"])).await, @"keys.transit_mount: the server has no transit engine at nothing; mount one or name the right place");
    // In clear over a network; a token that is nowhere; a file that is not there.
    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_url=http://vault.example:8200", "keys.transit_token="])).await, @r"
    the configuration has 2 problem(s):
      - keys.transit_url: wants to begin with https:// (or http:// on the own machine), without a user, a query or a path
      - keys.transit_token: wants a token, or keys.transit_token_file
    ");
    insta::assert_snapshot!(refused(&app, &keys(&["keys.transit_token_file=/nowhere/token"])).await, @r"
    the configuration has 1 problem(s):
      - keys.transit_token_file: cannot read /nowhere/token (No such file or directory (os error 2)); check the path and its mode
    ");
    // Another service answers there.
    let text = refused(&app, &keys(&[&format!("keys.transit_url={}", app.url)])).await;
    assert!(text.starts_with("keys.transit_mount: the server has no transit engine at transit"), "{text}");
    drop(bao.server);
    let started = std::time::Instant::now();
    insta::assert_snapshot!(refused(&app, &with(&transit(&address, "not-to-be-told"), [])).await, @"keys.transit_url: the key service cannot be reached; check the address, the network, its certificate and keys.timeout_seconds");
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_file_may_be_renewed_and_an_authority_is_checked() {
    let (app, officer) = scene().await;
    let bao = Bao::start().await;
    let file = app.folder().join("token");
    std::fs::write(&file, format!("{}\n", bao.token)).unwrap();
    let flags = with(
        &transit(&bao.server.address(), ""),
        [format!("keys.transit_token_file={}", file.display()), previous_file(&app)],
    );
    let node = start(&app, &flags).await.unwrap();
    let next = bao.ask("auth/token/create", json!({ "policies": ["suimon"] })).await;
    bao.ask("auth/token/revoke", json!({ "token": bao.token })).await;
    let both = node.reads(&officer, HANA).await;
    assert_eq!(both, HANA, "wrapped by the file still");
    let admin = node.for_member(&app.admin());
    admin.gql("mutation { rotateKeys { __typename } }").await;
    let worked = suimon::background::worker(node.app.clone()).run_due().await.unwrap();
    assert_eq!((worked.failed, worked.deferred), (0, 1), "the old token is of no use: {worked:?}");
    std::fs::write(&file, next["auth"]["client_token"].as_str().unwrap()).unwrap();
    app.clock.advance(600);
    let worked = suimon::background::worker(node.app.clone()).run_due().await.unwrap();
    assert_eq!((worked.failed, worked.deferred), (0, 0), "{worked:?}");
    assert_eq!(node.app.master().id(), "transit:transit/suimon:v1");
    assert_eq!(node.writes(&officer, 1, "school-003", "after@example.jp").await["rowsKept"], 1);

    // TLS: a certificate of an authority that is not trusted is none.
    let (server, authority) = Bao::start_with_tls().await;
    let tls = transit(&format!("https://127.0.0.1:{}", server.port), "not-to-be-told");
    let text = refused(&app, &tls).await;
    assert!(
        text.starts_with("keys.transit_url: the key service cannot be reached; check the address"),
        "{text}"
    );
    let named = with(&tls, [format!("keys.transit_ca_file={}", authority.display())]);
    let text = refused(&app, &named).await;
    assert!(text.starts_with("keys.transit_token: the server refused it"), "the connection stands: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_from_a_file_to_kms_and_from_openbao_to_kms() {
    let (app, officer) = scene().await;
    let (fake, bao) = (FakeKms::start().await, Bao::start().await);
    let first = app.app.master().id().to_owned();
    let name = format!("kms:{}", fake.arn);
    let keys = kms(&fake, &fake.arn);
    let node = start(&app, &with(&keys, [previous_file(&app)])).await.unwrap();
    assert_eq!(node.app.master().id(), name);
    node.rotate(&app).await;
    node.retire(&app, &first).await.unwrap();
    std::fs::remove_file(app.folder().join("kek.key")).unwrap();
    let node = start(&app, &keys).await.unwrap();
    assert_eq!(node.reads(&officer, HANA).await, HANA);
    assert_eq!(node.writes(&officer, 1, "school-003", "umi@example.jp").await["rowsKept"], 1);
    assert_eq!(start(&app, &keys).await.unwrap().reads(&officer, "umi@example.jp").await, "umi@example.jp");

    // To OpenBao; what was chosen before goes on opening until it is retired.
    let to_bao = with(&keys, transit(&bao.server.address(), &bao.token));
    let node = start(&app, &to_bao).await.unwrap();
    assert_eq!(node.reads(&officer, HANA).await, HANA);
    node.rotate(&app).await;
    node.retire(&app, &name).await.unwrap();
    let alone = transit(&bao.server.address(), &bao.token);
    assert_eq!(start(&app, &alone).await.unwrap().reads(&officer, HANA).await, HANA);

    // And to another key of KMS, with the credentials in a file.
    fake.check_signatures(false).await;
    let second = fake.new_key().await;
    fake.check_signatures(true).await;
    let file = app.folder().join("credentials");
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        fake.access_key_id, fake.secret_access_key
    );
    std::fs::write(&file, text).unwrap();
    let keys = vec![
        "keys.provider=kms".to_owned(),
        format!("keys.kms_key={second}"),
        format!("keys.kms_previous_keys={}", fake.arn),
        format!("keys.kms_endpoint={}", fake.server.address()),
        format!("keys.kms_credentials_file={}", file.display()),
    ];
    let node = start(&app, &with(&alone[1..], keys.clone())).await.unwrap();
    node.rotate(&app).await;
    node.retire(&app, "transit:transit/suimon:v1").await.unwrap();
    let node = start(&app, &keys).await.unwrap();
    for mail in [HANA, SORA, "umi@example.jp"] {
        assert_eq!(node.reads(&officer, mail).await, mail);
    }
    node.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_kms_is_told_without_secrets() {
    let (app, _) = scene().await;
    let fake = FakeKms::start().await;
    let address = fake.server.address();
    let keys = |more: &[&str]| with(&kms(&fake, &fake.arn), more.iter().map(|flag| (*flag).to_owned()));
    let debug =
        format!("{:?}", suimon::config::load(&Sources { flags: keys(&[]), ..Default::default() }).unwrap());
    assert!(debug.contains(&fake.arn) && !debug.contains(&fake.secret_access_key), "{debug}");
    // moto checks signatures as botocore makes them.
    insta::assert_snapshot!(refused(&app, &keys(&["keys.kms_secret_access_key=not-to-be-told"])).await, @"keys.kms_access_key_id: AWS KMS in ap-northeast-1 refused the credentials; check them and this machine's clock, and allow them kms:Encrypt on the key");
    let missing = "arn:aws:kms:ap-northeast-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    insta::assert_snapshot!(refused(&app, &keys(&[&format!("keys.kms_key={missing}")])).await, @"keys.kms_key: there is no key arn:aws:kms:ap-northeast-1:123456789012:key/00000000-0000-0000-0000-000000000000; correct the ARN");
    insta::assert_snapshot!(refused(&app, &keys(&["keys.kms_key=alias/suimon", "keys.kms_secret_access_key=", "keys.kms_endpoint=http://kms.example"])).await, @r"
    the configuration has 3 problem(s):
      - keys.kms_key: wants ARNs of keys such as arn:aws:kms:ap-northeast-1:123456789012:key/ID, no aliases
      - keys.kms_endpoint: wants to begin with https:// (or http:// on the own machine), without a user, a query or a path
      - keys.kms_access_key_id: wants credentials with keys.kms_secret_access_key, or keys.kms_credentials_file
    ");
    insta::assert_snapshot!(refused(&app, &keys(&["keys.kms_credentials_file=/nowhere/credentials"])).await, @"keys.kms_credentials_file: /nowhere/credentials cannot be read; check its path and mode");
    drop(fake.server);
    let closed = kms_flags(&address, &fake.arn);
    insta::assert_snapshot!(refused(&app, &closed).await, @"keys.kms_endpoint: the key service cannot be reached; check the address, the network, its certificate and keys.timeout_seconds");
}

fn kms_flags(address: &str, arn: &str) -> Vec<String> {
    vec![
        "keys.provider=kms".to_owned(),
        format!("keys.kms_key={arn}"),
        format!("keys.kms_endpoint={address}"),
        "keys.kms_access_key_id=test".to_owned(),
        "keys.kms_secret_access_key=not-to-be-told".to_owned(),
    ]
}

/// Who writes to the database cannot make one tenant's key open as another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrapped_key_opens_at_its_place_only() {
    let (app, officer) = scene().await;
    let (fake, bao) = (FakeKms::start().await, Bao::start().await);
    for keys in [transit(&bao.server.address(), &bao.token), kms(&fake, &fake.arn)] {
        let all = with(&transit(&bao.server.address(), &bao.token), with(&keys, [previous_file(&app)]));
        start(&app, &all).await.unwrap().rotate(&app).await;
        let node = start(&app, &keys).await.unwrap();
        assert_eq!(node.reads(&officer, HANA).await, HANA);
        // All tenants get the bytes of one of them: that one opens, the others do not.
        let rows = "SELECT wrapped FROM tenant_key WHERE wrapped IS NOT NULL ORDER BY tenant_id LIMIT 1";
        let database = database(&app).await;
        database
            .execute_unprepared("CREATE TABLE kept AS SELECT tenant_id, version, wrapped FROM tenant_key")
            .await
            .unwrap();
        database.execute_unprepared(&format!("UPDATE tenant_key SET wrapped = ({rows})")).await.unwrap();
        let moved = start(&app, &keys).await.unwrap();
        let read = [moved.reads(&officer, HANA).await, moved.reads(&officer, SORA).await];
        assert!(
            read.iter().all(|read| read.contains("internal error")),
            "a search asks all tenants: {read:?}"
        );
        let back = "UPDATE tenant_key SET wrapped = (SELECT kept.wrapped FROM kept WHERE kept.tenant_id = tenant_key.tenant_id
                    AND kept.version = tenant_key.version)";
        database.execute_unprepared(back).await.unwrap();
        database.execute_unprepared("DROP TABLE kept").await.unwrap();
        assert_eq!(start(&app, &keys).await.unwrap().reads(&officer, HANA).await, HANA);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_environment_takes_over_and_is_followed_by_another() {
    let (app, officer) = scene().await;
    let (one, two) = ("5b".repeat(32), "6c".repeat(32));
    let keys = vec!["keys.provider=environment".to_owned(), format!("keys.secret={one}")];
    start(&app, &with(&keys, [previous_file(&app)])).await.unwrap().rotate(&app).await;
    assert_eq!(start(&app, &keys).await.unwrap().reads(&officer, HANA).await, HANA);
    let keys = vec![format!("keys.secret={two}"), format!("keys.previous_secrets={one}")];
    start(&app, &keys).await.unwrap().rotate(&app).await;
    assert_eq!(start(&app, &keys[..1]).await.unwrap().reads(&officer, HANA).await, HANA);
    let text = refused(&app, &["keys.secret=deadbeef".to_owned()]).await;
    assert_eq!(text, "keys.secret: wants 64 hexadecimal digits");
    let text = refused(&app, &["keys.provider=environment".to_owned()]).await;
    assert!(text.contains("keys.secret: wants the key, because keys.provider is environment"), "{text}");
}
