//! Whoever no mail reached, on paper; and the proof of what became of everybody.

use std::path::Path;
use std::process::Command;

use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use super::fixture::Fixture;
use super::planned::create;
use super::sink::Sink;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn pages(file: &Path) -> String {
    let output = Command::new("pdftotext")
        .args(["-layout"])
        .arg(file)
        .arg("-")
        .output()
        .expect("poppler-utils is installed");
    text(&output.stdout)
}

/// Two people whose address the server refuses, one of them with a home; one who is reached.
async fn scene(sink: &Sink) -> (Fixture, String) {
    let fixture = Fixture::sending_to(sink, &["outbox.max_attempts=1"]).await;
    let homes = [
        ("p-1", "ja", Some("100-0001\n東京都千代田区見本1-2-3\nみほん荘101")),
        ("p-2", "ja", None),
        ("p-3", "en", Some("1 Sample Street\nSampletown")),
    ];
    fixture.import_with_homes("school-001", &homes).await;
    let people = homes.map(|(person, ..)| ("school-001", person, "possible"));
    let revision = fixture.revision(1, &people).await;
    let notice = fixture.approved(revision).await;
    (fixture, notice)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_no_mail_reached_gets_a_letter() {
    let sink = Sink::start(&["-r", "RCPT"]);
    let (fixture, notice) = scene(&sink).await;
    let login = fixture.officer.login.clone();
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let letters = |form: &str, lang: &str, out: &Path| {
        let out = out.to_str().expect("a path");
        let arguments = [
            "notices",
            "letters",
            "1",
            "1",
            "--as",
            &login,
            "--purpose",
            "letters of the incident",
            "--form",
            form,
            "--lang",
            lang,
            "--out",
            out,
        ];
        fixture.suimon(&arguments)
    };
    let early = letters("csv", "ja", &file("early.csv"));
    assert_eq!(early.status.code(), Some(2));
    assert!(
        text(&early.stderr).contains("everybody was reached, or is being written to"),
        "{}",
        text(&early.stderr)
    );
    assert!(!file("early.csv").exists());
    assert_eq!(fixture.send().await.failed, 3);

    let csv = letters("csv", "ja", &file("a.csv"));
    assert_eq!(csv.status.code(), Some(0), "{}", text(&csv.stderr));
    let list = std::fs::read_to_string(file("a.csv")).unwrap();
    let mut rows: Vec<&str> =
        list.split("\r\n").filter(|row| !row.is_empty()).map(|row| row.split_once(',').unwrap().1).collect();
    rows[1..].sort_unstable();
    insta::assert_snapshot!(rows.join("\n---\n"));
    let again = letters("csv", "ja", &file("a.csv"));
    assert_eq!(again.status.code(), Some(2), "a file is not overwritten");

    let pdf = letters("pdf", "ja", &file("ja.pdf"));
    let told = text(&pdf.stdout);
    assert!(
        told.starts_with("1 people in ") && told.contains("; 1 without a usable address"),
        "{told} {}",
        text(&pdf.stderr)
    );
    let pages_of = pages(&file("ja.pdf"));
    for line in
        ["100-0001", "東京都千代田区見本1-2-3", "山田 p-1 様", "何が起きたか", "お問い合わせ: 03-0000-0000"]
    {
        assert!(pages_of.contains(line), "{line}: {pages_of}");
    }
    assert!(!pages_of.contains("p-3"), "{pages_of}");
    letters("pdf", "en", &file("en.pdf"));
    let english = pages(&file("en.pdf"));
    let (name, street) =
        (english.find("山田 p-3").expect("the name"), english.find("1 Sample Street").expect("the street"));
    assert!(name < street, "{english}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(file("ja.pdf")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    }
    // Nobody else gets names and addresses.
    for other in [&fixture.approver.login, &"admin".to_owned()] {
        let out = file("no.csv");
        let arguments = [
            "notices",
            "letters",
            "1",
            "1",
            "--as",
            other,
            "--purpose",
            "curiosity",
            "--out",
            out.to_str().unwrap(),
        ];
        let refused = fixture.suimon(&arguments);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("not allowed: read on letter"), "{}", text(&refused.stderr));
    }
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 0 0 3");
    // Another list says who is concerned now: the old one's people get no letter.
    fixture.revision(2, &[("school-001", "p-1", "possible")]).await;
    let revised = letters("csv", "ja", &file("late.csv"));
    assert!(text(&revised.stderr).contains("the list was revised since"), "{}", text(&revised.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_correction_did_not_reach_gets_it_on_paper() {
    let mut sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &["outbox.max_attempts=1"]).await;
    let homes = [("p-1", "ja", Some("100-0001\n東京都千代田区見本1-2-3")), ("p-2", "ja", None)];
    fixture.import_with_homes("school-001", &homes).await;
    let people = homes.map(|(person, ..)| ("school-001", person, "possible"));
    let revision = fixture.revision(1, &people).await;
    fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2);
    let later = fixture.revision(2, &people[1..]).await;
    let correction = create(
        &fixture,
        later,
        json!({ "audience": "CLEARED", "template": "incident_correction_person",
            "variables": { "ja": { "reason": "記録の精査により", "contact_desk": "03-0000-0000" } } }),
    )
    .await;
    let correction = correction["id"].as_str().expect("a notice");
    assert_eq!(fixture.act(&fixture.approver, "approveNotice", correction).await["state"], "APPROVED");
    sink.restart(&["-r", "RCPT"]);
    fixture.app.clock.advance(60);
    assert_eq!(fixture.send().await.failed, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.pdf");
    let officer = fixture.app.renewed(&fixture.officer).await;
    let (login, out) = (officer.login.as_str(), file.to_str().expect("a path"));
    let arguments = [
        "notices",
        "letters",
        "1",
        "2",
        "--as",
        login,
        "--purpose",
        "letters",
        "--form",
        "pdf",
        "--out",
        out,
    ];
    let pdf = fixture.suimon(&arguments);
    assert_eq!(pdf.status.code(), Some(0), "{}", text(&pdf.stderr));
    let page = pages(&file);
    assert!(page.contains("見本1-2-3") && page.contains("記録の精査により"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_adds_up_and_shows_what_was_changed() {
    let sink = Sink::start(&[]);
    let (fixture, _) = scene(&sink).await;
    assert_eq!(fixture.send().await.accepted, 3);
    let login = fixture.officer.login.clone();
    let listed = fixture.suimon(&["notices", "list", "1", "--as", &login]);
    assert_eq!(
        text(&listed.stdout),
        "1  persons  done  3 = 3 accepted + 0 came back + 0 failed + 0 told otherwise + 0 open\n"
    );
    let watched = fixture.suimon(&["notices", "watch", "1", "1", "--as", &login]);
    assert!(text(&watched.stdout).starts_with("3 = 3 accepted"), "{}", text(&watched.stderr));
    let unknown = fixture.suimon(&["notices", "proof", "1", "2", "--as", &login]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("incident 1 has 1 notices, no 2"));
    let proof = || fixture.suimon(&["notices", "proof", "1", "1", "--as", &login, "--format", "json"]);
    let whole = proof();
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stderr));
    let lines: Vec<serde_json::Value> =
        text(&whole.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[..3].iter().all(|line| line["intact"] == true
        && line["events"][0]["kind"] == "accepted"
        && line["events"][0]["reply_code"] == 250));
    let sums = &lines[3];
    assert_eq!(
        (&sums["counts"]["audience"], &sums["counts"]["accepted"], &sums["broken"]),
        (&3.into(), &3.into(), &0.into())
    );
    // Somebody who owns the database changes what was recorded: the triggers away, the code another one.
    let away = match fixture.database.get_database_backend() {
        DbBackend::Postgres => "ALTER TABLE message_event DISABLE TRIGGER ALL",
        _ => "DROP TRIGGER message_event_append_only_UPDATE",
    };
    for statement in [away, "UPDATE message_event SET reply_code = 251 WHERE seq = 1"] {
        fixture.database.execute_unprepared(statement).await.expect("the owner may");
    }
    let broken = proof();
    assert_eq!(broken.status.code(), Some(3));
    assert!(text(&broken.stdout).contains("\"broken\":3"), "{}", text(&broken.stdout));
}
