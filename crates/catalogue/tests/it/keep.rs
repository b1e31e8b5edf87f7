//! What a service keeps of a copy, and what comes back of it.

use catalogue::coverage::coverage;
use catalogue::{Catalogue, ItemText, KeepError, Limits, ModelSystem, Origin, Scheme, import, shipped};
use serde_json::{Value, json};

use crate::{IPA_SHEET, system, workbook, write};

fn sheet() -> Catalogue {
    let bytes = workbook(IPA_SHEET, |sheet| {
        let row =
            |id| [id, "性の見本", "質の見本", "帯の見本", "説明の見本", "", "", "見本の帯域", "水準の見本"];
        write(sheet, 2, 0, &row("B.4.1.1"));
        write(sheet, 3, 0, &["B.4.1.2", "", "", "専の見本", "", "", "", "見本の専有"]);
        write(sheet, 4, 0, &["B.4.3.1", "", "", "急の見本", "", "", "", "見本の急増"]);
        for (column, level) in [(16, 1.0), (19, 2.0), (22, 5.0)] {
            sheet.write_number(4, column, level).unwrap();
        }
    });
    import(&bytes, &Limits::default()).unwrap_or_else(|error| panic!("{error}")).catalogue
}

#[test]
fn ids_titles_and_levels_come_back_with_our_labels() {
    let read = sheet();
    let text = read.keep().unwrap();
    let kept = Catalogue::kept(&text).unwrap();
    assert_eq!((kept.scheme(), kept.version(), kept.origin()), (Scheme::IpaNfrg, "2018", Origin::Imported));
    // The same but for what is not kept: explanations, notes, what levels mean.
    assert_eq!(kept.groups(), read.groups());
    for (kept, read) in kept.items().iter().zip(read.items()) {
        let ItemText { name, models, .. } = read.text.clone().unwrap();
        let mut read = read.clone();
        read.text = Some(ItemText { name, models, ..ItemText::default() });
        assert_eq!(kept, &read);
    }
    assert!(!text.contains("説明の見本") && !text.contains("水準の見本") && text.contains("見本の帯域"));
    // Two minor items have the number B.4.1: each gets its own label back.
    let groups: Vec<_> = kept.groups().iter().filter(|group| group.id == "B.4.1").collect();
    let labels: Vec<_> = groups.iter().map(|group| group.label.as_ref().unwrap().en.as_str()).collect();
    assert_eq!(labels, ["Reserved bandwidth", "Dedicated hardware"]);
    // And it counts alike.
    let model = Some(ModelSystem::Middle);
    assert_eq!(
        coverage(&kept, (&system().citations()[..]).into(), model),
        coverage(&read, (&system().citations()[..]).into(), model)
    );
    assert_eq!(kept.keep().unwrap(), text);
}

#[test]
fn what_is_shipped_can_be_kept() {
    for scheme in Scheme::ALL {
        let Some(catalogue) = shipped(scheme) else { continue };
        let kept = Catalogue::kept(&catalogue.keep().unwrap()).unwrap();
        let ids =
            |catalogue: &Catalogue| catalogue.items().iter().map(|item| item.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&kept), ids(catalogue));
        assert_eq!(
            kept.items().iter().map(|item| &item.label).collect::<Vec<_>>(),
            catalogue.items().iter().map(|item| &item.label).collect::<Vec<_>>()
        );
        for item in catalogue.items() {
            assert_eq!(kept.same_as(&item.id), catalogue.same_as(&item.id));
        }
    }
}

#[test]
fn what_was_not_written_so_is_refused() {
    let sound: Value = serde_json::from_str(&sheet().keep().unwrap()).unwrap();
    assert!(Catalogue::kept(&sound.to_string()).is_ok());
    let changes: [(&str, Value); 9] = [
        ("/form", json!(2)),
        ("/catalogue", json!("other")),
        ("/groups/0/parent", json!(0)),
        ("/groups/1/parent", json!(9)),
        ("/items/0/group", json!(99)),
        ("/items/1/id", json!("B.4.1.1")),
        ("/items/2/models/0", json!(6)),
        ("/items/2/models/0", json!(-1)),
        ("/items/0/title", Value::Null),
    ];
    for (place, value) in changes {
        let mut changed = sound.clone();
        match changed.pointer_mut(place) {
            Some(old) => *old = value,
            None => changed["groups"][0]["parent"] = value,
        }
        assert_eq!(Catalogue::kept(&changed.to_string()).map(|_| ()), Err(KeepError::Form), "{place}");
    }
    for text in ["", "{}", "[]", "null", "{\"form\":1}"] {
        assert_eq!(Catalogue::kept(text).map(|_| ()), Err(KeepError::Form), "{text}");
    }
    assert_eq!(Catalogue::kept(&" ".repeat((4 << 20) + 1)).map(|_| ()), Err(KeepError::TooLarge));
}

#[test]
fn more_than_any_catalogue_is_not_kept_and_titles_are_cut() {
    let read = |requirements: usize, title: &str| {
        let items: Vec<_> = (0..requirements)
            .map(|at| json!({ "Shortcode": format!("V{}.1.{}", at / 900 + 1, at % 900), "Description": title, "L": "1" }))
            .collect();
        let chapters: Vec<_> = items
            .chunks(900)
            .zip(1..)
            .map(|(items, chapter)| {
                json!({ "Shortcode": format!("V{chapter}"), "Name": "Invented", "Items": [
                { "Shortcode": format!("V{chapter}.1"), "Name": "Invented", "Items": items } ] })
            })
            .collect();
        let document = json!({ "Version": "5.0.0", "Requirements": chapters });
        import(document.to_string().as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
    };
    assert!(read(2_000, "x").catalogue.keep().is_ok());
    assert_eq!(read(2_001, "x").catalogue.keep(), Err(KeepError::TooLarge));
    // Three bytes a character.
    assert_eq!(read(1_000, &"長".repeat(2_000)).catalogue.keep(), Err(KeepError::TooLarge));
    let kept = Catalogue::kept(&read(1, &"長".repeat(3_000)).catalogue.keep().unwrap()).unwrap();
    assert_eq!(kept.items()[0].text.as_ref().unwrap().name.chars().count(), 2_000);
}
