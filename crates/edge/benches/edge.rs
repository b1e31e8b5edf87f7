//! Finding a route, judging a request and its response. `cargo bench -p edge`.

use divan::{Bencher, black_box};
use edge::export::{Options, nginx};
use edge::identity::{Identity, Keyring, Tag};
use edge::{Caching, Lifetime, RouteRule, RouteTable, Rules};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn rules(count: usize) -> Rules {
    let shared = || Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() });
    let routes = (0..count)
        .map(|at| match at % 3 {
            0 => RouteRule::personal(format!("p{at}"), format!("/area{at}/**")),
            1 => RouteRule::public(format!("s{at}"), format!("/slots{at}/*"), shared()),
            _ => RouteRule::public(format!("a{at}"), format!("/assets{at}/css/**"), shared()),
        })
        .collect();
    Rules { routes, ..Rules::default() }
}

fn table(count: usize) -> RouteTable {
    RouteTable::compile(rules(count)).expect("the patterns are plain")
}

const SIZES: [usize; 2] = [10, 1_000];

#[divan::bench(args = SIZES)]
fn resolve_personal(bencher: Bencher<'_, '_>, count: usize) {
    let table = table(count);
    let path = format!("/area{}/applications/2023/answers", count / 6 * 3);
    bencher.bench(|| table.resolve(black_box(&Method::GET), black_box(&path)));
}

#[divan::bench(args = SIZES)]
fn resolve_public(bencher: Bencher<'_, '_>, count: usize) {
    let table = table(count);
    bencher.bench(|| table.resolve(black_box(&Method::GET), black_box("/assets5/css/app.4f3a.min.css")));
}

#[divan::bench(args = SIZES)]
fn resolve_undeclared(bencher: Bencher<'_, '_>, count: usize) {
    let table = table(count);
    bencher.bench(|| table.resolve(black_box(&Method::GET), black_box("/nowhere/at/all")));
}

#[divan::bench(args = SIZES)]
fn resolve_encoded(bencher: Bencher<'_, '_>, count: usize) {
    let table = table(count);
    bencher.bench(|| table.resolve(black_box(&Method::GET), black_box("/area3/%E5%AD%A6%E6%A0%A1")));
}

#[divan::bench]
fn resolve_contested(bencher: Bencher<'_, '_>) {
    let table = RouteTable::compile(Rules {
        routes: vec![RouteRule::personal("m", "/mypage/**"), RouteRule::public("r", "/**", Caching::Origin)],
        ..Rules::default()
    })
    .expect("the patterns are plain");
    bencher.bench(|| table.resolve(black_box(&Method::GET), black_box("/news/2023/entry.html")));
}

fn response() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=60"),
        (header::ETAG, "\"abc\""),
        (header::VARY, "Accept-Encoding"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// The request, then the verdict on a response that needs correcting.
#[divan::bench]
fn verdict_personal(bencher: Bencher<'_, '_>) {
    let table = table(10);
    bencher.with_inputs(response).bench_values(|mut headers| {
        let exchange = table.judge_request(&Method::GET, black_box("/area3/a"), &mut HeaderMap::new());
        black_box(exchange.judge_response(StatusCode::OK, &mut headers));
        headers
    });
}

/// A response that already says everything.
#[divan::bench]
fn verdict_personal_sealed(bencher: Bencher<'_, '_>) {
    let table = table(10);
    bencher
        .with_inputs(|| {
            let mut headers = response();
            edge::policy::seal(&mut headers);
            headers
        })
        .bench_values(|mut headers| {
            let exchange = table.judge_request(&Method::GET, black_box("/area3/a"), &mut HeaderMap::new());
            black_box(exchange.judge_response(StatusCode::OK, &mut headers));
            headers
        });
}

#[divan::bench]
fn verdict_public(bencher: Bencher<'_, '_>) {
    let table = table(10);
    bencher.with_inputs(response).bench_values(|mut headers| {
        let exchange =
            table.judge_request(&Method::GET, black_box("/assets5/css/app.css"), &mut HeaderMap::new());
        black_box(exchange.judge_response(StatusCode::OK, &mut headers));
        headers
    });
}

fn ring() -> Keyring {
    Keyring::new([("k1".to_owned(), [7; 32].into())]).expect("one key with a plain id")
}

const PERSON: Identity<'static> =
    Identity { system: "online-application", tenant: "school-1", subject: "a-123" };

#[divan::bench]
fn tag_make(bencher: Bencher<'_, '_>) {
    let ring = ring();
    bencher.bench(|| ring.tag(black_box(PERSON)));
}

#[divan::bench]
fn tag_bind(bencher: Bencher<'_, '_>) {
    let ring = ring();
    let tag: Tag = ring.tag(PERSON).expect("a short identity");
    bencher.bench(|| ring.bind(black_box(Some(&tag)), black_box(Some(PERSON))));
}

#[divan::bench(args = SIZES)]
fn compile(bencher: Bencher<'_, '_>, count: usize) {
    bencher.with_inputs(|| rules(count)).bench_values(RouteTable::compile);
}

#[divan::bench(args = SIZES)]
fn export_nginx(bencher: Bencher<'_, '_>, count: usize) {
    let table = table(count);
    let options = Options { name: "bench".to_owned(), identity_binding: false };
    bencher.bench(|| nginx(&table, &options));
}
