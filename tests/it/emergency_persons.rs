//! Break-glass among people with several accounts, over a real mail server, and no more often than twenty times a day.

use serde_json::{Value, json};
use suimon::access::{self, Role};

use crate::emergency_access::{ask, change, clear_fields, scene, scene_with};
use crate::harness::{Member, TestApp, TestTenant, text};
use crate::notices::sink::Sink;

/// An account with this login and a token for it.
async fn account(app: &TestApp, tenant: &TestTenant, login: &str, role: Role) -> Member {
    let create = "mutation($tenant: ID!, $login: String!, $roles: [Role!]!) { answer: createAccount(tenantId: $tenant,
      login: $login, displayName: \"A member\", roles: $roles) { ... on Account { id } ... on Problem { message } } }";
    let roles = [role.as_str().to_uppercase()];
    let variables = json!({ "tenant": tenant.id, "login": login, "roles": roles });
    let made = app.admin().gql_with(create, variables).await;
    let id = &made["data"]["answer"]["id"];
    assert!(id.is_string(), "{made}");
    let scopes = access::every_scope();
    let token = access::issue_token_for(&app.app, login, "test", &scopes, 30).await.unwrap().secret;
    Member { token, account: text(id), login: login.to_owned(), ..app.admin() }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_of_one_mailbox_are_no_two_persons() {
    let scene = scene().await;
    let operator = scene.app.operator().await;
    let asking = account(&scene.app, &operator, "night@example.jp", Role::ComplianceOfficer).await;
    let mut others = Vec::new();
    for login in ["Night@Example.JP", "night+second@example.jp"] {
        others.push(account(&scene.app, &operator, login, Role::Approver).await);
    }
    let colleague = account(&scene.app, &operator, "day@example.jp", Role::Approver).await;
    let asked = ask(&asking, clear_fields(None, Some(&scene.school.id), 10)).await;
    let id = text(&asked["id"]);
    for other in &others {
        for verb in ["approve", "refuse"] {
            let answer = change(other, verb, &id).await;
            let told = json!({
                "code": "FORBIDDEN", "message": "not allowed: approve on emergency access",
                "remedy": "a second person decides, never who asked"
            });
            assert_eq!(answer, told, "{} {verb}", other.login);
        }
    }
    let refused = scene.audit(&scene.school.id, "emergency_access.approve").await;
    assert_eq!(refused.len(), 4);
    assert!(refused.iter().all(|entry| entry["allowed"] == json!(false)), "{refused:?}");
    assert_eq!(change(&colleague, "approve", &id).await["state"], "ACTIVE");
    // Nor may that person close the review.
    scene.app.clock.advance(601);
    let reviewer = account(&scene.app, &operator, "NIGHT+third@example.jp", Role::ComplianceOfficer).await;
    assert_eq!(change(&reviewer, "review", &id).await["code"], "FORBIDDEN");
    let decided = account(&scene.app, &operator, "day+2@example.jp", Role::ComplianceOfficer).await;
    assert_eq!(change(&decided, "review", &id).await["code"], "FORBIDDEN", "of who approved");
    let third = account(&scene.app, &operator, "third@example.jp", Role::ComplianceOfficer).await;
    assert_eq!(change(&third, "review", &id).await["state"], "REVIEWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_asks_twenty_times_a_day_and_no_more() {
    let scene = scene().await;
    let good = || clear_fields(None, None, 10);
    for number in 1..=20 {
        let asked = ask(&scene.staff, good()).await;
        assert_eq!(asked["state"], "REQUESTED", "{number}: {asked}");
        // Decided at once, so that the number of open ones is not what ends it.
        assert_eq!(change(&scene.approver, "refuse", &text(&asked["id"])).await["state"], "REFUSED");
        scene.app.clock.advance(60);
    }
    let more = ask(&scene.staff, good()).await;
    assert_eq!(
        (&more["code"], &more["message"]),
        (&json!("LIMIT_EXCEEDED"), &json!("you asked 20 times within a day"))
    );
    let colleague = scene.app.member(&scene.school, Role::TenantStaff).await;
    assert_eq!(ask(&colleague, good()).await["state"], "REQUESTED", "counted by account");
    // The first one was twenty minutes ago.
    scene.app.clock.advance(24 * 3600 - 20 * 60 - 1);
    assert_eq!(ask(&scene.staff, good()).await["code"], "LIMIT_EXCEEDED");
    scene.app.clock.advance(1);
    assert_eq!(ask(&scene.staff, good()).await["state"], "REQUESTED", "a day later one more");
    assert_eq!(ask(&scene.staff, good()).await["code"], "LIMIT_EXCEEDED", "and just one");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alarm_rings_at_a_real_mail_server_also_when_that_was_down() {
    let mut sink = Sink::start(&[]);
    let port = format!("mail.smtp_port={}", sink.port);
    let scene =
        scene_with(&["mail.transport=smtp", "mail.smtp_tls=none", &port, "mail.smtp_timeout_seconds=5"])
            .await;
    let operator = scene.app.operator().await;
    account(&scene.app, &operator, "second@example.jp", Role::Approver).await;
    account(&scene.app, &scene.school, "head@school.example.jp", Role::TenantAdmin).await;
    let asked = ask(&scene.staff, clear_fields(Some(&scene.people[0]), None, 30)).await;
    let grant = text(&asked["grant"]);
    scene.app.run_jobs().await;
    let check = |mails: Vec<crate::notices::sink::Mail>, word: &str| {
        let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, ["head@school.example.jp", "second@example.jp"]);
        for mail in &mails {
            assert!(mail.body.contains(&grant), "{}", mail.body);
            assert!(mail.subject.contains(word), "{}", mail.subject);
            for secret in ["hospital", "4711", "水野", "hana@example.jp", &scene.people[0]] {
                assert!(!mail.source.contains(secret) && !mail.body.contains(secret), "{secret}");
            }
        }
    };
    let all = |sink: &Sink| sink.by_recipient().into_values().flatten().collect::<Vec<_>>();
    let first = all(&sink);
    check(first.clone(), "request");
    // Nobody is there to take the next one: it rings when somebody is, once each.
    sink.stop();
    assert_eq!(change(&scene.approver, "approve", &text(&asked["id"])).await["state"], "ACTIVE");
    scene.app.run_jobs().await;
    sink.restart(&[]);
    scene.app.clock.advance(3600);
    scene.app.run_jobs().await;
    let told = all(&sink);
    let ids: Vec<&str> = first.iter().map(|mail| mail.message_id.as_str()).collect();
    let second: Vec<_> = told.into_iter().filter(|mail| !ids.contains(&mail.message_id.as_str())).collect();
    check(second, "approved");
    let rung: Vec<Value> = scene.audit(&operator.id, "emergency_access.alarm").await;
    assert_eq!(rung.iter().filter(|entry| entry["allowed"] == json!(true)).count(), 4, "{rung:?}");
}
