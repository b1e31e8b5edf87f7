//! Tickets that are forged, altered, old, copied.

use guard::admission::Kind;

use super::*;

#[tokio::test]
async fn a_forged_ticket_is_none() {
    let scene = Scene::new(settings(1)).await;
    let mut inside = scene.browser();
    inside.get("/").await;
    // The same place, signed with another key under the same name.
    let other = Scene::before(
        scene.origin(),
        settings(1),
        Keys::new([("a".to_owned(), Zeroizing::new([9; 32]))]).unwrap(),
        scene.time.clone(),
        measuring(),
        scene.heard.clone(),
        Vec::new(),
    )
    .await;
    let mut forger = other.browser();
    forger.get("/").await;
    let mut browser = scene.browser();
    browser.jar = forger.jar;
    assert_eq!(browser.get("/").await.status, 503);
    assert_eq!(scene.times(Kind::Forged), 1);
    assert!(scene.told.0.lock().unwrap().contains(&("/web".into(), Kind::Forged, true)));
    for nonsense in ["", "v1", "v1.a..", "v2.a.AAAA.AAAA", &"a".repeat(5_000), "v1.a.\u{e9}.x"] {
        browser.jar = [("suimon-place".to_owned(), nonsense.to_owned())].into();
        assert_eq!(browser.get("/").await.status, 503, "{nonsense}");
    }
}

/// Else each reload of a broken system's page would take a further place of those who wait.
#[tokio::test]
async fn whoever_is_let_in_to_no_answer_keeps_the_place() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = nobody.local_addr().unwrap();
    drop(nobody);
    let time = Time(Arc::new(AtomicU64::new(NINE * 1_000)));
    let heard = Arc::default();
    let scene = Scene::before(origin, settings(10), keys(&["a"]), time, measuring(), heard, Vec::new()).await;
    let mut browser = scene.browser();
    for _ in 0..5 {
        let got = browser.get("/").await;
        assert_eq!(got.status, 503);
        assert!(got.text.contains("the system is not there"), "{}", got.text);
    }
    let people = scene.admission.levels()[0].people;
    assert_eq!((people.called, people.inside), (0, 1), "{people:?}");
}

/// The same where the answer is withheld.
#[tokio::test]
async fn whoever_is_let_in_to_a_withheld_answer_keeps_the_place() {
    use crate::school;
    let clock: guard::admission::Clock = Arc::new(|| seconds(NINE));
    let admission = Admission::new(settings(10), keys(&["a"]), chance(1), clock, Told::default()).unwrap();
    let admission = Arc::new(admission);
    let identity = school::identity(school::declaration());
    let scene = school::Scene::with(identity, |guard| guard.with_admission(admission.clone())).await;
    let got = scene.get("/mypage/?twice", "school-a.ann.1").await;
    assert_eq!(got.status, 502);
    assert!(got.field("set-cookie").is_some_and(|cookie| cookie.starts_with("suimon-place=")));
}

#[tokio::test]
async fn an_altered_ticket_is_none() {
    let scene = Scene::new(settings(1)).await;
    let mut inside = scene.browser();
    inside.get("/").await;
    let mut waiting = scene.browser();
    waiting.get("/").await;
    // The payload of one who is inside with the signature of one who waits.
    let (good, poor) = (inside.ticket().to_owned(), waiting.ticket().to_owned());
    let (payload, mac) = (good.rsplit_once('.').unwrap().0, poor.rsplit_once('.').unwrap().1);
    waiting.jar.insert("suimon-place".into(), format!("{payload}.{mac}"));
    assert_eq!(waiting.get("/").await.number(), 3, "a newcomer");
    assert_eq!(scene.times(Kind::Forged), 1);
}

#[tokio::test]
async fn an_expired_ticket_is_none() {
    let scene = Scene::new(settings(1)).await;
    scene.browser().get("/").await;
    let mut waiting = scene.browser();
    let old = {
        waiting.get("/").await;
        waiting.jar.clone()
    };
    // Seen again and again, so that the place itself is still there.
    for _ in 0..4 {
        scene.time.pass(100);
        waiting.visit("/").await;
    }
    waiting.jar = old;
    assert!(waiting.get("/").await.number() > 2);
    assert_eq!(scene.times(Kind::Expired), 1);
}

#[tokio::test]
async fn of_many_with_one_ticket_of_the_line_one_goes_in() {
    let scene = Scene::new(settings(1)).await;
    scene.browser().get("/").await;
    let mut waiting = scene.browser();
    waiting.get("/").await;
    let mut many: Vec<Browser> = (0..20).map(|_| waiting.clone()).collect();
    scene.time.pass(121);
    // All at the same moment; each that is told to go on does so.
    let visits = many.drain(..).map(|mut browser| {
        tokio::spawn(async move {
            let got = browser.visit("/book").await;
            (browser, got.status.as_u16())
        })
    });
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for visit in visits.collect::<Vec<_>>() {
        let (browser, status) = visit.await.unwrap();
        if status == 503 { outside.push(browser) } else { inside.push(browser) }
    }
    // Whoever came between another's call and its entry took the place over, and some still do as they were told; of these one
    // is left.
    for browser in &mut inside {
        browser.visit("/book").await;
    }
    let mut left = 0;
    for browser in &mut inside {
        left += usize::from(browser.visit("/book").await.status == 200);
    }
    assert_eq!(left, 1);
    assert_eq!(scene.admission.levels()[0].people.taken(), 1);
    assert!(scene.times(Kind::Spent) > 0);
    for browser in &mut outside {
        assert!(browser.get("/book").await.number() > 2, "behind everybody");
    }
}

#[tokio::test]
async fn a_copy_of_a_ticket_inside_goes_back_to_wait() {
    let scene = Scene::new(settings(1)).await;
    let mut holder = scene.browser();
    holder.get("/").await;
    holder.get("/").await;
    let mut copy = holder.clone();
    copy.client = client(false);
    assert_eq!(copy.get("/").await.status, 200, "nobody can tell yet");
    scene.time.pass(61);
    let before = holder.ticket().to_owned();
    assert_eq!(holder.get("/").await.status, 200);
    assert_ne!(holder.ticket(), before, "a new one came with the answer");
    assert_eq!(copy.get("/").await.status, 200, "requests that were under way are served");
    assert_eq!(holder.get("/").await.status, 200);
    scene.time.pass(16);
    assert_eq!(copy.get("/").await.status, 503);
    assert_eq!(holder.get("/").await.status, 200);
    assert_eq!(scene.times(Kind::Spent), 1);
}

#[tokio::test]
async fn copies_that_throw_new_tickets_away_do_not_share_a_place_for_long() {
    let scene = Scene::new(settings(1)).await;
    let mut holder = scene.browser();
    holder.get("/").await;
    holder.get("/").await;
    let old = holder.jar.clone();
    let again = |browser: &mut Browser| browser.jar = old.clone();
    let mut copies = [holder.clone(), holder];
    // Two offers are thrown away by each.
    for _ in 0..2 {
        scene.time.pass(61);
        for copy in &mut copies {
            again(copy);
            assert_eq!(copy.get("/").await.status, 200);
        }
    }
    scene.time.pass(16);
    // From here on nothing goes to the origin with the old one.
    for copy in &mut copies {
        again(copy);
        assert_eq!(copy.get("/").await.status, 307);
        again(copy);
        assert_eq!(copy.get("/").await.status, 307);
    }
    let [first, second] = &mut copies;
    assert_eq!(second.get("/").await.status, 200);
    assert_eq!(first.get("/").await.status, 503);
}

#[tokio::test]
async fn who_reads_for_a_while_changes_nothing() {
    let scene = Scene::new(settings(1)).await;
    let mut holder = scene.browser();
    holder.get("/").await;
    for _ in 0..5 {
        scene.time.pass(500);
        assert_eq!(holder.send("POST", "/api/slots").await.status, 200);
    }
}

#[tokio::test]
async fn keys_turn_and_events_end() {
    let scene = Scene::new(settings(1)).await;
    let mut inside = scene.browser();
    inside.get("/").await;
    let scene = scene.again(settings(1), keys(&["b", "a"])).await;
    inside.guard = scene.running.address;
    assert_eq!(inside.get("/").await.status, 200);
    scene.time.pass(61);
    inside.get("/").await;
    assert!(inside.ticket().starts_with("v1.b."), "{}", inside.ticket());
    let other = Settings { event: "2021-05-03".into(), ..settings(0) };
    scene.admission.replace(other).unwrap();
    assert_eq!(inside.get("/").await.number(), 1, "its place was at another event");
}

#[tokio::test]
async fn the_origin_sees_no_ticket_and_the_browser_keeps_it_to_itself() {
    let scene = Scene::new(Settings { cookie: Cookie::Secure, ..settings(5) }).await;
    let mut browser = scene.browser();
    browser.jar =
        [("sid".to_owned(), "1".to_owned()), ("__Host-suimon-viewer".to_owned(), "v".to_owned())].into();
    let got = browser.get("/").await;
    let set = got.field("set-cookie").to_owned();
    assert!(set.starts_with("__Host-suimon-place=v1.a."), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Secure") && set.contains("; Path=/; Max-Age="), "{set}");
    assert!(!set.contains("Domain"));
    let got = browser.get("/").await;
    assert_eq!(got.text, "Some(\"__Host-suimon-viewer=v; sid=1\") None None");
}

/// A proxy before the guard speaks TLS with browsers, and is trusted: what came over plain HTTP counts for nothing there.
#[tokio::test]
async fn over_tls_that_a_trusted_proxy_ends_the_cookie_is_secure() {
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    let time = Time(Arc::new(AtomicU64::new(NINE * 1_000)));
    let trusting_nobody = Scene::new(settings(1)).await;
    let origin = trusting_nobody.origin();
    let scene =
        Scene::before(origin, settings(1), keys(&["a"]), time, measuring(), Arc::default(), trusted).await;
    let mut plain = scene.browser();
    let got = plain.get("/").await;
    let set = got.field("set-cookie").to_owned();
    assert!(set.starts_with("suimon-place=v1.a.") && !set.contains("Secure"), "{set}");
    assert_eq!(plain.get("/").await.status, 200, "the only place is taken");
    let mut browser = scene.browser();
    browser.fields.push(("x-forwarded-proto", "https".into()));
    browser.jar = plain.jar.clone();
    let got = browser.get("/").await;
    let set = got.field("set-cookie").to_owned();
    assert_eq!(got.status, 503, "somebody else");
    assert!(set.starts_with("__Host-suimon-place=v1.a.") && set.ends_with("; Secure"), "{set}");
    let mut browser = trusting_nobody.browser();
    browser.fields.push(("x-forwarded-proto", "https".into()));
    assert!(browser.get("/").await.field("set-cookie").starts_with("suimon-place="));
}
