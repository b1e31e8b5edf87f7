//! What documents say about the founding day, in both languages: every kind, and what is said while little is known.

use serde_json::{Value, json};
use suimon::incidents::model::EntryKind;
use suimon::incidents::{self, NewEntry};

use crate::documents_scene::{
    KINDS, ask, change, download, field, founding, make, make_for, mark_of, text_of_pdf, told,
    without_digests,
};
use crate::duties_scene::{Scene, jst};
use crate::harness::text;

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_tells_the_founding_day() {
    let scene = founding().await;
    for kind in KINDS {
        for language in ["JA", "EN"] {
            let made = make(&scene, kind, language).await;
            let name = format!("{}_{}", kind.to_lowercase(), language.to_lowercase());
            insta::assert_snapshot!(name, told(&scene, &made["id"]).await);
        }
    }
    let school = scene.app.tenant("t-0").await;
    for language in ["JA", "EN"] {
        let made = make_for(&scene, &school.id, language).await;
        let said = told(&scene, &made["id"]).await;
        // t-0 has 5 of the 291 applicants: nothing tells how many the others have.
        for number in ["339", "291", "48", "358"] {
            assert!(!said.contains(number), "{number} is of others:\n{said}");
        }
        // What stands for its number differs by database.
        let said = said.replace(&mark_of(&said), "…");
        insta::assert_snapshot!(format!("processor_notice_{}", language.to_lowercase()), said);
        let input = json!({ "kind": "GDPR_REGISTER", "language": language });
        let register = change(&scene.officer, "createDocument", json!({ "input": input })).await;
        assert_eq!(register["__typename"], "Document", "{register}");
        let said = told(&scene, &register["id"]).await;
        insta::assert_snapshot!(format!("gdpr_register_{}", language.to_lowercase()), said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_what_they_say_and_name_nobody() {
    let scene = founding().await;
    for language in ["JA", "EN"] {
        for kind in KINDS {
            let made = make(&scene, kind, language).await;
            let (status, _, pdf) = download(&scene.officer, &made["id"], "pdf").await;
            assert_eq!(status, 200);
            assert!(pdf.starts_with(b"%PDF-"), "{kind}");
            let read = text_of_pdf(&pdf);
            let title = text(&ask(&scene.officer, &made["id"], "text").await["text"]);
            let title: String = title.lines().next().expect("a title").split_whitespace().collect();
            let flat: String = read.split_whitespace().collect();
            assert!(flat.contains(&title), "{title} is not in the PDF:\n{read}");
            let (_, _, docx) = download(&scene.officer, &made["id"], "docx").await;
            assert!(docx.starts_with(b"PK\x03\x04"), "{kind}");
            let (_, _, html) = download(&scene.officer, &made["id"], "html").await;
            let html = String::from_utf8(html).expect("UTF-8");
            assert!(html.starts_with("<!doctype html>") && !html.contains("<script"), "{kind}");
            for said in [&read, &html] {
                assert!(!said.contains("-possible-"), "a pseudonym of the list in {kind}");
            }
            if kind == "BOARD_SUMMARY" {
                assert_eq!(read.matches('\u{c}').count(), 1, "one page, in {language}:\n{read}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_reads_one_page_when_much_is_to_be_done() {
    let scene = founding().await;
    for (name, value, certainty) in [
        ("scope.jurisdictions", json!(["JP", "EU", "DE"]), "CONFIRMED"),
        ("counts.principals_total", json!(120_000), "CONFIRMED"),
        ("data.categories", json!(["special_care.medical_history", "contact"]), "CONFIRMED"),
        ("event.kinds", json!(["viewable_by_others", "leak"]), "CONFIRMED"),
        ("risk.gdpr_risk", json!("high"), "CONFIRMED"),
        ("risk.property_damage", json!(true), "CONFIRMED"),
    ] {
        let recorded = scene.fact(name, value, certainty).await;
        assert_eq!(recorded["__typename"], "Fact", "{name}: {recorded}");
    }
    scene.assess().await;
    for language in ["JA", "EN"] {
        let made = make(&scene, "BOARD_SUMMARY", language).await;
        let (_, _, pdf) = download(&scene.officer, &made["id"], "pdf").await;
        let read = text_of_pdf(&pdf);
        assert_eq!(read.matches('\u{c}').count(), 1, "one page, in {language}:\n{read}");
        insta::assert_snapshot!(
            format!("board_summary_long_{}", language.to_lowercase()),
            told(&scene, &made["id"]).await
        );
        let made = make(&scene, "GDPR_NOTIFICATION", language).await;
        insta::assert_snapshot!(
            format!("gdpr_notification_due_{}", language.to_lowercase()),
            told(&scene, &made["id"]).await
        );
    }
    let made = make(&scene, "PPC_PRELIMINARY", "JA").await;
    let fields = ask(&scene.officer, &made["id"], "fields { number text unknown }").await;
    assert_eq!(field(&fields, "5-1")["text"], "おそれあり（不正利用による財産的被害）");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_to_one_customer_tells_nothing_of_others() {
    let scene = founding().await;
    let op = scene.op().await;
    let school = scene.app.tenant("t-0").await;
    for (said, open) in [
        ("対象は志願者２９１名です。", true),
        ("It concerns 339 people.", true),
        ("The pages of t-17 were shown.", true),
        ("The pages of T-17 were shown.", true),
        ("ｔ－１７の画面が表示された。", true),
        ("Ｔ－１７の画面が表示された。", true),
        ("志願者は３３９名", true),
        ("5 of your applicants, from 11:00 to 15:41.", false),
    ] {
        let entry = NewEntry::of(EntryKind::Summary, jst("2023-11-09T09:30"), said);
        incidents::add_entry(&op, scene.incident, entry).await.expect("an entry");
        let made = make_for(&scene, &school.id, "EN").await;
        let fields = ask(&scene.officer, &made["id"], "fields { number text unknown }").await;
        assert_eq!(field(&fields, "1-1")["unknown"], open, "{said}");
        assert!(!open || !text(&field(&fields, "1-1")["text"]).contains(said));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_an_open_point_that_says_what_would_tell() {
    let scene = Scene::new().await;
    let made = make(&scene, "PPC_PRELIMINARY", "EN").await;
    let fields = ask(&scene.officer, &made["id"], "fields { number label text unknown entered }").await;
    let open: Vec<String> = fields["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter(|field| field["unknown"] == true)
        .map(|field| format!("{} {}", text(&field["number"]), text(&field["text"])))
        .collect();
    insta::assert_snapshot!(open.join("\n"));
    assert!(made["assessmentId"].is_null() && made["revisionId"].is_null(), "{made}");
    let known = field(&fields, "1-1");
    assert_eq!((&known["unknown"], &known["entered"]), (&json!(false), &json!(false)));
    for kind in KINDS {
        let made = make(&scene, kind, "JA").await;
        let said = told(&scene, &made["id"]).await;
        assert!(said.contains("【未確定："), "{kind} invents something:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_items_of_rule_7_are_those_of_the_assessment() {
    let scene = founding().await;
    let chosen = |fields: &Value| {
        let said = text(&field(fields, "1-5")["text"]);
        said.lines().filter(|line| line.starts_with('■')).collect::<Vec<_>>().join("\n")
    };
    let ask_fields = "fields { number text }";
    let made = make(&scene, "PPC_FINAL", "JA").await;
    let fields = ask(&scene.officer, &made["id"], ask_fields).await;
    assert_eq!(chosen(&fields), "■ 該当なし：任意の報告（ガイドライン3-5-3-1（※1））");
    assert_eq!(text(&field(&fields, "0-5")["text"]), "なし（評価上、報告義務がないため）");
    scene.fact("counts.principals_total", json!(1001), "CONFIRMED").await;
    scene.fact("data.categories", json!(["special_care.medical_history"]), "CONFIRMED").await;
    scene.assess().await;
    let made = make(&scene, "PPC_FINAL", "JA").await;
    assert_eq!(made["version"], 2);
    let fields = ask(&scene.officer, &made["id"], ask_fields).await;
    assert_eq!(chosen(&fields), "■ 1号（要配慮個人情報）\n■ 4号（本人の数が千人を超える）");
    let due = text(&field(&fields, "0-5")["text"]);
    assert!(due.starts_with("2023-11-24 24時まで") && due.contains("規則8条2項"), "{due}");
    let said = told(&scene, &made["id"]).await;
    assert!(said.contains("施行規則（以下「規則」という。）8条2項に基づき"), "{said}");
    assert_eq!(said.matches("法的助言ではない").count(), 1, "the disclaimer stands once");
    // What is missing makes it an open point again.
    scene.fact("data.categories", json!("unknown"), "CONFIRMED").await;
    scene.fact("counts.principals_total", json!({ "range": { "min": 0, "max": 900 } }), "CONFIRMED").await;
    scene.assess().await;
    let made = make(&scene, "PPC_FINAL", "EN").await;
    let fields = ask(&scene.officer, &made["id"], ask_fields).await;
    let said = text(&field(&fields, "1-5")["text"]);
    assert!(said.starts_with("[UNKNOWN: record these facts and assess again: "), "{said}");
}

#[test]
fn digests_are_left_out_of_snapshots() {
    let digest = "0".repeat(64);
    assert_eq!(without_digests(&format!("a {digest} b0 c")), "a … b0 c");
}
