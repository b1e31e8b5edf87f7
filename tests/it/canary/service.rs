//! The real program as a child, saying all that it can.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::TestApp;

pub struct Service {
    child: Child,
    pub url: String,
}

impl Service {
    /// `suimon serve` on the test's database, with further settings. What it says and its temporary files go below `left`.
    pub fn start(app: &TestApp, left: &Path, name: &str, further: &[String]) -> Self {
        let log = left.join(format!("serve-{name}.log"));
        let out = File::create(&log).expect("the log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.arg("serve").args(["--listen", "127.0.0.1:0"]);
        for setting in [
            format!("database.url={}", app.database_url()),
            format!("keys.file={}", app.folder().join("kek.key").display()),
            "mail.smtp_tls=none".to_owned(),
            "outbox.poll_milliseconds=50".to_owned(),
            "identity.argon2_memory_kib=8192".to_owned(),
            "identity.argon2_passes=1".to_owned(),
            "log.filter=trace".to_owned(),
        ] {
            command.arg("--set").arg(setting);
        }
        for setting in further {
            command.arg("--set").arg(setting);
        }
        command.env("TMPDIR", left.join("tmp")).env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        command.stdin(Stdio::null()).stdout(out.try_clone().expect("the log")).stderr(out);
        let mut child = command.spawn().expect("suimon serve starts");
        let since = Instant::now();
        loop {
            let said = String::from_utf8_lossy(&std::fs::read(&log).expect("the log")).into_owned();
            let line = said.lines().find(|line| line.contains("listening address="));
            if let Some(address) = line.and_then(|line| line.split("address=").nth(1)?.split(' ').next()) {
                return Self { child, url: format!("http://{address}") };
            }
            assert!(child.try_wait().expect("its state").is_none(), "it ended: {said}");
            assert!(since.elapsed() < Duration::from_secs(60), "it does not listen: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn end(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        assert!(self.child.wait().expect("it ended").success(), "it ends in order when asked to");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already, or the test failed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
