//! The captured-mail transport: shows what would be sent, keeps it sealed.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};
use std::collections::BTreeSet;

use super::fixture::{Fixture, global};
use crate::harness::text;

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_mail_is_shown_to_those_who_may_and_recorded() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 3);
    let first = fixture.officer.gql("{ capturedMails(first: 2, purpose: \"proof-reading\") { nodes { to from subject source } pageInfo { endCursor hasNextPage } } }").await;
    let page = &first["data"]["capturedMails"];
    assert_eq!(page["pageInfo"]["hasNextPage"], true, "{first}");
    assert_eq!(page["nodes"][0]["from"], "notice@suimon.example");
    assert!(text(&page["nodes"][0]["subject"]).starts_with("【重要】出願システムにおける"), "{page}");
    assert!(text(&page["nodes"][0]["source"]).is_ascii());
    let rest = fixture
        .officer
        .gql(&format!(
            "{{ capturedMails(after: \"{}\", purpose: \"proof-reading\") {{ nodes {{ to }} pageInfo {{ hasNextPage }} }} }}",
            text(&page["pageInfo"]["endCursor"])
        ))
        .await;
    assert_eq!(rest["data"]["capturedMails"]["nodes"].as_array().unwrap().len(), 1, "{rest}");
    let backend = fixture.database.get_database_backend();
    let count = Statement::from_string(
        backend,
        "SELECT COUNT(*) AS n FROM audit_entry WHERE action = 'captured_mail.read'",
    );
    let row = fixture.database.query_one_raw(count).await.unwrap().unwrap();
    // The page's extra row, which only says that there is a next page, is opened too.
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 4);
    // Each stands at the recipient's tenant, names the person and why, and no address.
    let school = fixture.app.tenant("school-001").await;
    let entries = entity::audit_entry::Entity::find().all(&fixture.database).await.unwrap();
    let reads: Vec<_> = entries.iter().filter(|entry| entry.action == "captured_mail.read").collect();
    let subjects: BTreeSet<_> = reads.iter().map(|entry| entry.subject.clone().expect("a person")).collect();
    let known = entity::subject::Entity::find().all(&fixture.database).await.unwrap();
    assert_eq!(subjects, known.iter().map(|subject| subject.id.to_string()).collect());
    for entry in &reads {
        assert_eq!(global("Tenant", entry.tenant_id, entry.tenant_id), school.id);
        assert_eq!(entry.purpose.as_deref(), Some("proof-reading"));
        assert!(!format!("{entry:?}").contains('@'), "{entry:?}");
    }
    let nameless = fixture.officer.gql("{ capturedMails(purpose: \" \") { nodes { to } } }").await;
    assert_eq!(nameless["errors"][0]["extensions"]["code"], "INVALID", "{nameless}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_mails_are_shown_at_the_command_line_and_only_they_are_recorded() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 3);
    let run = |login: &str, arguments: &[&str]| {
        let (code, told, complained) = fixture.notices(login, &[&["mail"], arguments].concat());
        (code, [told, complained])
    };
    let officer = fixture.officer.login.as_str();
    let (code, [shown, complained]) =
        run(officer, &["--purpose", "proof-reading", "--last", "2", "--format", "json"]);
    assert_eq!((code, complained.as_str()), (Some(0), ""), "{shown}");
    let mails: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let ids: Vec<_> = mails["mails"].as_array().unwrap().iter().map(|mail| text(&mail["id"])).collect();
    let mut ordered = ids.clone();
    ordered.sort_by(|one, other| other.cmp(one));
    assert_eq!((ids.len(), &ids), (2, &ordered), "the newest first");
    let purposes = async || {
        let entries = entity::audit_entry::Entity::find().all(&fixture.database).await.unwrap();
        let reads = entries.into_iter().filter(|entry| entry.action == "captured_mail.read");
        reads.map(|entry| entry.purpose.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(purposes().await, ["proof-reading"; 2], "what was not shown was not opened");

    // Those of a notice, as a person reads them.
    let (code, [shown, _]) = run(officer, &["1", "1", "--purpose", "a look"]);
    assert_eq!(code, Some(0));
    let head = "From: notice@suimon.example\nTo: p-0";
    assert!(shown.contains(head) && shown.contains("Subject: 【重要】") && shown.contains("/my/"), "{shown}");
    assert_eq!(purposes().await.len(), 3);

    // Which notice, what for, and by whom: without an answer nothing is opened.
    for (login, arguments, why) in [
        (officer, &["1", "2", "--purpose", "a look"][..], "has 1 notices, no 2"),
        (officer, &["1", "--purpose", "a look"], "<NOTICE>"),
        (officer, &[], "--purpose"),
        (officer, &["--purpose", " "], "purpose"),
        (fixture.approver.login.as_str(), &["--purpose", "a look"], "not allowed"),
    ] {
        let (code, [shown, complained]) = run(login, arguments);
        assert_eq!((code, shown.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(complained.contains(why), "{complained}");
    }
    assert_eq!(purposes().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_no_address_name_or_text_in_clear() {
    let fixture = Fixture::captured().await;
    let revision = fixture.people(3).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 3 0 0");
    let secrets = ["p-001@school-001.example", "@school-001.example", "山田 p-001", "山田", "Auto-Submitted"];
    let stored: Vec<u8> = match fixture.database.get_database_backend() {
        DbBackend::Sqlite => {
            let mut bytes = Vec::new();
            for name in ["suimon.db", "suimon.db-wal"] {
                bytes.extend(std::fs::read(fixture.app.folder().join(name)).unwrap_or_default());
            }
            bytes
        }
        backend => {
            let mut bytes = Vec::new();
            for table in ["captured_mail", "message", "notice", "audit_entry", "subject", "tenant"] {
                let sql = format!("SELECT CAST(row_to_json(t) AS TEXT) AS line FROM {table} t");
                let rows =
                    fixture.database.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
                for row in rows {
                    bytes.extend(row.try_get::<String>("", "line").unwrap().into_bytes());
                }
            }
            bytes
        }
    };
    assert!(
        stored.windows(5).any(|window| window == b"p-001"),
        "the pseudonym is there, so we looked in the right place"
    );
    for secret in secrets {
        // PostgreSQL shows bytes in hexadecimal.
        let hexadecimal = hex::encode(secret);
        for needle in [secret.as_bytes(), hexadecimal.as_bytes()] {
            let found = stored.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{secret} stands in the database");
        }
    }
}
