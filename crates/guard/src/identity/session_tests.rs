use proptest::prelude::*;

use super::*;

fn carriers() -> Vec<Carrier> {
    vec![Carrier::Cookie("sid".to_owned()), Carrier::Bearer, Carrier::Cookie("session.id".to_owned())]
}

fn fields(name: header::HeaderName, lines: &[&str]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in lines {
        fields.append(name.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    fields
}

/// What the first carrier has.
fn sid(lines: &[&str]) -> Result<Option<String>, InDoubt> {
    let values = of_request(&carriers(), &fields(header::COOKIE, lines))?;
    Ok(values.first().unwrap().as_ref().map(|value| String::from_utf8(value.to_vec()).unwrap()))
}

#[test]
fn one_cookie_is_found_among_others() {
    for lines in [
        &["sid=a1"][..],
        &["x=1; sid=a1; y=2"],
        &["x=1;sid=a1"],
        &["x=1", "sid=a1"],
        &["  sid = a1 "],
        &["sid=\"a1\""],
        &["sid=%61%31"],
        &["sid=%2561%2531"],
        &["xsid=b; sid=a1; sidx=c; x=sid"],
        &["x=\"y\"; sid=a1"],
    ] {
        // A space before `=` makes two words of it for some, so that nobody knows.
        let wanted = if lines[0].contains("sid =") { Err(InDoubt) } else { Ok(Some("a1".to_owned())) };
        assert_eq!(sid(lines), wanted, "{lines:?}");
    }
    for lines in [&[][..], &["x=1"], &["sid="], &["sid=\"\""], &["sid"], &["x=sid"], &["x=1:sid=2"]] {
        assert_eq!(sid(lines), Ok(None), "{lines:?}");
    }
}

#[test]
fn a_cookie_that_some_server_finds_twice_is_in_doubt() {
    for lines in [
        &["sid=a; sid=b"][..],
        &["sid=a; sid=a"],
        &["sid=a", "sid=b"],
        &["sid=; sid=b"],
        &["sid=a; SID=b"],
        &["sid=a, sid=b"],
        &["x=1,sid=b; sid=a"],
        &["sid=a sid=b"],
        &["x=\"1; sid=b\"; sid=a"],
        &["x=\"1, sid=b\""],
        &["sid=a; s%69d=b"],
        &["sid=a; sid[]=b"],
        &["sid[x]=b"],
        &["sid=a;\tsid=b"],
        &["session.id=a; session_id=b"],
        &["sid=\"a; x=b\""],
        &["sid=a\"b"],
        &["sid =,sid=a"],
    ] {
        assert_eq!(sid(lines), Err(InDoubt), "{lines:?}");
    }
    let long = format!("x={}", "y".repeat(MAX_COOKIE_BYTES));
    assert_eq!(sid(&[&long]), Err(InDoubt));
}

#[test]
fn bearers() {
    let of = |lines: &[&str]| {
        let values = of_request(&carriers(), &fields(header::AUTHORIZATION, lines))?;
        Ok(values[1].as_ref().map(|value| String::from_utf8(value.to_vec()).unwrap()))
    };
    assert_eq!(of(&["Bearer a.b-c"]), Ok(Some("a.b-c".to_owned())));
    assert_eq!(of(&["bearer   a=="]), Ok(Some("a==".to_owned())));
    for line in ["Basic YTpi", "Bearer", "Bearer ", "Bearerx"] {
        assert_eq!(of(&[line]), Ok(None), "{line}");
    }
    for lines in [&["Bearer a", "Bearer b"][..], &["Bearer a, Bearer b"], &["Bearer a b"], &["Bearer \"a\""]]
    {
        assert_eq!(of(lines), Err(InDoubt), "{lines:?}");
    }
}

#[test]
fn what_an_answer_does_to_a_session() {
    let of = |lines: &[&str]| {
        let all = of_answer(&carriers(), &fields(header::SET_COOKIE, lines));
        match all.into_iter().next().unwrap() {
            None => "stays".to_owned(),
            Some(Change::Ended) => "ended".to_owned(),
            Some(Change::Unclear) => "unclear".to_owned(),
            Some(Change::Renewed(value)) => String::from_utf8(value.to_vec()).unwrap(),
        }
    };
    for (lines, wanted) in [
        (&[][..], "stays"),
        (&["other=1"], "stays"),
        (&["sidx=1"], "stays"),
        (&["sid=a; Path=/; HttpOnly"], "a"),
        (&["sid=a", "sid=a; Path=/x"], "a"),
        (&["sid=a", "sid=b; Path=/x"], "unclear"),
        (&["sid=; Path=/old", "sid=b"], "b"),
        (&["sid="], "ended"),
        (&["sid=deleted; Expires=Thu, 01 Jan 1970 00:00:01 GMT"], "ended"),
        (&["sid=a; Max-Age=0"], "ended"),
        (&["sid=a; max-age = -1"], "ended"),
        (&["sid=a; Max-Age=60"], "a"),
        (&["sid=a; Max-Age="], "a"),
        (&["sid=a; x=0"], "a"),
    ] {
        assert_eq!(of(lines), wanted, "{lines:?}");
    }
}

/// A server of the simplest kind, and one that ends a cookie at commas and spaces, too, and takes names in any case.
fn as_read_by(line: &str, careless: bool) -> Vec<String> {
    let pairs: Vec<&str> =
        if careless { line.split([';', ',', ' ', '\t']).collect() } else { line.split(';').collect() };
    let found = pairs.iter().filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let same = if careless { name.eq_ignore_ascii_case("sid") } else { name == "sid" };
        same.then(|| value.to_owned())
    });
    found.collect()
}

proptest! {
    /// Where a session is found, no server of either kind finds a second one.
    #[test]
    fn nobody_reads_another_session(line in "([sS]id|sid|x)?[=;, \"a-c%]{0,4}(sid|SID|y)?[=;, a-c]{0,4}(; )?(sid=[a-c]{1,3})?") {
        let Ok(value) = HeaderValue::from_str(&line) else { return Ok(()) };
        let read = of_request(&carriers(), &HeaderMap::from_iter([(header::COOKIE, value)]));
        if let Ok(values) = read {
            let (simple, careless) = (as_read_by(&line, false), as_read_by(&line, true));
            prop_assert!(simple.len() <= 1 && careless.len() <= 1, "{:?} {:?}", simple, careless);
            if let Some(value) = &values[0] {
                let value = String::from_utf8_lossy(value).into_owned();
                let said = simple[0].trim().trim_matches('"').to_owned();
                prop_assert!(value == said || said.contains('%'), "{} {}", value, said);
            }
        }
    }

    #[test]
    fn any_bytes_are_read(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let mut fields = HeaderMap::new();
        for line in &lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                for name in [header::COOKIE, header::SET_COOKIE, header::AUTHORIZATION] {
                    fields.append(name, value.clone());
                }
            }
        }
        let _ = of_request(&carriers(), &fields);
        prop_assert_eq!(of_answer(&carriers(), &fields).len(), 3);
    }

    /// However a value is encoded, it is the same session.
    #[test]
    fn spellings_of_a_value_are_one_session(value in "[A-Za-z0-9_-]{1,20}", rounds in 0_usize..3, which in any::<u64>()) {
        let mut spelled = value.clone();
        for round in 0..rounds {
            let encode = |(at, c): (usize, char)| {
                if c == '%' || which >> ((at + round) % 64) & 1 == 1 { format!("%{:02x}", c as u32) } else { c.to_string() }
            };
            spelled = spelled.chars().enumerate().map(encode).collect();
        }
        prop_assert_eq!(sid(&[&format!("sid={spelled}")]), Ok(Some(value)));
    }
}
