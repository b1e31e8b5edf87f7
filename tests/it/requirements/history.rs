//! Which rule was in force when, and that nobody rewrites it.

use sea_orm::{ConnectionTrait, Database, DbBackend};
use serde_json::{Value, json};
use suimon::requirements::manifest::{Mode, Protection};
use suimon::requirements::{require_system, requirement_in_force, requirements_in_force, system_in_force};

use super::{CACHING, SYSTEM, apply, enforced, lines, plan, problems, versions, with};
use crate::harness::TestApp;

async fn in_force(app: &TestApp, kind: &str, name: &str, at: &str) -> Value {
    let query = "query($kind: ManifestKind!, $name: String!, $at: Instant!) {
        inForce(kind: $kind, name: $name, at: $at) { version manifest } }";
    let answer = app.admin().gql_with(query, json!({ "kind": kind, "name": name, "at": at })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["inForce"].clone()
}

/// The version of the caching rule at a time of 26 October 2023 in Japan; 0 for none.
async fn caching_at(app: &TestApp, time: &str) -> i64 {
    let at = format!("2023-10-26T{time}+09:00");
    in_force(app, "REQUIREMENT", "NFR-CACHE", &at).await["version"].as_i64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn which_caching_rule_was_in_force_at_eleven() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "before the day", false).await;
    app.clock.set("2023-10-26T15:41:00+09:00".parse().unwrap());
    apply(&admin, &[("r.yaml", &enforced())], "the incident", false).await;
    app.clock.set("2023-10-26T18:00:00+09:00".parse().unwrap());
    let withdraw =
        "mutation { withdrawManifest(kind: REQUIREMENT, name: \"NFR-CACHE\", reason: \"x\") { __typename } }";
    admin.gql(withdraw).await;

    let mut answers = Vec::new();
    for time in ["08:59:59", "09:00:00", "11:00:00", "15:40:59.999999", "15:41:00", "17:59:59", "18:00:00"] {
        answers.push((time, caching_at(&app, time).await));
    }
    assert_eq!(
        answers,
        [
            ("08:59:59", 0),
            ("09:00:00", 1),
            ("11:00:00", 1),
            ("15:40:59.999999", 1),
            ("15:41:00", 2),
            ("17:59:59", 2),
            ("18:00:00", 0)
        ]
    );
    let at_eleven = in_force(&app, "REQUIREMENT", "NFR-CACHE", "2023-10-26T11:00:00+09:00").await;
    assert!(at_eleven["manifest"].as_str().unwrap().contains("\"mode\":\"observe\""), "{at_eleven}");
    let list = "{ requirements(system: \"shop\", at: \"2023-10-26T11:00:00+09:00\") { nodes {
        version { version } enforcement { mode } } } }";
    let listed = admin.gql(list).await;
    let expected = json!([{ "version": { "version": 1 }, "enforcement": { "mode": "OBSERVE" } }]);
    assert_eq!(listed["data"]["requirements"]["nodes"], expected);
    let now = admin.gql("{ requirement(name: \"NFR-CACHE\") { name } }").await;
    assert_eq!(now["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_may_start_later_and_never_earlier() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    let late = with(&enforced(), "spec:", "spec:\n  inForceFrom: 2023-10-26T12:00:00+09:00");
    let set = [("r.yaml", late.as_str())];
    assert_eq!(lines(&apply(&admin, &set, "from noon", false).await), ["REQUIREMENT NFR-CACHE UPDATE 2"]);
    assert_eq!((caching_at(&app, "11:59:59").await, caching_at(&app, "12:00:00").await), (1, 2));

    app.clock.set("2023-10-26T12:30:00+09:00".parse().unwrap());
    assert_eq!(plan(&admin, &set, false).await["pending"], 0, "what is stored stays as it is");
    let edited = with(&late, "Not stored", "Never stored");
    let refused = apply(&admin, &[("r.yaml", &edited)], "edited", false).await;
    insta::assert_snapshot!(problems(&refused), @"r.yaml:5:16: spec.inForceFrom: 2023-10-26T03:00:00Z has passed; a version cannot come into force before it is applied; remove it (then the version is in force as soon as it is applied) or state a later instant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_waits_can_be_overtaken() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let late = with(&enforced(), "spec:", "spec:\n  inForceFrom: 2023-10-26T12:00:00+09:00");
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", &late)], "from noon", false).await;
    assert_eq!(caching_at(&app, "11:00:00").await, 0);
    app.clock.set("2023-10-26T10:00:00+09:00".parse().unwrap());
    let set = [("r.yaml", CACHING)];
    let notes = plan(&admin, &set, false).await["changes"][0]["notes"].clone();
    insta::assert_snapshot!(notes, @r#"["version 1 was to come into force at 2023-10-26T03:00:00Z and never will"]"#);
    apply(&admin, &set, "at once", false).await;
    for (time, version) in [("09:59:59", 0), ("10:00:00", 2), ("12:00:00", 2)] {
        assert_eq!(caching_at(&app, time).await, version, "{time}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_does_not_rewrite_history() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    app.clock.advance(-3600);
    apply(&admin, &[("r.yaml", &enforced())], "by a node whose clock is late", false).await;
    assert_eq!((caching_at(&app, "08:30:00").await, caching_at(&app, "09:00:00").await), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_parts_see_a_new_version_at_once() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let op = suimon::access::act_locally(&app.app, "admin").await.unwrap();
    let school = app.tenant("school-001").await;
    let staff = app.member(&school, suimon::access::Role::TenantStaff).await;
    let customer = suimon::access::act_locally(&app.app, &staff.login).await.unwrap();
    let scope = customer.permit(suimon::access::Action::Read, "subject").await.unwrap();

    let absent = require_system(&scope, "shop").await.unwrap_err().to_string();
    assert_eq!(absent, "system not found; name a system whose manifest is applied and in force");
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    for _ in 0..2 {
        let system = require_system(&scope, "shop").await.unwrap();
        assert_eq!(system.field("customer", "email").unwrap().protection, Protection::Encrypted);
    }
    app.clock.advance(60);
    let renamed = with(SYSTEM, "en: Shop", "en: Department store");
    apply(&admin, &[("s.yaml", &renamed), ("r.yaml", &enforced())], "second", false).await;
    let later = suimon::access::act_locally(&app.app, "admin").await.unwrap();
    let later = later.permit(suimon::access::Action::Read, "requirement").await.unwrap();
    assert_eq!(require_system(&later, "shop").await.unwrap().title.en, "Department store");
    // The operation that began before sees what was in force when it began.
    assert_eq!(require_system(&scope, "shop").await.unwrap().title.en, "Shop");
    assert!(
        system_in_force(&scope, "shop", "2023-10-25T00:00:00Z".parse().unwrap()).await.unwrap().is_none()
    );

    let mode =
        |spec: &suimon::requirements::manifest::RequirementSpec| spec.enforcement.as_ref().unwrap().mode;
    let now = requirement_in_force(&later, "NFR-CACHE", later.at()).await.unwrap().unwrap();
    assert_eq!(mode(&now), Mode::Enforce);
    let then = requirements_in_force(&later, "shop", op.at()).await.unwrap();
    assert_eq!((then.len(), mode(&then[0].spec)), (1, Mode::Observe));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_to_change_a_version() {
    let app = TestApp::new().await;
    apply(&app.admin(), &[("s.yaml", SYSTEM)], "first", false).await;
    let database = Database::connect(app.owner_url()).await.unwrap();
    for sql in ["UPDATE manifest_version SET in_force_from = 0", "DELETE FROM manifest_version"] {
        let error = database.execute_unprepared(sql).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_changed_behind_the_service_is_not_used() {
    let app = TestApp::new().await;
    apply(&app.admin(), &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    let database = Database::connect(app.owner_url()).await.unwrap();
    let switch_off = match database.get_database_backend() {
        DbBackend::Postgres => "ALTER TABLE manifest_version DISABLE TRIGGER ALL",
        _ => "DROP TRIGGER manifest_version_append_only_UPDATE",
    };
    database.execute_unprepared(switch_off).await.unwrap();
    let weaken = "UPDATE manifest_version SET manifest = replace(manifest, 'encrypted', 'plain')";
    database.execute_unprepared(weaken).await.unwrap();
    let answer =
        app.admin().gql("{ system(name: \"shop\") { recordTypes { fields { protection } } } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL", "{answer}");
    let untouched = app.admin().gql("{ requirement(name: \"NFR-CACHE\") { name } }").await;
    assert!(untouched["errors"].is_null(), "{untouched}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_apply_at_once_come_one_after_the_other() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM)], "first", false).await;
    let same: Vec<_> = (0..6).map(|_| apply(&admin, &[("r.yaml", CACHING)], "the same", false)).collect();
    let same = futures::future::join_all(same).await;
    assert_eq!(same.iter().filter(|answer| lines(answer)[0].ends_with("CREATE 1")).count(), 1, "{same:?}");
    assert_eq!(same.iter().filter(|answer| lines(answer)[0].ends_with("UNCHANGED 1")).count(), 5);

    let texts: Vec<_> = (0..6).map(|n| with(CACHING, "en: Not stored", &format!("en: Text {n}"))).collect();
    let sets: Vec<_> = texts.iter().map(|text| [("r.yaml", text.as_str())]).collect();
    let applications = sets.iter().map(|set| apply(&admin, set, "another", false));
    let answers = futures::future::join_all(applications).await;
    let mut numbers: Vec<_> = answers.iter().map(|answer| lines(answer)[0].clone()).collect();
    numbers.sort();
    let expected: Vec<_> = (2..8).map(|n| format!("REQUIREMENT NFR-CACHE UPDATE {n}")).collect();
    assert_eq!(numbers, expected);
    assert_eq!(versions(&app, "REQUIREMENT", "NFR-CACHE").await.len(), 7);

    // One withdraws what another is about to refer to: whoever comes second is told.
    let refers = with(&with(CACHING, "NFR-CACHE", "NFR-B"), "spec:", "spec:\n  dependsOn: [NFR-CACHE]");
    let withdraw =
        "mutation { withdrawManifest(kind: REQUIREMENT, name: \"NFR-CACHE\", reason: \"x\") { __typename } }";
    let set = [("b.yaml", refers.as_str())];
    let (applied, withdrawn) = tokio::join!(apply(&admin, &set, "refers", false), admin.gql(withdraw));
    let applied = applied["__typename"] == "ManifestsApplied";
    let withdrawn = withdrawn["data"]["withdrawManifest"]["__typename"] == "ManifestChange";
    assert!(applied != withdrawn, "exactly one of them: applied {applied}, withdrawn {withdrawn}");
}
