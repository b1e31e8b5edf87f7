//! The example applications with their mistakes, behind the guard, through the program.

pub mod scene;

use std::process::Command;

use serde_json::Value;
use suimon::access::{self, Role, issue_token_for};
use suimon::requirements::{self, ManifestFile, Outcome};

use crate::guard::Guard as Program;
use crate::harness::TestApp;
use scene::{Example, Person, application};

const SEALED: &str = "private, no-store, no-cache, max-age=0, stale-if-error=0";

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_makes_good_what_the_application_leaves_out() {
    let mut example = Example::new("online-application", &[], None).await;
    let people = Person::at(&example.guard).offered().await;
    let school = |person: &str| person.split_once('@').expect("a school").1.to_owned();
    let applicant = people.iter().find(|person| person.starts_with("ap-")).expect("an applicant");
    let admins: Vec<&String> = people.iter().filter(|person| person.starts_with("ad-")).collect();
    let (own, other) = (school(admins[0]), school(admins[1]));
    assert_ne!(own, other, "people of several schools are offered");

    // The application says nothing to caches, and whom the page is about.
    let there = Person::signed_in(&example.application, applicant).await.get("/mypage/").await;
    assert_eq!((there.status, there.field("cache-control")), (200, ""));
    assert_eq!(there.field("x-portal-subject"), applicant.split('@').next().expect("an id"));
    // Through the guard it is sealed, marked, and the name is gone.
    let visitor = Person::signed_in(&example.guard, applicant).await;
    let here = visitor.get("/mypage/?lang=en").await;
    assert_eq!((here.status, here.field("cache-control")), (200, SEALED), "{}", here.page);
    for (name, value) in [
        ("cdn-cache-control", "no-store"),
        ("surrogate-control", "no-store"),
        ("x-accel-expires", "0"),
        ("vary", "Cookie, Authorization"),
        ("x-portal-subject", ""),
        ("x-portal-school", ""),
    ] {
        assert_eq!(here.field(name), value, "{name}");
    }
    assert!(here.page.contains("<meta name=\"suimon-response\""), "{}", here.page);
    assert!(here.page.contains("src=\"/.well-known/suimon/guard/tripwire."), "{}", here.page);
    assert!(here.page.contains("<html lang=\"en\">") && here.page.contains("Date of birth"), "{}", here.page);
    let japanese = visitor.get("/mypage/").await.page;
    assert!(japanese.contains("<html lang=\"ja\">") && japanese.contains("生年月日"), "{japanese}");
    assert_eq!(visitor.get("/mypage/site.css").await.status, 404, "a page that ends like a file");
    // Public pages keep what they say.
    for (path, said) in [("/", "public, max-age=60"), ("/assets/site.css", "public, max-age=3600")] {
        let (here, there) = (visitor.get(path).await, Person::at(&example.application).get(path).await);
        assert_eq!((here.status, here.field("cache-control")), (200, said), "{path}");
        assert_eq!(here.page, there.page, "{path} is as it was");
    }

    // An administrator on the page of another school: the application shows it, the guard does not let it be asked.
    let pages = [format!("/admin/{own}"), format!("/admin/{other}")];
    let there = Person::signed_in(&example.application, admins[0]).await;
    assert_eq!([there.get(&pages[0]).await.status, there.get(&pages[1]).await.status], [200, 200]);
    let here = Person::signed_in(&example.guard, admins[0]).await;
    assert_eq!([here.get(&pages[0]).await.status, here.get(&pages[1]).await.status], [200, 403]);
    // Who signs out and in again as somebody else is no mix-up.
    assert_eq!(here.post("/login/out", &[]).await.status, 303);
    assert_eq!(here.post("/login", &[("person", admins[1])]).await.status, 303);
    assert_eq!([here.get(&pages[0]).await.status, here.get(&pages[1]).await.status], [403, 200]);

    example.guard.signal("-TERM");
    assert_eq!(example.guard.ended().await.code(), Some(0));
    example.application.signal("-TERM");
    assert_eq!(example.application.ended().await.code(), Some(0));
    let log = example.folder.path().join("online-application/access.jsonl");
    let log = std::fs::read_to_string(log).expect("a log");
    let records: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let records: Vec<&Value> = records.iter().filter(|line| line["event"] == "response").collect();
    let of = |route: &str, status: u16| {
        records.iter().filter(|record| record["route"] == route && record["status"] == status).count()
    };
    assert_eq!(
        [of("mypage", 200), of("mypage", 404), of("admin", 200), of("admin", 403)],
        [2, 1, 2, 2],
        "{log}"
    );
    // No id, no school, no name, no session.
    let name = japanese.split("<span>").nth(1).and_then(|rest| rest.split('<').next()).expect("a name");
    for personal in ["ap-", "ad-0", "school-", name, "session=", "@"] {
        assert!(!log.contains(personal), "{personal}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_careful_application_makes_none_of_the_mistakes() {
    let application = application("online-application", &["--careful", "--seed", "7"]).await;
    let people = Person::at(&application).offered().await;
    let admins: Vec<&String> = people.iter().filter(|person| person.starts_with("ad-")).collect();
    let visitor = Person::signed_in(&application, admins[0]).await;
    let school = |person: &String| format!("/admin/{}", person.split_once('@').expect("a school").1);
    let own = visitor.get(&school(admins[0])).await;
    assert_eq!((own.status, own.field("cache-control")), (200, "private, no-store"));
    assert_eq!(visitor.get(&school(admins[1])).await.status, 403);
    assert_eq!(visitor.get("/mypage/").await.status, 303, "no applicant");
    // Caches keep what is below a public prefix, and this with it: it names nobody.
    let nowhere = visitor.get("/assets/nowhere.css").await;
    let name = own.page.split("<span>").nth(1).and_then(|rest| rest.split('<').next()).expect("a name");
    assert!(nowhere.status == 404 && !name.is_empty() && !nowhere.page.contains(name), "{}", nowhere.page);
    assert_eq!(
        Person::at(&application).post("/login", &[("person", "ap-99999@school-001")]).await.status,
        400
    );
}

/// The slots by how they can be booked, as the desk is shown them: value and words of each.
fn slots(page: &str) -> Vec<(String, String)> {
    let options = page.split("<option value=\"").skip(1).filter_map(|rest| rest.split_once("\">"));
    options.map(|(id, rest)| (id.to_owned(), rest.split('<').next().unwrap_or_default().to_owned())).collect()
}

/// An operator who has looked up a caller, and the first slot of each kind: open, for the call centre, closed.
async fn at_the_desk(program: &Program) -> (Person, [String; 3]) {
    let operator = Person::signed_in(program, "desk-1").await;
    assert_eq!(operator.post("/desk/person", &[("number", "mw-00005")]).await.status, 303);
    let page = operator.get("/desk/").await.page;
    let all = slots(&page);
    let kinds = ["ウェブ・電話窓口", "電話窓口のみ", "受付なし"].map(|kind| {
        all.iter()
            .find(|(_, words)| words.contains(kind))
            .unwrap_or_else(|| panic!("{kind}: {page}"))
            .0
            .clone()
    });
    (operator, kinds)
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_people_wait_for_their_booking_page_and_a_record_stays_with_its_person() {
    let example = Example::new("vaccine-booking", &[], Some(("concurrency: 8000", "concurrency: 1"))).await;
    let first = Person::signed_in(&example.guard, "mw-00001").await;
    let own = first.get("/booking/").await;
    assert_eq!((own.status, own.field("cache-control")), (200, SEALED), "{}", own.page);
    assert!(own.page.contains("接種券番号") && own.page.contains("mw-00001"), "{}", own.page);
    // Inside there is a place for one.
    let second = Person::at(&example.guard);
    let waits = second.get("/login").await;
    assert_eq!(waits.status, 503);
    assert!(!waits.field("retry-after").is_empty() && !waits.page.contains("<script"), "{}", waits.page);
    assert_eq!(second.get("/slots/kirigasawa").await.status, 200, "public pages need no place");
    assert_eq!(first.get("/booking/").await.status, 200, "who is inside goes on");

    let booked = first.post("/booking/", &[("slot", "kirigasawa-1"), ("lang", "en")]).await;
    assert_eq!((booked.status, booked.field("location")), (303, "/booking/?lang=en"), "{}", booked.page);
    assert!(
        first
            .get("/booking/?lang=en")
            .await
            .page
            .contains("<strong>Kirigasawa Hospital 10 May 10:00</strong>")
    );
    for slot in ["kirigasawa-3", "kirigasawa-4"] {
        assert_eq!(first.post("/booking/", &[("slot", slot)]).await.status, 403, "{slot} is not for the web");
    }
    // With a "special tool": the application gives every record to whoever is signed in, and says whose it is.
    let there = Person::signed_in(&example.application, "mw-00001").await;
    let record = there.get("/api/bookings/mw-00002").await;
    assert!(record.status == 200 && record.page.contains("ticket_number"), "{}", record.page);
    let own = first.get("/api/bookings/mw-00001").await;
    assert!(own.status == 200 && own.page.contains("kirigasawa-1"), "{}", own.page);
    let other = first.get("/api/bookings/mw-00002").await;
    assert!(other.status == 502 && !other.page.contains("ticket_number"), "{}: {}", other.status, other.page);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_centre_books_closed_slots_until_somebody_is_careful() {
    for (more, expected) in [(&[][..], [303, 303, 303]), (&["--careful"][..], [303, 303, 403])] {
        let application = application("vaccine-booking", more).await;
        let (operator, slots) = at_the_desk(&application).await;
        for (slot, status) in slots.iter().zip(expected) {
            assert_eq!(operator.post("/desk/", &[("slot", slot)]).await.status, status, "{more:?} {slot}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_slot_is_refused_by_the_requirement_when_suimon_is_asked() {
    let app = TestApp::new().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let op = access::act_locally(&app.app, &officer.login).await.expect("an officer");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/vaccine-booking/manifests/");
    let files = ["system.yaml", "requirements.yaml"].map(|name| ManifestFile {
        name: name.into(),
        content: std::fs::read(format!("{folder}{name}")).expect("the example"),
    });
    let outcome = requirements::apply(&op, files.into(), "a test", false).await.expect("applied");
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let desk = app.operator_member(Role::Service).await.login;
    let scopes = ["decide:authzen".to_owned(), "decide:authzen_roles".to_owned()];
    let token = issue_token_for(&app.app, &desk, "desk", &scopes, 1).await.expect("a token").secret;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, token).expect("written");
    let file = file.to_str().expect("a path");
    let application =
        application("vaccine-booking", &["--authzen", &app.url, "--authzen-token-file", file]).await;

    let (operator, slots) = at_the_desk(&application).await;
    let [open, by_phone, closed] = &slots;
    for (slot, status) in [(open, 303), (by_phone, 303), (closed, 403)] {
        let answer = operator.post("/desk/", &[("slot", slot)]).await;
        assert_eq!(answer.status, status, "{slot}: {}", answer.page);
        assert_eq!(answer.page.contains("VAX-ACC-001"), status == 403, "{}", answer.page);
    }
    // The person as well, by the requirement that allows it.
    let worker = Person::signed_in(&application, "mw-00001").await;
    assert_eq!(worker.post("/booking/", &[("slot", open)]).await.status, 303);
    // Nobody decides: nothing is booked.
    let nobody = ["--authzen", "http://127.0.0.1:1", "--authzen-token-file", file];
    let alone = scene::application("vaccine-booking", &nobody).await;
    let (operator, [open, ..]) = at_the_desk(&alone).await;
    assert_eq!(operator.post("/desk/", &[("slot", &open)]).await.status, 503);
    assert!(!operator.get("/desk/").await.page.contains("<strong>"), "nothing is booked");
}

#[test]
fn an_example_stays_on_this_machine_and_says_what_is_wrong() {
    let refused = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        let ran = command.arg("example").args(more).output().expect("the program runs");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    for more in [
        &["serve", "online-application", "--listen", "0.0.0.0:0"][..],
        &["cache", "--origin", "http://127.0.0.1:1", "--listen", "[::]:0"],
    ] {
        let (code, said) = refused(more);
        assert!(code == Some(2) && said.contains("for this machine alone"), "{said}");
    }
    let (code, said) = refused(&["cache", "--origin", "http://127.0.0.1:1/path"]);
    assert!(code == Some(2) && said.contains("--origin"), "{said}");
    let asks = ["--authzen", "http://127.0.0.1:1", "--authzen-token-file"];
    let (code, said) = refused(&[&["serve", "vaccine-booking"][..], &asks, &["no/such/file"]].concat());
    assert!(code == Some(2) && said.contains("cannot be read"), "{said}");
    let (code, said) = refused(&[
        "serve",
        "vaccine-booking",
        "--authzen",
        "https://suimon.example",
        "--authzen-token-file",
        "Cargo.toml",
    ]);
    assert!(code == Some(2) && said.contains("plain http"), "{said}");
    let (code, said) = refused(&[&["serve", "online-application"][..], &asks, &["Cargo.toml"]].concat());
    assert!(code == Some(2) && said.contains("leave it out"), "{said}");
    // A port that is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("the port").to_string();
    let (code, said) = refused(&["serve", "vaccine-booking", "--listen", &address]);
    assert!(code == Some(1) && said.contains(&format!("cannot listen on {address}")), "{said}");
}
