//! Old entries of the audit log leave for archives; what remains, what left, and both together stay proven.

use std::sync::atomic::{AtomicU64, Ordering};

use entity::{audit_beginning, audit_checkpoint, audit_entry};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DbBackend, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, TransactionTrait,
};
use serde_json::{Value, json};
use suimon::access::{Action, act_locally};
use suimon::audit::{Event, FaultKind};
use suimon::error::Result;
use suimon::jobs::{Handler, Outcome, Running, Worker};
use suimon::privacy::{self, TrimPiece};

use crate::audit_trim_scene::{DAY, ENTRIES, Scene, show};
use crate::harness::text;
use crate::vault_support::run;

#[tokio::test(flavor = "multi_thread")]
async fn old_entries_leave_for_an_archive_and_everything_stays_proven() {
    let scene = Scene::new().await;
    let school = ["--tenant", "school-001", "--as", &scene.auditor.login];
    // Two checkpoints of the first day, and entries of later days behind them.
    scene.after_days(0).await;
    scene.read().await;
    scene.app.clock.advance(3601);
    scene.after_days(0).await;
    scene.app.clock.advance(9 * DAY);
    scene.read().await;
    assert!(scene.files().await.is_empty(), "nothing is old enough");
    let before = scene.entries().await;
    scene.after_days(2).await;

    let entries = scene.entries().await;
    let files = scene.files().await;
    assert_eq!(files.len(), 1, "{files:?}");
    let archive = show(&files[0]);
    let behind = entries[0].seq - 1;
    assert!(behind > 3 && entries[0].at > before[0].at, "{behind}");
    assert_eq!(
        entries.iter().filter(|entry| entry.action == "subject.read").count(),
        1,
        "the later read only"
    );
    assert_eq!(
        entries.last().unwrap().action,
        "audit.trim",
        "that it was trimmed stands in the chain itself"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = files[0].parent().unwrap();
        assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let reports = scene.app.verify_audit().await;
    assert!(reports.iter().all(|report| report.faults.is_empty()), "{reports:?}");
    assert!(reports.iter().any(|report| report.archived == behind), "{reports:?}");
    let out = scene.ok(&["audit", "verify"]);
    assert!(out.contains(&format!(", {behind} before them in archives")), "{out}");

    // Checkpoints of before and of now, outside the database.
    let rows = audit_checkpoint::Entity::find()
        .filter(audit_checkpoint::Column::TenantId.eq(scene.tenant().await))
        .order_by_asc(audit_checkpoint::Column::Size)
        .all(&scene.database().await)
        .await
        .unwrap();
    let sealed: Vec<_> = rows.iter().filter(|row| row.size <= behind).collect();
    assert_eq!(sealed.len(), 2, "both checkpoints of the first day");
    assert_eq!(sealed[1].size, behind, "trimmed up to a checkpoint");
    let (first, second, now) = (scene.path("first"), scene.path("second"), scene.path("now"));
    std::fs::write(&first, &sealed[0].note).unwrap();
    std::fs::write(&second, &sealed[1].note).unwrap();
    std::fs::write(&now, scene.ok(&[&["audit", "checkpoint"], &school[..]].concat())).unwrap();
    let key = scene.ok(&[&["audit", "key"], &school[..]].concat()).trim().to_owned();
    scene.ok(&["audit", "verify", "--checkpoint", &now, "--checkpoint", &second]);
    // One that lies wholly in the archive is not taken for compared.
    let (code, _, error) = scene.suimon(&["audit", "verify", "--checkpoint", &first]);
    assert_eq!((code, error.contains("NOT COMPARED")), (3, true), "{error}");

    // What remains, what left, and both together.
    let rest = scene.path("rest.jsonl");
    scene.ok(&[&["audit", "export", "--output", &rest], &school[..]].concat());
    let out = scene.ok(&["audit", "verify", "--copy", &rest]);
    assert!(out.contains(&format!("begin behind entry {behind}")) && out.contains("--key shows"), "{out}");
    let with_key = ["--key", &key];
    scene.ok(&[&["audit", "verify", "--copy", &rest, "--checkpoint", &now], &with_key[..]].concat());
    scene.ok(&[&["audit", "verify", "--copy", &archive, "--checkpoint", &first], &with_key[..]].concat());
    scene.ok(&[&["audit", "verify", "--copy", &archive, "--checkpoint", &second], &with_key[..]].concat());
    let both = ["--copy", &archive, "--copy", &rest];
    let out = scene.ok(&[&["audit", "verify"], &both[..], &["--checkpoint", &now], &with_key[..]].concat());
    assert!(!out.contains("begin behind"), "{out}");
    let (code, _, error) = scene
        .suimon(&[&["audit", "verify", "--copy", &rest, "--checkpoint", &first], &with_key[..]].concat());
    assert_eq!((code, error.contains("they are in the archive")), (2, true), "{error}");
    let (code, out, _) = scene.suimon(&["audit", "verify", "--copy", &rest, "--copy", &archive]);
    assert_eq!((code, out.contains("THE COPY IS DAMAGED")), (3, true), "in the wrong order: {out}");
    // The beginning of a copy is proven by the key, too, and an archive that lacks its end does not go before what remains.
    let copy = std::fs::read_to_string(&rest).unwrap();
    let (first_line, others) = copy.split_once('\n').unwrap();
    let mut opening: Value = serde_json::from_str(first_line).unwrap();
    let note = text(&opening["beginning"]["checkpoint"]);
    let at = note.len() - 20;
    let other = if note.as_bytes()[at] == b'A' { "B" } else { "A" };
    opening["beginning"]["checkpoint"] = json!(format!("{}{other}{}", &note[..at], &note[at + 1..]));
    let forged = format!("{opening}\n{others}");
    let changed = scene.path("forged.jsonl");
    std::fs::write(&changed, forged).unwrap();
    let (code, out, _) = scene.suimon(&[&["audit", "verify", "--copy", &changed], &with_key[..]].concat());
    assert_eq!((code, out.contains("a trim pretended")), (3, true), "{out}");
    let short = std::fs::read_to_string(&archive).unwrap();
    let cut = scene.path("cut.jsonl");
    let lines: Vec<&str> = short.lines().collect();
    std::fs::write(&cut, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    let (code, out, _) = scene.suimon(&["audit", "verify", "--copy", &cut, "--copy", &rest]);
    assert_eq!((code, out.contains("entries before it are missing")), (3, true), "{out}");

    // Proofs across the trim.
    let proof = scene.path("proof");
    let proven = |arguments: &[&str]| {
        std::fs::write(&proof, scene.ok(&[&["audit", "prove"], arguments].concat())).unwrap();
        scene.ok(&["audit", "verify", "--proof", &proof, "--key", &key])
    };
    let (kept, gone) = ((behind + 1).to_string(), 2.to_string());
    let out = proven(&["--copy", &rest, "--checkpoint", &now, "--entry", &kept]);
    assert!(out.starts_with(&format!("proven: entry {kept} of ")), "{out}");
    let out = proven(&[&both[..], &["--checkpoint", &now, "--entry", &gone]].concat());
    assert!(out.starts_with("proven: entry 2 of "), "{out}");
    proven(&["--copy", &archive, "--checkpoint", &second, "--entry", &gone]);
    let out = proven(&["--copy", &rest, "--from", &second, "--to", &now]);
    assert!(
        out.contains(&format!("the {behind} entries of the older checkpoint are the first of the")),
        "{out}"
    );
    proven(&[&both[..], &["--from", &first, "--to", &now]].concat());
    let name = files[0].file_name().unwrap().to_str().unwrap();
    for wanted in [
        vec!["--copy", &rest, "--checkpoint", &now, "--entry", &gone],
        vec!["--copy", &rest, "--checkpoint", &first, "--entry", &gone],
        vec!["--copy", &rest, "--from", &first, "--to", &now],
    ] {
        let (code, _, error) = scene.suimon(&[&["audit", "prove"], &wanted[..]].concat());
        assert_eq!((code, error.contains(&format!("are in the archive {name}"))), (2, true), "{error}");
    }

    // Days later the next piece goes on from this one.
    scene.read().await;
    scene.after_days(0).await;
    scene.after_days(12).await;
    let files = scene.files().await;
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(scene.faults().await.is_empty());
    scene.ok(&[&["audit", "export", "--output", &scene.path("rest-2.jsonl")], &school[..]].concat());
    let [one, two] = [show(&files[0]), show(&files[1])];
    let out =
        scene.ok(&["audit", "verify", "--copy", &one, "--copy", &two, "--copy", &scene.path("rest-2.jsonl")]);
    assert!(!out.contains("begin behind"), "{out}");
    let listed = scene.ok(&[&["audit", "archives"], &school[..]].concat());
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_older_entries_is_told_where_they_are() {
    let scene = Scene::new().await;
    scene.read().await;
    let filter = json!({ "t": scene.school.id, "f": { "subjectId": scene.hana } });
    let answer = scene.head.gql_with(ENTRIES, filter.clone()).await;
    assert_eq!(answer["data"]["auditEntries"]["archives"], json!([]), "{answer}");
    scene.after_days(0).await;
    scene.after_days(11).await;
    let answer = scene.head.gql_with(ENTRIES, filter.clone()).await;
    let shown = &answer["data"]["auditEntries"];
    assert!(!shown["nodes"].to_string().contains("subject.read"), "{answer}");
    let archive = &shown["archives"][0];
    let file = text(&archive["file"]);
    assert_eq!(archive["fromSeq"], 1);
    assert!(text(&archive["latest"]).starts_with("2023-10-26T00:"), "{answer}");
    let lines = std::fs::read_to_string(&scene.files().await[0]).unwrap();
    assert!(lines.contains("subject.read") && lines.contains("a call") && !lines.contains("hana@"));
    assert!(show(&scene.files().await[0]).ends_with(&file));
    // What is asked for lies behind the archives: they say nothing of it.
    let later = json!({ "t": scene.school.id, "f": { "from": "2023-10-30T00:00:00Z" } });
    let answer = scene.head.gql_with(ENTRIES, later).await;
    assert_eq!(answer["data"]["auditEntries"]["archives"], json!([]), "{answer}");
    // The person's own document.
    let export = "mutation($id: ID!) { exportSubject(id: $id, purpose: \"request 1\") {
        ... on SubjectExport { json html(language: EN) } ... on Problem { message } } }";
    let answer = scene.head.gql_with(export, json!({ "id": scene.hana })).await;
    let document = &answer["data"]["exportSubject"];
    assert_eq!(document["json"]["reads_archived"]["files"], json!([file]), "{answer}");
    assert!(text(&document["json"]["reads_archived"]["until"]).starts_with("2023-10-26T00:"), "{answer}");
    assert!(text(&document["html"]).contains(&file), "{answer}");
}

/// Somebody who writes to the database makes room for it with a row of one's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_pretended_trim_is_found_and_hides_nothing() {
    let mut scene = Scene::new().await;
    scene.read().await;
    scene.after_days(0).await;
    scene.after_days(11).await;
    assert!(scene.faults().await.is_empty());
    let database = scene.database().await;
    let tenant = scene.tenant().await;
    let mut row = audit_beginning::Entity::find()
        .filter(audit_beginning::Column::TenantId.eq(tenant))
        .one(&database)
        .await
        .unwrap()
        .expect("the school's chain was trimmed");
    // Everything in it is as it should be, but for the key that nobody has who has only the database.
    let next = scene.entries().await[0].clone();
    (row.previous, row.seq) = (row.seq, next.seq);
    row.hash.clone_from(&next.hash);
    audit_beginning::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(&database)
        .await
        .unwrap();
    scene.app.damaged = true;
    assert_eq!(scene.faults().await, [FaultKind::ForgedBeginning]);
    let answer = scene.head.gql_with(ENTRIES, json!({ "t": scene.school.id })).await;
    assert!(answer.to_string().contains(&format!("\"seq\":{}", next.seq)), "it hides nothing: {answer}");
    let gone = audit_entry::Entity::delete_many()
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Seq.lte(next.seq))
        .exec(&database)
        .await
        .unwrap();
    assert_eq!(gone.rows_affected, 1);
    let faults = scene.faults().await;
    assert!(
        faults.contains(&FaultKind::Missing) && faults.contains(&FaultKind::ForgedBeginning),
        "{faults:?}"
    );
    // And a chain like that is neither sealed nor trimmed.
    let files = scene.files().await.len();
    scene.after_days(12).await;
    assert_eq!(scene.files().await.len(), files);
    let findings = scene.findings().await;
    assert!(
        findings.iter().any(|summary| summary.contains("forged_beginning") || summary.contains("missing")),
        "{findings:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_lets_nothing_go_but_what_a_trim_recorded() {
    let scene = Scene::new().await;
    scene.after_days(0).await;
    scene.after_days(11).await;
    let database = scene.database().await;
    let kept = scene.entries().await.len();
    for sql in [
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET actor = 'x'",
        "DELETE FROM audit_beginning",
        "UPDATE audit_beginning SET seq = seq + 1",
    ] {
        let error = database.execute_unprepared(sql).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    if database.get_database_backend() == DbBackend::Postgres {
        let service = Database::connect(scene.app.database_url()).await.unwrap();
        let tenant = scene.tenant().await;
        let run = async |sql: &str| {
            let transaction = service.begin().await.unwrap();
            transaction.execute_unprepared("SET LOCAL suimon.reach = 'all'").await.unwrap();
            transaction.execute_unprepared(sql).await?;
            transaction.commit().await
        };
        for sql in [
            "DELETE FROM audit_entry",
            "DELETE FROM audit_beginning",
            "UPDATE audit_beginning SET seq = seq + 1",
            "TRUNCATE audit_entry",
        ] {
            let error = run(sql).await.unwrap_err().to_string();
            assert!(error.contains("permission denied"), "{sql}: {error}");
        }
        // The one door: nothing that was not recorded goes through it, whoever knocks.
        run(&format!("SELECT suimon_trim_audit('{tenant}', 1000000, 1000000)")).await.unwrap();
    }
    assert_eq!(scene.entries().await.len(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_while_the_archive_cannot_be_written() {
    let scene = Scene::new().await;
    scene.after_days(0).await;
    let before = scene.entries().await;
    // A file lies where the folder should be.
    std::fs::write(&scene.archives, "").unwrap();
    scene.after_days(11).await;
    let entries = scene.entries().await;
    assert_eq!(entries[..before.len()], before[..], "nothing was taken away");
    let findings = scene.findings().await;
    let [finding] = &findings[..] else { panic!("one finding for all chains: {findings:?}") };
    assert!(finding.contains("cannot be archived"), "{finding}");
    let (code, _, error) =
        scene.suimon(&["audit", "trim", "--tenant", "school-001", "--as", &scene.auditor.login]);
    assert_eq!((code, error.contains("nothing was taken away")), (1, true), "{error}");

    // A file of that name that holds something else is not replaced, and is no archive.
    std::fs::remove_file(&scene.archives).unwrap();
    let folder = scene.archives.join(scene.tenant().await.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let size = audit_checkpoint::Entity::find()
        .filter(audit_checkpoint::Column::TenantId.eq(scene.tenant().await))
        .order_by_asc(audit_checkpoint::Column::Size)
        .one(&scene.database().await)
        .await
        .unwrap()
        .unwrap()
        .size;
    let wrong = folder.join(format!("{:020}-{size:020}.jsonl", 1));
    std::fs::write(&wrong, "something else\n").unwrap();
    scene.after_days(1).await;
    assert_eq!(scene.entries().await[..before.len()], before[..]);
    assert_eq!(std::fs::read_to_string(&wrong).unwrap(), "something else\n");
    assert!(
        scene.findings().await.iter().any(|finding| finding.contains("an archive of that name is there"))
    );
    std::fs::remove_file(&wrong).unwrap();
    scene.after_days(1).await;
    assert!(scene.entries().await[0].seq > 1, "cleared up, it goes on by itself");
    assert_eq!(scene.files().await, [wrong]);
}

static DEATHS: AtomicU64 = AtomicU64::new(0);

/// Does one step of the real job and "dies" before the job is given back.
fn trim_and_die(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        let trim = suimon::background::handlers().into_iter().find(|handler| handler.kind == "audit.trim");
        (trim.expect("the job").step)(running).await?;
        DEATHS.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
    .boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_loses_nothing_and_goes_on() {
    let scene = Scene::new().await;
    // More than one transaction takes away.
    let tenant = scene.tenant().await;
    let op = act_locally(&scene.app.app, &scene.officer.login).await.unwrap();
    let reading = op.permit_at(tenant, Action::Read, "subject").await.unwrap();
    reading.record(tenant, vec![Event::new("test.event", "test"); 12_000]).await.unwrap();
    scene.after_days(0).await;
    let before = scene.entries().await;
    scene.app.clock.advance(11 * DAY);

    // The archive lies there, and nothing else has happened: a crash before the transaction. And what a crash in the middle
    // of writing leaves.
    let auditor = act_locally(&scene.app.app, &scene.auditor.login).await.unwrap();
    let scope = privacy::permit_trim(&auditor, tenant).await.unwrap();
    let limit = privacy::trim_limit(&scope, None).await.unwrap();
    let piece = privacy::prepare_trim(&scope, tenant, limit).await.unwrap();
    assert!(matches!(piece, TrimPiece::Archived(..)));
    // Also one that rolled back.
    let tx = scope.begin().await.unwrap();
    piece.remove(&tx).await.unwrap();
    drop(tx);
    let archive = scene.files().await;
    let written = std::fs::read(&archive[0]).unwrap();
    let part = archive[0].with_extension("jsonl.0000.part");
    std::fs::write(&part, &written[..written.len() / 2]).unwrap();
    assert_eq!(scene.entries().await[..before.len()], before[..]);
    assert!(scene.faults().await.is_empty());

    let every = |_: &suimon::config::Config| Some(jiff::SignedDuration::from_hours(24));
    let handler = Handler { kind: "audit.trim", every, step: trim_and_die };
    // The operator's chain may come first: a worker dies at each piece.
    while scene.entries().await.len() > before.len() - 5000 {
        let deaths = DEATHS.load(Ordering::SeqCst);
        let dying = Worker::new(scene.app.app.clone(), vec![handler]);
        let hanging = tokio::spawn(async move { dying.run_due().await });
        while DEATHS.load(Ordering::SeqCst) == deaths {
            assert!(!hanging.is_finished(), "the worker hangs in its step until it is dropped");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        hanging.abort();
        scene.app.clock.advance(121);
    }
    let halfway = scene.entries().await;
    assert!(halfway.len() > 1000 && halfway.len() < before.len(), "{} of {}", halfway.len(), before.len());
    assert!(scene.faults().await.is_empty(), "halfway everything is proven");
    // What is still there of the archived entries is not shown any more.
    let answer = scene.head.gql_with(ENTRIES, json!({ "t": scene.school.id })).await;
    assert!(!answer["data"]["auditEntries"]["nodes"].to_string().contains("test.event"), "{answer}");
    assert_eq!(answer["data"]["auditEntries"]["archives"].as_array().unwrap().len(), 1);

    scene.after_days(0).await;
    let entries = scene.entries().await;
    assert!(entries[0].seq > 12_000, "{}", entries[0].seq);
    assert!(scene.faults().await.is_empty());
    assert_eq!(scene.files().await, archive, "one archive, and nothing half");
    assert_eq!(
        std::fs::read(&archive[0]).unwrap(),
        written,
        "the one that was there is the one that is used"
    );
    let beginnings = audit_beginning::Entity::find().filter(audit_beginning::Column::TenantId.eq(tenant));
    assert_eq!(beginnings.count(&scene.database().await).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_trims_at_the_same_moment_one_is_refused() {
    let scene = Scene::new().await;
    scene.after_days(0).await;
    scene.app.clock.advance(11 * DAY);
    let tenant = scene.tenant().await;
    let auditor = act_locally(&scene.app.app, &scene.auditor.login).await.unwrap();
    let scope = privacy::permit_trim(&auditor, tenant).await.unwrap();
    let limit = privacy::trim_limit(&scope, None).await.unwrap();
    let one = privacy::prepare_trim(&scope, tenant, limit).await.unwrap();
    let other = privacy::prepare_trim(&scope, tenant, limit).await.unwrap();
    let tx = scope.begin().await.unwrap();
    let event = one.remove(&tx).await.unwrap().expect("something leaves");
    tx.commit(event).await.unwrap();
    let kept = scene.entries().await;
    let tx = scope.begin().await.unwrap();
    assert!(other.remove(&tx).await.is_err());
    drop(tx);
    assert_eq!(scene.entries().await, kept);
    assert!(matches!(privacy::prepare_trim(&scope, tenant, limit).await.unwrap(), TrimPiece::Nothing));
    assert!(scene.faults().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_incident_holds_what_it_may_need() {
    let scene = Scene::new().await;
    scene.after_days(0).await;
    let sealed = scene.entries().await.len();
    // Opened days later, but it reaches back to before the first entry.
    scene.app.clock.advance(5 * DAY);
    let finding = crate::incidents::report(&scene.officer, "他人の画面", "2023-10-25T13:15:00+09:00").await;
    let open = "mutation($f: [ID!]!) { openIncident(input: { system: \"online-application\", title: \"x\",
        zone: \"Asia/Tokyo\", findingIds: $f }) { ... on Incident { id } ... on Problem { message } } }";
    let answer = scene.officer.gql_with(open, json!({ "f": [finding] })).await;
    let incident = text(&answer["data"]["openIncident"]["id"]);
    scene.after_days(7).await;
    assert!(scene.files().await.is_empty());
    assert_eq!(scene.entries().await[0].seq, 1);
    let held =
        scene.ok(&["audit", "trim", "--dry-run", "--tenant", "school-001", "--as", &scene.auditor.login]);
    assert!(held.contains("held: an open incident reaches back to 2023-10-25T04:15:00Z"), "{held}");
    let close = "mutation($i: ID!) { setIncidentStatus(incidentId: $i, status: CLOSED, reason: \"none\") {
        ... on Incident { status } ... on Problem { message } } }";
    let answer = scene.officer.gql_with(close, json!({ "i": incident })).await;
    assert_eq!(answer["data"]["setIncidentStatus"]["status"], "CLOSED", "{answer}");
    scene.after_days(1).await;
    assert!(scene.entries().await[0].seq as usize > sealed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_trims_within_the_configuration() {
    let scene = Scene::new().await;
    scene.read().await;
    scene.after_days(0).await;
    let whose = ["--tenant", "school-001", "--as", &scene.auditor.login];
    let trim = |more: &[&str]| scene.suimon(&[&["audit", "trim"], &whose[..], more].concat());
    // The program has the machine's clock: all of the test's entries are years old.
    let last = scene.entries().await.len();
    let (code, out, error) = trim(&["--dry-run"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(out.trim(), format!("entries 1 to {last} would go"));
    assert_eq!(scene.entries().await.len(), last, "nothing went");
    let (code, out, _) = trim(&["--before", "2023-10-01"]);
    assert_eq!((code, out.trim()), (0, "nothing more may go"));
    let (code, _, error) = trim(&["--before", "2999-01-01"]);
    assert_eq!(
        (code, error.contains("before: wants an instant at least 10 days back")),
        (2, true),
        "{error}"
    );
    let (code, _, error) = trim(&["--before", "yesterday"]);
    assert_eq!((code, error.contains("--before: wants a day")), (2, true), "{error}");
    let unset = ["audit", "trim", "--tenant", "school-001", "--as", &scene.auditor.login];
    let (code, _, error) = run(&scene.app, &unset);
    assert_eq!((code, error.contains("the audit log is kept for ever")), (2, true), "{error}");
    // Who may read and export the log may not trim it.
    for login in [&scene.head.login, &scene.officer.login] {
        let (code, _, error) = scene.suimon(&["audit", "trim", "--tenant", "school-001", "--as", login]);
        assert_eq!((code, error.contains("not allowed: delete on audit")), (2, true), "{error}");
    }
    let last = scene.entries().await.len();
    let (code, out, error) = trim(&[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("are in 00000000000000000001-") && out.ends_with("nothing more may go\n"), "{out}");
    let entries = scene.entries().await;
    assert!(entries.len() < last);
    let event = entries.iter().find(|entry| entry.action == "audit.trim").expect("it is recorded");
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    assert_eq!((&detail["from"], &detail["removed"]), (&json!(1), &detail["to"]), "{detail}");
    assert!(scene.faults().await.is_empty());
}

#[test]
fn letting_entries_go_wants_somewhere_to_go() {
    let load = |flags: &[&str]| {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        suimon::config::load(&suimon::config::Sources { flags, ..Default::default() })
    };
    let problems = load(&["audit.keep_days=365", "audit.checkpoint_minutes=0"]).unwrap_err().to_string();
    insta::assert_snapshot!(problems, @"
    the configuration has 2 problem(s):
      - audit.archive_folder: wants a folder, because audit.keep_days lets entries go, and they go nowhere else
      - audit.checkpoint_minutes: wants more than 0, because audit.keep_days lets entries go up to a checkpoint only
    ");
    assert_eq!(load(&[]).unwrap().audit.keep_days, 0, "for ever, unless somebody says otherwise");
}
