//! `kind: Requirement`: words, figures, mechanisms, and agreement with the system.

use super::*;

const CACHE: &str = "enforcement: { mode: enforce, mechanism: cache, params: { rule: no_store } }";

#[test]
fn a_wrong_word_suggests_the_nearest_one() {
    assert_eq!(
        requirement_problems("rule: no_store", "rule: nostore"),
        [
            "r.yaml:11:67: spec.enforcement.params.rule: `nostore` is not a caching rule; did you mean `no_store`?"
        ]
    );
    assert_eq!(
        requirement_problems("mode: enforce", "mode: strict"),
        [
            "r.yaml:11:24: spec.enforcement.mode: `strict` is not a mode; write one of `observe`, `audit`, `enforce`"
        ]
    );
}

#[test]
fn a_requirement_is_enforced_or_verified() {
    assert_eq!(
        requirement_problems(CACHE, "owner: operations"),
        ["r.yaml:5:3: spec: neither `enforcement` nor `verification` is stated; \
             add `enforcement`, or `verification: test`, `inspection` or `document`"]
    );
    assert_eq!(
        requirement_problems(CACHE, &format!("verification: test\n  {CACHE}")),
        ["r.yaml:11:17: spec.verification: `verification` is stated beside `enforcement`; \
             remove one: what is enforced is verified by its mechanism"]
    );
    parse(&[("r.yaml", &with(REQUIREMENT, CACHE, "verification: inspection")), ("s.yaml", SYSTEM)]).unwrap();
}

#[test]
fn parameters_belong_to_their_mechanism() {
    assert_eq!(
        requirement_problems("mechanism: cache", "mechanism: admission"),
        [
            "r.yaml:11:63: spec.enforcement.params: `concurrency` is missing; add `concurrency`",
            "r.yaml:11:63: spec.enforcement.params: `rate` is missing; add `rate`",
            "r.yaml:11:65: spec.enforcement.params.rule: unknown field `rule`; \
             remove it; known here: rate, concurrency, newcomersPerMinute, reserve, order, channels, tenants, open, \
             apiClients, waitingRoom",
        ]
    );
    assert_eq!(
        requirement_problems("rule: no_store", "rule: no_store, maxAge: 60"),
        [
            "r.yaml:11:85: spec.enforcement.params.maxAge: `maxAge` has no meaning with rule `no_store`; remove it"
        ]
    );
}

#[test]
fn a_public_rule_never_covers_personal_routes() {
    let public = "rule: public, maxAge: 60";
    assert_eq!(
        requirement_problems("rule: no_store", public),
        [
            "r.yaml:7:11: spec.target: rule `public` would let caches store the personal pages of `routes:personal`; \
             name a public route, or write rule `no_store`"
        ]
    );
    let text = with(&with(REQUIREMENT, "rule: no_store", public), "routes:personal", "route:account");
    assert_eq!(
        problems(&[("r.yaml", &text), ("s.yaml", SYSTEM)]),
        [
            "r.yaml:7:11: spec.target: rule `public` would let caches store the personal route `account`; write rule `no_store`"
        ]
    );
    let text = with(&text, "route:account", "route:top");
    parse(&[("r.yaml", &text), ("s.yaml", SYSTEM)]).unwrap();
}

#[test]
fn targets_exist_in_the_system() {
    let verified = with(REQUIREMENT, CACHE, "verification: test");
    for (target, problem) in [
        ("route:acount", "the system declares no route `acount`; did you mean `account`?"),
        ("record:applicant", "the system declares no record type `applicant`; write `customer`"),
        ("field:customer.mail", "record type `customer` has no field `mail`; did you mean `email`?"),
        (
            "pages",
            "`pages` is not a target; write `system`, `route:NAME`, `routes:personal`, `record:TYPE`, \
             `field:TYPE.FIELD` or `operation:NAME`",
        ),
    ] {
        let text = with(&verified, "routes:personal", target);
        assert_eq!(
            problems(&[("r.yaml", &text), ("s.yaml", SYSTEM)]),
            [format!("r.yaml:7:11: spec.target: {problem}")]
        );
    }
    assert_eq!(
        requirement_problems("routes:personal", "record:customer"),
        ["r.yaml:7:11: spec.target: mechanism `cache` cannot keep `record:customer`; \
             write `route:NAME`, `routes:personal` or `system`"]
    );
}

#[test]
fn mechanisms_agree_with_the_system() {
    let base = with(REQUIREMENT, "routes:personal", "system");
    let check = |params: &str| {
        problems(&[("r.yaml", &with(&base, CACHE, &format!("enforcement: {params}"))), ("s.yaml", SYSTEM)])
    };
    assert_eq!(
        check(
            "{ mode: audit, mechanism: encryption, params: { fields: [customer.number, customer.adress] } }"
        ),
        [
            "r.yaml:11:73: spec.enforcement.params.fields[0]: field `customer.number` is declared `plain`; \
             write `protection: encrypted` in the system",
            "r.yaml:11:90: spec.enforcement.params.fields[1]: record type `customer` has no field `adress`; \
             write `email` or `number`",
        ]
    );
    assert_eq!(
        check(
            "{ mode: audit, mechanism: access, \
             params: { roles: [tenant_staff], actions: [read], objects: [customer.emial, booking] } }"
        ),
        ["r.yaml:11:110: spec.enforcement.params.objects[0]: record type `customer` has no field `emial`; \
             did you mean `email`?"]
    );
    assert_eq!(
        check(
            "{ mode: audit, mechanism: admission, \
             params: { rate: 5, concurrency: 9, reserve: { call_centre: 0.2 } } }"
        ),
        [
            "r.yaml:11:112: spec.enforcement.params.reserve.call_centre: the system has no channel `call_centre`; \
             write `web`"
        ]
    );
}

#[test]
fn admission_figures_are_in_range() {
    let text = with(REQUIREMENT, "routes:personal", "system");
    let params = "{ rate: 0, concurrency: 0.5, reserve: { web: 0.6, phone: 0.1, api: 0.6 } }";
    let text = with(
        &text,
        CACHE,
        &format!("enforcement: {{ mode: audit, mechanism: admission, params: {params} }}"),
    );
    assert_eq!(
        problems(&[("r.yaml", &text), ("s.yaml", SYSTEM)]),
        [
            "r.yaml:11:69: spec.enforcement.params.rate: the number is not above 0; correct the value",
            "r.yaml:11:85: spec.enforcement.params.concurrency: \
             the number is not a whole number from 1 to 4000000; correct the value",
            "r.yaml:11:99: spec.enforcement.params.reserve: `phone` is not a channel; \
             write one of `web`, `call_centre`, `api`, `mobile`",
            "r.yaml:11:99: spec.enforcement.params.reserve: \
             the reserved shares leave nothing for the others; let their sum be below 1",
        ]
    );
}

#[test]
fn thresholds_fit_their_comparison() {
    for (threshold, column, problem) in [
        ("{ op: in, value: 1, unit: s }", 31, "`in` needs a list; write `[a, b]`"),
        ("{ op: eq, value: [1, 2], unit: s }", 31, "only `in` takes a list; write one value, or `op: in`"),
        (
            "{ op: lte, value: fast, unit: s }",
            32,
            "this comparison needs a number; write a number, or `op: eq`",
        ),
    ] {
        let text = format!("r.yaml:9:{column}: spec.threshold.value: {problem}");
        assert_eq!(requirement_problems("{ op: eq, value: 0, unit: responses }", threshold), [text]);
    }
}

#[test]
fn references_to_catalogues_have_their_shape() {
    for (reference, problem) in [
        ("B.4.3.1", "is not of the form `scheme@version:id`; write it like `ipa-nfrg@2018:B.4.3.1`"),
        ("ipa-nfr@2018:B.4.3.1", "names the unknown catalogue `ipa-nfr`; did you mean `ipa-nfrg`?"),
        (
            "ipa-nfrg@2018:B.4.3",
            "has a version or an id that `ipa-nfrg` does not have; write it like `ipa-nfrg@2018:B.4.3.1`",
        ),
        (
            "asvs@5.0:14.3.2",
            "has a version or an id that `asvs` does not have; write it like `asvs@5.0.0:14.3.2`",
        ),
        (
            "nist-pf@1.0:CT-DM",
            "has a version or an id that `nist-pf` does not have; write it like `nist-pf@1.0:CT.DM-P5`",
        ),
    ] {
        let catalogue = format!("obligation: MUST\n  catalogue: [{{ ref: \"{reference}\" }}]");
        assert_eq!(
            requirement_problems("obligation: MUST", &catalogue),
            [format!("r.yaml:11:22: spec.catalogue[0].ref: `{reference}` {problem}")]
        );
    }
    for reference in [
        "ipa-nfrg@2018:E.10.1.1",
        "owasp-secreq-ja@4.0:7.9.1",
        "asvs@5.0.0:14.3.2",
        "iso25010@2023:performance-efficiency/capacity",
        "iso25010@2023:safety",
        "nist-pf@1.0:CT.DM-P5",
    ] {
        let text = format!("obligation: MUST\n  catalogue: [{{ ref: \"{reference}\", level: 1 }}]");
        parse(&[("r.yaml", &with(REQUIREMENT, "obligation: MUST", &text)), ("s.yaml", SYSTEM)]).unwrap();
    }
}

#[test]
fn an_instant_needs_an_offset() {
    assert_eq!(
        requirement_problems("obligation: MUST", "obligation: MUST\n  inForceFrom: 2023-10-27T09:00:00"),
        ["r.yaml:11:16: spec.inForceFrom: `2023-10-27T09:00:00` is not an instant with an offset; \
             write it like `2023-10-27T09:00:00+09:00`"]
    );
}
