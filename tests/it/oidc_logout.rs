//! Somebody logs out at the provider of identity: what came from there ends here, by the provider's word and by nobody else's.

use entity::audit_entry::{Column, Entity};
use sea_orm::{ColumnTrait, Database, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use suimon::access::Role;

use crate::browser::Browser;
use crate::harness::TestApp;
use crate::oidc_issuer::{Issuer, by_secret, headed, signed, unsigned};
use crate::oidc_scene::{CLIENT_SECRET, Person, Provider, come, come_back, denials, link, service};

const OFFICER: &[(&str, &str)] = &[("login", "of-17")];
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const EDDSA: &str = "algorithms = \"EdDSA\"";
const PATH: &str = "/auth/oidc/backchannel-logout/corp";

/// Sends a form; status and body.
async fn send(app: &TestApp, path: &str, kind: &str, body: String) -> (u16, String) {
    let request = app.http.post(format!("{}{path}", app.url)).header("content-type", kind).body(body);
    let answer = request.send().await.unwrap();
    let cache = answer.headers()["cache-control"].to_str().unwrap().to_owned();
    assert!(cache.contains("no-store"), "{cache}");
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn logout(app: &TestApp, token: &str) -> u16 {
    let form =
        reqwest::Url::parse_with_params("http://x/", &[("logout_token", token), ("more", "is ignored")]);
    let form = form.unwrap().query().unwrap().to_owned();
    let (status, body) = send(app, PATH, "application/x-www-form-urlencoded", form).await;
    match status {
        200 => assert_eq!(body, ""),
        _ => assert_eq!((status, body.as_str()), (400, REFUSED)),
    }
    status
}

const REFUSED: &str = r#"{"error":"invalid_request","error_description":"the logout token is not right, or logging out failed"}"#;

/// What a right provider says: subject and session, where they are named.
fn says(app: &TestApp, issuer: &Issuer, id: &str, subject: Option<&str>, session: Option<&str>) -> Value {
    let now = app.now().as_second();
    let mut claims = json!({
        "iss": issuer.url, "aud": "suimon", "iat": now, "exp": now + 120, "jti": id, "events": { EVENT: {} },
    });
    for (name, value) in [("sub", subject), ("sid", session)] {
        if let Some(value) = value {
            claims[name] = value.into();
        }
    }
    claims
}

/// Entries of this action, in order: the object's kind and the detail.
async fn entries(app: &TestApp, action: &str) -> Vec<Value> {
    let database = Database::connect(app.owner_url()).await.unwrap();
    let rows = Entity::find()
        .filter(Column::Action.eq(action))
        .filter(Column::Actor.eq("system:logout at a provider"))
        .order_by_asc(Column::Seq);
    let rows = rows.all(&database).await.unwrap();
    rows.into_iter().map(|row| serde_json::from_str(&row.detail).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_at_the_provider_ends_what_came_from_that_session() {
    let provider = Provider::start();
    let (app, _folder) = service(&[("corp", &provider.issuer, "")], &[]).await;
    provider.sends_to(&app).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &provider.issuer, "of-17").await;
    let (mut here, mut elsewhere) = (Person::new(&app), Person::new(&app));
    for person in [&mut here, &mut elsewhere] {
        assert_eq!(person.through("corp", "sign_in", OFFICER).await.0, 200);
        assert!(person.browser.is_in().await);
    }
    let mut by_password = Browser::signed_in(&app, &officer.login).await;
    here.logs_out_at(&provider).await;
    assert_eq!(provider.told(&app).await, "done");
    assert!(!here.browser.is_in().await, "ended with the provider's session");
    assert!(elsewhere.browser.is_in().await, "another session of the provider");
    assert!(by_password.is_in().await, "it did not come from there");
    assert_eq!(
        entries(&app, "session.close").await,
        [json!({ "by": "provider", "provider": "corp", "sessions": 1 })]
    );
    assert_eq!(
        entries(&app, "session.provider_logout").await,
        [json!({ "provider": "corp", "sessions": 1 })]
    );
    // Half done: after the return, and before the code of the app.
    let mut returned = Person::new(&app);
    let location = returned.begin("corp", "sign_in").await;
    let (path, _) = returned.at_provider(&location, OFFICER).await;
    assert_eq!(returned.browser.navigate(&path).await.0, 303);
    returned.logs_out_at(&provider).await;
    assert_eq!(provider.told(&app).await, "done");
    assert_eq!(returned.finish(json!({})).await.0, 401);
    // Signing in again is another session of the provider's.
    assert_eq!(here.through("corp", "sign_in", OFFICER).await.0, 200);
    // Enrolling ends that session and opens another one, which came from the same place.
    here.browser.enrol(&app).await;
    assert!(here.browser.is_in().await);
    assert!(!elsewhere.browser.is_in().await, "as ever when a second factor is enrolled");
    let mut awaited = Person::new(&app);
    let (status, body) = awaited.through("corp", "sign_in", OFFICER).await;
    assert_eq!((status, &body["secondFactor"]), (200, &json!("code")), "{body}");
    awaited.logs_out_at(&provider).await;
    let code = json!({ "code": here.browser.code(&app) });
    assert_eq!(awaited.browser.post("/auth/second-factor", code).await.0, 401, "the step ended");
    assert!(here.browser.is_in().await);
    here.logs_out_at(&provider).await;
    assert!(!here.browser.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_names_people_only_ends_all_that_came_from_there() {
    let provider = Provider::naming_people();
    let (app, _folder) = service(&[("corp", &provider.issuer, "")], &[]).await;
    provider.sends_to(&app).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let other = app.operator_member(Role::Auditor).await;
    link(&app, &officer.account, &provider.issuer, "of-17").await;
    link(&app, &other.account, &provider.issuer, "au-1").await;
    let (mut here, mut elsewhere, mut another) = (Person::new(&app), Person::new(&app), Person::new(&app));
    assert_eq!(here.through("corp", "sign_in", OFFICER).await.0, 200);
    assert_eq!(elsewhere.through("corp", "sign_in", OFFICER).await.0, 200);
    assert_eq!(another.through("corp", "sign_in", &[("login", "au-1")]).await.0, 200);
    let mut by_password = Browser::signed_in(&app, &officer.login).await;
    here.logs_out_at(&provider).await;
    assert_eq!(provider.told(&app).await, "done");
    assert!(!here.browser.is_in().await && !elsewhere.browser.is_in().await, "both of the person");
    assert!(another.browser.is_in().await, "somebody else");
    assert!(by_password.is_in().await, "it did not come from there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_that_is_not_right_ends_nothing() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let (app, _folder) = service(&[("corp", &issuer.url, EDDSA), ("other", &other.url, EDDSA)], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &issuer.url, "subject-1").await;
    let mut person = Person::new(&app);
    let sid = |claims: &mut Value| claims["sid"] = json!("s-1");
    assert_eq!(come(&app, &issuer, &mut person, "sign_in", sid).await.0, 200);
    let right = says(&app, &issuer, "t-1", Some("subject-1"), Some("s-1"));
    let now = app.now().as_second();
    let changed = |name: &str, value: Value| {
        let mut claims = right.clone();
        claims[name] = value;
        signed(&claims, 1, "one")
    };
    let without = |name: &str| {
        let mut claims = right.clone();
        claims.as_object_mut().unwrap().remove(name);
        signed(&claims, 1, "one")
    };
    let head = |header: Value| headed(&header, &right, 1);
    let genuine = signed(&right, 1, "one");
    let nobody = {
        let mut claims = right.clone();
        claims.as_object_mut().unwrap().retain(|name, _| name != "sub" && name != "sid");
        signed(&claims, 1, "one")
    };
    let swapped = {
        let parts: Vec<&str> = genuine.split('.').collect();
        let other = signed(&says(&app, &issuer, "t-2", Some("subject-1"), None), 1, "one");
        format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2])
    };
    let wrong: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("nonsense", "nonsense".into()),
        ("four parts", format!("{genuine}.x")),
        ("signed by nobody", unsigned(&right)),
        ("without its signature", genuine.rsplit_once('.').unwrap().0.to_owned() + "."),
        ("signed by the client's secret", by_secret(&right, CLIENT_SECRET.as_bytes())),
        ("signed by another key", signed(&right, 2, "one")),
        ("signed by a key that is not told", signed(&right, 2, "two")),
        ("changed after it was signed", swapped),
        ("another algorithm in the head", head(json!({ "alg": "ES256", "kid": "one" }))),
        ("none in the head", head(json!({ "alg": "none", "kid": "one" }))),
        ("no algorithm", head(json!({ "kid": "one" }))),
        ("an access token", head(json!({ "alg": "EdDSA", "kid": "one", "typ": "at+jwt" }))),
        ("a nested token", head(json!({ "alg": "EdDSA", "kid": "one", "cty": "JWT" }))),
        ("a critical header", head(json!({ "alg": "EdDSA", "kid": "one", "crit": ["b64"], "b64": false }))),
        ("of another issuer", changed("iss", json!(other.url))),
        ("of no issuer", without("iss")),
        ("for another client", changed("aud", json!("another"))),
        ("for another client too", changed("aud", json!(["suimon", "another"]))),
        ("for nobody", changed("aud", json!([]))),
        ("for no one named", without("aud")),
        ("over", changed("exp", json!(now))),
        ("with an end that is none", changed("exp", json!("soon"))),
        ("with an empty end", changed("exp", Value::Null)),
        ("issued long ago", changed("iat", json!(now - 361))),
        ("issued in the future", changed("iat", json!(now + 61))),
        ("never issued", without("iat")),
        ("without a name", without("jti")),
        ("with an empty name", changed("jti", json!(""))),
        ("with a name that is a number", changed("jti", json!(1))),
        ("with a name without end", changed("jti", json!("t".repeat(256)))),
        ("without its event", without("events")),
        ("of another event", changed("events", json!({ "http://schemas.openid.net/event/other": {} }))),
        ("of an event that is text", changed("events", json!({ EVENT: "yes" }))),
        ("of an event that is null", changed("events", json!({ EVENT: null }))),
        ("of events that are a list", changed("events", json!([EVENT]))),
        ("of an event at a longer address", changed("events", json!({ format!("{EVENT}/"): {} }))),
        ("with a nonce", changed("nonce", json!("n"))),
        ("with an empty nonce", changed("nonce", Value::Null)),
        ("of nobody", nobody),
        ("of a subject that is a number", changed("sub", json!(1))),
        ("of a subject that is null", changed("sub", Value::Null)),
        ("of an empty session", changed("sid", json!(""))),
        ("of a session without end", changed("sid", json!("s".repeat(256)))),
        ("too long", changed("more", json!("x".repeat(8 << 10)))),
        ("an id token", signed(&issuer.claims("n", now), 1, "one")),
    ];
    for (why, token) in &wrong {
        assert_eq!(logout(&app, token).await, 400, "{why}");
    }
    assert!(person.browser.is_in().await, "none of them ended it");
    // The request itself.
    let form = "application/x-www-form-urlencoded";
    for (why, path, kind, body) in [
        ("as JSON", PATH, "application/json", json!({ "logout_token": genuine }).to_string()),
        ("as text", PATH, "text/plain", format!("logout_token={genuine}")),
        ("twice", PATH, form, format!("logout_token={genuine}&logout_token={genuine}")),
        ("under another name", PATH, form, format!("token={genuine}")),
        ("too much", PATH, form, format!("more={}&logout_token={genuine}", "x".repeat(16 << 10))),
        ("of no provider", "/auth/oidc/backchannel-logout/none", form, format!("logout_token={genuine}")),
        (
            "of another provider",
            "/auth/oidc/backchannel-logout/other",
            form,
            format!("logout_token={genuine}"),
        ),
    ] {
        assert_eq!(send(&app, path, kind, body).await, (400, REFUSED.into()), "{why}");
    }
    let address = format!("{}{PATH}?logout_token={genuine}", app.url);
    assert_eq!(app.http.get(address).send().await.unwrap().status(), 405, "as a navigation");
    assert!(person.browser.is_in().await);
    assert_eq!(entries(&app, "session.provider_logout").await, [json!(null); 0], "strangers write nothing");
    // Not that it would never have been taken.
    let typed = headed(&json!({ "alg": "EdDSA", "kid": "one", "typ": "logout+jwt" }), &right, 1);
    assert_eq!(logout(&app, &typed).await, 200);
    assert!(!person.browser.is_in().await);
    // Once: whoever comes again under the same person is not thrown out by the old token, whatever its head.
    let other_sid = |claims: &mut Value| claims["sid"] = json!("s-2");
    assert_eq!(come(&app, &issuer, &mut person, "sign_in", other_sid).await.0, 200);
    for token in [&typed, &genuine] {
        assert_eq!(logout(&app, token).await, 400);
    }
    assert!(person.browser.is_in().await);
    let told = entries(&app, "session.provider_logout").await;
    assert_eq!(
        told,
        [json!({ "provider": "corp", "sessions": 1 }), json!({ "why": "used" }), json!({ "why": "used" })]
    );
    // Nobody who is here: done all the same. Tokens that say less: older providers have no end and no type.
    for (id, subject, session) in [
        ("t-3", Some("subject-2"), None),
        ("t-4", None, Some("s-1")),
        ("t-5", Some("subject-2"), Some("s-2")),
    ] {
        let mut claims = says(&app, &issuer, id, subject, session);
        claims.as_object_mut().unwrap().remove("exp");
        assert_eq!(logout(&app, &signed(&claims, 1, "one")).await, 200, "{id}");
    }
    assert!(person.browser.is_in().await, "somebody else's, and a session of somebody else's");
    assert_eq!(logout(&app, &signed(&says(&app, &issuer, "t-6", None, Some("s-2")), 1, "one")).await, 200);
    assert!(!person.browser.is_in().await, "by the session alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_finds_every_tenant_and_the_sessions_that_moved() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, EDDSA)], &[]).await;
    let school = app.tenant("school-001").await;
    let (staff, officer) =
        (app.member(&school, Role::TenantStaff).await, app.operator_member(Role::ComplianceOfficer).await);
    link(&app, &staff.account, &issuer.url, "subject-1").await;
    link(&app, &officer.account, &issuer.url, "subject-2").await;
    let of = |subject: &'static str, session: Option<&'static str>| {
        move |claims: &mut Value| {
            claims["sub"] = json!(subject);
            if let Some(session) = session {
                claims["sid"] = json!(session);
            }
        }
    };
    let (mut teacher, mut unnamed, mut person) = (Person::new(&app), Person::new(&app), Person::new(&app));
    assert_eq!(come(&app, &issuer, &mut teacher, "sign_in", of("subject-1", Some("s-1"))).await.0, 200);
    // Of a session that the provider did not name when it came.
    assert_eq!(come(&app, &issuer, &mut unnamed, "sign_in", of("subject-1", None)).await.0, 200);
    assert_eq!(come(&app, &issuer, &mut person, "sign_in", of("subject-2", Some("s-1"))).await.0, 200);
    let token = says(&app, &issuer, "t-1", Some("subject-1"), Some("s-1"));
    assert_eq!(logout(&app, &signed(&token, 1, "one")).await, 200);
    assert!(!teacher.browser.is_in().await && !unnamed.browser.is_in().await, "what is not known ends too");
    assert!(person.browser.is_in().await, "another subject");
    let database = Database::connect(app.owner_url()).await.unwrap();
    let closed = Entity::find().filter(Column::Action.eq("session.close")).all(&database).await.unwrap();
    let tenant = entity::tenant::Entity::find()
        .filter(entity::tenant::Column::Slug.eq("school-001"))
        .one(&database)
        .await
        .unwrap()
        .unwrap();
    let closed: Vec<_> = closed.into_iter().map(|entry| entry.tenant_id).collect();
    assert_eq!(closed, [tenant.id], "in the chain of the school");

    // Fresh proof in a newer session of the provider's: with that one it ends.
    assert_eq!(
        come(&app, &issuer, &mut person, "re_authenticate", of("subject-2", Some("s-2"))).await.0,
        204
    );
    assert_eq!(logout(&app, &signed(&says(&app, &issuer, "t-2", None, Some("s-1")), 1, "one")).await, 200);
    assert!(person.browser.is_in().await);
    assert_eq!(logout(&app, &signed(&says(&app, &issuer, "t-3", None, Some("s-2")), 1, "one")).await, 200);
    assert!(!person.browser.is_in().await);
    // A session by password with fresh proof from there did not come from there.
    let mut person = Person::with(Browser::signed_in(&app, &officer.login).await);
    assert_eq!(
        come(&app, &issuer, &mut person, "re_authenticate", of("subject-2", Some("s-4"))).await.0,
        204
    );
    assert_eq!(
        logout(&app, &signed(&says(&app, &issuer, "t-4", Some("subject-2"), None), 1, "one")).await,
        200
    );
    assert!(person.browser.is_in().await);
    // Logged out before the browser came back: what was begun before opens nothing, whether session or person was named.
    app.clock.advance(1);
    for (id, subject, session) in [("t-5", None, Some("s-5")), ("t-6", Some("subject-2"), None)] {
        let mut late = Person::new(&app);
        let location = late.begin("corp", "sign_in").await;
        app.clock.advance(1);
        assert_eq!(logout(&app, &signed(&says(&app, &issuer, id, subject, session), 1, "one")).await, 200);
        let answer = come_back(&app, &issuer, &mut late, &location, of("subject-2", Some("s-5"))).await;
        assert_eq!(answer.0, 401, "{id}");
        // What is begun after it is another sign-in, also where the provider keeps the name of its session.
        app.clock.advance(1);
        let answer = come(&app, &issuer, &mut late, "sign_in", of("subject-2", Some("s-5"))).await;
        assert_eq!(answer.0, 200, "{id}");
    }
    let late = "logged out at the provider meanwhile";
    assert_eq!(denials(&app).await, [late, late]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_logout_tokens_are_fetched_as_those_of_sign_ins() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, EDDSA)], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &issuer.url, "subject-1").await;
    let mut person = Person::new(&app);
    assert_eq!(come(&app, &issuer, &mut person, "sign_in", |_| ()).await.0, 200);
    app.clock.advance(6);
    let asked = || issuer.says.lock().unwrap().asked.0;
    let before = asked();
    issuer.says.lock().unwrap().keys = vec![(3, "three")];
    // A flood of them.
    let tokens: Vec<String> = (0..60)
        .map(|id| signed(&says(&app, &issuer, &format!("t-{id}"), Some("subject-1"), None), 4, "four"))
        .collect();
    let answers = futures::future::join_all(tokens.iter().map(|token| logout(&app, token))).await;
    assert!(answers.iter().all(|status| *status == 400));
    assert_eq!(asked() - before, 1, "not for each key of somebody's own invention");
    assert!(person.browser.is_in().await);
    let token = says(&app, &issuer, "t-99", Some("subject-1"), None);
    assert_eq!(logout(&app, &signed(&token, 1, "one")).await, 400, "the old key is worth nothing");
    // Two keys that both fit: nobody can say which one is meant.
    let unnamed = headed(&json!({ "alg": "EdDSA" }), &token, 3);
    issuer.says.lock().unwrap().keys = vec![(3, "three"), (5, "five")];
    app.clock.advance(6);
    assert_eq!(logout(&app, &signed(&token, 5, "six")).await, 400);
    assert_eq!(logout(&app, &unnamed).await, 400, "ambiguous");
    assert!(person.browser.is_in().await);
    assert_eq!(logout(&app, &signed(&token, 3, "three")).await, 200);
    assert!(!person.browser.is_in().await);
    // A provider that does not answer, of whom nothing is known: refused, nothing is believed.
    let (fresh, _folder) = service(&[("corp", &issuer.url, EDDSA)], &[]).await;
    issuer.says.lock().unwrap().discovery = Some(|| axum::response::IntoResponse::into_response("{}"));
    let token = says(&fresh, &issuer, "t-10", Some("subject-1"), None);
    assert_eq!(logout(&fresh, &signed(&token, 3, "three")).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_ends_what_does_not_know_where_it_came_from() {
    use migration::{Migrator, MigratorTrait};
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, EDDSA)], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &issuer.url, "subject-1").await;
    let mut person = Person::new(&app);
    assert_eq!(come(&app, &issuer, &mut person, "sign_in", |_| ()).await.0, 200);
    let mut by_password = Browser::signed_in(&app, &officer.login).await;
    // Back to the version before, as it would have stored both, and forward again.
    let owner = Database::connect(app.owner_url()).await.unwrap();
    let all = Migrator::migrations();
    let later = all.iter().rev().position(|one| one.name() == "m20231126_000025_oidc_logout").unwrap();
    Migrator::down(&owner, Some(u32::try_from(later).unwrap() + 1)).await.unwrap();
    let mut config = app.app.config().database.clone();
    if !app.owner_url().starts_with("sqlite:") {
        config.migrate_url = suimon::config::Secret::new(app.owner_url().to_owned());
    }
    assert_eq!(suimon::storage::migrate_as_owner(&config).await.unwrap(), later + 1);
    assert!(!person.browser.is_in().await, "nobody could end it by a logout there");
    assert!(by_password.is_in().await);
    assert_eq!(come(&app, &issuer, &mut person, "sign_in", |_| ()).await.0, 200);
    let token = says(&app, &issuer, "t-1", Some("subject-1"), None);
    assert_eq!(logout(&app, &signed(&token, 1, "one")).await, 200);
    assert!(!person.browser.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_and_a_logout_at_the_same_moment_leave_no_session() {
    let issuer = Issuer::start().await;
    let (app, _folder) = service(&[("corp", &issuer.url, EDDSA)], &[]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    link(&app, &officer.account, &issuer.url, "subject-1").await;
    let (mut opened, mut refused) = (0, 0);
    for round in 0..40_u64 {
        let mut person = Person::new(&app);
        let location = person.begin("corp", "sign_in").await;
        let sid = format!("s-{round}");
        let (subject, session) =
            if round % 2 == 0 { (Some("subject-1"), None) } else { (None, Some(sid.as_str())) };
        let token = signed(&says(&app, &issuer, &format!("t-{round}"), subject, session), 1, "one");
        let late = async {
            // Each time at another place of the other one's way.
            tokio::time::sleep(std::time::Duration::from_millis(round)).await;
            logout(&app, &token).await
        };
        let named = |claims: &mut Value| claims["sid"] = json!(sid);
        let ((status, _), told) = tokio::join!(come_back(&app, &issuer, &mut person, &location, named), late);
        assert_eq!(told, 200, "{round}");
        assert!(!person.browser.is_in().await, "{round}: finishing was answered {status}");
        (opened, refused) = if status == 200 { (opened + 1, refused) } else { (opened, refused + 1) };
        app.clock.advance(1);
    }
    eprintln!("{opened} were opened and ended, {refused} were refused");
}
