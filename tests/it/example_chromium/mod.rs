//! The example in a real browser: pages show under their own policy with the guard's script in them, and a cache that leaks is noticed.

#[path = "../../../crates/guard/tests/browser/browser.rs"]
#[expect(dead_code, reason = "the guard's own tests look at more than these")]
mod browser;
mod scene;

use std::process::Command;

use browser::{Browser, Person};
use serde_json::json;

use crate::example_applications::scene::{Example, Person as Client};
use crate::guard::Guard as Program;

fn at(program: &Program, path: &str) -> String {
    format!("http://localhost:{}{path}", program.address.port())
}

async fn leaking_cache(origin: &Program) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.args(["example", "cache", "--listen", "127.0.0.1:0", "--seconds", "600", "--origin"]);
    command.arg(format!("http://{}", origin.address));
    Program::running(command, "listens").await
}

/// The page shows whose it is, by the number of the application.
fn shows(id: &str) -> String {
    format!("document.body.textContent.includes('{id}')")
}

/// Signs in as a person would.
async fn sign_in(person: &Person<'_>, guard: &Program, who: &str) {
    person.open(&at(guard, "/login"), "document.getElementById('applicant')").await;
    let choose =
        format!("(list => (list.value = '{who}', list.value))(document.getElementById('applicant'))");
    let chosen = person.read(&choose).await;
    assert_eq!(chosen, json!(who), "the page offers {who}");
    person.read("document.getElementById('applicant').form.querySelector('button').click()").await;
    let id = who.split('@').next().expect("an id");
    person.until(&format!("location.pathname === '/mypage/' && {}", shows(id))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_in_a_browser_and_tell_when_a_cache_gives_them_to_another() {
    let example = Example::new("online-application", &[], None).await;
    let offered = Client::at(&example.guard).offered().await;
    let [owner_is, other_is] = [&offered[0], &offered[1]];
    let [owner_id, other_id] = [owner_is, other_is].map(|who| who.split('@').next().expect("an id"));
    let browser = Browser::start().await;
    let (owner, other) = (browser.person(other_id).await, browser.person(owner_id).await);
    sign_in(&owner, &example.guard, owner_is).await;
    sign_in(&other, &example.guard, other_is).await;
    // The style is there, by the page's policy, and so is the viewer's cookie, which the guard's script makes.
    let colour = other.read("getComputedStyle(document.querySelector('header')).backgroundColor").await;
    assert_eq!(colour, json!("rgb(11, 92, 122)"));
    let cookie = other.read("/__Host-suimon-viewer=v1\\.nonce\\.[0-9a-f]{32}/.test(document.cookie)").await;
    assert_eq!(cookie, json!(true));

    // Before the guard a cache that looks at nobody's cookie: the second one's browser notices, and shows the right page.
    let cache = leaking_cache(&example.guard).await;
    owner.open(&at(&cache, "/mypage/"), &shows(owner_id)).await;
    other.open(&at(&cache, "/mypage/"), &shows(other_id)).await;
    assert!(!other.has_met_never().await, "nothing of the owner's page came into the other's");
    let line = example.guard.says("a browser got an answer that was made for another", 1).await;
    assert!(line.contains("route=\"mypage\"") && line.contains("known=true"), "{line}");

    // And without the guard, as on the day.
    let cache = leaking_cache(&example.application).await;
    owner.open(&at(&cache, "/mypage/"), &shows(owner_id)).await;
    other.open(&at(&cache, "/mypage/"), &shows(owner_id)).await;
    assert!(other.has_met_never().await);
}
