//! With all its parts at once the guard says the same of a response in each: what a browser reports, what the log has kept.

use std::sync::Arc;

use super::*;
use crate::access_log::{log_on, quick};
use crate::school::{declaration, identity};

#[tokio::test]
async fn a_sighting_names_whose_page_it_was_and_who_saw_it_by_the_names_of_the_log() {
    let (log, paper, end, writing) = log_on(Default::default(), quick());
    let seen = Arc::new(Seen::default());
    let of_tripwire = Settings { owner: None, ..settings_of_tripwire(Mode::Enforce, Limits::default()) };
    let tripwire = Tripwire::new(of_tripwire, seen.clone()).unwrap();
    let scene = crate::school::Scene::with(identity(declaration()), |guard| {
        guard.with_access_log(log.clone()).with_tripwire(tripwire)
    })
    .await;
    let page = |person: &str, viewer: char| {
        let cookie = format!("sid=school-a.{person}.1; {}", cookie(viewer));
        let scene = &scene;
        async move { scene.send("GET", "/t/school-a/", &[("cookie", &cookie)]).await }
    };
    // Each has a page of their own; then Ben's browser is given Ann's by something in between.
    let of_ann = page("ann", 'a').await;
    page("ben", 'b').await;
    let mark = of_ann.field("suimon-response").unwrap();
    let mut report = request("POST", &scene.running, REPORT, full(report_of(mark, &value('b'), "page")));
    let fields = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    for (name, text) in fields.into_iter().chain([("cookie", &*cookie('b'))]) {
        report.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), text.parse().unwrap());
    }
    assert_eq!(soon(client(false).request(report)).await.unwrap().status().as_u16(), 204);

    soon(scene.running.stop()).await.unwrap();
    end.send(()).unwrap();
    soon(writing).await.unwrap().unwrap();
    let records: Vec<_> = paper.lines().into_iter().filter(|line| line["response"].is_string()).collect();
    let [ann, ben] = &records[..] else { panic!("{records:?}") };
    let sightings = seen.sightings.lock().unwrap();
    let [sighting] = &sightings[..] else { panic!("{sightings:?}") };
    assert_eq!(ann["response"], sighting.response_id.to_string());
    assert_eq!(
        (ann["subject"].as_str(), ben["subject"].as_str()),
        (sighting.owner.as_deref(), sighting.viewer_owner.as_deref())
    );
    assert!(
        sighting.owner.is_some() && sighting.owner != sighting.viewer_owner && !sighting.is_of_one_person()
    );
    assert!(mark.contains(ann["response"].as_str().unwrap()));
}
