//! What a system's manifest says does not apply: planned, refused where a requirement cites it, counted apart, and attested.

use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::requirements::{CACHING, SYSTEM, apply, plan, problems, with};
use crate::vault_support::run;

fn system() -> String {
    let stated = "channels: [web]
  notApplicable:
    - ref: \"asvs@5.0.0:17\"
      reason: { ja: 音声も映像も扱わない。, en: It carries neither sound nor video. }
      approver: security
    - { ref: \"asvs@5.0.0:10.4.1\", reason: { ja: 認可サーバーではない。, en: It is no authorization server. } }
    - { ref: \"ipa-nfrg@2018:F.4\", reason: { ja: クラウドで動く。, en: It runs in a cloud. } }
    - { ref: \"owasp-secreq-ja@4.0:7.99.1\", reason: { ja: 使わない。, en: Not used. } }
";
    with(SYSTEM, "channels: [web]\n", stated)
}

fn citing(item: &str) -> String {
    with(
        CACHING,
        "  obligation: MUST\n",
        &format!("  obligation: MUST\n  catalogue: [{{ ref: \"{item}\" }}]\n"),
    )
}

const COVERAGE: &str = "query($catalogue: Catalogue!, $standing: [ItemStanding!]) {
    catalogueCoverage(system: \"shop\", catalogue: $catalogue) {
      total { all { total stated satisfied notCovered notApplicable } }
      items(standing: $standing, first: 100) {
        nodes { ids standing checked requirements notApplicable { reference reason { ja en } approver } } }
      uncounted { reference requirement reason } } }";

#[tokio::test(flavor = "multi_thread")]
async fn it_is_planned_item_by_item_and_refused_where_a_requirement_cites_it() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let cites = citing("asvs@5.0.0:14.3.2");
    apply(&admin, &[("system.yaml", SYSTEM), ("cache.yaml", &cites)], "first", false).await;
    let folder = app.folder().join("manifests");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("system.yaml"), system()).unwrap();
    let (code, out, error) = run(&app, &["plan", &folder.display().to_string()]);
    assert_eq!((code, error.as_str()), (3, ""), "{out}");
    let shown: Vec<&str> = out.lines().filter(|line| line.contains("notApplicable")).collect();
    insta::assert_snapshot!(shown.join("\n"));

    // Cited by what is stored, and by what is applied with it.
    let system = with(&system(), "asvs@5.0.0:17", "asvs@5.0.0:14");
    insta::assert_snapshot!(problems(&plan(&admin, &[("system.yaml", &system)], false).await));
    let set = [("system.yaml", system.as_str()), ("cache.yaml", &citing("asvs@5.0.0:14.2.2"))];
    let refused = apply(&admin, &set, "both", false).await;
    assert_eq!(refused["__typename"], "ManifestProblems", "{refused}");
    insta::assert_snapshot!(problems(&refused));
    let wrong = with(&system, "asvs@5.0.0:14", "asvs@5.0.0:99");
    insta::assert_snapshot!(problems(&apply(&admin, &[("system.yaml", &wrong)], "unknown", false).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stands_apart_in_coverage_and_in_what_other_tools_read() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let set = [("system.yaml", &*system()), ("cache.yaml", &citing("asvs@5.0.0:14.3.2"))];
    let applied = apply(&admin, &set, "first", false).await;
    assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
    let stated = "{ system(name: \"shop\") { notApplicable { reference approver } } }";
    let stated = admin.gql(stated).await["data"]["system"]["notApplicable"].clone();
    assert_eq!(stated[0], json!({ "reference": "asvs@5.0.0:17", "approver": "security" }));
    assert_eq!(stated.as_array().map(Vec::len), Some(4));

    let variables = json!({ "catalogue": "ASVS", "standing": ["NOT_APPLICABLE"] });
    let answer = admin.gql_with(COVERAGE, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    let covered = &answer["data"]["catalogueCoverage"];
    let items = covered["items"]["nodes"].as_array().unwrap();
    let exempt = items.len();
    assert!(exempt > 5, "a whole chapter and one more: {items:?}");
    assert_eq!(
        covered["total"]["all"],
        json!({ "total": 345, "stated": 1, "satisfied": 1, "notCovered": 344 - exempt, "notApplicable": exempt })
    );
    let item = |id: &str| items.iter().find(|item| item["ids"] == json!([id])).cloned().unwrap_or_default();
    assert_eq!(
        item("17.1.1"),
        json!({ "ids": ["17.1.1"], "standing": "NOT_APPLICABLE", "checked": false, "requirements": [],
                "notApplicable": { "reference": "asvs@5.0.0:17", "approver": "security",
                                   "reason": { "ja": "音声も映像も扱わない。", "en": "It carries neither sound nor video." } } })
    );
    assert_eq!(item("10.4.1")["notApplicable"]["reference"], "asvs@5.0.0:10.4.1");
    assert_eq!(item("10.4.2"), Value::Null);
    // Of a catalogue that is not whole it may be something that only a copy has.
    let answer = admin.gql_with(COVERAGE, json!({ "catalogue": "OWASP_SECREQ_JA" })).await;
    assert_eq!(
        answer["data"]["catalogueCoverage"]["uncounted"],
        json!([{ "reference": "owasp-secreq-ja@4.0:7.99.1", "requirement": null, "reason": "UNKNOWN" }])
    );

    let attest = |more: &[&str]| {
        let (code, out, error) = run(&app, &[&["attest"], more, &["--system", "shop"]].concat());
        assert_eq!((code, error.as_str()), (0, ""), "{out}");
        out
    };
    let table = attest(&["coverage", "--catalogue", "asvs"]);
    insta::assert_snapshot!(table);
    let all = attest(&["coverage", "--catalogue", "asvs", "--all"]);
    let one = all.lines().find(|line| line.contains(" 17.1.1 ")).unwrap();
    assert!(one.contains("not applicable"), "{one}");

    let bom: Value = serde_json::from_str(&attest(&["cyclonedx"])).expect("JSON");
    let attestations = bom["declarations"]["attestations"].as_array().unwrap();
    let entries = attestations.iter().flat_map(|one| one["map"].as_array().unwrap());
    let entry = entries.clone().find(|entry| entry["requirement"] == "asvs@5.0.0:17");
    assert_eq!(
        entry,
        Some(&json!({ "requirement": "asvs@5.0.0:17", "claims": [],
            "conformance": { "rationale": "not applicable: It carries neither sound nor video. (security)" } }))
    );
    let sheet = attest(&["sheet"]);
    let row =
        sheet.lines().skip_while(|line| !line.starts_with("F.4.1.1,")).take(3).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(row);
}
