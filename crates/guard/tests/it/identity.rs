//! Whose request it is: what the guard learns of it from the system, and what it keeps apart.

use std::time::Duration;

use edge::Mode;
use edge::policy::Effect;
use guard::identity::{Carrier, Declaration, Kind};
use http::header::HeaderName;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::school::*;
use crate::stand::*;

fn in_mode(mode: Mode) -> Declaration {
    Declaration { mode, ..declaration() }
}

/// School A's admin asks for school B's page: once the guard knows who that is, the system does not hear of it.
#[tokio::test]
async fn a_schools_admin_stays_out_of_another_school() {
    let scene = Scene::new(identity(declaration())).await;
    let own = scene.get("/t/school-a/", "school-a.ann.1").await;
    assert_eq!((own.status.as_u16(), own.body.as_str()), (200, "the page of ann"));
    for (method, target) in [
        ("GET", "/t/school-b/"),
        ("POST", "/t/school-b/answers"),
        ("HEAD", "/t/school-b/"),
        ("GET", "/T/school-b/"),
    ] {
        let got = scene.send(method, target, &[("cookie", "sid=school-a.ann.1")]).await;
        assert_eq!(got.status.as_u16(), 403, "{method} {target}");
        assert_eq!(got.field("cache-control"), Some(edge::policy::CACHE_CONTROL));
    }
    // In another spelling it is the same session, behind a worthless one too.
    for session in ["sid=\"school-a.ann.1\"", "sid=school-a%2eann.1"] {
        assert_eq!(
            scene.send("GET", "/t/school-b/", &[("cookie", session)]).await.status.as_u16(),
            403,
            "{session}"
        );
    }
    let hidden = [("cookie", "sid=school-a.ann.1"), ("authorization", "Bearer worthless")];
    assert_eq!(scene.send("POST", "/t/school-b/", &hidden).await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets(), ["GET /t/school-a/"]);
    assert_eq!(scene.times(Kind::TenantOfPath), 7);
    assert_eq!(
        scene.told_of(Kind::TenantOfPath).len(),
        2,
        "one for `schools`, one for a path that no route covers"
    );
    assert_leak(Kind::TenantOfPath);
    // School B's own admin is none of that.
    assert_eq!(scene.get("/t/school-b/", "school-b.bob.1").await.status.as_u16(), 200);
}

/// A session that the guard does not know yet reaches the system; what it answers is looked at, and from then on it is known.
#[tokio::test]
async fn what_an_unknown_session_gets_is_looked_at() {
    let scene = Scene::new(identity(declaration())).await;
    let got = scene.get("/t/school-b/", "school-a.ann.1").await;
    assert_eq!(got.status.as_u16(), 403);
    assert!(!got.body.contains("ann"));
    assert_eq!(scene.get("/t/school-b/", "school-a.ann.1").await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 1);

    let careful = Scene::new(identity(Declaration { unknown_may_write: false, ..declaration() })).await;
    assert_eq!(careful.post("/t/school-a/", "school-a.ann.1").await.status.as_u16(), 403);
    assert_eq!(careful.seen.targets().len(), 0);
    assert_eq!(careful.times(Kind::UnknownWrites), 1);
    assert_eq!(careful.get("/t/school-a/", "school-a.ann.1").await.status.as_u16(), 200);
    assert_eq!(careful.post("/t/school-a/", "school-a.ann.1").await.status.as_u16(), 200);
    // Whoever has no session signs in; where there is no tenant there is nothing to keep apart.
    assert_eq!(careful.send("POST", "/t/school-a/", &[]).await.status.as_u16(), 200);
    assert_eq!(careful.post("/mypage/x", "school-a.zoe.1").await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_path_that_servers_read_differently_is_refused_with_a_session() {
    let scene = Scene::new(identity(declaration())).await;
    assert_eq!(scene.get("/t/school-a/", "school-a.ann.1").await.status.as_u16(), 200);
    for (target, status) in [
        ("/t/school-a/x/%252e%252e/%252e%252e/school-b", 404),
        ("//t/school-b/x", 403),
        ("/t/school-a;school-b/x", 403),
        ("/t%2fschool-b/x", 403),
        ("/;x/t/school-b", 403),
    ] {
        let got = scene.get(target, "school-a.ann.1").await;
        assert_eq!(got.status.as_u16(), status, "{target}");
    }
    assert_eq!(scene.seen.targets().len(), 1);
    assert_eq!(scene.times(Kind::TenantInDoubt), 1);
    // Nobody's request may be anything.
    assert_eq!(scene.send("GET", "/t/school-a;x/", &[]).await.status.as_u16(), 200);
}

/// Whoever has accounts with two tenants could plant a session of the one to hide that of the other behind it.
#[tokio::test]
async fn no_session_hides_one_of_another_tenant() {
    let carriers = vec![Carrier::Cookie("sid".into()), Carrier::Bearer];
    let scene = Scene::new(identity(Declaration { carriers, ..declaration() })).await;
    let of_a = ("authorization", "Bearer school-a.ann.1");
    assert_eq!(scene.send("GET", "/mypage/", &[of_a]).await.status.as_u16(), 200);
    // The system looks at the token, the guard at the cookie first.
    let planted = ("cookie", "sid=planted");
    let of_b = ("authorization", "Bearer school-b.bea.1");
    assert_eq!(scene.send("GET", "/mypage/", &[planted, of_b]).await.status.as_u16(), 200);
    assert_eq!(scene.seen.targets().len(), 2);
    assert_eq!(scene.send("POST", "/t/school-b/", &[planted, of_a]).await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 2, "the system did not hear of it");
    assert_eq!(scene.send("POST", "/t/school-b/", &[planted, of_b]).await.status.as_u16(), 200);
}

/// An application, or a cache before it, that gives one person the page of another.
#[tokio::test]
async fn an_answer_about_somebody_else_is_withheld() {
    let scene = Scene::new(identity(declaration())).await;
    assert_eq!(scene.get("/mypage/", "school-a.ann.1").await.status.as_u16(), 200);
    let got = scene.get("/mypage/?as=bob&set=school-a.bob.7", "school-a.ann.1").await;
    assert_eq!(got.status.as_u16(), 502);
    assert!(!got.body.contains("bob"), "{}", got.body);
    // Neither the other person's session nor the name.
    assert_eq!(got.field("set-cookie"), None);
    assert_eq!(got.field(SUBJECT), None);
    assert_eq!(scene.get("/mypage/?of=school-b", "school-a.ann.1").await.status.as_u16(), 502);
    // The session still belongs to whom it belonged.
    assert_eq!(scene.get("/mypage/?as=bob", "school-a.ann.1").await.status.as_u16(), 502);
    assert_eq!(scene.get("/mypage/", "school-a.ann.1").await.status.as_u16(), 200);
    let told = [(Some("mypage".to_owned()), Effect::Corrected)];
    assert_eq!(
        (scene.told_of(Kind::OtherSubject), scene.told_of(Kind::OtherTenant)),
        (told.to_vec(), told.to_vec())
    );
    assert_eq!((scene.times(Kind::OtherSubject), scene.times(Kind::OtherTenant)), (2, 1));
    // Who is named in two ways may be anybody.
    assert_eq!(scene.get("/mypage/?twice", "school-a.ann.1").await.status.as_u16(), 502);
    assert_eq!(scene.times(Kind::NameUnreadable), 1);
    // A public page may come out of a cache that the system itself has: it is not withheld. But it is one person's.
    for target in ["/assets/x?as=bob", "/assets/x", "/assets/x?twice"] {
        let got = scene.get(target, "school-a.ann.1").await;
        assert_eq!((got.status.as_u16(), got.field(SUBJECT)), (200, None), "{target}");
        assert_eq!(got.field("cache-control"), Some(edge::policy::CACHE_CONTROL), "{target}");
    }
    let proven = (Some("assets".to_owned()), edge::policy::Kind::PublicNamesSubject);
    assert_eq!(scene.told.rules(), [proven]);
    for target in ["/assets/x?silent", "/assets/x?nobody"] {
        let got = scene.get(target, "school-a.ann.1").await;
        assert_eq!(got.field("cache-control"), Some("public, max-age=3600"), "{target}");
    }
    assert_eq!(scene.get("/mypage/?silent", "school-a.ann.1").await.status.as_u16(), 200);
}

#[tokio::test]
async fn modes() {
    for (mode, effect) in [(Mode::Audit, Effect::Reported), (Mode::Observe, Effect::Measured)] {
        let scene = Scene::new(identity(in_mode(mode))).await;
        assert_eq!(scene.get("/t/school-a/", "school-a.ann.1").await.status.as_u16(), 200);
        for target in ["/t/school-b/", "/mypage/?as=bob", "/mypage/?twice", "/t/school-a/x/%252e%252e/y"] {
            let got = scene.get(target, "school-a.ann.1").await;
            assert_eq!(got.status.as_u16(), 200, "{target}");
            // Whatever the mode.
            assert_eq!((got.field(SUBJECT), got.field(TENANT)), (None, None));
        }
        let twice = scene.send("GET", "/mypage/", &[("cookie", "sid=school-a.ann.1; sid=x")]).await;
        assert_eq!(twice.status.as_u16(), 200);
        for kind in [
            Kind::TenantOfPath,
            Kind::OtherSubject,
            Kind::NameUnreadable,
            Kind::TenantInDoubt,
            Kind::SessionInDoubt,
        ] {
            let counted: Vec<Effect> = scene
                .identity
                .counts()
                .iter()
                .filter(|count| count.kind == kind)
                .map(|count| count.effect)
                .collect();
            assert_eq!(counted, [effect], "{kind:?}");
            assert_eq!(scene.told_of(kind).len(), usize::from(mode == Mode::Audit));
        }
    }
    // By route; a path without one has the strictest.
    let modes = [("mypage".to_owned(), Mode::Observe)].into();
    let scene = Scene::new(identity(Declaration { modes, ..declaration() })).await;
    scene.get("/mypage/", "school-a.ann.1").await;
    assert_eq!(scene.get("/mypage/?as=bob", "school-a.ann.1").await.status.as_u16(), 200);
    assert_eq!(scene.get("/elsewhere?as=bob", "school-a.ann.1").await.status.as_u16(), 502);
}

/// What names people and schools stays between the system and the guard.
#[tokio::test]
async fn names_never_leave_and_never_come_in() {
    for mode in [Mode::Observe, Mode::Enforce] {
        let scene = Scene::new(identity(in_mode(mode))).await;
        let claims = [
            ("x-person", "root"),
            ("x-school", "school-b"),
            ("x_person", "root"),
            ("X_School", "school-b"),
            ("cookie", "sid=school-a.ann.1"),
            ("te", "trailers"),
        ];
        for (target, http2) in [
            ("/mypage/?trailers", false),
            ("/mypage/?trailers", true),
            ("/assets/x?trailers", false),
            ("/nowhere?trailers&status=500", false),
        ] {
            let got = scene.send_with(client(http2), "GET", target, &claims).await;
            for fields in [&got.fields, &got.trailers, &scene.seen.last()] {
                let leaked =
                    |name: &&HeaderName| name.as_str().contains("person") || name.as_str().contains("school");
                assert_eq!(fields.keys().find(leaked), None, "{target}");
            }
            assert!(got.trailers.contains_key("x-kept"), "{target} {:?}", got.trailers);
            // Without binding a tag is what the system makes of it, unless the caching rules mind.
            assert!(got.trailers.contains_key("suimon-subject-tag"));
        }
        assert_eq!(scene.times(Kind::IdentityClaimed), 4);
        assert!(scene.told_of(Kind::IdentityClaimed).iter().all(|(_, effect)| *effect == Effect::Corrected));
    }
}

/// A client that puts names into the trailers of its request.
#[tokio::test]
async fn names_in_a_requests_trailers_do_not_come_in() {
    let (recorder, address) = Recorder::start().await;
    let guard = std::sync::Arc::new(
        guard(settings(address)).with_identity(std::sync::Arc::new(identity(declaration()))),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = Running::of(guard, listener, None);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let sent = "POST /mypage/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: x-person, x-kept\r\n\r\n\
                2\r\nhi\r\n0\r\nX-Person: root\r\nX-School: b\r\nX-Kept: 1\r\n\r\n";
    stream.write_all(sent.as_bytes()).await.unwrap();
    until(&mut stream, "ok").await;
    let request = recorder.requests().remove(0).to_lowercase();
    assert!(request.contains("x-kept: 1"), "{request}");
    assert!(!request.contains("x-person: root") && !request.contains("x-school"), "{request}");
}

/// Names do not leave with the answer that opens a tunnel either, and a tunnel of another school's is not opened.
#[tokio::test]
async fn tunnels_are_kept_apart_too() {
    let address = by_hand(|mut stream, _| async move {
        until(&mut stream, "\r\n\r\n").await;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                      X-Person: ann\r\nX-School: school-a\r\n\r\nhello";
        let _ = stream.write_all(answer.as_bytes()).await;
        rest(&mut stream).await;
    })
    .await;
    let guard = std::sync::Arc::new(
        guard(settings(address)).with_identity(std::sync::Arc::new(identity(declaration()))),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = Running::of(guard, listener, None);
    let ask = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: a.example\r\nCookie: sid=1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(ask("/t/school-a/live").as_bytes()).await.unwrap();
    let read = until(&mut stream, "hello").await.to_lowercase();
    assert!(
        read.starts_with("http/1.1 101") && !read.contains("x-person") && !read.contains("x-school"),
        "{read}"
    );
    let mut other = TcpStream::connect(running.address).await.unwrap();
    other.write_all(ask("/t/school-b/live").replace("sid=1", "sid=2").as_bytes()).await.unwrap();
    let read = until(&mut other, "signed in").await;
    assert!(read.starts_with("HTTP/1.1 403") && !read.contains("hello"), "{read}");
    // Known by now: the system is not asked.
    let mut again = TcpStream::connect(running.address).await.unwrap();
    again.write_all(ask("/t/school-b/live").as_bytes()).await.unwrap();
    assert!(until(&mut again, "signed in").await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn a_session_that_is_sent_twice_is_nobodys() {
    let scene = Scene::new(identity(declaration())).await;
    assert_eq!(scene.get("/mypage/", "school-a.ann.1").await.status.as_u16(), 200);
    for fields in [
        &[("cookie", "sid=school-a.ann.1; sid=school-b.bob.1")][..],
        &[("cookie", "sid=school-a.ann.1"), ("cookie", "sid=school-b.bob.1")],
        &[("cookie", "sid=school-a.ann.1; SID=school-b.bob.1")],
        &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
    ] {
        for http2 in [false, true] {
            let got = scene.send_with(client(http2), "GET", "/mypage/", fields).await;
            assert_eq!(got.status.as_u16(), 400, "{fields:?}");
            assert!(!got.body.contains("ann"));
        }
        // A public page is the same for everybody, whoever that is.
        let public = scene.send("GET", "/assets/x", fields).await;
        assert_eq!(public.status.as_u16(), 200);
    }
    assert_eq!(scene.times(Kind::SessionInDoubt), 8);
    assert_eq!(scene.seen.targets().iter().filter(|target| target.contains("mypage")).count(), 1);
}

#[tokio::test]
async fn who_signs_in_anew_is_somebody_else() {
    let scene = Scene::new(identity(declaration())).await;
    assert_eq!(scene.get("/t/school-a/", "school-a.ann.1").await.status.as_u16(), 200);
    assert_eq!(scene.identity.sessions(), 1);
    // Bob signs in with Ann's browser: her session ends, and his begins under whom the system names.
    let got = scene.post("/mypage/?as=bob&of=school-b&set=school-b.bob.1", "school-a.ann.1").await;
    assert_eq!(got.status.as_u16(), 200);
    assert_eq!(got.field("set-cookie"), Some("sid=school-b.bob.1; Path=/; HttpOnly"));
    assert_eq!(scene.identity.sessions(), 1);
    assert_eq!(scene.get("/t/school-a/", "school-b.bob.1").await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 2);
    // What Ann's session was is forgotten: the system is asked whose it is.
    scene.get("/t/school-b/?silent", "school-a.ann.1").await;
    assert_eq!(scene.seen.targets().len(), 3);
    // A value that is set anew and is the same changes nothing.
    scene.get("/mypage/?set=school-b.bob.1&silent", "school-b.bob.1").await;
    assert_eq!(scene.get("/t/school-a/", "school-b.bob.1").await.status.as_u16(), 403);
    // Signing out, by an empty cookie or by saying that nobody is there.
    for out in ["/mypage/?silent&set=", "/mypage/?nobody"] {
        scene.get("/mypage/", "school-b.bob.1").await;
        assert_eq!(scene.identity.sessions(), 1);
        assert_eq!(scene.get(out, "school-b.bob.1").await.status.as_u16(), 200);
        assert_eq!(scene.identity.sessions(), 0, "{out}");
    }
    // A public answer that ends the session ends it here, too.
    scene.get("/mypage/", "school-b.bob.1").await;
    scene.get("/assets/x?set=", "school-b.bob.1").await;
    assert_eq!(scene.identity.sessions(), 0);
    assert_eq!(scene.times(Kind::OtherSubject), 0);
}

/// Session fixation: somebody plants their own session in another person's browser, who signs in with it.
#[tokio::test]
async fn a_planted_session_signs_nobody_in() {
    let sign_in = ["sign-in".to_owned()].into();
    let scene = Scene::new(identity(Declaration { sign_in, ..declaration() })).await;
    // Mallory's session is known; the system keeps its value when Ann signs in with it.
    scene.get("/mypage/", "school-m.mallory.1").await;
    let got = scene.post("/sign-in?as=ann&of=school-a", "school-m.mallory.1").await;
    assert_eq!(got.status.as_u16(), 502);
    assert_eq!(scene.times(Kind::OtherSubject), 1);
    // One that nobody was signed in with cannot be told from a new one; that the system keeps it is told.
    let got = scene.post("/sign-in?as=ann&of=school-a", "school-p.planted.1").await;
    assert_eq!(got.status.as_u16(), 200);
    assert_eq!(scene.told_of(Kind::SessionKept), [(Some("sign-in".to_owned()), Effect::Reported)]);
    // With a new session it is as it should be, on a path of any tenant, and only where signing in is declared.
    let got = scene.post("/sign-in?as=ann&of=school-a&set=school-a.ann.2", "school-m.mallory.1").await;
    assert_eq!(got.status.as_u16(), 200);
    assert_eq!(scene.times(Kind::SessionKept), 1);
    let got = scene.post("/mypage/?as=bob&of=school-b&set=school-b.bob.1", "school-a.ann.2").await;
    assert_eq!(got.status.as_u16(), 502);
}

/// Where the system names nobody there is nothing to compare, and that is told.
#[tokio::test]
async fn a_person_whom_nobody_names_is_told_of() {
    let scene = Scene::new(identity(declaration())).await;
    for target in [
        "/mypage/?silent",
        "/mypage/?silent",
        "/mypage/?nobody",
        "/mypage/?silent&status=404",
        "/assets/x?silent",
    ] {
        scene.get(target, "school-a.ann.1").await;
    }
    scene.send("GET", "/mypage/?silent", &[]).await;
    assert_eq!(scene.times(Kind::PersonUnknown), 2);
    assert_eq!(scene.told_of(Kind::PersonUnknown), [(Some("mypage".to_owned()), Effect::Reported)]);
    // Once named, an answer need not name again.
    scene.get("/mypage/", "school-a.ann.1").await;
    scene.get("/mypage/?silent", "school-a.ann.1").await;
    assert_eq!(scene.times(Kind::PersonUnknown), 2);
}

#[tokio::test]
async fn bearers_are_sessions_too() {
    let scene = Scene::new(identity(declaration())).await;
    let bearer = [("authorization", "Bearer school-a.ann.1")];
    assert_eq!(scene.send("GET", "/t/school-a/", &bearer).await.status.as_u16(), 200);
    assert_eq!(scene.send("GET", "/t/school-b/", &bearer).await.status.as_u16(), 403);
    // The same value in a cookie is another session.
    scene.get("/t/school-b/?silent", "school-a.ann.1").await;
    assert_eq!(scene.seen.targets().len(), 2);
}

#[tokio::test]
async fn a_full_table_forgets_who_was_seen_longest_ago() {
    let scene = Scene::new(identity_with(declaration(), memory(2, Duration::from_secs(600)))).await;
    for name in ["ann", "bob", "cid"] {
        assert_eq!(scene.get("/t/school-a/", &format!("school-a.{name}.1")).await.status.as_u16(), 200);
    }
    assert_eq!(scene.identity.sessions(), 2);
    // Ann is forgotten, so the system hears of her, and what it says is looked at as at the first time.
    assert_eq!(scene.get("/t/school-b/", "school-a.ann.1").await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 4);
    // Now Bob is the one.
    assert_eq!(scene.get("/t/school-b/", "school-a.cid.1").await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 4);
    assert_eq!(scene.identity.sessions(), 2);
}

#[tokio::test]
async fn an_idle_session_is_forgotten() {
    let scene = Scene::new(identity_with(declaration(), memory(10, Duration::from_secs(2)))).await;
    scene.get("/t/school-a/", "school-a.ann.1").await;
    assert_eq!(scene.get("/t/school-b/", "school-a.ann.1").await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 1);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(scene.get("/t/school-b/", "school-a.ann.1").await.status.as_u16(), 403);
    assert_eq!(scene.seen.targets().len(), 2);
}

#[tokio::test]
async fn another_declaration_begins_anew() {
    let scene = Scene::new(identity(declaration())).await;
    scene.get("/t/school-a/", "school-a.ann.1").await;
    scene.get("/t/school-b/", "school-a.ann.1").await;
    // The same again changes nothing.
    assert_eq!(scene.identity.replace("d1", declaration()).unwrap().len(), 1);
    assert_eq!((scene.identity.sessions(), scene.times(Kind::TenantOfPath)), (1, 1));
    let before = scene.identity.replace("d1", in_mode(Mode::Audit)).unwrap();
    assert_eq!(before.iter().map(|count| count.times).collect::<Vec<_>>(), [1]);
    assert_eq!((scene.identity.sessions(), scene.identity.counts().len()), (0, 0));
    assert_eq!(scene.get("/t/school-b/", "school-a.ann.1").await.status.as_u16(), 200);
    // What is wrong changes nothing.
    assert!(scene.identity.replace("d1", Declaration::default()).is_err());
    assert_eq!(scene.times(Kind::TenantOfPath), 1);
}
