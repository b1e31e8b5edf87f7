//! Exceptions, probes, approvals, evidence, thresholds from estimates, and what nobody has thought of.

use jiff::SignedDuration;
use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::requirements::{CACHING, SYSTEM, apply, enforced, lines, plan, problems, with};

pub const ESTIMATE: &str = include_str!("../../examples/vaccine-booking/manifests/estimate.yaml");
pub const PROBE: &str = "\
apiVersion: suimon/v1
kind: Probe
metadata: { name: PRB-CANARY }
spec:
  system: shop
  check: canary
  verifies: [NFR-CACHE]
  url: https://shop.example.jp
  routes: [account]
  every: PT10M
  validFor: PT1H
";
pub const LOAD: &str = "\
apiVersion: suimon/v1
kind: Requirement
metadata: { name: NFR-LOAD }
spec:
  system: shop
  statement: { ja: 耐える, en: It stands }
  target: system
  metric: answered_requests_per_second
  threshold: { op: gte, value: { estimate: EST-OPENING-DAY, figure: usefulRate, percentile: 95 }, unit: requests/s }
  obligation: MUST
  verification: test
";

pub fn exception(expires: &str) -> String {
    format!(
        "apiVersion: suimon/v1
kind: Exception
metadata: {{ name: EXC-1 }}
spec:
  system: shop
  requirement: NFR-CACHE
  reason: {{ ja: 移行中, en: Being moved }}
  approver: security
  mode: audit
  expires: {expires}
"
    )
}

pub fn estimate() -> String {
    with(ESTIMATE, "system: vaccine-booking", "system: shop")
}

const STATUS: &str = "query($name: String!) { requirement(name: $name) { threshold { value figure unit } status {
    standing result approval { note } exceptions { name holds expires } drift { metric op declared observed unit collector }
    evidence { collector result observed fingerprint observedAt expiresAt } } } }";

pub async fn status(member: &Member, name: &str) -> Value {
    let answer = member.gql_with(STATUS, json!({ "name": name })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["requirement"]["status"].clone()
}

pub async fn record(member: &Member, input: Value) -> Value {
    let query = "mutation($input: EvidenceInput!) { recordEvidence(input: $input) { __typename
        ... on Evidence { collector result observed expiresAt system } ... on Problem { code field message remedy } } }";
    let answer = member.gql_with(query, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["recordEvidence"].clone()
}

/// Kind, name, version and fingerprint of what is approved.
pub async fn approve(member: &Member, kind: &str, name: &str, version: i32, fingerprint: &str) -> Value {
    let query = "mutation($kind: ManifestKind!, $name: String!, $version: Int!, $fingerprint: String!) {
        approveManifest(kind: $kind, name: $name, version: $version, fingerprint: $fingerprint, note: \"seen\") {
        __typename ... on ManifestApproval { name version note } ... on Problem { code message remedy } } }";
    let variables = json!({ "kind": kind, "name": name, "version": version, "fingerprint": fingerprint });
    let answer = member.gql_with(query, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["approveManifest"].clone()
}

pub async fn fingerprint(app: &TestApp, kind: &str, name: &str) -> String {
    text(&crate::requirements::versions(app, kind, name).await[0]["fingerprint"])
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_counts_for_a_version_and_for_a_time() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let set = [("system.yaml", SYSTEM), ("caching.yaml", &enforced()), ("probe.yaml", PROBE)];
    let applied = apply(&admin, &set, "ordering", false).await;
    assert!(lines(&applied).contains(&"PROBE PRB-CANARY CREATE 1".to_owned()), "{applied}");
    assert_eq!(status(&admin, "NFR-CACHE").await["standing"], "UNKNOWN");
    // The measured value decides, and the probe says how long that counts.
    let recorded =
        record(&admin, json!({ "requirement": "NFR-CACHE", "collector": "PRB-CANARY", "observed": 0 })).await;
    let until = app.now() + SignedDuration::from_hours(1);
    assert_eq!((&recorded["result"], &recorded["system"]), (&json!("PASS"), &json!("shop")), "{recorded}");
    assert_eq!(recorded["expiresAt"], until.to_string());
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("CURRENT"), &json!("PASS")), "{now}");
    // Somebody else measures something else: the worst counts, and it is not as declared.
    let failed = json!({ "requirement": "NFR-CACHE", "collector": "reviewer", "observed": 3, "summary": "three pages" });
    app.clock.advance(1);
    assert_eq!(record(&admin, failed).await["result"], "FAIL");
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("CURRENT"), &json!("FAIL")), "{now}");
    assert_eq!(
        now["drift"],
        json!([{ "metric": "shared_cache_stores", "op": "eq", "declared": 0, "observed": 3, "unit": "responses",
                 "collector": "reviewer" }])
    );
    // It was mended; then nobody looks any more.
    app.clock.advance(1);
    let mended = json!({ "requirement": "NFR-CACHE", "collector": "reviewer", "observed": 0 });
    assert_eq!(record(&admin, mended).await["result"], "PASS");
    assert_eq!(status(&admin, "NFR-CACHE").await["drift"], json!([]));
    app.clock.advance(61 * 60);
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("EXPIRED"), &json!("PASS")), "{now}");
    // The requirement changes: what was seen says nothing about the new one, and a check of the old one is refused.
    let before = fingerprint(&app, "REQUIREMENT", "NFR-CACHE").await;
    let changed = with(&enforced(), "Not stored", "Never stored");
    apply(&admin, &[("caching.yaml", &changed)], "clearer", false).await;
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!((&now["standing"], &now["result"]), (&json!("STALE"), &Value::Null), "{now}");
    let late =
        json!({ "requirement": "NFR-CACHE", "collector": "reviewer", "observed": 0, "fingerprint": before });
    assert_eq!(record(&admin, late).await["code"], "CONFLICT");
    // Everything that was seen stays readable.
    let list = "{ requirement(name: \"NFR-CACHE\") { evidence(first: 2) { nodes { result } pageInfo { endCursor hasNextPage } } } }";
    let answer = admin.gql(list).await;
    let page = &answer["data"]["requirement"]["evidence"];
    assert_eq!(page["nodes"], json!([{ "result": "PASS" }, { "result": "FAIL" }]), "{answer}");
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let rest = format!(
        "{{ requirement(name: \"NFR-CACHE\") {{ evidence(after: \"{}\") {{ nodes {{ result }} }} }} }}",
        text(&page["pageInfo"]["endCursor"])
    );
    assert_eq!(
        admin.gql(&rest).await["data"]["requirement"]["evidence"]["nodes"],
        json!([{ "result": "PASS" }])
    );
    let all = "{ requirementStatuses(system: \"shop\") { nodes { requirement { name } standing } } }";
    assert_eq!(
        admin.gql(all).await["data"]["requirementStatuses"]["nodes"],
        json!([{ "requirement": { "name": "NFR-CACHE" }, "standing": "STALE" }])
    );
    assert!(app.verify_audit().await.iter().all(|report| report.faults.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_evidence_is_refused_with_the_field_and_the_remedy() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("caching.yaml", &enforced())], "ordering", false).await;
    let base = || json!({ "requirement": "NFR-CACHE", "collector": "reviewer", "observed": 0 });
    let changed = |key: &str, value: Value| {
        let mut input = base();
        input[key] = value;
        input
    };
    let tomorrow = (app.now() + SignedDuration::from_hours(24)).to_string();
    let long_ago = "2001-01-01T00:00:00Z";
    let cases = [
        ("requirement", changed("requirement", json!("NFR-2"))),
        ("collector", changed("collector", json!("山田 花子"))),
        ("observed", changed("observed", json!("many"))),
        ("observed", changed("observed", json!([1]))),
        ("result", changed("result", json!("FAIL"))),
        ("digest", changed("digest", json!("ABC"))),
        ("observedAt", changed("observedAt", json!(tomorrow))),
        ("observedAt", changed("observedAt", json!(long_ago))),
        ("expiresAt", changed("expiresAt", json!(long_ago))),
        ("expiresAt", changed("expiresAt", json!("2090-01-01T00:00:00Z"))),
        ("summary", changed("summary", json!("x".repeat(1001)))),
    ];
    let mut told = String::new();
    for (field, input) in cases {
        let answer = record(&admin, input).await;
        assert_eq!(answer["__typename"], "Problem", "{field}: {answer}");
        told += &format!("{field}: {} {} {}\n", answer["code"], answer["message"], answer["remedy"]);
    }
    insta::assert_snapshot!(told);
    let mut nothing = base();
    nothing.as_object_mut().unwrap().remove("observed");
    assert_eq!(record(&admin, nothing).await["field"], "result");
    // Nothing of it was kept.
    assert_eq!(status(&admin, "NFR-CACHE").await["standing"], "UNKNOWN");
    // Who only approves records nothing; a tenant's people do not see that there is a requirement.
    let approver = app.operator_member(Role::Approver).await;
    assert_eq!(record(&approver, base()).await["code"], "FORBIDDEN");
    let school = app.tenant("school-001").await;
    let head = app.member(&school, Role::TenantAdmin).await;
    assert_eq!(record(&head, base()).await["code"], "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_holds_once_somebody_else_approved_it_and_until_it_ends() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let expires = app.now() + SignedDuration::from_hours(48);
    let stated = exception(&expires.to_string());
    let set = [("system.yaml", SYSTEM), ("caching.yaml", &enforced()), ("exception.yaml", &stated)];
    let applied = apply(&admin, &set, "moving", false).await;
    assert!(lines(&applied).contains(&"EXCEPTION EXC-1 CREATE 1".to_owned()), "{applied}");
    assert_eq!(status(&admin, "NFR-CACHE").await["exceptions"], json!([]), "nobody approved it");
    let seen = fingerprint(&app, "EXCEPTION", "EXC-1").await;
    // Not whoever applied it, nothing else than what was read, and no role that does not approve.
    let own = approve(&admin, "EXCEPTION", "EXC-1", 1, &seen).await;
    assert_eq!(own["code"], "FORBIDDEN", "{own}");
    let approver = app.operator_member(Role::Approver).await;
    assert_eq!(approve(&approver, "EXCEPTION", "EXC-1", 1, &"0".repeat(64)).await["code"], "CONFLICT");
    assert_eq!(approve(&approver, "EXCEPTION", "EXC-1", 2, &seen).await["code"], "NOT_FOUND");
    let auditor = app.operator_member(Role::Auditor).await;
    assert_eq!(approve(&auditor, "EXCEPTION", "EXC-1", 1, &seen).await["code"], "FORBIDDEN");
    let approved = approve(&approver, "EXCEPTION", "EXC-1", 1, &seen).await;
    assert_eq!(approved["note"], "seen", "{approved}");
    assert_eq!(approve(&approver, "EXCEPTION", "EXC-1", 1, &seen).await["code"], "CONFLICT");
    let now = status(&admin, "NFR-CACHE").await;
    assert_eq!(
        now["exceptions"],
        json!([{ "name": "EXC-1", "holds": true, "expires": expires.to_string() }])
    );
    // A new version wants a new approval.
    let other = with(&stated, "Being moved", "Still being moved");
    apply(&admin, &[("exception.yaml", &other)], "later", false).await;
    assert_eq!(status(&admin, "NFR-CACHE").await["exceptions"], json!([]));
    let seen = fingerprint(&app, "EXCEPTION", "EXC-1").await;
    approve(&approver, "EXCEPTION", "EXC-1", 2, &seen).await;
    assert_eq!(status(&admin, "NFR-CACHE").await["exceptions"][0]["holds"], true);
    app.clock.advance(48 * 3600);
    assert_eq!(status(&admin, "NFR-CACHE").await["exceptions"], json!([]), "it ends by itself");
    let list =
        "{ exceptions(system: \"shop\") { nodes { name holds approval { note } mode reason { en } } } }";
    assert_eq!(
        admin.gql(list).await["data"]["exceptions"]["nodes"],
        json!([{ "name": "EXC-1", "holds": false, "approval": { "note": "seen" }, "mode": "AUDIT",
                 "reason": { "en": "Still being moved" } }])
    );
    // What stands stored is no problem when the files are applied again, though it is over.
    assert_eq!(
        lines(&apply(&admin, &[("exception.yaml", &other)], "again", false).await),
        ["EXCEPTION EXC-1 UNCHANGED 2"]
    );
    // What a requirement's exceptions and probes refer to cannot be withdrawn.
    let withdraw = "mutation { withdrawManifest(kind: REQUIREMENT, name: \"NFR-CACHE\", reason: \"r\") {
        ... on Problem { code message } } }";
    let answer = admin.gql(withdraw).await;
    assert_eq!(answer["data"]["withdrawManifest"]["code"], "CONFLICT", "{answer}");
    // A requirement's version has its approval too; the requirement holds without.
    let seen = fingerprint(&app, "REQUIREMENT", "NFR-CACHE").await;
    approve(&approver, "REQUIREMENT", "NFR-CACHE", 1, &seen).await;
    assert_eq!(status(&admin, "NFR-CACHE").await["approval"], json!({ "note": "seen" }));
    assert!(app.verify_audit().await.iter().all(|report| report.faults.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_exceptions_and_probes_is_told_with_its_place() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let soon = (app.now() + SignedDuration::from_hours(48)).to_string();
    let good = exception(&soon);
    let variants = [
        exception("2001-01-01T00:00:00Z"),
        exception("2090-01-01T00:00:00Z"),
        with(&good, "requirement: NFR-CACHE", "requirement: NFR-CASH"),
        with(&good, "mode: audit", "mode: enforce"),
        with(&good, "mode: audit", "inForceFrom: 2089-01-01T00:00:00Z"),
        with(&good, "  approver: security\n", ""),
        with(PROBE, "[NFR-CACHE]", "[NFR-9]"),
        with(PROBE, "[NFR-CACHE]", "[]"),
        with(PROBE, "routes: [account]", "routes: [acount]"),
        with(PROBE, "https://shop.example.jp", "https://a:b@shop.example.jp"),
        with(PROBE, "https://shop.example.jp", "https://shop.example.jp/account"),
        with(PROBE, "every: PT10M", "every: often"),
        with(PROBE, "check: canary", "check: canry"),
        with(LOAD, "EST-OPENING-DAY", "EST-2"),
        with(LOAD, "usefulRate", "usefulrate"),
        with(LOAD, "percentile: 95", "percentile: 99"),
        with(LOAD, "unit: requests/s", "unit: people"),
        with(LOAD, "op: gte", "op: eq"),
    ];
    let mut told = String::new();
    let (estimate, caching) = (estimate(), enforced());
    for variant in &variants {
        let set = [
            ("system.yaml", SYSTEM),
            ("caching.yaml", &caching),
            ("estimate.yaml", &estimate),
            ("x.yaml", variant),
        ];
        let answer = plan(&admin, &set, false).await;
        told += &problems(&answer);
    }
    // The clock of the test stands still, its instants are the same each time.
    insta::assert_snapshot!(told);
    // An exception from a mode that is not stronger, and from a requirement without a mechanism.
    let set = [("system.yaml", SYSTEM), ("caching.yaml", CACHING), ("x.yaml", &good)];
    assert!(
        problems(&plan(&admin, &set, false).await).contains("`audit` is not weaker than the mode `observe`")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_follows_its_estimate() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let estimate = estimate();
    let set = [("system.yaml", SYSTEM), ("estimate.yaml", &*estimate), ("load.yaml", LOAD)];
    apply(&admin, &set, "ordering", false).await;
    let read = || async {
        let answer = admin.gql_with(STATUS, json!({ "name": "NFR-LOAD" })).await;
        answer["data"]["requirement"]["threshold"]["figure"].as_f64().expect("a figure")
    };
    let many = read().await;
    assert!(many > 1000.0, "{many}");
    let measured =
        |value: f64| json!({ "requirement": "NFR-LOAD", "collector": "load-test", "observed": value });
    assert_eq!(record(&admin, measured(many * 0.9)).await["result"], "FAIL");
    let drift = status(&admin, "NFR-LOAD").await["drift"][0].clone();
    assert_eq!(drift["declared"].as_f64(), Some(many), "{drift}");
    assert_eq!(record(&admin, measured(many * 1.1)).await["result"], "PASS");
    // Fewer people are expected: the same requirement asks for less.
    let fewer = with(&estimate, "population: 270000", "population: 27000");
    apply(&admin, &[("estimate.yaml", &fewer)], "fewer come", false).await;
    let few = read().await;
    assert!(few < many / 5.0, "{few}");
    assert_eq!(record(&admin, measured(many * 0.9)).await["result"], "PASS");
    // The estimate stays while a requirement takes its figures from it.
    let withdraw = "mutation { withdrawManifest(kind: ESTIMATE, name: \"EST-OPENING-DAY\", reason: \"r\") {
        ... on Problem { code message } } }";
    assert_eq!(admin.gql(withdraw).await["data"]["withdrawManifest"]["code"], "CONFLICT");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_thought_of_is_pointed_out() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let estimate = estimate();
    let planned = plan(&admin, &[("system.yaml", SYSTEM), ("estimate.yaml", &estimate)], false).await;
    let notes: Vec<String> = planned["changes"][0]["notes"].as_array().unwrap().iter().map(text).collect();
    insta::assert_snapshot!(notes.join("\n"));
    apply(&admin, &[("system.yaml", SYSTEM), ("estimate.yaml", &estimate)], "ordering", false).await;
    let query = "{ system(name: \"shop\") { blindSpots { gap requirement text { ja } remedy { en } } } }";
    let gaps = |answer: &Value| -> Vec<String> {
        let spots = answer["data"]["system"]["blindSpots"].as_array().unwrap_or_else(|| panic!("{answer}"));
        spots.iter().map(|spot| text(&spot["gap"])).collect()
    };
    let before = gaps(&admin.gql(query).await);
    assert!(before.contains(&"PERSONAL_ROUTES_WITHOUT_CACHING".to_owned()), "{before:?}");
    assert!(before.contains(&"SPIKE_WITHOUT_ADMISSION".to_owned()), "{before:?}");
    // Stated, but only watched, and nobody looks.
    apply(&admin, &[("caching.yaml", CACHING)], "caching", false).await;
    let then = gaps(&admin.gql(query).await);
    assert!(!then.contains(&"PERSONAL_ROUTES_WITHOUT_CACHING".to_owned()), "{then:?}");
    assert!(
        then.contains(&"BINDING_NOT_ENFORCED".to_owned())
            && then.contains(&"CACHING_WITHOUT_PROBE".to_owned())
    );
    apply(&admin, &[("caching.yaml", &enforced()), ("probe.yaml", PROBE)], "strictly", false).await;
    let last = gaps(&admin.gql(query).await);
    assert!(
        !last.contains(&"BINDING_NOT_ENFORCED".to_owned())
            && !last.contains(&"CACHING_WITHOUT_PROBE".to_owned()),
        "{last:?}"
    );
}
