//! One person's page arrives at another's browser.

use edge::Mode;
use guard::tripwire::{Event, How};
use serde_json::json;

use crate::browser::{Browser, Person};
use crate::cache::{self, Cache};
use crate::scene::{Scene, colour};

/// The one whose page is kept, and the one who gets it.
const OWNER: &str = "Hanako";
const OTHER: &str = "Taro";
/// What shows a person's page: the name in it.
const WHOLE: &str = "$host$request_uri";

fn shows(name: &str) -> String {
    format!("document.getElementById('name')?.textContent === '{name}'")
}

fn at(cache: &Cache, path: &str) -> String {
    format!("http://localhost:{}{path}", cache.port)
}

async fn sign_in(person: &Person<'_>, cache: &Cache, name: &str) {
    person.open(&at(cache, &format!("/login?{name}")), "document.getElementById('welcome')").await;
    // The script has made the viewer's cookie, as a page without one let it.
    let made = person.read("/__Host-suimon-viewer=v1\\.nonce\\.[0-9a-f]{32}/.test(document.cookie)").await;
    assert_eq!(made, json!(true), "the browser takes the viewer's cookie");
    person.open(&at(cache, &format!("/mypage/of-{name}")), &shows(name)).await;
}

/// Both are signed in, and the cache holds the owner's page.
async fn both<'b>(browser: &'b Browser, cache: &Cache) -> (Person<'b>, Person<'b>) {
    let (owner, other) = (browser.person(OTHER).await, browser.person(OWNER).await);
    sign_in(&owner, cache, OWNER).await;
    sign_in(&other, cache, OTHER).await;
    owner.open(&at(cache, "/mypage/"), &shows(OWNER)).await;
    (owner, other)
}

fn assert_names_the_owner(sighting: &guard::tripwire::Sighting, how: How, mode: Mode) {
    assert_eq!(sighting.owner.as_deref(), Some("hash of Hanako"));
    assert_eq!(sighting.viewer_owner.as_deref(), Some("hash of Taro"));
    assert_eq!((sighting.route.as_deref(), sighting.known, sighting.how), (Some("mypage"), true, how));
    assert_eq!(sighting.mode, mode);
}

/// The page is hidden before anything of it is there, asked for again past the cache, and reported.
async fn hides_and_comes_right(scene: &Scene, cache: &Cache) {
    let browser = Browser::start().await;
    let (owner, other) = both(&browser, cache).await;
    assert_eq!(scene.times(Event::Sighted), 0);
    let before = other.loads().await;
    other.open(&at(cache, "/mypage/"), &shows(OTHER)).await;
    assert_eq!(
        other.read("location.pathname + location.search").await,
        json!("/mypage/"),
        "the address is as it was"
    );
    assert_eq!(other.loads().await - before, 2, "the owner's page, and the right one");
    assert!(!other.was_painted(colour(OWNER)).await, "nothing of the owner's page was painted");
    assert!(other.was_painted(colour(OTHER)).await, "and what was painted can be seen");
    assert!(!other.has_met_never().await, "nor did anything of it come into the page");
    let seen = scene.sightings(1).await;
    assert_names_the_owner(&seen[0], How::Page, Mode::Enforce);
    assert!(seen[0].first);

    // Whose page it is sees it as before, and nobody is told.
    owner.open(&at(cache, "/mypage/"), &shows(OWNER)).await;
    assert_eq!((scene.times(Event::Sighted), scene.times(Event::Refused)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::nginx(scene.guard, WHOLE).await;
    hides_and_comes_right(&scene, &cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_varnish() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::varnish(scene.guard).await;
    hides_and_comes_right(&scene, &cache).await;
}

/// A cache that looks at no query gives the owner's page again. Then there is a notice, and no third try.
#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_go_round_in_circles() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::nginx(scene.guard, "$host$uri").await;
    let browser = Browser::start().await;
    let (_owner, other) = both(&browser, &cache).await;
    let before = other.loads().await;
    other.open(&at(&cache, "/mypage/"), "document.querySelector('[role=alert]')").await;
    let notice = other.read("document.body.innerText").await;
    let notice = notice.as_str().unwrap().to_owned();
    let seen = scene.sightings(1).await;
    assert!(notice.contains("別の方") && notice.contains("somebody else"), "{notice}");
    assert!(notice.contains(&seen[0].response_id.to_string()), "{notice}");
    other.until("performance.getEntriesByName('first-contentful-paint').length === 1").await;
    // Longer than a page takes to come.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(other.loads().await - before, 3, "the page, the page again, the notice");
    assert_eq!(
        other
            .read("/^\\/mypage\\/\\?suimon-fresh=/.test(document.querySelector('a').getAttribute('href'))")
            .await,
        json!(true)
    );
    assert!(!other.was_painted(colour(OWNER)).await && !other.has_met_never().await);
    assert_names_the_owner(&seen[0], How::Page, Mode::Enforce);
    // Nor is a page loaded again and again that is led from one address to the next.
    other.read("sessionStorage.setItem('suimon-tries', JSON.stringify([3, Date.now()]))").await;
    let before = other.loads().await;
    other.open(&at(&cache, "/mypage/"), "document.querySelector('[role=alert]')").await;
    assert_eq!(other.loads().await - before, 2, "the page, the notice");
    assert_eq!(scene.sightings(1).await.len(), 1, "the same response by the same viewer is one sighting");
}

/// Only watching, the page is shown and reported. It also shows that the tests above see what is painted.
#[tokio::test(flavor = "multi_thread")]
async fn observing_hides_nothing() {
    let scene = Scene::new(Mode::Observe).await;
    let cache = cache::nginx(scene.guard, WHOLE).await;
    let browser = Browser::start().await;
    let (_owner, other) = both(&browser, &cache).await;
    other.open(&at(&cache, "/mypage/"), &shows(OWNER)).await;
    assert!(other.was_painted(colour(OWNER)).await && other.has_met_never().await);
    assert_names_the_owner(&scene.sightings(1).await[0], How::Page, Mode::Observe);
}

/// Of right pages nobody is told: not of the first ones of a browser, which are asked for at once without a cookie, nor of later ones.
#[tokio::test(flavor = "multi_thread")]
async fn right_pages_raise_no_alarm() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::varnish(scene.guard).await;
    let browser = Browser::start().await;
    let one = browser.person(OTHER).await;
    let two = one.another_window(OTHER).await;
    let three = one.another_window(OTHER).await;
    let nobody = shows("nobody");
    let (first, second, third) = (at(&cache, "/mypage/1"), at(&cache, "/mypage/2"), at(&cache, "/mypage/3"));
    tokio::join!(one.open(&first, &nobody), two.open(&second, &nobody), three.open(&third, &nobody));
    sign_in(&one, &cache, OWNER).await;
    for number in 0..15 {
        one.open(&at(&cache, &format!("/mypage/right/{number}")), &shows(OWNER)).await;
        two.open(&at(&cache, &format!("/mypage/right/{number}")), &shows(OWNER)).await;
        let all = "Promise.all([...Array(8).keys()].map(i => fetch(`/mypage/${i}/data`).then(answer => answer.json()))).then(all => all.length)";
        assert_eq!(three.read(all).await, json!(8));
    }
    assert!(scene.times(Event::Marked) > 20);
    assert_eq!(
        (scene.times(Event::Sighted), scene.times(Event::Refused), scene.times(Event::Limited)),
        (0, 0, 0)
    );
}

/// What a browser held before is no other viewer's; but two tags under one key are two people.
#[tokio::test(flavor = "multi_thread")]
async fn one_browser_with_several_cookies() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::nginx(scene.guard, WHOLE).await;
    let browser = Browser::start().await;
    let person = browser.person(OTHER).await;
    sign_in(&person, &cache, OWNER).await;
    let page = at(&cache, "/mypage/");
    let holds = |value: String| format!("document.cookie = '__Host-suimon-viewer={value}; Path=/; Secure'");
    person.open(&page, &shows(OWNER)).await;
    // The guard gives the nonce's place to a tag, the tag's to one under a newer key, and back.
    for (key, digit) in [("k1", "a"), ("k2", "a"), ("k1", "a")] {
        person.read(&holds(format!("v1.{key}.{}", digit.repeat(32)))).await;
        person.open(&page, &shows(OWNER)).await;
        person.open(&at(&cache, &format!("/mypage/{key}")), &shows(OWNER)).await;
    }
    assert_eq!(scene.times(Event::Sighted), 0);
    person.read(&holds(format!("v1.k1.{}", "b".repeat(32)))).await;
    let before = person.loads().await;
    person.open(&at(&cache, "/mypage/k1"), &format!("{} && !location.search", shows(OWNER))).await;
    assert_eq!(person.loads().await - before, 2, "the page of the one before, and one's own");
    assert_eq!(scene.sightings(1).await.len(), 1);
}

/// A page that was asked for without the cookie is nobody's, but a browser that had one before did not ask for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_made_for_nobody() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::nginx(scene.guard, WHOLE).await;
    let browser = Browser::start().await;
    let (owner, other) = both(&browser, &cache).await;
    owner.read("document.cookie = '__Host-suimon-viewer=; Max-Age=0; Path=/; Secure'").await;
    let page = at(&cache, "/mypage/first");
    let before = scene.times(Event::MarkedForNobody);
    owner.open(&page, &shows(OWNER)).await;
    assert_eq!(scene.times(Event::MarkedForNobody) - before, 1);
    // Longer than clocks are trusted for.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    owner.open(&page, &shows(OWNER)).await;
    assert_eq!(scene.times(Event::Sighted), 0, "it is the owner's own");
    other.open(&page, &format!("{} && !location.search", shows(OTHER))).await;
    assert!(!other.was_painted(colour(OWNER)).await && !other.has_met_never().await);
    let seen = scene.sightings(1).await;
    assert_names_the_owner(&seen[0], How::Page, Mode::Enforce);
    assert_eq!(seen[0].made_for, None);
}

/// What a script asks for is refused to it, in each of the three ways of asking.
#[tokio::test(flavor = "multi_thread")]
async fn answers_for_scripts() {
    let scene = Scene::new(Mode::Enforce).await;
    let cache = cache::nginx(scene.guard, WHOLE).await;
    let browser = Browser::start().await;
    let (owner, other) = both(&browser, &cache).await;
    let fetch = |path: &str| {
        format!("fetch('{path}').then(answer => answer.text()).catch(error => 'refused: ' + error.name)")
    };
    let request = |path: &str| {
        format!(
            "new Promise(done => {{
                const request = new XMLHttpRequest();
                const end = how => () => done(how + ':' + request.status + ':' + request.responseText);
                request.onload = end('load'); request.onabort = end('abort'); request.onerror = end('error');
                request.open('GET', '{path}'); request.send();
            }})"
        )
    };
    let waiting = |path: &str| {
        format!(
            "(() => {{
                const request = new XMLHttpRequest();
                request.open('GET', '{path}', false);
                try {{ request.send(); }} catch (error) {{ return error.name + ':' + request.responseText + ':' + request.response; }}
                return request.responseText;
            }})()"
        )
    };
    let own = json!("{\"name\":\"Hanako\"}");
    for (at, call) in [&fetch as &dyn Fn(&str) -> String, &waiting].into_iter().enumerate() {
        assert_eq!(owner.read(&call(&format!("/mypage/{at}/data"))).await, own);
        // The owner's own again, now of the cache.
        assert_eq!(owner.read(&call(&format!("/mypage/{at}/data"))).await, own);
    }
    assert_eq!(owner.read(&request("/mypage/2/data")).await, json!("load:200:{\"name\":\"Hanako\"}"));
    assert_eq!(scene.times(Event::Sighted), 0);

    assert_eq!(other.read(&fetch("/mypage/0/data")).await, json!("refused: TypeError"));
    assert_eq!(other.read(&waiting("/mypage/1/data")).await, json!("NetworkError::null"));
    assert_eq!(other.read(&request("/mypage/2/data")).await, json!("abort:0:"));
    // One's own is given, by an object that was refused another before.
    assert_eq!(other.read(&request("/mypage/own/data")).await, json!("load:200:{\"name\":\"Taro\"}"));
    let seen = scene.sightings(3).await;
    seen.iter().for_each(|one| assert_names_the_owner(one, How::Fetch, Mode::Enforce));
    assert_eq!(
        other.read("document.getElementById('name').textContent").await,
        json!(OTHER),
        "the page stays"
    );
}
