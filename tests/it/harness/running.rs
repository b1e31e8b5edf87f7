//! Programs of others that run for a test, and end with it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A process that ends with its test. It is asked to: a master that is killed leaves its workers behind.
pub struct Running(Child);

impl Running {
    /// Until this very process listens: another one may have taken the port meanwhile.
    pub fn listening_at(mut self, address: SocketAddr) -> Self {
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(matches!(self.0.try_wait(), Ok(None)), "what was to listen at {address} has ended");
            assert!(since.elapsed() < Duration::from_secs(40), "nobody listens at {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        for _ in 0..100 {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Of those that no system gives to whoever connects: one that is free now must still be when the program comes up.
pub fn free() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..6_000 {
        let offset =
            std::process::id().wrapping_mul(257).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 6_000;
        let port = 12_000 + u16::try_from(offset).expect("below 6000");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free from 12000 on");
}

/// Starts a program, of a package that `script/test` installs.
pub fn begin(program: &str, arguments: &[&str]) -> Running {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // What was not run was not tested.
    Running(command.spawn().unwrap_or_else(|error| panic!("{program}: {error} (script/test installs it)")))
}
