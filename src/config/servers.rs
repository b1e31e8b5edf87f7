//! Names of servers with their ports.

/// Servers from `host:port, host:port`.
pub fn servers(text: &str) -> Result<Vec<(String, u16)>, &'static str> {
    const FORM: &str = "wants servers with their ports, such as mx2.example.jp:25, mx3.example.jp:587";
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let server = |part: &str| {
        let (host, port) = part.rsplit_once(':').ok_or(FORM)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(FORM)?;
        let is_name = !host.is_empty() && host.len() <= 253 && !host.contains(char::is_whitespace);
        if is_name { Ok((host.to_owned(), port)) } else { Err(FORM) }
    };
    let found: Vec<_> = parts.map(server).collect::<Result<_, _>>()?;
    if found.len() > 10 { Err("wants at most 10 servers") } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::servers;

    #[test]
    fn servers_are_read_with_their_ports() {
        assert_eq!(servers("").unwrap(), []);
        assert_eq!(
            servers("a.example:25, b.example:587,").unwrap(),
            [("a.example".into(), 25), ("b.example".into(), 587)]
        );
        for wrong in ["a.example", "a.example:0", ":25", "a b:25", "a.example:x"] {
            assert!(servers(wrong).is_err(), "{wrong}");
        }
    }
}
