//! When a notice is sent, to whom of a list, and what the next list takes back.

use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::fixture::{Fixture, texts};
use crate::harness::text;

/// A draft to persons; `more` is put into its input.
pub async fn create(fixture: &Fixture, revision: uuid::Uuid, more: Value) -> Value {
    let mut input = json!({
        "incidentId": fixture.incident_id(), "revisionId": fixture.revision_id(revision), "audience": "PERSONS",
        "template": "incident_notice_person", "variables": texts(),
    });
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    let mutation = "mutation($input: CreateNoticeInput!) { createNotice(input: $input) {
        __typename ... on Notice { id sendFrom sendBetween filter { tenants kinds confirmedOnly } }
        ... on Problem { code field message remedy } } }";
    let answer = fixture.officer.gql_with(mutation, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["createNotice"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_waits_for_its_hour() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(2).await;
    // 18:40 in Tokyo.
    fixture.app.clock.set("2023-10-30T09:40:00Z".parse().unwrap());
    let notice = create(
        &fixture,
        revision,
        json!({ "sendFrom": "2023-10-30T12:30:00Z", "sendBetween": "08:00-21:00" }),
    )
    .await;
    insta::assert_snapshot!(format!("{} {} {}", notice["sendFrom"], notice["sendBetween"], notice["filter"]));
    let id = text(&notice["id"]);
    fixture.act(&fixture.approver, "approveNotice", &id).await;
    assert_eq!(fixture.send().await.accepted, 0, "planned for half past nine in the evening");
    fixture.app.clock.set("2023-10-30T12:31:00Z".parse().unwrap());
    assert_eq!(fixture.send().await.accepted, 0, "nobody is woken at night");
    fixture.app.clock.set("2023-10-30T22:59:00Z".parse().unwrap());
    assert_eq!(fixture.send().await.accepted, 0);
    fixture.app.clock.set("2023-10-30T23:00:00Z".parse().unwrap());
    assert_eq!(fixture.send().await.accepted, 2, "eight in the morning");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_planned_is_said() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(1).await;
    let mut told = Vec::new();
    for more in [
        json!({ "sendBetween": "8-21" }),
        json!({ "sendBetween": "08:00-08:00" }),
        json!({ "sendFrom": "2099-01-01T00:00:00Z" }),
        json!({ "filter": { "tenants": [""] } }),
        json!({ "audience": "CLEARED", "template": "incident_correction_person",
            "variables": { "ja": { "reason": "r", "contact_desk": "c" } }, "filter": { "confirmedOnly": true } }),
    ] {
        let answer = create(&fixture, revision, more).await;
        told.push(format!("{}: {} ({})", answer["field"], answer["message"], answer["remedy"]));
    }
    insta::assert_snapshot!(told.join("\n"));
    let notice = text(&create(&fixture, revision, json!({ "filter": { "kinds": ["nobody"] } })).await["id"]);
    let answer = fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(answer["message"], "nobody on the list passes the filter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_notice_sends_nothing_until_it_goes_on() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.act(&fixture.officer, "resumeNotice", &notice).await["code"], "CONFLICT");
    assert_eq!(fixture.act(&fixture.officer, "pauseNotice", &notice).await["state"], "PAUSED");
    assert_eq!(fixture.send().await, Default::default());
    assert_eq!(fixture.standing(&notice).await, "PAUSED 3 0 0 0 0");
    let answer = fixture.act(&fixture.officer, "pauseNotice", &notice).await;
    insta::assert_snapshot!(answer);
    assert_eq!(fixture.act(&fixture.officer, "resumeNotice", &notice).await["state"], "APPROVED");
    assert_eq!(fixture.send().await.accepted, 3);
    // A paused one can be given up.
    let revision = fixture.revision(2, &[("school-001", "q-1", "possible")]).await;
    let other = fixture.approved(revision).await;
    fixture.act(&fixture.officer, "pauseNotice", &other).await;
    assert_eq!(fixture.act(&fixture.officer, "cancelNotice", &other).await["state"], "CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_tells_some_of_the_list_and_another_notice_the_rest() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("a-1", "ja"), ("a-2", "en")]).await;
    fixture.import("school-002", &[("b-1", "ja")]).await;
    let people = [
        ("school-001", "a-1", "confirmed"),
        ("school-001", "a-2", "possible"),
        ("school-002", "b-1", "possible"),
    ];
    let revision = fixture.revision(1, &people).await;
    let first = text(
        &create(
            &fixture,
            revision,
            json!({ "filter": { "tenants": ["school-001"], "confirmedOnly": true } }),
        )
        .await["id"],
    );
    fixture.act(&fixture.approver, "approveNotice", &first).await;
    assert_eq!(fixture.messages(&first).await, ["a-1 QUEUED null null 0"]);
    assert_eq!(fixture.send().await.accepted, 1);
    let rest = fixture.approved(revision).await;
    assert_eq!(fixture.messages(&rest).await, ["a-2 QUEUED null null 0", "b-1 QUEUED null null 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_off_the_list_hears_so_and_is_told_again_when_back_on_it() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    let correction = |revision| {
        create(
            &fixture,
            revision,
            json!({ "audience": "CLEARED", "template": "incident_correction_person",
                "variables": { "ja": { "reason": "記録の精査により", "contact_desk": "03-0000-0000" } } }),
        )
    };
    let early = text(&correction(revision).await["id"]);
    let answer = fixture.act(&fixture.approver, "approveNotice", &early).await;
    assert_eq!(answer["message"], "nobody who was told is off the list");
    fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 3);
    let later = fixture
        .revision(2, &[("school-001", "p-001", "possible"), ("school-001", "p-002", "possible")])
        .await;
    let notice = text(&correction(later).await["id"]);
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(fixture.messages(&notice).await, ["p-000 QUEUED null null 0"]);
    fixture.app.clock.advance(60);
    assert_eq!(fixture.send().await.accepted, 1);
    let list = "{ capturedMails(purpose: \"test\") { nodes { subject body } } }";
    let mails = fixture.app.renewed(&fixture.officer).await.gql(list).await;
    let mails =
        mails["data"]["capturedMails"]["nodes"].as_array().unwrap_or_else(|| panic!("{mails}")).clone();
    insta::assert_snapshot!(text(&mails.last().expect("a mail")["body"]));
    // Nobody hears it twice.
    let again = text(&correction(later).await["id"]);
    assert_eq!(fixture.act(&fixture.approver, "approveNotice", &again).await["code"], "CONFLICT");
    // The next list has the person again: now they are told again.
    fixture.app.clock.advance(60);
    let back = fixture
        .revision(3, &[("school-001", "p-000", "possible"), ("school-001", "p-001", "possible")])
        .await;
    let notice = fixture.approved(back).await;
    assert_eq!(fixture.messages(&notice).await, ["p-000 QUEUED null null 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reader_would_stumble_over_is_remarked() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(1).await;
    let mut variables = texts();
    variables["ja"]["cause"] = json!("未定（090-1234-5678）");
    variables["en"]["contact_desk"] = json!("Ask us.");
    let notice = text(&create(&fixture, revision, json!({ "variables": variables })).await["id"]);
    let query = "query($id: ID!) { notice(id: $id) { remarks { language variable kind } } }";
    let answer = fixture.approver.gql_with(query, json!({ "id": notice })).await;
    insta::assert_snapshot!(answer["data"]["notice"]["remarks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_two_schools_is_reached_whichever_the_filter_names() {
    let fixture = Fixture::captured().await;
    fixture.app.tenant("school-001").await;
    fixture.import("school-002", &[("p-1", "ja")]).await;
    let people = [("school-001", "p-1", "possible"), ("school-002", "p-1", "possible")];
    let revision = fixture.revision(1, &people).await;
    let notice =
        text(&create(&fixture, revision, json!({ "filter": { "tenants": ["school-001"] } })).await["id"]);
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(fixture.send().await.accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_got_nothing_yet_is_not_corrected() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(2).await;
    fixture.approved(revision).await;
    // The list changes before anything has left.
    let later = fixture.revision(2, &[("school-001", "p-001", "possible")]).await;
    let variables = json!({ "ja": { "reason": "r", "contact_desk": "03-0000-0000" } });
    let correction =
        json!({ "audience": "CLEARED", "template": "incident_correction_person", "variables": variables });
    let notice = text(&create(&fixture, later, correction).await["id"]);
    let answer = fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(answer["message"], "nobody who was told is off the list");
    assert_eq!(fixture.send().await.accepted, 1, "the one who is still on it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_does_not_leave_before_its_time() {
    let fixture = Fixture::captured().await;
    fixture.app.tenant("school-001").await;
    let revision = fixture.revision(1, &[("school-001", "p-1", "possible")]).await;
    let later = fixture.app.now().checked_add(jiff::SignedDuration::from_hours(48)).unwrap();
    let notice = text(&create(&fixture, revision, json!({ "sendFrom": later.to_string() })).await["id"]);
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(fixture.standing(&notice).await, "APPROVED 0 0 0 0 1", "nobody knows the address");
    fixture.import("school-001", &[("p-1", "ja")]).await;
    assert_eq!(fixture.act(&fixture.officer, "retryNotice", &notice).await["state"], "APPROVED");
    assert_eq!(fixture.send().await.accepted, 0);
    fixture.app.clock.set(later);
    assert_eq!(fixture.send().await.accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_to_whoever_asks_and_to_nobody_else() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(2).await;
    let notice = text(&create(&fixture, revision, json!({})).await["id"]);
    let mutation = "mutation($id: ID!) { sendNoticeTest(noticeId: $id, language: JA) {
        __typename ... on Problem { code message remedy } } }";
    let nowhere = fixture.officer.gql_with(mutation, json!({ "id": notice })).await;
    insta::assert_snapshot!(nowhere["data"]["sendNoticeTest"]);
    let login = "proof-reader@mihon.example";
    let reader = fixture.app.operator_member_named(suimon::access::Role::ComplianceOfficer, login).await;
    let answer = reader.gql_with(mutation, json!({ "id": notice })).await;
    assert_eq!(answer["data"]["sendNoticeTest"]["__typename"], "NoticeTestSent", "{answer}");
    let list = "{ capturedMails(purpose: \"test\") { nodes { to subject body } } }";
    let mails = reader.gql(list).await["data"]["capturedMails"]["nodes"].clone();
    let mails = mails.as_array().expect("mails");
    assert_eq!((mails.len(), &mails[0]["to"]), (1, &json!(login)));
    assert!(text(&mails[0]["subject"]).starts_with("【テスト】"), "{}", mails[0]);
    assert!(text(&mails[0]["body"]).starts_with("見本 花子 様"), "{}", mails[0]);
    assert_eq!(fixture.standing(&notice).await, "DRAFT 0 0 0 0 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sending_of_a_notice_is_watched_to_its_end() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    let notice = text(&create(&fixture, revision, json!({})).await["id"]);
    let watch = "subscription($id: ID!) { noticeProgress(noticeId: $id) { state audience accepted open } }";
    let mut stream = fixture.approver.watch(watch, json!({ "id": notice })).await;
    let first = stream.answer().await;
    assert_eq!(first["data"]["noticeProgress"]["state"], "DRAFT", "{first}");
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    let next = stream.answer().await;
    assert_eq!(
        next["data"]["noticeProgress"],
        json!({ "state": "APPROVED", "audience": 3, "accepted": 0, "open": 3 }),
        "{next}"
    );
    fixture.send().await;
    loop {
        let next = stream.answer().await;
        if next["data"]["noticeProgress"]["state"] == "DONE" {
            assert_eq!(
                next["data"]["noticeProgress"],
                json!({ "state": "DONE", "audience": 3, "accepted": 3, "open": 0 })
            );
            break;
        }
    }
    assert_eq!(stream.next().await.unwrap().0, "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_approval_would_make_is_seen_before_with_real_people() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-000", "ja"), ("p-001", "en"), ("p-002", "ja")]).await;
    let entries = ["p-000", "p-001", "p-002", "p-gone"].map(|person| ("school-001", person, "possible"));
    let revision = fixture.revision(1, &entries).await;
    let notice = fixture.draft(revision, "PERSONS").await;
    let query = "query($id: ID!, $purpose: String!, $samples: Int!) {
        previewRecipients(noticeId: $id, purpose: $purpose, samples: $samples) { __typename
          ... on RecipientPreview { reachable unreachable told samples { recipient language reason text { subject body } } }
          ... on Problem { code field message remedy } } }";
    let ask = async |member: &crate::harness::Member, purpose: &str, samples: i32| {
        let input = json!({ "id": notice, "purpose": purpose, "samples": samples });
        member.gql_with(query, input).await
    };
    // A token must name what shows names of people.
    let scopes = [suimon::access::every_scope(), vec!["read:letter".to_owned()]].concat();
    let named =
        suimon::access::issue_token_for(&fixture.app.app, &fixture.officer.login, "test", &scopes, 1).await;
    let officer = crate::harness::Member { token: named.expect("a token").secret, ..fixture.officer.clone() };
    let answer = ask(&fixture.officer, "look", 1).await;
    assert_eq!(
        answer["data"]["previewRecipients"]["remedy"],
        "issue a token whose scopes name it: read:letter"
    );
    let answer = ask(&officer, "look at it before it goes out", 2).await;
    let preview = &answer["data"]["previewRecipients"];
    let numbers = (&preview["reachable"], &preview["unreachable"], &preview["told"]);
    assert_eq!(numbers, (&json!(3), &json!(1), &json!(0)), "{answer}");
    let samples = preview["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2, "{answer}");
    assert_eq!((&samples[0]["recipient"], &samples[0]["language"]), (&json!("p-000"), &json!("JA")));
    assert!(text(&samples[0]["text"]["body"]).contains("山田 p-000"), "{answer}");
    assert_eq!(samples[1]["recipient"], "p-002");
    // Nothing was made, and nothing is told.
    assert_eq!(fixture.standing(&notice).await, "DRAFT 0 0 0 0 0");
    // Whose name was opened is in the audit log, with the purpose.
    let database = &fixture.database;
    let entries = entity::audit_entry::Entity::find().all(database).await.unwrap();
    let opened = entries.iter().find(|entry| entry.action == "subject.contact").unwrap();
    assert_eq!(opened.purpose.as_deref(), Some("look at it before it goes out"));
    assert_eq!(opened.subjects.as_deref().unwrap().split(' ').count(), 2);
    let problems = [
        ask(&officer, "look", 6).await,
        ask(&officer, " ", 1).await,
        ask(&fixture.approver, "look", 1).await,
    ];
    let problems: Vec<_> =
        problems.iter().map(|answer| &answer["data"]["previewRecipients"]["code"]).collect();
    assert_eq!(problems, ["INVALID", "INVALID", "FORBIDDEN"]);
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    let answer = ask(&officer, "look", 1).await;
    assert_eq!(answer["data"]["previewRecipients"]["code"], "CONFLICT", "{answer}");
}
