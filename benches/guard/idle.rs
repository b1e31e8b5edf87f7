//! Connections that have had an answer and are kept open: what browsers leave behind.

use crate::client::{Asked, Client};

/// As many as can be had, and why not all.
pub fn hold(asked: &Asked, wanted: usize) -> (Vec<Client>, Option<String>) {
    let mut held = Vec::with_capacity(wanted);
    while held.len() < wanted {
        let client = asked.connect().and_then(|mut client| {
            client.ask(asked)?;
            client.forget();
            Ok(client)
        });
        match client {
            Ok(client) => held.push(client),
            Err(error) => {
                let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
                let files =
                    limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
                let files = files.split_whitespace().collect::<Vec<_>>().join(" ");
                return (held, Some(format!("{error} ({files}; raise it with `ulimit -n`)")));
            }
        }
    }
    // Whatever a proxy does a moment after an answer is done.
    std::thread::sleep(std::time::Duration::from_secs(1));
    (held, None)
}
