//! Who may write, approve, cancel; who is on it; what the next revision adds.

use sea_orm::ConnectionTrait;
use serde_json::json;
use suimon::access::Role;
use uuid::Uuid;

use super::fixture::{Fixture, global, texts};
use crate::harness::text;

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_sends_nothing_and_its_author_cannot_approve_it() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(2).await;
    // Somebody with both roles still is one person.
    let both = fixture.app.operator_member(Role::ComplianceOfficer).await;
    fixture
        .app
        .admin()
        .gql_with(
            "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [COMPLIANCE_OFFICER, APPROVER]) { __typename } }",
            json!({ "id": both.account }),
        )
        .await;
    let notice = text(&fixture.create(&both, revision, "PERSONS", texts()).await["id"]);
    assert_eq!(fixture.send().await, Default::default());
    let answer = fixture.act(&both, "approveNotice", &notice).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"FORBIDDEN","message":"not allowed: approve on notice","remedy":"somebody other than its author approves a notice"}"#);
    assert_eq!(fixture.standing(&notice).await, "DRAFT 0 0 0 0 0");
    let answer = fixture.act(&fixture.officer, "approveNotice", &notice).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"FORBIDDEN","message":"not allowed: approve on notice","remedy":null}"#);
    assert_eq!(fixture.act(&fixture.approver, "approveNotice", &notice).await["state"], "APPROVED");
    let answer = fixture.act(&fixture.approver, "approveNotice", &notice).await;
    assert_eq!(answer["code"], "CONFLICT", "{answer}");
    assert_eq!(fixture.send().await.accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_school_s_rule_about_the_operator_s_people_stops_no_notice() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(2).await;
    let op = suimon::access::act_locally(&fixture.app.app, "admin").await.unwrap();
    let school = suimon::access::tenant_by_slug(&op, "school-001").await.unwrap().id;
    for role in [Role::ComplianceOfficer, Role::Approver, Role::CallCentre, Role::OperatorAdmin] {
        let rule = suimon::access::NewRule {
            role,
            object: "data.*".to_owned(),
            action: "*".to_owned(),
            effect: suimon::access::Effect::Deny,
            reason: "a decision of the board".to_owned(),
        };
        suimon::access::add_rule(&op, school, rule).await.unwrap();
    }
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 2 0 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_notice_is_said_at_once() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(1).await;
    let mut wrong = texts();
    wrong["ja"].as_object_mut().unwrap().remove("cause");
    wrong["ja"]["caus"] = json!("x");
    wrong["en"]["measures"] = json!("Dear {{ name }}");
    wrong["en"]["contact_desk"] = json!("x".repeat(4001));
    let answer = fixture.create(&fixture.officer, revision, "PERSONS", wrong).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"INVALID","field":"variables","message":"ja.cause is missing; ja.caus is not a variable of this template; en.contact_desk is longer than 4000 characters; en.measures has a placeholder, which is not filled in here","remedy":"give each variable a text"}"#);
    for variables in [json!({}), json!([]), json!({ "fr": {} }), json!({ "ja": { "cause": 1 } }), json!("x")]
    {
        let answer = fixture.create(&fixture.officer, revision, "PERSONS", variables.clone()).await;
        assert_eq!(
            (&answer["code"], &answer["field"]),
            (&json!("INVALID"), &json!("variables")),
            "{variables}: {answer}"
        );
    }
    let mut windows = texts();
    windows["ja"]["cause"] = json!("一行目\r\n二行目");
    assert_eq!(fixture.create(&fixture.officer, revision, "PERSONS", windows).await["state"], "DRAFT");
    let draft = fixture.revision_in("draft", 2, &[("school-001", "p-000", "possible")]).await;
    let answer = fixture.create(&fixture.officer, draft, "PERSONS", texts()).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"CONFLICT","field":null,"message":"the revision is not approved, or a newer one has taken its place","remedy":"approve the revision, or write the notice for the newest approved one"}"#);
    let answer = fixture.create(&fixture.officer, Uuid::nil(), "PERSONS", texts()).await;
    assert_eq!(answer["message"], "revision not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_for_a_superseded_list_is_not_sent() {
    let fixture = Fixture::captured().await;
    let first = fixture.people(2).await;
    let notice = fixture.draft(first, "PERSONS").await;
    fixture.revision(2, &[("school-001", "p-000", "possible")]).await;
    let answer = fixture.act(&fixture.approver, "approveNotice", &notice).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"CONFLICT","message":"the revision is not approved, or a newer one has taken its place","remedy":"approve the revision, or write the notice for the newest approved one"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mail_a_person_in_the_persons_language_and_nobody_is_dropped() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "en")]).await;
    fixture.import("school-002", &[("p-1", "ja")]).await;
    let revision = fixture
        .revision(
            1,
            &[
                ("school-001", "p-1", "possible"),
                ("school-002", "p-1", "confirmed"),
                ("school-001", "p-2", "confirmed"),
                ("school-001", "unknown", "possible"),
                ("no-such-school", "p-2", "possible"),
                ("school-001", "p-3", "excluded"),
                ("school-001", "p-4", "self_only"),
                ("school-001", "p-5", "indeterminate"),
            ],
        )
        .await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    assert_eq!(
        fixture.messages(&notice).await,
        [
            "p-1 ACCEPTED null null 1",
            "p-2 ACCEPTED null null 1",
            r#"unknown FAILED null "no address known" 0"#
        ]
    );
    let answer =
        fixture.officer.gql("{ capturedMails(purpose: \"test\") { nodes { to subject body } } }").await;
    let mails = answer["data"]["capturedMails"]["nodes"].as_array().unwrap();
    let of =
        |to: &str| mails.iter().find(|mail| mail["to"] == to).unwrap_or_else(|| panic!("{to}: {answer}"));
    let (ja, en) = (text(&of("p-1@school-001.example")["body"]), text(&of("p-2@school-001.example")["body"]));
    assert!(
        ja.contains("学校 school-001、学校 school-002") && ja.contains("表示されたことを確認しました"),
        "{ja}"
    );
    assert!(en.contains("Dear 山田 p-2,") && en.contains("your personal data was shown"), "{en}");

    // The address becomes known: tried again, the person is told too, and only that person.
    fixture.import("school-001", &[("unknown", "en")]).await;
    assert_eq!(fixture.act(&fixture.officer, "retryNotice", &notice).await["state"], "APPROVED");
    assert_eq!(fixture.send().await.accepted, 1);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 3 0 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_revision_tells_the_difference_only() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "ja"), ("p-3", "ja")]).await;
    let first =
        fixture.revision(1, &[("school-001", "p-1", "possible"), ("school-001", "p-2", "possible")]).await;
    let notice = fixture.approved(first).await;
    assert_eq!(fixture.send().await.accepted, 2);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 2 0 0");
    // A second notice for the same list has nobody left.
    let again = fixture.draft(first, "PERSONS").await;
    let answer = fixture.act(&fixture.approver, "approveNotice", &again).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"CONFLICT","message":"everybody on the list has been told already","remedy":null}"#);
    let second =
        fixture.revision(2, &[("school-001", "p-1", "confirmed"), ("school-001", "p-3", "possible")]).await;
    let next = fixture.approved(second).await;
    assert_eq!(fixture.send().await.accepted, 1);
    assert_eq!(fixture.messages(&next).await, ["p-3 ACCEPTED null null 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_get_their_own_numbers_and_hear_again_when_their_list_changes() {
    let fixture = Fixture::with(&["notices.links=false"]).await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "ja")]).await;
    fixture.import("school-002", &[("p-3", "ja")]).await;
    let school = fixture.app.tenant("school-001").await;
    let set = "mutation($id: ID!, $address: String) { setTenantContact(tenantId: $id, address: $address) {
        __typename ... on ContactSet { known } ... on Problem { code message } } }";
    let admin = fixture.app.admin();
    let wrong = admin.gql_with(set, json!({ "id": school.id, "address": "not an address" })).await;
    insta::assert_snapshot!(wrong, @r#"{"data":{"setTenantContact":{"__typename":"Problem","code":"INVALID","message":"is not a mail address such as office@school.example"}}}"#);
    let done = admin.gql_with(set, json!({ "id": school.id, "address": "office@school-001.example" })).await;
    assert_eq!(done["data"]["setTenantContact"]["known"], true, "{done}");
    let list = [
        ("school-001", "p-1", "possible"),
        ("school-001", "p-2", "possible"),
        ("school-002", "p-3", "possible"),
        ("school-003", "p-9", "possible"),
    ];
    let first = fixture.revision(1, &list).await;
    let notice = fixture.draft(first, "TENANTS").await;
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    fixture.send().await;
    assert_eq!(
        fixture.messages(&notice).await,
        [
            "tenant:school-001 ACCEPTED null null 1",
            r#"tenant:school-002 FAILED null "no contact address" 0"#,
            r#"tenant:school-003 FAILED null "no contact address" 0"#,
        ]
    );
    let answer =
        fixture.officer.gql("{ capturedMails(purpose: \"test\") { nodes { to subject body } } }").await;
    let mails = answer["data"]["capturedMails"]["nodes"].as_array().unwrap();
    assert_eq!(mails[0]["to"], "office@school-001.example");
    insta::assert_snapshot!(text(&mails[0]["body"]), @r"
    学校 school-001 ご担当者様

    みほん出願サービスです。
    出願システムにおいて、学校 school-001に関係する方の個人情報が他の方に表示された可能性があります。
    深くお詫び申し上げますとともに、次のとおりご報告いたします。

    ■ 学校 school-001に関係する方(対象者リスト 第1版)
    志願者: 2名

    期間: 2023年10月26日 11:00 から 2023年10月26日 15:41 まで (Asia/Tokyo)

    ■ 何が起きたか
    10月26日、他の方のページが表示されました。

    ■ 対象となる情報
    氏名、メールアドレス

    ■ 原因
    配信設定の誤り

    ■ 二次被害のおそれ
    現時点で確認されていません。

    ■ 当社の対応
    設定を戻し、再発防止策を行いました。

    ■ お問い合わせ窓口
    お問い合わせ: 03-0000-0000

    みほん出願サービス
    ");

    // school-001 is as it was; school-002 now can be reached.
    let school = fixture.app.tenant("school-002").await;
    admin.gql_with(set, json!({ "id": school.id, "address": "office@school-002.example" })).await;
    let second = fixture.revision(2, &list).await;
    let notice = fixture.draft(second, "TENANTS").await;
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    fixture.send().await;
    assert_eq!(
        fixture.messages(&notice).await,
        ["tenant:school-002 ACCEPTED null null 1", r#"tenant:school-003 FAILED null "no contact address" 0"#]
    );
    let third =
        fixture.revision(3, &[("school-001", "p-1", "possible"), ("school-002", "p-3", "possible")]).await;
    let notice = fixture.draft(third, "TENANTS").await;
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    fixture.send().await;
    assert_eq!(fixture.messages(&notice).await, ["tenant:school-001 ACCEPTED null null 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_means_no_further_mail() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.act(&fixture.officer, "cancelNotice", &notice).await["state"], "CANCELLED");
    assert_eq!(fixture.send().await, Default::default());
    assert_eq!(fixture.standing(&notice).await, "CANCELLED 0 0 0 0 3");
    for verb in ["cancelNotice", "retryNotice", "approveNotice"] {
        let member = if verb == "approveNotice" { &fixture.approver } else { &fixture.officer };
        assert_eq!(fixture.act(member, verb, &notice).await["code"], "CONFLICT", "{verb}");
    }
    // Nobody was told, so the next revision tells them.
    let next = fixture.revision(2, &[("school-001", "p-000", "possible")]).await;
    fixture.approved(next).await;
    assert_eq!(fixture.send().await.accepted, 1);
}

/// More places than are read at once, with the border in the middle of a person's; names that databases order in different ways.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_told_whole_and_nobody_on_it_twice() {
    let fixture = Fixture::captured().await;
    let names: Vec<String> =
        (0..700).map(|number| format!("{}-{number:03}", ["p", "P", "q_", "Q"][number % 4])).collect();
    let people: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "ja")).collect();
    for people in people.chunks(500) {
        // Of the three places only the last knows how to reach them.
        fixture.import("school-003", people).await;
    }
    let places = ["school-001", "school-002", "school-003"];
    let list: Vec<_> =
        names.iter().flat_map(|name| places.map(|place| (place, name.as_str(), "possible"))).collect();
    assert_eq!(list.len(), 2_100);
    let revision = fixture.revision(1, &list).await;
    let given_up = fixture.approved(revision).await;
    assert_eq!(fixture.standing(&given_up).await, "APPROVED 700 0 0 0 0");
    fixture.act(&fixture.officer, "cancelNotice", &given_up).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 700 0 0", "{sent:?}");
    assert_eq!(fixture.standing(&given_up).await, "CANCELLED 0 0 0 0 0", "taken over");
    // Whoever is new on a longer list, and nobody else.
    let longer: Vec<_> = list.into_iter().chain([("school-001", "z-new", "possible")]).collect();
    let next = fixture.revision(2, &longer).await;
    let next = fixture.approved(next).await;
    assert_eq!(fixture.standing(&next).await, "APPROVED 0 0 0 0 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_in_place_of_a_cancelled_one_reaches_whoever_was_not_told() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "ja"), ("p-3", "ja")]).await;
    let list = ["p-1", "p-2", "p-3", "unknown"].map(|person| ("school-001", person, "possible"));
    let revision = fixture.revision(1, &list).await;
    let wrong = fixture.approved(revision).await;
    let later = format!(
        "UPDATE message SET next_attempt_at = {} WHERE recipient <> 'p-1'",
        fixture.app.now().as_microsecond() + 60_000_000
    );
    fixture.database.execute_unprepared(&later).await.unwrap();
    assert_eq!(fixture.send().await.accepted, 1);
    let mail_ids = || async {
        let answer = fixture
            .officer
            .gql_with(
                "query($id: ID!) { notices(incidentId: $id) { messages { nodes { recipient messageId } } } }",
                json!({ "id": fixture.incident_id() }),
            )
            .await;
        let notices = answer["data"]["notices"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let nodes = notices.iter().flat_map(|notice| notice["messages"]["nodes"].as_array().unwrap().clone());
        let mut ids: Vec<_> = nodes.map(|node| node.to_string()).collect();
        ids.sort();
        ids
    };
    let before = mail_ids().await;
    fixture.act(&fixture.officer, "cancelNotice", &wrong).await;
    assert_eq!(fixture.standing(&wrong).await, "CANCELLED 0 0 1 0 3");
    // One whom nobody knew how to reach can be reached by now.
    fixture.import("school-001", &[("unknown", "en")]).await;
    let right = fixture.approved(revision).await;
    assert_eq!(
        fixture.messages(&right).await,
        ["p-2 QUEUED null null 0", "p-3 QUEUED null null 0", "unknown QUEUED null null 0"]
    );
    assert_eq!(fixture.standing(&wrong).await, "CANCELLED 0 0 1 0 0", "what was accepted stays where it was");
    assert_eq!(fixture.send().await.accepted, 3);
    assert_eq!(fixture.standing(&right).await, "DONE 0 0 3 0 0");
    assert_eq!(mail_ids().await, before, "each recipient keeps its Message-ID");
    let again = fixture.draft(revision, "PERSONS").await;
    let answer = fixture.act(&fixture.approver, "approveNotice", &again).await;
    assert_eq!(answer["message"], "everybody on the list has been told already");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_on_the_list_in_force_any_more_is_not_written_to() {
    let fixture = Fixture::captured().await;
    fixture.import("school-001", &[("p-1", "ja"), ("p-2", "ja")]).await;
    let both = [("school-001", "p-1", "possible"), ("school-001", "p-2", "possible")];
    let first = fixture.revision(1, &both).await;
    let notice = fixture.approved(first).await;
    fixture.revision(2, &both[..1]).await;
    fixture.send().await;
    assert_eq!(
        fixture.messages(&notice).await,
        ["p-1 ACCEPTED null null 1", r#"p-2 FAILED null "the list was revised" 1"#]
    );
    let answer = fixture.act(&fixture.officer, "retryNotice", &notice).await;
    insta::assert_snapshot!(answer, @r#"{"__typename":"Problem","code":"CONFLICT","message":"the revision is not approved, or a newer one has taken its place","remedy":"approve the revision, or write the notice for the newest approved one"}"#);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 1 0 1");

    // On the list again, the person is told by the notice for it.
    let third = fixture.revision(3, &both).await;
    let next = fixture.approved(third).await;
    assert_eq!(fixture.send().await.accepted, 1);
    assert_eq!(fixture.messages(&next).await, ["p-2 ACCEPTED null null 1"]);
    // Even if the first list came into force again, its failed message has nobody left to reach.
    let back = "UPDATE revision SET state = CASE number WHEN 1 THEN 'approved' ELSE 'superseded' END";
    fixture.database.execute_unprepared(back).await.unwrap();
    let answer = fixture.act(&fixture.officer, "retryNotice", &notice).await;
    assert_eq!(answer["message"], "another notice has told everybody whom this one did not reach");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_does_not_get_numbers_that_have_changed() {
    let fixture = Fixture::captured().await;
    let admin = fixture.app.admin();
    for school in ["school-001", "school-002"] {
        fixture.import(school, &[("p-1", "ja"), ("p-2", "ja")]).await;
        let id = fixture.app.tenant(school).await.id;
        let set = "mutation($id: ID!) { setTenantContact(tenantId: $id, address: \"office@school.example\") { __typename } }";
        admin.gql_with(set, json!({ "id": id })).await;
    }
    let entry = |school, person| (school, person, "possible");
    let list = [entry("school-001", "p-1"), entry("school-002", "p-1"), entry("school-002", "p-2")];
    let first = fixture.revision(1, &list).await;
    let notice = fixture.draft(first, "TENANTS").await;
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    fixture.revision(2, &list[..2]).await;
    fixture.send().await;
    assert_eq!(
        fixture.messages(&notice).await,
        [
            "tenant:school-001 ACCEPTED null null 1",
            r#"tenant:school-002 FAILED null "the list was revised" 1"#
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_approver_sees_what_it_approves() {
    let fixture = Fixture::with(&["notices.links=false"]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.draft(revision, "PERSONS").await;
    let answer = fixture
        .approver
        .gql_with(
            "query($id: ID!) { previewNotice(noticeId: $id, language: EN) {
               ... on NoticePreview { typical { subject body } worstCase { subject body } } ... on Problem { message } } }",
            json!({ "id": notice }),
        )
        .await;
    let preview = &answer["data"]["previewNotice"];
    insta::assert_snapshot!(text(&preview["typical"]["subject"]), @"Important: notice about your personal data in Sample system (Sample Inc.)");
    insta::assert_snapshot!(text(&preview["typical"]["body"]), @r"
    Dear Hanako Mihon,

    Sample Inc. informs you that in Sample system your personal data may have been shown to other people.
    We apologise for this. Here is what we know.

    Concerned school: Mihon Junior High School

    Period: 26 October 2023, 11:00 to 15:41

    * What happened
    On 26 October pages were shown to others.

    * Which data
    Name, mail address

    * Cause
    A wrong setting of the delivery network

    * What might follow from it
    None is known.

    * What we do
    The setting was undone.

    * Whom to ask
    Please call +81-3-0000-0000.

    Sample Inc.
    ");
    assert!(text(&preview["worstCase"]["body"]).contains("<b>\"'&{{ 7 * 7 }}</b>"), "{preview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_find_nothing_and_roles_decide() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    let school = fixture.app.tenant("school-001").await;
    let stranger = fixture.app.member(&school, Role::TenantAdmin).await;
    for verb in ["approveNotice", "cancelNotice", "retryNotice"] {
        let answer = fixture.act(&stranger, verb, &notice).await;
        assert_eq!(answer["code"], "NOT_FOUND", "{verb}: {answer}");
    }
    assert_eq!(fixture.create(&stranger, revision, "PERSONS", texts()).await["code"], "NOT_FOUND");
    for query in [
        format!("{{ notice(id: \"{notice}\") {{ state }} }}"),
        format!("{{ notices(incidentId: \"{}\") {{ state }} }}", fixture.incident_id()),
        "{ capturedMails(purpose: \"test\") { nodes { to } } }".to_owned(),
    ] {
        let answer = stranger.gql(&query).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{query}: {answer}");
    }
    // An id that claims another tenant finds nothing either.
    let tenant = fixture.app.app.entropy().id(fixture.app.now());
    let forged = global("Notice", tenant, Uuid::nil());
    for verb in ["cancelNotice", "retryNotice"] {
        assert_eq!(fixture.act(&fixture.officer, verb, &forged).await["code"], "NOT_FOUND");
    }
    let answer = fixture.act(&fixture.officer, "cancelNotice", &fixture.incident_id()).await;
    assert_eq!(answer["message"], "is not the id of a Notice");
    let contact = "mutation($id: ID!) { setTenantContact(tenantId: $id, address: \"a@b.example\") { ... on Problem { code } } }";
    let other = fixture.app.tenant("school-002").await;
    let answer = stranger.gql_with(contact, json!({ "id": other.id })).await;
    assert_eq!(answer["data"]["setTenantContact"]["code"], "NOT_FOUND", "{answer}");
    let answer = fixture.officer.gql_with(contact, json!({ "id": other.id })).await;
    assert_eq!(answer["data"]["setTenantContact"]["code"], "FORBIDDEN", "{answer}");

    let auditor = fixture.app.operator_member(Role::Auditor).await;
    assert_eq!(fixture.create(&auditor, revision, "PERSONS", texts()).await["code"], "FORBIDDEN");
    assert_eq!(fixture.create(&fixture.approver, revision, "PERSONS", texts()).await["code"], "FORBIDDEN");
    let answer = fixture.app.admin().gql("{ capturedMails(purpose: \"test\") { nodes { to } } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
}
