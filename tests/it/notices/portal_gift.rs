//! Gift codes: kept sealed, given once to each concerned person, and counted.

use entity::gift_code;
use reqwest::StatusCode;
use sea_orm::EntityTrait;
use serde_json::json;

use super::fixture::Fixture;
use super::portal_scene::Browser;

const ONE: &str = "p-000@school-001.example";
const OTHER: &str = "p-001@school-001.example";

async fn told() -> (Fixture, String, String) {
    let fixture = Fixture::captured().await;
    let list = fixture.people(2).await;
    fixture.approved(list).await;
    assert_eq!(fixture.send().await.accepted, 2);
    let (one, other) = (fixture.path_to(ONE).await, fixture.path_to(OTHER).await);
    (fixture, one, other)
}

impl Fixture {
    async fn import_gifts(&self, text: &str) -> Result<suimon::notices::portal::GiftCounts, String> {
        let op = suimon::access::act_locally(&self.app.app, &self.officer.login).await.expect("the officer");
        let imported = suimon::notices::portal::import_gifts(&op, self.root, self.incident, text).await;
        imported.map_err(|error| error.to_string())
    }

    async fn gifts(&self) -> serde_json::Value {
        let answer = self
            .officer
            .gql_with(
                "query($id: ID!) { incident(id: $id) { giftCodes { imported given left } } }",
                json!({ "id": self.incident_id() }),
            )
            .await;
        answer["data"]["incident"]["giftCodes"].clone()
    }
}

/// The code on a page.
fn code_on(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("<p class=\"giftcode\">")?;
    Some(rest.split_once("</p>")?.0.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_imported_whole_and_lie_sealed() {
    let (fixture, _, _) = told().await;
    for (text, expected) in [
        ("", "file: has no codes; put one code on each line"),
        (
            "A-1\n\nB-2\nA-1\n",
            "file: line 4: the same code as line 1; take one of them out; nothing was kept",
        ),
        (
            "A-1\nB\u{7}2",
            "file: line 2: no code of 1 to 200 plain characters; put one code on each line; nothing was kept",
        ),
    ] {
        assert_eq!(fixture.import_gifts(text).await.unwrap_err(), expected);
    }
    assert_eq!(fixture.gifts().await, json!({ "imported": 0, "given": 0, "left": 0 }));
    let counts = fixture.import_gifts("\u{feff}SECRET-GIFT-1\r\nSECRET-GIFT-2\r\n").await.unwrap();
    assert_eq!((counts.imported, counts.left()), (2, 2));
    let again = fixture.import_gifts("SECRET-GIFT-3\nSECRET-GIFT-2\n").await.unwrap_err();
    assert_eq!(
        again,
        "file: line 2: this incident has this code already; take out the codes that were imported before; nothing was kept"
    );
    assert_eq!(fixture.gifts().await, json!({ "imported": 2, "given": 0, "left": 2 }));
    for gift in gift_code::Entity::find().all(&fixture.database).await.unwrap() {
        let lies = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"SECRET");
        assert!(!lies(&gift.sealed) && !lies(&gift.digest));
    }
    let entries = fixture.audited("gift.").await;
    assert!(entries.len() == 1 && !entries[0].contains("SECRET"), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_ask_at_once_for_a_person_get_the_same_code() {
    let (fixture, one, other) = told().await;
    let mut browser = Browser::new(&fixture.app.url);
    let page = browser.enter(&fixture, &one, ONE).await;
    assert!(!page.body.contains("ギフトコード"), "there are none yet: {}", page.body);
    fixture.import_gifts("GIFT-1\nGIFT-2\nGIFT-3\n").await.unwrap();
    let page = browser.get(&one).await;
    assert!(page.body.contains("ギフトコードを受け取る") && code_on(&page.body).is_none(), "{}", page.body);
    let mut second = Browser::new(&fixture.app.url);
    second.cookie = browser.cookie.clone();
    let take = format!("{one}/gift");
    let (left, right) = tokio::join!(browser.post(&take, &[]), second.post(&take, &[]));
    let code = code_on(&left.body).expect("a code");
    assert_eq!(code_on(&right.body), Some(code.clone()));
    assert_eq!(fixture.gifts().await, json!({ "imported": 3, "given": 1, "left": 2 }));
    // Shown again in a later session, and no other is given.
    fixture.app.clock.advance(2 * 3600);
    let mut later = Browser::new(&fixture.app.url);
    later.enter(&fixture, &one, ONE).await;
    let page = later.post(&take, &[]).await;
    assert_eq!(code_on(&page.body), Some(code.clone()));
    let mut stranger = Browser::new(&fixture.app.url);
    let page = stranger.enter(&fixture, &other, OTHER).await;
    assert!(code_on(&page.body).is_none() && !page.body.contains(&code));
    let page = stranger.post(&format!("{other}/gift"), &[]).await;
    assert!(code_on(&page.body).is_some_and(|theirs| theirs != code));
    assert_eq!(fixture.gifts().await, json!({ "imported": 3, "given": 2, "left": 1 }));
    let audited = fixture.audited("portal.gift").await.join("\n");
    assert!(!audited.contains("GIFT-"), "{audited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_concerned_gets_none_and_who_comes_too_late_is_told() {
    let (fixture, one, other) = told().await;
    fixture.import_gifts("GIFT-1\n").await.unwrap();
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &one, ONE).await;
    browser.post(&format!("{one}/gift"), &[]).await;
    let mut late = Browser::new(&fixture.app.url);
    late.enter(&fixture, &other, OTHER).await;
    let page = late.post(&format!("{other}/gift"), &[]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.body.contains("お渡しできるギフトコードがありません"), "{}", page.body);
    fixture.import_gifts("GIFT-2\n").await.unwrap();
    fixture.revision(2, &[("school-001", "p-000", "excluded"), ("school-001", "p-001", "excluded")]).await;
    let page = late.get(&other).await;
    assert!(!page.body.contains("ギフトコード"), "{}", page.body);
    assert_eq!(late.post(&format!("{other}/gift"), &[]).await.status, StatusCode::CONFLICT);
    // What was given stays given.
    assert_eq!(code_on(&browser.get(&one).await.body).as_deref(), Some("GIFT-1"));
    assert_eq!(fixture.gifts().await, json!({ "imported": 2, "given": 1, "left": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_kept_before_opens_after_the_key_was_replaced() {
    let (fixture, one, _) = told().await;
    fixture.import_gifts("GIFT-1\n").await.unwrap();
    let before = gift_code::Entity::find().all(&fixture.database).await.unwrap().remove(0).sealed;
    let operator = fixture.app.operator().await;
    let answer = fixture
        .app
        .admin()
        .gql_with(
            "mutation($id: ID!) { rotateTenantKeys(tenantIds: [$id]) { __typename ... on Problem { message } } }",
            json!({ "id": operator.id }),
        )
        .await;
    assert!(answer["errors"].is_null() && !answer.to_string().contains("Problem"), "{answer}");
    for _ in 0..6 {
        fixture.app.run_jobs().await;
        fixture.app.clock.advance(180);
    }
    let after = gift_code::Entity::find().all(&fixture.database).await.unwrap().remove(0).sealed;
    assert_ne!(before, after, "its key is wrapped anew");
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &one, ONE).await;
    let page = browser.post(&format!("{one}/gift"), &[]).await;
    assert_eq!(code_on(&page.body).as_deref(), Some("GIFT-1"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_come_in_by_the_command_line_and_are_counted() {
    let (fixture, one, _) = told().await;
    let file = fixture.app.folder().join("codes.txt");
    let run = |arguments: &[&str]| {
        let (code, told, complained) =
            fixture.notices(&fixture.officer.login, &[&["gift"], arguments].concat());
        (code == Some(0), told + complained.as_str())
    };
    let name = file.to_str().expect("a path").to_owned();
    let (done, said) = run(&["import", "1", &name]);
    assert!(!done && said.contains("codes.txt"), "there is no such file: {said}");
    std::fs::write(&file, "GIFT-1\nGIFT-2\n").unwrap();
    assert_eq!(run(&["import", "1", &name]), (true, "2 imported = 0 given + 2 left\n".to_owned()));
    let (done, said) = run(&["import", "1", &name]);
    assert!(!done && said.contains("line 1: this incident has this code already"), "{said}");
    assert!(!said.contains("GIFT-1"), "{said}");
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &one, ONE).await;
    browser.post(&format!("{one}/gift"), &[]).await;
    assert_eq!(run(&["show", "1"]), (true, "2 imported = 1 given + 1 left\n".to_owned()));
    let (done, said) = run(&["show", "1", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((done, json), (true, json!({ "imported": 2, "given": 1, "left": 1 })));
}
