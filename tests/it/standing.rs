//! How requirements stand when what is around them changes: their estimate, their collectors, their exceptions, time.

use jiff::SignedDuration;
use serde_json::{Value, json};
use suimon::access::Role;
use suimon::clock::{Clock, SystemClock};

use crate::harness::{Member, TestApp, text};
use crate::registry::{LOAD, PROBE, approve, estimate, exception, fingerprint, record, status};
use crate::requirements::{CACHING, SYSTEM, apply, enforced, lines, with};
use crate::vault_support::run;

/// A service whose clock is behind the machine's, which the command line reads.
async fn behind(hours: i64) -> TestApp {
    TestApp::beginning(SystemClock.now() - SignedDuration::from_hours(hours), None, &[]).await
}

/// What the export says of a requirement: score and confidence.
fn attested(app: &TestApp, requirement: &str) -> (Value, Value) {
    let (code, out, error) = run(app, &["attest", "cyclonedx", "--system", "shop"]);
    assert_eq!(code, 0, "{error}");
    let bom: Value = serde_json::from_str(&out).expect("JSON");
    let attestations = bom["declarations"]["attestations"].as_array().expect("attestations");
    let mut entries = attestations.iter().flat_map(|one| one["map"].as_array().expect("a map"));
    let entry = entries.find(|entry| entry["requirement"] == format!("requirement:{requirement}"));
    let entry = entry.unwrap_or_else(|| panic!("{out}"));
    (entry["conformance"]["score"].clone(), entry["confidence"]["score"].clone())
}

async fn figure(member: &Member, at: &str) -> f64 {
    let query =
        "query($at: Instant!) { requirements(system: \"shop\", at: $at) { nodes { threshold { figure } } } }";
    let answer = member.gql_with(query, json!({ "at": at })).await;
    answer["data"]["requirements"]["nodes"][0]["threshold"]["figure"].as_f64().expect("a figure")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passed_fails_when_the_estimate_asks_for_more() {
    let app = behind(1).await;
    let admin = app.admin();
    let (few, said) = (estimate(), with(LOAD, "NFR-LOAD", "NFR-SAID"));
    let set = [("system.yaml", SYSTEM), ("estimate.yaml", &*few), ("load.yaml", LOAD), ("said.yaml", &*said)];
    apply(&admin, &set, "ordering", false).await;
    let before = app.now().to_string();
    let asked = figure(&admin, &before).await;
    let approver = app.operator_member(Role::Approver).await;
    let seen = fingerprint(&app, "REQUIREMENT", "NFR-LOAD").await;
    approve(&approver, "REQUIREMENT", "NFR-LOAD", 1, &seen).await;
    let measured = json!({ "requirement": "NFR-LOAD", "collector": "load-test", "observed": asked * 1.1 });
    assert_eq!(record(&admin, measured).await["result"], "PASS");
    let word = json!({ "requirement": "NFR-SAID", "collector": "load-test", "result": "PASS" });
    assert_eq!(record(&admin, word).await["result"], "PASS");
    let now = status(&admin, "NFR-LOAD").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("CURRENT"), &json!("PASS")), "{now}");
    assert_eq!(now["approval"], json!({ "note": "seen" }));
    assert_eq!(attested(&app, "NFR-SAID"), (json!(1.0), json!(1.0)));
    // Many more people are expected; nobody touched the requirement.
    app.clock.advance(60);
    let more = with(&few, "population: 270000", "population: 900000");
    let applied = apply(&admin, &[("estimate.yaml", &more)], "more come", false).await;
    assert_eq!(lines(&applied), ["ESTIMATE EST-OPENING-DAY UPDATE 2"]);
    let now = status(&admin, "NFR-LOAD").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("CURRENT"), &json!("FAIL")), "{now}");
    assert_eq!(now["drift"].as_array().map(Vec::len), Some(1), "{now}");
    assert_eq!(now["evidence"][0]["result"], "PASS", "what was recorded stays as it is: {now}");
    assert_eq!(now["approval"], Value::Null, "somebody approved another number");
    // What was only said to pass, passed another number.
    let now = status(&admin, "NFR-SAID").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("STALE"), &Value::Null), "{now}");
    assert_eq!(attested(&app, "NFR-LOAD"), (json!(0.0), json!(1.0)));
    assert_eq!(attested(&app, "NFR-SAID"), (Value::Null, json!(0.5)));
    // What was asked for then is still what was asked for then.
    assert!((figure(&admin, &before).await - asked).abs() < 1e-6);
    assert!(figure(&admin, &app.now().to_string()).await > asked * 1.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_what_the_status_says() {
    let app = behind(2).await;
    let admin = app.admin();
    let set = [("system.yaml", SYSTEM), ("caching.yaml", &*enforced()), ("probe.yaml", PROBE)];
    apply(&admin, &set, "ordering", false).await;
    for collector in ["PRB-CANARY", "reviewer"] {
        let seen = json!({ "requirement": "NFR-CACHE", "collector": collector, "observed": 0 });
        assert_eq!(record(&admin, seen).await["result"], "PASS");
    }
    // Of the two the probe has fallen silent an hour ago.
    app.clock.advance(2 * 3600);
    assert_eq!(status(&admin, "NFR-CACHE").await["standing"], "EXPIRED");
    assert_eq!(attested(&app, "NFR-CACHE"), (Value::Null, json!(0.5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looked_once_may_leave() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let set = [("system.yaml", SYSTEM), ("caching.yaml", &*enforced()), ("probe.yaml", PROBE)];
    apply(&admin, &set, "ordering", false).await;
    let until = (app.now() + SignedDuration::from_hours(1)).to_string();
    for (collector, until) in [("PRB-CANARY", None), ("auditor-2026", Some(&until)), ("reviewer", None)] {
        let seen =
            json!({ "requirement": "NFR-CACHE", "collector": collector, "observed": 0, "expiresAt": until });
        assert_eq!(record(&admin, seen).await["result"], "PASS");
    }
    app.clock.advance(2 * 3600);
    assert_eq!(status(&admin, "NFR-CACHE").await["standing"], "EXPIRED", "the probe says nothing any more");
    // Nobody expects a probe that was withdrawn, and an audit is over when it is over.
    let withdraw =
        "mutation { withdrawManifest(kind: PROBE, name: \"PRB-CANARY\", reason: \"gone\") { __typename } }";
    assert_eq!(admin.gql(withdraw).await["data"]["withdrawManifest"]["__typename"], "ManifestChange");
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("CURRENT"), &json!("PASS")), "{now}");
    app.clock.advance(91 * 24 * 3600);
    // Whoever signed in before is signed out by then.
    let admin = app.renewed(&admin).await;
    assert_eq!(status(&admin, "NFR-CACHE").await["standing"], "EXPIRED", "nothing of it counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn collectors_of_versions_before_take_no_place() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("caching.yaml", &enforced())], "ordering", false).await;
    let seen = |number: usize| json!({ "requirement": "NFR-CACHE", "collector": format!("audit-{number}"), "observed": 0 });
    for number in 0..50 {
        assert_eq!(record(&admin, seen(number)).await["result"], "PASS");
    }
    assert_eq!(record(&admin, seen(50)).await["code"], "LIMIT_EXCEEDED");
    app.clock.advance(1);
    let changed = with(&enforced(), "Not stored", "Never stored");
    apply(&admin, &[("caching.yaml", &changed)], "clearer", false).await;
    assert_eq!(record(&admin, seen(50)).await["result"], "PASS");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_is_from_what_was_approved_and_no_more() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let narrow = with(&enforced(), "target: routes:personal", "target: route:account");
    let stated = exception(&(app.now() + SignedDuration::from_hours(480)).to_string());
    let set = [("system.yaml", SYSTEM), ("caching.yaml", &*narrow), ("exception.yaml", &*stated)];
    apply(&admin, &set, "moving", false).await;
    let approver = app.operator_member(Role::Approver).await;
    let seen = fingerprint(&app, "EXCEPTION", "EXC-1").await;
    approve(&approver, "EXCEPTION", "EXC-1", 1, &seen).await;
    let list = "{ exceptions(system: \"shop\") { nodes { holds } } exception(name: \"EXC-1\") { holds } }";
    let both = |holds: bool| json!({ "exceptions": { "nodes": [{ "holds": holds }] }, "exception": { "holds": holds } });
    assert_eq!(admin.gql(list).await["data"], both(true));
    // Now the requirement is about more, and so would be what is not kept.
    app.clock.advance(60);
    apply(&admin, &[("caching.yaml", &enforced())], "wider", false).await;
    assert_eq!(admin.gql(list).await["data"], both(false));
    assert_eq!(status(&admin, "NFR-CACHE").await["exceptions"], json!([]));
    let other = with(&stated, "Being moved", "All of it is being moved");
    apply(&admin, &[("exception.yaml", &other)], "all of it", false).await;
    let seen = fingerprint(&app, "EXCEPTION", "EXC-1").await;
    approve(&approver, "EXCEPTION", "EXC-1", 2, &seen).await;
    assert_eq!(admin.gql(list).await["data"], both(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_exception_that_holds_answers_for_what_is_only_watched() {
    let app = TestApp::new().await;
    let admin = app.admin();
    // Watched only; the exception leaves the mode as it is.
    let stated = exception(&(app.now() + SignedDuration::from_hours(48)).to_string());
    let stated = with(&stated, "  mode: audit\n", "");
    let set = [("system.yaml", SYSTEM), ("caching.yaml", CACHING), ("exception.yaml", &*stated)];
    apply(&admin, &set, "moving", false).await;
    let spots = || async {
        let answer = admin.gql("{ system(name: \"shop\") { blindSpots { gap } } }").await;
        let spots = answer["data"]["system"]["blindSpots"].as_array().cloned();
        spots.unwrap_or_else(|| panic!("{answer}")).contains(&json!({ "gap": "BINDING_NOT_ENFORCED" }))
    };
    assert!(spots().await, "nobody approved it");
    let approver = app.operator_member(Role::Approver).await;
    let seen = fingerprint(&app, "EXCEPTION", "EXC-1").await;
    approve(&approver, "EXCEPTION", "EXC-1", 1, &seen).await;
    assert!(!spots().await);
    let then = app.now().to_string();
    app.clock.advance(48 * 3600);
    assert!(spots().await, "it is over");
    // As it was then.
    let query = "query($at: Instant!) { systems(at: $at, first: 1) { nodes { blindSpots { gap } } } }";
    let answer = admin.gql_with(query, json!({ "at": then })).await;
    let spots = answer["data"]["systems"]["nodes"][0]["blindSpots"].as_array().expect("gaps");
    assert!(!spots.contains(&json!({ "gap": "BINDING_NOT_ENFORCED" })), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_before_a_version_says_nothing_of_it() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("caching.yaml", CACHING)], "ordering", false).await;
    app.clock.advance(3600);
    let looked = app.now();
    app.clock.advance(3600);
    apply(&admin, &[("caching.yaml", &enforced())], "strictly", false).await;
    let seen = |observed: i32, at: jiff::Timestamp, fingerprint: Option<&str>| {
        json!({ "requirement": "NFR-CACHE", "collector": "reviewer", "observed": observed,
                "observedAt": at.to_string(), "fingerprint": fingerprint })
    };
    let refused = record(&admin, seen(0, looked, None)).await;
    assert_eq!(refused["code"], "CONFLICT", "{refused}");
    assert!(text(&refused["remedy"]).contains("fingerprint"), "{refused}");
    assert_eq!(status(&admin, "NFR-CACHE").await["standing"], "UNKNOWN");
    // Whoever tried the version before it came into force names it.
    let version = fingerprint(&app, "REQUIREMENT", "NFR-CACHE").await;
    assert_eq!(record(&admin, seen(0, looked, Some(&version))).await["result"], "PASS");
    // What is told late does not hide what was seen since.
    app.clock.advance(3600);
    let then = app.now();
    app.clock.advance(3600);
    assert_eq!(record(&admin, seen(3, app.now(), None)).await["result"], "FAIL");
    assert_eq!(record(&admin, seen(0, then, None)).await["result"], "PASS");
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("CURRENT"), &json!("FAIL")), "{now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requirement_of_then_has_no_status_of_now() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("caching.yaml", CACHING)], "ordering", false).await;
    let then = app.now().to_string();
    app.clock.advance(3600);
    let withdraw =
        "mutation { withdrawManifest(kind: REQUIREMENT, name: \"NFR-CACHE\", reason: \"r\") { __typename } }";
    assert_eq!(admin.gql(withdraw).await["data"]["withdrawManifest"]["__typename"], "ManifestChange");
    let query = "query($at: Instant!) { requirements(at: $at) { nodes { name status { standing } } } }";
    let answer = admin.gql_with(query, json!({ "at": then })).await;
    assert_eq!(
        answer["data"]["requirements"]["nodes"],
        json!([{ "name": "NFR-CACHE", "status": null }]),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_in_a_pipeline_says_what_it_saw_and_no_more() {
    let app = TestApp::new().await;
    apply(&app.admin(), &[("system.yaml", SYSTEM), ("caching.yaml", &enforced())], "ordering", false).await;
    let pipeline = app.operator_member(Role::Service).await;
    let seen = json!({ "requirement": "NFR-CACHE", "collector": "pipeline", "observed": 0 });
    assert_eq!(record(&pipeline, seen).await["result"], "PASS");
    let stated = apply(&pipeline, &[("caching.yaml", CACHING)], "weaker", false).await;
    assert_eq!(stated["code"], "FORBIDDEN", "{stated}");
    let version = fingerprint(&app, "REQUIREMENT", "NFR-CACHE").await;
    assert_eq!(approve(&pipeline, "REQUIREMENT", "NFR-CACHE", 1, &version).await["code"], "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_inside_lists_have_their_price() {
    let app = TestApp::new().await;
    for query in [
        "{ requirementStatuses(first: 200) { nodes { evidence { collector } } } }",
        "{ requirementStatuses(first: 200) { nodes { drift { metric } } } }",
        "{ requirementStatuses(first: 200) { nodes { exceptions { name } } } }",
        "{ systems(first: 50) { nodes { blindSpots { gap } } } }",
    ] {
        let answer = app.admin().gql(query).await;
        assert!(
            answer["data"].is_null() && answer["errors"].to_string().contains("LIMIT_EXCEEDED"),
            "{query}: {answer}"
        );
    }
    let one = "{ requirementStatuses(first: 20) { nodes { evidence { collector } } } }";
    assert!(app.admin().gql(one).await["errors"].is_null());
}
