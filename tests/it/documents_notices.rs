//! Notices to single customers: what none of them may learn of the others, as long as nobody can tell what is of others, and by numbers.

use std::collections::BTreeSet;

use serde_json::Value;
use suimon::incidents::model::EntryKind;
use suimon::incidents::{self, NewEntry};

use crate::documents_scene::{ask, download, field, make_for, mark_of, told};
use crate::duties_scene::{Scene, jst};
use crate::harness::text;

/// Fields of the notice that are the team's own words.
const OWN_WORDS: [&str; 5] = ["1-1", "4", "5", "6", "8-1"];

async fn write(scene: &Scene) {
    let op = scene.op().await;
    for (kind, said) in [
        (EntryKind::Summary, "what the team wrote of the event"),
        (EntryKind::Cause, "what the team wrote of the cause"),
        (EntryKind::Impact, "what the team wrote of the impact"),
        (EntryKind::Measure, "what the team wrote of measures"),
    ] {
        let entry = NewEntry::of(kind, jst("2023-10-26T15:50"), said);
        incidents::add_entry(&op, scene.incident, entry).await.expect("an entry");
    }
}

async fn fields_of(scene: &Scene, made: &Value) -> Value {
    ask(&scene.officer, &made["id"], "fields { number text unknown }").await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_nobody_can_tell_what_is_of_others() {
    let scene = Scene::new().await;
    write(&scene).await;
    let school = scene.app.tenant("t-0").await;
    let made = make_for(&scene, &school.id, "EN").await;
    let fields = fields_of(&scene, &made).await;
    for number in OWN_WORDS {
        let field = field(&fields, number);
        assert_eq!(field["unknown"], true, "{field}");
        assert!(text(&field["text"]).contains("no affected list yet"), "{field}");
    }
    let said = told(&scene, &made["id"]).await;
    for words in ["what the team wrote", "caching switched off"] {
        assert!(!said.contains(words), "{words}:\n{said}");
    }
    // With one they are what they are: they tell of nobody else.
    scene.list(3, 0, 0).await;
    let made = make_for(&scene, &school.id, "EN").await;
    let fields = fields_of(&scene, &made).await;
    for number in OWN_WORDS {
        let field = field(&fields, number);
        assert_eq!(field["unknown"], false, "{field}");
    }
    let said = told(&scene, &made["id"]).await;
    assert_eq!(
        (said.matches("what the team wrote").count(), said.contains("caching switched off")),
        (4, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_tells_how_many_notices_there_are() {
    let scene = Scene::new().await;
    scene.list(3, 0, 0).await;
    let (mut marks, mut of_first) = (BTreeSet::new(), String::new());
    for slug in ["t-0", "t-1", "t-2"] {
        let school = scene.app.tenant(slug).await;
        for language in ["EN", "JA"] {
            let made = make_for(&scene, &school.id, language).await;
            let said = told(&scene, &made["id"]).await;
            let mark = mark_of(&said);
            assert!(mark.len() == 8 && mark.bytes().all(|digit| digit.is_ascii_hexdigit()), "{mark}");
            let (_, headers, _) = download(&scene.officer, &made["id"], "txt").await;
            let named = headers["content-disposition"].to_str().expect("text");
            let language = language.to_lowercase();
            let name = format!("processor-notice-{mark}-v1-{language}.txt");
            assert_eq!(named, format!("attachment; filename=\"{name}\""));
            assert!(marks.insert(mark.clone()), "each document has one of its own");
            if of_first.is_empty() {
                of_first = mark;
            }
        }
    }
    // It stays over the versions of a document.
    let school = scene.app.tenant("t-0").await;
    let made = make_for(&scene, &school.id, "EN").await;
    assert_eq!((&made["number"], &made["version"]), (&1.into(), &2.into()), "{made}");
    assert_eq!(mark_of(&told(&scene, &made["id"]).await), of_first);
}
