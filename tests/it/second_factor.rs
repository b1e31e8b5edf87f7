//! The second factor: enrolment, two steps of signing in, recovery codes, limits of guessing, removal, the requirement.

use entity::{audit_entry, recovery_code, second_factor};
use sea_orm::{Database, EntityTrait};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::browser::Browser;
use crate::harness::{PASSWORD, TestApp};

const CODE: &str = "/auth/second-factor";

async fn officer(app: &TestApp) -> (Browser, String, Vec<String>) {
    let login = app.operator_member(Role::ComplianceOfficer).await.login;
    let mut browser = Browser::signed_in(app, &login).await;
    let codes = browser.enrol(app).await;
    (browser, login, codes)
}

/// A new browser after the first step.
async fn first_step(app: &TestApp, of: &Browser, login: &str) -> Browser {
    let mut browser = Browser::new(app);
    browser.app_secret = of.app_secret.clone();
    let (status, body) = browser.sign_in(login, PASSWORD).await;
    assert_eq!((status, &body["secondFactor"]), (200, &json!("code")), "{body}");
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_session_before_both_factors_were_right() {
    let app = TestApp::new().await;
    let (enrolled, login, codes) = officer(&app).await;
    assert_eq!(codes.len(), 10);
    let mut browser = first_step(&app, &enrolled, &login).await;
    assert!(!browser.cookies.contains_key("suimon"), "no session yet: {:?}", browser.cookies.keys());
    assert!(browser.csrf.is_none());
    assert!(!browser.is_in().await);
    // What the step's cookie holds is no session either.
    let mut forged = Browser::new(&app);
    forged.cookies.insert("suimon".to_owned(), browser.cookies["suimon-step"].clone());
    forged.csrf = Some("x".to_owned());
    assert!(!forged.is_in().await);
    let code = browser.code(&app);
    let (status, body) = browser.post(CODE, json!({ "code": code })).await;
    assert_eq!(status, 200, "{body}");
    assert!(browser.is_in().await);
    // The step is over, and the code too.
    let mut again = first_step(&app, &enrolled, &login).await;
    let used = again.post(CODE, json!({ "code": code })).await;
    assert_eq!(used.0, 401, "a code is taken once");
    app.clock.advance(30);
    let next = again.code(&app);
    assert_eq!(again.post(CODE, json!({ "code": next })).await.0, 200);
    let sessions = again.gql("{ sessions { methods current } secondFactor { recoveryCodesLeft } }").await;
    assert_eq!(sessions["data"]["sessions"][0]["methods"], json!(["password", "totp"]), "{sessions}");
    assert_eq!(sessions["data"]["secondFactor"]["recoveryCodesLeft"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_the_neighbouring_steps_are_taken_and_older_ones_are_not() {
    let app = TestApp::new().await;
    let (enrolled, login, _) = officer(&app).await;
    app.clock.advance(300);
    for (ahead, status) in [(-60, 401), (60, 401), (-30, 200), (30, 200), (0, 401)] {
        let mut browser = first_step(&app, &enrolled, &login).await;
        let code = crate::browser::code(enrolled.app_secret.as_ref().unwrap(), app.now().as_second() + ahead);
        let answer = browser.post(CODE, json!({ "code": code })).await;
        // The last one is right by time, but older than the newest that was taken.
        assert_eq!(answer.0, status, "{ahead} seconds: {}", answer.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_the_second_step_reads_the_same() {
    let app = TestApp::new().await;
    let (enrolled, login, codes) = officer(&app).await;
    let mut answers = Vec::new();
    let mut stranger = Browser::new(&app);
    answers.push(stranger.post(CODE, json!({ "code": "123456" })).await);
    let mut wrong = first_step(&app, &enrolled, &login).await;
    answers.push(wrong.post(CODE, json!({ "code": "000000" })).await);
    answers.push(wrong.post(CODE, json!({ "code": "aaaa-bbbb-cccc-dddd" })).await);
    answers.push(wrong.post(CODE, json!({ "code": "9".repeat(5000) })).await);
    let mut late = first_step(&app, &enrolled, &login).await;
    app.clock.advance(300);
    let code = late.code(&app);
    answers.push(late.post(CODE, json!({ "code": code })).await);
    let mut by_recovery = first_step(&app, &enrolled, &login).await;
    let upper = codes[0].to_uppercase();
    assert_eq!(by_recovery.post(CODE, json!({ "code": upper })).await.0, 200, "case does not matter");
    let mut again = first_step(&app, &enrolled, &login).await;
    answers.push(again.post(CODE, json!({ "code": codes[0] })).await);
    for _ in 0..10 {
        answers.push(again.post(CODE, json!({ "code": "000000" })).await);
    }
    let code = again.code(&app);
    answers.push(again.post(CODE, json!({ "code": code })).await);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    insta::assert_snapshot!(format!("{} {}", answers[0].0, answers[0].1), @r#"401 {"error":{"code":"UNAUTHENTICATED","field":null,"message":"the code is wrong or was used, or signing in took too long, or the login is locked","remedy":"wait for the next code of your app, or begin again; after 10 wrong ones wait 30 minutes"}}"#);
}

/// Who knows the password gets ten guesses in half an hour, however often the first step is begun again.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_limited() {
    let app = TestApp::new().await;
    let (enrolled, login, codes) = officer(&app).await;
    for _ in 0..10 {
        let mut browser = first_step(&app, &enrolled, &login).await;
        assert_eq!(browser.post(CODE, json!({ "code": "000000" })).await.0, 401);
    }
    let mut locked = Browser::new(&app);
    assert_eq!(
        locked.sign_in(&login, PASSWORD).await.0,
        401,
        "the login is locked, for the right password too"
    );
    app.clock.advance(30 * 60);
    let mut browser = first_step(&app, &enrolled, &login).await;
    for _ in 0..9 {
        assert_eq!(browser.post(CODE, json!({ "code": "000000" })).await.0, 401);
    }
    assert_eq!(browser.post(CODE, json!({ "code": codes[3] })).await.0, 200, "nine do not lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_at_once_opens_one_session() {
    let app = TestApp::new().await;
    let (enrolled, login, _) = officer(&app).await;
    let code = enrolled.code(&app);
    let mut browsers = Vec::new();
    for _ in 0..6 {
        browsers.push(first_step(&app, &enrolled, &login).await);
    }
    let tries = browsers.iter_mut().map(|browser| browser.post(CODE, json!({ "code": code.clone() })));
    let answers = futures::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_secret_nor_a_code_is_in_the_database() {
    let app = TestApp::new().await;
    let (enrolled, _, codes) = officer(&app).await;
    let secret = enrolled.app_secret.unwrap();
    let database = Database::connect(app.owner_url()).await.unwrap();
    let row = second_factor::Entity::find().one(&database).await.unwrap().unwrap();
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    assert!(!holds(&row.sealed_secret) && !holds(&row.wrapped_key));
    assert!(row.sealed_secret.len() > secret.len());
    let hashes = recovery_code::Entity::find().all(&database).await.unwrap();
    assert_eq!(hashes.len(), 10);
    let text = codes.iter().map(|code| code.replace('-', "")).collect::<Vec<_>>();
    for hash in &hashes {
        assert_eq!(hash.code_hash.len(), 32);
        assert!(!text.iter().any(|code| code.as_bytes() == hash.code_hash));
    }
    let entries = audit_entry::Entity::find().all(&database).await.unwrap();
    for entry in entries {
        assert!(!codes.iter().any(|code| entry.detail.contains(code.as_str())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_ends_other_sessions_and_wants_a_code_and_no_second_time() {
    let app = TestApp::new().await;
    let login = app.operator_member(Role::ComplianceOfficer).await.login;
    let mut other = Browser::signed_in(&app, &login).await;
    let mut browser = Browser::signed_in(&app, &login).await;
    let confirm = "/auth/second-factor/confirm";
    let (status, body) = browser.post(confirm, json!({ "code": "000000" })).await;
    assert_eq!((status, &body["error"]["code"]), (409, &json!("CONFLICT")));
    browser.post("/auth/second-factor/enrol", json!({})).await;
    let (status, body) = browser.post(confirm, json!({ "code": "000000" })).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("INVALID")));
    assert!(Browser::signed_in(&app, &login).await.is_in().await, "an unconfirmed one asks for nothing");
    assert!(other.is_in().await);
    let before = browser.cookies["suimon"].clone();
    browser.enrol(&app).await;
    assert!(!other.is_in().await, "other sessions end");
    assert_ne!(browser.cookies["suimon"], before, "the own one is a new one");
    assert!(browser.is_in().await);
    let (status, body) = browser.post("/auth/second-factor/enrol", json!({})).await;
    assert_eq!((status, &body["error"]["code"]), (409, &json!("CONFLICT")));
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_it_away_wants_password_and_code() {
    let app = TestApp::new().await;
    let (mut browser, login, _) = officer(&app).await;
    let path = "/auth/second-factor/remove";
    let code = browser.code(&app);
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({ "password": PASSWORD }),
        json!({ "code": "000000", "password": PASSWORD }),
        json!({ "code": "000000", "password": "not the right one" }),
    ] {
        refusals.push(browser.post(path, body).await);
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:#?}");
    insta::assert_snapshot!(format!("{} {}", refusals[0].0, refusals[0].1), @r#"401 {"error":{"code":"UNAUTHENTICATED","field":null,"message":"password or code is wrong or was used, or the login is locked","remedy":"after 10 wrong ones wait 30 minutes; a code of your app counts once: wait for the next"}}"#);
    let csrf = browser.csrf.take();
    let right = json!({ "password": PASSWORD, "code": code });
    assert_eq!(browser.post(path, right.clone()).await.0, 403, "without the CSRF header nothing happens");
    browser.csrf = csrf;
    assert_eq!(browser.post(path, right).await.0, 204);
    assert!(!browser.is_in().await, "sessions end");
    assert!(Browser::signed_in(&app, &login).await.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_takes_somebody_elses_away_and_never_ones_own() {
    let app = TestApp::new().await;
    let member = app.operator_member(Role::ComplianceOfficer).await;
    let mut browser = Browser::signed_in(&app, &member.login).await;
    browser.enrol(&app).await;
    let admin = app.operator_member(Role::OperatorAdmin).await;
    let mut head = Browser::signed_in(&app, &admin.login).await;
    head.enrol(&app).await;
    let remove = |id: &str| {
        format!(
            "mutation {{ removeSecondFactor(accountId: \"{id}\") {{ __typename ... on Problem {{ code message }} }} }}"
        )
    };
    let own = head.gql(&remove(&admin.account)).await;
    insta::assert_snapshot!(own, @r#"{"data":{"removeSecondFactor":{"__typename":"Problem","code":"CONFLICT","message":"you cannot take your own second factor away as an administrator"}}}"#);
    let own = admin.gql(&remove(&admin.account)).await;
    assert_eq!(own["data"]["removeSecondFactor"]["code"], "CONFLICT", "by a token neither: {own}");
    let done = head.gql(&remove(&member.account)).await;
    assert_eq!(done["data"]["removeSecondFactor"]["__typename"], "Done", "{done}");
    assert!(!browser.is_in().await);
    assert!(Browser::signed_in(&app, &member.login).await.is_in().await);
    let again = head.gql(&remove(&member.account)).await;
    assert_eq!(again["data"]["removeSecondFactor"]["code"], "CONFLICT", "{again}");
    let database = Database::connect(app.owner_url()).await.unwrap();
    let entries = audit_entry::Entity::find().all(&database).await.unwrap();
    let removals: Vec<_> = entries.iter().filter(|entry| entry.action == "second_factor.remove").collect();
    assert_eq!(removals.len(), 1);
    assert!(removals[0].actor.starts_with("account:"), "who did it is written down");
    let staff = app.operator_member(Role::Auditor).await;
    let refused = staff.gql(&remove(&admin.account)).await;
    assert_eq!(refused["data"]["removeSecondFactor"]["code"], "FORBIDDEN", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_have_one_can_only_enrol() {
    let app = TestApp::with(&["identity.require_second_factor=compliance_officer, operator_admin"]).await;
    let login = app.operator_member(Role::ComplianceOfficer).await.login;
    let mut browser = Browser::signed_in(&app, &login).await;
    let refused = browser.post("/graphql", json!({ "query": "{ viewer { tenant { slug } } }" })).await;
    insta::assert_snapshot!(format!("{} {}", refused.0, refused.1), @r#"403 {"error":{"code":"SECOND_FACTOR_REQUIRED","field":null,"message":"your role asks for a second factor, and you have none yet","remedy":"POST /auth/second-factor/enrol, then POST /auth/second-factor/confirm with a code of your app"}}"#);
    let again = browser.post("/auth/re-authenticate", json!({ "password": PASSWORD })).await;
    assert_eq!(again.0, 204, "it opens nothing");
    assert!(!browser.is_in().await);
    browser.enrol(&app).await;
    assert!(browser.is_in().await);
    let auditor = app.operator_member(Role::Auditor).await;
    assert!(Browser::signed_in(&app, &auditor.login).await.is_in().await, "other roles are not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_are_renewed_with_password_and_code() {
    let app = TestApp::new().await;
    let (mut browser, login, old) = officer(&app).await;
    let path = "/auth/second-factor/recovery-codes";
    let without = browser.post(path, json!({ "password": PASSWORD })).await;
    assert_eq!(without.0, 401);
    let code = browser.code(&app);
    let (status, body) = browser.post(path, json!({ "password": PASSWORD, "code": code })).await;
    assert_eq!(status, 200, "{body}");
    let new: Vec<Value> = body["recoveryCodes"].as_array().unwrap().clone();
    assert_eq!(new.len(), 10);
    let mut first = first_step(&app, &browser, &login).await;
    assert_eq!(first.post(CODE, json!({ "code": old[0] })).await.0, 401);
    assert_eq!(first.post(CODE, json!({ "code": new[0] })).await.0, 200);
}
