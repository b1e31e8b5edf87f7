//! Sessions: what ends them, one's own list, fresh proof before what is sensitive; tokens and service accounts.

use entity::account;
use sea_orm::{ConnectionTrait, Database, EntityTrait};
use serde_json::json;
use suimon::access::{self, Role, issue_token_for};

use crate::browser::Browser;
use crate::harness::{Member, PASSWORD, TestApp, text};
use crate::vault_support::{applicant, apply_system, batch};

const VIEWER: &str = "{ viewer { tenant { slug } } }";

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_and_ends_ones_own_sessions_only() {
    let app = TestApp::new().await;
    let (one, other) = (app.operator_member(Role::Auditor).await, app.operator_member(Role::Auditor).await);
    let mut first = Browser::signed_in(&app, &one.login).await;
    app.clock.advance(60);
    let mut second = Browser::signed_in(&app, &one.login).await;
    let mut foreign = Browser::signed_in(&app, &other.login).await;
    let list = second.gql("{ sessions { id current methods createdAt } }").await;
    let sessions = list["data"]["sessions"].as_array().unwrap_or_else(|| panic!("{list}")).clone();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["current"], true, "the newest first");
    assert_eq!(sessions[0]["methods"], json!(["password"]));
    let revoke = format!(
        "mutation {{ revokeSession(sessionId: \"{}\") {{ __typename ... on Problem {{ code }} }} }}",
        text(&sessions[1]["id"])
    );
    let refused = foreign.gql(&revoke).await;
    assert_eq!(refused["data"]["revokeSession"]["code"], "NOT_FOUND", "{refused}");
    let admin = app.admin().gql(&revoke).await;
    assert_eq!(admin["data"]["revokeSession"]["code"], "NOT_FOUND", "{admin}");
    assert!(first.is_in().await);
    let done = second.gql(&revoke).await;
    assert_eq!(done["data"]["revokeSession"]["__typename"], "Done", "{done}");
    assert!(!first.is_in().await);
    assert!(second.is_in().await && foreign.is_in().await);
    let twice = second.gql(&revoke).await;
    assert_eq!(twice["data"]["revokeSession"]["code"], "NOT_FOUND", "{twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_role_or_state_ends_sessions_and_half_done_sign_ins() {
    let app = TestApp::new().await;
    for (mutation, tokens_end) in [
        ("setAccountPassword(accountId: \"<id>\", password: \"another passphrase\")", true),
        ("setAccountRoles(accountId: \"<id>\", roles: [AUDITOR, APPROVER])", false),
        ("setAccountRoles(accountId: \"<id>\", roles: [AUDITOR])", false),
        ("disableAccount(accountId: \"<id>\")", true),
    ] {
        let member = app.operator_member(Role::Auditor).await;
        let mut browser = Browser::signed_in(&app, &member.login).await;
        browser.enrol(&app).await;
        let mut half = Browser::new(&app);
        half.app_secret = browser.app_secret.clone();
        half.sign_in(&member.login, PASSWORD).await;
        let mutation = mutation.replace("<id>", &member.account);
        let done = app.admin().gql(&format!("mutation {{ {mutation} {{ __typename }} }}")).await;
        assert!(done["errors"].is_null() && !done.to_string().contains("Problem"), "{done}");
        assert!(!browser.is_in().await, "{mutation}");
        let code = half.code(&app);
        assert_eq!(half.post("/auth/second-factor", json!({ "code": code })).await.0, 401, "{mutation}");
        let by_token = member.gql(VIEWER).await;
        assert_eq!(by_token["error"]["code"] == "UNAUTHENTICATED", tokens_end, "{mutation}: {by_token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changes_ones_own_password() {
    let app = TestApp::new().await;
    let member = app.operator_member(Role::Auditor).await;
    let mut browser = Browser::signed_in(&app, &member.login).await;
    let mut other = Browser::signed_in(&app, &member.login).await;
    let new = "another passphrase";
    let mut refusals = Vec::new();
    for body in [
        json!({ "password": "not the right one", "newPassword": new }),
        json!({ "password": PASSWORD, "newPassword": "short" }),
        json!({ "password": PASSWORD, "newPassword": PASSWORD }),
    ] {
        let (status, body) = browser.post("/auth/password", body).await;
        refusals.push(format!("{status} {} {}", body["error"]["code"], body["error"]["message"]));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    401 "UNAUTHENTICATED" "password or code is wrong or was used, or the login is locked"
    400 "INVALID" "wants 12 to 1024 characters, has 5"
    400 "INVALID" "is the present one"
    "#);
    assert_eq!(
        browser.post("/auth/password", json!({ "password": PASSWORD, "newPassword": new })).await.0,
        204
    );
    assert!(!browser.is_in().await && !other.is_in().await);
    assert_eq!(member.gql(VIEWER).await["error"]["code"], "UNAUTHENTICATED", "tokens end too");
    assert_eq!(browser.sign_in(&member.login, PASSWORD).await.0, 401);
    assert_eq!(browser.sign_in(&member.login, new).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sensitive_wants_fresh_proof() {
    let app = TestApp::new().await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let mut browser = Browser::signed_in(&app, &admin.login).await;
    browser.enrol(&app).await;
    let target = app.operator_member(Role::Auditor).await.account;
    let change = format!(
        "mutation {{ setAccountRoles(accountId: \"{target}\", roles: [AUDITOR]) {{ __typename ... on Problem {{ code message remedy }} }} }}"
    );
    assert_eq!(browser.gql(&change).await["data"]["setAccountRoles"]["__typename"], "Done");
    app.clock.advance(10 * 60);
    let stale = browser.gql(&change).await;
    insta::assert_snapshot!(stale["data"]["setAccountRoles"], @r#"{"__typename":"Problem","code":"REAUTHENTICATION_REQUIRED","message":"this wants proof, not older than 10 minutes, of who you are","remedy":"POST /auth/re-authenticate with your password, and a code where you have a second factor; then ask again"}"#);
    assert!(browser.is_in().await, "everything else goes on");
    let issue = browser
        .gql("mutation { issueToken(label: \"x\", scopes: [\"read:tenant\"], days: 1) { __typename ... on Problem { code } } }")
        .await;
    assert_eq!(issue["data"]["issueToken"]["code"], "REAUTHENTICATION_REQUIRED", "{issue}");
    let path = "/auth/re-authenticate";
    let code = browser.code(&app);
    let mut refusals = Vec::new();
    for body in [
        json!({ "password": PASSWORD }),
        json!({ "password": "not the right one", "code": "000000" }),
        json!({ "password": PASSWORD, "code": "000000" }),
    ] {
        refusals.push(browser.post(path, body).await);
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:#?}");
    assert_eq!(browser.gql(&change).await["data"]["setAccountRoles"]["code"], "REAUTHENTICATION_REQUIRED");
    let csrf = browser.csrf.take();
    let right = json!({ "password": PASSWORD, "code": code });
    assert_eq!(browser.post(path, right.clone()).await.0, 403, "the CSRF header is asked for");
    browser.csrf = csrf;
    assert_eq!(browser.post(path, right).await.0, 204);
    assert_eq!(browser.gql(&change).await["data"]["setAccountRoles"]["__typename"], "Done");
    app.clock.advance(10 * 60 - 1);
    assert_eq!(browser.gql(&change).await["data"]["setAccountRoles"]["__typename"], "Done");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_in_a_stolen_session_locks_too() {
    let app = TestApp::new().await;
    let member = app.operator_member(Role::Auditor).await;
    let mut browser = Browser::signed_in(&app, &member.login).await;
    for _ in 0..10 {
        let wrong = json!({ "password": "not the right one" });
        assert_eq!(browser.post("/auth/re-authenticate", wrong).await.0, 401);
    }
    let right = json!({ "password": PASSWORD });
    assert_eq!(browser.post("/auth/re-authenticate", right.clone()).await.0, 401, "locked");
    app.clock.advance(29 * 60);
    assert!(browser.is_in().await, "the idle limit is kept away");
    app.clock.advance(60);
    assert_eq!(browser.post("/auth/re-authenticate", right).await.0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_must_name_what_is_sensitive() {
    let app = TestApp::new().await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let auditor = app.operator_member(Role::Auditor).await.account;
    let token = |scopes: &'static [&'static str]| {
        let (app, admin) = (&app, admin.clone());
        async move {
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let issued = issue_token_for(&app.app, &admin.login, "t", &scopes, 1).await.unwrap();
            Member { token: issued.secret, ..admin }
        }
    };
    let change = format!(
        "mutation {{ setAccountRoles(accountId: \"{auditor}\", roles: [AUDITOR]) {{ __typename ... on Problem {{ code message remedy }} }} }}"
    );
    let everything = token(&["*:*"]).await.gql(&change).await;
    insta::assert_snapshot!(everything["data"]["setAccountRoles"], @r#"{"__typename":"Problem","code":"FORBIDDEN","message":"not allowed: update on account","remedy":"issue a token whose scopes name it: update:account"}"#);
    let named = token(&["*:*", "update:account"]).await.gql(&change).await;
    assert_eq!(named["data"]["setAccountRoles"]["__typename"], "Done", "{named}");
    let narrow = token(&["*:account"]).await.gql(&change).await;
    assert_eq!(narrow["data"]["setAccountRoles"]["code"], "FORBIDDEN", "{narrow}");
    let (status, _) = {
        let mut browser = Browser::new(&app);
        browser.post("/auth/re-authenticate", json!({ "password": PASSWORD })).await
    };
    assert_eq!(status, 401);
    for path in ["second-factor/enrol", "second-factor/remove", "re-authenticate"] {
        let answer = app
            .http
            .post(format!("{}/auth/{path}", app.url))
            .bearer_auth(&admin.token)
            .json(&json!({ "password": PASSWORD }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{path}: a token proves nothing about a person");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_stay_within_the_role_and_tell_when_they_were_used() {
    let app = TestApp::new().await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let mut browser = Browser::signed_in(&app, &admin.login).await;
    let mut issue = async |scopes: &str, days: u32| {
        browser
            .gql(&format!(
                "mutation {{ issueToken(label: \"x\", scopes: [{scopes}], days: {days}) {{ ... on IssuedToken {{ secret }} ... on Problem {{ code field message }} }} }}"
            ))
            .await["data"]["issueToken"]
            .clone()
    };
    let mut refusals = Vec::new();
    for (scopes, days) in [
        ("\"read:tenant\", \"read:data.applicant.email\"", 1),
        ("\"*:captured_mail\"", 1),
        ("\"read:tenant\"", 0),
        ("\"read:tenant\"", 367),
        ("\"nonsense\"", 1),
    ] {
        refusals.push(issue(scopes, days).await.to_string());
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    {"code":"INVALID","field":"scopes[1]","message":"is beyond what the account's roles allow"}
    {"code":"INVALID","field":"scopes[0]","message":"is beyond what the account's roles allow"}
    {"code":"INVALID","field":"days","message":"wants 1 to 366"}
    {"code":"INVALID","field":"days","message":"wants 1 to 366"}
    {"code":"INVALID","field":"scopes","message":"\"nonsense\" is not a token scope; write action:object, such as create:finding or read:data.*"}
    "#);
    let secret = text(&issue("\"read:tenant\"", 1).await["secret"]);
    let token = Member { token: secret, ..admin.clone() };
    let last = async || {
        let tokens = app.admin().gql("{ apiTokens { label lastUsedAt } }").await;
        let tokens = tokens["data"]["apiTokens"].as_array().unwrap().clone();
        tokens.into_iter().find(|token| token["label"] == "x").unwrap()["lastUsedAt"].clone()
    };
    assert!(last().await.is_null());
    assert!(token.gql(VIEWER).await["errors"].is_null());
    // Written beside the request: soon, not at once.
    let soon = async |wanted: &str| {
        for _ in 0..200 {
            if last().await == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{wanted} is not told, but {}", last().await);
    };
    soon("2023-10-26T00:00:00Z").await;
    app.clock.advance(60);
    token.gql(VIEWER).await;
    app.clock.advance(1);
    token.gql(VIEWER).await;
    soon("2023-10-26T00:01:01Z").await;
    app.clock.advance(86_400);
    assert_eq!(token.gql(VIEWER).await["error"]["code"], "UNAUTHENTICATED", "a day is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_database_neither_delays_nor_ends_who_is_signed_in() {
    let app = TestApp::new().await;
    let member = app.operator_member(Role::Auditor).await;
    let mut browser = Browser::signed_in(&app, &member.login).await;
    let other = Database::connect({
        let mut options = sea_orm::ConnectOptions::new(app.owner_url());
        options.max_connections(1);
        options
    })
    .await
    .unwrap();
    let lock = match other.get_database_backend() {
        sea_orm::DbBackend::Sqlite => "BEGIN IMMEDIATE",
        _ => "BEGIN; LOCK TABLE api_token, session IN EXCLUSIVE MODE",
    };
    other.execute_unprepared(lock).await.unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        app.clock.advance(20 * 60);
        assert!(member.gql(VIEWER).await["data"]["viewer"].is_object());
        assert!(browser.is_in().await, "seen 20 minutes ago, though nobody could write it down");
    }
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}: waited for the lock");
    app.clock.advance(31 * 60);
    assert!(!browser.is_in().await, "idle is idle");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_exports_of_people_want_fresh_proof() {
    let app = TestApp::new().await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let row = applicant(1, "school-001", "A-1", "水野 花", "hana@mail.example");
    assert_eq!(batch(&officer, json!({ "rows": [row] })).await["state"], "DONE");
    let people = format!("{{ subjects(tenantId: \"{}\", first: 1) {{ nodes {{ id }} }} }}", school.id);
    let person = text(&officer.gql(&people).await["data"]["subjects"]["nodes"][0]["id"]);
    let export = format!(
        "mutation {{ exportSubject(id: \"{person}\", purpose: \"request 1\") {{ __typename ... on Problem {{ code }} }} }}"
    );
    for (member, name, mutation, scope) in [
        (
            &admin,
            "rotateKeys",
            "mutation { rotateKeys { __typename ... on Problem { code } } }",
            "rotate:key",
        ),
        (
            &admin,
            "retireKey",
            "mutation { retireKey(kekId: \"an earlier one\") { __typename ... on Problem { code } } }",
            "rotate:key",
        ),
        (&officer, "exportSubject", &export, "export:subject"),
    ] {
        let mut browser = Browser::signed_in(&app, &member.login).await;
        let fresh = browser.gql(mutation).await;
        assert!(fresh["data"][name].is_object() && fresh["data"][name]["code"].is_null(), "{fresh}");
        app.clock.advance(10 * 60);
        let stale = browser.gql(mutation).await;
        assert_eq!(stale["data"][name]["code"], "REAUTHENTICATION_REQUIRED", "{stale}");
        assert_eq!(
            browser.post("/auth/re-authenticate", json!({ "password": PASSWORD })).await.0,
            204,
            "{name}"
        );
        let again = browser.gql(mutation).await;
        assert!(again["data"][name].is_object() && again["data"][name]["code"].is_null(), "{again}");
        let token = async |scopes: &[&str]| {
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let issued = issue_token_for(&app.app, &member.login, "t", &scopes, 1).await.unwrap();
            Member { token: issued.secret, ..(*member).clone() }
        };
        let everything = token(&["*:*"]).await.gql(mutation).await;
        assert_eq!(everything["data"][name]["code"], "FORBIDDEN", "{everything}");
        let named = token(&["*:*", scope]).await.gql(mutation).await;
        assert!(named["data"][name].is_object() && named["data"][name]["code"].is_null(), "{named}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_has_no_password() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let create = |login: &str, password: &str| {
        format!(
            "mutation {{ createAccount(tenantId: \"{}\", login: \"{login}\", displayName: \"P\", roles: [SERVICE]{password}) {{
               ... on Account {{ id }} ... on Problem {{ code field message }} }} }}",
            operator.id
        )
    };
    let refused = app.admin().gql(&create("importer", ", password: \"a good passphrase\"")).await;
    insta::assert_snapshot!(refused["data"]["createAccount"], @r#"{"code":"INVALID","field":"password","message":"is not for service accounts"}"#);
    let id = text(&app.admin().gql(&create("importer", "")).await["data"]["createAccount"]["id"]);
    let set = format!(
        "mutation {{ setAccountPassword(accountId: \"{id}\", password: \"a good passphrase\") {{ ... on Problem {{ code message }} }} }}"
    );
    insta::assert_snapshot!(app.admin().gql(&set).await["data"]["setAccountPassword"], @r#"{"code":"CONFLICT","message":"a service account has no password"}"#);
    // One that had a password before it became a service account does not sign in with it any more.
    let member = app.operator_member(Role::Auditor).await;
    let roles = format!(
        "mutation {{ setAccountRoles(accountId: \"{}\", roles: [SERVICE]) {{ __typename }} }}",
        member.account
    );
    assert_eq!(app.admin().gql(&roles).await["data"]["setAccountRoles"]["__typename"], "Done");
    assert_eq!(Browser::new(&app).sign_in(&member.login, PASSWORD).await.0, 401);
    assert!(access::issue_token_for(&app.app, "importer", "x", &["*:*".to_owned()], 1).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_may_be_long_and_of_any_characters() {
    let app = TestApp::new().await;
    let mut present = PASSWORD.to_owned();
    let member = app.operator_member(Role::Auditor).await;
    for new in [
        "長い合言葉は水門を守る ✓ 𠮷野家".repeat(10),
        format!("{}🦀", "a".repeat(64)),
        "a b\tc\u{0}d efghi".to_owned(),
    ] {
        let mut browser = Browser::new(&app);
        assert_eq!(browser.sign_in(&member.login, &present).await.0, 200);
        let body = json!({ "password": present, "newPassword": new });
        assert_eq!(browser.post("/auth/password", body).await.0, 204, "{new}");
        present = new;
    }
    assert_eq!(Browser::new(&app).sign_in(&member.login, &present).await.0, 200);
    // The last character counts too: nothing is cut off.
    let shorter = &present[..present.len() - 1];
    assert_eq!(Browser::new(&app).sign_in(&member.login, shorter).await.0, 401);
    let database = Database::connect(app.owner_url()).await.unwrap();
    for account in account::Entity::find().all(&database).await.unwrap() {
        assert!(account.password_hash.is_none_or(|hash| hash.starts_with("$argon2id$")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_many_people_in_clear_wants_fresh_proof() {
    let app = TestApp::with(&["identity.bulk_read_people=2"]).await;
    apply_system(&app).await;
    let school = app.tenant("school-001").await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows: Vec<_> = (1..=3)
        .map(|n| applicant(n, "school-001", &format!("A-{n}"), "水野 花", &format!("hana{n}@mail.example")))
        .collect();
    assert_eq!(batch(&officer, json!({ "rows": rows })).await["state"], "DONE");
    let read = |first: u32, masked: bool| {
        format!(
            "{{ subjects(tenantId: \"{}\", first: {first}, purpose: \"a test\") {{ nodes {{
               fields(names: [\"email\"], masked: {masked}) {{ ... on ClearValue {{ value }} ... on MaskedValue {{ value }} }} }} }} }}",
            school.id
        )
    };
    let mut browser = Browser::signed_in(&app, &officer.login).await;
    let fresh = browser.gql(&read(3, false)).await;
    assert!(fresh.to_string().contains("hana3@mail.example"), "{fresh}");
    app.clock.advance(10 * 60);
    let stale = browser.gql(&read(3, false)).await;
    assert_eq!(stale["errors"][0]["extensions"]["code"], "REAUTHENTICATION_REQUIRED", "{stale}");
    // Two are everyday work; with the third it is a bulk read, and nobody's value leaves.
    assert!(!stale.to_string().contains("@mail.example"), "{stale}");
    let few = browser.gql(&read(2, false)).await;
    assert!(few["errors"].is_null(), "{few}");
    assert!(browser.gql(&read(3, true)).await["errors"].is_null(), "masked values are no bulk read");
    browser.post("/auth/re-authenticate", json!({ "password": PASSWORD })).await;
    assert!(browser.gql(&read(3, false)).await["errors"].is_null());
    let everything = issue_token_for(&app.app, &officer.login, "t", &["*:*".to_owned()], 1).await.unwrap();
    let token = Member { token: everything.secret, ..officer.clone() };
    let refused = token.gql(&read(3, false)).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let named = ["*:*".to_owned(), "read:data.*".to_owned()];
    let named = issue_token_for(&app.app, &officer.login, "t", &named, 1).await.unwrap();
    let token = Member { token: named.secret, ..officer };
    assert!(token.gql(&read(3, false)).await["errors"].is_null());
}
