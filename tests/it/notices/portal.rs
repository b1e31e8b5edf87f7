//! The affected person's page: what a link opens, what it does not, and what a code adds.

use entity::{portal_code, portal_session};
use reqwest::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use suimon::notices::portal::{self, Side};

use super::fixture::{Fixture, texts};
use super::portal_scene::{Browser, path_in, shows};
use super::sink::Sink;
use crate::harness::text;

const FIELDS: [&str; 2] = ["applicant.full_name", "applicant.email"];
const ADDRESS: &str = "p-000@school-001.example";
const HTTPS: &str = "server.public_url=https://notice.example";

/// A person who was told, and the path of the person's page.
async fn told(overrides: &[&str]) -> (Fixture, uuid::Uuid, String) {
    let fixture = Fixture::with(overrides).await;
    fixture.import("school-001", &[("p-000", "ja"), ("p-001", "en")]).await;
    let list = fixture.revision(1, &[("school-001", "p-001", "possible")]).await;
    fixture.rests_on(list, &shows(&FIELDS)).await;
    // Two people got answers that were, or may have been, the first one's page.
    let answer = |says: &str, viewers: &[&str]| {
        json!({ "says": says, "at": "2023-10-26T02:10:00Z", "route": "/mypage/**", "viewers": viewers,
                "candidates": 1, "input": "edge", "line": 1 })
    };
    let evidence = json!({
        "routes": ["/mypage/**"], "total": 1, "lines": [],
        "answers": [answer("confirmed", &["v-1", "p-000"]), answer("possible", &["v-1", "v-2", "v-3"])]
    });
    fixture.stands_on(list, ("school-001", "p-000", "possible"), &evidence).await;
    fixture.approved(list).await;
    assert_eq!(fixture.send().await.accepted, 2);
    let path = fixture.path_to(ADDRESS).await;
    (fixture, list, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_nothing_until_a_code_to_the_same_address_opens_it() {
    let (fixture, _, path) = told(&[HTTPS]).await;
    let mut browser = Browser::new(&fixture.app.url);
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    for secret in ["p-000", "山田", "school-001", "学校", "出願システム", "氏名", "10月26日"] {
        assert!(!page.body.contains(secret), "{secret}: {}", page.body);
    }
    assert!(page.body.contains("みほん出願サービス"), "who writes: {}", page.body);
    for (name, value) in [
        ("x-robots-tag", "noindex, nofollow"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    assert!(page.headers["cache-control"].to_str().unwrap().contains("no-store"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"),
        "{policy}"
    );
    assert!(!page.body.contains("<script") && page.body.contains("<html lang=\"ja\">"), "{}", page.body);

    let page = browser.enter(&fixture, &path, ADDRESS).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let set = browser.set_cookie.clone().expect("a session");
    assert!(set.starts_with("__Secure-suimon-page="), "{set}");
    assert!(set.ends_with("; Path=/my/; Max-Age=1800; HttpOnly; SameSite=Strict; Secure"), "{set}");
    for shown in [
        "他の方に表示された可能性があります",
        "学校 school-001",
        "2023年10月26日 11:00",
        "<li>氏名</li>",
        "<li>メール</li>",
        "確実に表示された方: 1名",
        "可能性のある方: 2名",
        "配信設定の誤り",
        "お問い合わせ: 03-0000-0000",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert!(!page.body.contains("山田") && !page.body.contains("p-000@"), "no value: {}", page.body);
    insta::assert_snapshot!("person_page_ja", without_token(&page.body, &path));
    let english = browser.get(&format!("{path}?lang=en")).await;
    for shown in [
        "may have been shown",
        "School school-001",
        "<li>Name</li>",
        "shown to 1 person.",
        "shown to 2 more people.",
        "A wrong setting of the delivery network",
    ] {
        assert!(english.body.contains(shown), "{shown}: {}", english.body);
    }
    insta::assert_snapshot!("person_page_en", without_token(&english.body, &path));

    // Each read stands in the school's chain under the person, without a word of the person's data.
    let reads = fixture.audited("portal.read").await;
    assert_eq!(reads.len(), 2, "{reads:?}");
    let all = fixture.audited("portal.").await.join("\n");
    assert!(!all.contains('@') && !all.contains("p-000") && !all.contains("山田"), "{all}");

    // The mail with the code is a mail to that person, for whoever looks at captured mails, too.
    fixture.mails().await;
    let entries = entity::audit_entry::Entity::find().all(&fixture.database).await.unwrap();
    let mut looked_at = entries.iter().filter(|entry| entry.action == "captured_mail.read").peekable();
    assert!(looked_at.peek().is_some() && looked_at.all(|entry| entry.subject.is_some()));

    let page = browser.post(&format!("{path}/leave"), &[]).await;
    assert!(page.body.contains("確認コードを送る") && browser.cookie.is_none(), "{}", page.body);
}

fn without_token(body: &str, path: &str) -> String {
    let style = body.find("<style>").zip(body.find("</style>")).expect("a style");
    let token = path.rsplit('/').next().expect("a token");
    format!("{}{}", &body[..style.0], &body[style.1 + 8..]).replace(token, "TOKEN")
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_damaged_expired_and_foreign_links_look_alike() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    let mut forged = path.clone();
    forged.replace_range(10..11, if &path[10..11] == "A" { "B" } else { "A" });
    let unknown = browser.get("/my/xyz").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(
        unknown.body.contains("このページは表示できません")
            && unknown.body.contains("This page cannot be shown")
    );
    assert_eq!(unknown.headers["x-robots-tag"], "noindex, nofollow");
    for other in [forged.clone(), format!("{path}x"), path.replace("/my/", "/tenant/"), "/my/%FF".into()] {
        let page = browser.get(&other).await;
        assert_eq!((page.status, page.body == unknown.body), (StatusCode::NOT_FOUND, true), "{other}");
    }
    let page = browser.post(&format!("{forged}/code"), &[]).await;
    assert_eq!((page.status, page.body == unknown.body), (StatusCode::NOT_FOUND, true));
    fixture.app.clock.advance(179 * 86_400);
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
    fixture.app.clock.advance(2 * 86_400);
    let expired = browser.get(&path).await;
    assert_eq!((expired.status, expired.body == unknown.body), (StatusCode::NOT_FOUND, true));
    // Who goes on trying is told to wait; a link that opens is still looked at.
    let mut last = expired.status;
    for _ in 0..30 {
        last = browser.get("/my/xyz").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_few_short_lived_and_tried_five_times() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    let enter = format!("{path}/enter");
    let early = browser.post(&enter, &[("code", "12345678")]).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN, "no code was sent yet");
    browser.post(&format!("{path}/code"), &[]).await;
    fixture.app.run_jobs().await;
    let first = fixture.code_to(ADDRESS).await.unwrap();
    let wrong = if first == "00000000" { "00000001" } else { "00000000" };
    // What cannot be a code is no try.
    for typed in ["", "1234", "abcdefgh", &"9".repeat(500)] {
        assert_eq!(browser.post(&enter, &[("code", typed)]).await.status, StatusCode::FORBIDDEN);
    }
    for _ in 0..5 {
        let page = browser.post(&enter, &[("code", wrong)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("このコードでは開けません") && browser.cookie.is_none());
    }
    assert_eq!(
        browser.post(&enter, &[("code", &first)]).await.status,
        StatusCode::FORBIDDEN,
        "five were tried"
    );

    // Of two mails of one instant none is the newer one.
    fixture.app.clock.advance(1);
    browser.post(&format!("{path}/code"), &[]).await;
    fixture.app.run_jobs().await;
    let second = fixture.code_to(ADDRESS).await.unwrap();
    assert_ne!(first, second);
    fixture.app.clock.advance(15 * 60);
    assert_eq!(
        browser.post(&enter, &[("code", &second)]).await.status,
        StatusCode::FORBIDDEN,
        "its time is over"
    );

    browser.post(&format!("{path}/code"), &[]).await;
    fixture.app.run_jobs().await;
    let third = fixture.code_to(ADDRESS).await.unwrap();
    let enough = browser.post_with(&format!("{path}/code"), &[], &[]).await;
    assert_eq!(enough.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(enough.body.contains("1時間に3回まで"), "{}", enough.body);
    // Typed as a telephone writes it; and no code opens twice.
    let wide: String = third.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    let page = browser.post(&enter, &[("code", &wide)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut other = Browser::new(&fixture.app.url);
    assert_eq!(other.post(&enter, &[("code", &third)]).await.status, StatusCode::FORBIDDEN, "used");
    fixture.app.clock.advance(46 * 60);
    assert!(browser.get(&path).await.body.contains("確認コードを送る"), "a session lasts half an hour");
    assert_eq!(browser.post_with(&format!("{path}/code"), &[], &[]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_code_nor_a_session_lies_in_the_database() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, ADDRESS).await;
    let code = fixture.code_to(ADDRESS).await.unwrap();
    let secret = browser.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).unwrap().1.to_owned();
    let codes = portal_code::Entity::find().all(&fixture.database).await.unwrap();
    let sessions = portal_session::Entity::find().all(&fixture.database).await.unwrap();
    assert_eq!((codes.len(), sessions.len()), (1, 1));
    let jobs = entity::job::Entity::find().all(&fixture.database).await.unwrap();
    let entries = entity::audit_entry::Entity::find().all(&fixture.database).await.unwrap();
    let everything = format!("{codes:?}{sessions:?}{jobs:?}{entries:?}");
    assert!(!everything.contains(&code) && !everything.contains(&secret), "in clear");
    let bytes = |text: &str| format!("{:?}", text.as_bytes());
    let inner = bytes(&code);
    assert!(!everything.contains(inner.trim_matches(['[', ']'])), "as bytes");
    if fixture.app.database_url().starts_with("sqlite") {
        let file = fixture.app.database_url().trim_start_matches("sqlite://").to_owned();
        for end in ["", "-wal"] {
            let Ok(bytes) = std::fs::read(format!("{file}{end}")) else { continue };
            for secret in [code.as_bytes(), secret.as_bytes()] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file}{end}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_its_own_message_alone() {
    let (fixture, _, path) = told(&[]).await;
    let other = fixture.path_to("p-001@school-001.example").await;
    assert_ne!(path, other);
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, ADDRESS).await;
    let page = browser.get(&other).await;
    assert!(page.body.contains("Send me a one-time code") && !page.body.contains("School"), "{}", page.body);
    let code = fixture.code_to(ADDRESS).await.unwrap();
    assert_eq!(
        browser.post(&format!("{other}/enter"), &[("code", &code)]).await.status,
        StatusCode::FORBIDDEN
    );
    let asked = browser.post(&format!("{other}/ask"), &[("text", "Is it me?")]).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert!(asked.body.contains("nothing was sent or taken"), "{}", asked.body);
    assert!(browser.get(&path).await.body.contains("学校"), "its own is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_are_refused() {
    let (fixture, _, path) = told(&[HTTPS]).await;
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, ADDRESS).await;
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        for (action, form) in [("ask", ("text", "x")), ("code", ("x", "x")), ("leave", ("x", "x"))] {
            let page = browser.post_with(&format!("{path}/{action}"), &[form], &[elsewhere]).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{elsewhere:?} {action}");
            assert!(page.body.contains("他のサイトからの操作"), "{}", page.body);
        }
    }
    assert!(browser.get(&path).await.body.contains("学校"), "still open, and nothing was asked");
    assert_eq!(fixture.audited("inquiry.receive").await.len(), 0);
    // An old browser that names no site hides the origin of a page without referrer.
    let page = browser.post_with(&format!("{path}/ask"), &[("text", "x")], &[("origin", "null")]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let own = [("origin", "https://notice.example")];
    assert_eq!(
        browser.post_with(&format!("{path}/ask"), &[("text", "y")], &own).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_becomes_an_inquiry_and_the_answer_stands_on_the_page() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, ADDRESS).await;
    let ask = format!("{path}/ask");
    fixture.app.clock.advance(1);
    let page = browser.post(&ask, &[("text", "<script>alert(1)</script>\r\n誰が見たのですか。")]).await;
    assert!(page.body.contains("ご質問を受け付けました"), "{}", page.body);
    assert!(
        page.body.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;") && !page.body.contains("<script"),
        "{}",
        page.body
    );
    let inquiries = "query($id: ID!) { incident(id: $id) { inquiries(first: 10) { nodes {
        id direction partyKind party channel question dueAt state messageId } } } }";
    let answer = fixture.officer.gql_with(inquiries, json!({ "id": fixture.incident_id() })).await;
    let inquiry = &answer["data"]["incident"]["inquiries"]["nodes"][0];
    assert_eq!(
        (
            text(&inquiry["direction"]),
            text(&inquiry["partyKind"]),
            text(&inquiry["party"]),
            text(&inquiry["channel"])
        ),
        ("INCOMING".into(), "PERSON".into(), "志願者".into(), "page".into()),
        "{answer}"
    );
    assert_eq!(text(&inquiry["dueAt"]), "2023-11-02T00:00:01Z");
    assert_eq!(text(&inquiry["question"]), "<script>alert(1)</script>\n誰が見たのですか。");
    let messages = fixture
        .officer
        .gql_with(
            "query($id: ID!) { notices(incidentId: $id) { messages(first: 10) { nodes {
               id recipient acts { kind referenceId } } } } }",
            json!({ "id": fixture.incident_id() }),
        )
        .await;
    let nodes = messages["data"]["notices"][0]["messages"]["nodes"].as_array().cloned();
    let mine = nodes.unwrap_or_else(|| panic!("{messages}"));
    let mine = mine.iter().find(|node| node["id"] == inquiry["messageId"]).expect("the message").clone();
    assert_eq!(text(&mine["recipient"]), "p-000");
    assert_eq!(mine["acts"][0]["kind"], "OPENED", "{mine}");
    assert_eq!(
        (&mine["acts"][1]["kind"], &mine["acts"][1]["referenceId"]),
        (&json!("ASKED"), &inquiry["id"])
    );

    let answered = fixture
        .officer
        .gql_with(
            "mutation($id: ID!, $text: String!) { answerInquiry(inquiryId: $id, text: $text) { __typename ... on Problem { message } } }",
            json!({ "id": inquiry["id"], "text": "2名の方です。<b>" }),
        )
        .await;
    assert_eq!(answered["data"]["answerInquiry"]["__typename"], "Inquiry", "{answered}");
    let page = browser.get(&path).await;
    assert!(page.body.contains("2名の方です。&lt;b&gt;"), "{}", page.body);
    // The other person sees none of it.
    let other = fixture.path_to("p-001@school-001.example").await;
    let mut browser = Browser::new(&fixture.app.url);
    let page = browser.enter(&fixture, &other, "p-001@school-001.example").await;
    assert!(!page.body.contains("誰が見た") && !page.body.contains("2名の方です"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_said_and_stays_in_the_form() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, ADDRESS).await;
    let ask = format!("{path}/ask");
    let long = "長".repeat(2001);
    let page = browser.post(&ask, &[("text", &long)]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.body.contains("2,000字以内") && page.body.contains(&long), "kept in the form");
    assert_eq!(browser.post(&ask, &[("text", " \n ")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(browser.post(&ask, &[("text", "a\u{0}b")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(browser.post(&ask, &[]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        browser.post(&ask, &[("text", &"x".repeat(100_000))]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let longest = "😀".repeat(2000);
    let mut last = browser.post(&ask, &[("text", &longest)]).await.status;
    for number in 2..=5 {
        assert_eq!(last, StatusCode::OK, "question {}", number - 1);
        last = browser.post(&ask, &[("text", &format!("q{number}"))]).await.status;
    }
    let page = browser.post(&ask, &[("text", "the sixth")]).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.body.contains("1日5件まで") && page.body.contains("the sixth"), "{}", page.body);
    assert_eq!(last, StatusCode::OK, "the fifth");
    assert_eq!(fixture.audited("inquiry.receive").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_in_force_is_what_counts() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    let page = browser.enter(&fixture, &path, ADDRESS).await;
    assert!(page.body.contains("表示された可能性があります"), "{}", page.body);
    fixture.revision(2, &[("school-001", "p-000", "confirmed"), ("school-001", "p-001", "possible")]).await;
    assert!(browser.get(&path).await.body.contains("表示されたことを確認しました"));
    fixture
        .revision(3, &[("school-001", "p-000", "indeterminate"), ("school-001", "p-001", "possible")])
        .await;
    assert!(browser.get(&path).await.body.contains("記録からは分かりません"));
    fixture.revision(4, &[("school-001", "p-000", "excluded"), ("school-001", "p-001", "possible")]).await;
    let page = browser.get(&path).await;
    assert!(
        page.body.contains("あなたは対象ではないことが分かりました") && !page.body.contains("<li>氏名"),
        "{}",
        page.body
    );
    fixture.revision(5, &[("school-001", "p-001", "possible")]).await;
    let page = browser.get(&format!("{path}?lang=en")).await;
    assert!(
        page.body.contains("you are not concerned after all") && page.body.contains("Ask us"),
        "{}",
        page.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_has_no_page_and_nothing_of_it_stays() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    browser.enter(&fixture, &path, ADDRESS).await;
    browser.post(&format!("{path}/ask"), &[("text", "my own secret words")]).await;
    let subjects = entity::subject::Entity::find().all(&fixture.database).await.unwrap();
    let subject = subjects.iter().find(|subject| subject.external_id == "p-000").unwrap();
    let id = super::fixture::global("Subject", subject.tenant_id, subject.id);
    // Before: the person's own document has the question.
    let document = fixture
        .officer
        .gql_with(
            "mutation($id: ID!) { exportSubject(id: $id, purpose: \"request 7\") { __typename
               ... on SubjectExport { json } ... on Problem { message } } }",
            json!({ "id": id }),
        )
        .await;
    assert!(document.to_string().contains("my own secret words"), "{document}");
    let answer = fixture
        .officer
        .gql_with(
            "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 7\") { __typename ... on Problem { message } } }",
            json!({ "id": id }),
        )
        .await;
    assert!(answer["errors"].is_null() && !answer.to_string().contains("Problem"), "{answer}");
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.post(&format!("{path}/code"), &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(portal_code::Entity::find().all(&fixture.database).await.unwrap().len(), 0);
    assert_eq!(portal_session::Entity::find().all(&fixture.database).await.unwrap().len(), 0);
    let inquiries = entity::inquiry::Entity::find().all(&fixture.database).await.unwrap();
    assert_eq!(inquiries.len(), 1);
    assert_eq!(inquiries[0].question, "(erased with the person)");
    assert!(fixture.mails().await.iter().all(|mail| mail.to != ADDRESS), "mails with codes are gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_whether_an_address_exists() {
    let (fixture, _, path) = told(&[]).await;
    let mut browser = Browser::new(&fixture.app.url);
    let with = browser.post(&format!("{path}/code"), &[]).await;
    fixture.app.run_jobs().await;
    // The person's record without an address.
    fixture.app.clock.advance(2 * 3600);
    entity::subject::Entity::update_many()
        .col_expr(entity::subject::Column::Fields, Expr::value(None::<Vec<u8>>))
        .filter(entity::subject::Column::ExternalId.eq("p-000"))
        .exec(&fixture.database)
        .await
        .unwrap();
    let before = fixture.mails().await.len();
    let without = browser.post(&format!("{path}/code"), &[]).await;
    fixture.app.run_jobs().await;
    assert_eq!((with.status, &with.body), (without.status, &without.body));
    assert_eq!(fixture.mails().await.len(), before, "and none was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_carry_a_link_where_it_can_be_opened() {
    for (overrides, expected) in [
        (&["notices.links=false"][..], None),
        (&[][..], Some("http://127.0.0.1:8480/my/")),
        (&["server.public_url=https://notice.example/"][..], Some("https://notice.example/my/")),
    ] {
        let fixture = Fixture::with(overrides).await;
        let list = fixture.people(1).await;
        let notice = fixture.draft(list, "PERSONS").await;
        let preview = fixture
            .officer
            .gql_with(
                "query($id: ID!) { previewNotice(noticeId: $id, language: EN) { ... on NoticePreview { typical { body } worstCase { body } } } }",
                json!({ "id": notice }),
            )
            .await;
        let preview = preview.to_string();
        fixture.act(&fixture.approver, "approveNotice", &notice).await;
        fixture.send().await;
        let body = fixture.mails().await.remove(0).body;
        match expected {
            None => assert!(!body.contains("/my/") && !preview.contains("/my/"), "{body}"),
            Some(expected) => {
                assert!(body.contains(&format!("\n{expected}")), "{body}");
                assert_eq!(preview.matches(expected).count(), 2, "{preview}");
                assert_eq!(path_in(&body).len(), "/my/".len() + 59);
            }
        }
    }
    // Mail that leaves carries no address of this machine.
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let list = fixture.people(1).await;
    fixture.approved(list).await;
    assert_eq!(fixture.send().await.accepted, 1);
    let mails = sink.mails();
    assert!(mails.len() == 1 && !mails[0].source.contains("127.0.0.1:8480"), "{:?}", mails[0].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_stopped_has_no_page() {
    let fixture = Fixture::captured().await;
    let list = fixture.people(2).await;
    fixture.approved(list).await;
    let messages = entity::message::Entity::find().all(&fixture.database).await.unwrap();
    let of = |person: &str| {
        let message = messages.iter().find(|message| message.recipient == person).expect("a message");
        let link =
            portal::link(&fixture.app.app, Side::Person, message.id, fixture.app.now()).expect("a link");
        path_in(&format!("{link}\n"))
    };
    let (stopped, sent) = (of("p-000"), of("p-001"));
    fixture.revision(2, &[("school-001", "p-001", "possible")]).await;
    assert_eq!(fixture.send().await.accepted, 1);
    let mut browser = Browser::new(&fixture.app.url);
    assert_eq!(browser.get(&stopped).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get(&sent).await.status, StatusCode::OK);
    // Nobody's link: signed, but of no message.
    let nobody = portal::sample(&fixture.app.app, Side::Person).expect("a sample");
    assert_eq!(browser.get(&path_in(&format!("{nobody}\n"))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_labels_and_texts_run_nowhere() {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}";
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-000", "ja")]).await;
    entity::tenant::Entity::update_many()
        .col_expr(entity::tenant::Column::NameJa, Expr::value(HOSTILE))
        .filter(entity::tenant::Column::Slug.eq("school-001"))
        .exec(&fixture.database)
        .await
        .unwrap();
    let list = fixture.revision(1, &[("school-001", "p-009", "excluded")]).await;
    fixture.rests_on(list, &shows(&[&format!("applicant.{HOSTILE}")])).await;
    let seen = json!({ "routes": ["/mypage/**"], "total": 1, "lines": [] });
    fixture.stands_on(list, ("school-001", "p-000", "confirmed"), &seen).await;
    let mut texts = texts();
    texts["ja"]["cause"] = json!("<script>alert(2)</script>");
    let notice = text(&fixture.create(&fixture.officer, list, "PERSONS", texts).await["id"]);
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(fixture.send().await.accepted, 1);
    let path = fixture.path_to(ADDRESS).await;
    let mut browser = Browser::new(&fixture.app.url);
    let page = browser.enter(&fixture, &path, ADDRESS).await;
    assert!(page.body.contains("&lt;img src=x onerror=alert(1)&gt;"), "{}", page.body);
    assert_eq!(page.body.matches("{{ 7 * 7 }}").count(), 2, "school and field, as they are: {}", page.body);
    assert!(page.body.contains("&lt;script&gt;alert(2)"), "{}", page.body);
    assert!(!page.body.contains("<img") && !page.body.contains("<script"), "{}", page.body);
    // What an address or a query says stands nowhere on a page.
    let page = browser.get(&format!("{path}?lang=%22%3E%3Cscript%3E&step=%3Cscript%3E")).await;
    assert!(page.status == StatusCode::OK && !page.body.contains("<script"), "{}", page.body);
}
