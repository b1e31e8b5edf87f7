//! A process that is killed in the middle of sending: nothing lost, nothing doubled unnoticed.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::fixture::Fixture;
use super::sink::Sink;

const PEOPLE: usize = 300;

/// `suimon serve` on the test's database.
fn serve(fixture: &Fixture, sink: &Sink) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.arg("serve").args(["--listen", "127.0.0.1:0"]);
    for setting in [
        format!("database.url={}", fixture.app.database_url()),
        format!("keys.file={}", fixture.app.folder().join("kek.key").display()),
        format!("mail.smtp_port={}", sink.port),
        "mail.transport=smtp".to_owned(),
        "mail.smtp_tls=none".to_owned(),
        "mail.smtp_timeout_seconds=1".to_owned(),
        "outbox.lease_seconds=2".to_owned(),
        "outbox.poll_milliseconds=50".to_owned(),
        "outbox.batch=30".to_owned(),
        "outbox.backoff_seconds=1".to_owned(),
        "log.filter=warn".to_owned(),
        // By the machine's clock the tokens of the test have ended long ago.
        "retention.every_hours=0".to_owned(),
    ] {
        command.arg("--set").arg(setting);
    }
    command.current_dir(fixture.app.folder()).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("suimon serve starts")
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(90), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_everybody_is_told() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(PEOPLE).await;
    let notice = fixture.approved(revision).await;
    let mut kills = 0;
    while sink.count() < PEOPLE * 3 / 4 {
        let mut server = serve(&fixture, &sink);
        let before = sink.count();
        // Another moment of the work each time.
        wait_until("some mails were sent", || {
            sink.count() >= before + 17 + kills * 13 || sink.count() >= PEOPLE
        });
        server.kill().expect("SIGKILL");
        server.wait().expect("it is dead");
        kills += 1;
        assert_ne!(&fixture.standing(&notice).await[..4], "DONE", "killed {kills} times before the end");
    }
    assert!(kills >= 3, "killed only {kills} times");
    // Two at once finish the work.
    let mut servers = [serve(&fixture, &sink), serve(&fixture, &sink)];
    let since = Instant::now();
    while fixture.standing(&notice).await != format!("DONE 0 0 {PEOPLE} 0 0") {
        assert!(since.elapsed() < Duration::from_secs(90), "not done: {}", fixture.standing(&notice).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for server in &mut servers {
        let id = server.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        assert!(server.wait().expect("it ended").success(), "it ends in order when asked to");
    }
    let mails = sink.by_recipient();
    assert_eq!(mails.len(), PEOPLE, "everybody got it");
    let repeats: usize = mails.values().map(|mails| mails.len() - 1).sum();
    for (to, mails) in &mails {
        let ids: BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
        assert_eq!(ids.len(), 1, "{to} got different mails");
    }
    let ids: BTreeSet<_> = mails.values().flatten().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), PEOPLE, "no two people share a Message-ID");
    // At a kill, at most one mail of each connection can have been accepted without our having written it down.
    assert!(repeats <= kills * 4, "{repeats} repeats after {kills} kills");
    eprintln!(
        "killed {kills} times: {PEOPLE} people told, {repeats} mails repeated, each with the same Message-ID"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_finishes_what_is_under_way_and_repeats_nothing() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(120).await;
    let notice = fixture.approved(revision).await;
    for _ in 0..3 {
        let mut server = serve(&fixture, &sink);
        let before = sink.count();
        wait_until("some mails were sent", || sink.count() > before + 5 || sink.count() == 120);
        let id = server.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        assert!(server.wait().expect("it ended").success());
        let standing = fixture.standing(&notice).await;
        assert!(standing.split(' ').nth(2) == Some("0"), "nothing stays taken: {standing}");
    }
    fixture.app.clock.advance(3600 * 24 * 365 * 10);
    fixture.send().await;
    assert_eq!((sink.count(), sink.by_recipient().len()), (120, 120));
}
