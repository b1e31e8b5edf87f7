//! Providers that hang, trickle, flood, lead elsewhere or come too late: a sign-in ends within its time and says so, and everybody
//! else goes on meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::Browser;
use crate::harness::{PASSWORD, TestApp};
use crate::oidc_scene::{Person, service};

/// What one of its endpoints does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Does {
    /// Takes the connection and says nothing.
    Hang,
    /// A byte now and then, for ever.
    Trickle,
    /// The same before the answer itself begins.
    TrickleHead,
    /// 200 MB.
    Flood,
    /// To another address of this machine.
    Redirect,
    /// The right answer, later than anybody waits.
    Late,
    /// Closes the connection in the middle of the answer.
    BreakOff,
}

/// Seven kinds of trouble.
const ALL: [Does; 7] =
    [Does::Hang, Does::Trickle, Does::TrickleHead, Does::Flood, Does::Redirect, Does::Late, Does::BreakOff];

struct Trouble {
    url: String,
    /// Connections that are open now.
    open: AtomicUsize,
    /// Bytes that were taken from it.
    sent: AtomicUsize,
    /// Somebody came to where a redirect leads.
    led: AtomicBool,
    well: AtomicBool,
}

impl Trouble {
    /// One whose endpoint of this path is troubled; the others are well.
    async fn start(path: &'static str, does: Does) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Arc::new(Self {
            url,
            open: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            led: AtomicBool::new(false),
            well: AtomicBool::new(false),
        });
        let server = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    server.open.fetch_add(1, Ordering::SeqCst);
                    // Whoever goes away ends it.
                    let _ = server.answer(stream, path, does).await;
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        this
    }

    async fn answer(&self, mut stream: TcpStream, path: &str, does: Does) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let asked = head.split(' ').nth(1).unwrap_or_default();
        let url = &self.url;
        let body = match asked {
            "/.well-known/openid-configuration" => json!({
                "issuer": url, "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/jwks"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA"],
            }),
            "/jwks" => json!({ "keys": [] }),
            "/inner" => {
                self.led.store(true, Ordering::SeqCst);
                json!({})
            }
            _ => json!({ "error": "invalid_grant" }),
        };
        let status = if asked == "/token" { "400 Bad Request" } else { "200 OK" };
        let body = body.to_string();
        let right = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        if asked != path || self.well.load(Ordering::SeqCst) {
            return stream.write_all(right.as_bytes()).await;
        }
        let (cut, _) = right.split_at(right.len() - 10);
        match does {
            Does::Hang => {
                // Until the other side goes away.
                while stream.read_u8().await.is_ok() {}
            }
            Does::Late => {
                tokio::time::sleep(Duration::from_secs(9)).await;
                stream.write_all(right.as_bytes()).await?;
            }
            Does::Trickle | Does::TrickleHead => {
                if does == Does::Trickle {
                    let head =
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
                    stream.write_all(head.as_bytes()).await?;
                }
                for byte in right.as_bytes().iter().cycle() {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Does::Flood => {
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
                for _ in 0..(200 << 20) / 0x10000 {
                    stream.write_all(&chunk).await?;
                    self.sent.fetch_add(0x10000, Ordering::SeqCst);
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
            Does::Redirect => {
                let to = format!(
                    "HTTP/1.1 302 Found\r\nlocation: {url}/inner\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(to.as_bytes()).await?;
            }
            Does::BreakOff => stream.write_all(cut.as_bytes()).await?,
        }
        Ok(())
    }
}

/// A sign-in at this provider as far as it comes: the answer, and how long it took.
async fn attempt(app: &TestApp, id: &str) -> (u16, String, Duration) {
    let began = Instant::now();
    let mut browser = Browser::new(app);
    let (mut status, body) = browser.post("/auth/oidc/begin", json!({ "provider": id })).await;
    let mut body = body.to_string();
    if status == 200 {
        let location = serde_json::from_str::<serde_json::Value>(&body).unwrap();
        let location = reqwest::Url::parse(location["location"].as_str().unwrap()).unwrap();
        let state = location.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        (status, _, body) = browser.navigate(&format!("/auth/oidc/callback/{id}?code=c&state={state}")).await;
    }
    (status, body, began.elapsed())
}

const UNAVAILABLE: &str = r#"{"error":{"code":"CONFLICT","field":null,"message":"the provider of identity does not answer as it should","remedy":"try again in a minute, or sign in with your password if you have one"}}"#;

async fn troubled_at(path: &'static str) {
    let mut providers = Vec::new();
    for does in ALL {
        providers.push((does, Trouble::start(path, does).await));
    }
    let good = crate::oidc_scene::Provider::start();
    let names: Vec<String> = (0..ALL.len()).map(|number| format!("p{number}")).collect();
    let mut table: Vec<(&str, &str, &str)> =
        names.iter().zip(&providers).map(|(name, (_, at))| (name.as_str(), at.url.as_str(), "")).collect();
    table.push(("corp", &good.issuer, ""));
    let (app, _folder) = service(&table, &[]).await;
    let officer = app.operator_member(suimon::access::Role::ComplianceOfficer).await;
    crate::oidc_scene::link(&app, &officer.account, &good.issuer, "of-17").await;

    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    // Six at each at once: nobody waits for somebody else's turn to run out.
    let all = async {
        let attempts = names.iter().flat_map(|name| (0..6).map(|_| attempt(&app, name)));
        futures::future::join_all(attempts).await
    };
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..3 {
            let began = Instant::now();
            let (status, body) = Person::new(&app).through("corp", "sign_in", &[("login", "of-17")]).await;
            assert_eq!(status, 200, "{body}");
            assert_eq!(Browser::new(&app).sign_in("admin", PASSWORD).await.0, 200);
            slowest = slowest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        slowest
    };
    let (answers, slowest) = tokio::join!(all, others);
    assert!(slowest < Duration::from_secs(4), "others waited {slowest:?}");
    for (number, (status, body, took)) in answers.into_iter().enumerate() {
        let (does, _) = providers[number / 6];
        let refused = path == "/token" && matches!(does, Does::Redirect | Does::BreakOff);
        if refused && status == 401 {
            // An answer, and not one of a right provider.
            assert!(body.contains("did not succeed"), "{does:?}: {body}");
        } else {
            assert_eq!((status, body.as_str()), (409, UNAVAILABLE), "{does:?}");
        }
        assert!(took < Duration::from_secs(9), "{does:?} took {took:?}");
    }
    // Nothing of it is left: no connection is held, and nobody went where a redirect led.
    let since = Instant::now();
    while providers.iter().any(|(_, at)| at.open.load(Ordering::SeqCst) > 0) {
        let open: Vec<_> =
            providers.iter().map(|(does, at)| (*does, at.open.load(Ordering::SeqCst))).collect();
        assert!(since.elapsed() < Duration::from_secs(15), "connections are left: {open:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while tasks() > before + 12 {
        assert!(since.elapsed() < Duration::from_secs(15), "{} tasks, {before} before", tasks());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (does, at) in &providers {
        assert!(!at.led.load(Ordering::SeqCst), "a redirect was followed");
        let sent = at.sent.load(Ordering::SeqCst);
        assert!(sent < 60 << 20, "{does:?}: {sent} bytes were taken by six");
    }
    // And the same provider serves once it is well: no turn was lost, and the failure is not remembered for long.
    app.clock.advance(6);
    for (_, at) in &providers {
        at.well.store(true, Ordering::SeqCst);
    }
    for name in &names {
        let (status, body, _) = attempt(&app, name).await;
        assert_eq!(status, 401, "it refuses the code, as it should: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_says_of_itself_is_waited_for_within_bounds() {
    troubled_at("/.well-known/openid-configuration").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_provider_are_waited_for_within_bounds() {
    troubled_at("/jwks").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_of_a_code_is_waited_for_within_bounds() {
    troubled_at("/token").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_that_hang_take_no_turn_for_ever() {
    let hangs = Trouble::start("/token", Does::Hang).await;
    let (app, _folder) = service(&[("corp", &hangs.url, "")], &[]).await;
    let answers = futures::future::join_all((0..40).map(|_| attempt(&app, "corp"))).await;
    for (status, body, took) in answers {
        assert_eq!((status, body.as_str()), (409, UNAVAILABLE));
        assert!(took < Duration::from_secs(9), "{took:?}");
    }
    hangs.well.store(true, Ordering::SeqCst);
    let (status, _, took) = attempt(&app, "corp").await;
    assert_eq!(status, 401, "the provider refuses the code");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_the_provider_be_asked_keeps_nobody_waiting() {
    let provider = Trouble::start("/.well-known/openid-configuration", Does::Hang).await;
    provider.well.store(true, Ordering::SeqCst);
    let (app, _folder) = service(&[("corp", &provider.url, "algorithms = \"EdDSA\"")], &[]).await;
    assert_eq!(attempt(&app, "corp").await.0, 401, "it refuses the code");
    // From now on it hangs, and a stranger sends a logout token of a key that nobody has heard of.
    provider.well.store(false, Ordering::SeqCst);
    app.clock.advance(6);
    let now = app.now().as_second();
    let claims = json!({
        "iss": provider.url, "aud": "suimon", "iat": now, "jti": "t-1", "sub": "s",
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let token = crate::oidc_issuer::signed(&claims, 1, "unheard-of");
    let stranger = async {
        let began = Instant::now();
        let request = app.http.post(format!("{}/auth/oidc/backchannel-logout/corp", app.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(format!("logout_token={token}")).send().await.unwrap();
        (answer.status().as_u16(), began.elapsed())
    };
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let (status, _, took) = attempt(&app, "corp").await;
            assert_eq!(status, 401, "the provider is known and refuses the code");
            slowest = slowest.max(took);
        }
        slowest
    };
    let ((status, took), slowest) = tokio::join!(stranger, others);
    assert_eq!(status, 400);
    assert!(took > Duration::from_secs(4), "the stranger waits for the keys: {took:?}");
    assert!(slowest < Duration::from_secs(2), "and nobody else: {slowest:?}");
}
