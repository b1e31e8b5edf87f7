//! The interim report: what it says, in which language, and what it never does.

use jiff::Timestamp;
use serde_json::{Value, json};
use suimon::access::{Role, act_locally};
use suimon::incidents::affected::{self, Correction, Removal};
use suimon::incidents::model::{Attachment, Direction, EntryKind, Party, Precision, TeamRole};
use suimon::incidents::{self, NewAction, NewAnswer, NewEntry, NewInquiry, NewMember, RowId};

use crate::duties_scene::{Scene, global_id, jst};

async fn report(scene: &Scene, language: &str, format: &str) -> String {
    let query = "query($id: ID!, $language: Language!, $format: ReportFormat!) {
        incidentReport(incidentId: $id, language: $language, format: $format) }";
    let variables = json!({ "id": scene.id, "language": language, "format": format });
    let answer = scene.officer.gql_with(query, variables).await;
    answer["data"]["incidentReport"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn entry(kind: EntryKind, at: &str, text: &str) -> NewEntry {
    NewEntry::of(kind, jst(at), text)
}

/// The founding story: every kind of fact that its report has.
pub async fn tell(scene: &Scene) {
    scene.at("2023-11-09T10:00");
    let op = scene.op().await;
    let id = scene.incident;
    for (role, name, organisation, contact) in [
        (TeamRole::Head, "Yamane Haru", "Operator Inc.", None),
        (TeamRole::DeputyHead, "Kishi Nao", "Maintainer Ltd.", None),
        (TeamRole::PublicContact, "Service desk", "Operator Inc.", Some("06-0000-0000, desk@example.jp")),
    ] {
        let contact = contact.map(str::to_owned);
        let member =
            NewMember { role, name: name.into(), organisation: organisation.into(), contact, account: None };
        incidents::assign_team_role(&op, id, member).await.expect("a member");
    }
    let wrong = entry(EntryKind::Event, "2023-10-26T11:00", "maintenance from 11:00 to 12:00");
    let wrong = incidents::add_entry(&op, id, wrong).await.expect("an entry");
    let replaced = RowId { tenant: id.tenant, id: wrong.id };
    for new in [
        entry(
            EntryKind::Summary,
            "2023-10-26T16:00",
            "Caching was switched on.\nPages were served to other people.",
        ),
        entry(EntryKind::Cause, "2023-10-26T15:30", "The cache key left the session out."),
        entry(EntryKind::Impact, "2023-10-26T16:00", "The data behind the pages could not be reached."),
        NewEntry {
            occurred_until: Some(jst("2023-10-26T11:30")),
            supersedes: Some(replaced),
            ..entry(EntryKind::Event, "2023-10-26T11:00", "extra maintenance")
        },
        NewEntry {
            precision: Precision::About,
            ..entry(
                EntryKind::Report,
                "2023-10-26T15:15",
                "two school administrators saw another school's page",
            )
        },
        entry(EntryKind::Investigation, "2023-10-26T11:44", "a test login worked"),
        entry(EntryKind::Meeting, "2023-10-27T09:00", "first meeting"),
        NewEntry {
            precision: Precision::From,
            ..entry(
                EntryKind::Communication,
                "2023-10-27T15:00",
                "schools with ten or more applicants were told",
            )
        },
        NewEntry {
            attachments: vec![Attachment {
                name: "report.pdf".into(),
                sha256: "ab".repeat(32),
                media_type: "application/pdf".into(),
                size: 1000,
            }],
            ..entry(EntryKind::Authority, "2023-10-27T10:00", "first report by the maintainer")
        },
        entry(EntryKind::Measure, "2023-11-06T10:00", "gift cards of 1,000 yen are planned"),
        entry(
            EntryKind::Note,
            "2023-11-06T11:00",
            "<script>alert(1)</script> **bold** | cell\n# heading [x](y)",
        ),
    ] {
        incidents::add_entry(&op, id, new).await.expect("an entry");
    }
    for (direction, party_kind, party, question, answer) in [
        (
            Direction::Outgoing,
            Party::Vendor,
            "CDN vendor",
            "Who saw whose page?",
            Some("That cannot be traced."),
        ),
        (Direction::Outgoing, Party::Authority, "PPC", "Is it reportable?", Some("Not within Rule 7.")),
        (Direction::Incoming, Party::Tenant, "a school", "Which applicants?", None),
    ] {
        let new = NewInquiry {
            direction,
            party_kind,
            party: Some(party.into()),
            party_tenant: None,
            channel: Some("mail".into()),
            question: question.into(),
            asked_at: Some(jst("2023-10-30T11:32")),
            due_at: None,
        };
        let inquiry = incidents::record_inquiry(&op, id, new).await.expect("an inquiry");
        if let Some(text) = answer {
            let answer = NewAnswer { text: text.into(), at: Some(jst("2023-10-30T16:18")) };
            let inquiry = RowId { tenant: inquiry.tenant, id: inquiry.id };
            incidents::answer_inquiry(&op, inquiry, answer).await.expect("an answer");
        }
    }
    let action = NewAction {
        title: "Personal pages are never cached".into(),
        requirement: Some("NFR-CACHE-001".into()),
        owner: Some("Maintainer Ltd.".into()),
        starts_at: Some(jst("2023-11-13T09:00")),
        due_at: None,
    };
    incidents::plan_action(&op, id, action).await.expect("an action");
}

/// The first list is too long, its correction is approved by another person.
pub async fn lists(scene: &Scene) {
    let first = scene.list(292, 66, 0).await;
    let remove = |person: String, index: usize| Removal {
        tenant: format!("t-{}", index % 59),
        person,
        reason: "logged in outside the window".into(),
    };
    let mut removals = vec![remove("applicant-possible-291".into(), 291)];
    removals.extend((48..66).map(|index| remove(format!("school_admin-possible-{index}"), index)));
    let base = RowId { tenant: first.tenant, id: first.id };
    let reason = "login times were examined".to_owned();
    let correction = Correction { base, add: Vec::new(), remove: removals, reason };
    let op = scene.op().await;
    let second = incidents::correct_revision(&op, scene.incident, correction).await.expect("a correction");
    let approver = scene.app.operator_member(Role::Approver).await;
    let op = act_locally(&scene.app.app, &approver.login).await.expect("the approver acts");
    let second = RowId { tenant: second.tenant, id: second.id };
    affected::approve_revision(&op, second).await.expect("approved");
    let words = json!({
        "what_happened": "Pages were shown to others.", "data_items": "Name", "cause": "A setting",
        "secondary_damage": "None is known.", "measures": "Undone.", "contact_desk": "06-0000-0000",
    });
    let input = json!({
        "incidentId": scene.id, "revisionId": global_id("Revision", second), "audience": "TENANTS",
        "template": "incident_notice_tenant", "variables": { "ja": words, "en": words },
    });
    let create = "mutation($input: CreateNoticeInput!) { createNotice(input: $input) { __typename } }";
    let answer = scene.officer.gql_with(create, json!({ "input": input })).await;
    assert_eq!(answer["data"]["createNotice"]["__typename"], "Notice", "{answer}");
}

fn headings(markdown: &str) -> String {
    markdown.lines().filter(|line| line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

fn line_with<'t>(text: &'t str, part: &str) -> &'t str {
    text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in:\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_founding_story_has_its_place_in_both_languages() {
    let scene = Scene::new().await;
    lists(&scene).await;
    scene.officer_facts().await;
    scene.assess().await;
    tell(&scene).await;
    let japanese = report(&scene, "JA", "MARKDOWN").await;
    let english = report(&scene, "EN", "MARKDOWN").await;
    insta::assert_snapshot!(headings(&japanese), @r#"
    # Pages of other people &lt;shown&gt; &amp; seen
    ## 1. まとめ
    ### 事案の概要
    ### 本人への影響
    ### 発覚の経緯
    ## 2. 時系列
    ## 3. 特定と原因
    ### 原因
    ### 特定の経緯
    ## 4. インシデント発生時間
    ## 5. 対象範囲
    ### 第1版
    ### 第2版
    ## 6. 利用者（組織）・本人への連絡
    ## 7. 問い合わせと回答
    ## 8. 法的評価
    ### 個人情報保護法26条（令和4年4月1日～令和6年3月31日）
    ## 9. 監督機関への報告・相談
    ## 10. 対応と再発防止
    ### 封じ込め
    ### 本人等への対応・再発防止のための措置
    ### 是正措置
    ## 11. 今後の予定
    ## 12. お問い合わせ先
    ## 13. 付録
    ### 評価に用いた事実
    ### 適用したすべての規定
    ### 資料
    "#);
    insta::assert_snapshot!(headings(&english), @r#"
    # Pages of other people &lt;shown&gt; &amp; seen
    ## 1. Summary
    ### What happened
    ### What it means for the people concerned
    ### How it was noticed
    ## 2. Timeline
    ## 3. Identification and cause
    ### Cause
    ### How it was found
    ## 4. Exposure window
    ## 5. Scope: who may be affected
    ### Revision 1
    ### Revision 2
    ## 6. Communications to tenants and persons
    ## 7. Inquiries and answers
    ## 8. Law
    ### APPI Art. 26 from 2022-04-01 to 2024-03-31
    ## 9. Reports to and consultations of the authority
    ## 10. Measures
    ### Containment
    ### Measures for those concerned and against a repetition
    ### Corrective actions
    ## 11. Next steps
    ## 12. Contact
    ## 13. Appendix
    ### Facts of the assessment
    ### Every rule that was asked
    ### Documents
    "#);
    let facts: Vec<&str> = [
        "- 発生時間：",
        "- 継続時間",
        "- 端緒の検知",
        "- 閲覧された",
        "志願者：",
        "次の番号に訂正",
        "- 規則7条4号",
    ]
    .iter()
    .map(|part| line_with(&japanese, part))
    .collect();
    insta::assert_snapshot!(facts.join("\n"), @r#"
    - 発生時間：2023年10月26日（木） 11:00～2023年10月26日（木） 15:41
    - 継続時間：4時間41分
    - 端緒の検知：2023年10月26日（木） 13:15（発生から2時間15分）
    - 閲覧された可能性のある人：339名、59組織（第2版、承認済み）
      - 志願者：291名、59組織
    | 6 | 2023年10月26日（木） 11:00 | 事象・作業 | ~~maintenance from 11:00 to 12:00~~ **（次の番号に訂正：10）** |
    - 規則7条4号：本人の数 339 &gt; 1000 → 該当しない
    "#);
    let facts: Vec<&str> = [
        "- Duration",
        "- First sign",
        "- May be affected",
        "Applicant: ",
        "replaced by no.",
        "about 15:15",
        "from 15:00",
        "| tenants |",
        "| 1 | ",
        "| 2 | ",
        "That cannot be traced",
        "Not within Rule 7",
        "- Rule 7(iv)",
        "NFR-CACHE-001",
        "Yamane Haru",
        "desk@example.jp",
        "report.pdf",
        "Answer to an open question",
    ]
    .iter()
    .map(|part| line_with(&english, part))
    .collect();
    insta::assert_snapshot!(facts.join("\n"), @r#"
    - Duration: 4 h 41 min
    - First sign: Thu 26 Oct 2023, 13:15 (2 h 15 min after the beginning)
    - May be affected: 339 persons, 59 tenants (Revision 2, approved)
      - Applicant: 291 persons, 59 tenants
    | 6 | Thu 26 Oct 2023, 11:00 | Event | ~~maintenance from 11:00 to 12:00~~ **(replaced by no. 10)** |
    | 11 | Thu 26 Oct 2023, about 15:15 | Report received | two school administrators saw another school's page |
    | 14 | Fri 27 Oct 2023, from 15:00 | Communication | schools with ten or more applicants were told |
    | Thu 26 Oct 2023, 16:00 | tenants | 2 | draft | 0 | 0 | 0 | 0 |
    | 1 | Thu 26 Oct 2023, 13:15 | Report received | own page shows another applicant<br>(an applicant, through the school) |
    | 2 | Thu 26 Oct 2023, 15:20 | Status | → open |
    | Mon 30 Oct 2023, 11:32 | asked of: CDN vendor (vendor)<br>by: mail | Who saw whose page? | **Mon 30 Oct 2023, 16:18**<br>That cannot be traced. |
    | Mon 30 Oct 2023, 11:32 | asked of: PPC (authority)<br>by: mail | Is it reportable? | **Mon 30 Oct 2023, 16:18**<br>Not within Rule 7. |
    - Rule 7(iv): number of principals 339 &gt; 1000 → not met
    | Personal pages are never cached | NFR-CACHE-001 | Maintainer Ltd. | Mon 13 Nov 2023 to *not known yet* | planned |
    | Head | Yamane Haru | Operator Inc. |
    **Operator Inc.**<br>Service desk<br>06-0000-0000, desk@example.jp
    | 15 | Fri 27 Oct 2023, 10:00 | Authority | first report by the maintainer<br>Attachment: report.pdf `abababababababab…` |
    | Answer to an open question: a school | *not known yet* | *not known yet* |
    "#);
    for text in [&japanese, &english] {
        assert!(!text.contains("applicant-possible"), "a report names nobody of the list");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_said_so() {
    let scene = Scene::new().await;
    let english = report(&scene, "EN", "MARKDOWN").await;
    insta::assert_snapshot!(english, @r#"
    # Pages of other people &lt;shown&gt; &amp; seen

    Interim report – An incident of Online application system, run by Mizuumi Application Services, Inc.

    - Date: Thu 26 Oct 2023
    - Incident: 1
    - Status: contained
    - All times are in the time zone: Asia/Tokyo

    **Response team**

    *not known yet*

    ## 1. Summary

    ### What happened

    *not known yet*

    - Period: Thu 26 Oct 2023, 11:00 to Thu 26 Oct 2023, 15:41
    - Duration: 4 h 41 min
    - First sign: Thu 26 Oct 2023, 13:15 (2 h 15 min after the beginning)
    - Known to the organisation: Thu 26 Oct 2023, 13:15
    - Contained: Thu 26 Oct 2023, 15:41
    - May be affected: *not known yet*
    - Law: *not assessed yet*

    ### How it was noticed

    | When | Seen by | Entry | Requirement |
    |---|---|---|---|
    | Thu 26 Oct 2023, 13:15 | a person<br>an applicant, through the school | own page shows another applicant | *not known yet* |

    ## 2. Timeline

    | No. | When | Kind | Entry |
    |---:|---|---|---|
    | 1 | Thu 26 Oct 2023, 13:15 | Report received | own page shows another applicant<br>(an applicant, through the school) |
    | 2 | Thu 26 Oct 2023, 15:20 | Status | → open |
    | 4 | Thu 26 Oct 2023, 15:41 | Containment | caching switched off |
    | 3 | Thu 26 Oct 2023, 16:00 | Times | occurredFrom: – → 2023-10-26T02:00:00Z |
    | 5 | Thu 26 Oct 2023, 16:00 | Status | open → contained |


    ## 3. Identification and cause

    ### Cause

    *not known yet*

    ### How it was found

    | No. | When | Kind | Entry |
    |---:|---|---|---|
    | 1 | Thu 26 Oct 2023, 13:15 | Report received | own page shows another applicant<br>(an applicant, through the school) |


    ## 4. Exposure window

    **Thu 26 Oct 2023, 11:00 to Thu 26 Oct 2023, 15:41** (4 h 41 min)

    Pages that were served in this period may have been seen by others.

    ## 5. Scope: who may be affected

    Numbers only: no person is named in this report.

    *not known yet*

    ## 6. Communications to tenants and persons

    *none recorded*

    ## 7. Inquiries and answers

    *none recorded*

    ## 8. Law

    *not assessed yet*

    ## 9. Reports to and consultations of the authority

    *none recorded*

    ## 10. Measures

    ### Containment

    **Thu 26 Oct 2023, 15:41** caching switched off

    ### Corrective actions

    *none recorded*

    ## 11. Next steps

    *none recorded*

    ## 12. Contact

    *not known yet*

    ## 13. Appendix

    ### Documents

    *none recorded*

    Made by Suimon at Thu 26 Oct 2023, 16:00
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_cannot_become_markup() {
    let scene = Scene::new().await;
    tell(&scene).await;
    for language in ["JA", "EN"] {
        let html = report(&scene, language, "HTML").await;
        assert!(!html.contains("<script"), "a script in {language}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt; **bold** | cell"), "{html}");
        assert!(html.contains("<title>Pages of other people &lt;shown&gt; &amp; seen – "));
        let markdown = report(&scene, language, "MARKDOWN").await;
        assert!(!markdown.contains("<script"));
        let row = line_with(&markdown, "alert(1)");
        assert!(
            row.contains(
                r"&lt;script&gt;alert(1)&lt;/script&gt; \*\*bold\*\* \| cell<br>\# heading \[x\](y) |"
            ),
            "{row}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_stands_alone_and_can_be_read_by_everybody() {
    let scene = Scene::new().await;
    lists(&scene).await;
    scene.officer_facts().await;
    scene.fact("counts.principals_total", json!(1001), "CONFIRMED").await;
    scene.assess().await;
    tell(&scene).await;
    for (language, tag) in [("JA", "ja"), ("EN", "en")] {
        let html = report(&scene, language, "HTML").await;
        assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{tag}\">")), "{}", &html[..80]);
        assert!(html.contains("@media print"));
        for outside in ["http://", "https://", "src=", "url(", "@import", "<link"] {
            assert!(!html.contains(outside), "{outside} leads out of the page");
        }
        let count = |part: &str| html.matches(part).count();
        assert_eq!(count("<h1>"), 1);
        assert_eq!(count("<table>"), count("<caption>"), "a table says what it is");
        assert_eq!(count("<table>"), count("</table>"));
        assert_eq!(count("<th "), count("scope=\""), "a header says of what");
        for number in 1..=13 {
            assert!(
                html.contains(&format!("<a href=\"#s{number}\">"))
                    && html.contains(&format!("id=\"s{number}\""))
            );
        }
        for tag in ["section", "h2", "h3", "dl", "dd", "ul", "li", "p", "tr", "td", "del", "span"] {
            let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
            assert_eq!(opened, count(&format!("</{tag}>")), "{tag} in {language}");
        }
        assert!(html.contains("2023-11-24"), "the deadline stands in it");
        assert!(html.contains("<del class=\"text\">maintenance from 11:00 to 12:00</del>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_people_get_it_and_its_making_is_recorded() {
    let scene = Scene::new().await;
    let query = format!("{{ incidentReport(incidentId: \"{}\", language: EN, format: HTML) }}", scene.id);
    let school = scene.app.tenant("school-001").await;
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    for (member, expected) in [
        (scene.app.member(&school, Role::TenantAdmin).await, json!("NOT_FOUND")),
        (scene.app.operator_member(Role::CallCentre).await, json!("FORBIDDEN")),
        (scene.app.operator_member(Role::Approver).await, Value::Null),
    ] {
        assert_eq!(code(&member.gql(&query).await), expected, "{}", member.login);
    }
    let elsewhere = query.replace(&scene.id, "bm90IGFuIGlk");
    assert_eq!(code(&scene.officer.gql(&elsewhere).await), "INVALID");
    let entries = scene.app.verify_audit().await;
    assert!(entries.iter().all(|chain| chain.faults.is_empty()));
}

#[test]
fn durations_and_times_are_in_the_incidents_zone() {
    // Across the end of summer time the same wall-clock distance is an hour longer.
    let text = |at: &str| at.parse::<Timestamp>().unwrap();
    let words = suimon::reports::Words::new(law::Lang::En, "Europe/Paris");
    let (from, to) = (text("2024-10-26T22:30:00Z"), text("2024-10-27T03:30:00Z"));
    assert_eq!(words.moment(from), "Sun 27 Oct 2024, 00:30");
    assert_eq!(words.moment(to), "Sun 27 Oct 2024, 04:30");
    assert_eq!(words.duration(from, to).unwrap(), "5 h");
    let japanese = suimon::reports::Words::new(law::Lang::Ja, "Asia/Tokyo");
    assert_eq!(japanese.duration(jst("2023-10-26T11:00"), jst("2023-10-26T15:41")).unwrap(), "4時間41分");
    assert_eq!(japanese.day(jst("2023-10-26T00:00")), "2023年10月26日（木）");
    assert_eq!(japanese.duration(to, from), None);
}
