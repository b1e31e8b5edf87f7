//! The access log: what is in a record, what is not, and that nothing is lost in silence.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use edge::identity::Keyring;
use guard::access_log::{End, Of, Ring, Settings, Unwritten};
use guard::identity::{AfterWrite, Declaration};
use guard::{AccessLog, Guard};
use http::Response;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::school::*;
use crate::stand::*;

/// A file that can be full, or stand still, and takes a few bytes at a time.
#[derive(Clone, Default)]
pub struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    state: Arc<AtomicU8>,
    closed: Arc<AtomicU8>,
}

const WORKS: u8 = 0;
const FULL: u8 = 1;
const STANDS: u8 = 2;

impl Paper {
    fn is(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    pub fn fills_up(&self, full: bool) {
        self.is(if full { FULL } else { WORKS });
    }

    /// So many bytes are in it already.
    pub fn shift(&self, bytes: usize) {
        self.bytes.lock().unwrap().splice(..0, std::iter::repeat_n(b' ', bytes));
    }

    /// What another part goes on with is not a line here.
    pub fn cut_half_line(&self) {
        let mut bytes = self.bytes.lock().unwrap();
        let lines = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(lines);
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn of(&self, event: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["event"] == event).collect()
    }
}

impl AsyncWrite for Paper {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.state.load(Ordering::SeqCst) {
            FULL => {
                // It takes a little before it fails, so that a line is cut.
                let mut kept = self.bytes.lock().unwrap();
                if !kept.len().is_multiple_of(7) {
                    kept.push(bytes[0]);
                    return Poll::Ready(Ok(1));
                }
                Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
            }
            STANDS => {
                let waker = context.waker().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    waker.wake();
                });
                Poll::Pending
            }
            _ => {
                let count = bytes.len().min(100);
                self.bytes.lock().unwrap().extend_from_slice(&bytes[..count]);
                Poll::Ready(Ok(count))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

pub fn ring(id: &str, byte: u8) -> Ring {
    Ring::new("online-application", [(id.to_owned(), [byte; 32].into())]).unwrap()
}

pub fn quick() -> Settings {
    Settings { flush_after: Duration::from_millis(20), ..Settings::default() }
}

struct Logged {
    scene: Scene,
    log: Arc<AccessLog>,
    paper: Paper,
    end: oneshot::Sender<()>,
    writing: JoinHandle<Result<End, Unwritten>>,
}

impl Logged {
    async fn new(settings: Settings, identity: guard::Identity) -> Self {
        Self::on(Paper::default(), settings, identity).await
    }

    async fn on(paper: Paper, settings: Settings, identity: guard::Identity) -> Self {
        let (log, paper, end, writing) = log_on(paper, settings);
        let scene = Scene::with(identity, |guard| guard.with_access_log(log.clone())).await;
        Self { scene, log, paper, end, writing }
    }

    /// Ends the guard and then the log, as whoever runs them does.
    async fn end(self) -> (Paper, End) {
        soon(self.scene.running.stop()).await.unwrap();
        self.end.send(()).unwrap();
        let end = soon(self.writing).await.unwrap().unwrap();
        (self.paper, end)
    }
}

pub type Running4 = (Arc<AccessLog>, Paper, oneshot::Sender<()>, JoinHandle<Result<End, Unwritten>>);

pub fn log_on(paper: Paper, settings: Settings) -> Running4 {
    let count = AtomicU64::new(1);
    let chance = move || u128::from(count.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
    let (log, writer) =
        AccessLog::new(settings, ring("k1", 7), Arc::new(|| 1_698_285_784_123), Arc::new(chance));
    let (end, ended) = oneshot::channel();
    let out = paper.clone();
    let writing = tokio::spawn(writer.run(out, async {
        let _ = ended.await;
    }));
    (log, paper, end, writing)
}

const EDGE: (&str, &str) = ("x-amz-cf-id", "8Gx_6NbUvFzLyHh0R1k4pGTV8eTdnVEo1Dq0S0k3Ew9N7wUqkqK0aA==");

#[tokio::test]
async fn a_record_of_each_personal_answer() {
    let keys = Keyring::new([("k1".to_owned(), [1; 32].into())]).unwrap();
    let logged = Logged::new(quick(), identity(declaration()).with_binding(keys, AfterWrite::Pass)).await;
    let cookie = ("cookie", "sid=school-a.ann.1");
    let path = "/t/school-a/secret-path?secret-query=1";
    assert_eq!(logged.scene.send("POST", path, &[cookie, EDGE]).await.status.as_u16(), 200);
    // Public answers have none, unless they name a person.
    logged.scene.send("GET", "/assets/x?silent", &[cookie]).await;
    logged.scene.send("HEAD", "/t/school-b/", &[cookie, ("cf-ray", "bad id")]).await;
    logged.scene.send("GET", "/assets/x?set=school-a.ann.3", &[]).await;
    logged.scene.send("GET", "/assets/x", &[cookie]).await;
    let (paper, end) = logged.end().await;
    let ring = ring("k1", 7);
    let person = Of::Subject { tenant: "school-a", subject: "ann" };
    let session: [u8; 32] = Sha256::digest("school-a.ann.1").into();
    let [first, refused, proven, named] = &paper.of("response")[..] else { panic!("{}", paper.text()) };
    let run = "00000000000000000000000000000001";
    let wanted = serde_json::json!({
        "event": "response", "run": run, "seq": 1, "time": 1_698_285_784_123_u64, "took": first["took"],
        "response": "00000000000000000000000000000002", "edge": EDGE.1, "edge_from": "anybody",
        "route": "schools", "class": "personal",
        "tenant": ring.pseudonym(Of::Tenant("school-a")), "subject": ring.pseudonym(person),
        "session": ring.pseudonym(Of::Session(&session)),
        "status": 200, "cache": first["cache"], "bytes": 15, "complete": true, "tag": "anonymous", "rules": "r1",
    });
    assert_eq!(*first, wanted);
    // The viewer's cookie came with it.
    assert_eq!(first["cache"].as_array().unwrap().last().unwrap()[0], "set-cookie");
    assert!(ring.recognises(first["subject"].as_str().unwrap(), person));
    assert_eq!(
        (&refused["status"], &refused["own"], &refused["cache"]),
        (&403.into(), &true.into(), &"sealed".into())
    );
    assert_eq!((&refused["edge"], &refused["edge_from"]), (&Value::Null, &"malformed".into()));
    assert_eq!((&refused["bytes"], &refused["complete"]), (&0.into(), &true.into()));
    assert_eq!((&proven["class"], &proven["edge_from"]), (&"proven".into(), &"absent".into()));
    assert_eq!((&named["class"], &named["subject"]), (&"proven".into(), &first["subject"]));
    // Nothing in clear.
    for word in ["ann", "school-a", "secret", "127.0.0.1", "GET", "/t/"] {
        assert!(!paper.text().contains(word), "{word}");
    }
    let [start] = &paper.of("start")[..] else { panic!("one start") };
    assert_eq!(
        (&start["run"], &start["system"], &start["form"]),
        (&run.into(), &"online-application".into(), &1.into())
    );
    assert_eq!(start["sealed"][0], serde_json::json!(["cache-control", edge::policy::CACHE_CONTROL]));
    assert_eq!((end.records, end.lost), (4, 0));
    let last = paper.lines().pop().unwrap();
    assert_eq!((&last["event"], &last["records"], &last["lost"]), (&"end".into(), &4.into(), &0.into()));
    assert_eq!(paper.closed.load(Ordering::SeqCst), 1);
}

/// Who saw whom: where the system mixes people up and nothing stops it, the record says both.
#[tokio::test]
async fn a_mix_up_has_both_people() {
    let logged =
        Logged::new(quick(), identity(Declaration { mode: edge::Mode::Audit, ..declaration() })).await;
    logged.scene.get("/mypage/", "school-a.ann.1").await;
    logged.scene.get("/mypage/?as=bob", "school-a.ann.1").await;
    let (paper, _) = logged.end().await;
    let ring = ring("k1", 7);
    let of = |subject| ring.pseudonym(Of::Subject { tenant: "school-a", subject });
    let records = paper.of("response");
    assert_eq!((&records[0]["subject"], &records[0]["viewer"]), (&of("ann").into(), &Value::Null));
    assert_eq!((&records[1]["subject"], &records[1]["viewer"]), (&of("bob").into(), &of("ann").into()));
}

/// The edge's word counts when it comes from the edge.
#[tokio::test]
async fn a_trusted_edges_id_and_without_identity() {
    let (origin, _) = school().await;
    let (log, paper, end, writing) = log_on(Paper::default(), quick());
    let mut settings = settings(origin);
    settings.trusted = vec!["127.0.0.0/8".parse().unwrap()];
    let guard = Guard::new(settings, routes(), Arc::new(Nobody)).unwrap().with_access_log(log);
    let running = Running::of(Arc::new(guard), TcpListener::bind("127.0.0.1:0").await.unwrap(), None);
    let mut request = request("GET", &running, "/mypage/", full(""));
    request.headers_mut().insert(EDGE.0, EDGE.1.parse().unwrap());
    whole_body(soon(client(true).request(request)).await.unwrap()).await;
    soon(running.stop()).await.unwrap();
    // The log ends with the guard that holds it, too.
    let _ = end.send(());
    soon(writing).await.unwrap().unwrap();
    let [record] = &paper.of("response")[..] else { panic!("{}", paper.text()) };
    assert_eq!((&record["edge"], &record["edge_from"]), (&EDGE.1.into(), &"trusted".into()));
    assert_eq!(
        (&record["cache"], &record["session"], &record["tag"]),
        (&"sealed".into(), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn other_keys_from_the_next_answer_on() {
    let logged = Logged::new(quick(), identity(declaration())).await;
    logged.scene.get("/mypage/", "school-a.ann.1").await;
    logged.log.replace_keys(ring("k2", 8));
    logged.scene.get("/mypage/", "school-a.ann.1").await;
    let (paper, _) = logged.end().await;
    let ids: Vec<String> =
        paper.of("response").iter().map(|line| line["subject"].as_str().unwrap()[..3].to_owned()).collect();
    assert_eq!(ids, ["k1.", "k2."]);
}

/// An answer that breaks off, or whose client goes away, has a record that says so.
#[tokio::test]
async fn an_answer_that_did_not_leave_whole() {
    let (senders, mut bodies) = tokio::sync::mpsc::unbounded_channel();
    let origin = origin(move |_| {
        let (sender, body) = piecewise();
        senders.send(sender).unwrap();
        async move { Response::new(body) }
    })
    .await;
    let (log, paper, end, writing) = log_on(Paper::default(), quick());
    let guard = guard(settings(origin)).with_access_log(log);
    let running = Running::of(Arc::new(guard), TcpListener::bind("127.0.0.1:0").await.unwrap(), None);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /mypage/ HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    let mut body = bodies.recv().await.unwrap();
    body.send_data("first".into()).await.unwrap();
    until(&mut stream, "first").await;
    drop(stream);
    // Nothing is written while the answer is under way.
    soon(async {
        while body.send_data("more".into()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    soon(running.stop()).await.unwrap();
    // The log ends with the guard that holds it, too.
    let _ = end.send(());
    soon(writing).await.unwrap().unwrap();
    let [record] = &paper.of("response")[..] else { panic!("{}", paper.text()) };
    assert_eq!((&record["status"], &record["complete"]), (&200.into(), &false.into()));
    assert!(record["bytes"].as_u64().unwrap() >= 5, "{record}");
}

/// A log that stands still slows no answer; what found no place is counted, and the count is written.
#[tokio::test]
async fn a_full_queue_is_told_of() {
    let paper = Paper::default();
    paper.is(STANDS);
    let settings = Settings { queue: 2, flush_bytes: 0, ..quick() };
    let logged = Logged::on(paper, settings, identity(declaration())).await;
    for _ in 0..10 {
        assert_eq!(logged.scene.get("/mypage/", "school-a.ann.1").await.status.as_u16(), 200);
    }
    // The last record may still be on its way.
    soon(async {
        while logged.log.lost() < 7 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    logged.paper.is(WORKS);
    let lost = logged.log.lost();
    let (paper, end) = logged.end().await;
    let counted: u64 = paper.of("lost").iter().map(|line| line["records"].as_u64().unwrap()).sum();
    let records = paper.of("response");
    assert_eq!((counted, end.lost), (lost, lost));
    assert_eq!((records.len() as u64 + counted, end.records), (10, records.len() as u64));
    // The numbers show it too.
    let numbers: Vec<u64> = records.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

/// A full disk loses nothing as long as the queue takes it, and cuts no line.
#[tokio::test]
async fn a_disk_that_was_full_is_written_on() {
    let logged = Logged::new(quick(), identity(declaration())).await;
    logged.scene.get("/mypage/", "school-a.ann.1").await;
    logged.paper.is(FULL);
    for _ in 0..5 {
        logged.scene.get("/mypage/", "school-a.ann.1").await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    logged.paper.is(WORKS);
    let (paper, end) = logged.end().await;
    assert_eq!((paper.of("response").len(), end.records, end.lost), (6, 6, 0));
}

/// At the end everything that is queued is written; where it cannot be, that is said.
#[tokio::test]
async fn the_end_writes_all_or_says_what_it_did_not() {
    // Nothing is due before the end.
    let settings = Settings { flush_after: Duration::from_secs(3_600), ..Settings::default() };
    let logged = Logged::new(settings, identity(declaration())).await;
    for _ in 0..20 {
        logged.scene.get("/mypage/", "school-a.ann.1").await;
    }
    assert_eq!(logged.paper.of("response").len(), 0);
    let (paper, end) = logged.end().await;
    assert_eq!((paper.of("response").len(), end.records), (20, 20));

    for state in [STANDS, FULL] {
        let settings = Settings { end: Duration::from_millis(100), ..quick() };
        let logged = Logged::new(settings, identity(declaration())).await;
        logged.scene.get("/mypage/", "school-a.ann.1").await;
        soon(async {
            while logged.paper.of("response").is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        logged.paper.is(state);
        for _ in 0..3 {
            logged.scene.get("/mypage/", "school-a.ann.1").await;
        }
        soon(logged.scene.running.stop()).await.unwrap();
        logged.end.send(()).unwrap();
        let Err(unwritten) = soon(logged.writing).await.unwrap() else { panic!("it cannot be written") };
        assert_eq!(unwritten.records, 3);
        assert_eq!(logged.log.lost(), 0);
    }
}
