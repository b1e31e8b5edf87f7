//! Documents about an incident whose team wrote very much: each can be written, and says how much is left out.

use serde_json::json;
use suimon::incidents::model::EntryKind;
use suimon::incidents::{self, NewEntry};

use crate::documents_scene::{ask, change, download, field, make, told};
use crate::duties_scene::{Scene, jst};
use crate::harness::text;

/// As long as an entry may be. Its first words tell it from others.
fn long(name: &str) -> String {
    let name = format!("[{name}] ");
    let rest = 10_000 - name.chars().count();
    format!("{name}{}", "水".repeat(rest))
}

async fn write(scene: &Scene, kind: EntryKind, name: &str, count: usize) {
    let op = scene.op().await;
    for index in 0..count {
        let entry = NewEntry::of(kind, jst("2023-10-26T15:50"), long(&format!("{name} {index}")));
        incidents::add_entry(&op, scene.incident, entry).await.expect("an entry");
    }
}

/// The number that a text names as left out.
fn left_out(said: &str) -> usize {
    let (_, rest) = said.split_once("and ").unwrap_or_else(|| panic!("nothing is left out: {said:.200}"));
    rest.split(' ').next().expect("a number").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_very_long_timeline_is_told_in_part_and_the_rest_is_counted() {
    let scene = Scene::new().await;
    for (kind, name, count) in [
        (EntryKind::Summary, "summary", 1),
        (EntryKind::Cause, "cause", 5),
        (EntryKind::Impact, "impact", 4),
        (EntryKind::Measure, "measure", 3),
        (EntryKind::Event, "event", 60),
    ] {
        write(&scene, kind, name, count).await;
    }
    let made = make(&scene, "PPC_PRELIMINARY", "EN").await;
    let fields = ask(&scene.officer, &made["id"], "fields { number text }").await;
    for (number, name, count) in [("4-3", "cause", 5), ("5-2", "impact", 4), ("6", "measure", 3)] {
        let said = text(&field(&fields, number)["text"]);
        let shown = said.matches(&format!("[{name} ")).count();
        assert!(
            shown >= 1 && said.chars().count() <= 20_100,
            "{number}: {shown} in {}",
            said.chars().count()
        );
        assert_eq!(shown + left_out(&said), count, "{number}");
        assert!(said.ends_with(" more entries"), "{number}");
    }
    let said = text(&field(&fields, "1-3")["text"]);
    assert!(!said.is_empty());
    for end in ["html", "docx"] {
        assert_eq!(download(&scene.officer, &made["id"], end).await.0, 200, "{end}");
    }

    let input = json!({ "kind": "GDPR_REGISTER", "language": "EN" });
    let register = change(&scene.officer, "createDocument", json!({ "input": input })).await;
    assert_eq!(register["__typename"], "Document", "{register}");
    let said = told(&scene, &register["id"]).await;
    assert!(said.contains("long texts of the timeline in part") && said.contains("水…"), "{said:.2000}");
    assert!(said.contains("and 4 more entries") && said.contains("and 3 more entries"), "causes, impacts");
    assert!(said.chars().count() < 20_000, "{}", said.chars().count());

    for language in ["EN", "JA"] {
        let made = make(&scene, "INTERIM_REPORT", language).await;
        let said = told(&scene, &made["id"]).await;
        let shown = said.matches("[event ").count();
        assert!((40..60).contains(&shown), "{shown} are shown in {language}");
        let rest = 60 - shown;
        let rest =
            if language == "EN" { format!("and {rest} more entries") } else { format!("ほか{rest}件") };
        assert!(said.contains(&rest), "{shown} are shown, and it does not say: {rest}");
    }
}
