//! What holds between manifests that are applied at different times, by different people.

use jiff::SignedDuration;
use serde_json::{Value, json};
use suimon::access::Role;

use super::{SYSTEM, apply, enforced, files, lines, plan, problems, with};
use crate::harness::{Member, TestApp, text};
use crate::registry::{LOAD, PROBE, estimate, exception};

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_a_requirement_must_still_fit_it() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let stated = exception(&(app.now() + SignedDuration::from_hours(48)).to_string());
    let other = with(SYSTEM, "name: shop", "name: shop-2");
    let set = [
        ("system.yaml", SYSTEM),
        ("other.yaml", &other),
        ("caching.yaml", &*enforced()),
        ("exception.yaml", &*stated),
        ("probe.yaml", PROBE),
    ];
    assert_eq!(lines(&apply(&admin, &set, "ordering", false).await).len(), 5);
    let weaker = with(&enforced(), "mode: enforce", "mode: audit");
    let moved = with(&enforced(), "system: shop", "system: shop-2");
    let renamed = with(SYSTEM, "name: account, pattern", "name: my_account, pattern");
    let mut told = String::new();
    for variant in [&weaker, &moved, &renamed] {
        told += &problems(&plan(&admin, &[("x.yaml", variant)], false).await);
    }
    insta::assert_snapshot!(told, @"
x.yaml:1:1: spec: the stored exception `EXC-1` no longer agrees at spec.mode: `audit` is not weaker than the mode `audit` of `NFR-CACHE`; keep what it needs, or apply a new version of it too
x.yaml:1:1: spec: the stored exception `EXC-1` no longer agrees at spec.requirement: `NFR-CACHE` is a requirement of `shop-2`; keep what it needs, or apply a new version of it too
x.yaml:1:1: spec: the stored probe `PRB-CANARY` no longer agrees at spec.verifies[0]: `NFR-CACHE` is a requirement of `shop-2`; keep what it needs, or apply a new version of it too
x.yaml:1:1: spec: the stored probe `PRB-CANARY` no longer agrees at spec.routes[0]: the system declares no route `account`; keep what it needs, or apply a new version of it too
");
    // With all of it together nothing is wrong; nor with what pruning takes away, nor with what is over.
    let follows = with(&stated, "mode: audit", "mode: observe");
    let both = [("caching.yaml", &*weaker), ("exception.yaml", &*follows)];
    assert_eq!(plan(&admin, &both, false).await["pending"], 2);
    let pruned = [("system.yaml", SYSTEM), ("caching.yaml", &*weaker)];
    assert_eq!(plan(&admin, &pruned, true).await["pending"], 3);
    app.clock.advance(49 * 3600);
    assert_eq!(plan(&admin, &[("caching.yaml", &weaker)], false).await["pending"], 1);
}

async fn withdraw(member: &Member, kind: &str, name: &str) -> Value {
    let query = "mutation($kind: ManifestKind!, $name: String!) { withdrawManifest(kind: $kind, name: $name, reason: \"r\") {
        __typename ... on Problem { code message } } }";
    member.gql_with(query, json!({ "kind": kind, "name": name })).await["data"]["withdrawManifest"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_force_refers_though_a_newer_version_waits() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let estimate = estimate();
    let set = [("system.yaml", SYSTEM), ("estimate.yaml", &*estimate), ("load.yaml", LOAD)];
    apply(&admin, &set, "ordering", false).await;
    let start = app.now() + SignedDuration::from_hours(24 * 30);
    let later = with(LOAD, "spec:\n", &format!("spec:\n  inForceFrom: {start}\n"));
    let figure = "{ estimate: EST-OPENING-DAY, figure: usefulRate, percentile: 95 }";
    let later = with(&later, figure, "500");
    assert_eq!(
        lines(&apply(&admin, &[("load.yaml", &later)], "next month", false).await),
        ["REQUIREMENT NFR-LOAD UPDATE 2"]
    );
    let refused = withdraw(&admin, "ESTIMATE", "EST-OPENING-DAY").await;
    assert_eq!(refused["code"], "CONFLICT", "{refused}");
    let pruned = plan(&admin, &[("system.yaml", SYSTEM), ("load.yaml", &later)], true).await;
    assert!(problems(&pruned).contains("refers to `EST-OPENING-DAY`, which pruning withdraws"), "{pruned}");
    app.clock.advance(31 * 24 * 3600);
    // Whoever signed in before is signed out by then.
    let admin = app.renewed(&admin).await;
    assert_eq!(withdraw(&admin, "ESTIMATE", "EST-OPENING-DAY").await["__typename"], "ManifestChange");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_planned_against_something_else_is_told() {
    let app = TestApp::new().await;
    let first = app.admin();
    let second = app.operator_member(Role::OperatorAdmin).await;
    apply(&first, &[("s.yaml", SYSTEM), ("r.yaml", &enforced())], "ordering", false).await;
    let set = [("s.yaml", SYSTEM.to_owned()), ("r.yaml", with(&enforced(), "Not stored", "Never stored"))];
    let set: Vec<(&str, &str)> = set.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let base = |prune: bool| {
        let query = "query($files: [ManifestFile!]!, $prune: Boolean!) { plan(files: $files, prune: $prune) { base pending } }";
        first.gql_with(query, json!({ "files": files(&set), "prune": prune }))
    };
    let expecting = |base: Value, prune: bool| {
        let query = "mutation($files: [ManifestFile!]!, $prune: Boolean!, $base: String) {
            applyManifests(files: $files, reason: \"mine\", prune: $prune, base: $base) {
              __typename ... on ManifestsApplied { changes { name version } } ... on Problem { code message remedy } } }";
        first.gql_with(query, json!({ "files": files(&set), "prune": prune, "base": base }))
    };
    let planned = base(false).await["data"]["plan"]["base"].clone();
    let pruning = base(true).await["data"]["plan"]["base"].clone();
    // Meanwhile somebody else changes the same requirement, and states a probe.
    let theirs = with(&enforced(), "Not stored", "Stored nowhere");
    apply(&second, &[("r.yaml", &theirs), ("p.yaml", PROBE)], "theirs", false).await;
    for (base, prune) in [(planned, false), (pruning, true)] {
        let answer = expecting(base, prune).await;
        let refused = &answer["data"]["applyManifests"];
        assert_eq!(refused["code"], "CONFLICT", "{answer}");
        assert!(text(&refused["remedy"]).contains("plan"), "{answer}");
    }
    let planned = base(false).await["data"]["plan"]["base"].clone();
    let answer = expecting(planned.clone(), false).await;
    assert_eq!(
        answer["data"]["applyManifests"]["changes"][1],
        json!({ "name": "NFR-CACHE", "version": 3 }),
        "{answer}"
    );
    // Whose answer was lost on the way may ask again: nothing is left to store.
    assert_eq!(expecting(planned, false).await["data"]["applyManifests"]["__typename"], "ManifestsApplied");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_database_holds_are_names_of_nothing() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", &enforced())], "ordering", false).await;
    let nothing = json!({ "name": "a\u{0}b" });
    for query in [
        "query($name: String!) { requirement(name: $name) { name } }",
        "query($name: String!) { system(name: $name) { name } }",
        "query($name: String!) { exception(name: $name) { name } }",
    ] {
        let answer = admin.gql_with(query, nothing.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{query}: {answer}");
    }
    for list in ["requirements", "estimates", "probes", "exceptions", "requirementStatuses"] {
        let query = format!("query($name: String!) {{ {list}(system: $name) {{ nodes {{ __typename }} }} }}");
        let answer = admin.gql_with(&query, nothing.clone()).await;
        assert_eq!(answer["data"][list]["nodes"], json!([]), "{answer}");
        // `a\0b`, as a cursor.
        let query = format!("{{ {list}(after: \"YQBi\") {{ nodes {{ __typename }} }} }}");
        assert_eq!(admin.gql(&query).await["errors"][0]["extensions"]["code"], "INVALID", "{query}");
    }
    let query = "query($name: String!) { manifestVersions(kind: SYSTEM, name: $name) { nodes { version } }
        inForce(kind: SYSTEM, name: $name, at: \"2023-10-26T11:00:00Z\") { version } }";
    let answer = admin.gql_with(query, nothing.clone()).await;
    assert_eq!(answer["data"], json!({ "manifestVersions": { "nodes": [] }, "inForce": null }), "{answer}");
    let query = "mutation($name: String!) {
        withdrawManifest(kind: SYSTEM, name: $name, reason: \"r\") { ... on Problem { code } }
        approveManifest(kind: SYSTEM, name: $name, version: 1, fingerprint: \"f\") { ... on Problem { code } }
        recordEvidence(input: { requirement: $name, collector: \"reviewer\", result: PASS }) { ... on Problem { code } } }";
    let refused = json!({ "code": "NOT_FOUND" });
    let answer = admin.gql_with(query, nothing).await;
    assert_eq!(
        answer["data"],
        json!({ "withdrawManifest": refused, "approveManifest": refused, "recordEvidence": refused }),
        "{answer}"
    );
}
