//! A browser, spoken to over the DevTools protocol.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::scene::{LONG, program, soon};

type Sender = SplitSink<WebSocketStream<TcpStream>, Message>;

/// What came and waits to be looked at.
#[derive(Default)]
struct Heard {
    answers: HashMap<u64, oneshot::Sender<Value>>,
    /// Pictures of what was painted, by session.
    frames: HashMap<String, Vec<Vec<u8>>>,
}

/// Browsers at once: each is a dozen processes, and a test that waits for its own cannot fail for want of time.
static PLACES: Semaphore = Semaphore::const_new(2);

pub struct Browser {
    sender: Arc<tokio::sync::Mutex<Sender>>,
    heard: Arc<Mutex<Heard>>,
    next: Arc<AtomicU64>,
    process: Child,
    profile: tempfile::TempDir,
    _place: SemaphorePermit<'static>,
}

impl Drop for Browser {
    /// Waits for its end: its processes write into the profile to the last.
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        for _ in 0..100 {
            let over = !matches!(self.process.try_wait(), Ok(None));
            if over && (std::fs::remove_dir_all(self.profile.path()).is_ok() || !self.profile.path().exists())
            {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Browser {
    pub async fn start() -> Self {
        let place = PLACES.acquire().await.unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(program(&["chromium", "chromium-browser"], "chromium"));
        command
            .args([
                "--headless",
                "--remote-debugging-port=0",
                "--no-first-run",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args(["--disable-background-networking", "--disable-component-update", "--window-size=400,300"])
            // As root Chromium starts no other way; the pages are the test's own.
            .args((std::fs::metadata("/proc/self").unwrap().uid() == 0).then_some("--no-sandbox"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true);
        let process = command.spawn().expect("chromium starts");
        let said = port(&profile.path().join("DevToolsActivePort")).await;
        let (port, path) = said.split_once('\n').unwrap();
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
        let address = format!("ws://127.0.0.1:{port}{}", path.trim());
        let (socket, _) = soon(tokio_tungstenite::client_async(address, stream)).await.unwrap();
        let (sender, mut receiver) = socket.split();
        let sender = Arc::new(tokio::sync::Mutex::new(sender));
        let heard = Arc::new(Mutex::new(Heard::default()));
        let next = Arc::new(AtomicU64::new(1));
        let (to, from, numbers) = (sender.clone(), heard.clone(), next.clone());
        tokio::spawn(async move {
            while let Some(Ok(message)) = receiver.next().await {
                let Ok(said) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default()) else {
                    continue;
                };
                if let Some(id) = said["id"].as_u64() {
                    if let Some(answer) = from.lock().unwrap().answers.remove(&id) {
                        let _ = answer.send(said);
                    }
                } else if said["method"] == "Page.screencastFrame" {
                    let session = said["sessionId"].as_str().unwrap_or_default().to_owned();
                    let picture =
                        STANDARD.decode(said["params"]["data"].as_str().unwrap_or_default()).unwrap();
                    from.lock().unwrap().frames.entry(session.clone()).or_default().push(picture);
                    let id = numbers.fetch_add(1, Ordering::Relaxed);
                    let params = json!({ "sessionId": said["params"]["sessionId"] });
                    let got = json!({ "id": id, "sessionId": session, "method": "Page.screencastFrameAck", "params": params });
                    let _ = to.lock().await.send(Message::text(got.to_string())).await;
                }
            }
        });
        Self { sender, heard, next, process, profile, _place: place }
    }

    async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.try_call(session, method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    async fn try_call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.heard.lock().unwrap().answers.insert(id, answer);
        let mut call = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        self.sender.lock().await.send(Message::text(call.to_string())).await.unwrap();
        soon(answered).await.expect("the browser is there")
    }

    /// Somebody with cookies and a cache of their own, in front of an empty page. Whatever of `never` comes into one of their pages is
    /// remembered.
    pub async fn person(&self, never: &str) -> Person<'_> {
        let made = self.call(None, "Target.createBrowserContext", json!({})).await;
        self.window(made["browserContextId"].clone(), never).await
    }

    async fn window(&self, context: Value, never: &str) -> Person<'_> {
        let made = json!({ "url": "about:blank", "browserContextId": context });
        let target = self.call(None, "Target.createTarget", made).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session =
            self.call(None, "Target.attachToTarget", attach).await["sessionId"].as_str().unwrap().to_owned();
        let person = Person { browser: self, session, context };
        person.call("Page.enable", json!({})).await;
        person.call("Runtime.enable", json!({})).await;
        // Before any script of a page: each change of the tree is looked at.
        let watch = format!(
            "new MutationObserver(() => {{
                if (document.documentElement && document.documentElement.outerHTML.includes({})) sessionStorage.setItem('never', 'seen');
            }}).observe(document, {{ childList: true, subtree: true, characterData: true }});
            if (location.protocol.startsWith('http'))
                sessionStorage.setItem('loads', 1 + Number(sessionStorage.getItem('loads')));",
            json!(never)
        );
        person.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": watch })).await;
        person.call("Page.startScreencast", json!({ "format": "png", "everyNthFrame": 1 })).await;
        person
    }
}

/// What the browser writes into its profile when it listens.
async fn port(file: &Path) -> String {
    soon(async {
        loop {
            match std::fs::read_to_string(file) {
                Ok(said) if said.contains('\n') => return said,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    })
    .await
}

pub struct Person<'b> {
    browser: &'b Browser,
    session: String,
    context: Value,
}

impl<'b> Person<'b> {
    /// The same person's next window.
    pub async fn another_window(&self, never: &str) -> Person<'b> {
        self.browser.window(self.context.clone(), never).await
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params).await
    }

    /// Opens an address and waits until the expression is true in what became of it.
    pub async fn open(&self, address: &str, until: &str) {
        self.call("Page.navigate", json!({ "url": address })).await;
        let whole = "location.protocol.startsWith('http') && document.readyState === 'complete'";
        self.until(&format!("{whole} && !!({until})")).await;
    }

    /// Waits until an expression is true.
    pub async fn until(&self, expression: &str) {
        let deadline = tokio::time::Instant::now() + LONG;
        while self.try_read(expression).await != Some(json!(true)) {
            if tokio::time::Instant::now() > deadline {
                let shown = self.try_read("location.href + '\\n' + document.documentElement.outerHTML").await;
                panic!("{expression} did not come true; there is {shown:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// None while one page goes and another comes.
    async fn try_read(&self, expression: &str) -> Option<Value> {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.browser.try_call(Some(&self.session), "Runtime.evaluate", params).await;
        let result = answer.get("result").filter(|result| result.get("exceptionDetails").is_none())?;
        Some(result["result"]["value"].clone())
    }

    /// What an expression gives, or a promise.
    pub async fn read(&self, expression: &str) -> Value {
        self.try_read(expression).await.unwrap_or_else(|| panic!("{expression} failed"))
    }

    /// Whether what must never come into a page of theirs did.
    pub async fn has_met_never(&self) -> bool {
        self.read("sessionStorage.getItem('never')").await == json!("seen")
    }

    /// How many pages were loaded.
    pub async fn loads(&self) -> u64 {
        self.read("Number(sessionStorage.getItem('loads'))").await.as_u64().unwrap()
    }

    /// Whether something of this colour was ever painted.
    pub async fn was_painted(&self, colour: [u8; 3]) -> bool {
        // One more that is surely of the present, so that none before is on its way.
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        let frames =
            self.browser.heard.lock().unwrap().frames.get(&self.session).cloned().unwrap_or_default();
        assert!(!frames.is_empty(), "the browser tells what it paints");
        frames.iter().chain([&picture]).any(|picture| shows(picture, colour))
    }
}

fn shows(picture: &[u8], colour: [u8; 3]) -> bool {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let width = info.color_type.samples();
    let near = |one: &[u8]| one.iter().zip(colour).all(|(one, other)| one.abs_diff(other) < 8);
    pixels[..info.buffer_size()].chunks_exact(width).any(|pixel| near(&pixel[..3.min(width)]))
}
