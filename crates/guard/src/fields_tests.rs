use proptest::prelude::*;

use super::*;

fn of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).fold(
        HeaderMap::new(),
        |mut fields, (name, value)| {
            fields.append(name, value);
            fields
        },
    )
}

#[test]
fn what_connection_names_stays_behind() {
    let mut fields = of(&[
        ("connection", "keep-alive, X-Own"),
        ("connection", "x-other,cookie, ,host"),
        ("keep-alive", "timeout=5"),
        ("x-own", "1"),
        ("x-other", "1"),
        ("x-kept", "1"),
        ("cookie", "sid=1"),
        ("host", "a.example"),
        ("te", "trailers"),
        ("trailer", "checksum"),
        ("transfer-encoding", "chunked"),
        ("proxy-authorization", "Basic eA=="),
    ]);
    remove_hop_by_hop(&mut fields);
    let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["cookie", "host", "trailer", "x-kept"]);
}

#[test]
fn only_trusted_proxies_are_believed() {
    let host: Authority = "school.example".parse().unwrap();
    let said = [
        ("forwarded", "for=192.0.2.9;proto=https"),
        ("x-forwarded-for", "192.0.2.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "1"),
    ];
    let caller = Caller { address: "198.51.100.7:5000".parse().unwrap(), encrypted: false };
    let mut fields = of(&said);
    tell_who_asked(&mut fields, caller, &host, &[]);
    assert_eq!(fields["forwarded"], "for=198.51.100.7;host=\"school.example\";proto=http");
    assert_eq!(fields["x-forwarded-for"], "198.51.100.7");
    assert_eq!(fields["x-forwarded-proto"], "http");
    assert!(!fields.contains_key("x-forwarded-port"));

    let mut fields = of(&said);
    tell_who_asked(&mut fields, caller, &host, &["198.51.100.0/24".parse().unwrap()]);
    assert_eq!(
        fields["forwarded"],
        "for=192.0.2.9;proto=https, for=198.51.100.7;host=\"school.example\";proto=http"
    );
    assert_eq!(fields["x-forwarded-for"], "192.0.2.9, 198.51.100.7");
    assert_eq!(fields["x-forwarded-proto"], "https");

    let caller = Caller { address: "[2001:db8::1]:5000".parse().unwrap(), encrypted: true };
    let mut fields = HeaderMap::new();
    tell_who_asked(&mut fields, caller, &host, &[]);
    assert_eq!(fields["forwarded"], "for=\"[2001:db8::1]\";host=\"school.example\";proto=https");
}

#[test]
fn several_lines_become_one_and_empty_ones_nothing() {
    let host: Authority = "[2001:db8::1]:8443".parse().unwrap();
    let caller = Caller { address: "[2001:db8::7]:5000".parse().unwrap(), encrypted: true };
    let mut fields = of(&[("x-forwarded-for", ""), ("x-forwarded-for", "192.0.2.9"), ("forwarded", "")]);
    tell_who_asked(&mut fields, caller, &host, &["2001:db8::/32".parse().unwrap()]);
    assert_eq!(fields["x-forwarded-for"], "192.0.2.9, 2001:db8::7");
    assert_eq!(fields["forwarded"], "for=\"[2001:db8::7]\";host=\"[2001:db8::1]:8443\";proto=https");
    assert_eq!(fields.get_all("x-forwarded-for").iter().count(), 1);
}

#[test]
fn nothing_that_origins_believe_comes_from_a_stranger() {
    let host: Authority = "school.example".parse().unwrap();
    let caller = Caller { address: "198.51.100.7:5000".parse().unwrap(), encrypted: false };
    let mut fields = of(&[
        ("x_forwarded_for", "192.0.2.9"),
        ("x-forwarded_proto", "https"),
        ("x-real-ip", "192.0.2.9"),
        ("x-original-url", "/admin"),
        ("x_own", "1"),
    ]);
    tell_who_asked(&mut fields, caller, &host, &[]);
    let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x_own"]);
    assert_eq!(fields["x-forwarded-for"], "198.51.100.7");

    let mut fields = of(&[("content_length", "3"), ("transfer_encoding", "chunked"), ("x_own", "1")]);
    remove_aliases(&mut fields);
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["x_own"]);
}

/// Edges pass on what they do not know, so that a visitor says it through every proxy that is trusted.
#[test]
fn nobody_changes_the_path_behind_the_guard() {
    let host: Authority = "school.example".parse().unwrap();
    let caller = Caller { address: "10.0.0.1:5000".parse().unwrap(), encrypted: false };
    let trusted = ["10.0.0.0/8".parse().unwrap()];
    let mut fields = of(&[
        ("x-original-url", "/mypage"),
        ("x-rewrite-url", "/mypage"),
        ("x-forwarded-prefix", "/mypage"),
        ("x_original_url", "/mypage"),
        ("x-original_uri", "/mypage"),
        ("x-forwarded-path", "/mypage"),
        ("x-real-ip", "192.0.2.9"),
    ]);
    tell_who_asked(&mut fields, caller, &host, &trusted);
    let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]);
}

#[test]
fn the_client_is_the_rightmost_whom_nobody_trusts() {
    let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    let told = |peer: &str, lines: &[&'static str]| {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        client(peer.parse().unwrap(), &of(&lines), &trusted).to_string()
    };
    // Nobody's word about himself.
    assert_eq!(told("198.51.100.7", &["192.0.2.1"]), "198.51.100.7");
    assert_eq!(told("10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(told("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
    // The client put an entry of its own in front.
    assert_eq!(told("10.0.0.1", &["203.0.113.9, 192.0.2.1"]), "192.0.2.1");
    assert_eq!(told("10.0.0.1", &["203.0.113.9", "192.0.2.1 , 10.2.0.1"]), "192.0.2.1");
    assert_eq!(told("::ffff:10.0.0.1", &["192.0.2.1,2001:db8::5"]), "192.0.2.1");
    assert_eq!(told("10.0.0.1", &["192.0.2.1:4711"]), "192.0.2.1");
    assert_eq!(told("10.0.0.1", &["[2001:db9::1]:4711"]), "2001:db9::1");
    assert_eq!(told("10.0.0.1", &["[2001:db9::1]"]), "2001:db9::1");
    // Everybody is trusted: the first of them.
    assert_eq!(told("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    // Whatever is no address hides what stands left of it.
    assert_eq!(told("10.0.0.1", &["192.0.2.1, unknown, 10.0.0.2"]), "10.0.0.2");
    assert_eq!(told("10.0.0.1", &["192.0.2.1,,"]), "10.0.0.1");
    assert_eq!(told("10.0.0.1", &["192.0.2.1", "?"]), "10.0.0.1");
}

#[test]
fn cookies_become_one_field() {
    let mut fields = of(&[("cookie", "a=1"), ("cookie", "b=2; c=3"), ("x-own", "1"), ("x-own", "2")]);
    join_cookies(&mut fields);
    assert_eq!(fields.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    assert_eq!(fields.get_all("x-own").iter().count(), 2);
}

#[test]
fn trailers_hold_nothing_that_decides() {
    let mut trailers = of(&[
        ("x-checksum", "1"),
        ("set-cookie", "sid=1"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("x-forwarded-for", "192.0.2.9"),
        ("authorization", "Basic eA=="),
        ("cloudflare-cdn-cache-control", "max-age=60"),
        ("edge-control", "cache-maxage=1d"),
        ("no-vary-search", "params"),
        ("cache-tag", "page"),
    ]);
    remove_from_trailers(&mut trailers);
    assert_eq!(trailers.keys().collect::<Vec<_>>(), ["x-checksum"]);
}

#[test]
fn loops_are_seen_in_via() {
    let seen =
        |lines: &[&'static str]| was_here(&of(&lines.iter().map(|line| ("via", *line)).collect::<Vec<_>>()));
    for line in [
        "1.1 suimon",
        "2 SUIMON",
        "1.0 fred,1.1  suimon (a comment)",
        "HTTP/1.1 suimon",
        "1.1 a (\\() , 1.1 suimon",
    ] {
        assert!(seen(&[line]), "{line}");
    }
    assert!(seen(&["1.0 fred", "1.1 suimon"]));
    for line in [
        "",
        "1.1 suimon.example",
        "1.1 fred (1.1 suimon)",
        "1.1 fred (, 1.1 suimon)",
        "suimon",
        "1.1 a (b (c), 1.1 suimon)",
    ] {
        assert!(!seen(&[line]), "{line}");
    }
    // What does not end hides nothing.
    assert!(seen(&["1.1 fred (, 1.1 suimon"]));
}

#[test]
fn whoever_passed_before_stays_in_via() {
    let mut fields = of(&[("via", "1.0 fred"), ("via", "1.1 edge.example (x)")]);
    tell_way(&mut fields, Version::HTTP_11);
    assert_eq!(
        fields.get_all("via").iter().collect::<Vec<_>>(),
        ["1.0 fred, 1.1 edge.example (x), 1.1 suimon"]
    );
    assert!(was_here(&fields));
}

/// Names that mean something, in the spelling of a sender, and such that do not.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "Connection",
            "keep-alive",
            "TE",
            "Transfer-Encoding",
            "Upgrade",
            "Proxy-Authorization",
            "Cookie",
            "host",
            "Authorization",
            "x-forwarded-for",
            "Forwarded",
            "Via",
            "vary",
            "Set-Cookie",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z][a-zA-Z0-9_-]{0,11}",
    ]
}

proptest! {
    #[test]
    fn hop_by_hop(
        sent in proptest::collection::vec((name(), "[ -~]{0,24}"), 0..12),
        named in proptest::collection::vec(name(), 0..6),
        separator in proptest::sample::select(vec![",", ", ", " ,\t", ",,"]),
    ) {
        let mut fields = HeaderMap::new();
        for (name, value) in &sent {
            if !name.eq_ignore_ascii_case("connection") {
                fields.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
            }
        }
        fields.append(header::CONNECTION, HeaderValue::from_str(&named.join(separator)).unwrap());
        let before = fields.clone();
        remove_hop_by_hop(&mut fields);
        let named: Vec<HeaderName> = named.iter().map(|name| name.parse().unwrap()).collect();
        for name in before.keys() {
            let goes = HOP_BY_HOP.contains(name) || named.contains(name) && !is_end_to_end(name);
            // Gone as a whole, or there as it was.
            let left: Vec<_> = fields.get_all(name).iter().collect();
            let wanted: Vec<_> = if goes { Vec::new() } else { before.get_all(name).iter().collect() };
            prop_assert_eq!(left, wanted, "{}", name);
        }
        let once = fields.clone();
        remove_hop_by_hop(&mut fields);
        prop_assert_eq!(fields, once);
    }

    /// Whatever stood in `Via` before, the next guard sees that this one was there.
    #[test]
    fn our_own_word_is_found_again(before in proptest::collection::vec("[ -~]{0,40}", 0..4)) {
        let mut fields = HeaderMap::new();
        for line in &before {
            fields.append(header::VIA, HeaderValue::from_str(line).unwrap());
        }
        tell_way(&mut fields, Version::HTTP_11);
        prop_assert!(was_here(&fields));
    }
}
