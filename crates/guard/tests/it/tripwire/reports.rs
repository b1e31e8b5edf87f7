//! Which reports are believed, and what they tell.

use std::time::{Duration, SystemTime};

use capacity::admission::Rate;
use edge::Mode;
use edge::identity::VIEWER_COOKIE;
use guard::tripwire::{Event, How, Limits};
use http::StatusCode;

use super::*;

#[tokio::test]
async fn a_report_names_whose_response_was_seen_and_by_whom() {
    let scene = Scene::new(page(&[HTML], "<head>").await).await;
    let mark = scene.mark_of_a().await;
    // B is known by another page.
    scene.get("/mypage/2", &[("cookie", &format!("sid=B; {}", cookie('b')))]).await;
    assert_eq!(scene.report(&mark, Some('b'), "page").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.report(&mark, Some('b'), "fetch").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.report(&mark, Some('c'), "fetch").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(scene.report(&mark, None, "page").await.status(), StatusCode::NO_CONTENT);
    let seen = scene.seen.sightings.lock().unwrap().clone();
    let told: Vec<_> = seen
        .iter()
        .map(|one| {
            (one.owner.as_deref(), one.viewer_owner.as_deref(), one.first, one.how, one.viewer.is_some())
        })
        .collect();
    let a = Some("hash of A");
    assert_eq!(
        told,
        [
            (a, Some("hash of B"), true, How::Page, true),
            (a, None, false, How::Fetch, true),
            (a, None, false, How::Page, false)
        ]
    );
    let one = &seen[0];
    assert_eq!(one.response_id.to_string(), "00".repeat(16));
    assert_eq!((one.known, one.route.as_deref(), one.mode), (true, Some("mypage"), Mode::Enforce));
    assert_eq!(one.made_at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
    assert!(one.made_for.is_some() && one.made_for != one.viewer && !one.is_of_one_person());
    assert_eq!((scene.times(Event::Sighted), scene.times(Event::Repeated)), (3, 1));
    // A's own other browser.
    scene.get("/mypage/2", &[("cookie", &format!("sid=A; {}", cookie('d')))]).await;
    scene.report(&mark, Some('d'), "page").await;
    assert!(scene.seen.sightings.lock().unwrap().last().unwrap().is_of_one_person());
}

#[tokio::test]
async fn reports_that_are_not_believed() {
    let scene = Scene::new(page(&[HTML], "<head>").await).await;
    let mark = scene.mark_of_a().await;
    let good = report_of(&mark, &value('b'), "page");
    let forged = mark.replacen("00", "01", 1);
    let of_nobody = super::mark(&scene.get("/mypage/1", &[]).await);
    let tag = value('b').replace("nonce", "k1");
    let with = |key: &str, value: serde_json::Value| {
        let mut report: serde_json::Value = serde_json::from_str(&good).unwrap();
        report[key] = value;
        report.to_string()
    };
    for (body, viewer, fields, status) in [
        (good.clone(), 'b', &[("sec-fetch-site", "cross-site")][..], 403),
        (good.clone(), 'b', &[("sec-fetch-site", "same-site")], 403),
        (good.clone(), 'b', &[("sec-fetch-site", "")], 403),
        (good.clone(), 'b', &[("sec-fetch-site", ""), ("origin", "https://evil.example")], 403),
        (good.clone(), 'b', &[("content-type", "text/plain")], 415),
        (good.clone(), 'b', &[("content-type", "")], 415),
        // Of another browser than the one that sends it.
        (good.clone(), 'c', &[], 400),
        (good.clone(), 'b', &[("cookie", "x=1")], 400),
        // One's own page, and one that was made for nobody.
        (report_of(&mark, &value('a'), "page"), 'a', &[], 400),
        (report_of(&of_nobody, &tag, "page"), 'b', &[("cookie", &format!("{VIEWER_COOKIE}={tag}"))], 400),
        (report_of(&forged, &value('b'), "page"), 'b', &[], 403),
        (report_of("v2.x", &value('b'), "page"), 'b', &[], 400),
        (with("how", "guess".into()), 'b', &[], 400),
        (with("more", 1.into()), 'b', &[], 400),
        (with("viewer", "A".repeat(32).into()), 'b', &[], 400),
        (with("mark", format!("{mark}{}", " ".repeat(600)).into()), 'b', &[], 413),
        ("[".repeat(400), 'b', &[], 400),
        (String::new(), 'b', &[], 400),
    ] {
        let answer = scene.report_as(&body, Some(viewer), fields).await;
        assert_eq!(answer.status(), status, "{body} {fields:?}");
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("no-store"));
        assert!(!String::from_utf8_lossy(answer.body()).contains("v1."), "nothing of it comes back");
    }
    let two = format!("{}; {}", cookie('b'), cookie('c'));
    assert_eq!(scene.report_as(&good, None, &[("cookie", &two)]).await.status(), 400);
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        let answer = scene.ask(method, REPORT, &[("sec-fetch-site", "same-origin")], "").await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
    assert_eq!((scene.seen.sightings.lock().unwrap().len(), scene.times(Event::Sighted)), (0, 0));
    // And the good one was never spent by these.
    assert_eq!(scene.report_as(&good, Some('b'), &[]).await.status(), 204);
    // A browser that says only where its page came from.
    let report = report_of(&mark, &value('c'), "page");
    let origin = format!("http://{}", scene.running.address);
    let old = [("sec-fetch-site", ""), ("origin", origin.as_str())];
    assert_eq!(scene.report_as(&report, Some('c'), &old).await.status(), 204);
}

#[tokio::test]
async fn too_many_reports() {
    let limits = Limits { of_network: (Rate::per_minute(1), 2), ..Limits::default() };
    let scene = Scene::with(page(&[HTML], "<head>").await, Mode::Observe, limits).await;
    let mark = scene.mark_of_a().await;
    assert!(mark.ends_with(".o"));
    for (viewer, status) in [('b', 204), ('c', 204), ('d', 429)] {
        let answer = scene.report(&mark, Some(viewer), "page").await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
    }
    assert_eq!((scene.times(Event::Limited), scene.seen.sightings.lock().unwrap().len()), (1, 2));
}

/// Who makes reports up takes nothing from those who have one.
#[tokio::test]
async fn bad_reports_use_up_no_good_ones_share() {
    let limits = Limits { of_all: (Rate::per_minute(1), 2), ..Limits::default() };
    let scene = Scene::with(page(&[HTML], "<head>").await, Mode::Enforce, limits).await;
    let mark = scene.mark_of_a().await;
    let forged = report_of(&mark.replacen("00", "01", 1), &value('b'), "page");
    for (body, viewer, status) in [
        (forged.as_str(), 'b', 403),
        (&report_of(&mark, &value('b'), "page"), 'c', 400),
        ("{}", 'b', 400),
        (&forged, 'b', 403),
    ] {
        assert_eq!(scene.report_as(body, Some(viewer), &[]).await.status(), status);
    }
    for (viewer, status) in [('b', 204), ('c', 204), ('d', 429)] {
        assert_eq!(scene.report(&mark, Some(viewer), "page").await.status(), status);
    }
}

/// One who surely came with a cookie got what somebody without one asked for.
#[tokio::test]
async fn a_page_made_for_nobody_may_be_somebodys() {
    let scene = Scene::new(page(&[HTML], "<head>").await).await;
    let mark = super::mark(&scene.get("/mypage/1", &[("cookie", "sid=A")]).await);
    assert_eq!(scene.report(&mark, None, "page").await.status(), 400);
    assert_eq!(scene.report(&mark, Some('b'), "page").await.status(), 204);
    let seen = scene.seen.sightings.lock().unwrap().clone();
    assert_eq!((seen.len(), seen[0].owner.as_deref(), seen[0].made_for), (1, Some("hash of A"), None));
}

/// Forgotten here, a response is still one of the guard's: its record in the access log has the same id.
#[tokio::test]
async fn a_response_that_was_forgotten() {
    let limits = Limits { responses: 2, ..Limits::default() };
    let scene = Scene::with(page(&[HTML], "<head>").await, Mode::Enforce, limits).await;
    let mark = scene.mark_of_a().await;
    for _ in 0..2 {
        scene.get("/mypage/1", &[]).await;
    }
    assert_eq!(scene.times(Event::Forgotten), 1);
    assert_eq!(scene.report(&mark, Some('b'), "page").await.status(), 204);
    let seen = scene.seen.sightings.lock().unwrap().clone();
    assert_eq!(
        (seen.len(), seen[0].known, seen[0].owner.is_none(), seen[0].made_at.is_none()),
        (1, false, true, true)
    );
    assert_eq!(seen[0].response_id.to_string(), mark.split('.').nth(1).unwrap());
}
