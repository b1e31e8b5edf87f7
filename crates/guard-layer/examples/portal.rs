//! A small portal with the layer around it: `curl -i http://127.0.0.1:PORT/mypage`, then `/mypage/x.css` and `/assets/app.css`.

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use guard_layer::edge::{self, Caching, Lifetime, RouteRule};
use guard_layer::{Found, GuardLayer, Rules, Sink};

struct Log;

impl Sink for Log {
    fn tell(&self, found: Found<'_>) {
        eprintln!("{:?}: {} ({:?})", found.route, found.kind.code(), found.effect);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hour = Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() });
    let rules = edge::Rules {
        routes: vec![
            RouteRule::personal("mypage", "/mypage/**"),
            RouteRule::public("assets", "/assets/**", hour),
        ],
        ..edge::Rules::default()
    };
    let rules = Rules::compile("v1", rules).map_err(|faults| format!("{faults:?}"))?;
    let application = Router::new()
        .route("/mypage", get(async || "the page of Taro Yamada\n"))
        .route("/assets/{*file}", get(async || "body { color: black }\n"))
        .layer(GuardLayer::new(rules, Arc::new(Log)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    axum::serve(listener, application).await?;
    Ok(())
}
