use super::*;

fn of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs =
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let mut fields = HeaderMap::new();
    pairs.for_each(|(name, value)| {
        fields.append(name, value);
    });
    fields
}

const PAGE: Plan = Plan::Page { gzip: false, whole_only: false };

fn planned(pairs: &[(&'static str, &'static str)]) -> Plan {
    plan(&Method::GET, Wanted::Page, StatusCode::OK, &of(pairs), false)
}

#[test]
fn by_type_and_coding() {
    let html = ("content-type", "text/html");
    for (pairs, wanted) in [
        (&[html][..], PAGE),
        (&[("content-type", "Text/HTML; Charset=\"Shift_JIS\"")], PAGE),
        (&[("content-type", "text/html;charset=euc-jp")], PAGE),
        (&[("content-type", "text/html; charset=no-such")], PAGE),
        (&[("content-type", "text/html; charset=iso-2022-jp")], Plan::Blind(Blindness::Encoding)),
        (&[("content-type", "text/html; charset=utf-16le")], Plan::Blind(Blindness::Encoding)),
        (&[("content-type", "text/html; charset=utf-16")], Plan::Blind(Blindness::Encoding)),
        // The encoding that shows nothing.
        (&[("content-type", "text/html; charset=iso-2022-kr")], Plan::Blind(Blindness::Encoding)),
        (&[("content-type", "text/html; charset=utf-7")], Plan::Blind(Blindness::Encoding)),
        (&[("content-type", "application/json")], Plan::Header),
        (&[("content-type", "text/htmlx")], Plan::Header),
        (&[("content-type", "application/xhtml+xml")], Plan::Blind(Blindness::Type)),
        (&[html, html], Plan::Blind(Blindness::Type)),
        (&[("content-type", "")], Plan::Blind(Blindness::Type)),
        (&[], Plan::Blind(Blindness::Type)),
        (&[("x-content-type-options", "nosniff")], Plan::Header),
        (&[html, ("content-encoding", "gzip")], Plan::Page { gzip: true, whole_only: false }),
        (&[html, ("content-encoding", "X-GZIP, identity")], Plan::Page { gzip: true, whole_only: false }),
        (&[html, ("content-encoding", "identity")], PAGE),
        (&[html, ("content-encoding", "")], PAGE),
        (&[html, ("content-encoding", "br")], Plan::Blind(Blindness::Coding)),
        (&[html, ("content-encoding", "gzip, gzip")], Plan::Blind(Blindness::Coding)),
        (&[html, ("content-encoding", "gzip"), ("content-encoding", "br")], Plan::Blind(Blindness::Coding)),
        (&[html, ("content-disposition", "attachment; filename=a.html")], Plan::Header),
        (&[html, ("content-disposition", "inline")], PAGE),
    ] {
        assert_eq!(planned(pairs), wanted, "{pairs:?}");
    }
}

#[test]
fn by_method_status_and_purpose() {
    let html = of(&[("content-type", "text/html"), ("content-length", "5")]);
    let plan = |method, wanted, status: u16, bodiless| {
        plan(&method, wanted, StatusCode::from_u16(status).unwrap(), &html, bodiless)
    };
    use Wanted::{Page, Part, Script};
    for status in [200, 201, 403, 404, 500, 503] {
        assert_eq!(plan(Method::GET, Page, status, false), PAGE, "{status}");
    }
    assert_eq!(plan(Method::POST, Page, 200, false), PAGE);
    for status in [101, 103, 301, 302, 303, 304, 307] {
        assert_eq!(plan(Method::GET, Page, status, false), Plan::Leave, "{status}");
    }
    assert_eq!(plan(Method::GET, Page, 204, true), Plan::Header);
    assert_eq!(plan(Method::GET, Page, 200, true), Plan::Header, "an empty page");
    assert_eq!(plan(Method::GET, Page, 206, false), Plan::Blind(Blindness::Partial));
    assert_eq!(plan(Method::GET, Script, 206, false), Plan::Header);
    assert_eq!(plan(Method::GET, Script, 200, false), Plan::Page { gzip: false, whole_only: true });
    assert_eq!(plan(Method::GET, Part, 200, false), Plan::Header);
    assert_eq!(plan(Method::HEAD, Page, 200, true), Plan::OnlyFields);
    assert_eq!(plan(Method::HEAD, Page, 206, true), Plan::Leave);
    assert_eq!(plan(Method::HEAD, Part, 200, true), Plan::Leave);
}

#[test]
fn purposes() {
    for (pairs, purpose) in [
        (&[][..], Wanted::Page),
        (&[("sec-fetch-dest", "document")], Wanted::Page),
        (&[("sec-fetch-dest", "iframe")], Wanted::Page),
        (&[("sec-fetch-dest", "empty")], Wanted::Script),
        (&[("sec-fetch-dest", "image")], Wanted::Part),
        (&[("x-requested-with", "XMLHttpRequest")], Wanted::Script),
    ] {
        assert_eq!(wanted(&of(pairs)), purpose, "{pairs:?}");
    }
}

#[test]
fn codings_that_are_asked_for() {
    let html = ("accept", "text/html,*/*;q=0.8");
    let asked = |pairs: &[(&'static str, &'static str)]| {
        let mut fields = of(pairs);
        limit_codings(&mut fields);
        let said: Vec<_> = fields
            .get_all("accept-encoding")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        said.join("|")
    };
    assert_eq!(asked(&[html, ("accept-encoding", "gzip, deflate, br, zstd")]), "gzip");
    assert_eq!(asked(&[html, ("accept-encoding", "br"), ("accept-encoding", "X-Gzip;q=0.5")]), "gzip");
    for refused in ["br, deflate", "gzip;q=0", "gzip; q=0.000, *", ""] {
        assert_eq!(asked(&[html, ("accept-encoding", refused)]), "identity");
    }
    assert_eq!(asked(&[html]), "identity");
    assert_eq!(asked(&[("sec-fetch-dest", "iframe"), ("accept-encoding", "br, gzip")]), "gzip");
    // Never a page.
    assert_eq!(asked(&[("accept", "image/*"), ("accept-encoding", "br")]), "br");
    assert_eq!(asked(&[("sec-fetch-dest", "empty"), ("accept", "*/*"), ("accept-encoding", "br")]), "br");
}

#[test]
fn nothing_is_said_about_bytes_that_changed() {
    let mut fields = of(&[
        ("content-length", "5"),
        ("content-md5", "a"),
        ("digest", "sha-256=a"),
        ("repr-digest", "sha-256=:a:"),
        ("content-digest", "sha-256=:a:"),
        ("accept-ranges", "bytes"),
        ("etag", "\"1\""),
        ("content-encoding", "gzip"),
        ("content-type", "text/html"),
    ]);
    change_fields(&mut fields, false);
    let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["content-encoding", "content-type", "etag"]);
    assert_eq!(fields["etag"], "W/\"1\"");
    change_fields(&mut fields, true);
    assert_eq!(fields["etag"], "W/\"1\"");
    assert!(!fields.contains_key("content-encoding"));
}
