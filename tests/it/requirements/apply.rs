//! Plan and apply: the round trip, located problems, pruning, and what is refused.

use serde_json::json;
use suimon::access::Role;

use super::{CACHING, SYSTEM, apply, enforced, lines, plan, problems, versions, with};
use crate::harness::TestApp;

const EXAMPLE: [(&str, &str); 5] = [
    ("system.yaml", include_str!("../../../examples/online-application/manifests/system.yaml")),
    ("capacity.yaml", include_str!("../../../examples/online-application/manifests/capacity.yaml")),
    ("access.yaml", include_str!("../../../examples/online-application/manifests/access.yaml")),
    ("protection.yaml", include_str!("../../../examples/online-application/manifests/protection.yaml")),
    ("cache.yaml", include_str!("../../../examples/online-application/corrective/NFR-CACHE-001.yaml")),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_planned_applied_and_then_unchanged() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let planned = plan(&officer, &EXAMPLE, false).await;
    let expected = [
        "SYSTEM online-application CREATE 1",
        "REQUIREMENT NFR-ACC-001 CREATE 1",
        "REQUIREMENT NFR-ACC-002 CREATE 1",
        "REQUIREMENT NFR-ACC-003 CREATE 1",
        "REQUIREMENT NFR-AVL-001 CREATE 1",
        "REQUIREMENT NFR-CACHE-001 CREATE 1",
        "REQUIREMENT NFR-CAP-001 CREATE 1",
        "REQUIREMENT NFR-ENC-001 CREATE 1",
        "REQUIREMENT NFR-RET-001 CREATE 1",
        "REQUIREMENT NFR-RET-002 CREATE 1",
        "REQUIREMENT NFR-TLS-001 CREATE 1",
    ];
    assert_eq!(lines(&planned), expected);
    assert_eq!(planned["pending"], 11);
    assert_eq!(versions(&app, "SYSTEM", "online-application").await.len(), 0, "a plan stores nothing");

    assert_eq!(lines(&apply(&officer, &EXAMPLE, "release 1", false).await), expected);
    app.clock.advance(60);
    let again = plan(&officer, &EXAMPLE, false).await;
    assert_eq!(again["pending"], 0);
    let again = apply(&officer, &EXAMPLE, "release 1, again", false).await;
    assert!(lines(&again).iter().all(|line| line.ends_with("UNCHANGED 1")), "{again}");
    let stored = versions(&app, "REQUIREMENT", "NFR-CACHE-001").await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["reason"], "release 1");
    assert_eq!(stored[0]["inForceFrom"], "2023-10-26T00:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_version_keeps_itself_is_said_plainly() {
    let app = TestApp::new().await;
    apply(&app.admin(), &EXAMPLE, "release 1", false).await;
    let answer = app
        .admin()
        .gql(
            "{ requirements(system: \"online-application\") { nodes {
               name enforcement { mode mechanism params } verification enforcedBy { coverage text { en } } } } }",
        )
        .await;
    let nodes = answer["data"]["requirements"]["nodes"].as_array().unwrap();
    let text: String = nodes
        .iter()
        .map(|node| {
            let kept = &node["enforcedBy"];
            let by = node["enforcement"]["mechanism"].as_str().or(node["verification"].as_str()).unwrap();
            format!("{} {by} {}: {}\n", node["name"], kept["coverage"], kept["text"]["en"]).replace('"', "")
        })
        .collect();
    insta::assert_snapshot!(text, @"
NFR-ACC-001 ACCESS OWN_SERVICE_PARTLY: Suimon decides by it who reads the personal data that it holds. The system itself keeps it where it asks for decisions (AuthZEN).
NFR-ACC-002 ACCESS OWN_SERVICE_PARTLY: Suimon decides by it who reads the personal data that it holds. The system itself keeps it where it asks for decisions (AuthZEN).
NFR-ACC-003 ACCESS OWN_SERVICE_PARTLY: Suimon decides by it who reads the personal data that it holds. The system itself keeps it where it asks for decisions (AuthZEN).
NFR-AVL-001 SLO STATED_ONLY: The objective is stored and shown; this version does not measure it.
NFR-CACHE-001 CACHE OWN_SERVICE_PARTLY: Kept by `suimon guard` where it runs in front of the system. Not against every mistake of a cache before it.
NFR-CAP-001 ADMISSION OWN_SERVICE_PARTLY: Kept by `suimon guard --admission` where it runs in front of the system: beyond the limits people wait. Several guards share no limit.
NFR-ENC-001 ENCRYPTION OWN_SERVICE: Suimon stores fields declared encrypted in no other way. The system's own database is not reached.
NFR-RET-001 RETENTION OWN_SERVICE: A job erases records whose period is over by destroying their key (in mode enforce). People on the list of an incident that is not closed are kept until it is.
NFR-RET-002 RETENTION OWN_SERVICE: A job erases records whose period is over by destroying their key (in mode enforce). People on the list of an incident that is not closed are kept until it is.
NFR-TLS-001 inspection VERIFIED: Verified by an inspection; the result is recorded as evidence.
");
    let params = &nodes[4]["enforcement"]["params"];
    assert_eq!(params, "{\"rule\":\"no_store\"}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_shows_what_differs() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    let system = with(SYSTEM, "title: { ja: メール, en: Mail }", "title: { ja: メール, en: E-mail }");
    let system = system.split("        - name: number").next().unwrap().to_owned()
        + "  routes:\n    - { name: top, pattern: /, personal: false }\n";
    let set = [("s.yaml", system.as_str()), ("r.yaml", &enforced())];
    let planned = plan(&admin, &set, false).await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&planned["changes"]).unwrap(), @r#"
[
  {
    "base": 1,
    "change": "UPDATE",
    "diff": [
      {
        "after": "\"E-mail\"",
        "before": "\"Mail\"",
        "path": "spec.recordTypes[customer].fields[email].title.en"
      },
      {
        "after": null,
        "before": "{\"category\":\"identifier\",\"kind\":\"text\",\"mask\":\"all\",\"name\":\"number\",\"protection\":\"encrypted\",\"required\":false,\"retention\":\"P1Y\",\"searchable\":false,\"title\":{\"en\":\"Number\",\"ja\":\"番号\"}}",
        "path": "spec.recordTypes[customer].fields[number]"
      },
      {
        "after": null,
        "before": "{\"name\":\"account\",\"pattern\":\"/account/**\",\"personal\":true,\"shows\":[{\"recordType\":\"customer\"}]}",
        "path": "spec.routes[account]"
      }
    ],
    "inForceFrom": "2023-10-26T00:00:00Z",
    "kind": "SYSTEM",
    "name": "shop",
    "notes": [
      "field customer.number is no longer declared: stored values cannot be read",
      "Personal data is stored, and no requirement says who may read it. Add a requirement with `mechanism: access` (owasp-secreq-ja@4.0:1.6.1).",
      "Personal data is stored, and no requirement says when it is erased. Add a requirement with `mechanism: retention` (asvs@5.0.0:14.2.7).",
      "Fields are stored encrypted, and no requirement is about their keys (E.6.1.3 is none of the important items). State who keeps the keys and how often they change, citing ipa-nfrg@2018:E.6.1.3.",
      "Nobody looks whether NFR-CACHE is kept at the edge. Add a Probe whose `verifies` names it."
    ],
    "version": 2
  },
  {
    "base": 1,
    "change": "UPDATE",
    "diff": [
      {
        "after": "\"enforce\"",
        "before": "\"observe\"",
        "path": "spec.enforcement.mode"
      }
    ],
    "inForceFrom": "2023-10-26T00:00:00Z",
    "kind": "REQUIREMENT",
    "name": "NFR-CACHE",
    "notes": [],
    "version": 2
  }
]
"#);
    assert_eq!(
        lines(&apply(&admin, &set, "second", false).await),
        ["SYSTEM shop UPDATE 2", "REQUIREMENT NFR-CACHE UPDATE 2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_name_file_line_column_and_path() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let system = with(SYSTEM, "protection: encrypted", "protection: plain");
    let system = with(&system, "  timeZone: Asia/Tokyo\n", "  timeZone: Asia/Edo\n  timeZone: Asia/Tokyo\n");
    let caching = with(CACHING, "kind: Requirement", "kind: Requirment");
    let other = with(&enforced(), "  system: shop", "  system: shop\n  dependsOn: [NFR-NOWHERE]");
    let set = [("a.yaml", system.as_str()), ("b.yaml", &caching), ("c.yaml", &other), ("d.yaml", "a: [1")];
    let planned = plan(&admin, &set, false).await;
    insta::assert_snapshot!(problems(&planned), @"
a.yaml:7:13: spec.timeZone: `Asia/Edo` is not an IANA time zone; write it like `Asia/Tokyo`
a.yaml:8:3: spec.timeZone: `timeZone` is stated twice, first at line 7; keep one of them
a.yaml:20:23: spec.recordTypes[0].fields[0].protection: a field of category `contact` is stored plain; write `encrypted`; only category `identifier` may be plain
b.yaml:2:7: kind: unknown kind `Requirment`; did you mean `Requirement`?
c.yaml:6:15: spec.dependsOn[0]: there is no requirement `NFR-NOWHERE`; add a manifest of kind Requirement with this name, or correct the reference
d.yaml:1:4: : this is not YAML: unclosed bracket '['; check indentation, quotes and brackets here and just above
");
    assert_eq!(planned["changes"], json!([]));
    let system = with(SYSTEM, "protection: encrypted", "protection: plain");
    let refused = apply(&admin, &[("a.yaml", &system), ("r.yaml", CACHING)], "wrong", false).await;
    assert_eq!(refused["__typename"], "ManifestProblems");
    insta::assert_snapshot!(problems(&refused), @"a.yaml:19:23: spec.recordTypes[0].fields[0].protection: a field of category `contact` is stored plain; write `encrypted`; only category `identifier` may be plain");
    assert_eq!(versions(&app, "REQUIREMENT", "NFR-CACHE").await.len(), 0, "all or none");
}

#[tokio::test(flavor = "multi_thread")]
async fn references_lead_to_what_is_stored() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let alone = apply(&admin, &[("r.yaml", CACHING)], "alone", false).await;
    insta::assert_snapshot!(problems(&alone), @"r.yaml:5:11: spec.system: there is no system `shop`; add a manifest of kind System with this name, or correct the reference");
    apply(&admin, &[("s.yaml", SYSTEM)], "the system", false).await;
    assert_eq!(
        lines(&apply(&admin, &[("r.yaml", CACHING)], "alone", false).await),
        ["REQUIREMENT NFR-CACHE CREATE 1"]
    );
    let without_route = with(SYSTEM, "name: account", "name: profile");
    let other = with(&enforced(), "routes:personal", "route:account");
    apply(&admin, &[("r.yaml", &other)], "that route only", false).await;
    let refused = apply(&admin, &[("s.yaml", &without_route)], "another name", false).await;
    insta::assert_snapshot!(problems(&refused), @"s.yaml:5:3: spec: the stored requirement `NFR-CACHE` no longer agrees at spec.target: the system declares no route `account`; keep what it needs, or apply a new version of it too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_encrypted_never_becomes_plain() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("s.yaml", SYSTEM)], "first", false).await;
    let number = "category: identifier\n          protection: encrypted";
    let plain = with(SYSTEM, number, "category: identifier\n          protection: plain");
    let refused = apply(&admin, &[("s.yaml", &plain)], "faster", false).await;
    insta::assert_snapshot!(problems(&refused), @"s.yaml:25:23: spec.recordTypes[0].fields[1].protection: `customer.number` is stored encrypted and cannot become plain; keep `encrypted`, or declare a field with another name");
    withdraw(&app, "SYSTEM", "shop").await;
    let refused = apply(&admin, &[("s.yaml", &plain)], "by way of a withdrawal", false).await;
    assert_eq!(refused["__typename"], "ManifestProblems", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_withdraws_what_the_files_leave_out() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let second = with(CACHING, "NFR-CACHE", "NFR-SECOND");
    let third = with(&with(CACHING, "NFR-CACHE", "NFR-THIRD"), "spec:", "spec:\n  dependsOn: [NFR-CACHE]");
    let all = [("s.yaml", SYSTEM), ("1.yaml", CACHING), ("2.yaml", &second), ("3.yaml", &third)];
    apply(&admin, &all, "three", false).await;
    assert_eq!(plan(&admin, &all[..1], false).await["pending"], 0, "leaving out is not withdrawing");
    assert_eq!(plan(&admin, &all[1..2], true).await["pending"], 0, "only of systems that are stated");

    let refused = apply(&admin, &[all[0], all[3]], "only the third", true).await;
    insta::assert_snapshot!(problems(&refused), @"3.yaml:1:1: spec.dependsOn[0]: `NFR-THIRD` refers to `NFR-CACHE`, which pruning withdraws; keep `NFR-CACHE` in the files, or remove the reference");
    let pruned = apply(&admin, &[all[0], all[1]], "only the first", true).await;
    assert_eq!(
        lines(&pruned),
        [
            "SYSTEM shop UNCHANGED 1",
            "REQUIREMENT NFR-CACHE UNCHANGED 1",
            "REQUIREMENT NFR-SECOND WITHDRAW 2",
            "REQUIREMENT NFR-THIRD WITHDRAW 2"
        ]
    );
    let listed = admin.gql("{ requirements(system: \"shop\") { nodes { name } } }").await;
    assert_eq!(listed["data"]["requirements"]["nodes"], json!([{ "name": "NFR-CACHE" }]));
    let back = apply(&admin, &[("2.yaml", &second)], "needed after all", false).await;
    assert_eq!(lines(&back), ["REQUIREMENT NFR-SECOND CREATE 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_refer_to_is_not_withdrawn() {
    let app = TestApp::new().await;
    apply(&app.admin(), &[("s.yaml", SYSTEM), ("r.yaml", CACHING)], "first", false).await;
    let refused = withdraw(&app, "SYSTEM", "shop").await;
    insta::assert_snapshot!(refused, @r#"{"code":"CONFLICT","message":"requirement NFR-CACHE refers to this system","remedy":"withdraw that one first, or apply a version of it without the reference"}"#);
    assert_eq!(withdraw(&app, "REQUIREMENT", "NFR-CACHE").await["change"], "WITHDRAW");
    assert_eq!(withdraw(&app, "SYSTEM", "shop").await["change"], "WITHDRAW");
    assert_eq!(withdraw(&app, "SYSTEM", "shop").await["code"], "NOT_FOUND", "it has ended already");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_field() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let long = "x".repeat(501);
    for (set, reason) in [
        (vec![], "nothing"),
        (vec![("s.yaml", SYSTEM)], "  "),
        (vec![("s.yaml", SYSTEM)], long.as_str()),
        (vec![("s.yaml", SYSTEM)], "two\nlines"),
        (vec![("", SYSTEM)], "no name"),
    ] {
        let answer = apply(&admin, &set, reason, false).await;
        assert_eq!(answer["code"], "INVALID", "{answer}");
        assert!(["files", "reason"].contains(&answer["field"].as_str().unwrap()), "{answer}");
    }
    let cursor =
        admin.gql("{ manifestVersions(kind: SYSTEM, name: \"x\", after: \"eA\") { nodes { name } } }");
    assert_eq!(cursor.await["errors"][0]["extensions"]["code"], "INVALID");
    // Above the limit of a request's body, which a deployment may raise; the parser has its own.
    let heavy = format!("{SYSTEM}# {}\n", "x".repeat(5 * 1024 * 1024));
    let answer = admin
        .http
        .post(format!("{}/graphql", admin.url))
        .bearer_auth(&admin.token)
        .json(&json!({ "query": "{ __typename }", "variables": { "file": heavy } }))
        .send()
        .await;
    // The refusal may come while the body is still being sent, which ends the connection.
    assert!(!answer.is_ok_and(|answer| answer.status().is_success()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_refused_by_the_parser_too() {
    let app = TestApp::with(&["server.max_body_bytes=16777216"]).await;
    let heavy = format!("{SYSTEM}# {}\n", "x".repeat(5 * 1024 * 1024));
    let refused = apply(&app.admin(), &[("heavy.yaml", &heavy)], "heavy", false).await;
    assert!(problems(&refused).starts_with("heavy.yaml:1:1: : the file has "), "{refused}");
}

async fn withdraw(app: &TestApp, kind: &str, name: &str) -> serde_json::Value {
    let query = "mutation($kind: ManifestKind!, $name: String!) {
        withdrawManifest(kind: $kind, name: $name, reason: \"it ends\") {
          ... on ManifestChange { change version } ... on Problem { code message remedy } } }";
    let answer = app.admin().gql_with(query, json!({ "kind": kind, "name": name })).await;
    answer["data"]["withdrawManifest"].clone()
}
