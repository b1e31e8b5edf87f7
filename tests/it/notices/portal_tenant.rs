//! The tenant's page: its own list and nobody else's, the file with its mark, and what the tenant says.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Fixture, texts};
use super::portal_scene::{Browser, Page, shows};
use crate::harness::text;

const OFFICE: &str = "office@school-001.example";

struct Scene {
    fixture: Fixture,
    list: uuid::Uuid,
    notice: String,
    path: String,
    other: String,
}

/// Two schools that were told, one with a person whose number a spreadsheet would run.
async fn told(overrides: &[&str]) -> Scene {
    let fixture = Fixture::with(overrides).await;
    fixture.import("school-001", &[("p-001", "ja")]).await;
    fixture.import("school-002", &[("q-001", "ja")]).await;
    for school in ["school-001", "school-002"] {
        let tenant = fixture.app.tenant(school).await;
        let answer = fixture
            .app
            .admin()
            .gql_with(
                "mutation($id: ID!, $address: String) { setTenantContact(tenantId: $id, address: $address) {
                   __typename ... on Problem { message } } }",
                json!({ "id": tenant.id, "address": format!("office@{school}.example") }),
            )
            .await;
        assert_eq!(answer["data"]["setTenantContact"]["__typename"], "ContactSet", "{answer}");
    }
    let list =
        fixture.revision(1, &[("school-002", "q-001", "possible"), ("school-001", "x-9", "excluded")]).await;
    fixture.rests_on(list, &shows(&["applicant.full_name", "applicant.email"])).await;
    let seen = json!({ "routes": ["/mypage/**"], "total": 1, "lines": [] });
    fixture.stands_on(list, ("school-001", "p-001", "confirmed"), &seen).await;
    fixture.stands_on(list, ("school-001", "=1+1<b>", "possible"), &seen).await;
    let notice = text(&fixture.create(&fixture.officer, list, "TENANTS", texts()).await["id"]);
    let approved = fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(approved["state"], "APPROVED", "{approved}");
    assert_eq!(fixture.send().await.accepted, 2);
    let path = fixture.path_to(OFFICE).await;
    let other = fixture.path_to("office@school-002.example").await;
    Scene { fixture, list, notice, path, other }
}

impl Scene {
    async fn enter(&self) -> (Browser, Page) {
        let mut browser = Browser::new(&self.fixture.app.url);
        let page = browser.enter(&self.fixture, &self.path, OFFICE).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        (browser, page)
    }

    /// What the operator sees of the school's message: kinds of acts in order.
    async fn acts(&self) -> Vec<Value> {
        let answer = self
            .fixture
            .officer
            .gql_with(
                "query($id: ID!) { notice(id: $id) { messages(first: 10) { nodes {
                   recipient acts { number kind at referenceId } } } } }",
                json!({ "id": self.notice }),
            )
            .await;
        let nodes = answer["data"]["notice"]["messages"]["nodes"].as_array().cloned();
        let nodes = nodes.unwrap_or_else(|| panic!("{answer}"));
        let mine = nodes.iter().find(|node| node["recipient"] == "tenant:school-001").expect("the message");
        mine["acts"].as_array().cloned().expect("acts")
    }

    async fn kinds(&self) -> Vec<String> {
        self.acts().await.iter().map(|act| text(&act["kind"])).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_school_sees_its_own_list_and_no_other() {
    let scene = told(&["server.public_url=https://notice.example"]).await;
    let mut browser = Browser::new(&scene.fixture.app.url);
    let closed = browser.get(&scene.path).await;
    for secret in ["p-001", "school-001", "学校 school"] {
        assert!(!closed.body.contains(secret), "{secret}: {}", closed.body);
    }
    let (mut browser, page) = scene.enter().await;
    let set = browser.set_cookie.clone().expect("a session");
    assert!(set.contains("; Path=/tenant/; ") && set.ends_with("; SameSite=Strict; Secure"), "{set}");
    for shown in [
        "学校 school-001",
        "志願者: 2名",
        "p-001",
        "=1+1&lt;b&gt;",
        "確実",
        "可能性あり",
        "<td>メール、氏名</td>",
        "2023年10月26日",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    for hidden in ["q-001", "x-9", "山田", "p-001@", "<b>"] {
        assert!(!page.body.contains(hidden), "{hidden}: {}", page.body);
    }
    let style = page.body.find("<style>").zip(page.body.find("</style>")).expect("a style");
    let plain = format!("{}{}", &page.body[..style.0], &page.body[style.1 + 8..])
        .replace(scene.path.rsplit('/').next().expect("a token"), "TOKEN");
    insta::assert_snapshot!("tenant_page_ja", plain);
    let english = browser.get(&format!("{}?lang=en", scene.path)).await;
    for shown in [
        "School school-001",
        "Applicant: 2",
        "certain",
        "possible",
        "<td>Mail, Name</td>",
        "We tell our people ourselves",
    ] {
        assert!(english.body.contains(shown), "{shown}: {}", english.body);
    }
    // Another school's page stays shut for this one, and its own code opens nothing there.
    let foreign = browser.get(&scene.other).await;
    assert!(foreign.body.contains("確認コードを送る") && !foreign.body.contains("q-001"), "{}", foreign.body);
    let as_person = scene.path.replace("/tenant/", "/my/");
    assert_eq!(browser.get(&as_person).await.status, StatusCode::NOT_FOUND);
    // The school's own log tells that its people were listed.
    let lists = scene.fixture.audited("portal.list").await;
    assert_eq!(lists.len(), 4, "operator and school, twice: {lists:?}");
    let all = scene.fixture.audited("portal.").await.join("\n");
    assert!(!all.contains('@') && !all.contains("p-001"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_recorded_and_carries_its_mark_on_each_line() {
    let scene = told(&[]).await;
    let (mut browser, _) = scene.enter().await;
    let path = format!("{}/list.csv", scene.path);
    assert_eq!(
        browser.get(&path).await.status,
        StatusCode::METHOD_NOT_ALLOWED,
        "a link in a mail downloads nothing"
    );
    scene.fixture.app.clock.advance(1);
    let file = browser.post(&path, &[]).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.body);
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let disposition = file.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"list-1-"), "{disposition}");
    let acts = scene.acts().await;
    let number = text(&acts[1]["number"]);
    assert_eq!(acts[1]["kind"], "DOWNLOADED", "{acts:?}");
    assert_eq!(text(&acts[1]["referenceId"]), scene.fixture.revision_id(scene.list));
    let lines: Vec<&str> = file.body.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines.len(), 3, "{}", file.body);
    for line in &lines[1..] {
        assert!(line.ends_with(&format!(",{number},2023-10-26T00:00:01Z,\"学校 school-001\"")), "{line}");
    }
    assert!(
        lines.iter().any(|line| line.starts_with("\"'=1+1<b>\",\"志願者\",可能性あり,")),
        "{}",
        file.body
    );
    assert!(!file.body.contains("q-001") && !file.body.contains("山田"), "{}", file.body);
    assert!(scene.fixture.audited("portal.download").await[0].contains(&number));
    for _ in 0..19 {
        assert_eq!(browser.post(&path, &[]).await.status, StatusCode::OK);
    }
    let page = browser.post(&path, &[]).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.body.contains("1日20回まで"), "{}", page.body);
    let mut stranger = Browser::new(&scene.fixture.app.url);
    let refused = stranger.post(&path, &[]).await;
    assert!(refused.status == StatusCode::FORBIDDEN && !refused.body.contains("p-001"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_what_a_school_did_and_still_tells_everybody() {
    let scene = told(&[]).await;
    let (mut browser, _) = scene.enter().await;
    let tick = || scene.fixture.app.clock.advance(1);
    tick();
    let page = browser.post(&format!("{}/confirm", scene.path), &[]).await;
    assert!(page.body.contains("一覧の確認を記録しました"), "{}", page.body);
    browser.post(&format!("{}/confirm", scene.path), &[]).await;
    tick();
    let page = browser.post(&format!("{}/correct", scene.path), &[("text", "p-001 left last year")]).await;
    assert!(
        page.body.contains("受け付けました") && page.body.contains("p-001 left last year"),
        "{}",
        page.body
    );
    tick();
    browser.post(&format!("{}/ask", scene.path), &[("text", "Who saw it?")]).await;
    tick();
    let page = browser.post(&format!("{}/take-over", scene.path), &[]).await;
    assert!(page.body.contains("通知をお引き受けいただける"), "{}", page.body);
    assert_eq!(scene.kinds().await, ["OPENED", "CONFIRMED", "CORRECTED", "ASKED", "TAKEN_OVER"]);
    // The other school has opened its list and said nothing.
    let mut other = Browser::new(&scene.fixture.app.url);
    other.enter(&scene.fixture, &scene.other, "office@school-002.example").await;
    let query = "query($id: ID!) { notice(id: $id) { acts { kind recipients lastAt } } }";
    let answer = scene.fixture.officer.gql_with(query, json!({ "id": scene.notice })).await;
    let acts = answer["data"]["notice"]["acts"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let acts: Vec<String> =
        acts.iter().map(|act| format!("{} {}", text(&act["kind"]), act["recipients"])).collect();
    assert_eq!(acts, ["ASKED 1", "CONFIRMED 1", "CORRECTED 1", "OPENED 2", "TAKEN_OVER 1"]);
    let answer = scene
        .fixture
        .officer
        .gql_with(
            "query($id: ID!) { incident(id: $id) { inquiries(first: 10) { nodes {
               partyKind party partyTenantId channel question dueAt messageId } } } }",
            json!({ "id": scene.fixture.incident_id() }),
        )
        .await;
    let nodes = answer["data"]["incident"]["inquiries"]["nodes"].as_array().cloned();
    let nodes = nodes.unwrap_or_else(|| panic!("{answer}"));
    let school = scene.fixture.app.tenant("school-001").await;
    assert_eq!(nodes.len(), 2, "{answer}");
    for node in &nodes {
        assert_eq!((&node["partyKind"], &node["channel"]), (&json!("TENANT"), &json!("page")), "{node}");
        assert_eq!(
            (text(&node["party"]), text(&node["partyTenantId"])),
            ("学校 school-001".into(), school.id.clone())
        );
        assert!(node["messageId"].is_string() && node["dueAt"].is_string(), "{node}");
    }
    // Taking over stops nobody: the notice to persons goes to the school's people as well.
    let notice = scene.fixture.draft(scene.list, "PERSONS").await;
    scene.fixture.act(&scene.fixture.approver, "approveNotice", &notice).await;
    scene.fixture.send().await;
    let messages = scene.fixture.messages(&notice).await;
    assert!(messages.iter().any(|line| line.starts_with("p-001 ACCEPTED")), "{messages:?}");
    // A new list is another question: the confirmation was of the old one.
    scene.fixture.revision(2, &[("school-001", "p-001", "possible")]).await;
    let page = browser.get(&scene.path).await;
    assert!(page.body.contains("第2版") && page.body.contains("内容に間違いありません"), "{}", page.body);
    scene.fixture.revision(3, &[("school-002", "q-001", "possible")]).await;
    let page = browser.get(&scene.path).await;
    assert!(
        page.body.contains("貴団体に関係する方はいません") && !page.body.contains("p-001</th>"),
        "{}",
        page.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_link_ends_after_its_days_and_long_lists_have_pages() {
    let scene = told(&["notices.tenant_link_days=2"]).await;
    let many: Vec<String> = (0..250).map(|n| format!("m-{n:03}")).collect();
    let entries: Vec<_> = many.iter().map(|name| ("school-001", name.as_str(), "possible")).collect();
    scene.fixture.revision(2, &entries).await;
    let (mut browser, page) = scene.enter().await;
    assert!(page.body.contains("m-199</th>") && !page.body.contains("m-200"), "the first 200");
    let second = browser.get(&format!("{}?page=2", scene.path)).await;
    assert!(second.body.contains("m-200</th>") && !second.body.contains("m-199"), "{}", second.body);
    assert!(browser.get(&format!("{}?page=99", scene.path)).await.body.contains("2 / 2"));
    let file = browser.post(&format!("{}/list.csv", scene.path), &[]).await;
    assert_eq!(file.body.lines().count(), 251);
    scene.fixture.app.clock.advance(3 * 86_400);
    assert_eq!(browser.get(&scene.path).await.status, StatusCode::NOT_FOUND);
}
