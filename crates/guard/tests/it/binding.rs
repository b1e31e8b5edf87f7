//! Tags for the edge, and how browsers come to hold theirs.

use std::sync::Arc;
use std::time::Duration;

use edge::Mode;
use edge::identity::{Identity as Whose, Keyring, Tag};
use guard::identity::{AfterWrite, Declaration};

use crate::school::*;

fn ring(keys: &[(&str, u8)]) -> Keyring {
    Keyring::new(keys.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32].into()))).unwrap()
}

fn tag(tenant: &str, subject: &str) -> Tag {
    ring(&[("k1", 1)]).tag(Whose { system: "online-application", tenant, subject }).unwrap()
}

async fn scene(declaration: Declaration, after_write: AfterWrite) -> Scene {
    Scene::new(identity(declaration).with_binding(ring(&[("k1", 1)]), after_write)).await
}

/// The cookies of a browser with a session and perhaps a tag.
fn cookies(session: &str, tag: Option<&Tag>) -> String {
    let tag = tag.map(|tag| format!("; __Host-suimon-viewer={}", tag.as_str())).unwrap_or_default();
    format!("sid={session}{tag}")
}

fn handed_over(tag: &Tag) -> String {
    format!("__Host-suimon-viewer={}; Path=/; Secure; SameSite=Lax", tag.as_str())
}

const ANN: &str = "school-a.ann.1";

#[tokio::test]
async fn a_browser_is_given_its_tag_and_then_its_page() {
    let scene = scene(declaration(), AfterWrite::SeeOther).await;
    let ann = tag("school-a", "ann");
    // The first time only the system knows who that is.
    let first = scene.get("/mypage/?x=1", ANN).await;
    assert_eq!(first.status.as_u16(), 307);
    assert_eq!(first.field("location"), Some("/mypage/?x=1"));
    assert_eq!(first.field("suimon-subject-tag"), Some("anonymous"));
    assert_eq!(first.all("set-cookie"), [handed_over(&ann)]);
    assert_eq!(first.field("cache-control"), Some(edge::policy::CACHE_CONTROL));
    assert!(!first.body.contains("ann"));
    let page = scene.send("GET", "/mypage/?x=1", &[("cookie", &cookies(ANN, Some(&ann)))]).await;
    assert_eq!((page.status.as_u16(), page.body.as_str()), (200, "the page of ann"));
    assert_eq!(page.field("suimon-subject-tag"), Some(ann.as_str()));
    assert_eq!(page.field("set-cookie"), None);
    assert_eq!(scene.seen.targets().len(), 2);
    // From then on nothing is asked twice, also for an answer that names nobody.
    for viewer in [None, Some(tag("school-a", "bob"))] {
        let again = scene.send("GET", "/mypage/?silent", &[("cookie", &cookies(ANN, viewer.as_ref()))]).await;
        assert_eq!((again.status.as_u16(), again.all("set-cookie")), (307, vec![&*handed_over(&ann)]));
        let head = scene.send("HEAD", "/mypage/", &[("cookie", &cookies(ANN, viewer.as_ref()))]).await;
        assert_eq!(head.status.as_u16(), 307);
    }
    assert_eq!(scene.seen.targets().len(), 2);
    let silent = scene.send("GET", "/mypage/?silent", &[("cookie", &cookies(ANN, Some(&ann)))]).await;
    assert_eq!(silent.field("suimon-subject-tag"), Some(ann.as_str()));
    // A malformed one is overwritten; of two, one would stay.
    let malformed =
        scene.send("GET", "/mypage/", &[("cookie", "sid=school-a.ann.1; __Host-suimon-viewer=x")]).await;
    assert_eq!(malformed.status.as_u16(), 307);
    let both = format!("{}; __Host-suimon-viewer=x", cookies(ANN, Some(&ann)));
    assert_eq!(scene.send("GET", "/mypage/", &[("cookie", &both)]).await.status.as_u16(), 400);
}

#[tokio::test]
async fn what_was_done_is_not_done_twice() {
    let ann = tag("school-a", "ann");
    let scene = scene(declaration(), AfterWrite::SeeOther).await;
    let got = scene.post("/mypage/answers?set=school-a.ann.2", ANN).await;
    assert_eq!(
        (got.status.as_u16(), got.field("location")),
        (303, Some("/mypage/answers?set=school-a.ann.2"))
    );
    // What the system did to the session comes along.
    assert_eq!(got.all("set-cookie"), [&*handed_over(&ann), "sid=school-a.ann.2; Path=/; HttpOnly"]);
    assert_eq!(got.field("suimon-subject-tag"), Some("anonymous"));
    assert_eq!(scene.seen.targets().len(), 1);
    // An answer that leads elsewhere shows no page, and goes where it leads.
    let got = scene.post("/mypage/answers?status=302", "school-a.ann.2").await;
    assert_eq!((got.status.as_u16(), got.all("set-cookie")), (302, vec![&*handed_over(&ann)]));
    assert_eq!(got.field("suimon-subject-tag"), Some("anonymous"));
    let got =
        scene.send("POST", "/mypage/answers", &[("cookie", &cookies("school-a.ann.2", Some(&ann)))]).await;
    assert_eq!((got.status.as_u16(), got.field("suimon-subject-tag")), (200, Some(ann.as_str())));
}

#[tokio::test]
async fn scripts_that_sign_in_may_have_their_answer() {
    let scene = scene(declaration(), AfterWrite::Pass).await;
    let ann = tag("school-a", "ann");
    let got = scene.send("POST", "/sign-in?as=ann&of=school-a&set=school-a.ann.1", &[]).await;
    assert_eq!((got.status.as_u16(), got.body.as_str()), (200, "the page of ann"));
    assert_eq!(got.field("suimon-subject-tag"), Some("anonymous"));
    assert_eq!(got.all("set-cookie"), ["sid=school-a.ann.1; Path=/; HttpOnly", &*handed_over(&ann)]);
    assert_eq!(scene.get("/mypage/", ANN).await.status.as_u16(), 307);
}

/// The edge refuses an answer without a tag where it takes the path for personal, and it does so more often than the guard. So each
/// answer has one, the guard's own too, and a public one is nobody's.
#[tokio::test]
async fn every_answer_has_a_tag() {
    for mode in [Mode::Observe, Mode::Enforce] {
        let sign_in = ["sign-in".to_owned()].into();
        let scene = scene(Declaration { mode, sign_in, ..declaration() }, AfterWrite::SeeOther).await;
        let ann = cookies(ANN, Some(&tag("school-a", "ann")));
        for (target, cookie, wanted) in [
            ("/sign-in?silent", "", Some("anonymous")),
            ("/mypage/?nobody", "sid=school-a.ann.1", Some("anonymous")),
            ("/mypage/?silent", "sid=school-a.zoe.1", Some("anonymous")),
            ("/mypage/", &ann, Some(tag("school-a", "ann").as_str())),
            ("/mypage/?foreign-tag", &ann, Some(tag("school-a", "ann").as_str())),
            ("/mypage/x.css", &ann, Some("anonymous")),
            ("/nowhere?silent", "", Some("anonymous")),
            ("/assets/x", "", Some("anonymous")),
            ("/assets/x?silent", &ann, Some("anonymous")),
            ("/assets/%78?nobody", &ann, Some("anonymous")),
        ] {
            let got = scene.send("GET", target, &[("cookie", cookie)]).await;
            assert_eq!(got.field("suimon-subject-tag"), wanted, "{target}");
            assert!(got.all("set-cookie").iter().all(|cookie| !cookie.contains("0000")), "{target}");
        }
        if mode == Mode::Enforce {
            for (target, status) in [("/t/school-b/", 403), ("/mypage/?as=bob", 502)] {
                let got = scene.send("GET", target, &[("cookie", &ann)]).await;
                assert_eq!(
                    (got.status.as_u16(), got.field("suimon-subject-tag")),
                    (status, Some("anonymous"))
                );
            }
        }
        let claimed = [
            ("cookie", &*ann),
            ("suimon-subject-tag", "v1.k1.00000000000000000000000000000000"),
            ("te", "trailers"),
        ];
        let got = scene.send("GET", "/mypage/?trailers", &claimed).await;
        assert!(!got.trailers.contains_key("suimon-subject-tag"));
        assert!(!scene.seen.last().contains_key("suimon-subject-tag"));
    }
}

/// What the guard answers on its own paths is nobody's, and says so as everything else does.
#[tokio::test]
async fn the_guards_own_paths_have_a_tag() {
    use crate::admission;
    let time: guard::admission::Clock = Arc::new(|| Duration::from_secs(1_700_000_000));
    let (keys, told) = (admission::keys(&["a"]), admission::Told::default());
    let settings = admission::settings(10);
    let queue = guard::admission::Admission::new(settings, keys, admission::chance(1), time, told).unwrap();
    let identity = identity(declaration()).with_binding(ring(&[("k1", 1)]), AfterWrite::SeeOther);
    let scene = Scene::with(identity, |guard| {
        guard.with_admission(Arc::new(queue)).with_tripwire(crate::tripwire::quiet())
    })
    .await;
    for (method, path, status) in [
        ("GET", "status", 200),
        ("GET", "status/nowhere", 404),
        ("POST", "status", 405),
        ("GET", "tripwire.js", 200),
        ("POST", "tripwire.js", 405),
        ("GET", "not-shown", 200),
        ("POST", "report", 403),
        ("GET", "nothing", 404),
    ] {
        let got = scene.send(method, &format!("/.well-known/suimon/guard/{path}"), &[]).await;
        let tag = got.field("suimon-subject-tag");
        assert_eq!((got.status.as_u16(), tag), (status, Some("anonymous")), "{path}");
    }
    assert_eq!(scene.seen.targets().len(), 0);
}

/// A page that was declared public by mistake: whoever else asks for it holds another tag, and the edge refuses it.
#[tokio::test]
async fn a_public_answer_that_names_a_person_has_that_persons_tag() {
    let scene = scene(declaration(), AfterWrite::SeeOther).await;
    let ann = cookies(ANN, Some(&tag("school-a", "ann")));
    for (target, cookie, wanted) in [
        ("/assets/x", &*ann, tag("school-a", "ann").as_str()),
        ("/assets/x?as=bob", &ann, tag("school-a", "bob").as_str()),
        ("/assets/x?as=bob&of=school-a", "", tag("school-a", "bob").as_str()),
        ("/assets/x?twice", &ann, "anonymous"),
    ] {
        let got = scene.send("GET", target, &[("cookie", cookie)]).await;
        assert_eq!(got.field("suimon-subject-tag"), Some(wanted), "{target}");
        assert_eq!(got.field("cache-control"), Some(edge::policy::CACHE_CONTROL), "{target}");
        // Nobody becomes that person by it.
        assert_eq!((got.status.as_u16(), got.field("set-cookie")), (200, None), "{target}");
    }
    // One that the system set itself is not believed, and proves the same.
    let got = scene.send("GET", "/assets/x?silent&foreign-tag", &[]).await;
    assert_eq!(got.field("suimon-subject-tag"), Some("anonymous"));
    assert_eq!(got.field("cache-control"), Some(edge::policy::CACHE_CONTROL));
    // A client without cookies could never show a tag.
    let got = scene.send("GET", "/assets/x", &[("authorization", "Bearer school-a.ann.1")]).await;
    assert_eq!(got.field("suimon-subject-tag"), Some("anonymous"));
}

#[tokio::test]
async fn a_system_that_names_nobody_is_bound_by_session() {
    let unnamed =
        Declaration { subject_header: None, tenant_header: None, tenant_paths: Vec::new(), ..declaration() };
    let scene = scene(unnamed, AfterWrite::SeeOther).await;
    let first = scene.get("/mypage/", ANN).await;
    assert_eq!(first.status.as_u16(), 307);
    assert_eq!(scene.seen.targets().len(), 0);
    let cookie = first.field("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = scene.send("GET", "/mypage/", &[("cookie", &format!("sid={ANN}; {cookie}"))]).await;
    assert_eq!(page.status.as_u16(), 200);
    assert_eq!(Some(page.field("suimon-subject-tag").unwrap()), cookie.split_once('=').map(|(_, tag)| tag));
    // Nobody else's, and not the session itself.
    let other = scene.send("GET", "/mypage/", &[("cookie", &format!("sid=school-a.bob.1; {cookie}"))]).await;
    assert_eq!(other.status.as_u16(), 307);
    assert!(!cookie.contains("ann"));
}

#[tokio::test]
async fn a_client_without_cookies_is_sent_nowhere() {
    let scene = scene(declaration(), AfterWrite::SeeOther).await;
    // The second kind is known by something that is not declared, such as a certificate.
    for (field, target) in [
        ("Bearer school-a.ann.1", "/mypage/"),
        ("Bearer school-a.ann.1", "/mypage/"),
        ("Basic x", "/mypage/?as=ann"),
    ] {
        let got = scene.send("GET", target, &[("authorization", field)]).await;
        assert_eq!((got.status.as_u16(), got.field("suimon-subject-tag")), (200, Some("anonymous")));
        assert_eq!(got.all("set-cookie").len(), 1);
    }
}

/// Where a mix-up is only told, the answer has the tag of whom it is about, and the edge refuses it.
#[tokio::test]
async fn a_mix_up_that_passes_here_has_the_other_persons_tag() {
    let scene = scene(Declaration { mode: Mode::Audit, ..declaration() }, AfterWrite::SeeOther).await;
    let ann = cookies(ANN, Some(&tag("school-a", "ann")));
    scene.send("GET", "/mypage/", &[("cookie", &ann)]).await;
    let got = scene.send("GET", "/mypage/?as=bob", &[("cookie", &ann)]).await;
    assert_eq!(
        (got.status.as_u16(), got.field("suimon-subject-tag")),
        (200, Some(tag("school-a", "bob").as_str()))
    );
    assert_eq!(got.field("set-cookie"), None);
}

/// A redirect leads to no other host, however the path begins.
#[tokio::test]
async fn a_redirect_stays_here() {
    let scene = scene(declaration(), AfterWrite::SeeOther).await;
    for (target, location) in [("//evil.example/x", "/.//evil.example/x"), ("/mypage/a//b", "/mypage/a//b")] {
        let got = scene.get(target, ANN).await;
        assert_eq!((got.status.as_u16(), got.field("location")), (307, Some(location)));
    }
}

#[tokio::test]
async fn other_keys_refuse_nobody_whose_key_is_still_there() {
    let scene = scene(declaration(), AfterWrite::SeeOther).await;
    let old = tag("school-a", "ann");
    scene.identity.replace_keys(ring(&[("k2", 2), ("k1", 1)]));
    let got = scene.send("GET", "/mypage/", &[("cookie", &cookies(ANN, Some(&old)))]).await;
    assert_eq!((got.status.as_u16(), got.field("suimon-subject-tag")), (200, Some(old.as_str())));
    scene.identity.replace_keys(ring(&[("k2", 2)]));
    let got = scene.send("GET", "/mypage/", &[("cookie", &cookies(ANN, Some(&old)))]).await;
    assert_eq!(got.status.as_u16(), 307);
    assert!(got.field("set-cookie").unwrap().contains("v1.k2."));
}
