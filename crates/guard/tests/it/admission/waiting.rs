//! In which order people go in, and what those see who wait.

use std::sync::Arc;

use guard::admission::{Channel, Group, Kind, KnownBy, Order, STATUS_PATH, Tenant, TenantOf, WaitingStatus};
use serde_json::Value;

use super::*;

#[tokio::test]
async fn who_comes_beyond_the_limit_waits_and_goes_in_by_number() {
    let scene = Scene::new(settings(2)).await;
    let (mut first, mut second) = (scene.browser(), scene.browser());
    for browser in [&mut first, &mut second] {
        let got = browser.get("/book").await;
        assert_eq!((got.status, got.text.as_str()), (StatusCode::OK, "None None None"));
        // The ticket makes it one person's, whatever the origin said.
        assert_eq!(got.field("cache-control"), edge::policy::CACHE_CONTROL);
        assert_eq!(browser.get("/book").await.status, 200);
    }
    let mut others = vec![scene.browser(), scene.browser(), scene.browser()];
    for (browser, number) in others.iter_mut().zip(3..) {
        let got = browser.get("/book?slot=1").await;
        assert_eq!(got.status, 503);
        assert_eq!(got.number(), number, "numbers count everybody who came");
    }
    assert_eq!(scene.heard(), 4);
    // Looking again, over a new connection, changes nothing.
    others[1].client = client(false);
    scene.time.pass(20);
    let got = others[1].get("/book?slot=1").await;
    assert_eq!((got.status, got.number()), (StatusCode::SERVICE_UNAVAILABLE, 4));
    assert!(got.text.contains("あと 2 番"), "{}", got.text);
    // Of the two inside one stays; the other is idle for too long.
    for _ in 0..3 {
        scene.time.pass(200);
        assert_eq!(first.visit("/book").await.status, 200);
        for browser in &mut others {
            browser.get("/book").await;
        }
    }
    let places: Vec<_> =
        [others[0].visit("/book").await.status, others[1].visit("/book").await.status].into();
    assert_eq!(places, [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE], "the lowest number, and one alone");
    assert_eq!(scene.admission.levels()[0].people.taken(), 2);
    // Who had left comes as somebody new, behind all.
    assert_eq!(second.get("/book").await.number(), 6);
}

#[tokio::test]
async fn who_is_called_changes_the_ticket_before_the_origin_hears_of_it() {
    let scene = Scene::new(settings(1)).await;
    let (mut inside, mut waiting) = (scene.browser(), scene.browser());
    inside.get("/").await;
    waiting.get("/book").await;
    scene.time.pass(121);
    // The newcomer never came back: kept for `claim_within` alone.
    let got = waiting.send("POST", "/book?slot=1").await;
    assert_eq!((got.status, got.field("location")), (StatusCode::TEMPORARY_REDIRECT, "/book?slot=1"));
    assert_eq!(scene.heard(), 1);
    assert_eq!(waiting.get("/book?slot=1").await.status, 200);
    // No address of another host.
    let mut third = scene.browser();
    third.get("//elsewhere.example/").await;
    scene.time.pass(601);
    let _ = third.get("/").await;
    let got = third.get("//elsewhere.example/").await;
    assert!(got.status == 503 || got.field("location") == "/" || got.status == 200, "{}", got.status);
}

#[tokio::test]
async fn the_page_is_bilingual_stands_alone_and_is_kept_by_nobody() {
    let scene = Scene::new(settings(0)).await;
    let mut browser = scene.browser();
    let got = browser.get("/book").await;
    assert_eq!(got.status, 503);
    assert!(got.text.contains("<html lang=\"ja\">") && got.text.contains("Please wait for your turn"));
    assert_eq!(got.field("content-type"), "text/html; charset=utf-8");
    assert_eq!(got.field("cache-control"), edge::policy::CACHE_CONTROL);
    let policy = got.field("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    let after: u64 = got.field("retry-after").parse().unwrap();
    assert!((15..=25).contains(&after), "{after}");
    assert!(got.text.contains(&format!("http-equiv=\"refresh\" content=\"{after}\"")));
    browser.fields.push(("accept-language", "en-GB, ja;q=0.5".into()));
    assert!(browser.get("/book").await.text.contains("<html lang=\"en\">"));
    // They do not all come again in the same second.
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..40 {
        waits.insert(browser.get("/book").await.field("retry-after").to_owned());
    }
    assert!(waits.len() >= 5, "{waits:?}");
}

#[tokio::test]
async fn the_status_of_the_page_can_be_200_for_reading_alone() {
    let scene = Scene::new(Settings { waiting_status: WaitingStatus::Ok, ..settings(0) }).await;
    assert_eq!(scene.browser().get("/book").await.status, 200);
    assert_eq!(scene.browser().send("POST", "/book").await.status, 503);
    assert_eq!(scene.browser().get("/api/slots").await.status, 503);
}

#[tokio::test]
async fn programs_get_json_and_a_ticket_in_a_header() {
    let scene = Scene::new(settings(1)).await;
    scene.browser().get("/").await;
    let mut program = scene.browser();
    program.fields.push(("accept", "application/json".into()));
    let got = program.get("/book").await;
    assert_eq!(
        (got.status, got.field("content-type")),
        (StatusCode::SERVICE_UNAVAILABLE, "application/problem+json")
    );
    let problem: Value = serde_json::from_str(&got.text).unwrap();
    assert_eq!(problem["type"], "urn:suimon:admission:waiting");
    assert_eq!((&problem["place"]["number"], &problem["place"]["position"]), (&2.into(), &1.into()));
    assert_eq!(problem["retryAfter"].to_string(), got.field("retry-after"));
    // Without cookies, from here on.
    let show =
        |ticket: &str| vec![("accept", "application/json".into()), ("suimon-place", ticket.to_owned())];
    program.jar.clear();
    program.fields = show(got.field("suimon-place"));
    scene.time.pass(121);
    let got = program.get("/book").await;
    let problem: Value = serde_json::from_str(&got.text).unwrap();
    assert_eq!((&problem["type"], got.field("retry-after")), (&"urn:suimon:admission:turn".into(), "0"));
    program.jar.clear();
    program.fields = show(got.field("suimon-place"));
    let got = program.get("/book").await;
    assert_eq!((got.status, got.text.as_str()), (StatusCode::OK, "None None None"));
    // Declared ones are told so whatever they accept.
    let got = scene.browser().get("/api/slots").await;
    assert_eq!(got.field("content-type"), "application/problem+json");
}

#[tokio::test]
async fn the_public_number_is_one_for_everybody_and_may_be_kept() {
    let scene = Scene::new(settings(3)).await;
    let mut browser = scene.browser();
    for _ in 0..5 {
        scene.browser().get("/").await;
    }
    browser.get("/").await;
    let got = browser.get(STATUS_PATH).await;
    assert_eq!((got.status, got.field("cache-control")), (StatusCode::OK, "public, max-age=5"));
    assert!(!got.fields.contains_key("set-cookie") && !got.fields.contains_key("vary"));
    let said: Value = serde_json::from_str(&got.text).unwrap();
    assert_eq!((&said["serving"], &said["asOf"]), (&3.into(), &NINE.into()));
    assert_eq!(
        (&said["lines"][1]["channel"], &said["lines"][1]["serving"]),
        (&"call_centre".into(), &0.into())
    );
    assert_eq!(scene.browser().get(STATUS_PATH).await.text, got.text, "the same for who never came before");
    assert_eq!(browser.send("POST", STATUS_PATH).await.status, 405);
    for other in ["/nobody", "/"] {
        assert_eq!(browser.get(&format!("{STATUS_PATH}{other}")).await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn who_comes_before_the_opening_is_shuffled_and_who_comes_later_stands_behind() {
    let mut set = settings(100);
    set.room.order = Order::ShuffleThenFifo { opens_at: seconds(NINE + 60) };
    set.budget.newcomers = Some((Rate::CLOSED, 1));
    let scene = Scene::new(set).await;
    let mut early: Vec<Browser> = (0..20).map(|_| scene.browser()).collect();
    for browser in &mut early {
        let got = browser.get("/").await;
        assert!(got.status == 503 && got.text.contains("約 1 分後"), "{}", got.text);
    }
    scene.time.pass(61);
    let late = scene.browser().get("/").await.number();
    let mut numbers = Vec::new();
    for browser in &mut early {
        numbers.push(browser.get("/").await.number());
    }
    assert!(!numbers.is_sorted(), "{numbers:?}");
    assert_eq!(late, 21);
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn a_draw_has_winners_and_others() {
    let mut set = settings(100);
    set.room.order = Order::Lottery { closes_at: seconds(NINE + 3_600), winners: Some(2) };
    let scene = Scene::new(set).await;
    let mut all: Vec<Browser> = (0..6).map(|_| scene.browser()).collect();
    for browser in &mut all {
        assert_eq!(browser.get("/").await.status, 503);
    }
    // Nobody has to wait before a screen.
    scene.time.pass(3_601);
    let mut statuses = Vec::new();
    for browser in &mut all {
        statuses.push(browser.visit("/").await.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 403, 403, 403, 403]);
    assert_eq!(scene.browser().get("/").await.status, 403, "too late for the draw");
}

#[tokio::test]
async fn groups_have_an_opening_each() {
    let mut set = settings(100);
    let group = |name: &str, opens_at| Group { name: name.into(), opens_at: seconds(opens_at) };
    set.room.order = Order::ByGroup { groups: vec![group("odd", NINE), group("even", NINE + 600)] };
    set.room.group_of = Some(Arc::new(|asking| match asking.uri.query()? {
        "born=odd" => Some(0),
        _ => Some(1),
    }));
    let scene = Scene::new(set).await;
    assert_eq!(scene.browser().visit("/?born=odd").await.status, 200);
    assert_eq!(scene.browser().get("/?born=even").await.status, 503);
    assert_eq!(scene.browser().get("/").await.status, 503, "who is of no group waits for the last one");
    scene.time.pass(601);
    assert_eq!(scene.browser().visit("/?born=even").await.status, 200);
}

/// What counts is the first request, whatever later ones look like, and over a restart.
#[tokio::test]
async fn a_group_is_remembered() {
    let mut set = settings(100);
    let group = |name: &str, opens_at| Group { name: name.into(), opens_at: seconds(opens_at) };
    set.room.order = Order::ByGroup { groups: vec![group("odd", NINE + 600), group("even", NINE + 6_000)] };
    set.room.group_of = Some(Arc::new(|asking| asking.uri.query().map(|_| 0)));
    set.room.settle = seconds(30);
    let scene = Scene::new(set.clone()).await;
    let (mut odd, mut even) = (scene.browser(), scene.browser());
    odd.get("/?born=odd").await;
    odd.get("/").await;
    even.get("/").await;
    let scene = scene.again(set, keys(&["a"])).await;
    for browser in [&mut odd, &mut even] {
        browser.guard = scene.running.address;
    }
    for _ in 0..4 {
        assert_eq!(odd.get("/").await.status, 503);
        assert_eq!(even.get("/").await.status, 503);
        scene.time.pass(150);
    }
    assert_eq!(odd.visit("/").await.status, 200);
    assert_eq!(even.visit("/").await.status, 503);
}

#[tokio::test]
async fn the_call_centre_has_places_that_nobody_else_gets() {
    let mut set = settings(10);
    set.channels[1].reserve = 200;
    set.channels.push(Channel {
        name: "desk".into(),
        reserve: 100,
        weight: 1,
        known_by: KnownBy::Path("/desk/**".into()),
    });
    let scene = Scene::new(set.clone()).await;
    let trusting = scene.trusting();
    let (origin, time, heard) = (scene.origin(), scene.time.clone(), scene.heard.clone());
    let agents = Scene::before(origin, set, keys(&["a"]), time, measuring(), heard, trusting).await;
    let mut web = 0;
    for _ in 0..20 {
        web += usize::from(agents.browser().get("/").await.status == 200);
    }
    assert_eq!(web, 7);
    let agent = |scene: &Scene| {
        let mut agent = scene.browser();
        agent.fields.push(("x-channel", "call-centre".into()));
        agent
    };
    let got = agent(&agents).get("/").await;
    assert_eq!((got.status, got.text.contains("Some(\"call-centre\")")), (StatusCode::OK, true));
    // A place is kept for the path, too; and a ticket of one channel is none in another.
    let mut at_desk = agents.browser();
    assert_eq!(at_desk.get("/desk/1").await.status, 200);
    assert_eq!(at_desk.get("/book").await.status, 503);
    // From a network that is not trusted the header says nothing, and the origin does not hear it.
    for _ in 0..7 {
        assert!(agent(&scene).get("/").await.text.contains("None None None"));
    }
    assert_eq!(agent(&scene).get("/").await.status, 503);
}

#[tokio::test]
async fn tenants_have_rooms_of_their_own_within_the_systems() {
    let mut set = settings(4);
    let tenant = |name: &str, people| Tenant { name: name.into(), budget: budget(people) };
    set.tenants = vec![tenant("north", 2), tenant("south", 2)];
    set.tenant_of = TenantOf::Paths(vec!["/schools/{tenant}/**".into()]);
    let scene = Scene::new(set).await;
    let mut north: Vec<Browser> = (0..9).map(|_| scene.browser()).collect();
    let mut statuses = Vec::new();
    for browser in &mut north {
        statuses.push(browser.get("/schools/north/apply").await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 503, 503, 503, 503, 503, 503, 503]);
    let mut south = scene.browser();
    assert_eq!(south.get("/schools/south/apply").await.status, 200);
    assert!(south.jar.contains_key("suimon-place-south"));
    // One person, two schools; and the page for signing in, which is no school's.
    let person = &mut north[0];
    assert_eq!(person.get("/schools/south/apply").await.status, 200);
    assert_eq!(person.get("/schools/north/apply").await.status, 200);
    assert_eq!(person.get("/sign-in").await.status, 200);
    // The system is full: of no tenant, and another spelling of a tenant's path.
    assert_eq!(scene.browser().get("/sign-in").await.status, 503);
    assert_eq!(scene.browser().get("/schools/%6eorth/apply").await.number(), 10);
    let said = scene.browser().get(&format!("{STATUS_PATH}/north")).await.text;
    assert!(said.starts_with("{\"serving\":2,"), "{said}");
}

#[tokio::test]
async fn places_survive_a_restart_in_order() {
    let set = settings(1);
    let scene = Scene::new(set.clone()).await;
    let mut inside = scene.browser();
    inside.get("/").await;
    inside.get("/").await;
    let mut line: Vec<Browser> = (0..4).map(|_| scene.browser()).collect();
    for browser in &mut line {
        browser.get("/").await;
    }
    let mut set = set;
    set.room.settle = seconds(30);
    let scene = scene.again(set, keys(&["a"])).await;
    for browser in line.iter_mut().chain([&mut inside]) {
        browser.guard = scene.running.address;
    }
    // A newcomer is first at the door, then they come back, the last one first.
    let mut newcomer = scene.browser();
    assert_eq!(newcomer.get("/").await.status, 503);
    for at in [3, 2, 1, 0] {
        assert_eq!(line[at].get("/").await.number(), at as u64 + 2);
    }
    assert_eq!(inside.get("/").await.status, 200, "nobody is sent back midway");
    scene.time.pass(31);
    assert_eq!(newcomer.get("/").await.number(), 6);
    // Whoever is inside goes idle; the others keep asking, the newcomer first.
    for _ in 0..3 {
        scene.time.pass(201);
        newcomer.get("/").await;
        for browser in line.iter_mut().rev() {
            browser.get("/").await;
        }
    }
    assert_eq!(line[0].visit("/").await.status, 200, "the lowest number");
    for (at, number) in [(1, 3), (2, 4), (3, 5)] {
        assert_eq!(line[at].get("/").await.number(), number);
    }
    assert_eq!(newcomer.get("/").await.number(), 6);
    assert!(scene.times(Kind::Forged) == 0 && scene.times(Kind::Spent) == 0);
}
