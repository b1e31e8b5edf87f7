//! Who gets documents, by which doors, and what is recorded of it.

use entity::{audit_entry, incident_document};
use sea_orm::{ColumnTrait, ConnectionTrait, Database, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use suimon::access::Role;

use crate::documents_scene::{ask, change, download, founding, make, make_for};
use crate::harness::text;
use crate::vault_support::run;

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_people_find_no_document_of_anybody() {
    let scene = founding().await;
    let (own, other) = (scene.app.tenant("t-0").await, scene.app.tenant("t-1").await);
    let mine = make_for(&scene, &own.id, "JA").await;
    let theirs = make_for(&scene, &other.id, "JA").await;
    assert_ne!(mine["number"], theirs["number"], "each customer has a document of its own");
    let admin = scene.app.member(&own, Role::TenantAdmin).await;
    let staff = scene.app.member(&own, Role::TenantStaff).await;
    let call_centre = scene.app.operator_member(Role::CallCentre).await;
    let approver = scene.app.operator_member(Role::Approver).await;
    for (member, status, code) in
        [(&admin, 404, "NOT_FOUND"), (&staff, 404, "NOT_FOUND"), (&call_centre, 403, "FORBIDDEN")]
    {
        for document in [&mine, &theirs] {
            for end in ["html", "pdf", "docx", "txt"] {
                let (answered, _, body) = download(member, &document["id"], end).await;
                assert_eq!(answered, status, "{}", String::from_utf8_lossy(&body));
            }
            let query = "query($id: ID!) { document(id: $id) { text } }";
            let answer = member.gql_with(query, json!({ "id": document["id"] })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
            for call in ["setDocumentField", "finaliseDocument"] {
                let variables = json!({ "id": document["id"], "field": "9", "text": "x" });
                let variables =
                    if call == "finaliseDocument" { json!({ "id": document["id"] }) } else { variables };
                assert_eq!(change(member, call, variables).await["code"], code);
            }
        }
    }
    // An approver reads and approves, and makes nothing.
    assert_eq!(download(&approver, &mine["id"], "txt").await.0, 200);
    let input = json!({ "incidentId": scene.id, "kind": "BOARD_SUMMARY", "language": "JA" });
    let refused = change(&approver, "createDocument", json!({ "input": input })).await;
    assert_eq!(refused["code"], "FORBIDDEN");
    // A token for everything that does not name reports is not enough for what is sensitive.
    let scopes = vec!["*:*".to_owned()];
    let token =
        suimon::access::issue_token_for(&scene.app.app, &approver.login, "all", &scopes, 1).await.unwrap();
    let broad = crate::harness::Member { token: token.secret, ..approver.clone() };
    assert_eq!(download(&broad, &mine["id"], "txt").await.0, 403);
    // Nobody signed in, no such form, no such document, a forged tenant.
    let url = format!("{}/documents/{}.pdf", scene.officer.url, text(&mine["id"]));
    assert_eq!(scene.officer.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(download(&scene.officer, &mine["id"], "exe").await.0, 404);
    assert_eq!(download(&scene.officer, &json!("bm90aGluZw"), "pdf").await.0, 404);
    assert_eq!(download(&scene.officer, &json!("x".repeat(4000)), "pdf").await.0, 404);
    assert_eq!(download(&scene.officer, &json!(scene.id), "pdf").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_with_its_place() {
    let scene = founding().await;
    let school = scene.app.tenant("t-0").await;
    let operator = scene.app.operator().await;
    let mut told = Vec::new();
    for input in [
        json!({ "kind": "PPC_FINAL", "language": "JA" }),
        json!({ "kind": "GDPR_REGISTER", "language": "JA", "incidentId": scene.id }),
        json!({ "kind": "PROCESSOR_NOTICE", "language": "JA", "incidentId": scene.id }),
        json!({ "kind": "PPC_FINAL", "language": "JA", "incidentId": scene.id, "recipientId": school.id }),
        json!({ "kind": "PROCESSOR_NOTICE", "language": "JA", "incidentId": scene.id, "recipientId": operator.id }),
        json!({ "kind": "PPC_FINAL", "language": "JA", "incidentId": school.id }),
    ] {
        let refused = change(&scene.officer, "createDocument", json!({ "input": input })).await;
        told.push(format!(
            "{} {}: {}",
            text(&refused["code"]),
            text(&refused["field"]),
            text(&refused["message"])
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    INVALID incidentId: does not fit the kind of document
    INVALID incidentId: does not fit the kind of document
    INVALID recipientId: does not fit the kind of document
    INVALID recipientId: does not fit the kind of document
    INVALID recipientId: is the operator itself
    INVALID incidentId: is not the id of a Incident
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_with_strict_headers_and_each_read_is_recorded() {
    let scene = founding().await;
    let made = make(&scene, "PPC_PRELIMINARY", "JA").await;
    let mut digests = Vec::new();
    let mut told = Vec::new();
    for end in ["html", "pdf", "docx", "txt"] {
        let (status, headers, bytes) = download(&scene.officer, &made["id"], end).await;
        assert_eq!(status, 200);
        digests.push(hex::encode(Sha256::digest(&bytes)));
        let header =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        assert!(header("cache-control").contains("no-store"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").ends_with("; sandbox"));
        assert_eq!(header("content-length"), bytes.len().to_string());
        told.push(format!("{} | {}", header("content-type"), header("content-disposition")));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    text/html; charset=utf-8 | attachment; filename="ppc-preliminary-1-v1-ja.html"
    application/pdf | attachment; filename="ppc-preliminary-1-v1-ja.pdf"
    application/vnd.openxmlformats-officedocument.wordprocessingml.document | attachment; filename="ppc-preliminary-1-v1-ja.docx"
    text/plain; charset=utf-8 | attachment; filename="ppc-preliminary-1-v1-ja.txt"
    "#);
    // One at a time: fields of one question are answered in any order.
    for form in ["fields { number }", "html", "differences { number }"] {
        ask(&scene.officer, &made["id"], form).await;
    }
    let filled = json!({ "id": made["id"], "field": "5-1", "text": "無" });
    let filled = change(&scene.officer, "setDocumentField", filled).await;
    change(&scene.officer, "finaliseDocument", json!({ "id": filled["id"] })).await;
    let database = Database::connect(scene.app.owner_url()).await.expect("the database");
    let entries = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.starts_with("document."))
        .order_by_asc(audit_entry::Column::Seq)
        .all(&database)
        .await
        .expect("entries");
    let mut told = Vec::new();
    for entry in &entries {
        let detail: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
        told.push(format!("{} {} {}", entry.action, entry.decision, detail["form"].as_str().unwrap_or("-")));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    document.create allowed -
    document.read allowed html
    document.read allowed pdf
    document.read allowed docx
    document.read allowed txt
    document.read allowed fields
    document.read allowed html
    document.read allowed differences
    document.field allowed -
    document.final denied -
    ");
    for (entry, digest) in entries[1..5].iter().zip(&digests) {
        assert!(entry.detail.contains(digest), "the entry has the SHA-256 of the file");
    }
    // Nothing of it can be changed beside the service, and what was changed all the same is not written any more.
    let change = "UPDATE incident_document SET state = 'final'";
    assert!(database.execute_unprepared(change).await.is_err(), "documents are append-only");
    assert_eq!(incident_document::Entity::find().all(&database).await.expect("rows").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_writes_lists_and_keeps() {
    let scene = founding().await;
    let officer = scene.officer.login.clone();
    let file = scene.app.folder().join("report.pdf").display().to_string();
    let ask = |more: &[&str]| {
        let arguments = [&["report", "1", "--as", &officer][..], more].concat();
        run(&scene.app, &arguments)
    };
    let pdf = ["--kind", "ppc-preliminary", "--format", "pdf", "--lang", "ja", "--out", &file];
    let (code, out, error) = ask(&pdf);
    assert_eq!(code, 0, "{out}{error}");
    let first = std::fs::read(&file).expect("a file");
    assert!(first.starts_with(b"%PDF-"));
    assert_eq!(ask(&pdf).0, 2, "an existing file is kept");
    let (code, ..) = ask(&[&pdf[..], &["--force"]].concat());
    assert_eq!(
        (code, std::fs::read(&file).expect("a file") == first),
        (0, true),
        "the stored version, byte for byte"
    );
    let (code, ..) = ask(&[&pdf[..], &["--force", "--new"]].concat());
    assert_eq!(
        (code, std::fs::read(&file).expect("a file") == first),
        (0, false),
        "a new version says its number"
    );
    let school = scene.app.tenant("t-0").await;
    let (code, out, error) = ask(&["--kind", "processor-notice", "--tenant", &school.slug, "--lang", "en"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.starts_with("Notice of an incident to the controller\n"), "{out}");
    let (code, out, error) = ask(&["--list"]);
    assert_eq!(code, 0, "{error}");
    let rows: Vec<String> =
        out.lines().map(|line| line.split_whitespace().take(5).collect::<Vec<_>>().join(" ")).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    1 v2 ppc-preliminary ja draft
    2 v1 processor-notice en draft
    ");
    // The old call stays what it was; what does not fit is told.
    let (code, out, _) = ask(&["--lang", "en"]);
    assert_eq!((code, out.starts_with("# Pages of other people")), (0, true));
    for (more, told) in [
        (&["--format", "pdf"][..], "without --kind the format is html or markdown"),
        (
            &["--kind", "ppc-final", "--format", "markdown"],
            "with --kind the format is html, pdf, docx or text",
        ),
        (&["--kind", "ppc-final", "--format", "pdf"], "give --out: this form is no text"),
    ] {
        let (code, _, error) = ask(more);
        assert_eq!((code, error.contains(told)), (2, true), "{error}");
    }
    let register = ["report", "--as", &officer, "--kind", "gdpr-register", "--lang", "en"];
    let (code, out, error) = run(&scene.app, &register);
    assert_eq!(code, 0, "{error}");
    assert!(out.starts_with("Register of personal data breaches (GDPR Art. 33(5))\n"), "{out}");
}
