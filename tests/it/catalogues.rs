//! The installation's own copies of catalogues, and which items the requirements answer.

use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::requirements::{CACHING, SYSTEM, apply, with};
use crate::vault_support::run;

/// A caching rule that cites items of three catalogues, a group, another edition and an id that there is not.
fn citing() -> String {
    let citations = "  obligation: MUST
  catalogue:
    - { ref: \"asvs@5.0.0:14.3.2\" }
    - { ref: \"asvs@5.0.0:14.2.2\", relation: partially }
    - { ref: \"asvs@5.0.0:14.9.9\" }
    - { ref: \"asvs@4.0.3:8.3.1\" }
    - { ref: \"owasp-secreq-ja@4.0:7.9.1\" }
    - { ref: \"ipa-nfrg@2018:A.1.1.1\", level: 1 }
";
    with(CACHING, "  obligation: MUST\n", citations)
}

/// ASVS in the shape in which it is published, with invented texts.
fn asvs(words: &str) -> String {
    let item =
        |id: &str, level: &str| json!({ "Shortcode": id, "Ordinal": 1, "Description": words, "L": level });
    let items = [item("V14.2.2", "2"), item("V14.2.5", "3")];
    let others = [item("V14.3.2", "2"), item("V14.3.99", "1")];
    json!({ "Name": "x", "ShortName": "ASVS", "Version": "5.0.0", "Description": "x", "Requirements": [
        { "Shortcode": "V14", "Ordinal": 14, "ShortName": "Data", "Name": "Invented chapter", "Items": [
            { "Shortcode": "V14.2", "Ordinal": 2, "Name": "Invented section", "Items": items },
            { "Shortcode": "V14.3", "Ordinal": 3, "Name": "Another section", "Items": others } ] } ] })
    .to_string()
}

fn write(app: &TestApp, name: &str, content: &[u8]) -> String {
    let path = app.folder().join(name);
    std::fs::write(&path, content).expect("the file");
    path.display().to_string()
}

async fn ask(member: &Member, query: &str, variables: Value) -> Value {
    let answer = member.gql_with(query, variables).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"].clone()
}

const COPIES: &str = "{ catalogueCopies { catalogue version digest items importedAt importedBy } }";

async fn copies(member: &Member) -> Vec<Value> {
    ask(member, COPIES, Value::Null).await["catalogueCopies"].as_array().expect("a list").clone()
}

const REMOVE: &str = "mutation($digest: String!) { removeCatalogueCopy(digest: $digest) { __typename
    ... on CatalogueCopy { digest version } ... on Problem { code message } } }";

async fn remove(member: &Member, digest: &Value) -> Value {
    ask(member, REMOVE, json!({ "digest": digest })).await["removeCatalogueCopy"].clone()
}

const COVERAGE: &str = "query($system: String!, $catalogue: Catalogue!, $copy: String, $model: ModelSystem,
      $group: String, $standing: [ItemStanding!], $first: Int, $after: String) {
    catalogueCoverage(system: $system, catalogue: $catalogue, copy: $copy, model: $model) {
      catalogue version title isComplete copy { digest }
      total { group all { total stated satisfied checked partial failing notCovered } important { total } }
      groups { group label { ja en } title all { total stated } }
      items(group: $group, standing: $standing, first: $first, after: $after) {
        nodes { ids label { ja en } title group important standing checked chosenLevel wantedLevel asvsLevel requirements failing }
        pageInfo { hasNextPage endCursor } }
      uncounted { reference requirement reason } } }";

async fn coverage(member: &Member, variables: Value) -> Value {
    let mut all =
        json!({ "system": "shop", "catalogue": "ASVS", "standing": ["SATISFIED", "PARTIAL", "FAILING"] });
    for (name, value) in variables.as_object().expect("variables") {
        all[name] = value.clone();
    }
    ask(member, COVERAGE, all).await["catalogueCoverage"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_kept_once_and_another_stands_beside_it() {
    let app = TestApp::new().await;
    let admin = app.admin();
    let file = write(&app, "asvs.json", asvs("invented words").as_bytes());
    let (code, out, error) = run(&app, &["import", "--catalogue", &file]);
    assert_eq!(code, 0, "{error}");
    assert!(out.starts_with("asvs 5.0.0: 4 items, kept ("), "{out}");
    assert!(error.contains("342 known items are not in the file"), "{error}");
    let first = copies(&admin).await;
    assert_eq!(first.len(), 1);
    let [copy] = &first[..] else { panic!("{first:?}") };
    assert_eq!(
        (&copy["catalogue"], &copy["version"], &copy["items"]),
        (&json!("ASVS"), &json!("5.0.0"), &json!(4))
    );
    assert!(out.contains(&text(&copy["digest"])) && text(&copy["digest"]).len() == 64, "{out}");
    assert!(!text(&copy["importedBy"]).is_empty());
    // The same file again changes nothing, whoever imports it.
    let (code, out, error) = run(&app, &["import", "--catalogue", &file]);
    assert!(code == 0 && out.contains("kept already, nothing changed"), "{out}{error}");
    assert_eq!(copies(&admin).await, first);
    // Another file of the same edition, and a sheet of another catalogue, stand beside it.
    let other = write(&app, "corrected.json", asvs("other words").as_bytes());
    let (code, out, _) = run(&app, &["import", "--catalogue", &other, "--format", "json"]);
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &told["new"], &told["items"]), (0, &json!(true), &json!(4)), "{out}");
    assert_eq!(told["missing"].as_array().map(Vec::len), Some(342));
    let sheet = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/catalogue/tests/files/invented-ipa-sheet.xls");
    let (code, out, error) = run(&app, &["import", "--catalogue", sheet]);
    assert!(code == 0 && out.starts_with("ipa-nfrg 2018: 4 items, kept ("), "{out}{error}");
    let all = copies(&admin).await;
    let catalogues: Vec<&Value> = all.iter().map(|copy| &copy["catalogue"]).collect();
    assert_eq!(catalogues, ["IPA_NFRG", "ASVS", "ASVS"], "the newest first");
    // The audit log says what was imported, and none of its words.
    let root = app.operator().await.id.clone();
    let query = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"catalogue.import\" }) { nodes { object detail } } }";
    let auditor = app.operator_member(Role::Auditor).await;
    let log = ask(&auditor, query, json!({ "id": root })).await["auditEntries"]["nodes"].clone();
    assert_eq!(log.as_array().map(Vec::len), Some(3), "{log}");
    assert!(
        log.to_string().contains(&text(&copy["digest"])) && log.to_string().contains("catalogue:asvs@5.0.0")
    );
    assert!(!log.to_string().contains("words"), "{log}");
    // Removed with its words; a second time there is none.
    let removed = remove(&admin, &copy["digest"]).await;
    assert_eq!((&removed["__typename"], &removed["digest"]), (&json!("CatalogueCopy"), &copy["digest"]));
    assert_eq!(remove(&admin, &copy["digest"]).await["code"], "NOT_FOUND");
    assert_eq!(copies(&admin).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_catalogue_and_who_may_not_are_refused() {
    let app = TestApp::new().await;
    let refused = |file: &str, more: &[&str]| {
        let (code, out, error) = run(&app, &[&["import", "--catalogue", file], more].concat());
        assert!(code != 0 && out.is_empty(), "{code} {out}");
        error
    };
    let text_file = write(&app, "notes.txt", b"nothing");
    assert!(refused(&text_file, &[]).contains("neither a workbook nor JSON"));
    let astray = write(&app, "astray.json", asvs("x").replace("V14.3.2", "X1").as_bytes());
    let error = refused(&astray, &[]);
    assert!(
        error.contains("/Requirements/0/Items/1/Items/0") && error.contains("is not a number like"),
        "{error}"
    );
    let old = write(&app, "old.json", asvs("x").replace("\"5.0.0\"", "\"4.0.3\"").as_bytes());
    assert!(refused(&old, &[]).contains("version `4.0.3`"));
    let large = write(&app, "large.json", &vec![b' '; (8 << 20) + 1]);
    assert!(refused(&large, &[]).contains("bytes, more than"));
    assert!(refused("/nowhere.json", &[]).contains("cannot be read"));
    let many: Vec<Value> = (0..2001)
        .map(|at| json!({ "chapter_id": "V1", "chapter_name": "x", "section_id": format!("V1.{}", at / 900), "section_name": "x",
                          "req_id": format!("V1.{}.{}", at / 900, at % 900), "req_description": "x", "L": "1" }))
        .collect();
    let many = write(&app, "many.json", json!(many).to_string().as_bytes());
    assert!(refused(&many, &[]).contains("more than 2000 items"));
    assert!(copies(&app.admin()).await.is_empty());

    let sound = write(&app, "asvs.json", asvs("x").as_bytes());
    let (code, ..) = run(&app, &["import", "--catalogue", &sound, "--system", "shop"]);
    assert_eq!(code, 2, "people and catalogues are not imported together");
    let (approver, officer) =
        (app.operator_member(Role::Approver).await, app.operator_member(Role::ComplianceOfficer).await);
    let error = refused(&sound, &["--as", &approver.login]);
    assert!(
        error.contains("may not") || error.contains("forbidden") || error.contains("not allowed"),
        "{error}"
    );
    let (code, _, error) = run(&app, &["import", "--catalogue", &sound, "--as", &officer.login]);
    assert_eq!(code, 0, "{error}");
    // Who reads requirements reads copies; removing is another matter.
    let seen = copies(&approver).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(remove(&approver, &seen[0]["digest"]).await["code"], "FORBIDDEN");
    assert_eq!(copies(&approver).await, seen);
    let school = app.tenant("school-001").await;
    let staff = app.member(&school, Role::TenantAdmin).await;
    let answer = staff.gql(COPIES).await;
    assert!(answer["data"]["catalogueCopies"].is_null() && !answer["errors"].is_null(), "{answer}");
    assert_eq!(remove(&officer, &seen[0]["digest"]).await["__typename"], "CatalogueCopy");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_counted_by_what_is_shipped_and_by_a_copy() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("caching.yaml", &citing())], "ordering", false).await;
    let shipped = coverage(&admin, json!({})).await;
    assert_eq!((&shipped["isComplete"], &shipped["copy"]), (&json!(true), &Value::Null), "{shipped}");
    assert_eq!(
        shipped["total"],
        json!({ "group": "", "all": { "total": 345, "stated": 2, "satisfied": 1, "checked": 0, "partial": 1, "failing": 0,
                                      "notCovered": 343 }, "important": { "total": 0 } })
    );
    assert_eq!(shipped["groups"].as_array().map(Vec::len), Some(17));
    assert_eq!(
        shipped["groups"][13],
        json!({ "group": "14", "label": { "ja": "データの保護", "en": "Data protection" }, "title": null,
                "all": { "total": 13, "stated": 2 } })
    );
    let item = |standing: &str, checked: bool, failing: &[&str], title: Value| {
        json!({ "ids": ["14.3.2"], "label": { "ja": "ブラウザーに保存させない", "en": "Not cached in browsers" }, "title": title,
                "group": "14", "important": false, "standing": standing, "checked": checked, "chosenLevel": null,
                "wantedLevel": null, "asvsLevel": 2, "requirements": ["NFR-CACHE"], "failing": failing })
    };
    assert_eq!(shipped["items"]["nodes"][1], item("SATISFIED", false, &[], Value::Null));
    assert_eq!(shipped["items"]["nodes"][0]["standing"], "PARTIAL");
    let told = json!([{ "reference": "asvs@5.0.0:14.9.9", "requirement": "NFR-CACHE", "reason": "UNKNOWN" },
                      { "reference": "asvs@4.0.3:8.3.1", "requirement": "NFR-CACHE", "reason": "OTHER_VERSION" }]);
    assert_eq!(shipped["uncounted"], told);

    // A check that passes, then one that fails.
    let record = "mutation($input: EvidenceInput!) { recordEvidence(input: $input) { __typename } }";
    let seen = |observed: u32| json!({ "input": { "requirement": "NFR-CACHE", "collector": "reviewer", "observed": observed } });
    ask(&admin, record, seen(0)).await;
    assert_eq!(
        coverage(&admin, json!({})).await["items"]["nodes"][1],
        item("SATISFIED", true, &[], Value::Null)
    );
    app.clock.advance(1);
    ask(&admin, record, seen(3)).await;
    let failing = coverage(&admin, json!({})).await;
    assert_eq!(failing["items"]["nodes"][1], item("FAILING", false, &["NFR-CACHE"], Value::Null));
    assert_eq!(failing["total"]["all"]["failing"], 2);

    // With a copy its items are counted, with its words beside ours.
    let file = write(&app, "asvs.json", asvs("the copy's words").as_bytes());
    let (code, _, error) = run(&app, &["import", "--catalogue", &file]);
    assert_eq!(code, 0, "{error}");
    let by_copy = coverage(&admin, json!({ "standing": null })).await;
    let digest = by_copy["copy"]["digest"].clone();
    assert_eq!(
        (by_copy["isComplete"].clone(), &by_copy["total"]["all"]["total"]),
        (json!(false), &json!(4)),
        "{by_copy}"
    );
    assert_eq!(
        by_copy["items"]["nodes"][2],
        item("FAILING", false, &["NFR-CACHE"], json!("the copy's words"))
    );
    let own = &by_copy["items"]["nodes"][3];
    assert_eq!(
        (&own["ids"], &own["label"], &own["asvsLevel"]),
        (&json!(["14.3.99"]), &Value::Null, &json!(1))
    );
    assert_eq!(by_copy["groups"][0]["title"], "Invented chapter");
    let page = coverage(&admin, json!({ "standing": null, "first": 3 })).await["items"].clone();
    assert_eq!(
        (page["nodes"].as_array().map(Vec::len), &page["pageInfo"]["hasNextPage"]),
        (Some(3), &json!(true))
    );
    let rest = json!({ "standing": null, "first": 3, "after": page["pageInfo"]["endCursor"] });
    assert_eq!(coverage(&admin, rest).await["items"]["nodes"], json!([own]));
    assert_eq!(coverage(&admin, json!({ "group": "9" })).await["items"]["nodes"], json!([]));
    // The command line tells the same by the same copy, and no export has the copy's words.
    let (code, out, _) =
        run(&app, &["attest", "coverage", "--system", "shop", "--catalogue", "asvs", "--all"]);
    assert!(code == 0 && out.contains(&text(&digest)) && out.contains("14.3.99"), "{out}");
    assert!(
        out.contains("not counted: asvs@4.0.3:8.3.1 of NFR-CACHE") && out.contains("the copy's words"),
        "{out}"
    );
    for form in ["sheet", "cyclonedx"] {
        let (code, out, error) = run(&app, &["attest", form, "--system", "shop", "--catalogue", "asvs"]);
        assert!(code == 0 && !out.contains("the copy's words"), "{form}: {error}");
    }
    // Another copy by its digest; one that there is not, a catalogue without ids, a system that there is not.
    let other = write(&app, "other.json", asvs("newer words").as_bytes());
    assert_eq!(run(&app, &["import", "--catalogue", &other]).0, 0);
    assert_eq!(
        coverage(&admin, json!({ "standing": null })).await["items"]["nodes"][3]["title"],
        "newer words"
    );
    let older = coverage(&admin, json!({ "standing": null, "copy": digest })).await;
    assert_eq!(older["items"]["nodes"][3]["title"], "the copy's words");
    let cases = [
        (json!({ "copy": "0".repeat(64) }), "NOT_FOUND"),
        (json!({ "catalogue": "OWASP_SECREQ_JA", "copy": digest }), "NOT_FOUND"),
        (json!({ "catalogue": "NIST_PF" }), "INVALID"),
        (json!({ "system": "nothing" }), "NOT_FOUND"),
        (json!({ "after": "eA" }), "INVALID"),
    ];
    for (variables, code) in cases {
        let mut all = json!({ "system": "shop", "catalogue": "ASVS" });
        all.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
        let answer = admin.gql_with(COVERAGE, all).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{variables}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_sheet_proposes_levels_and_an_incomplete_catalogue_says_so() {
    let app = TestApp::new().await;
    let admin = app.admin();
    apply(&admin, &[("system.yaml", SYSTEM), ("caching.yaml", &citing())], "ordering", false).await;
    let secreq = coverage(&admin, json!({ "catalogue": "OWASP_SECREQ_JA" })).await;
    assert_eq!(
        (&secreq["isComplete"], &secreq["items"]["nodes"][0]["ids"]),
        (&json!(false), &json!(["7.9.1"])),
        "{secreq}"
    );
    let ipa = |model: &str| coverage(&admin, json!({ "catalogue": "IPA_NFRG", "model": model }));
    // What is shipped proposes nothing, and counts an item with two numbers once.
    let node = |standing: &str, wanted: Value, title: Value, ids: Value| {
        (json!(standing), wanted, title, ids, json!(1))
    };
    let first = |answer: &Value| {
        let item = answer["items"]["nodes"][0].clone();
        let of = |name: &str| item[name].clone();
        (of("standing"), of("wantedLevel"), of("title"), of("ids"), of("chosenLevel"))
    };
    let twice = json!(["A.1.1.1", "C.1.1.1"]);
    let shipped = coverage(&admin, json!({ "catalogue": "IPA_NFRG" })).await;
    assert_eq!(first(&shipped), node("SATISFIED", Value::Null, Value::Null, twice));
    let sheet = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/catalogue/tests/files/invented-ipa-sheet.xls");
    assert_eq!(run(&app, &["import", "--catalogue", sheet]).0, 0);
    let low = ipa("LOW").await;
    let title = low["items"]["nodes"][0]["title"].clone();
    assert!(title.as_str().is_some_and(|title| !title.is_empty()), "{low}");
    assert_eq!(first(&low), node("SATISFIED", json!(1), title.clone(), json!(["A.1.1.1"])));
    assert_eq!(first(&ipa("MIDDLE").await), node("PARTIAL", json!(2), title, json!(["A.1.1.1"])));
    // The important ones stand first.
    let all = coverage(&admin, json!({ "catalogue": "IPA_NFRG", "standing": null })).await;
    let important: Vec<&Value> =
        all["items"]["nodes"].as_array().unwrap().iter().map(|item| &item["important"]).collect();
    assert_eq!(important, [&json!(true), &json!(true), &json!(true), &json!(false)]);
}
