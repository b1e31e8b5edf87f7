//! Versions: frozen for ever, filled in by hand, approved by somebody else, compared with the one before.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use suimon::access::{Role, act_locally};
use suimon::incidents::model::EntryKind;
use suimon::incidents::{self, NewEntry};
use suimon::reports::documents::{self, Form};

use crate::documents_scene::{approver, ask, change, download, field, founding, make};
use crate::duties_scene::{Scene, jst};
use crate::harness::text;

const FORMS: [&str; 4] = ["html", "pdf", "docx", "txt"];

async fn digests(scene: &Scene, id: &Value) -> Vec<String> {
    let mut digests = Vec::new();
    for form in FORMS {
        let (status, _, bytes) = download(&scene.officer, id, form).await;
        assert_eq!(status, 200, "{form}");
        digests.push(hex::encode(Sha256::digest(&bytes)));
    }
    digests
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_the_same_bytes_whatever_becomes_of_the_data() {
    let scene = founding().await;
    let first = make(&scene, "PPC_PRELIMINARY", "JA").await;
    let before = digests(&scene, &first["id"]).await;
    scene.at("2023-11-10T09:00");
    let op = scene.op().await;
    let cause = NewEntry::of(EntryKind::Cause, jst("2023-11-09T12:00"), "a second cause was found");
    incidents::add_entry(&op, scene.incident, cause).await.expect("an entry");
    scene.fact("cause.category", json!("other"), "CONFIRMED").await;
    scene.fact("counts.principals_total", json!(1001), "CONFIRMED").await;
    scene.assess().await;
    let second = make(&scene, "PPC_PRELIMINARY", "JA").await;
    assert_eq!((&second["number"], &second["version"]), (&first["number"], &json!(2)));
    assert_ne!(second["sha256"], first["sha256"]);
    assert_eq!(digests(&scene, &first["id"]).await, before, "the first version is what it was");
    assert_ne!(digests(&scene, &second["id"]).await, before);
    // Another process on the same database and clock: nothing lives in memory.
    let config = scene.app.app.config().clone();
    let again = suimon::app::App::open(config, scene.app.clock.clone(), suimon::entropy::Entropy::seeded(9));
    let again = again.await.expect("the database opens again");
    let op = act_locally(&again, &scene.officer.login).await.expect("the officer acts");
    let row = incidents::RowId { tenant: scene.incident.tenant, id: row_of(&first["id"]) };
    let version = documents::document(&op, row).await.expect("the first version");
    for (form, expected) in Form::ALL.into_iter().zip(&before) {
        let file = documents::file(&op, &version, form).await.expect("a file");
        assert_eq!(
            (&file.sha256, form.extension()),
            (expected, FORMS[Form::ALL.iter().position(|f| *f == form).unwrap()])
        );
    }
    // What changed is told by field.
    let told = ask(&scene.officer, &second["id"], "differences { number label before after }").await;
    let changed: Vec<String> = told["differences"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| format!("{} {}", text(&change["number"]), text(&change["label"])))
        .collect();
    insta::assert_snapshot!(changed.join("\n"));
    let cause =
        told["differences"].as_array().unwrap().iter().find(|change| change["number"] == "4-2").unwrap();
    assert_eq!((&cause["before"], &cause["after"]), (&json!("設定の誤り"), &json!("その他")));
    let none = ask(&scene.officer, &first["id"], "differences { number }").await;
    assert_eq!(none["differences"], json!([]), "a first version has nothing before it");
}

fn row_of(id: &Value) -> uuid::Uuid {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text(id)).expect("an id");
    uuid::Uuid::from_slice(&bytes[bytes.len() - 16..]).expect("a row")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_filled_in_by_hand_and_says_so() {
    let scene = founding().await;
    let made = make(&scene, "PPC_PRELIMINARY", "JA").await;
    let set = |id: Value, field: &'static str, text: Option<&'static str>| {
        let variables = json!({ "id": id, "field": field, "text": text });
        let officer = scene.officer.clone();
        async move { change(&officer, "setDocumentField", variables).await }
    };
    let filled = set(made["id"].clone(), "5-1", Some("無\r\n（2023年11月9日現在）")).await;
    assert_eq!((&filled["version"], &filled["origin"]), (&json!(2), &json!("FIELD")), "{filled}");
    let fields = ask(&scene.officer, &filled["id"], "fields { number text unknown entered }").await;
    insta::assert_snapshot!(field(&fields, "5-1"), @r#"{"entered":true,"number":"5-1","text":"無\n（2023年11月9日現在）\n〔手入力：コンプライアンス担当、2023年11月9日（木） 10:00〕","unknown":false}"#);
    let told = ask(&scene.officer, &filled["id"], "differences { number before after }").await;
    assert_eq!(told["differences"].as_array().map(Vec::len), Some(1), "{told}");
    // What comes from the data is corrected there; what is no field, is none; old versions stay.
    let code = |answer: &Value| format!("{} {}", text(&answer["code"]), text(&answer["message"]));
    let refused = [
        code(&set(filled["id"].clone(), "1-1", Some("昨日")).await),
        code(&set(filled["id"].clone(), "99", Some("x")).await),
        code(&set(filled["id"].clone(), "0-3", Some(" ")).await),
        code(&set(filled["id"].clone(), "0-3", Some("a\u{7}")).await),
        code(&set(filled["id"].clone(), "0-3", None).await),
        code(&set(made["id"].clone(), "0-3", Some("x")).await),
    ];
    insta::assert_snapshot!(refused.join("\n"), @r"
    CONFLICT this field's value comes from the data
    INVALID is not the number of a field of this document
    INVALID wants 1 to 5000 characters
    INVALID has control characters
    CONFLICT nothing was filled in here
    CONFLICT a later version of this document exists
    ");
    // A new version from the data keeps it while the data leave the field open; taken back, the open point returns.
    let third = make(&scene, "PPC_PRELIMINARY", "JA").await;
    let fields = ask(&scene.officer, &third["id"], "fields { number text unknown entered }").await;
    assert_eq!(field(&fields, "5-1")["entered"], true);
    let fourth = set(third["id"].clone(), "5-1", None).await;
    let fields = ask(&scene.officer, &fourth["id"], "fields { number text unknown entered }").await;
    assert_eq!(
        (&field(&fields, "5-1")["unknown"], &field(&fields, "5-1")["entered"]),
        (&json!(true), &json!(false))
    );
    // What the data know by now takes the place of what was entered.
    let entered = set(fourth["id"].clone(), "7", Some("検討中")).await;
    assert_eq!(entered["__typename"], "Document", "{entered}");
    scene.fact("persons.published_at", json!("2023-11-09T09:00:00+09:00[Asia/Tokyo]"), "CONFIRMED").await;
    scene.assess().await;
    let last = make(&scene, "PPC_PRELIMINARY", "JA").await;
    let fields = ask(&scene.officer, &last["id"], "fields { number text unknown entered }").await;
    insta::assert_snapshot!(field(&fields, "7"), @r#"{"entered":false,"number":"7","text":"公表済み：2023年11月9日（木） 09:00","unknown":false}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_eyes_make_it_final() {
    let scene = founding().await;
    let made = make(&scene, "FINAL_REPORT", "EN").await;
    let call = "finaliseDocument";
    let refused = change(&scene.officer, call, json!({ "id": made["id"] })).await;
    insta::assert_snapshot!(refused, @r#"{"__typename":"Problem","code":"FORBIDDEN","field":null,"message":"not allowed: approve on report","remedy":"whoever made a document or filled in a field cannot approve it; ask another person"}"#);
    // A second officer who filled in a field has written too.
    let second = scene.app.operator_member(Role::ComplianceOfficer).await;
    let form = make(&scene, "PPC_FINAL", "EN").await;
    let variables = json!({ "id": form["id"], "field": "5-1", "text": "none" });
    let filled = change(&second, "setDocumentField", variables).await;
    for writer in [&scene.officer, &second] {
        let refused = change(writer, call, json!({ "id": filled["id"] })).await;
        assert_eq!(refused["code"], "FORBIDDEN", "{refused}");
    }
    let approver = approver(&scene).await;
    let old = change(&approver, call, json!({ "id": form["id"] })).await;
    assert_eq!(old["code"], "CONFLICT", "{old}");
    let done = change(&approver, call, json!({ "id": filled["id"] })).await;
    assert_eq!(
        (&done["state"], &done["origin"], &done["version"]),
        (&json!("FINAL"), &json!("FINAL"), &json!(3))
    );
    let said = ask(&approver, &done["id"], "text").await;
    assert!(text(&said["text"]).contains("State: FINAL"), "{said}");
    let nothing = ask(&approver, &done["id"], "differences { number }").await;
    assert_eq!(nothing["differences"], json!([]), "approval changes no word");
    for (call, variables) in [
        ("finaliseDocument", json!({ "id": done["id"] })),
        ("setDocumentField", json!({ "id": done["id"], "field": "5-1", "text": "some" })),
    ] {
        let refused = change(&second, call, variables).await;
        assert_eq!(refused["message"], "this version is final", "{refused}");
    }
    // After approval the work begins anew, and whoever made the new version cannot approve it.
    let next = make(&scene, "PPC_FINAL", "EN").await;
    assert_eq!((&next["version"], &next["state"]), (&json!(4), &json!("DRAFT")));
    assert_eq!(change(&scene.officer, call, json!({ "id": next["id"] })).await["code"], "FORBIDDEN");
    let versions = ask(&approver, &next["id"], "versions { version state origin }").await;
    insta::assert_snapshot!(versions, @r#"{"versions":[{"origin":"DATA","state":"DRAFT","version":1},{"origin":"FIELD","state":"DRAFT","version":2},{"origin":"FINAL","state":"FINAL","version":3},{"origin":"DATA","state":"DRAFT","version":4}]}"#);
    let query = format!("{{ incident(id: \"{}\") {{ documents {{ number version kind }} }} }}", scene.id);
    let listed = approver.gql(&query).await["data"]["incident"]["documents"].clone();
    insta::assert_snapshot!(listed, @r#"[{"kind":"FINAL_REPORT","number":1,"version":1},{"kind":"PPC_FINAL","number":2,"version":4}]"#);
}
