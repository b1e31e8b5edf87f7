//! `kind: System`: what must agree inside one system.

use super::*;

#[test]
fn personal_data_is_never_plain() {
    assert_eq!(
        system_problems("category: identifier", "category: name"),
        [
            "s.yaml:25:23: spec.recordTypes[0].fields[1].protection: a field of category `name` is stored plain; \
             write `encrypted`; only category `identifier` may be plain"
        ]
    );
}

#[test]
fn a_mask_fits_the_kind() {
    assert_eq!(
        system_problems("kind: mail\n", "kind: mail\n          mask: name\n"),
        [
            "s.yaml:21:17: spec.recordTypes[0].fields[0].mask: mask `name` does not fit a field of kind `mail`; \
             write `all`, `none` or `mail`"
        ]
    );
    assert_eq!(
        system_problems("kind: text\n", "kind: text\n          mask: phone\n"),
        [
            "s.yaml:27:17: spec.recordTypes[0].fields[1].mask: mask `phone` does not fit a field of kind `text`; \
             write `all` or `none`"
        ]
    );
}

#[test]
fn an_unstated_mask_hides_everything() {
    let set = parse(&[("s.yaml", SYSTEM)]).unwrap();
    assert_eq!(set.system("shop").unwrap().field("customer", "email").unwrap().mask.as_str(), "all");
}

#[test]
fn the_contact_field_is_a_mail_field() {
    assert_eq!(
        system_problems("contactField: email", "contactField: emial"),
        [
            "s.yaml:14:21: spec.recordTypes[0].contactField: `customer` has no field `emial`; did you mean `email`?"
        ]
    );
    assert_eq!(
        system_problems("contactField: email", "contactField: number"),
        ["s.yaml:14:21: spec.recordTypes[0].contactField: field `number` is of kind `text`, not `mail`; \
             name a field of kind `mail`"]
    );
}

#[test]
fn names_are_declared_once() {
    assert_eq!(
        system_problems("- name: number", "- name: email"),
        [
            "s.yaml:22:17: spec.recordTypes[0].fields[1].name: field `email` is declared twice, first at line 16; \
             rename or remove one of them"
        ]
    );
    assert_eq!(
        system_problems("name: top, pattern: /,", "name: account, pattern: /account/**,"),
        [
            "s.yaml:30:15: spec.routes[1].name: route `account` is declared twice, first at line 29; \
             rename or remove one of them",
            "s.yaml:30:33: spec.routes[1].pattern: pattern `/account/**` is declared twice, first at line 29; \
             rename or remove one of them",
        ]
    );
}

#[test]
fn what_routes_show_is_declared_and_personal() {
    assert_eq!(
        system_problems("pattern: /account/**, personal: true", "pattern: /account/**, personal: false"),
        [
            "s.yaml:29:56: spec.routes[0].personal: route `account` shows personal data, but is declared public; \
             write `personal: true` or remove `shows`"
        ]
    );
    assert_eq!(
        system_problems("recordType: customer", "recordType: custmer"),
        [
            "s.yaml:29:84: spec.routes[0].shows[0].recordType: there is no record type `custmer`; did you mean `customer`?"
        ]
    );
    assert_eq!(
        system_problems("recordType: customer", "recordType: customer, fields: [address]"),
        ["s.yaml:29:103: spec.routes[0].shows[0].fields[0]: `customer` has no field `address`; \
             write `email` or `number`"]
    );
}

#[test]
fn patterns_are_plain_paths() {
    for (pattern, fault) in [
        ("account", "does not begin with `/`"),
        ("/a/**/b", "has `**` before its last segment"),
        ("/a*", "has `*` inside a segment"),
        ("/a?b", "is not a plain path: it contains a query, a fragment or a space"),
        ("/a/../b", "contains `//`, `..`, `;`, a backslash or a percent-encoded separator"),
    ] {
        assert_eq!(
            system_problems("pattern: /account/**", &format!("pattern: {pattern}")),
            [format!(
                "s.yaml:29:33: spec.routes[0].pattern: `{pattern}` {fault}; \
                 write it like `/mypage/**`, `/schools/*/guide` or `/`"
            )]
        );
    }
}

#[test]
fn zones_and_periods_are_checked() {
    assert_eq!(
        system_problems("Asia/Tokyo", "Japan/Tokyo"),
        ["s.yaml:7:13: spec.timeZone: `Japan/Tokyo` is not an IANA time zone; write it like `Asia/Tokyo`"]
    );
    for (period, fault) in [
        ("1 year", "is not an ISO 8601 duration"),
        ("P0D", "is not longer than zero"),
        ("-P1Y", "is not an ISO 8601 duration"),
        ("P1y", "is not an ISO 8601 duration"),
    ] {
        assert_eq!(
            system_problems("retention: P1Y", &format!("retention: {period}")),
            [format!(
                "s.yaml:21:22: spec.recordTypes[0].fields[0].retention: `{period}` {fault}; \
                 write it like `P5Y`, `P90D` or `PT30M`"
            )]
        );
    }
}
