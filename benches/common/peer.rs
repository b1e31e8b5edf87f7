//! Another program that a bench compares with.

use std::process::Child;

/// Ended with the bench.
pub struct Peer(pub Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
