//! A process that is killed in the middle of sending: nothing lost, nothing doubled unnoticed.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::fixture::Fixture;
use super::sink::Sink;

/// `script/faults` asks for more of both.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
}

/// Numbers that look like chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

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
        // Whoever is taken up more often than this without an outcome is given to a person: what is killed 200 times is no poison here.
        "outbox.max_attempts=100".to_owned(),
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

/// How many recipients may have the same mail twice, as an officer sees it.
async fn may_be_repeated(fixture: &Fixture, notice: &str) -> usize {
    let query = "query($id: ID!) { notice(id: $id) { mayBeRepeated } }";
    let answer = fixture.officer.gql_with(query, serde_json::json!({ "id": notice })).await;
    let number = answer["data"]["notice"]["mayBeRepeated"].as_u64();
    number.unwrap_or_else(|| panic!("{answer}")) as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_everybody_is_told() {
    let people = setting("SUIMON_TEST_FAULT_PEOPLE", 300);
    let wanted = setting("SUIMON_TEST_FAULT_KILLS", 5);
    let seed = setting("SUIMON_TEST_FAULT_SEED", 20_231_026);
    let mut chance = Chance(seed as u64);
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(people).await;
    let notice = fixture.approved(revision).await;
    let mut kills = 0;
    while kills < wanted {
        let mut server = serve(&fixture, &sink);
        // Another moment of the work each time: while mails are on their way, and while the service still begins.
        let more = chance.below(people / wanted);
        let (before, since) = (sink.begun(), Instant::now());
        let patience = Duration::from_millis(4000 + chance.below(1000) as u64);
        while sink.begun() < before + more && since.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(chance.below(8000) as u64));
        server.kill().expect("SIGKILL");
        server.wait().expect("it is dead");
        kills += 1;
    }
    assert!(sink.begun() < people * 5 / 4, "the kills came too late: seed {seed}");
    // Four at once finish the work.
    let mut servers: Vec<_> = (0..4).map(|_| serve(&fixture, &sink)).collect();
    let since = Instant::now();
    let patience = Duration::from_secs(90 + people as u64 / 50);
    while fixture.standing(&notice).await != format!("DONE 0 0 {people} 0 0") {
        assert!(since.elapsed() < patience, "not done: {} (seed {seed})", fixture.standing(&notice).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for server in &mut servers {
        let id = server.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        assert!(server.wait().expect("it ended").success(), "it ends in order when asked to");
    }
    let mails = sink.by_recipient();
    assert_eq!(mails.len(), people, "everybody got it");
    for (to, mails) in &mails {
        let ids: BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
        assert_eq!(ids.len(), 1, "{to} got different mails");
    }
    let ids: BTreeSet<_> = mails.values().flatten().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), people, "no two people share a Message-ID");
    // At a kill, at most two mails of each connection can have been accepted without our having written it down: one that is being
    // written down, and one whose answer has just come.
    let repeats: usize = mails.values().map(|mails| mails.len() - 1).sum();
    assert!(repeats <= kills * 8, "{repeats} repeats after {kills} kills (seed {seed})");
    let said = may_be_repeated(&fixture, &notice).await;
    let twice = mails.values().filter(|mails| mails.len() > 1).count();
    assert!(twice <= said && said <= kills * 60, "{twice} have it twice, {said} are said to (seed {seed})");
    eprintln!(
        "killed {kills} times: {people} people told, {repeats} mails repeated, each with the same Message-ID; {said} said to be"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_finishes_what_is_under_way_and_repeats_nothing() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(400).await;
    let notice = fixture.approved(revision).await;
    for _ in 0..3 {
        // One that has nothing to send says nothing of when it can be asked.
        if sink.count() == 400 {
            break;
        }
        let mut server = serve(&fixture, &sink);
        let before = sink.count();
        wait_until("some mails were sent", || sink.count() > before + 5 || sink.count() == 400);
        let id = server.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        assert!(server.wait().expect("it ended").success());
        let standing = fixture.standing(&notice).await;
        assert!(standing.split(' ').nth(2) == Some("0"), "nothing stays taken: {standing}");
    }
    fixture.app.clock.advance(3600 * 24 * 365 * 10);
    fixture.send().await;
    assert_eq!((sink.count(), sink.by_recipient().len()), (400, 400));
}
