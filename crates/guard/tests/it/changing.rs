//! Rules that change while requests go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use edge::Mode;
use edge::policy::{Effect, Kind};
use http::header;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use crate::caching::*;
use crate::stand::*;

/// An origin that answers when it gets leave.
async fn waiting_origin() -> (Arc<Semaphore>, Arc<Semaphore>, SocketAddr) {
    let (came, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (at, wait) = (came.clone(), leave.clone());
    let origin = origin(move |_| {
        let (at, wait) = (at.clone(), wait.clone());
        async move {
            at.add_permits(1);
            wait.acquire().await.unwrap().forget();
            careless()
        }
    })
    .await;
    (came, leave, origin)
}

#[tokio::test]
async fn a_request_ends_by_the_rules_it_began_with() {
    for (before, after) in [(Mode::Audit, Mode::Enforce), (Mode::Enforce, Mode::Audit)] {
        let (came, leave, origin) = waiting_origin().await;
        let ruled = ruled(origin, before).await;
        let client = client(true);
        let is_kept_by = |answer: &Response<Incoming>, mode| match mode {
            Mode::Enforce => is_sealed(answer.headers()),
            Mode::Audit | Mode::Observe => assert_eq!(answer.headers()[header::AGE], "3"),
        };
        let first = tokio::spawn(client.request(request("GET", &ruled.guard, "/mypage/a", full(""))));
        soon(came.acquire()).await.unwrap().forget();
        ruled.rules.exchange("2", table(after));
        // On the same connection, while the first one waits.
        let second = tokio::spawn(client.request(request("GET", &ruled.guard, "/mypage/a", full(""))));
        soon(came.acquire()).await.unwrap().forget();
        leave.add_permits(2);
        is_kept_by(&soon(first).await.unwrap().unwrap(), before);
        is_kept_by(&soon(second).await.unwrap().unwrap(), after);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_change_under_load_and_no_request_is_lost() {
    const CLIENTS: usize = 4;
    const REQUESTS: usize = 200;
    let (asked, origin) = careless_origin().await;
    let ruled = ruled(origin, Mode::Enforce).await;
    let address = ruled.guard.address;
    let clients = (0..CLIENTS).map(|number| {
        tokio::spawn(async move {
            let client = client(number % 2 == 1);
            let (mut enforced, mut audited) = (0, 0);
            for _ in 0..REQUESTS {
                let request = Request::get(format!("http://{address}/mypage/a")).body(full("")).unwrap();
                let answer = ask(&client, request).await;
                assert_eq!(answer.status(), StatusCode::OK);
                // By one version or the other, and never by half of each.
                if answer.headers().contains_key(header::AGE) {
                    audited += 1;
                    CARELESS.iter().for_each(|(name, value)| assert_eq!(answer.headers()[*name], *value));
                } else {
                    enforced += 1;
                    is_sealed(answer.headers());
                }
                assert_eq!(whole_body(answer).await.0, "page");
            }
            (enforced, audited)
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut number = 1;
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        number += 1;
        let mode = if number % 2 == 0 { Mode::Audit } else { Mode::Enforce };
        ruled.rules.exchange(format!("{number}"), table(mode));
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (mut enforced, mut audited) = (0, 0);
    for client in clients {
        let (these, those) = client.await.unwrap();
        enforced += these;
        audited += those;
    }
    assert_eq!(enforced + audited, (CLIENTS * REQUESTS) as u64);
    assert!(enforced > 0 && audited > 0, "{enforced} and {audited} under {number} versions");
    assert_eq!(asked.load(Ordering::Relaxed), CLIENTS * REQUESTS);
    // Counted over all versions.
    let kind = Kind::CacheControlPermits;
    assert_eq!(ruled.count(Some("mypage"), kind, Effect::Corrected), enforced);
    assert_eq!(ruled.count(Some("mypage"), kind, Effect::Reported), audited);
}
