//! The guard before the application, and the layer in it.

use std::sync::Arc;
use std::time::Duration;

use edge::Mode;
use guard::settings::{Limits, Origin, Patience, Settings};
use guard::{Guard, serve as serve_guard};
use guard_layer::GuardLayer;
use tokio::net::TcpListener;

use crate::cases::{ANSWERS, ASKED, METHODS, TARGETS, Told, application, ask, rules, serve};

fn settings(origin: std::net::SocketAddr) -> Settings {
    Settings {
        origin: Origin {
            address: format!("http://{origin}").parse().unwrap(),
            http2: false,
            authorities: Vec::new(),
            host: None,
            idle_connections: 8,
        },
        limits: Limits::default(),
        patience: Patience { drain: Duration::from_secs(1), ..Patience::default() },
        trusted: Vec::new(),
        edge_ids: Vec::new(),
    }
}

async fn are_the_same(mode: Mode) {
    let told = [(); 2].map(|()| Arc::new(Told::default()));
    let guard = Guard::new(settings(serve(application()).await), rules("v1", mode), told[0].clone()).unwrap();
    let guard = Arc::new(guard);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let before = listener.local_addr().unwrap();
    tokio::spawn(serve_guard(guard.clone(), listener, None, std::future::pending()));
    let layer = GuardLayer::new(rules("v1", mode), told[1].clone());
    let inside = serve(application().layer(layer.clone())).await;

    let mut personal = 0;
    for method in METHODS {
        for target in TARGETS {
            for asked in ASKED {
                for number in 0..ANSWERS.len() {
                    let number = number.to_string();
                    let fields: Vec<_> = asked.iter().copied().chain([("x-answer", &*number)]).collect();
                    let (guarded, layered) = tokio::join!(
                        ask(before, method, target, &fields),
                        ask(inside, method, target, &fields)
                    );
                    assert_eq!(guarded, layered, "{method} {target} {fields:?}");
                    personal += usize::from(layered.fields.contains_key("x-accel-expires"));
                }
            }
        }
    }
    // Both kept rules, and kept them on some and not on all.
    let all = METHODS.len() * TARGETS.len() * ASKED.len() * ANSWERS.len();
    assert!(personal > 0 && personal < all, "{personal} of {all}");
    assert!(!layer.rules().counts().is_empty());
    assert_eq!(guard.rules().counts(), layer.rules().counts());
    let [mut by_guard, mut by_layer] = told.map(|told| told.all());
    by_guard.sort_by_key(|fault| format!("{fault:?}"));
    by_layer.sort_by_key(|fault| format!("{fault:?}"));
    assert_eq!(by_guard, by_layer);
    assert_eq!(by_layer.is_empty(), mode == Mode::Observe);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enforced() {
    are_the_same(Mode::Enforce).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audited() {
    are_the_same(Mode::Audit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observed() {
    are_the_same(Mode::Observe).await;
}
