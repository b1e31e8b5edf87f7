use proptest::prelude::*;

use super::*;

fn patterns() -> Vec<Pattern> {
    ["/t/{tenant}/**", "/api/*/schools/{tenant}", "/学校/{tenant}/**"]
        .iter()
        .map(|text| Pattern::parse(text).unwrap())
        .collect()
}

fn tenants(path: &str) -> Option<Vec<String>> {
    match read(&patterns(), path) {
        Said::Tenants(tenants) => Some(tenants.into_iter().collect()),
        Said::Anything => None,
    }
}

#[test]
fn patterns_name_one_tenant() {
    for (text, fault) in [
        ("", PatternError::Form),
        ("t/{tenant}", PatternError::Form),
        ("/t/%41/{tenant}", PatternError::Form),
        ("/t?x/{tenant}", PatternError::Form),
        ("/t/**", PatternError::Tenant),
        ("/t/{tenant}/{tenant}", PatternError::Tenant),
        ("/t/a{tenant}", PatternError::Tenant),
        ("/t/{school}/{tenant}", PatternError::Tenant),
        ("/t//{tenant}", PatternError::Segment),
        ("/t/**/{tenant}", PatternError::Segment),
        ("/../{tenant}", PatternError::Segment),
        ("/**", PatternError::Segment),
    ] {
        assert_eq!(Pattern::parse(text).map(drop), Err(fault), "{text}");
    }
    for text in ["/{tenant}", "/{tenant}/**", "/a/*/{tenant}/b"] {
        assert!(Pattern::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn tenants_of_paths() {
    for (path, wanted) in [
        ("/", &[][..]),
        ("/t", &[]),
        ("/t/", &[]),
        ("/x/a/page", &[]),
        ("/t/a", &["a"]),
        ("/t/a/", &["a"]),
        ("/t/a/page/1", &["a"]),
        ("/t/%E5%AD%A6/page", &["学"]),
        ("/%E5%AD%A6%E6%A0%A1/a", &["a"]),
        ("/%74/a", &["a"]),
        ("/api/v1/schools/a", &["a"]),
        ("/api/v1/schools/a/x", &[]),
        // What some servers take for `/t/a`.
        ("/T/a", &["a"]),
        ("//t//a", &["a"]),
        ("/t;x/a", &["a"]),
        ("/t./a", &["a"]),
        ("/;x/t/a", &["a"]),
        ("/ /t/a", &["a"]),
        ("/;jsessionid=1", &[]),
        ("/ｔ/a", &["a"]),
        ("/t%2fa", &["a"]),
        ("/t%252fa/x", &["a"]),
        // And what they take for one of two.
        ("/t/a;b/x", &["a", "a;b"]),
        ("/t/a./x", &["a", "a."]),
        ("/t/a%20/x", &["a", "a "]),
        ("/t/a%3fb", &["a", "a?b"]),
        ("/t/a%2561", &["a%61", "aa"]),
        // Elsewhere such things harm nobody.
        ("/search/100%25", &[]),
        ("/files/a%2Fb", &[]),
        ("/t/a/100%25", &["a"]),
        ("/t/a/%zz", &["a"]),
        ("/t/a/資料１．２…", &["a"]),
    ] {
        assert_eq!(
            tenants(path).as_deref(),
            Some(&wanted.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..]),
            "{path}"
        );
    }
    for path in [
        "/t/a/../b",
        "/t/a/%2e%2e/b",
        "/t/a/..%2fb",
        "/t/a/%252e%252e%252fb",
        "/t/a/..;x/b",
        "/t/./a",
        "/t\\a",
        "/t%5ca",
        "/t/a%00b",
        "/t/%ff",
        "/t／a",
        "/t/a%EF%BC%8Fb",
        "/t/a/‥/b",
        "/t/a/．．/b",
        "/%25252525252541",
    ] {
        assert_eq!(tenants(path), None, "{path}");
    }
    assert_eq!(tenants(&format!("/t/{}", "a".repeat(edge::MAX_PATH))), None);
    // Without patterns there is nothing to doubt.
    assert_eq!(read(&[], "/.."), Said::Tenants(BTreeSet::new()));
}

proptest! {
    #[test]
    fn any_text_is_read(path in "\\PC{0,40}") {
        let _ = read(&patterns(), &path);
    }

    /// However the prefix and the name are encoded once, the tenant is found, alone.
    #[test]
    fn one_encoding_changes_nothing(name in "[a-z0-9-]{1,12}", which in any::<u64>()) {
        let plain = format!("t/{name}/page");
        let encode = |(at, c): (usize, char)| {
            if c != '/' && which >> (at % 64) & 1 == 1 { format!("%{:02X}", c as u32) } else { c.to_string() }
        };
        let path: String = plain.chars().enumerate().map(encode).collect();
        prop_assert_eq!(tenants(&format!("/{path}")), Some(vec![name]));
    }

    /// What a path of another tenant is turned into so that the guard overlooks it, it is either seen or in doubt.
    #[test]
    fn another_tenant_is_never_overlooked(before in "(/|/%2f|//|/;x/|/T/\\.\\./)", middle in "(/|%2f|%252f|//|;y/|\\./|%5c)") {
        let path = format!("{before}t{middle}b/page");
        if let Some(tenants) = tenants(&path) {
            prop_assert!(tenants.iter().any(|tenant| tenant == "b"), "{}", path);
        }
    }
}
