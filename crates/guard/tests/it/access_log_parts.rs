//! The access log in parts: where they end, and that nothing is lost between them.

use std::io;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guard::AccessLog;
use guard::access_log::{Begin, End, Parts, Settings, Unwritten};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::access_log::{Paper, quick, ring};
use crate::school::*;
use crate::stand::*;

/// Opens a paper for each part, unless it is told not to.
#[derive(Clone, Default)]
struct Papers {
    opened: Arc<Mutex<Vec<Paper>>>,
    closed: Arc<AtomicU64>,
    refuses: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Papers {
    fn next(&self) -> Paper {
        let paper = Paper::default();
        self.opened.lock().unwrap().push(paper.clone());
        paper
    }

    fn parts(&self) -> Vec<Vec<Value>> {
        self.opened.lock().unwrap().iter().map(Paper::lines).collect()
    }
}

impl Parts for Papers {
    type Out = Paper;

    async fn open(&mut self, begin: Begin<'_>) -> io::Result<Option<Paper>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // What was given up half way must be done again.
        tokio::time::sleep(Duration::from_millis(2)).await;
        if self.refuses.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        assert_eq!(begin.part, self.opened.lock().unwrap().len() as u64 + 1);
        Ok(Some(self.next()))
    }

    async fn close(&mut self, paper: Paper) -> io::Result<()> {
        // As a folder does with its files.
        paper.cut_half_line();
        self.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Logged {
    scene: Scene,
    log: Arc<AccessLog>,
    papers: Papers,
    end: oneshot::Sender<()>,
    writing: JoinHandle<Result<End, Unwritten>>,
}

impl Logged {
    async fn new(settings: Settings) -> Self {
        let count = AtomicU64::new(1);
        let chance = move || u128::from(count.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        let (log, writer) =
            AccessLog::new(settings, ring("k1", 7), Arc::new(|| 1_698_285_784_123), Arc::new(chance));
        let (end, ended) = oneshot::channel();
        let papers = Papers::default();
        let writing = tokio::spawn(writer.run_in_parts(papers.next(), papers.clone(), async {
            let _ = ended.await;
        }));
        let scene = Scene::with(identity(declaration()), |guard| guard.with_access_log(log.clone())).await;
        Self { scene, log, papers, end, writing }
    }

    async fn asks(&self, times: usize) {
        for _ in 0..times {
            assert_eq!(self.scene.get("/mypage/", "school-a.ann.1").await.status.as_u16(), 200);
        }
    }

    async fn has_parts(&self, number: usize) {
        soon(async {
            while self.papers.opened.lock().unwrap().len() < number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Ends it; each part has its start, and the numbers of the records count on without a gap.
    async fn end(self) -> Vec<Vec<Value>> {
        soon(self.scene.running.stop()).await.unwrap();
        self.end.send(()).unwrap();
        let end = soon(self.writing).await.unwrap().unwrap();
        let mut parts = self.papers.parts();
        // One in which not even its first line has a place is nothing.
        for (number, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            assert_eq!(
                (&part[0]["event"], &part[0]["part"]),
                (&"start".into(), &(number + 1).into()),
                "{part:?}"
            );
            assert_eq!(part.iter().filter(|line| line["event"] == "start").count(), 1);
        }
        let numbers: Vec<u64> = parts.iter().flatten().filter_map(|line| line["seq"].as_u64()).collect();
        assert_eq!(numbers, (1..=end.records).collect::<Vec<_>>());
        let ends = parts.iter().flatten().filter(|line| line["event"] == "end").count();
        assert_eq!((ends, end.lost), (1, 0));
        assert_eq!(parts.last().unwrap().last().unwrap()["event"], "end");
        assert_eq!(self.papers.closed.load(Ordering::SeqCst), parts.len() as u64);
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// A part holds at most so many bytes; a line goes into the next one whole.
#[tokio::test]
async fn a_part_ends_before_it_is_too_big() {
    let settings = Settings { part_bytes: NonZeroU64::new(2_000), flush_bytes: 1, ..quick() };
    let logged = Logged::new(settings).await;
    logged.asks(12).await;
    let papers = logged.papers.clone();
    let parts = logged.end().await;
    assert!(parts.len() >= 4, "{}", parts.len());
    for paper in papers.opened.lock().unwrap().iter() {
        assert!(paper.text().len() <= 2_000 && paper.text().ends_with('\n'), "{}", paper.text());
    }
}

/// A part ends so long after its first record, whether or not another one comes; one without records stays.
#[tokio::test]
async fn a_part_ends_after_its_time() {
    let logged = Logged::new(Settings { part_after: Some(Duration::from_millis(150)), ..quick() }).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(logged.papers.asked.load(Ordering::SeqCst), 0);
    logged.asks(1).await;
    logged.has_parts(2).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    logged.asks(1).await;
    logged.has_parts(3).await;
    let parts = logged.end().await;
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
}

#[tokio::test]
async fn a_part_ends_when_it_is_asked_to() {
    let logged = Logged::new(quick()).await;
    logged.asks(2).await;
    soon(async {
        while logged.papers.parts()[0].len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    logged.log.turn();
    logged.has_parts(2).await;
    logged.asks(1).await;
    let parts = logged.end().await;
    assert_eq!((parts.len(), parts[1].len()), (2, 3));
}

/// A folder that nothing can be made in: the part before goes on beyond its measure, and is left as soon as that can be.
#[tokio::test]
async fn where_no_part_can_be_opened_the_one_before_goes_on() {
    let settings = Settings { part_bytes: NonZeroU64::new(1_000), flush_bytes: 1, ..quick() };
    let logged = Logged::new(settings).await;
    logged.papers.refuses.store(true, Ordering::SeqCst);
    logged.asks(10).await;
    soon(async {
        while logged.papers.parts()[0].len() < 11 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Tried again, but not with each line.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = logged.papers.asked.load(Ordering::SeqCst);
    assert!((1..=60).contains(&asked), "{asked}");
    logged.papers.refuses.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    logged.asks(1).await;
    let parts = logged.end().await;
    assert!(parts.len() >= 2 && parts[0].len() >= 11, "{parts:?}");
}

/// A full disk at a boundary: each line is whole in one part, the one where it was begun or the next.
#[tokio::test]
async fn a_full_disk_cuts_no_line_in_two_parts() {
    let settings = Settings { part_bytes: NonZeroU64::new(1_500), flush_bytes: 1, ..quick() };
    let logged = Logged::new(settings).await;
    for _ in 0..6 {
        logged.papers.opened.lock().unwrap().last().unwrap().fills_up(true);
        logged.asks(1).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        logged.log.turn();
        for paper in logged.papers.opened.lock().unwrap().iter() {
            paper.fills_up(false);
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert!(logged.end().await.len() >= 2);
}

/// A file that cannot be written is left when somebody asks for another: each line is whole in one of them.
#[tokio::test]
async fn a_file_on_a_full_disk_is_left_when_another_is_asked_for() {
    for shift in 0..7 {
        let logged = Logged::new(quick()).await;
        let first = logged.papers.opened.lock().unwrap()[0].clone();
        first.shift(shift);
        logged.asks(1).await;
        soon(async {
            while !first.text().contains(r#""seq":1"#) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        first.fills_up(true);
        logged.asks(2).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        logged.log.turn();
        logged.has_parts(2).await;
        let parts = logged.end().await;
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 4], "{shift}");
    }
}
