//! What is marked, and how.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use edge::Mode;
use edge::identity::{Tag, VIEWER_COOKIE};
use guard::tripwire::{Blindness, Event, Limits};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::*;

#[tokio::test]
async fn a_page_says_for_whom_it_was_made() {
    let body = "<!doctype html><html><head><title>A</title></head><body>A</body></html>";
    let fields = &[HTML, ("digest", "sha-256=a"), ("accept-ranges", "bytes"), ("suimon-response", "forged")];
    let scene = Scene::new(page(fields, body).await).await;
    let answer = scene.get("/mypage/1", &[("cookie", &cookie('a'))]).await;
    let mark = mark(&answer);
    let parts: Vec<&str> = mark.split('.').collect();
    assert_eq!((parts[0], parts[1], parts[4]), ("v1", "00".repeat(16).as_str(), "e"));
    assert_eq!(parts[2], check(parts[1], &value('a')));
    assert_eq!(answer.headers().get_all("suimon-response").iter().count(), 1);
    for gone in ["content-length", "digest", "accept-ranges"] {
        assert!(!answer.headers().contains_key(gone), "{gone}");
    }
    let page = String::from_utf8(answer.into_body()).unwrap();
    let meta =
        format!("<!doctype html><html><head><meta name=\"suimon-response\" content=\"{mark}\">{FIRST}");
    assert!(page.starts_with(&meta), "{page}");
    let script = page[page.find("src=\"").unwrap() + 5..].split('"').next().unwrap().to_owned();
    assert!(page.ends_with(&format!("{script}\"></script><title>A</title></head><body>A</body></html>")));

    // The script, which may be kept under its own name alone.
    let answer = scene.get(&script, &[]).await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"text/javascript; charset=utf-8".parse().unwrap())
    );
    assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert!(String::from_utf8_lossy(answer.body()).contains("suimon-viewer"));
    let old = scene.get("/.well-known/suimon/guard/tripwire.0123456789abcdef.js", &[]).await;
    assert_eq!((&old.headers()["cache-control"], old.body()), (&"no-store".parse().unwrap(), answer.body()));
    let head = scene.ask("HEAD", &script, &[], "").await;
    assert_eq!(head.headers()["content-length"].to_str().unwrap(), answer.body().len().to_string());
    assert_eq!(scene.ask("POST", &script, &[], "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!((scene.times(Event::Marked), scene.times(Event::PageMarked)), (1, 1));
}

#[tokio::test]
async fn who_has_no_cookie_gets_a_page_made_for_nobody() {
    let scene = Scene::new(page(&[HTML], "A").await).await;
    for sent in ["x=1", &format!("{VIEWER_COOKIE}=nonsense"), &format!("{}; {}", cookie('a'), cookie('b'))] {
        let mark = mark(&scene.get("/mypage/1", &[("cookie", sent)]).await);
        let parts: Vec<&str> = mark.split('.').collect();
        assert_eq!(parts[2], check(parts[1], ""), "{sent}");
    }
    assert_eq!(scene.times(Event::MarkedForNobody), 3);
    // Nothing that a cache could hand on makes a viewer.
    assert!(!scene.get("/mypage/1", &[]).await.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn public_pages_and_the_guards_own_are_not_marked() {
    let scene = Scene::new(page(&[HTML, ("suimon-response", "forged")], "<head>").await).await;
    for target in ["/", "/mypage/x.css", "/.well-known/suimon/guard/", "/.well-known/suimon/guard/other"] {
        let answer = scene.get(target, &[]).await;
        assert!(!answer.headers().contains_key("suimon-response"), "{target}");
        assert!(!String::from_utf8_lossy(answer.body()).contains("suimon"), "{target}");
        assert_eq!(answer.status() == StatusCode::OK, target == "/", "{target}");
    }
}

#[tokio::test]
async fn whatever_is_no_page_is_marked_in_its_header_alone() {
    for (fields, body) in [
        (&[("content-type", "application/json"), ("content-md5", "a")][..], "{\"name\":\"<head>\"}"),
        (&[HTML, ("content-disposition", "attachment")], "<head>"),
        (&[("content-type", "text/plain")], "<head>"),
    ] {
        let scene = Scene::new(page(fields, body).await).await;
        let answer = scene.get("/mypage/1", &[("cookie", &cookie('a'))]).await;
        assert_eq!((mark(&answer).len(), answer.body().as_slice()), (103, body.as_bytes()), "{fields:?}");
        assert_eq!(answer.headers()["content-length"].to_str().unwrap(), body.len().to_string());
        assert_eq!(
            answer.headers().contains_key("content-md5"),
            fields.len() > 1 && fields[1].0 == "content-md5"
        );
        assert_eq!(scene.blind(), []);
    }
}

#[tokio::test]
async fn pages_that_cannot_be_marked_leave_as_they_came_and_are_told_of() {
    let (shift_jis, ..) = encoding_rs::ISO_2022_JP.encode("<head>表示");
    let shift_jis: &'static [u8] = Box::leak(shift_jis.into_owned().into_boxed_slice());
    for (fields, body, why) in [
        (&[HTML, ("content-encoding", "br")][..], &b"\x0b\x02\x80<head>\x03"[..], Blindness::Coding),
        (&[("content-type", "text/html; charset=iso-2022-jp")], shift_jis, Blindness::Encoding),
        (&[("content-type", "text/html")], b"\xff\xfe<\0h\0e\0a\0d\0>\0", Blindness::Encoding),
        (&[("content-type", "application/xhtml+xml")], b"<html/>", Blindness::Type),
        (&[], b"<html>", Blindness::Type),
        (&[HTML, ("content-security-policy", "script-src 'none'")], b"<head>", Blindness::Policy),
    ] {
        let scene = Scene::new(page(fields, body).await).await;
        for _ in 0..2 {
            let answer = scene.get("/mypage/1", &[("cookie", &cookie('a'))]).await;
            assert_eq!(answer.body().as_slice(), body, "{why:?}");
            assert_eq!(mark(&answer).len(), 103);
            // Nothing is weakened.
            if why == Blindness::Policy {
                assert_eq!(answer.headers()["content-security-policy"], "script-src 'none'");
            }
        }
        assert_eq!(scene.times(Event::Blind(why)), 2);
        assert_eq!(scene.blind(), [(Some("mypage".to_owned()), why)], "told once");
    }
}

#[tokio::test]
async fn a_policy_that_names_a_nonce_is_kept() {
    let policy =
        ("content-security-policy", "script-src 'nonce-abc123' 'strict-dynamic'; connect-src 'none'");
    let fields: &'static [_] = Box::leak(Box::new([HTML, policy]));
    let scene = Scene::new(page(fields, "<head>").await).await;
    let answer = scene.get("/mypage/1", &[]).await;
    assert!(String::from_utf8_lossy(answer.body()).contains(".js\" nonce=\"abc123\"></script>"));
    assert_eq!(answer.headers()["content-security-policy"], policy.1);
    assert_eq!(scene.blind(), [(Some("mypage".to_owned()), Blindness::Mute)]);
}

#[tokio::test]
async fn pages_in_japanese_encodings_read_as_before() {
    for (charset, encoding) in [("Shift_JIS", encoding_rs::SHIFT_JIS), ("EUC-JP", encoding_rs::EUC_JP)] {
        let text = "<html><head><title>申込の一覧 能ソ表</title></head><body>山田 花子</body></html>";
        let (body, ..) = encoding.encode(text);
        let kind: &'static str = Box::leak(format!("text/html; charset={charset}").into_boxed_str());
        let fields: &'static [_] = Box::leak(Box::new([("content-type", kind)]));
        let scene = Scene::new(page(fields, body.into_owned()).await).await;
        let answer = scene.get("/mypage/1", &[]).await;
        assert_eq!(answer.headers()["content-type"], kind);
        let (read, _, broken) = encoding.decode(answer.body());
        let (before, after) = (read.find("<meta").unwrap(), read.find("</script>").unwrap() + 9);
        assert!(!broken);
        assert_eq!(format!("{}{}", &read[..before], &read[after..]), text);
    }
}

#[tokio::test]
async fn pages_in_gzip_stay_in_gzip_and_the_origin_is_asked_for_no_other() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    let origin = origin(move |request: Request<_>| {
        kept.lock().unwrap().push(request.headers().get("accept-encoding").cloned());
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all("<head>A".repeat(10_000).as_bytes()).unwrap();
        let answer =
            Response::builder().header("content-type", "text/html").header("content-encoding", "gzip");
        let answer = answer.body(full(encoder.finish().unwrap())).unwrap();
        async move { answer }
    })
    .await;
    let html = ("accept", "text/html");
    let scene = Scene::new(origin).await;
    let answer = scene.get("/mypage/1", &[html, ("accept-encoding", "br, gzip")]).await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let mut page = String::new();
    flate2::read::GzDecoder::new(answer.body().as_slice()).read_to_string(&mut page).unwrap();
    assert!(page.starts_with("<head><meta ") && page.len() > 70_000 && answer.body().len() < 7_000);
    scene.get("/mypage/1", &[html, ("accept-encoding", "br")]).await;
    scene
        .get("/mypage/1", &[("accept", "*/*"), ("sec-fetch-dest", "empty"), ("accept-encoding", "br")])
        .await;
    // Never marked.
    scene.get("/", &[html, ("accept-encoding", "br, gzip")]).await;
    let asked: Vec<_> =
        asked.lock().unwrap().iter().flatten().map(|value| value.to_str().unwrap().to_owned()).collect();
    assert_eq!(asked, ["gzip", "identity", "br", "br, gzip"]);

    // No place among those that are coded at once: plain.
    let scene = Scene::with(origin, Mode::Enforce, Limits { recoded: 0, ..Limits::default() }).await;
    let answer = scene.get("/mypage/1", &[html, ("accept-encoding", "gzip")]).await;
    assert!(!answer.headers().contains_key("content-encoding"));
    assert!(answer.body().starts_with(b"<head><meta ") && answer.body().len() > 70_000);
}

#[tokio::test]
async fn gzip_that_breaks_off_is_no_whole_page() {
    let fields: &[_] = &[HTML, ("content-encoding", "gzip")];
    for body in [&b"no gzip at all"[..], b"\x1f\x8b\x08\0\0\0\0\0\0\xff"] {
        let scene = Scene::new(page(fields, body).await).await;
        let asked = request("GET", &scene.running, "/mypage/1", full(""));
        // It breaks off before or within its body.
        if let Ok(answer) = soon(client(false).request(asked)).await {
            assert!(soon(answer.into_body().collect()).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_page_streams_and_keeps_its_trailers() {
    let (sender, body) = piecewise();
    let body = Arc::new(Mutex::new(Some(body)));
    let origin = origin(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        let answer =
            Response::builder().header("content-type", "text/html").header("trailer", "x-sum, repr-digest");
        let answer = answer.body(body).unwrap();
        async move { answer }
    })
    .await;
    let mut sender = sender;
    let scene = Scene::new(origin).await;
    sender.send_data("<html><head>first".into()).await.unwrap();
    let mut asked = request("GET", &scene.running, "/mypage/1", full(""));
    asked.headers_mut().insert("te", "trailers".parse().unwrap());
    let mut answer = soon(client(true).request(asked)).await.unwrap().into_body();
    // Before the origin has sent the rest.
    let begin = piece(&mut answer).await;
    assert!(begin.starts_with(b"<html><head><meta ") && begin.ends_with(b"</script>first"), "{begin:?}");
    sender.send_data("second".into()).await.unwrap();
    assert_eq!(piece(&mut answer).await, "second");
    let trailers = HeaderMap::from_iter([
        ("x-sum".parse().unwrap(), "1".parse().unwrap()),
        ("repr-digest".parse().unwrap(), "a".parse().unwrap()),
    ]);
    sender.send_trailers(trailers).await.unwrap();
    drop(sender);
    let (rest, trailers) = whole_body(answer).await;
    assert_eq!((rest.len(), trailers.len()), (0, 1), "{trailers:?}");
    assert_eq!(trailers["x-sum"], "1");
}

#[tokio::test]
async fn answers_without_a_page_of_their_own() {
    let origin = origin(|request: Request<_>| async move {
        let status = request.uri().query().unwrap().parse::<u16>().unwrap();
        let mut answer =
            Response::builder().status(status).header("content-type", "text/html").header("etag", "\"1\"");
        if status == 206 {
            answer = answer.header("content-range", "bytes 0-5/100");
        }
        if status == 302 {
            answer = answer.header("location", "/mypage/2");
        }
        let body = if [204, 304].contains(&status) { "" } else { "<head>" };
        answer.body(full(body)).unwrap()
    })
    .await;
    let scene = Scene::new(origin).await;
    for (method, query, marked, status) in [
        ("GET", 204, true, 204),
        ("GET", 206, true, 206),
        ("GET", 302, false, 302),
        // A personal answer that nobody can have asked for.
        ("GET", 304, false, 502),
        // Caches would put its header on what they hold.
        ("HEAD", 200, false, 200),
        ("GET", 500, true, 500),
    ] {
        let answer = scene.ask(method, &format!("/mypage/1?{query}"), &[], "").await;
        assert_eq!(answer.status(), status, "{method} {query}");
        assert_eq!(answer.headers().contains_key("suimon-response"), marked, "{method} {query}");
        let in_page = String::from_utf8_lossy(answer.body()).contains("suimon");
        assert_eq!(in_page, query == 500, "{method} {query}");
        if method == "HEAD" {
            assert!(!answer.headers().contains_key("content-length"), "what GET would give has another");
        }
    }
    assert_eq!(scene.blind(), [(Some("mypage".to_owned()), Blindness::Partial)]);
}

#[tokio::test]
async fn the_parameter_for_caches_never_reaches_the_origin() {
    let (recorder, origin) = Recorder::start().await;
    let scene = Scene::new(origin).await;
    scene.get("/mypage/1?a=1&suimon-fresh=0123456789abcdef&b=2", &[]).await;
    scene.get("/mypage/1?suimon-fresh=0123456789abcdef", &[]).await;
    scene.get("/mypage/1?suimon-fresh=mine", &[]).await;
    let lines: Vec<_> =
        recorder.requests().iter().map(|read| read.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        lines,
        [
            "GET /mypage/1?a=1&b=2 HTTP/1.1",
            "GET /mypage/1 HTTP/1.1",
            "GET /mypage/1?suimon-fresh=mine HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn the_notice_is_the_same_for_everybody() {
    let scene = Scene::new(page(&[HTML], "A").await).await;
    let path = "/.well-known/suimon/guard/not-shown";
    let answer = scene.get(path, &[("cookie", &cookie('a'))]).await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &HTML.1.parse().unwrap())
    );
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
    assert!(!answer.headers().contains_key("suimon-response"));
    let text = String::from_utf8_lossy(answer.body());
    assert!(
        text.contains(FIRST.trim_end_matches("tripwire."))
            && text.contains("別の方")
            && !text.contains("SCRIPT")
    );
    assert_eq!(scene.ask("POST", path, &[], "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(scene.ask("HEAD", path, &[], "").await.body().len(), 0);
}

/// What the script makes is what the rest of the guard takes for a viewer's tag.
#[test]
fn a_nonce_is_a_tag() {
    let tag = Tag::parse(&value('a')).unwrap();
    assert_eq!(tag.key_id(), guard::tripwire::NONCE);
}
