//! Guessing passwords: ten tries, then half an hour.

use entity::{account, audit_entry};
use sea_orm::{ColumnTrait, Database, EntityTrait, QueryFilter};
use serde_json::json;
use suimon::access::{self, Role};

use crate::harness::{PASSWORD, TestApp, text};

const WRONG: &str = "not the right one";

/// Status and body of signing in.
async fn sign_in(app: &TestApp, login: &str, password: &str) -> (u16, String) {
    let body = json!({ "login": login, "password": password });
    let answer = app.http.post(format!("{}/auth/sign-in", app.url)).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn wrong(app: &TestApp, login: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(sign_in(app, login, WRONG).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_passwords_lock_a_login_for_half_an_hour() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let before = sign_in(&app, &officer.login, WRONG).await;
    wrong(&app, &officer.login, 9).await;
    let locked = sign_in(&app, &officer.login, PASSWORD).await;
    assert_eq!(locked, before, "a locked login answers as a wrong password does");
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.0, 200, "others are not concerned");
    app.clock.advance(29 * 60 + 59);
    assert_eq!(sign_in(&app, &officer.login, PASSWORD).await.0, 401);
    app.clock.advance(1);
    assert_eq!(sign_in(&app, &officer.login, PASSWORD).await.0, 200);
    assert!(app.verify_audit().await.iter().all(|chain| chain.faults.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_and_a_pause_begin_the_count_again() {
    let app = TestApp::new().await;
    wrong(&app, "admin", 9).await;
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.0, 200);
    wrong(&app, "admin", 9).await;
    app.clock.advance(30 * 60);
    wrong(&app, "admin", 9).await;
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_are_counted_one_by_one() {
    let app = TestApp::new().await;
    let tries: Vec<_> = (0..12).map(|_| sign_in(&app, "admin", WRONG)).collect();
    for (status, _) in futures::future::join_all(tries).await {
        assert_eq!(status, 401);
    }
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.0, 401);
    let database = Database::connect(app.owner_url()).await.unwrap();
    let entries = audit_entry::Entity::find().all(&database).await.unwrap();
    let count = |action: &str, detail: &str| {
        entries.iter().filter(|entry| entry.action == action && entry.detail.contains(detail)).count()
    };
    assert_eq!(count("session.open", "password"), 10);
    assert_eq!(count("account.lock", ""), 1);
    assert_eq!(count("session.open", "locked"), 3, "two of the twelve, and the right one");
}

/// Otherwise anybody who knows a login could throw an officer out in the middle of an incident.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_session_goes_on_while_the_login_is_locked() {
    let app = TestApp::new().await;
    let body = json!({ "login": "admin", "password": PASSWORD });
    let answer = app.http.post(format!("{}/auth/sign-in", app.url)).json(&body).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = answer.json::<serde_json::Value>().await.unwrap()["csrfToken"].as_str().unwrap().to_owned();
    wrong(&app, "admin", 10).await;
    let still = app
        .http
        .post(format!("{}/graphql", app.url))
        .header("cookie", cookie)
        .header("x-suimon-csrf", csrf)
        .json(&json!({ "query": "{ viewer { tenant { slug } } }" }))
        .send()
        .await
        .unwrap();
    assert_eq!(still.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_the_lock_and_ends_it_with_another_password() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    wrong(&app, &officer.login, 10).await;
    let read = || async {
        let answer = app.admin().gql("{ viewer { tenant { accounts { id login lockedUntil } } } }").await;
        let accounts = answer["data"]["viewer"]["tenant"]["accounts"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone();
        accounts.into_iter().find(|account| account["login"] == officer.login.as_str()).unwrap()
    };
    assert_eq!(read().await["lockedUntil"], "2023-10-26T00:30:00Z");
    let mutation = "mutation($id: ID!, $password: String!) {
        setAccountPassword(accountId: $id, password: $password) { __typename } }";
    let id = text(&read().await["id"]);
    let other = "another passphrase";
    app.admin().gql_with(mutation, json!({ "id": id, "password": other })).await;
    assert!(read().await["lockedUntil"].is_null());
    assert_eq!(sign_in(&app, &officer.login, other).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_the_machine_ends_a_lock() {
    let app = TestApp::new().await;
    wrong(&app, "admin", 10).await;
    access::unlock_locally(&app.app, "admin").await.unwrap();
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.0, 200);
    let unknown = access::unlock_locally(&app.app, "nobody").await.unwrap_err().to_string();
    insta::assert_snapshot!(unknown, @"account not found; name the login as it was typed when it was locked");
    let database = Database::connect(app.owner_url()).await.unwrap();
    let unlocks = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("account.unlock"));
    assert_eq!(unlocks.all(&database).await.unwrap().len(), 1);
    let row =
        account::Entity::find().filter(account::Column::Login.eq("admin")).one(&database).await.unwrap();
    assert_eq!(row.unwrap().failed_tries, 0);
}
